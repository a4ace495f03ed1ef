// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces held to the facts: what a function was seen to ask of the kernel must be in its closure.
//!
//! A trace shows less than a function can do and can prove no row complete;
//! a call that it shows and the data lacks proves a row wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::promises::Definition;
use super::traces::{Case, LACKING, Record, Seen};
use super::{Row, Snapshot, why};

/// Effects that explain nothing here: no case comes to them without calling
/// their roots (`abort`, `pthread_cancel`) by name.
pub const UNUSED: [&str; 3] = ["cancel", "fatal", "vtable-check"];

/// The kernel makes these on its own account.
const ALWAYS: [&str; 3] = ["restart_syscall", "rt_sigreturn", "sigreturn"];

/// NSS plug-ins of glibc's own package; others are not the libc's code.
const OWN_PLUGINS: [&str; 7] = ["compat", "db", "dns", "files", "hesiod", "nis", "nisplus"];

/// What a record comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    pub cases: Vec<Judged>,
    /// Functions of the promises that no case calls, and why.
    pub untraced: BTreeMap<String, String>,
    /// Like it, without a reason: something is to be done.
    pub uncalled: BTreeSet<String>,
    /// Functions of cases that this libc lacks.
    pub lacking: BTreeSet<String>,
}

/// A case and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    pub functions: Vec<String>,
    pub outcome: Outcome,
    /// Calls that its functions may make, and those that were seen.
    pub may: usize,
    pub seen: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Passed,
    /// It says nothing about this libc, and why.
    Skipped(String),
    /// What is wrong, a line each.
    Failed(Vec<String>),
    /// The libc lacks the functions.
    Lacking,
}

impl Verdict {
    /// Of the cases and of the promises' functions: passed, failed, skipped.
    pub fn tally(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Outcome) -> bool| self.cases.iter().filter(|c| is(&c.outcome)).count();
        (
            count(|outcome| *outcome == Outcome::Passed),
            count(|outcome| matches!(outcome, Outcome::Failed(_))) + self.uncalled.len(),
            count(|outcome| matches!(outcome, Outcome::Skipped(_))) + self.untraced.len(),
        )
    }

    /// The functions of the cases that ran.
    pub fn functions(&self) -> BTreeSet<&str> {
        let ran = self
            .cases
            .iter()
            .filter(|case| case.outcome != Outcome::Lacking);
        ran.flat_map(|case| &case.functions)
            .map(String::as_str)
            .collect()
    }

    /// Mean number of calls that a case may make, and that it was seen to make.
    pub fn means(&self) -> (f64, f64) {
        let ran = |case: &&Judged| matches!(case.outcome, Outcome::Passed | Outcome::Failed(_));
        let ran: Vec<&Judged> = self.cases.iter().filter(ran).collect();
        let mean = |of: fn(&Judged) -> usize| {
            let sum: usize = ran.iter().map(|case| of(case)).sum();
            sum as f64 / ran.len().max(1) as f64
        };
        (mean(|case| case.may), mean(|case| case.seen))
    }
}

/// What a record is held to.
pub struct Facts<'a> {
    /// Of the record's libc, quirks applied.
    pub snapshot: &'a Snapshot,
    /// Its architecture's calls by number.
    pub numbers: BTreeMap<u32, &'a str>,
    /// All that promises name.
    pub promised: BTreeSet<&'a str>,
}

/// Judges every case of a record.
pub fn verify(record: &Record, facts: &Facts) -> Verdict {
    let mut verdict = Verdict::default();
    for case in record.cases.values() {
        let judged = facts.judge(record, case);
        if judged.outcome == Outcome::Lacking {
            let lacks = |name: &&String| !facts.snapshot.functions.contains_key(*name);
            verdict
                .lacking
                .extend(case.functions.iter().filter(lacks).cloned());
        }
        verdict.cases.push(judged);
    }
    let called: BTreeSet<String> = verdict.functions().into_iter().map(str::to_owned).collect();
    for name in &facts.promised {
        if called.contains(*name) || !facts.snapshot.functions.contains_key(*name) {
            continue;
        }
        match record.untraced.get(*name) {
            Some(reason) => {
                verdict.untraced.insert((*name).to_owned(), reason.clone());
            }
            None => {
                verdict.uncalled.insert((*name).to_owned());
            }
        }
    }
    verdict
}

impl Facts<'_> {
    fn judge(&self, record: &Record, case: &Case) -> Judged {
        let mut judged = Judged {
            functions: case.functions.clone(),
            outcome: Outcome::Passed,
            may: 0,
            seen: 0,
        };
        let Some(seen) = &case.seen else {
            let what = "nothing is recorded of it: did the tracer end early?".to_owned();
            judged.outcome = Outcome::Failed(vec![what]);
            return judged;
        };
        if seen.marks == 0 && seen.end == LACKING {
            judged.outcome = self.left_out(case);
            return judged;
        }
        let reach = self.reach(record, case);
        judged.may = reach.calls.len();
        judged.seen = seen.calls.len();
        let missed: Vec<String> = self.missed(seen, &reach);
        if let Some(path) = &case.plugin
            && foreign(path)
            && !missed.is_empty()
        {
            let what = format!("runs {path}, a plug-in of another package");
            judged.outcome = Outcome::Skipped(what);
            return judged;
        }
        let mut wrong = Vec::new();
        if seen.marks < 2 - u32::from(case.last) {
            wrong.push(format!("ended by {} before its last mark", seen.end));
        }
        wrong.extend(
            reach
                .unknown
                .iter()
                .map(|name| format!("the data has no row {name:?}")),
        );
        let explained = |call: &String| format!("{call}: {}", self.explain(&reach.roots, call));
        wrong.extend(missed.iter().map(explained));
        if !wrong.is_empty() {
            judged.outcome = Outcome::Failed(wrong);
        }
        judged
    }

    /// A case that found a function missing; the data must find that, too.
    fn left_out(&self, case: &Case) -> Outcome {
        let has = |name: &String| self.snapshot.functions.contains_key(name);
        if case.functions.iter().all(has) {
            let what = "left out for lack of a function, and the data has them all".to_owned();
            return Outcome::Failed(vec![what]);
        }
        Outcome::Lacking
    }

    /// What was seen and no row has, by name.
    fn missed(&self, seen: &Seen, reach: &Reach) -> Vec<String> {
        let name = |number: &u32| match self.numbers.get(number) {
            Some(name) => (*name).to_owned(),
            None => number.to_string(),
        };
        let known = |name: &String| {
            reach.any || reach.calls.contains(name) || ALWAYS.contains(&name.as_str())
        };
        let mut missed: Vec<String> = seen.calls.iter().map(name).filter(|n| !known(n)).collect();
        missed.sort();
        missed
    }

    fn reach(&self, record: &Record, case: &Case) -> Reach {
        let mut reach = Reach::default();
        let mut open = Vec::new();
        for function in &case.functions {
            match row_of(self.snapshot, record, function) {
                Some(name) => open.push(name),
                None => reach.unknown.push(function.clone()),
            }
        }
        reach.roots = open.clone();
        let mut met = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(row) = row(self.snapshot, &name) else {
                reach.unknown.push(name);
                continue;
            };
            if !met.insert(name) {
                continue;
            }
            reach.calls.extend(row.calls.iter().cloned());
            reach.any |= row.any;
            open.extend(row.alias.iter().chain(&row.callees).cloned());
            let used = row.effects.iter().filter(|e| !UNUSED.contains(&e.as_str()));
            open.extend(used.map(|effect| format!("!{effect}")));
        }
        reach
    }

    /// The nearest thing in the data to a call that should be there.
    fn explain(&self, roots: &[String], call: &str) -> String {
        let place = |names: Vec<String>| names.into_iter().map(|name| (name, 0)).collect();
        let definition = Definition {
            functions: place(roots.to_vec()),
            effects: place(self.snapshot.effects.keys().cloned().collect()),
            ..Definition::default()
        };
        if let Some(road) = why::roads(self.snapshot, &definition, call).first() {
            return format!(
                "only through an effect that it has no part in: {}",
                road.join(" < ")
            );
        }
        let makes = |(name, row): (&String, &Row)| row.calls.contains(call).then(|| name.clone());
        let makers: Vec<String> = self.snapshot.functions.iter().filter_map(makes).collect();
        let some = makers
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        match makers.len() {
            0 => "no row of the data has it".to_owned(),
            1..=3 => format!("the data has it only for {some}"),
            many => format!("the data has it for {some} and {} more", many - 3),
        }
    }
}

/// What the functions of a case can do.
#[derive(Default)]
struct Reach {
    /// The rows of its functions.
    roots: Vec<String>,
    calls: BTreeSet<String>,
    any: bool,
    /// Functions without a row.
    unknown: Vec<String>,
}

fn row<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Row> {
    match name.strip_prefix('!') {
        Some(effect) => snapshot.effects.get(effect),
        None => snapshot.functions.get(name),
    }
}

/// The row of a function as the program calls it: headers and a libc's static
/// part give it other names, and a program may be linked to an old version.
fn row_of(snapshot: &Snapshot, record: &Record, function: &str) -> Option<String> {
    let has = |name: &String| snapshot.functions.contains_key(name);
    let other = other_names(function);
    let names = std::iter::once(function.to_owned()).chain(other);
    for name in names.clone() {
        if let Some(version) = record.imports.get(&name) {
            let exact = format!("{name}@{version}");
            return Some(exact).filter(has).or(Some(name).filter(has));
        }
    }
    // One that the program looked up by its name.
    names.into_iter().find(has)
}

fn other_names(function: &str) -> Vec<String> {
    let mut names = vec![
        format!("__{function}_time64"),
        format!("__{function}64"),
        format!("__{}", function.replacen("stat", "xstat", 1)),
        format!("__x{function}"),
        format!("__cxa_{function}"),
        format!("__isoc99_{function}"),
        format!("__isoc23_{function}"),
        format!("__register_{}", function.trim_start_matches("pthread_")),
        format!("__{function}"),
        format!("_{function}"),
    ];
    if let Some(base) = function.strip_suffix("_r") {
        names.push(format!("__{base}64_r"));
    }
    names
}

fn foreign(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = file
        .strip_prefix("libnss_")
        .and_then(|rest| rest.split('.').next());
    name.is_some_and(|name| !OWN_PLUGINS.contains(&name))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
