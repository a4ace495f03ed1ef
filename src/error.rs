// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in a call of the library: errno, RPLEDGE_E_* and the words.

use core::fmt;

pub mod veil;

use crate::promise::{Promise, Set, WordError};

/// A failed call; nothing of it was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The string of promises cannot be read.
    Word { exec: bool, why: WordError },
    /// A pointer cannot be read.
    Fault,
    /// Flags with a bit that this version does not know.
    Flags(u64),
    /// Promises given up before.
    Regain { exec: bool, more: Set },
    /// A promise that needs the broker.
    Broker(Promise),
    /// execpromises narrower than the promises in force need the broker.
    ExecBroker { missing: Set },
    /// A promise that needs the broker, asked for one thread first.
    ThreadBroker(Promise),
    /// The broker could not be started; the kernel's errno.
    Start(i32),
    /// RPLEDGE_STRICT, and the database has no such libc.
    Libc,
    /// RPLEDGE_STRICT, and a promise that can be enforced only in part.
    Partial(Promise),
    /// The kernel has no seccomp filters; its errno.
    Kernel(i32),
    /// This other thread has a filter that the caller lacks.
    Thread(u32),
    /// The filter would be longer than the kernel takes.
    TooLong,
    /// Rules of unveil(2).
    Veil(veil::Veil),
}

impl From<veil::Veil> for Error {
    fn from(why: veil::Veil) -> Error {
        Error::Veil(why)
    }
}

/// The number of an [`Error`] in C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Code {
    None = 0,
    Word = 1,
    Regain = 2,
    Path = 3,
    Libc = 5,
    Kernel = 6,
    Thread = 7,
    Broker = 8,
    Argument = 9,
}

impl Error {
    /// What errno says of it.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Word {
                why: WordError::TooLong,
                ..
            } => libc::ENAMETOOLONG,
            Error::Word { .. } | Error::Flags(_) => libc::EINVAL,
            Error::Fault => libc::EFAULT,
            Error::Regain { .. } => libc::EPERM,
            Error::Broker(_)
            | Error::ThreadBroker(_)
            | Error::ExecBroker { .. }
            | Error::Libc
            | Error::Partial(_) => libc::ENOTSUP,
            Error::Kernel(errno) | Error::Start(errno) => *errno,
            Error::Thread(_) => libc::EBUSY,
            Error::TooLong => libc::E2BIG,
            Error::Veil(why) => why.errno(),
        }
    }

    /// What rpledge_error() says of it.
    pub fn code(&self) -> Code {
        match self {
            Error::Word { .. } => Code::Word,
            Error::Fault | Error::Flags(_) => Code::Argument,
            Error::Regain { .. } => Code::Regain,
            Error::Broker(_)
            | Error::ThreadBroker(_)
            | Error::Start(_)
            | Error::ExecBroker { .. }
            | Error::Partial(_) => Code::Broker,
            Error::Libc => Code::Libc,
            Error::Kernel(_) | Error::TooLong => Code::Kernel,
            Error::Thread(_) => Code::Thread,
            Error::Veil(why) => why.code(),
        }
    }
}

/// "promises" or "execpromises".
fn argument(exec: bool) -> &'static str {
    if exec { "execpromises" } else { "promises" }
}

/// The words of a set, quoted as one string.
struct Words(Set);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (n, promise) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}", promise.name())?;
        }
        Ok(())
    }
}

fn kernel(errno: i32, f: &mut fmt::Formatter) -> fmt::Result {
    match errno {
        libc::ENOSYS => f.write_str(
            "this kernel has no filters, or a sandbox around this process hides them: CONFIG_SECCOMP_FILTER is needed",
        ),
        libc::ENOMEM => f.write_str("the kernel takes no more filters: narrow in fewer steps"),
        _ => write!(
            f,
            "the kernel refused the filter (errno {errno}): does a sandbox around this process forbid it?"
        ),
    }
}

fn start(errno: i32, f: &mut fmt::Formatter) -> fmt::Result {
    match errno {
        libc::EBUSY => f.write_str(
            "another program supervises this process already, and the kernel knows only one: what a filter cannot see would not be served",
        ),
        libc::EAGAIN => f.write_str(
            "no process for the broker: raise the limit of processes (RLIMIT_NPROC) or leave one free",
        ),
        libc::EMFILE | libc::ENFILE => f.write_str(
            "no descriptor for the broker: raise the limit (RLIMIT_NOFILE) or leave three free",
        ),
        libc::ENOENT => f.write_str(
            "no /proc for the broker in this root directory: mount it there, or use unveil(2) in the place of chroot(2)",
        ),
        _ => write!(f, "the broker could not be started (errno {errno}): see CAVEATS of pledge(3)"),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Word { exec, why } => {
                let which = argument(*exec);
                match why {
                    WordError::Unknown { at, len } => write!(
                        f,
                        "{which}: the word of {len} bytes at byte {at} is no promise: see pledge(3) for the list"
                    ),
                    WordError::LeadingSpace => {
                        write!(f, "{which}: begins with a space: remove it")
                    }
                    WordError::TooLong => write!(
                        f,
                        "{which}: longer than {} bytes",
                        crate::promise::WORDS_MAX
                    ),
                }
            }
            Error::Fault => f.write_str("a pointer argument cannot be read"),
            Error::Flags(bits) => {
                write!(f, "flags {bits:#x}: unknown to this version of the library")
            }
            Error::Regain { exec, more } => write!(
                f,
                "{}: \"{}\" given up before cannot be had again",
                argument(*exec),
                Words(*more)
            ),
            Error::Broker(promise) => write!(
                f,
                "promise \"{}\" cannot be enforced by the kernel's filter alone, and no broker serves it: leave it out",
                promise.name()
            ),
            Error::ThreadBroker(promise) => write!(
                f,
                "promise \"{}\" needs the broker, which a process has as a whole: pledge the process first, or leave it out with RPLEDGE_THREAD",
                promise.name()
            ),
            Error::Start(errno) => start(*errno, f),
            Error::ExecBroker { missing } => write!(
                f,
                "execpromises without \"{}\": an executed program keeps what a filter lets it do already, and other ones need a broker that listens to the process from its first pledge() on",
                Words(*missing)
            ),
            Error::Libc => f.write_str(
                "the database does not know this C library and RPLEDGE_STRICT is set: see rpledge_libc()",
            ),
            Error::Partial(promise) => write!(
                f,
                "promise \"{}\" can be enforced only in part and RPLEDGE_STRICT is set",
                promise.name()
            ),
            Error::Kernel(errno) => kernel(*errno, f),
            Error::Thread(tid) => write!(
                f,
                "thread {tid} has a filter of its own: pledge before it starts, or each thread for itself with RPLEDGE_THREAD"
            ),
            Error::TooLong => f.write_str("the filter is longer than the kernel takes"),
            Error::Veil(why) => write!(f, "{why}"),
        }
    }
}
