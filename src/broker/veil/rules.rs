// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules that callers told their broker: kept for good, only ever fewer letters for who is under them.

use crate::broker::client::Client;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::once::Slot;
use crate::sys::path;
use crate::sys::process::Path;
use crate::veil::told::{DIRECTORY, HEAD, Head, NAME, directory};
use crate::veil::{DIRECTORIES_MAX, Id, Veil};

/// How many times rules can be put in force in the processes of one broker.
pub const MOST: usize = 8;

/// Rules, and those that hold beside them.
pub struct Rules {
    pub veil: Veil,
    /// The number of those that were in force before; 0: none.
    pub before: u8,
    /// Landlock sees to it that what is executed has x.
    pub executes: bool,
}

static ALL: [Slot<Rules>; MOST] = [const {
    Slot::new(Rules {
        veil: Veil::EMPTY,
        before: 0,
        executes: false,
    })
}; MOST];

/// The rules of that number, and all that hold beside them.
pub fn chain(number: u8) -> impl Iterator<Item = &'static Rules> {
    let get = |number: u8| ALL.get(usize::from(number).checked_sub(1)?)?.get();
    core::iter::successors(get(number), move |rules| get(rules.before))
}

/// What `client` tells at this address of its memory, beside the rules that it
/// is under; the number of both.
pub fn hear(client: &dyn Client, at: u64, before: u8) -> Result<u8, Errno> {
    let read = |from: usize, into: &mut [u8]| client.read(at.wrapping_add(from as u64), into);
    let is_valid = || client.is_valid();
    take(before, |rules| fill(rules, client.tid(), read, is_valid))
}

/// The same of what the process `pid`, whose broker this one is to be, tells.
#[cfg(any(test, feature = "facts"))]
pub fn hear_of(pid: u32, told: &[u8]) -> Result<u8, Errno> {
    let read = |from: usize, into: &mut [u8]| {
        let part = told.get(from..from + into.len()).ok_or(libc::EFAULT)?;
        into.copy_from_slice(part);
        Ok(())
    };
    take(0, |rules| fill(rules, pid, read, || true))
}

fn take(before: u8, fill: impl Fn(&mut Rules) -> Result<(), Errno>) -> Result<u8, Errno> {
    for (n, slot) in ALL.iter().enumerate() {
        let is_filled = slot.fill(|rules| {
            rules.before = before;
            fill(rules)
        })?;
        if is_filled {
            return Ok(n as u8 + 1);
        }
    }
    Err(libc::E2BIG)
}

/// Read them, the directories being descriptors of the process `pid`.
fn fill(
    rules: &mut Rules,
    pid: u32,
    read: impl Fn(usize, &mut [u8]) -> Result<(), Errno>,
    is_valid: impl Fn() -> bool,
) -> Result<(), Errno> {
    let mut head = [0; HEAD];
    read(0, &mut head)?;
    let head = Head::of(&head).ok_or(libc::EINVAL)?;
    // Another may have begun here, and failed.
    rules.veil = Veil::EMPTY;
    rules.executes = head.executes;
    let mut held = [const { None }; DIRECTORIES_MAX];
    let mut at = HEAD;
    for place in held.iter_mut().take(head.directories.into()) {
        let mut record = [0; DIRECTORY];
        read(at, &mut record)?;
        let (fd, letters) = directory(&record);
        let (own, id) = pin(pid, fd, &is_valid)?;
        rules.veil.take_directory(id, letters);
        *place = Some(own);
        at += DIRECTORY;
    }
    for _ in 0..head.names {
        let mut record = [0; NAME];
        read(at, &mut record)?;
        rules.veil.take_name(&record).ok_or(libc::EINVAL)?;
        at += NAME;
    }
    // For good, lest their numbers become others'.
    for own in held.into_iter().flatten() {
        own.keep();
    }
    Ok(())
}

/// The directory behind a descriptor of that process.
fn pin(pid: u32, fd: i32, is_valid: impl Fn() -> bool) -> Result<(Fd, Id), Errno> {
    let link = Path::of(pid, format_args!("fd/{fd}"));
    let own = path::pin_path(link.as_c_str())?;
    let kind = path::kind(&own)?;
    if !kind.is(libc::S_IFDIR) {
        return Err(libc::EBADF);
    }
    if !is_valid() {
        return Err(libc::ESRCH);
    }
    let id = Id {
        device: kind.device,
        inode: kind.inode,
    };
    Ok((own, id))
}
