// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library that this process runs on, found from what the loader mapped.

use crate::installed::{self, Chosen, Origin, Wanted};
use crate::resolve::{Match, Rows};
pub use crate::short::Short;
use crate::sys::image::{self, BuildId, Object, Symbols};
use crate::sys::once::{Gate, Once};
use crate::sys::weak;
use crate::table::{BUILDS, Libc, TABLE, Table};

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
    /// The data that serves: the library's own, or that of a file.
    pub table: &'static Table<'static>,
    /// What stands for it there.
    pub rows: Rows,
    /// Where that data is from.
    pub origin: Origin,
    /// Its functions, to name the one that made a call.
    pub symbols: Option<Symbols>,
}

impl Host {
    /// The rows that stand for it.
    pub fn libcs(&self) -> &'static [Libc<'static>] {
        self.rows.of(self.table)
    }
}

static HOST: Once<Host> = Once::new();

/// The C library of this process; looked for once.
///
/// One thread looks and others wait, lest the filter of the first close on the
/// second while it reads a file.
pub fn host() -> Host {
    static LOOKING: Gate = Gate::new();
    if HOST.get().is_none() {
        LOOKING.pass_once(|| _ = HOST.get_or_make(find));
    }
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
    let version = match name {
        "glibc" => weak::glibc_version().map_or(Short::EMPTY, Short::new),
        _ => musl_version(object, build_id.as_str()),
    };
    Host {
        symbols: object.symbols(),
        ..known(name, version, build_id, false)
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
    known(name, version, Short::EMPTY, is_static)
}

/// A libc of which this much is known, and the data for it.
fn known(name: &'static str, version: Short, build_id: Short, is_static: bool) -> Host {
    let Chosen {
        table,
        rows,
        origin,
    } = installed::choose(Wanted {
        name,
        version: version.as_str(),
        build_id: build_id.as_str(),
    });
    let version = match rows.of(table) {
        // Its build is known where its version is not.
        [libc] if version.is_empty() && rows.matched == Match::Build => {
            Short::new(libc.version.as_bytes())
        }
        _ => version,
    };
    Host {
        name,
        version,
        build_id,
        is_static,
        table,
        rows,
        origin,
        symbols: None,
    }
}

/// The version of a shared musl, which hides it: that of its build where the
/// library knows that, else a constant of the form `1.2.5` between two NULs.
fn musl_version(object: &Object, build_id: &str) -> Short {
    if let Some(n) = BUILDS.get(build_id) {
        return Short::new(TABLE.libcs[usize::from(*n)].version.as_bytes());
    }
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
