// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules that callers told their broker: kept for good, only ever fewer letters for who is under them.

use super::{proc, system};
use crate::broker::client::Client;
use crate::letters::Letters;
use crate::names::LONGEST;
use crate::needs::Wanted;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::once::Slot;
use crate::sys::path;
use crate::sys::process::Path;
use crate::veil::told::{DIRECTORY, HEAD, Head, NAME, directory};
use crate::veil::{DIRECTORIES_MAX, Decision, Id, Veil};

/// How many times rules can be put in force in the processes of one broker.
pub const MOST: usize = 8;

/// Rules, and those that hold beside them.
pub struct Rules {
    pub veil: Veil,
    /// The number of those that were in force before; 0: none.
    pub before: u8,
    /// Landlock sees to it that what is executed has x.
    pub executes: bool,
    /// The letters that each rule has: allowed whichever of them decides.
    least: Letters,
    /// How each directory is reached, where paths may go down from it at once.
    ways: [Option<Way>; DIRECTORIES_MAX],
}

/// The path of a directory when rules were told, as a number: what is found by
/// it must be that directory still, so it matters not who shares the number.
#[derive(Clone, Copy)]
struct Way {
    hash: u64,
    len: usize,
}

/// FNV-1a.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

impl Way {
    /// To a directory; none where whoever looks into it may have to wait, or
    /// names are not what they seem.
    fn of(directory: &Fd, device: u64) -> Option<Way> {
        let system = system::of(directory, device).ok()?;
        if system == proc::MAGIC || system::is_slow(system) {
            return None;
        }
        let mut text = [0; LONGEST];
        let len = path::path_of(directory, &mut text).unwrap_or(0);
        let text = match &text[..len] {
            b"/" => &[],
            text if text.first() == Some(&b'/') => text,
            // Only who is there already goes on from it.
            _ => &b"."[..],
        };
        Some(Way {
            hash: text.iter().fold(START, |hash, byte| mix(hash, *byte)),
            len: text.len(),
        })
    }
}

impl Rules {
    /// Is this allowed wherever a rule holds, whichever it is?
    pub fn allow_everywhere(&self, wanted: Wanted) -> bool {
        let least = Decision {
            letters: self.least,
            is_hidden: self.least.is_empty(),
        };
        least.errno(wanted) == 0
    }

    /// The length of the longest beginning of an absolute path that was a listed
    /// directory's.
    pub fn beginning(&self, path: &[u8]) -> Option<usize> {
        let (mut hash, mut longest) = (START, None);
        for (len, byte) in path.iter().enumerate() {
            let is_way = |way: &Way| (way.len, way.hash) == (len, hash);
            if *byte == b'/' && self.ways.iter().flatten().any(is_way) {
                longest = Some(len);
            }
            hash = mix(hash, *byte);
        }
        longest
    }

    /// Is that a directory with a rule, from which paths may go down at once?
    pub fn goes_down_from(&self, id: Id) -> bool {
        let place = self.veil.find(id);
        place.is_some_and(|at| self.ways[at].is_some() && self.veil.decide_by(id).is_some())
    }

    /// What is known of all rules once the last one was told.
    fn settle(&mut self) {
        let directories = self.veil.directories().iter().filter_map(|d| d.letters);
        let names = self.veil.names().iter().map(|name| name.letters);
        self.least = directories.chain(names).fold(Letters::ALL, Letters::and);
    }
}

static ALL: [Slot<Rules>; MOST] = [const {
    Slot::new(Rules {
        veil: Veil::EMPTY,
        before: 0,
        executes: false,
        least: Letters::NONE,
        ways: [None; DIRECTORIES_MAX],
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
    rules.ways = [None; DIRECTORIES_MAX];
    let mut held = [const { None }; DIRECTORIES_MAX];
    let mut at = HEAD;
    for (n, place) in held.iter_mut().enumerate().take(head.directories.into()) {
        let mut record = [0; DIRECTORY];
        read(at, &mut record)?;
        let (fd, letters) = directory(&record);
        let (own, id) = pin(pid, fd, &is_valid)?;
        rules.veil.take_directory(id, letters);
        rules.ways[n] = Way::of(&own, id.device);
        *place = Some(own);
        at += DIRECTORY;
    }
    for _ in 0..head.names {
        let mut record = [0; NAME];
        read(at, &mut record)?;
        rules.veil.take_name(&record).ok_or(libc::EINVAL)?;
        at += NAME;
    }
    rules.settle();
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
