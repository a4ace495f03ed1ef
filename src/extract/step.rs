// SPDX-License-Identifier: MIT OR Apache-2.0
//! One operation on what is known: registers, the stack, constant memory, comparisons.

use super::compare::{bounded, compared, mirrored, opposite};
use super::flow::Context;
use super::ir::{Cond, Op, Place, Src};
use super::state::{Compared, State};
use super::value::{Atom, Reach, Table, Value};

impl Context<'_> {
    pub fn address(&self, place: &Place, state: &State) -> Value {
        if place.foreign {
            return Value::Unknown;
        }
        let base = match place.base {
            None => Value::constant(self.wrap(place.disp as u64)),
            Some(base) => self.wrapped(state.get(base).plus(place.disp)),
        };
        match place.index {
            None => base,
            // A constant plus something: only a load from a table can make sense of it.
            Some((index, scale)) => match state.get(index).single() {
                Some(index) => {
                    self.wrapped(base.plus((index as i64).wrapping_mul(i64::from(scale))))
                }
                None => Value::Unknown,
            },
        }
    }

    /// A number as a register holds it.
    pub fn wrap(&self, value: u64) -> u64 {
        match self.machine.word() {
            4 => value & u64::from(u32::MAX),
            _ => value,
        }
    }

    fn wrapped(&self, value: Value) -> Value {
        match self.machine.word() {
            4 => value.wrapped(),
            _ => value,
        }
    }

    /// Of functions with two entries, the one that the analysis knows.
    fn entered(&self, value: Value) -> Value {
        if self.image.locals.is_empty() {
            return value;
        }
        match value {
            Value::One(_) | Value::Many(_) => value.map(|atom| match atom {
                Atom::Const(address) => Some(Atom::Const(self.image.entry(address))),
                _ => Some(atom),
            }),
            _ => value,
        }
    }

    /// The low bytes of a register: all of them keep what it stands for.
    fn cut(&self, value: &Value, bytes: u8, signed: bool) -> Value {
        match bytes >= self.machine.word() {
            true => self.wrapped(*value),
            false => value.narrow(bytes, signed),
        }
    }

    /// The table that an indexed operand reads from.
    fn table(&self, place: &Place, bytes: u8, signed: bool, state: &State) -> Option<Table> {
        let (index, scale) = place.index?;
        let base = match place.base {
            None => Some(self.wrap(place.disp as u64)),
            Some(base) => self.wrapped(state.get(base).plus(place.disp)).single(),
        };
        let (base, chosen) = match base {
            Some(base) => (base, state.get(index)),
            // The scaled index may stand first and the table second.
            None if scale == 1 => (
                self.wrapped(state.get(index).plus(place.disp)).single()?,
                place.base.map_or(&Value::Unknown, |base| state.get(base)),
            ),
            None => return None,
        };
        self.image.section(base)?;
        // An index that is not scaled was multiplied before.
        let step = if scale == 1 { bytes } else { scale };
        let most = match chosen {
            Value::AtMost(most) => Some(*most),
            _ if self.machine.sweeps() => None,
            _ => chosen.largest(),
        };
        let last = most.map(|most| most / u32::from(step / scale.max(1)).max(1));
        Some(Table {
            base,
            step,
            size: bytes,
            signed,
            last,
            shift: 0,
            plus: 0,
        })
    }

    pub fn load(&self, place: &Place, bytes: u8, signed: bool, state: &State) -> Value {
        if place.foreign {
            return Value::Unknown.narrow(bytes, signed);
        }
        let place = &self.table_first(place, state);
        if let Some((index, _)) = place.index
            && state.get(index).single().is_none()
        {
            return match self.table(place, bytes, signed, state) {
                Some(table) if bytes >= self.machine.narrowest_entry() => Value::entry(table),
                None if self.moved(place, bytes, state) => {
                    let place = Place {
                        index: None,
                        ..*place
                    };
                    self.load(&place, bytes, signed, state)
                }
                _ => Value::Unknown.narrow(bytes, signed),
            };
        }
        let address = self.address(place, state);
        if let Value::Past(Reach { base, most }) = address {
            return self.chosen(*base, *most, bytes, signed);
        }
        let disp = i32::try_from(place.disp).unwrap_or(i32::MAX);
        // Symbols stand for pointers: what is read through one is named by the offset.
        let (base, by) = match (&address, place.base, place.index) {
            (Value::Unknown | Value::AtMost(_) | Value::Entry(_), Some(base), None) => {
                (state.get(base), disp)
            }
            (Value::Unknown | Value::AtMost(_) | Value::Entry(_), ..) => {
                return Value::Unknown.narrow(bytes, signed);
            }
            _ => (&address, 0),
        };
        let mut read = Vec::new();
        if base.atoms().is_empty() {
            return self.cut(&Value::One(Atom::Field(disp)), bytes, signed);
        }
        for atom in base.atoms() {
            let one = match atom {
                Atom::Const(at) => {
                    let at = self.wrap(at.wrapping_add(by as u64));
                    self.read(at, bytes, signed, &mut read)
                }
                Atom::Stack(at) if self.shared.get().contains(at.saturating_add(by)) => false,
                Atom::Stack(at) => match state.slot(at.saturating_add(by)) {
                    Some(value) if !value.atoms().is_empty() => {
                        read.extend_from_slice(value.atoms());
                        true
                    }
                    Some(other) if base.atoms().len() == 1 => {
                        return self.cut(other, bytes, signed);
                    }
                    Some(_) => false,
                    None if self.handed(at.saturating_add(by)) => {
                        read.push(Atom::Slot(at.saturating_add(by)));
                        true
                    }
                    None => false,
                },
                Atom::Entry(reg) => {
                    read.push(Atom::Pointee(*reg, disp));
                    true
                }
                Atom::Field(at) | Atom::Pointee(_, at) | Atom::Member(_, at) => {
                    read.push(Atom::Member(*at, disp));
                    true
                }
                Atom::Global(_) | Atom::Slot(_) => {
                    read.push(Atom::Field(disp));
                    true
                }
                Atom::EntryLow(..) | Atom::Low(..) => false,
            };
            if !one {
                return Value::Unknown.narrow(bytes, signed);
            }
        }
        self.cut(&Value::from_atoms(read), bytes, signed)
    }

    /// What is read at a distance that a stream tells is named by where it belongs.
    fn moved(&self, place: &Place, bytes: u8, state: &State) -> bool {
        let symbol = |base: u8| {
            let atoms = state.get(base).atoms();
            // The standard streams are known, those that they are chained to are not.
            atoms.is_empty()
                || atoms.iter().any(|atom| !matches!(atom, Atom::Const(_)))
                    && !atoms.iter().any(|atom| matches!(atom, Atom::Stack(_)))
        };
        self.machine.moves_tables()
            && bytes == self.machine.word()
            && place.disp > 0
            && place.index.is_some_and(|(_, scale)| scale == 1)
            && place.base.is_some_and(symbol)
    }

    /// What memory at a known address may hold.
    fn read(&self, at: u64, bytes: u8, signed: bool, read: &mut Vec<Atom>) -> bool {
        let Some(section) = self.image.section(at) else {
            return false;
        };
        let pointers = self
            .image
            .pointers
            .get(&at)
            .filter(|_| bytes == self.machine.word());
        if let Some(pointers) = pointers {
            read.extend(pointers.iter().map(|to| Atom::Const(*to)));
            if !section.fixed {
                read.push(Atom::Global(at));
            }
            return true;
        }
        match self.image.word(at, bytes.min(8), signed) {
            Some(word) if section.constant || section.fixed && self.machine.literal(word) => {
                read.push(Atom::Const(word));
            }
            _ => read.push(Atom::Global(at)),
        }
        true
    }

    /// What is known where a condition holds, and where it does not.
    pub fn ways(&self, state: State, cond: Cond) -> (State, State) {
        let close = !self.machine.sweeps();
        let mut taken = refine(state.clone(), cond, close);
        let mut past = refine(state, opposite(cond), close);
        if !self.machine.branches_keep_flags() {
            (taken.compared, past.compared) = (None, None);
        }
        (taken, past)
    }

    pub fn apply(&self, op: &Op, state: &mut State) {
        match op {
            Op::Const { dst, value } => state.set(*dst, Value::constant(*value)),
            Op::Page { dst, value } => state.set(*dst, Value::Page(*value)),
            Op::Insert {
                dst,
                value,
                shift,
                bytes,
            } => {
                let value = state.get(*dst).inserted(*value, *shift, *bytes);
                state.set(*dst, value);
            }
            Op::Blur { dst, bytes } => {
                let value = state.get(*dst).blurred(*bytes);
                state.set(*dst, value);
            }
            Op::Sum {
                dst,
                left,
                right,
                shift,
                negative,
                bytes,
            } => {
                let value = self.sum(state.get(*left), state.get(*right), *shift, *negative);
                self.settle(*dst, self.cut(&value, *bytes, false), state);
            }
            Op::Copy {
                dst,
                src,
                bytes,
                signed,
            } => {
                let value = self.cut(state.get(*src), *bytes, *signed);
                state.set(*dst, value);
            }
            Op::Address { dst, place, bytes } => {
                let value = self.cut(&self.address(place, state), *bytes, false);
                let value = self.offset_table(place, state).unwrap_or(value);
                state.set(*dst, self.entered(value));
            }
            Op::Load {
                dst,
                place,
                bytes,
                signed,
            } => {
                let value = self.load(place, *bytes, *signed, state);
                state.set(*dst, value);
            }
            Op::Store { place, src, bytes } => self.store(place, src, *bytes, state),
            Op::Add {
                dst,
                src,
                negative,
                bytes,
            } => self.add(*dst, src, *negative, *bytes, state),
            Op::And { dst, mask, bytes } => {
                let value = aligned(state.get(*dst).masked(*mask, *bytes));
                state.set(*dst, value);
            }
            Op::Or { dst, src, bytes } => {
                let value = self.combined(*dst, src, *bytes, state, |a, b| a | b);
                let value = self.marked(state.get(*dst), src).unwrap_or(value);
                state.set(*dst, value);
            }
            Op::Xor { dst, src, bytes } => {
                let value = self.combined(*dst, src, *bytes, state, |a, b| a ^ b);
                let value = self.unguarded(*dst, src, state).unwrap_or(value);
                state.set(*dst, value);
            }
            Op::Shift {
                dst,
                by,
                way,
                bytes,
            } => {
                let value = state.get(*dst).shifted(*by, *way, *bytes);
                state.set(*dst, value);
            }
            Op::Either { dst, src } => {
                let value = state.get(*dst).join(state.get(*src));
                state.set(*dst, value);
            }
            Op::EitherLoad { dst, place, bytes } => {
                let value = state
                    .get(*dst)
                    .join(&self.load(place, *bytes, false, state));
                state.set(*dst, value);
            }
            // It may have been a pointer to what was written.
            Op::Clobber { dst } => {
                state.set(*dst, Value::Unknown);
                self.shared.get().forget(state);
            }
            Op::Compare { reg, with, bytes } => {
                state.compared = compared(*reg, with, *bytes, false, state);
            }
            Op::CompareSigned { reg, with, bytes } => {
                state.compared = compared(*reg, with, *bytes, true, state);
            }
            Op::FlagsLost => state.compared = None,
            Op::Keep { field } => state.keep(*field),
            Op::Recall { field } => state.recall(*field),
            Op::LoadWide { .. } => {}
        }
    }

    /// `lea` of a table entry's value plus a base.
    fn offset_table(&self, place: &Place, state: &State) -> Option<Value> {
        let (index, 1) = place.index? else {
            return None;
        };
        let base = state.get(place.base?);
        let (table, by) = match (base, state.get(index)) {
            (Value::Entry(_), by) => (base, by.single()?),
            (by, table @ Value::Entry(_)) => (table, by.single()?),
            _ => return None,
        };
        Some(table.plus((by as i64).wrapping_add(place.disp)))
    }

    fn add(&self, dst: u8, src: &Src, negative: bool, bytes: u8, state: &mut State) {
        let sign = if negative { -1 } else { 1 };
        let old = *state.get(dst);
        let value = match src {
            Src::Imm(by) => old.plus(by.wrapping_mul(sign)),
            Src::Unknown => Value::Unknown,
            Src::Reg(reg) => {
                let by = state.get(*reg);
                match (by.single(), old.single()) {
                    (Some(by), _) => old.plus((by as i64).wrapping_mul(sign)),
                    (None, Some(old)) if !negative => by.plus(old as i64),
                    _ => Value::Unknown,
                }
            }
        };
        let value = self.cut(&value, bytes, false);
        self.settle(dst, value, state);
    }

    /// Sets what was added up; room of unknown size on the stack lies somewhere below.
    fn settle(&self, dst: u8, value: Value, state: &mut State) {
        let value = match (state.get(dst).stack(), value.stack()) {
            (Some(at), None) if dst == self.machine.stack_pointer() => {
                Value::One(Atom::Stack(at.saturating_sub(1 << 21)))
            }
            _ => value,
        };
        state.set(dst, value);
    }

    /// Bits of two numbers.
    fn combined(
        &self,
        dst: u8,
        src: &Src,
        bytes: u8,
        state: &State,
        with: impl Fn(u64, u64) -> u64,
    ) -> Value {
        let by = match src {
            Src::Imm(by) => Some(*by as u64),
            Src::Reg(reg) => state.get(*reg).single(),
            Src::Unknown => None,
        };
        let old = state.get(dst);
        let value = by.map_or(Value::Unknown, |by| {
            old.map(|atom| match atom {
                Atom::Const(old) => Some(Atom::Const(with(old, by))),
                _ => None,
            })
        });
        value.narrow(bytes, false)
    }

    fn store(&self, place: &Place, src: &Src, bytes: u8, state: &mut State) {
        let address = self.address(place, state);
        let value = match src {
            Src::Imm(value) => Value::constant(*value as u64).narrow(bytes, false),
            Src::Reg(reg) if bytes >= 4 => self.cut(state.get(*reg), bytes, false),
            _ => Value::Unknown,
        };
        let single = address.stack().is_some();
        let known = |atom: &Atom| matches!(atom, Atom::Stack(_) | Atom::Const(_));
        if address.atoms().is_empty() || !address.atoms().iter().all(known) {
            self.shared.get().forget(state);
        }
        for atom in address.atoms() {
            let Atom::Stack(at) = atom else { continue };
            let end = at.saturating_add(i32::from(bytes.max(1)));
            // A longer store covers what follows.
            state.forget(*at, end);
            state.set_slot(*at, if single { value } else { Value::Unknown });
        }
    }
}

/// An aligned stack lies somewhere below: far from what is known by offset.
fn aligned(value: Value) -> Value {
    match value.stack() {
        Some(at) => Value::One(Atom::Stack(at.saturating_sub(1 << 20))),
        None => value,
    }
}

/// What is known where the condition holds.
fn refine(mut state: State, cond: Cond, close: bool) -> State {
    let Some(Compared {
        reg,
        with,
        bytes,
        signed,
        swapped,
    }) = state.compared
    else {
        return state;
    };
    let cond = if swapped { mirrored(cond) } else { cond };
    let with = if bytes >= 8 {
        with as u64
    } else {
        with as u64 & u64::from(u32::MAX)
    };
    let old = *state.get(reg);
    let most = match cond {
        Cond::Equal => {
            state.refine(reg, Value::constant(with));
            return state;
        }
        Cond::NotEqual => {
            let rest: Vec<Atom> = old
                .atoms()
                .iter()
                .copied()
                .filter(|atom| *atom != Atom::Const(with))
                .collect();
            if !rest.is_empty() {
                state.refine(reg, Value::from_atoms(rest));
            }
            return state;
        }
        Cond::BelowOrEqual if !signed => Some(with),
        Cond::Below if !signed => with.checked_sub(1),
        _ => None,
    };
    if let Some(Ok(most)) = most.map(u32::try_from)
        && old.stack().is_none()
        && let Some(value) = bounded(&old, most, bytes, close)
    {
        state.refine(reg, value);
    }
    state
}
