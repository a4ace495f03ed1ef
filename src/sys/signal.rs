// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals by raw calls: the SIGSYS handler, and death by SIGABRT that nothing can stand in the way of.

use core::ffi::{c_int, c_void};

pub use super::arch::Registers;
use super::arch::{self, Context, Restorer};
use super::{DOOR, Errno, MARK, call, exit_group, pid, tid};

/// What a handler is told: siginfo and the interrupted registers.
pub type Handler = extern "C" fn(c_int, *mut Info, *mut c_void);

/// `siginfo_t` of SIGSYS.
#[repr(C)]
#[derive(Debug)]
pub struct Info {
    signo: c_int,
    errno: c_int,
    code: c_int,
    #[cfg(target_pointer_width = "64")]
    _pad: c_int,
    /// Of the instruction after the call.
    pub address: usize,
    pub nr: c_int,
    /// AUDIT_ARCH_*.
    pub arch: u32,
}

/// si_code of a SIGSYS that a filter sent.
const SYS_SECCOMP: c_int = 1;

/// si_code of a signal that another process queued.
const QUEUED: c_int = -1;

/// Upper half of what the broker tells with a signal: it has handed a call
/// back, whose number is the lower.
const HANDED_BACK: usize = (MARK as usize) << (usize::BITS - 32) & UPPER;
const UPPER: usize = usize::MAX << (usize::BITS / 2);
const UNREAD: usize = 1 << (usize::BITS / 2 - 1);
const BROKEN: usize = UNREAD >> 1;

/// Why the broker hands a call back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It serves none such: what befalls it a filter without a broker says.
    NotServed,
    /// It could not read the caller's memory, and might serve it if it could.
    Unread,
    /// It is a violation, whatever a filter would say.
    Violation,
}

impl Why {
    /// What a signal tells of a call.
    pub fn tell(self, nr: u32) -> usize {
        let why = match self {
            Why::NotServed => 0,
            Why::Unread => UNREAD,
            Why::Violation => BROKEN,
        };
        HANDED_BACK | why | nr as usize
    }

    /// The call and why, if it is that which was told.
    pub fn told(word: usize) -> Option<(u32, Why)> {
        let why = match word & (UNREAD | BROKEN) {
            0 => Why::NotServed,
            UNREAD => Why::Unread,
            BROKEN => Why::Violation,
            _ => return None,
        };
        let nr = (word & !UPPER & !UNREAD & !BROKEN) as u32;
        (word & UPPER == HANDED_BACK).then_some((nr, why))
    }
}

/// Words before what a queued signal tells.
const BEFORE: usize = match usize::BITS {
    64 => 3,
    _ => 5,
};

impl Info {
    /// The number of a call that the broker does not serve, with the word
    /// behind, and why. The program itself may say so too, of calls of its own.
    pub fn handed_back(&self) -> Option<(u32, usize, Why)> {
        // SAFETY: what is behind the sender of a queued signal; siginfo_t has
        // 128 bytes.
        let told = unsafe { (&raw const *self).cast::<[usize; BEFORE + 2]>().read() };
        let is_told = self.signo == libc::SIGSYS && self.code == QUEUED;
        let (nr, why) = Why::told(told[BEFORE]).filter(|_| is_told)?;
        Some((nr, told[BEFORE + 1], why))
    }

    /// Did a filter send it?
    pub fn is_seccomp(&self) -> bool {
        self.signo == libc::SIGSYS && self.code == SYS_SECCOMP
    }

    /// What the filter says beside that: the low half of SECCOMP_RET_TRAP.
    pub fn data(&self) -> u16 {
        self.errno as u16
    }
}

/// `struct sigaction` as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Action {
    handler: usize,
    flags: usize,
    restorer: Restorer,
    /// In words, as some architectures align them.
    mask: [usize; 64 / usize::BITS as usize],
}

impl Action {
    fn new(handler: usize) -> Action {
        Action {
            handler,
            flags: 0,
            restorer: arch::NO_RESTORER,
            mask: [0; 64 / usize::BITS as usize],
        }
    }

    /// A handler that no signal interrupts.
    fn run(handler: usize) -> Action {
        let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        Action {
            flags: flags as usize | arch::RESTORER_FLAG,
            restorer: arch::restorer(),
            mask: [!0; 64 / usize::BITS as usize],
            ..Action::new(handler)
        }
    }
}

/// Make `handler` that of SIGSYS; what was there before is returned, unless it
/// was the same: a pledged process may not always change it.
pub fn handle_sigsys(handler: Handler) -> Result<Option<Action>, Errno> {
    let handler = handler as *const () as usize;
    if swap(libc::SIGSYS, None)?.handler == handler {
        return Ok(None);
    }
    swap(libc::SIGSYS, Some(&Action::run(handler))).map(Some)
}

/// Make `handler` that of a signal; a call that it interrupts fails.
pub fn handle(signal: c_int, handler: Handler) -> Result<(), Errno> {
    let action = Action::run(handler as *const () as usize);
    swap(signal, Some(&action)).map(|_| ())
}

/// Put back what was there before.
pub fn restore_sigsys(action: &Action) {
    let _ = swap(libc::SIGSYS, Some(action));
}

fn swap(signal: c_int, action: Option<&Action>) -> Result<Action, Errno> {
    let mut old = Action::new(0);
    let args = [
        signal as usize,
        action.map_or(0, |action| action as *const Action as usize),
        &raw mut old as usize,
        8,
        0,
        DOOR,
    ];
    // SAFETY: both have the kernel's layout.
    unsafe { call(libc::SYS_rt_sigaction, args) }?;
    Ok(old)
}

/// Let a signal through in this thread; what was blocked before is returned.
pub fn unblock(signal: c_int) -> u64 {
    mask(libc::SIG_UNBLOCK, 1 << (signal - 1))
}

/// Block in this thread what was blocked before, and nothing else.
pub fn restore_mask(before: u64) {
    mask(libc::SIG_SETMASK, before);
}

/// The same; what was blocked before is returned.
pub fn block_all_and_tell() -> u64 {
    mask(libc::SIG_SETMASK, !0)
}

/// Block every signal in this thread, as while a handler of ours runs.
pub fn block_all() {
    mask(libc::SIG_SETMASK, !0);
}

fn mask(how: c_int, set: u64) -> u64 {
    let mut old: u64 = 0;
    let (set, was) = (&raw const set as usize, &raw mut old as usize);
    // SAFETY: the kernel reads one set and writes the other.
    let _ = unsafe {
        call(
            libc::SYS_rt_sigprocmask,
            [how as usize, set, was, 8, 0, DOOR],
        )
    };
    old
}

/// Die by SIGABRT, with its default action, whatever the program did to it.
pub fn abort() -> ! {
    let default = Action::new(libc::SIG_DFL);
    // Another thread may set a handler between two of these calls; then again.
    for _ in 0..1000 {
        let _ = swap(libc::SIGABRT, Some(&default));
        let args = [
            pid() as usize,
            tid() as usize,
            libc::SIGABRT as usize,
            0,
            0,
            DOOR,
        ];
        // SAFETY: takes no pointer.
        let _ = unsafe { call(libc::SYS_tgkill, args) };
        unblock(libc::SIGABRT);
    }
    exit_group(128 + libc::SIGABRT as usize)
}

/// What the call that was trapped returns when the handler does.
pub fn answer(context: *mut c_void, value: Result<usize, Errno>) {
    let value = value.unwrap_or_else(|errno| (errno as usize).wrapping_neg());
    // SAFETY: as in `told`; the kernel loads these registers on the way back.
    unsafe { (*context.cast::<Context>()).answer(value) }
}

/// What the kernel gave a handler.
pub fn told<'a>(info: *mut Info, context: *mut c_void) -> (&'a Info, Registers) {
    // SAFETY: a handler's arguments, which have the kernel's layout.
    let (info, context) = unsafe { (&*info, &*context.cast::<Context>()) };
    (info, context.registers())
}
