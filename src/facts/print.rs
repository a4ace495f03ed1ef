// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshots as text, in the one canonical form.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::document::{key, quoted};
use super::{Build, FORMAT, Row, Snapshot};

/// The first line of every snapshot.
pub const HEAD: &str =
    "# Made by `rpledge data extract`: do not edit. Corrections go into data/quirks.toml.\n";

/// The file that says this and nothing else: `parse::snapshot` reads it back.
pub fn snapshot(snapshot: &Snapshot) -> String {
    let mut out = String::from(HEAD);
    line(&mut out, "format", FORMAT);
    for (name, value) in [
        ("libc", &snapshot.libc),
        ("version", &snapshot.version),
        ("arch", &snapshot.arch),
        ("extractor", &snapshot.extractor),
    ] {
        line(&mut out, name, quoted(value));
    }
    if snapshot.builds.is_empty() {
        line(&mut out, "build", "[]");
    }
    for one in &snapshot.builds {
        build(&mut out, one);
    }
    table(&mut out, "effects", &snapshot.effects);
    table(&mut out, "functions", &snapshot.functions);
    out
}

fn build(out: &mut String, build: &Build) {
    out.push_str("\n[[build]]\n");
    line(out, "distribution", quoted(&build.distribution));
    line(out, "package", quoted(&build.package));
    line(out, "package-version", quoted(&build.package_version));
    line(out, "sites", build.sites);
    line(out, "unresolved", build.unresolved);
    if build.objects.is_empty() {
        line(out, "object", "[]");
    }
    for object in &build.objects {
        out.push_str("\n[[build.object]]\n");
        line(out, "file", quoted(&object.file));
        line(out, "sha256", quoted(&object.sha256));
        if !object.build_id.is_empty() {
            line(out, "build-id", quoted(&object.build_id));
        }
    }
}

fn table(out: &mut String, name: &str, rows: &BTreeMap<String, Row>) {
    let _ = writeln!(out, "\n[{name}]");
    for (name, row) in rows {
        line(out, &key(name), quoted(&row.to_string()));
    }
}

/// One `key = value`.
pub fn line(out: &mut String, key: &str, value: impl std::fmt::Display) {
    // A String takes every write.
    let _ = writeln!(out, "{key} = {value}");
}

#[cfg(test)]
mod tests {
    use super::super::finding::Source;
    use super::super::parse;
    use super::*;

    const FILE: &str = include_str!("testdata/glibc-2.36.toml");

    fn read(text: &str) -> Snapshot {
        parse::snapshot(&Source {
            file: "testdata",
            text,
        })
        .expect("a good snapshot")
    }

    #[test]
    fn a_canonical_file_is_its_own_printing() {
        assert_eq!(snapshot(&read(FILE)), FILE);
    }

    #[test]
    fn printing_loses_nothing() {
        let mut some = read(FILE);
        some.version = "q\"\\\u{1}".to_owned();
        some.builds[0].objects[0].build_id.clear();
        assert_eq!(read(&snapshot(&some)), some);
        some.builds[0].objects.clear();
        assert_eq!(read(&snapshot(&some)), some);
        some.builds.clear();
        assert_eq!(read(&snapshot(&some)), some);
    }

    #[test]
    fn rows_are_sorted_by_their_bytes() {
        let some = read(&FILE.replace(
            "[functions]\n",
            "[functions]\n\"a@V\" = \"\"\na_b = \"\"\nab = \"\"\na = \"\"\n",
        ));
        let text = snapshot(&some);
        let at = |row: &str| text.find(row).expect(row);
        assert!(at("\na = ") < at("\n\"a@V\" = "));
        assert!(at("\n\"a@V\" = ") < at("\na_b = "));
        assert!(at("\na_b = ") < at("\nab = "));
    }
}
