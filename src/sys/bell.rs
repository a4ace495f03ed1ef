// SPDX-License-Identifier: MIT OR Apache-2.0
//! A signal that comes again and again while a thread waits in a call: it fails with EINTR then, and whoever made it can look around.

use core::ffi::{c_int, c_void};

use super::signal::{self, Info};
use super::{Errno, call, tid};

/// Its default action is none, should it come before there is a handler.
const SIGNAL: c_int = libc::SIGURG;

/// `struct sigevent`.
#[repr(C)]
struct Event {
    value: usize,
    signal: c_int,
    notify: c_int,
    thread: c_int,
    _pad: [c_int; 11],
}

/// `struct itimerspec`, in words as these calls have it: seconds, nanoseconds.
#[repr(C)]
struct Times {
    again: [isize; 2],
    first: [isize; 2],
}

extern "C" fn ring(_: c_int, _: *mut Info, _: *mut c_void) {}

/// Have a handler, and let the signal through in this thread and those that it
/// starts.
pub fn hang() -> Result<(), Errno> {
    signal::handle(SIGNAL, ring)?;
    signal::unblock(SIGNAL);
    Ok(())
}

/// It rings until this is dropped.
pub struct Bell(c_int);

impl Bell {
    /// For this thread, each time so many milliseconds have passed.
    pub fn start(milliseconds: i32) -> Result<Bell, Errno> {
        let event = Event {
            value: 0,
            signal: SIGNAL,
            notify: libc::SIGEV_THREAD_ID,
            thread: tid() as c_int,
            _pad: [0; 11],
        };
        let mut timer: c_int = 0;
        let at = [&raw const event as usize, &raw mut timer as usize];
        let create = [libc::CLOCK_MONOTONIC as usize, at[0], at[1], 0, 0, 0];
        // SAFETY: the kernel reads one and writes the other.
        unsafe { call(libc::SYS_timer_create, create) }?;
        let bell = Bell(timer);
        let milliseconds = milliseconds as isize;
        let time = [milliseconds / 1000, milliseconds % 1000 * 1_000_000];
        let times = Times {
            again: time,
            first: time,
        };
        let at = &raw const times as usize;
        // SAFETY: the kernel reads it.
        unsafe { call(libc::SYS_timer_settime, [timer as usize, 0, at, 0, 0, 0]) }?;
        Ok(bell)
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // SAFETY: takes no pointer.
        let _ = unsafe { call(libc::SYS_timer_delete, [self.0 as usize, 0, 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_again_and_again() {
        let before = signal::unblock(SIGNAL);
        hang().expect("a handler");
        let bell = Bell::start(10).expect("a timer");
        for _ in 0..3 {
            // SAFETY: takes no pointer, and waits without an end.
            let waited = unsafe { call(libc::SYS_ppoll, [0, 0, 0, 0, 0, 0]) };
            assert_eq!(waited, Err(libc::EINTR));
        }
        drop(bell);
        let quiet = crate::sys::wait_for(-1, 0, 50);
        assert_eq!(quiet, Ok(0));
        signal::restore_mask(before);
    }
}
