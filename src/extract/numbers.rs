// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of system calls: at their sites, and through wrappers at the callers that name them.

use std::collections::{BTreeMap, BTreeSet};

use super::elf::Image;
use super::flow::{Context, Exit, Function, Node};
use super::graph::{Edge, Why};
use super::ir::Reg;
use super::state::State;
use super::value::{Atom, Value};

/// Where a caller says which system call is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Reg(Reg),
    /// So many low bytes of it.
    Low(Reg, u8),
    Slot(i32),
    Pointee(Reg, i32),
}

/// Does it call this function, or end in it?
fn calls(node: &Node, callee: u64) -> bool {
    match &node.exit {
        Exit::Call { target } | Exit::Tail { target } => target.constants().any(|to| to == callee),
        _ => false,
    }
}

/// Numbers of system calls, from sites and through wrappers.
#[derive(Default)]
pub struct Numbers {
    pub known: BTreeMap<u64, BTreeSet<u32>>,
    pub wrappers: BTreeSet<u64>,
    wanted: BTreeMap<u64, BTreeSet<Place>>,
    pub by_memory: BTreeSet<u64>,
    pub unresolved: BTreeSet<(u64, u64)>,
}

impl Numbers {
    pub fn resolve(
        &mut self,
        context: &Context,
        functions: &BTreeMap<u64, Function>,
        edges: &BTreeMap<u64, BTreeSet<Edge>>,
        image: &Image,
    ) {
        let mut callers: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        let mut taken: BTreeSet<u64> = BTreeSet::new();
        for (from, to) in edges {
            for edge in to {
                match edge.why {
                    Why::Call => drop(callers.entry(edge.to).or_default().insert(*from)),
                    Why::Indirect => drop(taken.insert(edge.to)),
                    // An address that is only compared with, where there are callers.
                    Why::Ref => {}
                }
            }
        }
        for (address, function) in functions {
            // Whoever comes here by the thread's block or a pointer was counted there.
            let code = image.code_at(*address).unwrap_or_default();
            if context.machine.gate(code).is_some() && !callers.contains_key(address) {
                continue;
            }
            for node in function.nodes.values() {
                if let Exit::Syscall { number, .. } = &node.exit {
                    self.number(*address, node.site, number);
                    let read = |atom: &Atom| {
                        matches!(atom, Atom::Pointee(..) | Atom::Field(_) | Atom::Member(..))
                    };
                    if number.atoms().iter().any(read) {
                        self.by_memory.insert(*address);
                    }
                }
            }
        }
        let exported: BTreeSet<u64> = image.exports.iter().map(|export| export.address).collect();
        let mut done: BTreeSet<(u64, Place)> = BTreeSet::new();
        loop {
            let next = self
                .wanted
                .iter()
                .flat_map(|(f, places)| places.iter().map(|p| (*f, *p)));
            let Some((callee, place)) = next.into_iter().find(|want| !done.contains(want)) else {
                break;
            };
            done.insert((callee, place));
            let known = callers.get(&callee);
            if taken.contains(&callee) || (known.is_none() && !exported.contains(&callee)) {
                self.unresolved.insert((callee, callee));
            }
            for caller in known.into_iter().flatten() {
                let found = self.at_caller(context, *caller, callee, place);
                // Where a call was seen before and is not now, its number is not known.
                let nodes = functions.get(caller).into_iter();
                let nodes = nodes.flat_map(|function| function.nodes.values());
                let lost = nodes.filter(|node| calls(node, callee) && !found.contains(&node.site));
                self.unresolved
                    .extend(lost.map(|node| (*caller, node.site)));
            }
        }
        self.wrappers = self.wanted.keys().copied().collect();
    }

    /// A value as a number: known, from the caller, or neither.
    fn number(&mut self, function: u64, site: u64, value: &Value) {
        if value.atoms().is_empty() {
            self.unresolved.insert((function, site));
        }
        for atom in value.atoms() {
            let place = match atom {
                Atom::Const(number) => {
                    self.known
                        .entry(function)
                        .or_default()
                        .insert(*number as u32);
                    continue;
                }
                Atom::Entry(reg) => Place::Reg(*reg),
                Atom::EntryLow(reg, bytes, 8) => Place::Low(*reg, *bytes),
                Atom::Slot(at) => Place::Slot(*at),
                Atom::Pointee(reg, at) => Place::Pointee(*reg, *at),
                _ => {
                    self.unresolved.insert((function, site));
                    continue;
                }
            };
            self.wanted.entry(function).or_default().insert(place);
        }
    }

    /// The sites at which a caller names the number.
    fn at_caller(
        &mut self,
        context: &Context,
        caller: u64,
        callee: u64,
        place: Place,
    ) -> BTreeSet<u64> {
        let machine = context.machine;
        let mut values = Vec::new();
        let mut watch = |site: u64, target: &Value, state: &State, call: bool| {
            if !target.constants().any(|to| to == callee) {
                return;
            }
            let slot = |at: i32| match state.slot(at) {
                Some(value) => *value,
                None if context.handed(at) => Value::One(Atom::Slot(at)),
                None => Value::Unknown,
            };
            let value = match place {
                Place::Reg(reg) => *state.get(reg),
                Place::Low(reg, bytes) => state.get(reg).narrow(bytes, false),
                Place::Slot(at) => {
                    let pushed = if call {
                        machine.call_pushes() as i32
                    } else {
                        0
                    };
                    let sp = state.get(machine.stack_pointer()).stack();
                    sp.map_or(Value::Unknown, |sp| {
                        slot(sp.saturating_add(at).saturating_sub(pushed))
                    })
                }
                Place::Pointee(reg, at) => match state.get(reg) {
                    Value::One(Atom::Stack(base)) => slot(base.saturating_add(at)),
                    Value::One(Atom::Entry(reg)) => Value::One(Atom::Pointee(*reg, at)),
                    _ => Value::Unknown,
                },
            };
            values.push((site, value));
        };
        context.run(caller, Some(&mut watch));
        let sites = values.iter().map(|(site, _)| *site).collect();
        for (site, value) in values {
            self.number(caller, site, &value.narrow(4, false));
        }
        sites
    }
}
