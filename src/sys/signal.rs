// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals by raw calls: the SIGSYS handler, and death by SIGABRT that nothing can stand in the way of.

use core::ffi::{c_int, c_void};

use super::{DOOR, Errno, MARK, arch, call, exit_group, pid, tid};

/// What a handler is told: siginfo and the interrupted registers.
pub type Handler = extern "C" fn(c_int, *mut Info, *mut c_void);

/// `siginfo_t` of SIGSYS.
#[repr(C)]
#[derive(Debug)]
pub struct Info {
    signo: c_int,
    errno: c_int,
    code: c_int,
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

/// High half of what the broker tells with a SIGSYS: it has handed a call back.
pub const HANDED_BACK: u64 = (MARK as u64) << 32;

impl Info {
    /// The number and the first argument of a call that the broker does not
    /// serve. The program itself may say so too, of calls of its own.
    pub fn handed_back(&self) -> Option<(u32, u64)> {
        // SAFETY: what is behind the sender of a queued signal, two words.
        let told = unsafe { (&raw const *self).cast::<[u64; 5]>().read() };
        let is_told = self.signo == libc::SIGSYS && self.code == QUEUED;
        (is_told && told[3] & !0xffff_ffff == HANDED_BACK).then_some((told[3] as u32, told[4]))
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
    restorer: usize,
    mask: u64,
}

/// Make `handler` that of SIGSYS; what was there before is returned.
pub fn handle_sigsys(handler: Handler) -> Result<Action, Errno> {
    let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let action = Action {
        handler: handler as *const () as usize,
        flags: flags as usize | arch::RESTORER_FLAG,
        restorer: arch::restorer as *const () as usize,
        mask: !0,
    };
    swap(libc::SIGSYS, &action)
}

/// Put back what was there before.
pub fn restore_sigsys(action: &Action) {
    let _ = swap(libc::SIGSYS, action);
}

fn swap(signal: c_int, action: &Action) -> Result<Action, Errno> {
    let mut old = Action {
        handler: 0,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
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
    let default = Action {
        handler: libc::SIG_DFL,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
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

/// The registers that a handler interrupted.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub stack: usize,
    /// Of the instruction after the call.
    pub at: usize,
    pub args: [u64; 6],
    /// The signals that were blocked.
    pub mask: u64,
}

/// What the call that was trapped returns when the handler does.
pub fn answer(context: *mut c_void, value: Result<usize, Errno>) {
    let value = value.map_or_else(|errno| -i64::from(errno), |value| value as i64);
    // SAFETY: as in `told`; the kernel loads these registers on the way back.
    let g = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    g[libc::REG_RAX as usize] = value;
}

/// What the kernel gave a handler.
pub fn told<'a>(info: *mut Info, context: *mut c_void) -> (&'a Info, Registers) {
    // SAFETY: a handler's arguments; the layout of ucontext_t up to the
    // registers is the kernel's in every libc.
    let (info, context) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
    let g = &context.uc_mcontext.gregs;
    // SAFETY: the kernel's signal set is the first eight bytes of a libc's.
    let mask = unsafe { (&raw const context.uc_sigmask).cast::<u64>().read() };
    let at = |n: c_int| g[n as usize] as u64;
    let args = [
        at(libc::REG_RDI),
        at(libc::REG_RSI),
        at(libc::REG_RDX),
        at(libc::REG_R10),
        at(libc::REG_R8),
        at(libc::REG_R9),
    ];
    (
        info,
        Registers {
            stack: at(libc::REG_RSP) as usize,
            at: at(libc::REG_RIP) as usize,
            args,
            mask,
        },
    )
}
