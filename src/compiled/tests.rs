// SPDX-License-Identifier: MIT OR Apache-2.0
//! Round trips, and files that were damaged or made to deceive.

use super::write::seal;
use super::*;
use crate::bpf::{Program, compile};
use crate::policy::Policy;
use crate::sys::arena::Arena;
use crate::table::TABLE;

/// A table of one libc.
fn only(n: usize) -> Table<'static> {
    Table {
        libcs: &TABLE.libcs[n..=n],
        ..TABLE
    }
}

fn arena() -> Arena {
    Arena::map(ROOM).expect("memory")
}

fn refusal(bytes: &[u8]) -> Option<Refusal> {
    let arena = arena();
    read(bytes, &arena, &TABLE).err()
}

/// The same bytes with a length and a checksum that fit.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    seal(bytes.get(HEADER..).unwrap_or(&[]))
}

/// Any number, the same each time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    }
}

#[test]
fn what_was_written_is_read() {
    let all = (0..TABLE.libcs.len()).map(only).chain([TABLE]);
    for table in all {
        let bytes = write(&table);
        let arena = arena();
        let back = read(&bytes, &arena, &TABLE).expect("it was just written");
        assert_eq!(format!("{back:?}"), format!("{table:?}"));
    }
}

#[test]
fn policies_and_filters_are_the_built_in_ones() {
    for n in 0..TABLE.libcs.len() {
        let (table, arena) = (only(n), arena());
        let bytes = write(&table);
        let back = read(&bytes, &arena, &TABLE).expect("it was just written");
        let one = Promise::all().map(|promise| Set::EMPTY.with(promise));
        for set in one.chain([Set::EMPTY, Set::from_bits(u64::MAX)]) {
            let made = Policy::of(&back, back.libcs, set);
            let own = Policy::of(&TABLE, &TABLE.libcs[n..=n], set);
            assert_eq!(made.granted, own.granted);
            let (mut ours, mut theirs) = (Program::new(), Program::new());
            compile(&made, &mut ours).expect("it fits");
            compile(&own, &mut theirs).expect("it fits");
            assert_eq!(ours.insns(), theirs.insns());
        }
    }
}

#[test]
fn one_libc_is_small() {
    for n in 0..TABLE.libcs.len() {
        let (bytes, arena) = (write(&only(n)), arena());
        read(&bytes, &arena, &TABLE).expect("it was just written");
        let taken = ROOM - arena.left();
        println!("{}: {} bytes, {taken} in tables", n, bytes.len());
        assert!(bytes.len() + taken <= 100 << 10);
    }
}

#[test]
fn cut_off_anywhere() {
    let bytes = write(&only(0));
    for len in 0..bytes.len() {
        assert!(refusal(&bytes[..len]).is_some(), "{len}");
        assert!(refusal(&resealed(&bytes[..len])).is_some(), "{len}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(refusal(&longer), Some(Refusal::Damaged));
    assert_eq!(refusal(&resealed(&longer)), Some(Refusal::Form));
}

#[test]
fn any_bit_that_flips_shows() {
    let bytes = write(&only(0));
    let mut number = numbers();
    for bit in (0..8 * HEADER).chain((0..20_000).map(|_| number(8 * bytes.len()))) {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(refusal(&bytes).is_some(), "{bit}");
    }
}

/// Whoever can write the file can also mend its checksum: nothing in it may
/// lead astray what reads it, or what is then made of it.
#[test]
fn what_deceives_is_refused_or_harmless() {
    let bytes = write(&only(0));
    let (mut number, mut read_whole) = (numbers(), 0);
    let mut program = Program::new();
    for _ in 0..20_000 {
        let mut bytes = bytes.clone();
        for _ in 0..=number(3) {
            let at = HEADER + number(bytes.len() - HEADER);
            bytes[at] = [0, 1, 0x7f, 0xff, number(256) as u8][number(5)];
        }
        let (bytes, arena) = (resealed(&bytes), arena());
        let Ok(table) = read(&bytes, &arena, &TABLE) else {
            continue;
        };
        read_whole += 1;
        let everything = Set::from_bits(u64::MAX);
        let _ = compile(&Policy::of(&table, table.libcs, everything), &mut program);
        let _ = (table.survives(b"/etc/x"), table.path_argument(257));
    }
    assert!(read_whole > 100, "{read_whole}");
}

/// A file with something changed in its body.
fn changed(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = write(&only(0));
    let mut windows = bytes.windows(from.len());
    let at = windows.position(|w| w == from).expect("it is there");
    bytes.splice(at..at + from.len(), to.iter().copied());
    resealed(&bytes)
}

#[test]
fn each_refusal_has_its_reason() {
    let good = write(&only(0));
    let mut newer = good.clone();
    newer[8..12].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    assert_eq!(refusal(&newer), Some(Refusal::Format(FORMAT + 1)));
    assert_eq!(refusal(b""), Some(Refusal::Magic));
    assert_eq!(refusal(b"#!/bin/sh\n"), Some(Refusal::Magic));
    assert_eq!(refusal(&vec![0; SIZE_MAX + 1]), Some(Refusal::Long));
    let other = Table {
        arch: "mips",
        ..only(0)
    };
    assert_eq!(refusal(&write(&other)), Some(Refusal::Arch));
    let promises = changed(b"\x05\0stdio", b"\x05\0stdia");
    assert_eq!(refusal(&promises), Some(Refusal::Promises));
    let name = TABLE.libcs[0].name.as_bytes();
    let ascii = [&[name.len() as u8, 0], name].concat();
    let mut spoilt = ascii.clone();
    spoilt[3] = 0xff;
    let not_ascii = changed(&ascii, &spoilt);
    assert_eq!(refusal(&not_ascii), Some(Refusal::Form));
}

fn limit_of(needs: u64, values: &[Value], kind: u8) -> Vec<u8> {
    let tests = [Test {
        arg: 1,
        wide: true,
        mask: u64::MAX,
        op: Op::In,
        values,
    }];
    let clauses: &[&[Test]] = &[&tests];
    let limits = [Limit {
        call: 3,
        needs: Set::from_bits(needs),
        refuse: false,
        errno: 1,
        clauses,
        text: "a",
    }];
    let table = Table {
        limits: &limits,
        libcs: &[],
        ..TABLE
    };
    let mut bytes = write(&table);
    let mark = b"\x01\0a\x01\0\x01\0\x01\x01";
    let mut windows = bytes.windows(mark.len());
    let at = windows.position(|w| w == mark).expect("the limit");
    // The first value's kind: after its test's mask and count.
    bytes[at + mark.len() + 10] = kind;
    resealed(&bytes)
}

#[test]
fn what_this_version_cannot_say_is_refused() {
    let arena = arena();
    let known = limit_of(1, &[Value::SelfPid], 1);
    let table = read(&known, &arena, &TABLE).expect("a limit");
    assert_eq!(table.limits[0].clauses.len(), 1);
    let unknown = limit_of(1, &[Value::SelfPid], 9);
    assert_eq!(refusal(&unknown), Some(Refusal::Unknown));
    let many = [Value::SelfPid; JUMPS_MAX + 1];
    assert_eq!(refusal(&limit_of(1, &many, 1)), Some(Refusal::Unknown));
}

/// A file of a later version, with a promise more: what needs that promise
/// says nothing here, since no program of this version can hold it.
#[test]
fn a_promise_more_widens_nothing() {
    let bytes = limit_of(1, &[Value::SelfPid], 1);
    let count = (Promise::COUNT as u16).to_le_bytes();
    let mark = [&count[..], b"\x05\0stdio"].concat();
    let mut windows = bytes.windows(mark.len());
    let at = windows.position(|w| w == mark).expect("the words");
    let mut more = bytes.clone();
    more[at] += 1;
    let end = b"\x03\0vmm";
    let mut windows = more.windows(end.len());
    let at = windows.position(|w| w == end).expect("the last word") + end.len();
    more.splice(at..at, *b"\x03\0new");
    let table = |bytes: &[u8], check: &dyn Fn(&Table)| {
        let (bytes, arena) = (resealed(bytes), arena());
        check(&read(&bytes, &arena, &TABLE).expect("a prefix of its words is ours"));
    };
    table(&more, &|table| assert_eq!(table.limits[0].clauses.len(), 1));
    let mark = [&3_u16.to_le_bytes()[..], &1_u64.to_le_bytes()].concat();
    let mut windows = more.windows(mark.len());
    let at = windows
        .position(|w| w == mark)
        .expect("the limit's promises");
    let needs = 1 | 1_u64 << Promise::COUNT;
    more[at + 2..at + 10].copy_from_slice(&needs.to_le_bytes());
    table(&more, &|table| {
        assert!(table.limits[0].clauses.is_empty());
        assert_eq!(table.limits[0].errno, 0);
    });
    let beyond = 1_u64 << 60;
    more[at + 2..at + 10].copy_from_slice(&beyond.to_le_bytes());
    assert_eq!(refusal(&resealed(&more)), Some(Refusal::Form));
}

/// What only a newer library can serve stays refused in this one.
#[test]
fn the_broker_s_promises_stay_refused() {
    let table = Table {
        broker: Set::EMPTY,
        partial: Set::EMPTY,
        ..only(0)
    };
    let (bytes, arena) = (write(&table), arena());
    let back = read(&bytes, &arena, &TABLE).expect("it was just written");
    assert_eq!((back.broker, back.partial), (TABLE.broker, TABLE.partial));
}

#[test]
fn checksums_are_those_of_the_manual() {
    assert_eq!(checksum(b""), 0x2643_52cc_a17f_ad11);
    assert_ne!(checksum(b"a"), checksum(b"b"));
    assert_ne!(checksum(&[1; 8]), checksum(&[1; 7]));
    // Whichever byte it is, also behind the last whole block.
    let bytes = [7; 75];
    for at in 0..bytes.len() {
        let mut other = bytes;
        other[at] ^= 1;
        assert_ne!(checksum(&bytes), checksum(&other), "{at}");
    }
}
