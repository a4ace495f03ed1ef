// SPDX-License-Identifier: MIT OR Apache-2.0
//! What A32 and T32 encode alike: coprocessors, floating point and vectors. Only what
//! they do to general registers and to the stack matters.

use super::super::ir::{Flow, Op, Place, Reg, Src};
use super::PC;
use super::lower::{Lower, absolute};

fn reg(w: u32, at: u32) -> Reg {
    (w >> at & 0xf) as Reg
}

pub fn lower(to: &mut Lower, w: u32) -> Flow {
    match w >> 24 & 0xf {
        0xc | 0xd => memory(to, w),
        0xe => {
            // From a coprocessor to a register; the program counter stands for the flags.
            if w >> 4 & 1 == 1 && w >> 20 & 1 == 1 {
                match reg(w, 12) {
                    PC => to.ops.push(Op::FlagsLost),
                    rt => to.clobber(rt),
                }
            }
            Flow::Next
        }
        // T32's vector arithmetic.
        _ => Flow::Next,
    }
}

fn memory(to: &mut Lower, w: u32) -> Flow {
    let (rn, load, back) = (reg(w, 16), w >> 20 & 1 == 1, w >> 21 & 1 == 1);
    // Two registers from or to a coprocessor.
    if w >> 21 & 0xf == 0b0010 {
        if load {
            to.clobber(reg(w, 12));
            to.clobber(rn);
        }
        return Flow::Next;
    }
    let by = i64::from(w & 0xff) * 4;
    let change = if w >> 23 & 1 == 1 { by } else { -by };
    let before = w >> 24 & 1 == 1;
    // Without a base that changes, one register at a distance; else a row of them.
    let (disp, bytes) = match (before, back) {
        (true, false) => (change, 8),
        (true, true) => (change, by.clamp(4, 128)),
        (false, _) => (0, by.clamp(4, 128)),
    };
    let place = match rn {
        PC => absolute((to.pc() & !3).wrapping_add(disp as u64) & 0xffff_ffff),
        _ => at(rn, disp),
    };
    vector(to, load, place, bytes as u8);
    if back {
        to.add(rn, change);
    }
    Flow::Next
}

/// Loads and stores of vectors by elements.
pub fn elements(to: &mut Lower, rn: Reg, rm: Reg, load: bool) -> Flow {
    vector(to, load, at(rn, 0), 32);
    // The program counter stands for no change of the base.
    if rm != PC {
        to.clobber(rn);
    }
    Flow::Next
}

fn vector(to: &mut Lower, load: bool, place: Place, bytes: u8) {
    to.ops.push(match load {
        true => Op::LoadWide { place },
        false => Op::Store {
            place,
            src: Src::Unknown,
            bytes,
        },
    });
}

fn at(rn: Reg, disp: i64) -> Place {
    Place {
        base: Some(rn),
        index: None,
        disp,
        foreign: false,
    }
}
