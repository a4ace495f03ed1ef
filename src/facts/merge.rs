// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several builds of one version to one snapshot: what either may do, the joined one may.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Build, Row, Snapshot};

/// Why two snapshots are not of one version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The header's key.
    pub key: &'static str,
    pub one: String,
    pub other: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { key, one, other } = self;
        let help = match *key {
            "extractor" => "extract both with the same rpledge",
            "build" => {
                "the same files gave other rows: extract both with the same rpledge and quirks"
            }
            _ => "only builds of one libc, version and architecture are joined",
        };
        write!(
            f,
            "{key} is {one:?} in one and {other:?} in the other; {help}"
        )
    }
}

/// The union of both: their builds, sorted, and of each row what stands in
/// either. An alias stays one where every build that has the row agrees.
pub fn merge(one: &Snapshot, other: &Snapshot) -> Result<Snapshot, Mismatch> {
    for (key, a, b) in [
        ("libc", &one.libc, &other.libc),
        ("version", &one.version, &other.version),
        ("arch", &one.arch, &other.arch),
        ("extractor", &one.extractor, &other.extractor),
    ] {
        if a != b {
            let (one, other) = (a.clone(), b.clone());
            return Err(Mismatch { key, one, other });
        }
    }
    Ok(Snapshot {
        builds: builds(&one.builds, &other.builds)?,
        effects: rows(&one.effects, &other.effects),
        functions: rows(&one.functions, &other.functions),
        ..one.clone()
    })
}

/// Each build once, whichever side has it.
fn builds(one: &[Build], other: &[Build]) -> Result<Vec<Build>, Mismatch> {
    let key = |build: &Build| {
        let Build {
            distribution,
            package,
            package_version,
            ..
        } = build;
        format!("{distribution} {package} {package_version}")
    };
    let mut found: BTreeMap<String, Build> = BTreeMap::new();
    for build in one.iter().chain(other) {
        let name = key(build);
        match found.get(&name) {
            Some(known) if known != build => {
                let files = |build: &Build| {
                    let mut text = format!("{name}, {} sites", build.sites);
                    for object in &build.objects {
                        text.push_str(&format!(", {} {:.8}", object.file, object.sha256));
                    }
                    text
                };
                return Err(Mismatch {
                    key: "build",
                    one: files(known),
                    other: files(build),
                });
            }
            _ => found.insert(name, build.clone()),
        };
    }
    Ok(found.into_values().collect())
}

type Rows = BTreeMap<String, Row>;

fn rows(one: &Rows, other: &Rows) -> Rows {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let row = |name: &String| match (one.get(name), other.get(name)) {
        (Some(a), Some(b)) if a.alias == b.alias => union(a, b),
        (Some(a), Some(b)) => union(&body(a), &body(b)),
        (a, b) => a.or(b).cloned().unwrap_or_default(),
    };
    names
        .into_iter()
        .map(|name| (name.clone(), row(name)))
        .collect()
}

/// A row that stands alone: what an alias was the same as is what it calls.
/// Not that row's own tokens, or the order of merging would matter.
fn body(row: &Row) -> Row {
    let mut row = row.clone();
    row.callees.extend(row.alias.take());
    row
}

fn union(a: &Row, b: &Row) -> Row {
    Row {
        alias: a.alias.clone(),
        calls: &a.calls | &b.calls,
        callees: &a.callees | &b.callees,
        effects: &a.effects | &b.effects,
        callback: a.callback || b.callback,
        any: a.any || b.any,
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
