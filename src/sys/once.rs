// SPDX-License-Identifier: MIT OR Apache-2.0
//! A value made once, a thing used in turn, a deed done once: without a libc's locks, and safe against forks.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

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

/// A place that is filled once, where it lies: for what is too large for a stack.
pub struct Slot<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: the value is written by one thread, before `state` says so.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    pub const fn new(value: T) -> Slot<T> {
        Slot {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(value),
        }
    }

    /// What it was filled with.
    pub fn get(&self) -> Option<&T> {
        let full = self.state.load(Ordering::Acquire) == FULL;
        // SAFETY: written, and never again.
        full.then(|| unsafe { &*self.value.get() })
    }

    /// Fill it; false if it is taken. What cannot be filled is free again, as it
    /// was left.
    pub fn fill<E>(&self, act: impl FnOnce(&mut T) -> Result<(), E>) -> Result<bool, E> {
        let claim =
            self.state
                .compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Acquire);
        if claim.is_err() {
            return Ok(false);
        }
        // SAFETY: the only thread that saw EMPTY.
        let done = act(unsafe { &mut *self.value.get() });
        let next = if done.is_ok() { FULL } else { EMPTY };
        self.state.store(next, Ordering::Release);
        done.map(|()| true)
    }
}

/// The calling thread, as one word that is neither of the two below.
fn this_thread() -> u64 {
    u64::from(super::pid()) << 32 | u64::from(super::tid())
}

/// Is it a thread of this process? A fork takes along what only one thread of
/// the parent was at, and not that thread.
fn is_of_this_process(holder: u64, own: u64) -> bool {
    holder >> 32 == own >> 32
}

const NOBODY: u64 = 0;
const DONE: u64 = u64::MAX;

/// How often a thread looks whether another is ready: some seconds.
const PATIENCE: u32 = 5_000;
/// Looks that it does not sleep between.
const HASTE: u32 = 100;

fn wait(look: u32) {
    if look < HASTE {
        (0..1000).for_each(|_| core::hint::spin_loop());
    } else {
        super::sleep_a_moment();
    }
}

/// Something that threads use in turn.
pub struct Turns<T> {
    holder: AtomicU64,
    thing: UnsafeCell<T>,
}

// SAFETY: `holder` gives the thing to one thread at a time.
unsafe impl<T: Send> Sync for Turns<T> {}

impl<T> Turns<T> {
    pub const fn new(thing: T) -> Turns<T> {
        Turns {
            holder: AtomicU64::new(NOBODY),
            thing: UnsafeCell::new(thing),
        }
    }

    /// Act with the thing when no other thread does. Act without it where no
    /// turn will come: this very thread has it, which a signal interrupted; or
    /// a thread that a fork has lost; or one that does not come to an end.
    pub fn take<R>(&self, act: impl FnOnce(Option<&mut T>) -> R) -> R {
        let own = this_thread();
        for look in 0..PATIENCE {
            let claim =
                self.holder
                    .compare_exchange(NOBODY, own, Ordering::Acquire, Ordering::Relaxed);
            match claim {
                Ok(_) => {
                    // SAFETY: nobody else has it until it is given back below.
                    let done = act(Some(unsafe { &mut *self.thing.get() }));
                    self.holder.store(NOBODY, Ordering::Release);
                    return done;
                }
                // A child of vfork(2) has its parent's memory: what seems lost
                // may be in use, so it is left alone.
                Err(other) if other == own || !is_of_this_process(other, own) => break,
                Err(_) => wait(look),
            }
        }
        act(None)
    }
}

/// Something that is done once, before anybody goes on.
pub struct Gate(AtomicU64);

impl Gate {
    pub const fn new() -> Gate {
        Gate(AtomicU64::new(NOBODY))
    }

    /// Do it, or wait until it is done. What a thread was at that a fork has
    /// lost is done again, by who knows that it was begun: `act` is told.
    pub fn pass_once(&self, act: impl FnOnce(bool)) {
        let Gate(state) = self;
        if state.load(Ordering::Acquire) == DONE {
            return;
        }
        let own = this_thread();
        let mut expected = NOBODY;
        for look in 0..PATIENCE {
            match state.compare_exchange(expected, own, Ordering::Acquire, Ordering::Acquire) {
                Ok(before) => {
                    act(before != NOBODY);
                    return state.store(DONE, Ordering::Release);
                }
                Err(DONE) => return,
                // A signal interrupted it: it cannot wait for itself.
                Err(other) if other == own => return,
                Err(other) if !is_of_this_process(other, own) => expected = other,
                Err(_) => {
                    expected = NOBODY;
                    wait(look);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_filled_once() {
        let slot = Slot::new(0);
        assert_eq!(slot.get(), None);
        let fill = |value| {
            slot.fill(|at: &mut i32| {
                *at = value;
                Ok::<(), ()>(())
            })
        };
        assert_eq!((fill(7), fill(8)), (Ok(true), Ok(false)));
        assert_eq!(slot.get(), Some(&7));
        let slot = Slot::new(0);
        assert_eq!(slot.fill(|_| Err(5)), Err(5));
        assert_eq!(
            (slot.get(), slot.fill(|_| Ok::<(), ()>(()))),
            (None, Ok(true))
        );
    }

    #[test]
    fn what_a_thread_has_it_does_not_wait_for() {
        let turns = Turns::new(1);
        let had = turns.take(|n| {
            *n.expect("the first") += 1;
            turns.take(|n| n.is_some())
        });
        assert!(!had);
        assert_eq!(turns.take(|n| n.copied()), Some(2));
    }

    #[test]
    fn threads_wait_for_each_other() {
        let turns = Turns::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    (0..1000).for_each(|_| turns.take(|n| *n.expect("in turn") += 1));
                });
            }
        });
        assert_eq!(turns.take(|n| n.copied()), Some(8000));
    }

    #[test]
    fn what_a_fork_has_lost_is_not_waited_for() {
        let lost = this_thread() + (1 << 32);
        let turns = Turns {
            holder: AtomicU64::new(lost),
            thing: UnsafeCell::new(()),
        };
        assert!(turns.take(|thing| thing.is_none()));
        let gate = Gate(AtomicU64::new(lost));
        let mut times = 0;
        gate.pass_once(|lost| times += u32::from(lost));
        gate.pass_once(|_| times += 1);
        assert_eq!(times, 1);
    }

    #[test]
    fn a_gate_is_passed_when_it_is_done() {
        let (gate, done) = (Gate::new(), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.pass_once(|lost| {
                        assert!(!lost);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(done.load(Ordering::Relaxed), 1);
                });
            }
        });
    }

    #[test]
    fn made_within_making_does_not_wait() {
        let once = Once::new();
        assert_eq!(once.get_or_make(|| once.get_or_make(|| 1) + 1), 2);
        assert_eq!(once.get_or_make(|| 3), 1);
    }
}
