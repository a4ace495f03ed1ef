// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy into the kernel, and what the filters in force say that they hold.

use crate::bpf::{self, Program};
use crate::error::Error;
use crate::policy::{ANSWERS, Held, Policy};
use crate::sys;

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

/// Bring the process under the policy.
pub fn load(policy: &Policy) -> Result<(), Error> {
    let mut program = Program::new();
    bpf::compile(policy, &mut program).map_err(|_| Error::TooLong)?;
    sys::set_no_new_privs().map_err(Error::Kernel)?;
    sys::load_filter(program.insns()).map_err(|errno| match errno {
        libc::ESRCH => Error::Thread,
        _ => Error::Kernel(errno),
    })
}
