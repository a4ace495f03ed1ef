// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library that this process runs on, found from what the loader mapped.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::installed::{self, Chosen, Origin, Wanted};
use crate::promise::{Promise, Set};
use crate::resolve::{Match, Rows};
pub use crate::short::Short;
use crate::sys::image::{self, BuildId, Object, Symbols};
use crate::sys::linkmap;
use crate::sys::once::{Gate, Once};
use crate::sys::{weak, zone};
use crate::table::{BUILDS, Libc, TABLE, Table, Wishes};

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
    /// The shared libc.
    object: Option<Object>,
}

impl Host {
    /// Its functions, to name the one that made a call.
    pub fn symbols(&self) -> Option<Symbols> {
        match &self.object {
            Some(object) => object.symbols(),
            None => *PROGRAM.get()?,
        }
    }

    /// The rows that stand for it.
    pub fn libcs(&self) -> &'static [Libc<'static>] {
        self.rows.of(self.table)
    }
}

static HOST: Once<Host> = Once::new();

/// Have the C library of another process stand for this one's: a broker's own
/// is of no matter. False where this one's was looked for already.
#[cfg(any(test, feature = "facts"))]
pub fn stand_for(host: Host) -> bool {
    let has_none = HOST.get().is_none();
    HOST.get_or_make(|| host);
    has_none
}

/// The C library of another process, as far as it is known.
#[cfg(any(test, feature = "facts"))]
pub fn of_other(name: &'static str, version: &str, is_static: bool, chosen: Chosen) -> Host {
    let Chosen {
        table,
        rows,
        origin,
    } = chosen;
    Host {
        name,
        version: Short::new(version.as_bytes()),
        build_id: Short::EMPTY,
        is_static,
        table,
        rows,
        origin,
        object: None,
    }
}

/// Has a fork lost a thread that was looking, and with it the loader's lock?
static LOST: AtomicBool = AtomicBool::new(false);

/// The C library of this process; looked for once.
///
/// One thread looks and others wait, lest the filter of the first close on the
/// second while it reads a file.
pub fn host() -> Host {
    static LOOKING: Gate = Gate::new();
    if HOST.get().is_none() {
        LOOKING.pass_once(|lost| {
            LOST.fetch_or(lost, Ordering::Relaxed);
            _ = HOST.get_or_make(|| find(lost));
        });
    }
    HOST.get_or_make(|| find(false))
}

/// A fork may have lost the thread that had the loader's lock.
fn find(is_lock_lost: bool) -> Host {
    let mut is_static = false;
    let mut shared = None;
    let mut first = true;
    let mut look = |object: Object| {
        if first {
            is_static = !object.has_interpreter();
            first = false;
        }
        shared = libc_name(&object).map(|name| (name, object));
        shared.is_some()
    };
    let found = if is_lock_lost {
        linkmap::find(&mut look)
    } else {
        Some(image::find(&mut look))
    };
    is_static |= found.is_none();
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
        object: Some(*object),
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
        object: None,
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

/// Functions for which glibc opens libgcc_s.so.1 when they are first called,
/// and dies or does nothing if it cannot.
const UNWINDING: [&[u8]; 5] = [
    b"backtrace",
    b"pthread_cancel",
    b"pthread_exit",
    b"thrd_exit",
    b"pthread_testcancel",
];

/// Functions that read the time zone's files, as their names begin: some have
/// `_r`, `_l` or `_chk` behind. glibc's gmtime(3) reads them too.
const ZONED: [&[u8]; 17] = [
    b"__strftime",
    b"__syslog",
    b"__vsyslog",
    b"__wcsftime",
    b"ctime",
    b"getdate",
    b"gmtime",
    b"localtime",
    b"mktime",
    b"strftime",
    b"strptime",
    b"syslog",
    b"timegm",
    b"timelocal",
    b"tzset",
    b"vsyslog",
    b"wcsftime",
];

/// Functions that talk to the log daemon.
const LOGGING: [&[u8]; 5] = [
    b"__syslog_chk",
    b"__vsyslog_chk",
    b"openlog",
    b"syslog",
    b"vsyslog",
];

/// Functions that open what they are told by name: as the zone's files do,
/// `/dev/null` serves who has no promise for files.
const OPENING: [&[u8]; 14] = [
    b"__open64_2",
    b"__open_2",
    b"__openat64_2",
    b"__openat_2",
    b"creat",
    b"daemon",
    b"fopen",
    b"fopen64",
    b"freopen",
    b"freopen64",
    b"open",
    b"open64",
    b"openat",
    b"openat64",
];

/// Functions that ask the kernel which interfaces there are.
const LINKING: [&[u8]; 2] = [b"getifaddrs", b"if_nameindex"];

/// Let the libc open what it could not open afterwards: the zone files that
/// OpenBSD's "stdio" can read at any time, an unwinder, symbols for reports.
/// What nothing in this process can come to need stays closed.
///
/// One thread does it and others wait, lest the filter of the first close on
/// the second in the middle of a file. Where a fork has lost that thread, the
/// libc's locks may be lost with it, and what it has not opened stays closed.
pub fn prepare(promises: Set) {
    static PREPARED: Gate = Gate::new();
    PREPARED.pass_once(|lost| {
        let host = host();
        if lost || LOST.load(Ordering::Relaxed) {
            return;
        }
        if host.is_static {
            map_program_symbols();
        }
        let needs = needs();
        if needs.unwinder && host.name == "glibc" {
            weak::load_unwinder();
        }
        if needs.zone && promises.contains(Promise::Stdio) {
            weak::read_time_zone();
            zone::remember();
        }
        // glibc loads plug-ins for names, which no broker maps as code.
        if host.name == "glibc" && promises.contains(Promise::Getpw) {
            weak::load_users();
        }
        if host.name == "glibc" && promises.contains(Promise::Dns) {
            weak::load_hosts();
        }
    });
}

/// What the objects of a process refer to.
#[derive(Clone, Copy, Default)]
struct Needs {
    unwinder: bool,
    zone: bool,
    log: bool,
    open: bool,
    silence: bool,
    links: bool,
}

/// What can something in this process come to want that "stdio" has beside
/// `promises`?
pub fn wishes(promises: Set) -> Wishes {
    // What has connect(2) of its own is not given a socket for the log.
    let connects = Set::EMPTY.with(Promise::Unix).with(Promise::Inet);
    let logs = || promises.and(connects).is_empty() && needs().log;
    let opens = || !promises.contains(Promise::Rpath) && (needs().open || needs().zone);
    let links = || promises.contains(Promise::Inet) && needs().links;
    let silences = || !promises.contains(Promise::Wpath) && needs().silence;
    let has_stdio = promises.contains(Promise::Stdio);
    Wishes {
        files: has_stdio && (opens() || silences()),
        sockets: has_stdio && (logs() || links()),
    }
}

/// Looked for once, in turn as the C library is: the loader's lock is taken.
fn needs() -> Needs {
    static NEEDS: Once<Needs> = Once::new();
    static LOOKING: Gate = Gate::new();
    if NEEDS.get().is_none() {
        LOOKING.pass_once(|lost| {
            if LOST.fetch_or(lost, Ordering::Relaxed) || lost {
                _ = NEEDS.get_or_make(Needs::default);
            } else {
                _ = NEEDS.get_or_make(look_for_needs);
            }
        });
    }
    NEEDS.get_or_make(Needs::default)
}

fn look_for_needs() -> Needs {
    if host().is_static {
        // Its unwinder is inside, and tzset(3) is too if something can need it.
        return Needs {
            unwinder: false,
            zone: true,
            log: weak::has_syslog(),
            open: true,
            silence: weak::has_daemon(),
            links: weak::has_links(),
        };
    }
    let mut needs = Needs::default();
    image::find(&mut |object| {
        if libc_name(&object).is_none() {
            object.wanted(&mut |name| {
                // Most names differ in their first byte.
                let begins = |head: &&[u8]| name.first() == head.first() && name.starts_with(head);
                needs.unwinder |= UNWINDING.contains(&name);
                needs.zone |= ZONED.iter().any(begins);
                needs.log |= LOGGING.contains(&name);
                needs.open |= OPENING.contains(&name);
                needs.silence |= name == b"daemon";
                needs.links |= LINKING.contains(&name);
            });
        }
        let Needs {
            unwinder,
            zone,
            log,
            open,
            silence,
            links,
        } = needs;
        unwinder && zone && log && open && silence && links
    });
    needs
}
