// SPDX-License-Identifier: MIT OR Apache-2.0
//! The directory that a caller's path starts in.

use crate::broker::client::Client;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::path;
use crate::sys::process::Path;

/// Where a path starts.
pub struct Start {
    pub root: Fd,
    /// None where that is the root.
    pub from: Option<Fd>,
}

impl Start {
    /// The caller's root, and for a relative path a descriptor of its own, if it
    /// gave one, or its current directory.
    pub fn of(client: &dyn Client, from: Option<i32>, path: &[u8]) -> Result<Start, Errno> {
        let link = |what| Path::of(client.tid(), what);
        let root = path::pin_path(link(format_args!("root")).as_c_str())?;
        let from = match (path.first(), from) {
            (None, _) => return Err(libc::ENOENT),
            (Some(b'/'), _) => None,
            (_, None) => Some(path::pin_path(link(format_args!("cwd")).as_c_str())?),
            (_, Some(fd)) => {
                let start = path::pin_path(link(format_args!("fd/{fd}")).as_c_str());
                Some(start.map_err(|errno| match errno {
                    libc::ENOENT => libc::EBADF,
                    errno => errno,
                })?)
            }
        };
        // What was opened by the thread's id was its own only if its call still waits.
        match client.is_valid() {
            true => Ok(Start { root, from }),
            false => Err(libc::ESRCH),
        }
    }
}
