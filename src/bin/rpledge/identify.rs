// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which C library a file is, or holds: for programs that are looked at from outside.

use object::{Object, ObjectSymbol};

use rpledge::extract;
use rpledge::facts::libcs;
use rpledge::resolve::{self, Rows};
use rpledge::table::TABLE;

use crate::launch::Libc;

/// A C library as far as it is known.
pub struct Identity {
    /// A name of the database's libcs, or "unknown".
    pub name: &'static str,
    /// Empty if it cannot be told.
    pub version: String,
    pub is_static: bool,
    pub rows: Rows,
}

/// Find out; without a file, every libc of the database stands for it.
pub fn identify(libc: Option<&Libc>) -> Identity {
    let Some(libc) = libc else {
        return of("unknown", String::new(), false, None);
    };
    let id: String = libc
        .build_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if let Some(n) = resolve::build(&TABLE, &id).filter(|_| libc.shared) {
        return of(
            TABLE.libcs[n].name,
            TABLE.libcs[n].version.to_owned(),
            false,
            Some(n),
        );
    }
    let (name, version) = match extract::version_in(&libc.bytes) {
        Some((name, version)) => (name, version),
        None => (symbols(&libc.bytes), String::new()),
    };
    of(name, version, !libc.shared, None)
}

fn of(name: &'static str, version: String, is_static: bool, build: Option<usize>) -> Identity {
    let rows = resolve::find(&TABLE, name, &version, build);
    Identity {
        name,
        version,
        is_static,
        rows,
    }
}

/// The libc whose own symbols a static program keeps.
fn symbols(bytes: &[u8]) -> &'static str {
    let Ok(file) = object::File::parse(bytes) else {
        return "unknown";
    };
    let has = |name: &str| file.symbols().any(|symbol| symbol.name() == Ok(name));
    libcs::of_symbols(has).unwrap_or("unknown")
}
