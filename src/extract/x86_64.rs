// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86-64: the System V ABI's registers.

use super::ir::{Decoded, Machine, Mask, Op, Reg};
use super::x86_common::{AX, BP, CX, DI, DX, REGISTERS, SI, SP, decode};

/// The one value of this machine.
pub struct X86_64;

const R8: Reg = 8;
const R9: Reg = 9;
const R10: Reg = 10;
const R11: Reg = 11;

impl Machine for X86_64 {
    fn name(&self) -> &'static str {
        "x86_64"
    }
    fn elf(&self) -> u16 {
        62
    }
    fn word(&self) -> u8 {
        8
    }
    fn step(&self) -> u8 {
        1
    }
    fn registers(&self) -> usize {
        REGISTERS
    }
    fn stack_pointer(&self) -> Reg {
        SP
    }
    fn frame_pointer(&self) -> Option<Reg> {
        Some(BP)
    }
    fn number(&self) -> Reg {
        AX
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[DI, SI, DX, R10, R8, R9]
    }
    fn syscall_clobbers(&self) -> Mask {
        1 << AX | 1 << CX | 1 << R11
    }
    fn call_clobbers(&self) -> Mask {
        [AX, CX, DX, SI, DI, R8, R9, R10, R11]
            .iter()
            .fold(0, |mask, reg| mask | 1 << reg)
    }
    fn call_pushes(&self) -> i64 {
        8
    }
    fn arguments(&self) -> &'static [Reg] {
        &[DI, SI, DX, CX, R8, R9]
    }
    fn result(&self) -> Reg {
        AX
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        decode(64, code, address, ops)
    }
}
