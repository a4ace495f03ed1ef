// SPDX-License-Identifier: MIT OR Apache-2.0
//! s390x: instructions of two, four or six bytes to the analysis's operations, and the registers of its ABI.
//!
//! Big-endian. Operations on 32 bits leave the upper half of a register alone,
//! which no code relies on: here they clear it. Compilers keep general registers
//! in floating-point ones for a while, so those are followed too.

use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Place, Reg, Src, Target};

mod four;
mod six;
mod two;

/// The one value of this machine.
pub struct S390x;

const R1: Reg = 1;
const RESULT: Reg = 2;
const LINK: Reg = 14;
const STACK: Reg = 15;
/// The first of the sixteen floating-point registers.
const FLOATS: Reg = 16;
/// No registers: the number of a system call, which the instruction may hold,
/// and what an instruction needs on the way.
const NUMBER: Reg = 32;
const CARRY: Reg = 33;

/// Where glibc's thread structure holds the secret that function pointers are xored with.
const POINTER_GUARD: i64 = 40;

impl Machine for S390x {
    fn name(&self) -> &'static str {
        "s390x"
    }
    fn elf(&self) -> u16 {
        22
    }
    fn word(&self) -> u8 {
        8
    }
    fn big_endian(&self) -> bool {
        true
    }
    fn step(&self) -> u8 {
        2
    }
    /// How far before the linkage table something lies that may have an odd address, as
    /// a section's start; a variable that begins as a flag or an errno is none.
    fn literal(&self, word: u64) -> bool {
        (word as i64) < -0x1000
    }
    fn packs(&self) -> bool {
        true
    }
    fn registers(&self) -> usize {
        34
    }
    fn stack_pointer(&self) -> Reg {
        STACK
    }
    fn number(&self) -> Reg {
        NUMBER
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[2, 3, 4, 5, 6, 7]
    }
    fn syscall_clobbers(&self) -> Mask {
        1 << RESULT
    }
    /// r0 to r5, r14, f0 to f7.
    fn call_clobbers(&self) -> Mask {
        0x3f | 1 << LINK | 0xff << FLOATS | 1 << NUMBER | 1 << CARRY
    }
    fn call_pushes(&self) -> i64 {
        0
    }
    fn arguments(&self) -> &'static [Reg] {
        &[2, 3, 4, 5, 6]
    }
    fn result(&self) -> Reg {
        RESULT
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        let first = *code.first()?;
        let len: u8 = match first >> 6 {
            0 => 2,
            1 | 2 => 4,
            _ => 6,
        };
        let own = code.get(..usize::from(len))?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let bits = own.iter().fold(0, join) << (64 - 8 * u32::from(len));
        let i = Fields { bits, address, len };
        let flow = match len {
            2 => two::lower(i, ops),
            4 => four::lower(i, ops)?,
            _ => six::lower(i, code, ops)?,
        };
        Some(Decoded { len, flow })
    }
}

/// An instruction, its bits from the left, and where it lies.
#[derive(Clone, Copy)]
struct Fields {
    bits: u64,
    address: u64,
    len: u8,
}

impl Fields {
    /// So many bits from this one on.
    fn get(self, from: u32, count: u32) -> u64 {
        self.bits << from >> (64 - count)
    }
    fn signed(self, from: u32, count: u32) -> i64 {
        (self.bits << from) as i64 >> (64 - count)
    }
    /// Four bits: mostly a register.
    fn reg(self, from: u32) -> Reg {
        self.get(from, 4) as Reg
    }
    fn opcode(self) -> u8 {
        self.get(0, 8) as u8
    }
    /// Where a number of halfwords from here leads.
    fn relative(self, from: u32, count: u32) -> u64 {
        let by = self.signed(from, count).wrapping_mul(2);
        self.address.wrapping_add(by as u64)
    }
    fn next(self) -> u64 {
        self.address.wrapping_add(u64::from(self.len))
    }
    /// Base and twelve bits of displacement.
    fn short(self, from: u32) -> Place {
        place(self.reg(from), self.get(from + 4, 12) as i64)
    }
    /// Base and twenty signed bits, of which the upper eight stand last.
    fn long(self) -> Place {
        let disp = self.signed(32, 8) << 12 | self.get(20, 12) as i64;
        place(self.reg(16), disp)
    }
    /// The same with an index.
    fn indexed(self, place: Place) -> Place {
        match (self.reg(12), place.base) {
            (0, _) => place,
            (index, None) => Place {
                base: Some(index),
                ..place
            },
            (index, Some(_)) => Place {
                index: Some((index, 1)),
                ..place
            },
        }
    }
}

fn place(base: Reg, disp: i64) -> Place {
    Place {
        base: (base != 0).then_some(base),
        index: None,
        disp,
        foreign: false,
    }
}

fn at(address: u64) -> Place {
    place(0, address as i64)
}

/// What a mask asks of the condition code, for conditional branches and moves.
fn condition(mask: u8) -> Cond {
    match mask & 14 {
        8 => Cond::Equal,
        6 => Cond::NotEqual,
        4 => Cond::Below,
        12 => Cond::BelowOrEqual,
        2 => Cond::Above,
        10 => Cond::AboveOrEqual,
        _ => Cond::Other,
    }
}

fn branch(mask: u8, to: u64) -> Flow {
    match mask {
        0 => Flow::Next,
        15 => Flow::Jump(Target::Address(to)),
        _ => Flow::Branch(condition(mask), to),
    }
}

/// To the address in a register.
fn branch_by(mask: u8, to: Reg) -> Flow {
    match (mask, to) {
        (0, _) | (_, 0) => Flow::Next,
        (15, LINK) => Flow::Return,
        (15, _) => Flow::Jump(Target::Reg(to)),
        (_, LINK) => Flow::ReturnIf(condition(mask)),
        // Goes there or on: as if it came back.
        _ => Flow::Call(Target::Reg(to)),
    }
}

/// A call if it leaves its way back where calls do; elsewhere code asks for an address.
fn link(i: Fields, dst: Reg, to: Option<Target>, ops: &mut Vec<Op>) -> Flow {
    if let (Some(to), LINK) = (to, dst) {
        return Flow::Call(to);
    }
    ops.push(Op::Address {
        dst,
        place: at(i.next()),
        bytes: 8,
    });
    to.map_or(Flow::Next, Flow::Jump)
}

fn copy(dst: Reg, src: Reg, bytes: u8, signed: bool) -> Op {
    Op::Copy {
        dst,
        src,
        bytes,
        signed,
    }
}

fn load(dst: Reg, place: Place, bytes: u8, signed: bool) -> Op {
    Op::Load {
        dst,
        place,
        bytes,
        signed,
    }
}

fn add(dst: Reg, src: Src, negative: bool, bytes: u8) -> Op {
    Op::Add {
        dst,
        src,
        negative,
        bytes,
    }
}

fn sum(dst: Reg, left: Reg, right: Reg, negative: bool, bytes: u8) -> Op {
    Op::Sum {
        dst,
        left,
        right,
        shift: 0,
        negative,
        bytes,
    }
}

/// Numbers of 32 bits as registers hold them.
fn number(dst: Reg, value: i64, bytes: u8) -> Op {
    let value = match bytes {
        4 => value as u64 & u64::from(u32::MAX),
        _ => value as u64,
    };
    Op::Const { dst, value }
}

fn clobber(ops: &mut Vec<Op>, regs: impl IntoIterator<Item = Reg>) {
    ops.extend(regs.into_iter().map(|dst| Op::Clobber { dst }));
}

/// A register and the one after it, as pairs are written.
fn pair(first: Reg) -> [Reg; 2] {
    [first, (first + 1) & 15]
}

fn store(place: Place, src: Src, bytes: u8) -> Op {
    Op::Store { place, src, bytes }
}

/// Several registers from or to consecutive memory. The base may be among those that
/// are loaded: it comes last.
fn multiple(i: Fields, place: Place, bytes: u8, loads: bool, ops: &mut Vec<Op>) {
    let (first, last) = (i.reg(8), i.reg(12));
    let count = (last.wrapping_sub(first) & 15) + 1;
    let all = (0..count).map(|step| {
        let reg = (first + step) & 15;
        let disp = place.disp + i64::from(step) * i64::from(bytes);
        (reg, Place { disp, ..place })
    });
    if !loads {
        ops.extend(all.map(|(reg, place)| store(place, Src::Reg(reg), bytes)));
        return;
    }
    let (base, others): (Vec<_>, Vec<_>) = all.partition(|(reg, _)| Some(*reg) == place.base);
    let in_order = others.into_iter().chain(base);
    ops.extend(in_order.map(|(reg, place)| load(reg, place, bytes, false)));
}

/// A comparison that takes signs into account or not.
fn compare(reg: Reg, with: Src, bytes: u8, signed: bool, ops: &mut Vec<Op>) {
    ops.push(if signed {
        Op::CompareSigned { reg, with, bytes }
    } else {
        Op::Compare { reg, with, bytes }
    });
}

/// A register with what memory holds.
fn compare_memory(reg: Reg, place: Place, bytes: u8, signed: bool, ops: &mut Vec<Op>) {
    ops.push(load(CARRY, place, bytes, signed));
    compare(reg, Src::Reg(CARRY), bytes, signed, ops);
}
