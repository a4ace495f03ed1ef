// SPDX-License-Identifier: MIT OR Apache-2.0
//! The buffer that a violation is reported from: the filter lets write(2) have its address and no other.

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

const SIZE: usize = 512;

struct Buffer {
    /// The process that reports. A child of vfork(2) shares the buffer with
    /// its parent, which may have a report of its own to make later.
    owner: AtomicU32,
    bytes: UnsafeCell<[u8; SIZE]>,
}

// SAFETY: `owner` gives the bytes to one thread of a process, for good; while
// a child of vfork(2) has them its parent does not run.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer {
    owner: AtomicU32::new(0),
    bytes: UnsafeCell::new([0; SIZE]),
};

/// How long a thread waits for another's report, whose abort takes it along.
const PATIENCE: u32 = 50_000_000;

/// Where a report begins.
pub fn buffer_address() -> usize {
    BUFFER.bytes.get() as usize
}

/// The one report that a process makes; what does not fit is cut.
pub struct Report {
    len: usize,
}

impl Report {
    /// The buffer, if no other thread of the process `pid` has it.
    pub fn take(pid: u32) -> Option<Report> {
        if BUFFER.owner.swap(pid, Ordering::Acquire) != pid {
            return Some(Report { len: 0 });
        }
        for _ in 0..PATIENCE {
            core::hint::spin_loop();
        }
        None
    }

    /// Write it to standard error; the text is returned.
    pub fn send(self) -> &'static str {
        // SAFETY: taken once, by this report, and nothing is written from here on.
        let bytes = unsafe { &*BUFFER.bytes.get() };
        let bytes = &bytes[..self.len];
        super::report(bytes);
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            // Cut within a character.
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }
}

impl fmt::Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: taken once, by this report.
        let bytes = unsafe { &mut *BUFFER.bytes.get() };
        for byte in text.bytes() {
            let Some(slot) = bytes.get_mut(self.len) else {
                return Err(fmt::Error);
            };
            *slot = byte;
            self.len += 1;
        }
        Ok(())
    }
}
