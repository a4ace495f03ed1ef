// SPDX-License-Identifier: MIT OR Apache-2.0
//! Comparisons of registers, and conditions seen from the other side.

use super::ir::{Cond, Reg, Src};
use super::state::{Compared, State};
use super::value::{Atom, Value};

/// What a comparison tells of one register, if the other side is a number.
pub fn compared(reg: Reg, with: &Src, bytes: u8, signed: bool, state: &State) -> Option<Compared> {
    let (reg, with, swapped) = match with {
        Src::Unknown => return None,
        Src::Imm(with) => (reg, *with, false),
        Src::Reg(other) => match (state.get(*other).single(), state.get(reg).single()) {
            (Some(with), _) => (reg, with as i64, false),
            (None, Some(with)) => (*other, with as i64, true),
            (None, None) => return None,
        },
    };
    Some(Compared {
        reg,
        with,
        bytes,
        signed,
        swapped,
    })
}

/// The condition of the other way.
pub fn opposite(cond: Cond) -> Cond {
    match cond {
        Cond::Equal => Cond::NotEqual,
        Cond::NotEqual => Cond::Equal,
        Cond::Above => Cond::BelowOrEqual,
        Cond::AboveOrEqual => Cond::Below,
        Cond::Below => Cond::AboveOrEqual,
        Cond::BelowOrEqual => Cond::Above,
        Cond::Other => Cond::Other,
    }
}

/// The condition with both sides of the comparison exchanged.
pub fn mirrored(cond: Cond) -> Cond {
    match cond {
        Cond::Above => Cond::Below,
        Cond::AboveOrEqual => Cond::BelowOrEqual,
        Cond::Below => Cond::Above,
        Cond::BelowOrEqual => Cond::AboveOrEqual,
        other => other,
    }
}

/// Below lies nothing.
const SMALLEST_ADDRESS: u32 = 1 << 12;

/// A value that is no larger than this: of numbers those that are not, and where all
/// are, what the way is for. `close`: numbers and tables' entries are bounded as well,
/// where tables lie between code and nothing else tells their ends.
pub fn bounded(old: &Value, most: u32, bytes: u8, close: bool) -> Option<Value> {
    let known = old.constants().next().is_some() || matches!(old, Value::Entry(_));
    if known && !close {
        return None;
    }
    if old.constants().next().is_none() {
        return Some(Value::AtMost(most));
    }
    let cut = if bytes >= 8 {
        u64::MAX
    } else {
        u32::MAX.into()
    };
    let fits = |atom: &Atom| matches!(atom, Atom::Const(value) if value & cut <= most.into());
    let number = |atom: &Atom| matches!(atom, Atom::Const(_));
    if !old.atoms().iter().all(number) {
        // No address is as small as what chooses a way.
        return (most < SMALLEST_ADDRESS).then_some(Value::AtMost(most));
    }
    let rest: Vec<Atom> = old.atoms().iter().copied().filter(fits).collect();
    Some(match rest.is_empty() {
        true => Value::AtMost(most),
        false => Value::from_atoms(rest),
    })
}

impl Value {
    /// Of several numbers the largest, where it is nothing else.
    pub fn largest(&self) -> Option<u32> {
        let all = self.constants().count() == self.atoms().len();
        let most = self.constants().max().filter(|_| all)?;
        u32::try_from(most).ok()
    }

    /// It, if it is nothing but numbers, or what is no larger than this.
    pub fn or_most(&self, most: u32) -> Value {
        let largest = self.largest();
        largest.map_or(Value::Unknown, |other| Value::AtMost(most.max(other)))
    }
}
