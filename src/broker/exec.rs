// SPDX-License-Identifier: MIT OR Apache-2.0
//! Callers that have executed a program since they pledged, or may: what they hold now, and what that allows.
//!
//! A handler of SIGSYS is inherited by fork(2) and lost by execve(2), and no
//! filter of a process that may execute lets it change that one signal: who has
//! the handler is the program that pledged. What is judged here is judged on
//! numbers, so the kernel may go on with the call.

use core::ffi::CStr;
use core::fmt::Write;

use super::client::{Call, Caller, Client};
use super::state::{self, Label, State};
use super::{Answer, STATES, files};
use crate::host;
use crate::names::LONGEST;
use crate::policy::{Action, Broker, Policy, Process, UNFOLDED};
use crate::promise::Promise;
use crate::short::Short;
use crate::sim::{self, Data};
use crate::sys::Errno;
use crate::sys::fd;
use crate::sys::notify::Asked;
use crate::sys::process::{self, Status};
use crate::table::TABLE;
use crate::violation;

/// A directory below /proc.
type Full = Short<64>;

/// What the caller holds now: after execve(2) its process gets another label,
/// which what it forks inherits.
pub fn present(caller: &Caller, state: State, label: Label) -> State {
    let has_handler = || {
        let status = Status::of(caller.asked().tid).ok();
        status.and_then(|status| status.has_signal("SigCgt", libc::SIGSYS))
    };
    let has_executed = match caller.tracer() {
        Some(_) => label.has_executed,
        // Where nothing can be read nothing is known to have changed.
        None => state.may_execute() && !has_handler().unwrap_or(true),
    };
    if !state.may_execute() || !has_executed {
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

/// What befalls a call of a caller that executed a program, or may; none where
/// it is one that others serve, or a violation.
pub fn judge(caller: &Caller, state: State, call: &Call) -> Option<Answer> {
    if is_of_handler(caller.asked()) {
        // Of who is traced the tracer says so.
        return Some(match state.may_execute() && caller.tracer().is_none() {
            true => Answer::Errno(libc::EINVAL),
            // Nothing hangs on it.
            false => Answer::LetThrough,
        });
    }
    if state.is_free() {
        return Some(match state.is_unbound {
            // It could take the handler from a child, which is told by that.
            true if TABLE.call_name(call.nr) == Some("clone3") => Answer::Errno(libc::ENOSYS),
            true if is_set_id(caller, call) => Answer::Errno(libc::EACCES),
            _ => Answer::LetThrough,
        });
    }
    // Of others the filter lets through what they may do.
    if !state.is_executed && !state.may_execute() && !caller.is_asked_all() {
        return None;
    }
    match decide(caller, state, call) {
        // As OpenBSD has it, where execpromises would hold for it.
        Action::Allow if state.exec.is_some() && is_set_id(caller, call) => {
            Some(Answer::Errno(libc::EACCES))
        }
        Action::Allow => Some(Answer::LetThrough),
        // Its handler, or the broker, makes of it what can be made.
        Action::Errno(_) if is_unfolded(call) => None,
        Action::Errno(errno) | Action::Unfold(errno) => Some(Answer::Errno(errno.into())),
        Action::Ask | Action::Door | Action::Violation => None,
        // No number in it means what the tables say, so nobody may judge it.
        Action::Foreign => {
            if caller.is_valid() {
                let _ = process::kill(caller.tgid(), libc::SIGKILL);
            }
            Some(Answer::Errno(libc::ENOSYS))
        }
    }
}

/// Would it execute a set-id program? The name may change after the look, and
/// then such a program starts, and gains nothing.
fn is_set_id(caller: &Caller, call: &Call) -> bool {
    let (from, name, flags) = match call.nr as core::ffi::c_long {
        libc::SYS_execve => (libc::AT_FDCWD, call.args[0], 0),
        libc::SYS_execveat => (call.int(0), call.args[1], call.int(4)),
        _ => return false,
    };
    let mut path = [0; LONGEST];
    let Ok(path) = files::copy(caller, name, &mut path) else {
        return false;
    };
    let mut full = Full::EMPTY;
    let tid = caller.asked().tid;
    // What does not fit is no name of a file.
    let _ = match (path.first(), from) {
        (Some(b'/'), _) => Ok(()),
        (None, _) if flags & libc::AT_EMPTY_PATH == 0 => return false,
        (None, fd) => write!(full, "/proc/{tid}/fd/{fd}"),
        (_, libc::AT_FDCWD) => write!(full, "/proc/{tid}/cwd/"),
        (_, fd) => write!(full, "/proc/{tid}/fd/{fd}/"),
    };
    let mut whole = [0; LONGEST + 64];
    let head = full.as_str().as_bytes();
    whole[..head.len()].copy_from_slice(head);
    whole[head.len()..][..path.len()].copy_from_slice(path);
    let name = CStr::from_bytes_until_nul(&whole).unwrap_or(c"");
    fd::mode(name).is_ok_and(|mode| mode & (libc::S_ISUID | libc::S_ISGID) != 0)
}

fn is_unfolded(call: &Call) -> bool {
    let name = TABLE.call_name(call.nr);
    name.is_some_and(|name| UNFOLDED.contains(&name))
}

/// Would it change the handler of SIGSYS? On another architecture the number
/// is that of some other call.
fn is_of_handler(asked: &Asked) -> bool {
    asked.arch == TABLE.audit
        && asked.nr == libc::SYS_rt_sigaction as u32
        && asked.args[0] as u32 == libc::SIGSYS as u32
        && asked.args[1] != 0
}

/// What a filter of the first promises would say of a call.
pub fn decide(caller: &Caller, state: State, call: &Call) -> Action {
    let host = host::host();
    let mut policy = Policy::of(host.table, host.libcs(), state.promises);
    policy.mode = state.mode;
    if state.is_executed {
        policy.begin(host.libcs());
    }
    policy.process = values(caller, state);
    sim::decide(&policy.with_broker(Broker::Here), &data(caller, call))
}

/// The errno with which a call fails that no handler can judge: that of a
/// limit, or of a file that a libc lives without.
pub fn survives(caller: &Caller, state: State, call: &Call) -> Option<Errno> {
    let host = host::host();
    let table = host.table;
    let mut policy = Policy::of(table, host.libcs(), state.promises);
    (policy.mode, policy.process) = (state.mode, values(caller, state));
    if let Action::Errno(errno) | Action::Unfold(errno) = sim::decide(&policy, &data(caller, call))
    {
        return Some(errno.into());
    }
    let arg = table.path_argument(call.nr)?;
    let mut name = [0; LONGEST];
    let name = files::copy(caller, call.args[arg], &mut name).ok()?;
    table.survives(name).map(Errno::from)
}

fn data(caller: &Caller, call: &Call) -> Data {
    let asked = caller.asked();
    Data {
        nr: call.nr,
        arch: asked.arch,
        ip: asked.ip,
        args: call.args,
    }
}

fn values(caller: &Caller, state: State) -> Process {
    let status = state.promises.contains(Promise::Fattr);
    let status = status
        .then(|| Status::of(caller.asked().tid).ok())
        .flatten();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handlers_call_is_of_this_architecture() {
        let mut asked = Asked::default();
        (asked.arch, asked.nr) = (TABLE.audit, libc::SYS_rt_sigaction as u32);
        asked.args[..2].copy_from_slice(&[libc::SIGSYS as u64, 0x1000]);
        assert!(is_of_handler(&asked));
        let other = |change: fn(&mut Asked)| {
            let mut asked = asked;
            change(&mut asked);
            is_of_handler(&asked)
        };
        assert!(!other(|asked| asked.arch = 0x4000_0003));
        assert!(!other(|asked| asked.nr += 1));
        assert!(!other(|asked| asked.args[0] = libc::SIGABRT as u64));
        assert!(!other(|asked| asked.args[1] = 0));
        // The kernel takes the low half.
        assert!(other(|asked| asked.args[0] |= 1 << 32));
    }
}
