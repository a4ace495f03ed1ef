// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files are opened as the caller would have: with its user and groups, where those can differ from the broker's own.

use crate::sys::credentials::Credentials;
use crate::sys::fd::Fd;
use crate::sys::lock::Lock;
use crate::sys::process::{self, Status};
use crate::sys::{self, Errno};

/// CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE
/// and MKNOD: those that setfsuid(2) takes along.
const POWERS: u64 = 0x1f | 1 << 9 | 1 << 27;

/// A thread's /proc/TID/status, held open: it says how things are whenever it is
/// read, and nothing any more once no thread has that number which it was
/// opened by.
struct Told {
    tid: u32,
    file: Fd,
}

/// Those of the threads that asked last.
struct Files {
    list: [Option<Told>; SOME],
    next: usize,
}

static FILES: Lock<Files> = Lock::new(Files {
    list: [const { None }; SOME],
    next: 0,
});

/// Be, in this thread and for files, who the thread `tid` is.
///
/// That is read for each call: a thread that may become another user can do so
/// between two calls, and its groups show nowhere but in that file. That the
/// file is the caller's tells `is_valid`, asked after it was opened.
pub fn assume(tid: u32, is_valid: impl Fn() -> bool) -> Result<(), Errno> {
    let who = {
        let mut files = FILES.take();
        let found = files.list.iter().flatten().find(|told| told.tid == tid);
        match found.and_then(|told| Credentials::told(&told.file)) {
            Some(who) => who,
            None => {
                let file = process::open_status(tid)?;
                let who = Credentials::told(&file).ok_or(libc::EACCES)?;
                if is_valid() {
                    let is_same = |told: &Option<Told>| told.as_ref().is_some_and(|t| t.tid == tid);
                    let at = files.list.iter().position(is_same);
                    let at = at.unwrap_or(files.next);
                    files.list[at] = Some(Told { tid, file });
                    files.next = (at + 1) % SOME;
                }
                who
            }
        }
    };
    be(&who)
}

/// A thread that can be nobody else any more.
struct Settled {
    tid: u32,
    /// Stands for the thread: of another with its number it knows nothing.
    thread: Fd,
    who: Credentials,
}

/// How many are remembered at a time.
const SOME: usize = 8;

/// Those that asked last.
struct Known {
    list: [Option<Settled>; SOME],
    next: usize,
}

static KNOWN: Lock<Known> = Lock::new(Known {
    list: [const { None }; SOME],
    next: 0,
});

/// The same for a thread to which no call is left that changes who it is or
/// executes a program: its filters refuse these, and filters only tighten. So
/// what was once read of it holds as long as it lives. That it does, and that
/// no other has its number, tells the descriptor; that the descriptor is the
/// caller's, `is_valid`, asked after it was opened and all was read.
pub fn assume_settled(tid: u32, is_valid: impl Fn() -> bool) -> Result<(), Errno> {
    let mut known = KNOWN.take();
    let found = known.list.iter().flatten().find(|one| one.tid == tid);
    if let Some(one) = found.filter(|one| process::is_there(&one.thread)) {
        return be(&one.who);
    }
    let thread = process::open_thread(tid);
    let who = Credentials::of(tid).ok_or(libc::EACCES)?;
    let done = be(&who);
    if let Ok(thread) = thread
        && is_valid()
    {
        let at = known.list.iter().position(|one| {
            let is_same = |one: &Settled| one.tid == tid;
            one.as_ref().is_some_and(is_same)
        });
        let at = at.unwrap_or(known.next);
        known.list[at] = Some(Settled { tid, thread, who });
        known.next = (at + 1) % SOME;
    }
    done
}

fn be(wanted: &Credentials) -> Result<(), Errno> {
    // More is not to be had by way of the broker.
    let is_wanted = || {
        Credentials::own().is_some_and(|own| {
            let has_more = own.powers & POWERS & !wanted.powers != 0;
            (own.user, own.group) == (wanted.user, wanted.group)
                && own.groups() == wanted.groups()
                && !has_more
        })
    };
    if is_wanted() {
        return Ok(());
    }
    wanted.take_on();
    // The calls tell nothing: what came of them counts.
    match is_wanted() {
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
