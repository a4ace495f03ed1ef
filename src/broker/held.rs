// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process holds: its newest filter tells, and the broker whether a program was executed since.

use super::state::State;
use crate::policy::{Held, STATE};
use crate::promise::Promise;
use crate::seccomp;
use crate::sys;

/// What this thread holds, whatever the process did to its memory.
pub fn held() -> Option<Held> {
    let newest = seccomp::newest()?;
    if !newest.brokered || !newest.promises.contains(Promise::Exec) {
        return Some(newest);
    }
    // Of a broker that is dead nothing is known, and the filter holds.
    let part = |n| sys::inquire(STATE, n).ok();
    match State::from_parts(part) {
        Some(state) if state.is_free() && !state.is_unbound => None,
        Some(state) if state.is_executed || state.is_unbound => Some(Held {
            promises: state.promises,
            exec: state.exec,
            mode: state.mode,
            is_unbound: state.is_unbound,
            ..newest
        }),
        _ => Some(newest),
    }
}

/// Does the broker hold rules for the paths of this process?
pub fn has_rules() -> bool {
    let state = State::from_parts(|n| sys::inquire(STATE, n).ok());
    state.is_some_and(|state| state.veil != 0)
}
