// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy into the kernel, and what the filters in force say that they hold.

use crate::bpf::Work;
use crate::error::Error;
use crate::policy::{ANSWERS, Held, Policy};
use crate::sys;
use crate::sys::once::Lent;

/// What the newest filter of this library holds for this thread: the truth,
/// whatever the process did to its memory.
pub fn held() -> Option<Held> {
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
    Held::from_answers(&answers)
}

/// Can filters be had? Asked first, since no_new_privs cannot be undone.
pub fn check() -> Result<(), Error> {
    sys::has_filters().map_err(Error::Kernel)
}

/// Where programs are written, one at a time: a small thread's stack has no
/// place for one, and malloc's calls may be forbidden already.
static WORK: Lent<Work> = Lent::new(Work::new());

/// Bring the process under the policy.
pub fn load(policy: &Policy) -> Result<(), Error> {
    WORK.lend(|work| write_and_load(policy, work))
        .unwrap_or_else(|| load_from_stack(policy))
}

/// Where another thread is writing, or a fork has lost the one that was.
#[inline(never)]
fn load_from_stack(policy: &Policy) -> Result<(), Error> {
    write_and_load(policy, &mut Work::new())
}

fn write_and_load(policy: &Policy, work: &mut Work) -> Result<(), Error> {
    let program = work.compile(policy).map_err(|_| Error::TooLong)?;
    sys::set_no_new_privs().map_err(Error::Kernel)?;
    sys::load_filter(program.insns()).map_err(|errno| match errno {
        libc::ESRCH => Error::Thread,
        _ => Error::Kernel(errno),
    })
}
