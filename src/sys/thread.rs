// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads of a broker, without a libc: a small stack of their own, file system attributes of their own.

use core::sync::atomic::{AtomicU32, Ordering};

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
    let stack = Stack::new(shared as *const T as usize, run as *const () as usize)?;
    // SAFETY: a stack that is nobody else's, with what the thread begins with.
    let made = unsafe { clone(FLAGS, stack.top(), 0) };
    // It has the stack until the process ends.
    stack.started(made).map(|_| ())
}

/// A process of its own that runs in this one's memory, with its descriptors,
/// until it executes something or ends; then `is_there` becomes 0. As a child
/// of vfork(2), for which nobody waits; no signal tells of its end.
pub fn start_process<T: Sync>(
    shared: &'static T,
    run: extern "C" fn(&'static T) -> !,
    is_there: &AtomicU32,
) -> Result<(u32, Stack), Errno> {
    const BESIDE: usize =
        (libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID) as usize;
    let stack = Stack::new(shared as *const T as usize, run as *const () as usize)?;
    is_there.store(1, Ordering::Release);
    // SAFETY: as above; the kernel writes the word if it is still there.
    let made = unsafe { clone(BESIDE, stack.top(), is_there.as_ptr() as usize) };
    stack.started(made)
}

/// The mapping that a thread begins on, which stays if nobody takes it away.
#[derive(Clone, Copy)]
pub struct Stack(usize);

impl Stack {
    fn new(shared: usize, run: usize) -> Result<Stack, Errno> {
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK) as usize;
        // SAFETY: a new mapping, where the kernel likes it.
        let base = unsafe { call(arch::MMAP, [0, STACK, protection, flags, usize::MAX, 0]) }?;
        let stack = Stack(base);
        // SAFETY: the end of the new mapping, aligned to a page's end.
        unsafe { (stack.top() as *mut Head).write(Head { shared, run }) };
        Ok(stack)
    }

    fn top(&self) -> usize {
        self.0 + STACK - size_of::<Head>()
    }

    /// One that was left to somebody else.
    pub fn at(base: usize) -> Stack {
        Stack(base)
    }

    pub fn base(&self) -> usize {
        self.0
    }

    /// What came of clone(2).
    fn started(self, made: usize) -> Result<(u32, Stack), Errno> {
        if made < -4095isize as usize {
            return Ok((made as u32, self));
        }
        self.unmap();
        Err(-(made as isize) as Errno)
    }

    /// Once nobody runs on it.
    pub fn unmap(self) {
        // SAFETY: the mapping of above, which nobody uses.
        let _ = unsafe { call(libc::SYS_munmap, [self.0, STACK, 0, 0, 0, 0]) };
    }
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
unsafe fn clone(flags: usize, stack: usize, left: usize) -> usize {
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
            in("rdi") flags, in("rsi") stack, in("rdx") 0, in("r10") left, in("r8") 0,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    made
}

#[cfg(target_arch = "aarch64")]
unsafe fn clone(flags: usize, stack: usize, left: usize) -> usize {
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
            in("x8") libc::SYS_clone as usize, in("x1") stack, in("x2") 0, in("x3") 0, in("x4") left,
        );
    }
    made
}

#[cfg(target_arch = "riscv64")]
unsafe fn clone(flags: usize, stack: usize, left: usize) -> usize {
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
            in("a7") libc::SYS_clone as usize, in("a1") stack, in("a2") 0, in("a3") 0, in("a4") left,
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
unsafe fn clone(_flags: usize, _stack: usize, _left: usize) -> usize {
    -(libc::ENOSYS as isize) as usize
}
