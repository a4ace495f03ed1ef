// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a program that no handler of violations runs in: reported as any other, and by SIGABRT.

use core::str;

use super::client::{Call, Caller, Client};
use super::exec::{self, Asker};
use super::state::State;
use crate::host;
use crate::names::LONGEST;
use crate::policy::Mode;
use crate::promise::Promise;
use crate::short::Short;
use crate::sim;
use crate::sys::fd::{self, Fd};
use crate::sys::process::{self, Path, Status};
use crate::sys::Errno;
use crate::violation::Told;

/// What a report takes.
type Text = Short<512>;

/// The errno of a call on a file that a libc lives without.
pub fn survives(caller: &Caller, call: &Call) -> Option<Errno> {
    let table = host::host().table;
    let arg = table.path_argument(call.nr)?;
    let mut name = [0; LONGEST];
    let name = super::files::copy(caller, call.args[arg], &mut name).ok()?;
    table.survives(name).map(Errno::from)
}

/// Report the call and end its process, which waits for that as long as the
/// call is not answered.
pub fn end(caller: &Caller, state: State) {
    let tid = caller.asked().tid;
    if state.mode != Mode::Kill {
        report(caller, state);
    }
    let signal = match state.mode {
        Mode::Kill => libc::SIGKILL,
        _ if ends_by_abort(tid) => libc::SIGABRT,
        // A handler would go on.
        _ => libc::SIGKILL,
    };
    if caller.is_valid() {
        let _ = process::kill(caller.tgid(), signal);
    }
}

/// Is SIGABRT neither caught, ignored nor blocked?
fn ends_by_abort(tid: u32) -> bool {
    let bit = 1 << (libc::SIGABRT - 1);
    let Ok(status) = Status::of(tid) else {
        return false;
    };
    let has = |name| status.number(name, 16).is_none_or(|set| set & bit != 0);
    !["SigCgt", "SigIgn", "SigBlk"].into_iter().any(has)
}

/// To its standard error, if that takes it at once.
fn report(caller: &Caller, state: State) {
    let (host, tid) = (host::host(), caller.asked().tid);
    let Asker { process, data } = exec::asker(caller, state);
    let promise = sim::missing(host.table, host.libcs(), state.promises, process, &data);
    let mut name = [0; 16];
    let told = Told {
        program: program(tid, &mut name),
        pid: caller.tgid(),
        promise: promise.map_or("", Promise::name),
        nr: data.nr,
        function: None,
        libc: host.name,
        version: host.version.as_str(),
        is_static: host.is_static,
        rows: host.rows,
        file: host.origin.file.as_str(),
    };
    let mut text = Text::EMPTY;
    // What does not fit is cut, which is no reason to say nothing.
    let _ = told.write(host.table, &mut text);
    if let Ok(file) = standard_error(caller.tgid(), tid)
        && caller.is_valid()
    {
        let _ = file.write(text.as_str().as_bytes());
    }
}

fn program(tid: u32, name: &mut [u8; 16]) -> &str {
    let path = Path::of(tid, format_args!("comm"));
    let len = fd::open(path.as_c_str(), libc::O_RDONLY, 0).and_then(|file| file.read(name));
    let name = str::from_utf8(&name[..len.unwrap_or(0)]).unwrap_or("");
    match name.trim_end() {
        "" => "?",
        name => name,
    }
}

/// The very one, as its place in a file counts; opened anew where that may not
/// be had.
fn standard_error(process: u32, tid: u32) -> Result<Fd, Errno> {
    if let Ok(file) = process::descriptor(process, 2) {
        return Ok(file);
    }
    let path = Path::of(tid, format_args!("fd/2"));
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_APPEND;
    fd::open(path.as_c_str(), flags, 0)
}
