// SPDX-License-Identifier: MIT OR Apache-2.0
//! The raw calls of the launcher: ptrace, wait, signals, fork; the only unsafe code of the command.
//!
//! Not through `nix`: its `Signal` has no real-time signals, so its waitpid()
//! loses the stops that glibc's own thread signals (32, 33) cause.
#![allow(unsafe_code)]

use std::ffi::{CString, c_int, c_long, c_void};
use std::io::{self, PipeReader, PipeWriter};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use rpledge::broker::guest::Why;

use super::machine::Registers;

pub type Pid = libc::pid_t;
pub type Result<T> = io::Result<T>;

/// The signal set of the kernel: one bit a signal.
pub type Mask = u64;

/// What a queued signal says of itself: the kernel's `siginfo_t`, unread.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct SignalInfo([u8; 128]);

impl SignalInfo {
    fn word(&self, at: usize) -> i32 {
        i32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    pub fn signal(&self) -> c_int {
        self.word(0)
    }

    pub fn code(&self) -> c_int {
        self.word(8)
    }

    /// Whoever sent it; meaningful when `code()` is not above zero.
    pub fn sender(&self) -> Pid {
        self.word(16)
    }

    /// What its cause says beside: of a filter, its data.
    pub fn data(&self) -> c_int {
        self.word(4)
    }

    /// The number of a call that a broker hands back, and why.
    pub fn handed_back(&self) -> Option<(u32, Why)> {
        const QUEUED: c_int = -1;
        let value = u64::from(self.word(24) as u32) | u64::from(self.word(28) as u32) << 32;
        let value = usize::try_from(value).ok()?;
        Why::told(value).filter(|_| self.code() == QUEUED)
    }

    /// SIGSYS: address behind the call instruction, number, audit architecture.
    pub fn refused_call(&self) -> (u64, i32, u32) {
        let mut address = [0; 8];
        address.copy_from_slice(&self.0[16..24]);
        (
            u64::from_ne_bytes(address),
            self.word(24),
            self.word(28) as u32,
        )
    }
}

fn check(result: c_long) -> Result<c_long> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn ptrace(request: c_int, pid: Pid, address: usize, data: usize) -> Result<c_long> {
    // SAFETY: only requests whose data is a plain number come here, so the
    // kernel touches no memory of this process.
    check(unsafe { libc::ptrace(request as _, pid, address, data) })
}

/// A request that reads or writes `value` as the request defines it.
fn ptrace_with<T>(request: c_int, pid: Pid, address: usize, value: *mut T) -> Result<c_long> {
    // SAFETY: each caller below passes the type that this request transfers,
    // and a pointer that is valid for the call.
    check(unsafe { libc::ptrace(request as _, pid, address, value.cast::<c_void>()) })
}

/// Attaches without stopping the tracee; it dies when this thread does.
pub fn seize(pid: Pid) -> Result<()> {
    let options = libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_EXITKILL;
    ptrace(libc::PTRACE_SEIZE as _, pid, 0, options as usize).map(drop)
}

pub fn resume(pid: Pid, signal: c_int) -> Result<()> {
    ptrace(libc::PTRACE_CONT as _, pid, 0, signal as usize).map(drop)
}

pub fn step(pid: Pid, signal: c_int) -> Result<()> {
    ptrace(libc::PTRACE_SINGLESTEP as _, pid, 0, signal as usize).map(drop)
}

/// Leaves a group-stopped tracee stopped, but awake to SIGCONT.
pub fn listen(pid: Pid) -> Result<()> {
    ptrace(libc::PTRACE_LISTEN as _, pid, 0, 0).map(drop)
}

pub fn interrupt(pid: Pid) -> Result<()> {
    ptrace(libc::PTRACE_INTERRUPT as _, pid, 0, 0).map(drop)
}

pub fn detach(pid: Pid, signal: c_int) -> Result<()> {
    ptrace(libc::PTRACE_DETACH as _, pid, 0, signal as usize).map(drop)
}

pub fn event_message(pid: Pid) -> Result<u64> {
    let mut message: u64 = 0;
    ptrace_with(libc::PTRACE_GETEVENTMSG as _, pid, 0, &raw mut message)?;
    Ok(message)
}

pub fn signal_info(pid: Pid) -> Result<SignalInfo> {
    let mut info = SignalInfo([0; 128]);
    ptrace_with(libc::PTRACE_GETSIGINFO as _, pid, 0, &raw mut info)?;
    Ok(info)
}

pub fn signal_mask(pid: Pid) -> Result<Mask> {
    let mut mask: Mask = 0;
    ptrace_with(
        libc::PTRACE_GETSIGMASK as _,
        pid,
        size_of::<Mask>(),
        &raw mut mask,
    )?;
    Ok(mask)
}

pub fn set_signal_mask(pid: Pid, mut mask: Mask) -> Result<()> {
    ptrace_with(
        libc::PTRACE_SETSIGMASK as _,
        pid,
        size_of::<Mask>(),
        &raw mut mask,
    )
    .map(drop)
}

/// The registers, or ENOEXEC when the tracee's are those of another machine:
/// the kernel then transfers another number of bytes.
pub fn registers(pid: Pid) -> Result<Registers> {
    let mut registers = MaybeUninit::<Registers>::zeroed();
    let mut vector = libc::iovec {
        iov_base: registers.as_mut_ptr().cast(),
        iov_len: size_of::<Registers>(),
    };
    ptrace_with(
        libc::PTRACE_GETREGSET as _,
        pid,
        libc::NT_PRSTATUS as usize,
        &raw mut vector,
    )?;
    if vector.iov_len != size_of::<Registers>() {
        return Err(io::Error::from_raw_os_error(libc::ENOEXEC));
    }
    // SAFETY: the kernel wrote all of it; zeroed before, and plain integers.
    Ok(unsafe { registers.assume_init() })
}

pub fn set_registers(pid: Pid, registers: &Registers) -> Result<()> {
    let mut copy = *registers;
    let mut vector = libc::iovec {
        iov_base: (&raw mut copy).cast(),
        iov_len: size_of::<Registers>(),
    };
    ptrace_with(
        libc::PTRACE_SETREGSET as _,
        pid,
        libc::NT_PRSTATUS as usize,
        &raw mut vector,
    )
    .map(drop)
}

/// Writes code: a POKETEXT goes through pages that the tracee may not write,
/// also where the administrator forbids that to /proc/PID/mem.
pub fn poke(pid: Pid, address: u64, word: u64) -> Result<()> {
    ptrace(
        libc::PTRACE_POKETEXT as _,
        pid,
        address as usize,
        word as usize,
    )
    .map(drop)
}

/// A change of state of a tracee, as wait(2) encodes it.
pub type Status = c_int;

/// Waits for any child or tracee of this thread; `None`: nothing to tell now,
/// ECHILD: nobody is left.
pub fn wait(block: bool) -> Result<Option<(Pid, Status)>> {
    // Only this thread's, so that a program with other threads and other
    // children can call the launcher.
    let mut options = libc::__WALL | libc::__WNOTHREAD;
    if !block {
        options |= libc::WNOHANG;
    }
    loop {
        let mut status = 0;
        // SAFETY: status outlives the call.
        match check(unsafe { libc::waitpid(-1, &raw mut status, options) }.into()) {
            Ok(0) => return Ok(None),
            Ok(pid) => return Ok(Some((pid as Pid, status))),
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

pub fn kill(pid: Pid, signal: c_int) -> Result<()> {
    // SAFETY: takes and gives numbers only.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

pub fn kill_thread(process: Pid, thread: Pid, signal: c_int) -> Result<()> {
    // SAFETY: takes and gives numbers only.
    check(unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) }).map(drop)
}

/// Signals that this thread takes by `next_signal` instead of being hit by
/// them; as it was before when dropped.
pub struct Blocked {
    set: libc::sigset_t,
    old_set: libc::sigset_t,
    old_child: libc::sigaction,
}

impl Blocked {
    /// Blocks everything but faults of this program itself. SIGCHLD gets its
    /// default back: ignored, as a careless parent may leave it, it would
    /// never be queued.
    pub fn new() -> Blocked {
        // SAFETY: the structures are plain data for which zero is valid, all
        // pointers are to locals, all numbers are of existing signals.
        unsafe {
            let mut set: libc::sigset_t = zeroed();
            libc::sigfillset(&raw mut set);
            for fault in [
                libc::SIGSEGV,
                libc::SIGBUS,
                libc::SIGFPE,
                libc::SIGILL,
                libc::SIGTRAP,
                libc::SIGABRT,
                libc::SIGSYS,
            ] {
                libc::sigdelset(&raw mut set, fault);
            }
            let mut old_set: libc::sigset_t = zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut old_set);
            let mut old_child: libc::sigaction = zeroed();
            let default: libc::sigaction = zeroed();
            libc::sigaction(libc::SIGCHLD, &raw const default, &raw mut old_child);
            Blocked {
                set,
                old_set,
                old_child,
            }
        }
    }

    /// The next signal, waiting `timeout` for it or for ever.
    pub fn next_signal(&self, timeout: Option<Duration>) -> Option<SignalInfo> {
        let mut info = SignalInfo([0; 128]);
        let time = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as _,
            tv_nsec: timeout.subsec_nanos() as _,
        });
        let time = time
            .as_ref()
            .map_or(std::ptr::null(), |time| &raw const *time);
        // SAFETY: SignalInfo has the size and alignment of siginfo_t; the
        // others live here or are null as sigtimedwait allows.
        let signal =
            unsafe { libc::sigtimedwait(&raw const self.set, (&raw mut info).cast(), time) };
        (signal > 0).then_some(info)
    }

    fn restore(&self) {
        // SAFETY: gives back what the kernel gave.
        unsafe {
            libc::sigaction(
                libc::SIGCHLD,
                &raw const self.old_child,
                std::ptr::null_mut(),
            );
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.old_set,
                std::ptr::null_mut(),
            );
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Forks a child that waits for a byte on `go`, then becomes the program; if it
/// cannot, it writes errno to `failure` and exits. Both pipes close on exec.
pub fn fork_program(
    argv: &[CString],
    blocked: &Blocked,
    go: (&PipeReader, &PipeWriter),
    (failure, inherited): (&PipeWriter, Option<RawFd>),
) -> Result<Pid> {
    let mut pointers: Vec<_> = argv.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let (wait, other_end, failure) = (go.0.as_raw_fd(), go.1.as_raw_fd(), failure.as_raw_fd());
    // SAFETY: the child calls async-signal-safe functions only (execvp is one
    // in glibc and musl) and never returns; what it reads was made before.
    unsafe {
        let pid = libc::fork();
        if pid != 0 {
            return check(pid.into()).map(|pid| pid as Pid);
        }
        // Else the end of the pipe would not show when the parent dies.
        libc::close(other_end);
        let mut byte = 0u8;
        if libc::read(wait, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(125);
        }
        // Rust's start-up ignores SIGPIPE; programs expect the default.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        blocked.restore();
        if let Some(inherited) = inherited {
            libc::fcntl(inherited, libc::F_SETFD, 0);
        }
        libc::execvp(pointers[0], pointers.as_ptr());
        let errno = *libc::__errno_location();
        libc::write(failure, (&raw const errno).cast(), size_of::<c_int>());
        libc::_exit(127);
    }
}
