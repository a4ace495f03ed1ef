// SPDX-License-Identifier: MIT OR Apache-2.0
//! aarch64.

use core::arch::asm;

use super::{Registers, Stack};

/// # Safety
/// As the system call's.
pub unsafe fn syscall(nr: usize, args: [usize; 6]) -> usize {
    let value;
    // SAFETY: the kernel keeps all registers but x0, and writes what the call
    // does. Whose mark the sixth argument is must not find it there for a call
    // with fewer.
    unsafe {
        asm!("svc 0", "mov x5, xzr", in("x8") nr, inlateout("x0") args[0] => value,
             in("x1") args[1], in("x2") args[2], in("x3") args[3], in("x4") args[4],
             inlateout("x5") args[5] => _, options(nostack));
    }
    value
}

/// The kernel's own way back, in the vdso, serves.
pub const RESTORER_FLAG: usize = 0;
pub type Restorer = [usize; 1];
pub const NO_RESTORER: Restorer = [0];

pub fn restorer() -> Restorer {
    NO_RESTORER
}

/// The size of a page, if it is always the same.
pub const PAGE: Option<usize> = None;

/// `struct ucontext` with the `struct sigcontext` in it.
#[repr(C)]
pub struct Context {
    _flags: usize,
    _link: usize,
    _stack: Stack,
    mask: u64,
    _reserved: [u8; 120],
    /// The fault's address lies aligned to sixteen bytes.
    _fault: [u64; 2],
    /// x0 to x30, sp, pc, ...
    registers: [u64; 33],
}

impl Context {
    pub fn registers(&self) -> Registers {
        let r = &self.registers;
        Registers {
            stack: r[31] as usize,
            at: r[32] as usize,
            link: r[30] as usize,
            args: [r[0], r[1], r[2], r[3], r[4], r[5]],
            mask: self.mask,
        }
    }

    pub fn answer(&mut self, value: usize) {
        self.registers[0] = value as u64;
    }
}

pub const CALL_BYTES: usize = 4;

/// Does a call end before this code? BL, BLR, and BLR with a signature.
pub fn ends_with_call(before: &[u8; CALL_BYTES]) -> bool {
    let word = u32::from_le_bytes(*before);
    word >> 26 == 0x25 || word & 0xffff_fc1f == 0xd63f_0000 || word & 0xfeff_f800 == 0xd63f_0800
}

/// Signatures lie above what addresses of programs have: 48 bits, unless more
/// were asked for.
pub fn bare(address: usize) -> usize {
    address & 0xffff_ffff_ffff
}

/// The descriptor model, spelled as the linkers know it, so that it works in a
/// library that is opened later and relaxes in a program.
pub fn last() -> usize {
    let address: usize;
    // SAFETY: the descriptor's function returns the distance from the thread's
    // register and keeps more than the convention says.
    unsafe {
        asm!(
            "adrp x0, :tlsdesc:rpledge_last",
            "ldr x1, [x0, #:tlsdesc_lo12:rpledge_last]",
            "add x0, x0, :tlsdesc_lo12:rpledge_last",
            ".tlsdesccall rpledge_last",
            "blr x1",
            "mrs x1, tpidr_el0",
            "add x0, x0, x1",
            out("x0") address,
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
