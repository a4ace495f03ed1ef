// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of eight bytes: displacements of 34 bits, from a register or from the instruction itself.

use super::{Fields, at, load, store};
use crate::extract::ir::{Op, Place, Src};

pub fn lower(prefix: Fields, suffix: Fields, address: u64, ops: &mut Vec<Op>) {
    let kind = prefix.0 >> 24 & 3;
    // Arithmetic on vectors.
    if kind == 1 || kind == 3 {
        return;
    }
    let high = i64::from(((prefix.0 & 0x3ffff) << 14) as i32 >> 14);
    let disp = high << 16 | suffix.unsigned();
    let place = if prefix.0 >> 20 & 1 == 1 {
        Place {
            base: None,
            index: None,
            disp: (address as i64).wrapping_add(disp),
            foreign: false,
        }
    } else {
        at(suffix.a(), disp)
    };
    let dst = suffix.t();
    match (kind, suffix.opcode()) {
        // `pli`.
        (2, 14) if place.base.is_none() && prefix.0 >> 20 & 1 == 0 => ops.push(Op::Const {
            dst,
            value: disp as u64,
        }),
        (2, 14) => ops.push(Op::Address {
            dst,
            place: Place {
                foreign: false,
                ..place
            },
            bytes: 8,
        }),
        (2, 32) => load(dst, place, 4, false, ops),
        (2, 34) => load(dst, place, 1, false, ops),
        (2, 40) => load(dst, place, 2, false, ops),
        (2, 42) => load(dst, place, 2, true, ops),
        (2, 36) => store(place, Src::Reg(dst), 4, ops),
        (2, 38) => store(place, Src::Reg(dst), 1, ops),
        (2, 44) => store(place, Src::Reg(dst), 2, ops),
        (0, 41) => load(dst, place, 4, true, ops),
        (0, 57) => load(dst, place, 8, false, ops),
        (0, 61) => store(place, Src::Reg(dst), 8, ops),
        (0, 50 | 51 | 58) => ops.push(Op::LoadWide { place }),
        // Loads of floating-point registers.
        (2, 48 | 50) | (0, 42 | 43) => {}
        // Stores of what is not followed.
        (2, 52 | 54) | (0, 46 | 47 | 54 | 55 | 60 | 62) => store(place, Src::Unknown, 32, ops),
        _ => ops.extend([dst, dst | 1].map(|dst| Op::Clobber { dst })),
    }
}
