// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of unveil(2), held by the broker: each path is walked here, judged by the objects on it, and used by what was judged.
//!
//! A caller's filter sends every call that takes a path. Nothing of a path is
//! looked up twice: what is done is done to the directory that was held and one
//! name in it, or to the very object, so it makes no difference what others
//! rename meanwhile.

mod attributes;
mod begin;
mod decide;
mod look;
mod names;
mod open;
mod proc;
mod rules;
mod socket;
mod straight;
mod system;
mod walk;

use super::client::{Call, Caller, Client};
use super::state::{AWAITED, State};
use super::{Answer, STATES, exec, files, state};
use crate::names::LONGEST;
use crate::needs::{self, Befalls, Operand, Wanted};
use crate::policy::{Action, Mode};
use crate::sys::Errno;
use crate::sys::process::Status;
use crate::table::TABLE;
use begin::Start;
use walk::{End, Found, Held};

/// Rules are told: the caller is under them from now on.
pub fn hear(caller: &Caller, state: State, at: u64) -> Result<usize, Errno> {
    let before = if state.veil == AWAITED { 0 } else { state.veil };
    let veil = rules::hear(caller, at, before)?;
    let number = STATES.take().number(State { veil, ..state });
    if number == 0 {
        return Err(libc::E2BIG);
    }
    state::relabel(caller.tgid(), number).map(|()| 0)
}

/// Rules of a process that another one launches, which tells them; their number.
#[cfg(any(test, feature = "facts"))]
pub fn hear_of(pid: u32, told: &[u8]) -> Result<u8, Errno> {
    rules::hear_of(pid, told)
}

/// What befalls a call on a path of a caller under rules; none where it is no
/// such call, or one that promises do not allow.
pub fn judge(caller: &Caller, state: State, call: &Call) -> Option<Answer> {
    if state.veil == 0 || caller.asked().arch != TABLE.audit {
        return None;
    }
    let told = needs::mediated(call.nr)?;
    if !state.is_free() {
        let action = exec::decide(caller, state, call);
        if action != Action::Allow && state.mode != Mode::Log {
            return None;
        }
    }
    let is_direct = caller.asked().nr == call.nr;
    let is_pathless = told.path.is_some_and(|n| call.args[usize::from(n)] == 0);
    if is_direct && is_pathless {
        return Some(Answer::LetThrough);
    }
    if state.veil == AWAITED {
        return is_direct.then_some(Answer::LetThrough);
    }
    if let Befalls::Errno(errno) = told.befalls {
        return Some(Answer::Errno(errno));
    }
    if !state.is_free() {
        // What a promise has by its name is nothing that rules hide.
        match files::serve(caller, state.promises, call) {
            Answer::HandBack => {}
            answer => return Some(answer),
        }
    }
    let request = Request {
        client: caller,
        is_by_door: !is_direct,
        veils: state.veil,
        call,
        name: TABLE.call_name(call.nr).unwrap_or(""),
        operands: needs::of(call.nr).map_or(&[], |needs| needs.operands),
    };
    Some(request.serve().unwrap_or_else(Answer::Errno))
}

/// A call that is to be served.
struct Request<'a> {
    client: &'a dyn Client,
    /// Did a handler ask, whose own call waits?
    is_by_door: bool,
    veils: u8,
    call: &'a Call,
    name: &'a str,
    operands: &'static [Operand],
}

/// What it comes to, or an errno.
type Served = Result<Answer, Errno>;

/// Must something have the name?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Object,
    Nothing,
}

impl Request<'_> {
    fn serve(&self) -> Served {
        match self.name {
            "open" | "openat" | "creat" => self.open(),
            "mkdir" | "mkdirat" | "mknod" | "mknodat" | "symlink" | "symlinkat" | "rmdir"
            | "unlink" | "unlinkat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                self.change_names()
            }
            "stat" | "stat64" | "lstat" | "lstat64" | "newfstatat" | "fstatat64" | "statx"
            | "access" | "faccessat" | "faccessat2" | "readlink" | "readlinkat"
            | "inotify_add_watch" => self.look(),
            "chdir" if self.is_by_door => self.lead(),
            "chdir" | "chroot" => self.let_through(End::Follow),
            "execve" | "execveat" => self.execute(),
            "truncate" | "chmod" | "fchmodat" | "fchmodat2" | "chown" | "lchown" | "chown32"
            | "lchown32" | "fchownat" | "utime" | "utimes" | "futimesat" | "utimensat"
            | "utimensat_time64" => self.change_attributes(),
            "setxattr" | "lsetxattr" | "getxattr" | "lgetxattr" | "listxattr" | "llistxattr"
            | "removexattr" | "lremovexattr" => self.extended_attributes(),
            "connect" | "bind" | "sendto" => self.socket(),
            "sendmsg" | "sendmmsg" => self.send_messages(),
            _ => Err(libc::EACCES),
        }
    }

    /// An argument.
    fn arg(&self, n: usize) -> u64 {
        self.call.args[n]
    }

    fn int(&self, n: usize) -> i32 {
        self.call.int(n)
    }

    /// The path of an operand, copied once.
    fn path<'b>(&self, operand: usize, into: &'b mut [u8; LONGEST]) -> Result<&'b [u8], Errno> {
        let at = self.arg(usize::from(self.operands[operand].path));
        files::copy(self.client, at, into)
    }

    /// Where an operand leads, if the rules allow what the call does with it.
    fn find(&self, operand: usize, end: End, need: Need) -> Result<Found, Errno> {
        let mut path = [0; LONGEST];
        let path = self.path(operand, &mut path)?;
        self.find_path(operand, path, end, need)
    }

    /// The same where the call does more with it than its data says.
    fn find_for(&self, operand: usize, end: End, wanted: Wanted) -> Result<Found, Errno> {
        let mut path = [0; LONGEST];
        let path = self.path(operand, &mut path)?;
        self.seek(operand, path, (end, Held::All), Need::Nothing, wanted)
    }

    /// The same where a file at the end is needed by its name alone.
    fn find_by_name(&self, operand: usize, end: End, need: Need) -> Result<Found, Errno> {
        let mut path = [0; LONGEST];
        let path = self.path(operand, &mut path)?;
        let wanted = self.wanted(operand);
        self.seek(operand, path, (end, Held::Others), need, wanted)
    }

    fn find_path(&self, operand: usize, path: &[u8], end: End, need: Need) -> Result<Found, Errno> {
        let wanted = self.wanted(operand);
        self.seek(operand, path, (end, Held::All), need, wanted)
    }

    fn wanted(&self, operand: usize) -> Wanted {
        self.operands[operand].wanted(&self.call.args)
    }

    /// Where the path of an operand starts.
    fn start(&self, operand: usize, path: &[u8]) -> Result<Start, Errno> {
        let from = self.operands[operand]
            .directory
            .map(|n| self.int(usize::from(n)));
        let from = from.filter(|fd| *fd != libc::AT_FDCWD);
        self.client.assume_user()?;
        Start::of(self.client, from, path)
    }

    fn seek(
        &self,
        operand: usize,
        path: &[u8],
        how: (End, Held),
        need: Need,
        wanted: Wanted,
    ) -> Result<Found, Errno> {
        let start = self.start(operand, path)?;
        let lacks = |found: &Found| need == Need::Object && !found.exists();
        if let Some(found) = straight::find(self.veils, &start, path, how, wanted) {
            return if lacks(&found) {
                Err(libc::ENOENT)
            } else {
                Ok(found)
            };
        }
        let found = walk::walk(self.client, start, path, how)?;
        if lacks(&found) {
            return Err(libc::ENOENT);
        }
        decide::check(self.veils, &found, wanted)?;
        match self.client.is_valid() {
            true => Ok(found),
            false => Err(libc::ESRCH),
        }
    }

    /// Does the call mean a descriptor by an empty path?
    fn is_empty_path(&self, flags: i32) -> Result<bool, Errno> {
        if flags & libc::AT_EMPTY_PATH == 0 {
            return Ok(false);
        }
        let mut first = [0];
        let at = self.arg(usize::from(self.operands[0].path));
        self.client.read(at, &mut first)?;
        Ok(first[0] == 0)
    }

    /// The kernel makes it: by another name it may come elsewhere by then, and
    /// what is done there is judged by where that is.
    fn let_through(&self, end: End) -> Served {
        self.find(0, end, Need::Object)?;
        match self.is_by_door {
            true => Err(libc::EACCES),
            false => Ok(Answer::LetThrough),
        }
    }

    /// A handler changes the current directory by what it is given.
    fn lead(&self) -> Served {
        let found = self.find(0, End::Follow, Need::Object)?;
        Ok(Answer::Inject {
            fd: open::stand_in(&found, libc::O_DIRECTORY)?,
            is_closed_on_exec: true,
        })
    }

    /// Landlock sees to it that what is executed has x.
    fn execute(&self) -> Served {
        if self.is_by_door || !rules::chain(self.veils).all(|rules| rules.executes) {
            return Err(libc::EACCES);
        }
        let flags = if self.name == "execveat" {
            self.int(4)
        } else {
            0
        };
        if self.is_empty_path(flags)? {
            return Ok(Answer::LetThrough);
        }
        self.find(0, follows(flags), Need::Object)?;
        Ok(Answer::LetThrough)
    }

    /// The caller's umask, on in this thread.
    fn assume_umask(&self) -> Result<(), Errno> {
        let told = Status::of(self.client.tid())?;
        let mask = told.number("Umask", 8).ok_or(libc::EACCES)?;
        crate::sys::fd::set_umask(mask as u32);
        match self.client.is_valid() {
            true => Ok(()),
            false => Err(libc::ESRCH),
        }
    }
}

/// By AT_SYMLINK_NOFOLLOW.
fn follows(flags: i32) -> End {
    match flags & libc::AT_SYMLINK_NOFOLLOW {
        0 => End::Follow,
        _ => End::Keep,
    }
}
