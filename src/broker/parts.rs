// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures of a caller's, and the parts of a message: copied once, and copied back.

use super::client::Client;
use crate::sys::Errno;
use crate::sys::socket::Part;

/// A structure of the caller's, as bytes.
pub struct Words<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Words<SIZE> {
    pub fn read(client: &dyn Client, at: u64) -> Result<Self, Errno> {
        let mut words = Words([0; SIZE]);
        client.read(at, &mut words.0)?;
        Ok(words)
    }

    /// A pointer or a length in it.
    pub fn word(&self, offset: usize) -> u64 {
        let mut word = [0; size_of::<usize>()];
        word.copy_from_slice(&self.0[offset..offset + size_of::<usize>()]);
        usize::from_ne_bytes(word) as u64
    }

    pub fn int(&self, offset: usize) -> i32 {
        let mut int = [0; 4];
        int.copy_from_slice(&self.0[offset..offset + 4]);
        i32::from_ne_bytes(int)
    }
}

/// Where the parts of a message lie.
#[derive(Clone, Copy)]
pub struct Parts {
    pub at: u64,
    pub count: u64,
}

impl Parts {
    /// Each part's place and length.
    fn each(
        self,
        client: &dyn Client,
        mut act: impl FnMut(u64, u64) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        for n in 0..self.count {
            let at = self.at.wrapping_add(n * size_of::<Part>() as u64);
            let part = Words::<{ size_of::<Part>() }>::read(client, at)?;
            let place = part.word(core::mem::offset_of!(Part, at));
            act(place, part.word(core::mem::offset_of!(Part, len)))?;
        }
        Ok(())
    }

    /// Bytes of all.
    pub fn total(self, client: &dyn Client) -> Result<usize, Errno> {
        let mut total = 0_usize;
        self.each(client, |_, len| {
            let len = usize::try_from(len).map_err(|_| libc::EINVAL)?;
            total = total.checked_add(len).ok_or(libc::EINVAL)?;
            Ok(())
        })?;
        Ok(total)
    }

    /// Copy them into one piece, as far as that goes; how many bytes they have.
    /// None that does not fit is cut.
    pub fn gather(self, client: &dyn Client, into: &mut [u8]) -> Result<usize, Errno> {
        let mut len = 0;
        self.each(client, |place, more| {
            let end = usize::try_from(more).ok().and_then(|n| n.checked_add(len));
            let piece = end.and_then(|end| into.get_mut(len..end));
            let piece = piece.ok_or(libc::EMSGSIZE)?;
            client.read(place, piece)?;
            len += piece.len();
            Ok(())
        })?;
        Ok(len)
    }

    /// Copy what was received into them, one after the other.
    pub fn scatter(self, client: &dyn Client, mut from: &[u8]) -> Result<(), Errno> {
        self.each(client, |place, len| {
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(from.len());
            let (piece, rest) = from.split_at(len);
            from = rest;
            match piece {
                [] => Ok(()),
                piece => client.write(place, piece),
            }
        })
    }
}
