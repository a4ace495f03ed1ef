// SPDX-License-Identifier: MIT OR Apache-2.0
//! One buffer a thread, for why its last call failed: thread-local storage, which stable Rust has only in std.

use core::arch::global_asm;

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
pub fn last() -> *mut Last {
    super::arch::last() as *mut Last
}
