// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of six bytes: relative addresses, long displacements, compare and branch, blocks of memory.

use super::{
    CARRY, FLOATS, Fields, R1, RESULT, add, at, branch, clobber, compare, condition, copy, link,
    load, multiple, number, pair, store,
};
use crate::extract::ir::{Flow, Op, Place, Src, Target, Way};

mod indexed;

/// Longest block that is copied register by register.
const LONGEST_COPY: u64 = 64;

pub fn lower(i: Fields, code: &[u8], ops: &mut Vec<Op>) -> Option<Flow> {
    match i.opcode() {
        0xc0 => return Some(wide(i, ops)),
        0xc2 => arithmetic(i, ops),
        0xc4 => relative(i, ops),
        0xc6 => {
            if i.get(12, 4) == 0 {
                execute(i, code, ops);
            }
            ops.push(Op::FlagsLost);
        }
        // Hints where branches will be.
        0xc5 | 0xc7 => {}
        0xc8 => {
            clobber(ops, [0, R1]);
            clobber(ops, pair(i.reg(8)));
            ops.push(Op::FlagsLost);
        }
        0xcc => {
            clobber(ops, [i.reg(8)]);
            ops.push(Op::FlagsLost);
            if i.get(12, 4) == 6 {
                return Some(branch(1, i.relative(16, 32)));
            }
        }
        0xd0..=0xdf | 0xe1 | 0xe2 | 0xe8..=0xea | 0xf0..=0xff => {
            block(i, i.get(8, 8) + 1, ops);
        }
        0xe3 => return Some(indexed::lower(i, ops)),
        0xe5 => immediate(i, ops),
        0xe6 | 0xe7 => vector(i, ops),
        0xeb => return Some(several(i, ops)),
        0xec => return Some(fused(i, ops)),
        0xed => float(i, ops),
        // `plo`.
        0xee => {
            clobber(ops, 0..15);
            ops.push(Op::FlagsLost);
        }
        // `lmd`, the only one that may load the stack pointer from two places.
        0xef => clobber(ops, 0..16),
        _ => return None,
    }
    Some(Flow::Next)
}

/// A register and 32 bits.
fn wide(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let (dst, kind) = (i.reg(8), i.get(12, 4));
    let value = i.get(16, 32);
    let insert = |shift: u8| Op::Insert {
        dst,
        value,
        shift,
        bytes: 4,
    };
    let low = u64::from(u32::MAX);
    match kind {
        0 => ops.push(Op::Address {
            dst,
            place: at(i.relative(16, 32)),
            bytes: 8,
        }),
        1 => ops.push(number(dst, i.signed(16, 32), 8)),
        4 => return branch(dst, i.relative(16, 32)),
        5 => {
            let to = Target::Address(i.relative(16, 32));
            return link(i, dst, Some(to), ops);
        }
        6 | 7 => ops.push(Op::Xor {
            dst,
            src: Src::Imm((value << if kind == 6 { 32 } else { 0 }) as i64),
            bytes: 8,
        }),
        8 => ops.push(insert(32)),
        9 => ops.push(insert(0)),
        10 | 11 => ops.push(Op::And {
            dst,
            mask: if kind == 10 {
                value << 32 | low
            } else {
                value | low << 32
            } as i64,
            bytes: 8,
        }),
        12 | 13 => ops.push(Op::Or {
            dst,
            src: Src::Imm((value << if kind == 12 { 32 } else { 0 }) as i64),
            bytes: 8,
        }),
        14 => ops.push(number(dst, (value << 32) as i64, 8)),
        15 => ops.push(number(dst, value as i64, 8)),
        _ => clobber(ops, [dst]),
    }
    if matches!(kind, 2 | 3 | 6 | 7 | 10..=13) {
        ops.push(Op::FlagsLost);
    }
    Flow::Next
}

/// Sums and comparisons with 32 bits.
fn arithmetic(i: Fields, ops: &mut Vec<Op>) {
    let (dst, kind) = (i.reg(8), i.get(12, 4));
    let bytes = if kind & 1 == 1 { 4 } else { 8 };
    let signed = i.signed(16, 32);
    let unsigned = i.get(16, 32) as i64;
    match kind {
        4 | 5 => ops.push(add(dst, Src::Imm(unsigned), true, bytes)),
        8 | 9 => ops.push(add(dst, Src::Imm(signed), false, bytes)),
        10 | 11 => ops.push(add(dst, Src::Imm(unsigned), false, bytes)),
        12 | 13 => return compare(dst, Src::Imm(signed), bytes, true, ops),
        14 | 15 => return compare(dst, Src::Imm(unsigned), bytes, false, ops),
        _ => clobber(ops, [dst]),
    }
    ops.push(Op::FlagsLost);
}

/// Loads and stores at an address relative to the instruction.
fn relative(i: Fields, ops: &mut Vec<Op>) {
    let reg = i.reg(8);
    let place = at(i.relative(16, 32));
    ops.push(match i.get(12, 4) {
        2 | 6 => load(reg, place, 2, false),
        4 | 5 => load(reg, place, 2, true),
        7 => store(place, Src::Reg(reg), 2),
        8 => load(reg, place, 8, false),
        11 => store(place, Src::Reg(reg), 8),
        12 => load(reg, place, 4, true),
        13 | 14 => load(reg, place, 4, false),
        15 => store(place, Src::Reg(reg), 4),
        _ => Op::Clobber { dst: reg },
    });
}

/// `exrl`: mostly a block of memory whose length is in a register.
fn execute(i: Fields, code: &[u8], ops: &mut Vec<Op>) {
    let distance = i.relative(16, 32).wrapping_sub(i.address);
    let target = usize::try_from(distance)
        .ok()
        .and_then(|from| code.get(from..)?.get(..6));
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match target {
        Some(bytes) if matches!(bytes[0], 0xd0..=0xdf) => {
            let bits = bytes.iter().fold(0, join) << 16;
            block(Fields { bits, ..i }, 256, ops);
        }
        _ => clobber(ops, (0..15).chain(FLOATS..FLOATS + 16)),
    }
}

/// Two blocks of memory, of which the first may be written.
fn block(i: Fields, length: u64, ops: &mut Vec<Op>) {
    let (to, from) = (i.short(16), i.short(32));
    let whole = length <= LONGEST_COPY && length.is_multiple_of(8);
    match i.opcode() {
        // `trtr`, `trt`, `edmk` find something.
        0xd0 | 0xdd | 0xdf => clobber(ops, [R1, RESULT]),
        _ => {}
    }
    match i.opcode() {
        0xd2 if whole => {
            for at in (0..length as i64).step_by(8) {
                let by = |place: Place| Place {
                    disp: place.disp + at,
                    ..place
                };
                ops.push(load(CARRY, by(from), 8, false));
                ops.push(store(by(to), Src::Reg(CARRY), 8));
            }
        }
        0xd7 if whole && to == from => {
            for at in (0..length as i64).step_by(8) {
                let disp = to.disp + at;
                ops.push(store(Place { disp, ..to }, Src::Imm(0), 8));
            }
        }
        // Comparisons and searches.
        0xd0 | 0xd5 | 0xdd | 0xf9 => {}
        _ => {
            for at in (0..length as i64).step_by(128) {
                let disp = to.disp + at;
                let left = (length as i64 - at).min(128) as u8;
                ops.push(store(Place { disp, ..to }, Src::Unknown, left));
            }
        }
    }
    if i.opcode() != 0xd2 {
        ops.push(Op::FlagsLost);
    }
}

/// A number into memory, or compared with it.
fn immediate(i: Fields, ops: &mut Vec<Op>) {
    let place = i.short(16);
    let value = Src::Imm(i.signed(32, 16));
    match i.get(8, 8) {
        0x44 => ops.push(store(place, value, 2)),
        0x48 => ops.push(store(place, value, 8)),
        0x4c => ops.push(store(place, value, 4)),
        0x54 | 0x55 | 0x58 | 0x59 | 0x5c | 0x5d => ops.push(Op::FlagsLost),
        // A transaction: what fails comes back to here with what it has changed.
        0x60 | 0x61 => {
            clobber(ops, 0..15);
            ops.push(Op::FlagsLost);
        }
        _ => {
            clobber(ops, [0, R1]);
            ops.push(store(place, Src::Unknown, 255));
            ops.push(Op::FlagsLost);
        }
    }
}

fn vector(i: Fields, ops: &mut Vec<Op>) {
    let (group, code) = (i.opcode(), i.get(40, 8));
    let place = i.short(16);
    match (group, code) {
        // What is found goes to a general register.
        (0xe7, 0x21 | 0x27) | (0xe6, 0x50 | 0x52) => clobber(ops, [i.reg(8)]),
        (0xe7, 0x08..=0x0b | 0x0e) | (0xe6, 0x09..=0x0b | 0x0e | 0x0f) => {
            ops.push(store(i.indexed(place), Src::Unknown, 16));
        }
        (0xe7, 0x3f) | (0xe6, 0x34..=0x3f) => {
            ops.push(store(place, Src::Unknown, 16));
            clobber(ops, FLOATS..FLOATS + 16);
        }
        (0xe7, 0x3e) => {
            for step in 0..=(i.reg(12).wrapping_sub(i.reg(8)) & 15) {
                let disp = place.disp + 16 * i64::from(step);
                ops.push(store(Place { disp, ..place }, Src::Unknown, 16));
            }
        }
        (0xe7, 0x36) => clobber(ops, FLOATS..FLOATS + 16),
        _ => {
            if (group, code) == (0xe7, 0x06) {
                let place = i.indexed(place);
                ops.push(Op::LoadWide { place });
            }
            clobber(ops, [FLOATS + i.reg(8)]);
        }
    }
    ops.push(Op::FlagsLost);
}

/// Opcode 0xed: floating point and memory.
fn float(i: Fields, ops: &mut Vec<Op>) {
    let reg = i.reg(8);
    let long = i.indexed(i.long());
    match i.get(40, 8) {
        0x65 => ops.push(load(FLOATS + reg, long, 8, false)),
        0x66 => ops.push(store(long, Src::Unknown, 4)),
        0x67 => ops.push(store(long, Src::Reg(FLOATS + reg), 8)),
        code => {
            if code >= 0xa8 {
                ops.push(store(i.short(16), Src::Unknown, 64));
            }
            let touched = [reg, reg + 1, reg + 2, i.reg(32), i.reg(32) + 2];
            clobber(ops, touched.map(|reg| FLOATS + (reg & 15)));
            ops.push(Op::FlagsLost);
        }
    }
}

/// Opcode 0xeb: several registers, shifts, memory that is changed in place.
fn several(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let place = i.long();
    let (first, second) = (i.reg(8), i.reg(12));
    let code = i.get(40, 8);
    match code {
        0x04 => multiple(i, place, 8, true, ops),
        0x24 => multiple(i, place, 8, false, ops),
        0x98 => multiple(i, place, 4, true, ops),
        0x26 | 0x90 => multiple(i, place, 4, false, ops),
        0x0a..=0x0d | 0xdc..=0xdf => shift(i, ops),
        0x1c | 0x1d | 0x4c => clobber(ops, [first]),
        0x52 => ops.push(store(place, Src::Imm(i.get(8, 8) as i64), 1)),
        0x20 | 0x21 | 0x51 | 0x55 | 0xc0 => ops.push(Op::FlagsLost),
        0x54 | 0x56 | 0x57 | 0x6a | 0x6e | 0x7a | 0x7e => {
            ops.push(store(place, Src::Unknown, 8));
            ops.push(Op::FlagsLost);
        }
        // Conditional and masked stores, `stamy`.
        0x2c | 0x2d | 0xe1 | 0xe3 | 0xf3 => ops.push(store(place, Src::Unknown, 8)),
        0x9b => ops.push(store(place, Src::Unknown, 64)),
        // Traps on a condition, access registers.
        0x23 | 0x2b | 0x9a => {}
        0xe2 | 0xf2 => ops.push(Op::EitherLoad {
            dst: first,
            place,
            bytes: if code == 0xe2 { 8 } else { 4 },
        }),
        0xe0 | 0x80 | 0x81 => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
        }
        // `csg`, `laag` and their like.
        0x14 | 0x30 | 0xe4 | 0xe6..=0xe8 | 0xea | 0xf4 | 0xf6..=0xf8 | 0xfa => {
            clobber(ops, [first]);
            ops.push(store(place, Src::Unknown, 8));
            ops.push(Op::FlagsLost);
        }
        0x44 | 0x45 => {
            ops.push(Op::Address {
                dst: CARRY,
                place,
                bytes: 8,
            });
            clobber(ops, [first]);
            return Flow::Call(Target::Reg(CARRY));
        }
        0x96 => clobber(
            ops,
            (0..=(second.wrapping_sub(first) & 15)).map(|n| (first + n) & 15),
        ),
        _ => {
            clobber(ops, pair(first));
            clobber(ops, pair(second));
            ops.push(store(place, Src::Unknown, 16));
            ops.push(Op::FlagsLost);
        }
    }
    Flow::Next
}

fn shift(i: Fields, ops: &mut Vec<Op>) {
    let code = i.get(40, 8);
    let bytes = if code < 0x10 { 8 } else { 4 };
    let dst = i.reg(8);
    match i.reg(16) {
        0 => {
            ops.push(copy(dst, i.reg(12), bytes, false));
            ops.push(Op::Shift {
                dst,
                by: (i.get(20, 12) & 63) as u8,
                way: match code & 0xf {
                    0xa if bytes == 8 => Way::Signed,
                    0xc if bytes == 4 => Way::Signed,
                    0xc | 0xe => Way::Right,
                    _ => Way::Left,
                },
                bytes,
            });
        }
        _ => clobber(ops, [dst]),
    }
    // Those with signs.
    if matches!(code, 0x0a | 0x0b | 0xdc | 0xdd) {
        ops.push(Op::FlagsLost);
    }
}

/// Opcode 0xec: compare and branch, insert of rotated bits, three operands.
fn fused(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let (first, second) = (i.reg(8), i.reg(12));
    let code = i.get(40, 8);
    let signed = code & 1 == 0;
    match code {
        0x44 | 0x45 => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
            return branch(1, i.relative(16, 16));
        }
        0x42 | 0x46 => {
            let bytes = if code == 0x42 { 4 } else { 8 };
            ops.push(number(CARRY, i.signed(16, 16), bytes));
            ops.push(Op::Either {
                dst: first,
                src: CARRY,
            });
        }
        0x64 | 0x65 | 0x76 | 0x77 | 0xe4 | 0xe5 | 0xf6 | 0xf7 => {
            let bytes = if matches!(code, 0x76 | 0x77 | 0xf6 | 0xf7) {
                4
            } else {
                8
            };
            compare(first, Src::Reg(second), bytes, signed, ops);
            return compared(i, i.reg(32), code >= 0xe0, ops);
        }
        0x7c..=0x7f | 0xfc..=0xff => {
            let bytes = if code & 2 == 2 { 4 } else { 8 };
            let with = if signed {
                i.signed(32, 8)
            } else {
                i.get(32, 8) as i64
            };
            compare(first, Src::Imm(with), bytes, signed, ops);
            return compared(i, second, code >= 0xe0, ops);
        }
        // Traps on a condition.
        0x70..=0x73 => {}
        0x55 | 0x59 => rotated(i, ops),
        0xd8..=0xdb => {
            let bytes = if code & 1 == 0 { 4 } else { 8 };
            ops.push(number(CARRY, i.signed(16, 16), 8));
            ops.push(super::sum(first, second, CARRY, false, bytes));
            ops.push(Op::FlagsLost);
        }
        _ => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
        }
    }
    Flow::Next
}

/// The branch of a comparison: relative, or to where a base and a displacement say.
fn compared(i: Fields, mask: u8, by_register: bool, ops: &mut Vec<Op>) -> Flow {
    if !by_register {
        return branch(mask, i.relative(16, 16));
    }
    if (i.reg(16), i.get(20, 12)) == (super::LINK, 0) {
        return Flow::ReturnIf(condition(mask));
    }
    ops.push(Op::Address {
        dst: CARRY,
        place: i.short(16),
        bytes: 8,
    });
    Flow::Call(Target::Reg(CARRY))
}

/// `risbg`: bits of a register, rotated left; the others are cleared or stay.
fn rotated(i: Fields, ops: &mut Vec<Op>) {
    let (dst, src) = (i.reg(8), i.reg(12));
    let (from, to) = (i.get(16, 8) & 63, i.get(24, 8) & 63);
    let by = i.get(32, 8) as u32 & 63;
    let clears = i.get(24, 1) == 1;
    let mask = u64::MAX >> from & u64::MAX << (63 - to);
    let left = u64::MAX << by;
    if !clears || from > to {
        clobber(ops, [dst]);
    } else if mask & !left == 0 {
        kept(dst, src, mask >> by, ops);
        turn(dst, by, Way::Left, ops);
    } else if mask & left == 0 {
        ops.push(copy(dst, src, 8, false));
        turn(dst, 64 - by, Way::Right, ops);
        kept(dst, dst, mask, ops);
    } else {
        clobber(ops, [dst]);
        kept(dst, dst, mask, ops);
    }
    if i.get(40, 8) == 0x55 {
        ops.push(Op::FlagsLost);
    }
}

/// A copy of the bits in the mask.
fn kept(dst: u8, src: u8, mask: u64, ops: &mut Vec<Op>) {
    let bytes = if mask == u64::from(u32::MAX) { 4 } else { 8 };
    ops.push(copy(dst, src, bytes, false));
    if bytes == 8 && mask != u64::MAX {
        ops.push(Op::And {
            dst,
            mask: mask as i64,
            bytes: 8,
        });
    }
}

fn turn(dst: u8, by: u32, way: Way, ops: &mut Vec<Op>) {
    if by != 0 {
        ops.push(Op::Shift {
            dst,
            by: by as u8,
            way,
            bytes: 8,
        });
    }
}
