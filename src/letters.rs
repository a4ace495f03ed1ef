// SPDX-License-Identifier: MIT OR Apache-2.0
//! The permissions of unveil(2): the letters r, w, x and c.

use core::fmt;

/// A set of letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Letters(u8);

/// The letters in the order in which they are written.
const NAMES: [u8; 4] = *b"rwxc";

impl Letters {
    /// None: nothing is allowed there.
    pub const NONE: Letters = Letters(0);
    pub const R: Letters = Letters(1);
    pub const W: Letters = Letters(2);
    pub const X: Letters = Letters(4);
    pub const C: Letters = Letters(8);
    pub const ALL: Letters = Letters(15);

    /// Read them; another letter is none of unveil(2)'s.
    pub const fn parse(text: &[u8]) -> Option<Letters> {
        let (mut bits, mut at) = (0, 0);
        while at < text.len() {
            bits |= match text[at] {
                b'r' => 1,
                b'w' => 2,
                b'x' => 4,
                b'c' => 8,
                _ => return None,
            };
            at += 1;
        }
        Some(Letters(bits))
    }

    /// Bit n for letter n of "rwxc".
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The letters of these bits.
    pub const fn from_bits(bits: u8) -> Letters {
        Letters(bits & Letters::ALL.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Are all of the other's letters here?
    pub const fn has(self, other: Letters) -> bool {
        self.0 & other.0 == other.0
    }

    /// Is one of the other's letters here?
    pub const fn meets(self, other: Letters) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn or(self, other: Letters) -> Letters {
        Letters(self.0 | other.0)
    }

    pub const fn and(self, other: Letters) -> Letters {
        Letters(self.0 & other.0)
    }

    pub const fn minus(self, other: Letters) -> Letters {
        Letters(self.0 & !other.0)
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (n, letter) in NAMES.iter().enumerate() {
            if self.0 & 1 << n != 0 {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        for (text, written) in [("", ""), ("cr", "rc"), ("rwxc", "rwxc"), ("rrr", "r")] {
            let letters = Letters::parse(text.as_bytes()).expect("letters");
            assert_eq!(letters.to_string(), written);
        }
        assert_eq!(Letters::parse(b"rq"), None);
        assert_eq!(Letters::parse(b"R"), None);
    }

    #[test]
    fn sets() {
        let rw = Letters::R.or(Letters::W);
        assert!(rw.has(Letters::NONE) && rw.has(Letters::W) && !rw.has(Letters::ALL));
        assert!(rw.meets(Letters::ALL) && !rw.meets(Letters::C));
        assert_eq!(rw.minus(Letters::R), Letters::W);
        assert_eq!(Letters::from_bits(rw.bits()), rw);
    }
}
