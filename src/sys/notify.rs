// SPDX-License-Identifier: MIT OR Apache-2.0
//! The listener of a filter: calls that wait for an answer, as linux/seccomp.h has them.

use super::fd::Fd;
use super::{Errno, call};

/// A call that waits: `struct seccomp_notif`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Asked {
    /// Of this one call; never used again.
    pub id: u64,
    /// The thread.
    pub tid: u32,
    _flags: u32,
    pub nr: u32,
    pub arch: u32,
    pub ip: u64,
    pub args: [u64; 6],
}

#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

#[repr(C)]
struct AddFd {
    id: u64,
    flags: u32,
    from: u32,
    to: u32,
    to_flags: u32,
}

/// _IOC_READ and _IOC_WRITE, of which some architectures have others.
#[cfg(any(
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "sparc64"
))]
const BITS: (usize, usize, usize) = (2, 4, 29);
#[cfg(not(any(
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "sparc64"
)))]
const BITS: (usize, usize, usize) = (2, 1, 30);

const fn request(is_answered: bool, number: usize, size: usize) -> usize {
    let (read, write, shift) = BITS;
    let way = if is_answered { read | write } else { write };
    way << shift | size << 16 | (b'!' as usize) << 8 | number
}

const RECEIVE: usize = request(true, 0, size_of::<Asked>());
const SEND: usize = request(true, 1, size_of::<Response>());
const IS_VALID: usize = request(false, 2, 8);
const ADD_FD: usize = request(false, 3, size_of::<AddFd>());
const SET_FLAGS: usize = request(false, 4, 8);

/// ERESTARTSYS: with a signal to be handled the call fails with EINTR, or is made
/// again where the handler has SA_RESTART.
pub const RESTART: Errno = 512;

/// SECCOMP_USER_NOTIF_FLAG_CONTINUE: let the kernel make the call.
const CONTINUE: u32 = 1;
/// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP.
const SYNC_WAKE_UP: usize = 1;

/// A filter's listener, which is never closed but by the end of the process.
#[derive(Clone, Copy, Debug)]
pub struct Listener(pub i32);

impl Listener {
    fn control(&self, request: usize, argument: usize) -> Result<usize, Errno> {
        let args = [self.0 as usize, request, argument, 0, 0, 0];
        // SAFETY: each request of the four below comes with its structure.
        unsafe { call(libc::SYS_ioctl, args) }
    }

    /// Does the kernel end a wait for the next call when nobody is left to make
    /// one? Since 6.11; where it does not, who waits must have been told of a call.
    pub fn tells_of_end() -> bool {
        const SINCE: (u32, u32) = (6, 11);
        super::release().is_some_and(|release| release >= SINCE)
    }

    /// The next call; ENOENT where it has ended meanwhile.
    pub fn receive(&self) -> Result<Asked, Errno> {
        let mut asked = Asked::default();
        self.control(RECEIVE, &raw mut asked as usize)?;
        Ok(asked)
    }

    /// Does the call still wait?
    pub fn is_valid(&self, id: u64) -> bool {
        self.control(IS_VALID, &raw const id as usize).is_ok()
    }

    /// What the call returns.
    pub fn answer(&self, id: u64, value: Result<usize, Errno>) -> Result<(), Errno> {
        let response = Response {
            id,
            value: value.map_or(0, |value| value as i64),
            error: value.map_or_else(|errno| -errno, |_| 0),
            flags: 0,
        };
        self.control(SEND, &raw const response as usize).map(|_| ())
    }

    /// Let the kernel make the call, whatever its arguments are by then.
    pub fn let_through(&self, id: u64) -> Result<(), Errno> {
        let response = Response {
            id,
            value: 0,
            error: 0,
            flags: CONTINUE,
        };
        self.control(SEND, &raw const response as usize).map(|_| ())
    }

    /// Give the caller a descriptor, whose number is what the call returns.
    ///
    /// In two steps: a broker that is killed within the one that does both
    /// (SECCOMP_ADDFD_FLAG_SEND) leaves a call that returns 0 and no descriptor.
    pub fn inject(&self, id: u64, fd: &Fd, is_closed_on_exec: bool) -> Result<(), Errno> {
        let number = self.add(id, fd, is_closed_on_exec)?;
        self.answer(id, Ok(number))
    }

    /// Give the caller a descriptor while its call waits; its number.
    pub fn add(&self, id: u64, fd: &Fd, is_closed_on_exec: bool) -> Result<usize, Errno> {
        let new = AddFd {
            id,
            flags: 0,
            from: fd.number() as u32,
            to: 0,
            to_flags: match is_closed_on_exec {
                true => libc::O_CLOEXEC as u32,
                false => 0,
            },
        };
        self.control(ADD_FD, &raw const new as usize)
    }

    /// Run the one who asks and the one who answers on one processor (6.6).
    pub fn wake_in_turn(&self) {
        let _ = self.control(SET_FLAGS, SYNC_WAKE_UP);
    }

    /// Wait for a call; false where nobody is left who could make one.
    pub fn wait(&self) -> bool {
        loop {
            match super::wait_for(self.0, libc::POLLIN, -1) {
                Ok(seen) if seen & libc::POLLIN != 0 => return true,
                Ok(_) => return false,
                Err(libc::EINTR) => {}
                Err(_) => return false,
            }
        }
    }
}
