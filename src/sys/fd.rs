// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors that close themselves, and what a broker does with files.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::{Errno, arch, call};

/// An open descriptor.
#[derive(PartialEq, Eq, Debug)]
pub struct Fd(i32);

/// What tells one open socket or file from all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inode {
    pub device: u64,
    pub number: u64,
}

/// `struct stat` as the kernel writes it.
pub type Status = [u8; size_of::<arch::Stat>()];

impl Fd {
    /// One that a call gave.
    pub fn of(number: usize) -> Fd {
        Fd(number as i32)
    }

    pub fn number(&self) -> i32 {
        self.0
    }

    /// The number, no longer closed by itself.
    pub fn keep(self) -> i32 {
        let number = self.0;
        core::mem::forget(self);
        number
    }

    /// Another of the same.
    pub fn duplicate(&self) -> Result<Fd, Errno> {
        // SAFETY: takes no pointer.
        let new = unsafe {
            call(
                libc::SYS_fcntl,
                [self.0 as usize, libc::F_DUPFD_CLOEXEC as usize, 0, 0, 0, 0],
            )
        };
        new.map(Fd::of)
    }

    pub fn inode(&self) -> Result<Inode, Errno> {
        own_inode(self.0)
    }

    pub fn mode(&self) -> Result<u32, Errno> {
        own_stat(self.0).map(|stat| stat.st_mode)
    }

    /// O_NONBLOCK and its like.
    pub fn set_flags(&self, flags: i32) -> Result<(), Errno> {
        let args = [
            self.0 as usize,
            libc::F_SETFL as usize,
            flags as usize,
            0,
            0,
            0,
        ];
        // SAFETY: takes no pointer.
        unsafe { call(libc::SYS_fcntl, args) }.map(|_| ())
    }

    pub fn read(&self, into: &mut [u8]) -> Result<usize, Errno> {
        let args = [
            self.0 as usize,
            into.as_mut_ptr() as usize,
            into.len(),
            0,
            0,
            0,
        ];
        // SAFETY: the kernel writes within the slice.
        unsafe { call(libc::SYS_read, args) }
    }

    pub fn write(&self, from: &[u8]) -> Result<usize, Errno> {
        let args = [self.0 as usize, from.as_ptr() as usize, from.len(), 0, 0, 0];
        // SAFETY: the kernel reads the slice.
        unsafe { call(libc::SYS_write, args) }
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: opened by this, and closed once.
        let _ = unsafe { call(libc::SYS_close, [self.0 as usize, 0, 0, 0, 0, 0]) };
    }
}

const HERE: usize = libc::AT_FDCWD as usize;

/// open(2); O_CLOEXEC is added.
pub fn open(path: &CStr, flags: i32, mode: u32) -> Result<Fd, Errno> {
    let flags = (flags | libc::O_CLOEXEC) as usize;
    let args = [HERE, path.as_ptr() as usize, flags, mode as usize, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_openat, args) }.map(Fd::of)
}

/// unlinkat(2).
pub fn unlink(path: &CStr, flags: i32) -> Result<(), Errno> {
    let args = [HERE, path.as_ptr() as usize, flags as usize, 0, 0, 0];
    // SAFETY: the path is a C string.
    unsafe { call(libc::SYS_unlinkat, args) }.map(|_| ())
}

/// access(2) as the user that files see; before Linux 5.8 as the real one.
pub fn access(path: &CStr, mode: i32) -> Result<(), Errno> {
    let flags = libc::AT_EACCESS as usize;
    let args = [HERE, path.as_ptr() as usize, mode as usize, flags, 0, 0];
    // SAFETY: the path is a C string.
    let done = match unsafe { call(libc::SYS_faccessat2, args) } {
        // SAFETY: as above.
        Err(libc::ENOSYS) => unsafe { call(libc::SYS_faccessat, args) },
        done => done,
    };
    done.map(|_| ())
}

/// fstatat(2), as bytes for another process.
pub fn status(path: &CStr, flags: i32) -> Result<Status, Errno> {
    let mut status: Status = [0; size_of::<arch::Stat>()];
    let to = status.as_mut_ptr() as usize;
    let args = [HERE, path.as_ptr() as usize, to, flags as usize, 0, 0];
    // SAFETY: the path is a C string, and the kernel writes one structure,
    // whose alignment it does not ask for.
    unsafe { call(arch::FSTATAT, args) }?;
    Ok(status)
}

/// umask(2).
pub fn set_umask(mask: u32) {
    // SAFETY: takes no pointer.
    let _ = unsafe { call(libc::SYS_umask, [mask as usize, 0, 0, 0, 0, 0]) };
}

/// What a descriptor of this process, open or not, is.
pub fn own_inode(number: i32) -> Result<Inode, Errno> {
    own_stat(number).map(|stat| Inode {
        device: stat.st_dev,
        number: stat.st_ino,
    })
}

fn own_stat(number: i32) -> Result<arch::Stat, Errno> {
    let mut stat = MaybeUninit::<arch::Stat>::zeroed();
    let args = [number as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills the structure, all of whose bits mean something.
    unsafe {
        call(arch::FSTAT, args)?;
        Ok(stat.assume_init())
    }
}

/// The inode that a path leads to.
pub fn inode(path: &CStr) -> Result<Inode, Errno> {
    stat(path).map(|stat| Inode {
        device: stat.st_dev,
        number: stat.st_ino,
    })
}

/// Its mode.
pub fn mode(path: &CStr) -> Result<u32, Errno> {
    stat(path).map(|stat| stat.st_mode)
}

fn stat(path: &CStr) -> Result<arch::Stat, Errno> {
    let mut stat = MaybeUninit::<arch::Stat>::zeroed();
    let to = stat.as_mut_ptr() as usize;
    // SAFETY: the path is a C string, and the kernel fills the structure.
    unsafe {
        call(arch::FSTATAT, [HERE, path.as_ptr() as usize, to, 0, 0, 0])?;
        Ok(stat.assume_init())
    }
}
