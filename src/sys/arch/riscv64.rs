// SPDX-License-Identifier: MIT OR Apache-2.0
//! riscv64.

use core::arch::asm;

use super::{Registers, Stack};

/// # Safety
/// As the system call's.
pub unsafe fn syscall(nr: usize, args: [usize; 6]) -> usize {
    let value;
    // SAFETY: the kernel keeps all registers but a0, and those of vectors,
    // which it may clear; it writes what the call does. Whose mark the sixth
    // argument is must not find it there for a call with fewer.
    unsafe {
        asm!("ecall", "li a5, 0", in("a7") nr, inlateout("a0") args[0] => value,
             in("a1") args[1], in("a2") args[2], in("a3") args[3], in("a4") args[4],
             inlateout("a5") args[5] => _,
             out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
             out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _, out("v11") _,
             out("v12") _, out("v13") _, out("v14") _, out("v15") _, out("v16") _,
             out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _,
             out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _,
             out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
             options(nostack));
    }
    value
}

/// The kernel's own way back, in the vdso, serves; a program cannot name another.
pub const RESTORER_FLAG: usize = 0;
pub type Restorer = [usize; 0];
pub const NO_RESTORER: Restorer = [];

pub fn restorer() -> Restorer {
    NO_RESTORER
}

/// The size of a page, if it is always the same.
pub const PAGE: Option<usize> = Some(4096);

/// `struct ucontext` with the `struct sigcontext` in it.
#[repr(C)]
pub struct Context {
    _flags: usize,
    _link: usize,
    _stack: Stack,
    mask: u64,
    /// The registers lie aligned to sixteen bytes.
    _reserved: [u64; 16],
    /// pc, ra, sp, gp, tp, t0 to t2, s0, s1, a0 to a7, ...
    registers: [u64; 32],
}

impl Context {
    pub fn registers(&self) -> Registers {
        let r = &self.registers;
        Registers {
            stack: r[2] as usize,
            at: r[0] as usize,
            link: r[1] as usize,
            args: [r[10], r[11], r[12], r[13], r[14], r[15]],
            mask: self.mask,
        }
    }

    pub fn answer(&mut self, value: usize) {
        self.registers[10] = value as u64;
    }
}

pub const CALL_BYTES: usize = 4;

/// Does a call end before this code? JAL and JALR that leave the way back in
/// ra, or the short form of the latter.
pub fn ends_with_call(before: &[u8; CALL_BYTES]) -> bool {
    let word = u32::from_le_bytes(*before);
    let short = word >> 16;
    let is_long = matches!(word & 0x7f, 0x6f | 0x67) && word >> 7 & 0x1f == 1;
    is_long || short & 0xf07f == 0x9002 && short >> 7 & 0x1f != 0
}

pub fn bare(address: usize) -> usize {
    address
}

/// The general dynamic model, so that it works in a library that is opened later.
pub fn last() -> usize {
    let address: usize;
    // SAFETY: a call by the convention; the stack is aligned for one.
    unsafe {
        asm!(
            "la.tls.gd a0, rpledge_last",
            "call __tls_get_addr@plt",
            out("a0") address,
            clobber_abi("C"),
        );
    }
    address
}

/// The calls that ask for a file's status by its name and open it.
pub const STATUS: &[(libc::c_long, usize)] = &[(libc::SYS_newfstatat, 1)];
pub const OPEN: &[(libc::c_long, usize)] = &[(libc::SYS_openat, 1)];

/// Each socket call has a number of its own.
pub const SOCKETCALL: Option<libc::c_long> = None;
pub const SOCKET_CALLS: &[(libc::c_long, usize)] = &[];

/// glibc's deepest road from an exported function to a call is shorter.
pub const STACK_WORDS: usize = 256;
