// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86-64's second decoder.

use capstone::{Arch, Mode};
use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};

pub const SECOND: Second = Second {
    machine: "x86_64",
    objdump: "x86_64-linux-gnu-objdump",
    options: &["--insn-width=15"],
    mode: 0,
    many: 50_000,
    writes: Writes::Capstone(Arch::X86, Mode::Mode64, number),
    leaves,
    addresses: &[],
    excuses: &[
        Excuse {
            kind: Kind::Write,
            begins: &["cltd ", "cqto ", "cwtd ", "test $"],
            register: Some(0),
            why: "capstone 5 says that cdq and test of the accumulator write it",
        },
        Excuse {
            kind: Kind::Write,
            begins: &["rol $0x11,", "ror $0x11,", "xor %fs:0x30,"],
            register: None,
            why: "a pointer that glibc guards counts as the pointer",
        },
        Excuse {
            kind: Kind::Length,
            begins: &["fstcw "],
            register: None,
            why: "objdump joins wait and fnstcw",
        },
    ],
};

const PREFIXES: [&str; 12] = [
    "bnd", "notrack", "rep", "repz", "repnz", "lock", "data16", "addr32", "cs", "ds", "es", "ss",
];

/// The mnemonic and the operands behind prefixes.
pub fn plain(line: &Line) -> (&str, &str) {
    let (mut mnemonic, mut operands) = (line.mnemonic.as_str(), line.operands.as_str());
    while PREFIXES.contains(&mnemonic) || mnemonic.starts_with("rex") {
        (mnemonic, operands) = operands.split_once(' ').unwrap_or((operands, ""));
        operands = operands.trim_start();
    }
    (mnemonic, operands)
}

pub fn leaves(line: &Line) -> Option<Leave> {
    let (mnemonic, operands) = plain(line);
    match mnemonic {
        "jmp" if operands.starts_with('*') => Some(Leave::Jump),
        "call" if operands.starts_with('*') => Some(Leave::Call),
        "ret" => Some(Leave::Return),
        "syscall" | "sysenter" => Some(Leave::Syscall),
        "hlt" | "ud0" | "ud1" | "ud2" | "int3" | "int" => Some(Leave::Stop),
        _ => None,
    }
}

const NAMES: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

/// The number of the general register whose part has this name.
pub fn number(name: &str) -> Option<Reg> {
    if let Some(rest) = name.strip_prefix('r')
        && let Ok(number) = rest.trim_end_matches(['b', 'w', 'd']).parse::<Reg>()
    {
        return Some(number);
    }
    let whole = name.trim_start_matches(['r', 'e']);
    let find = |name: &str| NAMES.iter().position(|known| *known == name);
    let part = || {
        let letter = name.strip_suffix(['l', 'h'])?;
        find(letter).or_else(|| find(&format!("{letter}x")))
    };
    find(whole).or_else(part).map(|number| number as Reg)
}
