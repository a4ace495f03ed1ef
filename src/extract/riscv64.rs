// SPDX-License-Identifier: MIT OR Apache-2.0
//! riscv64: instructions to the analysis's operations, and the registers of its ABI.
//!
//! Compressed instructions are short forms of others and are decoded as those.

mod compressed;

use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Place, Reg, Src, Target, Way};

/// The one value of this machine.
pub struct Riscv64;

/// Always zero: set to it before it is read.
const ZERO: Reg = 0;
const RA: Reg = 1;
const SP: Reg = 2;
const TP: Reg = 4;
const T0: Reg = 5;
const A0: Reg = 10;
const A7: Reg = 17;
/// What is written nowhere, and addresses that are jumped to.
const SCRATCH: Reg = 32;

impl Machine for Riscv64 {
    fn name(&self) -> &'static str {
        "riscv64"
    }
    fn elf(&self) -> u16 {
        243
    }
    fn word(&self) -> u8 {
        8
    }
    fn step(&self) -> u8 {
        2
    }
    fn branches_keep_flags(&self) -> bool {
        false
    }
    fn registers(&self) -> usize {
        33
    }
    fn stack_pointer(&self) -> Reg {
        SP
    }
    fn number(&self) -> Reg {
        A7
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[10, 11, 12, 13, 14, 15]
    }
    fn syscall_clobbers(&self) -> Mask {
        1 << A0
    }
    /// ra, t0 to t6, a0 to a7.
    fn call_clobbers(&self) -> Mask {
        0xf003_fce2
    }
    fn call_pushes(&self) -> i64 {
        0
    }
    fn arguments(&self) -> &'static [Reg] {
        &[10, 11, 12, 13, 14, 15, 16, 17]
    }
    fn result(&self) -> Reg {
        A0
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        let half = u16::from_le_bytes(code.get(..2)?.try_into().ok()?);
        let (len, word) = if half & 3 == 3 {
            let word = u32::from_le_bytes(code.get(..4)?.try_into().ok()?);
            (4, word)
        } else if half == 0 {
            let (len, flow) = (2, Flow::Stop);
            return Some(Decoded { len, flow });
        } else {
            (2, compressed::expand(half)?)
        };
        let flow = lower(Word(word), address, ops)?;
        Some(Decoded { len, flow })
    }
}

/// An instruction, by its bits.
#[derive(Clone, Copy)]
struct Word(u32);

impl Word {
    fn bits(self, from: u32, count: u32) -> u32 {
        self.0 >> from & ((1 << count) - 1)
    }
    fn d(self) -> Reg {
        self.bits(7, 5) as Reg
    }
    fn s1(self) -> Reg {
        self.bits(15, 5) as Reg
    }
    fn s2(self) -> Reg {
        self.bits(20, 5) as Reg
    }
    /// Which of the instructions of its class.
    fn kind(self) -> u32 {
        self.bits(12, 3)
    }
    /// The number of loads and arithmetic.
    fn i(self) -> i64 {
        i64::from(self.0 as i32 >> 20)
    }
    /// The number of stores.
    fn s(self) -> i64 {
        i64::from((self.0 & 0xfe00_0000) as i32 >> 20) | i64::from(self.bits(7, 5))
    }
    /// The distance of branches.
    fn b(self) -> i64 {
        let high = i64::from(self.0 as i32 >> 31) << 12;
        let low = self.bits(7, 1) << 11 | self.bits(25, 6) << 5 | self.bits(8, 4) << 1;
        high | i64::from(low)
    }
    /// The upper bits of a number.
    fn u(self) -> i64 {
        i64::from((self.0 & 0xffff_f000) as i32)
    }
    /// The distance of jumps.
    fn j(self) -> i64 {
        let high = i64::from(self.0 as i32 >> 31) << 20;
        let low = self.bits(12, 8) << 12 | self.bits(20, 1) << 11 | self.bits(21, 10) << 1;
        high | i64::from(low)
    }
}

fn read(register: Reg, ops: &mut Vec<Op>) -> Reg {
    if register == ZERO {
        ops.push(Op::Const {
            dst: ZERO,
            value: 0,
        });
    }
    register
}

fn written(register: Reg) -> Reg {
    if register == ZERO { SCRATCH } else { register }
}

fn copy(dst: Reg, src: Reg, bytes: u8, signed: bool) -> Op {
    Op::Copy {
        dst,
        src,
        bytes,
        signed,
    }
}

fn clobber(i: Word, ops: &mut Vec<Op>) {
    ops.push(Op::Clobber {
        dst: written(i.d()),
    });
}

/// Memory at a register; what tp points to is the thread's.
fn at(base: Reg, disp: i64, ops: &mut Vec<Op>) -> Place {
    Place {
        base: Some(read(base, ops)),
        index: None,
        disp,
        foreign: base == TP,
    }
}

fn lower(i: Word, address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    let dst = written(i.d());
    match i.bits(2, 5) {
        0b00000 => {
            let place = at(i.s1(), i.i(), ops);
            let (bytes, signed) = (1 << (i.kind() & 3), i.kind() & 4 == 0);
            ops.push(Op::Load {
                dst,
                place,
                bytes,
                signed,
            });
        }
        0b01000 => {
            let place = at(i.s1(), i.s(), ops);
            let src = Src::Reg(read(i.s2(), ops));
            let bytes = 1 << (i.kind() & 3);
            ops.push(Op::Store { place, src, bytes });
        }
        0b00100 => numbers(i, ops),
        0b00110 => half_numbers(i, ops),
        0b01100 => registers(i, ops),
        0b01110 => half_registers(i, ops),
        0b01101 | 0b00101 => {
            let from = if i.bits(5, 1) == 1 { 0 } else { address };
            let value = from.wrapping_add(i.u() as u64);
            ops.push(Op::Const { dst, value });
        }
        0b11000 => return Some(branch(i, address, ops)),
        0b11011 => {
            let to = Target::Address(address.wrapping_add(i.j() as u64));
            return Some(jump(i, to, ops));
        }
        0b11001 => return Some(through(i, ops)),
        0b11100 => return Some(system(i, ops)),
        0b01011 => atomic(i, ops),
        // Fences, floating point loads and multiplications.
        0b00011 | 0b00001 | 0b10000..=0b10011 => {}
        0b01001 => {
            let place = at(i.s1(), i.s(), ops);
            ops.push(Op::Store {
                place,
                src: Src::Unknown,
                bytes: 8,
            });
        }
        // Comparisons, conversions and moves to a general register.
        0b10100 if [0b10100, 0b11000, 0b11100].contains(&i.bits(27, 5)) => clobber(i, ops),
        0b10100 => {}
        // Longer than 32 bits.
        kind if kind & 7 == 7 => return None,
        _ => clobber(i, ops),
    }
    Some(Flow::Next)
}

/// Arithmetic with a number.
fn numbers(i: Word, ops: &mut Vec<Op>) {
    let (dst, bytes) = (written(i.d()), 8);
    let src = read(i.s1(), ops);
    match (i.kind(), i.bits(26, 6)) {
        (0, _) if i.s1() == ZERO => ops.push(Op::Const {
            dst,
            value: i.i() as u64,
        }),
        (0, _) if i.i() == 0 => ops.push(copy(dst, src, bytes, false)),
        (0, _) if dst == SP => {
            if src != SP {
                ops.push(copy(SP, src, bytes, false));
            }
            ops.push(Op::Add {
                dst,
                src: Src::Imm(i.i()),
                negative: false,
                bytes,
            });
        }
        (0, _) => {
            let place = at(src, i.i(), ops);
            ops.push(Op::Address { dst, place, bytes });
        }
        (1, 0) => shift(i, Way::Left, bytes, ops),
        (5, 0) => shift(i, Way::Right, bytes, ops),
        (5, 0x10) => shift(i, Way::Signed, bytes, ops),
        (4 | 6 | 7, _) => {
            ops.push(copy(dst, src, bytes, false));
            let number = Src::Imm(i.i());
            ops.push(match i.kind() {
                4 => Op::Xor {
                    dst,
                    src: number,
                    bytes,
                },
                6 => Op::Or {
                    dst,
                    src: number,
                    bytes,
                },
                _ => Op::And {
                    dst,
                    mask: i.i(),
                    bytes,
                },
            });
        }
        _ => clobber(i, ops),
    }
}

fn shift(i: Word, way: Way, bytes: u8, ops: &mut Vec<Op>) {
    let dst = written(i.d());
    ops.push(copy(dst, i.s1(), bytes, false));
    ops.push(Op::Shift {
        dst,
        by: i.bits(20, if bytes == 8 { 6 } else { 5 }) as u8,
        way,
        bytes,
    });
}

/// Arithmetic on the low half, of which the sign fills the high one.
fn half_numbers(i: Word, ops: &mut Vec<Op>) {
    let dst = written(i.d());
    let src = read(i.s1(), ops);
    match (i.kind(), i.bits(25, 7)) {
        (0, _) if i.i() == 0 => return ops.push(copy(dst, src, 4, true)),
        (0, _) => {
            let place = at(src, i.i(), ops);
            ops.push(Op::Address {
                dst,
                place,
                bytes: 4,
            });
        }
        (1, 0) => shift(i, Way::Left, 4, ops),
        (5, 0) => shift(i, Way::Right, 4, ops),
        (5, 0x20) => shift(i, Way::Signed, 4, ops),
        _ => return clobber(i, ops),
    }
    ops.push(copy(dst, dst, 4, true));
}

/// Arithmetic on two registers.
fn registers(i: Word, ops: &mut Vec<Op>) {
    let (dst, bytes) = (written(i.d()), 8);
    let (left, right) = (read(i.s1(), ops), read(i.s2(), ops));
    let sum = |left, right, shift, negative| Op::Sum {
        dst,
        left,
        right,
        shift,
        negative,
        bytes,
    };
    match (i.bits(25, 7), i.kind()) {
        // Compressed moves are additions to zero.
        (0, 0) if left == ZERO => ops.push(copy(dst, right, bytes, false)),
        (0, 0) if right == ZERO => ops.push(copy(dst, left, bytes, false)),
        (0, 0) => ops.push(sum(left, right, 0, false)),
        (0x20, 0) => ops.push(sum(left, right, 0, true)),
        (0x10, 2 | 4 | 6) => ops.push(sum(right, left, i.kind() as u8 / 2, false)),
        (0, 4) if left == right => ops.push(Op::Const { dst, value: 0 }),
        (0, 4 | 6) => {
            let (first, second) = if dst == right {
                (right, left)
            } else {
                (left, right)
            };
            ops.push(copy(dst, first, bytes, false));
            let src = Src::Reg(second);
            ops.push(match i.kind() {
                4 => Op::Xor { dst, src, bytes },
                _ => Op::Or { dst, src, bytes },
            });
        }
        _ => clobber(i, ops),
    }
}

fn half_registers(i: Word, ops: &mut Vec<Op>) {
    let dst = written(i.d());
    let (left, right) = (read(i.s1(), ops), read(i.s2(), ops));
    if i.kind() != 0 || i.bits(25, 7) & !0x20 != 0 {
        return clobber(i, ops);
    }
    ops.push(Op::Sum {
        dst,
        left,
        right,
        shift: 0,
        negative: i.bits(30, 1) == 1,
        bytes: 4,
    });
    ops.push(copy(dst, dst, 4, true));
}

/// Compares and branches at once; zero is compared with, not compared.
fn branch(i: Word, address: u64, ops: &mut Vec<Op>) -> Flow {
    let to = address.wrapping_add(i.b() as u64);
    let (mut reg, mut with) = (i.s1(), i.s2());
    let mut cond = match i.kind() {
        0 => Cond::Equal,
        1 => Cond::NotEqual,
        6 => Cond::Below,
        7 => Cond::AboveOrEqual,
        _ => return Flow::Branch(Cond::Other, to),
    };
    if reg == ZERO {
        (reg, with) = (with, reg);
        cond = match cond {
            Cond::Below => Cond::Above,
            Cond::AboveOrEqual => Cond::BelowOrEqual,
            other => other,
        };
    }
    let with = match with {
        ZERO => Src::Imm(0),
        register => Src::Reg(register),
    };
    let reg = read(reg, ops);
    ops.push(Op::Compare {
        reg,
        with,
        bytes: 8,
    });
    Flow::Branch(cond, to)
}

/// A jump that keeps where it came from in a link register is a call; the stubs
/// of the procedure linkage table keep it elsewhere.
fn jump(i: Word, to: Target, ops: &mut Vec<Op>) -> Flow {
    if i.d() == ZERO {
        return Flow::Jump(to);
    }
    ops.push(Op::Clobber { dst: i.d() });
    match i.d() {
        RA | T0 => Flow::Call(to),
        _ => Flow::Jump(to),
    }
}

fn through(i: Word, ops: &mut Vec<Op>) -> Flow {
    if i.d() == ZERO && i.s1() == RA && i.i() == 0 {
        return Flow::Return;
    }
    let place = at(i.s1(), i.i(), ops);
    ops.push(Op::Address {
        dst: SCRATCH,
        place: Place {
            foreign: false,
            ..place
        },
        bytes: 8,
    });
    jump(i, Target::Reg(SCRATCH), ops)
}

fn system(i: Word, ops: &mut Vec<Op>) -> Flow {
    match (i.kind(), i.bits(20, 12)) {
        (0, 0) => Flow::Syscall,
        // Waiting and fences.
        (0, 0x105) => Flow::Next,
        (0, what) if what >> 5 == 9 => Flow::Next,
        (0, _) => Flow::Stop,
        _ => {
            clobber(i, ops);
            Flow::Next
        }
    }
}

/// What it reads, and where it stores, if that succeeded; one kind has pairs of registers.
fn atomic(i: Word, ops: &mut Vec<Op>) {
    clobber(i, ops);
    if i.bits(27, 5) == 5 {
        ops.push(Op::Clobber {
            dst: written((i.d() + 1) & 31),
        });
    }
    if i.bits(27, 5) != 2 {
        let place = at(i.s1(), 0, ops);
        ops.push(Op::Store {
            place,
            src: Src::Unknown,
            bytes: 8,
        });
    }
}
