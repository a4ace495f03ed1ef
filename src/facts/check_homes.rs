// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rule that every system call has one home: plain, within limits, asked of the broker, refused with an errno, or never.
//!
//! A call that is forgotten would be a violation as well, but nobody would have
//! thought about it; one that stands in two places would mean what the reader
//! found first. A call of a promise may fail with an errno where that promise
//! is not held, so those two are one home.

use std::collections::{BTreeMap, BTreeSet};

use super::check::PromisesCase;
use super::finding::Finding;
use super::promises::Promises;

pub const HOME: &str = "call-home";

/// How many homeless calls a finding names.
const NAMED: usize = 8;

/// Calls without a home or with two, and groups of [never] without a reason.
/// A file without [never] says nothing of homes: the fixtures of other rules.
pub fn home(case: &PromisesCase) -> Vec<Finding> {
    let promises = case.promises;
    let Some(first) = promises.never.first() else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut find = |at, what: String, help: &str| {
        findings.push(case.source.finding(HOME, at, what, help));
    };
    let granted = granted(promises);
    for group in &promises.never {
        if group.why.trim().is_empty() {
            let what = format!("never.{} has no reason", group.group);
            find(group.at, what, "say why");
        }
    }
    let mut homes: BTreeSet<&str> = granted.keys().copied().collect();
    for call in &promises.plain {
        if let Some(by) = granted.get(call.as_str()) {
            let what = format!("{call:?} is plain, and limited by {by}");
            find(case.place(call), what, "drop one of the two");
        }
        homes.insert(call);
    }
    homes.extend(promises.refused.keys().map(String::as_str));
    let asking = promises.promises.values();
    homes.extend(asking.flat_map(|d| d.asks.iter().map(String::as_str)));
    // Whoever grants, refuses or forgets it: [never] is alone with its calls.
    let mut elsewhere = homes.clone();
    let named = promises.promises.values().chain([&promises.always]);
    elsewhere.extend(named.flat_map(|d| d.calls.iter().map(String::as_str)));
    for group in &promises.never {
        for call in &group.calls {
            if !elsewhere.insert(call) {
                let what = format!("{call:?} is in never.{}, and elsewhere", group.group);
                find(group.at, what, "drop one of the two");
            }
            homes.insert(call);
        }
    }
    if let Some(what) = homeless(case, &homes) {
        let help = "let a promise's limits or its asks name them, or [plain], [refused] or [never]";
        find(first.at, what, help);
    }
    findings
}

/// Calls that a limit grants, and who says so. What every process keeps has
/// no say: it lets plain calls through for its own reports.
fn granted(promises: &Promises) -> BTreeMap<&str, String> {
    let mut granted = BTreeMap::new();
    for (needs, rule) in promises.rules() {
        if !needs.is_empty() && !rule.refuse && rule.text != "never" {
            let words: Vec<_> = needs.iter().map(|promise| promise.name()).collect();
            granted
                .entry(rule.call.as_str())
                .or_insert_with(|| words.join(" "));
        }
    }
    granted
}

fn homeless(case: &PromisesCase, homes: &BTreeSet<&str>) -> Option<String> {
    let always = case.promises.always.rules.iter();
    let always: BTreeSet<&str> = always.map(|rule| rule.call.as_str()).collect();
    let numbers = case.known.syscalls.numbers.values();
    let known: BTreeSet<&str> = numbers
        .flat_map(|calls| calls.keys())
        .map(String::as_str)
        .collect();
    let lost: Vec<_> = known
        .into_iter()
        .filter(|call| !homes.contains(call) && !always.contains(call))
        .collect();
    if lost.is_empty() {
        return None;
    }
    let more = match lost.len() > NAMED {
        true => " and others",
        false => "",
    };
    let names = lost.into_iter().take(NAMED).collect::<Vec<_>>().join(" ");
    Some(format!("system calls without a home: {names}{more}"))
}
