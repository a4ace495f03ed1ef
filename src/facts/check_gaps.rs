// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules against silent losses: what a snapshot lacks must be known, and known for a reason.
//!
//! An extractor that fails to see something makes no error: it writes a row
//! with less in it. So each snapshot is held against the version before it
//! and against the promises.

use std::collections::BTreeSet;

use super::check::{GapsCase, Known, SnapshotCase};
use super::close::{Closure, Closures};
use super::finding::Finding;
use super::gaps::{Gap, Lack};
use super::promises::Promises;
use super::reduce::reduce;
use super::version::Version;
use super::{Snapshot, diff, quirks};

pub const ABSENT: &str = "absent";
pub const SHRUNK: &str = "shrunk";
pub const UNRESOLVED: &str = "unresolved";
pub const IDLE: &str = "gap-idle";

/// The newest snapshot of an older version of the same libc.
fn before<'a>(known: &'a Known, snapshot: &Snapshot) -> Option<&'a Snapshot> {
    let version = Version::parse(&snapshot.version)?;
    let older = known.snapshots.iter().filter_map(|one| {
        let same = one.libc == snapshot.libc && one.arch == snapshot.arch;
        Some((
            Version::parse(&one.version).filter(|v| same && *v < version)?,
            one,
        ))
    });
    older.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, one)| one)
}

/// What a snapshot lacks, excused or not.
fn lacks(known: &Known, snapshot: &Snapshot, lack: Lack) -> BTreeSet<String> {
    match (lack, before(known, snapshot), &known.promises) {
        (Lack::Absent, _, Some(promises)) => absent(snapshot, promises, known),
        (Lack::Empty, Some(old), _) => empty(known, old, snapshot),
        (Lack::Lost, Some(old), Some(promises)) => {
            let granted = |one: &Snapshot| granted(known, promises, one);
            let (old, new) = (granted(old), granted(snapshot));
            let none = BTreeSet::new();
            let lost = old
                .iter()
                .flat_map(|(name, calls)| calls - new.get(name).unwrap_or(&none));
            lost.collect()
        }
        _ => BTreeSet::new(),
    }
}

fn absent(snapshot: &Snapshot, promises: &Promises, known: &Known) -> BTreeSet<String> {
    let corrected = quirks::apply(snapshot, &known.quirks);
    let definitions = promises.promises.values().chain([&promises.always]);
    definitions
        .flat_map(|definition| &definition.functions)
        .filter(|(name, _)| !corrected.functions.contains_key(name))
        .map(|(name, _)| name.clone())
        .collect()
}

fn empty(known: &Known, old: &Snapshot, new: &Snapshot) -> BTreeSet<String> {
    let (old, new) = (
        quirks::apply(old, &known.quirks),
        quirks::apply(new, &known.quirks),
    );
    // A row that dangles is found by another rule.
    let (Ok(old), Ok(new)) = (Closures::new(&old), Closures::new(&new)) else {
        return BTreeSet::new();
    };
    let is_empty = |one: &Closure| {
        one.calls.is_empty() && !one.any && one.effects.values().all(BTreeSet::is_empty)
    };
    let emptied = |name: &&str| {
        old.of(name).is_some_and(|one| !is_empty(&one))
            && new.of(name).is_some_and(|one| is_empty(&one))
    };
    new.names().filter(emptied).map(str::to_owned).collect()
}

fn granted(known: &Known, promises: &Promises, snapshot: &Snapshot) -> diff::Promises {
    let one = std::slice::from_ref(snapshot);
    let reduced = reduce(
        &snapshot.arch,
        &known.syscalls,
        promises,
        &known.quirks,
        one,
    );
    // What cannot be reduced is found by another rule.
    reduced.map_or_else(|_| diff::Promises::new(), |one| diff::granted(&one))
}

fn unexcused(case: &SnapshotCase, lack: Lack) -> Option<String> {
    let snapshot = &case.sheet.snapshot;
    let gaps: Vec<&Gap> = case
        .known
        .gaps
        .iter()
        .filter(|gap| gap.lack == lack)
        .collect();
    let mut names = lacks(case.known, snapshot, lack);
    names.retain(|name| !gaps.iter().any(|gap| gap.is_for(snapshot) && gap.has(name)));
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// A promise stands for a function on every libc, or it is known where not.
pub fn missing(case: &SnapshotCase) -> Vec<Finding> {
    let Some(names) = unexcused(case, Lack::Absent) else {
        return Vec::new();
    };
    let what = format!("promises name functions that have no row here: {names}");
    let help = "mend the extractor; if this libc has none, say so in data/gaps.toml, as absent";
    let at = case.sheet.keys.version.span().start;
    vec![case.source.finding(ABSENT, at, what, help)]
}

/// A newer version that needs less is good news, or a blind extractor.
pub fn shrunk(case: &SnapshotCase) -> Vec<Finding> {
    let Some(old) = before(case.known, &case.sheet.snapshot) else {
        return Vec::new();
    };
    let at = case.sheet.keys.version.span().start;
    let mut findings = Vec::new();
    for (lack, what) in [
        (Lack::Empty, "functions lost all their system calls since"),
        (Lack::Lost, "promises lost system calls since"),
    ] {
        if let Some(names) = unexcused(case, lack) {
            let what = format!("{what} {}: {names}", old.version);
            let help = format!(
                "look at rpledge data diff: mend the extractor, or give the reason in \
                 data/gaps.toml, as {}",
                lack.key()
            );
            findings.push(case.source.finding(SHRUNK, at, what, help));
        }
    }
    findings
}

/// A site whose number nobody can tell is a call that nothing grants.
pub fn unresolved(case: &SnapshotCase) -> Vec<Finding> {
    let one = &case.sheet.snapshot;
    let quirks = &case.known.quirks;
    if quirks
        .iter()
        .any(|quirk| quirk.is_for(&one.libc, &one.version, &one.arch))
    {
        return Vec::new();
    }
    let builds = case.sheet.keys.build.iter();
    let unknown = builds.filter(|build| *build.unresolved.get_ref() > 0);
    let finding = |build: &super::parse::BuildKeys| {
        let count = build.unresolved.get_ref();
        let what = format!("no quirk says what its {count} unresolved system calls are");
        let help = "add one to data/quirks.toml for the functions that make them";
        let at = build.unresolved.span().start;
        case.source.finding(UNRESOLVED, at, what, help)
    };
    unknown.map(finding).collect()
}

/// An excuse for nothing would hide the next loss.
pub fn idle(case: &GapsCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, gap) in case.sheet.keys.iter().zip(&case.sheet.gaps) {
        let snapshots = case.known.snapshots.iter().filter(|one| gap.is_for(one));
        let mut used = BTreeSet::new();
        for snapshot in snapshots {
            used.extend(lacks(case.known, snapshot, gap.lack));
        }
        let idle = |name: &&String| match name.as_str() {
            "*" => used.is_empty(),
            name => !used.contains(name),
        };
        let names: Vec<&str> = gap.names.iter().filter(idle).map(String::as_str).collect();
        if !names.is_empty() {
            let what = format!("no snapshot that this is for lacks {}", names.join(" "));
            let at = keys.libc.span().start;
            let help = "take it out: it would hide a loss";
            findings.push(case.source.finding(IDLE, at, what, help));
        }
    }
    findings
}
