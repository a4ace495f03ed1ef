// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library that this process runs on, found from what the loader mapped.

use crate::resolve::{self, Rows};
use crate::sys::image::{self, BuildId, Object, Symbols};
use crate::sys::once::{Gate, Once};
use crate::sys::weak;
use crate::table::{BUILDS, TABLE};

/// Text of a few bytes, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Short {
    bytes: [u8; Short::SIZE],
    len: usize,
}

impl Short {
    const SIZE: usize = 64;

    /// No text.
    pub const EMPTY: Short = Short {
        bytes: [0; Short::SIZE],
        len: 0,
    };

    /// The text, cut where it does not fit.
    pub fn new(text: &[u8]) -> Short {
        let mut short = Short::EMPTY;
        short.len = text.len().min(Short::SIZE);
        short.bytes[..short.len].copy_from_slice(&text[..short.len]);
        short
    }

    /// In hex, lower case.
    fn hex(bytes: &[u8]) -> Short {
        let mut short = Short::EMPTY;
        for (slot, n) in short.bytes.iter_mut().zip(0..2 * bytes.len()) {
            let half = bytes[n / 2] >> (if n % 2 == 0 { 4 } else { 0 }) & 0xf;
            *slot = b"0123456789abcdef"[usize::from(half)];
            short.len += 1;
        }
        short
    }

    /// It, as far as it is UTF-8.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

/// A running C library.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// "dietlibc", "glibc", "musl", or "unknown".
    pub name: &'static str,
    /// "2.36"; empty if it cannot be told.
    pub version: Short,
    /// Of the shared libc, in hex; empty in a static program.
    pub build_id: Short,
    /// Is it part of the program?
    pub is_static: bool,
    /// What stands for it in the database.
    pub rows: Rows,
    /// Its functions, to name the one that made a call.
    pub symbols: Option<Symbols>,
}

static HOST: Once<Host> = Once::new();

/// The C library of this process; looked for once.
pub fn host() -> Host {
    HOST.get_or_make(find)
}

fn find() -> Host {
    let mut is_static = false;
    let mut shared = None;
    let mut first = true;
    image::find(&mut |object| {
        if first {
            is_static = !object.has_interpreter();
            first = false;
        }
        shared = libc_name(&object).map(|name| (name, object));
        shared.is_some()
    });
    match shared {
        Some((name, object)) => from_shared(name, &object),
        None => from_program(is_static),
    }
}

/// The names under which a loader knows a libc.
fn libc_name(object: &Object) -> Option<&'static str> {
    let soname = object.soname();
    let path = object.path();
    let base = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    if soname == b"libc.so.6" {
        return Some("glibc");
    }
    // musl's libc is its loader, and named as that where a program names it so.
    let is_musl = |name: &[u8]| {
        name.starts_with(b"libc.musl-") || name.starts_with(b"ld-musl-") || name == b"libc.so"
    };
    (is_musl(soname) || is_musl(base)).then_some("musl")
}

fn from_shared(name: &'static str, object: &Object) -> Host {
    let build_id = object
        .build_id()
        .map_or(Short::EMPTY, |id: BuildId| Short::hex(id.bytes()));
    let build = BUILDS.get(build_id.as_str()).map(|n| usize::from(*n));
    let version = match (name, build) {
        ("glibc", _) => weak::glibc_version().map_or(Short::EMPTY, Short::new),
        (_, Some(n)) => Short::new(TABLE.libcs[n].version.as_bytes()),
        (_, None) => musl_version(object),
    };
    let rows = resolve::find(&TABLE, name, version.as_str(), build);
    Host {
        name,
        version,
        build_id,
        is_static: false,
        rows,
        symbols: object.symbols(),
    }
}

/// A static program, or one whose libc has no name that is known here.
fn from_program(is_static: bool) -> Host {
    let (name, version) = match (weak::glibc_version(), weak::musl_version()) {
        (Some(version), _) => ("glibc", Short::new(version)),
        (None, Some(version)) => ("musl", Short::new(version)),
        (None, None) if weak::has_musl() => ("musl", Short::EMPTY),
        (None, None) if weak::has_dietlibc() => ("dietlibc", Short::EMPTY),
        (None, None) => ("unknown", Short::EMPTY),
    };
    let rows = resolve::find(&TABLE, name, version.as_str(), None);
    Host {
        name,
        version,
        build_id: Short::EMPTY,
        is_static,
        rows,
        symbols: None,
    }
}

/// musl hides its version: a constant of the form `1.2.5` between two NULs.
fn musl_version(object: &Object) -> Short {
    for constants in object.constants() {
        for text in constants.split(|b| *b == 0) {
            let mut parts = text.split(|b| *b == b'.');
            let number = |part: Option<&[u8]>| {
                part.is_some_and(|p| {
                    !p.is_empty() && p.len() <= 3 && p.iter().all(u8::is_ascii_digit)
                })
            };
            if text.len() <= 11
                && text.starts_with(b"1.")
                && (0..3).all(|_| number(parts.next()))
                && parts.next().is_none()
            {
                return Short::new(text);
            }
        }
    }
    Short::EMPTY
}

static PROGRAM: Once<Option<Symbols>> = Once::new();

/// Map the symbols of a static program, which are in its file only, while
/// files may still be opened. Nothing happens if they cannot be had.
fn map_program_symbols() {
    PROGRAM.get_or_make(|| {
        let mut program = None;
        image::find(&mut |object| {
            program = Some(object);
            true
        });
        program.and_then(|p| p.file_symbols())
    });
}

/// The symbols of a static program, if they were mapped.
pub fn program_symbols() -> Option<&'static Symbols> {
    PROGRAM.get().and_then(|symbols| symbols.as_ref())
}

/// Functions for which glibc opens libgcc_s.so.1 when they are first called,
/// and dies or does nothing if it cannot.
const UNWINDING: [&[u8]; 5] = [
    b"backtrace",
    b"pthread_cancel",
    b"pthread_exit",
    b"thrd_exit",
    b"pthread_testcancel",
];

/// Let the libc open what it could not open afterwards: the zone files that
/// OpenBSD's "stdio" can read at any time, an unwinder, symbols for reports.
///
/// One thread does it and others wait, lest the filter of the first close on
/// the second in the middle of a file.
pub fn prepare(with_zone: bool) {
    static PREPARED: Gate = Gate::new();
    PREPARED.pass_once(|| {
        let host = host();
        if host.is_static {
            map_program_symbols();
        } else if host.name == "glibc" {
            load_unwinder();
        }
        if with_zone {
            weak::read_time_zone();
        }
    });
}

/// Let glibc open its unwinder, if something of this process can need it.
fn load_unwinder() {
    let is_glibc = |object: &Object| libc_name(object) == Some("glibc");
    if image::find(&mut |object| !is_glibc(&object) && object.wants(&UNWINDING)) {
        weak::load_unwinder();
    }
}
