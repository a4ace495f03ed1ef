// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shortest way from an exported function to a system call: for who must judge a row.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use super::Extraction;
use super::graph::{Edge, Why};

impl Extraction {
    /// A line a step; effects are named where the way enters one, and not followed.
    pub fn why(&self, function: &str, call: &str, names: &BTreeMap<u32, String>) -> String {
        let wanted: BTreeSet<u32> = names
            .iter()
            .filter(|(_, n)| *n == call)
            .map(|(n, _)| *n)
            .collect();
        let program = &self.program;
        let exports = program.image.exports.iter();
        let named = exports.filter(|export| export.name == function && export.code);
        let mut from: BTreeMap<u64, (u64, Why)> = BTreeMap::new();
        let mut work: VecDeque<u64> = named.map(|export| export.address).collect();
        let mut seen: BTreeSet<u64> = work.iter().copied().collect();
        while let Some(at) = work.pop_front() {
            let here = program
                .numbers
                .get(&at)
                .is_some_and(|own| !own.is_disjoint(&wanted));
            if here {
                return self.way(at, &from, call);
            }
            let next: Vec<Edge> = match program.choices.get(&at) {
                Some(choices) => choices
                    .iter()
                    .map(|to| Edge {
                        to: *to,
                        why: Why::Ref,
                    })
                    .collect(),
                None => program
                    .edges
                    .get(&at)
                    .into_iter()
                    .flatten()
                    .copied()
                    .collect(),
            };
            for edge in next {
                if self.effects.of(at, edge).is_none() && seen.insert(edge.to) {
                    from.insert(edge.to, (at, edge.why));
                    work.push_back(edge.to);
                }
            }
        }
        format!("{function} does not reach {call} without an effect\n")
    }

    fn way(&self, end: u64, from: &BTreeMap<u64, (u64, Why)>, call: &str) -> String {
        let mut steps = vec![(end, Why::Call)];
        while let Some((before, why)) = from.get(&steps[steps.len() - 1].0) {
            let last = steps.len() - 1;
            steps[last].1 = *why;
            steps.push((*before, Why::Call));
        }
        let mut out = String::new();
        for (at, why) in steps.iter().rev() {
            let _ = writeln!(out, "{:?} {}", why, self.name(*at));
        }
        let _ = writeln!(out, "     {call}");
        out
    }

    fn name(&self, address: u64) -> String {
        let image = &self.program.image;
        let (file, offset) = image.place(address);
        let export = image
            .exports
            .iter()
            .find(|export| export.address == address);
        let name = export
            .map(|export| export.name.as_str())
            .or(image.names.get(&address).map(String::as_str));
        format!("{} ({file} {offset})", name.unwrap_or("private"))
    }
}
