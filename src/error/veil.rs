// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in a call of unveil(), or when its rules are put in force.

use core::fmt;

use super::Code;
use crate::letters::Letters;
use crate::short::Short;

/// As much of a path, from its end, as an error has room for.
pub type Named = Short<32>;

/// The end of a path.
pub fn named(path: &[u8]) -> Named {
    Named::new(&path[path.len().saturating_sub(32)..])
}

/// A failed call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Veil {
    /// A letter that is none of r, w, x, c.
    Letter,
    /// More than four letters.
    Letters,
    /// The path is empty.
    Empty,
    /// The path is longer than the kernel takes.
    Long,
    /// The path leads nowhere where a rule can be; the kernel's errno.
    Lookup(i32),
    /// No place for another rule.
    Full,
    /// The rules are locked.
    Locked,
    /// unveil(2) was given up by pledge(2).
    Promise,
    /// More than what is in force already.
    Regain { in_force: Letters },
    /// A signal or a fork came between another call.
    Busy,
    /// The program closed a descriptor that the library kept.
    Lost(Named),
    /// The kernel has no Landlock; its errno.
    Kernel(i32),
    /// Landlock would restrict one of so many threads.
    Threads(u64),
    /// Nobody tells how many threads there are.
    Uncounted,
    /// Landlock takes no more restrictions.
    Layers,
    /// A rule allows less than one above it.
    Narrower(Named),
    /// A directory with x and without r.
    Executes(Named),
    /// A name that may be made and removed.
    Makes(Named),
    /// A name that is not there.
    Missing(Named),
    /// RPLEDGE_STRICT, and Landlock shows names and attributes.
    Partial,
    /// A broker would have to hold the rules, and there is none.
    Unserved,
    /// What is executed would have other promises, and the rules came first.
    Frees,
}

impl Veil {
    /// What errno says of it.
    pub fn errno(&self) -> i32 {
        match self {
            Veil::Letter | Veil::Empty => libc::EINVAL,
            Veil::Letters | Veil::Long => libc::ENAMETOOLONG,
            Veil::Lookup(errno) => *errno,
            Veil::Full | Veil::Layers => libc::E2BIG,
            Veil::Locked | Veil::Regain { .. } => libc::EPERM,
            Veil::Promise | Veil::Kernel(_) => libc::ENOSYS,
            Veil::Busy | Veil::Threads(_) | Veil::Uncounted => libc::EBUSY,
            Veil::Lost(_) => libc::EBADF,
            Veil::Narrower(_)
            | Veil::Executes(_)
            | Veil::Makes(_)
            | Veil::Missing(_)
            | Veil::Partial
            | Veil::Unserved
            | Veil::Frees => libc::ENOTSUP,
        }
    }

    /// What rpledge_error() says of it.
    pub fn code(&self) -> Code {
        match self {
            Veil::Letter
            | Veil::Letters
            | Veil::Empty
            | Veil::Long
            | Veil::Lookup(_)
            | Veil::Full => Code::Path,
            Veil::Locked | Veil::Promise | Veil::Regain { .. } => Code::Regain,
            Veil::Kernel(_) | Veil::Layers => Code::Kernel,
            Veil::Busy | Veil::Threads(_) | Veil::Uncounted => Code::Thread,
            Veil::Lost(_) => Code::Path,
            Veil::Narrower(_)
            | Veil::Executes(_)
            | Veil::Makes(_)
            | Veil::Missing(_)
            | Veil::Partial
            | Veil::Unserved
            | Veil::Frees => Code::Broker,
        }
    }
}

/// What every message about a rule that only a broker could hold ends with.
const LESS: &str =
    "Landlock alone cannot hold that: give other rules, or allow less with RPLEDGE_UNVEIL_LESS";

impl fmt::Display for Veil {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Veil::Letter => f.write_str("permissions are of the letters r, w, x and c"),
            Veil::Letters => f.write_str("permissions: longer than 4 letters"),
            Veil::Empty => f.write_str("the path is empty"),
            Veil::Long => f.write_str("the path is longer than 4095 bytes"),
            Veil::Lookup(errno) => write!(
                f,
                "a directory on the way to the path cannot be used (errno {errno})"
            ),
            Veil::Full => f.write_str("128 directories or 128 names have a rule already"),
            Veil::Locked => f.write_str("the rules are locked"),
            Veil::Promise => f.write_str("\"unveil\" was given up by pledge()"),
            Veil::Regain { in_force } => {
                write!(
                    f,
                    "in force there is \"{in_force}\", and no more can be had"
                )
            }
            Veil::Busy => f.write_str(
                "a signal or a fork came into another call that changes the rules: try again there",
            ),
            Veil::Lost(path) => write!(
                f,
                "{}: the program closed the descriptor that stood for it: call unveil(NULL, NULL) before descriptors are closed",
                path.as_str()
            ),
            Veil::Kernel(errno) => write!(
                f,
                "this kernel has no Landlock, or it is not switched on (errno {errno}): CONFIG_SECURITY_LANDLOCK and lsm=landlock are needed"
            ),
            Veil::Threads(count) => write!(
                f,
                "the process has {count} threads and this kernel's Landlock restricts one: lock the rules before threads start"
            ),
            Veil::Uncounted => f.write_str(
                "whether the process has other threads cannot be told without /proc: mount it",
            ),
            Veil::Layers => f.write_str(
                "the kernel takes 16 restrictions of Landlock, and the process has them already",
            ),
            Veil::Narrower(path) => write!(
                f,
                "{}: a rule above allows more than this one; {LESS}",
                path.as_str()
            ),
            Veil::Executes(path) => write!(
                f,
                "{}: \"x\" for a directory needs \"r\" too; {LESS}",
                path.as_str()
            ),
            Veil::Makes(path) => write!(
                f,
                "{}: \"c\" for one name, in a directory without it; {LESS}",
                path.as_str()
            ),
            Veil::Missing(path) => {
                write!(
                    f,
                    "{}: no file of that name is there; {LESS}",
                    path.as_str()
                )
            }
            Veil::Partial => f.write_str(
                "RPLEDGE_STRICT is set, and Landlock alone does not hide names and attributes",
            ),
            Veil::Frees => f.write_str(
                "the rules were put in force before, and what is executed would end where it is to be free: let this pledge() lock them, or give execpromises that are the promises",
            ),
            Veil::Unserved => f.write_str(
                "these rules take a broker, and the filter in force came without one: lock them before pledge(), or promise \"unveil\" with the first",
            ),
        }
    }
}
