// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets are connected, bound and sent on for a caller, by a copy of the very socket: an address that was judged in memory may be another by then.

use super::look::descriptor;
use super::walk::End;
use super::{Need, Request, Served};
use crate::broker::Answer;
use crate::broker::client::wait_in;
use crate::broker::passing::{self, Helper, Terms};
use crate::sys::fd::Fd;
use crate::sys::path;
use crate::sys::{self, Errno};

/// `struct sockaddr_storage`.
const ADDRESS_MAX: usize = 128;
/// Where an address of AF_UNIX has its path.
const PATH_AT: usize = 2;

impl Request<'_> {
    pub(super) fn socket(&self) -> Served {
        let (at, len) = match self.name {
            "sendto" => (self.arg(4), self.int(5)),
            _ => (self.arg(1), self.int(2)),
        };
        let len = usize::try_from(len).map_err(|_| libc::EINVAL)?;
        let mut address = [0; ADDRESS_MAX];
        let address = address.get_mut(..len).ok_or(libc::EINVAL)?;
        self.client.read(at, address)?;
        let socket = descriptor(self, self.int(0))?;
        let family = address.first_chunk().copied().map(u16::from_ne_bytes);
        let connects = self.name != "bind";
        if family != Some(libc::AF_UNIX as u16) || address.len() <= PATH_AT {
            return self.as_it_is(&socket, address);
        }
        let path = &address[PATH_AT..];
        let path = path.split(|byte| *byte == 0).next().unwrap_or(&[]);
        match (path, connects) {
            // No Landlock holds the broker to names of the caller's own.
            ([], true) => Err(libc::EACCES),
            ([], false) => self.as_it_is(&socket, address),
            (path, true) => self.connect(&socket, path),
            (path, false) => self.bind(&socket, path),
        }
    }

    /// Messages that name nothing in the file system.
    pub(super) fn send_messages(&self) -> Served {
        let terms = Terms {
            passes: true,
            directories: true,
            names: false,
            connects: true,
        };
        match passing::send(self.client, terms, Helper::Nobody, self.call) {
            Answer::HandBack => Err(libc::EACCES),
            answer => Ok(answer),
        }
    }

    fn as_it_is(&self, socket: &Fd, address: &[u8]) -> Served {
        if self.name == "sendto" {
            return Ok(passing::send_to(self.client, self.call, socket, address));
        }
        let done = match self.name {
            "connect" => wait_in(self.client, || socket.connect(address)),
            _ => socket.bind(address),
        };
        done.map(|()| Answer::Value(0))
    }

    fn connect(&self, socket: &Fd, path: &[u8]) -> Served {
        let found = self.find_path(0, path, End::Follow, Need::Object)?;
        let own = path::Own::of(found.there()?.0);
        let mut address = [0; ADDRESS_MAX];
        let address = unix(own.as_c_str().to_bytes(), &mut address)?;
        self.as_it_is(socket, address)
    }

    /// By its name alone, from its directory.
    fn bind(&self, socket: &Fd, path: &[u8]) -> Served {
        let found = self.find_path(0, path, End::Keep, Need::Nothing)?;
        if found.object.is_some() {
            return Err(libc::EADDRINUSE);
        }
        self.assume_umask()?;
        let mut address = [0; ADDRESS_MAX];
        let address = unix(found.name().to_bytes(), &mut address)?;
        sys::directory::enter(found.parent.number())?;
        let done = socket.bind(address);
        sys::directory::leave();
        done.map(|()| Answer::Value(0))
    }
}

/// An address of AF_UNIX.
fn unix<'a>(path: &[u8], into: &'a mut [u8; ADDRESS_MAX]) -> Result<&'a [u8], Errno> {
    let len = PATH_AT + path.len() + 1;
    into[..PATH_AT].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
    into.get_mut(PATH_AT..len - 1)
        .ok_or(libc::ENAMETOOLONG)?
        .copy_from_slice(path);
    into.get(..len).ok_or(libc::ENAMETOOLONG)
}
