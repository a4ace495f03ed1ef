// SPDX-License-Identifier: MIT OR Apache-2.0
//! What A32 and T32 share: operands, arithmetic, loads and stores.

use super::super::ir::{Flow, Op, Place, Reg, Src, Target, Way};
use super::{CARRY, LR, PC, PLACE, SP, THUMB};

/// One instruction on its way.
pub struct Lower<'a> {
    /// Its address, and how it is decoded.
    pub address: u64,
    pub ops: &'a mut Vec<Op>,
}

/// The second operand of arithmetic.
#[derive(Clone, Copy, PartialEq)]
pub enum Second {
    Number(u32),
    /// Shifted left by so many bits.
    Left(Reg, u8),
    Shifted(Reg, Way, u8),
    Unknown,
}

/// Arithmetic, in the order of A32's encoding.
#[derive(Clone, Copy, PartialEq)]
pub enum Alu {
    And,
    Eor,
    Sub,
    Rsb,
    Add,
    Adc,
    Sbc,
    Rsc,
    Tst,
    Teq,
    Cmp,
    Cmn,
    Orr,
    Mov,
    Bic,
    Mvn,
}

pub const ALU: [Alu; 16] = [
    Alu::And,
    Alu::Eor,
    Alu::Sub,
    Alu::Rsb,
    Alu::Add,
    Alu::Adc,
    Alu::Sbc,
    Alu::Rsc,
    Alu::Tst,
    Alu::Teq,
    Alu::Cmp,
    Alu::Cmn,
    Alu::Orr,
    Alu::Mov,
    Alu::Bic,
    Alu::Mvn,
];

/// A shift by its number in the encodings and by how much.
pub fn shifted(reg: Reg, kind: u32, by: u32) -> Second {
    match (kind, by) {
        (0, by) => Second::Left(reg, by as u8),
        // No distance stands for 32.
        (1, 0) => Second::Shifted(reg, Way::Right, 32),
        (2, 0) => Second::Shifted(reg, Way::Signed, 31),
        (1, by) => Second::Shifted(reg, Way::Right, by as u8),
        (2, by) => Second::Shifted(reg, Way::Signed, by as u8),
        _ => Second::Unknown,
    }
}

/// Where a load or store reaches, and what becomes of its base.
#[derive(Clone, Copy)]
pub struct Access {
    pub base: Reg,
    pub index: Option<(Reg, u8)>,
    pub by: i64,
    /// The offset counts already, or only for the base.
    pub before: bool,
    pub writeback: bool,
    /// The index is of a form that is not followed.
    pub unknown: bool,
}

/// What is read or written.
#[derive(Clone, Copy)]
pub struct Item {
    pub bytes: u8,
    pub signed: bool,
    pub load: bool,
}

impl<'a> Lower<'a> {
    pub fn new(address: u64, ops: &'a mut Vec<Op>) -> Lower<'a> {
        Lower { address, ops }
    }

    pub fn thumb(&self) -> bool {
        self.address & THUMB != 0
    }

    /// What the instruction reads as its own address.
    pub fn pc(&self) -> u64 {
        (self.address & PLACE) + if self.thumb() { 4 } else { 8 }
    }

    /// The address of a jump within the same instruction set.
    pub fn near(&self, offset: i64) -> u64 {
        let to = self.pc().wrapping_add(offset as u64) & PLACE;
        to | self.address & THUMB
    }

    /// The address of a call into the other instruction set.
    pub fn far(&self, offset: i64) -> u64 {
        match self.thumb() {
            true => (self.pc() & !3).wrapping_add(offset as u64) & 0xffff_fffc,
            false => self.pc().wrapping_add(offset as u64) & PLACE | THUMB,
        }
    }

    pub fn clobber(&mut self, dst: Reg) {
        self.ops.push(Op::Clobber { dst });
    }

    /// What is not known may have changed all.
    pub fn unknown(&mut self) -> Flow {
        for dst in (0..=12).chain([LR]) {
            self.clobber(dst);
        }
        self.ops.push(Op::FlagsLost);
        Flow::Next
    }

    pub fn constant(&mut self, dst: Reg, value: u64) {
        self.ops.push(Op::Const { dst, value });
    }

    fn copy(&mut self, dst: Reg, src: Reg, bytes: u8, signed: bool) {
        if dst != src || bytes < 4 {
            self.ops.push(Op::Copy {
                dst,
                src,
                bytes,
                signed,
            });
        }
    }

    pub fn extend(&mut self, dst: Reg, src: Reg, bytes: u8, signed: bool) {
        self.copy(dst, src, bytes, signed);
    }

    pub fn add(&mut self, dst: Reg, by: i64) {
        self.ops.push(Op::Add {
            dst,
            src: Src::Imm(by),
            negative: false,
            bytes: 4,
        });
    }

    /// A register to be read: the program counter is known.
    pub fn read(&mut self, reg: Reg) -> Reg {
        if reg == PC {
            self.constant(PC, self.pc());
        }
        reg
    }

    /// A branch that leaves its return address behind.
    pub fn link(&mut self, length: u64) {
        let next = (self.address & (PLACE | THUMB)) + length;
        self.constant(LR, next);
    }

    /// A jump to what a register holds, which says the instruction set.
    pub fn exchange(&mut self, reg: Reg) -> Flow {
        match reg {
            LR => Flow::Return,
            PC => Flow::Jump(Target::Address(self.pc() & !3)),
            _ => Flow::Jump(Target::Reg(reg)),
        }
    }

    /// Arithmetic; a result in the program counter is a jump.
    pub fn alu(&mut self, op: Alu, flags: bool, rd: Reg, rn: Reg, second: Second) -> Flow {
        if matches!(op, Alu::Tst | Alu::Teq | Alu::Cmp | Alu::Cmn) {
            self.compare(op, rn, second);
            return Flow::Next;
        }
        if rd == PC && op == Alu::Mov && second == Second::Left(LR, 0) {
            return Flow::Return;
        }
        let dst = if rd == PC { CARRY } else { rd };
        self.compute(op, dst, rn, second);
        if flags {
            self.ops.push(Op::FlagsLost);
        }
        if rd != PC {
            return Flow::Next;
        }
        // Such a jump stays within T32.
        if self.thumb() {
            self.ops.push(Op::Or {
                dst,
                src: Src::Imm(1),
                bytes: 4,
            });
        }
        Flow::Jump(Target::Reg(dst))
    }

    fn compare(&mut self, op: Alu, rn: Reg, second: Second) {
        let with = match second {
            Second::Number(with) => Some(Src::Imm(i64::from(with))),
            Second::Left(rm, 0) if rm != PC => Some(Src::Reg(rm)),
            _ => None,
        };
        self.ops.push(Op::FlagsLost);
        if let (Alu::Cmp, Some(with)) = (op, with) {
            self.ops.push(Op::Compare {
                reg: rn,
                with,
                bytes: 4,
            });
        }
    }

    fn compute(&mut self, op: Alu, dst: Reg, rn: Reg, second: Second) {
        match (op, second) {
            (Alu::Mov, Second::Number(value)) => self.constant(dst, value.into()),
            (Alu::Mvn, Second::Number(value)) => self.constant(dst, (!value).into()),
            (Alu::Mov, Second::Left(rm, by)) => {
                let src = self.read(rm);
                self.copy(dst, src, 4, false);
                self.shift(dst, Way::Left, by);
            }
            (Alu::Mov, Second::Shifted(rm, way, by)) => {
                let src = self.read(rm);
                self.copy(dst, src, 4, false);
                self.shift(dst, way, by);
            }
            (Alu::Add | Alu::Sub, Second::Number(by)) => {
                let by = i64::from(by);
                self.offset(dst, rn, if op == Alu::Sub { -by } else { by });
            }
            (Alu::Add | Alu::Sub, Second::Left(rm, shift)) => {
                self.sum(dst, rn, rm, shift, op == Alu::Sub);
            }
            (Alu::And, Second::Number(mask)) => self.mask(dst, rn, i64::from(mask)),
            (Alu::Bic, Second::Number(mask)) => self.mask(dst, rn, !i64::from(mask)),
            (Alu::Orr | Alu::Eor, Second::Number(value)) => {
                let src = self.read(rn);
                self.copy(dst, src, 4, false);
                self.bits(op, dst, Src::Imm(value.into()));
            }
            (Alu::Orr | Alu::Eor, Second::Left(rm, 0)) => {
                let (left, right) = if dst == rm { (rm, rn) } else { (rn, rm) };
                let src = self.read(left);
                self.copy(dst, src, 4, false);
                let src = self.read(right);
                self.bits(op, dst, Src::Reg(src));
            }
            _ => self.clobber(dst),
        }
    }

    fn bits(&mut self, op: Alu, dst: Reg, src: Src) {
        self.ops.push(match op {
            Alu::Orr => Op::Or { dst, src, bytes: 4 },
            _ => Op::Xor { dst, src, bytes: 4 },
        });
    }

    fn shift(&mut self, dst: Reg, way: Way, by: u8) {
        if by > 0 {
            self.ops.push(Op::Shift {
                dst,
                by,
                way,
                bytes: 4,
            });
        }
    }

    fn mask(&mut self, dst: Reg, rn: Reg, mask: i64) {
        let src = self.read(rn);
        self.copy(dst, src, 4, false);
        self.ops.push(Op::And {
            dst,
            mask,
            bytes: 4,
        });
    }

    /// A register plus a number.
    pub fn offset(&mut self, dst: Reg, rn: Reg, by: i64) {
        if rn == PC {
            // Only sums that name an address take it rounded.
            let at = (self.pc() & !3).wrapping_add(by as u64);
            self.ops.push(Op::Address {
                dst,
                place: absolute(at & 0xffff_ffff),
                bytes: 4,
            });
        } else if dst == rn {
            self.add(dst, by);
        } else {
            self.ops.push(Op::Address {
                dst,
                place: Place {
                    base: Some(rn),
                    index: None,
                    disp: by,
                    foreign: false,
                },
                bytes: 4,
            });
        }
    }

    fn sum(&mut self, dst: Reg, rn: Reg, rm: Reg, shift: u8, negative: bool) {
        let other = match (rn, rm) {
            (PC, other) | (other, PC) if shift == 0 && !negative => Some(other),
            _ => None,
        };
        // Code that may lie anywhere adds its own address to a distance.
        if let Some(other) = other {
            let src = self.read(other);
            self.copy(dst, src, 4, false);
            self.add(dst, self.pc() as i64);
            return;
        }
        let (left, right) = (self.read(rn), self.read(rm));
        self.ops.push(Op::Sum {
            dst,
            left,
            right,
            shift,
            negative,
            bytes: 4,
        });
    }

    /// A load or store of one register.
    pub fn access(&mut self, item: Item, reg: Reg, access: Access) -> Flow {
        let place = self.place(&access);
        let flow = match (item.load, reg) {
            (true, PC) if access.base == SP => Flow::Return,
            (true, PC) => {
                self.ops.push(word(CARRY, place));
                Flow::Jump(Target::Reg(CARRY))
            }
            (true, _) => {
                self.ops.push(Op::Load {
                    dst: reg,
                    place,
                    bytes: item.bytes,
                    signed: item.signed,
                });
                Flow::Next
            }
            (false, _) => {
                let src = Src::Reg(self.read(reg));
                self.ops.push(Op::Store {
                    place,
                    src,
                    bytes: item.bytes,
                });
                Flow::Next
            }
        };
        self.writeback(&access);
        flow
    }

    /// Two registers, at this place and the next.
    pub fn access_two(&mut self, load: bool, regs: [Reg; 2], access: Access) -> Flow {
        let item = Item {
            bytes: 4,
            signed: false,
            load,
        };
        let mut place = Access {
            writeback: false,
            by: if access.before { access.by } else { 0 },
            before: true,
            ..access
        };
        // What the base is loaded with comes last.
        let mut order = [(regs[0], 0), (regs[1], 4)];
        if load && regs[0] == access.base {
            order.reverse();
        }
        let start = place.by;
        for (reg, by) in order {
            place.by = start + by;
            match reg {
                PC if load => self.clobber(CARRY),
                _ => drop(self.access(item, reg, place)),
            }
        }
        self.writeback(&access);
        Flow::Next
    }

    fn writeback(&mut self, access: &Access) {
        if !access.writeback && access.before {
            return;
        }
        match access.index {
            _ if access.unknown => self.clobber(access.base),
            Some((index, scale)) => self.ops.push(Op::Sum {
                dst: access.base,
                left: access.base,
                right: index,
                shift: scale.trailing_zeros() as u8,
                negative: false,
                bytes: 4,
            }),
            None => self.add(access.base, access.by),
        }
    }

    pub fn place(&mut self, access: &Access) -> Place {
        let by = if access.before { access.by } else { 0 };
        let index = access.index.filter(|_| access.before);
        if access.base == PC && index.is_none() {
            return absolute((self.pc() & !3).wrapping_add(by as u64) & 0xffff_ffff);
        }
        if access.base == PC {
            let mut place = absolute(self.pc() & !3);
            place.index = index;
            place.foreign = access.unknown;
            return place;
        }
        Place {
            base: Some(access.base),
            index,
            disp: by,
            foreign: access.unknown && access.before,
        }
    }

    /// Several registers in a row of words that begins so far from the base.
    pub fn multiple(&mut self, load: bool, rn: Reg, list: u32, start: i64, change: i64) -> Flow {
        let mut at = start;
        let mut late = None;
        let mut flow = Flow::Next;
        for reg in (0..16u8).filter(|reg| list >> reg & 1 == 1) {
            let place = Place {
                base: Some(rn),
                index: None,
                disp: at,
                foreign: false,
            };
            at += 4;
            match (load, reg) {
                (true, PC) => flow = Flow::Return,
                (true, _) if reg == rn => late = Some(place),
                (true, _) => self.ops.push(word(reg, place)),
                (false, _) => {
                    let src = Src::Reg(self.read(reg));
                    self.ops.push(Op::Store {
                        place,
                        src,
                        bytes: 4,
                    });
                }
            }
        }
        if let Some(place) = late {
            self.ops.push(word(rn, place));
        } else if change != 0 {
            self.add(rn, change);
        }
        flow
    }
}

fn word(dst: Reg, place: Place) -> Op {
    Op::Load {
        dst,
        place,
        bytes: 4,
        signed: false,
    }
}

pub fn absolute(at: u64) -> Place {
    Place {
        base: None,
        index: None,
        disp: at as i64,
        foreign: false,
    }
}
