// SPDX-License-Identifier: MIT OR Apache-2.0
//! riscv64's second decoder.

use rpledge::extract::ir::Reg;

use super::listing::Line;
use super::seconds::{Leave, Second, Writes};

pub const SECOND: Second = Second {
    machine: "riscv64",
    objdump: "riscv64-linux-gnu-objdump",
    options: &["-M", "no-aliases"],
    mode: 0,
    many: 50_000,
    writes: Writes::Text(writes),
    leaves,
    addresses: &[],
    excuses: &[],
};

const NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
];

fn number(name: &str) -> Option<Reg> {
    let found = NAMES.iter().position(|known| *known == name);
    found.map(|number| number as Reg)
}

/// A jump that keeps its return address in ra or t0 is a call; stubs keep theirs in t1.
fn leaves(line: &Line) -> Option<Leave> {
    let mut operands = line.operands();
    let first = operands.next().unwrap_or_default();
    match line.mnemonic.as_str() {
        "jalr" if ["ra", "t0"].contains(&first) => Some(Leave::Call),
        "jalr" => back(operands.next().unwrap_or_default()),
        "c.jr" => back(first),
        "c.jalr" => Some(Leave::Call),
        "ecall" => Some(Leave::Syscall),
        "ebreak" | "c.ebreak" | "unimp" | "c.unimp" => Some(Leave::Stop),
        _ => None,
    }
}

fn back(through: &str) -> Option<Leave> {
    if ["ra", "0(ra)"].contains(&through) {
        Some(Leave::Return)
    } else {
        Some(Leave::Jump)
    }
}

/// Instructions whose first operand is read.
const READING: [&str; 24] = [
    "sb", "sh", "sw", "sd", "fsw", "fsd", "beq", "bne", "blt", "bge", "bltu", "bgeu", "c.sw",
    "c.sd", "c.swsp", "c.sdsp", "c.fsd", "c.fsdsp", "c.beqz", "c.bnez", "c.jr", "c.jalr", "fence",
    "c.j",
];

/// The first operand is what is written, but for stores, branches and jumps.
fn writes(line: &Line) -> Vec<Reg> {
    let mnemonic = line.mnemonic.as_str();
    let first = line.operands().next().and_then(number);
    let first = first.filter(|register| *register != 0 && !READING.contains(&mnemonic));
    let link = (mnemonic == "c.jalr").then_some(1);
    first.into_iter().chain(link).collect()
}
