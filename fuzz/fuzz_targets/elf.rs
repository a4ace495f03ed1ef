// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extractor on files that no linker made: an error or a snapshot, within its bounds.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rpledge::extract::{Input, Options, arch, extract, version_in};
use rpledge::facts::finding::Source;
use rpledge::facts::promises::{self, Promises};
use rpledge::facts::syscalls::{self, Syscalls};
use rpledge::facts::{arches, parse, print};

static DATA: LazyLock<(Syscalls, Promises)> = LazyLock::new(|| {
    let source = |text| Source { file: "f", text };
    let arches = source(include_str!("../../data/arches.toml"));
    let arches = arches::read(&arches).expect("ours");
    let calls = source(include_str!("../../data/syscalls.toml"));
    let promised = source(include_str!("../../data/promises.toml"));
    let calls = syscalls::read(&calls, &arches).expect("ours");
    (calls, promises::read(&promised).expect("ours"))
});

fuzz_target!(|bytes: &[u8]| {
    let name = "libc".to_owned();
    let input = [Input { name, bytes }];
    let _ = version_in(bytes);
    let Ok(arch) = arch(&input[0]) else {
        return;
    };
    let (calls, promises) = &*DATA;
    let names = calls.table(arch).into_iter();
    let options = Options {
        libc: Some(("glibc".to_owned(), "2.36".to_owned())),
        names: names.map(|(nr, name)| (nr, name.to_owned())).collect(),
        selectors: promises.selectors(arch),
        ..Options::default()
    };
    let Ok(extraction) = extract(&input, &options) else {
        return;
    };
    // What is extracted is a text that can be read.
    let text = print::snapshot(&extraction.snapshot);
    let file = "glibc/2.36/x86_64.toml";
    if let Err(why) = parse::snapshot(&Source { file, text: &text }) {
        // Names are the file's own, and may be none that data/ has.
        assert!(why.iter().all(|finding| finding.line > 0));
    }
});
