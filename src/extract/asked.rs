// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the result of following a function rests on, so that it need not be followed again.
//!
//! Following is a function of the code and of a few answers: does a function or
//! an object begin here, what does a call of that function leave behind. Where
//! every question that was asked has the same answer as before, so has the whole.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasherDefault;
use std::ops::Bound::Excluded;

use super::addresses::{AddressSet, Spread};
use super::flow::{Blocks, Context, Function};

/// Questions, besides those that the function's blocks stand for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Where neither a function nor an object was known to begin: ranges, with their ends.
    nothing: Vec<(u64, u64)>,
    /// Functions of which it was asked what a call leaves behind.
    callees: Vec<u64>,
}

/// The same while they are asked, each as often as may be.
#[derive(Default)]
pub struct Asking {
    nothing: HashSet<(u64, u64), BuildHasherDefault<Spread>>,
    callees: AddressSet,
}

impl Asking {
    /// What was asked since the last time.
    pub fn take(&mut self) -> Asked {
        Asked {
            nothing: self.nothing.drain().collect(),
            callees: self.callees.drain().collect(),
        }
    }
}

impl Context<'_> {
    /// Does a function begin here?
    pub fn is_entry(&self, address: u64) -> bool {
        let known = self.found.entries.contains(&address);
        if !known {
            self.ask_from(address, address);
        }
        known
    }

    /// Does an object begin here?
    pub fn is_base(&self, address: u64) -> bool {
        let known = self.found.bases.contains(&address);
        if !known {
            self.ask_from(address, address);
        }
        known
    }

    /// Notes that nothing was found to begin from here to there.
    pub fn ask_from(&self, first: u64, last: u64) {
        if first <= last {
            self.asking.borrow_mut().nothing.insert((first, last));
        }
    }

    /// Notes that it was asked what calls of these leave behind.
    pub fn ask_of(&self, callees: impl Iterator<Item = u64>) {
        self.asking.borrow_mut().callees.extend(callees);
    }

    /// Does this context answer as one that knew nothing of the functions that are called
    /// but which of them it `believed` never to return?
    pub fn answers_nothing(&self, function: &Function, believed: &AddressSet) -> bool {
        let all = self.machine.call_clobbers();
        let result = 1 << self.machine.result();
        let nothing = |to: &u64| {
            let mask = self.clobbers.get(to).unwrap_or(&all);
            mask | result == all | result
                && self.noreturn.contains(to) == believed.contains(to)
                && !self.pops.contains_key(to)
        };
        function.asked.callees.iter().all(nothing)
    }
}

/// Drops blocks and functions that may be others now that more is known to begin.
pub fn drop_changed(
    new: &BTreeSet<u64>,
    blocks: &mut Blocks,
    functions: &mut BTreeMap<u64, Function>,
) {
    blocks.retain(|start, block| {
        block.as_ref().is_some_and(|block| {
            let within = (Excluded(*start), Excluded(block.next));
            block.next <= *start + 1 || new.range(within).next().is_none()
        })
    });
    functions.retain(|entry, function| {
        let asked = &function.asked;
        let mut nothing = asked.nothing.iter();
        // What was a way on within the function may be another function now.
        let same = |at: &u64| blocks.contains_key(at) && (at == entry || !new.contains(at));
        !function.lost
            && function.nodes.keys().all(same)
            && nothing.all(|(first, last)| new.range(first..=last).next().is_none())
    });
}

/// Drops functions that call one of these, of which it is no longer believed what was.
pub fn drop_doubted(doubted: &AddressSet, functions: &mut BTreeMap<u64, Function>) {
    functions.retain(|_, function| {
        let mut callees = function.asked.callees.iter();
        !callees.any(|to| doubted.contains(to))
    });
}
