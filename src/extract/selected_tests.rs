// SPDX-License-Identifier: MIT OR Apache-2.0
//! The argument that selects, through glibc's functions that make a system call for others.

use std::collections::{BTreeMap, BTreeSet};

use super::discover::Found;
use super::elf::{Image, Section};
use super::flow::Context;
use super::graph::{Edge, Why};
use super::ir::Machine;
use super::s390x::S390x;
use super::selected::{Chosen, Selected, Stubs};
use super::shared::Shared;
use super::x86::X86;

const START: u64 = 0x1000_0000;
const SOCKETCALL: u32 = 102;

fn image(machine: &dyn Machine, code: &[u8]) -> Image {
    Image {
        word: machine.word(),
        big_endian: machine.big_endian(),
        sections: vec![Section::text(START, code.to_vec())],
        ..Image::default()
    }
}

/// glibc's __libc_do_syscall of x86: the first argument and the last two lie where %edi points.
const DOOR: [u8; 22] = [
    0x53, 0x57, 0x55, 0x8b, 0x1f, 0x8b, 0x6f, 0x08, 0x8b, 0x7f, 0x04, 0x65, 0xff, 0x15, 0x10, 0, 0,
    0, 0x5d, 0x5f, 0x5b, 0xc3,
];

/// What a function passes that puts 3 on its stack, does something, and calls the door.
fn through_the_door(between: &[u8]) -> Chosen {
    let mut code = DOOR.to_vec();
    // push %edi; sub $16,%esp; mov %esp,%edi; movl $3,(%esp)
    code.extend([
        0x57, 0x83, 0xec, 0x10, 0x89, 0xe7, 0xc7, 0x04, 0x24, 3, 0, 0, 0,
    ]);
    code.extend(between);
    // mov $102,%eax; call the door; add $16,%esp; pop %edi; ret
    code.extend([0xb8, SOCKETCALL as u8, 0, 0, 0, 0xe8]);
    code.extend((-(code.len() as i32 + 4)).to_le_bytes());
    code.extend([0x83, 0xc4, 0x10, 0x5f, 0xc3]);
    let caller = START + DOOR.len() as u64;
    let image = image(&X86, &code);
    let found = Found {
        entries: [START, caller].into_iter().collect(),
        ..Found::default()
    };
    let context = Context::new(&image, &X86, &found, BTreeSet::new());
    let functions = BTreeMap::from([START, caller].map(|entry| (entry, context.run(entry, None))));
    let call = Edge {
        to: START,
        why: Why::Call,
    };
    let edges = BTreeMap::from([(caller, BTreeSet::from([call]))]);
    let selecting = BTreeMap::from([(SOCKETCALL, 0)]);
    let all = Selected::resolve(&context, &functions, &edges, &Stubs::new(), &selecting);
    all.0[&caller][&(Some(START), SOCKETCALL)].clone()
}

#[test]
fn an_argument_that_lies_on_the_stack_is_known() {
    let chosen = through_the_door(&[]);
    assert_eq!(chosen.values, BTreeSet::from([3]));
    assert!(!chosen.any);
}

#[test]
fn what_others_may_have_written_is_not() {
    // call *%eax; mov %ecx,(%eax); push %edi, rep stos, pop %edi
    for between in [&[0xff, 0xd0][..], &[0x89, 0x08], &[0x57, 0xf3, 0xab, 0x5f]] {
        let chosen = through_the_door(between);
        assert!(chosen.any, "{between:x?}");
        assert!(chosen.values.is_empty(), "{between:x?}");
    }
}

#[test]
fn a_function_that_restores_its_stack_shares_none() {
    // glibc's __syscall_cancel of s390x: the number lies on the stack.
    let code = [
        0xeb, 0xef, 0xf0, 0x70, 0x00, 0x24, // stmg %r14,%r15,112(%r15)
        0xe3, 0xf0, 0xff, 0x50, 0xff, 0x71, // lay %r15,-176(%r15)
        0xe3, 0x10, 0xf1, 0x58, 0x00, 0x04, // lg %r1,344(%r15)
        0xe3, 0x10, 0xf0, 0xa8, 0x00, 0x24, // stg %r1,168(%r15)
        0xeb, 0xef, 0xf1, 0x20, 0x00, 0x04, // lmg %r14,%r15,288(%r15)
        0x07, 0xfe, // br %r14
    ];
    let image = image(&S390x, &code);
    let found = Found {
        entries: [START].into_iter().collect(),
        ..Found::default()
    };
    let context = Context::new(&image, &S390x, &found, BTreeSet::new());
    assert_eq!(context.run(START, None).shared, Shared::default());
}
