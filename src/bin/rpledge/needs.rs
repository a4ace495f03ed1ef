// SPDX-License-Identifier: MIT OR Apache-2.0
//! Paths for common needs, from the lists of data/unveil.toml, as far as they are there.

use std::path::{Path, PathBuf};

use rpledge::facts::veil;
use rpledge::letters::Letters;

use crate::report::Failure;
use crate::store::Store;

/// Letters and paths of the lists of these names.
pub fn paths(lists: &[&str]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let store = Store::open(None)?;
    let Some(source) = store.source("unveil.toml") else {
        return Ok(Vec::new());
    };
    let data = veil::read(&source)?;
    let lists = lists.iter().filter_map(|name| data.lists.get(*name));
    let mut found = Vec::new();
    for (letters, pattern) in lists.flat_map(|list| &list.paths) {
        let there = matching(Path::new(pattern));
        found.extend(there.into_iter().map(|path| (*letters, path)));
    }
    let added = together(&found).into_iter();
    Ok(added
        .map(|(letters, path)| (letters.to_string(), path))
        .collect())
}

/// Each list adds to the others: what lies below another's path has its letters
/// too, and needs no rule where it has no more.
fn together(found: &[(Letters, PathBuf)]) -> Vec<(Letters, PathBuf)> {
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let real: Vec<PathBuf> = found.iter().map(|(_, path)| real(path)).collect();
    // The letters of all whose path is about the same as that one.
    let all = |n: usize, is_meant: &dyn Fn(&Path, &Path) -> bool| {
        let meant = real.iter().zip(found);
        let meant = meant.filter(|(at, _)| is_meant(at, &real[n]));
        meant.fold(Letters::NONE, |all, (_, (letters, _))| all.or(*letters))
    };
    let above = |n| all(n, &|at, own| own != at && own.starts_with(at));
    let same = |n| all(n, &|at, own| own == at);
    (0..found.len())
        .filter(|n| !above(*n).has(same(*n)))
        .map(|n| (above(n).or(same(n)), found[n].1.clone()))
        .collect()
}

/// What is there of a path whose last name may have one `*`.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let Some((head, tail)) = name.split_once('*') else {
        return match pattern.exists() {
            true => vec![pattern.to_owned()],
            false => Vec::new(),
        };
    };
    let entries = pattern.parent().map(std::fs::read_dir);
    let entries = entries.and_then(Result::ok).into_iter().flatten().flatten();
    let matches = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail)
    };
    entries.map(|entry| entry.path()).filter(matches).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found() {
        assert_eq!(matching(Path::new("/none/at/all")), Vec::<PathBuf>::new());
        assert_eq!(matching(Path::new("/none/*.path")), Vec::<PathBuf>::new());
        assert_eq!(matching(Path::new("/proc/self")), [Path::new("/proc/self")]);
        assert_eq!(
            matching(Path::new("/proc/vers*n")),
            [Path::new("/proc/version")]
        );
    }

    #[test]
    fn lists_add_to_each_other() {
        let rule = |text: &str, path: &str| {
            let letters = Letters::parse(text.as_bytes()).expect("letters");
            (letters, PathBuf::from(path))
        };
        let given = [
            rule("rx", "/none"),
            rule("r", "/none/below"),
            rule("rw", "/none/written"),
            rule("r", "/nonesuch"),
            rule("w", "/nonesuch"),
        ];
        let wanted = [
            rule("rx", "/none"),
            rule("rwx", "/none/written"),
            rule("rw", "/nonesuch"),
            rule("rw", "/nonesuch"),
        ];
        assert_eq!(together(&given), wanted);
    }

    #[test]
    fn every_list_of_the_command_is_in_the_data() {
        for list in ["dns", "certs", "tty", "ld.so"] {
            assert!(
                paths(&[list]).is_ok_and(|paths| !paths.is_empty()),
                "{list}"
            );
        }
    }
}
