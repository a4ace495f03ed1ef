// SPDX-License-Identifier: MIT OR Apache-2.0
//! One buffer a thread, for why its last call failed: thread-local storage, which stable Rust has only in std.

use core::arch::{asm, global_asm};

/// Its size; an address in it fits any field of [`Last`].
const SIZE: usize = 264;

global_asm!(
    ".pushsection .tbss.rpledge_last, \"awT\", @nobits",
    ".balign 8",
    ".hidden rpledge_last",
    ".globl rpledge_last",
    ".type rpledge_last, @object",
    "rpledge_last:",
    ".zero {size}",
    ".size rpledge_last, {size}",
    ".popsection",
    size = const SIZE,
);

/// Why the last call of this thread failed.
#[repr(C)]
pub struct Last {
    /// RPLEDGE_E_*.
    pub code: i32,
    _pad: i32,
    /// The same in words, with its NUL.
    pub text: [u8; SIZE - 8],
}

/// This thread's own.
#[cfg(target_arch = "x86_64")]
pub fn last() -> *mut Last {
    let address: *mut Last;
    // SAFETY: the general dynamic model, spelled as the linkers know it, so
    // that it works in a library that is opened later and relaxes in a
    // program. The stack is aligned by hand for the call.
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
