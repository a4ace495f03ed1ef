// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our decoders against independent ones, over all code of real C libraries.
//!
//! Lengths, targets and ways on are compared with GNU's objdump, registers
//! written with capstone or objdump's text (`seconds.rs` has a row for each
//! architecture): what the second decoder says is written must be among what
//! ours says, else the analysis would believe a register that has changed.

mod aarch64;
mod arm;
mod check;
mod compare;
mod listing;
mod planted;
mod powerpc64le;
mod riscv64;
mod s390x;
mod seconds;
mod writes;
mod x86;
mod x86_64;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use check::{File, Tally};
use rpledge::extract::MACHINES;
use rpledge::extract::ir::Machine;
use seconds::{KINDS, SECONDS, Second};

/// What was counted.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Shared libraries below the cache that fetch-libcs fills: libcs and their loaders.
fn libraries() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cache = std::env::var_os("RPLEDGE_CACHE").map_or(top.join("cache"), PathBuf::from);
    let mut found = Vec::new();
    let mut work = vec![cache.join("libcs")];
    while let Some(directory) = work.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => work.push(entry.path()),
                Ok(kind) if kind.is_file() && is_libc(&name) => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Files named libc.so.6, libc.so, libc-2.31.so, ld-linux-*.so.*, ld64.so.1, ld-2.31.so.
fn is_libc(name: &str) -> bool {
    let starts = ["libc.so", "libc-2.", "ld-", "ld64.so", "ld.so"];
    name.contains(".so") && starts.iter().any(|start| name.starts_with(start))
}

/// Its e_machine; none for linker scripts and the like.
fn machine_of(bytes: &[u8]) -> Option<u16> {
    let field: [u8; 2] = bytes.get(18..20)?.try_into().ok()?;
    match (bytes.starts_with(b"\x7fELF"), bytes.get(5)?) {
        (true, 1) => Some(u16::from_le_bytes(field)),
        (true, 2) => Some(u16::from_be_bytes(field)),
        _ => None,
    }
}

fn show(path: &Path, second: &Second, tally: &Tally) {
    let shown = path.components().rev().take(5).collect::<Vec<_>>();
    let shown: PathBuf = shown.into_iter().rev().collect();
    print!(
        "{}: {}: {} instructions",
        shown.display(),
        second.machine,
        tally.instructions
    );
    for (kind, name) in KINDS {
        print!(", {} {name}", tally.unexplained.get(&kind).unwrap_or(&0));
    }
    println!("; {} data, {} writes not known", tally.data, tally.unknown);
    for ((kind, ..), example) in &tally.examples {
        println!("    {kind:?}: {example}");
    }
    for (excuse, count) in &tally.excused {
        println!("    {count} excused: {}", second.excuses[*excuse].why);
    }
}

/// All files of an architecture; the planted errors once.
fn run(second: &Second, machine: &dyn Machine, files: &[(PathBuf, Vec<u8>)], counts: &mut Counts) {
    let mut tested = false;
    for (path, bytes) in files {
        let file = match File::read(second, machine, path, bytes) {
            Ok(file) => file,
            Err(why) => {
                println!("skip {}: {}: {why}", path.display(), second.machine);
                counts.skipped += 1;
                continue;
            }
        };
        let tally = file.check(planted::sound, usize::MAX);
        show(path, second, &tally);
        if tally.unexplained.is_empty() && tally.instructions > 0 {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
        if !tested && file.lines.len() > second.many {
            tested = true;
            let missed = planted::missed(&file);
            for what in &missed {
                println!("{}: planted and not found: {what}", second.machine);
            }
            counts.passed += usize::from(missed.is_empty());
            counts.failed += usize::from(!missed.is_empty());
        }
    }
}

/// Arguments are the architectures to test; without any, all.
fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let files: Vec<(PathBuf, Vec<u8>)> = libraries()
        .into_iter()
        .filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes)))
        .collect();
    let mut counts = Counts::default();
    if let Some((_, bytes)) = files.first() {
        let apart = listing::keeps_apart(bytes);
        println!("copies of libraries are kept apart: {apart}");
        counts.passed += usize::from(apart);
        counts.failed += usize::from(!apart);
    }
    for machine in MACHINES {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == machine.name()) {
            continue;
        }
        if !machine.is_proven() {
            println!("{}: skipped: reads no file yet", machine.name());
            counts.skipped += 1;
            continue;
        }
        let seconds = SECONDS.iter().filter(|s| s.machine == machine.name());
        if seconds.clone().count() == 0 {
            println!("{}: has no second decoder", machine.name());
            counts.failed += 1;
            continue;
        }
        let own: Vec<(PathBuf, Vec<u8>)> = files
            .iter()
            .filter(|(_, bytes)| machine_of(bytes) == Some(machine.elf()))
            .cloned()
            .collect();
        if own.is_empty() {
            println!("skip {}: no libc of it in the cache", machine.name());
            counts.skipped += 1;
        }
        for second in seconds {
            run(second, *machine, &own, &mut counts);
        }
    }
    println!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    );
    if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
