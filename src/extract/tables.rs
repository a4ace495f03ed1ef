// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of ways on: where in them is read, what they hold; and guarded pointers.

use super::flow::Context;
use super::ir::{Place, Reg, Src, Way};
use super::state::State;
use super::value::{Atom, Table, Value};

impl Context<'_> {
    /// One number and another, shifted: numbers, addresses on the stack, entries of
    /// tables, and where in a table they lie.
    pub fn sum(&self, left: &Value, right: &Value, shift: u8, negative: bool) -> Value {
        let sign = if negative { -1 } else { 1 };
        let right = right.shifted(shift, Way::Left, 8);
        match (left.single(), right.single()) {
            (Some(base), None) if !negative => self.past(base, &right),
            (None, Some(base)) if !negative => self.past(base, left),
            (_, Some(by)) => left.plus((by as i64).wrapping_mul(sign)),
            _ => Value::Unknown,
        }
    }

    /// A known address, or a number, plus something.
    fn past(&self, base: u64, by: &Value) -> Value {
        let most = match by {
            Value::Unknown => None,
            Value::AtMost(most) => Some(*most),
            // Where short numbers say which of the words that follow is meant.
            Value::Entry(table) if table.size < 4 && self.is_data(base) => None,
            _ => return by.plus(base as i64),
        };
        match self.is_data(base) {
            true => Value::past(base, most),
            false => Value::Unknown,
        }
    }

    /// Where nothing is scaled either register may hold the table, and the other what to add.
    pub fn table_first(&self, place: &Place, state: &State) -> Place {
        match (place.base, place.index) {
            (Some(base), Some((index, 1)))
                if matches!(state.get(base), Value::Unknown | Value::AtMost(_))
                    && self.is_table(state.get(index)) =>
            {
                Place {
                    base: Some(index),
                    index: Some((base, 1)),
                    ..*place
                }
            }
            _ => *place,
        }
    }

    fn is_table(&self, value: &Value) -> bool {
        value.single().is_some_and(|at| self.is_data(at))
    }

    fn is_data(&self, address: u64) -> bool {
        let section = self.image.section(address);
        section.is_some_and(|section| !section.code)
    }

    /// What a table holds, as code that is decoded in the way that the lowest bit says.
    pub fn marked(&self, value: &Value, src: &Src) -> Option<Value> {
        match (value, src) {
            (Value::Entry(table), Src::Imm(1)) if self.image.mode_bits & 1 == 1 => {
                Some(value.plus(i64::from(table.plus & 1 == 0)))
            }
            _ => None,
        }
    }

    /// What lies at one of the words from an address on.
    pub fn chosen(&self, base: u64, most: Option<u32>, bytes: u8, signed: bool) -> Value {
        if bytes < self.machine.narrowest_entry() || self.image.section(base).is_none() {
            return Value::Unknown.narrow(bytes, signed);
        }
        Value::entry(Table {
            base,
            step: bytes,
            size: bytes,
            signed,
            last: most.map(|most| most / u32::from(bytes)),
            shift: 0,
            plus: 0,
        })
    }

    /// glibc keeps function pointers xored with a secret: for the analysis a pointer
    /// in either form is that pointer.
    pub fn unguarded(&self, dst: Reg, src: &Src, state: &State) -> Option<Value> {
        let Src::Reg(src) = src else { return None };
        let (old, by) = (state.get(dst), state.get(*src));
        if self.is_guard(by) {
            Some(*old)
        } else if self.is_guard(old) {
            Some(*by)
        } else {
            None
        }
    }

    fn is_guard(&self, value: &Value) -> bool {
        match value {
            Value::One(Atom::Global(at)) => self.found.guards.contains(at),
            _ => false,
        }
    }

    /// Is this data whose address a function may have been given? Addresses that
    /// are left over from looking for something else are none.
    pub fn passes(&self, address: u64) -> bool {
        let bound = |at: u64| {
            let section = self.image.section(at);
            section.is_some_and(|section| section.name.starts_with(".got"))
        };
        let found = self.found;
        let looked_into =
            found.guards.contains(&address) || found.packed && found.state.contains(&address);
        self.is_base(address) && !looked_into && !bound(address)
    }
}
