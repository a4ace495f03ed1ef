// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data that was installed after the library was built: which file serves, if one does, and why another does not.
//!
//! Only root may say what promises mean. So a file counts only if it is a
//! regular one of root's that nobody else can write, and if the same holds of
//! every directory on the way to it; none of them may be a link. They are
//! opened one after the other and asked by descriptor: what was looked at is
//! what is read. It is copied, not mapped, since a file that is written in
//! place would change a mapping that was checked already.

use core::ffi::CStr;

use crate::compiled::{self, FORMAT, ROOM, Refusal, SIZE_MAX};
use crate::resolve::{self, Match, Rows};
use crate::seccomp;
use crate::short::Short;
use crate::sys::arena::Arena;
use crate::sys::file::{self, About, File};
use crate::table::{BUILDS, TABLE, Table};

/// Where files are looked for, the first that serves first.
pub const DIRECTORIES: [&str; 2] = ["/var/lib/rpledge", "/usr/share/rpledge"];

/// Longest path of a file: build-ids have 64 digits at most.
pub const PATH_MAX: usize = 128;

/// A file's path.
pub type Path = Short<PATH_MAX>;

/// Where the data that serves is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The file; empty if the library's own tables serve.
    pub file: Path,
    /// The first file, or directory, that was there and does not serve.
    pub refused: Path,
    /// Why it does not.
    pub why: Option<Refusal>,
}

impl Origin {
    /// The library, and nothing else was there.
    pub const LIBRARY: Origin = Origin {
        file: Path::EMPTY,
        refused: Path::EMPTY,
        why: None,
    };

    fn refuse(&mut self, path: Path, why: Refusal) {
        if self.why.is_none() {
            (self.refused, self.why) = (path, Some(why));
        }
    }
}

/// The table that serves a libc, its rows in it, and where it is from.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    pub table: &'static Table<'static>,
    pub rows: Rows,
    pub origin: Origin,
}

/// What a libc is looked for by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub name: &'a str,
    /// Empty if it cannot be told.
    pub version: &'a str,
    /// In hex; empty if it has none.
    pub build_id: &'a str,
}

/// Find the data for a libc. The better match serves; of two as good the newer
/// release does; and of two as new a file rather than the library's own.
pub fn choose(wanted: Wanted) -> Chosen {
    let own = own(wanted);
    let mut origin = Origin::LIBRARY;
    // A filter of ours may hold for a violation what opens a file; under one
    // of another's files can be read, or no program would start.
    if seccomp::newest().is_some() {
        origin.refuse(Path::EMPTY, Refusal::Confined);
        return Chosen { origin, ..own };
    }
    let there = DIRECTORIES.map(|place| with_c_str(place, file::exists));
    if there == [false; 2] {
        return own;
    }
    let Some((file, table)) = first_file(wanted, there, &mut origin) else {
        return Chosen { origin, ..own };
    };
    let rows = rows(table, wanted);
    let set_aside = if own.rows.matched > rows.matched {
        Some(Refusal::Build)
    } else if own.rows.matched == rows.matched
        && resolve::compare(TABLE.release, table.release).is_gt()
    {
        Some(Refusal::Older)
    } else {
        None
    };
    if let Some(why) = set_aside {
        origin.refuse(file, why);
        return Chosen { origin, ..own };
    }
    origin.file = file;
    Chosen {
        table,
        rows,
        origin,
    }
}

/// What the library was built with.
fn own(wanted: Wanted) -> Chosen {
    let build = BUILDS.get(wanted.build_id).map(|n| usize::from(*n));
    Chosen {
        table: &TABLE,
        rows: resolve::find(&TABLE, wanted.name, wanted.version, build),
        origin: Origin::LIBRARY,
    }
}

/// What a table has for a libc.
fn rows(table: &Table, wanted: Wanted) -> Rows {
    let build = match wanted.build_id {
        "" => None,
        id => resolve::build(table, id),
    };
    resolve::find(table, wanted.name, wanted.version, build)
}

/// The path of a build's file, below a directory of [`DIRECTORIES`].
pub fn build_path(arch: &str, build_id: &str) -> Path {
    Path::join(&[
        DIRECTORY,
        "/",
        arch,
        "/",
        BUILDS_DIRECTORY,
        "/",
        build_id,
        SUFFIX,
    ])
}

/// The path of a version's file, likewise.
pub fn version_path(arch: &str, name: &str, version: &str) -> Path {
    Path::join(&[DIRECTORY, "/", arch, "/", name, "-", version, SUFFIX])
}

/// [`FORMAT`], so that a newer format lies beside this one.
const DIRECTORY: &str = "2";
const _: () = assert!(FORMAT == 2);
const BUILDS_DIRECTORY: &str = "build-id";
const SUFFIX: &str = ".rpd";

/// The first file that serves, below those directories that are there: of the
/// very build, then of the version.
fn first_file(
    wanted: Wanted,
    there: [bool; 2],
    origin: &mut Origin,
) -> Option<(Path, &'static Table<'static>)> {
    let is_name = |text: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
        !text.is_empty() && text.bytes().all(is_plain)
    };
    let by_build = build_path(TABLE.arch, wanted.build_id);
    let by_version = version_path(TABLE.arch, wanted.name, wanted.version);
    let names = [
        (by_build, is_name(wanted.build_id)),
        (by_version, is_name(wanted.name) && is_name(wanted.version)),
    ];
    let mut arena = None;
    let mut found = None;
    for (name, _) in names.iter().filter(|(_, is_known)| *is_known) {
        for (place, is_there) in DIRECTORIES.iter().zip(there) {
            if found.is_some() || !is_there {
                continue;
            }
            let mut at = Path::EMPTY;
            match read(place, name.as_str(), &mut at, &mut arena) {
                Ok(table) if rows(table, wanted).matched >= Match::Version => {
                    found = Some((at, table));
                }
                Ok(_) => origin.refuse(at, Refusal::Libc),
                Err(Refusal::Errno(libc::ENOENT)) => {}
                Err(why) => origin.refuse(at, why),
            }
        }
    }
    if let Some(arena) = arena {
        arena.seal();
    }
    found
}

/// Read the file `name` below `place`; `at` tells how far that went.
fn read(
    place: &str,
    name: &str,
    at: &mut Path,
    arena: &mut Option<&'static Arena>,
) -> Result<&'static Table<'static>, Refusal> {
    let file = open(place, name, at)?;
    let about = file.about().map_err(Refusal::Errno)?;
    if !about.is_file {
        return Err(Refusal::Kind);
    }
    check(&about)?;
    if about.size > SIZE_MAX {
        return Err(Refusal::Long);
    }
    let arena = match arena {
        Some(arena) => *arena,
        None => arena.insert(Arena::map_for_good(ROOM).map_err(|_| Refusal::Memory)?),
    };
    let bytes = arena.bytes(about.size, |bytes| {
        let mut len = 0;
        while len < bytes.len() {
            match file.read(&mut bytes[len..]).map_err(Refusal::Errno)? {
                0 => break,
                more => len += more,
            }
        }
        Ok::<_, Refusal>(len)
    })?;
    compiled::keep(bytes, arena, &TABLE)
}

/// Open it by way of directories that nobody but root can change.
fn open(place: &str, name: &str, at: &mut Path) -> Result<File, Refusal> {
    *at = Path::new(b"/");
    let mut here = File::root().map_err(Refusal::Errno)?;
    check(&here.about().map_err(Refusal::Errno)?)?;
    *at = Path::EMPTY;
    let below = place.split('/').chain(name.split('/'));
    let mut below = below.filter(|part| !part.is_empty()).peekable();
    while let Some(part) = below.next() {
        *at = Path::join(&[at.as_str(), "/", part]);
        let is_last = below.peek().is_none();
        let open = |part: &CStr| match is_last {
            true => here.file(part),
            false => here.directory(part),
        };
        here = with_c_str(part, open).map_err(|errno| match errno {
            libc::ELOOP | libc::ENOTDIR => Refusal::Kind,
            errno => Refusal::Errno(errno),
        })?;
        if !is_last {
            check(&here.about().map_err(Refusal::Errno)?)?;
        }
    }
    Ok(here)
}

/// Is it root's alone to write? Where a list of further users (an ACL) may
/// write, the group's bit says so.
fn check(about: &About) -> Result<(), Refusal> {
    match about {
        About { owner, .. } if *owner != 0 => Err(Refusal::Owner(*owner)),
        About { mode, .. } if mode & 0o022 != 0 => Err(Refusal::Writable),
        _ => Ok(()),
    }
}

/// The text with its NUL.
fn with_c_str<R>(text: &str, act: impl FnOnce(&CStr) -> R) -> R {
    let mut bytes = [0; PATH_MAX + 1];
    for (slot, byte) in bytes[..PATH_MAX].iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
    act(CStr::from_bytes_until_nul(&bytes).unwrap_or(c""))
}
