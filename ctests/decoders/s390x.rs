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
    many: 50_000,
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
const READING: [&str; 16] = [
    "st", "c", "j", "tm", "pfd", "tb", "b", "ex", "ppa", "nop", "sfpc", "sfasr", "spm", "k", "tc",
    "td",
];
const WRITING: [&str; 21] = [
    "cs", "cfe", "cfd", "cfx", "cge", "cgd", "cgx", "clfe", "clfd", "clfx", "clge", "clgd", "clgx",
    "cud", "cux", "bas", "bras", "brct", "bct", "brx", "bx",
];
/// The same with a floating-point register: numbers and decimals made from others.
const CONVERTING: [&str; 15] = [
    "cef", "ceg", "cel", "cdf", "cdg", "cdl", "cds", "cdu", "cdz", "cdp", "cxf", "cxg", "cxl",
    "cxs", "cxu",
];
/// Vector instructions that only read their first operand.
const READING_VECTORS: [&str; 7] = ["vst", "vtm", "vec", "vl1", "vfk", "vtp", "wfc"];
/// Instructions that write two registers in a row.
const PAIRS: [&str; 32] = [
    "mlgr", "mlg", "mlr", "ml", "mg", "mgrk", "mr", "m", "mfy", "dlgr", "dlg", "dlr", "dl", "dsgr",
    "dsg", "dsgfr", "dsgf", "dr", "d", "flogr", "lpq", "cds", "cdsg", "cdsy", "sldl", "srdl",
    "slda", "srda", "tre", "troo", "trot", "trte",
];
/// And those that write two of these.
const BOTH_PAIRS: [&str; 8] = [
    "mvcl", "mvcle", "mvclu", "clcl", "clcle", "clclu", "cu12", "cu21",
];

/// The first of the floating-point registers, which are the upper half of vector registers.
const FLOATS: Reg = 16;

fn general(name: &str) -> Option<Reg> {
    let digits = name.strip_prefix("%r")?;
    digits.parse().ok().filter(|number| *number < 16)
}

fn floating(name: &str) -> Option<Reg> {
    let digits = name.strip_prefix("%f").or(name.strip_prefix("%v"))?;
    let number: Reg = digits.parse().ok()?;
    (number < 16).then_some(FLOATS + number)
}

fn begins(mnemonic: &str, with: &[&str]) -> bool {
    with.iter().any(|begin| mnemonic.starts_with(begin))
}

fn writes(line: &Line) -> Vec<Reg> {
    let mnemonic = line.mnemonic.as_str();
    let mut operands = line.operands();
    let name = operands.next().unwrap_or_default();
    if let Some(first) = floating(name) {
        return float_writes(line, first);
    }
    let (first, second) = (general(name), operands.next().and_then(general));
    match (mnemonic, first) {
        ("stfle", _) => vec![0],
        ("trt" | "trtr", None) => vec![1, 2],
        ("svc", _) => vec![2],
        (_, None) => Vec::new(),
        (_, Some(first)) => general_writes(mnemonic, first, second),
    }
}

fn general_writes(mnemonic: &str, first: Reg, second: Option<Reg>) -> Vec<Reg> {
    let next = |first: Reg| (first + 1) & 15;
    match mnemonic {
        "lmg" | "lm" | "lmy" | "lmd" => {
            let count = (second.unwrap_or(first).wrapping_sub(first) & 15) + 1;
            (0..count).map(|step| (first + step) & 15).collect()
        }
        "mvst" | "srst" | "srstu" | "clst" | "epsw" => {
            [Some(first), second].into_iter().flatten().collect()
        }
        "cksm" => [Some(first), second, second.map(next)]
            .into_iter()
            .flatten()
            .collect(),
        _ if BOTH_PAIRS.contains(&mnemonic) => [Some(first), second]
            .into_iter()
            .flatten()
            .flat_map(|first| [first, next(first)])
            .collect(),
        _ if PAIRS.contains(&mnemonic) => vec![first, next(first)],
        "cvb" | "cvbg" | "cvby" => vec![first],
        _ if begins(mnemonic, &WRITING) => vec![first],
        _ if begins(mnemonic, &READING) => Vec::new(),
        _ => vec![first],
    }
}

fn float_writes(line: &Line, first: Reg) -> Vec<Reg> {
    let mnemonic = line.mnemonic.as_str();
    let reads = begins(mnemonic, &READING) && !begins(mnemonic, &CONVERTING);
    if reads || begins(mnemonic, &READING_VECTORS) {
        return Vec::new();
    }
    if ["vlm", "vlmo"].contains(&mnemonic) {
        let last = line.operands().nth(1).and_then(floating);
        return (first..=last.unwrap_or(first)).collect();
    }
    // Extended numbers take two registers, which are not neighbours.
    let extended = !mnemonic.starts_with('v') && mnemonic.contains('x');
    let other = FLOATS + ((first - FLOATS + 2) & 15);
    let other = extended.then_some(other);
    [Some(first), other].into_iter().flatten().collect()
}

/// The register and displacement of an address.
fn address(operand: &str) -> Option<(&str, Reg)> {
    let (displacement, base) = operand.strip_suffix(')')?.split_once('(')?;
    Some((displacement, general(base)?))
}

/// Compares and branches to an address.
fn compares(mnemonic: &str) -> bool {
    let number = [
        "crb", "cgrb", "cib", "cgib", "clrb", "clgrb", "clib", "clgib",
    ];
    begins(mnemonic, &number)
}

fn leaves(line: &Line) -> Option<Leave> {
    let mnemonic = line.mnemonic.as_str();
    let last = line.operands().last().unwrap_or_default();
    let always = ["br", "b"].contains(&mnemonic);
    match (mnemonic, general(last)) {
        ("svc", _) => Some(Leave::Syscall),
        ("basr" | "balr" | "bassm", Some(0)) => None,
        ("basr" | "balr" | "bassm", _) if line.operands.starts_with("%r14") => Some(Leave::Call),
        ("basr" | "balr" | "bassm" | "bsm", _) => Some(Leave::Jump),
        ("bras" | "brasl" | "brct" | "brctg" | "nopr" | "nop", _) => None,
        _ if mnemonic.starts_with("brx") => None,
        _ if !mnemonic.starts_with('b') && !compares(mnemonic) => None,
        (_, Some(0)) => None,
        (_, Some(14)) => Some(Leave::Return),
        _ if address(last) == Some(("0", 14)) => Some(Leave::Return),
        _ if always => Some(Leave::Jump),
        _ => Some(Leave::Call),
    }
}
