// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a caller's path leads: to a name in a directory that is held from then on. Component by component, as the caller's user.

use core::ffi::CStr;
use core::fmt::Write;

use super::proc::{self, Owner};
use crate::broker::client::Client;
use crate::names::LONGEST;
use crate::short::Short;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::path::{self, Kind};
use crate::sys::process::{Path, Status};
use crate::veil::Id;

/// Links that are followed: as many as the kernel follows.
const LINKS_MAX: u32 = 40;
/// The longest name with its NUL.
const NAME_MAX: usize = 256;

/// Where a path leads.
pub struct Found {
    /// The directory that it is in.
    pub parent: Fd,
    name: [u8; NAME_MAX],
    /// What has the name, if anything.
    pub object: Option<(Fd, Kind)>,
    /// A slash stands behind it.
    pub has_slash: bool,
    /// It lies in no directory: a pipe, by a link of /proc.
    pub is_nameless: bool,
    /// Whose it is, below /proc.
    pub owner: Owner,
    /// The caller's root, above which nothing is asked.
    pub root: Id,
}

impl Found {
    pub fn name(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.name).unwrap_or(c".")
    }

    /// What is there, or ENOENT.
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
    root_id: Id,
    here: Fd,
    device: u64,
    /// The kind of file system here.
    system: u32,
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

/// Where `path` leads, from a descriptor of the caller's if it is relative and
/// there is one; otherwise from its current directory.
pub fn walk(client: &dyn Client, from: Option<i32>, path: &[u8], end: End) -> Result<Found, Errno> {
    if path.is_empty() {
        return Err(libc::ENOENT);
    }
    let mut rest = Rest::new(path)?;
    let link = |what| Path::of(client.tid(), what);
    let root = path::pin_path(link(format_args!("root")).as_c_str())?;
    let root_kind = path::kind(&root)?;
    let start = match from {
        _ if path[0] == b'/' => root.duplicate()?,
        None => path::pin_path(link(format_args!("cwd")).as_c_str())?,
        Some(fd) => {
            path::pin_path(link(format_args!("fd/{fd}")).as_c_str()).map_err(
                |errno| match errno {
                    libc::ENOENT => libc::EBADF,
                    errno => errno,
                },
            )?
        }
    };
    // What was opened by the thread's id was its own only if its call still waits.
    if !client.is_valid() {
        return Err(libc::ESRCH);
    }
    let mut walk = Walk {
        client,
        root,
        root_id: id(&root_kind),
        here: start,
        device: 0,
        system: 0,
        links: 0,
        beyond: None,
    };
    if !walk.leap(&mut rest) {
        let kind = path::kind(&walk.here)?;
        if !kind.is(libc::S_IFDIR) {
            return Err(libc::ENOTDIR);
        }
        walk.arrive(&kind)?;
    }
    walk.go(&mut rest, end)
}

impl Walk<'_> {
    /// Go all of the way but for the last name at once, if the kernel has it in
    /// memory, and no link of /proc lies on it.
    fn leap(&mut self, rest: &mut Rest) -> bool {
        let path = rest.bytes();
        let end = path.iter().rposition(|byte| *byte != b'/');
        let last = end.and_then(|end| path[..end].iter().rposition(|byte| *byte == b'/'));
        let (Some(last), is_root) = (last, path[0] == b'/') else {
            return false;
        };
        let first = path.iter().position(|byte| *byte != b'/').unwrap_or(0);
        if first >= last {
            return false;
        }
        let (from, to) = (rest.from + first, rest.from + last);
        rest.bytes[to] = 0;
        let way = CStr::from_bytes_until_nul(&rest.bytes[from..=to]).unwrap_or(c"");
        let there = path::pin_cached(&self.here, way, is_root);
        rest.bytes[to] = b'/';
        let Ok(there) = there else {
            return false;
        };
        let Ok(system) = path::file_system(&there) else {
            return false;
        };
        // Below /proc "self" would be another's.
        if system == proc::MAGIC || is_slow(system) {
            return false;
        }
        let Ok(kind) = path::kind(&there) else {
            return false;
        };
        (self.here, self.device, self.system) = (there, kind.device, system);
        rest.from = to;
        true
    }

    /// In a directory: what kind of file system it is in.
    fn arrive(&mut self, kind: &Kind) -> Result<(), Errno> {
        if kind.device != self.device || self.system == 0 {
            (self.device, self.system) = (kind.device, path::file_system(&self.here)?);
            if is_slow(self.system) {
                self.client.may_wait();
            }
        }
        Ok(())
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
            let object = match path::pin(&self.here, text) {
                Err(libc::ENOENT) if is_last => None,
                object => Some(object?),
            };
            let Some(object) = object else {
                return self.found(name, None, has_slash);
            };
            let kind = path::kind(&object)?;
            if kind.is(libc::S_IFDIR) {
                if is_last {
                    return self.found(name, Some((object, kind)), has_slash);
                }
                self.here = object;
                self.arrive(&kind)?;
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
                return self.found(name, Some((object, kind)), false);
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
        if id(&path::kind(&self.here)?) != self.root_id {
            self.here = path::pin(&self.here, c"..")?;
            let kind = path::kind(&self.here)?;
            self.arrive(&kind)?;
        }
        Ok(())
    }

    /// What /proc/self and /proc/thread-self say to the caller.
    fn own(&self, name: &[u8]) -> Option<Short<64>> {
        if self.system != proc::MAGIC || !matches!(name, b"self" | b"thread-self") {
            return None;
        }
        let kind = path::kind(&self.here).ok()?;
        (kind.inode == proc::ROOT).then(|| {
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
        let is_root = || path::kind(&self.here).is_ok_and(|kind| kind.inode == proc::ROOT);
        self.system == proc::MAGIC && !is_root()
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
            self.here = beyond;
            self.device = 0;
            self.system = 0;
            return self.arrive(&kind).map(|()| None);
        }
        if !is_last {
            return Err(libc::ENOTDIR);
        }
        let mut text = [0; LONGEST];
        let link = path::pin(&self.here, name)?;
        let len = path::read_link(&link, &mut text)?;
        if text[0] == b'/' {
            self.beyond = Some(id(&kind));
            self.here = self.root.duplicate()?;
            let root = path::kind(&self.here)?;
            self.system = 0;
            self.arrive(&root)?;
            return rest.put_before(&text[..len]).map(|()| None);
        }
        let mut own = [0; NAME_MAX];
        let bytes = name.to_bytes();
        own[..bytes.len()].copy_from_slice(bytes);
        let here = self.here.duplicate()?;
        Ok(Some(Found {
            parent: here,
            name: own,
            object: Some((beyond, kind)),
            has_slash: false,
            is_nameless: true,
            owner: Owner::Caller,
            root: self.root_id,
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
            Some(b'/') => {
                self.here = self.root.duplicate()?;
                let root = path::kind(&self.here)?;
                self.system = 0;
                self.arrive(&root)?;
            }
            Some(_) => {}
        }
        rest.put_before(&text[..len])
    }

    /// As fs.protected_symlinks has it, for it is not the kernel that follows.
    fn may_follow(&self, link: &Kind) -> Result<bool, Errno> {
        let parent = path::kind(&self.here)?;
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
        self.found(name, Some((object, kind)), false)
    }

    fn found(
        self,
        name: [u8; NAME_MAX],
        object: Option<(Fd, Kind)>,
        has_slash: bool,
    ) -> Result<Found, Errno> {
        let found = object.as_ref().map(|(_, kind)| id(kind));
        if self.beyond.is_some() && self.beyond != found {
            // Removed, or moved meanwhile: it has no name to judge it by.
            return Err(libc::EACCES);
        }
        let owner = match self.system == proc::MAGIC {
            true => proc::owner(self.client, &self.here)?,
            false => Owner::Nobody,
        };
        Ok(Found {
            parent: self.here,
            name,
            object,
            has_slash,
            is_nameless: false,
            owner,
            root: self.root_id,
        })
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

/// File systems that answer when somebody else does: FUSE, NFS, CIFS, SMB2, 9P,
/// AFS, Ceph, CODA, and what is mounted on demand. linux/magic.h.
const SLOW: [u32; 9] = [
    0x6573_5546,
    0x6969,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x5346_414f,
    0x00c3_6400,
    0x7375_7245,
    0x0187,
];

fn is_slow(system: u32) -> bool {
    SLOW.contains(&system)
}
