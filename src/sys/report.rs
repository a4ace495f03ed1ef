// SPDX-License-Identifier: MIT OR Apache-2.0
//! The buffer that a violation is reported from: the filter lets write(2) have its address and no other.

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

const SIZE: usize = 512;

struct Buffer {
    taken: AtomicBool,
    bytes: UnsafeCell<[u8; SIZE]>,
}

// SAFETY: `taken` gives the bytes to one thread, for good.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer {
    taken: AtomicBool::new(false),
    bytes: UnsafeCell::new([0; SIZE]),
};

/// Where a report begins.
pub fn buffer_address() -> usize {
    BUFFER.bytes.get() as usize
}

/// The one report that a process makes; what does not fit is cut.
pub struct Report {
    len: usize,
}

impl Report {
    /// The buffer, if nobody had it before.
    pub fn take() -> Option<Report> {
        (!BUFFER.taken.swap(true, Ordering::Acquire)).then_some(Report { len: 0 })
    }

    /// Write it to standard error.
    pub fn send(self) {
        // SAFETY: taken once, by this report.
        let bytes = unsafe { &*BUFFER.bytes.get() };
        super::report(&bytes[..self.len]);
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
