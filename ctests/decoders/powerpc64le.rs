// SPDX-License-Identifier: MIT OR Apache-2.0
//! powerpc64le's second decoder: objdump's text, of which the first operand is mostly what is written.

use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};

pub const SECOND: Second = Second {
    machine: "powerpc64le",
    objdump: "powerpc64le-linux-gnu-objdump",
    options: &[],
    mode: 0,
    many: 50_000,
    writes: Writes::Text(writes),
    leaves,
    addresses: &["pla", "pld", "paddi", "plwz", "addpcis", "lnia"],
    excuses: &[
        Excuse {
            kind: Kind::Write,
            begins: &["addis r2,r12", "addi r2,r2", "ld r2,24(r1)"],
            register: Some(2),
            why: "sets up or brings back the table of contents, which is pinned",
        },
        Excuse {
            kind: Kind::Leave,
            begins: &["attn"],
            register: None,
            why: "illegal in programs",
        },
    ],
};

const CTR: Reg = 32;
const LR: Reg = 33;

/// What instructions that only read their first operand begin with.
const READING: [&str; 17] = [
    "st", "mt", "cmpw", "cmpd", "cmplw", "cmpld", "td", "tw", "trap", "dcb", "icb", "cmpr",
    "cmpeq", "hash", "tabort", "copy", "paste",
];

fn number(name: &str) -> Option<Reg> {
    let digits = name.strip_prefix('r')?;
    digits.parse().ok().filter(|number| *number < 32)
}

/// The base of a displacement, or the second of three registers.
fn base(line: &Line) -> Option<Reg> {
    let second = line.operands().nth(1)?;
    match second.split_once('(') {
        Some((_, base)) => number(base.trim_end_matches(')')),
        None => number(second),
    }
}

/// A register with zero put into itself.
fn idle(line: &Line) -> bool {
    let mut operands = line.operands();
    operands.next() == operands.next() && operands.next() == Some("0")
}

fn writes(line: &Line) -> Vec<Reg> {
    let mnemonic = line.mnemonic.as_str();
    let mut written = Vec::new();
    let memory = mnemonic.starts_with('l') || mnemonic.starts_with("st");
    if memory && (mnemonic.ends_with('u') || mnemonic.ends_with("ux")) {
        written.extend(base(line));
    }
    let first = line.operands().next().and_then(number);
    match mnemonic {
        // Says only how instructions are to be grouped.
        "ori" if idle(line) => {}
        "lmw" => written.extend(first.unwrap_or(31)..32),
        "lq" | "lqarx" | "plq" => written.extend(first.into_iter().flat_map(|r| [r, r + 1])),
        "mtctr" => written.push(CTR),
        "mtlr" => written.push(LR),
        _ if mnemonic.starts_with("bd") => written.push(CTR),
        _ if READING.iter().any(|begin| mnemonic.starts_with(begin)) => {}
        _ => written.extend(first),
    }
    if mnemonic.starts_with('b') && mnemonic.trim_end_matches(['+', '-', 'a']).ends_with('l') {
        written.push(LR);
    }
    written
}

fn leaves(line: &Line) -> Option<Leave> {
    let mnemonic = line.mnemonic.trim_end_matches(['+', '-']);
    match mnemonic {
        "sc" | "scv" => Some(Leave::Syscall),
        "trap" | "attn" => Some(Leave::Stop),
        "bctr" => Some(Leave::Jump),
        _ if !mnemonic.starts_with('b') => None,
        _ if mnemonic.ends_with("lrl") || mnemonic.ends_with("ctrl") => Some(Leave::Call),
        _ if mnemonic.ends_with("ctr") => Some(Leave::Call),
        _ if mnemonic.ends_with("lr") => Some(Leave::Return),
        _ => None,
    }
}
