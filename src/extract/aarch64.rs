// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64: instructions to the analysis's operations, and the registers of its ABI.
//!
//! Every instruction has 32 bits and names registers in the same four fields,
//! so what is not lowered clobbers those of its class that may be written.

mod data;
mod memory;

use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Place, Reg, Src, Target};

/// The one value of this machine.
pub struct Aarch64;

/// Number 31 is the stack pointer here and the register of zeros there.
const SP: Reg = 31;
/// Set to zero before it is read.
const ZERO: Reg = 32;
/// What is written nowhere, and what an operand is extended in.
const SCRATCH: Reg = 33;
const LINK: Reg = 30;

/// The general registers that a called function may change; its caller's link with them.
const CHANGED: Mask = (1 << 19) - 1 | 1 << LINK;

impl Machine for Aarch64 {
    fn name(&self) -> &'static str {
        "aarch64"
    }
    fn elf(&self) -> u16 {
        183
    }
    fn word(&self) -> u8 {
        8
    }
    fn step(&self) -> u8 {
        4
    }
    fn narrowest_entry(&self) -> u8 {
        1
    }
    fn branches_keep_flags(&self) -> bool {
        false
    }
    fn registers(&self) -> usize {
        34
    }
    fn stack_pointer(&self) -> Reg {
        SP
    }
    fn number(&self) -> Reg {
        8
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[0, 1, 2, 3, 4, 5]
    }
    fn syscall_clobbers(&self) -> Mask {
        1
    }
    fn call_clobbers(&self) -> Mask {
        CHANGED
    }
    fn call_pushes(&self) -> i64 {
        0
    }
    fn arguments(&self) -> &'static [Reg] {
        &[0, 1, 2, 3, 4, 5, 6, 7]
    }
    fn result(&self) -> Reg {
        0
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        let word = code.get(..4)?.try_into().ok()?;
        let i = Word(u32::from_le_bytes(word));
        let flow = match i.bits(25, 4) {
            0b1010 | 0b1011 => branch(i, address, ops)?,
            0b1000 | 0b1001 => {
                data::immediate(i, address, ops);
                Flow::Next
            }
            0b0100 | 0b0110 | 0b1100 | 0b1110 => {
                memory::access(i, address, ops)?;
                Flow::Next
            }
            0b0101 | 0b1101 => {
                data::registers(i, ops);
                Flow::Next
            }
            0b0111 | 0b1111 => {
                data::floating(i, ops);
                Flow::Next
            }
            0b0000 if i.0 >> 16 == 0 => Flow::Stop,
            // Scalable vectors and matrices.
            0b0010 => {
                anything(i, ops);
                Flow::Next
            }
            0b0000 if i.bit(31) => {
                anything(i, ops);
                Flow::Next
            }
            _ => return None,
        };
        Some(Decoded { len: 4, flow })
    }
}

/// An instruction, by its bits.
#[derive(Clone, Copy)]
struct Word(u32);

impl Word {
    fn bits(self, from: u32, count: u32) -> u32 {
        self.0 >> from & ((1 << count) - 1)
    }
    fn bit(self, at: u32) -> bool {
        self.bits(at, 1) == 1
    }
    fn signed(self, from: u32, count: u32) -> i64 {
        let up = 64 - count;
        (i64::from(self.bits(from, count)) << up) >> up
    }
    /// The register that most instructions write: Rd or Rt.
    fn d(self) -> Reg {
        self.bits(0, 5) as Reg
    }
    fn n(self) -> Reg {
        self.bits(5, 5) as Reg
    }
    /// Ra or Rt2.
    fn a(self) -> Reg {
        self.bits(10, 5) as Reg
    }
    /// Rm or Rs.
    fn m(self) -> Reg {
        self.bits(16, 5) as Reg
    }
    /// 8 or 4, by the bit that most instructions have for it.
    fn bytes(self) -> u8 {
        if self.bit(31) { 8 } else { 4 }
    }
}

/// A register that is read, where 31 means zero.
fn read(register: Reg, ops: &mut Vec<Op>) -> Reg {
    if register != 31 {
        return register;
    }
    ops.push(Op::Const {
        dst: ZERO,
        value: 0,
    });
    ZERO
}

/// A register that is written, where 31 means none.
fn written(register: Reg) -> Reg {
    if register == 31 { SCRATCH } else { register }
}

fn clobber(register: Reg, ops: &mut Vec<Op>) {
    ops.push(Op::Clobber {
        dst: written(register),
    });
}

fn at(base: Reg, disp: i64) -> Place {
    Place {
        base: Some(base),
        index: None,
        disp,
        foreign: false,
    }
}

fn copy(dst: Reg, src: Reg, bytes: u8, signed: bool) -> Op {
    Op::Copy {
        dst,
        src,
        bytes,
        signed,
    }
}

/// Whatever it may be: all registers that it names, the flags, the memory that it points to.
fn anything(i: Word, ops: &mut Vec<Op>) {
    for register in [i.d(), i.n(), i.a(), i.m()] {
        clobber(register, ops);
    }
    ops.push(Op::FlagsLost);
}

/// Branches, exceptions, system registers.
fn branch(i: Word, address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    let to = |offset: i64| address.wrapping_add((offset << 2) as u64);
    match i.bits(29, 3) {
        0b000 => return Some(Flow::Jump(Target::Address(to(i.signed(0, 26))))),
        0b100 => {
            ops.push(Op::Clobber { dst: LINK });
            return Some(Flow::Call(Target::Address(to(i.signed(0, 26)))));
        }
        0b001 | 0b101 if !i.bit(25) => {
            let cond = if i.bit(24) {
                Cond::NotEqual
            } else {
                Cond::Equal
            };
            let reg = read(i.d(), ops);
            ops.push(Op::Compare {
                reg,
                with: Src::Imm(0),
                bytes: i.bytes(),
            });
            return Some(Flow::Branch(cond, to(i.signed(5, 19))));
        }
        0b001 | 0b101 => return Some(Flow::Branch(Cond::Other, to(i.signed(5, 14)))),
        0b010 if i.bits(24, 2) == 0 => {
            return Some(Flow::Branch(condition(i), to(i.signed(5, 19))));
        }
        _ => {}
    }
    match i.bits(24, 8) {
        0xd4 if i.bits(21, 3) == 0 && i.bits(0, 5) == 1 => Some(Flow::Syscall),
        0xd4 => Some(Flow::Stop),
        0xd5 => {
            system(i, ops);
            Some(Flow::Next)
        }
        0xd6 | 0xd7 => through(i, ops),
        _ => None,
    }
}

fn condition(i: Word) -> Cond {
    match i.bits(0, 4) {
        0 => Cond::Equal,
        1 => Cond::NotEqual,
        2 => Cond::AboveOrEqual,
        3 => Cond::Below,
        8 => Cond::Above,
        9 => Cond::BelowOrEqual,
        _ => Cond::Other,
    }
}

/// Branches through a register; the lowest bit but three tells those that check a signature.
fn through(i: Word, ops: &mut Vec<Op>) -> Option<Flow> {
    let target = Target::Reg(read(i.n(), ops));
    match i.bits(21, 4) {
        0 | 8 => Some(Flow::Jump(target)),
        1 | 9 => {
            // The target is read before the link is written.
            if i.n() == LINK {
                ops.push(copy(SCRATCH, LINK, 8, false));
                ops.push(Op::Clobber { dst: LINK });
                return Some(Flow::Call(Target::Reg(SCRATCH)));
            }
            ops.push(Op::Clobber { dst: LINK });
            Some(Flow::Call(target))
        }
        2 => Some(Flow::Return),
        4 | 5 => Some(Flow::Stop),
        _ => None,
    }
}

/// System registers, barriers and hints; some hints sign or strip an address.
fn system(i: Word, ops: &mut Vec<Op>) {
    let hint = i.0 & 0xffff_f01f == 0xd503_201f;
    if hint {
        match i.bits(5, 7) {
            7 | 24..=31 => ops.push(Op::Clobber { dst: LINK }),
            8..=15 => ops.push(Op::Clobber { dst: 17 }),
            40 => ops.push(Op::Clobber { dst: 16 }),
            _ => {}
        }
        return;
    }
    if i.bit(21) {
        clobber(i.d(), ops);
        // A pair of registers, where the architecture reads such.
        if i.bit(22) {
            clobber((i.d() + 1) & 31, ops);
        }
    }
    ops.push(Op::FlagsLost);
}
