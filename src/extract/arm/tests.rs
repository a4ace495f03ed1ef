// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions as GNU's assembler writes them.

use super::super::ir::{Cond, Flow, Machine, Op, Src, Target};
use super::{Arm, CARRY, CHOSEN, COUNT, LR};

const AT: u64 = 0x0800_1000;

fn decode(bytes: &[u8], address: u64) -> (u8, Flow, Vec<Op>) {
    let mut ops = Vec::new();
    let decoded = Arm
        .decode(bytes, address, &mut ops)
        .expect("an instruction");
    (decoded.len, decoded.flow, ops)
}

#[test]
fn svc_is_a_system_call() {
    assert_eq!(decode(&[0x00, 0xdf], AT | 1).1, Flow::Syscall);
    // svc 0 of A32 comes behind its condition only where it has one.
    assert_eq!(decode(&[0x00, 0x00, 0x00, 0xef], AT).1, Flow::Syscall);
}

#[test]
fn numbers_are_constants() {
    // movs r7, #5; mov.w r7, #256; movw r7, #403
    let five = Op::Const { dst: 7, value: 5 };
    assert_eq!(decode(&[0x05, 0x27], AT | 1).2[0], five);
    let wide = Op::Const { dst: 7, value: 256 };
    assert_eq!(decode(&[0x4f, 0xf4, 0x80, 0x77], AT | 1).2[0], wide);
    let movw = Op::Const { dst: 7, value: 403 };
    assert_eq!(decode(&[0x40, 0xf2, 0x93, 0x17], AT | 1).2[0], movw);
}

#[test]
fn calls_leave_their_return_address() {
    // bl to itself plus 0x100 behind the instruction
    let (len, flow, ops) = decode(&[0x00, 0xf0, 0x80, 0xf8], AT | 1);
    assert_eq!(len, 4);
    assert_eq!(flow, Flow::Call(Target::Address((AT + 0x104) | 1)));
    let link = Op::Const {
        dst: LR,
        value: (AT + 4) | 1,
    };
    assert_eq!(ops, [link]);
    // blx goes to A32, from a rounded address.
    let (_, flow, _) = decode(&[0x00, 0xf0, 0x80, 0xe8], (AT + 2) | 1);
    assert_eq!(flow, Flow::Call(Target::Address(AT + 0x104)));
}

#[test]
fn if_then_parts_the_ways() {
    // ite eq; moveq r0, #1; movne r0, #2
    let code = [0x0c, 0xbf, 0x01, 0x20, 0x02, 0x20];
    let (len, flow, _) = decode(&code, AT | 1);
    let first = (AT + 2) | 1 | 2 << COUNT;
    let (then, other) = (first | 1 << CHOSEN, first | 2 << CHOSEN);
    assert_eq!((len, flow), (2, Flow::Either(Cond::Equal, then, other)));
    for (way, value) in [(then, 1), (other, 2)] {
        let (len, flow, ops) = decode(&code[2..], way);
        assert_eq!((len, flow), (4, Flow::Next));
        assert_eq!(ops[0], Op::Const { dst: 0, value });
        assert_eq!(Arm.after(way, len.into()), (AT + 6) | 1);
    }
}

#[test]
fn stubs_of_a32_jump_through_memory() {
    // add ip, pc, #0, 12; add ip, ip, #0x1000; ldr pc, [ip, #8]!
    let (_, _, ops) = decode(&[0x00, 0xc6, 0x8f, 0xe2], AT);
    assert!(matches!(ops[0], Op::Address { dst: 12, place, .. } if place.disp as u64 == AT + 8));
    let (_, flow, ops) = decode(&[0x08, 0xf0, 0xbc, 0xe5], AT + 8);
    assert_eq!(flow, Flow::Jump(Target::Reg(CARRY)));
    assert!(matches!(ops[0], Op::Load { dst: CARRY, place, .. } if place.disp == 8));
}

#[test]
fn pop_of_the_program_counter_returns() {
    let (_, flow, ops) = decode(&[0x80, 0xbd], AT | 1);
    assert_eq!(flow, Flow::Return);
    assert!(matches!(ops[0], Op::Load { dst: 7, .. }));
    // bx lr; mov pc, lr
    assert_eq!(decode(&[0x70, 0x47], AT | 1).1, Flow::Return);
    assert_eq!(decode(&[0x0e, 0xf0, 0xa0, 0xe1], AT).1, Flow::Return);
}

#[test]
fn cbz_compares_with_zero() {
    let (_, flow, ops) = decode(&[0x08, 0xb1], AT | 1);
    assert_eq!(flow, Flow::Branch(Cond::Equal, (AT + 6) | 1));
    let compare = Op::Compare {
        reg: 0,
        with: Src::Imm(0),
        bytes: 4,
    };
    assert_eq!(ops.last(), Some(&compare));
}

#[test]
fn the_gate_takes_the_number_in_ip() {
    // push {r7, lr}; mov r7, ip; svc 0; pop {r7, pc}
    let code = [0x80, 0xb5, 0x67, 0x46, 0x00, 0xdf, 0x80, 0xbd];
    assert_eq!(Arm.gate(&code), Some(12));
    assert_eq!(Arm.gate(&code[2..]), None);
}

#[test]
fn jumps_into_a_row_of_instructions_go_on() {
    // add pc, pc, ip; nop; ldr r3, [r1], #4
    let row = [0xe08f_f00cu32, 0xe1a0_0000, 0xe491_3004];
    let bytes = |words: &[u32]| {
        words
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let on = Flow::Either(Cond::Other, AT + 8, AT + 4);
    assert_eq!(decode(&bytes(&row), AT).1, on);
    // A row of branches: each is a way.
    let ways = [0xe08f_f00cu32, 0xea00_0001, 0xea00_0002];
    assert_eq!(decode(&bytes(&ways), AT).1, Flow::Jump(Target::Reg(CARRY)));
}

#[test]
fn jumps_through_tables_name_no_function() {
    // tbh [pc, r4, lsl #1]
    let (_, flow, ops) = decode(&[0xdf, 0xe8, 0x14, 0xf0], AT | 1);
    assert_eq!(flow, Flow::Jump(Target::Reg(CARRY)));
    assert!(
        matches!(ops.last(), Some(Op::Address { dst: CARRY, place, .. })
        if place.disp as u64 == (AT + 4) | 1)
    );
}

#[test]
fn every_word_is_decoded_without_a_panic() {
    let mut ops = Vec::new();
    for high in 0..=u16::MAX {
        for low in [0, 0x00ff, 0x7fff, 0x8000, 0xd7a5, 0xf00f, 0xffff] {
            let word = u32::from(high) << 16 | low;
            let _ = Arm.decode(&word.to_le_bytes(), AT, &mut ops);
            let halves = word.rotate_left(16).to_le_bytes();
            let _ = Arm.decode(&halves, AT | 1, &mut ops);
            let _ = Arm.decode(&halves[..2], AT | 1, &mut ops);
            ops.clear();
        }
    }
}
