// SPDX-License-Identifier: MIT OR Apache-2.0
//! A32: instructions of 32 bits, whatever their condition.

use super::super::ir::{Flow, Op, Reg, Target};
use super::lower::{ALU, Access, Alu, Item, Lower, Second, shifted};
use super::{PC, condition, coprocessor, signed};

/// An instruction; none if it is none.
pub fn lower(to: &mut Lower, w: u32) -> Option<Flow> {
    if w >> 28 == 15 {
        return Some(unconditional(to, w));
    }
    Some(match w >> 25 & 7 {
        0 if w >> 4 & 1 == 1 && w >> 7 & 1 == 1 => extra(to, w),
        0 if w >> 23 & 3 == 2 && w >> 20 & 1 == 0 => miscellaneous(to, w),
        0 => {
            let by = match w >> 4 & 1 {
                0 => shifted(reg(w, 0), w >> 5 & 3, w >> 7 & 0x1f),
                _ => Second::Unknown,
            };
            arithmetic(to, w, by)
        }
        1 => immediate(to, w),
        3 if w >> 4 & 1 == 1 => media(to, w),
        2 | 3 => single(to, w),
        4 => multiple(to, w),
        5 => {
            let target = to.near(signed(w & 0xff_ffff, 24) * 4);
            match (w >> 24 & 1, w >> 28) {
                (1, _) => {
                    to.link(4);
                    Flow::Call(Target::Address(target))
                }
                (_, 14) => Flow::Jump(Target::Address(target)),
                (_, number) => Flow::Branch(condition(number), target),
            }
        }
        7 if w >> 24 & 1 == 1 => Flow::Syscall,
        _ => coprocessor::lower(to, w),
    })
}

fn reg(w: u32, at: u32) -> Reg {
    (w >> at & 0xf) as Reg
}

fn unconditional(to: &mut Lower, w: u32) -> Flow {
    match w >> 24 & 0xf {
        // Vector arithmetic; modes.
        0 | 1 if w >> 20 & 0xff == 0x10 => Flow::Next,
        2 | 3 => Flow::Next,
        4 if w >> 20 & 1 == 0 => coprocessor::elements(to, reg(w, 16), reg(w, 0), w >> 21 & 1 == 1),
        // Fetches ahead and barriers.
        4..=7 => Flow::Next,
        8 | 9 if w >> 20 & 1 == 1 => Flow::Stop,
        10 | 11 => {
            let by = signed(w & 0xff_ffff, 24) * 4 + i64::from(w >> 24 & 1) * 2;
            to.link(4);
            Flow::Call(Target::Address(to.far(by)))
        }
        12..=14 => coprocessor::lower(to, w),
        _ => to.unknown(),
    }
}

fn arithmetic(to: &mut Lower, w: u32, second: Second) -> Flow {
    let op = ALU[(w >> 21 & 0xf) as usize];
    to.alu(op, w >> 20 & 1 == 1, reg(w, 12), reg(w, 16), second)
}

fn immediate(to: &mut Lower, w: u32) -> Flow {
    let wide = w >> 4 & 0xf000 | w & 0xfff;
    match w >> 20 & 0x1f {
        0b10000 => to.constant(reg(w, 12), wide.into()),
        0b10100 => to.ops.push(Op::Insert {
            dst: reg(w, 12),
            value: wide.into(),
            shift: 16,
            bytes: 2,
        }),
        // Flags and hints.
        0b10010 | 0b10110 => to.ops.push(Op::FlagsLost),
        _ => {
            let number = (w & 0xff).rotate_right((w >> 8 & 0xf) * 2);
            // A sum with the program counter names an address to the byte.
            let op = ALU[(w >> 21 & 0xf) as usize];
            return to.alu(
                op,
                w >> 20 & 1 == 1,
                reg(w, 12),
                reg(w, 16),
                Second::Number(number),
            );
        }
    }
    Flow::Next
}

fn miscellaneous(to: &mut Lower, w: u32) -> Flow {
    match (w >> 4 & 0xf, w >> 21 & 3) {
        (0, 0 | 2) => to.clobber(reg(w, 12)),
        (0, _) => to.ops.push(Op::FlagsLost),
        (1, 1) | (2, 1) => return to.exchange(reg(w, 0)),
        (1, 3) | (5, _) => to.clobber(reg(w, 12)),
        (3, 1) => return to.call(reg(w, 0), 4),
        (7, _) | (6, _) => return Flow::Stop,
        // Products of halves.
        (8 | 10 | 12 | 14, _) => {
            to.clobber(reg(w, 16));
            to.clobber(reg(w, 12));
        }
        _ => return to.unknown(),
    }
    Flow::Next
}

/// Products, exclusive accesses, halves and pairs.
fn extra(to: &mut Lower, w: u32) -> Flow {
    let (rn, rt) = (reg(w, 16), reg(w, 12));
    let load = w >> 20 & 1 == 1;
    let kind = w >> 5 & 3;
    if kind == 0 && w >> 24 & 1 == 0 {
        to.clobber(rn);
        if w >> 23 & 1 == 1 || w >> 21 & 7 == 2 {
            to.clobber(rt);
        }
        to.ops.push(Op::FlagsLost);
        return Flow::Next;
    }
    let mut access = Access {
        base: rn,
        index: None,
        by: 0,
        before: true,
        writeback: false,
        unknown: false,
    };
    if kind == 0 {
        let bytes = [4, 8, 1, 2][(w >> 21 & 3) as usize];
        let second = (bytes == 8).then_some(if load { rt | 1 } else { reg(w, 0) | 1 });
        return match (w >> 23 & 1, load) {
            // swp
            (0, _) => to.exclusive(true, 4, rt, None, rt, access),
            (_, true) => to.exclusive(true, bytes, rt, second, rt, access),
            (_, false) => to.exclusive(false, bytes, reg(w, 0), second, rt, access),
        };
    }
    let up = w >> 23 & 1 == 1;
    access.before = w >> 24 & 1 == 1;
    access.writeback = w >> 21 & 1 == 1 || !access.before;
    if w >> 22 & 1 == 1 {
        let by = i64::from(w >> 4 & 0xf0 | w & 0xf);
        access.by = if up { by } else { -by };
    } else {
        access.index = Some((reg(w, 0), 1));
        access.unknown = !up;
    }
    match (load, kind) {
        (false, 2 | 3) => to.access_two(kind == 2, [rt, rt | 1], access),
        _ => {
            let item = Item {
                bytes: if kind == 2 { 1 } else { 2 },
                signed: kind != 1,
                load,
            };
            to.access(item, rt, access)
        }
    }
}

fn single(to: &mut Lower, w: u32) -> Flow {
    let (up, load) = (w >> 23 & 1 == 1, w >> 20 & 1 == 1);
    let before = w >> 24 & 1 == 1;
    let by = i64::from(w & 0xfff);
    let mut access = Access {
        base: reg(w, 16),
        index: None,
        by: if up { by } else { -by },
        before,
        writeback: w >> 21 & 1 == 1 || !before,
        unknown: false,
    };
    if w >> 25 & 1 == 1 {
        access.by = 0;
        let second = shifted(reg(w, 0), w >> 5 & 3, w >> 7 & 0x1f);
        access.index = match second {
            Second::Left(rm, by @ 0..=6) => Some((rm, 1 << by)),
            _ => Some((reg(w, 0), 1)),
        };
        access.unknown = !up || !matches!(second, Second::Left(_, 0..=6));
    }
    let item = Item {
        bytes: if w >> 22 & 1 == 1 { 1 } else { 4 },
        signed: false,
        load,
    };
    to.access(item, reg(w, 12), access)
}

fn multiple(to: &mut Lower, w: u32) -> Flow {
    let list = w & 0xffff;
    let bytes = i64::from(list.count_ones()) * 4;
    let (start, change) = match w >> 23 & 3 {
        0 => (4 - bytes, -bytes),
        1 => (0, bytes),
        2 => (-bytes, -bytes),
        _ => (4, bytes),
    };
    let back = w >> 21 & 1 == 1;
    let load = w >> 20 & 1 == 1;
    to.multiple(load, reg(w, 16), list, start, if back { change } else { 0 })
}

fn media(to: &mut Lower, w: u32) -> Flow {
    let (rd, rn, rm) = (reg(w, 12), reg(w, 16), reg(w, 0));
    if w >> 20 & 0xff == 0x7f && w >> 4 & 0xf == 0xf {
        return Flow::Stop;
    }
    let extends = w >> 4 & 0xf == 7 && rn == PC && w >> 10 & 3 == 0;
    match w >> 20 & 0xff {
        0x6a if extends => to.extend(rd, rm, 1, true),
        0x6b if extends => to.extend(rd, rm, 2, true),
        0x6e if extends => to.extend(rd, rm, 1, false),
        0x6f if extends => to.extend(rd, rm, 2, false),
        0x60..=0x6f => to.clobber(rd),
        // Bit fields, whose width stands where others have their first operand.
        0x7a..=0x7f => to.clobber(rd),
        _ => {
            to.clobber(rn);
            if rd != PC {
                to.clobber(rd);
            }
        }
    }
    to.ops.push(Op::FlagsLost);
    Flow::Next
}

impl Lower<'_> {
    /// A call of what a register holds.
    pub fn call(&mut self, rm: Reg, length: u64) -> Flow {
        // The register may be the one that the return address goes to.
        self.alu(Alu::Mov, false, super::CARRY, 0, Second::Left(rm, 0));
        self.link(length);
        Flow::Call(Target::Reg(super::CARRY))
    }

    /// An access that says in `status`, if it stores, whether it was undisturbed.
    pub fn exclusive(
        &mut self,
        load: bool,
        bytes: u8,
        rt: Reg,
        second: Option<Reg>,
        status: Reg,
        access: Access,
    ) -> Flow {
        match second {
            Some(second) => self.access_two(load, [rt, second], access),
            None => {
                let item = Item {
                    bytes,
                    signed: false,
                    load,
                };
                self.access(item, rt, access)
            }
        };
        if !load && status != PC {
            self.clobber(status);
        }
        Flow::Next
    }
}
