// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a policy changes in an older one, under whose filter the new one will lie.
//!
//! The kernel asks every filter of a thread, and of what they say it takes the
//! value of the most severe action; of equal actions the newest's. So where the
//! new policy says what the older said, its filter can say nothing (allow) and
//! the outcome is the same. What must be so for that: the older filters say at
//! least what `old` says. A filter that is built on a wrong belief restricts
//! less than was asked, and never widens anything.

use super::{DOOR_DATA, RET_ALLOW, RET_TRAP, RET_USER_NOTIF, action};
use crate::policy::{After, Broker, Policy, Verdict};
use crate::table::{Limit, Run};

/// Do filters of both return the same for the call at `place`, whatever its
/// arguments? The verdicts are theirs, and the limits those on that call.
pub fn is_same<'a>(
    (old, old_verdict): (&Policy<'a>, Verdict),
    (new, new_verdict): (&Policy<'a>, Verdict),
    place: usize,
    limits: Run<'a>,
) -> bool {
    let (limited, otherwise) = leaf(new, new_verdict);
    let (was_limited, was_otherwise) = leaf(old, old_verdict);
    let was_asked = is_asked(was_otherwise);
    let is_asked = was_asked && is_asked(otherwise);
    // Who may execute leaves it to the broker, by the older filter, whether a
    // refusal is one for the caller.
    let is_left = new.after == After::Left && old.asks_all() && was_asked;
    let is_left = is_left && otherwise != RET_ALLOW;
    if was_limited != limited || !is_asked && !is_left && was_otherwise != otherwise {
        return false;
    }
    if !limited {
        return true;
    }
    let mut was = old.limits_within(place, limits);
    let mut is = new.limits_within(place, limits);
    loop {
        match (was.next(), is.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if core::ptr::eq(a, b) && means_the_same(old, new, a) => {}
            _ => return false,
        }
    }
}

/// Does the broker decide? Which way it is asked is the older filter's to say.
fn is_asked(value: u32) -> bool {
    let door = RET_TRAP | u32::from(DOOR_DATA);
    value == RET_USER_NOTIF || value == door
}

/// Are there limits, and what is returned for what satisfies none?
fn leaf(policy: &Policy, verdict: Verdict) -> (bool, u32) {
    match verdict {
        Verdict::Always(always) => (false, action(policy, always)),
        Verdict::Limited { otherwise } => (true, action(policy, otherwise)),
    }
}

/// Has none of the values that only a process has changed in it? A child of
/// fork(2) has another id.
fn means_the_same(old: &Policy, new: &Policy, limit: &Limit) -> bool {
    let mut tests = limit.clauses.iter().flat_map(|clause| clause.iter());
    tests.all(|test| {
        let kept = |value| old.process.value(value) == new.process.value(value);
        test.values.iter().all(|value| kept(*value))
    })
}

/// What a filter returns for what the library asks the broker itself.
pub fn asking(policy: &Policy) -> Option<u32> {
    match policy.broker {
        Broker::Absent => None,
        Broker::Here => Some(RET_USER_NOTIF),
        // The older filter's word counts for more.
        Broker::Below => Some(RET_ALLOW),
    }
}
