// SPDX-License-Identifier: MIT OR Apache-2.0
//! A value made once, without a libc's locks: two threads may both make it, and one is kept.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, Ordering};

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;

/// A cell that is written once.
pub struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written by one thread, before `state` says so.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T: Copy> Once<T> {
    pub const fn new() -> Once<T> {
        Once {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it was made.
    pub fn get(&self) -> Option<&T> {
        let full = self.state.load(Ordering::Acquire) == FULL;
        // SAFETY: written, and never again.
        full.then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value; made by `make` if there is none. `make` must not fork.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = make();
        let claim =
            self.state
                .compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Acquire);
        if claim.is_ok() {
            // SAFETY: the only thread that saw EMPTY.
            unsafe { (*self.value.get()).write(made) };
            self.state.store(FULL, Ordering::Release);
        }
        loop {
            if let Some(value) = self.get() {
                return value;
            }
            core::hint::spin_loop();
        }
    }
}

/// Something that is done once, before anybody goes on.
pub struct Gate(AtomicU8);

/// How long a thread waits for another: a fork may have lost that one.
const PATIENCE: u32 = 100_000_000;

impl Gate {
    pub const fn new() -> Gate {
        Gate(AtomicU8::new(EMPTY))
    }

    /// Do it, or wait until it is done.
    pub fn pass_once(&self, act: impl FnOnce()) {
        let Gate(state) = self;
        let claim = state.compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Acquire);
        if claim.is_ok() {
            act();
            return state.store(FULL, Ordering::Release);
        }
        for _ in 0..PATIENCE {
            if state.load(Ordering::Acquire) == FULL {
                return;
            }
            core::hint::spin_loop();
        }
    }
}
