// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a C program's copy of the library needs because no Rust runtime stands under it.
// The symbols below are the toolchain's, and the C library's abort is foreign.
#![allow(unsafe_code)]

use core::panic::PanicInfo;

/// Nothing in the library panics across the C boundary; should the compiler
/// have left a check in after all, its failing is the end of the process.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    stop()
}

fn stop() -> ! {
    // SAFETY: abort(3) takes nothing and does not return.
    unsafe { libc::abort() }
}

// The precompiled `core` was built for unwinding and names these two, although
// nothing here unwinds (rust-lang/rust issues 56152 and 106864).  Taken from
// libgcc_eh they would drag glibc's dynamic loader into static musl programs.
// They must stay inside the archive: a visible _Unwind_Resume would take the
// place of the real one and kill C++ programs on their first exception, so
// scripts/artefacts makes them local.  Once a stable Rust ships a `core` built
// with panic=abort, both can go.

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {
    stop()
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() {
    stop()
}

/// Compilers turn comparisons into it, and dietlibc lacks it.
///
/// # Safety
///
/// As for bcmp(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(
    a: *const core::ffi::c_void,
    b: *const core::ffi::c_void,
    n: usize,
) -> i32 {
    // SAFETY: the caller's promise is the same.
    unsafe { libc::memcmp(a, b, n) }
}
