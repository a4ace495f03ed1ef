// SPDX-License-Identifier: MIT OR Apache-2.0
//! C strings and buffers that a caller gave: read and written with EFAULT in place of a crash.

use core::ffi::c_char;

use super::is_readable;

const PAGE: usize = 4096;

/// Why a string could not be copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyError {
    Fault,
    TooLong,
}

/// Copy a C string into `buffer`; its NUL must fit as well, as copyinstr of
/// OpenBSD has it.
pub fn copy(from: *const c_char, buffer: &mut [u8]) -> Result<&[u8], CopyError> {
    for n in 0..buffer.len() {
        let at = (from as usize).wrapping_add(n);
        if (n == 0 || at % PAGE == 0) && !is_readable(at) {
            return Err(CopyError::Fault);
        }
        // SAFETY: its page can be read, at least a moment ago.
        let byte = unsafe { core::ptr::read_volatile(at as *const u8) };
        if byte == 0 {
            return Ok(&buffer[..n]);
        }
        buffer[n] = byte;
    }
    Err(CopyError::TooLong)
}

/// Store as much of `value` as the caller knows of it, and zero the rest of
/// what the caller has.
///
/// # Safety
/// `size` bytes at `to` must be writable; `T` must have no padding.
pub unsafe fn store<T: Copy>(value: &T, to: *mut T, size: usize) {
    let known = size.min(size_of::<T>());
    // SAFETY: the caller vouches for `size` bytes.
    unsafe {
        core::ptr::copy_nonoverlapping((value as *const T).cast::<u8>(), to.cast::<u8>(), known);
        core::ptr::write_bytes(to.cast::<u8>().add(known), 0, size - known);
    }
}

/// The C string at `at`, which is known to be one.
///
/// # Safety
/// `at` must point to a NUL-terminated string that stays.
pub unsafe fn at<'a>(at: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's.
    unsafe { core::ffi::CStr::from_ptr(at) }.to_bytes()
}
