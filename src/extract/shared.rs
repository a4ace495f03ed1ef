// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of a function's stack others may write: what lies where its own code makes pointers to.
//!
//! A local variable whose address is passed on may change in any call. The
//! numbers of system calls never live there, but flags do: `int flags = 0;
//! parse(mode, &flags); open(name, flags)`.

use super::flow::Context;
use super::ir::{Op, Place, Reg};
use super::state::State;
use super::value::{Atom, Value};

/// Offsets from the entry stack pointer at and above which it may be written:
/// among the function's own variables (below zero) and its caller's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shared {
    own: i32,
    callers: i32,
}

/// Nothing is shared.
impl Default for Shared {
    fn default() -> Shared {
        Shared {
            own: 0,
            callers: i32::MAX,
        }
    }
}

impl Shared {
    pub fn contains(self, at: i32) -> bool {
        let first = if at < 0 { self.own } else { self.callers };
        at >= first
    }

    fn add(&mut self, at: i32) {
        let first = if at < 0 {
            &mut self.own
        } else {
            &mut self.callers
        };
        *first = at.min(*first);
    }

    /// Forgets what lies there.
    pub fn forget(self, state: &mut State) {
        if self != Shared::default() {
            state.forget(self.own.saturating_sub(1), 0);
            state.forget(self.callers.saturating_sub(1), i32::MAX);
        }
    }

    /// A pointer to somewhere on the stack.
    fn add_all(&mut self) {
        self.own = i32::MIN;
        self.callers = 0;
    }
}

impl Context<'_> {
    /// Notes the pointers into the stack that an operation makes.
    pub fn share(&self, op: &Op, state: &State, shared: &mut Shared) {
        let points = |reg: Reg| stacks(state.get(reg)).next().is_some();
        let sp = self.machine.stack_pointer();
        match op {
            Op::Address { dst, place, .. } if *dst != sp => {
                let value = self.address(place, state);
                let mut any = false;
                for at in stacks(&value) {
                    shared.add(at);
                    any = true;
                }
                if !any && within(place).any(points) {
                    shared.add_all();
                }
            }
            Op::Copy { dst, src, .. } => {
                let frame = *src == sp && Some(*dst) == self.machine.frame_pointer();
                if *dst != sp && !frame {
                    stacks(state.get(*src)).for_each(|at| shared.add(at));
                }
            }
            Op::Either { src, .. } => stacks(state.get(*src)).for_each(|at| shared.add(at)),
            Op::Add { dst, .. } if *dst != sp => self.share_sum(op, *dst, state, shared),
            Op::Sum {
                dst, left, right, ..
            } if *dst != sp && (points(*left) || points(*right)) => {
                self.share_sum(op, *dst, state, shared);
            }
            Op::And { dst, .. } | Op::Or { dst, .. } | Op::Xor { dst, .. }
                if *dst != sp && points(*dst) =>
            {
                shared.add_all();
            }
            Op::Store { place, .. } => {
                let lost = self.address(place, state).atoms().is_empty();
                if lost && within(place).any(points) {
                    shared.add_all();
                }
            }
            _ => {}
        }
    }

    /// A sum is tried out to see whether it points to a known place.
    fn share_sum(&self, op: &Op, dst: Reg, state: &State, shared: &mut Shared) {
        let operand = match op {
            Op::Sum { .. } => true,
            _ => stacks(state.get(dst)).next().is_some() || self.adds_stack(op, state),
        };
        if !operand {
            return;
        }
        let mut after = state.clone();
        self.apply(op, &mut after);
        let mut any = false;
        for at in stacks(after.get(dst)) {
            shared.add(at);
            any = true;
        }
        if !any {
            shared.add_all();
        }
    }

    fn adds_stack(&self, op: &Op, state: &State) -> bool {
        match op {
            Op::Add {
                src: super::ir::Src::Reg(src),
                ..
            } => stacks(state.get(*src)).next().is_some(),
            _ => false,
        }
    }
}

/// The places on the stack that a value may point to.
fn stacks(value: &Value) -> impl Iterator<Item = i32> + '_ {
    value.atoms().iter().filter_map(|atom| match atom {
        Atom::Stack(at) => Some(*at),
        _ => None,
    })
}

/// The registers that make up an address.
fn within(place: &Place) -> impl Iterator<Item = Reg> {
    place
        .base
        .into_iter()
        .chain(place.index.map(|(reg, _)| reg))
}
