// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where functions begin: exports, call targets, and code whose address is taken.
//!
//! Needs no symbols. Code that is only jumped to (a `.cold` part, a shared
//! tail) is no function: whoever jumps there contains it. So a missed start
//! costs nothing but work, and a false one only splits a function in two.

use std::collections::{BTreeMap, BTreeSet};

use super::addresses::AddressSet;
use super::elf::Image;
use super::flow::{Exit, Function};
use super::ir::{Flow, Machine, Mask, Op, Place, Reg, Src, Target};

/// What a sweep over all code finds.
#[derive(Default)]
pub struct Found {
    /// Where functions begin.
    pub entries: AddressSet,
    /// Code addresses that are labels within functions.
    pub labels: AddressSet,
    /// Data addresses that code or data mention: where objects and tables begin.
    pub bases: BTreeSet<u64>,
    /// Compilers leave no room between objects: where addresses are put together of
    /// pages and offsets, and where the machine says so. x86's align larger ones apart.
    pub packed: bool,
    /// Secrets of glibc's loader that functions compare with and guard pointers with.
    pub guards: BTreeSet<u64>,
    /// The loader's state: others look into it and pass it to nobody.
    pub state: BTreeSet<u64>,
}

const STATE: [&str; 2] = ["_rtld_global", "_rtld_global_ro"];
const GUARDS: [&str; 2] = ["__pointer_chk_guard", "__stack_chk_guard"];

pub fn discover(image: &Image, machine: &dyn Machine) -> Found {
    let mut found = Found::default();
    let code = image.exports.iter().filter(|export| export.code);
    found.entries.extend(code.map(|export| export.address));
    let guards = image.exports.iter();
    let guards = guards.filter(|export| GUARDS.contains(&export.name.as_str()));
    found.guards.extend(guards.map(|export| export.address));
    let state = image.exports.iter();
    let state = state.filter(|export| STATE.contains(&export.name.as_str()));
    found.state.extend(state.map(|export| export.address));
    // Small libcs keep functions in the objects themselves, whose fields code addresses singly.
    found.packed = machine.packs() && !found.state.is_empty();
    for target in image.pointers.values().flatten().chain(&image.mentioned) {
        note(image, *target, &mut found);
    }
    // A sweep finds whom they call.
    if !machine.sweeps() {
        found.entries.extend(&image.first);
    }
    for section in image
        .sections
        .iter()
        .filter(|s| s.code && !machine.sweeps())
    {
        let mode = image.mode_bits & 1;
        for at in (section.start..section.end).step_by(usize::from(machine.step())) {
            let code = section.data.get((at - section.start) as usize..);
            if code.is_some_and(|code| machine.jumped_to(code)) {
                found.entries.insert(at | mode);
            }
        }
    }
    let swept = image.sections.iter().filter(|_| machine.sweeps());
    for section in swept.filter(|section| section.code) {
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

/// Adds what turned up where functions were followed, and tells what of it is new.
pub fn grow(
    found: &mut Found,
    image: &Image,
    machine: &dyn Machine,
    functions: &BTreeMap<u64, Function>,
) -> BTreeSet<u64> {
    let (entries, bases) = (found.entries.clone(), found.bases.clone());
    for (entry, function) in functions {
        for address in &function.mentioned {
            // What it reads as a word is none.
            let constant = function.reads.contains(address);
            if !image.in_code(*address) || !constant && names_code(image, *entry, *address) {
                note(image, *address, found);
            } else {
                found.bases.insert(*address);
            }
        }
        if !machine.sweeps() {
            let called = function.nodes.values().filter_map(|node| match &node.exit {
                Exit::Call { target } => Some(target.constants()),
                _ => None,
            });
            let code = called.flatten().filter(|to| image.in_code(*to));
            found.entries.extend(code);
        }
    }
    let entries = found.entries.difference(&entries);
    let bases = found.bases.difference(&bases);
    entries.chain(bases).copied().collect()
}

/// An address without the bit that says how it is decoded, where code runs that is decoded
/// with it, is a label: symbols without a type have no such bit. True if there was one.
pub fn unmask(found: &mut Found, image: &Image, functions: &BTreeMap<u64, Function>) -> bool {
    let mode = image.mode_bits & 1;
    let exports: AddressSet = image.exports.iter().map(|export| export.address).collect();
    let plain = |at: &u64| at & mode == 0 && !exports.contains(at) && !image.starts.contains(at);
    let doubtful: BTreeSet<u64> = found.entries.iter().copied().filter(plain).collect();
    let blocks = functions.values().flat_map(|function| &function.nodes);
    let mut labels = Vec::new();
    for (start, node) in blocks.filter(|(start, _)| *start & mode == 1) {
        let place = |at: u64| at & !image.mode_bits;
        if place(*start) <= place(node.site) {
            labels.extend(doubtful.range(place(*start)..=place(node.site)));
        }
    }
    for label in &labels {
        found.entries.remove(label);
    }
    let any = !labels.is_empty();
    found.labels.extend(labels);
    any
}

/// Is what a function mentions, among code, a function? Code names functions of its own
/// kind, and others that the file says begin there: all else is constants between them.
fn names_code(image: &Image, entry: u64, address: u64) -> bool {
    // Stubs count the distance of their slots from where they are themselves.
    let stub = image.section(address & !image.mode_bits);
    let stub = stub.is_some_and(|section| section.bound);
    let same = (entry ^ address) & image.mode_bits & 1 == 0;
    !stub && (same || image.starts.contains(&address))
}

/// Reads code in a line; where it is no code, a step on.
fn sweep(image: &Image, machine: &dyn Machine, code: &[u8], start: u64, found: &mut Found) {
    let mut ops = Vec::new();
    let mut halves = Halves::new(machine.pinned(image, start));
    let mut at = 0;
    while at < code.len() {
        ops.clear();
        let Some(decoded) = machine.decode(&code[at..], start + at as u64, &mut ops) else {
            at += usize::from(machine.step());
            continue;
        };
        if let Flow::Call(Target::Address(to)) = decoded.flow
            && image.in_code(to)
        {
            found.entries.insert(to);
            // It tells its caller where that is, which then tells where others are.
            if let Some(reg) = image.code_at(to).and_then(|code| machine.thunk(code)) {
                let next = start + at as u64 + u64::from(decoded.len);
                halves.set(reg, Some(next));
            }
        }
        for op in &ops {
            found.packed |= matches!(op, Op::Page { .. });
            if let Some(address) = halves.address(op).filter(|at| image.section(*at).is_some()) {
                note(image, address, found);
            }
        }
        at += usize::from(decoded.len.max(1));
    }
}

/// Addresses that are put together of a page and an offset, in instructions that
/// others may stand between: what was last put into each register, and whether
/// that is an address already. Other addresses may be counted from such.
struct Halves {
    pages: [Option<u64>; Mask::BITS as usize],
    whole: Mask,
}

impl Halves {
    fn new(known: Vec<(Reg, u64)>) -> Halves {
        let mut halves = Halves {
            pages: [None; Mask::BITS as usize],
            whole: 0,
        };
        for (reg, value) in known {
            halves.set(reg, Some(value));
        }
        halves
    }

    fn get(&self, reg: Reg) -> Option<u64> {
        self.pages.get(usize::from(reg)).copied().flatten()
    }

    fn set(&mut self, reg: Reg, value: Option<u64>) {
        if let Some(page) = self.pages.get_mut(usize::from(reg)) {
            *page = value;
            self.whole &= !(1 << reg);
        }
    }

    /// The address that an operation makes complete.
    fn address(&mut self, op: &Op) -> Option<u64> {
        match op {
            Op::Address { dst, place, .. } => {
                let address = self.place(place);
                // Who moves a whole address on looks at what it had already.
                let moved = place.base == Some(*dst) && self.whole >> dst & 1 == 1;
                let address = address.filter(|_| !moved);
                let counted = address.filter(|_| place.base.is_some());
                self.set(*dst, counted);
                self.whole |= Mask::from(counted.is_some()) << dst;
                address
            }
            Op::LoadWide { place } => self.place(place),
            Op::Const { dst, value } | Op::Page { dst, value } => {
                self.set(*dst, Some(*value));
                None
            }
            Op::Add {
                dst,
                src: Src::Imm(by),
                negative: false,
                ..
            } => {
                let page = self.get(*dst)?;
                self.set(*dst, None);
                Some(page.wrapping_add(*by as u64))
            }
            Op::Sum {
                dst,
                left,
                right,
                shift: 0,
                negative: false,
                ..
            } => {
                let (left, right) = (self.get(*left), self.get(*right));
                let page = left.and_then(|left| Some(left.wrapping_add(right?)));
                self.set(*dst, page);
                None
            }
            Op::Copy { dst, src, .. } => {
                self.set(*dst, self.get(*src));
                None
            }
            Op::Add { dst, .. }
            | Op::Insert { dst, .. }
            | Op::Blur { dst, .. }
            | Op::Load { dst, .. }
            | Op::Sum { dst, .. }
            | Op::And { dst, .. }
            | Op::Or { dst, .. }
            | Op::Xor { dst, .. }
            | Op::Shift { dst, .. }
            | Op::Either { dst, .. }
            | Op::EitherLoad { dst, .. }
            | Op::Clobber { dst } => {
                self.set(*dst, None);
                None
            }
            Op::Store { .. }
            | Op::Compare { .. }
            | Op::CompareSigned { .. }
            | Op::Keep { .. }
            | Op::Recall { .. }
            | Op::FlagsLost => None,
        }
    }

    fn place(&self, place: &Place) -> Option<u64> {
        if place.foreign || place.index.is_some() {
            return None;
        }
        match place.base {
            None => Some(place.disp as u64),
            Some(base) => self
                .get(base)
                .map(|page| page.wrapping_add(place.disp as u64)),
        }
    }
}

/// An address that is mentioned: of a function, or of data.
fn note(image: &Image, address: u64, found: &mut Found) {
    let address = image.entry(address);
    if !image.in_code(address) {
        // The global offset table is no object: all code holds its address.
        let section = image.section(address);
        if !section.is_some_and(|section| section.name.starts_with(".got")) {
            found.bases.insert(address);
        }
        return;
    }
    // Inside of a function that has bounds it is a label of a jump table. The
    // frame of a signal trampoline starts one byte early.
    let range = image.ranges.range(..=address).next_back();
    let inside = range.is_some_and(|(from, to)| address > from + 1 && address < *to);
    if !inside && !found.labels.contains(&address) {
        found.entries.insert(address);
    }
}
