// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operands of x86 instructions, of 32 and 64 bits, as the analysis names them.

use iced_x86::{CodeSize, Instruction, OpKind, Register};

use super::ir::{Place, Reg, Src};

/// Second bytes of registers: nothing of interest passes through them.
pub const HIGH: [Register; 4] = [Register::AH, Register::BH, Register::CH, Register::DH];

/// The general register whose part this is.
pub fn reg(r: Register) -> Option<Reg> {
    if r.is_gpr() {
        Some((r.full_register() as u32 - Register::RAX as u32) as Reg)
    } else {
        None
    }
}

/// Bytes of a register in the code that this is of.
pub fn word(i: &Instruction) -> u8 {
    match i.code_size() {
        CodeSize::Code32 => 4,
        _ => 8,
    }
}

/// A number with its sign.
fn extended(value: u64, i: &Instruction) -> i64 {
    match word(i) {
        4 => i64::from(value as u32 as i32),
        _ => value as i64,
    }
}

pub fn place(i: &Instruction) -> Place {
    let foreign = matches!(i.segment_prefix(), Register::FS | Register::GS);
    if i.is_ip_rel_memory_operand() {
        return Place {
            base: None,
            index: None,
            disp: i.ip_rel_memory_address() as i64,
            foreign,
        };
    }
    Place {
        base: reg(i.memory_base()),
        index: reg(i.memory_index()).map(|r| (r, i.memory_index_scale() as u8)),
        disp: extended(i.memory_displacement64(), i),
        // A vector index (gather) is no address that could be followed.
        foreign: foreign
            || (i.memory_base() != Register::None && reg(i.memory_base()).is_none())
            || (i.memory_index() != Register::None && reg(i.memory_index()).is_none()),
    }
}

pub fn width(i: &Instruction, operand: u32) -> u8 {
    match i.op_kind(operand) {
        OpKind::Register => i.op_register(operand).size() as u8,
        OpKind::Memory => i.memory_size().size() as u8,
        _ => word(i),
    }
}

pub fn immediate(i: &Instruction, operand: u32) -> Option<i64> {
    match i.op_kind(operand) {
        OpKind::Register | OpKind::Memory => None,
        _ => i.try_immediate(operand).ok().map(|v| extended(v, i)),
    }
}

pub fn source(i: &Instruction, operand: u32) -> Src {
    match i.op_kind(operand) {
        OpKind::Register => reg(i.op_register(operand)).map_or(Src::Unknown, Src::Reg),
        OpKind::Memory => Src::Unknown,
        _ => immediate(i, operand).map_or(Src::Unknown, Src::Imm),
    }
}

/// A destination register written whole (a 32-bit write clears the rest).
pub fn whole(i: &Instruction) -> Option<Reg> {
    if i.op0_kind() != OpKind::Register || i.op0_register().size() < 4 {
        return None;
    }
    reg(i.op0_register())
}
