// SPDX-License-Identifier: MIT OR Apache-2.0
//! T32's instructions of 16 bits.

use super::super::ir::{Flow, Op, Reg, Src, Target};
use super::lower::{Access, Alu, Item, Lower, Second, absolute, shifted};
use super::{PC, SP, condition, signed};

/// An instruction; none if it is none.
pub fn lower(to: &mut Lower, h: u32) -> Option<Flow> {
    Some(match h >> 12 {
        0 | 1 => shifts(to, h),
        2 | 3 => immediates(to, h),
        4 if h >> 10 == 0b010000 => registers(to, h),
        4 if h >> 10 == 0b010001 => high(to, h),
        4 => {
            let place = absolute((to.pc() & !3) + u64::from(h & 0xff) * 4);
            to.ops.push(Op::Load {
                dst: low(h, 8),
                place,
                bytes: 4,
                signed: false,
            });
            Flow::Next
        }
        5..=9 => accesses(to, h),
        10 => {
            let base = if h >> 11 & 1 == 1 { SP } else { PC };
            to.offset(low(h, 8), base, i64::from(h & 0xff) * 4);
            Flow::Next
        }
        11 => return others(to, h),
        12 => several(to, h),
        13 => match h >> 8 & 0xf {
            14 => Flow::Stop,
            15 => Flow::Syscall,
            number => Flow::Branch(condition(number), to.near(signed(h & 0xff, 8) * 2)),
        },
        14 if h >> 11 & 1 == 0 => {
            let target = to.near(signed(h & 0x7ff, 11) * 2);
            Flow::Jump(Target::Address(target))
        }
        _ => return None,
    })
}

fn low(h: u32, at: u32) -> Reg {
    (h >> at & 7) as Reg
}

fn shifts(to: &mut Lower, h: u32) -> Flow {
    let (rd, rn) = (low(h, 0), low(h, 3));
    let kind = h >> 11 & 3;
    if kind < 3 {
        let second = shifted(rn, kind, h >> 6 & 0x1f);
        return to.alu(Alu::Mov, true, rd, 0, second);
    }
    let op = if h >> 9 & 1 == 1 { Alu::Sub } else { Alu::Add };
    let second = match h >> 10 & 1 {
        1 => Second::Number(h >> 6 & 7),
        _ => Second::Left(low(h, 6), 0),
    };
    to.alu(op, true, rd, rn, second)
}

fn immediates(to: &mut Lower, h: u32) -> Flow {
    let reg = low(h, 8);
    let op = [Alu::Mov, Alu::Cmp, Alu::Add, Alu::Sub][(h >> 11 & 3) as usize];
    to.alu(op, true, reg, reg, Second::Number(h & 0xff))
}

fn registers(to: &mut Lower, h: u32) -> Flow {
    let (rd, rm) = (low(h, 0), low(h, 3));
    let plain = |op| (op, Second::Left(rm, 0));
    let (op, second) = match h >> 6 & 0xf {
        0 => plain(Alu::And),
        1 => plain(Alu::Eor),
        5 => plain(Alu::Adc),
        6 => plain(Alu::Sbc),
        8 => plain(Alu::Tst),
        // rsb rd, rm, #0
        9 => (Alu::Rsb, Second::Number(0)),
        10 => plain(Alu::Cmp),
        11 => plain(Alu::Cmn),
        12 => plain(Alu::Orr),
        14 => plain(Alu::Bic),
        15 => plain(Alu::Mvn),
        // Shifts by a register, and mul.
        _ => (Alu::Mov, Second::Unknown),
    };
    to.alu(op, true, rd, rd, second)
}

fn high(to: &mut Lower, h: u32) -> Flow {
    let rd = low(h, 0) | (h >> 4 & 8) as Reg;
    let rm = (h >> 3 & 0xf) as Reg;
    let second = Second::Left(rm, 0);
    match h >> 8 & 3 {
        0 => to.alu(Alu::Add, false, rd, rd, second),
        1 => to.alu(Alu::Cmp, true, rd, rd, second),
        2 => to.alu(Alu::Mov, false, rd, 0, second),
        _ if h >> 7 & 1 == 0 => to.exchange(rm),
        _ => to.call(rm, 2),
    }
}

fn accesses(to: &mut Lower, h: u32) -> Flow {
    let item = |bytes, signed, load| Item {
        bytes,
        signed,
        load,
    };
    let mut access = Access {
        base: low(h, 3),
        index: None,
        by: 0,
        before: true,
        writeback: false,
        unknown: false,
    };
    let load = h >> 11 & 1 == 1;
    let distance = i64::from(h >> 6 & 0x1f);
    let item = match h >> 12 {
        5 => {
            access.index = Some((low(h, 6), 1));
            match h >> 9 & 7 {
                0 => item(4, false, false),
                1 => item(2, false, false),
                2 => item(1, false, false),
                3 => item(1, true, true),
                4 => item(4, false, true),
                5 => item(2, false, true),
                6 => item(1, false, true),
                _ => item(2, true, true),
            }
        }
        6 => {
            access.by = distance * 4;
            item(4, false, load)
        }
        7 => {
            access.by = distance;
            item(1, false, load)
        }
        8 => {
            access.by = distance * 2;
            item(2, false, load)
        }
        _ => {
            access.base = SP;
            access.by = i64::from(h & 0xff) * 4;
            let reg = low(h, 8);
            return to.access(item(4, false, load), reg, access);
        }
    };
    to.access(item, low(h, 0), access)
}

fn others(to: &mut Lower, h: u32) -> Option<Flow> {
    let (rd, rm) = (low(h, 0), low(h, 3));
    match h >> 8 & 0xf {
        0 => {
            let by = i64::from(h & 0x7f) * 4;
            to.add(SP, if h >> 7 & 1 == 1 { -by } else { by });
        }
        2 => {
            let (bytes, sign) =
                [(2, true), (1, true), (2, false), (1, false)][(h >> 6 & 3) as usize];
            to.extend(rd, rm, bytes, sign);
        }
        1 | 3 | 9 | 11 => {
            let by = (h >> 9 & 1) << 6 | (h >> 3 & 0x1f) << 1;
            let target = to.near(by.into());
            // It asks for itself and leaves what was compared before alone.
            to.ops.push(Op::FlagsLost);
            to.ops.push(Op::Compare {
                reg: rd,
                with: Src::Imm(0),
                bytes: 4,
            });
            let cond = if h >> 11 & 1 == 1 { 1 } else { 0 };
            return Some(Flow::Branch(condition(cond), target));
        }
        4 | 5 => {
            let list = h & 0xff | (h >> 8 & 1) << 14;
            let bytes = i64::from(list.count_ones()) * 4;
            return Some(to.multiple(false, SP, list, -bytes, -bytes));
        }
        12 | 13 => {
            let list = h & 0xff | (h >> 8 & 1) << 15;
            let bytes = i64::from(list.count_ones()) * 4;
            return Some(to.multiple(true, SP, list, 0, bytes));
        }
        // Modes and interrupts.
        6 => {}
        10 if h >> 6 & 3 == 2 => return Some(Flow::Stop),
        10 => to.clobber(rd),
        14 => return Some(Flow::Stop),
        // Hints.
        15 => {}
        _ => return None,
    }
    Some(Flow::Next)
}

fn several(to: &mut Lower, h: u32) -> Flow {
    let rn = low(h, 8);
    let list = h & 0xff;
    let load = h >> 11 & 1 == 1;
    let kept = load && list >> rn & 1 == 1;
    let bytes = i64::from(list.count_ones()) * 4;
    to.multiple(load, rn, list, 0, if kept { 0 } else { bytes })
}
