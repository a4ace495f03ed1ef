// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text of a few bytes, without an allocation.

use core::fmt;

/// Text of up to `SIZE` bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short<const SIZE: usize = 64> {
    bytes: [u8; SIZE],
    len: usize,
}

impl<const SIZE: usize> Short<SIZE> {
    /// No text.
    pub const EMPTY: Self = Short {
        bytes: [0; SIZE],
        len: 0,
    };

    /// The text, cut where it does not fit.
    pub fn new(text: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        short.add(text);
        short
    }

    /// In hex, lower case.
    pub fn hex(bytes: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        for byte in bytes {
            let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
            short.add(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        short
    }

    /// The texts, one behind the other.
    pub fn join(parts: &[&str]) -> Self {
        let mut short = Self::EMPTY;
        for part in parts {
            short.add(part.as_bytes());
        }
        short
    }

    fn add(&mut self, text: &[u8]) {
        for (slot, byte) in self.bytes[self.len..].iter_mut().zip(text) {
            *slot = *byte;
            self.len += 1;
        }
    }

    /// It, as far as it is UTF-8.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const SIZE: usize> fmt::Debug for Short<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const SIZE: usize> fmt::Write for Short<SIZE> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_where_it_does_not_fit() {
        assert_eq!(Short::<4>::new(b"abcde").as_str(), "abcd");
        assert_eq!(Short::<8>::hex(&[0x0f, 0xa0]).as_str(), "0fa0");
        assert_eq!(Short::<8>::join(&["/a", "/b"]).as_str(), "/a/b");
        assert!(Short::<8>::EMPTY.is_empty());
    }
}
