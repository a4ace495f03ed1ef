// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handler of SIGSYS: two lines on standard error, then death by SIGABRT. Async-signal-safe.

use core::ffi::{c_int, c_long, c_void};
use core::fmt::{self, Write};

use crate::host::{self, Host};
use crate::policy::Process;
use crate::promise::{Promise, Set};
use crate::resolve::{Match, Rows};
use crate::seccomp;
use crate::sim::{self, Data};
use crate::sys::report::{Report, buffer_address};
use crate::sys::signal::{self, Action, Info, Registers};
use crate::sys::{self, image, message, text, weak, zone};
use crate::table::Table;

/// How far up the stack a return address into the libc is looked for, in
/// words: glibc's deepest road from an exported function to a call is shorter.
const STACK_WORDS: usize = 256;

/// Where the report lies: the filter lets this address be written and no other.
pub fn report_address() -> u64 {
    buffer_address() as u64
}

/// What a signal did before it was taken over.
pub struct Before {
    action: Action,
    mask: u64,
}

/// Take over SIGSYS.
pub fn install() -> Result<Before, sys::Errno> {
    let action = signal::handle_sigsys(on_sigsys)?;
    let mask = signal::unblock(libc::SIGSYS);
    Ok(Before { action, mask })
}

/// Give it back.
pub fn uninstall(before: &Before) {
    signal::restore_sigsys(&before.action);
    signal::restore_mask(before.mask);
}

extern "C" fn on_sigsys(_signal: c_int, info: *mut Info, context: *mut c_void) {
    let (info, registers) = signal::told(info, context);
    if info.is_seccomp() {
        // Not a violation: the call may be one that can be made otherwise.
        if info.data() != 0 {
            let done = message::make(c_long::from(info.nr), &registers.args, registers.mask);
            let errno = info.data().into();
            return signal::answer(context, done.unwrap_or(Err(errno)));
        }
        if let Some(status) = zone::recall(c_long::from(info.nr), &registers.args) {
            return signal::answer(context, status);
        }
        if let Some(errno) = survivable(info, &registers) {
            return signal::answer(context, Err(errno.into()));
        }
        report(info, &registers);
    }
    signal::abort()
}

/// The errno of a call on a file that a libc lives without.
fn survivable(info: &Info, registers: &Registers) -> Option<u16> {
    let table = host::host().table;
    let arg = table.path_argument(info.nr as u32)?;
    let mut name = [0; 128];
    let name = text::copy(registers.args[arg] as *const _, &mut name).ok()?;
    table.survives(name)
}

fn report(info: &Info, registers: &Registers) {
    let data = Data {
        nr: info.nr as u32,
        arch: info.arch,
        ip: info.address as u64,
        args: registers.args,
    };
    let host = host::host();
    let held = seccomp::held().map_or(Set::EMPTY, |held| held.promises);
    let pid = sys::pid();
    let (uid, gid) = sys::ids();
    let report = report_address();
    let process = Process {
        pid,
        report,
        uid,
        gid,
    };
    let promise = sim::missing(host.table, host.libcs(), held, process, &data);
    let Some(mut out) = Report::take(pid) else {
        return;
    };
    let name = weak::program_name().and_then(|name| core::str::from_utf8(name).ok());
    let told = Told {
        program: name.unwrap_or("?"),
        pid,
        promise: promise.map_or("", Promise::name),
        nr: data.nr,
        function: function(&host, info.address, registers),
        libc: host.name,
        version: host.version.as_str(),
        is_static: host.is_static,
        rows: host.rows,
        file: host.origin.file.as_str(),
    };
    // What does not fit is cut, which is no reason to say nothing.
    let _ = told.write(host.table, &mut out);
    out.send();
}

/// What a report tells: OpenBSD's line, and one with what Linux users need.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub program: &'a str,
    pub pid: u32,
    /// The promise that would have allowed it; empty if none would.
    pub promise: &'a str,
    pub nr: u32,
    /// The function of the libc that made the call.
    pub function: Option<&'a str>,
    pub libc: &'a str,
    pub version: &'a str,
    pub is_static: bool,
    /// What stood for the libc.
    pub rows: Rows,
    /// The file that this is from; empty for the library's own.
    pub file: &'a str,
}

impl Told<'_> {
    /// The two lines.
    pub fn write(&self, table: &Table, out: &mut dyn Write) -> fmt::Result {
        let Told {
            program,
            pid,
            promise,
            ..
        } = self;
        write!(out, "{program}[{pid}]: pledge \"{promise}\", syscall ")?;
        match table.call_name(self.nr) {
            Some(call) => writeln!(out, "{call}")?,
            None => writeln!(out, "{}", self.nr)?,
        }
        write!(out, "{program}[{pid}]: rpledge: ")?;
        match self.function {
            Some(function) => write!(out, "{function}() of ")?,
            None => write!(out, "no named function of ")?,
        }
        let version = if self.version.is_empty() {
            "?"
        } else {
            self.version
        };
        write!(
            out,
            "{} {version}{}; data:",
            self.libc,
            if self.is_static { " (static)" } else { "" }
        )?;
        for libc in self.rows.of(table) {
            write!(out, " {} {}", libc.name, libc.version)?;
        }
        let how = match self.rows.matched {
            Match::Build => "by build-id",
            Match::Version => "by version",
            Match::Nearest => "by nearest version",
            Match::None => "for want of better",
        };
        write!(out, ", {}, {how}", table.arch)?;
        match self.file {
            "" => writeln!(out),
            file => writeln!(out, ", from {file}"),
        }
    }
}

/// The function of the libc that made the call, as people call it: the one
/// around it, or the first up the stack, since private helpers have no name or
/// one that begins with an underscore.
fn function(host: &Host, address: usize, registers: &Registers) -> Option<&'static str> {
    let symbols = host.symbols()?;
    let named = |at: usize| {
        // A return address belongs to the call before it.
        let name = symbols.function(at.wrapping_sub(1))?;
        core::str::from_utf8(name).ok()
    };
    let first = named(address);
    if first.is_some_and(|name| !name.starts_with('_')) {
        return first;
    }
    let returns =
        image::return_addresses(registers, STACK_WORDS).filter(|at| symbols.is_return_address(*at));
    let mut callers = returns.filter_map(named);
    callers.find(|name| !name.starts_with('_')).or(first)
}
