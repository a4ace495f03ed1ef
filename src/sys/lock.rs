// SPDX-License-Identifier: MIT OR Apache-2.0
//! A lock between the threads of a broker, which no signal interrupts and no fork divides; and words that processes wait for.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use super::{DOOR, call};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody waits.
const WANTED: u32 = 2;

const FUTEX_WAIT: usize = 0;
const FUTEX_WAKE: usize = 1;

/// Sleep until the word is no longer `seen`, somebody wakes us, or half a
/// second is over.
pub fn wait_while(word: &AtomicU32, seen: u32) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 500_000_000,
    };
    let (at, end) = (word.as_ptr() as usize, &raw const time as usize);
    // SAFETY: the kernel reads the word and the time.
    let _ = unsafe {
        call(
            libc::SYS_futex,
            [at, FUTEX_WAIT, seen as usize, end, 0, DOOR],
        )
    };
}

/// Wake those that sleep for the word.
pub fn wake(word: &AtomicU32, most: usize) {
    // SAFETY: the word is not even read.
    let _ = unsafe {
        call(
            libc::SYS_futex,
            [word.as_ptr() as usize, FUTEX_WAKE, most, 0, 0, DOOR],
        )
    };
}

/// A lock without a thing in it.
pub struct Baton(AtomicU32);

impl Baton {
    pub const fn new() -> Baton {
        Baton(AtomicU32::new(FREE))
    }

    pub fn take(&self) {
        let Baton(state) = self;
        let claim = state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed);
        if claim.is_err() {
            while state.swap(WANTED, Ordering::Acquire) != FREE {
                wait_while(state, WANTED);
            }
        }
    }

    /// By whoever has it.
    pub fn give(&self) {
        if self.0.swap(FREE, Ordering::Release) == WANTED {
            wake(&self.0, 1);
        }
    }
}

/// A lock with a thing in it.
pub struct Lock<T> {
    baton: Baton,
    thing: UnsafeCell<T>,
}

// SAFETY: the baton gives the thing to one thread at a time.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub const fn new(thing: T) -> Lock<T> {
        Lock {
            baton: Baton::new(),
            thing: UnsafeCell::new(thing),
        }
    }

    /// The thing, until what is returned is dropped.
    pub fn take(&self) -> Taken<'_, T> {
        self.baton.take();
        Taken(self)
    }
}

/// The thing in a [`Lock`].
pub struct Taken<'a, T>(&'a Lock<T>);

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this thread has the baton.
        unsafe { &*self.0.thing.get() }
    }
}

impl<T> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this thread has the baton.
        unsafe { &mut *self.0.thing.get() }
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.0.baton.give();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_turns() {
        static COUNT: Lock<u32> = Lock::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10_000).for_each(|_| *COUNT.take() += 1));
            }
        });
        assert_eq!(*COUNT.take(), 80_000);
    }
}
