// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the build script made of data/unveil.toml: which letters each system call needs, and Landlock's rights.

use crate::letters::Letters;

/// A right of Landlock.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    pub bit: u32,
    /// The first ABI that has it.
    pub abi: u32,
    /// Any of these letters grants it on a directory and below.
    pub letters: Letters,
    /// Any of these grants it on a file.
    pub on_files: Letters,
}

/// A call that the filter of a veil refuses.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub nr: u32,
    /// The argument that is the path: without one the call means a descriptor.
    pub path: Option<u8>,
    pub errno: i32,
    /// Only where Landlock's ABI is below this.
    pub below: Option<u32>,
}

/// A call where the broker holds the rules.
#[derive(Clone, Copy, Debug)]
pub struct Mediated {
    pub nr: u32,
    /// The argument that points to the path: without one the call is about a
    /// descriptor.
    pub path: Option<u8>,
    pub befalls: Befalls,
}

/// What befalls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Befalls {
    /// The broker is asked.
    Ask,
    /// Likewise, if looking is mediated too; otherwise it is made.
    Look,
    /// It fails.
    Errno(i32),
    /// The broker is asked if Landlock lies below; otherwise it fails.
    AskOrErrno(i32),
    /// It fails if no Landlock lies below; otherwise it is made.
    Alone(i32),
}

/// What a system call needs.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub nr: u32,
    pub operands: &'static [Operand],
}

/// One path among the arguments of a call.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// The argument that is the directory of a relative path.
    pub directory: Option<u8>,
    pub path: u8,
    /// It is a socket's address, in which a path may stand.
    pub is_address: bool,
    needs: Needs,
}

/// The letters that a path needs.
#[derive(Clone, Copy, Debug)]
enum Needs {
    Letters(Letters),
    /// Any one.
    Any,
    /// What the flags of open(2) in this argument ask for.
    Open(u8),
    /// What the mode of access(2) in this argument asks for.
    Access(u8),
}

/// What a path must have to be used so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All of these letters.
    All(Letters),
    /// One, whichever.
    Any,
}

impl Operand {
    /// The argument that has the flags of open(2), if there is one.
    pub fn open_flags(&self) -> Option<u8> {
        match self.needs {
            Needs::Open(n) => Some(n),
            _ => None,
        }
    }

    /// The letters that a call with these arguments needs for this path.
    pub fn wanted(&self, args: &[u64; 6]) -> Wanted {
        let flags = |n: u8| args[usize::from(n)] as i32;
        match self.needs {
            Needs::Letters(letters) => Wanted::All(letters),
            Needs::Any => Wanted::Any,
            Needs::Open(n) => Wanted::All(to_open(flags(n))),
            Needs::Access(n) => Wanted::All(to_access(flags(n))),
        }
    }
}

/// The letters that open(2) needs with these flags. Whoever makes a file with
/// O_CREAT needs c, and so does who finds it there already.
pub fn to_open(flags: i32) -> Letters {
    if flags & libc::O_PATH != 0 {
        return Letters::R;
    }
    let mode = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => Letters::R,
        libc::O_WRONLY => Letters::W,
        _ => Letters::R.or(Letters::W),
    };
    let makes = flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE;
    let more = |is: bool, letters| if is { letters } else { Letters::NONE };
    mode.or(more(makes, Letters::C))
        .or(more(flags & libc::O_TRUNC != 0, Letters::W))
}

/// The letters that access(2) needs with this mode: X_OK is nothing more.
pub fn to_access(mode: i32) -> Letters {
    match mode & libc::W_OK {
        0 => Letters::R,
        _ => Letters::R.or(Letters::W),
    }
}

/// What the call of this number needs; nothing if it takes no path.
pub fn of(nr: u32) -> Option<&'static Call> {
    let place = CALLS.binary_search_by_key(&nr, |call| call.nr).ok()?;
    CALLS.get(place)
}

/// What befalls the call of this number where the broker holds the rules;
/// nothing if it is made.
pub fn mediated(nr: u32) -> Option<&'static Mediated> {
    let place = MEDIATED.binary_search_by_key(&nr, |call| call.nr).ok()?;
    MEDIATED.get(place)
}

include!(concat!(env!("OUT_DIR"), "/veil.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(nr: libc::c_long, args: [u64; 6]) -> Vec<Wanted> {
        let call = of(nr as u32).expect("a call with a path");
        let operands = call.operands.iter();
        operands.map(|operand| operand.wanted(&args)).collect()
    }

    fn all(text: &str) -> Wanted {
        Wanted::All(Letters::parse(text.as_bytes()).expect("letters"))
    }

    /// The table of the contract, a row each.
    #[test]
    fn calls_need_what_openbsd_says() {
        let at = |flags: i32| [0, 0, flags as u64, 0, 0, 0];
        for (flags, needs) in [
            (libc::O_RDONLY, "r"),
            (libc::O_WRONLY, "w"),
            (libc::O_RDWR, "rw"),
            (libc::O_RDONLY | libc::O_CREAT, "rc"),
            (libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, "wc"),
            (libc::O_RDONLY | libc::O_TRUNC, "rw"),
            (libc::O_RDWR | libc::O_TMPFILE, "rwc"),
            (libc::O_PATH | libc::O_RDWR, "r"),
            (libc::O_RDONLY | libc::O_DIRECTORY, "r"),
        ] {
            assert_eq!(
                letters(libc::SYS_openat, at(flags)),
                [all(needs)],
                "{flags:#o}"
            );
        }
        for (mode, needs) in [
            (libc::F_OK, "r"),
            (libc::R_OK, "r"),
            (libc::X_OK, "r"),
            (libc::W_OK, "rw"),
            (libc::R_OK | libc::W_OK, "rw"),
        ] {
            assert_eq!(letters(libc::SYS_faccessat, at(mode)), [all(needs)]);
        }
        let none = [0; 6];
        for (nr, needs) in [
            (libc::SYS_newfstatat, "r"),
            (libc::SYS_readlinkat, "r"),
            (libc::SYS_chdir, "r"),
            (libc::SYS_fchmodat, "w"),
            (libc::SYS_fchownat, "w"),
            (libc::SYS_utimensat, "w"),
            (libc::SYS_truncate, "w"),
            (libc::SYS_setxattr, "w"),
            (libc::SYS_symlinkat, "c"),
            (libc::SYS_mkdirat, "c"),
            (libc::SYS_mknodat, "c"),
            (libc::SYS_unlinkat, "c"),
            (libc::SYS_execve, "x"),
            (libc::SYS_bind, "c"),
            (libc::SYS_connect, "w"),
        ] {
            assert_eq!(letters(nr, none), [all(needs)], "{nr}");
        }
        assert_eq!(letters(libc::SYS_linkat, none), [all("r"), all("c")]);
        assert_eq!(letters(libc::SYS_renameat2, none), [all("rc"), all("c")]);
        assert_eq!(letters(libc::SYS_chroot, none), [Wanted::Any]);
        assert_eq!(letters(libc::SYS_statfs, none), []);
        assert!(of(libc::SYS_fchmod as u32).is_none());
    }
}
