// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rotations under a mask, which are how PowerPC shifts and clears.

use super::{Fields, copy, record};
use crate::extract::ir::{Op, Reg, Way};

/// Opcodes 20 to 23: of the low half of a register.
pub fn words(i: Fields, ops: &mut Vec<Op>) {
    let (dst, src, by) = (i.a(), i.t(), u32::from(i.b()));
    let (from, to) = (i.0 >> 6 & 31, i.0 >> 1 & 31);
    if i.opcode() != 21 || from > to {
        ops.push(Op::Clobber { dst });
    } else {
        let mask = u64::from(u32::MAX) >> from & !(u64::from(u32::MAX) >> 1 >> to);
        masked(dst, src, by, mask, 4, ops);
    }
    if i.record() {
        record(dst, ops);
    }
}

/// Opcode 30: of whole registers.
pub fn doublewords(i: Fields, ops: &mut Vec<Op>) {
    let (dst, src) = (i.a(), i.t());
    let by = u32::from(i.b()) | (i.0 & 2) << 4;
    let end = (i.0 >> 6 & 31) | i.0 & 32;
    match i.0 >> 2 & 7 {
        0 => masked(dst, src, by, u64::MAX >> end, 8, ops),
        1 => masked(dst, src, by, !(u64::MAX >> 1 >> end), 8, ops),
        2 => {
            let mask = u64::MAX >> end & u64::MAX << by;
            masked(dst, src, by, mask, 8, ops);
        }
        _ => ops.push(Op::Clobber { dst }),
    }
    if i.record() {
        record(dst, ops);
    }
}

/// What is rotated left and then masked: mostly a shift of some bits.
fn masked(dst: Reg, src: Reg, by: u32, mask: u64, bytes: u8, ops: &mut Vec<Op>) {
    let bits = 8 * u32::from(bytes);
    let all = u64::MAX >> (64 - bits);
    let to_left = all << by & all;
    if mask & !to_left == 0 {
        ops.push(copy(dst, src, bytes, false));
        kept(dst, mask >> by, all >> by, ops);
        shift(dst, by, Way::Left, bytes, ops);
    } else if mask & to_left == 0 {
        ops.push(copy(dst, src, bytes, false));
        shift(dst, bits - by, Way::Right, bytes, ops);
        kept(dst, mask, all >> (bits - by), ops);
    } else {
        ops.push(Op::Clobber { dst });
        kept(dst, mask, u64::MAX, ops);
    }
}

/// Clears what is not in the mask, where that is not clear already.
fn kept(dst: Reg, mask: u64, room: u64, ops: &mut Vec<Op>) {
    if mask == room {
        return;
    }
    ops.push(if mask == u64::from(u32::MAX) {
        copy(dst, dst, 4, false)
    } else {
        Op::And {
            dst,
            mask: mask as i64,
            bytes: 8,
        }
    });
}

fn shift(dst: Reg, by: u32, way: Way, bytes: u8, ops: &mut Vec<Op>) {
    if by != 0 {
        ops.push(Op::Shift {
            dst,
            by: by as u8,
            way,
            bytes,
        });
    }
}
