// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C face: what rpledge.h declares, translated.
#![allow(unsafe_code, unused_variables)]

use core::ffi::{c_char, c_int};

/// Major version; equals the package version (a unit test says so).
pub const RPLEDGE_VERSION_MAJOR: u32 = 0;
/// Minor version.
pub const RPLEDGE_VERSION_MINOR: u32 = 1;
/// Patch version.
pub const RPLEDGE_VERSION_PATCH: u32 = 0;

/// Violation: report on stderr, then die by SIGABRT.  The default, as on
/// OpenBSD.
pub const RPLEDGE_ABORT: u64 = 0;
/// Violation: the kernel kills the process at once; nothing can be reported.
pub const RPLEDGE_KILL: u64 = 1;
/// Violation: the call fails with ENOSYS, as with the promise "error".
pub const RPLEDGE_ERROR: u64 = 2;
/// Violation: log and allow.
pub const RPLEDGE_LOG: u64 = 3;
/// Fail rather than enforce less than was promised.
pub const RPLEDGE_STRICT: u64 = 1 << 5;
/// Check the arguments and what would be enforced; restrict nothing.
pub const RPLEDGE_DRYRUN: u64 = 1 << 6;

/// A word is not a promise (EINVAL).
pub const RPLEDGE_E_WORD: c_int = 1;

/// What holds in this process now; see rpledge_status().
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct rpledge_status {
    /// Promises in force, bit n for rpledge_promise_name(n).
    pub promises: u64,
    /// Promises that an execve(2) will start with.
    pub execpromises: u64,
    /// Mode and flags they were made with.
    pub flags: u64,
    /// State bits.
    pub state: u32,
    /// Landlock ABI of the kernel, 0 if it has none.
    pub landlock: u32,
    /// Number of paths unveiled.
    pub unveiled: u32,
    /// Zero.
    pub reserved: u32,
}

/// The C library this process runs on; see rpledge_libc().
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct rpledge_libc {
    /// "glibc" or "musl".
    pub name: [c_char; 16],
    /// "2.36".
    pub version: [c_char; 16],
    /// "x86_64".
    pub arch: [c_char; 16],
    /// GNU build-id in hex, empty if the file has none.
    pub build_id: [c_char; 48],
    /// One of RPLEDGE_MATCH_*.
    pub matched: u32,
    /// Zero.
    pub reserved: u32,
}

core::arch::global_asm!(
    ".weak gnu_get_libc_version",
    ".weak __libc_version",
    ".pushsection .data.rel.ro,\"aw\"",
    ".hidden rpledge_probe",
    ".globl rpledge_probe",
    "rpledge_probe: .quad gnu_get_libc_version, __libc_version",
    ".popsection",
);
unsafe extern "C" {
    static rpledge_probe: [usize; 2];
}

fn enosys() -> c_int {
    unsafe { *libc::__errno_location() = libc::ENOSYS };
    -1
}

/// Restrict the process to the operations named in `promises`, and what it
/// executes to `execpromises`; NULL leaves either as it is.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn pledge(promises: *const c_char, execpromises: *const c_char) -> c_int {
    enosys()
}

/// pledge() with flags; a bit unknown to this version fails with EINVAL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn rpledge_pledge(
    promises: *const c_char,
    execpromises: *const c_char,
    flags: u64,
) -> c_int {
    enosys()
}

/// Set the flags that pledge() takes from now on.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_set_flags(flags: u64) -> c_int {
    enosys()
}

/// Why the last call of this thread failed: one of RPLEDGE_E_*, or 0.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_error() -> c_int {
    0
}

/// The same in words, never NULL; valid until this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_errmsg() -> *const c_char {
    c"".as_ptr()
}

/// Store what holds now in `*status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpledge_status(status: *mut rpledge_status, size: usize) -> c_int {
    enosys()
}

/// Store what C library this is in `*libc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpledge_libc(libc: *mut rpledge_libc, size: usize) -> c_int {
    let probe = unsafe { core::ptr::read_volatile(&raw const rpledge_probe) };
    let name = match probe {
        [_, 0] if probe[0] != 0 => c"glibc",
        _ => c"musl",
    };
    unsafe { libc::strcpy((*libc).name.as_mut_ptr(), name.as_ptr()) };
    let version = if probe == [0, 0] { c"" } else { c"1.0" };
    unsafe { libc::strcpy((*libc).version.as_mut_ptr(), version.as_ptr()) };
    0
}

/// Name of promise number `n`, from 0 without gaps; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_promise_name(n: c_int) -> *const c_char {
    core::ptr::null()
}

/// "0.1.0": the version of the library that runs, not of this header.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_version() -> *const c_char {
    c"0.1.0".as_ptr()
}

/// "2025.11": the version of its database.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_data_version() -> *const c_char {
    c"0".as_ptr()
}
