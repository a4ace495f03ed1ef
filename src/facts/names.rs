// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that a broker opens for a promise: `"/usr/share/zoneinfo/*" = "read"`.

use super::homes::ERRNOS;
use super::near;

/// One name, and what may be done with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Name {
    /// The name, or what stands before its `*`.
    pub head: String,
    /// What stands behind its `*`.
    pub tail: Option<String>,
    /// Look at its status.
    pub look: bool,
    /// Open for reading; look at its status, and at what it is a link to.
    pub read: bool,
    /// Open for writing what is there.
    pub write: bool,
    /// Open for anything with O_CREAT.
    pub create: bool,
    /// Remove it.
    pub unlink: bool,
    /// What any use of it fails with; 0: it does not.
    pub errno: u16,
}

/// A line of `[promise.X.names]`.
pub fn read(path: &str, text: &str) -> Result<Name, String> {
    let mut name = Name::default();
    match path.split_once('*') {
        None => name.head = path.to_owned(),
        Some((head, tail)) => {
            name.head = head.to_owned();
            name.tail = Some(tail.to_owned());
        }
    }
    let mut parts = path.split('/').skip(1);
    let is_clean = path == "/" || parts.all(|part| !matches!(part, "" | "." | ".."));
    if !path.starts_with('/') || !is_clean || path.matches('*').count() > 1 {
        return Err(format!(
            "{path:?} is no clean absolute path with at most one *"
        ));
    }
    for word in text.split(' ') {
        match word {
            "look" => name.look = true,
            "read" => name.read = true,
            "write" => name.write = true,
            "create" => name.create = true,
            "unlink" => name.unlink = true,
            errno => name.errno = self::errno(errno)?,
        }
    }
    let allows = name.look || name.read || name.write || name.create || name.unlink;
    if allows == (name.errno != 0) {
        return Err(format!("{text:?} says both that it may and that it fails"));
    }
    Ok(name)
}

fn errno(word: &str) -> Result<u16, String> {
    let found = ERRNOS.iter().find(|(name, _)| *name == word);
    found.map(|(_, n)| *n).ok_or_else(|| {
        let words = ["look", "read", "write", "create", "unlink"];
        let known = words
            .into_iter()
            .chain(ERRNOS.iter().map(|(name, _)| *name));
        let help = near::advice(word, known, "look, read, write, create, unlink or an errno");
        format!("{word:?} is nothing that can be done with a name: {help}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let zone = read("/usr/share/zoneinfo/*", "read").expect("a line");
        assert_eq!(
            (zone.head.as_str(), zone.tail.as_deref(), zone.read),
            ("/usr/share/zoneinfo/", Some(""), true)
        );
        let null = read("/dev/null", "read write").expect("a line");
        assert!(null.read && null.write && !null.create && null.tail.is_none());
        assert_eq!(read("/etc/shadow", "EPERM").expect("a line").errno, 1);
        for (path, text) in [
            ("etc/passwd", "read"),
            ("/etc//passwd", "read"),
            ("/etc/../passwd", "read"),
            ("/a/*/*", "read"),
            ("/etc/passwd", "reads"),
            ("/etc/passwd", "read EPERM"),
            ("/etc/passwd", ""),
        ] {
            assert!(read(path, text).is_err(), "{path} {text}");
        }
    }
}
