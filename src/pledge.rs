// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state machine: what a call of pledge() makes of the promises in force.

use crate::broker::state::{AWAITED, State};
use crate::broker::{self, start};
use crate::error::Error;
use crate::error::veil::Veil as Failure;
use crate::host::{self, Host};
use crate::policy::{self, Broker, Held, Mode, NARROW, Policy, Process};
use crate::promise::{Promise, Set};
use crate::resolve::Match;
use crate::seccomp::{self, Turn};
use crate::sys::spawn;
use crate::table::{Table, Wishes};
use crate::veil::filter::Mediation;
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
    let before = held.filter(|h| !h.is_unbound).map(|h| h.promises);
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
        return unbound(held, exec, flags);
    };
    if let Some(promise) = table.unserved(promises).iter().next() {
        return Err(Error::Broker(promise));
    }
    // A listener comes with the first filter or never.
    let asks_later = before.is_some_and(|old| table.brokered(old).is_empty());
    if let Some(promise) = table.brokered(promises).iter().next()
        && (asks_later || flags.thread && held.is_none())
    {
        return Err(match asks_later {
            true => Error::Broker(promise),
            false => Error::ThreadBroker(promise),
        });
    }
    // What the first filter lets through it lets an executed program, too; the
    // rest the broker can still refuse.
    let is_told = match held {
        None => !flags.thread,
        Some(held) => {
            let is_left = |exec| match held.is_unbound {
                true => are_alike(held.exec, exec),
                false => policy::lets_alike(table, held.promises, held.exec, exec),
            };
            held.brokered && (held.exec == exec || !flags.thread && is_left(exec))
        }
    };
    if let Some(missing) = missing_after(promises, exec)
        && !is_told
    {
        return Err(Error::ExecBroker { missing });
    }
    let mode = if promises.contains(Promise::Error) {
        Mode::Error
    } else {
        flags.mode
    };
    let brokered = match held {
        None => {
            let executes = !flags.thread && policy::differs(promises, exec);
            executes || !table.brokered(promises).is_empty()
        }
        Some(held) => held.brokered,
    };
    let next = |thread_only| Held {
        brokered,
        promises,
        exec,
        mode,
        thread_only,
        is_unbound: false,
    };
    // A thread that holds as much already needs no filter of its own.
    let kept = held.filter(|h| flags.thread && next(h.thread_only) == *h);
    Ok(Some(kept.unwrap_or(next(flags.thread))))
}

/// What is in force where nothing is but execpromises, which a broker holds.
fn unbound(held: Option<Held>, exec: Option<Set>, flags: Flags) -> Result<Option<Held>, Error> {
    let Some(exec) = exec else {
        return Ok(None);
    };
    let missing = State::free().promises.minus(exec);
    let is_kept = held.is_none_or(|held| are_alike(held.exec, Some(exec)));
    match flags.thread || !is_kept {
        true => Err(Error::ExecBroker { missing }),
        false => Ok(Some(Held {
            promises: State::free().promises,
            exec: Some(exec),
            mode: flags.mode,
            thread_only: false,
            brokered: true,
            is_unbound: true,
        })),
    }
}

/// Does a filter of execpromises alone let the same through for both?
fn are_alike(one: Option<Set>, other: Option<Set>) -> bool {
    let has_stdio = |exec: Option<Set>| exec.is_some_and(|exec| exec.contains(Promise::Stdio));
    has_stdio(one) == has_stdio(other)
}

/// What is to be done for `request` where `held` is in force, if anything.
fn plan(
    host: &Host,
    held: Option<Held>,
    request: Request,
    flags: Flags,
) -> Result<Option<Held>, Error> {
    let Some(mut next) = next(held, request, flags, host.table)? else {
        return Ok(None);
    };
    let wishes = wishes(host, next);
    next.brokered |= held.is_none() && !flags.thread && (wishes.files || wishes.sockets);
    // Rules that wait may be such as take one; and so may those that come later.
    next.brokered |= held.is_none() && !flags.thread && unveil::may_ask(next);
    let newest = || seccomp::newest().is_some_and(|newest| newest.brokered);
    let is_below = held.is_none() && newest();
    next.brokered |= is_below;
    // The filter that is listened to knows paths alone; what another one traps
    // ends a program that has no handler.
    if is_below && policy::differs(next.promises, next.exec) && broker::held::has_rules() {
        return Err(Failure::Frees.into());
    }
    if flags.strict && !next.is_unbound {
        check_strict(host, next.promises)?;
    }
    Ok(Some(next).filter(|next| !flags.dry_run && held != Some(*next)))
}

/// Restrict the process.
pub fn pledge(request: Request, flags: Flags) -> Result<(), Error> {
    let host = host::host();
    let held = broker::held::held();
    let Some(first) = plan(&host, held, request, flags)? else {
        return Ok(());
    };
    if held.is_none() {
        seccomp::check()?;
        host::prepare(first.promises);
    }
    seccomp::in_turn(|mut turn| {
        // Another thread may have pledged in the meantime.
        match plan(&host, broker::held::held(), request, flags)? {
            Some(next) => apply(&mut turn, &host, broker::held::held(), next, flags),
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

fn apply(
    turn: &mut Turn,
    host: &Host,
    held: Option<Held>,
    next: Held,
    flags: Flags,
) -> Result<(), Error> {
    if next.is_unbound && held.is_some() {
        // The filter is the same, and the broker refuses what is given up.
        return spawn::tell(NARROW, state(next).words()).map_err(Error::Start);
    }
    let policy = policy(host, next);
    // Before the filter, which may not let rules be put in force.
    let put_in_force = |has_broker| {
        let scope = match next.thread_only {
            true => sys::Scope::Thread,
            false => sys::Scope::Process,
        };
        unveil::before_pledge(next, scope, has_broker)
    };
    // Before the filter: the first violation may come with the next call.
    let before = violation::install().map_err(Error::Kernel)?;
    // An executed program that holds nothing has the broker of its parent.
    let is_first = held.is_none() && !seccomp::newest().is_some_and(|newest| newest.brokered);
    let loaded = match next.brokered {
        // What listens to the older filter holds nothing against this program.
        true if next.is_unbound && !is_first => Err(Error::ExecBroker {
            missing: next.promises,
        }),
        // The broker is there before the rules, which do not bind it.
        true if is_first => load_first(turn, host, &policy, flags, put_in_force),
        true => put_in_force(false).and_then(|_| load_later(turn, host, &policy, next)),
        false => put_in_force(false).and_then(|_| turn.load(&policy)),
    };
    loaded.inspect_err(|_| violation::uninstall(&before))
}

/// The state that a broker has for who holds this.
fn state(held: Held) -> State {
    State {
        promises: held.promises,
        exec: held.exec,
        mode: held.mode,
        is_executed: false,
        is_unbound: held.is_unbound,
        is_of_thread: held.thread_only,
        veil: 0,
    }
}

/// Can this process, or what it executes, become another user? A program that
/// is executed free may do so first, and promise something then.
fn changes_user(state: State) -> bool {
    let has_id = |set: Set| set.contains(Promise::Id);
    let executed = state.exec.is_none_or(has_id) && state.promises.contains(Promise::Exec);
    has_id(state.promises) || executed
}

/// The first filter, and the broker that listens to it. Where somebody else
/// listens to this process already, nothing serves what a filter cannot see,
/// and the rest holds.
fn load_first(
    turn: &mut Turn,
    host: &Host,
    policy: &Policy<'static>,
    flags: Flags,
    put_in_force: impl FnOnce(bool) -> Result<Option<Mediation>, Error>,
) -> Result<(), Error> {
    let state = first_state(policy);
    let mut listened = policy.with_broker(Broker::Here).with_exec(host.libcs());
    let is_needed = flags.strict
        || !policy.table.brokered(policy.promises).is_empty()
        || missing_alone(policy).is_some();
    let start = match start::begin(state, changes_user(state)) {
        Ok(start) => start,
        Err(_) if !is_needed => {
            put_in_force(false)?;
            return turn.load(policy);
        }
        Err(errno) => return Err(Error::Start(errno)),
    };
    listened.mediation = match put_in_force(true) {
        Ok(mediation) => mediation,
        Err(error) => {
            start.give_up();
            return Err(error);
        }
    };
    let is_needed = is_needed || listened.mediation.is_some();
    match turn.load_listened(&listened) {
        Ok(listener) => {
            start.go(listener);
            listened.mediation.map_or(Ok(()), unveil::after_pledge)
        }
        // Also a kernel without listeners, if nothing hangs on one.
        Err(Error::Kernel(errno))
            if !flags.strict
                && listened.mediation.is_none()
                && (errno == libc::EBUSY || !is_needed) =>
        {
            start.give_up();
            match missing_alone(policy) {
                Some(missing) => Err(Error::ExecBroker { missing }),
                None => turn.load(policy),
            }
        }
        Err(error) => {
            start.give_up();
            Err(match error {
                Error::Kernel(errno @ (libc::EBUSY | libc::EMFILE | libc::ENFILE)) => {
                    Error::Start(errno)
                }
                error => error,
            })
        }
    }
}

/// The state of the first caller; rules may be about to be told.
fn first_state(policy: &Policy) -> State {
    if policy.is_unbound() {
        return State::unbound(policy.exec, policy.mode);
    }
    let awaits = unveil::waits() && !policy.promises.contains(Promise::Unveil);
    State {
        promises: policy.promises,
        exec: policy.exec,
        mode: policy.mode,
        is_executed: false,
        is_unbound: false,
        is_of_thread: policy.thread_only,
        veil: if awaits { AWAITED } else { 0 },
    }
}

/// A filter on top of the one that is listened to; then the broker is told.
fn load_later(
    turn: &mut Turn,
    host: &Host,
    policy: &Policy<'static>,
    next: Held,
) -> Result<(), Error> {
    turn.load(&policy.with_broker(Broker::Below).with_exec(host.libcs()))?;
    // Of a broker that is dead nobody gets anything.
    let _ = spawn::tell(NARROW, state(next).words());
    Ok(())
}

/// Promises that an executed program is not to have, and that a filter alone
/// would leave it.
fn missing_after(promises: Set, exec: Option<Set>) -> Option<Set> {
    let missing = promises.minus(exec?).without(Promise::Error);
    (promises.contains(Promise::Exec) && !missing.is_empty()).then_some(missing)
}

/// The same of a first filter.
fn missing_alone(policy: &Policy) -> Option<Set> {
    match policy.is_unbound() {
        true => policy.exec.map(|exec| State::free().promises.minus(exec)),
        false => missing_after(policy.promises, policy.exec),
    }
}

/// What "stdio" asks for where a broker is there, or may be for that alone.
fn wishes(host: &Host, next: Held) -> Wishes {
    let wishes = host::wishes(next.promises);
    let executes = next.brokered && policy::differs(next.promises, next.exec);
    let is_needed = executes || !host.table.brokered(next.promises).is_empty();
    Wishes {
        // The kernel ends at once who is to be ended so.
        files: next.mode != Mode::Kill && (next.brokered || wishes.files),
        sockets: is_needed || wishes.sockets,
    }
}

fn policy(host: &Host, next: Held) -> Policy<'static> {
    let mut policy = match next.exec {
        Some(exec) if next.is_unbound => Policy::unbound(host.table, host.libcs(), exec),
        _ => Policy::of(host.table, host.libcs(), next.promises),
    };
    (policy.exec, policy.mode) = (next.exec, next.mode);
    (policy.thread_only, policy.wishes) = (next.thread_only, wishes(host, next));
    policy.process = process(next.promises);
    // An executed program has none: where there may be one, calls fail instead.
    policy.handled = !next.promises.contains(Promise::Exec);
    policy
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
