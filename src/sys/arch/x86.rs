// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86: i386 and its successors.

use core::arch::global_asm;

use super::{Registers, Stack};

/// # Safety
/// As the system call's.
pub unsafe fn syscall(nr: usize, args: [usize; 6]) -> usize {
    // SAFETY: below; the kernel writes what the call does.
    unsafe { rpledge_enter(nr, args.as_ptr()) }
}

unsafe extern "C" {
    fn rpledge_enter(nr: usize, args: *const usize) -> usize;
    fn rpledge_sigreturn();
    fn rpledge_last_address() -> usize;
}

// The kernel wants registers that the compiler does not give away: a function
// of its own, that keeps them.
global_asm!(
    ".pushsection .text.rpledge_enter, \"ax\", @progbits",
    ".hidden rpledge_enter",
    ".globl rpledge_enter",
    ".type rpledge_enter, @function",
    "rpledge_enter:",
    "push ebp",
    "push ebx",
    "push esi",
    "push edi",
    "mov eax, [esp + 20]",
    "mov ebp, [esp + 24]",
    "mov ebx, [ebp]",
    "mov ecx, [ebp + 4]",
    "mov edx, [ebp + 8]",
    "mov esi, [ebp + 12]",
    "mov edi, [ebp + 16]",
    "mov ebp, [ebp + 20]",
    "int 0x80",
    "pop edi",
    "pop esi",
    "pop ebx",
    "pop ebp",
    "ret",
    ".size rpledge_enter, . - rpledge_enter",
    ".popsection",
);

/// SA_RESTORER: where the vdso, with the kernel's own way back, is not mapped.
pub const RESTORER_FLAG: usize = 0x0400_0000;
pub type Restorer = [usize; 1];
pub const NO_RESTORER: Restorer = [0];

pub fn restorer() -> Restorer {
    [rpledge_sigreturn as *const () as usize]
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
    "mov eax, 173",
    "int 0x80",
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
    /// gs, fs, es, ds, di, si, bp, sp, bx, dx, cx, ax, trap, error, ip, ...
    registers: [u32; 22],
    mask: [u32; 2],
}

impl Context {
    pub fn registers(&self) -> Registers {
        let r = &self.registers;
        Registers {
            stack: r[7] as usize,
            at: r[14] as usize,
            link: 0,
            args: [r[8], r[10], r[9], r[5], r[4], r[6]].map(u64::from),
            mask: u64::from(self.mask[0]) | u64::from(self.mask[1]) << 32,
        }
    }

    pub fn answer(&mut self, value: usize) {
        self.registers[11] = value as u32;
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

pub fn last() -> usize {
    // SAFETY: below; takes nothing.
    unsafe { rpledge_last_address() }
}

// The general dynamic model, spelled as the linkers know it, so that it works
// in a library that is opened later and relaxes in a program.
global_asm!(
    ".pushsection .text.rpledge_last_address, \"ax\", @progbits",
    ".hidden rpledge_last_address",
    ".globl rpledge_last_address",
    ".type rpledge_last_address, @function",
    "rpledge_last_address:",
    "pushl %ebx",
    "subl $8, %esp",
    "call 2f",
    "2: popl %ebx",
    "3: addl $_GLOBAL_OFFSET_TABLE_ + (3b - 2b), %ebx",
    "leal rpledge_last@tlsgd(,%ebx,1), %eax",
    "call ___tls_get_addr@PLT",
    "addl $8, %esp",
    "popl %ebx",
    "ret",
    ".size rpledge_last_address, . - rpledge_last_address",
    ".popsection",
    options(att_syntax),
);

/// The calls that ask for a file's status by its name and open it.
pub const STATUS: &[(libc::c_long, usize)] = &[(libc::SYS_fstatat64, 1), (libc::SYS_stat64, 0)];
pub const OPEN: &[(libc::c_long, usize)] = &[(libc::SYS_openat, 1), (libc::SYS_open, 0)];

/// One number for socket calls; since Linux 4.3 there are others, too.
pub const SOCKETCALL: Option<libc::c_long> = Some(libc::SYS_socketcall);
/// Those, by the first argument of the one, with how many arguments they take
/// from where the second points; what it lacks is 0.
pub const SOCKET_CALLS: &[(libc::c_long, usize)] = &[
    (libc::SYS_socket, 3),
    (libc::SYS_bind, 3),
    (libc::SYS_connect, 3),
    (libc::SYS_listen, 2),
    (libc::SYS_accept4, 3),
    (libc::SYS_getsockname, 3),
    (libc::SYS_getpeername, 3),
    (libc::SYS_socketpair, 4),
    (libc::SYS_sendto, 4),
    (libc::SYS_recvfrom, 4),
    (libc::SYS_sendto, 6),
    (libc::SYS_recvfrom, 6),
    (libc::SYS_shutdown, 2),
    (libc::SYS_setsockopt, 5),
    (libc::SYS_getsockopt, 5),
    (libc::SYS_sendmsg, 3),
    (libc::SYS_recvmsg, 3),
    (libc::SYS_accept4, 4),
    (libc::SYS_recvmmsg, 5),
    (libc::SYS_sendmmsg, 4),
];

/// glibc's deepest road from an exported function to a call is shorter, also
/// with the frame of a handler in it, that made a socket call.
pub const STACK_WORDS: usize = 1280;
