// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data language as types: what the files below data/ say, and nothing of how they are found.
//!
//! Pure: text in, values out. The build script compiles these files too (by
//! `#[path]`), so they use nothing of the crate but `promise`, `letters` and `arch`.

use std::collections::{BTreeMap, BTreeSet};

pub mod arches;
pub mod check;
pub mod check_gaps;
pub mod check_homes;
pub mod check_limits;
pub mod check_promises;
pub mod check_quirks;
pub mod check_snapshot;
pub mod check_sockets;
pub mod check_text;
pub mod close;
pub mod diff;
pub mod document;
pub mod finding;
pub mod form;
pub mod gaps;
pub mod homes;
#[cfg(test)]
mod hostile_tests;
pub mod libcs;
pub mod limits;
#[cfg(test)]
mod lint_tests;
pub mod merge;
pub mod names;
pub mod near;
pub mod parse;
pub mod print;
pub mod promises;
pub mod quirks;
#[cfg(test)]
mod random;
pub mod reduce;
pub mod row;
pub mod selectors;
pub mod sockets;
pub mod syscalls;
pub mod traces;
pub mod veil;
pub mod verify;
pub mod version;
pub mod why;

/// The format of the snapshot files that this code reads and writes.
pub const FORMAT: u32 = 1;

/// The facts of one libc build: implementation, version, architecture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// A name of [`libcs::LIBCS`]: "glibc".
    pub libc: String,
    /// "2.36", "1.2.5".
    pub version: String,
    /// A name of data/arches.toml: "x86_64".
    pub arch: String,
    /// Version of the extractor that made it.
    pub extractor: String,
    /// The distribution builds whose rows are joined here.
    pub builds: Vec<Build>,
    /// Effects by name; each has its own calls.
    pub effects: BTreeMap<String, Row>,
    /// Functions by name; a symbol version that is not the default one is
    /// written `name@VERSION`.
    pub functions: BTreeMap<String, Row>,
}

/// One distribution's build of a libc.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Build {
    /// "debian".
    pub distribution: String,
    /// "libc6".
    pub package: String,
    /// "2.36-9+deb12u14".
    pub package_version: String,
    /// Places in its code that make a system call.
    pub sites: u32,
    /// Those whose number the extractor cannot tell: quirks speak for them.
    pub unresolved: u32,
    /// The files that were read, the libc itself first.
    pub objects: Vec<Object>,
}

/// One file of a build.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Object {
    /// Its name without a directory: "libc.so.6".
    pub file: String,
    /// Of the file, in hex.
    pub sha256: String,
    /// GNU build-id in hex; empty if it has none.
    pub build_id: String,
}

/// What one function (or effect) does itself; closures are computed.
///
/// As text, tokens in this order, each kind sorted: `=name`, system calls
/// (`name` or `name[value,...]`), `+name`, `!effect`, `~`, `*`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// `=name`: the same code as that function; nothing else stands beside it.
    pub alias: Option<String>,
    /// System calls made by it or by private code that it calls.
    pub calls: BTreeSet<String>,
    /// `name[value,...]`: of those calls, what the argument that selects is at
    /// every site. A call that has no entry here may be made with any.
    pub values: BTreeMap<String, BTreeSet<String>>,
    /// `+name`: other functions of this snapshot that it calls.
    pub callees: BTreeSet<String>,
    /// `!name`: effects that it can trigger.
    pub effects: BTreeSet<String>,
    /// `~`: calls code that its caller gave it (qsort, pthread_once).
    pub callback: bool,
    /// `*`: makes a system call whose number its caller gave it (syscall).
    pub any: bool,
}
