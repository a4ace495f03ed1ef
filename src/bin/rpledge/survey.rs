// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data table`: every snapshot in a line, counted.

use std::collections::BTreeSet;

use rpledge::facts::close::{Closure, Closures};
use rpledge::facts::version::Version;
use rpledge::facts::{Snapshot, parse, quirks};

use crate::report::Failure;
use crate::store::Store;

/// The columns, as they are headed.
const HEAD: [&str; 9] = [
    "libc",
    "arch",
    "builds",
    "functions",
    "sites",
    "unresolved",
    "mean",
    "with effects",
    "traced",
];

/// One snapshot's line. Of several builds the sites are those of the first.
fn line(snapshot: &Snapshot, verdict: &str) -> Result<Vec<String>, Failure> {
    let Snapshot {
        libc,
        version,
        arch,
        builds,
        ..
    } = snapshot;
    let closures = Closures::new(snapshot)
        .map_err(|why| Failure::data(format!("rpledge: {libc}/{version}/{arch}.toml: {why}")))?;
    let (mut own, mut all, mut count) = (0, 0, 0);
    for closure in closures.names().filter_map(|name| closures.of(name)) {
        own += closure.calls.len();
        all += with_effects(&closure);
        count += 1;
    }
    let mean = |sum: usize| format!("{:.1}", sum as f64 / f64::from(count.max(1)));
    let first = |of: fn(&rpledge::facts::Build) -> u32| {
        builds
            .first()
            .map_or("-".to_owned(), |build| of(build).to_string())
    };
    Ok(vec![
        format!("{libc}-{version}"),
        arch.clone(),
        builds.len().to_string(),
        snapshot.functions.len().to_string(),
        first(|build| build.sites),
        first(|build| build.unresolved),
        mean(own),
        mean(all),
        traced(verdict, &format!("{libc}-{version} {arch}: ")).unwrap_or("-".to_owned()),
    ])
}

fn with_effects(closure: &Closure) -> usize {
    let effects = closure.effects.values().flatten();
    effects.chain(&closure.calls).collect::<BTreeSet<_>>().len()
}

/// "230/234" of a line "glibc-2.36 x86_64: 230 passed, 4 failed, 3 skipped".
fn traced(verdict: &str, place: &str) -> Option<String> {
    let mut counts = verdict.lines().filter_map(|line| {
        let (passed, rest) = line.strip_prefix(place)?.split_once(" passed, ")?;
        let (failed, _) = rest.split_once(" failed, ")?;
        Some((passed.parse::<u32>().ok()?, failed.parse::<u32>().ok()?))
    });
    let (passed, failed) = counts.next()?;
    Some(format!("{passed}/{}", passed.saturating_add(failed)))
}

/// All snapshots of a store, sorted by libc, version and architecture; with
/// what `rpledge data verify` printed.
pub fn table(store: &Store, verdict: &str) -> Result<String, Failure> {
    let corrections = store.quirks()?;
    let mut snapshots = store
        .snapshots()
        .map(|source| Ok(quirks::apply(&parse::snapshot(&source)?, &corrections)))
        .collect::<Result<Vec<Snapshot>, Failure>>()?;
    snapshots.sort_by_key(|one| {
        (
            one.libc.clone(),
            Version::parse(&one.version),
            one.arch.clone(),
        )
    });
    let mut lines = vec![HEAD.map(str::to_owned).to_vec()];
    for snapshot in &snapshots {
        lines.push(line(snapshot, verdict)?);
    }
    Ok(aligned(&lines))
}

/// Words to the left, numbers to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            match column {
                0 | 1 => text.push_str(&format!("{cell:<width$}  ")),
                _ => text.push_str(&format!("{cell:>width$}  ")),
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}
