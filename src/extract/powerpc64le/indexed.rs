// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opcode 31: arithmetic on registers, memory at the sum of two registers, and much else.

use super::{CARRY, CTR, Fields, LR, THREAD, copy, lose, lose_all, record};
use crate::extract::ir::{Flow, Op, Place, Reg, Src, Way};

/// Numbers of special registers.
const SPR_LR: u32 = 8;
const SPR_CTR: u32 = 9;

/// What an extended opcode writes, where nothing more is known of it.
enum Writes {
    Nothing,
    /// RT.
    First,
    /// RA.
    Second,
    /// The condition register BF.
    Field,
    /// The condition register 0.
    Zero,
    All,
}

pub fn lower(i: Fields, ops: &mut Vec<Op>) -> Option<Flow> {
    // `tw` and `td`.
    if matches!(i.extended(), 4 | 68) {
        return Some(if i.t() == 31 { Flow::Stop } else { Flow::Next });
    }
    if i.0 >> 1 & 31 == 15 {
        select(i, ops);
    } else if !moves(i, ops) && !arithmetic(i, ops) && !memory(i, ops) {
        others(i, ops);
    }
    Some(Flow::Next)
}

/// `isel`.
fn select(i: Fields, ops: &mut Vec<Op>) {
    ops.push(match i.a() {
        0 => Op::Const {
            dst: CARRY,
            value: 0,
        },
        src => copy(CARRY, src, 8, false),
    });
    ops.push(Op::Either {
        dst: CARRY,
        src: i.b(),
    });
    ops.push(copy(i.t(), CARRY, 8, false));
}

/// To and from special registers; comparisons.
fn moves(i: Fields, ops: &mut Vec<Op>) -> bool {
    let special = i.0 >> 16 & 31 | i.0 >> 6 & 0x3e0;
    let register = match special {
        SPR_LR => Some(LR),
        SPR_CTR => Some(CTR),
        _ => None,
    };
    match i.extended() {
        339 => ops.push(match register {
            Some(src) => copy(i.t(), src, 8, false),
            None => Op::Clobber { dst: i.t() },
        }),
        467 => ops.extend(register.map(|dst| copy(dst, i.t(), 8, false))),
        144 => {
            for field in (0..8).filter(|field| i.0 >> (19 - field) & 1 == 1) {
                lose(field, ops);
            }
        }
        code @ (0 | 32) => {
            let (reg, with) = (i.a(), Src::Reg(i.b()));
            let bytes = if i.0 >> 21 & 1 == 1 { 8 } else { 4 };
            ops.push(if code == 0 {
                Op::CompareSigned { reg, with, bytes }
            } else {
                Op::Compare { reg, with, bytes }
            });
            ops.push(Op::Keep { field: i.field() });
        }
        _ => return false,
    }
    true
}

fn arithmetic(i: Fields, ops: &mut Vec<Op>) -> bool {
    let (t, a, b) = (i.t(), i.a(), i.b());
    let sum = |dst: Reg, left: Reg, right: Reg, negative: bool| Op::Sum {
        dst,
        left,
        right,
        shift: 0,
        negative,
        bytes: 8,
    };
    // One bit of some extended opcodes only asks for overflow.
    let dst = match (i.extended() & !0x200, i.extended()) {
        (266, _) => {
            ops.push(sum(t, a, b, false));
            t
        }
        (40, _) => {
            ops.push(sum(t, b, a, true));
            t
        }
        (104, _) => {
            ops.push(Op::Const {
                dst: CARRY,
                value: 0,
            });
            ops.push(sum(t, CARRY, a, true));
            t
        }
        (8 | 10 | 136 | 138 | 200 | 202 | 232 | 234, _)
        | (233 | 235 | 393 | 395 | 425 | 427 | 457 | 459 | 489 | 491, _)
        | (_, 9 | 11 | 73 | 75 | 170) => {
            ops.push(Op::Clobber { dst: t });
            t
        }
        (_, 265 | 267 | 777 | 779) => {
            ops.push(Op::Clobber { dst: t });
            return true;
        }
        (_, 444 | 28) if t == b => {
            ops.push(copy(a, t, 8, false));
            a
        }
        (_, 444 | 316) => {
            combine(i, ops);
            a
        }
        (_, 954 | 922 | 986) => {
            let bytes = match i.extended() {
                954 => 1,
                922 => 2,
                _ => 4,
            };
            ops.push(copy(a, t, bytes, true));
            a
        }
        (_, 826 | 827) => {
            ops.push(copy(a, t, 8, false));
            ops.push(Op::Shift {
                dst: a,
                by: b | ((i.0 & 2) << 4) as u8,
                way: Way::Signed,
                bytes: 8,
            });
            a
        }
        (_, 28 | 476 | 124 | 284 | 60 | 412 | 26 | 58 | 27 | 24 | 539 | 536)
        | (_, 794 | 792 | 824 | 890 | 891 | 538 | 570) => {
            ops.push(Op::Clobber { dst: a });
            a
        }
        _ => return false,
    };
    if i.record() {
        record(dst, ops);
    }
    true
}

/// `or` and `xor` of two registers.
fn combine(i: Fields, ops: &mut Vec<Op>) {
    let (t, a, b) = (i.t(), i.a(), i.b());
    let (own, other) = if a == b { (b, t) } else { (t, b) };
    if a != own {
        ops.push(copy(a, own, 8, false));
    }
    let src = Src::Reg(other);
    ops.push(match i.extended() {
        316 if t == b => Op::Const { dst: a, value: 0 },
        316 => Op::Xor {
            dst: a,
            src,
            bytes: 8,
        },
        _ => Op::Or {
            dst: a,
            src,
            bytes: 8,
        },
    });
}

/// Memory at (RA|0) + RB.
fn place(i: Fields) -> Place {
    let foreign = i.a() == THREAD || i.b() == THREAD;
    match i.a() {
        0 => Place {
            base: Some(i.b()),
            index: None,
            disp: 0,
            foreign,
        },
        base => Place {
            base: Some(base),
            index: Some((i.b(), 1)),
            disp: 0,
            foreign,
        },
    }
}

fn memory(i: Fields, ops: &mut Vec<Op>) -> bool {
    let place = place(i);
    let (bytes, signed) = match i.extended() {
        23 | 55 | 20 => (4, false),
        87 | 119 | 52 => (1, false),
        279 | 311 | 116 => (2, false),
        343 | 375 => (2, true),
        341 | 373 => (4, true),
        21 | 53 | 84 => (8, false),
        _ => return stores(i, place, ops),
    };
    ops.push(Op::Load {
        dst: i.t(),
        place,
        bytes,
        signed,
    });
    if matches!(i.extended(), 55 | 119 | 311 | 375 | 373 | 53) {
        update(i, ops);
    }
    true
}

fn update(i: Fields, ops: &mut Vec<Op>) {
    ops.push(Op::Add {
        dst: i.a(),
        src: Src::Reg(i.b()),
        negative: false,
        bytes: 8,
    });
}

fn stores(i: Fields, place: Place, ops: &mut Vec<Op>) -> bool {
    let known = Src::Reg(i.t());
    let (src, bytes) = match i.extended() {
        151 | 183 => (known, 4),
        149 | 181 => (known, 8),
        215 | 247 => (known, 1),
        407 | 439 => (known, 2),
        // Conditional, byte-reversed, of vectors and floating-point registers.
        150 | 694 | 726 | 214 | 182 | 662 | 660 | 918 => (Src::Unknown, 16),
        135 | 167 | 199 | 231 | 487 | 140 | 141 | 396 | 397 | 429 => (Src::Unknown, 16),
        652 | 663 | 695 | 716 | 727 | 759 | 908 | 909 | 919 => (Src::Unknown, 16),
        940 | 941 | 972 | 973 | 1004 | 1005 | 983 => (Src::Unknown, 16),
        // The block of a cache, strings, pairs of vectors.
        1014 | 661 | 725 | 461 => (Src::Unknown, 128),
        _ => return false,
    };
    ops.push(Op::Store { place, src, bytes });
    match i.extended() {
        183 | 181 | 247 | 439 | 695 | 759 => update(i, ops),
        150 | 694 | 726 | 214 | 182 => lose(0, ops),
        _ => {}
    }
    true
}

fn others(i: Fields, ops: &mut Vec<Op>) {
    match writes(i) {
        Writes::Nothing => {}
        Writes::First => ops.push(Op::Clobber { dst: i.t() }),
        Writes::Second => ops.push(Op::Clobber { dst: i.a() }),
        Writes::Field => lose(i.field(), ops),
        Writes::Zero => lose(0, ops),
        Writes::All => {
            ops.extend([i.t(), i.t() | 1, i.a()].map(|dst| Op::Clobber { dst }));
            // Strings of any length go to registers from RT on.
            if matches!(i.extended(), 533 | 597) {
                ops.extend((0..32).map(|dst| Op::Clobber { dst }));
            }
            lose_all(ops);
        }
    }
    // Loads of whole vector registers.
    if matches!(
        i.extended(),
        103 | 359 | 268 | 364 | 780 | 812 | 844 | 876 | 333
    ) {
        ops.push(Op::LoadWide { place: place(i) });
    }
}

fn writes(i: Fields) -> Writes {
    match i.extended() {
        // Byte-reversed loads; a copy of the conditions; time; signs of conditions.
        532 | 534 | 790 | 19 | 371 | 128 | 384 | 416 | 448 | 480 | 755 | 582 | 614 => Writes::First,
        // Counts of bits, bytes compared, parity, permuted bits, reversed bytes.
        122 | 378 | 506 | 508 | 154 | 186 | 252 | 220 | 59 | 571 | 156 | 188 => Writes::Second,
        219 | 155 | 187 | 282 | 314 => Writes::Second,
        // From vector registers.
        51 | 115 | 307 => Writes::Second,
        192 | 224 | 576 | 750 => Writes::Field,
        // Transactions, `paste.`.
        654 | 686 | 718 | 782 | 814 | 846 | 878 | 910 | 942 | 1006 | 902 => Writes::Zero,
        // Hints, barriers, caches, hashes.
        22 | 30 | 54 | 62 | 86 | 246 | 278 | 598 | 982 | 1010 | 658 | 690 | 722 | 754 | 774
        | 838 => Writes::Nothing,
        // Loads of vector and floating-point registers.
        6 | 7 | 38 | 39 | 71 | 103 | 359 | 12 | 13 | 76 | 268 | 269 | 301 | 332 | 364 | 333 => {
            Writes::Nothing
        }
        524 | 535 | 599 | 588 | 780 | 781 | 791 | 812 | 813 | 844 | 855 | 876 | 887 => {
            Writes::Nothing
        }
        // To vector registers.
        179 | 211 | 243 | 403 | 435 => Writes::Nothing,
        567 | 631 => Writes::Second,
        _ => Writes::All,
    }
}
