// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of files that a broker opens: cleaned as OpenBSD does it, and held against the data. Pure.

use crate::promise::Set;
use crate::table::Name;

/// A path and its NUL: PATH_MAX.
pub const LONGEST: usize = 4096;

/// What is to be done with a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Its status, whether it is there.
    Look,
    /// Open what is there.
    Open { read: bool, write: bool },
    /// Open it with O_CREAT.
    Create,
    /// Remove it.
    Unlink,
}

/// What befalls a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Serve,
    /// It fails with this errno.
    Errno(u16),
    /// No promise has it.
    Refuse,
}

/// What befalls a cleaned `path` under `held`. Of several lines that it fits,
/// one that names it in full counts for more than a pattern, and an errno for more than leave.
pub fn judge(names: &[Name], held: Set, path: &[u8], of: Use) -> Verdict {
    let mut verdict = Verdict::Refuse;
    for name in names.iter().filter(|name| held.contains(name.promise)) {
        if !fits(name, path) {
            continue;
        }
        if name.errno != 0 {
            return Verdict::Errno(name.errno);
        }
        if allows(name, of) {
            verdict = Verdict::Serve;
        }
    }
    verdict
}

fn fits(name: &Name, path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(name.head.as_bytes()) else {
        return false;
    };
    match name.tail {
        None => rest.is_empty(),
        // All that begins so; a name that was cleaned does not end with a slash.
        Some("") => true,
        // One name on the way, lest /proc/1/root lead anywhere.
        Some(tail) => rest
            .strip_suffix(tail.as_bytes())
            .is_some_and(|one| !one.is_empty() && !one.contains(&b'/')),
    }
}

fn allows(name: &Name, of: Use) -> bool {
    match of {
        Use::Look => name.look || name.read || name.write,
        Use::Open { read, write } => (read || write) && read <= name.read && write <= name.write,
        Use::Create => name.create,
        Use::Unlink => name.unlink,
    }
}

/// A path without `//`, `/./`, `/../` and a slash at its end, in `buffer`, which
/// is as long as the path; none where it is not absolute. Links are not looked at.
pub fn clean<'a>(path: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    if path.first() != Some(&b'/') || path.contains(&0) || buffer.len() < path.len() {
        return None;
    }
    let mut len = 0;
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let parent = buffer[..len].iter().rposition(|byte| *byte == b'/');
                len = parent.unwrap_or(0);
            }
            part => {
                buffer[len] = b'/';
                buffer[len + 1..=len + part.len()].copy_from_slice(part);
                len += 1 + part.len();
            }
        }
    }
    if len == 0 {
        buffer[0] = b'/';
        len = 1;
    }
    Some(&buffer[..len])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::Promise;
    use crate::table::NAMES;

    fn cleaned(path: &str) -> Option<String> {
        let mut buffer = [0; LONGEST];
        let clean = clean(path.as_bytes(), &mut buffer)?;
        Some(String::from_utf8(clean.to_vec()).expect("as it came"))
    }

    #[test]
    fn paths_are_cleaned_as_openbsd_does() {
        for (path, clean) in [
            ("/etc/passwd", "/etc/passwd"),
            ("//etc/./passwd/", "/etc/passwd"),
            ("/etc/../etc/passwd", "/etc/passwd"),
            ("/../../etc", "/etc"),
            ("/", "/"),
            ("/..", "/"),
            ("/tmp/../etc/shadow", "/etc/shadow"),
            ("/tmp/...", "/tmp/..."),
            ("/a/b/../../c", "/c"),
        ] {
            assert_eq!(cleaned(path).as_deref(), Some(clean), "{path}");
        }
        for path in ["", "etc/passwd", "./etc", "../etc", "/etc/pass\0wd"] {
            assert_eq!(cleaned(path), None, "{path:?}");
        }
    }

    fn verdict(words: &str, path: &str, of: Use) -> Verdict {
        let held = Set::parse(words).expect("words");
        let mut buffer = [0; LONGEST];
        let path = clean(path.as_bytes(), &mut buffer).expect("absolute");
        judge(&NAMES, held, path, of)
    }

    #[test]
    fn what_the_data_says_is_served() {
        let read = Use::Open {
            read: true,
            write: false,
        };
        let write = Use::Open {
            read: false,
            write: true,
        };
        let both = Use::Open {
            read: true,
            write: true,
        };
        for (words, path, of, wanted) in [
            ("stdio getpw", "/etc/passwd", read, Verdict::Serve),
            ("stdio getpw", "/etc/passwd", write, Verdict::Refuse),
            ("stdio getpw", "/etc/passwd", both, Verdict::Refuse),
            ("stdio getpw", "/etc/shadow", read, Verdict::Errno(1)),
            (
                "stdio getpw",
                "/run/systemd/userdb/",
                read,
                Verdict::Errno(2),
            ),
            ("stdio getpw", "/etc/passwd-", read, Verdict::Refuse),
            ("stdio dns", "/etc/passwd", read, Verdict::Refuse),
            ("stdio dns", "/etc/hosts", Use::Look, Verdict::Serve),
            ("stdio getpw", "/", Use::Look, Verdict::Serve),
            ("stdio getpw", "/", read, Verdict::Refuse),
            ("stdio", "/dev/null", both, Verdict::Serve),
            ("stdio", "/dev/null", Use::Create, Verdict::Refuse),
            ("stdio ps", "/proc/1/stat", read, Verdict::Serve),
            ("stdio ps", "/proc/1/root/etc/stat", read, Verdict::Refuse),
            ("stdio ps", "/proc//stat", read, Verdict::Serve),
            ("stdio ps", "/proc/1/environ", read, Verdict::Refuse),
            ("stdio", "/usr/share/zoneinfo/UTC", read, Verdict::Serve),
            ("stdio", "/usr/share/zoneinfo/../x", read, Verdict::Refuse),
            ("stdio", "/usr/share/zoneinfo", read, Verdict::Refuse),
            ("stdio", "/dev/tty", both, Verdict::Refuse),
            ("stdio tty", "/dev/tty", both, Verdict::Serve),
            ("tmppath", "/tmp/x", Use::Create, Verdict::Serve),
            ("tmppath", "/tmp/x", Use::Unlink, Verdict::Serve),
            ("tmppath", "/tmp/x", read, Verdict::Refuse),
            ("tmppath", "/tmp", Use::Unlink, Verdict::Refuse),
            ("tmppath", "/tmp/../etc/x", Use::Create, Verdict::Refuse),
        ] {
            assert_eq!(verdict(words, path, of), wanted, "{words}: {path}");
        }
    }

    #[test]
    fn a_promise_that_is_not_held_opens_nothing() {
        for name in &NAMES {
            let held = Set::from_bits(u64::MAX).without(name.promise);
            let others = NAMES.iter().filter(|n| n.head == name.head).count();
            if others == 1 {
                let path = [name.head, "x"].concat();
                assert_eq!(
                    judge(&NAMES, held, path.as_bytes(), Use::Look),
                    Verdict::Refuse
                );
            }
        }
        assert!(NAMES.iter().any(|name| name.promise == Promise::Getpw));
    }
}
