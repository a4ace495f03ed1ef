// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86_64.

use core::arch::{asm, global_asm};

use super::{Registers, Stack};

/// # Safety
/// As the system call's.
pub unsafe fn syscall(nr: usize, args: [usize; 6]) -> usize {
    let value;
    // SAFETY: the System V convention for system calls; the kernel clobbers
    // rcx and r11 and what the call itself writes. Whose mark the sixth
    // argument is must not find it there for a call with fewer.
    unsafe {
        asm!("syscall", "xor r9d, r9d", inlateout("rax") nr => value, in("rdi") args[0],
             in("rsi") args[1], in("rdx") args[2], in("r10") args[3], in("r8") args[4],
             inlateout("r9") args[5] => _, lateout("rcx") _, lateout("r11") _,
             options(nostack));
    }
    value
}

/// SA_RESTORER: the kernel has no way back of its own.
pub const RESTORER_FLAG: usize = 0x0400_0000;
pub type Restorer = [usize; 1];
pub const NO_RESTORER: Restorer = [0];

pub fn restorer() -> Restorer {
    [rpledge_sigreturn as *const () as usize]
}

unsafe extern "C" {
    fn rpledge_sigreturn();
}

global_asm!(
    ".pushsection .text.rpledge_sigreturn, \"ax\", @progbits",
    ".hidden rpledge_sigreturn",
    ".globl rpledge_sigreturn",
    ".type rpledge_sigreturn, @function",
    // An unwinder knows a signal frame by these very instructions, and looks
    // one byte before them.
    "nop",
    "rpledge_sigreturn:",
    "mov rax, 15",
    "syscall",
    ".size rpledge_sigreturn, . - rpledge_sigreturn",
    ".popsection",
);

/// The size of a page, if it is always the same.
pub const PAGE: Option<usize> = Some(4096);

/// `struct ucontext` with the `struct sigcontext` in it.
#[repr(C)]
pub struct Context {
    _flags: usize,
    _link: usize,
    _stack: Stack,
    /// r8 to r15, di, si, bp, bx, dx, ax, cx, sp, ip, ...
    registers: [u64; 32],
    mask: u64,
}

impl Context {
    pub fn registers(&self) -> Registers {
        let r = &self.registers;
        Registers {
            stack: r[15] as usize,
            at: r[16] as usize,
            link: 0,
            args: [r[8], r[9], r[12], r[2], r[0], r[1]],
            mask: self.mask,
        }
    }

    pub fn answer(&mut self, value: usize) {
        self.registers[13] = value as u64;
    }
}

pub const CALL_BYTES: usize = 7;

/// Does a call end before this code? As the compiler writes them: E8 with a
/// distance, or FF /2 with a register or an address.
pub fn ends_with_call(before: &[u8; CALL_BYTES]) -> bool {
    let indirect = |at: usize| before[at] == 0xff && before[at + 1] >> 3 & 7 == 2;
    before[2] == 0xe8 || [0, 1, 4, 5].into_iter().any(indirect)
}

pub fn bare(address: usize) -> usize {
    address
}

/// The general dynamic model, spelled as the linkers know it, so that it works
/// in a library that is opened later and relaxes in a program.
pub fn last() -> usize {
    let address: usize;
    // SAFETY: the stack is aligned by hand for the call.
    unsafe {
        asm!(
            "mov r12, rsp",
            "and rsp, -16",
            ".byte 0x66",
            "lea rdi, [rip + rpledge_last@tlsgd]",
            ".word 0x6666",
            "rex64",
            "call __tls_get_addr@PLT",
            "mov rsp, r12",
            out("r12") _,
            out("rax") address,
            out("rdi") _,
            clobber_abi("C"),
        );
    }
    address
}

/// The calls that ask for a file's status by its name and open it.
pub const STATUS: &[(libc::c_long, usize)] = &[(libc::SYS_newfstatat, 1), (libc::SYS_stat, 0)];
pub const OPEN: &[(libc::c_long, usize)] = &[(libc::SYS_openat, 1), (libc::SYS_open, 0)];

/// Each socket call has a number of its own.
pub const SOCKETCALL: Option<libc::c_long> = None;
pub const SOCKET_CALLS: &[(libc::c_long, usize)] = &[];

/// glibc's deepest road from an exported function to a call is shorter.
pub const STACK_WORDS: usize = 256;
