// SPDX-License-Identifier: MIT OR Apache-2.0
//! A violation of a caller in which no handler can run: reported and ended from outside.

use core::fmt::{self, Write};

use super::client::{Call, Client};
use crate::policy::Process;
use crate::promise::{Promise, Set};
use crate::short::Short;
use crate::sim::{self, Data};
use crate::sys::Errno;
use crate::sys::fd::{self, Fd};
use crate::sys::process::{self, Path, Status};
use crate::table::TABLE;
use crate::violation::log;

/// Two lines.
type Text = Short<512>;

/// Write the lines to the caller's standard error, if it can be had, and to the
/// system's log, and end
/// its process by SIGABRT, or by SIGKILL where that would not.
pub fn end(client: &dyn Client, held: Set, call: &Call) {
    let Ok(status) = Status::of(client.tid()) else {
        return;
    };
    let mut text = Text::EMPTY;
    // What does not fit is cut, which is no reason to say nothing.
    let _ = write(&mut text, &status, client.tgid(), held, call);
    let out = standard_error(client);
    if !client.is_valid() {
        return;
    }
    if let Ok(out) = out {
        let _ = out.write(text.as_str().as_bytes());
    }
    log::send_for_other(text.as_str());
    let has = |set| status.has_signal(set, libc::SIGABRT).unwrap_or(true);
    let signal = match has("SigCgt") || has("SigIgn") || has("SigBlk") {
        true => libc::SIGKILL,
        false => libc::SIGABRT,
    };
    let _ = process::kill(client.tgid(), signal);
}

/// The very one, as its place in a file counts; opened anew where that cannot be had.
fn standard_error(client: &dyn Client) -> Result<Fd, Errno> {
    process::descriptor(client.tgid(), 2).or_else(|_| {
        let path = Path::of(client.tid(), format_args!("fd/2"));
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOCTTY;
        fd::open(path.as_c_str(), flags, 0)
    })
}

fn write(out: &mut Text, status: &Status, pid: u32, held: Set, call: &Call) -> fmt::Result {
    let program = status.text("Name").unwrap_or("?");
    let data = Data {
        nr: call.nr,
        arch: TABLE.audit,
        ip: 0,
        args: call.args,
    };
    let promise = sim::missing(&TABLE, TABLE.libcs, held, Process::default(), &data);
    let promise = promise.map_or("", Promise::name);
    let name = TABLE.call_name(call.nr).unwrap_or("?");
    writeln!(
        out,
        "{program}[{pid}]: pledge \"{promise}\", syscall {name}"
    )?;
    writeln!(
        out,
        "{program}[{pid}]: rpledge: the broker does not serve it, and no handler of violations can run"
    )
}
