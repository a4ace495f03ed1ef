// SPDX-License-Identifier: MIT OR Apache-2.0
//! The status of the time zone's file, kept from before the filter for a libc that asks for it again and again.

use core::ffi::{CStr, c_long};

use super::arch::{OPEN, STATUS, Stat};
use super::once::Once;
use super::{Errno, call, is_writable, text};

/// Where a libc looks if TZ is not set: TZDEFAULT of glibc's timezone/tzfile.h.
const FILE: &CStr = c"/etc/localtime";
/// Words of `struct stat`.
const WORDS: usize = size_of::<Stat>() / 8;

static KEPT: Once<Result<[u64; WORDS], Errno>> = Once::new();

/// Keep it as it is now, as the libc has just read the file.
pub fn remember() {
    let _ = KEPT.get_or_make(|| {
        let mut status = [0; WORDS];
        let args = [
            libc::AT_FDCWD as usize,
            FILE.as_ptr() as usize,
            status.as_mut_ptr() as usize,
            0,
            0,
            0,
        ];
        // SAFETY: the name is a C string, and the kernel writes one `struct stat`.
        unsafe { call(STATUS[0].0, args) }.map(|_| status)
    });
}

/// What a call for the file's status returns, if it is one: that nothing has
/// changed, so that the zone in memory stays. glibc's localtime(3) asks before
/// each conversion, and takes no answer for UTC. Where there was no file it
/// tries to open it, and there is none still.
pub fn recall(nr: c_long, args: &[u64; 6]) -> Option<Result<usize, Errno>> {
    let asked = |calls: &[(c_long, usize)]| calls.iter().find(|call| call.0 == nr).map(|c| c.1);
    let (name, to) = match (asked(STATUS), asked(OPEN)) {
        // Of a descriptor, or of a link itself.
        (Some(1), _) if args[3] as u32 != 0 => return None,
        (Some(n), _) => (args[n], Some(args[n + 1])),
        (None, Some(n)) => (args[n], None),
        (None, None) => return None,
    };
    let status = KEPT.get()?;
    let mut copied = [0; FILE.count_bytes() + 1];
    if text::copy(name as *const _, &mut copied) != Ok(FILE.to_bytes()) {
        return None;
    }
    let (status, to) = match (status, to) {
        (Err(errno), _) => return Some(Err(*errno)),
        (Ok(_), None) => return None,
        (Ok(status), Some(to)) => (status, to),
    };
    for (n, word) in status.iter().enumerate() {
        let at = (to as usize).wrapping_add(8 * n);
        if !is_writable(at) {
            return Some(Err(libc::EFAULT));
        }
        // SAFETY: could be written a moment ago.
        unsafe { core::ptr::write_unaligned(at as *mut u64, *word) };
    }
    Some(Ok(0))
}
