// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every rule finds what data/lint says it finds: one pair of files a rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::check::{self, Judge, Known, RULES};
use super::finding::{Finding, Source};
use super::form::Kind;
use super::gaps::Lack;
use super::version::Versions;
use super::{arches, check_gaps, check_homes, gaps, parse, promises, syscalls};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lint")
}

/// The project's architectures and numbers, and one snapshot for quirks.
fn known() -> Known {
    let text = include_str!("../../data/arches.toml");
    let arches = arches::read(&Source {
        file: "arches.toml",
        text,
    })
    .expect("ours");
    let text = include_str!("../../data/syscalls.toml");
    let source = Source {
        file: "syscalls.toml",
        text,
    };
    let syscalls = syscalls::read(&source, &arches).expect("ours");
    let text = include_str!("../../data/promises.toml");
    let source = Source {
        file: "promises.toml",
        text,
    };
    let promises = promises::read(&source).expect("ours");
    let text = include_str!("testdata/glibc-2.36.toml");
    let snapshot = parse::snapshot(&Source {
        file: "testdata",
        text,
    })
    .expect("ours");
    Known {
        arches,
        syscalls,
        promises: Some(promises),
        gaps: [Lack::Absent, Lack::Empty, Lack::Lost]
            .map(anything)
            .to_vec(),
        snapshots: vec![snapshot],
        ..Known::default()
    }
}

/// The snapshots here are cut short.
fn anything(lack: Lack) -> gaps::Gap {
    gaps::Gap {
        libc: "glibc".to_owned(),
        versions: Versions::default(),
        arch: "*".to_owned(),
        lack,
        names: BTreeSet::from(["*".to_owned()]),
        why: "cut short".to_owned(),
    }
}

/// What the rules against silent losses need too: an older version that has
/// more, promises and gaps.
fn known_before() -> Known {
    let mut known = known();
    let mut old = known.snapshots[0].clone();
    old.version = "2.31".to_owned();
    for (name, text) in [("memcpy", "getcpu"), ("statx", "statx")] {
        let row = super::Row::parse(text).expect("a row");
        old.functions.insert(name.to_owned(), row);
    }
    known.snapshots.push(old);
    let text = include_str!("../../data/lint/promise-function.in.toml")
        .replace("open46", "statx")
        .replace("close read write", "close openat read statx write");
    let source = Source {
        file: "promises.toml",
        text: &text,
    };
    known.promises = Some(promises::read(&source).expect("ours"));
    let text = include_str!("../../data/lint/gap-idle.in.toml");
    let source = Source {
        file: "gaps.toml",
        text,
    };
    known.gaps = gaps::read(&source).expect("ours");
    known
}

fn findings(judge: &Judge, text: &str, known: &Known) -> Vec<Finding> {
    let (kind, file) = match judge {
        Judge::Quirks(_) => (Kind::Quirks, "quirks.toml"),
        Judge::Gaps(_) => (Kind::Gaps, "gaps.toml"),
        Judge::Sockets(_) => (Kind::Sockets, "sockets.toml"),
        Judge::Promises(_) | Judge::Reader(Kind::Promises) => (Kind::Promises, "promises.toml"),
        Judge::Reader(Kind::Unveil) => (Kind::Unveil, "unveil.toml"),
        _ => (Kind::Snapshot, "glibc/2.36/x86_64.toml"),
    };
    check::file(kind, &Source { file, text }, known)
}

#[test]
fn every_rule_finds_what_its_pair_says() {
    let before = [check_gaps::ABSENT, check_gaps::SHRUNK, check_gaps::IDLE];
    for rule in RULES {
        let known = match before.contains(&rule.name) {
            true => known_before(),
            false => known(),
        };
        let read = |end: &str| {
            let path = directory().join(format!("{}{end}", rule.name));
            fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
        };
        let found = findings(&rule.judge, &read(".in.toml"), &known);
        let lines: String = found.iter().map(|finding| format!("{finding}\n")).collect();
        assert_eq!(lines, read(".out"), "data/lint/{}.out\n{lines}", rule.name);
        assert!(
            found.iter().any(|finding| finding.rule == rule.name),
            "{}",
            rule.name
        );
    }
}

/// The fixtures of other rules leave [never] out, and so that rule: ours must not.
#[test]
fn our_promises_speak_of_every_call() {
    let text = include_str!("../../data/promises.toml");
    let source = Source {
        file: "promises.toml",
        text,
    };
    let promises = promises::read(&source).expect("ours");
    assert!(promises.never.len() > 8, "{:?}", promises.never);
    let case = check::PromisesCase {
        source,
        promises: &promises,
        known: &known(),
    };
    assert_eq!(check_homes::home(&case), []);
}

#[test]
fn every_pair_has_a_rule() {
    let mut files: BTreeSet<String> = RULES
        .iter()
        .flat_map(|rule| {
            [
                format!("{}.in.toml", rule.name),
                format!("{}.out", rule.name),
            ]
        })
        .collect();
    for entry in fs::read_dir(directory()).expect("data/lint") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        assert!(files.remove(&name), "data/lint/{name} is of no rule");
    }
    assert_eq!(files, BTreeSet::new());
}

#[test]
fn a_good_snapshot_is_left_alone() {
    let text = include_str!("testdata/glibc-2.36.toml");
    assert_eq!(findings(&Judge::Form, text, &known()), []);
}
