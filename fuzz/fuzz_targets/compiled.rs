// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables as bytes: whatever they are, refused or used like any other table.
#![no_main]

mod input;

use std::sync::LazyLock;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::bpf::{self, Program};
use rpledge::compiled::{self, FORMAT, HEADER, MAGIC};
use rpledge::sim;
use rpledge::table::{TABLE, Table};

/// Bytes that say what to do with the table.
const ASKED: usize = 64;

/// The body of a file that is right, with one libc.
static OURS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let libcs = &TABLE.libcs[..1];
    compiled::write(&Table { libcs, ..TABLE })[HEADER..].to_vec()
});

fuzz_target!(|bytes: &[u8]| {
    // As they are: the header is seldom right.
    let _ = compiled::judge(bytes, &TABLE, |_| ());
    let Some((asked, body)) = bytes.split_at_checked(ASKED) else {
        return;
    };
    let mut asked = Input(asked);
    let body = match asked.byte() & 1 {
        0 => body.to_vec(),
        _ => changed(Input(body)),
    };
    let _ = compiled::judge(&sealed(&body), &TABLE, |table| {
        // What is written again is the same table.
        let text = compiled::write(table);
        let again = compiled::judge(&text, &TABLE, compiled::write);
        assert_eq!(again, Ok(text));
        used(table, &mut asked);
    });
});

/// A few bytes of ours made others.
fn changed(mut edits: Input) -> Vec<u8> {
    let mut body = OURS.clone();
    while !edits.is_empty() {
        let at = edits.number(3) as usize % body.len();
        body[at] = edits.byte() as u8;
    }
    body
}

/// The body behind a header that fits.
fn sealed(body: &[u8]) -> Vec<u8> {
    let len = (HEADER + body.len()) as u32;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(compiled::checksum(body).to_le_bytes());
    bytes.extend(body);
    bytes
}

fn used(table: &Table, input: &mut Input) {
    let policy = input.policy(table);
    let mut program = Box::new(Program::new());
    // Such a table may ask for more than a filter has room for.
    if bpf::compile(&policy, &mut program).is_err() {
        return;
    }
    let mut data = input.call(table);
    // The one that is asked for, and each that the table names.
    let named = table.calls.iter().map(|call| call.nr);
    for nr in [data.nr].into_iter().chain(named) {
        data.nr = nr;
        let (seen, _) = sim::run(program.insns(), table.big_endian, &data).expect("it ends");
        assert_eq!(seen, sim::expect(&policy, &data), "{data:x?}");
    }
}
