// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which C library a file is, or holds: for programs that are looked at from outside.

use object::{Object, ObjectSymbol};

use rpledge::extract;
use rpledge::facts::libcs;
use rpledge::host::{self, Host};
use rpledge::installed::{self, Chosen, Origin, Wanted};
use rpledge::resolve::Rows;
use rpledge::table::{self, BUILDS, TABLE, Table};

use crate::launch::Libc;

/// A C library as far as it is known.
pub struct Identity {
    /// A name of the database's libcs, or "unknown".
    pub name: &'static str,
    /// Empty if it cannot be told.
    pub version: String,
    pub is_static: bool,
    /// The data that serves, what stands for it there, and where that is from.
    pub table: &'static Table<'static>,
    pub rows: Rows,
    pub origin: Origin,
}

/// Find out; without a file, every libc of the database stands for it.
pub fn identify(libc: Option<&Libc>) -> Identity {
    let Some(libc) = libc else {
        return of("unknown", String::new(), false, "");
    };
    let id: String = libc
        .build_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // A static program's build-id is its own.
    let id = if libc.shared { id } else { String::new() };
    let known = BUILDS.get(&id).map(|n| &TABLE.libcs[usize::from(*n)]);
    let known = known.map(|libc| (libc.name, libc.version.to_owned()));
    let told = known.or_else(|| extract::version_in(&libc.bytes));
    let (name, version) = told.unwrap_or_else(|| (symbols(&libc.bytes), String::new()));
    of(name, version, !libc.shared, &id)
}

fn of(name: &'static str, version: String, is_static: bool, build_id: &str) -> Identity {
    let Chosen {
        table,
        rows,
        origin,
    } = installed::choose(Wanted {
        name,
        version: &version,
        build_id,
    });
    Identity {
        name,
        version,
        is_static,
        table,
        rows,
        origin,
    }
}

impl Identity {
    /// The same for a broker of its program.
    pub fn host(&self) -> Host {
        let Identity {
            table,
            rows,
            origin,
            ..
        } = *self;
        let chosen = Chosen {
            table,
            rows,
            origin,
        };
        host::of_other(self.name, &self.version, self.is_static, chosen)
    }

    /// The rows that stand for it.
    pub fn libcs(&self) -> &'static [table::Libc<'static>] {
        self.rows.of(self.table)
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
