// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of two bytes: registers, branches by register, system calls.

use super::{
    CARRY, FLOATS, Fields, NUMBER, R1, add, branch_by, clobber, compare, copy, link, number, pair,
    sum,
};
use crate::extract::ir::{Flow, Op, Src, Target};

pub fn lower(i: Fields, ops: &mut Vec<Op>) -> Flow {
    let (first, second) = (i.reg(8), i.reg(12));
    match i.opcode() {
        // Illegal for ever: how abort() ends.
        0x00 => return Flow::Stop,
        0x05 | 0x0c | 0x0d => {
            let to = (second != 0).then_some(Target::Reg(second));
            // The target may be the register that the way back is put into.
            if let (Some(Target::Reg(to)), true) = (to, first == second) {
                ops.push(copy(CARRY, to, 8, false));
                return link(i, first, Some(Target::Reg(CARRY)), ops);
            }
            return link(i, first, to, ops);
        }
        0x06 => {
            clobber(ops, [first]);
            return match second {
                0 => Flow::Next,
                _ => Flow::Call(Target::Reg(second)),
            };
        }
        0x07 => return branch_by(first, second),
        0x0a => {
            let call = i.get(8, 8) as i64;
            ops.push(match call {
                0 => copy(NUMBER, R1, 4, false),
                _ => number(NUMBER, call, 8),
            });
            ops.push(Op::FlagsLost);
            return Flow::Syscall;
        }
        0x0b => {
            clobber(ops, [first]);
            return branch_by(15, second);
        }
        _ => arithmetic(i, ops),
    }
    Flow::Next
}

fn arithmetic(i: Fields, ops: &mut Vec<Op>) {
    let (first, second) = (i.reg(8), i.reg(12));
    let by = Src::Reg(second);
    let changes = |op: Op, ops: &mut Vec<Op>| ops.extend([op, Op::FlagsLost]);
    match i.opcode() {
        // `lr`, `ltr`.
        0x18 => ops.push(copy(first, second, 4, false)),
        0x12 => {
            ops.push(copy(first, second, 4, false));
            compare(first, Src::Imm(0), 4, true, ops);
        }
        0x13 => {
            ops.push(number(CARRY, 0, 8));
            changes(sum(first, CARRY, second, true, 4), ops);
        }
        // `cr`, `clr`.
        code @ (0x15 | 0x19) => compare(first, by, 4, code == 0x19, ops),
        0x1a | 0x1e => changes(add(first, by, false, 4), ops),
        0x1b | 0x1f => changes(add(first, by, true, 4), ops),
        0x16 => changes(
            Op::Or {
                dst: first,
                src: by,
                bytes: 4,
            },
            ops,
        ),
        0x17 if first == second => changes(number(first, 0, 8), ops),
        0x17 => changes(
            Op::Xor {
                dst: first,
                src: by,
                bytes: 4,
            },
            ops,
        ),
        0x10 | 0x11 | 0x14 => changes(Op::Clobber { dst: first }, ops),
        0x01 => {
            clobber(ops, 0..6);
            ops.push(Op::FlagsLost);
        }
        // `ldr`: what it holds may be a general register's.
        0x28 => ops.push(copy(FLOATS + first, FLOATS + second, 8, false)),
        // Other floating-point arithmetic, in pairs at most; none writes a general register.
        0x20..=0x3f => {
            clobber(ops, pair(first).map(|reg| FLOATS + reg));
            clobber(ops, [FLOATS + ((first + 2) & 15)]);
            ops.push(Op::FlagsLost);
        }
        _ => {
            clobber(ops, pair(first));
            clobber(ops, pair(second));
            ops.push(Op::FlagsLost);
        }
    }
}
