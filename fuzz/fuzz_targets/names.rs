// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of files from a hostile caller: cleaned as another reading of the rules has it, and granted only by a line of the data.
#![no_main]

mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::names::{self, LONGEST, Use, Verdict};
use rpledge::promise::Set;
use rpledge::table::{NAMES, Name};

/// The rules by a list of parts.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match parts.is_empty() {
        true => b"/".to_vec(),
        false => parts
            .iter()
            .flat_map(|part| [b"/", *part].concat())
            .collect(),
    }
}

fn fits(name: &Name, path: &[u8]) -> bool {
    let (head, tail) = (name.head.as_bytes(), name.tail.map(str::as_bytes));
    match tail {
        None => path == head,
        Some(tail) => {
            let middle = path.len().checked_sub(head.len() + tail.len());
            let is_one =
                |n| tail.is_empty() || n > 0 && !path[head.len()..head.len() + n].contains(&b'/');
            path.starts_with(head) && path.ends_with(tail) && middle.is_some_and(is_one)
        }
    }
}

fn allows(name: &Name, of: Use) -> bool {
    match of {
        Use::Look => name.look || name.read || name.write,
        Use::Open { read, write } => {
            (read || write) && (!read || name.read) && (!write || name.write)
        }
        Use::Create => name.create,
        Use::Unlink => name.unlink,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let held: Set = input.set();
    let of = match input.byte() % 7 {
        0 => Use::Look,
        1 => Use::Create,
        2 => Use::Unlink,
        n => Use::Open {
            read: n & 1 != 0,
            write: n & 2 != 0,
        },
    };
    // Most often one that begins as some line of the data does.
    let head = match input.byte() {
        n if n < 0xc0 => NAMES[n % NAMES.len()].head.as_bytes(),
        _ => b"",
    };
    let path = [head, input.0].concat();
    if path.len() >= LONGEST {
        return;
    }
    let mut buffer = [0; LONGEST + 1];
    let Some(clean) = names::clean(&path, &mut buffer) else {
        assert!(!path.starts_with(b"/") || path.contains(&0));
        return;
    };
    assert_eq!(clean, cleaned(&path));
    let fitting = || {
        NAMES
            .iter()
            .filter(|name| held.contains(name.promise) && fits(name, clean))
    };
    match names::judge(&NAMES, held, clean, of) {
        Verdict::Serve => {
            assert!(fitting().any(|name| name.errno == 0 && allows(name, of)));
            assert!(fitting().all(|name| name.errno == 0));
        }
        Verdict::Errno(errno) => assert!(fitting().any(|name| name.errno == errno)),
        Verdict::Refuse => assert!(!fitting().any(|name| name.errno == 0 && allows(name, of))),
    }
});
