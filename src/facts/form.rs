// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which kind of file a path is, and the canonical text of each kind: the formatter.

use super::arches::Arches;
use super::finding::{Finding, Source};
use super::{arches, check_text, document, gaps, parse, print, quirks, sockets, syscalls};

/// The kinds of data files that these modules know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Arches,
    Syscalls,
    Quirks,
    Gaps,
    Sockets,
    Snapshot,
    /// Ordered and commented by hand: it has no canonical text.
    Promises,
    /// Likewise.
    Unveil,
}

impl Kind {
    /// By name: `<libc>/<version>/<arch>.toml`, wherever that lies, or one of
    /// the files of data/ itself.
    pub fn of(path: &str) -> Option<Kind> {
        let mut parts = path.rsplit('/');
        match parts.next()? {
            "arches.toml" => Some(Kind::Arches),
            "syscalls.toml" => Some(Kind::Syscalls),
            "quirks.toml" => Some(Kind::Quirks),
            "gaps.toml" => Some(Kind::Gaps),
            "sockets.toml" => Some(Kind::Sockets),
            "promises.toml" => Some(Kind::Promises),
            "unveil.toml" => Some(Kind::Unveil),
            file if file.ends_with(".toml") && is_version(parts.next()?) => Some(Kind::Snapshot),
            _ => None,
        }
    }
}

impl Kind {
    /// Has it a text that the formatter writes?
    pub fn is_canonical(self) -> bool {
        !matches!(self, Kind::Promises | Kind::Unveil)
    }
}

fn is_version(part: &str) -> bool {
    super::version::Version::parse(part).is_some()
}

/// The text that the formatter makes of a file; refuses to drop comments. Files that people write keep
/// the comments at their top; those that programs write have a fixed one.
pub fn canonical(kind: Kind, source: &Source, known: &Arches) -> Result<String, Vec<Finding>> {
    if kind.is_canonical() {
        let lost = check_text::comment(source);
        if !lost.is_empty() {
            return Err(lost);
        }
    }
    let with_head = |body: String| document::head(source.text).to_owned() + &body;
    match kind {
        Kind::Arches => arches::read(source).map(|a| with_head(arches::print(&a))),
        Kind::Quirks => quirks::read(source).map(|q| with_head(quirks::print(&q))),
        Kind::Gaps => gaps::read(source).map(|g| with_head(gaps::print(&g))),
        Kind::Sockets => sockets::read(source).map(|s| with_head(sockets::print(&s))),
        Kind::Syscalls => syscalls::read(source, known).map(|s| syscalls::print(&s, known)),
        Kind::Snapshot => parse::snapshot(source).map(|s| print::snapshot(&s)),
        Kind::Promises | Kind::Unveil => Ok(source.text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_go_by_name() {
        for (path, kind) in [
            ("data/arches.toml", Some(Kind::Arches)),
            ("syscalls.toml", Some(Kind::Syscalls)),
            ("./quirks.toml", Some(Kind::Quirks)),
            ("data/sockets.toml", Some(Kind::Sockets)),
            ("data/glibc/2.36/x86_64.toml", Some(Kind::Snapshot)),
            ("2.36/x86_64.toml", Some(Kind::Snapshot)),
            ("x86_64.toml", None),
            ("Cargo.toml", None),
            ("data/glibc/2.36/x86_64", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }
}
