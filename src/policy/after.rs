// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds in a program that is executed, and which calls both it and the one before it may make.
//!
//! A filter cannot see that execve(2) has been called, and stays. A broker can
//! be asked: so the filter allows what holds before and after, and everything
//! else is asked.

use super::{Action, Broker, Policy};
use crate::promise::{Promise, Set};
use crate::table::{Grant, Libc, Limit, Run, Table};

/// What holds after execve(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// What held before.
    Same,
    /// Nothing.
    Free,
    /// Execpromises, and what they grant.
    Under(Set, Grant),
    /// What an older filter leaves to the broker, whatever this one refuses.
    Left,
}

/// Calls that a broker looks at in any case: what a process has installed for
/// SIGSYS tells it whether the process has executed a program since.
const WATCHED: [&str; 1] = ["rt_sigaction"];
/// With execpromises also what is executed: set-id programs are refused.
const EXECUTES: [&str; 2] = ["execve", "execveat"];

/// Does a broker have to tell who has executed a program since?
pub fn differs(promises: Set, exec: Option<Set>) -> bool {
    let alike = |set: Set| set.without(Promise::Error);
    promises.contains(Promise::Exec) && exec.is_none_or(|exec| alike(exec) != alike(promises))
}

/// Does a filter of these promises let the same through unasked, whichever of
/// the two executed programs hold? On any libc, since one filter is of one.
pub fn lets_alike(table: &Table, promises: Set, one: Option<Set>, other: Option<Set>) -> bool {
    let policy = |exec| {
        let mut policy = Policy::of(table, table.libcs, promises);
        policy.exec = exec;
        policy.with_broker(Broker::Here).with_exec(table.libcs)
    };
    let (one, other) = (policy(one), policy(other));
    (0..table.calls.len()).all(|place| {
        let limits = one.limits_of(place).map(core::ptr::from_ref);
        one.verdict(place) == other.verdict(place)
            && limits.eq(other.limits_of(place).map(core::ptr::from_ref))
    })
}

/// What execpromises grant: to begin with, what a program does before its main().
fn grants<'a>(table: &Table<'a>, libcs: &[Libc<'a>], exec: Set) -> Grant {
    let mut begun = beginning(table, libcs);
    for libc in libcs {
        exec.iter()
            .for_each(|promise| begun.join(libc.grant(promise)));
    }
    begun
}

/// What every program does before its main(), and what is always allowed.
fn beginning<'a>(table: &Table<'a>, libcs: &[Libc<'a>]) -> Grant {
    let mut granted = Grant::NONE;
    for libc in libcs {
        granted.join(&libc.always);
        granted.join(libc.grant(Promise::Exec));
    }
    let mut begun = Grant::NONE;
    let executes = |place: usize| EXECUTES.contains(&table.calls[place].name);
    for place in granted.calls.iter().filter(|place| !executes(*place)) {
        begun.calls.insert(place);
    }
    for number in granted.limits.iter() {
        let limit = table.limits.get(number);
        if limit.is_some_and(|limit| !executes(usize::from(limit.call))) {
            begun.limits.insert(number);
        }
    }
    begun
}

impl<'a> Policy<'a> {
    /// The same where the broker, if there is one, tells who has executed a
    /// program since.
    #[must_use]
    pub fn with_exec(mut self, libcs: &[Libc<'a>]) -> Policy<'a> {
        if self.is_unbound() {
            return self;
        }
        if self.broker == Broker::Absent || !differs(self.promises, self.exec) {
            return self;
        }
        self.after = match self.exec {
            _ if self.broker == Broker::Below => After::Left,
            None => After::Free,
            // Limits of "exec" are in force for what comes before main().
            Some(exec) => {
                let granted = grants(self.table, libcs, exec);
                After::Under(exec.with(Promise::Exec), granted)
            }
        };
        if self.asks_all() {
            self.drop_watched(libcs);
        }
        self
    }

    /// Nothing holds but for what is executed. Of that a filter lets through
    /// what hardly a later promise lacks, and its broker is asked for the rest.
    pub fn unbound(table: &'a Table<'a>, libcs: &[Libc<'a>], exec: Set) -> Policy<'a> {
        let kept = exec.and(Set::EMPTY.with(Promise::Stdio));
        let mut policy = Policy::of(table, libcs, kept).with_broker(Broker::Here);
        policy.begin(libcs);
        policy.exec = Some(exec);
        policy.after = After::Free;
        policy.drop_watched(libcs);
        policy
    }

    /// Is it such a one?
    pub fn is_unbound(&self) -> bool {
        self.after == After::Free && self.exec.is_some()
    }

    /// Grant what every program does before its main(), too.
    pub fn begin(&mut self, libcs: &[Libc<'a>]) {
        self.granted.join(&beginning(self.table, libcs));
        self.promises = self.promises.with(Promise::Exec);
    }

    /// Leave to the broker what every process may do of the watched calls.
    fn drop_watched(&mut self, libcs: &[Libc<'a>]) {
        let mut kept = Grant::NONE;
        for libc in libcs {
            self.promises.iter().for_each(|p| kept.join(libc.grant(p)));
        }
        let is_free = self.after == After::Free;
        for (n, limit) in self.table.limits.iter().enumerate() {
            let place = usize::from(limit.call);
            let name = self.table.calls[place].name;
            if WATCHED.contains(&name) && !kept.limits.contains(n) {
                self.granted.limits.remove(n);
            }
            if EXECUTES.contains(&name) && !is_free {
                self.granted.limits.remove(n);
                self.granted.calls.remove(place);
            }
        }
    }

    /// Is a call that no limit lets through asked, since it may be allowed to
    /// a program that is executed?
    pub fn asks_all(&self) -> bool {
        matches!(self.after, After::Free | After::Under(..))
    }

    /// Do limits refuse, before and after, not the same?
    pub(super) fn refuses_unlike(&self, (first, limits): Run<'a>) -> bool {
        let After::Under(set, granted) = &self.after else {
            return false;
        };
        let unlike = |(n, limit): (usize, &Limit)| {
            let now = super::holds(&self.granted, self.promises, first + n, limit);
            limit.refuse && now != super::holds(granted, *set, first + n, limit)
        };
        limits.iter().enumerate().any(unlike)
    }

    /// What befalls a number that the tables do not know.
    pub fn unknown(&self) -> Action {
        match self.after {
            After::Free if self.broker == Broker::Here => Action::Ask,
            _ => Action::Errno(libc::ENOSYS as u16),
        }
    }

    /// May an executed program make the call at `place` with any arguments?
    pub(super) fn is_free_after(&self, place: usize, run: Run<'a>) -> bool {
        match &self.after {
            After::Same | After::Free | After::Left => true,
            After::Under(set, granted) => super::is_free(granted, *set, place, run),
        }
    }

    /// Is limit number `n`, on the call at `place`, in force for it too?
    pub(super) fn holds_after(&self, n: usize, limit: &Limit, place: usize, run: Run<'a>) -> bool {
        match &self.after {
            After::Same | After::Free | After::Left => true,
            After::Under(set, granted) => {
                let is_free = || super::is_free(granted, *set, place, run);
                limit.refuse || super::holds(granted, *set, n, limit) || is_free()
            }
        }
    }
}
