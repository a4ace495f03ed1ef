// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a policy changes in an older one, under whose filter the new one will lie.
//!
//! The kernel asks every filter of a thread, and of what they say it takes the
//! value of the most severe action; of equal actions the newest's. So where the
//! new policy says what the older said, its filter can say nothing (allow) and
//! the outcome is the same. What must be so for that: the older filters say at
//! least what `old` says. A filter that is built on a wrong belief restricts
//! less than was asked, and never widens anything.
//!
//! Where the broker is asked, saying the same again is not the same: only the
//! older filter has the listener, and an executed program has no handler of
//! what the newer one says instead.

use super::{DOOR_DATA, RET_ALLOW, RET_TRAP, RET_USER_NOTIF, action};
use crate::policy::{Action, After, Broker, Policy, Verdict};
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
    if was_limited != limited || !adds_nothing(old, was_otherwise, new, otherwise) {
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

/// Where `old` returns `was`, need `new` not say its own value?
fn adds_nothing(old: &Policy, was: u32, new: &Policy, value: u32) -> bool {
    if value == RET_ALLOW || is_asked(value) {
        return was == value || is_asked(was) && is_asked(value);
    }
    match (old.after, new.after) {
        // What the older one says itself, or left to the broker in its turn.
        (After::Left, After::Left) => was == value,
        // Who may not execute any more leaves it to nobody.
        (After::Left, _) => false,
        // Who may execute leaves it to the broker, by the older filter, whether
        // a refusal is one for the caller.
        (_, After::Left) => was == value || old.asks_all() && is_asked(was),
        _ => was == value,
    }
}

/// The same of an action that knows no call.
pub fn adds(old: &Policy, was: Action, new: &Policy, is: Action) -> bool {
    !adds_nothing(old, action(old, was), new, action(new, is))
}

/// May `new` say a value that it need not say? What it leaves to the broker
/// is not among that.
pub fn may_repeat(new: &Policy, value: u32) -> bool {
    new.after != After::Left && !is_asked(value)
}

/// Is what satisfies no limit of either, on the call at `place`, left to the
/// older filter? Then what that one lets through must be told apart from it.
pub fn leaves_rest(old: &Policy, new: &Policy, place: usize) -> bool {
    let (_, otherwise) = leaf(new, new.verdict(place));
    let (_, was_otherwise) = leaf(old, old.verdict(place));
    otherwise != RET_ALLOW
        && !may_repeat(new, otherwise)
        && adds_nothing(old, was_otherwise, new, otherwise)
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
