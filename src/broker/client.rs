// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who asks: a thread whose call waits, its memory and its descriptors.

use core::cell::{Cell, OnceCell};

use super::state::State;
use super::{Shared, team, user};
use crate::sys::Errno;
use crate::sys::bell::Bell;
use crate::sys::fd::{self, Fd, Inode};
use crate::sys::notify::{Asked, RESTART};
use crate::sys::process::{self, Memory, Path, Status};
use crate::table::ASKED;

/// A call that waits for an answer. All that is decided is decided on numbers
/// and on copies: memory is read once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The kernel's name; empty for a call that nothing asks for.
    pub name: &'static str,
    pub nr: u32,
    pub args: [u64; 6],
}

impl Call {
    pub fn of(nr: u32, args: [u64; 6]) -> Call {
        let found = ASKED.binary_search_by_key(&nr, |(nr, _)| *nr);
        let name = found.map_or("", |at| ASKED[at].1);
        Call { name, nr, args }
    }

    /// The call that sets times as this one tells them once they are read.
    pub fn nr_of_times(&self) -> u32 {
        match crate::table::TABLE.call_name(self.nr) {
            Some("utimensat_time64") => self.nr,
            _ => libc::SYS_utimensat as u32,
        }
    }

    /// An argument that is an int: the kernel takes its low half.
    pub fn int(&self, n: usize) -> i32 {
        self.args[n] as i32
    }
}

/// The caller is no more, or its call was interrupted: no answer reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// One who asks, as far as those who serve need it.
pub trait Client {
    /// The thread.
    fn tid(&self) -> u32;
    /// Its process.
    fn tgid(&self) -> u32;
    /// Copy from its memory: all, or EFAULT. Once, as it may change meanwhile.
    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno>;
    /// Copy into its memory.
    fn write(&self, at: u64, from: &[u8]) -> Result<(), Errno>;
    /// Does its call still wait? If not, what was read by its id may be another's.
    fn is_valid(&self) -> bool;
    /// What its descriptor is.
    fn inode_of(&self, fd: i32) -> Result<Inode, Errno>;
    /// A copy of its descriptor.
    fn duplicate(&self, fd: i32) -> Result<Fd, Errno>;
    /// Give it a descriptor while its call waits; its number there.
    fn add(&self, fd: &Fd, is_closed_on_exec: bool) -> Result<usize, Errno>;
    /// Is its user the broker's own?
    fn is_same_user(&self) -> bool;
    /// Send it SIGPIPE.
    fn break_pipe(&self);
    /// Be, in this thread and for files, who the caller is.
    fn assume_user(&self) -> Result<(), Errno>;
    /// Before anything that may keep this thread waiting: others are served by
    /// another thread from here on.
    fn may_wait(&self);
    /// Wait until a descriptor of the broker's is ready, as long as the caller
    /// is there; how it is then, 0 after so many milliseconds (negative: never).
    fn wait(&self, fd: &Fd, events: i16, milliseconds: i32) -> Result<i16, Gone>;
    /// What its call fails with by a signal that waits for it, if any does.
    fn interruption(&self) -> Option<Errno>;
}

/// Make a call that may wait for others: as long as the caller is there, and no
/// signal that it has a handler for.
pub fn wait_in<T>(
    client: &dyn Client,
    mut make: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    client.may_wait();
    // Without one it is waited as long as it takes.
    let _bell = Bell::start(SLICE);
    loop {
        match make() {
            Err(libc::EINTR) if !client.is_valid() => return Err(libc::EINTR),
            Err(libc::EINTR) => match client.interruption() {
                Some(errno) => return Err(errno),
                None => continue,
            },
            done => return done,
        }
    }
}

/// A real one.
pub struct Caller {
    shared: &'static Shared,
    asked: Asked,
    tgid: u32,
    memory: Memory,
    is_closed: Cell<bool>,
    claimed: Cell<Option<Inode>>,
    leads: Cell<bool>,
    is_settled: Cell<bool>,
    has_handler: OnceCell<bool>,
}

/// Milliseconds between two looks at whether a caller is still there.
const SLICE: i32 = 250;

impl Caller {
    /// The one who made the call that was received.
    pub fn of(shared: &'static Shared, asked: Asked) -> Result<Caller, Errno> {
        let Shared { first, memory, .. } = *shared;
        let tid = asked.tid;
        let is_first = tid == first || process::is_thread_of(tid, first);
        let tgid = if is_first {
            first
        } else {
            let told = Status::of(tid)?.number("Tgid", 10);
            told.and_then(|id| u32::try_from(id).ok())
                .ok_or(libc::ESRCH)?
        };
        Ok(Caller {
            shared,
            asked,
            tgid,
            memory: match is_first {
                true => Memory::File(memory),
                false => Memory::Process(tid),
            },
            is_closed: Cell::new(false),
            claimed: Cell::new(None),
            leads: Cell::new(true),
            is_settled: Cell::new(false),
            has_handler: OnceCell::new(),
        })
    }

    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Who traces it, if it has not pledged by itself.
    pub fn tracer(&self) -> Option<u32> {
        Some(self.shared.tracer).filter(|tracer| *tracer != 0)
    }

    /// May Landlock hold it, and not the broker, to names of sockets?
    pub fn is_held_to_names(&self) -> bool {
        self.shared.holds_sockets
    }

    /// Does its filter ask for what its promises grant, too?
    pub fn is_asked_all(&self) -> bool {
        self.shared.asks_all
    }

    /// Was something of it closed to the broker? Yama closes the memory of what
    /// a process forks, and a change of user memory and descriptors.
    pub fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// What its handler says that the descriptor of its call is. Believed where
    /// the broker cannot see: whoever lies has its call made on another socket
    /// that the broker made for such a process, and on no other.
    pub fn claim(&self, of: Inode) {
        self.claimed.set(Some(of));
    }

    /// What comes of memory that is read or written by the process's id.
    fn fault(&self, errno: Errno) -> Errno {
        self.is_closed
            .set(self.is_closed.get() || errno == libc::EPERM);
        libc::EFAULT
    }

    /// Let what it holds tell whether it can become another user.
    pub fn settle(&self, state: State) {
        self.is_settled.set(state.is_settled());
    }

    /// Can a handler of SIGSYS run in its thread?
    pub fn has_handler(&self) -> bool {
        *self.has_handler.get_or_init(|| {
            let has = |status: &Status, set| status.has_signal(set, libc::SIGSYS);
            Status::of(self.asked.tid).is_ok_and(|status| {
                has(&status, "SigCgt") == Some(true) && has(&status, "SigBlk") == Some(false)
            })
        })
    }

    /// Does its thread still lead?
    pub fn leads(&self) -> bool {
        self.leads.get()
    }
}

impl Client for Caller {
    fn tid(&self) -> u32 {
        self.asked.tid
    }

    fn tgid(&self) -> u32 {
        self.tgid
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        if let Memory::File(_) = self.memory {
            match self.memory.read(at, into) {
                // After execve(2) the file is that of a memory which is gone.
                Err(libc::EFAULT) => {}
                done => return done,
            }
        }
        let read = Memory::Process(self.asked.tid).read(at, into);
        read.map_err(|errno| self.fault(errno))
    }

    fn write(&self, at: u64, from: &[u8]) -> Result<(), Errno> {
        let by_process = Memory::Process(self.asked.tid).write(at, from);
        let may_be_by_file = matches!(by_process, Err(libc::EPERM | libc::ENOSYS))
            && matches!(self.memory, Memory::File(_))
            // The file would write to what the caller itself cannot, code included.
            && process::is_writable(self.shared.maps, at, from.len());
        match may_be_by_file {
            true => self.memory.write(at, from),
            false => by_process.map_err(|errno| self.fault(errno)),
        }
    }

    fn is_valid(&self) -> bool {
        self.shared.listener.is_valid(self.asked.id)
    }

    fn inode_of(&self, fd: i32) -> Result<Inode, Errno> {
        let path = Path::of(self.asked.tid, format_args!("fd/{fd}"));
        match (fd::inode(path.as_c_str()), self.claimed.get()) {
            (Err(libc::ENOENT), _) => Err(libc::EBADF),
            // So the kernel has it after a change of user.
            (Err(libc::EACCES), Some(of)) => Ok(of),
            (Err(libc::EACCES), None) => {
                self.is_closed.set(true);
                Err(libc::EACCES)
            }
            (found, _) => found,
        }
    }

    fn duplicate(&self, fd: i32) -> Result<Fd, Errno> {
        process::descriptor(self.tgid, fd).map_err(|errno| match errno {
            libc::EPERM | libc::ENOSYS => {
                self.is_closed.set(true);
                libc::EACCES
            }
            errno => errno,
        })
    }

    fn add(&self, fd: &Fd, is_closed_on_exec: bool) -> Result<usize, Errno> {
        let Shared { listener, .. } = self.shared;
        listener.add(self.asked.id, fd, is_closed_on_exec)
    }

    fn is_same_user(&self) -> bool {
        if !self.shared.changes_user {
            return true;
        }
        let own = Status::of(crate::sys::tid());
        let is_same = |name: &str| match (&own, Status::of(self.asked.tid)) {
            // The last is for files, which this thread may have changed.
            (Ok(own), Ok(other)) => {
                let ids = |status: &Status| {
                    status
                        .numbers(name, 10)
                        .take(3)
                        .eq(own.numbers(name, 10).take(3))
                };
                ids(&other)
            }
            _ => false,
        };
        is_same("Uid") && is_same("Gid")
    }

    fn break_pipe(&self) {
        let _ = process::signal(self.tgid, self.asked.tid, libc::SIGPIPE);
    }

    fn assume_user(&self) -> Result<(), Errno> {
        match self.shared.changes_user {
            true if self.is_settled.get() => {
                user::assume_settled(self.asked.tid, || self.is_valid())
            }
            true => user::assume(self.asked.tid, || self.is_valid()),
            false => Ok(()),
        }
    }

    fn may_wait(&self) {
        if self.leads.get() {
            self.leads.set(!team::pass_on(self.shared));
        }
    }

    fn wait(&self, fd: &Fd, events: i16, milliseconds: i32) -> Result<i16, Gone> {
        self.may_wait();
        let mut left = milliseconds;
        loop {
            let slice = match left {
                ..0 => SLICE,
                left => left.min(SLICE),
            };
            match crate::sys::wait_for(fd.number(), events, slice) {
                Ok(0) if left >= 0 && left <= slice => return Ok(0),
                Ok(0) => left -= if left < 0 { 0 } else { slice },
                Ok(seen) => return Ok(seen),
                Err(libc::EINTR) => {}
                Err(_) => return Ok(libc::POLLERR),
            }
            if !self.is_valid() {
                return Err(Gone);
            }
        }
    }

    fn interruption(&self) -> Option<Errno> {
        let status = Status::of(self.asked.tid).ok()?;
        let set = |name| status.number(name, 16).unwrap_or(0);
        let handled = set("SigCgt") & !set("SigBlk");
        // One for the process another thread may take in this one's place.
        let is_alone = status.number("Threads", 10) == Some(1);
        match (set("SigPnd") & handled, set("ShdPnd") & handled) {
            (0, 0) => None,
            (0, _) if !is_alone => Some(libc::EINTR),
            _ => Some(RESTART),
        }
    }
}
