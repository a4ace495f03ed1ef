// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process sets for itself before it reads files that it does not know: limits, umask, a lock.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

/// Bound the process: address space in bytes, time on a CPU in seconds. A
/// limit that is lower already stays.
pub fn limit(memory: u64, seconds: u64) -> Result<()> {
    for (what, most) in [(libc::RLIMIT_AS, memory), (libc::RLIMIT_CPU, seconds)] {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the kernel fills the structure.
        check(unsafe { libc::getrlimit(what, &raw mut limit) })?;
        let most = (most as libc::rlim_t).min(limit.rlim_max);
        (limit.rlim_cur, limit.rlim_max) = (most, most);
        // SAFETY: the kernel reads the structure.
        check(unsafe { libc::setrlimit(what, &raw const limit) })?;
    }
    Ok(())
}

/// What is made from here on can be read by all and written by its owner.
pub fn plain_modes() {
    // SAFETY: takes a number and cannot fail.
    unsafe { libc::umask(0o022) };
}

/// Wait for the lock of an open file; it ends with the file.
pub fn lock(file: &File) -> Result<()> {
    // SAFETY: takes an open descriptor.
    check(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) })
}

fn check(result: i32) -> Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
