// SPDX-License-Identifier: MIT OR Apache-2.0
//! T32's instructions of 32 bits.

use super::super::ir::{Flow, Op, Place, Reg, Target, Way};
use super::lower::{Access, Alu, Item, Lower, Second, shifted};
use super::{CARRY, PC, condition, coprocessor, signed};

/// An instruction, its first half in the upper bits; none if it is none.
pub fn lower(to: &mut Lower, w: u32) -> Option<Flow> {
    Some(match w >> 25 & 0xf {
        0b0100 if w >> 22 & 1 == 0 => multiple(to, w),
        0b0100 => pairs(to, w),
        0b0101 => register(to, w),
        0b0110 | 0b0111 | 0b1110 | 0b1111 => coprocessor::lower(to, w),
        0b1000..=0b1011 if w >> 15 & 1 == 1 => branches(to, w),
        0b1000 | 0b1010 => immediate(to, w),
        0b1001 | 0b1011 => plain(to, w),
        0b1100 => single(to, w),
        0b1101 => results(to, w),
        _ => to.unknown(),
    })
}

fn reg(w: u32, at: u32) -> Reg {
    (w >> at & 0xf) as Reg
}

fn multiple(to: &mut Lower, w: u32) -> Flow {
    let list = w & 0xffff;
    let bytes = i64::from(list.count_ones()) * 4;
    let load = w >> 20 & 1 == 1;
    let back = w >> 21 & 1 == 1;
    let (start, change) = match w >> 23 & 3 {
        1 => (0, bytes),
        2 => (-bytes, -bytes),
        // The return from an exception, and what prepares it.
        _ if load => return Flow::Stop,
        _ => return to.unknown(),
    };
    to.multiple(load, reg(w, 16), list, start, if back { change } else { 0 })
}

/// Pairs of registers, exclusive accesses, jumps through tables.
fn pairs(to: &mut Lower, w: u32) -> Flow {
    let (up, back, load) = (w >> 23 & 1 == 1, w >> 21 & 1 == 1, w >> 20 & 1 == 1);
    let before = w >> 24 & 1 == 1;
    let rn = reg(w, 16);
    if before || back {
        let by = i64::from(w & 0xff) * 4;
        let access = Access {
            base: rn,
            index: None,
            by: if up { by } else { -by },
            before,
            writeback: back,
            unknown: false,
        };
        return to.access_two(load, [reg(w, 12), reg(w, 8)], access);
    }
    let mut access = Access {
        base: rn,
        index: None,
        by: 0,
        before: true,
        writeback: false,
        unknown: false,
    };
    if !up {
        access.by = i64::from(w & 0xff) * 4;
        return to.exclusive(load, 4, reg(w, 12), None, reg(w, 8), access);
    }
    match w >> 4 & 0xf {
        0 | 1 if load => table(to, rn, reg(w, 0), w >> 4 & 1 == 1),
        kind @ (4 | 5 | 7 | 12 | 13 | 14 | 15) => {
            let bytes = [1, 2, 4, 8][(kind & 3) as usize];
            let second = (bytes == 8).then(|| reg(w, 8));
            to.exclusive(load, bytes, reg(w, 12), second, reg(w, 0), access)
        }
        // Ordered loads and stores.
        kind @ (8..=10) => {
            let item = Item {
                bytes: [1, 2, 4][(kind & 3) as usize],
                signed: false,
                load,
            };
            to.access(item, reg(w, 12), access)
        }
        _ => to.unknown(),
    }
}

/// tbb and tbh: distances forward, counted in half-words.
fn table(to: &mut Lower, rn: Reg, rm: Reg, halves: bool) -> Flow {
    let scale = if halves { 2 } else { 1 };
    let mut place = Place {
        base: Some(rn),
        index: Some((rm, scale)),
        disp: 0,
        foreign: false,
    };
    if rn == PC {
        place.base = None;
        place.disp = to.pc() as i64;
    }
    to.ops.push(Op::Load {
        dst: CARRY,
        place,
        bytes: scale,
        signed: false,
    });
    to.ops.push(Op::Shift {
        dst: CARRY,
        by: 1,
        way: Way::Left,
        bytes: 4,
    });
    // No sum, which would name a function.
    to.ops.push(Op::Address {
        dst: CARRY,
        place: Place {
            base: Some(CARRY),
            index: None,
            disp: to.pc() as i64 | 1,
            foreign: false,
        },
        bytes: 4,
    });
    Flow::Jump(Target::Reg(CARRY))
}

fn alu(op: u32, rd: Reg, rn: Reg, flags: bool) -> Option<Alu> {
    let compares = rd == PC && flags;
    Some(match op {
        0 if compares => Alu::Tst,
        0 => Alu::And,
        1 => Alu::Bic,
        2 if rn == PC => Alu::Mov,
        2 => Alu::Orr,
        3 if rn == PC => Alu::Mvn,
        4 if compares => Alu::Teq,
        4 => Alu::Eor,
        8 if compares => Alu::Cmn,
        8 => Alu::Add,
        10 => Alu::Adc,
        11 => Alu::Sbc,
        13 if compares => Alu::Cmp,
        13 => Alu::Sub,
        14 => Alu::Rsb,
        _ => return None,
    })
}

fn register(to: &mut Lower, w: u32) -> Flow {
    let (rd, rn, flags) = (reg(w, 8), reg(w, 16), w >> 20 & 1 == 1);
    let second = shifted(reg(w, 0), w >> 4 & 3, (w >> 12 & 7) << 2 | w >> 6 & 3);
    match alu(w >> 21 & 0xf, rd, rn, flags) {
        Some(op) => to.alu(op, flags, rd, rn, second),
        None => {
            to.clobber(rd);
            Flow::Next
        }
    }
}

/// A number of 12 bits as arithmetic reads it.
fn expanded(imm: u32) -> u32 {
    let byte = imm & 0xff;
    match imm >> 8 {
        0 => byte,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte * 0x0101_0101,
        _ => (byte | 0x80).rotate_right(imm >> 7),
    }
}

fn twelve(w: u32) -> u32 {
    (w >> 26 & 1) << 11 | (w >> 12 & 7) << 8 | w & 0xff
}

fn immediate(to: &mut Lower, w: u32) -> Flow {
    let (rd, rn, flags) = (reg(w, 8), reg(w, 16), w >> 20 & 1 == 1);
    match alu(w >> 21 & 0xf, rd, rn, flags) {
        Some(op) => to.alu(op, flags, rd, rn, Second::Number(expanded(twelve(w)))),
        None => {
            to.clobber(rd);
            Flow::Next
        }
    }
}

fn plain(to: &mut Lower, w: u32) -> Flow {
    let (rd, rn) = (reg(w, 8), reg(w, 16));
    let wide = (w >> 16 & 0xf) << 12 | twelve(w);
    match w >> 20 & 0x1f {
        0 => to.offset(rd, rn, twelve(w).into()),
        10 => to.offset(rd, rn, -i64::from(twelve(w))),
        4 => to.constant(rd, wide.into()),
        12 => to.ops.push(Op::Insert {
            dst: rd,
            value: wide.into(),
            shift: 16,
            bytes: 2,
        }),
        _ => to.clobber(rd),
    }
    Flow::Next
}

fn branches(to: &mut Lower, w: u32) -> Flow {
    let sign = w >> 26 & 1;
    let (j1, j2) = (w >> 13 & 1, w >> 11 & 1);
    let (i1, i2) = (1 ^ j1 ^ sign, 1 ^ j2 ^ sign);
    let far = sign << 24 | i1 << 23 | i2 << 22 | (w >> 16 & 0x3ff) << 12 | (w & 0x7ff) << 1;
    let far = signed(far, 25);
    match (w >> 14 & 1, w >> 12 & 1) {
        (0, 1) => Flow::Jump(Target::Address(to.near(far))),
        (1, 1) => {
            to.link(4);
            Flow::Call(Target::Address(to.near(far)))
        }
        (1, _) => {
            to.link(4);
            Flow::Call(Target::Address(to.far(far & !3)))
        }
        _ if w >> 22 & 0xf < 14 => {
            let by = sign << 20 | j2 << 19 | j1 << 18 | (w >> 16 & 0x3f) << 12 | (w & 0x7ff) << 1;
            Flow::Branch(condition(w >> 22 & 0xf), to.near(signed(by, 21)))
        }
        _ => system(to, w),
    }
}

fn system(to: &mut Lower, w: u32) -> Flow {
    match w >> 20 & 0x7f {
        0x7e | 0x7f | 0x3d => Flow::Stop,
        0x3c => to.exchange(reg(w, 16)),
        0x3e | 0x3f => {
            to.clobber(reg(w, 8));
            Flow::Next
        }
        0x38..=0x3b => {
            to.ops.push(Op::FlagsLost);
            Flow::Next
        }
        _ => to.unknown(),
    }
}

/// Loads and stores of one register, and those of vectors by elements.
fn single(to: &mut Lower, w: u32) -> Flow {
    let (rn, rt) = (reg(w, 16), reg(w, 12));
    let load = w >> 20 & 1 == 1;
    let signed = w >> 24 & 1 == 1;
    if signed && !load {
        return coprocessor::elements(to, rn, reg(w, 0), w >> 21 & 1 == 1);
    }
    let size = w >> 21 & 3;
    if size == 3 {
        return to.unknown();
    }
    let mut access = Access {
        base: rn,
        index: None,
        by: 0,
        before: true,
        writeback: false,
        unknown: false,
    };
    if rn == PC && load {
        let by = i64::from(w & 0xfff);
        access.by = if w >> 23 & 1 == 1 { by } else { -by };
    } else if w >> 23 & 1 == 1 {
        access.by = (w & 0xfff).into();
    } else if w >> 11 & 1 == 1 {
        let by = i64::from(w & 0xff);
        access.by = if w >> 9 & 1 == 1 { by } else { -by };
        access.before = w >> 10 & 1 == 1;
        access.writeback = w >> 8 & 1 == 1;
    } else {
        access.index = Some((reg(w, 0), 1 << (w >> 4 & 3)));
    }
    // What would load a part of the program counter only fetches ahead.
    if load && rt == PC && size < 2 {
        return Flow::Next;
    }
    let item = Item {
        bytes: 1 << size,
        signed,
        load,
    };
    to.access(item, rt, access)
}

/// Arithmetic of which only the result's place matters.
fn results(to: &mut Lower, w: u32) -> Flow {
    let (rd, rn, rm) = (reg(w, 8), reg(w, 16), reg(w, 0));
    let sort = match w >> 20 & 0xfff {
        0xfa0 => Some((2, true)),
        0xfa1 => Some((2, false)),
        0xfa4 => Some((1, true)),
        0xfa5 => Some((1, false)),
        _ => None,
    };
    if let (Some((bytes, signed)), PC, 0b1000) = (sort, rn, w >> 4 & 0xf) {
        to.extend(rd, rm, bytes, signed);
        return Flow::Next;
    }
    to.clobber(rd);
    // Products of 64 bits have a second half.
    if w >> 23 & 0x1ff == 0b1_1111_0111 && reg(w, 12) != PC {
        to.clobber(reg(w, 12));
    }
    to.ops.push(Op::FlagsLost);
    Flow::Next
}
