// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kinds of file systems: which a directory is in, and those that keep whoever asks them waiting.

use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::once::Once;
use crate::sys::path;

/// A file system that is held for good, so that no other gets its number.
#[derive(Clone, Copy)]
struct Kept {
    device: u64,
    system: u32,
}

/// That of the broker's own root.
static ROOT: Once<Kept> = Once::new();

fn root() -> Kept {
    let keep = || {
        let root = path::pin_path(c"/")?;
        let (kind, system) = (path::kind(&root)?, path::file_system(&root)?);
        root.keep();
        Ok::<_, Errno>(Kept {
            device: kind.device,
            system,
        })
    };
    // Number 0 is no file system's.
    keep().unwrap_or(Kept {
        device: 0,
        system: 0,
    })
}

/// The kind of file system that a directory on `device` is in: its magic number
/// of linux/magic.h.
pub fn of(directory: &Fd, device: u64) -> Result<u32, Errno> {
    match ROOT.get_or_make(root) {
        kept if kept.device == device && kept.system != 0 => Ok(kept.system),
        _ => path::file_system(directory),
    }
}

/// File systems that answer when somebody else does: FUSE, NFS, CIFS, SMB2, 9P,
/// AFS, Ceph, CODA, and what is mounted on demand.
const SLOW: [u32; 9] = [
    0x6573_5546,
    0x6969,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
    0x5346_414f,
    0x00c3_6400,
    0x7375_7245,
    0x0187,
];

pub fn is_slow(system: u32) -> bool {
    SLOW.contains(&system)
}
