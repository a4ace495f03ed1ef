// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of four bytes.

use super::{
    CARRY, FLOATS, Fields, R1, add, branch, branch_by, clobber, compare, compare_memory, copy,
    link, load, multiple, number, pair, store, sum,
};
use crate::extract::ir::{Flow, Op, Src, Target, Way};

pub fn lower(i: Fields, ops: &mut Vec<Op>) -> Option<Flow> {
    let (first, second) = (i.reg(8), i.reg(12));
    let to = |ops: &mut Vec<Op>| {
        ops.push(Op::Address {
            dst: CARRY,
            place: i.indexed(i.short(16)),
            bytes: 8,
        });
        CARRY
    };
    match i.opcode() {
        // What `ex` executes is not known.
        0x44 => {
            clobber(ops, (0..15).chain(FLOATS..FLOATS + 16));
            ops.push(Op::FlagsLost);
        }
        0x45 | 0x4d => {
            let to = Target::Reg(to(ops));
            return Some(link(i, first, Some(to), ops));
        }
        0x46 => {
            let to = to(ops);
            clobber(ops, [first]);
            return Some(Flow::Call(Target::Reg(to)));
        }
        // `nop`, a branch to where a register points, one to the sum of two.
        0x47 if first == 0 => {}
        0x47 if second == 0 && i.get(20, 12) == 0 => {
            return Some(branch_by(first, i.reg(16)));
        }
        0x47 => return Some(branch_by(first, to(ops))),
        0x84 | 0x85 => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
            return Some(branch(1, i.relative(16, 16)));
        }
        0x86 | 0x87 => {
            let place = i.short(16);
            ops.push(Op::Address {
                dst: CARRY,
                place,
                bytes: 8,
            });
            clobber(ops, [first]);
            return Some(Flow::Call(Target::Reg(CARRY)));
        }
        0x40..=0x7f => memory(i, ops),
        0xa5 => halves(i, ops),
        0xa7 => return Some(immediate(i, ops)),
        0xb2 => control(i, ops),
        0xb3 => floats(i, ops),
        0xb9 => return Some(registers(i, ops)),
        0x80..=0xbf => storage(i, ops),
        _ => return None,
    }
    Some(Flow::Next)
}

/// A register and memory at base, index and displacement.
fn memory(i: Fields, ops: &mut Vec<Op>) {
    let place = i.indexed(i.short(16));
    let reg = i.reg(8);
    let opcode = i.opcode();
    match opcode {
        0x40 => ops.push(store(place, Src::Reg(reg), 2)),
        0x41 => ops.push(Op::Address {
            dst: reg,
            place,
            bytes: 8,
        }),
        0x42 => ops.push(store(place, Src::Reg(reg), 1)),
        0x43 | 0x4c | 0x4f | 0x51 | 0x71 => clobber(ops, [reg]),
        0x48 => {
            ops.push(load(reg, place, 2, true));
            ops.push(copy(reg, reg, 4, false));
        }
        0x49 => compare_memory(reg, place, 2, true, ops),
        0x4e => ops.push(store(place, Src::Unknown, 8)),
        0x50 => ops.push(store(place, Src::Reg(reg), 4)),
        0x55 | 0x59 => compare_memory(reg, place, 4, opcode == 0x59, ops),
        0x58 => ops.push(load(reg, place, 4, false)),
        0x5a | 0x5b | 0x5e | 0x5f => {
            ops.push(load(CARRY, place, 4, false));
            ops.push(add(reg, Src::Reg(CARRY), opcode & 1 == 1, 4));
            ops.push(Op::FlagsLost);
        }
        0x60 => ops.push(store(place, Src::Reg(FLOATS + reg), 8)),
        0x68 => ops.push(load(FLOATS + reg, place, 8, false)),
        0x70 => ops.push(store(place, Src::Unknown, 4)),
        0x5c | 0x5d => clobber(ops, pair(reg)),
        0x61..=0x7f => {
            let touched = [reg, reg + 1, reg + 2];
            clobber(ops, touched.map(|reg| FLOATS + (reg & 15)));
            ops.push(Op::FlagsLost);
        }
        _ => {
            clobber(ops, [reg]);
            ops.push(Op::FlagsLost);
        }
    }
}

/// Halfwords put into, cleared from or set in a register.
fn halves(i: Fields, ops: &mut Vec<Op>) {
    let (dst, kind) = (i.reg(8), i.get(12, 4));
    let shift = 48 - 16 * (kind as u8 & 3);
    let value = i.get(16, 16);
    match kind >> 2 {
        0 => ops.push(Op::Insert {
            dst,
            value,
            shift,
            bytes: 2,
        }),
        1 => {
            let mask = !(0xffff << shift) | value << shift;
            ops.push(Op::And {
                dst,
                mask: mask as i64,
                bytes: 8,
            });
            ops.push(Op::FlagsLost);
        }
        2 => {
            ops.push(Op::Or {
                dst,
                src: Src::Imm((value << shift) as i64),
                bytes: 8,
            });
            ops.push(Op::FlagsLost);
        }
        _ => ops.push(number(dst, (value << shift) as i64, 8)),
    }
}

/// A register and a signed halfword; relative branches.
fn immediate(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let dst = i.reg(8);
    let value = i.signed(16, 16);
    let kind = i.get(12, 4);
    // The odd ones of a pair are those of 64 bits.
    let bytes = if kind & 1 == 1 { 8 } else { 4 };
    match kind {
        4 => return branch(dst, i.relative(16, 16)),
        5 => {
            let to = Target::Address(i.relative(16, 16));
            return link(i, dst, Some(to), ops);
        }
        6 | 7 => {
            clobber(ops, [dst]);
            ops.push(Op::FlagsLost);
            return branch(1, i.relative(16, 16));
        }
        8 | 9 => ops.push(number(dst, value, bytes)),
        10 | 11 => {
            ops.push(add(dst, Src::Imm(value), false, bytes));
            ops.push(Op::FlagsLost);
        }
        12 | 13 => clobber(ops, [dst]),
        14 | 15 => compare(dst, Src::Imm(value), bytes, true, ops),
        _ => ops.push(Op::FlagsLost),
    }
    Flow::Next
}

/// Opcodes 0x80 to 0xbf: shifts, bytes in memory, several registers, comparing and swapping.
fn storage(i: Fields, ops: &mut Vec<Op>) {
    let place = i.short(16);
    let (first, second) = (i.reg(8), i.reg(12));
    let opcode = i.opcode();
    match opcode {
        0x88..=0x8b => {
            match i.reg(16) {
                0 => ops.push(Op::Shift {
                    dst: first,
                    by: (i.get(20, 12) & 63) as u8,
                    way: match opcode {
                        0x88 => Way::Right,
                        0x8a => Way::Signed,
                        _ => Way::Left,
                    },
                    bytes: 4,
                }),
                _ => clobber(ops, [first]),
            }
            ops.push(Op::FlagsLost);
        }
        0x90 => multiple(i, place, 4, false, ops),
        0x98 => multiple(i, place, 4, true, ops),
        0x92 => ops.push(store(place, Src::Imm(i.get(8, 8) as i64), 1)),
        0x93 | 0x94 | 0x96 | 0x97 => {
            ops.push(store(place, Src::Unknown, 1));
            ops.push(Op::FlagsLost);
        }
        0x91 | 0x95 | 0xbd => ops.push(Op::FlagsLost),
        0x9a => {}
        0x9b => ops.push(store(place, Src::Unknown, 64)),
        0xba => {
            clobber(ops, [first]);
            ops.push(store(place, Src::Unknown, 4));
            ops.push(Op::FlagsLost);
        }
        0xbe => ops.push(store(place, Src::Unknown, 4)),
        0xbf => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
        }
        _ => {
            clobber(ops, pair(first));
            clobber(ops, pair(second));
            ops.push(store(place, Src::Unknown, 128));
            ops.push(Op::FlagsLost);
        }
    }
}

/// Opcode 0xb2: strings, clocks, access registers.
fn control(i: Fields, ops: &mut Vec<Op>) {
    let (first, second) = (i.reg(24), i.reg(28));
    match i.get(8, 8) {
        // `ipm`, `ear`, `msr`, `etnd`.
        0x22 | 0x4f | 0x52 | 0xec => clobber(ops, [first]),
        // Access registers, rounding, hints.
        0x4d | 0x4e | 0x99 | 0x9d | 0xb8 | 0xb9 | 0xe8 | 0xfa => {}
        // `mvst`, `clst`, `srst`.
        0x55 | 0x5d | 0x5e => {
            clobber(ops, [first, second]);
            ops.push(Op::FlagsLost);
        }
        // `stck`, `stckf`, `stcke`, `stfpc`.
        0x05 | 0x7c | 0x78 | 0x9c => {
            ops.push(store(i.short(16), Src::Unknown, 16));
            ops.push(Op::FlagsLost);
        }
        // `stfle`.
        0xb0 => {
            clobber(ops, [0]);
            ops.push(store(i.short(16), Src::Unknown, 255));
            ops.push(Op::FlagsLost);
        }
        _ => others(i, ops),
    }
}

/// Whatever general registers an instruction could name, and those that some use unnamed.
fn others(i: Fields, ops: &mut Vec<Op>) {
    clobber(ops, [0, R1, 2, i.reg(16)]);
    clobber(ops, pair(i.reg(24)));
    clobber(ops, pair(i.reg(28)));
    ops.push(Op::FlagsLost);
}

/// Opcode 0xb3: floating point; some results go to general registers.
fn floats(i: Fields, ops: &mut Vec<Op>) {
    let (first, second) = (i.reg(24), i.reg(28));
    match i.get(8, 8) {
        0xc1 => ops.push(copy(FLOATS + first, second, 8, false)),
        0xcd => ops.push(copy(first, FLOATS + second, 8, false)),
        0x8c | 0x98..=0x9f | 0xa8..=0xaf | 0xb8..=0xbf | 0xc8..=0xcb | 0xe1..=0xef => {
            clobber(ops, pair(first));
            ops.push(Op::FlagsLost);
        }
        _ => {
            let touched = [first, first + 1, first + 2, i.reg(16), i.reg(16) + 2];
            clobber(ops, touched.map(|reg| FLOATS + (reg & 15)));
            ops.push(Op::FlagsLost);
        }
    }
}

/// Opcode 0xb9: arithmetic on registers.
fn registers(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let (first, second) = (i.reg(24), i.reg(28));
    let code = i.get(8, 8);
    match code {
        0x04 => ops.push(copy(first, second, 8, false)),
        0x14 => ops.push(copy(first, second, 4, true)),
        0x16 => ops.push(copy(first, second, 4, false)),
        0x06 | 0x07 => ops.push(copy(first, second, code as u8 - 5, true)),
        0x84 | 0x94 => ops.push(copy(first, second, 1, false)),
        0x85 | 0x95 => ops.push(copy(first, second, 2, false)),
        0x26 | 0x27 => {
            ops.push(copy(first, second, code as u8 - 0x25, true));
            ops.push(copy(first, first, 4, false));
        }
        // `ltgr`, `ltgfr`.
        0x02 | 0x12 => {
            ops.push(copy(
                first,
                second,
                if code == 2 { 8 } else { 4 },
                code != 2,
            ));
            compare(first, Src::Imm(0), 8, true, ops);
        }
        0x20 | 0x21 => compare(first, Src::Reg(second), 8, code == 0x20, ops),
        0x30 | 0x31 => {
            ops.push(copy(CARRY, second, 4, code == 0x30));
            compare(first, Src::Reg(CARRY), 8, code == 0x30, ops);
        }
        // `locgr`, `locr`.
        0xe2 | 0xf2 => {
            let bytes = if code == 0xe2 { 8 } else { 4 };
            ops.push(copy(CARRY, second, bytes, false));
            ops.push(Op::Either {
                dst: first,
                src: CARRY,
            });
        }
        0x46 => {
            clobber(ops, [first]);
            return match second {
                0 => Flow::Next,
                _ => Flow::Call(Target::Reg(second)),
            };
        }
        // Traps on a condition.
        0x60 | 0x61 | 0x72 | 0x73 => {}
        _ if calculates(i, ops) => ops.push(Op::FlagsLost),
        // Results of one register.
        0x00
        | 0x01
        | 0x0c
        | 0x0f
        | 0x10
        | 0x11
        | 0x13
        | 0x17
        | 0x1c
        | 0x1f
        | 0x80
        | 0x88
        | 0x89
        | 0x98
        | 0x99
        | 0xe1
        | 0xe3
        | 0xe4
        | 0xe5
        | 0xed
        | 0xf0
        | 0xf4
        | 0xf5
        | 0xfd
        | 0x64..=0x67
        | 0x74..=0x77 => {
            clobber(ops, [first]);
            ops.push(Op::FlagsLost);
        }
        // Of a pair.
        0x0d | 0x1d | 0x83 | 0x86 | 0x87 | 0x96 | 0x97 | 0xec => {
            clobber(ops, pair(first));
            ops.push(Op::FlagsLost);
        }
        _ => others(i, ops),
    }
    Flow::Next
}

/// Sums, differences, bits of two registers; false if it is something else.
fn calculates(i: Fields, ops: &mut Vec<Op>) -> bool {
    let (first, second, third) = (i.reg(24), i.reg(28), i.reg(16));
    let code = i.get(8, 8);
    match code {
        0x08 | 0x0a => ops.push(add(first, Src::Reg(second), false, 8)),
        0x09 | 0x0b => ops.push(add(first, Src::Reg(second), true, 8)),
        0x18..=0x1b => {
            ops.push(copy(CARRY, second, 4, code < 0x1a));
            ops.push(add(first, Src::Reg(CARRY), code & 1 == 1, 8));
        }
        0x03 => {
            ops.push(number(CARRY, 0, 8));
            ops.push(sum(first, CARRY, second, true, 8));
        }
        0xe8..=0xeb => ops.push(sum(first, second, third, code & 1 == 1, 8)),
        0xf8..=0xfb => ops.push(sum(first, second, third, code & 1 == 1, 4)),
        0x82 if first == second => ops.push(number(first, 0, 8)),
        0x81 | 0x82 => ops.push(bits(first, second, code == 0x82, 8)),
        0xe6 | 0xe7 | 0xf6 | 0xf7 => {
            let bytes = if code < 0xf0 { 8 } else { 4 };
            if second == third && code & 1 == 1 {
                ops.push(number(first, 0, 8));
            } else {
                ops.push(copy(CARRY, second, 8, false));
                ops.push(bits(CARRY, third, code & 1 == 1, bytes));
                ops.push(copy(first, CARRY, 8, false));
            }
        }
        _ => return false,
    }
    true
}

/// Either of two registers' bits, or those of only one of them.
fn bits(dst: u8, src: u8, exclusive: bool, bytes: u8) -> Op {
    let src = Src::Reg(src);
    if exclusive {
        Op::Xor { dst, src, bytes }
    } else {
        Op::Or { dst, src, bytes }
    }
}
