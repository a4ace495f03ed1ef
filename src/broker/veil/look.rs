// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names and attributes are looked at for a caller.

use super::walk::{self, End, Held};
use super::{Need, Request, Served, follows};
use crate::broker::Answer;
use crate::names::LONGEST;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::path;
use crate::sys::process::{self, Path};

impl Request<'_> {
    pub(super) fn look(&self) -> Served {
        match self.name {
            "stat" | "stat64" => self.status(0, self.arg(1)),
            "lstat" | "lstat64" => self.status(libc::AT_SYMLINK_NOFOLLOW, self.arg(1)),
            "newfstatat" | "fstatat64" => self.status(self.int(3), self.arg(2)),
            "statx" => self.statx(),
            "access" => self.access(self.int(1), 0),
            "faccessat" => self.access(self.int(2), 0),
            "faccessat2" => self.access(self.int(2), self.int(3)),
            "readlink" => self.read_link(self.arg(1), self.arg(2)),
            "readlinkat" => self.read_link(self.arg(2), self.arg(3)),
            _ => self.watch(),
        }
    }

    /// What is to be looked at: by its path, or a descriptor of the caller's.
    fn object(&self, flags: i32) -> Result<Fd, Errno> {
        if self.is_empty_path(flags)? {
            return self.behind(self.int(0));
        }
        let found = self.find(0, follows(flags), Need::Object)?;
        found.object.map(|(fd, _)| fd).ok_or(libc::ENOENT)
    }

    /// What a descriptor of the caller's stands for.
    fn behind(&self, fd: i32) -> Result<Fd, Errno> {
        let tid = self.client.tid();
        let link = match fd {
            libc::AT_FDCWD => Path::of(tid, format_args!("cwd")),
            fd => Path::of(tid, format_args!("fd/{fd}")),
        };
        let object = path::pin_path(link.as_c_str()).map_err(|errno| match errno {
            libc::ENOENT => libc::EBADF,
            errno => errno,
        })?;
        match self.client.is_valid() {
            true => Ok(object),
            false => Err(libc::ESRCH),
        }
    }

    fn status(&self, flags: i32, to: u64) -> Served {
        let known = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT | libc::AT_EMPTY_PATH;
        if flags & !known != 0 {
            return Err(libc::EINVAL);
        }
        let status = if self.is_empty_path(flags)? {
            path::status(&self.behind(self.int(0))?)?
        } else {
            let found = self.find_by_name(0, follows(flags), Need::Object)?;
            match found.file {
                Some((_, status)) => status,
                None => path::status(found.there()?.0)?,
            }
        };
        self.client.write(to, &status)?;
        Ok(Answer::Value(0))
    }

    fn statx(&self) -> Served {
        const KNOWN: i32 = libc::AT_SYMLINK_NOFOLLOW
            | libc::AT_NO_AUTOMOUNT
            | libc::AT_EMPTY_PATH
            | libc::AT_STATX_SYNC_TYPE;
        let flags = self.int(2);
        if flags & !KNOWN != 0 {
            return Err(libc::EINVAL);
        }
        let object = self.object(flags)?;
        let kept = flags & (libc::AT_STATX_SYNC_TYPE | libc::AT_NO_AUTOMOUNT);
        let status = path::statx(&object, kept, self.arg(3) as u32)?;
        self.client.write(self.arg(4), &status)?;
        Ok(Answer::Value(0))
    }

    fn access(&self, mode: i32, flags: i32) -> Served {
        let known = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EACCESS | libc::AT_EMPTY_PATH;
        if flags & !known != 0 || mode & !(libc::R_OK | libc::W_OK | libc::X_OK) != 0 {
            return Err(libc::EINVAL);
        }
        path::access(&self.object(flags)?, mode)?;
        Ok(Answer::Value(0))
    }

    fn read_link(&self, to: u64, room: u64) -> Served {
        let room = usize::try_from(room as i32).unwrap_or(0);
        if room == 0 {
            return Err(libc::EINVAL);
        }
        let mut path = [0; LONGEST];
        let path = self.path(0, &mut path)?;
        let object = match (path, self.name) {
            // The link that a descriptor stands for.
            ([], "readlinkat") => self.behind(self.int(0))?,
            _ => {
                let found = match self.find_path(0, path, End::Keep, Need::Object) {
                    Err(libc::ENOENT | libc::EACCES) if self.is_directory(path) => {
                        return Err(libc::EINVAL);
                    }
                    found => found?,
                };
                let (object, kind) = found.there()?;
                if !kind.is(libc::S_IFLNK) {
                    return Err(libc::EINVAL);
                }
                object.duplicate()?
            }
        };
        let mut text = [0; LONGEST];
        let len = path::read_link(&object, &mut text)?.min(room);
        self.client.write(to, &text[..len])?;
        Ok(Answer::Value(len))
    }

    /// Is it one, whatever the rules are? realpath(3) asks of every directory on
    /// the way whether it is a link, and whoever goes through one knows of it.
    fn is_directory(&self, path: &[u8]) -> bool {
        let start = self.start(0, path);
        let found = start.and_then(|start| {
            let how = (End::Keep, Held::Others);
            walk::walk(self.client, start, path, how)
        });
        let object = found.ok().and_then(|found| found.object);
        object.is_some_and(|(_, kind)| kind.is(libc::S_IFDIR))
    }

    fn watch(&self) -> Served {
        let mask = self.arg(2) as u32;
        let end = match mask & libc::IN_DONT_FOLLOW {
            0 => End::Follow,
            _ => End::Keep,
        };
        let found = self.find(0, end, Need::Object)?;
        let (object, _) = found.there()?;
        let inotify = descriptor(self, self.int(0))?;
        path::watch(&inotify, object, mask & !libc::IN_DONT_FOLLOW).map(Answer::Value)
    }
}

/// A copy of a descriptor of the caller's; where none can be had it cannot be
/// acted on.
pub(super) fn descriptor(request: &Request, fd: i32) -> Result<Fd, Errno> {
    let copy = process::descriptor(request.client.tgid(), fd).map_err(|errno| match errno {
        libc::EBADF => libc::EBADF,
        _ => libc::EACCES,
    })?;
    match request.client.is_valid() {
        true => Ok(copy),
        false => Err(libc::ESRCH),
    }
}
