// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where functions begin: exports, call targets, and code whose address is taken.
//!
//! Needs no symbols. Code that is only jumped to (a `.cold` part, a shared
//! tail) is no function: whoever jumps there contains it. So a missed start
//! costs nothing but work, and a false one only splits a function in two.

use std::collections::{BTreeSet, HashSet};

use super::elf::Image;
use super::ir::{Flow, Machine, Op, Target};

/// What a sweep over all code finds.
#[derive(Default)]
pub struct Found {
    /// Where functions begin.
    pub entries: HashSet<u64>,
    /// Data addresses that code or data mention: where objects and tables begin.
    pub bases: BTreeSet<u64>,
}

pub fn discover(image: &Image, machine: &dyn Machine) -> Found {
    let mut found = Found::default();
    let code = image.exports.iter().filter(|export| export.code);
    found.entries.extend(code.map(|export| export.address));
    for target in image.pointers.values().flatten().chain(&image.mentioned) {
        note(image, *target, &mut found);
    }
    for section in image.sections.iter().filter(|section| section.code) {
        let mut cuts: Vec<u64> = image
            .ranges
            .range(section.start..section.end)
            .map(|r| *r.0)
            .collect();
        cuts.push(section.end);
        let mut start = section.start;
        for cut in cuts {
            if let Some(code) = image.code_at(start) {
                let length = (cut - start) as usize;
                sweep(
                    image,
                    machine,
                    &code[..length.min(code.len())],
                    start,
                    &mut found,
                );
            }
            start = cut;
        }
    }
    found
}

/// Reads code in a line; where it is no code, one byte on.
fn sweep(image: &Image, machine: &dyn Machine, code: &[u8], start: u64, found: &mut Found) {
    let mut ops = Vec::new();
    let mut at = 0;
    while at < code.len() {
        ops.clear();
        let Some(decoded) = machine.decode(&code[at..], start + at as u64, &mut ops) else {
            at += 1;
            continue;
        };
        if let Flow::Call(Target::Address(to)) = decoded.flow
            && image.in_code(to)
        {
            found.entries.insert(to);
        }
        for op in &ops {
            if let Op::Address { place, .. } | Op::LoadWide { place } = op
                && place.base.is_none()
                && place.index.is_none()
                && !place.foreign
            {
                note(image, place.disp as u64, found);
            }
        }
        at += usize::from(decoded.len.max(1));
    }
}

/// An address that is mentioned: of a function, or of data.
fn note(image: &Image, address: u64, found: &mut Found) {
    if !image.in_code(address) {
        found.bases.insert(address);
        return;
    }
    // Inside of a function that has bounds it is a label of a jump table. The
    // frame of a signal trampoline starts one byte early.
    let range = image.ranges.range(..=address).next_back();
    let inside = range.is_some_and(|(from, to)| address > from + 1 && address < *to);
    if !inside {
        found.entries.insert(address);
    }
}
