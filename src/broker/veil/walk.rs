// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a caller's path leads: to a name in a directory that is held from then on. Component by component, as the caller's user.

use core::ffi::CStr;
use core::fmt::Write;

use super::begin::Start;
use super::proc::{self, Owner};
use super::system::{self, is_slow};
use crate::broker::client::Client;
use crate::names::LONGEST;
use crate::short::Short;
use crate::sys::Errno;
use crate::sys::fd::{Fd, Status as Bytes};
use crate::sys::path::{self, Kind};
use crate::sys::process::Status;
use crate::veil::Id;

/// Links that are followed: as many as the kernel follows.
const LINKS_MAX: u32 = 40;
/// The longest name with its NUL.
pub const NAME_MAX: usize = 256;

/// Where a path leads.
pub struct Found {
    /// The directory that it is in.
    pub parent: Fd,
    /// Where that lies; none where the rules have decided on the way.
    pub at: Option<At>,
    pub name: [u8; NAME_MAX],
    /// What has the name, if anything.
    pub object: Option<(Fd, Kind)>,
    /// Or a regular file that was not held, as it was seen.
    pub file: Option<(Kind, Bytes)>,
    /// A slash stands behind it.
    pub has_slash: bool,
    /// It lies in no directory: a pipe, by a link of /proc.
    pub is_nameless: bool,
    /// Whose it is, below /proc.
    pub owner: Owner,
}

/// Between which directories rules are looked for.
#[derive(Clone, Copy)]
pub struct At {
    pub parent: Id,
    /// The caller's root, above which nothing is asked.
    pub root: Id,
}

impl Found {
    pub fn name(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or(c".")
    }

    pub fn exists(&self) -> bool {
        self.object.is_some() || self.file.is_some()
    }

    /// What is held, or ENOENT.
    pub fn there(&self) -> Result<(&Fd, Kind), Errno> {
        match &self.object {
            Some((fd, kind)) => Ok((fd, *kind)),
            None => Err(libc::ENOENT),
        }
    }
}

pub fn id(kind: &Kind) -> Id {
    Id {
        device: kind.device,
        inode: kind.inode,
    }
}

/// Where a walk stands.
struct Walk<'a> {
    client: &'a dyn Client,
    root: Fd,
    root_kind: Kind,
    here: Fd,
    kind: Kind,
    /// The kind of file system here.
    system: u32,
    held: Held,
    links: u32,
    /// What a link of /proc leads to, which its text must lead to as well.
    beyond: Option<Id>,
}

/// The names that are still to go.
struct Rest {
    bytes: [u8; LONGEST],
    from: usize,
    len: usize,
}

impl Rest {
    fn new(path: &[u8]) -> Result<Rest, Errno> {
        let mut rest = Rest {
            bytes: [0; LONGEST],
            from: 0,
            len: path.len(),
        };
        rest.bytes
            .get_mut(..path.len())
            .ok_or(libc::ENAMETOOLONG)?
            .copy_from_slice(path);
        Ok(rest)
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.from..self.len]
    }

    /// A link's text comes first.
    fn put_before(&mut self, text: &[u8]) -> Result<(), Errno> {
        let kept = self.len - self.from;
        let len = text.len() + kept;
        if len >= LONGEST {
            return Err(libc::ENAMETOOLONG);
        }
        self.bytes.copy_within(self.from..self.len, text.len());
        self.bytes[..text.len()].copy_from_slice(text);
        (self.from, self.len) = (0, len);
        Ok(())
    }
}

/// What is to be done about a link at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Follow,
    Keep,
}

/// What is held at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Held {
    All,
    /// All but a regular file, of which its directory and its name are enough.
    Others,
}

/// Where `path` leads.
pub fn walk(
    client: &dyn Client,
    Start { root, from: start }: Start,
    path: &[u8],
    (end, held): (End, Held),
) -> Result<Found, Errno> {
    let mut rest = Rest::new(path)?;
    let root_kind = path::kind(&root)?;
    let (here, kind, system) = match leap(start.as_ref().ok_or(&root), &mut rest) {
        Some(there) => there,
        None => {
            let (here, kind) = match start {
                None => (root.duplicate()?, root_kind),
                Some(start) => {
                    let kind = path::kind(&start)?;
                    (start, kind)
                }
            };
            if !kind.is(libc::S_IFDIR) {
                return Err(libc::ENOTDIR);
            }
            let system = system::of(&here, kind.device)?;
            (here, kind, system)
        }
    };
    if is_slow(system) {
        client.may_wait();
    }
    let walk = Walk {
        client,
        root,
        root_kind,
        here,
        kind,
        system,
        held,
        links: 0,
        beyond: None,
    };
    walk.go(&mut rest, end)
}

/// Go all of the way but for the last name at once, from a directory or, where
/// there is none, from the root, if the kernel has it in memory, and no link of
/// /proc lies on it.
fn leap(from: Result<&Fd, &Fd>, rest: &mut Rest) -> Option<(Fd, Kind, u32)> {
    let path = rest.bytes();
    let end = path.iter().rposition(|byte| *byte != b'/')?;
    let last = path[..end].iter().rposition(|byte| *byte == b'/')?;
    let first = path.iter().position(|byte| *byte != b'/').unwrap_or(0);
    if first >= last {
        return None;
    }
    let (first, to) = (rest.from + first, rest.from + last);
    rest.bytes[to] = 0;
    let way = CStr::from_bytes_until_nul(&rest.bytes[first..=to]).unwrap_or(c"");
    let there = match from {
        Ok(from) => path::pin_cached(from, way, false),
        Err(root) => path::pin_cached(root, way, true),
    };
    rest.bytes[to] = b'/';
    let there = there.ok()?;
    let kind = path::kind(&there).ok()?;
    let system = system::of(&there, kind.device).ok()?;
    // Below /proc "self" would be another's.
    if system == proc::MAGIC || is_slow(system) {
        return None;
    }
    rest.from = to;
    Some((there, kind, system))
}

impl Walk<'_> {
    /// In a directory: what kind of file system it is in.
    fn arrive(&mut self, here: Fd, kind: Kind) -> Result<(), Errno> {
        // While the one before is held no other has its device's number.
        if kind.device != self.kind.device {
            self.system = system::of(&here, kind.device)?;
            if is_slow(self.system) {
                self.client.may_wait();
            }
        }
        (self.here, self.kind) = (here, kind);
        Ok(())
    }

    /// To the caller's root.
    fn arrive_at_root(&mut self) -> Result<(), Errno> {
        let (root, kind) = (self.root.duplicate()?, self.root_kind);
        self.arrive(root, kind)
    }

    fn go(mut self, rest: &mut Rest, end: End) -> Result<Found, Errno> {
        loop {
            while rest.bytes().first() == Some(&b'/') {
                rest.from += 1;
            }
            let bytes = rest.bytes();
            if bytes.is_empty() {
                return self.itself();
            }
            let (name, len) = first_name(bytes)?;
            let is_last = bytes[len..].iter().all(|byte| *byte == b'/');
            let has_slash = len < bytes.len();
            rest.from += len;
            match &name[..len] {
                b"." => continue,
                b".." => {
                    self.up()?;
                    continue;
                }
                _ => {}
            }
            let follows = end == End::Follow || !is_last || has_slash;
            if follows && let Some(own) = self.own(&name[..len]) {
                self.count_link()?;
                rest.put_before(own.as_str().as_bytes())?;
                continue;
            }
            let text = CStr::from_bytes_until_nul(&name).map_err(|_| libc::ENAMETOOLONG)?;
            if self.held == Held::Others && is_last && !has_slash {
                match path::look(&self.here, text) {
                    Ok(file) if file.0.is(libc::S_IFREG) => {
                        return self.found(name, None, Some(file), false);
                    }
                    Err(libc::ENOENT) => return self.found(name, None, None, false),
                    _ => {}
                }
            }
            let object = match path::pin(&self.here, text) {
                Err(libc::ENOENT) if is_last => None,
                object => Some(object?),
            };
            let Some(object) = object else {
                return self.found(name, None, None, has_slash);
            };
            let kind = path::kind(&object)?;
            if kind.is(libc::S_IFDIR) {
                if is_last {
                    return self.found(name, Some((object, kind)), None, has_slash);
                }
                self.arrive(object, kind)?;
            } else if kind.is(libc::S_IFLNK) && follows {
                self.count_link()?;
                if self.is_magic() {
                    match self.jump(text, rest, is_last)? {
                        Some(found) => return Ok(found),
                        None => continue,
                    }
                }
                self.follow(&object, &kind, rest)?;
            } else if !is_last || has_slash {
                return Err(libc::ENOTDIR);
            } else {
                return self.found(name, Some((object, kind)), None, false);
            }
        }
    }

    fn count_link(&mut self) -> Result<(), Errno> {
        self.links += 1;
        match self.links > LINKS_MAX {
            true => Err(libc::ELOOP),
            false => Ok(()),
        }
    }

    /// To the directory above, unless this is the caller's root.
    fn up(&mut self) -> Result<(), Errno> {
        if id(&self.kind) != id(&self.root_kind) {
            let above = path::pin(&self.here, c"..")?;
            let kind = path::kind(&above)?;
            self.arrive(above, kind)?;
        }
        Ok(())
    }

    /// What /proc/self and /proc/thread-self say to the caller.
    fn own(&self, name: &[u8]) -> Option<Short<64>> {
        if self.system != proc::MAGIC || !matches!(name, b"self" | b"thread-self") {
            return None;
        }
        (self.kind.inode == proc::ROOT).then(|| {
            let (tid, tgid) = (self.client.tid(), self.client.tgid());
            let mut text = Short::EMPTY;
            // Two numbers always fit.
            let _ = match name {
                b"self" => write!(text, "{tgid}"),
                _ => write!(text, "{tgid}/task/{tid}"),
            };
            text
        })
    }

    /// Do links here lead to objects, and not to what they say?
    fn is_magic(&self) -> bool {
        self.system == proc::MAGIC && self.kind.inode != proc::ROOT
    }

    /// Follow such a link: on to a directory, or to the name of a file, if that
    /// still is its name.
    fn jump(
        &mut self,
        name: &CStr,
        rest: &mut Rest,
        is_last: bool,
    ) -> Result<Option<Found>, Errno> {
        if proc::owner(self.client, &self.here)? != Owner::Caller {
            return Err(libc::EACCES);
        }
        let beyond = path::pin_beyond(&self.here, name)?;
        let kind = path::kind(&beyond)?;
        if kind.is(libc::S_IFDIR) {
            return self.arrive(beyond, kind).map(|()| None);
        }
        if !is_last {
            return Err(libc::ENOTDIR);
        }
        let mut text = [0; LONGEST];
        let link = path::pin(&self.here, name)?;
        let len = path::read_link(&link, &mut text)?;
        if text[0] == b'/' {
            self.beyond = Some(id(&kind));
            self.arrive_at_root()?;
            return rest.put_before(&text[..len]).map(|()| None);
        }
        let mut own = [0; NAME_MAX];
        let bytes = name.to_bytes();
        own[..bytes.len()].copy_from_slice(bytes);
        let here = self.here.duplicate()?;
        Ok(Some(Found {
            parent: here,
            at: Some(self.at()),
            name: own,
            object: Some((beyond, kind)),
            file: None,
            has_slash: false,
            is_nameless: true,
            owner: Owner::Caller,
        }))
    }

    /// Follow what a link says.
    fn follow(&mut self, link: &Fd, kind: &Kind, rest: &mut Rest) -> Result<(), Errno> {
        if !self.may_follow(kind)? {
            return Err(libc::EACCES);
        }
        let mut text = [0; LONGEST];
        let len = path::read_link(link, &mut text)?;
        match text[..len].first() {
            None => return Err(libc::ENOENT),
            Some(b'/') => self.arrive_at_root()?,
            Some(_) => {}
        }
        rest.put_before(&text[..len])
    }

    /// As fs.protected_symlinks has it, for it is not the kernel that follows.
    fn may_follow(&self, link: &Kind) -> Result<bool, Errno> {
        let parent = &self.kind;
        let open = libc::S_ISVTX | libc::S_IWOTH;
        if parent.mode & open != open || parent.user == link.user {
            return Ok(true);
        }
        let status = Status::of(self.client.tid())?;
        let user = status.numbers("Uid", 10).nth(3);
        Ok(user == Some(link.user.into()))
    }

    /// The directory where the walk stands.
    fn itself(self) -> Result<Found, Errno> {
        let object = path::pin(&self.here, c".")?;
        let kind = path::kind(&object)?;
        let mut name = [0; NAME_MAX];
        name[0] = b'.';
        self.found(name, Some((object, kind)), None, false)
    }

    fn found(
        self,
        name: [u8; NAME_MAX],
        object: Option<(Fd, Kind)>,
        file: Option<(Kind, Bytes)>,
        has_slash: bool,
    ) -> Result<Found, Errno> {
        let held = object.as_ref().map(|(_, kind)| kind);
        let found = held.or(file.as_ref().map(|(kind, _)| kind)).map(id);
        if self.beyond.is_some() && self.beyond != found {
            // Removed, or moved meanwhile: it has no name to judge it by.
            return Err(libc::EACCES);
        }
        let owner = match self.system == proc::MAGIC {
            true => proc::owner(self.client, &self.here)?,
            false => Owner::Nobody,
        };
        Ok(Found {
            at: Some(self.at()),
            parent: self.here,
            name,
            object,
            file,
            has_slash,
            is_nameless: false,
            owner,
        })
    }

    fn at(&self) -> At {
        At {
            parent: id(&self.kind),
            root: id(&self.root_kind),
        }
    }
}

/// The first name of a path, and its length.
fn first_name(path: &[u8]) -> Result<([u8; NAME_MAX], usize), Errno> {
    let len = path.iter().position(|byte| *byte == b'/');
    let len = len.unwrap_or(path.len());
    let mut name = [0; NAME_MAX];
    let room = name.get_mut(..len).filter(|_| len < NAME_MAX);
    room.ok_or(libc::ENAMETOOLONG)?
        .copy_from_slice(&path[..len]);
    Ok((name, len))
}
