// SPDX-License-Identifier: MIT OR Apache-2.0
//! s390x's second decoder: objdump's text, of which the first operand is mostly what is written.

use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};

pub const SECOND: Second = Second {
    machine: "s390x",
    objdump: "s390x-linux-gnu-objdump",
    options: &[],
    mode: 0,
    writes: Writes::Text(writes),
    leaves,
    addresses: &[
        "larl", "lgrl", "lgfrl", "llgfrl", "lrl", "lghrl", "lhrl", "llghrl", "llhrl", "stgrl",
        "strl", "sthrl", "exrl", "pfdrl", "cgrl", "clgrl", "crl", "clrl", "cgfrl", "clgfrl",
        "chrl", "cghrl", "clhrl", "clghrl",
    ],
    excuses: &[Excuse {
        kind: Kind::Write,
        begins: &["xg %r"],
        register: None,
        why: "a pointer xored with the thread's secret counts as that pointer",
    }],
};

/// What instructions that only read their first operand begin with, and those
/// that begin so and write it.
const READING: [&str; 9] = ["st", "c", "j", "tm", "pfd", "tb", "b", "ex", "ppa"];
const WRITING: [&str; 14] = [
    "cs", "cfe", "cfd", "cfx", "cge", "cgd", "cgx", "clfe", "clfd", "clge", "clgd", "clcl", "brx",
    "cvb",
];
/// Instructions that write two registers in a row.
const PAIRS: [&str; 11] = [
    "mlgr", "mlg", "dlgr", "dlg", "dsgr", "dsg", "dsgfr", "dr", "mr", "flogr", "lpq",
];

fn number(name: &str) -> Option<Reg> {
    let digits = name.strip_prefix("%r")?;
    digits.parse().ok().filter(|number| *number < 16)
}

fn writes(line: &Line) -> Vec<Reg> {
    let mnemonic = line.mnemonic.as_str();
    let mut registers = line.operands().map(number);
    let first = registers.next().flatten();
    let second = registers.next().flatten();
    let Some(first) = first else {
        return if mnemonic == "stfle" {
            vec![0]
        } else {
            Vec::new()
        };
    };
    match mnemonic {
        "lmg" | "lm" | "lmy" => {
            let count = (second.unwrap_or(first).wrapping_sub(first) & 15) + 1;
            (0..count).map(|step| (first + step) & 15).collect()
        }
        "mvst" | "srst" | "clst" => [Some(first), second].into_iter().flatten().collect(),
        // Counts down before it branches.
        "brct" | "brctg" | "bct" | "bctg" | "bras" | "balr" => vec![first],
        _ if PAIRS.contains(&mnemonic) => vec![first, (first + 1) & 15],
        _ if WRITING.iter().any(|begin| mnemonic.starts_with(begin)) => vec![first],
        _ if READING.iter().any(|begin| mnemonic.starts_with(begin)) => Vec::new(),
        _ => vec![first],
    }
}

fn leaves(line: &Line) -> Option<Leave> {
    let mnemonic = line.mnemonic.as_str();
    let last = line.operands().last().unwrap_or_default();
    let always = ["br", "b"].contains(&mnemonic);
    match (mnemonic, number(last)) {
        ("svc", _) => Some(Leave::Syscall),
        ("basr" | "balr" | "bassm", Some(0)) => None,
        ("basr" | "balr" | "bassm", _) if line.operands.starts_with("%r14") => Some(Leave::Call),
        ("basr" | "balr" | "bassm" | "bsm", _) => Some(Leave::Jump),
        ("bras" | "brasl" | "brct" | "brctg" | "nopr" | "nop", _) => None,
        _ if !mnemonic.starts_with('b') || mnemonic.starts_with("brx") => None,
        (_, Some(0)) => None,
        (_, Some(14)) => Some(Leave::Return),
        _ if always => Some(Leave::Jump),
        _ => Some(Leave::Call),
    }
}
