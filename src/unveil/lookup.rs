// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a path leads: to a directory, or to a name in one, which need not be there.

use core::ffi::CStr;

use crate::sys::Errno;
use crate::sys::directory::Place;

/// The longest path with its NUL.
pub const PATH_MAX: usize = libc::PATH_MAX as usize;
/// Links that are followed at the end of a path: as many as the kernel follows.
const LINKS_MAX: usize = 40;

/// A path and a link's text, in a place that needs no stack.
#[derive(Debug)]
pub struct Buffers {
    pub path: [u8; PATH_MAX],
    link: [u8; PATH_MAX],
}

impl Buffers {
    pub const EMPTY: Buffers = Buffers {
        path: [0; PATH_MAX],
        link: [0; PATH_MAX],
    };
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found<'a> {
    Directory(Place),
    /// A file, or nothing, of that name.
    Name(Place, &'a [u8]),
}

/// A text that is ended by a NUL in a buffer.
fn text(bytes: &[u8]) -> Result<&CStr, Errno> {
    CStr::from_bytes_until_nul(bytes).map_err(|_| libc::ENAMETOOLONG)
}

/// The directory of the last name, before which that slash stands.
fn parent(at: usize, path: &mut [u8], slash: Option<usize>) -> Result<Place, Errno> {
    match slash {
        None => Place::open(at, c".", true),
        Some(0) => Place::open(at, c"/", true),
        Some(slash) => {
            path[slash] = 0;
            let parent = Place::open(at, text(path)?, true);
            path[slash] = b'/';
            parent
        }
    }
}

/// Where the path in `buffers` leads, `len` bytes long and followed by a NUL.
/// It is taken to pieces on the way.
pub fn find(buffers: &mut Buffers, len: usize) -> Result<Found<'_>, Errno> {
    let Buffers { path, link } = buffers;
    let mut len = len;
    let mut here: Option<Place> = None;
    for _ in 0..LINKS_MAX {
        let at = here.as_ref().map_or(Place::HERE, Place::descriptor);
        let whole = len;
        while len > 0 && path[len - 1] == b'/' {
            len -= 1;
        }
        if len == 0 {
            return Place::open(at, c"/", true).map(Found::Directory);
        }
        let must_be_directory = len < whole;
        path[len] = 0;
        let slash = path[..len].iter().rposition(|byte| *byte == b'/');
        let last = slash.map_or(0, |slash| slash + 1);
        if matches!(&path[last..len], b"." | b"..") {
            return Place::open(at, text(path)?, true).map(Found::Directory);
        }
        let parent = match parent(at, path, slash) {
            // Where rules are in force already only the directory itself may be seen.
            Err(libc::ENOENT) => return Place::open(at, text(path)?, true).map(Found::Directory),
            parent => parent?,
        };
        let name = text(&path[last..])?;
        if must_be_directory {
            return Place::open(parent.descriptor(), name, true).map(Found::Directory);
        }
        let found = match Place::open(parent.descriptor(), name, false) {
            Err(libc::ENOENT) => return Ok(Found::Name(parent, &path[last..len])),
            found => found?,
        };
        let kind = found.kind()?;
        if kind.is_directory {
            return Ok(Found::Directory(found));
        }
        if !kind.is_link {
            return Ok(Found::Name(parent, &path[last..len]));
        }
        len = found.read_link(link)?;
        if len == PATH_MAX {
            return Err(libc::ENAMETOOLONG);
        }
        path[..len].copy_from_slice(&link[..len]);
        path[len] = 0;
        here = Some(parent);
    }
    Err(libc::ELOOP)
}
