// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a file does not serve, in words for whoever put it there.

use core::fmt;

use super::FORMAT;
use crate::sys::Errno;
use crate::sys::arena::Full;

/// Why a file does not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It cannot be opened or read.
    Errno(Errno),
    /// It, or a directory on the way to it, belongs to this user.
    Owner(u32),
    /// It, or a directory on the way to it, can be written by others.
    Writable,
    /// It is a link, or lies behind one, or is no regular file.
    Kind,
    /// It has more than [`super::SIZE_MAX`] bytes.
    Long,
    /// It does not begin like a compiled file.
    Magic,
    /// It has this format.
    Format(u32),
    /// It is cut off, or its checksum is another.
    Damaged,
    /// It is of another architecture.
    Arch,
    /// It holds what this version does not know.
    Unknown,
    /// It was made for promises that are not those of this version.
    Promises,
    /// It contradicts itself: no `rpledge data compile` made it.
    Form,
    /// There is no memory to read it.
    Memory,
    /// It is about another C library.
    Libc,
    /// The library's own data knows this very build.
    Build,
    /// The library's own data is newer.
    Older,
    /// Promises were in force before: no file may be opened.
    Confined,
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Refusal {
        Refusal::Memory
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Refusal::Errno(errno) => return write!(f, "cannot be read (errno {errno})"),
            Refusal::Owner(user) => return write!(f, "belongs to user {user}, not to root"),
            Refusal::Format(format) => {
                return write!(f, "has format {format}; this version reads format {FORMAT}");
            }
            Refusal::Writable => "can be written by others than root",
            Refusal::Kind => "is a link, or no regular file or directory",
            Refusal::Long => "is longer than any data",
            Refusal::Magic => "is no compiled data",
            Refusal::Damaged => "is damaged: cut off, or its checksum is wrong",
            Refusal::Arch => "is for another architecture",
            Refusal::Unknown => "needs a newer version of the library",
            Refusal::Promises => "was made for other promises",
            Refusal::Form => "contradicts itself",
            Refusal::Memory => "there is no memory to read it",
            Refusal::Libc => "is about another C library",
            Refusal::Build => "the library's own data knows this very build",
            Refusal::Older => "the library's own data is newer",
            Refusal::Confined => "no file may be opened: promises are in force already",
        })
    }
}
