// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C face, and the text of rpledge.h: translate, call, errno.
#![allow(unsafe_code)]
// The names are C's.
#![allow(non_camel_case_types)]
// These comments are rpledge.h's: what a caller owes is said there in C's words.
#![allow(clippy::missing_safety_doc)]

use core::ffi::{c_char, c_int};
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::broker;
use crate::compiled::Refusal;
use crate::error::{Code, Error};
use crate::host;
use crate::pledge::{self, Flags, Request};
use crate::policy::Held;
use crate::promise::{Promise, Set, WORDS_MAX, WordError};
use crate::resolve::Match;
use crate::short::Short;
use crate::sys::socket;
use crate::sys::text::{self, CopyError};
use crate::sys::tls::{self, Last};
use crate::table::TABLE;
use crate::unveil;

pub mod paths;

/// As include/cbindgen.toml has it in the header.
const SOCK_DNS: c_int = 0x1000;

/// Major version; equals the package version.
pub const RPLEDGE_VERSION_MAJOR: u32 = 0;
/// Minor version.
pub const RPLEDGE_VERSION_MINOR: u32 = 1;
/// Patch version.
pub const RPLEDGE_VERSION_PATCH: u32 = 0;

/// Violation: report on stderr, then die by SIGABRT. The default, as on
/// OpenBSD.
pub const RPLEDGE_ABORT: u64 = 0;
/// Violation: the kernel kills the process at once; nothing can be reported.
pub const RPLEDGE_KILL: u64 = 1;
/// Violation: the call fails with ENOSYS, as with the promise "error".
pub const RPLEDGE_ERROR: u64 = 2;
/// Violation: logged by the kernel's audit, and allowed. To find the promises
/// that a program needs; it protects nothing.
pub const RPLEDGE_LOG: u64 = 3;
/// The bits of a flags word that hold one of the four modes above.
pub const RPLEDGE_MODE_MASK: u64 = 15;
/// Restrict the calling thread, and the threads and processes that it makes
/// later, rather than the process.
pub const RPLEDGE_THREAD: u64 = 1 << 4;
/// Fail rather than enforce less than was promised (unknown libc, a promise
/// that can be enforced only in part).
pub const RPLEDGE_STRICT: u64 = 1 << 5;
/// Check the arguments and what would be enforced; restrict nothing.
pub const RPLEDGE_DRYRUN: u64 = 1 << 6;

/// A word is not a promise (EINVAL), or the string has more than 1023 bytes
/// (ENAMETOOLONG).
pub const RPLEDGE_E_WORD: c_int = 1;
/// A promise given up before was asked for again (EPERM).
pub const RPLEDGE_E_REGAIN: c_int = 2;
/// The database does not know this C library, and RPLEDGE_STRICT is set
/// (ENOTSUP).
pub const RPLEDGE_E_LIBC: c_int = 5;
/// The kernel refused the filter; errno says why (ENOSYS: it has none).
pub const RPLEDGE_E_KERNEL: c_int = 6;
/// Another thread has a filter of its own (EBUSY); rpledge_errmsg() says which.
pub const RPLEDGE_E_THREAD: c_int = 7;
/// What was asked for needs more than the kernel's filter, and this version
/// has no more; or, with RPLEDGE_STRICT, it can be enforced only in part
/// (ENOTSUP).
pub const RPLEDGE_E_BROKER: c_int = 8;
/// A pointer cannot be read (EFAULT), or flags are unknown (EINVAL).
pub const RPLEDGE_E_ARGUMENT: c_int = 9;

/// How the running C library was found in the database: not at all; what any
/// known one needs is allowed.
pub const RPLEDGE_MATCH_NONE: u32 = 0;
/// ... by the nearest versions: those before and after it, joined, or the
/// newest; all of that name if it hides its version; every known C library if
/// it is older than all.
pub const RPLEDGE_MATCH_NEAREST: u32 = 1;
/// ... by name, version and architecture.
pub const RPLEDGE_MATCH_VERSION: u32 = 2;
/// ... by its build-id: the very file that the data was read from.
pub const RPLEDGE_MATCH_BUILD: u32 = 3;

/// State bit: pledge() holds.
pub const RPLEDGE_PLEDGED: u32 = 1 << 0;
/// State bit: something promised is enforced only in part; see `partial`.
pub const RPLEDGE_PARTIAL: u32 = 1 << 3;
/// State bit: execpromises were given.
pub const RPLEDGE_EXECPROMISES: u32 = 1 << 4;
/// State bit: the kernel has no filters, and pledge() will fail.
pub const RPLEDGE_NO_KERNEL: u32 = 1 << 5;
/// State bit: there is no broker, so an executed program stays under the
/// promises in force, where OpenBSD would let it go or give it its execpromises.
pub const RPLEDGE_EXEC_INHERITS: u32 = 1 << 6;
/// State bit: the promises are the calling thread's own, made with
/// RPLEDGE_THREAD; other threads may hold others or none.
pub const RPLEDGE_THREAD_ONLY: u32 = 1 << 7;

/// State bit: a broker listens to this process.
pub const RPLEDGE_BROKER: u32 = 1 << 8;
/// State bit: promises in force ask for a broker, and there is none, since
/// another program supervises this process already.
pub const RPLEDGE_NO_BROKER: u32 = 1 << 9;

/// The data came from the tables in the library.
pub const RPLEDGE_SOURCE_LIBRARY: u32 = 0;
/// ... from a file that was installed since: see `data_file`.
pub const RPLEDGE_SOURCE_FILE: u32 = 1;

/// What holds now for the calling thread; see rpledge_status().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpledge_status {
    /// Promises in force, bit n for rpledge_promise_name(n).
    pub promises: u64,
    /// The execpromises that were given; see RPLEDGE_EXEC_INHERITS.
    pub execpromises: u64,
    /// Mode of the newest call, and the other flags of rpledge_set_flags().
    pub flags: u64,
    /// Those in force that are enforced only in part.
    pub partial: u64,
    /// RPLEDGE_PLEDGED, RPLEDGE_PARTIAL, ...
    pub state: u32,
    /// One of RPLEDGE_MATCH_*.
    pub matched: u32,
    /// One of RPLEDGE_SOURCE_*.
    pub source: u32,
    /// ABI of Landlock by which rules of unveil() are in force; 0 if none are.
    pub landlock: u32,
    /// The file that the data is from; empty if it is the library's own.
    pub data_file: [c_char; 128],
    /// A file, or a directory on the way to one, that is there and does not
    /// serve; empty if there is none.
    pub refused_file: [c_char; 128],
    /// Why it does not, in words; empty if nothing was refused.
    pub refused_why: [c_char; 80],
    /// Release of the data that serves: "2026.11".
    pub release: [c_char; 16],
    /// Those in force that ask a broker for what a filter cannot see; with
    /// RPLEDGE_NO_BROKER such calls fail.
    pub broker: u64,
}

/// The C library that this process runs on; see rpledge_libc().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpledge_libc {
    /// "glibc", "musl", "dietlibc" or "unknown".
    pub name: [c_char; 16],
    /// "2.36"; empty if it cannot be told.
    pub version: [c_char; 16],
    /// "x86_64".
    pub arch: [c_char; 16],
    /// GNU build-id in hex; empty if it has none, and in a static program.
    pub build_id: [c_char; 72],
    /// One of RPLEDGE_MATCH_*.
    pub matched: u32,
    /// 1 in a static program.
    pub is_static: u32,
}

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
}

/// Flags of pledge() and unveil().
static FLAGS: AtomicU64 = AtomicU64::new(RPLEDGE_ABORT);

/// Those of pledge().
fn flags() -> u64 {
    FLAGS.load(Ordering::Relaxed) & !unveil::Flags::OWN
}

/// Restrict the process, in all its threads, to what the words of `promises`
/// allow. NULL leaves what is in force as it is, as does a call that fails; a
/// string that cannot be read is EFAULT. Returns 0, or -1 with errno set.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn pledge(promises: *const c_char, execpromises: *const c_char) -> c_int {
    // SAFETY: the caller's.
    unsafe { rpledge_pledge(promises, execpromises, flags()) }
}

/// pledge() with flags; a bit unknown to this version fails with EINVAL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn rpledge_pledge(
    promises: *const c_char,
    execpromises: *const c_char,
    flags: u64,
) -> c_int {
    finish(Flags::from_bits(flags).map_err(plain).and_then(|flags| {
        let request = Request {
            promises: read(promises, false)?,
            exec: read(execpromises, true)?,
        };
        pledge::pledge(request, flags).map_err(plain)
    }))
}

/// socket(2) that knows SOCK_DNS before pledge() too: it is taken out of the
/// type, once the family is found to be AF_INET or AF_INET6 (EINVAL).
/// Returns a descriptor, or -1 with errno set.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn rpledge_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let is_marked = kind & SOCK_DNS != 0 && broker::held::held().is_none_or(|held| held.is_unbound);
    let made = match domain {
        libc::AF_INET | libc::AF_INET6 if is_marked => {
            socket::call_socket(domain, kind & !SOCK_DNS, protocol)
        }
        _ if is_marked => Err(libc::EINVAL),
        _ => socket::call_socket(domain, kind, protocol),
    };
    made.unwrap_or_else(|errno| {
        // SAFETY: this thread's errno, in glibc and in musl.
        unsafe { *__errno_location() = errno };
        -1
    })
}

/// Set the flags that pledge() and unveil() take from now on.
/// Returns 0, or -1 with EINVAL.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_set_flags(flags: u64) -> c_int {
    let result = Flags::from_bits(flags & !unveil::Flags::OWN).map(|_| {
        FLAGS.store(flags, Ordering::Relaxed);
        unveil::set_defaults(flags);
    });
    finish(result.map_err(plain))
}

/// Why the last call of this thread failed: one of RPLEDGE_E_*, or 0.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_error() -> c_int {
    // SAFETY: this thread's own.
    unsafe { (*tls::last()).code }
}

/// The same in words, never NULL; valid until this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_errmsg() -> *const c_char {
    // SAFETY: this thread's own; its last byte is always NUL.
    unsafe { (&raw const (*tls::last()).text).cast() }
}

/// Store what holds now in `*status`, which is `size` bytes long for the
/// caller: no more is written, and what this version does not know is zeroed.
/// Returns 0, or -1 with EFAULT if `status` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpledge_status(status: *mut rpledge_status, size: usize) -> c_int {
    if status.is_null() {
        return finish(Err(plain(Error::Fault)));
    }
    // SAFETY: the caller's; the structure has no padding.
    unsafe { text::store(&current_status(), status, size) };
    finish(Ok(()))
}

fn current_status() -> rpledge_status {
    let held = broker::held::held();
    let host = host::host();
    let none = Held {
        promises: Set::EMPTY,
        exec: None,
        mode: crate::policy::Mode::Abort,
        thread_only: false,
        brokered: false,
        is_unbound: false,
    };
    let Held {
        promises,
        exec,
        mode,
        thread_only,
        brokered,
        is_unbound,
    } = held.unwrap_or(none);
    let promises = match is_unbound {
        true => Set::EMPTY,
        false => promises,
    };
    let partial = promises.and(host.table.partial);
    let asking = host.table.brokered(promises);
    let bit = |holds: bool, bit: u32| if holds { bit } else { 0 };
    let is_told = brokered || exec == Some(promises);
    let is_inherited = promises.contains(Promise::Exec) && !is_told;
    let (veil, landlock) = paths::state();
    let flags = FLAGS.load(Ordering::Relaxed);
    let mode = if held.is_some() {
        mode.number()
    } else {
        flags & RPLEDGE_MODE_MASK
    };
    rpledge_status {
        promises: promises.bits(),
        execpromises: exec.map_or(0, Set::bits),
        flags: flags & !RPLEDGE_MODE_MASK | mode,
        partial: partial.bits(),
        state: bit(held.is_some() && !is_unbound, RPLEDGE_PLEDGED)
            | bit(!partial.is_empty(), RPLEDGE_PARTIAL)
            | bit(exec.is_some(), RPLEDGE_EXECPROMISES)
            | bit(
                held.is_none() && crate::sys::has_filters().is_err(),
                RPLEDGE_NO_KERNEL,
            )
            | bit(is_inherited, RPLEDGE_EXEC_INHERITS)
            | bit(thread_only, RPLEDGE_THREAD_ONLY)
            | bit(brokered, RPLEDGE_BROKER)
            | bit(!brokered && !asking.is_empty(), RPLEDGE_NO_BROKER)
            | veil,
        matched: matched(host.rows.matched),
        source: match host.origin.file.is_empty() {
            true => RPLEDGE_SOURCE_LIBRARY,
            false => RPLEDGE_SOURCE_FILE,
        },
        landlock,
        data_file: chars(host.origin.file.as_str().as_bytes()),
        refused_file: chars(host.origin.refused.as_str().as_bytes()),
        refused_why: chars(words(host.origin.why).as_str().as_bytes()),
        release: chars(host.table.release.as_bytes()),
        broker: asking.bits(),
    }
}

/// A refusal in words.
fn words(why: Option<Refusal>) -> Short<80> {
    let mut text = Short::EMPTY;
    if let Some(why) = why {
        // What does not fit is cut.
        let _ = write!(text, "{why}");
    }
    text
}

fn matched(matched: Match) -> u32 {
    match matched {
        Match::None => RPLEDGE_MATCH_NONE,
        Match::Nearest => RPLEDGE_MATCH_NEAREST,
        Match::Version => RPLEDGE_MATCH_VERSION,
        Match::Build => RPLEDGE_MATCH_BUILD,
    }
}

/// Store what C library this is in `*libc`, which is `size` bytes long for the
/// caller, as above. Returns 0, or -1 with EFAULT if `libc` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpledge_libc(libc: *mut rpledge_libc, size: usize) -> c_int {
    if libc.is_null() {
        return finish(Err(plain(Error::Fault)));
    }
    let host = host::host();
    let found = rpledge_libc {
        name: chars(host.name.as_bytes()),
        version: chars(host.version.as_str().as_bytes()),
        arch: chars(TABLE.arch.as_bytes()),
        build_id: chars(host.build_id.as_str().as_bytes()),
        matched: matched(host.rows.matched),
        is_static: u32::from(host.is_static),
    };
    // SAFETY: the caller's; the structure has no padding.
    unsafe { text::store(&found, libc, size) };
    finish(Ok(()))
}

/// Text and its NUL, cut where it does not fit.
fn chars<const N: usize>(text: &[u8]) -> [c_char; N] {
    let mut chars = [0; N];
    for (slot, byte) in chars[..N - 1].iter_mut().zip(text) {
        *slot = *byte as c_char;
    }
    chars
}

/// The promises' words, each with its NUL.
static NAMES: [Name; Promise::COUNT] = {
    let mut names = [Name([0; 12]); Promise::COUNT];
    let mut n = 0;
    while n < Promise::COUNT {
        let word = Promise::word(n).as_bytes();
        let mut at = 0;
        while at < word.len() {
            names[n].0[at] = word[at];
            at += 1;
        }
        n += 1;
    }
    names
};

#[derive(Clone, Copy)]
struct Name([u8; 12]);

/// Name of promise number `n`, from 0 without gaps; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_promise_name(n: c_int) -> *const c_char {
    let name = usize::try_from(n).ok().and_then(|n| NAMES.get(n));
    name.map_or(core::ptr::null(), |name| name.0.as_ptr().cast())
}

/// "0.1.0": the version of the library that runs, not of this header.
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// "2026.11": the release of the data in the library; that of the data that
/// serves is in rpledge_status().
#[unsafe(no_mangle)]
pub extern "C" fn rpledge_data_version() -> *const c_char {
    static RELEASE: [u8; 16] = {
        let mut bytes = [0; 16];
        let text = TABLE.release.as_bytes();
        let mut at = 0;
        while at < text.len() && at < 15 {
            bytes[at] = text[at];
            at += 1;
        }
        bytes
    };
    RELEASE.as_ptr().cast()
}

/// What failed, and the word it is about.
type Failure = (Error, Short);

/// A failure that is about no word.
fn plain(error: Error) -> Failure {
    (error, Short::EMPTY)
}

/// Read the words that a caller gave, on a stack of their own.
#[inline(never)]
fn read(from: *const c_char, exec: bool) -> Result<Option<Set>, Failure> {
    if from.is_null() {
        return Ok(None);
    }
    let mut buffer = [0; WORDS_MAX + 1];
    let words = text::copy(from, &mut buffer).map_err(|why| {
        plain(match why {
            CopyError::Fault => Error::Fault,
            CopyError::TooLong => Error::Word {
                exec,
                why: WordError::TooLong,
            },
        })
    })?;
    // No promise has a byte beyond ASCII: such a word is unknown like others.
    let text = core::str::from_utf8(words).unwrap_or("?");
    Set::parse(text).map(Some).map_err(|why| {
        let word = match why {
            WordError::Unknown { at, len } => words.get(at..at + len).unwrap_or(&[]),
            _ => &[],
        };
        (Error::Word { exec, why }, Short::new(word))
    })
}

/// 0, or -1 with errno, and why for rpledge_error().
fn finish(result: Result<(), Failure>) -> c_int {
    // SAFETY: this thread's own.
    let last = unsafe { &mut *tls::last() };
    last.code = Code::None as i32;
    last.text[0] = 0;
    let Err((error, word)) = result else { return 0 };
    last.code = error.code() as i32;
    write_text(last, &error, &word);
    // SAFETY: this thread's errno, in glibc and in musl.
    unsafe { *__errno_location() = error.errno() };
    -1
}

fn write_text(last: &mut Last, error: &Error, word: &Short) {
    let mut out = Text {
        bytes: &mut last.text,
        len: 0,
    };
    let _ = match error {
        Error::Word {
            exec,
            why: WordError::Unknown { .. },
        } if !word.as_str().is_empty() => {
            let which = if *exec { "execpromises" } else { "promises" };
            write!(
                out,
                "{which}: \"{}\" is no promise: see pledge(3) for the words",
                word.as_str()
            )
        }
        _ => write!(out, "{error}"),
    };
}

/// Text that ends in a NUL, cut where it does not fit.
struct Text<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            if self.len + 1 >= self.bytes.len() {
                return Err(core::fmt::Error);
            }
            self.bytes[self.len] = byte;
            self.len += 1;
            self.bytes[self.len] = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
