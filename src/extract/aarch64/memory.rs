// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64's loads, stores and atomic operations, in all addressing modes.

use super::super::ir::{Op, Place, Reg, Src};
use super::data::extended;
use super::{Word, anything, at, clobber, copy, read, written};

pub fn access(i: Word, address: u64, ops: &mut Vec<Op>) -> Option<()> {
    let vector = i.bit(26);
    match i.bits(28, 2) {
        0 if vector => structures(i, ops),
        0 => exclusive(i, ops),
        1 if i.bit(24) => tags(i, ops),
        1 => literal(i, address, ops),
        2 => pair(i, ops),
        _ => single(i, ops),
    }
    Some(())
}

fn add(base: Reg, by: i64, ops: &mut Vec<Op>) {
    ops.push(Op::Add {
        dst: base,
        src: Src::Imm(by),
        negative: false,
        bytes: 8,
    });
}

/// Memory of so many bytes that becomes unknown.
fn spoil(base: Reg, disp: i64, bytes: i64, ops: &mut Vec<Op>) {
    for word in 0..(bytes + 7) / 8 {
        ops.push(Op::Store {
            place: at(base, disp + 8 * word),
            src: Src::Unknown,
            bytes: (bytes - 8 * word).min(8) as u8,
        });
    }
}

/// Vectors of several registers: only what they do to the base and to memory.
fn structures(i: Word, ops: &mut Vec<Op>) {
    if !i.bit(22) {
        spoil(i.n(), 0, 64, ops);
    }
    if i.bit(23) {
        ops.push(Op::Clobber { dst: i.n() });
    }
}

/// Exclusive and ordered accesses, compare and swap.
fn exclusive(i: Word, ops: &mut Vec<Op>) {
    let bytes = 1u8 << i.bits(30, 2);
    let place = at(i.n(), 0);
    match (i.bit(23), i.bit(21), i.bit(22)) {
        (true, false, true) => ops.push(Op::Load {
            dst: written(i.d()),
            place,
            bytes,
            signed: false,
        }),
        (true, false, false) => {
            let src = Src::Reg(read(i.d(), ops));
            ops.push(Op::Store { place, src, bytes });
        }
        (false, _, true) => {
            clobber(i.d(), ops);
            if i.bit(21) {
                clobber(i.a(), ops);
                clobber(i.m(), ops);
                clobber((i.m() + 1) & 31, ops);
            }
        }
        _ => {
            clobber(i.m(), ops);
            if i.bit(21) {
                clobber((i.m() + 1) & 31, ops);
            }
            spoil(i.n(), 0, 16, ops);
        }
    }
}

/// A load from a place that the instruction names.
fn literal(i: Word, address: u64, ops: &mut Vec<Op>) {
    let place = Place {
        base: None,
        index: None,
        disp: address.wrapping_add((i.signed(5, 19) << 2) as u64) as i64,
        foreign: false,
    };
    let dst = written(i.d());
    match (i.bits(30, 2), i.bit(26)) {
        (2, true) => ops.push(Op::LoadWide { place }),
        (_, true) | (3, _) => {}
        (kind, _) => ops.push(Op::Load {
            dst,
            place,
            bytes: if kind == 1 { 8 } else { 4 },
            signed: kind == 2,
        }),
    }
}

/// Memory tags, copying and setting memory, ordered accesses with an offset.
fn tags(i: Word, ops: &mut Vec<Op>) {
    if !i.bit(21) {
        return match i.bits(10, 2) {
            0 => plain(i, at(i.n(), i.signed(12, 9)), ops),
            2 => spoil(i.n(), i.signed(12, 9), 16, ops),
            _ => anything(i, ops),
        };
    }
    let by = i.signed(12, 9) << 4;
    match (i.bits(22, 2), i.bits(10, 2)) {
        (1 | 3, 0) => clobber(i.d(), ops),
        (kind, way) => {
            // Two of these set memory to zero besides.
            let bytes = if kind & 1 == 1 { 16 } else { 0 };
            let first = if way == 1 { 0 } else { by };
            spoil(i.n(), first, bytes * i64::from(kind & 2).max(1), ops);
            if way & 1 == 1 {
                add(i.n(), by, ops);
            }
        }
    }
}

fn pair(i: Word, ops: &mut Vec<Op>) {
    let (kind, vector, load) = (i.bits(30, 2), i.bit(26), i.bit(22));
    let bytes: i64 = match (kind, vector) {
        (kind, true) => 4 << kind,
        (2, false) => 8,
        (1, false) if !load => 16,
        _ => 4,
    };
    let (way, by) = (i.bits(23, 2), i.signed(15, 7) * bytes);
    if way == 3 {
        add(i.n(), by, ops);
    }
    let first = if way & 1 == 1 { 0 } else { by };
    let second = first + bytes;
    if vector {
        for disp in [first, second] {
            wide(i.n(), disp, bytes, load, ops);
        }
    } else if load {
        let load = |dst: Reg, disp: i64| Op::Load {
            dst: written(dst),
            place: at(i.n(), disp),
            bytes: bytes as u8,
            signed: kind == 1,
        };
        // The base may be among what is loaded: it goes last.
        let mut loads = [load(i.d(), first), load(i.a(), second)];
        if i.d() == i.n() {
            loads.reverse();
        }
        ops.extend(loads);
    } else {
        for (register, disp) in [(i.d(), first), (i.a(), second)] {
            let src = Src::Reg(read(register, ops));
            ops.push(Op::Store {
                place: at(i.n(), disp),
                src,
                bytes: bytes.min(8) as u8,
            });
        }
    }
    if way == 1 {
        add(i.n(), by, ops);
    }
}

/// A vector register to or from memory.
fn wide(base: Reg, disp: i64, bytes: i64, load: bool, ops: &mut Vec<Op>) {
    if !load {
        spoil(base, disp, bytes, ops);
    } else if bytes == 16 {
        ops.push(Op::LoadWide {
            place: at(base, disp),
        });
    }
}

fn single(i: Word, ops: &mut Vec<Op>) {
    let size = match (i.bit(26), i.bits(30, 2), i.bits(23, 1)) {
        (true, 0, 1) => 4,
        (_, size, _) => size,
    };
    if i.bit(24) {
        return plain(i, at(i.n(), i64::from(i.bits(10, 12)) << size), ops);
    }
    let by = i.signed(12, 9);
    match (i.bit(21), i.bits(10, 2)) {
        (false, 0 | 2) => plain(i, at(i.n(), by), ops),
        (false, 1) => {
            plain(i, at(i.n(), 0), ops);
            add(i.n(), by, ops);
        }
        (false, _) => {
            add(i.n(), by, ops);
            plain(i, at(i.n(), 0), ops);
        }
        (true, 0) => atomic(i, ops),
        (true, 2) => indexed(i, size, ops),
        // The pointer is authenticated before it is followed.
        (true, _) => {
            clobber(i.d(), ops);
            if i.bit(11) {
                ops.push(Op::Clobber { dst: i.n() });
            }
        }
    }
}

/// A base and an index, which may be half a register.
fn indexed(i: Word, size: u32, ops: &mut Vec<Op>) {
    if i.bits(30, 2) == 3 && !i.bit(26) && i.bits(22, 2) == 2 {
        return;
    }
    let index = extended(i, ops);
    let scale = if i.bit(12) { 1 << size } else { 1 };
    let place = Place {
        base: Some(i.n()),
        index: Some((index, scale)),
        disp: 0,
        foreign: false,
    };
    plain(i, place, ops);
}

/// The access itself: what size, where to, how extended.
fn plain(i: Word, place: Place, ops: &mut Vec<Op>) {
    let (size, kind) = (i.bits(30, 2), i.bits(22, 2));
    let bytes = 1u8 << size;
    if i.bit(26) {
        let long = size == 0 && kind & 2 == 2;
        match (kind & 1 == 1, long) {
            (true, true) => ops.push(Op::LoadWide { place }),
            (true, false) => {}
            (false, long) => {
                for word in 0..if long { 2 } else { 1 } {
                    let disp = place.disp + 8 * word;
                    ops.push(Op::Store {
                        place: Place { disp, ..place },
                        src: Src::Unknown,
                        bytes: if long { 8 } else { bytes },
                    });
                }
            }
        }
        return;
    }
    match (kind, size) {
        (0, _) => {
            let src = Src::Reg(read(i.d(), ops));
            ops.push(Op::Store { place, src, bytes });
        }
        // Only asks for memory to be near.
        (2, 3) => {}
        _ => {
            let dst = written(i.d());
            ops.push(Op::Load {
                dst,
                place,
                bytes,
                signed: kind >= 2,
            });
            if kind == 3 {
                ops.push(copy(dst, dst, 4, false));
            }
        }
    }
}

/// Read, change and write at once.
fn atomic(i: Word, ops: &mut Vec<Op>) {
    let (other, what) = (i.bit(15), i.bits(12, 3));
    if i.bit(26) {
        return spoil(i.n(), 0, 8, ops);
    }
    match (other, what) {
        (true, 4) => ops.push(Op::Load {
            dst: written(i.d()),
            place: at(i.n(), 0),
            bytes: 1 << i.bits(30, 2),
            signed: false,
        }),
        // 64 bytes at once, from or to eight registers.
        (true, 5) => (0..8).for_each(|more| clobber((i.d() + more) & 31, ops)),
        (true, 1..=3) => {
            clobber(i.m(), ops);
            spoil(i.n(), 0, 64, ops);
        }
        _ => {
            clobber(i.d(), ops);
            spoil(i.n(), 0, 8, ops);
        }
    }
}
