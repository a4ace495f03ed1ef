// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths that go straight down from a listed directory: found by two calls, where a walk takes three for each directory.
//!
//! A walk climbs from where it ends to the deepest rule. Here the way is gone
//! down instead, from a directory that was reached as the caller reaches it and
//! that is, by device and inode, one with a rule; the kernel sees to it that no
//! link, no ".." and no mount lies below. So some rule decides: that one, or a
//! deeper one, of a directory that others may have moved there meanwhile, or of
//! a name. Which it is makes no difference, because this is only done where all
//! rules allow what is wanted. Whatever is not so takes the walk.

use core::ffi::CStr;

use super::begin::Start;
use super::proc::Owner;
use super::rules::chain;
use super::walk::{End, Found, Held, NAME_MAX, id};
use crate::needs::Wanted;
use crate::sys::fd::Fd;
use crate::sys::path;

/// Longer paths are rare, and clearing room for them takes time.
const LONGEST: usize = 512;

/// Where `path` leads, if it goes straight down and the rules allow what is
/// wanted wherever one holds.
pub fn find(
    veils: u8,
    start: &Start,
    path: &[u8],
    how: (End, Held),
    wanted: Wanted,
) -> Option<Found> {
    let newest = chain(veils).next()?;
    if path.len() >= LONGEST || !chain(veils).all(|rules| rules.allow_everywhere(wanted)) {
        return None;
    }
    let (to, first) = match start.from {
        Some(_) => (0, 0),
        None => newest.beginning(path).map(|to| (to, to + 1))?,
    };
    let last = match path[first..].iter().rposition(|byte| *byte == b'/') {
        Some(slash) => first + slash + 1,
        None => first,
    };
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
    if path.len() - last >= NAME_MAX || !path[first..].split(|byte| *byte == b'/').all(is_name) {
        return None;
    }
    let mut text = [0; LONGEST];
    text[..path.len()].copy_from_slice(path);
    let listed = match (&start.from, to) {
        (None, 1..) => Some(pin(path::pin_plain, &start.root, &mut text, 1, to)?),
        _ => None,
    };
    let top = listed.as_ref().or(start.from.as_ref());
    let top = top.unwrap_or(&start.root);
    let top_id = id(&path::kind(top).ok()?);
    if !chain(veils).all(|rules| rules.goes_down_from(top_id)) {
        return None;
    }
    let parent = match last > first {
        true => pin(path::pin_below, top, &mut text, first, last - 1)?,
        false => match listed {
            Some(listed) => listed,
            None => top.duplicate().ok()?,
        },
    };
    let mut name = [0; NAME_MAX];
    name[..path.len() - last].copy_from_slice(&path[last..]);
    look(parent, name, how)
}

/// The directory by that part of a path.
fn pin(
    by: impl Fn(&Fd, &CStr) -> Result<Fd, i32>,
    at: &Fd,
    text: &mut [u8; LONGEST],
    from: usize,
    to: usize,
) -> Option<Fd> {
    text[to] = 0;
    let pinned = by(at, CStr::from_bytes_until_nul(&text[from..]).ok()?);
    text[to] = b'/';
    pinned.ok()
}

/// What has the name, as a walk finds it; none where that goes on.
fn look(parent: Fd, name: [u8; NAME_MAX], (end, held): (End, Held)) -> Option<Found> {
    let text = CStr::from_bytes_until_nul(&name).ok()?;
    let seen = match held {
        Held::Others => Some(path::look(&parent, text)),
        Held::All => None,
    };
    let (object, file) = match seen {
        Some(Ok(file)) if file.0.is(libc::S_IFREG) => (None, Some(file)),
        Some(Err(libc::ENOENT)) => (None, None),
        _ => match path::pin(&parent, text) {
            Ok(object) => {
                let kind = path::kind(&object).ok()?;
                (Some((object, kind)), None)
            }
            Err(libc::ENOENT) => (None, None),
            Err(_) => return None,
        },
    };
    let is_link = |(_, kind): &(Fd, path::Kind)| kind.is(libc::S_IFLNK);
    if end == End::Follow && object.as_ref().is_some_and(is_link) {
        return None;
    }
    Some(Found {
        parent,
        at: None,
        name,
        object,
        file,
        has_slash: false,
        is_nameless: false,
        // There are no such directories below /proc.
        owner: Owner::Nobody,
    })
}
