// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files are opened as the caller would have: with its user and groups, where those can differ from the broker's own.

use crate::sys::process::{self, Status};
use crate::sys::{self, Errno};

/// More groups than this are not taken on: a thread's stack is small.
const MOST: usize = 1024;

/// What decides about files.
struct User {
    user: u64,
    group: u64,
    groups: [u32; MOST],
    count: usize,
    /// Capabilities in force that are about files.
    powers: u64,
}

/// CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE
/// and MKNOD: those that setfsuid(2) takes along.
const POWERS: u64 = 0x1f | 1 << 9 | 1 << 27;

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
            powers: status.number("CapEff", 16)? & POWERS,
        };
        user.count = process::groups(pid, &mut user.groups)?;
        Some(user)
    }
}

/// Be, in this thread and for files, who the thread `tid` is.
pub fn assume(tid: u32) -> Result<(), Errno> {
    let wanted = User::of(tid).ok_or(libc::EACCES)?;
    let own = || User::of(sys::tid());
    // More is not to be had by way of the broker.
    let is_wanted = |own: User| {
        let has_more = own.powers & !wanted.powers != 0;
        (own.user, own.group) == (wanted.user, wanted.group)
            && own.groups[..own.count] == wanted.groups[..wanted.count]
            && !has_more
    };
    if own().is_some_and(is_wanted) {
        return Ok(());
    }
    let User {
        user,
        group,
        groups,
        count,
        ..
    } = &wanted;
    let _ = process::set_groups(&groups[..*count]);
    process::set_file_group(*group as u32);
    process::set_file_user(*user as u32);
    // The calls tell nothing: what came of them counts.
    match own().is_some_and(is_wanted) {
        true => Ok(()),
        false => Err(libc::EACCES),
    }
}

/// Has the thread `tid` every capability in force that this one has? Those that
/// setfsuid(2) leaves are not all of no use for files.
pub fn has_as_much(tid: u32) -> bool {
    let powers = |tid| Status::of(tid).ok()?.number("CapEff", 16);
    match (powers(sys::tid()), powers(tid)) {
        (Some(own), Some(theirs)) => own & !theirs == 0,
        _ => false,
    }
}

/// Could this process, or what it executes, become another user for files?
/// What cannot be known is answered with yes.
pub fn may_change() -> bool {
    let has = || {
        let status = Status::of(sys::pid()).ok()?;
        let all_alike = |name| {
            let mut ids = status.numbers(name, 10);
            let first = ids.next();
            ids.all(|id| Some(id) == first)
        };
        let powers = status.number("CapPrm", 16)?;
        Some(powers != 0 || !all_alike("Uid") || !all_alike("Gid"))
    };
    has().unwrap_or(true)
}
