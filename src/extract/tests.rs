// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hostile input ends in an error or in a snapshot, never in a panic or in endless work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::error::Kind;
use super::{Input, Options, extract};

fn options() -> Options {
    Options {
        names: BTreeMap::from([(60, "exit".to_string()), (231, "exit_group".to_string())]),
        ..Options::default()
    }
}

fn kind(name: &str, bytes: &[u8]) -> Option<Kind> {
    let input = Input {
        name: name.to_string(),
        bytes,
    };
    extract(&[input], &options()).err().map(|error| error.kind)
}

/// A real library of this machine: glibc's loader is the smallest with all that matters.
pub fn real() -> Vec<u8> {
    let mut places: Vec<PathBuf> = Vec::new();
    for directory in ["/lib", "/lib64", "/usr/lib64"] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("ld-linux") {
                places.push(entry.path());
            }
        }
    }
    let mut read = places.iter().filter_map(|place| std::fs::read(place).ok());
    // Other architectures may be installed beside it.
    let own = read.find(|bytes| bytes.get(4) == Some(&2) && bytes.get(18) == Some(&62));
    own.expect("glibc's loader below /lib or /lib64")
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

#[test]
fn no_file_and_no_elf_are_refused() {
    assert_eq!(
        extract(&[], &options()).err().map(|e| e.kind),
        Some(Kind::Format)
    );
    assert_eq!(kind("empty", b""), Some(Kind::Format));
    assert_eq!(
        kind("text", b"GNU C Library release version 2.36"),
        Some(Kind::Format)
    );
}

#[test]
fn a_header_alone_is_refused() {
    let mut tiny = vec![0u8; 64];
    tiny[..4].copy_from_slice(b"\x7fELF");
    assert_eq!(kind("class", &tiny), Some(Kind::Damaged));
    tiny[4] = 2;
    tiny[5] = 1;
    tiny[6] = 1;
    assert!(kind("empty header", &tiny).is_some());
    // A shared library for x86-64, of which the tables lie outside of the file.
    tiny[16] = 3;
    tiny[18] = 62;
    tiny[20] = 1;
    tiny[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    tiny[58] = 64;
    tiny[60] = 9;
    assert_eq!(kind("tables", &tiny), Some(Kind::Damaged));
}

#[test]
fn an_error_says_file_and_advice() {
    let input = Input {
        name: "libc.so.6".to_string(),
        bytes: b"no",
    };
    let text = extract(&[input], &options())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "libc.so.6: not an ELF file; give the shared libraries of a libc package"
    );
}

#[test]
fn a_truncated_file_is_refused() {
    let whole = real();
    let mut dice = Dice(1);
    for _ in 0..200 {
        let length = dice.roll(whole.len());
        assert!(kind("truncated", &whole[..length]).is_some());
    }
}

#[test]
fn the_loader_alone_is_no_libc() {
    assert_eq!(kind("ld.so", &real()), Some(Kind::Libc));
}

/// With a banner glued to its constants the loader passes for a libc, so that all steps run.
fn disguised() -> Vec<u8> {
    let mut bytes = real();
    let banner = b"GNU C Library stable release version 2.36.\0";
    let text = b"Usage: ";
    let found = bytes.windows(text.len()).position(|window| window == text);
    let at = found.expect("the loader's help text");
    bytes[at..at + banner.len()].copy_from_slice(banner);
    bytes
}

/// Two at a time, as a core each is there.
#[test]
fn flipped_bits_neither_panic_nor_hang() {
    let whole = &disguised();
    std::thread::scope(|scope| {
        for seed in [2, 3] {
            scope.spawn(move || flip(whole, Dice(seed)));
        }
    });
}

fn flip(whole: &[u8], mut dice: Dice) {
    // The tables at both ends decide most: flip there more often than in the code.
    for round in 0..30 {
        let mut bytes = whole.to_vec();
        for _ in 0..1 + round % 8 {
            let at = match dice.roll(3) {
                0 => dice.roll(4096),
                1 => bytes.len() - 1 - dice.roll(4096),
                _ => dice.roll(whole.len()),
            };
            bytes[at] ^= 1 << dice.roll(8);
        }
        let start = Instant::now();
        let _ = kind("flipped", &bytes);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn the_same_input_gives_the_same_snapshot() {
    let bytes = disguised();
    let once = || {
        let input = Input {
            name: "ld.so".to_string(),
            bytes: &bytes,
        };
        let mut options = options();
        options.names = (0..500)
            .map(|number| (number, format!("call{number}")))
            .collect();
        extract(&[input], &options)
            .map(|extraction| crate::facts::print::snapshot(&extraction.snapshot))
            .map_err(|error| error.to_string())
    };
    let first = once();
    assert!(
        first
            .as_ref()
            .is_ok_and(|text| text.contains("[functions]")),
        "{first:?}"
    );
    assert_eq!(first, once());
}
