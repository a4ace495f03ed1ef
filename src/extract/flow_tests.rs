// SPDX-License-Identifier: MIT OR Apache-2.0
//! Following code in which constants lie, and of which more becomes known later.

use std::collections::{BTreeMap, BTreeSet};

use super::arm::Arm;
use super::asked::drop_changed;
use super::discover::Found;
use super::elf::{Image, Section};
use super::flow::{Context, Exit, Function};
use super::graph::{Edge, Why};
use super::ir::Machine;
use super::numbers::Numbers;

const START: u64 = 0x1000_0000;
/// Of T32.
const ENTRY: u64 = START | 1;

/// Half-words of T32 as the code of a file.
fn image(code: &[u16]) -> Image {
    let data = code.iter().flat_map(|half| half.to_le_bytes()).collect();
    Image {
        word: 4,
        mode_bits: Arm.mode_bits(),
        sections: vec![Section::text(START, data)],
        ..Image::default()
    }
}

fn found(entries: &[u64]) -> Found {
    Found {
        entries: entries.iter().copied().collect(),
        ..Found::default()
    }
}

fn makes_calls(function: &Function) -> bool {
    let mut exits = function.nodes.values().map(|node| &node.exit);
    exits.any(|exit| matches!(exit, Exit::Syscall { .. }))
}

#[test]
fn a_call_before_constants_is_the_last() {
    // ldr r3, [pc, #4]; blx r3; nop; nop; a word that would be svc twice; bx lr
    let mut code = [0x4b01, 0x4798, 0xbf00, 0xbf00, 0xdf00, 0xdf00, 0x4770];
    let last = |code: &[u16]| {
        let (image, found) = (image(code), found(&[ENTRY]));
        let context = Context::new(&image, &Arm, &found, BTreeSet::new());
        makes_calls(&context.run(ENTRY, None))
    };
    assert!(!last(&code));
    // Where nothing reads the word it is code: mov r3, r3.
    code[0] = 0x461b;
    assert!(last(&code));
}

/// movs r7, #20; b.n to the door; nop; nop; the door: svc 0; bx lr
const CALLER: [u16; 6] = [0x2714, 0xe001, 0xbf00, 0xbf00, 0xdf00, 0x4770];
const DOOR: u64 = ENTRY + 8;

#[test]
fn a_way_on_that_becomes_a_function_is_followed_again() {
    let (image, found) = (image(&CALLER), found(&[ENTRY]));
    let context = Context::new(&image, &Arm, &found, BTreeSet::new());
    let function = context.run(ENTRY, None);
    assert!(makes_calls(&function));
    let mut functions = BTreeMap::from([(ENTRY, function)]);
    let mut blocks = context.blocks.take();
    drop_changed(&BTreeSet::from([DOOR + 64]), &mut blocks, &mut functions);
    assert_eq!(functions.len(), 1);
    drop_changed(&BTreeSet::from([DOOR]), &mut blocks, &mut functions);
    assert!(functions.is_empty());
}

#[test]
fn a_number_whose_call_is_not_found_again_is_unknown() {
    let image = image(&CALLER);
    let (both, one) = (found(&[ENTRY, DOOR]), found(&[ENTRY]));
    let context = Context::new(&image, &Arm, &both, BTreeSet::new());
    let functions = BTreeMap::from([ENTRY, DOOR].map(|entry| (entry, context.run(entry, None))));
    let call = Edge {
        to: DOOR,
        why: Why::Call,
    };
    let edges = BTreeMap::from([(ENTRY, BTreeSet::from([call]))]);
    let numbers = |context: &Context| {
        let mut numbers = Numbers::default();
        numbers.resolve(context, &functions, &edges, &image);
        numbers
    };
    let sound = numbers(&context);
    assert_eq!(sound.known[&ENTRY], BTreeSet::from([20]));
    assert!(sound.unresolved.is_empty());
    let other = numbers(&Context::new(&image, &Arm, &one, BTreeSet::new()));
    assert!(!other.known.contains_key(&ENTRY));
    assert_eq!(other.unresolved.len(), 1);
}
