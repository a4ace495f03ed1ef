// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extractor on files that no linker made: an error or a snapshot, within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpledge::extract::{Input, Options, arch, extract, version_in};

fuzz_target!(|bytes: &[u8]| {
    let name = "libc.so".to_owned();
    let input = [Input { name, bytes }];
    let _ = (arch(&input[0]), version_in(bytes));
    let libc = Some(("glibc".to_owned(), "2.36".to_owned()));
    let options = Options {
        libc,
        ..Options::default()
    };
    let _ = extract(&input, &options);
});
