// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals by raw calls: the SIGSYS handler, and death by SIGABRT that nothing can stand in the way of.

use core::ffi::{c_int, c_void};

pub use super::arch::Registers;
use super::arch::{self, Context, Restorer};
use super::{DOOR, Errno, call, exit_group, pid, tid};

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

impl Info {
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
}

/// Make `handler` that of SIGSYS; what was there before is returned.
pub fn handle_sigsys(handler: Handler) -> Result<Action, Errno> {
    let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let action = Action {
        flags: flags as usize | arch::RESTORER_FLAG,
        restorer: arch::restorer(),
        mask: [!0; 64 / usize::BITS as usize],
        ..Action::new(handler as *const () as usize)
    };
    swap(libc::SIGSYS, &action)
}

/// Put back what was there before.
pub fn restore_sigsys(action: &Action) {
    let _ = swap(libc::SIGSYS, action);
}

fn swap(signal: c_int, action: &Action) -> Result<Action, Errno> {
    let mut old = Action::new(0);
    let args = [
        signal as usize,
        action as *const Action as usize,
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
        let _ = swap(libc::SIGABRT, &default);
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
