// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call through a pointer may reach: what the libc's own code and data put there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::addresses::{AddressMap, AddressSet};
use super::discover::Found;
use super::elf::Image;
use super::flow::{Exit, Function, Put};
use super::graph::{Edge, Why, targets};
use super::value::{Atom, Value};
use super::vtables;

/// What pointers the libc puts where.
pub struct Pointers<'a> {
    image: &'a Image,
    by_field: bool,
    globals: AddressMap<BTreeSet<u64>>,
    fields: HashMap<i32, BTreeSet<u64>>,
    vtables: &'a BTreeSet<u64>,
    /// Where stdio's objects point to these.
    stdio: BTreeSet<i32>,
    entries: &'a AddressSet,
    bases: &'a BTreeSet<u64>,
    /// No room is left between objects.
    packed: bool,
}

/// Exported functions that copy a table of functions, given to them, to a place of their own.
const COPIERS: [&str; 1] = ["__libc_pthread_init"];

/// What the copies hold: place and function.
fn copied(image: &Image, functions: &BTreeMap<u64, Function>) -> Vec<(u64, u64)> {
    let mut copies = Vec::new();
    for copier in image
        .exports
        .iter()
        .filter(|export| COPIERS.contains(&export.name.as_str()))
    {
        let stub = |function: &Function| {
            function.nodes.len() == 1 && targets(function).any(|to| to == copier.address)
        };
        let mut doors: BTreeSet<u64> = functions
            .iter()
            .filter(|f| stub(f.1))
            .map(|f| *f.0)
            .collect();
        doors.insert(copier.address);
        let callers = functions
            .values()
            .filter(|function| targets(function).any(|to| doors.contains(&to)));
        let tables: BTreeSet<u64> = callers
            .flat_map(|function| function.passed.union(&function.pushed).copied())
            .collect();
        let own: BTreeSet<u64> = functions
            .get(&copier.address)
            .map(|function| function.data.union(&function.arrays).copied().collect())
            .unwrap_or_default();
        for (table, base) in tables
            .iter()
            .flat_map(|table| own.iter().map(move |base| (table, base)))
        {
            // The copier's next variable begins where the copy has ended.
            let next = own.range(base + 1..).next().copied().unwrap_or(u64::MAX);
            let most = (next - base).min(FARTHEST_FIELD);
            let words = image.pointers.range(*table..table + most);
            copies.extend(
                words.flat_map(|(at, to)| to.iter().map(move |to| (base + (at - table), *to))),
            );
        }
    }
    copies
}

/// Sections that are arrays of functions.
const HOOKS: [&str; 2] = ["__libc_atexit", "__libc_subfreeres"];
/// Farthest field of an object that is looked at.
const FARTHEST_FIELD: u64 = 0x200;

impl<'a> Pointers<'a> {
    pub fn collect(
        image: &'a Image,
        found: &'a Found,
        functions: &BTreeMap<u64, Function>,
        vtables: &'a BTreeSet<u64>,
        by_field: bool,
    ) -> Pointers<'a> {
        let mut globals: AddressMap<BTreeSet<u64>> = AddressMap::default();
        let mut fields: HashMap<i32, BTreeSet<u64>> = HashMap::new();
        for (put, what) in functions.values().flat_map(|function| &function.puts) {
            match put {
                Put::Global(at) => globals.entry(*at).or_default().insert(*what),
                Put::Field(at) => fields.entry(*at).or_default().insert(*what),
            };
        }
        // Objects that exist from the start: their fields count from the nearest base.
        for (at, targets) in &image.pointers {
            let writable = image.section(*at).is_some_and(|section| !section.fixed);
            let base = found.bases.range(..=*at).next_back().copied().unwrap_or(0);
            if writable && at - base < FARTHEST_FIELD {
                let field = fields.entry((at - base) as i32).or_default();
                field.extend(targets.iter().copied());
            }
        }
        for (at, what) in copied(image, functions) {
            globals.entry(at).or_default().insert(what);
        }
        Pointers {
            image,
            by_field,
            globals,
            fields,
            vtables,
            stdio: vtables::fields(image, vtables),
            entries: &found.entries,
            bases: &found.bases,
            packed: found.packed,
        }
    }

    /// What a call's target may be; true if it may be something else as well.
    fn targets(&self, value: &Value, to: &mut BTreeSet<Edge>) -> bool {
        let direct = value
            .atoms()
            .iter()
            .all(|atom| matches!(atom, Atom::Const(_)));
        let mut open = value.atoms().is_empty();
        let mut add = |address: u64, why: Why| {
            if self.image.in_code(address) {
                to.insert(Edge { to: address, why });
                return true;
            }
            false
        };
        for atom in value.atoms() {
            match atom {
                // Whoever links the archive gives it the function.
                Atom::Const(address) if self.image.undefined.contains_key(address) => open = true,
                Atom::Const(address) => {
                    add(*address, if direct { Why::Call } else { Why::Indirect });
                }
                Atom::Global(at) => {
                    for address in self.globals.get(at).into_iter().flatten() {
                        add(*address, Why::Indirect);
                    }
                }
                Atom::Member(field, slot) => open |= !self.member(*field, *slot, &mut add),
                Atom::Field(field) | Atom::Pointee(_, field) if self.by_field => {
                    let known = self.fields.get(field).into_iter().flatten();
                    let mut any = false;
                    for address in known.filter(|address| self.entries.contains(address)) {
                        any |= add(*address, Why::Indirect);
                    }
                    open |= !any;
                }
                _ => open = true,
            }
        }
        open
    }

    /// A function in a table that an object points to.
    fn member(&self, field: i32, slot: i32, add: &mut dyn FnMut(u64, Why) -> bool) -> bool {
        let stdio = self.stdio.contains(&field);
        let empty = BTreeSet::new();
        let tables = if stdio {
            self.vtables
        } else {
            self.fields.get(&field).unwrap_or(&empty)
        };
        let mut any = false;
        for table in tables {
            let at = table.wrapping_add(slot as i64 as u64);
            // The next object begins before it.
            if self.packed && self.is_beyond(at, *table) {
                continue;
            }
            for address in self.image.pointers.get(&at).into_iter().flatten() {
                any |= add(*address, Why::Indirect);
            }
        }
        // Small libcs keep functions in the objects themselves.
        if self.by_field {
            for address in self.fields.get(&slot).into_iter().flatten() {
                if self.entries.contains(address) {
                    any |= add(*address, Why::Indirect);
                }
            }
        }
        any
    }

    /// Whom a function may run; true if also code that is not known.
    pub fn edges(&self, function: &Function) -> (BTreeSet<Edge>, bool) {
        let mut to = BTreeSet::new();
        let mut open = false;
        for node in function.nodes.values() {
            if let Exit::Call { target } | Exit::Tail { target } = &node.exit {
                open |= self.targets(target, &mut to);
            }
        }
        to.extend(function.refs.iter().map(|to| Edge {
            to: *to,
            why: Why::Ref,
        }));
        for data in &function.passed {
            self.table(*data, &mut to);
        }
        for data in &function.data {
            self.hooks(*data, &mut to);
        }
        (to, open)
    }

    /// Who passes a table of functions on may have them called.
    fn table(&self, data: u64, to: &mut BTreeSet<Edge>) {
        if self.is_stdio(data) {
            return;
        }
        // A slot that the loader fills is no table, be its address at hand during a call.
        let section = self.image.section(data);
        if section.is_some_and(|section| section.bound) {
            return;
        }
        let end = data + FARTHEST_FIELD;
        let before = to.len();
        for (at, targets) in self.image.pointers.range(data..end) {
            // What has no functions before stdio's tables is no table of functions.
            let other = match self.packed {
                true => self.is_beyond(*at, data),
                false => self.bases.contains(at),
            };
            let other = other || to.len() == before && self.is_stdio(*at);
            if *at > data && (other || self.elsewhere(*at, data)) {
                break;
            }
            let code = targets.iter().filter(|to| self.entries.contains(to));
            to.extend(code.map(|to| Edge {
                to: *to,
                why: Why::Ref,
            }));
        }
    }

    /// Another object begins between these, or at the farther one.
    fn is_beyond(&self, at: u64, start: u64) -> bool {
        start < at && self.bases.range(start + 1..=at).next().is_some()
    }

    fn is_stdio(&self, at: u64) -> bool {
        let table = self.vtables.range(..=at).next_back();
        table.is_some_and(|table| at - table < vtables::size(self.image))
    }

    /// glibc collects functions in sections of their own (__libc_atexit) and runs
    /// all that it finds between the section's ends.
    fn hooks(&self, data: u64, to: &mut BTreeSet<Edge>) {
        let section = self.image.section(data);
        let Some(section) = section.filter(|section| HOOKS.contains(&section.name.as_str())) else {
            return;
        };
        let targets = self
            .image
            .pointers
            .range(section.start..section.end)
            .flat_map(|hook| hook.1);
        let code = targets.filter(|to| self.entries.contains(to));
        to.extend(code.map(|to| Edge {
            to: *to,
            why: Why::Indirect,
        }));
    }

    fn elsewhere(&self, at: u64, data: u64) -> bool {
        self.image.section(at).map(|s| s.start) != self.image.section(data).map(|s| s.start)
    }
}
