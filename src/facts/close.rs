// SPDX-License-Identifier: MIT OR Apache-2.0
//! Closures: what a function can do in the end, and what each effect would add to it.
//!
//! Rows hold what a function does itself. Here the calls of all that it
//! calls are joined, for every function at once: functions that call each
//! other have one answer, and answers are joined from the leaves up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Row, Snapshot, row};

/// System calls and what the argument that selects is; one that may be
/// anything has no entry.
pub type Values = BTreeMap<String, BTreeSet<String>>;

/// What one function can do in the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closure {
    /// The calls that it and what it calls make, effects left out.
    pub calls: BTreeSet<String>,
    /// Of those calls, what the argument that selects is wherever they are made.
    pub values: Values,
    /// Every effect that it can trigger, also through another effect, and
    /// the calls that this one adds to those above.
    pub effects: BTreeMap<String, BTreeSet<String>>,
    /// Somewhere it calls code that its caller gave it.
    pub callback: bool,
    /// Somewhere it makes a call whose number its caller gave it.
    pub any: bool,
}

/// A row names something that the snapshot does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dangling {
    pub row: String,
    pub token: String,
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the row {:?} names {:?}, which is not in the snapshot",
            self.row, self.token
        )
    }
}

/// The closures of a snapshot; apply its quirks before.
#[derive(Clone, Debug)]
pub struct Closures<'a> {
    /// Function to node; effects follow after the last function.
    functions: BTreeMap<&'a str, usize>,
    effects: Vec<&'a str>,
    calls: Vec<&'a str>,
    /// A call and one of its values, sorted.
    values: Vec<(&'a str, &'a str)>,
    /// By node.
    reach: Vec<Reach>,
    /// By node: calls with what its caller passes.
    asked: Vec<Bits>,
}

/// What a node can do, as sets of indices.
#[derive(Clone, PartialEq, Debug, Default)]
struct Reach {
    calls: Bits,
    /// Calls that may be made with any value.
    open: Bits,
    values: Bits,
    effects: Bits,
    callback: bool,
    any: bool,
}

impl<'a> Closures<'a> {
    /// Works out every function's closure.
    pub fn new(snapshot: &'a Snapshot) -> Result<Closures<'a>, Dangling> {
        let rows = || snapshot.functions.iter().chain(&snapshot.effects);
        let names: BTreeSet<&str> = rows()
            .flat_map(|(_, row)| &row.calls)
            .map(String::as_str)
            .collect();
        let calls: Vec<&str> = names.into_iter().collect();
        let pairs: BTreeSet<(&str, &str)> = rows().flat_map(|(_, row)| pairs(row)).collect();
        let values: Vec<(&str, &str)> = pairs.into_iter().collect();
        let functions: BTreeMap<&str, usize> = snapshot
            .functions
            .keys()
            .enumerate()
            .map(|(n, name)| (name.as_str(), n))
            .collect();
        let effects: Vec<&str> = snapshot.effects.keys().map(String::as_str).collect();
        let mut own = Vec::new();
        let mut edges = Vec::new();
        for (name, row) in rows() {
            let dangling = |sigil, token: &str| Dangling {
                row: name.clone(),
                token: format!("{sigil}{token}"),
            };
            own.push(
                reach(row, &calls, &values, &effects).map_err(|effect| dangling('!', effect))?,
            );
            let alias = row.alias.iter().map(|name| ('=', name));
            let next = alias.chain(row.callees.iter().map(|name| ('+', name)));
            let next = next.map(|(sigil, name)| {
                functions
                    .get(name.as_str())
                    .copied()
                    .ok_or_else(|| dangling(sigil, name))
            });
            edges.push(next.collect::<Result<Vec<usize>, Dangling>>()?);
        }
        let asked = ask(snapshot, &calls, &edges, &mut own);
        let mut reach = join(own, &edges);
        close_effects(&mut reach, functions.len());
        Ok(Closures {
            functions,
            effects,
            calls,
            values,
            reach,
            asked,
        })
    }

    /// The functions, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.functions.keys().copied()
    }

    /// The closure of a function, if the snapshot has it.
    pub fn of(&self, function: &str) -> Option<Closure> {
        let node = *self.functions.get(function)?;
        let own = &self.reach[node];
        let names = |bits: &Bits| bits.iter().map(|n| self.calls[n].to_owned()).collect();
        let added = |effect: usize| {
            let mut calls = self.reach[self.functions.len() + effect].calls.clone();
            calls.subtract(&own.calls);
            (self.effects[effect].to_owned(), names(&calls))
        };
        Some(Closure {
            calls: names(&own.calls),
            values: self.values(own, &self.asked[node]),
            effects: own.effects.iter().map(added).collect(),
            callback: own.callback,
            any: own.any,
        })
    }

    fn values(&self, reach: &Reach, asked: &Bits) -> Values {
        let mut values = Values::new();
        for (call, value) in reach.values.iter().map(|n| self.values[n]) {
            let place = self.calls.binary_search(&call);
            if place.is_ok_and(|n| !reach.open.contains(n) && !asked.contains(n)) {
                let known = values.entry(call.to_owned()).or_default();
                known.insert(value.to_owned());
            }
        }
        values
    }

    /// An effect's own calls: those that it adds wherever it is triggered,
    /// without those of the effects that it triggers in turn.
    pub fn effect(&self, name: &str) -> Option<BTreeSet<String>> {
        let place = self.effects.iter().position(|effect| *effect == name)?;
        let reach = &self.reach[self.functions.len() + place];
        Some(
            reach
                .calls
                .iter()
                .map(|n| self.calls[n].to_owned())
                .collect(),
        )
    }
}

/// Each value of each call of a row that it says itself.
fn pairs(row: &Row) -> impl Iterator<Item = (&str, &str)> {
    row.values.iter().flat_map(|(call, values)| {
        values
            .iter()
            .filter(|value| *value != row::ASKED)
            .map(move |value| (call.as_str(), value.as_str()))
    })
}

/// A row's own part; its first unknown effect otherwise.
fn reach<'a>(
    row: &'a Row,
    calls: &[&str],
    values: &[(&str, &str)],
    effects: &[&str],
) -> Result<Reach, &'a str> {
    let mut own = Reach {
        callback: row.callback,
        any: row.any,
        ..Reach::default()
    };
    for call in &row.calls {
        // All calls of all rows are in the list.
        let place = calls.partition_point(|known| *known < call.as_str());
        own.calls.insert(place);
        if !row.values.contains_key(call) {
            own.open.insert(place);
        }
    }
    for pair in pairs(row) {
        own.values
            .insert(values.partition_point(|known| *known < pair));
    }
    for effect in &row.effects {
        own.effects.insert(
            effects
                .binary_search(&effect.as_str())
                .map_err(|_| effect.as_str())?,
        );
    }
    Ok(own)
}

/// Which calls each node makes with what its caller passes. A row says what it
/// passes to whom it calls; where it is silent, that may be anything.
fn ask(snapshot: &Snapshot, calls: &[&str], edges: &[Vec<usize>], own: &mut [Reach]) -> Vec<Bits> {
    let rows: Vec<&Row> = snapshot
        .functions
        .values()
        .chain(snapshot.effects.values())
        .collect();
    let mut asked = vec![Bits::default(); rows.len()];
    for (asked, row) in asked.iter_mut().zip(&rows) {
        let values = row.values.iter();
        let values = values.filter(|(_, values)| values.contains(row::ASKED));
        for (call, _) in values {
            asked.insert(calls.partition_point(|known| *known < call.as_str()));
        }
    }
    let is_alias = |node: &usize| rows[*node].alias.is_some();
    for node in (0..rows.len()).filter(is_alias) {
        for &same in &edges[node] {
            asked[node] = asked[same].clone();
        }
    }
    for node in (0..rows.len()).filter(|node| !is_alias(node)) {
        for &callee in &edges[node] {
            let mut silent = asked[callee].clone();
            silent.subtract(&own[node].calls);
            own[node].open.extend(&silent);
        }
    }
    // Nobody says what is passed to an effect.
    for node in snapshot.functions.len()..rows.len() {
        own[node].open.extend(&asked[node]);
    }
    asked
}

/// Joins to each node what it can get to: strongly connected components
/// (Tarjan), which come out leaves first.
fn join(mut reach: Vec<Reach>, edges: &[Vec<usize>]) -> Vec<Reach> {
    const NEW: usize = usize::MAX;
    let mut order = vec![NEW; edges.len()];
    let mut low = vec![NEW; edges.len()];
    let mut done = vec![false; edges.len()];
    let mut open = Vec::new();
    let mut count = 0;
    for root in 0..edges.len() {
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                if order[node] != NEW {
                    continue;
                }
                (order[node], low[node]) = (count, count);
                count += 1;
                open.push(node);
            } else {
                let child = edges[node][edge - 1];
                if !done[child] {
                    low[node] = low[node].min(low[child]);
                }
            }
            if let Some(&child) = edges[node].get(edge) {
                path.push((node, edge + 1));
                if order[child] == NEW {
                    path.push((child, 0));
                }
            } else if low[node] == order[node] {
                let first = open.iter().rposition(|other| *other == node).unwrap_or(0);
                settle(&mut reach, edges, &open.split_off(first), &mut done);
            }
        }
    }
    reach
}

/// Gives the members of a component their one answer.
fn settle(reach: &mut [Reach], edges: &[Vec<usize>], members: &[usize], done: &mut [bool]) {
    let mut joined = Reach::default();
    for &member in members {
        done[member] = true;
        joined.add(&reach[member]);
        for &child in &edges[member] {
            joined.add(&reach[child]);
        }
    }
    for &member in members {
        reach[member] = joined.clone();
    }
}

/// An effect brings the effects that it triggers.
fn close_effects(reach: &mut [Reach], functions: usize) {
    let (functions, effects) = reach.split_at_mut(functions);
    loop {
        let mut grown = false;
        for n in 0..effects.len() {
            let mut sum = effects[n].effects.clone();
            for other in effects[n].effects.iter() {
                sum.extend(&effects[other].effects);
            }
            grown |= sum != effects[n].effects;
            effects[n].effects = sum;
        }
        if !grown {
            break;
        }
    }
    for one in functions {
        for effect in one.effects.clone().iter() {
            one.effects.extend(&effects[effect].effects);
        }
    }
}

impl Reach {
    fn add(&mut self, other: &Reach) {
        self.calls.extend(&other.calls);
        self.open.extend(&other.open);
        self.values.extend(&other.values);
        self.effects.extend(&other.effects);
        self.callback |= other.callback;
        self.any |= other.any;
    }
}

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl PartialEq for Bits {
    fn eq(&self, other: &Bits) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Bits {
    fn insert(&mut self, n: usize) {
        if self.0.len() <= n / 64 {
            self.0.resize(n / 64 + 1, 0);
        }
        self.0[n / 64] |= 1 << (n % 64);
    }

    fn contains(&self, n: usize) -> bool {
        self.0
            .get(n / 64)
            .is_some_and(|word| word >> (n % 64) & 1 == 1)
    }

    fn extend(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    fn subtract(&mut self, other: &Bits) {
        for (word, less) in self.0.iter_mut().zip(&other.0) {
            *word &= !less;
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        let bit = |n: &usize| self.0[n / 64] & (1 << (n % 64)) != 0;
        (0..self.0.len() * 64).filter(bit)
    }
}

#[cfg(test)]
#[path = "close_tests.rs"]
mod tests;
