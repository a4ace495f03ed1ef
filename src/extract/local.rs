// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions with two entries: one for other objects and for pointers, one for callers within.
//!
//! The analysis knows a function by the entry that its callers within use;
//! every address that names the other one is turned into that where it comes in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::elf::Image;
use super::ir::Machine;

/// Finds the functions with two entries and leaves only one of them in the image.
pub fn settle(image: &mut Image, machine: &dyn Machine) {
    let mut locals = HashMap::new();
    for section in image.sections.iter().filter(|section| section.code) {
        let starts = (section.start..section.end).step_by(usize::from(machine.step().max(1)));
        for (address, at) in starts.zip((0..).step_by(usize::from(machine.step().max(1)))) {
            let code = section.data.get(at..).unwrap_or_default();
            let local = machine.local_entry(code, address);
            if local != address {
                locals.insert(address, local);
            }
        }
    }
    if locals.is_empty() {
        return;
    }
    let local = |address: u64| locals.get(&address).copied().unwrap_or(address);
    for export in &mut image.exports {
        export.address = local(export.address);
    }
    for target in image.pointers.values_mut().flatten() {
        *target = local(*target);
    }
    let choosers: BTreeSet<u64> = image.choosers.iter().map(|at| local(*at)).collect();
    let ranges: BTreeMap<u64, u64> = image.ranges.iter().map(|r| (local(*r.0), *r.1)).collect();
    let names = std::mem::take(&mut image.names).into_iter();
    image.names = names.map(|(at, name)| (local(at), name)).collect();
    image.choosers = choosers;
    image.ranges = ranges;
    image.locals = locals;
}

impl Image {
    /// The entry by which the analysis knows the function that an address names.
    pub fn entry(&self, address: u64) -> u64 {
        self.locals.get(&address).copied().unwrap_or(address)
    }
}
