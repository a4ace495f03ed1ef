// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C libraries of a system: those that its dynamic loaders use.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rpledge::arch::Arch;

use crate::report::Failure;

/// Where distributions keep glibc, of whatever architecture.
const DIRECTORIES: [&str; 4] = ["lib64", "usr/lib64", "lib", "usr/lib"];

/// Each libc of this machine's architecture below `root`, with its loader.
pub fn libcs(root: &Path) -> Result<Vec<Vec<PathBuf>>, Failure> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for path in candidates(root) {
        // The same file by several ways: /lib is a link to usr/lib.
        let Ok(real) = fs::canonicalize(&path) else {
            continue;
        };
        if is_native(&path) && seen.insert(real) {
            let mut files = vec![path.clone()];
            files.extend(loader(&path));
            found.push(files);
        }
    }
    if found.is_empty() {
        let what = format!(
            "rpledge: {}: no C library found; name its files",
            root.display()
        );
        return Err(Failure::data(what));
    }
    Ok(found)
}

fn candidates(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in DIRECTORIES.map(|d| root.join(d)) {
        let mut names: Vec<_> = entries(&directory).collect();
        names.sort();
        let multiarch = names.iter().filter(|path| path.is_dir());
        found.extend(multiarch.map(|path| path.join("libc.so.6")));
        found.push(directory.join("libc.so.6"));
        found.extend(
            names
                .iter()
                .filter(|path| is_named(path, "ld-musl-"))
                .cloned(),
        );
    }
    found
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

fn is_named(path: &Path, start: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(start) && name.contains(".so")
}

/// glibc's loader lies beside it; musl is its own.
fn loader(libc: &Path) -> Option<PathBuf> {
    if !is_named(libc, "libc.") {
        return None;
    }
    let beside = entries(libc.parent()?);
    let mut loaders: Vec<_> = beside.filter(|path| is_loader(path)).collect();
    loaders.sort();
    loaders.into_iter().find(|path| is_native(path))
}

fn is_loader(path: &Path) -> bool {
    (is_named(path, "ld-linux") || is_named(path, "ld64.so.")) && path.is_file()
}

/// Is it an ELF file of the architecture that this command was built for?
fn is_native(path: &Path) -> bool {
    let mut head = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let host = Arch::host();
    // EI_CLASS, EI_DATA, e_machine.
    let bits = match head[4] {
        1 => 32,
        _ => 64,
    };
    let machine = match head[5] {
        1 => u16::from_le_bytes([head[18], head[19]]),
        _ => u16::from_be_bytes([head[18], head[19]]),
    };
    read.is_ok() && head.starts_with(b"\x7fELF") && (machine, bits) == (host.elf, host.bits)
}
