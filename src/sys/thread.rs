// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads of a broker, without a libc: a small stack of their own, file system attributes of their own.

use super::{Errno, arch, call};

/// A path or two, and what the calls between need.
const STACK: usize = 64 << 10;

/// As a thread, but with a umask of its own.
const FLAGS: usize = (libc::CLONE_VM
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM) as usize;

/// What a new thread finds on its stack: an argument and where to go.
#[repr(C, align(16))]
struct Head {
    shared: usize,
    run: usize,
}

/// Start a thread that does nothing but `run`.
pub fn start<T: Sync>(
    shared: &'static T,
    run: extern "C" fn(&'static T) -> !,
) -> Result<(), Errno> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK) as usize;
    // SAFETY: a new mapping, where the kernel likes it.
    let base = unsafe { call(arch::MMAP, [0, STACK, protection, flags, usize::MAX, 0]) }?;
    let top = base + STACK - size_of::<Head>();
    let head = Head {
        shared: shared as *const T as usize,
        run: run as *const () as usize,
    };
    // SAFETY: the end of the new mapping, aligned to a page's end.
    unsafe { (top as *mut Head).write(head) };
    // SAFETY: a stack that is nobody else's, with what the thread begins with.
    let made = unsafe { clone(FLAGS, top) };
    if made < -4095isize as usize {
        return Ok(());
    }
    // SAFETY: the mapping of above, which nobody uses.
    let _ = unsafe { call(libc::SYS_munmap, [base, STACK, 0, 0, 0, 0]) };
    Err(-(made as isize) as Errno)
}

/// Give the memory of the stack back that nothing lies on now: a thread that
/// rests shall cost little. For the first frames of a thread.
#[inline(never)]
pub fn give_back_stack() {
    const PAGE: usize = 4096;
    let here = 0_u8;
    let lowest = (&raw const here as usize & !(PAGE - 1)) - PAGE;
    let (from, len) = (lowest - (STACK - 4 * PAGE), STACK - 4 * PAGE);
    // SAFETY: below this frame, within the stack: this is called from its top.
    let _ = unsafe {
        call(
            libc::SYS_madvise,
            [from, len, libc::MADV_DONTNEED as usize, 0, 0, 0],
        )
    };
}

#[cfg(target_arch = "x86_64")]
unsafe fn clone(flags: usize, stack: usize) -> usize {
    let made;
    // SAFETY: the child has a stack of its own and never comes back.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "pop rdi",
            "pop rax",
            "call rax",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone as usize => made,
            in("rdi") flags, in("rsi") stack, in("rdx") 0, in("r10") 0, in("r8") 0,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    made
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone(flags: usize, stack: usize) -> usize {
    let made;
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x30, xzr",
            "ldp x0, x1, [sp], #16",
            "blr x1",
            "brk #1",
            "2:",
            inlateout("x0") flags => made,
            in("x8") libc::SYS_clone as usize, in("x1") stack, in("x2") 0, in("x3") 0, in("x4") 0,
        );
    }
    made
}

#[cfg(target_arch = "riscv64")]
unsafe fn clone(flags: usize, stack: usize) -> usize {
    let made;
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "ecall",
            "bnez a0, 2f",
            "ld a0, 0(sp)",
            "ld t0, 8(sp)",
            "addi sp, sp, 16",
            "jalr t0",
            "ebreak",
            "2:",
            inlateout("a0") flags => made,
            in("a7") libc::SYS_clone as usize, in("a1") stack, in("a2") 0, in("a3") 0, in("a4") 0,
        );
    }
    made
}

/// No way to begin on another stack is written for it: the broker of such a
/// machine has one thread, and its callers wait for each other.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
unsafe fn clone(_flags: usize, _stack: usize) -> usize {
    -(libc::ENOSYS as isize) as usize
}
