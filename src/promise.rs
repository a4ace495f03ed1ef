// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words: the one list of promises, their order, and how a string of them is read.

/// A promise of pledge(2), in the order in which OpenBSD names them when
/// several would have allowed a call (its `pledgenames[]`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Promise {
    Stdio,
    Rpath,
    Wpath,
    Cpath,
    Dpath,
    Tmppath,
    Inet,
    Mcast,
    Fattr,
    Chown,
    Flock,
    Unix,
    Dns,
    Getpw,
    Sendfd,
    Recvfd,
    Tape,
    Tty,
    Proc,
    Exec,
    ProtExec,
    Settime,
    Ps,
    Vminfo,
    Id,
    Pf,
    Route,
    Wroute,
    Audio,
    Video,
    Bpf,
    Unveil,
    Error,
    Disklabel,
    Drm,
    Vmm,
}

/// The words in the order of [`Promise`].
const NAMES: [&str; Promise::COUNT] = [
    "stdio",
    "rpath",
    "wpath",
    "cpath",
    "dpath",
    "tmppath",
    "inet",
    "mcast",
    "fattr",
    "chown",
    "flock",
    "unix",
    "dns",
    "getpw",
    "sendfd",
    "recvfd",
    "tape",
    "tty",
    "proc",
    "exec",
    "prot_exec",
    "settime",
    "ps",
    "vminfo",
    "id",
    "pf",
    "route",
    "wroute",
    "audio",
    "video",
    "bpf",
    "unveil",
    "error",
    "disklabel",
    "drm",
    "vmm",
];

/// pledge(2) copies its strings into a buffer of MAXPATHLEN bytes; one that
/// does not fit with its NUL is ENAMETOOLONG.
pub const WORDS_MAX: usize = 1023;

impl Promise {
    /// How many promises there are.
    pub const COUNT: usize = 36;

    /// The promise number `n`, from 0 without gaps.
    pub fn from_index(n: usize) -> Option<Promise> {
        // Spelled through the names so that the list above stays the only one.
        Promise::all().nth(n)
    }

    /// Every promise, in order.
    pub fn all() -> impl Iterator<Item = Promise> {
        ALL.iter().copied()
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The word of promise number `n`, which must be one.
    pub const fn word(n: usize) -> &'static str {
        NAMES[n]
    }

    /// The promise of that word.
    pub fn from_name(word: &str) -> Option<Promise> {
        NAMES.iter().position(|n| *n == word).map(|n| ALL[n])
    }
}

const ALL: [Promise; Promise::COUNT] = {
    use Promise::*;
    [
        Stdio, Rpath, Wpath, Cpath, Dpath, Tmppath, Inet, Mcast, Fattr, Chown, Flock, Unix, Dns,
        Getpw, Sendfd, Recvfd, Tape, Tty, Proc, Exec, ProtExec, Settime, Ps, Vminfo, Id, Pf, Route,
        Wroute, Audio, Video, Bpf, Unveil, Error, Disklabel, Drm, Vmm,
    ]
};

/// A set of promises; bit n stands for promise number n.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Set(u64);

/// Why a string of promises cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordError {
    /// Not a promise: the word's place in the string, in bytes.
    Unknown { at: usize, len: usize },
    /// The string begins with a space.
    LeadingSpace,
    /// More than [`WORDS_MAX`] bytes.
    TooLong,
}

impl Set {
    /// No promise.
    pub const EMPTY: Set = Set(0);

    /// The set with these bits; bits that name no promise are dropped.
    pub const fn from_bits(bits: u64) -> Set {
        Set(bits & ((1 << Promise::COUNT) - 1))
    }

    /// Bit n for promise number n.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Is it in the set?
    pub fn contains(self, promise: Promise) -> bool {
        self.0 & (1 << promise as u8) != 0
    }

    /// The set and one more.
    #[must_use]
    pub fn with(self, promise: Promise) -> Set {
        Set(self.0 | 1 << promise as u8)
    }

    /// The set without one.
    #[must_use]
    pub fn without(self, promise: Promise) -> Set {
        Set(self.0 & !(1 << promise as u8))
    }

    /// What both hold.
    #[must_use]
    pub fn and(self, other: Set) -> Set {
        Set(self.0 & other.0)
    }

    /// What it holds and the other does not.
    #[must_use]
    pub fn minus(self, other: Set) -> Set {
        Set(self.0 & !other.0)
    }

    /// What either holds.
    #[must_use]
    pub fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    /// Is everything in it in `other` too?
    pub fn is_subset(self, other: Set) -> bool {
        self.0 & !other.0 == 0
    }

    /// Is nothing in it?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its promises in order.
    pub fn iter(self) -> impl Iterator<Item = Promise> {
        Promise::all().filter(move |p| self.contains(*p))
    }

    /// Read a string as pledge(2) does: words parted by one or more spaces,
    /// trailing spaces allowed, a leading one not, duplicates allowed, case
    /// told apart ([OpenBSD kern_pledge.c], `parsepledges`).
    pub fn parse(words: &str) -> Result<Set, WordError> {
        if words.len() > WORDS_MAX {
            return Err(WordError::TooLong);
        }
        if words.starts_with(' ') {
            return Err(WordError::LeadingSpace);
        }
        let mut set = Set::EMPTY;
        let mut at = 0;
        for word in words.split(' ') {
            if !word.is_empty() {
                let promise = Promise::from_name(word).ok_or(WordError::Unknown {
                    at,
                    len: word.len(),
                })?;
                set = set.with(promise);
            }
            at += word.len() + 1;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_agree() {
        for (n, promise) in Promise::all().enumerate() {
            assert_eq!(promise as usize, n);
            assert_eq!(Promise::from_name(promise.name()), Some(promise));
            assert_eq!(Promise::from_index(n), Some(promise));
        }
        assert_eq!(Promise::from_index(Promise::COUNT), None);
        assert_eq!(Promise::ProtExec.name(), "prot_exec");
        assert_eq!(Promise::Vmm.name(), "vmm");
    }

    #[test]
    fn strings_are_read_as_openbsd_reads_them() {
        let two = Set::EMPTY.with(Promise::Stdio).with(Promise::Rpath);
        assert_eq!(Set::parse(""), Ok(Set::EMPTY));
        assert_eq!(Set::parse("stdio rpath"), Ok(two));
        assert_eq!(Set::parse("stdio   rpath  "), Ok(two));
        assert_eq!(Set::parse("rpath stdio rpath"), Ok(two));
        assert_eq!(Set::parse(" stdio"), Err(WordError::LeadingSpace));
        assert_eq!(Set::parse(" "), Err(WordError::LeadingSpace));
        assert_eq!(
            Set::parse("stdio  Rpath"),
            Err(WordError::Unknown { at: 7, len: 5 })
        );
        for bad in [
            "stdi",
            "STDIO",
            "stdio\trpath",
            "stdio,rpath",
            "abort",
            "wtmp",
            "stdio\n",
        ] {
            assert!(
                matches!(Set::parse(bad), Err(WordError::Unknown { .. })),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn length_counts_to_1023() {
        let fits = format!("{:<1023}", "stdio");
        let over = format!("{:<1024}", "stdio");
        assert_eq!(Set::parse(&fits), Ok(Set::EMPTY.with(Promise::Stdio)));
        assert_eq!(Set::parse(&over), Err(WordError::TooLong));
    }
}
