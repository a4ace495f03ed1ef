// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64's second decoder.

use capstone::{Arch, Mode};
use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};

pub const SECOND: Second = Second {
    machine: "aarch64",
    objdump: "aarch64-linux-gnu-objdump",
    options: &["-M", "no-aliases"],
    mode: 0,
    many: 50_000,
    writes: Writes::Capstone(Arch::ARM64, Mode::Arm, number),
    leaves,
    addresses: &["adr", "adrp", "ldr", "ldrsw", "prfm"],
    excuses: &[
        Excuse {
            kind: Kind::Write,
            begins: &COMPARISONS,
            register: None,
            why: "capstone 5 says that a comparison writes its first operand",
        },
        Excuse {
            kind: Kind::Write,
            begins: &["svc "],
            register: Some(30),
            why: "capstone 5 says that a system call writes the link register",
        },
    ],
};

/// cmp, cmn and tst: the result goes nowhere.
const COMPARISONS: [&str; 8] = [
    "subs wzr,",
    "subs xzr,",
    "adds wzr,",
    "adds xzr,",
    "ands wzr,",
    "ands xzr,",
    "bics wzr,",
    "bics xzr,",
];

fn leaves(line: &Line) -> Option<Leave> {
    match line.mnemonic.as_str() {
        "br" | "braa" | "brab" => Some(Leave::Jump),
        "blr" | "blraa" | "blrab" => Some(Leave::Call),
        "ret" | "retaa" | "retab" => Some(Leave::Return),
        "svc" => Some(Leave::Syscall),
        "brk" | "hlt" | "udf" => Some(Leave::Stop),
        _ => None,
    }
}

/// x0 to x30, and the stack pointer as 31.
fn number(name: &str) -> Option<Reg> {
    match name {
        "sp" | "wsp" => Some(31),
        "fp" => Some(29),
        "lr" => Some(30),
        _ => name.strip_prefix(['x', 'w'])?.parse().ok(),
    }
}
