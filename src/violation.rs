// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handler of SIGSYS: two lines on standard error and in the system's log, then death by SIGABRT. Async-signal-safe.

use core::ffi::{c_int, c_long, c_void};
use core::fmt::{self, Write};

use crate::bpf::DOOR_DATA;
use crate::broker;
use crate::host::{self, Host};
use crate::policy::{ASK, Action, Held, Mode, Policy, Process};
use crate::promise::{Promise, Set};
use crate::resolve::{Match, Rows};
use crate::sim::{self, Data};
use crate::sys::report::{Report, buffer_address};
use crate::sys::signal::{self, Info, Registers, Why};
use crate::sys::{self, image, message, spawn, text, weak, zone};
use crate::table::Table;

pub mod log;

/// Where the report lies: the filter lets this address be written and no other.
pub fn report_address() -> u64 {
    buffer_address() as u64
}

/// What a signal did before it was taken over.
pub struct Before {
    action: Option<signal::Action>,
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
    if let Some(action) = &before.action {
        signal::restore_sigsys(action);
    }
    signal::restore_mask(before.mask);
}

extern "C" fn on_sigsys(_signal: c_int, info: *mut Info, context: *mut c_void) {
    let (info, registers) = signal::told(info, context);
    let mut asks = info.is_seccomp() && info.data() == DOOR_DATA;
    let mut is_broken = false;
    let trapped = if info.is_seccomp() {
        Trapped {
            nr: info.nr as u32,
            arch: info.arch,
            at: info.address,
            registers,
        }
    } else if let Some((nr, first, why)) = info.handed_back() {
        is_broken = why == Why::Violation;
        if why == Why::Unread {
            spawn::let_broker_look();
            asks = true;
        }
        let mut registers = registers;
        // Some architectures return a value where the first argument was.
        if cfg!(target_pointer_width = "64") {
            registers.args[0] = first as u64;
        }
        Trapped {
            nr,
            arch: host::host().table.audit,
            at: registers.at,
            registers,
        }
    } else {
        signal::abort();
    };
    let action = match (info.is_seccomp(), info.data()) {
        _ if asks => match trapped.ask() {
            Ok(action) => action,
            Err(done) => return signal::answer(context, done),
        },
        _ if is_broken => trapped.violates(),
        (true, 0) => Action::Violation,
        // Not a violation: the call may be one that can be made otherwise.
        (true, errno) => Action::Unfold(errno),
        (false, _) => trapped.judge(),
    };
    match trapped.settle(action) {
        Some(value) => signal::answer(context, value),
        None => signal::abort(),
    }
}

/// Calls on a socket that a broker may have made. After a change of user it
/// cannot see which one a descriptor is.
const ON_SOCKETS: [&str; 8] = [
    "accept", "accept4", "bind", "connect", "listen", "sendmmsg", "sendmsg", "sendto",
];

/// Calls that pass descriptors, and the promise that lets them.
const PASSING: [(&str, Promise); 5] = [
    ("recvmmsg", Promise::Recvfd),
    ("recvmmsg_time64", Promise::Recvfd),
    ("recvmsg", Promise::Recvfd),
    ("sendmmsg", Promise::Sendfd),
    ("sendmsg", Promise::Sendfd),
];

/// A call that was not made.
struct Trapped {
    nr: u32,
    arch: u32,
    /// The instruction behind it.
    at: usize,
    registers: Registers,
}

impl Trapped {
    fn data(&self) -> Data {
        Data {
            nr: self.nr,
            arch: self.arch,
            ip: self.at as u64,
            args: self.registers.args,
        }
    }

    fn name(&self) -> Option<&'static str> {
        host::host().table.call_name(self.nr)
    }

    /// Have the broker make it: what it returned; or, where it does not, what
    /// befalls the call.
    fn ask(&self) -> Result<Action, Result<usize, sys::Errno>> {
        let Registers { args, mask, .. } = &self.registers;
        let name = self.name();
        let is_on_socket = name.is_some_and(|name| ON_SOCKETS.contains(&name));
        let socket = is_on_socket.then(|| sys::fd::own_inode(args[0] as i32));
        let socket = socket.and_then(Result::ok);
        loop {
            match (sys::ask(ASK, self.nr, args, socket), name) {
                (Err(sys::NOT_SERVED), _) => return Ok(self.judge()),
                (Err(sys::VIOLATION), _) => return Ok(self.violates()),
                // Here signals end the wait.
                (Err(libc::EAGAIN), Some(name)) if PASSING.iter().any(|(of, _)| *of == name) => {
                    message::wait(self.nr as c_long, args, *mask).map_err(Err)?;
                }
                // Nobody can do that for another process.
                (done, Some("chdir")) => return Err(done.and_then(spawn::enter).map(|()| 0)),
                (done, _) => return Err(done),
            }
        }
    }

    /// What befalls it beyond all promises.
    fn violates(&self) -> Action {
        match broker::held::held() {
            Some(held) if held.mode == Mode::Error => Action::Errno(libc::ENOSYS as u16),
            _ => Action::Violation,
        }
    }

    /// Does the broker serve it with what it passes?
    fn is_passing(&self) -> bool {
        let promise = PASSING.iter().find(|(name, _)| self.name() == Some(name));
        promise.is_some_and(|(_, promise)| {
            let held = broker::held::held();
            held.is_some_and(|held| held.brokered && held.promises.contains(*promise))
        })
    }

    /// What a filter without a broker says of it.
    #[inline(never)]
    fn judge(&self) -> Action {
        let host = host::host();
        let Some(held) = broker::held::held() else {
            return Action::Violation;
        };
        match sim::decide(&unbrokered(&host, held), &self.data()) {
            Action::Violation if held.mode == Mode::Error => Action::Errno(libc::ENOSYS as u16),
            action => action,
        }
    }

    /// What it returns; none if it is a violation, which is reported then.
    fn settle(&self, action: Action) -> Option<Result<usize, sys::Errno>> {
        let Registers { args, mask, .. } = &self.registers;
        let nr = self.nr as c_long;
        match action {
            Action::Unfold(errno) => {
                let is_passing = self.is_passing();
                match message::make(nr, args, *mask, is_passing) {
                    Ok(done) => return Some(done),
                    Err(message::Hidden) if is_passing => match self.ask() {
                        Err(done) => return Some(done),
                        Ok(Action::Violation) => {}
                        Ok(_) => return Some(Err(errno.into())),
                    },
                    Err(message::Hidden) => return Some(Err(errno.into())),
                }
            }
            Action::Errno(errno) => return Some(Err(errno.into())),
            _ => {}
        }
        if let Some(status) = zone::recall(nr, args) {
            return Some(status);
        }
        if let Some(errno) = self.survivable() {
            return Some(Err(errno.into()));
        }
        report(self);
        None
    }

    /// The errno of a call on a file that a libc lives without.
    fn survivable(&self) -> Option<u16> {
        let table = host::host().table;
        let arg = table.path_argument(self.nr)?;
        let mut name = [0; 128];
        let name = text::copy(self.registers.args[arg] as *const _, &mut name).ok()?;
        table.survives(name)
    }
}

/// What is in force where no broker is asked.
fn unbrokered(host: &Host, held: Held) -> Policy<'static> {
    let mut policy = Policy::of(host.table, host.libcs(), held.promises);
    (policy.mode, policy.process, policy.handled) = (held.mode, process(), true);
    policy
}

/// What only this process has.
fn process() -> Process {
    let (uid, gid) = sys::ids();
    Process {
        pid: sys::pid(),
        report: report_address(),
        uid,
        gid,
    }
}

fn report(trapped: &Trapped) {
    let data = trapped.data();
    let host = host::host();
    let held = broker::held::held().map_or(Set::EMPTY, |held| held.promises);
    let process = process();
    let pid = process.pid;
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
        function: function(&host, trapped.at, &trapped.registers),
        libc: host.name,
        version: host.version.as_str(),
        is_static: host.is_static,
        rows: host.rows,
        file: host.origin.file.as_str(),
    };
    // What does not fit is cut, which is no reason to say nothing.
    let _ = told.write(host.table, &mut out);
    log::send(out.send());
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
    let returns = image::return_addresses(registers).filter(|at| symbols.is_return_address(*at));
    let mut callers = returns.filter_map(named);
    callers.find(|name| !name.starts_with('_')).or(first)
}
