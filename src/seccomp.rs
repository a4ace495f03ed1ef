// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy into the kernel, and what the filters in force say that they hold.

use crate::bpf::{self, Work};
use crate::error::Error;
use crate::policy::{ANSWERS, Held, Policy};
use crate::sys::once::Turns;
use crate::sys::{self, Insn, Scope};

/// What the newest filter of this library holds for this thread: the truth,
/// whatever the process did to its memory. It may be of a program before this one.
pub fn newest() -> Option<Held> {
    Held::from_answers(&answers()?)
}

fn answers() -> Option<[u16; ANSWERS]> {
    if !sys::is_filtered() {
        return None;
    }
    let mut answers = [0; ANSWERS];
    for (n, answer) in answers.iter_mut().enumerate() {
        *answer = sys::query(n);
        // Of a foreign filter nothing more is asked.
        if n == 0 && *answer != crate::policy::SIGNATURE {
            return None;
        }
    }
    Some(answers)
}

/// Can filters be had? Asked first, since no_new_privs cannot be undone.
pub fn check() -> Result<(), Error> {
    sys::has_filters().map_err(Error::Kernel)
}

/// Where programs are written: a small thread's stack has no place for one,
/// and malloc's calls may be forbidden already.
static WORK: Turns<Work> = Turns::new(Work::new());

/// What the newest filter was made of, if it is of this image's making. Apart
/// from the above, which is all zeros and so takes no place in a file.
///
/// Believed only where the filter itself gives the same answers, and never for
/// more than that the new filter can leave out what that one says.
static NEWEST: Turns<Option<Policy<'static>>> = Turns::new(None);

/// The right to load, which one thread has at a time: so that what is held
/// does not change between the look at it and the filter that is built upon it.
pub struct Turn<'a>(Option<&'a mut Work>);

/// Act when no other thread loads.
pub fn in_turn<R>(act: impl FnOnce(Turn) -> R) -> R {
    WORK.take(|work| act(Turn(work)))
}

impl Turn<'_> {
    /// Bring the process, or a thread, under the policy.
    pub fn load(&mut self, policy: &Policy<'static>) -> Result<(), Error> {
        let Some(work) = &mut self.0 else {
            return load_from_stack(policy);
        };
        NEWEST.take(|newest| match newest {
            None => write_and_load(policy, None, work),
            Some(newest) => {
                let below = newest.filter(|below| answers() == Some(below.answers()));
                write_and_load(policy, below.as_ref(), work).inspect(|()| {
                    *newest = Some(*policy);
                })
            }
        })
    }
}

impl Turn<'_> {
    /// The first filter of a process, and its listener.
    pub fn load_listened(&mut self, policy: &Policy<'static>) -> Result<i32, Error> {
        let load = |work: &mut Work| {
            let program = work.compile(policy, None).map_err(|_| Error::TooLong)?;
            sys::set_no_new_privs().map_err(Error::Kernel)?;
            sys::load_listened_filter(program.insns()).map_err(|errno| match errno {
                libc::ESRCH => Error::Thread(thread_apart()),
                errno => Error::Kernel(errno),
            })
        };
        let listener = match &mut self.0 {
            Some(work) => load(work),
            None => on_stack(load),
        }?;
        NEWEST.take(|newest| {
            if let Some(newest) = newest {
                *newest = Some(*policy);
            }
        });
        Ok(listener)
    }
}

/// The thread that has filters which the caller lacks, if it has them still.
/// Beside a listener the kernel says only that there is one: a filter that lets
/// everything through, and has no listener, is told which.
pub fn thread_apart() -> u32 {
    let insn = Insn {
        code: bpf::RET,
        jt: 0,
        jf: 0,
        k: bpf::RET_ALLOW,
    };
    sys::load_filter(&[insn], Scope::Process).map_or(0, |tid| tid as u32)
}

#[inline(never)]
fn on_stack<R>(act: impl FnOnce(&mut Work) -> R) -> R {
    act(&mut Work::new())
}

/// Where a turn does not come.
#[inline(never)]
fn load_from_stack(policy: &Policy) -> Result<(), Error> {
    write_and_load(policy, None, &mut Work::new())
}

fn write_and_load(policy: &Policy, below: Option<&Policy>, work: &mut Work) -> Result<(), Error> {
    let program = work.compile(policy, below).map_err(|_| Error::TooLong)?;
    sys::set_no_new_privs().map_err(Error::Kernel)?;
    let scope = if policy.thread_only {
        Scope::Thread
    } else {
        Scope::Process
    };
    match sys::load_filter(program.insns(), scope) {
        Ok(0) => Ok(()),
        Ok(other) => Err(Error::Thread(other as u32)),
        Err(errno) => Err(Error::Kernel(errno)),
    }
}
