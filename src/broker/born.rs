// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets that the broker made and its callers have: which each is, and a duplicate of it.

use crate::sockets::Socket;
use crate::sys::Errno;
use crate::sys::fd::{self, Fd, Inode};
use crate::sys::lock::Lock;
use crate::sys::process::Path;
use crate::sys::socket;

/// The most sockets at a time, of all callers together.
const MOST: usize = 256;
/// From so many on, those that nobody has any more are looked for.
const SOME: usize = 16;

/// All of them.
pub static BORN: Lock<Nursery> = Lock::new(Nursery::new());

/// One that was asked for, for as long as a request takes.
pub struct Born {
    pub inode: Inode,
    pub socket: Socket,
    /// None: it is connected, and the caller's alone.
    pub fd: Option<Fd>,
}

struct Entry {
    inode: Inode,
    socket: Socket,
    fd: Option<Fd>,
    /// The process that used it last.
    tgid: u32,
    is_seen: bool,
}

pub struct Nursery {
    entries: [Option<Entry>; MOST],
    count: usize,
    /// With so many, it is time to look.
    full: usize,
}

impl Nursery {
    pub(super) const fn new() -> Nursery {
        Nursery {
            entries: [const { None }; MOST],
            count: 0,
            full: SOME,
        }
    }

    /// Remember a socket that is about to be given to a process.
    pub fn add(&mut self, tgid: u32, socket: Socket, fd: &Fd) -> Result<(), Errno> {
        if self.count >= self.full {
            self.sweep();
        }
        let (inode, copy) = (fd.inode()?, fd.duplicate()?);
        let free = self.entries.iter_mut().find(|entry| entry.is_none());
        *free.ok_or(libc::EMFILE)? = Some(Entry {
            inode,
            socket,
            fd: Some(copy),
            tgid,
            // Whom it is for does not have it yet.
            is_seen: true,
        });
        self.count += 1;
        Ok(())
    }

    /// The socket with this inode, which a process is about to use.
    pub fn find(&mut self, inode: Inode, tgid: u32) -> Option<Result<Born, Errno>> {
        let mut entries = self.entries.iter_mut().flatten();
        let entry = entries.find(|entry| entry.inode == inode)?;
        entry.tgid = tgid;
        let fd = entry.fd.as_ref().map(Fd::duplicate).transpose();
        Some(fd.map(|fd| Born {
            inode,
            socket: entry.socket,
            fd,
        }))
    }

    /// Close the duplicate; what the socket is stays known.
    pub fn release(&mut self, inode: Inode) {
        for entry in self.entries.iter_mut().flatten() {
            if entry.inode == inode {
                entry.fd = None;
            }
        }
    }

    /// Forget sockets that none of their last users has open. A process that
    /// came to one otherwise and has not used it yet finds it forgotten: then
    /// its calls are violations, as on any socket that is none of these.
    fn sweep(&mut self) {
        // Entries of a process lie side by side as a rule, and one look is enough.
        let mut last = None;
        for n in 0..MOST {
            if let Some(Entry {
                tgid,
                is_seen: false,
                ..
            }) = self.entries[n]
                && last != Some(tgid)
            {
                self.look(tgid);
                last = Some(tgid);
            }
        }
        self.count = 0;
        for slot in &mut self.entries {
            match slot {
                Some(entry) if entry.is_seen => {
                    entry.is_seen = false;
                    self.count += 1;
                }
                _ => *slot = None,
            }
        }
        self.full = (2 * self.count).clamp(SOME, MOST);
    }

    /// Mark what a process has open.
    fn look(&mut self, tgid: u32) {
        let directory = Path::of(tgid, format_args!("fd"));
        let Ok(directory) = fd::open(directory.as_c_str(), libc::O_DIRECTORY, 0) else {
            return;
        };
        // Half a list is none: what it lacks is not known to be closed.
        let listed = directory.numbers(|number| {
            let path = Path::of(tgid, format_args!("fd/{number}"));
            // What the link says, and not what a file system, which may keep us
            // waiting, says of the file.
            let mut text = [0; 32];
            let len = socket::link(path.as_c_str(), &mut text).unwrap_or(0);
            let Some(number) = socket_number(text.get(..len).unwrap_or(&[])) else {
                return;
            };
            for entry in self.entries.iter_mut().flatten() {
                entry.is_seen |= entry.inode.number == number;
            }
        });
        if listed.is_err() {
            for entry in self.entries.iter_mut().flatten() {
                entry.is_seen |= entry.tgid == tgid;
            }
        }
    }
}

/// The inode of "socket:[4711]".
fn socket_number(link: &[u8]) -> Option<u64> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: Socket = Socket {
        family: 2,
        kind: 2,
        protocol: 0,
        mark: 0,
    };

    #[test]
    fn what_is_closed_is_forgotten() {
        let mut nursery = Nursery::new();
        // Not this process, which has the duplicates, too.
        let sleeps = std::process::Command::new("sleep").arg("60").spawn();
        let mut other = sleeps.expect("another process");
        let make = || socket::make(2, 2, 0).expect("a socket");
        let mut most = 0;
        for _ in 0..1000 {
            nursery.add(other.id(), UDP, &make()).expect("room");
            most = most.max(nursery.entries.iter().flatten().count());
        }
        assert!(most <= 4 * SOME, "{most}");
        let last = make();
        nursery.add(other.id(), UDP, &last).expect("room");
        other
            .kill()
            .and_then(|()| other.wait())
            .expect("it was ours");
        let inode = last.inode().expect("an inode");
        for is_there in [true, false] {
            let found = nursery.find(inode, 1).expect("it is known");
            assert_eq!(found.expect("a duplicate").fd.is_some(), is_there);
            nursery.release(inode);
        }
    }

    #[test]
    fn there_is_an_end() {
        let mut nursery = Nursery::new();
        let kept: Vec<Fd> = (0..MOST)
            .map(|_| socket::make(2, 2, 0).expect("a socket"))
            .collect();
        for fd in &kept {
            nursery.add(std::process::id(), UDP, fd).expect("room");
        }
        let more = nursery.add(std::process::id(), UDP, &kept[0]);
        assert_eq!(more, Err(libc::EMFILE));
    }
}
