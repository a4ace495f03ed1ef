// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ends of the process behind a common door: small libcs put the number into its
//! register and jump to the one system call that all functions share.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::flow::{Exit, Function};
use super::ir::Reg;
use super::value::{Atom, Value};

/// Longest way through doors; dietlibc's has three.
const MOST_DOORS: usize = 8;

/// Functions that make the system call whose number is in that register when they are entered.
fn doors(functions: &BTreeMap<u64, Function>, number: Reg) -> HashSet<u64> {
    let handed = |value: &Value| {
        value.atoms().iter().any(
            |atom| matches!(atom, Atom::Entry(reg) | Atom::EntryLow(reg, ..) if *reg == number),
        )
    };
    let mut doors: HashSet<u64> = HashSet::new();
    for _ in 0..MOST_DOORS {
        let before = doors.len();
        for (address, function) in functions {
            let through = |exit: &Exit, site: &u64| match exit {
                Exit::Syscall { number } => handed(number),
                Exit::Tail { target } => {
                    target.single().is_some_and(|to| doors.contains(&to))
                        && function.tails.get(site).is_some_and(handed)
                }
                _ => false,
            };
            let mut nodes = function.nodes.values();
            if nodes.any(|node| through(&node.exit, &node.site)) {
                doors.insert(*address);
            }
        }
        if doors.len() == before {
            break;
        }
    }
    doors
}

/// The jumps through such a door that end the process: function and site.
pub fn last_jumps(
    functions: &BTreeMap<u64, Function>,
    number: Reg,
    exits: &BTreeSet<u32>,
) -> HashSet<(u64, u64)> {
    let doors = doors(functions, number);
    let mut last = HashSet::new();
    for (address, function) in functions {
        for node in function.nodes.values() {
            let Exit::Tail { target } = &node.exit else {
                continue;
            };
            let door = target.single().is_some_and(|to| doors.contains(&to));
            let ends = function.tails.get(&node.site).is_some_and(|value| {
                let low = value.narrow(1, false).single();
                let whole = value.single().or(low.filter(|_| only_low(value)));
                whole.is_some_and(|number| exits.contains(&(number as u32)))
            });
            if door && ends {
                last.insert((*address, node.site));
            }
        }
    }
    last
}

fn only_low(value: &Value) -> bool {
    matches!(value, Value::One(Atom::Low(..)))
}
