// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control messages: where each begins, what it has, and which descriptors came with them.

use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::socket;

/// Most descriptors of a message (SCM_MAX_FD).
pub const DESCRIPTORS: usize = 253;
pub const WORD: usize = size_of::<usize>();
/// `struct cmsghdr`: length, level, type.
pub const HEAD: usize = WORD + 8;

/// Take care of the descriptors that came.
pub fn own_all(control: &[u8], kept: &mut [Option<Fd>; DESCRIPTORS]) {
    let mut slots = kept.iter_mut();
    let mut at = 0;
    while let Ok(Some(entry)) = Entry::at(control, at) {
        if entry.passes() {
            let (numbers, _) = control[entry.from..entry.to].as_chunks::<4>();
            for number in numbers {
                let fd = socket::take(i32::from_ne_bytes(*number));
                if let Some(slot) = slots.next() {
                    *slot = Some(fd);
                }
            }
        }
        at = entry.next;
    }
}

/// One control message: where its data lies, and where the next is.
pub struct Entry {
    pub level: i32,
    pub kind: i32,
    pub from: usize,
    pub to: usize,
    pub next: usize,
}

impl Entry {
    /// None behind the last; EINVAL where the kernel would say so.
    pub fn at(control: &[u8], at: usize) -> Result<Option<Entry>, Errno> {
        let Some(rest) = control.get(at..).filter(|rest| rest.len() >= HEAD) else {
            return Ok(None);
        };
        let mut word = [0; WORD];
        word.copy_from_slice(&rest[..WORD]);
        let len = usize::from_ne_bytes(word);
        if len < HEAD || len > rest.len() {
            return Err(libc::EINVAL);
        }
        let int = |from: usize| {
            let mut int = [0; 4];
            int.copy_from_slice(&rest[from..from + 4]);
            i32::from_ne_bytes(int)
        };
        Ok(Some(Entry {
            level: int(WORD),
            kind: int(WORD + 4),
            from: at + HEAD,
            to: at + len,
            next: at + len.next_multiple_of(WORD),
        }))
    }

    /// Are there descriptors in it?
    pub fn passes(&self) -> bool {
        /// linux/socket.h; in the kernel since 6.5.
        const SCM_PIDFD: i32 = 4;
        self.level == libc::SOL_SOCKET && matches!(self.kind, libc::SCM_RIGHTS | SCM_PIDFD)
    }

    /// Does the kernel ask no power for it?
    pub fn is_harmless(&self) -> bool {
        match self.level {
            libc::IPPROTO_IP => matches!(self.kind, libc::IP_PKTINFO | libc::IP_TOS | libc::IP_TTL),
            libc::IPPROTO_IPV6 => matches!(
                self.kind,
                libc::IPV6_PKTINFO | libc::IPV6_TCLASS | libc::IPV6_HOPLIMIT
            ),
            libc::IPPROTO_UDP => self.kind == libc::UDP_SEGMENT,
            _ => false,
        }
    }
}

/// The control message that passes a descriptor, for tests.
#[cfg(any(test, feature = "facts"))]
pub fn rights(fd: &Fd) -> [u8; HEAD + WORD] {
    let mut control = [0; HEAD + WORD];
    control[..WORD].copy_from_slice(&(HEAD + 4).to_ne_bytes());
    control[WORD..][..4].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
    control[WORD + 4..][..4].copy_from_slice(&libc::SCM_RIGHTS.to_ne_bytes());
    control[HEAD..][..4].copy_from_slice(&fd.number().to_ne_bytes());
    control
}

/// The descriptors of a message that came.
#[cfg(any(test, feature = "facts"))]
pub fn taken(control: &[u8]) -> std::vec::Vec<Fd> {
    let mut kept = [const { None }; DESCRIPTORS];
    own_all(control, &mut kept);
    kept.into_iter().flatten().collect()
}
