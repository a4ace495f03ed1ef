// SPDX-License-Identifier: MIT OR Apache-2.0
//! Callers that have executed a program since they pledged, or may: what they hold now, and what that allows.
//!
//! A handler of SIGSYS is inherited by fork(2) and lost by execve(2), and no
//! filter of a process that may execute lets it change that one signal: who has
//! the handler is the program that pledged. What is judged here is judged on
//! numbers, so the kernel may go on with the call.

use super::client::{Call, Caller, Client};
use super::state::{self, State};
use super::{Answer, STATES, files};
use crate::host;
use crate::names::LONGEST;
use crate::policy::{Action, Broker, Policy, Process};
use crate::promise::Promise;
use crate::sim::{self, Data};
use crate::sys::Errno;
use crate::sys::process::Status;
use crate::violation;

/// What the caller holds now: after execve(2) its process gets another label,
/// which what it forks inherits.
pub fn present(caller: &Caller, state: State) -> State {
    if !state.may_execute() || has_handler(caller.asked().tid).unwrap_or(true) {
        return state;
    }
    let executed = state.executed();
    // What was read was the caller's only if its call waits still.
    if caller.is_valid() {
        let number = STATES.take().number(executed);
        let _ = state::relabel(caller.tgid(), number);
    }
    executed
}

/// None where nothing can be read.
fn has_handler(tid: u32) -> Option<bool> {
    let caught = Status::of(tid).ok()?.number("SigCgt", 16)?;
    Some(caught & 1 << (libc::SIGSYS - 1) != 0)
}

/// What befalls a call of a caller that executed a program, or may; none where
/// it is one that others serve, or a violation.
pub fn judge(caller: &Caller, state: State, call: &Call) -> Option<Answer> {
    if is_of_handler(call) {
        return Some(match state.is_executed {
            true => Answer::LetThrough,
            false => Answer::Errno(libc::EINVAL),
        });
    }
    if state.is_free() {
        return Some(Answer::LetThrough);
    }
    if !state.is_executed && !state.may_execute() {
        return None;
    }
    match decide(caller, state) {
        Action::Allow => Some(Answer::LetThrough),
        Action::Errno(errno) | Action::Unfold(errno) => Some(Answer::Errno(errno.into())),
        Action::Ask | Action::Door | Action::Violation | Action::Foreign => None,
    }
}

/// Would it change the handler of SIGSYS?
fn is_of_handler(call: &Call) -> bool {
    call.nr == libc::SYS_rt_sigaction as u32
        && call.args[0] as u32 == libc::SIGSYS as u32
        && call.args[1] != 0
}

fn decide(caller: &Caller, state: State) -> Action {
    let host = host::host();
    let mut policy = Policy::of(host.table, host.libcs(), state.promises);
    policy.mode = state.mode;
    if state.is_executed {
        policy.begin(host.libcs());
    }
    policy.process = process(caller, state);
    let asked = caller.asked();
    let data = Data {
        nr: asked.nr,
        arch: asked.arch,
        ip: asked.ip,
        args: asked.args,
    };
    sim::decide(&policy.with_broker(Broker::Here), &data)
}

/// The errno of a call on a file that a libc lives without.
pub fn survives(caller: &Caller, call: &Call) -> Option<Errno> {
    let table = host::host().table;
    let arg = table.path_argument(call.nr)?;
    let mut name = [0; LONGEST];
    let name = files::copy(caller, call.args[arg], &mut name).ok()?;
    table.survives(name).map(Errno::from)
}

fn process(caller: &Caller, state: State) -> Process {
    let status = state.promises.contains(Promise::Fattr);
    let status = status.then(|| Status::of(caller.asked().tid).ok()).flatten();
    // The second of each line is the effective one.
    let effective = |name| status.as_ref().and_then(|s| s.numbers(name, 10).nth(1));
    let id = |name| effective(name).map_or(u32::MAX, |id| id as u32);
    Process {
        pid: caller.tgid(),
        report: violation::report_address(),
        uid: id("Uid"),
        gid: id("Gid"),
    }
}
