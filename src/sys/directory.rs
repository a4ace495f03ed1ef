// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places in the file system, held by descriptors that open nothing: to look at, to go on from, to make rules of.
//!
//! Each call has the mark of the library's own, so that a filter may let it
//! through where the program's would be a violation.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::arch::{FSTAT, Stat};
use super::{DOOR, Errno, call};

/// A place, closed when it is dropped.
#[derive(Debug)]
pub struct Place(usize);

/// What is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    pub device: u64,
    pub inode: u64,
    pub is_directory: bool,
    pub is_link: bool,
    /// Names that it has; of /proc/self/task two more than there are threads.
    pub links: u64,
}

/// Descriptors that are kept lie from here on, out of the program's way.
const KEPT_FROM: usize = 512;

impl Place {
    /// The current directory, to start from.
    pub const HERE: usize = libc::AT_FDCWD as usize;

    /// A descriptor that was kept; not closed by this.
    pub fn kept(descriptor: i32) -> core::mem::ManuallyDrop<Place> {
        core::mem::ManuallyDrop::new(Place(descriptor as usize))
    }

    /// What `path` names below a descriptor. A link at its end is followed if
    /// it must be a directory, and otherwise not.
    pub fn open(at: usize, path: &CStr, must_be_directory: bool) -> Result<Place, Errno> {
        let more = match must_be_directory {
            true => libc::O_DIRECTORY,
            false => libc::O_NOFOLLOW,
        };
        let flags = (libc::O_PATH | libc::O_CLOEXEC | more) as usize;
        let args = [at, path.as_ptr() as usize, flags, 0, 0, DOOR];
        // SAFETY: the path is a C string.
        unsafe { call(libc::SYS_openat, args) }.map(Place)
    }

    /// Its number.
    pub fn descriptor(&self) -> usize {
        self.0
    }

    // Architectures differ in how wide these are.
    #[allow(clippy::unnecessary_cast)]
    pub fn kind(&self) -> Result<Kind, Errno> {
        let mut stat = MaybeUninit::<Stat>::zeroed();
        let args = [self.0, stat.as_mut_ptr() as usize, 0, 0, 0, DOOR];
        // SAFETY: the kernel fills the structure, all of whose bits mean something.
        let stat = unsafe {
            call(FSTAT, args)?;
            stat.assume_init()
        };
        let format = stat.st_mode & libc::S_IFMT;
        Ok(Kind {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            is_directory: format == libc::S_IFDIR,
            is_link: format == libc::S_IFLNK,
            links: stat.st_nlink as u64,
        })
    }

    /// Where this link leads; how many bytes that are.
    pub fn read_link(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let args = [
            self.0,
            c"".as_ptr() as usize,
            into.as_mut_ptr() as usize,
            into.len(),
            0,
            DOOR,
        ];
        // SAFETY: the kernel writes within the slice.
        unsafe { call(libc::SYS_readlinkat, args) }
    }

    /// Keep it open, by the descriptor that is returned, until that is closed.
    pub fn keep(self) -> i32 {
        let args = [
            self.0,
            libc::F_DUPFD_CLOEXEC as usize,
            KEPT_FROM,
            0,
            0,
            DOOR,
        ];
        // SAFETY: takes no pointer.
        match unsafe { call(libc::SYS_fcntl, args) } {
            Ok(kept) => kept as i32,
            // The process may have fewer.
            Err(_) => core::mem::ManuallyDrop::new(self).0 as i32,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed once.
        let _ = unsafe { call(libc::SYS_close, [self.0, 0, 0, 0, 0, DOOR]) };
    }
}

/// Close a descriptor that was kept.
pub fn close(descriptor: i32) {
    drop(Place(descriptor as usize));
}

/// Make a directory this thread's own, of a broker whose threads have each one.
pub fn enter(descriptor: i32) -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_fchdir, [descriptor as usize, 0, 0, 0, 0, 0]) }.map(|_| ())
}

/// Keep none busy.
pub fn leave() {
    // SAFETY: the path is a C string.
    let _ = unsafe { call(libc::SYS_chdir, [c"/".as_ptr() as usize, 0, 0, 0, 0, 0]) };
}

/// How many threads the process has; ENOENT if nobody tells.
pub fn threads() -> Result<u64, Errno> {
    let task = Place::open(Place::HERE, c"/proc/self/task", true)?;
    Ok(task.kind()?.links.saturating_sub(2))
}

/// Has the process one thread only? For where there is no /proc: the kernel
/// lets only such a one leave its thread group, in which nothing changes.
pub fn is_alone() -> Result<bool, Errno> {
    let args = [libc::CLONE_THREAD as usize, 0, 0, 0, 0, DOOR];
    // SAFETY: takes no pointer.
    match unsafe { call(libc::SYS_unshare, args) } {
        Ok(_) => Ok(true),
        Err(libc::EINVAL) => Ok(false),
        Err(errno) => Err(errno),
    }
}
