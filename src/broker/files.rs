// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of files: opened, looked at and removed for who may have them by promises.

use core::ffi::CStr;

use super::Answer;
use super::client::{Call, Client};
use crate::names::{self, LONGEST, Use, Verdict};
use crate::promise::Set;
use crate::sys::Errno;
use crate::sys::fd;
use crate::sys::process::{Path, Status};
use crate::table::NAMES;

/// The arguments of a call on a name, wherever each call has them.
struct Named {
    path: u64,
    kind: Kind,
}

enum Kind {
    Open { flags: i32, mode: u32 },
    Status { to: u64, flags: i32 },
    Access { mode: i32 },
    Unlink { flags: i32 },
}

impl Named {
    fn of(call: &Call) -> Option<Named> {
        let Call { name, args, .. } = call;
        let open = |flags, mode: i32| Kind::Open {
            flags,
            mode: mode as u32,
        };
        let status = |to, flags| Kind::Status { to, flags };
        let nofollow = libc::AT_SYMLINK_NOFOLLOW;
        let (path, kind) = match *name {
            "open" => (args[0], open(call.int(1), call.int(2))),
            "openat" => (args[1], open(call.int(2), call.int(3))),
            "stat" | "stat64" => (args[0], status(args[1], 0)),
            "lstat" | "lstat64" => (args[0], status(args[1], nofollow)),
            "newfstatat" | "fstatat64" => (args[1], status(args[2], call.int(3))),
            "access" => (args[0], Kind::Access { mode: call.int(1) }),
            "faccessat" => (args[1], Kind::Access { mode: call.int(2) }),
            "unlink" => (args[0], Kind::Unlink { flags: 0 }),
            "unlinkat" => (args[1], Kind::Unlink { flags: call.int(2) }),
            _ => return None,
        };
        Some(Named { path, kind })
    }
}

/// What open(2) may be asked for; everything else is no plain open.
const OPEN_FLAGS: i32 = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NONBLOCK
    | libc::O_CLOEXEC
    | libc::O_NOFOLLOW
    | libc::O_NOCTTY
    | libc::O_DIRECTORY
    | libc::O_SYNC
    | LARGE_FILE;
/// O_LARGEFILE, which a C library of 64 bits has as nothing and a caller may pass.
const LARGE_FILE: i32 = if cfg!(any(target_arch = "aarch64", target_arch = "arm")) {
    0o400000
} else {
    0o100000
};
/// What a file without a name is judged by, which is made below a directory.
const UNNAMED: &[u8] = b"/unnamed";
/// Flags that fcntl(2) can change later.
const LATER: i32 = libc::O_APPEND | libc::O_NONBLOCK;

impl Kind {
    /// What it does to the name; none if it is nothing that names are for.
    fn intent(&self) -> Option<Use> {
        match *self {
            Kind::Open { flags, .. } if flags & libc::O_PATH != 0 => Some(Use::Look),
            Kind::Open { flags, .. } if flags & !(OPEN_FLAGS | libc::O_TMPFILE) != 0 => None,
            Kind::Open { flags, .. } if makes(flags) => Some(Use::Create),
            Kind::Open { flags, .. } if flags & !OPEN_FLAGS != 0 => None,
            Kind::Open { flags, .. } => {
                let access = flags & libc::O_ACCMODE;
                let is_truncated = flags & libc::O_TRUNC != 0;
                Some(Use::Open {
                    read: access == libc::O_RDONLY || access == libc::O_RDWR,
                    write: access != libc::O_RDONLY || is_truncated,
                })
            }
            Kind::Status { flags, .. } => {
                let known = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT;
                (flags & !known == 0).then_some(Use::Look)
            }
            Kind::Access { .. } => Some(Use::Look),
            Kind::Unlink { flags } => (flags == 0).then_some(Use::Unlink),
        }
    }
}

/// Does open(2) with these flags make a file that has no name?
fn is_unnamed(flags: i32) -> bool {
    flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// Does it make one?
fn makes(flags: i32) -> bool {
    flags & libc::O_CREAT != 0 || is_unnamed(flags)
}

/// Do to a name what the call says, if the data has it for `held`.
pub fn serve(client: &dyn Client, held: Set, call: &Call) -> Answer {
    let Some(named) = Named::of(call) else {
        return Answer::HandBack;
    };
    let Some(intent) = named.kind.intent() else {
        return Answer::HandBack;
    };
    let (mut text, mut buffer) = ([0; LONGEST], [0; LONGEST + 1]);
    let path = match copy(client, named.path, &mut text) {
        Ok(path) => path,
        Err(errno) => return Answer::Errno(errno),
    };
    let Some(len) = names::clean(path, &mut buffer).map(<[u8]>::len) else {
        return Answer::HandBack;
    };
    let mut end = len;
    if matches!(named.kind, Kind::Open { flags, .. } if is_unnamed(flags)) {
        end += UNNAMED.len();
        let Some(place) = buffer.get_mut(len..end) else {
            return Answer::Errno(libc::ENAMETOOLONG);
        };
        place.copy_from_slice(UNNAMED);
    }
    match names::judge(&NAMES, held, &buffer[..end], intent) {
        Verdict::Refuse => return Answer::HandBack,
        Verdict::Errno(errno) => return Answer::Errno(errno.into()),
        Verdict::Serve => {}
    }
    buffer[len] = 0;
    let Ok(path) = CStr::from_bytes_with_nul(&buffer[..=len]) else {
        return Answer::Errno(libc::ENOENT);
    };
    let Some(own) = Own::of(client, path) else {
        return Answer::HandBack;
    };
    match client.assume_user() {
        Ok(()) if client.is_valid() => act(client, own.path(path), &named.kind),
        Ok(()) => Answer::Drop,
        Err(errno) => Answer::Errno(errno),
    }
}

/// /proc/self and /proc/thread-self are the caller's.
enum Own {
    Same,
    Proc(Path),
}

impl Own {
    fn of(client: &dyn Client, path: &CStr) -> Option<Own> {
        let path = path.to_str().ok();
        let below = |head: &str| path.and_then(|path| path.strip_prefix(head));
        if let Some(rest) = below("/proc/self/") {
            return Some(Own::Proc(Path::of(client.tgid(), format_args!("{rest}"))));
        }
        match below("/proc/thread-self") {
            Some(_) => None,
            None => Some(Own::Same),
        }
    }

    fn path<'a>(&'a self, path: &'a CStr) -> &'a CStr {
        match self {
            Own::Same => path,
            Own::Proc(path) => path.as_c_str(),
        }
    }
}

fn act(client: &dyn Client, path: &CStr, kind: &Kind) -> Answer {
    match *kind {
        // The kernel passes no such descriptor on; plug-ins of names go on without.
        Kind::Open { flags, .. } if flags & libc::O_PATH != 0 => Answer::Errno(libc::EACCES),
        Kind::Open { flags, mode } => open(client, path, flags, mode),
        Kind::Status { to, flags } => {
            let copied = fd::status(path, flags).and_then(|status| client.write(to, &status));
            copied.map(|()| 0).into()
        }
        Kind::Access { mode } => fd::access(path, mode).map(|()| 0).into(),
        Kind::Unlink { flags } => fd::unlink(path, flags).map(|()| 0).into(),
    }
}

/// Open it so that nothing waits for a FIFO's other end, and no terminal
/// becomes anybody's.
fn open(client: &dyn Client, path: &CStr, flags: i32, mode: u32) -> Answer {
    let mut flags = flags;
    if makes(flags) {
        // A link that waits there would lead out of the name that was promised.
        flags |= libc::O_NOFOLLOW;
        let told = Status::of(client.tid());
        let Some(mask) = told.ok().and_then(|status| status.number("Umask", 8)) else {
            return Answer::Errno(libc::EACCES);
        };
        fd::set_umask(mask as u32);
        if !client.is_valid() {
            return Answer::Drop;
        }
    }
    let safe = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
    // As OpenBSD has it for who is pledged: no set-id bits, nor sticky ones.
    let fd = match fd::open(path, safe, mode & 0o777) {
        Ok(fd) => fd,
        Err(errno) => return Answer::Errno(errno),
    };
    if flags & libc::O_NONBLOCK == 0
        && let Err(errno) = fd.set_flags(flags & LATER)
    {
        return Answer::Errno(errno);
    }
    Answer::Inject {
        fd,
        is_closed_on_exec: flags & libc::O_CLOEXEC != 0,
    }
}

/// A path and no more of the caller's memory than there is: it may end with a page.
pub fn copy<'a>(
    client: &dyn Client,
    at: u64,
    into: &'a mut [u8; LONGEST],
) -> Result<&'a [u8], Errno> {
    const STEP: usize = 256;
    let mut len = 0;
    while len < LONGEST {
        // Up to the next address that a page may begin at.
        let to_step = STEP - (at.wrapping_add(len as u64) % STEP as u64) as usize;
        let end = LONGEST.min(len + to_step);
        client.read(at.wrapping_add(len as u64), &mut into[len..end])?;
        if let Some(nul) = into[len..end].iter().position(|byte| *byte == 0) {
            return Ok(&into[..len + nul]);
        }
        len = end;
    }
    Err(libc::ENAMETOOLONG)
}
