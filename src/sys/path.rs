// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files by a directory that is held and a name in it, or by themselves: what a broker does for others.
//!
//! Nothing here looks a path up again that was decided on: each call takes a
//! descriptor and one name, or a descriptor alone.

use core::ffi::CStr;
use core::fmt::Write;
use core::mem::MaybeUninit;

use super::arch::{self, Stat};
use super::fd::{Fd, Status};
use super::{Errno, call};
use crate::short::Short;

/// What is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    pub device: u64,
    pub inode: u64,
    pub mode: u32,
    pub user: u32,
    /// Of a device: which.
    pub number: u64,
}

impl Kind {
    // Architectures differ in how wide these are.
    #[allow(clippy::unnecessary_cast)]
    fn of(stat: &Stat) -> Kind {
        Kind {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            mode: stat.st_mode as u32,
            user: stat.st_uid as u32,
            number: stat.st_rdev as u64,
        }
    }

    pub fn is(&self, format: u32) -> bool {
        self.mode & libc::S_IFMT == format
    }
}

/// A link of /proc that leads to a descriptor of one's own.
pub struct Own(Short<32>);

impl Own {
    pub fn of(fd: &Fd) -> Own {
        let mut text = Short::EMPTY;
        // Ten digits always fit, and the NUL.
        let _ = write!(text, "/proc/self/fd/{}\0", fd.number());
        Own(text)
    }

    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(self.0.as_str().as_bytes()).unwrap_or(c"")
    }
}

const PATH_ONLY: i32 = libc::O_PATH | libc::O_CLOEXEC;

/// RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH,
/// RESOLVE_IN_ROOT, RESOLVE_CACHED.
const NO_MOUNT: u64 = 1;
const NO_MAGIC: u64 = 2;
const NO_LINK: u64 = 4;
const BENEATH: u64 = 8;
const IN_ROOT: u64 = 16;
const CACHED: u64 = 32;

fn address(text: &CStr) -> usize {
    text.as_ptr() as usize
}

/// openat(2); O_CLOEXEC is added.
pub fn open(at: &Fd, name: &CStr, flags: i32, mode: u32) -> Result<Fd, Errno> {
    let flags = (flags | libc::O_CLOEXEC) as usize;
    let args = [
        at.number() as usize,
        address(name),
        flags,
        mode as usize,
        0,
        0,
    ];
    // SAFETY: the name is a C string.
    unsafe { call(libc::SYS_openat, args) }.map(Fd::of)
}

/// What has this name, a link not followed, by a descriptor that opens nothing.
pub fn pin(at: &Fd, name: &CStr) -> Result<Fd, Errno> {
    open(at, name, PATH_ONLY | libc::O_NOFOLLOW, 0)
}

/// Where a name leads, a link of /proc followed as the kernel follows it.
pub fn pin_beyond(at: &Fd, name: &CStr) -> Result<Fd, Errno> {
    open(at, name, PATH_ONLY, 0)
}

/// The same for a path from nowhere.
pub fn pin_path(path: &CStr) -> Result<Fd, Errno> {
    let here = libc::AT_FDCWD as usize;
    let args = [here, address(path), PATH_ONLY as usize, 0, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_openat, args) }.map(Fd::of)
}

/// A directory by a path of several names, if the kernel has all of the way in
/// memory; below `at`, or with it for the root.
pub fn pin_cached(at: &Fd, path: &CStr, is_root: bool) -> Result<Fd, Errno> {
    let scope = if is_root { IN_ROOT } else { BENEATH };
    pin_directory(at, path, NO_MAGIC | CACHED | scope)
}

/// A directory below `at`, if the kernel has all of the way in memory and no
/// link lies on it.
pub fn pin_plain(at: &Fd, path: &CStr) -> Result<Fd, Errno> {
    pin_directory(at, path, NO_LINK | BENEATH | CACHED)
}

/// The same if nothing is mounted on the way either.
pub fn pin_below(at: &Fd, path: &CStr) -> Result<Fd, Errno> {
    pin_directory(at, path, NO_LINK | BENEATH | CACHED | NO_MOUNT)
}

/// openat2(2) of a directory; before Linux 5.12 no kernel knows CACHED.
fn pin_directory(at: &Fd, path: &CStr, resolve: u64) -> Result<Fd, Errno> {
    let how: [u64; 3] = [(PATH_ONLY | libc::O_DIRECTORY) as u64, 0, resolve];
    let size = size_of_val(&how);
    let args = [
        at.number() as usize,
        address(path),
        how.as_ptr() as usize,
        size,
        0,
        0,
    ];
    // SAFETY: the path is a C string, and the kernel reads `struct open_how`.
    unsafe { call(libc::SYS_openat2, args) }.map(Fd::of)
}

pub fn kind(fd: &Fd) -> Result<Kind, Errno> {
    let mut stat = MaybeUninit::<Stat>::zeroed();
    let args = [fd.number() as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills the structure, all of whose bits mean something.
    let stat = unsafe {
        call(arch::FSTAT, args)?;
        stat.assume_init()
    };
    Ok(Kind::of(&stat))
}

/// What has this name, a link not followed, and fstatat(2) of that as bytes for
/// another process.
pub fn look(at: &Fd, name: &CStr) -> Result<(Kind, Status), Errno> {
    let mut status: Status = [0; size_of::<Stat>()];
    let flags = (libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT) as usize;
    let to = status.as_mut_ptr();
    let args = [
        at.number() as usize,
        address(name),
        to as usize,
        flags,
        0,
        0,
    ];
    // SAFETY: the name is a C string; the kernel fills the structure, all of
    // whose bits mean something, and asks for no alignment.
    let stat = unsafe {
        call(arch::FSTATAT, args)?;
        to.cast::<Stat>().read_unaligned()
    };
    Ok((Kind::of(&stat), status))
}

/// The kind of file system: its magic number of linux/magic.h.
pub fn file_system(fd: &Fd) -> Result<u32, Errno> {
    let mut status = [0_usize; 32];
    let (at, to) = (fd.number() as usize, status.as_mut_ptr() as usize);
    let args = match usize::BITS {
        64 => [at, to, 0, 0, 0, 0],
        // fstatfs64(2), which wants the size of its structure.
        _ => [at, 84, to, 0, 0, 0],
    };
    // SAFETY: the array is larger than any `struct statfs`.
    unsafe { call(arch::FSTATFS, args) }?;
    Ok(status[0] as u32)
}

/// fstat(2), as bytes for another process.
pub fn status(fd: &Fd) -> Result<Status, Errno> {
    let mut status: Status = [0; size_of::<Stat>()];
    let args = [
        fd.number() as usize,
        status.as_mut_ptr() as usize,
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes one structure.
    unsafe { call(arch::FSTAT, args) }?;
    Ok(status)
}

/// `struct statx`.
pub type Statx = [u8; 256];

/// statx(2) of what is held.
pub fn statx(fd: &Fd, flags: i32, mask: u32) -> Result<Statx, Errno> {
    let mut status: Statx = [0; 256];
    let flags = (flags | libc::AT_EMPTY_PATH) as usize;
    let (at, to) = (fd.number() as usize, status.as_mut_ptr() as usize);
    let args = [at, address(c""), flags, mask as usize, to, 0];
    // SAFETY: the path is a C string, and the kernel writes one structure.
    unsafe { call(libc::SYS_statx, args) }?;
    Ok(status)
}

/// The path of what is held, as the kernel has it now.
pub fn path_of(fd: &Fd, into: &mut [u8]) -> Result<usize, Errno> {
    let (own, to) = (Own::of(fd), into.as_mut_ptr() as usize);
    let here = libc::AT_FDCWD as usize;
    let args = [here, address(own.as_c_str()), to, into.len(), 0, 0];
    // SAFETY: the path is a C string, and the kernel writes within the slice.
    unsafe { call(libc::SYS_readlinkat, args) }
}

/// What a link that is held says.
pub fn read_link(fd: &Fd, into: &mut [u8]) -> Result<usize, Errno> {
    let (at, to) = (fd.number() as usize, into.as_mut_ptr() as usize);
    let args = [at, address(c""), to, into.len(), 0, 0];
    // SAFETY: the kernel writes within the slice.
    unsafe { call(libc::SYS_readlinkat, args) }
}

/// faccessat2(2) as the user that files see.
pub fn access(fd: &Fd, mode: i32) -> Result<(), Errno> {
    super::fd::access(Own::of(fd).as_c_str(), mode)
}

/// mkdirat(2).
pub fn make_directory(at: &Fd, name: &CStr, mode: u32) -> Result<(), Errno> {
    let args = [at.number() as usize, address(name), mode as usize, 0, 0, 0];
    // SAFETY: the name is a C string.
    unsafe { call(libc::SYS_mkdirat, args) }.map(|_| ())
}

/// mknodat(2).
pub fn make_node(at: &Fd, name: &CStr, mode: u32, device: u64) -> Result<(), Errno> {
    let (mode, device) = (mode as usize, device as usize);
    let args = [at.number() as usize, address(name), mode, device, 0, 0];
    // SAFETY: the name is a C string.
    unsafe { call(libc::SYS_mknodat, args) }.map(|_| ())
}

/// symlinkat(2).
pub fn make_link(text: &CStr, at: &Fd, name: &CStr) -> Result<(), Errno> {
    let args = [address(text), at.number() as usize, address(name), 0, 0, 0];
    // SAFETY: both are C strings.
    unsafe { call(libc::SYS_symlinkat, args) }.map(|_| ())
}

/// unlinkat(2).
pub fn unlink(at: &Fd, name: &CStr, flags: i32) -> Result<(), Errno> {
    let args = [at.number() as usize, address(name), flags as usize, 0, 0, 0];
    // SAFETY: the name is a C string.
    unsafe { call(libc::SYS_unlinkat, args) }.map(|_| ())
}

/// renameat2(2); before Linux 3.15 without flags.
pub fn rename(from: (&Fd, &CStr), to: (&Fd, &CStr), flags: u32) -> Result<(), Errno> {
    two_names(libc::SYS_renameat2, from, to, flags as usize)
}

/// linkat(2) without AT_SYMLINK_FOLLOW.
pub fn link_name(from: (&Fd, &CStr), to: (&Fd, &CStr)) -> Result<(), Errno> {
    two_names(libc::SYS_linkat, from, to, 0)
}

fn two_names(
    nr: libc::c_long,
    (from, old): (&Fd, &CStr),
    (to, new): (&Fd, &CStr),
    flags: usize,
) -> Result<(), Errno> {
    let (from, to) = (from.number() as usize, to.number() as usize);
    let args = [from, address(old), to, address(new), flags, 0];
    // SAFETY: both names are C strings.
    unsafe { call(nr, args) }.map(|_| ())
}

/// chmod(2) of what is held, which must be no link.
pub fn set_mode(fd: &Fd, mode: u32) -> Result<(), Errno> {
    let own = Own::of(fd);
    let here = libc::AT_FDCWD as usize;
    let args = [here, address(own.as_c_str()), mode as usize, 0, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_fchmodat, args) }.map(|_| ())
}

/// chown(2) of what is held, also of a link.
pub fn set_owner(fd: &Fd, user: u32, group: u32) -> Result<(), Errno> {
    let (user, group) = (user as usize, group as usize);
    let flags = libc::AT_EMPTY_PATH as usize;
    let args = [fd.number() as usize, address(c""), user, group, flags, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_fchownat, args) }.map(|_| ())
}

/// utimensat(2) of what is held, with `nr` as it was asked for; no times: now.
pub fn set_times(nr: u32, fd: &Fd, times: Option<&[u8]>) -> Result<(), Errno> {
    let own = Own::of(fd);
    let times = times.map_or(0, |times| times.as_ptr() as usize);
    let here = libc::AT_FDCWD as usize;
    let args = [here, address(own.as_c_str()), times, 0, 0, 0];
    // SAFETY: the path is a C string, and callers give two structures.
    unsafe { call(nr as libc::c_long, args) }.map(|_| ())
}

/// truncate(2) of what is held.
pub fn truncate(fd: &Fd, len: u64) -> Result<(), Errno> {
    let own = Own::of(fd);
    let args = match usize::BITS {
        64 => [address(own.as_c_str()), len as usize, 0, 0, 0, 0],
        // truncate64(2), whose length lies in two arguments, one of which ARM
        // wants to be even.
        _ => return Err(libc::EACCES),
    };
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_truncate, args) }.map(|_| ())
}

/// What is done with extended attributes.
pub enum Attribute<'a> {
    Set {
        name: &'a CStr,
        value: &'a [u8],
        flags: i32,
    },
    Get {
        name: &'a CStr,
        into: &'a mut [u8],
    },
    List {
        into: &'a mut [u8],
    },
    Remove {
        name: &'a CStr,
    },
}

/// setxattr(2) and its like, of what is held.
pub fn attribute(fd: &Fd, what: Attribute) -> Result<usize, Errno> {
    let own = Own::of(fd);
    let path = address(own.as_c_str());
    let (nr, args) = match what {
        Attribute::Set { name, value, flags } => {
            let value = (value.as_ptr() as usize, value.len());
            let args = [path, address(name), value.0, value.1, flags as usize, 0];
            (libc::SYS_setxattr, args)
        }
        Attribute::Get { name, into } => {
            let args = [
                path,
                address(name),
                into.as_mut_ptr() as usize,
                into.len(),
                0,
                0,
            ];
            (libc::SYS_getxattr, args)
        }
        Attribute::List { into } => {
            let args = [path, into.as_mut_ptr() as usize, into.len(), 0, 0, 0];
            (libc::SYS_listxattr, args)
        }
        Attribute::Remove { name } => (libc::SYS_removexattr, [path, address(name), 0, 0, 0, 0]),
    };
    // SAFETY: path and name are C strings, and the kernel stays within the slices.
    unsafe { call(nr, args) }
}

/// inotify_add_watch(2) of what is held.
pub fn watch(inotify: &Fd, fd: &Fd, mask: u32) -> Result<usize, Errno> {
    let own = Own::of(fd);
    let path = address(own.as_c_str());
    let args = [inotify.number() as usize, path, mask as usize, 0, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_inotify_add_watch, args) }
}

/// The session of a process; 0: of this one.
pub fn session(pid: u32) -> Result<usize, Errno> {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_getsid, [pid as usize, 0, 0, 0, 0, 0]) }
}
