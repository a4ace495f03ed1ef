// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private code folded into the exported functions that reach it: the rows of a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use super::Options;
use super::effects::Roots;
use super::error::{Error, Kind};
use super::graph::Program;
use crate::facts::Row;
use crate::facts::quirks::Quirk;

pub type Rows = BTreeMap<String, Row>;

/// Names and the code behind them. A name that two files export (libc and
/// libpthread) stands for the code of both.
struct Names {
    addresses: BTreeMap<String, BTreeSet<u64>>,
    /// The name that stands for an address among its aliases.
    chosen: BTreeMap<u64, String>,
}

impl Names {
    fn collect(program: &Program) -> Names {
        let mut addresses: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for export in program.image.exports.iter().filter(|export| export.code) {
            let name = match &export.old_version {
                None => export.name.clone(),
                Some(version) => format!("{}@{version}", export.name),
            };
            addresses.entry(name).or_default().insert(export.address);
        }
        let mut chosen: BTreeMap<u64, String> = BTreeMap::new();
        // A name that stands for other code as well says more than is known.
        let rank = |name: &str| {
            let codes = addresses.get(name).map_or(0, BTreeSet::len);
            (codes, plainness(name))
        };
        for (name, set) in &addresses {
            for address in set {
                let best = chosen.entry(*address).or_insert_with(|| name.clone());
                if (rank(name), name) < (rank(best), best) {
                    best.clone_from(name);
                }
            }
        }
        Names { addresses, chosen }
    }
}

/// Among aliases the plainest name stands for all.
fn plainness(name: &str) -> (bool, usize, usize) {
    let underscores = name.len() - name.trim_start_matches('_').len();
    (name.contains('@'), underscores, name.len())
}

struct Folding<'a> {
    program: &'a Program,
    roots: &'a Roots,
    names: &'a Names,
    calls: &'a BTreeMap<u32, String>,
}

/// Own numbers, before they get their names.
#[derive(Default)]
struct Folded {
    row: Row,
    numbers: BTreeSet<u32>,
    unresolved: BTreeSet<(u64, u64)>,
}

/// The functions' rows and the effects' rows.
pub fn rows(
    program: &Program,
    roots: &Roots,
    options: &Options,
    quirks: &[&Quirk],
) -> Result<(Rows, Rows), Error> {
    let names = Names::collect(program);
    let folding = Folding {
        program,
        roots,
        names: &names,
        calls: &options.names,
    };
    let mut functions = Rows::new();
    for (name, addresses) in &names.addresses {
        let first = addresses
            .iter()
            .next()
            .and_then(|address| names.chosen.get(address));
        let alias =
            first.filter(|other| *other != name && names.addresses.get(*other) == Some(addresses));
        let row = match alias {
            Some(other) => Row {
                alias: Some(other.clone()),
                ..Row::default()
            },
            None => folding.finish(name, folding.fold(addresses, None), quirks)?,
        };
        functions.insert(name.clone(), row);
    }
    let mut effects = Rows::new();
    for (effect, addresses) in roots.all() {
        let folded = folding.fold(&addresses, Some(effect));
        effects.insert(
            effect.to_string(),
            folding.finish(&format!("!{effect}"), folded, quirks)?,
        );
    }
    for (effect, numbers) in roots.by_number.values() {
        let folded = Folded {
            numbers: numbers.clone(),
            ..Folded::default()
        };
        let row = folding.finish(&format!("!{effect}"), folded, quirks)?;
        let known = effects.entry(effect.to_string()).or_default();
        known.calls.extend(row.calls);
    }
    Ok((functions, effects))
}

impl Folding<'_> {
    /// What is reached from these addresses without leaving private code.
    fn fold(&self, start: &BTreeSet<u64>, effect: Option<&str>) -> Folded {
        let mut folded = Folded::default();
        let mut seen = BTreeSet::new();
        let mut work = Vec::new();
        let last = start
            .iter()
            .any(|address| self.roots.fatal.contains(address));
        for address in start {
            match self.names.chosen.get(address) {
                Some(name) if effect.is_some() => drop(folded.row.callees.insert(name.clone())),
                _ => work.push(*address),
            }
        }
        while let Some(address) = work.pop() {
            if !seen.insert(address) {
                continue;
            }
            if let Some(choices) = self.program.choices.get(&address) {
                work.extend(choices);
                continue;
            }
            self.own(address, start, effect, &mut folded);
            for edge in self.program.edges.get(&address).into_iter().flatten() {
                let to = edge.to;
                if effect.is_none() && start.contains(&to) {
                    continue;
                }
                match self.roots.of(address, *edge) {
                    // Whoever is called to end the process does so by itself.
                    Some("fatal") if last => {}
                    Some(other) if Some(other) != effect => {
                        folded.row.effects.insert(other.to_string());
                        continue;
                    }
                    _ => {}
                }
                match self.names.chosen.get(&to) {
                    // Its caller names the number: that was counted there.
                    Some(_) if self.program.wrappers.contains(&to) => work.push(to),
                    Some(name) => drop(folded.row.callees.insert(name.clone())),
                    None => work.push(to),
                }
            }
        }
        // What is chosen at load time handles memory, strings or the clock and takes
        // no functions: jumps into the midst of unrolled loops look like calls of such.
        let chosen = |address: &u64| self.program.choices.contains_key(address);
        folded.row.callback &= !start.iter().all(chosen);
        folded
    }

    fn own(&self, address: u64, start: &BTreeSet<u64>, effect: Option<&str>, folded: &mut Folded) {
        let numbers = self.program.numbers.get(&address).into_iter().flatten();
        let apart = self.roots.by_number.get(&address);
        let is_apart = |number: &u32| apart.is_some_and(|(_, numbers)| numbers.contains(number));
        if let Some((effect, _)) = apart {
            folded.row.effects.insert(effect.to_string());
        }
        folded
            .numbers
            .extend(numbers.filter(|number| !is_apart(number)));
        folded.row.callback |= self.program.callbacks.contains(&address);
        if effect.is_none() && start.contains(&address) {
            folded.row.any |= self.program.wrappers.contains(&address);
        }
        let sites = self
            .program
            .unresolved
            .iter()
            .filter(|(function, _)| *function == address);
        folded.unresolved.extend(sites);
    }

    fn finish(&self, name: &str, folded: Folded, quirks: &[&Quirk]) -> Result<Row, Error> {
        let mut row = folded.row;
        // Its calls are added where the snapshot is read: facts stay facts.
        let is_excused = quirks.iter().any(|quirk| quirk.function == name);
        for number in &folded.numbers {
            match self.calls.get(number) {
                Some(call) => drop(row.calls.insert(call.clone())),
                None => {
                    let file = &self.program.image.objects[0].name;
                    let what = format!("system call {number} has no name");
                    return Err(Error::new(Kind::Unresolved, file, what).at(name));
                }
            }
        }
        if let (Some((_, site)), false) = (folded.unresolved.iter().next(), is_excused) {
            let (file, place) = self.program.image.place(*site);
            let what = "the number of a system call stays unknown";
            return Err(Error::new(Kind::Unresolved, &file, what).at(format!("{name} ({place})")));
        }
        Ok(row)
    }
}
