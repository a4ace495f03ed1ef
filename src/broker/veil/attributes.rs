// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes are changed for a caller, of the very object that was judged.

use core::ffi::CStr;

use super::walk::{End, Found};
use super::{Need, Request, Served, follows};
use crate::broker::{Answer, user};
use crate::sys::Errno;
use crate::sys::path::{self, Attribute};

/// The longest name of an extended attribute, with its NUL.
const NAME_MAX: usize = 256;
/// The largest value that is passed on: a kernel allows sixteen times as much,
/// and file systems less.
const VALUE_MAX: usize = 4096;
/// Two times of utimensat(2).
const TIMES: usize = 2 * size_of::<[u64; 2]>();

impl Request<'_> {
    pub(super) fn change_attributes(&self) -> Served {
        match self.name {
            "truncate" => {
                let found = self.changeable(0)?;
                let (object, kind) = found.there()?;
                if !kind.is(libc::S_IFREG) {
                    let is_directory = kind.is(libc::S_IFDIR);
                    return Err(if is_directory {
                        libc::EISDIR
                    } else {
                        libc::EINVAL
                    });
                }
                path::truncate(object, self.arg(1))?;
            }
            "chmod" => self.set_mode(0, self.int(1))?,
            "fchmodat" => self.set_mode(0, self.int(2))?,
            "fchmodat2" => self.set_mode(self.int(3), self.int(2))?,
            "chown" | "chown32" => self.set_owner(0, 1)?,
            "lchown" | "lchown32" => self.set_owner(libc::AT_SYMLINK_NOFOLLOW, 1)?,
            "fchownat" => self.set_owner(self.int(4), 2)?,
            _ => self.set_times()?,
        }
        Ok(Answer::Value(0))
    }

    /// The object that is to be changed. One that only a descriptor tells has
    /// no name to judge it by, and has calls of its own.
    fn changeable(&self, flags: i32) -> Result<Found, Errno> {
        if self.is_empty_path(flags)? {
            return Err(libc::EACCES);
        }
        let found = self.find(0, follows(flags), Need::Object)?;
        match found.is_nameless {
            true => Err(libc::EACCES),
            false => Ok(found),
        }
    }

    fn set_mode(&self, flags: i32, mode: i32) -> Result<(), Errno> {
        let found = self.changeable(flags)?;
        let (object, kind) = found.there()?;
        match kind.is(libc::S_IFLNK) {
            true => Err(libc::EOPNOTSUPP),
            false => path::set_mode(object, mode as u32),
        }
    }

    fn set_owner(&self, flags: i32, first: usize) -> Result<(), Errno> {
        let found = self.changeable(flags)?;
        let (user, group) = (self.arg(first) as u32, self.arg(first + 1) as u32);
        path::set_owner(found.there()?.0, user, group)
    }

    fn set_times(&self) -> Result<(), Errno> {
        let (at, flags) = match self.name {
            "utime" | "utimes" => (self.arg(1), 0),
            "futimesat" => (self.arg(2), 0),
            _ => (self.arg(2), self.int(3)),
        };
        let mut times = [0; TIMES];
        let told = self.times(at, &mut times)?;
        let found = self.changeable(flags)?;
        let times = told.then_some(&times[..]);
        path::set_times(self.call.nr_of_times(), found.there()?.0, times)
    }

    /// The times that are told at this address, as utimensat(2) has them.
    fn times(&self, at: u64, into: &mut [u8; TIMES]) -> Result<bool, Errno> {
        if at == 0 {
            return Ok(false);
        }
        if usize::BITS == 32 && self.name != "utimensat_time64" {
            // Words of 32 bits, which C libraries no longer use.
            return Err(libc::EACCES);
        }
        if self.name == "utime" {
            let (mut seconds, mut word) = ([0; 2], [0; 8]);
            for (n, seconds) in seconds.iter_mut().enumerate() {
                self.client.read(at.wrapping_add(8 * n as u64), &mut word)?;
                *seconds = u64::from_ne_bytes(word);
            }
            write(into, [seconds[0], 0, seconds[1], 0]);
            return Ok(true);
        }
        self.client.read(at, into)?;
        if matches!(self.name, "utimes" | "futimesat") {
            let (words, _) = into.as_chunks::<8>();
            let mut times: [u64; 4] = core::array::from_fn(|n| u64::from_ne_bytes(words[n]));
            for micros in [1, 3] {
                if times[micros] >= 1_000_000 {
                    return Err(libc::EINVAL);
                }
                times[micros] *= 1000;
            }
            write(into, times);
        }
        Ok(true)
    }

    pub(super) fn extended_attributes(&self) -> Served {
        let end = match self.name.as_bytes()[0] {
            b'l' if !self.name.starts_with("list") => End::Keep,
            _ => End::Follow,
        };
        let found = self.find(0, end, Need::Object)?;
        if found.is_nameless {
            return Err(libc::EACCES);
        }
        let object = found.there()?.0;
        let (mut name, mut value) = ([0; NAME_MAX], [0; VALUE_MAX]);
        if matches!(self.name, "listxattr" | "llistxattr") {
            let into = &mut value[..self.arg(2).min(VALUE_MAX as u64) as usize];
            let len = path::attribute(object, Attribute::List { into })?;
            return self.give(self.arg(1), &value, len, self.arg(2));
        }
        let name = self.attribute_name(self.arg(1), &mut name)?;
        // Some take capabilities that the broker keeps whoever it acts for.
        let is_owners = [&b"user."[..], b"system."].map(|head| name.to_bytes().starts_with(head));
        if is_owners == [false; 2] && !user::has_as_much(self.client.tid()) {
            return Err(libc::EPERM);
        }
        match self.name {
            "setxattr" | "lsetxattr" => {
                let len = usize::try_from(self.arg(3)).map_err(|_| libc::E2BIG)?;
                let value = value.get_mut(..len).ok_or(libc::E2BIG)?;
                self.client.read(self.arg(2), value)?;
                let flags = self.int(4);
                path::attribute(object, Attribute::Set { name, value, flags }).map(Answer::Value)
            }
            "getxattr" | "lgetxattr" => {
                let into = &mut value[..self.arg(3).min(VALUE_MAX as u64) as usize];
                let len = path::attribute(object, Attribute::Get { name, into })?;
                self.give(self.arg(2), &value, len, self.arg(3))
            }
            _ => path::attribute(object, Attribute::Remove { name }).map(Answer::Value),
        }
    }

    /// What was read, unless only its length was asked for.
    fn give(&self, to: u64, value: &[u8], len: usize, room: u64) -> Served {
        if room != 0 {
            self.client.write(to, &value[..len.min(value.len())])?;
        }
        Ok(Answer::Value(len))
    }

    fn attribute_name<'b>(&self, at: u64, into: &'b mut [u8; NAME_MAX]) -> Result<&'b CStr, Errno> {
        // As far as it goes: the page behind may not be there.
        for (n, byte) in into.iter_mut().enumerate() {
            let mut one = [0];
            self.client.read(at.wrapping_add(n as u64), &mut one)?;
            *byte = one[0];
            if one[0] == 0 {
                break;
            }
        }
        CStr::from_bytes_until_nul(into).map_err(|_| libc::ERANGE)
    }
}

fn write(into: &mut [u8; TIMES], words: [u64; 4]) {
    for (bytes, word) in into.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
}
