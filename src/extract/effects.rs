// SPDX-License-Identifier: MIT OR Apache-2.0
//! The roads kept apart from the functions that can reach them, and how each is recognised.
//!
//! A root is a function; whoever calls it has the effect instead of what lies
//! behind it. Files are stripped, so a root is found by what stays in them:
//! exported names, texts that the code mentions, who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use super::flow::{Exit, Function};
use super::graph::{Edge, Program, Why};
use super::marks::{self, exported};
use super::value::Atom;

/// System calls that end a process or a thread in an orderly way.
const EXITS: &[&str] = &["exit", "exit_group"];

/// Exported functions that report an error and end the process. The loader's
/// own of these names exit instead of aborting.
const LAST: &[&str] = &[
    "abort",
    "__assert_fail",
    "__assert_perror_fail",
    "_dl_fatal_printf",
    "__libc_fatal",
];

/// System calls that the kernel also serves in the process itself (vdso(7)).
const VDSO: &[&str] = &[
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "getcpu",
    "getrandom",
    "gettimeofday",
    "riscv_hwprobe",
    "time",
];

/// The effect of the system call that is made where the process is not served.
const FALLBACK: &str = "vdso-fallback";

/// What the loader's own last words begin with, where their function is private.
const LAST_TEXT: &str = "Inconsistency detected by ld.so";

/// The roots by address.
#[derive(Default)]
pub struct Roots {
    pub by_address: BTreeMap<u64, &'static str>,
    /// Single calls: caller and callee.
    pub by_step: BTreeMap<(u64, u64), &'static str>,
    /// System calls of single functions.
    pub by_number: BTreeMap<u64, (&'static str, BTreeSet<u32>)>,
    /// Functions that never return and end in abort.
    pub fatal: BTreeSet<u64>,
}

impl Roots {
    pub fn find(program: &Program, libc: &str, names: &BTreeMap<u32, String>) -> Roots {
        let mut roots = Roots::default();
        for (_, effect, mark) in marks::MARKS.iter().filter(|(of, ..)| *of == libc) {
            for address in marks::roots(program, mark, names) {
                roots.by_address.entry(address).or_insert(effect);
            }
            for step in marks::steps(program, mark, names) {
                roots.by_step.entry(step).or_insert(effect);
            }
        }
        roots.by_number = fallbacks(program, names);
        let exits = exits(names);
        roots.fatal = fatal(program, &exits, &roots.by_address);
        roots
    }

    /// The effect that an edge enters.
    pub fn of(&self, from: u64, edge: Edge) -> Option<&'static str> {
        let named = self
            .by_step
            .get(&(from, edge.to))
            .or_else(|| self.by_address.get(&edge.to));
        match named {
            Some(effect) => Some(effect),
            None if edge.why == Why::Call && self.fatal.contains(&edge.to) => Some("fatal"),
            None => None,
        }
    }

    /// Every effect with the addresses of its roots.
    pub fn all(&self) -> BTreeMap<&'static str, BTreeSet<u64>> {
        let mut all: BTreeMap<&'static str, BTreeSet<u64>> = BTreeMap::new();
        for (address, effect) in &self.by_address {
            all.entry(effect).or_default().insert(*address);
        }
        for ((_, address), effect) in &self.by_step {
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

/// Functions that call the kernel only where a pointer, found at load time or
/// when it was first needed, leads to no code in the process that does it.
fn fallbacks(
    program: &Program,
    names: &BTreeMap<u32, String>,
) -> BTreeMap<u64, (&'static str, BTreeSet<u32>)> {
    let served = |number: &u32| {
        names
            .get(number)
            .is_some_and(|n| VDSO.contains(&n.as_str()))
    };
    let chosen: BTreeSet<u64> = program.choices.values().flatten().copied().collect();
    let mut fallbacks = BTreeMap::new();
    for (address, numbers) in &program.numbers {
        let numbers: BTreeSet<u32> = numbers.iter().copied().filter(served).collect();
        let function = program.functions.get(address);
        let tries = chosen.contains(address) || function.is_some_and(asks_a_variable);
        if tries && !numbers.is_empty() {
            fallbacks.insert(*address, (FALLBACK, numbers));
        }
    }
    fallbacks
}

/// Does it call what a variable points to?
fn asks_a_variable(function: &Function) -> bool {
    function.nodes.values().any(|node| match &node.exit {
        Exit::Call { target } | Exit::Tail { target } => target
            .atoms()
            .iter()
            .any(|atom| matches!(atom, Atom::Global(_))),
        _ => false,
    })
}

/// Functions that do not return and of which every end is abort's: least fixpoint.
fn fatal(
    program: &Program,
    exits: &BTreeSet<u32>,
    named: &BTreeMap<u64, &'static str>,
) -> BTreeSet<u64> {
    let mut fatal: BTreeSet<u64> = LAST
        .iter()
        .flat_map(|name| exported(program, name))
        .collect();
    fatal.extend(&program.last_words);
    let last = marks::mentioning(program, LAST_TEXT);
    fatal.extend(
        last.iter()
            .filter(|address| program.noreturn.contains(address)),
    );
    loop {
        let more: Vec<u64> = program
            .functions
            .iter()
            .filter(|(address, _)| {
                program.noreturn.contains(address)
                    && !fatal.contains(address)
                    && !named.contains_key(address)
            })
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
