// SPDX-License-Identifier: MIT OR Apache-2.0
//! Comparisons of registers, and conditions seen from the other side.

use super::ir::{Cond, Reg, Src};
use super::state::{Compared, State};

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
