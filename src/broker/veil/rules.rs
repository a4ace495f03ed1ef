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
    for (n, slot) in ALL.iter().enumerate() {
        let is_filled = slot.fill(|rules| {
            rules.before = before;
            read(client, at, rules)
        })?;
        if is_filled {
            return Ok(n as u8 + 1);
        }
    }
    Err(libc::E2BIG)
}

fn read(client: &dyn Client, at: u64, rules: &mut Rules) -> Result<(), Errno> {
    let mut head = [0; HEAD];
    client.read(at, &mut head)?;
    let head = Head::of(&head).ok_or(libc::EINVAL)?;
    // Another may have begun here, and failed.
    rules.veil = Veil::EMPTY;
    rules.executes = head.executes;
    let mut held = [const { None }; DIRECTORIES_MAX];
    let mut at = at.wrapping_add(HEAD as u64);
    for place in held.iter_mut().take(head.directories.into()) {
        let mut record = [0; DIRECTORY];
        client.read(at, &mut record)?;
        let (fd, letters) = directory(&record);
        let (own, id) = pin(client, fd)?;
        rules.veil.take_directory(id, letters);
        *place = Some(own);
        at = at.wrapping_add(DIRECTORY as u64);
    }
    for _ in 0..head.names {
        let mut record = [0; NAME];
        client.read(at, &mut record)?;
        rules.veil.take_name(&record).ok_or(libc::EINVAL)?;
        at = at.wrapping_add(NAME as u64);
    }
    // For good, lest their numbers become others'.
    for own in held.into_iter().flatten() {
        own.keep();
    }
    Ok(())
}

/// The directory behind a descriptor of the caller's.
fn pin(client: &dyn Client, fd: i32) -> Result<(Fd, Id), Errno> {
    let link = Path::of(client.tid(), format_args!("fd/{fd}"));
    let own = path::pin_path(link.as_c_str())?;
    let kind = path::kind(&own)?;
    if !kind.is(libc::S_IFDIR) {
        return Err(libc::EBADF);
    }
    if !client.is_valid() {
        return Err(libc::ESRCH);
    }
    let id = Id {
        device: kind.device,
        inode: kind.inode,
    };
    Ok((own, id))
}
