// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols that one libc has and another lacks: weak references, which stable Rust cannot say.

use core::arch::global_asm;
use core::ffi::{c_char, c_void};

global_asm!(
    ".weak gnu_get_libc_version",
    ".weak __libc_version",
    ".weak __progname",
    ".weak __libc",
    ".weak backtrace",
    ".weak __you_tried_to_link_a_dietlibc_object_against_glibc",
    ".pushsection .data.rel.ro.rpledge_weak, \"aw\", @progbits",
    ".balign 8",
    ".hidden rpledge_weak",
    ".globl rpledge_weak",
    "rpledge_weak:",
    ".quad gnu_get_libc_version",
    ".quad __libc_version",
    ".quad __progname",
    ".quad __libc",
    ".quad backtrace",
    ".quad __you_tried_to_link_a_dietlibc_object_against_glibc",
    ".size rpledge_weak, . - rpledge_weak",
    ".popsection",
);

unsafe extern "C" {
    static rpledge_weak: [*const c_void; 6];
}

/// "2.36", of the glibc that this process runs on.
pub fn glibc_version() -> Option<&'static [u8]> {
    // SAFETY: the table is filled by the linker and the loader.
    let function = unsafe { rpledge_weak[0] };
    if function.is_null() {
        return None;
    }
    // SAFETY: gnu_get_libc_version(3), which returns a constant string.
    unsafe {
        let function: extern "C" fn() -> *const c_char = core::mem::transmute(function);
        Some(super::text::at(function()))
    }
}

/// "1.2.5", of a musl that is linked statically; it is hidden in a shared one.
pub fn musl_version() -> Option<&'static [u8]> {
    // SAFETY: as above; `const char __libc_version[]` of musl.
    unsafe { (!rpledge_weak[1].is_null()).then(|| super::text::at(rpledge_weak[1].cast())) }
}

/// Is a musl linked statically? Its `struct __libc` is in every such program,
/// its version only in one that asks for it.
pub fn has_musl() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[3].is_null() }
}

/// Is a dietlibc linked? It is in every such program; no version is.
pub fn has_dietlibc() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[5].is_null() }
}

/// Make glibc open libgcc_s.so.1, as pthread_cancel(3) and pthread_exit(3) do
/// when first needed: its backtrace(3) goes the same way (misc/unwind-link.c).
pub fn load_unwinder() {
    // SAFETY: as above.
    let function = unsafe { rpledge_weak[4] };
    if !function.is_null() {
        let mut frames = [core::ptr::null_mut::<c_void>(); 1];
        // SAFETY: `int backtrace(void **, int)`.
        unsafe {
            let function: extern "C" fn(*mut *mut c_void, core::ffi::c_int) -> core::ffi::c_int =
                core::mem::transmute(function);
            function(frames.as_mut_ptr(), 1);
        }
    }
}

/// tzset(3).
pub fn read_time_zone() {
    unsafe extern "C" {
        safe fn tzset();
    }
    tzset();
}

/// The program's short name.
pub fn program_name() -> Option<&'static [u8]> {
    // SAFETY: `char *__progname` of glibc and musl; set before main.
    unsafe {
        let name = rpledge_weak[2].cast::<*const c_char>();
        (!name.is_null() && !(*name).is_null()).then(|| super::text::at(*name))
    }
}
