// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a function mentions: code, data, and pointers that it puts somewhere.

use super::flow::{Context, Function, Put};
use super::ir::Place;
use super::state::State;
use super::value::Value;

impl Context<'_> {
    /// Code that is not position-independent has addresses as numbers: true if it is one.
    pub fn mention_number(&self, value: u64, function: &mut Function) -> bool {
        let is_address = self.image.mentioned.contains(&value);
        if is_address {
            self.mention(value, function);
        }
        is_address
    }

    pub fn mention(&self, address: u64, function: &mut Function) {
        let address = self.image.entry(address);
        if self.is_entry(address) {
            function.refs.insert(address);
        } else if self
            .image
            .section(address)
            .is_some_and(|section| !section.code)
        {
            function.data.insert(address);
        }
    }

    /// An array that is written to: what follows from where it lies.
    pub fn mention_array(&self, place: &Place, state: &State, function: &mut Function) {
        if place.foreign || place.index.is_none() {
            return;
        }
        let array = Place {
            index: None,
            ..*place
        };
        for address in self.address(&array, state).constants() {
            if self.image.section(address).is_some_and(|s| !s.code) {
                function.arrays.insert(address);
            }
        }
    }

    /// Whose address is stored, and what holds a function there for good, is a table of
    /// functions, be its address counted from another's.
    fn is_fixed_table(&self, address: u64) -> bool {
        let section = self.image.section(address);
        let fixed = section.is_some_and(|section| section.fixed && !section.bound && !section.code);
        let first = self.image.pointers.get(&address).filter(|_| fixed);
        let code = |to: &u64| self.image.in_code(*to);
        !self.machine.sweeps() && first.is_some_and(|first| first.iter().all(code))
    }

    pub fn put(&self, place: &Place, value: &Value, state: &State, function: &mut Function) {
        if place.foreign || matches!(value, Value::Unknown | Value::AtMost(_)) {
            return;
        }
        for table in value.constants().filter(|at| self.is_fixed_table(*at)) {
            function.mentioned.insert(table);
        }
        let pointers: Vec<u64> = value
            .constants()
            .filter(|c| self.is_entry(*c) || self.is_base(*c))
            .collect();
        if pointers.is_empty() {
            return;
        }
        let base = self.address(place, state);
        let field = Put::Field(i32::try_from(place.disp).unwrap_or(i32::MAX));
        for pointer in pointers {
            if self.is_base(pointer) {
                function.passed.insert(pointer);
            }
            let mut globals = base.constants().peekable();
            if globals.peek().is_none() && base.stack().is_none() {
                function.puts.insert((field, pointer));
            }
            for global in globals {
                function.puts.insert((Put::Global(global), pointer));
            }
        }
    }
}
