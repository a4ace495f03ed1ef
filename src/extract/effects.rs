// SPDX-License-Identifier: MIT OR Apache-2.0
//! The roads kept apart from the functions that can reach them, and how each is recognised.
//!
//! A root is a function; whoever calls it has the effect instead of what lies
//! behind it. Files are stripped, so a root is found by what stays in them:
//! exported names, texts that the code mentions, who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Exit, Function};
use super::graph::Program;

/// How a root is recognised.
enum Mark {
    /// It is exported under this name.
    Export(&'static str),
    /// It is private and mentions this text.
    Text(&'static str),
    /// It is private and called by this exported function.
    CalledBy(&'static str),
    /// It is private, may return, and calls this exported function, which does not.
    MayCall(&'static str),
    /// It is private and makes a system call whose number it reads from memory.
    ByMemory,
}

/// The marks, by libc and effect.
const MARKS: &[(&str, &str, Mark)] = &[
    ("musl", "cancel", Mark::MayCall("pthread_exit")),
    ("glibc", "cancel", Mark::Export("__pthread_unwind")),
    ("glibc", "cancel", Mark::Export("__pthread_unwind_next")),
    ("glibc", "setxid", Mark::ByMemory),
];

/// System calls that end a process or a thread in an orderly way.
const EXITS: &[&str] = &["exit", "exit_group"];

/// The roots by address.
#[derive(Default)]
pub struct Roots {
    pub by_address: BTreeMap<u64, &'static str>,
    /// Functions that never return and end in abort.
    pub fatal: BTreeSet<u64>,
}

impl Roots {
    pub fn find(program: &Program, libc: &str, exit_numbers: &BTreeSet<u32>) -> Roots {
        let mut roots = Roots::default();
        for (_, effect, mark) in MARKS.iter().filter(|(of, ..)| *of == libc) {
            for address in marked(program, mark) {
                roots.by_address.entry(address).or_insert(effect);
            }
        }
        roots.fatal = fatal(program, exit_numbers);
        roots
    }

    pub fn of(&self, address: u64, called: bool) -> Option<&'static str> {
        match self.by_address.get(&address) {
            Some(effect) => Some(effect),
            None if called && self.fatal.contains(&address) => Some("fatal"),
            None => None,
        }
    }

    /// Every effect with the addresses of its roots.
    pub fn all(&self) -> BTreeMap<&'static str, BTreeSet<u64>> {
        let mut all: BTreeMap<&'static str, BTreeSet<u64>> = BTreeMap::new();
        for (address, effect) in &self.by_address {
            all.entry(effect).or_default().insert(*address);
        }
        let fatal = self
            .fatal
            .iter()
            .filter(|address| !self.by_address.contains_key(address));
        all.entry("fatal").or_default().extend(fatal);
        all
    }
}

/// The numbers behind `EXITS`.
pub fn exits(names: &BTreeMap<u32, String>) -> BTreeSet<u32> {
    let exits = names
        .iter()
        .filter(|(_, name)| EXITS.contains(&name.as_str()));
    exits.map(|(number, _)| *number).collect()
}

fn exported(program: &Program, name: &str) -> BTreeSet<u64> {
    let named = program
        .image
        .exports
        .iter()
        .filter(|export| export.code && export.name == name);
    named.map(|export| export.address).collect()
}

fn marked(program: &Program, mark: &Mark) -> BTreeSet<u64> {
    let all: BTreeSet<u64> = program
        .image
        .exports
        .iter()
        .map(|export| export.address)
        .collect();
    let private = |address: &u64| !all.contains(address);
    match mark {
        Mark::Export(name) => exported(program, name),
        Mark::Text(text) => {
            let mentions = |function: &Function| {
                function
                    .data
                    .iter()
                    .any(|at| program.image.text(*at) == Some(text.as_bytes()))
            };
            let found = program
                .functions
                .iter()
                .filter(|(_, function)| mentions(function));
            found.map(|(address, _)| *address).filter(private).collect()
        }
        Mark::CalledBy(name) => exported(program, name)
            .iter()
            .filter_map(|address| program.edges.get(address))
            .flatten()
            .map(|edge| edge.to)
            .filter(private)
            .collect(),
        Mark::ByMemory => program.by_memory.iter().copied().filter(private).collect(),
        Mark::MayCall(name) => {
            let callee = exported(program, name);
            let calls = |address: &u64| {
                program.edges[address]
                    .iter()
                    .any(|edge| callee.contains(&edge.to))
                    && !program.noreturn.contains(address)
            };
            program
                .edges
                .keys()
                .copied()
                .filter(private)
                .filter(calls)
                .collect()
        }
    }
}

/// Functions that do not return and of which every end is abort's: least fixpoint.
fn fatal(program: &Program, exits: &BTreeSet<u32>) -> BTreeSet<u64> {
    let mut fatal = exported(program, "abort");
    fatal.extend(&program.last_words);
    loop {
        let more: Vec<u64> = program
            .functions
            .iter()
            .filter(|(address, _)| program.noreturn.contains(address) && !fatal.contains(address))
            .filter(|(address, function)| {
                let numbers = program.numbers.get(address);
                let leaves = numbers.is_some_and(|numbers| !numbers.is_disjoint(exits));
                !leaves && ends(function, program, &fatal)
            })
            .map(|(address, _)| *address)
            .collect();
        if more.is_empty() {
            return fatal;
        }
        fatal.extend(more);
    }
}

/// True if control is lost only to functions of this set, and to one at least.
fn ends(function: &Function, program: &Program, set: &BTreeSet<u64>) -> bool {
    let mut any = false;
    for node in function.nodes.values() {
        let (target, tail) = match &node.exit {
            Exit::Call { target } => (target, false),
            Exit::Tail { target } => (target, true),
            _ => continue,
        };
        let known: Vec<u64> = target.constants().collect();
        let never = !known.is_empty() && known.iter().all(|to| program.noreturn.contains(to));
        if !never && !tail {
            continue;
        }
        if known.is_empty() || !known.iter().all(|to| set.contains(to)) {
            return false;
        }
        any = true;
    }
    any
}
