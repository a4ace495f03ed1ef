// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the handler of violations computes: the promise that lacks, the two lines, names that a libc lives without.
#![no_main]

mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::policy::{Action, Policy};
use rpledge::promise::Promise;
use rpledge::resolve;
use rpledge::sim;
use rpledge::table::TABLE;
use rpledge::violation::Told;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (rows, held, process) = (input.rows(&TABLE), input.set(), input.process());
    let data = input.call(&TABLE);
    let promise = sim::missing(&TABLE, rows, held, process, &data);
    if let Some(promise) = promise {
        assert!(!held.contains(promise));
    }
    for lacking in Promise::all().filter(|lacking| !held.contains(*lacking)) {
        let mut policy = Policy::of(&TABLE, rows, held.with(lacking));
        policy.process = process;
        // What would do alone is said, and the first of those.
        if sim::decide(&policy, &data) == Action::Allow {
            assert_eq!(promise, Some(lacking));
            break;
        }
    }
    TABLE.survives(input.0);
    if let Ok(text) = std::str::from_utf8(input.0) {
        told(text, promise, data.nr);
    }
});

fn told(text: &str, promise: Option<Promise>, nr: u32) {
    let (libc, version) = text.split_once(' ').unwrap_or((text, ""));
    let told = Told {
        program: text,
        pid: nr,
        promise: promise.map_or("", Promise::name),
        nr,
        function: text.get(1..),
        libc,
        version,
        is_static: nr & 1 != 0,
        rows: resolve::find(&TABLE, libc, version, resolve::build(&TABLE, text)),
        file: text.get(2..).unwrap_or_default(),
    };
    let mut lines = String::new();
    told.write(&TABLE, &mut lines).expect("a string has room");
    assert!(lines.starts_with(text) && lines.ends_with('\n'));
}
