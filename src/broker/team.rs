// SPDX-License-Identifier: MIT OR Apache-2.0
//! The broker's threads: one leads and receives; before it may have to wait it lets another lead.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Shared;
use crate::sys::lock::Baton;
use crate::sys::thread;

/// Who has it receives calls.
static LEAD: Baton = Baton::new();
/// Threads that wait for the lead.
static IDLE: AtomicU32 = AtomicU32::new(0);
/// Threads that there are.
static ALL: AtomicU32 = AtomicU32::new(1);

/// With more, calls wait for each other: so many slow ones at once are no
/// program's, and each thread takes memory.
const MOST: u32 = 256;

/// Wait for the lead.
pub fn lead() {
    IDLE.fetch_add(1, Ordering::AcqRel);
    LEAD.take();
    IDLE.fetch_sub(1, Ordering::AcqRel);
}

/// Let another thread lead, if there is one or one can be had.
pub fn pass_on(shared: &'static Shared) -> bool {
    if IDLE.load(Ordering::Acquire) == 0 && !grow(shared) {
        return false;
    }
    LEAD.give();
    true
}

/// One thread more, if there may be.
fn grow(shared: &'static Shared) -> bool {
    let is_made =
        ALL.fetch_add(1, Ordering::AcqRel) < MOST && thread::start(shared, super::run).is_ok();
    if !is_made {
        ALL.fetch_sub(1, Ordering::AcqRel);
    }
    is_made
}

/// After a call that had to wait: be ready for the lead.
pub fn rest() {
    thread::give_back_stack();
}
