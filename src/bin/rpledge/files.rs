// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a C library below an unpacked package: which are read, in which order.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use object::Object;

use crate::report::Failure;

/// By libc: the ends of the paths of its files, the libc itself first and
/// `|` between two spellings. Only the first must be there. glibc's NSS
/// plug-ins are those of its own package; libm makes no system call.
const LIBCS: [&[&str]; 5] = [
    &[
        "libc.so.6",
        "ld-linux*.so.*|ld64.so.*|ld.so.1",
        "libpthread.so.0",
        "librt.so.1",
        "libdl.so.2",
        "libanl.so.1",
        "libutil.so.1",
        "libresolv.so.2",
        "libnss_files.so.2",
        "libnss_dns.so.2",
        "libnss_compat.so.2",
        "libnss_hesiod.so.2",
    ],
    &["klibc/lib/libc.a", "klibc-*.so"],
    &[
        "diet/lib-*/libc.a",
        "diet/lib-*/libpthread.a",
        "diet/lib-*/libcompat.a",
    ],
    &["libllvmlibc.a"],
    // The others have files of these names too.
    &["libc.so|ld-musl-*.so.1"],
];

/// Most files and directories of a package.
const MOST: usize = 200_000;

/// The files of the libc below a directory, in the order in which they are read.
pub fn find(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |what: &str| Failure::data(format!("rpledge: {}: {what}", root.display()));
    let top = fs::canonicalize(root).map_err(|why| failed(&why.to_string()))?;
    let mut paths = BTreeSet::new();
    let mut work = vec![root.to_owned()];
    while let Some(directory) = work.pop() {
        let entries = fs::read_dir(&directory)
            .map_err(|why| Failure::data(format!("rpledge: {}: {why}", directory.display())))?;
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                work.push(entry.path());
            } else {
                paths.insert(entry.path());
            }
        }
        if paths.len() + work.len() > MOST {
            return Err(failed("more than one package; give its directory"));
        }
    }
    for patterns in LIBCS {
        let mut found = Vec::new();
        for (place, pattern) in patterns.iter().enumerate() {
            let one = one(&paths, &top, pattern)?;
            if one.is_none() && place == 0 {
                break;
            }
            found.extend(one.filter(|path| place < 2 || !is_stub(path)));
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(failed(
        "no C library below it; name its files, the libc first",
    ))
}

/// The one library or archive that a pattern names, by the first of its paths.
fn one(paths: &BTreeSet<PathBuf>, top: &Path, pattern: &str) -> Result<Option<PathBuf>, Failure> {
    let mut first: Option<(&PathBuf, PathBuf)> = None;
    for spelling in pattern.split('|') {
        for path in paths.iter().filter(|path| ends(path, spelling)) {
            // An absolute link leads to this machine's own file.
            let Ok(real) = fs::canonicalize(path) else {
                continue;
            };
            if !real.starts_with(top) || !is_code(&real) {
                continue;
            }
            match &first {
                Some((other, known)) if *known != real => {
                    let (other, path) = (other.display(), path.display());
                    return Err(Failure::data(format!(
                        "rpledge: {path}: not the same file as {other}; name the files of one libc"
                    )));
                }
                Some(_) => {}
                None => first = Some((path, real)),
            }
        }
        if first.is_some() {
            break;
        }
    }
    Ok(first.map(|(path, _)| path.clone()))
}

/// Are the last parts of a path these, `*` standing for anything in one?
fn ends(path: &Path, pattern: &str) -> bool {
    let mut parts = path.components().rev();
    pattern.rsplit('/').all(|pattern| {
        let name = parts.next().and_then(|part| part.as_os_str().to_str());
        name.is_some_and(|name| is_like(name, pattern))
    })
}

fn is_like(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(name) = name.strip_prefix(start) else {
        return false;
    };
    name.char_indices()
        .map(|(at, _)| at)
        .chain([name.len()])
        .any(|at| is_like(&name[at..], rest))
}

/// An ELF file or an archive; linker scripts have a library's name too.
fn is_code(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && (start.starts_with(b"\x7fELF") || start == *b"!<arch>\n")
}

/// A library that has been joined to the libc and is left for old programs.
fn is_stub(path: &Path) -> bool {
    let Ok(bytes) = fs::read(path) else {
        return false;
    };
    let Ok(exports) = object::File::parse(&*bytes).and_then(|file| {
        let names = file.exports()?;
        Ok(names
            .iter()
            .map(|one| one.name().to_vec())
            .collect::<Vec<_>>())
    }) else {
        return false;
    };
    let placeholder = |name: &Vec<u8>| name.ends_with(b"_version_placeholder");
    exports.iter().all(placeholder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with these files and links (`name -> target`), gone with it.
    struct Package(PathBuf);

    impl Package {
        fn new(name: &str, files: &[&str]) -> Package {
            let name = format!("rpledge-files-{}-{name}", std::process::id());
            let package = Package(std::env::temp_dir().join(name));
            for file in files {
                let (file, link) = file.split_once(" -> ").unwrap_or((file, ""));
                let (file, text) = file.split_once(": ").unwrap_or((file, "\x7fELF...."));
                let path = package.0.join(file);
                fs::create_dir_all(path.parent().expect("below")).expect("a directory");
                match link {
                    "" => fs::write(path, text).expect("a file"),
                    link => std::os::unix::fs::symlink(link, path).expect("a link"),
                }
            }
            package
        }

        fn found(&self) -> Result<Vec<String>, String> {
            let found = find(&self.0).map_err(|failure| failure.text)?;
            let shown = |path: &PathBuf| path.strip_prefix(&self.0).expect("below").to_owned();
            Ok(found
                .iter()
                .map(|p| shown(p).display().to_string())
                .collect())
        }
    }

    impl Drop for Package {
        fn drop(&mut self) {
            // What stays behind in /tmp fails no test.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn glibc_comes_in_its_order() {
        let package = Package::new(
            "glibc",
            &[
                "lib/x/ld-2.31.so",
                "lib/x/ld-linux-x86-64.so.2 -> ld-2.31.so",
                "lib64/ld-linux-x86-64.so.2 -> ../lib/x/ld-2.31.so",
                "lib/x/libc-2.31.so",
                "lib/x/libc.so.6 -> libc-2.31.so",
                "lib/x/libresolv.so.2",
                "lib/x/libpthread.so.0",
                "usr/lib/x/libc.so: /* GNU ld script */",
                "usr/share/gdb/libc.so.6: a script",
            ],
        );
        let wanted = ["lib/x/libc.so.6", "lib/x/ld-linux-x86-64.so.2"];
        let others = ["lib/x/libpthread.so.0", "lib/x/libresolv.so.2"];
        assert_eq!(package.found().expect("a libc"), [wanted, others].concat());
    }

    #[test]
    fn the_others_are_found() {
        for (name, files, wanted) in [
            (
                "musl",
                &["l/ld-musl-i386.so.1 -> x/libc.so", "l/x/libc.so"][..],
                &["l/x/libc.so"][..],
            ),
            (
                "alpine",
                &["lib/ld-musl-x86_64.so.1"],
                &["lib/ld-musl-x86_64.so.1"],
            ),
            (
                "klibc",
                &[
                    "usr/lib/klibc/lib/libc.so",
                    "usr/lib/klibc/lib/libc.a: !<arch>\n",
                    "lib/klibc-XX.so",
                ],
                &["usr/lib/klibc/lib/libc.a", "lib/klibc-XX.so"],
            ),
            (
                "diet",
                &["u/diet/lib-i386/libc.a: !<arch>\n"],
                &["u/diet/lib-i386/libc.a"],
            ),
            (
                "llvm",
                &["u/libllvmlibc.a: !<arch>\n"],
                &["u/libllvmlibc.a"],
            ),
        ] {
            let found = Package::new(name, files).found();
            assert_eq!(found.expect(name), wanted);
        }
    }

    #[test]
    fn what_is_no_libc_or_two_is_refused() {
        let none = Package::new("none", &["lib/libm.so.6", "lib/libc.so.6 -> /bin/sh"]);
        assert!(
            none.found()
                .expect_err("none")
                .contains("no C library below it")
        );
        let two = Package::new("two", &["lib/libc.so.6", "lib32/libc.so.6"]);
        assert!(
            two.found()
                .expect_err("two")
                .contains("not the same file as")
        );
    }
}
