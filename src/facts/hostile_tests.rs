// SPDX-License-Identifier: MIT OR Apache-2.0
//! No text, however broken, makes a reader do worse than say so; what it accepts, it can print.

use super::arches::{self, Arches};
use super::check::{self, Known};
use super::close::Closures;
use super::finding::Source;
use super::form::{self, Kind};
use super::random::Random;
use super::{parse, print, quirks, syscalls};

const ARCHES: &str = include_str!("../../data/arches.toml");
const SYSCALLS: &str = include_str!("../../data/syscalls.toml");
const SNAPSHOT: &str = include_str!("testdata/glibc-2.36.toml");
const PROMISES: &str = include_str!("../../data/lint/promise-call.in.toml");
const QUIRKS: &str = include_str!("../../data/lint/quirk-scope.in.toml");

fn known() -> Known {
    let arches = read_arches(ARCHES).expect("ours");
    let source = Source {
        file: "f",
        text: SYSCALLS,
    };
    let syscalls = syscalls::read(&source, &arches).expect("ours");
    let snapshots = vec![
        parse::snapshot(&Source {
            file: "f",
            text: SNAPSHOT,
        })
        .expect("ours"),
    ];
    Known {
        arches,
        syscalls,
        promises: None,
        quirks: Vec::new(),
        snapshots,
    }
}

fn read_arches(text: &str) -> Option<Arches> {
    arches::read(&Source { file: "f", text }).ok()
}

/// Whatever it is: judged without a panic, every finding inside the text;
/// if it can be read, printing and reading again changes nothing.
fn survives(kind: Kind, text: &str, known: &Known) {
    let source = Source {
        file: "glibc/2.36/x86_64.toml",
        text,
    };
    for finding in check::file(kind, &source, known) {
        assert!(
            finding.line <= text.matches('\n').count() + 1,
            "{finding}\n{text}"
        );
        assert!(finding.column <= text.len() + 1, "{finding}\n{text}");
        assert!(
            !finding.what.is_empty() && !finding.help.is_empty(),
            "{finding}\n{text}"
        );
    }
    let Ok(canonical) = form::canonical(kind, &source, &known.arches) else {
        return;
    };
    let again = Source {
        file: "again",
        text: &canonical,
    };
    let twice = form::canonical(kind, &again, &known.arches);
    assert_eq!(twice.as_deref(), Ok(canonical.as_str()), "{text}");
    if kind == Kind::Snapshot {
        let once = parse::snapshot(&source).expect("it has a form");
        assert_eq!(parse::snapshot(&again).as_ref(), Ok(&once), "{text}");
        assert_eq!(print::snapshot(&once), canonical);
        // Rows may dangle; that is an answer too.
        if let Ok(closures) = Closures::new(&once) {
            assert!(closures.names().all(|name| closures.of(name).is_some()));
        }
    }
    if kind == Kind::Quirks {
        assert_eq!(quirks::read(&again), quirks::read(&source), "{text}");
    }
}

/// Something that a hand, a merge or a broken disk does to a text.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let len = bytes.len() as u64;
        let at = random.below(len + 1) as usize;
        let to = (at + random.below(40) as usize).min(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let piece = bytes[at..to].to_vec();
                let there = random.below(len + 1) as usize;
                bytes.splice(there..there, piece);
            }
            3 => bytes.insert(at, b"\"'\\[]{}=#.\n\r\t ,+!~*@"[random.below(20) as usize]),
            4 => bytes.insert(at, random.below(256) as u8),
            5 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            6 => {
                bytes.splice(at..to, *b"\n[functions]\n");
            }
            _ => {
                bytes.splice(at..at, "\u{1F980}\u{e9}".bytes());
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn mutated_files_are_judged_not_feared() {
    let known = known();
    let mut random = Random(36);
    // Short, so that a mutation hits something that matters.
    let lines = |text: &str, n| {
        text.lines()
            .take(n)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let (arches, syscalls): (String, String) = (lines(ARCHES, 16), lines(SYSCALLS, 20));
    for _ in 0..800 {
        survives(Kind::Snapshot, &mutate(SNAPSHOT, &mut random), &known);
        survives(Kind::Quirks, &mutate(QUIRKS, &mut random), &known);
        survives(Kind::Promises, &mutate(PROMISES, &mut random), &known);
        survives(Kind::Arches, &mutate(&arches, &mut random), &known);
        survives(Kind::Syscalls, &mutate(&syscalls, &mut random), &known);
    }
}

#[test]
fn truncated_files_are_judged_at_every_byte() {
    let known = known();
    for end in 0..SNAPSHOT.len() {
        survives(Kind::Snapshot, &SNAPSHOT[..end], &known);
        if end < QUIRKS.len() {
            survives(Kind::Quirks, &QUIRKS[..end], &known);
        }
    }
}

#[test]
fn a_truncated_snapshot_is_never_clean() {
    let known = known();
    for end in 0..SNAPSHOT.len() {
        let source = Source {
            file: "glibc/2.36/x86_64.toml",
            text: &SNAPSHOT[..end],
        };
        let findings = check::file(Kind::Snapshot, &source, &known);
        // Rows at the end may be cut off whole: no checker can miss those.
        let whole = SNAPSHOT[..end].ends_with('\n') && end > SNAPSHOT.find("\nprintf").unwrap_or(0);
        assert!(whole || !findings.is_empty(), "{}", &SNAPSHOT[..end]);
    }
}

#[test]
fn deep_and_long_files_end() {
    let known = known();
    let deep = [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("a{} = 1", ".a".repeat(20_000)),
        format!("[a{}]", ".a".repeat(20_000)),
        format!("{SNAPSHOT}z = \"{}\"", "+a ".repeat(200_000)),
        "\"".repeat(100_000),
        "\n".repeat(100_000),
    ];
    for text in &deep {
        for kind in [
            Kind::Snapshot,
            Kind::Quirks,
            Kind::Arches,
            Kind::Syscalls,
            Kind::Promises,
        ] {
            let source = Source { file: "f", text };
            let findings = check::file(kind, &source, &known);
            // Empty lines alone are quirks, none of them.
            assert!(!findings.is_empty() || text.trim().is_empty(), "{kind:?}");
        }
    }
}
