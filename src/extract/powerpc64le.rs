// SPDX-License-Identifier: MIT OR Apache-2.0
//! 64-bit PowerPC, little-endian: instructions to the analysis's operations, and the registers of its ABI (ELFv2).
//!
//! Decoded by the fields that the Power ISA gives: the primary opcode here, the
//! extended ones of opcode 31 in `indexed`, rotations in `rotate`.

use super::elf::{Image, Section};
use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Place, Reg, Src, Target};
use super::patch::{CONTENTS, CONTENTS_BIAS};

mod indexed;
mod prefixed;
mod rotate;

/// The one value of this machine.
pub struct PowerPc64Le;

const R0: Reg = 0;
const STACK: Reg = 1;
const TOC: Reg = 2;
const RESULT: Reg = 3;
const GLOBAL_ENTRY: Reg = 12;
const THREAD: Reg = 13;
const CTR: Reg = 32;
const LR: Reg = 33;
/// No register: carries what an instruction needs on the way.
const CARRY: Reg = 34;

/// Where glibc's thread structure, as seen from r13, holds the secret that
/// function pointers are xored with.
const POINTER_GUARD: i64 = -28688;
/// Where a caller keeps its table of contents while another object's code runs.
const TOC_SAVE: i64 = 24;

/// r0, r3 to r12, and the registers of branches.
const VOLATILE: Mask = 1 << R0 | 0x1ff8 | 1 << CTR | 1 << LR;

impl Machine for PowerPc64Le {
    fn name(&self) -> &'static str {
        "powerpc64le"
    }
    fn elf(&self) -> u16 {
        21
    }
    fn word(&self) -> u8 {
        8
    }
    fn step(&self) -> u8 {
        4
    }
    fn registers(&self) -> usize {
        35
    }
    fn stack_pointer(&self) -> Reg {
        STACK
    }
    fn number(&self) -> Reg {
        R0
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[3, 4, 5, 6, 7, 8]
    }
    fn syscall_clobbers(&self) -> Mask {
        VOLATILE
    }
    fn call_clobbers(&self) -> Mask {
        VOLATILE
    }
    fn call_pushes(&self) -> i64 {
        0
    }
    fn arguments(&self) -> &'static [Reg] {
        &[3, 4, 5, 6, 7, 8, 9, 10]
    }
    fn result(&self) -> Reg {
        RESULT
    }
    fn pinned(&self, image: &Image, entry: u64) -> Vec<(Reg, u64)> {
        let object = image.object(entry);
        let mut sections = image.sections.iter();
        let is_table = |s: &Section| matches!(s.name.as_str(), ".got" | CONTENTS);
        let table = sections.find(|s| is_table(s) && image.object(s.start) == object);
        table
            .map(|table| (TOC, table.start + CONTENTS_BIAS))
            .into_iter()
            .collect()
    }
    /// Behind `addis r2,r12,..; addi r2,r2,..`.
    fn local_entry(&self, code: &[u8], address: u64) -> u64 {
        let high = word(code, 0).map(|first| first >> 16);
        let low = word(code, 4).map(|second| second >> 16);
        match (high, low) {
            (Some(0x3c4c), Some(0x3842)) => address + 8,
            _ => address,
        }
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        let fields = Fields(word(code, 0)?);
        if fields.opcode() == 1 {
            let suffix = Fields(word(code, 4)?);
            prefixed::lower(fields, suffix, address, ops);
            return Some(Decoded {
                len: 8,
                flow: Flow::Next,
            });
        }
        let flow = lower(fields, address, ops)?;
        Some(Decoded { len: 4, flow })
    }
}

fn word(code: &[u8], at: usize) -> Option<u32> {
    let bytes = code.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// An instruction's bit fields, by the names of the Power ISA.
#[derive(Clone, Copy)]
struct Fields(u32);

impl Fields {
    fn opcode(self) -> u32 {
        self.0 >> 26
    }
    /// RT, RS, BO.
    fn t(self) -> Reg {
        (self.0 >> 21 & 31) as Reg
    }
    /// RA, BI.
    fn a(self) -> Reg {
        (self.0 >> 16 & 31) as Reg
    }
    /// RB, SH.
    fn b(self) -> Reg {
        (self.0 >> 11 & 31) as Reg
    }
    /// BF: the condition register that is written.
    fn field(self) -> u8 {
        (self.0 >> 23 & 7) as u8
    }
    fn signed(self) -> i64 {
        i64::from(self.0 as u16 as i16)
    }
    fn unsigned(self) -> i64 {
        i64::from(self.0 as u16)
    }
    fn extended(self) -> u32 {
        self.0 >> 1 & 0x3ff
    }
    /// Rc of most forms, LK of branches.
    fn record(self) -> bool {
        self.0 & 1 == 1
    }
    /// A displacement from (RA|0) whose low bits are part of the opcode.
    fn place(self, low: i64) -> Place {
        at(self.a(), self.signed() & !low)
    }
}

/// Memory at (RA|0) plus a number.
fn at(base: Reg, disp: i64) -> Place {
    Place {
        base: (base != 0).then_some(base),
        index: None,
        disp,
        foreign: base == THREAD,
    }
}

/// That a condition register no longer holds a comparison.
fn lose(field: u8, ops: &mut Vec<Op>) {
    ops.push(Op::FlagsLost);
    ops.push(Op::Keep { field });
}

fn lose_all(ops: &mut Vec<Op>) {
    for field in 0..8 {
        lose(field, ops);
    }
}

/// What forms with a dot do: the result is compared with zero.
fn record(dst: Reg, ops: &mut Vec<Op>) {
    let with = Src::Imm(0);
    ops.push(Op::CompareSigned {
        reg: dst,
        with,
        bytes: 8,
    });
    ops.push(Op::Keep { field: 0 });
}

fn copy(dst: Reg, src: Reg, bytes: u8, signed: bool) -> Op {
    Op::Copy {
        dst,
        src,
        bytes,
        signed,
    }
}

fn lower(i: Fields, address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    match i.opcode() {
        // Illegal for ever: how abort() ends.
        0 => return Some(Flow::Stop),
        2 | 3 => return Some(trap(i)),
        4 => vector(i, ops),
        6 => quads(i, ops),
        7 | 8 => ops.push(Op::Clobber { dst: i.t() }),
        10 | 11 => compare(i, ops),
        12..=15 => add(i, ops),
        16 => return Some(branch(i, address, ops)),
        17 => return Some(Flow::Syscall),
        18 => {
            let by = i64::from(((i.0 & 0x03ff_fffc) << 6) as i32 >> 6);
            let to = Target::Address(absolute(i, address, by));
            return Some(if i.record() {
                Flow::Call(to)
            } else {
                Flow::Jump(to)
            });
        }
        19 => return by_register(i, address, ops),
        20..=23 => rotate::words(i, ops),
        24..=29 => logical(i, ops),
        30 => rotate::doublewords(i, ops),
        31 => return indexed::lower(i, ops),
        32..=47 => memory(i, ops),
        48..=55 => floats(i, ops),
        56..=58 => loads(i, ops),
        59 | 60 | 63 => float_arithmetic(i, ops),
        61 => pairs(i, ops),
        62 => stores(i, ops),
        _ => return None,
    }
    Some(Flow::Next)
}

/// `tdi` and `twi`: only what always traps ends a way.
fn trap(i: Fields) -> Flow {
    if i.t() == 31 { Flow::Stop } else { Flow::Next }
}

fn absolute(i: Fields, address: u64, by: i64) -> u64 {
    if i.0 & 2 == 2 {
        by as u64
    } else {
        address.wrapping_add(by as u64)
    }
}

/// What BO and BI ask: nothing if the branch is always taken.
fn condition(i: Fields, ops: &mut Vec<Op>) -> Option<Cond> {
    let bo = i.t();
    if bo & 4 == 0 {
        ops.push(Op::Clobber { dst: CTR });
    }
    if bo & 0x14 == 0x14 {
        return None;
    }
    if bo & 0x14 != 4 {
        ops.push(Op::FlagsLost);
        return Some(Cond::Other);
    }
    ops.push(Op::Recall { field: i.a() >> 2 });
    let holds = bo & 8 != 0;
    Some(match (i.a() & 3, holds) {
        (0, true) => Cond::Below,
        (0, false) => Cond::AboveOrEqual,
        (1, true) => Cond::Above,
        (1, false) => Cond::BelowOrEqual,
        (2, true) => Cond::Equal,
        (2, false) => Cond::NotEqual,
        _ => Cond::Other,
    })
}

fn branch(i: Fields, address: u64, ops: &mut Vec<Op>) -> Flow {
    let to = absolute(i, address, i.signed() & !3);
    match condition(i, ops) {
        // No call, but how code asks for the address of what follows.
        None if i.record() => {
            let next = address.wrapping_add(4);
            ops.push(Op::Address {
                dst: LR,
                place: Place {
                    base: None,
                    index: None,
                    disp: next as i64,
                    foreign: false,
                },
                bytes: 8,
            });
            Flow::Jump(Target::Address(to))
        }
        _ if i.record() => Flow::Call(Target::Address(to)),
        None => Flow::Jump(Target::Address(to)),
        Some(cond) => Flow::Branch(cond, to),
    }
}

/// Branches to LR, CTR and TAR, and operations on condition registers.
fn by_register(i: Fields, address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    if i.0 >> 1 & 31 == 2 {
        let by = (i.0 >> 6 & 0x3ff) << 6 | (i.0 >> 16 & 31) << 1 | i.0 & 1;
        let by = i64::from(by as u16 as i16) << 16;
        let value = address.wrapping_add(4).wrapping_add(by as u64);
        ops.push(Op::Const { dst: i.t(), value });
        return Some(Flow::Next);
    }
    let register = match i.extended() {
        16 => LR,
        528 => CTR,
        560 => {
            ops.push(Op::Clobber { dst: CARRY });
            CARRY
        }
        0 => {
            ops.push(Op::Recall {
                field: (i.0 >> 18 & 7) as u8,
            });
            ops.push(Op::Keep { field: i.field() });
            return Some(Flow::Next);
        }
        33 | 129 | 193 | 225 | 257 | 289 | 417 | 449 => {
            lose(i.t() >> 2, ops);
            return Some(Flow::Next);
        }
        150 => return Some(Flow::Next),
        // Only for the kernel.
        _ => return Some(Flow::Stop),
    };
    let to = Target::Reg(register);
    Some(match condition(i, ops) {
        _ if i.record() => Flow::Call(to),
        None if register == LR => Flow::Return,
        None => Flow::Jump(to),
        Some(cond) if register == LR => Flow::ReturnIf(cond),
        // Goes there or on: as if it came back.
        Some(_) => Flow::Call(to),
    })
}

fn compare(i: Fields, ops: &mut Vec<Op>) {
    let reg = i.a();
    let bytes = if i.0 >> 21 & 1 == 1 { 8 } else { 4 };
    ops.push(if i.opcode() == 10 {
        let with = Src::Imm(i.unsigned());
        Op::Compare { reg, with, bytes }
    } else {
        let with = Src::Imm(i.signed());
        Op::CompareSigned { reg, with, bytes }
    });
    ops.push(Op::Keep { field: i.field() });
}

/// `addi`, `addis`, `addic` and `addic.`.
fn add(i: Fields, ops: &mut Vec<Op>) {
    let (dst, base) = (i.t(), i.a());
    let carrying = i.opcode() < 14;
    match i.opcode() {
        // The table of contents is set up where a function is entered from outside.
        14 if dst == TOC && base == TOC => {}
        15 if dst == TOC && base == GLOBAL_ENTRY => {}
        14 | 15 if base == 0 => {
            let shift = if i.opcode() == 15 { 16 } else { 0 };
            let value = (i.signed() << shift) as u64;
            ops.push(Op::Const { dst, value });
        }
        // Half of an address, which is none itself.
        15 => {
            let value = (i.signed() << 16) as u64;
            ops.push(Op::Const { dst: CARRY, value });
            ops.push(Op::Sum {
                dst,
                left: base,
                right: CARRY,
                shift: 0,
                negative: false,
                bytes: 8,
            });
        }
        14 if dst == STACK && base == STACK => ops.push(Op::Add {
            dst,
            src: Src::Imm(i.signed()),
            negative: false,
            bytes: 8,
        }),
        _ => ops.push(Op::Address {
            dst,
            place: Place {
                base: Some(base),
                index: None,
                disp: i.signed(),
                foreign: false,
            },
            bytes: 8,
        }),
    }
    if carrying && i.opcode() == 13 {
        record(dst, ops);
    }
}

/// `ori`, `xori`, `andi.` and their shifted forms.
fn logical(i: Fields, ops: &mut Vec<Op>) {
    let (dst, src) = (i.a(), i.t());
    let value = i.unsigned() << if i.opcode() & 1 == 1 { 16 } else { 0 };
    if dst != src {
        ops.push(copy(dst, src, 8, false));
    }
    let by = Src::Imm(value);
    match i.opcode() {
        24 | 25 if value == 0 => {}
        24 | 25 => ops.push(Op::Or {
            dst,
            src: by,
            bytes: 8,
        }),
        26 | 27 => ops.push(Op::Xor {
            dst,
            src: by,
            bytes: 8,
        }),
        _ => {
            ops.push(Op::And {
                dst,
                mask: value,
                bytes: 8,
            });
            record(dst, ops);
        }
    }
}

/// Loads a register. The thread's secret counts as zero: a pointer that is
/// xored with it counts as that pointer.
fn load(dst: Reg, place: Place, bytes: u8, signed: bool, ops: &mut Vec<Op>) {
    ops.push(match (place.base, place.disp) {
        (Some(THREAD), POINTER_GUARD) if bytes == 8 => Op::Const { dst, value: 0 },
        _ => Op::Load {
            dst,
            place,
            bytes,
            signed,
        },
    });
}

fn store(place: Place, src: Src, bytes: u8, ops: &mut Vec<Op>) {
    ops.push(Op::Store { place, src, bytes });
}

/// What an update form leaves in its base.
fn update(base: Reg, by: i64, ops: &mut Vec<Op>) {
    ops.push(Op::Add {
        dst: base,
        src: Src::Imm(by),
        negative: false,
        bytes: 8,
    });
}

/// Loads and stores with a displacement; the lowest bit of the opcode says update.
fn memory(i: Fields, ops: &mut Vec<Op>) {
    let place = i.place(0);
    match i.opcode() {
        32 | 33 => load(i.t(), place, 4, false, ops),
        34 | 35 => load(i.t(), place, 1, false, ops),
        40 | 41 => load(i.t(), place, 2, false, ops),
        42 | 43 => load(i.t(), place, 2, true, ops),
        36 | 37 => store(place, Src::Reg(i.t()), 4, ops),
        38 | 39 => store(place, Src::Reg(i.t()), 1, ops),
        44 | 45 => store(place, Src::Reg(i.t()), 2, ops),
        46 => ops.extend((i.t()..32).map(|dst| Op::Clobber { dst })),
        _ => store(place, Src::Unknown, 4 * (32 - i.t()), ops),
    }
    if i.opcode() & 1 == 1 && i.opcode() < 46 {
        update(i.a(), i.signed(), ops);
    }
}

/// `lfs`, `lfd`, `stfs`, `stfd` and their update forms.
fn floats(i: Fields, ops: &mut Vec<Op>) {
    if i.opcode() >= 52 {
        let bytes = if i.opcode() < 54 { 4 } else { 8 };
        store(i.place(0), Src::Unknown, bytes, ops);
    }
    if i.opcode() & 1 == 1 {
        update(i.a(), i.signed(), ops);
    }
}

/// `lq`, `lfdp` and their like, `ld`, `ldu`, `lwa`.
fn loads(i: Fields, ops: &mut Vec<Op>) {
    let place = i.place(3);
    match (i.opcode(), i.0 & 3) {
        (56, _) => ops.extend([i.t(), i.t() | 1].map(|dst| Op::Clobber { dst })),
        // Back from another object's code.
        (58, 0) if i.t() == TOC && place == at(STACK, TOC_SAVE) => {}
        (58, 0 | 1) => load(i.t(), place, 8, false, ops),
        (58, 2) => load(i.t(), place, 4, true, ops),
        (58, _) => ops.push(Op::Clobber { dst: i.t() }),
        _ => {}
    }
    if i.opcode() == 58 && i.0 & 3 == 1 {
        update(i.a(), place.disp, ops);
    }
}

/// `std`, `stdu`, `stq`.
fn stores(i: Fields, ops: &mut Vec<Op>) {
    let place = i.place(3);
    match i.0 & 3 {
        2 => store(place, Src::Unknown, 16, ops),
        _ => store(place, Src::Reg(i.t()), 8, ops),
    }
    if i.0 & 3 == 1 {
        update(i.a(), place.disp, ops);
    }
}

/// `lxvp`, `stxvp`.
fn quads(i: Fields, ops: &mut Vec<Op>) {
    let place = i.place(15);
    match i.0 & 15 {
        0 => ops.push(Op::LoadWide { place }),
        _ => store(place, Src::Unknown, 32, ops),
    }
}

/// `lxv`, `stxv` and stores of single floating-point registers.
fn pairs(i: Fields, ops: &mut Vec<Op>) {
    match i.0 & 7 {
        1 => ops.push(Op::LoadWide { place: i.place(15) }),
        5 => store(i.place(15), Src::Unknown, 16, ops),
        _ => store(i.place(3), Src::Unknown, 16, ops),
    }
}

/// Extended opcodes of vector instructions that write a general register.
const FROM_VECTORS: [u32; 9] = [1228, 1538, 1549, 1602, 1613, 1677, 1805, 1869, 1933];

fn vector(i: Fields, ops: &mut Vec<Op>) {
    let three = matches!(i.0 & 63, 48 | 49 | 51);
    if three || FROM_VECTORS.contains(&(i.0 & 0x7ff)) {
        ops.push(Op::Clobber { dst: i.t() });
    }
    // Comparisons, wherever they leave what they found.
    if !three {
        lose(6, ops);
        lose(i.field(), ops);
    }
}

fn float_arithmetic(i: Fields, ops: &mut Vec<Op>) {
    if i.opcode() == 60 && i.0 >> 2 & 0x1ff == 347 {
        ops.push(Op::Clobber { dst: i.t() });
    }
    for field in [1, 6, i.field()] {
        lose(field, ops);
    }
}
