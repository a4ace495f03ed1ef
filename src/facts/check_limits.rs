// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rule that a promise lets pass what its own functions are known to pass.
//!
//! Rows say which constants a function passes. Where a promise grants the call
//! within limits, and none of these can hold, the function fails under it.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Known, PromisesCase};
use super::close::Closures;
use super::finding::Finding;
use super::limits::{Constants, Limit, Test, Value};
use super::promises::{Promises, Rule};
use super::quirks;
use super::selectors::Selectors;
use super::{Snapshot, row};
use crate::promise::{Promise, Set};

pub const LIMIT: &str = "promise-limit";
pub const EXCUSE: &str = "promise-excuse";

/// What a promise refuses to functions of its own: call and value, whose (by
/// place in the definition), where.
type Refused = BTreeMap<(Promise, String), BTreeMap<usize, BTreeSet<String>>>;

/// Every call that a promise refuses to its own functions, excuses left out.
/// What lies behind effects is left out too: of that, what is guarded stays so.
pub fn limit(case: &PromisesCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((promise, call), functions) in refused(case.promises, case.known) {
        let definition = case.promises.definition(promise);
        if definition.excuses.iter().any(|(name, ..)| *name == call) {
            continue;
        }
        let Some((place, libcs)) = functions.first_key_value() else {
            continue;
        };
        let (name, at) = &definition.functions[*place];
        let first = libcs.first().map_or("", String::as_str);
        let more = |count: usize, what: &str| match count - 1 {
            0 => String::new(),
            1 => format!(" (and another {what})"),
            n => format!(" (and {n} more {what}s)"),
        };
        let what = format!(
            "{} refuses {call} of {name}{} of {first}{}",
            promise.name(),
            more(functions.len(), "function"),
            more(libcs.len(), "snapshot"),
        );
        let help = "let a limit pass it, drop the function, or excuse it with a reason";
        findings.push(case.source.finding(LIMIT, *at, what, help));
    }
    findings
}

/// An excuse for nothing has outlived its reason.
pub fn excuse(case: &PromisesCase) -> Vec<Finding> {
    let refused = refused(case.promises, case.known);
    let mut findings = Vec::new();
    for promise in Promise::all() {
        for (call, reason, at) in &case.promises.definition(promise).excuses {
            let used = refused.contains_key(&(promise, call.clone()));
            if !used {
                let what = format!("{} refuses no function's {call:?}", promise.name());
                findings.push(case.source.finding(EXCUSE, *at, what, "drop the excuse"));
            } else if reason.trim().is_empty() {
                let what = format!("{call:?} is excused without a reason");
                findings.push(case.source.finding(EXCUSE, *at, what, "say why"));
            }
        }
    }
    findings
}

fn refused(promises: &Promises, known: &Known) -> Refused {
    let mut refused = Refused::new();
    for snapshot in &known.snapshots {
        let snapshot = quirks::apply(snapshot, &known.quirks);
        // One that dangles is found by the rules for snapshots.
        let Ok(closures) = Closures::new(&snapshot) else {
            continue;
        };
        let here = Here::new(promises, &snapshot);
        let libc = format!("{}-{} {}", snapshot.libc, snapshot.version, snapshot.arch);
        for promise in Promise::all() {
            let definition = promises.definition(promise);
            for (place, (function, _)) in definition.functions.iter().enumerate() {
                for call in here.refuses(promise, &closures, function) {
                    let functions = refused.entry((promise, call)).or_default();
                    functions.entry(place).or_default().insert(libc.clone());
                }
            }
        }
    }
    refused
}

/// The limits of one architecture.
struct Here<'a> {
    promises: &'a Promises,
    selectors: Selectors,
    rules: BTreeMap<&'a str, Vec<(Set, &'a Rule, Limit)>>,
}

impl<'a> Here<'a> {
    fn new(promises: &'a Promises, snapshot: &Snapshot) -> Here<'a> {
        let arch = &snapshot.arch;
        let selectors = promises.selectors(arch);
        let constants: Constants = promises.constants(arch);
        let mut rules: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (needs, rule) in promises.rules() {
            if let (Some(_), Ok(limit)) =
                (selectors.argument(&rule.call), rule.read(arch, &constants))
            {
                let of = rules.entry(rule.call.as_str()).or_default();
                of.push((needs, rule, limit));
            }
        }
        Here {
            promises,
            selectors,
            rules,
        }
    }

    /// The calls, each with one value, that a function makes and its promise refuses.
    fn refuses(&self, promise: Promise, closures: &Closures, function: &str) -> Vec<String> {
        let closure = closures.of(function).unwrap_or_default();
        let pairs = closure.values.into_iter();
        let pairs =
            pairs.flat_map(|(call, values)| values.into_iter().map(move |v| (call.clone(), v)));
        pairs
            .filter(|(call, value)| self.refuses_value(promise, call, value))
            .map(|(call, value)| row::call(&call, Some(&BTreeSet::from([value]))))
            .collect()
    }

    fn refuses_value(&self, promise: Promise, call: &str, value: &str) -> bool {
        let none = Vec::new();
        let rules = self.rules.get(call).unwrap_or(&none);
        let (Some(argument), Some(value)) = (
            self.selectors.argument(call),
            self.selectors.read(call, value),
        ) else {
            return false;
        };
        // Nothing runs without stdio: what that grants is granted beside any promise.
        let own = Set::EMPTY.with(promise);
        let held = own.with(Promise::Stdio);
        let within = |needs: &Set| needs.is_subset(held) || own.is_subset(*needs);
        let refused = rules.iter().any(|(needs, rule, limit)| {
            rule.refuse && needs.is_subset(own) && must_hold(limit, argument, value)
        });
        let mut grants = rules
            .iter()
            .filter(|(needs, rule, _)| !rule.refuse && within(needs));
        // A call that the promise does not name it does not grant: that is meant.
        let named = grants.clone().any(|(needs, ..)| own.is_subset(*needs));
        let passes = grants.any(|(.., limit)| may_hold(limit, argument, value));
        refused || named && !passes && !self.promises.plain.contains(call)
    }
}

/// Does the test hold, as far as this one argument tells?
fn holds(test: &Test, argument: usize, value: u64) -> Option<bool> {
    if usize::from(test.arg) != argument {
        return None;
    }
    let is = |one: &Value| match one {
        Value::Number(number) => Some(*number == value & test.mask),
        _ => None,
    };
    if test.values.iter().any(|one| is(one) == Some(true)) {
        return Some(!test.negated);
    }
    let known = test.values.iter().all(|one| is(one).is_some());
    known.then_some(test.negated)
}

fn may_hold(limit: &Limit, argument: usize, value: u64) -> bool {
    let open = |test: &Test| holds(test, argument, value) != Some(false);
    limit.0.iter().any(|clause| clause.iter().all(open))
}

fn must_hold(limit: &Limit, argument: usize, value: u64) -> bool {
    let sure = |test: &Test| holds(test, argument, value) == Some(true);
    limit.0.iter().any(|clause| clause.iter().all(sure))
}
