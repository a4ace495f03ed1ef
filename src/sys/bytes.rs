// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few functions of a libc that compilers call by themselves, for code that runs without one.
//!
//! A compiler takes a loop that copies for memcpy(3) and would have these call
//! themselves: nothing is known of what happens in an empty `asm!`.

use core::arch::asm;

/// Their names, and where they are.
pub fn functions() -> [(&'static [u8], usize); 6] {
    [
        (b"memcpy", copy as *const () as usize),
        (b"memmove", shift as *const () as usize),
        (b"memset", fill as *const () as usize),
        (b"memcmp", compare as *const () as usize),
        (b"bcmp", compare as *const () as usize),
        (b"strlen", length as *const () as usize),
    ]
}

/// As memcpy(3).
unsafe extern "C" fn copy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise; upwards, as the convention has it.
    unsafe {
        asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
             options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    for n in 0..len {
        // SAFETY: the caller's promise.
        unsafe {
            *to.add(n) = *from.add(n);
            asm!("", options(nostack, preserves_flags));
        }
    }
    to
}

/// As memmove(3).
unsafe extern "C" fn shift(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= len {
        // SAFETY: upwards, nothing is overwritten that is still to be read.
        return unsafe { copy(to, from, len) };
    }
    for n in (0..len).rev() {
        // SAFETY: the caller's promise; downwards, likewise.
        unsafe {
            *to.add(n) = *from.add(n);
            asm!("", options(nostack, preserves_flags));
        }
    }
    to
}

/// As memset(3).
unsafe extern "C" fn fill(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise.
    unsafe {
        asm!("rep stosb", inout("rcx") len => _, inout("rdi") to => _, in("al") byte as u8,
             options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    for n in 0..len {
        // SAFETY: the caller's promise.
        unsafe {
            *to.add(n) = byte as u8;
            asm!("", options(nostack, preserves_flags));
        }
    }
    to
}

/// As memcmp(3).
unsafe extern "C" fn compare(one: *const u8, other: *const u8, len: usize) -> i32 {
    for n in 0..len {
        // SAFETY: the caller's promise.
        let (a, b) = unsafe {
            asm!("", options(nostack, preserves_flags));
            (*one.add(n), *other.add(n))
        };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// As strlen(3).
unsafe extern "C" fn length(text: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the caller's promise: it ends.
    while unsafe { *text.add(len) } != 0 {
        len += 1;
        // SAFETY: nothing is in it.
        unsafe { asm!("", options(nostack, preserves_flags)) };
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_do_what_a_libc_s_do() {
        let text = *b"0123456789\0";
        let mut here = [b'.'; 12];
        // SAFETY: within the arrays.
        unsafe {
            let at = here.as_mut_ptr();
            assert_eq!(copy(at, text.as_ptr(), 10), at);
            assert_eq!(&here, b"0123456789..");
            shift(at.add(2), at, 8);
            assert_eq!(&here, b"0101234567..");
            shift(at, at.add(1), 9);
            assert_eq!(&here, b"1012345677..");
            fill(at.add(3), 0x141, 2);
            assert_eq!(&here, b"101AA45677..");
            assert!(compare(b"ab\x80".as_ptr(), b"ab\x01".as_ptr(), 3) > 0);
            assert_eq!(compare(b"abc".as_ptr(), b"abd".as_ptr(), 2), 0);
            assert_eq!(length(text.as_ptr()), 10);
        }
    }
}
