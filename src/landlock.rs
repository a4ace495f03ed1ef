// SPDX-License-Identifier: MIT OR Apache-2.0
//! Landlock as the kernel has it: its ABI, and its rights by unveil(2)'s letters.

use crate::error::veil::Veil as Error;
use crate::letters::Letters;
use crate::needs::{RIGHTS, Right, SCOPES};
use crate::sys;
use crate::sys::landlock as kernel;
pub use crate::sys::landlock::{RESTRICT_SELF_TSYNC, Ruleset};

/// Landlock as this kernel has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Landlock {
    pub abi: u32,
}

impl Landlock {
    /// What the kernel has.
    pub fn find() -> Result<Landlock, Error> {
        match kernel::abi() {
            Ok(0) => Err(Error::Kernel(libc::ENOSYS)),
            Ok(abi) => Ok(Landlock { abi }),
            Err(errno) => Err(Error::Kernel(errno)),
        }
    }

    /// Can it restrict all threads at once?
    pub fn restricts_threads(self) -> bool {
        self.abi >= kernel::THREADS_ABI
    }

    fn rights(self, which: impl Fn(&Right) -> bool) -> u64 {
        let rights = RIGHTS.iter().filter(|r| r.abi <= self.abi && which(r));
        rights.fold(0, |all, right| all | 1 << right.bit)
    }

    /// Every right that there is: what no rule grants is denied.
    pub fn handled(self) -> u64 {
        self.rights(|_| true)
    }

    pub fn scopes(self) -> u64 {
        let scopes = SCOPES.iter().filter(|(_, abi)| *abi <= self.abi);
        scopes.fold(0, |all, (bit, _)| all | 1 << bit)
    }

    /// What the letters grant on a directory and below, or on a file.
    pub fn granted(self, letters: Letters, is_directory: bool) -> u64 {
        self.rights(|right| match is_directory {
            true => right.letters.meets(letters),
            false => right.on_files.meets(letters),
        })
    }

    /// What it takes to execute: the kernel reads what it executes.
    pub fn executed(self) -> u64 {
        self.granted(Letters::X, true) | self.granted(Letters::X, false)
    }

    /// A ruleset in which nothing is granted yet.
    pub fn ruleset(self) -> Result<Ruleset, Error> {
        Ruleset::new(self.handled(), self.scopes()).map_err(Error::Kernel)
    }
}

/// How many threads the process has. Who is pledged cannot ask where there is
/// no /proc: that call is none of "unveil".
pub fn threads(is_pledged: bool) -> Result<u64, Error> {
    match sys::directory::threads() {
        Ok(count) => Ok(count),
        Err(_) if is_pledged => Err(Error::Uncounted),
        Err(_) => match sys::directory::is_alone() {
            Ok(true) => Ok(1),
            Ok(false) => Ok(2),
            Err(_) => Err(Error::Uncounted),
        },
    }
}

/// Be taken for a call of unveil(2) by the filter in force.
pub fn ask() {
    kernel::ask();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Letters {
        Letters::parse(text.as_bytes()).expect("letters")
    }

    /// As the samples of the kernel's documentation have it.
    #[test]
    fn every_right_of_an_abi_is_handled() {
        for (abi, rights) in [
            (1, 0x1fff),
            (2, 0x3fff),
            (3, 0x7fff),
            (4, 0x7fff),
            (5, 0xffff),
            (8, 0xffff),
            (9, 0x1_ffff),
            (99, 0x1_ffff),
        ] {
            assert_eq!(Landlock { abi }.handled(), rights, "ABI {abi}");
        }
        assert_eq!(Landlock { abi: 5 }.scopes(), 0);
        assert_eq!(Landlock { abi: 6 }.scopes(), 1);
    }

    #[test]
    fn letters_grant_what_they_say() {
        let landlock = Landlock { abi: 7 };
        let of = |text| landlock.granted(letters(text), true);
        let on = |text| landlock.granted(letters(text), false);
        assert_eq!(of(""), 0);
        assert_eq!(of("rwxc"), landlock.handled());
        // READ_FILE, READ_DIR, REFER, IOCTL_DEV.
        assert_eq!(of("r"), 1 << 2 | 1 << 3 | 1 << 13 | 1 << 15);
        assert_eq!(on("r"), 1 << 2 | 1 << 15);
        // WRITE_FILE, TRUNCATE, IOCTL_DEV.
        assert_eq!(of("w"), 1 << 1 | 1 << 14 | 1 << 15);
        assert_eq!(of("w"), on("w"));
        // To execute a file the kernel reads it.
        assert_eq!((of("x"), on("x")), (1, 1 | 1 << 2));
        assert_eq!(landlock.executed(), 1 | 1 << 2);
        // REMOVE_* and MAKE_*, and REFER.
        assert_eq!((of("c"), on("c")), (0x1ff0 | 1 << 13, 0));
    }
}
