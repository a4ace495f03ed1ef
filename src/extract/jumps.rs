// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jumps to what a register or memory holds: tables of ways on, and calls that return for their caller.

use super::flow::{Context, Exit, Left};
use super::ir::Target;
use super::points::Ways;
use super::state::State;
use super::value::{Atom, Table, Value};

/// Entries of one jump table.
const LONGEST_TABLE: u32 = 4096;

impl Context<'_> {
    /// The code addresses that a table holds.
    pub fn entries(&self, table: &Table) -> Vec<u64> {
        let mut targets = Vec::new();
        let inside = self.image.in_code(table.base);
        let mut nearest = None;
        let mut at = table.base;
        for index in 0..=table.last.unwrap_or(LONGEST_TABLE).min(LONGEST_TABLE) {
            at = table.base + u64::from(index) * u64::from(table.step.max(1));
            if index > 0 && self.found.bases.contains(&at) || nearest.is_some_and(|to| at >= to) {
                break;
            }
            let pointers = self.image.pointers.get(&at);
            let pointers = pointers.filter(|_| table.size == self.machine.word());
            if let Some(to) = pointers {
                targets.extend(to.iter().filter(|to| self.image.in_code(**to)));
            } else if table.size == 8 && table.plus == 0 {
                if table.last.is_none() {
                    break;
                }
            } else {
                let constant = self
                    .image
                    .section(at)
                    .is_some_and(|section| section.constant);
                let word = self
                    .image
                    .word(at, table.size, table.signed)
                    .filter(|_| constant);
                let to = word
                    .map(|word| self.wrap((word << table.shift).wrapping_add(table.plus)))
                    .filter(|to| self.image.in_code(*to));
                match to {
                    Some(to) => {
                        // A table between code ends where the first of its ways begins.
                        let ahead = to & !self.image.mode_bits;
                        if inside && ahead > table.base {
                            nearest = Some(nearest.map_or(ahead, |known: u64| known.min(ahead)));
                        }
                        targets.push(to);
                    }
                    None => break,
                }
            }
        }
        self.ask_from(table.base.saturating_add(1), at);
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    pub fn indirect(&self, entry: u64, target: &Target, state: State) -> Left {
        let value = match target {
            Target::Reg(reg) => *state.get(*reg),
            Target::Memory(place) => self.load(place, self.machine.word(), false, &state),
            Target::Address(to) => Value::constant(*to),
        };
        let link = self.machine.link();
        if link.is_some_and(|link| value == Value::One(Atom::Entry(link))) {
            return Left::end(Exit::Return);
        }
        // Where the index into a table is known: no function begins there.
        if let Some(to) = value.single()
            && !self.machine.sweeps()
            && self.image.in_code(to)
        {
            return self.onward(entry, to, state);
        }
        let target = self.target(target, &state);
        // A table of ways within the function; a table of functions is a tail call.
        let inner = matches!(value, Value::Entry(_))
            && !target.atoms().is_empty()
            && !target
                .constants()
                .any(|to| self.found.entries.contains(&to) && to != entry);
        if !inner {
            return Left::end(Exit::Tail { target });
        }
        let ways = target.constants().map(|to| (to, state.clone()));
        Left {
            exit: Exit::On,
            next: Ways::Many(ways.collect()),
        }
    }
}
