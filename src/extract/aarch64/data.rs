// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64's arithmetic: immediates, registers, and what of floating point touches general registers.

use super::super::ir::{Op, Reg, Src, Way};
use super::{SCRATCH, SP, Word, at, clobber, copy, read, written};

pub fn immediate(i: Word, address: u64, ops: &mut Vec<Op>) {
    match i.bits(23, 3) {
        0 | 1 => {
            let by = i.signed(5, 19) << 2 | i64::from(i.bits(29, 2));
            let value = match i.bit(31) {
                true => (address & !0xfff).wrapping_add((by << 12) as u64),
                false => address.wrapping_add(by as u64),
            };
            // An address within code more often is a label of a jump table than a function.
            ops.push(Op::Const {
                dst: written(i.d()),
                value,
            });
        }
        2 => add_number(i, ops),
        4 => logical_number(i, ops),
        5 => wide_number(i, ops),
        6 => bitfield(i, ops),
        // Of the tagging ones the destination may be the stack pointer.
        3 => ops.push(Op::Clobber { dst: i.d() }),
        _ => clobber(i.d(), ops),
    }
}

/// Addition and subtraction of a number; without flags 31 is the stack pointer.
fn add_number(i: Word, ops: &mut Vec<Op>) {
    let number = i64::from(i.bits(10, 12)) << if i.bit(22) { 12 } else { 0 };
    let number = if i.bit(30) { -number } else { number };
    let (flags, bytes) = (i.bit(29), i.bytes());
    if i.d() == SP && !flags {
        if i.n() != SP {
            ops.push(copy(SP, i.n(), bytes, false));
        }
        ops.push(Op::Add {
            dst: SP,
            src: Src::Imm(number),
            negative: false,
            bytes,
        });
        return;
    }
    ops.push(Op::Address {
        dst: written(i.d()),
        place: at(i.n(), number),
        bytes,
    });
    if flags {
        // Adding carries as subtracting the opposite does, but for zero.
        compare(i.n(), Src::Imm(-number), i, i.bit(30) || number != 0, ops);
    }
}

/// The flags tell how two numbers compare, if the first is still there.
fn compare(reg: Reg, with: Src, i: Word, sound: bool, ops: &mut Vec<Op>) {
    ops.push(Op::FlagsLost);
    if sound && reg != i.d() {
        ops.push(Op::Compare {
            reg,
            with,
            bytes: i.bytes(),
        });
    }
}

/// The mask that an immediate of logical instructions stands for.
fn mask(i: Word) -> Option<u64> {
    let (n, rotate, set) = (i.bits(22, 1), i.bits(16, 6), i.bits(10, 6));
    let length = 31u32.checked_sub((n << 6 | !set & 0x3f).leading_zeros())?;
    let size = 1u32.checked_shl(length).filter(|size| *size >= 2)?;
    let (rotate, set) = (rotate & (size - 1), set & (size - 1));
    if set == size - 1 {
        return None;
    }
    let ones = (1u64 << (set + 1)) - 1;
    let whole = if size == 64 {
        u64::MAX
    } else {
        (1 << size) - 1
    };
    let turned = match rotate {
        0 => ones,
        _ => (ones >> rotate | ones << (size - rotate)) & whole,
    };
    let mut mask = turned;
    let mut width = size;
    while width < 64 {
        mask |= mask << width;
        width *= 2;
    }
    Some(mask)
}

fn logical_number(i: Word, ops: &mut Vec<Op>) {
    let Some(mask) = mask(i) else {
        return ops.push(Op::Clobber { dst: i.d() });
    };
    let bytes = i.bytes();
    let mask = if bytes == 4 {
        mask & u64::from(u32::MAX)
    } else {
        mask
    };
    // Here 31 is the stack pointer, but for the one that sets flags.
    let flags = i.bits(29, 2) == 3;
    let dst = if flags { written(i.d()) } else { i.d() };
    let src = read(i.n(), ops);
    if dst != src {
        ops.push(copy(dst, src, bytes, false));
    }
    ops.push(match i.bits(29, 2) {
        1 => Op::Or {
            dst,
            src: Src::Imm(mask as i64),
            bytes,
        },
        2 => Op::Xor {
            dst,
            src: Src::Imm(mask as i64),
            bytes,
        },
        _ => Op::And {
            dst,
            mask: mask as i64,
            bytes,
        },
    });
    if flags {
        ops.push(Op::FlagsLost);
    }
}

/// movn, movz, movk.
fn wide_number(i: Word, ops: &mut Vec<Op>) {
    let (number, shift) = (u64::from(i.bits(5, 16)), i.bits(21, 2) as u8 * 16);
    let dst = written(i.d());
    let whole = if i.bit(31) {
        u64::MAX
    } else {
        u64::from(u32::MAX)
    };
    match i.bits(29, 2) {
        0 => ops.push(Op::Const {
            dst,
            value: !(number << shift) & whole,
        }),
        2 => ops.push(Op::Const {
            dst,
            value: number << shift & whole,
        }),
        3 => ops.push(Op::Insert {
            dst,
            value: number,
            shift,
            bytes: 2,
        }),
        _ => clobber(i.d(), ops),
    }
}

/// Shifts by a number and extensions, all of which move a field of bits.
fn bitfield(i: Word, ops: &mut Vec<Op>) {
    let bytes = i.bytes();
    let bits = u32::from(bytes) * 8;
    let (rotate, last) = (i.bits(16, 6), i.bits(10, 6));
    let (dst, signed) = (written(i.d()), i.bits(29, 2) == 0);
    if i.bits(29, 2) == 1 || rotate >= bits || last >= bits {
        return clobber(i.d(), ops);
    }
    let src = read(i.n(), ops);
    let shift = |by: u32, way: Way| Op::Shift {
        dst,
        by: by as u8,
        way,
        bytes,
    };
    let right = if signed { Way::Signed } else { Way::Right };
    if last == bits - 1 {
        ops.push(copy(dst, src, bytes, false));
        ops.push(shift(rotate, right));
        return;
    }
    // A field from the bottom, which goes up, or one that goes to the bottom.
    let (width, up, down) = if last < rotate {
        (last + 1, bits - rotate, 0)
    } else {
        (last + 1 - rotate, 0, rotate)
    };
    ops.push(copy(dst, src, bytes, false));
    ops.push(shift(down, Way::Right));
    match (width, signed) {
        (8 | 16 | 32, _) => ops.push(copy(dst, dst, (width / 8) as u8, signed)),
        (_, false) => ops.push(Op::And {
            dst,
            mask: ((1u64 << width) - 1) as i64,
            bytes: 8,
        }),
        _ => return clobber(i.d(), ops),
    }
    ops.push(shift(up, Way::Left));
    ops.push(copy(dst, dst, bytes, false));
}

/// Arithmetic on registers.
pub fn registers(i: Word, ops: &mut Vec<Op>) {
    match i.bits(24, 5) {
        0b01010 => logical(i, ops),
        0b01011 if i.bit(21) => add_extended(i, ops),
        0b01011 => add(i, ops),
        0b11010 => match i.bits(21, 3) {
            0b010 => ops.push(Op::FlagsLost),
            0b100 => select(i, ops),
            _ => {
                clobber(i.d(), ops);
                if i.bit(29) {
                    ops.push(Op::FlagsLost);
                }
            }
        },
        _ => clobber(i.d(), ops),
    }
}

fn logical(i: Word, ops: &mut Vec<Op>) {
    let (kind, bytes, dst) = (i.bits(29, 2), i.bytes(), written(i.d()));
    let plain = i.bits(22, 2) == 0 && i.bits(10, 6) == 0 && !i.bit(21);
    if kind == 3 {
        ops.push(Op::FlagsLost);
    }
    match kind {
        1 | 2 if plain => {
            let (left, right) = (read(i.n(), ops), read(i.m(), ops));
            if left == right && kind == 2 {
                return ops.push(Op::Const { dst, value: 0 });
            }
            // A move is this with zero.
            if i.n() == 31 {
                return ops.push(copy(dst, right, bytes, false));
            }
            let (first, second) = if dst == right {
                (right, left)
            } else {
                (left, right)
            };
            if dst != first {
                ops.push(copy(dst, first, bytes, false));
            }
            let src = Src::Reg(second);
            ops.push(match kind {
                1 => Op::Or { dst, src, bytes },
                _ => Op::Xor { dst, src, bytes },
            });
        }
        _ => clobber(i.d(), ops),
    }
}

fn add(i: Word, ops: &mut Vec<Op>) {
    let (flags, negative) = (i.bit(29), i.bit(30));
    let (left, right) = (read(i.n(), ops), read(i.m(), ops));
    if i.bits(22, 2) == 0 {
        ops.push(Op::Sum {
            dst: written(i.d()),
            left,
            right,
            shift: i.bits(10, 6) as u8,
            negative,
            bytes: i.bytes(),
        });
    } else {
        clobber(i.d(), ops);
    }
    if flags {
        let plain = negative && i.bits(10, 6) == 0 && i.m() != i.d();
        compare(left, Src::Reg(right), i, plain, ops);
    }
}

/// The second operand is a part of a register, extended and shifted.
fn add_extended(i: Word, ops: &mut Vec<Op>) {
    let (flags, negative) = (i.bit(29), i.bit(30));
    let right = extended(i, ops);
    let dst = if flags { written(i.d()) } else { i.d() };
    ops.push(Op::Sum {
        dst,
        left: i.n(),
        right,
        shift: i.bits(10, 3) as u8,
        negative,
        bytes: i.bytes(),
    });
    if flags {
        ops.push(Op::FlagsLost);
    }
}

/// The register Rm as its three bits from 13 on say: which bytes of it, signed or not.
pub fn extended(i: Word, ops: &mut Vec<Op>) -> Reg {
    let src = read(i.m(), ops);
    let bytes = 1u8 << i.bits(13, 2);
    if bytes == 8 {
        return src;
    }
    ops.push(copy(SCRATCH, src, bytes, i.bit(15)));
    SCRATCH
}

/// csel, csinc, csinv, csneg.
fn select(i: Word, ops: &mut Vec<Op>) {
    let (left, right, bytes) = (read(i.n(), ops), read(i.m(), ops), i.bytes());
    let other = match (i.bit(30), i.bit(10)) {
        (false, false) => copy(SCRATCH, right, bytes, false),
        (false, true) => Op::Address {
            dst: SCRATCH,
            place: at(right, 1),
            bytes,
        },
        // The opposite, bit by bit or as a number: of zero they are known.
        (true, inc) if i.m() == 31 => Op::Const {
            dst: SCRATCH,
            value: match (inc, bytes) {
                (true, _) => 0,
                (false, 4) => u64::from(u32::MAX),
                (false, _) => u64::MAX,
            },
        },
        _ => return clobber(i.d(), ops),
    };
    ops.push(other);
    let dst = written(i.d());
    if dst == SCRATCH {
        return;
    }
    ops.push(copy(dst, left, bytes, false));
    ops.push(Op::Either { dst, src: SCRATCH });
}

/// Floating point and vectors: of interest where a general register is written.
pub fn floating(i: Word, ops: &mut Vec<Op>) {
    let converts = i.bits(24, 5) == 0b11110
        && !i.bit(30)
        && !i.bit(29)
        && (!i.bit(21) || i.bits(10, 6) == 0)
        && ![2, 3, 7].contains(&i.bits(16, 3));
    // umov and smov.
    let moves = i.0 & 0xbfe0_ec00 == 0x0e00_2c00;
    if converts || moves {
        clobber(i.d(), ops);
    }
    ops.push(Op::FlagsLost);
}
