// SPDX-License-Identifier: MIT OR Apache-2.0
//! 32-bit Arm, A32 and T32: the procedure call standard's registers, and what is executed on a condition.
//!
//! Bit 0 of a code address says T32. Bits above 32 say that only some of the next
//! instructions are executed: one way on from IT, or from a conditional
//! instruction of A32, is there for those that are and one for those that are not.

mod a32;
mod coprocessor;
mod lower;
mod t16;
mod t32;

use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Reg, Target};
use lower::Lower;

/// The one value of this machine.
pub struct Arm;

const NUMBER: Reg = 7;
const IP: Reg = 12;
const SP: Reg = 13;
const LR: Reg = 14;
const PC: Reg = 15;
/// No register: carries what is jumped to.
const CARRY: Reg = 16;
const REGISTERS: usize = 17;

/// glibc's `__libc_do_syscall`, for functions in which r7 is the frame pointer:
/// push {r7, lr}; mov r7, ip; svc 0; pop {r7, pc}
const GATE: [u8; 8] = [0x80, 0xb5, 0x67, 0x46, 0x00, 0xdf, 0x80, 0xbd];

/// Where other processors trap, `__aeabi_ldiv0` of the compiler's library raises SIGFPE:
/// push {r1, lr}; mov.w r0, #8. Those that divide jump to it.
pub const DIVIDED_BY_ZERO: &[u8] = &[0x02, 0xb5, 0x4f, 0xf0, 0x08, 0x00];

/// Which of the next instructions are executed, and how many these are.
const CHOSEN: u32 = 32;
const COUNT: u32 = 36;
const THUMB: u64 = 1;
/// Where it is, without how it is to be decoded.
const PLACE: u64 = 0xffff_fffe;

impl Machine for Arm {
    fn name(&self) -> &'static str {
        "arm"
    }
    fn packs(&self) -> bool {
        true
    }
    fn elf(&self) -> u16 {
        40
    }
    fn word(&self) -> u8 {
        4
    }
    fn step(&self) -> u8 {
        2
    }
    fn mode_bits(&self) -> u64 {
        THUMB | 0x7f << CHOSEN
    }
    fn narrowest_entry(&self) -> u8 {
        1
    }
    fn branches_keep_flags(&self) -> bool {
        false
    }
    /// Constants lie between the functions.
    fn sweeps(&self) -> bool {
        false
    }
    fn link(&self) -> Option<Reg> {
        Some(LR)
    }
    fn registers(&self) -> usize {
        REGISTERS
    }
    fn stack_pointer(&self) -> Reg {
        SP
    }
    fn number(&self) -> Reg {
        NUMBER
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[0, 1, 2, 3, 4, 5]
    }
    fn syscall_clobbers(&self) -> Mask {
        1
    }
    fn call_clobbers(&self) -> Mask {
        0b1111 | 1 << 12 | 1 << LR
    }
    fn call_pushes(&self) -> i64 {
        0
    }
    fn arguments(&self) -> &'static [Reg] {
        &[0, 1, 2, 3]
    }
    fn result(&self) -> Reg {
        0
    }
    fn jumped_to(&self, code: &[u8]) -> bool {
        code.starts_with(DIVIDED_BY_ZERO)
    }
    fn gate(&self, code: &[u8]) -> Option<Reg> {
        code.starts_with(&GATE).then_some(IP)
    }
    fn after(&self, address: u64, bytes: u64) -> u64 {
        (address & (PLACE | THUMB)) + bytes
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        match address >> COUNT & 7 {
            0 => one(code, address, ops),
            count => some(code, address, count, ops),
        }
    }
}

/// The instructions of which only some are executed.
fn some(code: &[u8], address: u64, count: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
    let thumb = address & THUMB;
    let start = address & PLACE;
    let mut at = 0;
    for n in 0..count {
        let rest = code.get(at..)?;
        let here = (start + at as u64) | thumb;
        let length = length(rest, thumb)?;
        at += length;
        if address >> CHOSEN >> n & 1 == 0 {
            continue;
        }
        let flow = plain(rest, here, ops)?;
        if flow != Flow::Next {
            return Some(Decoded {
                len: at as u8,
                flow,
            });
        }
    }
    Some(Decoded {
        len: at as u8,
        flow: Flow::Next,
    })
}

/// One instruction, whatever its condition.
fn plain(code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    let mut lower = Lower::new(address, ops);
    if address & THUMB == 0 {
        return a32::lower(&mut lower, word(code)?);
    }
    let first = half(code)?;
    match length(code, THUMB)? {
        2 => t16::lower(&mut lower, first),
        _ => t32::lower(&mut lower, first << 16 | half(code.get(2..)?)?),
    }
}

fn one(code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
    let len = length(code, address & THUMB)?;
    let flow = if address & THUMB == 0 {
        conditional(code, address, ops)?
    } else if let Some(it) = half(code).filter(|h| h & 0xff00 == 0xbf00 && h & 0xf != 0) {
        if_then(code, address, it)?
    } else if half(code).is_some_and(|h| h & 0xff87 == 0x4687 && h >> 3 & 0xf != LR.into()) {
        // mov pc, rm: compilers have bx; see `into_row`.
        Flow::Next
    } else {
        plain(code, address, ops)?
    };
    Some(Decoded {
        len: len as u8,
        flow,
    })
}

/// An instruction of A32, executed or not.
fn conditional(code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Flow> {
    let word = word(code)?;
    let number = word >> 28;
    let branch = word >> 25 & 7 == 0b101 && word >> 24 & 1 == 0;
    if into_row(code, word) {
        return Some(Flow::Either(Cond::Other, address + 8, address + 4));
    }
    if number >= 14 || branch {
        return plain(code, address, ops);
    }
    Some(Flow::Either(
        condition(number),
        address | 1 << COUNT | 1 << CHOSEN,
        address + 4,
    ))
}

/// add pc, pc, rm, lsl #n: hand-written code jumps into the row of instructions that
/// follows, all of which lie on the way from its begin. Compilers have a row of branches
/// there, of which each is a way of its own.
fn into_row(code: &[u8], word: u32) -> bool {
    let adds = word & 0x0fff_f010 == 0x008f_f000;
    let first = code.get(8..).and_then(self::word);
    adds && first.is_some_and(|first| first >> 25 & 7 != 0b101)
}

/// IT: the instructions behind it, those for the condition and those against it.
fn if_then(code: &[u8], address: u64, it: u32) -> Option<Flow> {
    let mask = it & 0xf;
    let count = u64::from(4 - mask.trailing_zeros());
    let number = it >> 4 & 0xf;
    let mut at = 2;
    let mut then = 0u64;
    for n in 0..count {
        at += length(code.get(at..)?, THUMB)?;
        // The first is for the condition; the others say so by the condition's own bit.
        let same = n == 0 || mask >> (4 - n) & 1 == number & 1;
        then |= u64::from(same) << n;
    }
    let first = address + 2;
    let chosen = |which: u64| first | count << COUNT | which << CHOSEN;
    let all = (1 << count) - 1;
    if number >= 14 {
        return Some(Flow::Jump(Target::Address(chosen(all))));
    }
    let past = match all & !then {
        0 => address + at as u64,
        others => chosen(others),
    };
    Some(Flow::Either(condition(number), chosen(then), past))
}

fn condition(number: u32) -> Cond {
    match number {
        0 => Cond::Equal,
        1 => Cond::NotEqual,
        2 => Cond::AboveOrEqual,
        3 => Cond::Below,
        8 => Cond::Above,
        9 => Cond::BelowOrEqual,
        _ => Cond::Other,
    }
}

fn half(code: &[u8]) -> Option<u32> {
    let bytes: [u8; 2] = code.get(..2)?.try_into().ok()?;
    Some(u32::from(u16::from_le_bytes(bytes)))
}

fn word(code: &[u8]) -> Option<u32> {
    let bytes: [u8; 4] = code.get(..4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}

fn length(code: &[u8], thumb: u64) -> Option<usize> {
    if thumb == 0 || half(code)? >> 11 >= 0b11101 {
        return (code.len() >= 4).then_some(4);
    }
    Some(2)
}

/// The low `bits` of a number, with its sign.
fn signed(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

#[cfg(test)]
mod tests;
