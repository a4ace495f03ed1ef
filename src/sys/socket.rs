// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a broker does with sockets, and which descriptors a process has.

use core::ffi::CStr;

use super::fd::Fd;
use super::{Errno, call};

/// `struct user_msghdr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Header {
    pub name: usize,
    pub name_len: u32,
    pub parts: usize,
    pub count: usize,
    pub control: usize,
    pub control_len: usize,
    pub flags: u32,
}

/// `struct mmsghdr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Numbered {
    pub header: Header,
    pub len: u32,
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Part {
    pub at: usize,
    pub len: usize,
}

/// What was received.
pub struct Received {
    pub len: usize,
    pub name_len: usize,
    pub control_len: usize,
    pub flags: u32,
}

/// socket(2) as it is, for the program itself.
pub fn call_socket(domain: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
    let args = [domain as usize, kind as usize, protocol as usize, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_socket, args) }.map(|fd| fd as i32)
}

/// socket(2); SOCK_CLOEXEC is added.
pub fn make(family: u16, kind: u32, protocol: u16) -> Result<Fd, Errno> {
    let kind = kind as usize | libc::SOCK_CLOEXEC as usize;
    let args = [family.into(), kind, protocol.into(), 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_socket, args) }.map(Fd::of)
}

/// A descriptor that came with a message, whose number nobody else has.
pub fn take(number: i32) -> Fd {
    Fd::of(number as usize)
}

/// What a link of /proc says.
pub fn link(path: &CStr, into: &mut [u8]) -> Result<usize, Errno> {
    let to = into.as_mut_ptr() as usize;
    let here = libc::AT_FDCWD as usize;
    let args = [here, path.as_ptr() as usize, to, into.len(), 0, 0];
    // SAFETY: the path is a C string, and the kernel writes within the slice.
    unsafe { call(libc::SYS_readlinkat, args) }
}

impl Fd {
    pub fn connect(&self, address: &[u8]) -> Result<(), Errno> {
        self.with_address(libc::SYS_connect, address)
    }

    pub fn bind(&self, address: &[u8]) -> Result<(), Errno> {
        self.with_address(libc::SYS_bind, address)
    }

    fn with_address(&self, nr: libc::c_long, address: &[u8]) -> Result<(), Errno> {
        let at = address.as_ptr() as usize;
        let args = [self.number() as usize, at, address.len(), 0, 0, 0];
        // SAFETY: the kernel reads the slice.
        unsafe { call(nr, args) }.map(|_| ())
    }

    /// sendto(2), to the peer if there is no address.
    pub fn send(&self, data: &[u8], flags: u32, to: Option<&[u8]>) -> Result<usize, Errno> {
        let (at, len) = to.map_or((0, 0), |to| (to.as_ptr() as usize, to.len()));
        let args = [
            self.number() as usize,
            data.as_ptr() as usize,
            data.len(),
            flags as usize,
            at,
            len,
        ];
        // SAFETY: the kernel reads both slices.
        unsafe { call(libc::SYS_sendto, args) }
    }

    /// sendmsg(2).
    pub fn send_message(
        &self,
        data: &[u8],
        control: &[u8],
        to: Option<&[u8]>,
        flags: u32,
    ) -> Result<usize, Errno> {
        let part = Part {
            at: data.as_ptr() as usize,
            len: data.len(),
        };
        let header = Header {
            name: to.map_or(0, |to| to.as_ptr() as usize),
            name_len: to.map_or(0, |to| to.len() as u32),
            parts: &raw const part as usize,
            count: 1,
            control: control.as_ptr() as usize,
            control_len: control.len(),
            flags: 0,
        };
        let at = &raw const header as usize;
        let args = [self.number() as usize, at, flags as usize, 0, 0, 0];
        // SAFETY: the kernel reads the three slices.
        unsafe { call(libc::SYS_sendmsg, args) }
    }

    /// recvmsg(2).
    pub fn receive_message(
        &self,
        data: &mut [u8],
        control: &mut [u8],
        name: &mut [u8],
        flags: u32,
    ) -> Result<Received, Errno> {
        let part = Part {
            at: data.as_mut_ptr() as usize,
            len: data.len(),
        };
        let mut header = Header {
            name: name.as_mut_ptr() as usize,
            name_len: name.len() as u32,
            parts: &raw const part as usize,
            count: 1,
            control: control.as_mut_ptr() as usize,
            control_len: control.len(),
            flags: 0,
        };
        let at = &raw mut header as usize;
        let args = [self.number() as usize, at, flags as usize, 0, 0, 0];
        // SAFETY: the kernel writes within the three slices, and lengths.
        let len = unsafe { call(libc::SYS_recvmsg, args) }?;
        Ok(Received {
            len,
            name_len: header.name_len as usize,
            control_len: header.control_len,
            flags: header.flags,
        })
    }

    /// SO_DOMAIN.
    pub fn family(&self) -> Result<i32, Errno> {
        let mut family = [0i32];
        self.option(libc::SO_DOMAIN, &mut family)?;
        Ok(family[0])
    }

    /// SO_TYPE.
    pub fn kind(&self) -> Result<i32, Errno> {
        let mut kind = [0i32];
        self.option(libc::SO_TYPE, &mut kind)?;
        Ok(kind[0])
    }

    /// Milliseconds after which a wait ends, as SO_RCVTIMEO or SO_SNDTIMEO say; negative: never.
    pub fn patience(&self, which: i32) -> i32 {
        let mut time = [0_isize; 2];
        match self.option(which, &mut time) {
            Ok(()) if time != [0, 0] => {
                let milliseconds = time[0].saturating_mul(1000).saturating_add(time[1] / 1000);
                i32::try_from(milliseconds.max(1)).unwrap_or(i32::MAX)
            }
            _ => -1,
        }
    }

    fn option<T>(&self, name: i32, into: &mut [T]) -> Result<(), Errno> {
        let (level, name) = (libc::SOL_SOCKET as usize, name as usize);
        let mut len = size_of_val(into) as u32;
        let to = [into.as_mut_ptr() as usize, &raw mut len as usize];
        let args = [self.number() as usize, level, name, to[0], to[1], 0];
        // SAFETY: the kernel writes within the slice of numbers, and its length.
        unsafe { call(libc::SYS_getsockopt, args) }.map(|_| ())
    }

    /// getpeername(2).
    #[cfg(any(test, feature = "facts"))]
    pub fn peer(&self, address: &mut [u8]) -> Result<usize, Errno> {
        let mut len = address.len() as u32;
        let to = [address.as_mut_ptr() as usize, &raw mut len as usize];
        let args = [self.number() as usize, to[0], to[1], 0, 0, 0];
        // SAFETY: the kernel writes within the slice, and a length.
        unsafe { call(libc::SYS_getpeername, args) }.map(|_| len as usize)
    }

    /// SO_ERROR: how a connection that was to be waited for went.
    pub fn error(&self) -> Errno {
        let mut error = [0i32];
        match self.option(libc::SO_ERROR, &mut error) {
            Ok(()) => error[0],
            Err(errno) => errno,
        }
    }

    /// F_GETFL.
    pub fn flags(&self) -> Result<i32, Errno> {
        let args = [self.number() as usize, libc::F_GETFL as usize, 0, 0, 0, 0];
        // SAFETY: takes no pointer.
        unsafe { call(libc::SYS_fcntl, args) }.map(|flags| flags as i32)
    }

    /// The entries of an open directory whose names are numbers.
    pub fn numbers(&self, mut each: impl FnMut(i32)) -> Result<(), Errno> {
        /// Where an entry has its length and its name: `struct linux_dirent64`.
        const LENGTH: usize = 16;
        const NAME: usize = 19;
        let mut entries = [0_u8; 1024];
        loop {
            let to = entries.as_mut_ptr() as usize;
            let args = [self.number() as usize, to, entries.len(), 0, 0, 0];
            // SAFETY: the kernel writes within the array.
            let len = unsafe { call(libc::SYS_getdents64, args) }?;
            let mut rest = entries.get(..len).unwrap_or(&[]);
            if rest.is_empty() {
                return Ok(());
            }
            while let [a, b] = rest.get(LENGTH..LENGTH + 2).unwrap_or(&[])[..] {
                let length = usize::from(u16::from_ne_bytes([a, b]));
                let name = rest.get(NAME..length).unwrap_or(&[]);
                let name = name.split(|byte| *byte == 0).next();
                let name = name.and_then(|name| str::from_utf8(name).ok());
                if let Some(number) = name.and_then(|name| name.parse().ok()) {
                    each(number);
                }
                rest = rest.get(length.max(1)..).unwrap_or(&[]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fd;
    use super::*;

    #[test]
    fn the_descriptors_of_a_process() {
        let open = || fd::open(c"/proc/self/fd", libc::O_DIRECTORY, 0).expect("descriptors");
        let mut kept: Vec<Fd> = (0..100).map(|_| open()).collect();
        let last = kept.pop().expect("one");
        let mut seen = Vec::new();
        last.numbers(|number| seen.push(number)).expect("entries");
        for one in kept.iter().chain([&last]) {
            assert!(seen.contains(&one.number()), "{one:?}");
        }
    }

    #[test]
    fn a_socket_says_and_does() {
        let udp = make(libc::AF_INET as u16, libc::SOCK_DGRAM as u32, 0).expect("a socket");
        let mut address = [0; 16];
        address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        address[4..8].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(udp.bind(&address), Ok(()));
        assert_eq!(udp.send(b"x", 0, None), Err(libc::EDESTADDRREQ));
        address[2..4].copy_from_slice(&9_u16.to_be_bytes());
        assert_eq!(udp.send(b"x", 0, Some(&address)), Ok(1));
        assert_eq!(udp.connect(&address), Ok(()));
        assert_eq!(udp.flags().map(|flags| flags & libc::O_NONBLOCK), Ok(0));
    }
}
