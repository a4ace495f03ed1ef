// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine: what a call of pledge() makes of the promises in force.

use crate::error::Error;
use crate::host::{self, Host};
use crate::policy::{Held, Mode, Policy, Process};
use crate::promise::{Promise, Set};
use crate::resolve::Match;
use crate::seccomp::{self, Turn};
use crate::table::Table;
use crate::{sys, unveil, violation};

/// How a call of pledge() is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    /// What befalls a violation.
    pub mode: Mode,
    /// The calling thread, and those that it makes later; not the process.
    pub thread: bool,
    /// Fail rather than enforce less than was promised.
    pub strict: bool,
    /// Check everything and restrict nothing.
    pub dry_run: bool,
}

impl Flags {
    /// The low bits hold the mode.
    pub const MODE_MASK: u64 = 0xf;
    pub const THREAD: u64 = 1 << 4;
    pub const STRICT: u64 = 1 << 5;
    pub const DRY_RUN: u64 = 1 << 6;

    /// A mode alone.
    pub const fn of(mode: Mode) -> Flags {
        Flags {
            mode,
            thread: false,
            strict: false,
            dry_run: false,
        }
    }

    /// Read them; a bit without a meaning is an error.
    pub fn from_bits(bits: u64) -> Result<Flags, Error> {
        let known = Flags::MODE_MASK | Flags::THREAD | Flags::STRICT | Flags::DRY_RUN;
        let unknown = bits & !known;
        if unknown != 0 {
            return Err(Error::Flags(unknown));
        }
        let mode = bits & Flags::MODE_MASK;
        let mode = Mode::from_number(mode).ok_or(Error::Flags(mode))?;
        Ok(Flags {
            mode,
            thread: bits & Flags::THREAD != 0,
            strict: bits & Flags::STRICT != 0,
            dry_run: bits & Flags::DRY_RUN != 0,
        })
    }
}

/// What is asked of pledge(): sets already read, as none of the call may be
/// applied before both are known to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    pub promises: Option<Set>,
    pub exec: Option<Set>,
}

/// What would be in force after `request`; pure, and so all of the rules.
/// What `table` says to need a broker cannot be served.
pub fn next(
    held: Option<Held>,
    request: Request,
    flags: Flags,
    table: &Table,
) -> Result<Option<Held>, Error> {
    if request.promises.is_none() && request.exec.is_none() {
        return Ok(held);
    }
    let before = held.map(|h| h.promises);
    let promises = match (before, request.promises) {
        (before, None) => before,
        (None, Some(new)) => Some(new),
        // Under "error" an increase is ignored, not refused.
        (Some(old), Some(new)) if old.contains(Promise::Error) => Some(new.and(old)),
        (Some(old), Some(new)) if new.is_subset(old) => Some(new),
        (Some(old), Some(new)) => {
            return Err(Error::Regain {
                exec: false,
                more: new.minus(old),
            });
        }
    };
    let exec = match (held.and_then(|h| h.exec), request.exec) {
        (before, None) => before,
        (Some(old), Some(new)) if !new.is_subset(old) => {
            return Err(Error::Regain {
                exec: true,
                more: new.minus(old),
            });
        }
        (_, Some(new)) => Some(new),
    };
    let Some(promises) = promises else {
        // Nothing is in force, and nothing could hold an executed program.
        return match exec {
            None => Ok(None),
            Some(exec) => Err(Error::ExecBroker {
                missing: Set::from_bits(u64::MAX).minus(exec),
            }),
        };
    };
    if let Some(promise) = table.unserved(promises).iter().next() {
        return Err(Error::Broker(promise));
    }
    if let Some(exec) = exec {
        let missing = promises.minus(exec).without(Promise::Error);
        if promises.contains(Promise::Exec) && !missing.is_empty() {
            return Err(Error::ExecBroker { missing });
        }
    }
    let mode = if promises.contains(Promise::Error) {
        Mode::Error
    } else {
        flags.mode
    };
    let next = |thread_only| Held {
        promises,
        exec,
        mode,
        thread_only,
    };
    // A thread that holds as much already needs no filter of its own.
    let kept = held.filter(|h| flags.thread && next(h.thread_only) == *h);
    Ok(Some(kept.unwrap_or(next(flags.thread))))
}

/// What is to be done for `request` where `held` is in force, if anything.
fn plan(
    host: &Host,
    held: Option<Held>,
    request: Request,
    flags: Flags,
) -> Result<Option<Held>, Error> {
    let Some(next) = next(held, request, flags, host.table)? else {
        return Ok(None);
    };
    if flags.strict {
        check_strict(host, next.promises)?;
    }
    Ok(Some(next).filter(|next| !flags.dry_run && held != Some(*next)))
}

/// Restrict the process.
pub fn pledge(request: Request, flags: Flags) -> Result<(), Error> {
    let host = host::host();
    let held = seccomp::held();
    let Some(first) = plan(&host, held, request, flags)? else {
        return Ok(());
    };
    if held.is_none() {
        seccomp::check()?;
        host::prepare(first.promises.contains(Promise::Stdio));
    }
    seccomp::in_turn(|mut turn| {
        // Another thread may have pledged in the meantime.
        match plan(&host, seccomp::held(), request, flags)? {
            Some(next) => apply(&mut turn, &host, next),
            None => Ok(()),
        }
    })
}

fn check_strict(host: &Host, promises: Set) -> Result<(), Error> {
    if host.rows.matched < Match::Version {
        return Err(Error::Libc);
    }
    promises
        .and(host.table.partial)
        .iter()
        .next()
        .map_or(Ok(()), |p| Err(Error::Partial(p)))
}

fn apply(turn: &mut Turn, host: &Host, next: Held) -> Result<(), Error> {
    let scope = if next.thread_only {
        sys::Scope::Thread
    } else {
        sys::Scope::Process
    };
    // Before the filter, which may not let rules be put in force.
    unveil::before_pledge(next, scope)?;
    let mut policy = Policy::of(host.table, host.libcs(), next.promises);
    (policy.exec, policy.mode) = (next.exec, next.mode);
    policy.thread_only = next.thread_only;
    policy.process = process(next.promises);
    policy.handled = true;
    // Before the filter: the first violation may come with the next call.
    let before = violation::install().map_err(Error::Kernel)?;
    turn.load(&policy).inspect_err(|_| {
        violation::uninstall(&before);
    })
}

fn process(promises: Set) -> Process {
    let (uid, gid) = if promises.contains(Promise::Fattr) {
        sys::ids()
    } else {
        (0, 0)
    };
    Process {
        pid: sys::pid(),
        report: violation::report_address(),
        uid,
        gid,
    }
}
