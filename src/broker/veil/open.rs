// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files are opened for a caller, and given to it.

use super::walk::{End, Found, id};
use super::{Need, Request, Served};
use crate::broker::Answer;
use crate::broker::client::wait_in;
use crate::sys::fd::Fd;
use crate::sys::path::{self, Kind};
use crate::sys::{self, Errno};

/// How often a name is looked at again that others change meanwhile.
const ROUNDS: u32 = 16;

/// What can be opened while it is looked at.
enum Opened {
    Fd(Fd),
    /// Something else has the name by now.
    Changed,
}

impl Request<'_> {
    pub(super) fn open(&self) -> Served {
        let (flags, mode) = match self.name {
            "creat" => (libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, self.int(1)),
            "open" => (self.int(1), self.int(2)),
            _ => (self.int(2), self.int(3)),
        };
        let only_looks = flags & libc::O_PATH != 0;
        let makes = flags & libc::O_CREAT != 0 && !only_looks;
        let keeps = flags & libc::O_NOFOLLOW != 0 || makes && flags & libc::O_EXCL != 0;
        let end = if keeps { End::Keep } else { End::Follow };
        let need = if makes { Need::Nothing } else { Need::Object };
        for _ in 0..ROUNDS {
            let found = match only_looks {
                true => self.find(0, end, need)?,
                false => self.find_by_name(0, end, need)?,
            };
            let opened = match only_looks {
                true => Opened::Fd(stand_in(&found, flags)?),
                false => self.open_found(&found, flags, mode as u32)?,
            };
            if let Opened::Fd(fd) = opened {
                return Ok(Answer::Inject {
                    fd,
                    is_closed_on_exec: flags & libc::O_CLOEXEC != 0,
                });
            }
        }
        Err(libc::EAGAIN)
    }

    fn open_found(&self, found: &Found, flags: i32, mode: u32) -> Result<Opened, Errno> {
        let makes = flags & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) != 0;
        if makes {
            self.assume_umask()?;
        }
        if found.file.is_some() {
            return self.open_name(found, flags, mode);
        }
        let Some((object, kind)) = &found.object else {
            if found.has_slash {
                return Err(libc::EISDIR);
            }
            return self.open_name(found, flags, mode);
        };
        if found.has_slash && flags & libc::O_CREAT != 0 {
            return Err(libc::EISDIR);
        }
        if found.is_nameless {
            return by_link(object, flags);
        }
        if kind.is(libc::S_IFLNK) {
            let exists = flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0;
            return Err(if exists { libc::EEXIST } else { libc::ELOOP });
        }
        if kind.is(libc::S_IFDIR) {
            let fd = match flags & libc::O_CREAT {
                0 => path::open(object, c".", flags, mode)?,
                _ if flags & libc::O_EXCL != 0 => return Err(libc::EEXIST),
                _ => return Err(libc::EISDIR),
            };
            return Ok(Opened::Fd(fd));
        }
        self.check_terminal(kind)?;
        // A FIFO waits for its other end, a device for whatever it likes.
        let flags = flags | libc::O_NOFOLLOW | libc::O_NOCTTY;
        let open = || path::open(&found.parent, found.name(), flags, mode);
        let opened = settle(wait_in(self.client, open))?;
        match opened {
            Opened::Fd(fd) if id(&path::kind(&fd)?) == id(kind) => Ok(Opened::Fd(fd)),
            _ => Ok(Opened::Changed),
        }
    }

    /// A file, or the making of one, by its name.
    fn open_name(&self, found: &Found, flags: i32, mode: u32) -> Result<Opened, Errno> {
        let safe = flags | libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK;
        let opened = settle(path::open(&found.parent, found.name(), safe, mode))?;
        let Opened::Fd(fd) = opened else {
            return Ok(Opened::Changed);
        };
        // A directory may have rules of its own, and a FIFO must be waited for.
        if !path::kind(&fd)?.is(libc::S_IFREG) {
            return Ok(Opened::Changed);
        }
        if flags & libc::O_NONBLOCK == 0 {
            fd.set_flags(flags & !libc::O_NONBLOCK)?;
        }
        Ok(Opened::Fd(fd))
    }

    /// /dev/tty is the terminal of the one who opens it.
    fn check_terminal(&self, kind: &Kind) -> Result<(), Errno> {
        const CURRENT: u64 = 5 << 8;
        if kind.is(libc::S_IFCHR) && kind.number == CURRENT {
            let own = path::session(0)?;
            if path::session(self.client.tgid())? != own {
                return Err(libc::ENXIO);
            }
        }
        Ok(())
    }
}

/// A link instead of what was looked at, or nothing: look again.
fn settle(opened: Result<Fd, Errno>) -> Result<Opened, Errno> {
    match opened {
        Ok(fd) => Ok(Opened::Fd(fd)),
        Err(libc::ELOOP) => Ok(Opened::Changed),
        Err(errno) => Err(errno),
    }
}

/// A pipe or the like, by the caller's link to it.
fn by_link(object: &Fd, flags: i32) -> Result<Opened, Errno> {
    let own = path::Own::of(object);
    let flags = flags | libc::O_NOCTTY | libc::O_NONBLOCK;
    sys::fd::open(own.as_c_str(), flags & !libc::O_NOFOLLOW, 0).map(Opened::Fd)
}

/// For O_PATH, which the kernel passes on to nobody: what is there, opened for
/// reading, which takes the same letter.
pub(super) fn stand_in(found: &Found, flags: i32) -> Result<Fd, Errno> {
    let (object, kind) = found.there()?;
    if kind.is(libc::S_IFDIR) {
        return path::open(object, c".", libc::O_RDONLY | libc::O_DIRECTORY, 0);
    }
    if flags & libc::O_DIRECTORY != 0 {
        return Err(libc::ENOTDIR);
    }
    match kind.is(libc::S_IFREG) {
        true => {
            let own = path::Own::of(object);
            sys::fd::open(own.as_c_str(), libc::O_RDONLY | libc::O_NONBLOCK, 0)
        }
        false => Err(libc::EACCES),
    }
}
