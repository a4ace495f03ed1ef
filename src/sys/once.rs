// SPDX-License-Identifier: MIT OR Apache-2.0
//! A value made once, without a libc's locks: two threads may both make it, and one is kept.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

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

    /// The value; made by `make` if there is none. Nobody waits for another
    /// thread, which a fork may have lost or this very signal interrupted.
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> T {
        if let Some(value) = self.get() {
            return *value;
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
        made
    }
}

/// Something that is lent to one at a time.
pub struct Lent<T> {
    out: AtomicBool,
    thing: UnsafeCell<T>,
}

// SAFETY: `out` gives the thing to one thread at a time.
unsafe impl<T: Send> Sync for Lent<T> {}

impl<T> Lent<T> {
    pub const fn new(thing: T) -> Lent<T> {
        Lent {
            out: AtomicBool::new(false),
            thing: UnsafeCell::new(thing),
        }
    }

    /// Use it; none if somebody has it.
    pub fn lend<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.out.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY: nobody else has it until it is given back below.
        let done = act(unsafe { &mut *self.thing.get() });
        self.out.store(false, Ordering::Release);
        Some(done)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_lent_once() {
        let lent = Lent::new(1);
        let twice = lent.lend(|n| {
            *n += 1;
            lent.lend(|_| ())
        });
        assert_eq!(twice, Some(None));
        assert_eq!(lent.lend(|n| *n), Some(2));
    }

    #[test]
    fn made_within_making_does_not_wait() {
        let once = Once::new();
        assert_eq!(once.get_or_make(|| once.get_or_make(|| 1) + 1), 2);
        assert_eq!(once.get_or_make(|| 3), 1);
    }
}
