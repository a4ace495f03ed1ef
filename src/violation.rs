// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handler of SIGSYS: two lines on standard error, then death by SIGABRT. Async-signal-safe.

use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::host::{self, Host};
use crate::policy::{Policy, Process};
use crate::promise::{Promise, Set};
use crate::resolve::Match;
use crate::seccomp;
use crate::sim::{self, Data};
use crate::sys::report::{Report, buffer_address};
use crate::sys::signal::{self, Action, Info, Registers};
use crate::sys::{self, image, weak};
use crate::table::TABLE;

/// How far up the stack a return address into the libc is looked for, in
/// words: glibc's deepest road from an exported function to a call is shorter.
const STACK_WORDS: usize = 256;

/// Where the report lies: the filter lets this address be written and no other.
pub fn report_address() -> u64 {
    buffer_address() as u64
}

/// Take over SIGSYS.
pub fn install() -> Result<Action, sys::Errno> {
    let old = signal::handle_sigsys(on_sigsys)?;
    signal::unblock(libc::SIGSYS);
    Ok(old)
}

extern "C" fn on_sigsys(_signal: c_int, info: *mut Info, context: *mut c_void) {
    static BUSY: AtomicBool = AtomicBool::new(false);
    if BUSY.swap(true, Ordering::Acquire) {
        // Another thread reports; its abort takes this one along.
        for _ in 0..1_000_000_000u64 {
            core::hint::spin_loop();
        }
        signal::abort();
    }
    let (info, registers) = signal::told(info, context);
    if info.is_seccomp() {
        report(info, &registers);
    }
    signal::abort()
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
    let promise = missing(host, held, &data).map_or("", Promise::name);
    let Some(mut out) = Report::take() else {
        return;
    };
    let name = weak::program_name().unwrap_or(b"?");
    let name = core::str::from_utf8(name).unwrap_or("?");
    let pid = sys::pid();
    let _ = write!(out, "{name}[{pid}]: pledge \"{promise}\", syscall ");
    let _ = match TABLE.call_name(data.nr) {
        Some(call) => writeln!(out, "{call}"),
        None => writeln!(out, "{}", data.nr),
    };
    let _ = write!(out, "{name}[{pid}]: rpledge: ");
    let _ = match function(host, info.address, registers.stack) {
        Some(function) => write!(out, "{function}() of "),
        None => write!(out, "no function of "),
    };
    describe(&mut out, host);
    out.send();
}

/// Name the libc and the data that stand for it.
fn describe(out: &mut Report, host: &Host) {
    let version = if host.version.as_str().is_empty() {
        "?"
    } else {
        host.version.as_str()
    };
    let kind = if host.is_static { " (static)" } else { "" };
    let _ = write!(out, "{} {version}{kind}; data:", host.name);
    for libc in host.rows.of(&TABLE) {
        let _ = write!(out, " {} {}", libc.name, libc.version);
    }
    let how = match host.rows.matched {
        Match::Build => "by build-id",
        Match::Version => "by version",
        Match::Nearest => "by nearest version",
        Match::None => "for want of better",
    };
    let _ = writeln!(out, ", {}, {how}", TABLE.arch);
}

/// The first promise, in OpenBSD's order, that would have allowed the call;
/// or else the first under which it can be allowed with other arguments.
fn missing(host: &Host, held: Set, data: &Data) -> Option<Promise> {
    let rows = host.rows.of(&TABLE);
    let process = Process {
        pid: sys::pid(),
        report: 0,
        uid: 0,
        gid: 0,
    };
    let allows = |set: Set| {
        let mut policy = Policy::of(&TABLE, rows, set);
        policy.process = process;
        sim::decide(&policy, data) == crate::policy::Action::Allow
    };
    let place = TABLE.place(data.nr)?;
    let near = |promise: Promise| {
        rows.iter()
            .any(|libc| libc.grant(promise).mentions(place, &TABLE))
    };
    let lacking = || Promise::all().filter(|promise| !held.contains(*promise));
    lacking()
        .find(|promise| allows(held.with(*promise)))
        .or_else(|| lacking().find(|promise| near(*promise)))
}

/// The function of the libc that made the call: the one around it, or the
/// first up the stack that people can call, since a private helper has no name.
fn function(host: &Host, address: usize, stack: usize) -> Option<&'static str> {
    let symbols = match &host.symbols {
        Some(symbols) => symbols,
        None => host::program_symbols()?,
    };
    let named = |at: usize| {
        // A return address belongs to the call before it.
        symbols
            .function(at.wrapping_sub(1))
            .and_then(|name| core::str::from_utf8(name).ok())
    };
    named(address).or_else(|| image::stack_words(stack, STACK_WORDS).find_map(named))
}
