// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which rows of the database stand for a C library. Pure.

use core::cmp::Ordering;

use crate::table::{Libc, Table};

/// How well a libc was found in the database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Match {
    /// Not at all: every libc of the architecture, joined, stands for it.
    None,
    /// Between two known versions, or beyond the newest or oldest.
    Nearest,
    /// Name and version.
    Version,
    /// The very build.
    Build,
}

/// The rows that stand for a libc: a run of [`Table::libcs`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rows {
    pub matched: Match,
    pub from: usize,
    pub count: usize,
}

impl Rows {
    /// The rows themselves.
    pub fn of<'t, 'a>(&self, table: &'t Table<'a>) -> &'t [Libc<'a>] {
        table
            .libcs
            .get(self.from..self.from + self.count)
            .unwrap_or(&[])
    }
}

/// The row that was read from the build with this id (hex).
pub fn build(table: &Table, build_id: &str) -> Option<usize> {
    table
        .libcs
        .iter()
        .position(|l| l.builds.contains(&build_id))
}

/// Find the libc: `build` if its very build is known, else by version, else
/// its neighbours.
///
/// Between two known versions both stand for it. Beyond the newest the newest
/// does, with what other libcs' functions need that it lacks ([`Libc::is_later`]);
/// calls that the data's kernel does not know are ENOSYS. An older one than all
/// makes calls that were replaced since, and no rule tells which: every libc of
/// the architecture stands for it.
pub fn find(table: &Table, name: &str, version: &str, build: Option<usize>) -> Rows {
    if let Some(n) = build {
        return Rows {
            matched: Match::Build,
            from: n,
            count: 1,
        };
    }
    let Some(first) = table.libcs.iter().position(|l| l.name == name) else {
        return every(table);
    };
    let same = table.libcs[first..]
        .iter()
        .take_while(|l| l.name == name)
        .count();
    let last = &table.libcs[first + same - 1];
    let later = usize::from(last.is_later());
    let versions = &table.libcs[first..first + same - later];
    if version.is_empty() {
        // An unknown version of a known libc: each of its versions.
        return Rows {
            matched: Match::Nearest,
            from: first,
            count: versions.len(),
        };
    }
    let below = versions
        .iter()
        .take_while(|l| compare(l.version, version).is_lt())
        .count();
    let (from, count, matched) = match versions.get(below) {
        Some(l) if compare(l.version, version).is_eq() => (below, 1, Match::Version),
        Some(_) if below == 0 => {
            return Rows {
                matched: Match::Nearest,
                ..every(table)
            };
        }
        Some(_) => (below - 1, 2, Match::Nearest),
        None => (below - 1, 1 + later, Match::Nearest),
    };
    Rows {
        matched,
        from: first + from,
        count,
    }
}

/// Every libc of the architecture.
fn every(table: &Table) -> Rows {
    Rows {
        matched: Match::None,
        from: 0,
        count: table.libcs.len(),
    }
}

/// Compare versions number by number: 2.9 is before 2.31.
pub fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |text: &'_ str| -> [u32; 4] {
        let mut list = [0; 4];
        for (slot, part) in list.iter_mut().zip(text.split('.')) {
            let digits = part.bytes().take_while(u8::is_ascii_digit);
            *slot = digits.fold(0, |n: u32, d| {
                n.saturating_mul(10).saturating_add(u32::from(d - b'0'))
            });
        }
        list
    };
    numbers(a).cmp(&numbers(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::Promise;
    use crate::table::{Grant, TABLE};

    static NOTHING: [Grant; Promise::COUNT] = [Grant::NONE; Promise::COUNT];

    const fn libc(
        name: &'static str,
        version: &'static str,
        builds: &'static [&'static str],
    ) -> Libc<'static> {
        Libc {
            name,
            version,
            builds,
            always: Grant::NONE,
            promises: &NOTHING,
        }
    }

    #[test]
    fn every_rule_of_resolution() {
        let libcs = [
            libc("glibc", "2.9", &["aa"]),
            libc("glibc", "2.31", &["bb", "cc"]),
            libc("glibc", "2.36", &[]),
            libc("musl", "1.2.3", &["dd"]),
            libc("musl", "1.2.3+", &[]),
        ];
        let table = Table {
            libcs: &libcs,
            calls: &[],
            limits: &[],
            errnos: &[],
            ..TABLE
        };
        let rows = |name, version, id| {
            let rows = find(&table, name, version, build(&table, id));
            (rows.matched, rows.from, rows.count)
        };
        assert_eq!(rows("glibc", "2.31", "cc"), (Match::Build, 1, 1));
        assert_eq!(rows("?", "", "dd"), (Match::Build, 3, 1));
        assert_eq!(rows("glibc", "2.36", "ee"), (Match::Version, 2, 1));
        assert_eq!(rows("glibc", "2.33", ""), (Match::Nearest, 1, 2));
        assert_eq!(rows("glibc", "2.40.9", ""), (Match::Nearest, 2, 1));
        assert_eq!(rows("glibc", "2.3", ""), (Match::Nearest, 0, 5));
        assert_eq!(rows("glibc", "", ""), (Match::Nearest, 0, 3));
        assert_eq!(rows("musl", "1.2.3", ""), (Match::Version, 3, 1));
        assert_eq!(rows("musl", "1.2.5", ""), (Match::Nearest, 3, 2));
        assert_eq!(rows("musl", "1.2.2", ""), (Match::Nearest, 0, 5));
        assert_eq!(rows("bionic", "1", ""), (Match::None, 0, 5));
    }
}
