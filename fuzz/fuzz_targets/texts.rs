// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data files: judged without a panic, every finding inside the text; what can be read can be written and read again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rpledge::facts::check::{self, Known};
use rpledge::facts::finding::Source;
use rpledge::facts::form::{self, Kind};
use rpledge::facts::{arches, close, parse, promises, syscalls};

const KINDS: [Kind; 6] = [
    Kind::Arches,
    Kind::Syscalls,
    Kind::Quirks,
    Kind::Gaps,
    Kind::Snapshot,
    Kind::Promises,
];

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let source = |text| Source { file: "f", text };
    let arches = source(include_str!("../../data/arches.toml"));
    let arches = arches::read(&arches).expect("ours");
    let calls = source(include_str!("../../data/syscalls.toml"));
    let promised = source(include_str!("../../data/promises.toml"));
    Known {
        syscalls: syscalls::read(&calls, &arches).expect("ours"),
        promises: promises::read(&promised).ok(),
        arches,
        ..Known::default()
    }
});

fuzz_target!(|bytes: &[u8]| {
    // A letter, so that a seed is a text.
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let file = "glibc/2.36/x86_64.toml";
    let source = Source { file, text };
    for finding in check::file(kind, &source, &KNOWN) {
        assert!(finding.line <= text.matches('\n').count() + 1, "{finding}");
        assert!(finding.column <= text.len() + 1, "{finding}");
        assert!(
            !finding.what.is_empty() && !finding.help.is_empty(),
            "{finding}"
        );
    }
    let Ok(canonical) = form::canonical(kind, &source, &KNOWN.arches) else {
        return;
    };
    let again = Source {
        file,
        text: &canonical,
    };
    let twice = form::canonical(kind, &again, &KNOWN.arches);
    assert_eq!(twice.as_deref(), Ok(canonical.as_str()));
    if kind == Kind::Snapshot {
        let once = parse::snapshot(&source).expect("it has a form");
        assert_eq!(parse::snapshot(&again).as_ref(), Ok(&once));
        if let Ok(closures) = close::Closures::new(&once) {
            assert!(closures.names().all(|name| closures.of(name).is_some()));
        }
    }
});
