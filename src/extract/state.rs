// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known at one point of a function: registers, stack slots, the last comparison.

use std::rc::Rc;

use super::ir::{Mask, Reg};
use super::value::{Atom, Value};

/// A comparison of a register with a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compared {
    pub reg: Reg,
    pub with: i64,
    pub bytes: u8,
    pub signed: bool,
    /// The number came first.
    pub swapped: bool,
}

/// Stack slots kept for one state.
const MOST_SLOTS: usize = 256;
/// Slots that a copy has room for beyond those that it has.
const ROOM: usize = 8;

/// What is known at one point of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// Shared between states until one of them changes, as slots are.
    regs: Rc<[Value]>,
    /// By offset from the entry stack pointer, sorted.
    slots: Rc<Vec<(i32, Value)>>,
    /// The last comparison.
    pub compared: Option<Compared>,
    /// What condition registers hold.
    pub kept: Vec<(u8, Compared)>,
}

impl State {
    pub fn entry(registers: usize, stack_pointer: Reg) -> State {
        let mut regs: Vec<Value> = (0..registers)
            .map(|reg| Value::One(Atom::Entry(reg as Reg)))
            .collect();
        regs[usize::from(stack_pointer)] = Value::One(Atom::Stack(0));
        State {
            regs: regs.into(),
            slots: Rc::default(),
            compared: None,
            kept: Vec::new(),
        }
    }

    pub fn get(&self, reg: Reg) -> &Value {
        self.regs.get(usize::from(reg)).unwrap_or(&Value::Unknown)
    }

    pub fn set(&mut self, reg: Reg, value: Value) {
        self.refine(reg, value);
        if self.compared.is_some_and(|compared| compared.reg == reg) {
            self.compared = None;
        }
        self.kept.retain(|(_, compared)| compared.reg != reg);
    }

    /// Forgets registers, and what was compared.
    pub fn clobber(&mut self, mask: Mask) {
        for reg in 0..self.regs.len().min(Mask::BITS as usize) {
            if mask >> reg & 1 == 1 {
                self.refine(reg as Reg, Value::Unknown);
            }
        }
        self.compared = None;
        self.kept.clear();
    }

    pub fn keep(&mut self, field: u8) {
        self.kept.retain(|(kept, _)| *kept != field);
        if let Some(compared) = self.compared.take() {
            self.kept.push((field, compared));
            self.kept.sort_unstable_by_key(|(field, _)| *field);
        }
    }

    pub fn recall(&mut self, field: u8) {
        let mut kept = self.kept.iter();
        self.compared = kept.find(|kept| kept.0 == field).map(|kept| kept.1);
    }

    /// What a comparison tells of a register, which stays compared.
    pub fn refine(&mut self, reg: Reg, value: Value) {
        // What would not change stays shared.
        if self.get(reg) != &value
            && let Some(place) = Rc::make_mut(&mut self.regs).get_mut(usize::from(reg))
        {
            *place = value;
        }
    }

    pub fn slot(&self, at: i32) -> Option<&Value> {
        let index = self.slots.binary_search_by_key(&at, |slot| slot.0).ok()?;
        Some(&self.slots[index].1)
    }

    pub fn set_slot(&mut self, at: i32, value: Value) {
        match self.slots.binary_search_by_key(&at, |slot| slot.0) {
            Ok(index) if self.slots[index].1 == value => {}
            Ok(index) => Rc::make_mut(&mut self.slots)[index].1 = value,
            Err(index) if self.slots.len() < MOST_SLOTS => {
                self.slots_to_grow().insert(index, (at, value));
            }
            Err(_) => {}
        }
    }

    /// Its own slots, with room for more: where one is stored, others follow.
    fn slots_to_grow(&mut self) -> &mut Vec<(i32, Value)> {
        if Rc::get_mut(&mut self.slots).is_none() {
            let mut own = Vec::with_capacity(self.slots.len() + ROOM);
            own.extend_from_slice(&self.slots);
            self.slots = Rc::new(own);
        }
        Rc::make_mut(&mut self.slots)
    }

    /// Forgets the slots above one offset and below another.
    pub fn forget(&mut self, above: i32, below: i32) {
        let first = self.slots.partition_point(|(at, _)| *at <= above);
        let last = self.slots.partition_point(|(at, _)| *at < below);
        if first < last {
            for (_, value) in &mut Rc::make_mut(&mut self.slots)[first..last] {
                *value = Value::Unknown;
            }
        }
    }

    /// Joins `other` in; true if something changed. `coarse` forgets whatever changes.
    pub fn join(&mut self, other: &State, stack_pointer: Reg, coarse: bool) -> bool {
        let mut changed = false;
        let count = if Rc::ptr_eq(&self.regs, &other.regs) {
            0
        } else {
            self.regs.len().min(other.regs.len())
        };
        for index in 0..count {
            let (mine, theirs) = (&self.regs[index], &other.regs[index]);
            if matches!(mine, Value::Unknown) {
                continue;
            }
            // Loops that probe the stack move it without end; the first depth stands for all.
            if index == usize::from(stack_pointer) && mine.stack().is_some() || mine == theirs {
                continue;
            }
            let joined = if coarse {
                Value::Unknown
            } else {
                mine.join(theirs)
            };
            if *mine != joined {
                Rc::make_mut(&mut self.regs)[index] = joined;
                changed = true;
            }
        }
        changed |= self.join_slots(other, coarse);
        if self.compared != other.compared && self.compared.is_some() {
            self.compared = None;
            changed = true;
        }
        let before = self.kept.len();
        self.kept.retain(|kept| other.kept.contains(kept));
        changed | (self.kept.len() != before)
    }

    /// A slot stays known only where both know it; unknown is kept as such.
    fn join_slots(&mut self, other: &State, coarse: bool) -> bool {
        if Rc::ptr_eq(&self.slots, &other.slots) {
            return false;
        }
        let pairs = self.slots.iter().zip(other.slots.iter());
        let alike = pairs.take_while(|(mine, theirs)| mine == theirs).count();
        let mut changed = false;
        let mut theirs = other.slots[alike..].iter().peekable();
        let mut new = Vec::new();
        for index in alike..self.slots.len() {
            let (at, mine) = &self.slots[index];
            while let Some((missing, _)) = theirs.next_if(|(other, _)| other < at) {
                new.push(*missing);
            }
            let joined = match theirs.next_if(|(other, _)| other == at) {
                Some((_, value)) if matches!(mine, Value::Unknown) || mine == value => continue,
                Some((_, value)) if !coarse => mine.join(value),
                _ => Value::Unknown,
            };
            if *mine != joined {
                Rc::make_mut(&mut self.slots)[index].1 = joined;
                changed = true;
            }
        }
        new.extend(theirs.map(|(missing, _)| *missing));
        new.truncate(MOST_SLOTS.saturating_sub(self.slots.len()));
        if !new.is_empty() {
            let slots = self.slots_to_grow();
            slots.extend(new.into_iter().map(|at| (at, Value::Unknown)));
            slots.sort_by_key(|slot| slot.0);
            changed = true;
        }
        changed
    }
}
