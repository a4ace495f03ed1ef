// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names are made, removed and moved for a caller.

use core::ffi::CStr;

use super::walk::{End, Found};
use super::{Need, Request, Served};
use crate::broker::{Answer, files};
use crate::letters::Letters;
use crate::names::LONGEST;
use crate::needs::Wanted;
use crate::sys::Errno;
use crate::sys::path;

impl Request<'_> {
    pub(super) fn change_names(&self) -> Served {
        let done = match self.name {
            "mkdir" => self.make_directory(self.int(1)),
            "mkdirat" => self.make_directory(self.int(2)),
            "mknod" => self.make_node(self.int(1), self.arg(2)),
            "mknodat" => self.make_node(self.int(2), self.arg(3)),
            "symlink" | "symlinkat" => self.make_link(),
            "rmdir" => self.remove(libc::AT_REMOVEDIR),
            "unlink" => self.remove(0),
            "unlinkat" => self.remove(self.int(2)),
            "renameat2" => self.rename(self.arg(4) as u32),
            "rename" | "renameat" => self.rename(0),
            "link" => self.link(End::Keep),
            _ => {
                let flags = self.int(4);
                if self.is_empty_path(flags)? {
                    return Err(libc::EACCES);
                }
                let follows = flags & libc::AT_SYMLINK_FOLLOW != 0;
                self.link(if follows { End::Follow } else { End::Keep })
            }
        };
        done.map(|()| Answer::Value(0))
    }

    fn make_directory(&self, mode: i32) -> Result<(), Errno> {
        let found = self.find(0, End::Keep, Need::Nothing)?;
        self.assume_umask()?;
        path::make_directory(&found.parent, found.name(), mode as u32)
    }

    fn make_node(&self, mode: i32, device: u64) -> Result<(), Errno> {
        let found = self.find_new()?;
        self.assume_umask()?;
        path::make_node(&found.parent, found.name(), mode as u32, device)
    }

    fn make_link(&self) -> Result<(), Errno> {
        let mut text = [0; LONGEST];
        let len = files::copy(self.client, self.arg(0), &mut text)?.len();
        let text = CStr::from_bytes_with_nul(&text[..=len]).map_err(|_| libc::EFAULT)?;
        let found = self.find_new()?;
        path::make_link(text, &found.parent, found.name())
    }

    /// A name that nothing has; behind that of a file no slash may stand.
    fn find_new(&self) -> Result<Found, Errno> {
        let found = self.find(0, End::Keep, Need::Nothing)?;
        match found.object.is_none() && found.has_slash {
            true => Err(libc::ENOENT),
            false => Ok(found),
        }
    }

    fn remove(&self, flags: i32) -> Result<(), Errno> {
        let found = self.find(0, End::Keep, Need::Object)?;
        path::unlink(&found.parent, found.name(), flags)
    }

    fn rename(&self, flags: u32) -> Result<(), Errno> {
        let from = self.find(0, End::Keep, Need::Object)?;
        let to = match flags & libc::RENAME_EXCHANGE {
            0 => self.find(1, End::Keep, Need::Nothing)?,
            // Both are taken.
            _ => {
                let taken = Wanted::All(Letters::R.or(Letters::C));
                self.find_for(1, End::Keep, taken)?
            }
        };
        if to.object.is_none() && to.has_slash && !from.there()?.1.is(libc::S_IFDIR) {
            return Err(libc::ENOTDIR);
        }
        path::rename((&from.parent, from.name()), (&to.parent, to.name()), flags)
    }

    fn link(&self, end: End) -> Result<(), Errno> {
        let from = self.find(0, end, Need::Object)?;
        let to = self.find(1, End::Keep, Need::Nothing)?;
        if from.is_nameless {
            return Err(libc::EACCES);
        }
        if to.object.is_none() && to.has_slash {
            return Err(libc::ENOENT);
        }
        path::link_name((&from.parent, from.name()), (&to.parent, to.name()))
    }
}
