// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for the quirks.

use std::collections::BTreeSet;

use super::check::QuirksCase;
use super::document::Text;
use super::finding::Finding;
use super::near;
use super::quirks::{Change, Keys, Quirk};
use super::{Row, Snapshot};

pub const SCOPE: &str = "quirk-scope";
pub const ROW: &str = "quirk-row";
pub const NAMES: &str = "quirk-names";
pub const IDLE: &str = "quirk-idle";

impl QuirksCase<'_> {
    fn quirks(&self) -> impl Iterator<Item = (&Keys, &Quirk)> {
        self.sheet.keys.iter().zip(&self.sheet.quirks)
    }

    fn snapshots<'a>(&'a self, quirk: &'a Quirk) -> impl Iterator<Item = &'a Snapshot> {
        let all = self.known.snapshots.iter();
        all.filter(|one| quirk.is_for(&one.libc, &one.version, &one.arch))
    }

    fn finding(&self, rule: &'static str, text: &Text, what: String, help: String) -> Finding {
        self.source.finding(rule, text.span().start, what, help)
    }
}

fn row_of<'a>(quirk: &Quirk, snapshot: &'a Snapshot) -> Option<&'a Row> {
    match quirk.function.strip_prefix('!') {
        Some(effect) => snapshot.effects.get(effect),
        None => snapshot.functions.get(&quirk.function),
    }
}

/// A quirk for nothing is a slip, or has outlived its libc.
pub fn scope(case: &QuirksCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, quirk) in case.quirks() {
        let arches = &case.known.arches;
        if quirk.arch != "*" && !arches.0.contains_key(&quirk.arch) {
            let what = format!("{:?} is not an architecture", quirk.arch);
            let help = match arches.find(&quirk.arch) {
                Some((name, _)) => format!("write {name:?}: aliases are not stored"),
                None => near::advice(
                    &quirk.arch,
                    arches.names(),
                    "see data/arches.toml, or write \"*\"",
                ),
            };
            findings.push(case.finding(SCOPE, &keys.arch, what, help));
        } else if case.snapshots(quirk).next().is_none() {
            let libcs: BTreeSet<&str> = case
                .known
                .snapshots
                .iter()
                .map(|s| s.libc.as_str())
                .collect();
            let (text, what) = if quirk.libc == "*" || libcs.contains(quirk.libc.as_str()) {
                (
                    &keys.versions,
                    "no snapshot is of that version and architecture".to_owned(),
                )
            } else {
                (
                    &keys.libc,
                    format!("no snapshot is of the libc {:?}", quirk.libc),
                )
            };
            let otherwise = "add the snapshot, or drop the quirk";
            let help = near::advice(
                &quirk.libc,
                libcs.into_iter().filter(|l| *l != quirk.libc),
                otherwise,
            );
            findings.push(case.finding(SCOPE, text, what, help));
        }
    }
    findings
}

/// A quirk that gives a whole row may make one; others must find theirs.
pub fn row(case: &QuirksCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, quirk) in case.quirks() {
        let snapshots: Vec<&Snapshot> = case.snapshots(quirk).collect();
        let makes = matches!(quirk.change, Change::Row(_));
        let found = snapshots
            .iter()
            .any(|snapshot| row_of(quirk, snapshot).is_some());
        if makes || found || snapshots.is_empty() {
            continue;
        }
        let rows = snapshots
            .iter()
            .flat_map(|one| match quirk.function.starts_with('!') {
                true => one.effects.keys(),
                false => one.functions.keys(),
            });
        let name = quirk.function.trim_start_matches('!');
        let what = format!(
            "no snapshot that this is for has a row {:?}",
            quirk.function
        );
        let help = near::advice(name, rows.map(String::as_str), "write row = to make one");
        findings.push(case.finding(ROW, &keys.function, what, help));
    }
    findings
}

/// Each name in each snapshot whose row the quirk changes.
pub fn names(case: &QuirksCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, quirk) in case.quirks() {
        let none = Row::default();
        let (text, added) = match &quirk.change {
            Change::Calls(calls) => (
                &keys.calls,
                Row {
                    calls: calls.clone(),
                    ..none
                },
            ),
            Change::Callees(callees) => (
                &keys.callees,
                Row {
                    callees: callees.clone(),
                    ..none
                },
            ),
            Change::Row(row) => (&keys.row, row.clone()),
            Change::Remove(_) => continue,
        };
        let makes = matches!(quirk.change, Change::Row(_));
        let changed = |one: &&Snapshot| makes || row_of(quirk, one).is_some();
        let missing = case.snapshots(quirk).filter(changed).find_map(|one| {
            let (name, help) = missing(case, one, &added)?;
            Some((
                format!("{} {} {} has no {name:?}", one.libc, one.version, one.arch),
                help,
            ))
        });
        if let (Some((what, help)), Some(text)) = (missing, text) {
            findings.push(case.finding(NAMES, text, what, help));
        }
    }
    findings
}

/// A name of the row that the snapshot does not know, and advice.
fn missing(case: &QuirksCase, snapshot: &Snapshot, row: &Row) -> Option<(String, String)> {
    let Snapshot {
        arch,
        functions,
        effects,
        ..
    } = snapshot;
    let syscalls = &case.known.syscalls;
    let otherwise = "narrow the quirk's versions or arch";
    for call in &row.calls {
        if syscalls.number(arch, call).is_none() {
            return Some((
                call.clone(),
                near::advice(call, syscalls.names(arch), otherwise),
            ));
        }
    }
    for callee in row.callees.iter().chain(&row.alias) {
        if !functions.contains_key(callee) {
            let known = functions.keys().map(String::as_str);
            return Some((callee.clone(), near::advice(callee, known, otherwise)));
        }
    }
    for effect in &row.effects {
        if !effects.contains_key(effect) {
            let known = effects.keys().map(String::as_str);
            return Some((effect.clone(), near::advice(effect, known, otherwise)));
        }
    }
    None
}

/// The extractor has learned it, or the libc has changed.
pub fn idle(case: &QuirksCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (keys, quirk) in case.quirks() {
        let (Change::Remove(less), Some(text)) = (&quirk.change, &keys.remove) else {
            continue;
        };
        let rows: Vec<&Row> = case
            .snapshots(quirk)
            .filter_map(|one| facts_of(quirk, one))
            .collect();
        let there = |token: &str| {
            rows.iter().any(|row| {
                let is = |other: &str| other == token;
                row.calls.contains(token) || row.to_string().split(' ').any(is)
            })
        };
        let less = less.to_string();
        if let Some(token) = less
            .split(' ')
            .find(|token| !rows.is_empty() && !there(token))
        {
            let what = format!("no row of {:?} has {token:?}", quirk.function);
            let help = "drop it from the quirk".to_owned();
            findings.push(case.finding(IDLE, text, what, help));
        }
    }
    findings
}

/// Its row, or the row that it is an alias of.
fn facts_of<'a>(quirk: &Quirk, snapshot: &'a Snapshot) -> Option<&'a Row> {
    let row = row_of(quirk, snapshot)?;
    match &row.alias {
        Some(target) => snapshot.functions.get(target),
        None => Some(row),
    }
}
