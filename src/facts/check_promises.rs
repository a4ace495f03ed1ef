// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for the promises: what they name must exist somewhere.
//!
//! Somewhere, not everywhere: a function that one libc lacks needs no call
//! there, and a call that one architecture lacks no limit.

use std::collections::BTreeSet;

use super::check::PromisesCase;
use super::finding::Finding;
use super::near;
use super::promises::Definition;

pub const FUNCTION: &str = "promise-function";
pub const EFFECT: &str = "promise-effect";
pub const CALL: &str = "promise-call";

impl PromisesCase<'_> {
    fn definitions(&self) -> impl Iterator<Item = &Definition> {
        let promises = self.promises.promises.values();
        std::iter::once(&self.promises.always).chain(promises)
    }

    /// The first place where a word stands by itself.
    pub(super) fn place(&self, word: &str) -> usize {
        let text = self.source.text;
        let inside = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let alone = |at: &usize| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            let after = text.as_bytes().get(at + word.len());
            !before.is_some_and(inside) && !after.is_some_and(inside)
        };
        let mut places = text.match_indices(word).map(|(at, _)| at);
        places.find(alone).unwrap_or(0)
    }
}

/// A function that no libc has is a slip, and would silently grant nothing.
pub fn function(case: &PromisesCase) -> Vec<Finding> {
    let snapshots = &case.known.snapshots;
    let known: BTreeSet<&str> = snapshots
        .iter()
        .flat_map(|one| one.functions.keys())
        .map(String::as_str)
        .collect();
    let named = case
        .definitions()
        .flat_map(|definition| &definition.functions);
    let finding = |(name, at): &(String, usize)| {
        let what = format!("no snapshot has the function {name:?}");
        let help = near::advice(
            name,
            known.iter().copied(),
            "drop it, or add it with a quirk",
        );
        case.source.finding(FUNCTION, *at, what, help)
    };
    named
        .filter(|(name, _)| !known.contains(name.as_str()))
        .map(finding)
        .collect()
}

/// The same for effects.
pub fn effect(case: &PromisesCase) -> Vec<Finding> {
    let snapshots = &case.known.snapshots;
    let known: BTreeSet<&str> = snapshots
        .iter()
        .flat_map(|one| one.effects.keys())
        .map(String::as_str)
        .collect();
    let named = case
        .definitions()
        .flat_map(|definition| &definition.effects);
    let finding = |(name, at): &(String, usize)| {
        let what = format!("no snapshot has the effect {name:?}");
        let all = known.iter().copied().collect::<Vec<_>>().join(" ");
        let help = near::advice(name, known.iter().copied(), &format!("there are {all}"));
        case.source.finding(EFFECT, *at, what, help)
    };
    named
        .filter(|(name, _)| !known.contains(name.as_str()))
        .map(finding)
        .collect()
}

/// A call that no architecture has can be neither granted nor refused.
pub fn call(case: &PromisesCase) -> Vec<Finding> {
    let numbers = &case.known.syscalls.numbers;
    let known: BTreeSet<&str> = numbers
        .values()
        .flat_map(|calls| calls.keys())
        .map(String::as_str)
        .collect();
    let promises = case.promises;
    let mut named: BTreeSet<&str> = promises.plain.iter().map(String::as_str).collect();
    named.extend(promises.refused.keys().map(String::as_str));
    named.extend(
        promises
            .never
            .iter()
            .flat_map(|n| &n.calls)
            .map(String::as_str),
    );
    named.extend(promises.rules().map(|(_, rule)| rule.call.as_str()));
    for definition in case.definitions() {
        named.extend(definition.calls.iter().map(String::as_str));
    }
    let finding = |name: &&str| {
        let what = format!("no architecture has the system call {name:?}");
        let help = near::advice(name, known.iter().copied(), "see data/syscalls.toml");
        case.source.finding(CALL, case.place(name), what, help)
    };
    named.difference(&known).map(finding).collect()
}
