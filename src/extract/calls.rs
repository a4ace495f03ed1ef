// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call leaves behind: registers, the stack, and whether it comes back.

use std::collections::BTreeMap;

use super::addresses::AddressMap;
use super::flow::{Context, Exit, Function, Left};
use super::graph::targets;
use super::ir::{Block, Flow, Op, Reg, Src};
use super::points::Ways;
use super::state::State;
use super::value::Value;

/// glibc's loader has an allocator of its own until it has found these by their
/// names; it calls both through the same pointers.
const LOOKED_UP: [&str; 4] = ["calloc", "free", "malloc", "realloc"];

/// Where constants between code begin: those of eight bytes have the strictest place.
const LITERALS_ALIGN: u64 = 8;

/// Arguments on the stack that are looked at.
const STACK_ARGUMENTS: i32 = 4;

impl Context<'_> {
    /// A call and what goes on behind it.
    pub fn called(&self, block: &Block, target: Value, mut state: State) -> Left {
        let known = || target.constants();
        let open = target.atoms().is_empty() || target.atoms().len() > known().count();
        if self.ends_with(block) {
            return Left::end(Exit::Call { target });
        }
        self.ask_of(known());
        if !open && known().all(|to| self.noreturn.contains(&to)) {
            return Left::end(Exit::Call { target });
        }
        let thunk = target.single().and_then(|to| self.image.code_at(to));
        if let Some(reg) = thunk.and_then(|code| self.machine.thunk(code)) {
            state.set(reg, Value::constant(block.next));
            return Left {
                exit: Exit::Call { target },
                next: Ways::One(block.next, state),
            };
        }
        let all = self.machine.call_clobbers();
        let mask = known().fold(0, |mask, to| mask | self.clobbers.get(&to).unwrap_or(&all));
        let mask = if open { all } else { mask } | 1 << self.machine.result();
        let found = self.looked_up(&state);
        let mut state = self.clobbered(state, mask);
        if let Some(found) = found {
            state.set(self.machine.result(), Value::constant(found));
        }
        let pops = known().filter_map(|to| self.pops.get(&to)).max();
        if let Some(pops) = pops {
            let stack_pointer = self.machine.stack_pointer();
            let value = state.get(stack_pointer).plus(i64::from(*pops));
            state.set(stack_pointer, value);
        }
        Left {
            exit: Exit::Call { target },
            next: Ways::One(block.next, state),
        }
    }

    /// The register of return addresses holds what lies behind a jump.
    pub fn comes_back(&self, block: &Block, state: &State) -> bool {
        let modes = self.image.mode_bits;
        let link = self.machine.link().and_then(|reg| state.get(reg).single());
        link.is_some_and(|link| link & !modes == block.next & !modes)
    }

    /// Notes the constants that a block reads by their distance from itself.
    pub fn see_literals(&self, block: &Block) {
        if self.machine.sweeps() {
            return;
        }
        let places = block.ops.iter().filter_map(|op| match op {
            Op::Load { place, .. } | Op::LoadWide { place } => Some(place),
            _ => None,
        });
        let whole = places.filter(|place| place.base.is_none() && place.index.is_none());
        let read = whole.map(|place| place.disp as u64);
        let read = read.filter(|at| self.image.is_code(*at));
        self.literals.borrow_mut().extend(read);
    }

    /// No way leads on into a constant, also not by what fills up to where such lie.
    fn literal_follows(&self, block: &Block) -> bool {
        let modes = self.image.mode_bits;
        let end = (block.next & !modes).next_multiple_of(LITERALS_ALIGN);
        let mut at = block.next;
        loop {
            let place = at & !modes;
            if self.literals.borrow().contains(&place) {
                return true;
            }
            let code = self.image.code_at(place).filter(|_| place < end);
            let decoded = code.and_then(|code| self.machine.decode(code, at, &mut Vec::new()));
            match decoded.filter(|one| one.flow == Flow::Next) {
                Some(one) => at = self.machine.after(at, one.len.into()),
                None => return false,
            }
        }
    }

    /// A call at the very end of a function's bounds, or before its constants, is known
    /// not to return.
    fn ends_with(&self, block: &Block) -> bool {
        if !self.machine.sweeps() && self.literal_follows(block) {
            return true;
        }
        let range = self.image.ranges.range(..=block.last).next_back();
        range.is_some_and(|(_, end)| block.last < *end && *end <= block.next)
    }

    /// The function whose name a call is given, which is what it looks up.
    fn looked_up(&self, state: &State) -> Option<u64> {
        let arguments = self.machine.arguments().iter();
        let arguments = arguments.filter_map(|reg| state.get(*reg).single());
        let handed = self.pushed(state).into_iter().chain(arguments);
        let names = handed.filter_map(|at| self.image.text(at));
        let known = |text: &[u8]| LOOKED_UP.into_iter().find(|name| name.as_bytes() == text);
        let name = names.filter_map(known).next()?;
        let mut exports = self.image.exports.iter();
        let export = exports.find(|export| export.code && export.name == name)?;
        Some(export.address)
    }

    /// Where all that a call is known to reach is a gate, the call is the system call:
    /// archives keep a pointer to it, for kernels that have a better one. The register
    /// of its number.
    pub fn gate(&self, target: &Value) -> Option<Reg> {
        let gate = |to: u64| self.machine.gate(self.image.code_at(to)?);
        let mut known = target.constants().map(gate);
        let first = known.next()??;
        known.all(|other| other == Some(first)).then_some(first)
    }

    /// Is this place on the stack the caller's? Where a call puts the return address,
    /// klibc's functions put a number and jump.
    pub fn handed(&self, at: i32) -> bool {
        let first = match self.image.members.is_empty() {
            true => self.machine.call_pushes(),
            false => 0,
        };
        i64::from(at) >= first
    }

    /// Data whose address lies where a call's first arguments do, if that is the stack.
    pub fn pushed(&self, state: &State) -> Vec<u64> {
        let word = i32::from(self.machine.word());
        let sp = state.get(self.machine.stack_pointer()).stack();
        let sp = sp.filter(|_| self.machine.call_pushes() > 0 && word == 4);
        let slots = sp.into_iter().flat_map(|sp| {
            let places = (0..STACK_ARGUMENTS).map(move |n| sp.saturating_add(n * word));
            places.filter_map(|at| state.slot(at))
        });
        let constants = slots.flat_map(|value| value.constants());
        let data = |at: &u64| self.image.section(*at).is_some_and(|section| !section.code);
        constants.filter(data).collect()
    }

    /// What a return takes off the stack besides the return address.
    pub fn popped(&self, block: &Block) -> i32 {
        let stack_pointer = self.machine.stack_pointer();
        match (block.flow, block.ops.last()) {
            (Flow::Return, Some(Op::Address { dst, place, .. }))
                if *dst == stack_pointer && place.base == Some(stack_pointer) =>
            {
                i32::try_from(place.disp).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// An address that an instruction completes, where no sweep sees it: by its distance
    /// from the global offset table, or from the code itself. Code that may lie anywhere
    /// names its own object's data and functions so.
    pub fn relative(&self, op: &Op, state: &State) -> Option<u64> {
        let swept = self.machine.sweeps();
        if let Op::Add {
            dst,
            src: Src::Imm(by),
            ..
        } = op
            && !swept
        {
            let old = state.get(*dst).single()?;
            let address = self.wrap(old.wrapping_add(*by as u64));
            let whole = self.image.section(old).is_none() && self.image.section(address).is_some();
            return whole.then_some(address);
        }
        let (Op::Address { place, .. } | Op::LoadWide { place } | Op::Load { place, .. }) = op
        else {
            return None;
        };
        // What is only read is no object of its own, unless an index chooses from it.
        if place.foreign || matches!(op, Op::Load { .. }) && place.index.is_none() {
            return None;
        }
        let Some(base) = place.base else {
            let address = self.wrap(place.disp as u64);
            return self
                .image
                .section(address)
                .filter(|_| !swept)
                .map(|_| address);
        };
        let table = state.get(base).single()?;
        let section = self.image.section(table)?;
        let address = self.wrap(table.wrapping_add(place.disp as u64));
        (section.name.starts_with(".got") && self.image.section(address).is_some())
            .then_some(address)
    }
}

/// What functions take off their callers' stacks, themselves or through whom they end in.
pub fn pops(functions: &BTreeMap<u64, Function>) -> AddressMap<i32> {
    let own = functions.iter().map(|(address, f)| (*address, f.pops));
    let mut pops: AddressMap<i32> = own.filter(|(_, pops)| *pops > 0).collect();
    loop {
        let mut more = Vec::new();
        for (address, function) in functions.iter().filter(|(a, _)| !pops.contains_key(a)) {
            let tail = |to: &u64| {
                let mut nodes = function.nodes.values();
                nodes.any(|node| match &node.exit {
                    Exit::Tail { target } => target.constants().any(|other| other == *to),
                    _ => false,
                })
            };
            let through = targets(function)
                .filter(|to| pops.contains_key(to))
                .find(tail);
            more.extend(through.map(|to| (*address, pops[&to])));
        }
        if more.is_empty() {
            return pops;
        }
        pops.extend(more);
    }
}
