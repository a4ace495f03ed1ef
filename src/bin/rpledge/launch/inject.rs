// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a stopped tracee execute system calls: to load a filter, to end it.

use std::collections::VecDeque;
use std::ffi::{c_int, c_long};
use std::io;

use super::machine;
use super::proc::{self, Maps, Memory};
use super::sys::{self, Mask, Pid, Status};
use super::{Insn, Veil};

/// All signals held but those that a step causes.
const HELD: Mask = !(1 << (libc::SIGTRAP - 1) | 1 << (libc::SIGSYS - 1));

/// Changes of state, in order; those of others are kept while one is awaited.
#[derive(Default)]
pub struct Events(VecDeque<(Pid, Status)>);

impl Events {
    /// The next one, or None when none is there; `Err` ECHILD: no tracee is left.
    pub fn next(&mut self, block: bool) -> io::Result<Option<(Pid, Status)>> {
        match self.0.pop_front() {
            Some(event) => Ok(Some(event)),
            None => sys::wait(block),
        }
    }

    pub fn push(&mut self, event: (Pid, Status)) {
        self.0.push_back(event);
    }

    /// Waits for a tracee. For all of them in truth: the end of a process is
    /// told only after all its other threads have been waited for.
    fn of(&mut self, thread: Pid) -> io::Result<Status> {
        loop {
            match sys::wait(true)? {
                Some((pid, status)) if pid == thread => return Ok(status),
                Some(event) => self.0.push_back(event),
                None => {}
            }
        }
    }
}

/// A tracee stopped for a while, with its signals held and its registers kept.
pub struct Held<'a> {
    process: Pid,
    thread: Pid,
    events: &'a mut Events,
    memory: Option<Memory>,
    registers: machine::Registers,
    mask: Mask,
    /// A stop of the whole process arrived meanwhile.
    stopped: bool,
}

impl<'a> Held<'a> {
    pub fn new(process: Pid, thread: Pid, events: &'a mut Events) -> io::Result<Held<'a>> {
        let held = Held {
            process,
            thread,
            events,
            // Closed to us when the program made itself undumpable.
            memory: Memory::open(thread).ok(),
            registers: sys::registers(thread)?,
            mask: sys::signal_mask(thread)?,
            stopped: false,
        };
        sys::set_signal_mask(thread, HELD)?;
        Ok(held)
    }

    pub fn memory(&self) -> io::Result<&Memory> {
        self.memory
            .as_ref()
            .ok_or_else(|| io::Error::other("its memory is closed to others"))
    }

    pub fn registers(&self) -> &machine::Registers {
        &self.registers
    }

    /// Executes one instruction; the signal if it was at fault, else 0.
    pub fn step(&mut self) -> io::Result<c_int> {
        sys::set_registers(self.thread, &self.registers)?;
        loop {
            sys::step(self.thread, 0)?;
            let status = self.events.of(self.thread)?;
            if !libc::WIFSTOPPED(status) {
                self.events.push((self.thread, status));
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            match (libc::WSTOPSIG(status), status >> 16) {
                (libc::SIGSTOP, 0) | (_, libc::PTRACE_EVENT_STOP) => self.stopped = true,
                (signal, _) => {
                    self.registers = sys::registers(self.thread)?;
                    return Ok(if signal == libc::SIGTRAP { 0 } else { signal });
                }
            }
        }
    }

    /// Makes a system call; all registers are as before after it.
    pub fn call(&mut self, site: u64, number: c_long, arguments: &[u64]) -> io::Result<u64> {
        let mut six = [0; 6];
        six[..arguments.len()].copy_from_slice(arguments);
        let before = self.registers;
        self.registers = machine::calling(&before, site, number, six);
        let stepped = self.step();
        let result = machine::result(&self.registers);
        self.registers = before;
        match stepped? {
            0 => {}
            // Another filter, older than ours, traps it.
            libc::SIGSYS => return Err(io::Error::from_raw_os_error(libc::EPERM)),
            signal => return Err(io::Error::other(format!("stopped by signal {signal}"))),
        }
        result.map_err(io::Error::from_raw_os_error)
    }

    /// Lets the registers be others when it goes on.
    pub fn set_registers(&mut self, change: impl FnOnce(&mut machine::Registers)) {
        change(&mut self.registers);
    }

    /// Whether it can be looked at still.
    fn is_there(&self) -> bool {
        sys::registers(self.thread).is_ok()
    }

    /// Gives registers and signals back; the tracee is still stopped.
    pub fn release(self) -> io::Result<()> {
        sys::set_registers(self.thread, &self.registers)?;
        sys::set_signal_mask(self.thread, self.mask)?;
        if self.stopped {
            sys::kill_thread(self.process, self.thread, libc::SIGSTOP)?;
        }
        Ok(())
    }
}

/// An address where a system call instruction stands: in the vdso, else in any
/// code. Nothing is written, so other threads cannot stumble over it.
fn call_site(memory: &Memory, maps: &Maps) -> io::Result<u64> {
    let code = |mapping: &&proc::Mapping| mapping.executable && mapping.path != "[vsyscall]";
    let vdso = maps.iter().filter(|mapping| mapping.path == "[vdso]");
    for mapping in vdso.chain(maps.iter()).filter(code) {
        let length = (mapping.end - mapping.start) as usize;
        let Ok(bytes) = memory.read(mapping.start, length) else {
            continue;
        };
        let found = bytes
            .windows(machine::SYSCALL.len())
            .position(|window| window == machine::SYSCALL);
        if let Some(at) = found {
            return Ok(mapping.start + at as u64);
        }
    }
    Err(io::Error::other("no system call instruction in its memory"))
}

/// Memory of the tracee that is borrowed below its stack, or mapped.
enum Room {
    Stack { address: u64, before: Vec<u8> },
    Mapped { address: u64, length: u64 },
}

impl Room {
    /// Takes `length` bytes. The mapped part of the stack is preferred: a
    /// page that was mapped can be unmapped only if the filter lets it.
    fn take(held: &mut Held, maps: &Maps, site: u64, length: usize) -> io::Result<Room> {
        let below = (machine::sp(&held.registers).saturating_sub(machine::RED_ZONE)) & !15;
        let address = below.saturating_sub(length as u64) & !15;
        let fits = maps
            .at(below)
            .is_some_and(|stack| stack.writable && stack.start <= address);
        if fits {
            let before = held.memory()?.read(address, length)?;
            if before.len() == length {
                return Ok(Room::Stack { address, before });
            }
        }
        let (rights, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        let length = length as u64;
        let arguments = [0, length, rights as u64, flags as u64, u64::MAX, 0];
        let address = held.call(site, libc::SYS_mmap, &arguments)?;
        Ok(Room::Mapped { address, length })
    }

    fn address(&self) -> u64 {
        match self {
            Room::Stack { address, .. } | Room::Mapped { address, .. } => *address,
        }
    }

    fn give_back(self, held: &mut Held, site: u64) -> io::Result<()> {
        match self {
            Room::Stack { address, before } => held.memory()?.write(address, &before),
            Room::Mapped { address, length } => {
                // Refused when the filter lacks munmap: then it stays, unused.
                match held.call(site, libc::SYS_munmap, &[address, length]) {
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> io::Error + '_ {
    move |error| match error.raw_os_error() {
        Some(libc::ESRCH) => error,
        _ => io::Error::other(format!("{what}: {error}")),
    }
}

const TSYNC: u64 = libc::SECCOMP_FILTER_FLAG_TSYNC;
/// SECCOMP_FILTER_FLAG_NEW_LISTENER and what goes with it: TSYNC_ESRCH and, on
/// Linux 5.19 and newer, WAIT_KILLABLE_RECV.
const LISTENED: u64 = TSYNC | 1 << 3 | 1 << 4;
const KILLABLE: u64 = 1 << 5;

/// Loads a filter in all threads of a stopped process and makes sure of it.
pub fn load_filter(held: &mut Held, maps: &Maps, program: &[Insn]) -> io::Result<()> {
    load(held, maps, (program, &[TSYNC]), |_, _, other| match other {
        0 => Ok(()),
        _ => Err(other_filter(&format!("thread {other}"))),
    })
}

/// The same with a listener; `start` gets an address to make calls at and the
/// listener's number in the process, and has it served.
pub fn load_listened(
    held: &mut Held,
    maps: &Maps,
    program: &[Insn],
    start: impl FnOnce(&mut Held, u64, i32) -> io::Result<()>,
) -> io::Result<()> {
    let flags = [LISTENED | KILLABLE, LISTENED];
    load(held, maps, (program, &flags), |held, site, listener| {
        start(held, site, listener as i32)
    })
}

fn other_filter(thread: &str) -> io::Error {
    io::Error::other(format!("{thread} has a seccomp filter of its own"))
}

/// The first of these flags that the kernel knows; `then` gets what it returns.
fn load(
    held: &mut Held,
    maps: &Maps,
    (program, flags): (&[Insn], &[u64]),
    then: impl FnOnce(&mut Held, u64, u64) -> io::Result<()>,
) -> io::Result<()> {
    let count = u16::try_from(program.len())
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| io::Error::other(format!("a filter of {} instructions", program.len())))?;
    let site = call_site(held.memory()?, maps)?;
    let thread = held.thread;
    let before = proc::status(thread, "Seccomp_filters");
    // struct sock_fprog, then the instructions that it points to.
    let head = 16;
    let room = Room::take(held, maps, site, head + program.len() * 8)?;
    let mut bytes = Vec::with_capacity(head + program.len() * 8);
    bytes.extend_from_slice(&u64::from(count).to_ne_bytes());
    bytes.extend_from_slice(&(room.address() + head as u64).to_ne_bytes());
    program
        .iter()
        .for_each(|insn| bytes.extend_from_slice(&insn.bytes()));
    held.memory()?.write(room.address(), &bytes)?;
    let no_new_privs = [libc::PR_SET_NO_NEW_PRIVS as u64, 1, 0, 0, 0];
    held.call(site, libc::SYS_prctl, &no_new_privs)
        .map_err(failed("prctl(PR_SET_NO_NEW_PRIVS)"))?;
    let made = set_filter(held, site, room.address(), flags);
    // What is in force may want somebody to be asked for what comes next.
    let done = made.and_then(|value| then(held, site, value));
    room.give_back(held, site)?;
    done?;
    let filtered = proc::status(thread, "Seccomp") == Some(2);
    // Kernels before 5.9 do not count.
    let grown = before.is_none() || proc::status(thread, "Seccomp_filters") > before;
    if !filtered || !grown {
        return Err(io::Error::other("the kernel does not show the filter"));
    }
    Ok(())
}

fn set_filter(held: &mut Held, site: u64, at: u64, flags: &[u64]) -> io::Result<u64> {
    let mut made = Err(io::Error::from_raw_os_error(libc::EINVAL));
    for flags in flags {
        let seccomp = [u64::from(libc::SECCOMP_SET_MODE_FILTER), *flags, at];
        made = held.call(site, libc::SYS_seccomp, &seccomp);
        if !made.as_ref().is_err_and(is_invalid) {
            break;
        }
    }
    made.map_err(|error| match error.raw_os_error() {
        Some(libc::EBUSY) => {
            io::Error::other("another program supervises it already, so that it can have no broker")
        }
        // The flag makes that an errno, for a thread that is there.
        Some(libc::ESRCH) if flags != [TSYNC] && held.is_there() => {
            other_filter("one of its threads")
        }
        _ => failed("seccomp(SECCOMP_SET_MODE_FILTER)")(error),
    })
}

fn is_invalid(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINVAL)
}

/// Holds a stopped process to rules for paths, which it has by a descriptor.
pub fn restrict(held: &mut Held, maps: &Maps, veil: &Veil) -> io::Result<()> {
    let threads = proc::status(held.thread, "Threads");
    if veil.flags == 0 && threads != Some(1) {
        let text = "it has threads before main(), and this kernel's Landlock restricts one";
        return Err(io::Error::other(text));
    }
    let site = call_site(held.memory()?, maps)?;
    if veil.filter.is_empty() {
        let no_new_privs = [libc::PR_SET_NO_NEW_PRIVS as u64, 1, 0, 0, 0];
        held.call(site, libc::SYS_prctl, &no_new_privs)
            .map_err(failed("prctl(PR_SET_NO_NEW_PRIVS)"))?;
    } else {
        load_filter(held, maps, &veil.filter)?;
    }
    let ruleset = veil.ruleset as u64;
    held.call(
        site,
        libc::SYS_landlock_restrict_self,
        &[ruleset, veil.flags],
    )
    .map_err(failed("landlock_restrict_self"))?;
    held.call(site, libc::SYS_close, &[ruleset])
        .map_err(failed("close"))?;
    Ok(())
}

/// Gives SIGABRT its default action and lets it through in a thread that is
/// stopped at a refused call; a SIGABRT delivered now ends the process.
/// `after` is the address behind the call instruction, if it is of this machine.
pub fn prepare_abort(
    process: Pid,
    thread: Pid,
    after: Option<u64>,
    events: &mut Events,
) -> io::Result<()> {
    let mut held = Held::new(process, thread, events)?;
    let site = match after {
        Some(after) => after.wrapping_sub(machine::SYSCALL.len() as u64),
        None => call_site(held.memory()?, &Maps::read(thread)?)?,
    };
    let default = default_action(&mut held, site)?;
    // The filter knows the call by its sixth argument, as it knows those that
    // the library's own handler makes.
    let door = u64::from(rpledge::policy::QUERY);
    let arguments = [libc::SIGABRT as u64, default, 0, 8, 0, door];
    held.call(site, libc::SYS_rt_sigaction, &arguments)?;
    held.mask = HELD & !(1 << (libc::SIGABRT - 1));
    held.stopped = false;
    held.release()
}

/// Puts a `struct sigaction` of SIG_DFL into the tracee: all zeroes, below the
/// stack pointer or, where the stack is not to be had, as a fresh page.
fn default_action(held: &mut Held, site: u64) -> io::Result<u64> {
    let below = machine::sp(&held.registers).wrapping_sub(machine::RED_ZONE + 64) & !15;
    let written = held
        .memory()
        .and_then(|memory| memory.write(below, &[0; 32]));
    if written.is_ok() {
        return Ok(below);
    }
    let (rights, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let arguments = [0, 4096, rights as u64, flags as u64, u64::MAX, 0];
    held.call(site, libc::SYS_mmap, &arguments)
}

/// Whether a status tells a stop by a signal about to be delivered.
pub fn delivery(status: Status) -> Option<c_int> {
    (libc::WIFSTOPPED(status) && status >> 16 == 0).then(|| libc::WSTOPSIG(status))
}
