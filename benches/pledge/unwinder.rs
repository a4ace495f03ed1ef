// SPDX-License-Identifier: MIT OR Apache-2.0
//! What glibc opens for programs that cancel threads. This program has it from its start, so a copy is opened.

use std::ffi::{CString, c_void};
use std::fs;
use std::path::Path;

/// A copy of this process's libgcc_s, under a name that the loader has not seen.
pub struct Unwinder(CString);

impl Unwinder {
    /// None on a libc that has no such file.
    pub fn copy() -> Option<Unwinder> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        let own = maps.lines().find_map(|line| {
            let path = &line[line.find('/')?..];
            path.contains("/libgcc_s").then_some(path)
        })?;
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unwinder.so");
        fs::copy(own, &copy).ok()?;
        CString::new(copy.into_os_string().into_encoded_bytes())
            .ok()
            .map(Unwinder)
    }

    /// As glibc does (misc/unwind-link.c).
    pub fn open(&self) {
        // SAFETY: a C string; the library has no constructor that minds.
        let handle: *mut c_void =
            unsafe { libc::dlopen(self.0.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "dlopen");
    }
}
