// SPDX-License-Identifier: MIT OR Apache-2.0
//! 32-bit Arm's second decoders, one for each of its instruction sets.

use capstone::{Arch, Mode};
use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};

/// One instruction is executed whatever its condition: the bits that say so of a state
/// behind a conditional instruction of A32.
const EXECUTED: u64 = 1 << 36 | 1 << 32;

pub const A32: Second = Second {
    machine: "arm",
    objdump: "arm-linux-gnueabihf-objdump",
    options: &[],
    mode: EXECUTED,
    // Of two instruction sets in one file the rarer has few.
    many: 200,
    writes: Writes::Capstone(Arch::ARM, Mode::Arm, number),
    leaves,
    addresses: &[],
    excuses: &EXCUSES,
};

pub const T32: Second = Second {
    mode: 1,
    many: 50_000,
    options: &["-M", "force-thumb"],
    writes: Writes::Capstone(Arch::ARM, Mode::Thumb, number),
    ..A32
};

const EXCUSES: [Excuse; 7] = [
    Excuse {
        kind: Kind::Write,
        begins: &["cmp", "cmn", "tst", "teq"],
        register: None,
        why: "capstone 5 says that a comparison writes its first operand",
    },
    Excuse {
        kind: Kind::Write,
        begins: &["svc"],
        register: Some(14),
        why: "capstone 5 says that a system call writes the link register",
    },
    Excuse {
        kind: Kind::Write,
        begins: &["mov r7, r7"],
        register: Some(7),
        why: "a register put into itself stays as it was",
    },
    Excuse {
        kind: Kind::Write,
        begins: &["movs r0, r0"],
        register: Some(0),
        why: "zeros, which fill hand-written code up, put a register into itself",
    },
    Excuse {
        kind: Kind::Target,
        begins: &["bx pc"],
        register: None,
        why: "the next whole word, as A32, is a known place",
    },
    Excuse {
        kind: Kind::Leave,
        begins: &["bx pc"],
        register: None,
        why: "the next whole word, as A32, is a known place",
    },
    Excuse {
        kind: Kind::Leave,
        begins: &["mov pc, r", "add pc, pc, ", "addne pc, pc, "],
        register: None,
        why: "hand-written code that goes on in the row of instructions behind it",
    },
];

/// An operand that is the program counter, or a list that ends in it.
fn loads_pc(line: &Line) -> bool {
    line.operands.trim_end().ends_with("pc}")
}

fn leaves(line: &Line) -> Option<Leave> {
    let mnemonic = line.mnemonic.as_str();
    let begins = |with: &[&str]| with.iter().any(|begin| mnemonic.starts_with(begin));
    let first = line.operands().next().unwrap_or_default();
    let second = line.operands().nth(1).unwrap_or_default();
    if begins(&["svc"]) {
        return Some(Leave::Syscall);
    }
    if begins(&["udf", "bkpt", "hlt", "hvc", "smc", "eret"]) {
        return Some(Leave::Stop);
    }
    if begins(&["blx"]) {
        return number(first).map(|_| Leave::Call);
    }
    if begins(&["bx"]) {
        return Some(if first == "lr" {
            Leave::Return
        } else {
            Leave::Jump
        });
    }
    if begins(&["tbb", "tbh"]) {
        return Some(Leave::Jump);
    }
    if begins(&["pop", "ldm"]) {
        return loads_pc(line).then_some(Leave::Return);
    }
    if first != "pc" {
        return None;
    }
    match () {
        () if begins(&["ldr"]) && second.starts_with("[sp") => Some(Leave::Return),
        () if begins(&["mov"]) && second == "lr" => Some(Leave::Return),
        () if begins(&["ldr", "mov", "add", "sub"]) => Some(Leave::Jump),
        () => None,
    }
}

/// r0 to r14; what is put into the program counter is where an instruction leaves to.
fn number(name: &str) -> Option<Reg> {
    match name {
        "sb" => Some(9),
        "sl" => Some(10),
        "fp" => Some(11),
        "ip" => Some(12),
        "sp" => Some(13),
        "lr" => Some(14),
        _ => name.strip_prefix('r')?.parse().ok().filter(|n| *n < 15),
    }
}
