// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files opened one name at a time, so that nothing on the way is a link and all of it can be looked at.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::arch::{FSTAT, Stat};
use super::{Errno, call};

/// An open file or directory.
#[derive(Debug)]
pub struct File(usize);

/// What it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    pub is_file: bool,
    /// Its permission bits.
    pub mode: u32,
    pub owner: u32,
    pub size: usize,
}

impl File {
    /// The root directory, to look at and to go on from.
    pub fn root() -> Result<File, Errno> {
        open(libc::AT_FDCWD as usize, c"/", DIRECTORY)
    }

    /// A directory in this one; a link is none.
    pub fn directory(&self, name: &CStr) -> Result<File, Errno> {
        open(self.0, name, DIRECTORY)
    }

    /// A file in this directory, to read; ELOOP if it is a link.
    pub fn file(&self, name: &CStr) -> Result<File, Errno> {
        // Whatever else it may be, a look at it must not wait.
        let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
        open(self.0, name, flags)
    }

    pub fn about(&self) -> Result<About, Errno> {
        let mut stat = MaybeUninit::<Stat>::zeroed();
        let args = [self.0, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
        // SAFETY: the kernel fills the structure, all of whose bits mean
        // something.
        let stat = unsafe {
            call(FSTAT, args)?;
            stat.assume_init()
        };
        Ok(About {
            is_file: stat.st_mode & libc::S_IFMT == libc::S_IFREG,
            mode: stat.st_mode & 0o7777,
            owner: stat.st_uid,
            size: usize::try_from(stat.st_size).unwrap_or(usize::MAX),
        })
    }

    /// Read from where the last read ended; 0 at the end of the file.
    pub fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let args = [self.0, into.as_mut_ptr() as usize, into.len(), 0, 0, 0];
        // SAFETY: the kernel writes within the slice.
        unsafe { call(libc::SYS_read, args) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed once.
        let _ = unsafe { call(libc::SYS_close, [self.0, 0, 0, 0, 0, 0]) };
    }
}

const DIRECTORY: i32 = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;

fn open(at: usize, name: &CStr, flags: i32) -> Result<File, Errno> {
    let flags = (flags | libc::O_CLOEXEC) as usize;
    // SAFETY: the name is a C string.
    unsafe {
        call(
            libc::SYS_openat,
            [at, name.as_ptr() as usize, flags, 0, 0, 0],
        )
    }
    .map(File)
}

/// Is there something of that name? A link counts for what it leads to.
pub fn exists(path: &CStr) -> bool {
    let args = [libc::AT_FDCWD as usize, path.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: a C string.
    unsafe { call(libc::SYS_faccessat, args) }.is_ok()
}
