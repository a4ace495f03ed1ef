// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a register or a stack slot may hold: small sets of constants and symbols, else unknown.

use super::ir::{Reg, Way};
use super::sets::{self, Set};

/// Larger sets become unknown.
const LARGEST_SET: usize = 24;

/// One thing that a value may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Atom {
    Const(u64),
    /// What the register held when the function was entered.
    Entry(Reg),
    /// The low bytes of what it held, zeros above up to the second number of bytes.
    EntryLow(Reg, u8, u8),
    /// A number in the low bytes; what lies above is not known.
    Low(u16, u8),
    /// What the caller's stack held at this offset from the entry stack pointer.
    Slot(i32),
    /// What the memory held that an entry register pointed to, at this offset.
    Pointee(Reg, i32),
    /// The entry stack pointer plus this.
    Stack(i32),
    /// Read from writable memory at this address.
    Global(u64),
    /// Read at this offset from a pointer that is not followed.
    Field(i32),
    /// Read at the second offset from a pointer that was itself read at the first.
    Member(i32, i32),
}

/// A row of memory words that an index chooses from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Table {
    pub base: u64,
    /// Distance of the entries.
    pub step: u8,
    /// Bytes of an entry.
    pub size: u8,
    pub signed: bool,
    /// Largest index, where known.
    pub last: Option<u32>,
    /// What is read is shifted left by so many bits.
    pub shift: u8,
    /// Added to that.
    pub plus: u64,
}

/// An address or one behind it, by no more than so many bytes where that is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reach {
    pub base: u64,
    pub most: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub enum Value {
    Unknown,
    /// Unknown but not above this.
    AtMost(u32),
    One(Atom),
    /// Sorted, two or more.
    Many(Set),
    Entry(&'static Table),
    /// The upper part of an address.
    Page(u64),
    Past(&'static Reach),
}

// States are rows of them.
const _: () = assert!(size_of::<Value>() == 16);

impl PartialEq for Value {
    /// What most are is compared in place: nothing is done as often.
    #[inline]
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Unknown, Value::Unknown) => true,
            (Value::Unknown, _) | (_, Value::Unknown) => false,
            (Value::One(Atom::Const(a)), Value::One(Atom::Const(b))) => a == b,
            (Value::One(Atom::Entry(a)), Value::One(Atom::Entry(b))) => a == b,
            _ => self.is(other),
        }
    }
}

impl Eq for Value {}

impl Value {
    fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::AtMost(a), Value::AtMost(b)) => a == b,
            (Value::One(a), Value::One(b)) => a == b,
            // Most copies share their set.
            (Value::Many(a), Value::Many(b)) => std::ptr::eq(*a, *b) || a == b,
            (Value::Entry(a), Value::Entry(b)) => a == b,
            (Value::Page(a), Value::Page(b)) => a == b,
            (Value::Past(a), Value::Past(b)) => a == b,
            (Value::Unknown, Value::Unknown) => true,
            _ => false,
        }
    }

    pub fn constant(value: u64) -> Value {
        Value::One(Atom::Const(value))
    }

    pub fn atoms(&self) -> &[Atom] {
        match self {
            Value::One(atom) => std::slice::from_ref(atom),
            Value::Many(atoms) => atoms,
            _ => &[],
        }
    }

    /// One of these, in this order.
    pub fn many(atoms: &[Atom]) -> Value {
        sets::set(atoms).map_or(Value::Unknown, Value::Many)
    }

    /// What is read from a table.
    pub fn entry(table: Table) -> Value {
        sets::table(table).map_or(Value::Unknown, Value::Entry)
    }

    pub fn past(base: u64, most: Option<u32>) -> Value {
        sets::reach(Reach { base, most }).map_or(Value::Unknown, Value::Past)
    }

    pub fn from_atoms(mut atoms: Vec<Atom>) -> Value {
        atoms.sort_unstable();
        atoms.dedup();
        match atoms.len() {
            0 => Value::Unknown,
            1 => Value::One(atoms[0]),
            n if n <= LARGEST_SET => Value::many(&atoms),
            _ => Value::Unknown,
        }
    }

    /// The one constant that it is.
    pub fn single(&self) -> Option<u64> {
        match self {
            Value::One(Atom::Const(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn stack(&self) -> Option<i32> {
        match self {
            Value::One(Atom::Stack(at)) => Some(*at),
            _ => None,
        }
    }

    pub fn constants(&self) -> impl Iterator<Item = u64> + '_ {
        self.atoms().iter().filter_map(|atom| match atom {
            Atom::Const(value) => Some(*value),
            _ => None,
        })
    }

    pub fn join(&self, other: &Value) -> Value {
        if self == other {
            return *self;
        }
        match (self, other) {
            (Value::AtMost(a), Value::AtMost(b)) => Value::AtMost(*a.max(b)),
            (Value::One(_) | Value::Many(_), Value::One(_) | Value::Many(_)) => self.union(other),
            (Value::AtMost(most), other) | (other, Value::AtMost(most)) => other.or_most(*most),
            _ => Value::Unknown,
        }
    }

    /// All that either may be; whichever is all of it stays shared.
    fn union(&self, other: &Value) -> Value {
        let (mut mine, mut theirs) = (self.atoms(), other.atoms());
        if theirs.iter().all(|atom| mine.binary_search(atom).is_ok()) {
            return *self;
        }
        let mut all = [theirs[0]; LARGEST_SET];
        let mut count = 0;
        while let Some(next) = mine.first().into_iter().chain(theirs.first()).min() {
            let Some(place) = all.get_mut(count) else {
                return Value::Unknown;
            };
            *place = *next;
            count += 1;
            mine = &mine[usize::from(mine.first() == Some(place))..];
            theirs = &theirs[usize::from(theirs.first() == Some(place))..];
        }
        match count == other.atoms().len() {
            true => *other,
            false => Value::many(&all[..count]),
        }
    }

    /// Applies `change` to every atom; unknown as soon as one has no image.
    pub fn map(&self, change: impl Fn(Atom) -> Option<Atom>) -> Value {
        match self {
            Value::One(atom) => change(*atom).map_or(Value::Unknown, Value::One),
            Value::Many(atoms) => atoms
                .iter()
                .map(|atom| change(*atom))
                .collect::<Option<Vec<_>>>()
                .map_or(Value::Unknown, Value::from_atoms),
            _ => Value::Unknown,
        }
    }

    pub fn plus(&self, by: i64) -> Value {
        match self {
            Value::Entry(table) => Value::entry(Table {
                plus: table.plus.wrapping_add(by as u64),
                ..**table
            }),
            Value::Page(page) => Value::constant(page.wrapping_add(by as u64)),
            Value::Past(reach) => Value::past(reach.base.wrapping_add(by as u64), reach.most),
            _ if by == 0 => *self,
            Value::AtMost(_) | Value::Unknown => Value::Unknown,
            _ => self.map(|atom| match atom {
                Atom::Const(value) => Some(Atom::Const(value.wrapping_add(by as u64))),
                Atom::Stack(at) => i32::try_from(i64::from(at) + by).ok().map(Atom::Stack),
                _ => None,
            }),
        }
    }

    /// The low bytes of it, extended.
    pub fn narrow(&self, bytes: u8, signed: bool) -> Value {
        let bits = 64 - 8 * u32::from(bytes.clamp(1, 8));
        match self {
            _ if bits == 0 => *self,
            // What was read from a short entry is extended as the last to look at it does.
            Value::Entry(table) if table.size < 4 && bytes > table.size => *self,
            Value::Entry(table)
                if table.size < 4 && bytes == table.size && table.shift == 0 && table.plus == 0 =>
            {
                Value::entry(Table { signed, ..**table })
            }
            Value::AtMost(most) if bytes >= 4 || u64::from(*most) < 1 << (8 * bytes) => *self,
            Value::Unknown | Value::AtMost(_) if bytes < 4 && !signed => {
                Value::AtMost((1u32 << (8 * bytes)) - 1)
            }
            Value::Entry(_) if bytes >= 4 => *self,
            _ => self.map(|atom| match atom {
                Atom::Const(value) => {
                    let up = value << bits;
                    let value = if signed {
                        (up as i64 >> bits) as u64
                    } else {
                        up >> bits
                    };
                    Some(Atom::Const(value))
                }
                Atom::EntryLow(reg, low, clear) if bytes <= clear && !signed => {
                    Some(Atom::EntryLow(reg, low.min(bytes), 8))
                }
                Atom::Entry(reg) if bytes < 4 && !signed => Some(Atom::EntryLow(reg, bytes, 8)),
                Atom::Low(value, low) if bytes <= low && !signed => {
                    Some(Atom::Const(u64::from(value) & ((1 << (8 * bytes)) - 1)))
                }
                Atom::EntryLow(..) => None,
                // A call number keeps its meaning in the low half.
                Atom::Stack(_) => None,
                _ if bytes >= 4 => Some(atom),
                _ => None,
            }),
        }
    }

    /// Numbers taken to 32 bits, all else as it is.
    pub fn wrapped(&self) -> Value {
        match self {
            Value::One(_) | Value::Many(_) => self.map(|atom| match atom {
                Atom::Const(value) => Some(Atom::Const(value & u64::from(u32::MAX))),
                _ => Some(atom),
            }),
            _ => *self,
        }
    }

    /// Shifted by a number of bits.
    pub fn shifted(&self, by: u8, way: Way, bytes: u8) -> Value {
        let by = u32::from(by);
        let shift = |value: u64| match (way, bytes) {
            (Way::Left, _) => value.checked_shl(by).unwrap_or(0),
            (Way::Right, _) => value.checked_shr(by).unwrap_or(0),
            (Way::Signed, 8) => (value as i64 >> by.min(63)) as u64,
            (Way::Signed, _) => (value as u32 as i32 >> by.min(31)) as u64,
        };
        match self {
            _ if by == 0 => *self,
            Value::Entry(table) if way == Way::Left && table.plus == 0 => Value::entry(Table {
                shift: table.shift.saturating_add(by as u8),
                ..**table
            }),
            Value::AtMost(most) => match u32::try_from(shift(u64::from(*most))) {
                Ok(most) if way != Way::Signed => Value::AtMost(most),
                _ => Value::Unknown,
            },
            _ => self
                .map(|atom| match atom {
                    Atom::Const(value) => Some(Atom::Const(shift(value))),
                    _ => None,
                })
                .narrow(bytes, false),
        }
    }

    /// With so many low bytes unknown.
    pub fn blurred(&self, bytes: u8) -> Value {
        let mask = (1u64 << (8 * u32::from(bytes).min(7))) - 1;
        let most = match self {
            Value::AtMost(most) => Some(u64::from(*most)),
            _ => self.single(),
        };
        match most.map(|most| u32::try_from(most | mask)) {
            Some(Ok(most)) => Value::AtMost(most),
            _ => Value::Unknown,
        }
    }

    /// With some of its bytes replaced by a number, from that bit on.
    pub fn inserted(&self, value: u64, shift: u8, bytes: u8) -> Value {
        let mask = ((1u64 << (8 * u32::from(bytes).min(7))) - 1) << shift;
        let value = value << shift & mask;
        // Nothing of the old is left.
        if let Value::AtMost(most) = self
            && shift == 0
            && u64::from(*most) <= mask
        {
            return Value::constant(value);
        }
        let low = (shift == 0 && bytes <= 2).then_some(Atom::Low(value as u16, bytes));
        let known = self.map(|atom| match atom {
            Atom::Const(old) => Some(Atom::Const(old & !mask | value)),
            Atom::Low(old, 1) if shift == 8 => Some(Atom::Low(old | value as u16, 2)),
            Atom::Entry(reg) if shift == 8 && bytes == 1 && value == 0 => {
                Some(Atom::EntryLow(reg, 1, 2))
            }
            _ => low,
        });
        match (known, low) {
            (Value::Unknown, Some(low)) => Value::One(low),
            (known, _) => known,
        }
    }

    pub fn masked(&self, mask: i64, bytes: u8) -> Value {
        match self {
            Value::One(Atom::Stack(at)) => Value::One(Atom::Stack(*at & mask as i32)),
            Value::One(Atom::Const(_)) => self
                .map(|atom| match atom {
                    Atom::Const(value) => Some(Atom::Const(value & mask as u64)),
                    _ => None,
                })
                .narrow(bytes, false),
            _ => match u32::try_from(mask) {
                Ok(mask) => Value::AtMost(match self {
                    Value::AtMost(most) => mask.min(*most),
                    _ => mask,
                }),
                Err(_) => Value::Unknown,
            },
        }
    }
}
