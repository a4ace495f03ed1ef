// SPDX-License-Identifier: MIT OR Apache-2.0
//! riscv64's instructions of 16 bits, as those of 32 bits that they stand for.

/// Bits of an instruction, put elsewhere: from, count, to.
fn gather(half: u32, parts: &[(u32, u32, u32)]) -> u32 {
    parts.iter().fold(0, |number, (from, count, to)| {
        number | (half >> from & ((1 << count) - 1)) << to
    })
}

/// A number of so many bits with its sign.
fn signed(number: u32, bits: u32) -> u32 {
    ((number << (32 - bits)) as i32 >> (32 - bits)) as u32
}

const LOAD: u32 = 0x03;
const LOAD_FLOAT: u32 = 0x07;
const NUMBER: u32 = 0x13;
const HALF_NUMBER: u32 = 0x1b;
const STORE: u32 = 0x23;
const STORE_FLOAT: u32 = 0x27;
const REGISTERS: u32 = 0x33;
const HALF_REGISTERS: u32 = 0x3b;
const BRANCH: u32 = 0x63;
const THROUGH: u32 = 0x67;
const JUMP: u32 = 0x6f;
const BREAK: u32 = 0x0010_0073;
const SP: u32 = 2;

fn with_number(class: u32, kind: u32, d: u32, s1: u32, number: u32) -> u32 {
    class | d << 7 | kind << 12 | s1 << 15 | (number & 0xfff) << 20
}

fn with_registers(class: u32, kind: u32, d: u32, s1: u32, s2: u32, more: u32) -> u32 {
    class | d << 7 | kind << 12 | s1 << 15 | s2 << 20 | more << 25
}

fn store(class: u32, kind: u32, base: u32, src: u32, number: u32) -> u32 {
    class | (number & 0x1f) << 7 | kind << 12 | base << 15 | src << 20 | (number >> 5 & 0x7f) << 25
}

fn branch(kind: u32, s1: u32, by: u32) -> u32 {
    BRANCH
        | (by >> 11 & 1) << 7
        | (by >> 1 & 0xf) << 8
        | kind << 12
        | s1 << 15
        | (by >> 5 & 0x3f) << 25
        | (by >> 12 & 1) << 31
}

fn jump(by: u32) -> u32 {
    JUMP | (by >> 12 & 0xff) << 12
        | (by >> 11 & 1) << 20
        | (by >> 1 & 0x3ff) << 21
        | (by >> 20 & 1) << 31
}

/// The long form; none if there is no such instruction.
pub fn expand(half: u16) -> Option<u32> {
    let half = u32::from(half);
    match half & 3 {
        0 => memory(half),
        1 => arithmetic(half),
        _ => stack(half),
    }
}

/// Loads and stores through the eight registers that three bits name.
fn memory(half: u32) -> Option<u32> {
    let (low, high) = (8 + (half >> 2 & 7), 8 + (half >> 7 & 7));
    let word = gather(half, &[(6, 1, 2), (10, 3, 3), (5, 1, 6)]);
    let double = gather(half, &[(10, 3, 3), (5, 2, 6)]);
    Some(match half >> 13 {
        0 => {
            let number = gather(half, &[(6, 1, 2), (5, 1, 3), (11, 2, 4), (7, 4, 6)]);
            if number == 0 {
                return None;
            }
            with_number(NUMBER, 0, low, SP, number)
        }
        1 => with_number(LOAD_FLOAT, 3, low, high, double),
        2 => with_number(LOAD, 2, low, high, word),
        3 => with_number(LOAD, 3, low, high, double),
        4 => return bytes(half, low, high),
        5 => store(STORE_FLOAT, 3, high, low, double),
        6 => store(STORE, 2, high, low, word),
        _ => store(STORE, 3, high, low, double),
    })
}

/// Bytes and half words.
fn bytes(half: u32, low: u32, high: u32) -> Option<u32> {
    let byte = gather(half, &[(6, 1, 0), (5, 1, 1)]);
    let short = gather(half, &[(5, 1, 1)]);
    Some(match (half >> 10 & 7, half >> 6 & 1) {
        (0, _) => with_number(LOAD, 4, low, high, byte),
        (1, 0) => with_number(LOAD, 5, low, high, short),
        (1, _) => with_number(LOAD, 1, low, high, short),
        (2, _) => store(STORE, 0, high, low, byte),
        (3, 0) => store(STORE, 1, high, low, short),
        _ => return None,
    })
}

fn arithmetic(half: u32) -> Option<u32> {
    let (d, high) = (half >> 7 & 31, 8 + (half >> 7 & 7));
    let number = signed(gather(half, &[(2, 5, 0), (12, 1, 5)]), 6);
    let near = gather(
        half,
        &[(3, 2, 1), (10, 2, 3), (2, 1, 5), (5, 2, 6), (12, 1, 8)],
    );
    let near = signed(near, 9);
    Some(match half >> 13 {
        0 => with_number(NUMBER, 0, d, d, number),
        1 if d == 0 => return None,
        1 => with_number(HALF_NUMBER, 0, d, d, number),
        2 => with_number(NUMBER, 0, d, 0, number),
        3 if d == SP => {
            let parts = [(6, 1, 4), (2, 1, 5), (5, 1, 6), (3, 2, 7), (12, 1, 9)];
            with_number(NUMBER, 0, SP, SP, signed(gather(half, &parts), 10))
        }
        // The upper bits of a number; without any it is a hint or something newer.
        3 => 0x37 | d << 7 | number << 12,
        4 => return on_registers(half, high, number),
        5 => {
            let parts = [
                (3, 3, 1),
                (11, 1, 4),
                (2, 1, 5),
                (7, 1, 6),
                (6, 1, 7),
                (9, 2, 8),
                (8, 1, 10),
                (12, 1, 11),
            ];
            jump(signed(gather(half, &parts), 12))
        }
        6 => branch(0, high, near),
        _ => branch(1, high, near),
    })
}

fn on_registers(half: u32, d: u32, number: u32) -> Option<u32> {
    let (s2, by) = (8 + (half >> 2 & 7), number & 0x3f);
    Some(match (half >> 10 & 3, half >> 12 & 1, half >> 5 & 3) {
        (0, ..) => with_number(NUMBER, 5, d, d, by),
        (1, ..) => with_number(NUMBER, 5, d, d, by | 0x400),
        (2, ..) => with_number(NUMBER, 7, d, d, number),
        (_, 0, 0) => with_registers(REGISTERS, 0, d, d, s2, 0x20),
        (_, 0, 1) => with_registers(REGISTERS, 4, d, d, s2, 0),
        (_, 0, 2) => with_registers(REGISTERS, 6, d, d, s2, 0),
        (_, 0, _) => with_registers(REGISTERS, 7, d, d, s2, 0),
        (_, _, 0) => with_registers(HALF_REGISTERS, 0, d, d, s2, 0x20),
        (_, _, 1) => with_registers(HALF_REGISTERS, 0, d, d, s2, 0),
        // Multiplications, extensions, complements: of this register.
        _ => with_registers(REGISTERS, 0, d, d, d, 1),
    })
}

fn stack(half: u32) -> Option<u32> {
    let (d, s2) = (half >> 7 & 31, half >> 2 & 31);
    let word = gather(half, &[(4, 3, 2), (12, 1, 5), (2, 2, 6)]);
    let double = gather(half, &[(5, 2, 3), (12, 1, 5), (2, 3, 6)]);
    let word_out = gather(half, &[(9, 4, 2), (7, 2, 6)]);
    let double_out = gather(half, &[(10, 3, 3), (7, 3, 6)]);
    Some(match (half >> 13, half >> 12 & 1) {
        (0, high) => with_number(NUMBER, 1, d, d, s2 | high << 5),
        (1, _) => with_number(LOAD_FLOAT, 3, d, SP, double),
        (2, _) => with_number(LOAD, 2, d, SP, word),
        (3, _) => with_number(LOAD, 3, d, SP, double),
        (4, 0) if s2 == 0 && d == 0 => return None,
        (4, 0) if s2 == 0 => with_number(THROUGH, 0, 0, d, 0),
        (4, 0) => with_registers(REGISTERS, 0, d, 0, s2, 0),
        (4, _) if s2 == 0 && d == 0 => BREAK,
        (4, _) if s2 == 0 => with_number(THROUGH, 0, 1, d, 0),
        (4, _) => with_registers(REGISTERS, 0, d, d, s2, 0),
        (5, _) => store(STORE_FLOAT, 3, SP, s2, double_out),
        (6, _) => store(STORE, 2, SP, s2, word_out),
        _ => store(STORE, 3, SP, s2, double_out),
    })
}
