// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies below /proc is some process's: a caller has its own, and of others only what everybody sees.

use core::ffi::CStr;

use super::walk::id;
use crate::broker::client::Client;
use crate::short::Short;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::path;

/// PROC_SUPER_MAGIC.
pub const MAGIC: u32 = 0x9fa0;
/// The number of its root: PROC_ROOT_INO.
pub const ROOT: u64 = 1;

/// Whose a directory below /proc is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Caller,
    /// Another process: what is opened there by a broker, which no Landlock
    /// holds, could be more than the caller may have.
    Other,
    /// No process.
    Nobody,
}

/// What everybody may read of a process.
const PUBLIC: [&CStr; 5] = [c"stat", c"statm", c"status", c"cmdline", c"comm"];

/// May this name of another process be looked at?
pub fn is_public(name: &CStr) -> bool {
    PUBLIC.contains(&name)
}

/// Whose a directory below /proc is.
pub fn owner(client: &dyn Client, directory: &Fd) -> Result<Owner, Errno> {
    let mut top = path::pin(directory, c".")?;
    let mut kind = path::kind(&top)?;
    if kind.inode == ROOT {
        return Ok(Owner::Nobody);
    }
    let device = kind.device;
    let root = loop {
        let above = path::pin(&top, c"..")?;
        let next = path::kind(&above)?;
        if next.device != device {
            // A directory below /proc that is mounted alone.
            return Ok(Owner::Other);
        }
        if next.inode == ROOT {
            break above;
        }
        if next.inode == kind.inode {
            return Ok(Owner::Other);
        }
        (top, kind) = (above, next);
    };
    let mut number = Short::<16>::EMPTY;
    // A number and its NUL always fit.
    let _ = core::fmt::Write::write_fmt(&mut number, format_args!("{}\0", client.tgid()));
    let number = CStr::from_bytes_with_nul(number.as_str().as_bytes()).unwrap_or(c"");
    let own = path::pin(&root, number).and_then(|own| path::kind(&own));
    if own.is_ok_and(|own| id(&own) == id(&kind)) {
        return Ok(Owner::Caller);
    }
    match path::pin(&top, c"task") {
        Ok(_) => Ok(Owner::Other),
        Err(libc::ENOENT) => Ok(Owner::Nobody),
        Err(_) => Ok(Owner::Other),
    }
}
