// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files are opened as the caller would have: with its user and groups, where those can differ from the broker's own.

use crate::sys::process::{self, Status};
use crate::sys::{self, Errno};

/// More groups than this are not taken on: a thread's stack is small.
const MOST: usize = 1024;

/// What decides about files.
#[derive(PartialEq, Eq)]
struct User {
    user: u64,
    group: u64,
    groups: [u32; MOST],
    count: usize,
}

impl User {
    fn of(pid: u32) -> Option<User> {
        let status = Status::of(pid).ok()?;
        // Real, effective, saved, and the one that files see.
        let files = |name| status.numbers(name, 10).nth(3);
        let mut user = User {
            user: files("Uid")?,
            group: files("Gid")?,
            groups: [0; MOST],
            count: 0,
        };
        user.count = process::groups(pid, &mut user.groups)?;
        Some(user)
    }
}

/// Be, in this thread and for files, who the thread `tid` is.
pub fn assume(tid: u32) -> Result<(), Errno> {
    let wanted = User::of(tid).ok_or(libc::EACCES)?;
    let own = || User::of(sys::tid());
    if own().as_ref() == Some(&wanted) {
        return Ok(());
    }
    let User {
        user,
        group,
        groups,
        count,
    } = &wanted;
    let _ = process::set_groups(&groups[..*count]);
    process::set_file_group(*group as u32);
    process::set_file_user(*user as u32);
    // The calls tell nothing: what came of them counts.
    match own().as_ref() == Some(&wanted) {
        true => Ok(()),
        false => Err(libc::EACCES),
    }
}
