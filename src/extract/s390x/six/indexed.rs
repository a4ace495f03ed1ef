// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opcode 0xe3: a register and memory at base, index and a long displacement.

use super::super::{
    CARRY, Fields, POINTER_GUARD, STACK, add, clobber, compare, copy, load, pair, store,
};
use crate::extract::ir::{Flow, Op, Place, Src, Target};

pub fn lower(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let place = i.indexed(i.long());
    match i.get(40, 8) {
        // `bctg`, `bic`.
        0x46 => {
            clobber(ops, [i.reg(8)]);
            ops.push(Op::Address {
                dst: CARRY,
                place,
                bytes: 8,
            });
            return Flow::Call(Target::Reg(CARRY));
        }
        0x47 => {
            let to = Target::Memory(place);
            return match i.reg(8) {
                0 => Flow::Next,
                15 => Flow::Jump(to),
                _ => Flow::Call(to),
            };
        }
        _ if loads(i, place, ops) || stores(i, place, ops) || compares(i, place, ops) => {}
        _ => {
            calculates(i, place, ops);
            ops.push(Op::FlagsLost);
        }
    }
    Flow::Next
}

fn loads(i: Fields, place: Place, ops: &mut Vec<Op>) -> bool {
    let dst = i.reg(8);
    let (bytes, signed) = match i.get(40, 8) {
        0x04 => (8, false),
        0x14 => (4, true),
        0x16 | 0x58 => (4, false),
        0x15 | 0x78 => (2, true),
        0x76 | 0x77 => (1, true),
        0x90 | 0x94 => (1, false),
        0x91 | 0x95 => (2, false),
        0x71 => {
            ops.push(Op::Address {
                dst,
                place,
                bytes: 8,
            });
            return true;
        }
        // And compared with zero.
        code @ (0x02 | 0x12 | 0x32) => {
            let bytes = if code == 0x02 { 8 } else { 4 };
            ops.push(load(dst, place, bytes, code == 0x32));
            let wide = if code == 0x12 { 4 } else { 8 };
            compare(dst, Src::Imm(0), wide, true, ops);
            return true;
        }
        _ => return false,
    };
    ops.push(load(dst, place, bytes, signed));
    // Into the lower half alone.
    if matches!(i.get(40, 8), 0x76 | 0x78) {
        ops.push(copy(dst, dst, 4, false));
    }
    true
}

fn stores(i: Fields, place: Place, ops: &mut Vec<Op>) -> bool {
    let own = Src::Reg(i.reg(8));
    let (src, bytes) = match i.get(40, 8) {
        0x24 | 0x25 => (own, 8),
        0x50 => (own, 4),
        0x70 => (own, 2),
        0x72 => (own, 1),
        // Reversed, decimal, of upper halves, of a pair.
        0x2f | 0x26 | 0x49 => (Src::Unknown, 8),
        0x3e | 0x3f | 0xc3 | 0xc7 | 0xcb => (Src::Unknown, 4),
        0x2e | 0x8e => (Src::Unknown, 16),
        // `pfd`.
        0x36 => return true,
        _ => return false,
    };
    ops.push(store(place, src, bytes));
    true
}

fn compares(i: Fields, place: Place, ops: &mut Vec<Op>) -> bool {
    let (held, bytes, signed) = match i.get(40, 8) {
        0x20 => (8, 8, true),
        0x21 => (8, 8, false),
        0x30 => (4, 8, true),
        0x31 => (4, 8, false),
        0x34 => (2, 8, true),
        0x59 => (4, 4, true),
        0x55 => (4, 4, false),
        0x79 => (2, 4, true),
        0xcd | 0xcf => {
            ops.push(Op::FlagsLost);
            return true;
        }
        _ => return false,
    };
    ops.push(load(CARRY, place, held, signed));
    compare(i.reg(8), Src::Reg(CARRY), bytes, signed, ops);
    true
}

fn calculates(i: Fields, place: Place, ops: &mut Vec<Op>) {
    let dst = i.reg(8);
    let code = i.get(40, 8);
    match code {
        0x08..=0x0b => {
            ops.push(load(CARRY, place, 8, false));
            ops.push(add(dst, Src::Reg(CARRY), code & 1 == 1, 8));
        }
        0x18..=0x1b => {
            ops.push(load(CARRY, place, 4, code < 0x1a));
            ops.push(add(dst, Src::Reg(CARRY), code & 1 == 1, 8));
        }
        0x5a | 0x5b | 0x5e | 0x5f => {
            ops.push(load(CARRY, place, 4, false));
            ops.push(add(dst, Src::Reg(CARRY), code & 1 == 1, 4));
        }
        // A pointer that is xored with the thread's secret counts as that pointer.
        0x82 if place.disp == POINTER_GUARD
            && place.index.is_none()
            && place.base.is_some_and(|base| base != STACK) => {}
        0x0d | 0x1d | 0x5c | 0x84 | 0x86 | 0x87 | 0x8f | 0x96 | 0x97 => clobber(ops, pair(dst)),
        _ => clobber(ops, [dst]),
    }
}
