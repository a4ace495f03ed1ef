// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instruction that enters the kernel, and the way back from a signal handler.

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::{asm, global_asm};

    /// # Safety
    /// As the system call's.
    pub unsafe fn syscall(nr: usize, args: [usize; 6]) -> usize {
        let value;
        // SAFETY: the System V convention for system calls; the kernel
        // clobbers rcx and r11 and what the call itself writes.
        unsafe {
            asm!("syscall", inlateout("rax") nr => value, in("rdi") args[0], in("rsi") args[1],
                 in("rdx") args[2], in("r10") args[3], in("r8") args[4], in("r9") args[5],
                 lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        value
    }

    unsafe extern "C" {
        /// Where a handler returns to: the kernel wants one on x86_64.
        #[link_name = "rpledge_sigreturn"]
        pub fn restorer();
    }

    global_asm!(
        ".pushsection .text.rpledge_sigreturn, \"ax\", @progbits",
        ".hidden rpledge_sigreturn",
        ".globl rpledge_sigreturn",
        ".type rpledge_sigreturn, @function",
        // An unwinder knows a signal frame by these very instructions, and
        // looks one byte before them.
        "nop",
        "rpledge_sigreturn:",
        "mov rax, 15",
        "syscall",
        ".size rpledge_sigreturn, . - rpledge_sigreturn",
        ".popsection",
    );

    /// Does a call end before this code? As the compiler writes them: E8 with
    /// a distance, or FF /2 with a register or an address.
    pub fn ends_with_call(before: &[u8; 7]) -> bool {
        let indirect = |at: usize| before[at] == 0xff && before[at + 1] >> 3 & 7 == 2;
        before[2] == 0xe8 || [0, 1, 4, 5].into_iter().any(indirect)
    }

    /// SA_RESTORER: `sa_restorer` is set.
    pub const RESTORER_FLAG: usize = 0x0400_0000;
}

#[cfg(not(target_arch = "x86_64"))]
compile_error!(
    "rpledge runs on x86_64 so far: another architecture needs its part here and in tls.rs"
);

pub use imp::{RESTORER_FLAG, ends_with_call, restorer, syscall};
