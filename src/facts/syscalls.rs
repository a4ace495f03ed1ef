// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/syscalls.toml: the numbers of every system call on every architecture.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::arches::Arches;
use super::document::{self, Lines, Text, VALUE, quoted};
use super::finding::{Finding, Source};
use super::print::line;
use super::version::Version;
use super::{near, row};

/// What the file says first.
pub const HEAD: &str = "\
# Made by scripts/make-syscalls from libseccomp's own tables: do not edit.
# The number that most architectures have, then who differs; `none`: has no such call.
# arches.toml says what is added to it (base) and who shares whose (numbers).
";

/// The numbers, as the kernel wants them: base added, shared tables told out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Syscalls {
    /// The kernel whose calls these are; newer ones have more.
    pub kernel: Version,
    /// The package that they were read from.
    pub source: String,
    /// Architecture → call → number.
    pub numbers: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Syscalls {
    /// Its number there.
    pub fn number(&self, arch: &str, call: &str) -> Option<u32> {
        self.numbers.get(arch)?.get(call).copied()
    }

    /// An architecture's calls by number.
    pub fn table(&self, arch: &str) -> Vec<(u32, &str)> {
        let calls = self.numbers.get(arch).into_iter().flatten();
        let mut table: Vec<_> = calls
            .map(|(call, number)| (*number, call.as_str()))
            .collect();
        table.sort_unstable();
        table
    }

    /// An architecture's calls, for messages.
    pub fn names(&self, arch: &str) -> impl Iterator<Item = &str> {
        self.numbers
            .get(arch)
            .into_iter()
            .flatten()
            .map(|(call, _)| call.as_str())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    kernel: Text,
    source: Text,
    syscalls: Lines,
}

/// Reads data/syscalls.toml.
pub fn read(source: &Source, arches: &Arches) -> Result<Syscalls, Vec<Finding>> {
    let keys: Keys = document::read(source)?;
    let mut findings = Vec::new();
    let kernel = Version::parse(keys.kernel.get_ref()).unwrap_or_else(|| {
        let what = format!("{:?} is not a version", keys.kernel.get_ref());
        findings.push(source.finding(VALUE, keys.kernel.span().start, what, "write like \"7.1\""));
        Version::default()
    });
    let mut numbers: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for (call, text) in document::in_file_order(&keys.syscalls) {
        if !row::is_call(call.get_ref()) {
            let what = format!("{:?} is not a system call's name", call.get_ref());
            findings.push(source.finding(
                VALUE,
                call.span().start,
                what,
                "run scripts/make-syscalls",
            ));
        }
        match numbers_of(text.get_ref(), arches) {
            Err((at, what, help)) => {
                let at = source.inside(&text.span(), text.get_ref(), at);
                findings.push(source.finding(VALUE, at, what, help));
            }
            Ok(of) => {
                for (arch, number) in of {
                    numbers
                        .entry(arch)
                        .or_default()
                        .insert(call.get_ref().clone(), number);
                }
            }
        }
    }
    findings.extend(twice(source, &keys.syscalls, &numbers));
    if findings.is_empty() {
        Ok(Syscalls {
            kernel,
            source: keys.source.get_ref().clone(),
            numbers,
        })
    } else {
        Err(findings)
    }
}

type Wrong = (usize, String, String);

/// `56 arm:322 mips,sh:none`: the number of each architecture that has one.
fn numbers_of(text: &str, arches: &Arches) -> Result<Vec<(String, u32)>, Wrong> {
    let wrong = |at: usize, what: String| {
        (
            at,
            what,
            "write a number or none, then arch,arch:number".to_owned(),
        )
    };
    let number = |at, word: &str| match word {
        "none" => Ok(None),
        word if word.bytes().all(|b| b.is_ascii_digit()) => word
            .parse::<u32>()
            .map(Some)
            .map_err(|_| wrong(at, format!("{word:?} is not a number"))),
        word => Err(wrong(at, format!("{word:?} is not a number"))),
    };
    let mut words = text.split(' ');
    let common = number(0, words.next().unwrap_or(""))?;
    let mut own: BTreeMap<&str, Option<u32>> = arches
        .0
        .iter()
        .filter(|(_, arch)| arch.numbers.is_none())
        .map(|(name, _)| (name.as_str(), common))
        .collect();
    let mut differ = BTreeSet::new();
    let mut at = text.len() - words.clone().map(|word| word.len() + 1).sum::<usize>() + 1;
    for word in words {
        let (names, value) = word
            .split_once(':')
            .ok_or_else(|| wrong(at, format!("{word:?} names no number")))?;
        let value = number(at, value)?;
        for name in names.split(',') {
            let Some(slot) = own.get_mut(name) else {
                let what = format!("{name:?} is no architecture with numbers of its own");
                let help = near::advice(name, own.into_keys(), "see data/arches.toml");
                return Err((at, what, help));
            };
            if !differ.insert(name) {
                return Err(wrong(at, format!("{name:?} stands twice")));
            }
            *slot = value;
        }
        at += word.len() + 1;
    }
    let full = |(name, arch): (&String, &super::arches::Arch)| {
        let shared = arch.numbers.as_deref().unwrap_or(name);
        let number = own.get(shared).copied().flatten()?.checked_add(arch.base)?;
        Some((name.clone(), number))
    };
    Ok(arches.0.iter().filter_map(full).collect())
}

/// Two calls with one number on one architecture.
fn twice(
    source: &Source,
    lines: &Lines,
    numbers: &BTreeMap<String, BTreeMap<String, u32>>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (arch, calls) in numbers {
        let mut first: BTreeMap<u32, &str> = BTreeMap::new();
        for (call, number) in calls {
            if let Some(other) = first.insert(*number, call) {
                let at = lines
                    .get_key_value(call.as_str())
                    .map_or(0, |(key, _)| key.span().start);
                let what = format!("{call} and {other} are both {number} on {arch}");
                findings.push(source.finding(VALUE, at, what, "run scripts/make-syscalls"));
            }
        }
    }
    findings
}

/// The canonical text; scripts/make-syscalls writes the same.
pub fn print(syscalls: &Syscalls, arches: &Arches) -> String {
    let mut out = String::from(HEAD);
    line(&mut out, "kernel", quoted(&syscalls.kernel.to_string()));
    line(&mut out, "source", quoted(&syscalls.source));
    out.push_str("\n[syscalls]\n");
    let calls: BTreeSet<&String> = syscalls.numbers.values().flat_map(BTreeMap::keys).collect();
    for call in calls {
        line(
            &mut out,
            &document::key(call),
            quoted(&numbers_text(syscalls, arches, call)),
        );
    }
    out
}

fn numbers_text(syscalls: &Syscalls, arches: &Arches, call: &str) -> String {
    let mut by_number: BTreeMap<Option<u32>, Vec<&str>> = BTreeMap::new();
    for (name, arch) in arches.0.iter().filter(|(_, arch)| arch.numbers.is_none()) {
        let number = syscalls
            .number(name, call)
            .and_then(|n| n.checked_sub(arch.base));
        by_number.entry(number).or_default().push(name);
    }
    let word = |number: Option<u32>| number.map_or("none".to_owned(), |n| n.to_string());
    // Most architectures; of equals the lowest number, and a number before none.
    let common = by_number
        .iter()
        .min_by_key(|(number, names)| (std::cmp::Reverse(names.len()), number.is_none(), **number))
        .and_then(|(number, _)| *number);
    let mut tokens: Vec<String> = by_number
        .iter()
        .filter(|(number, _)| **number != common)
        .map(|(number, names)| format!("{}:{}", names.join(","), word(*number)))
        .collect();
    tokens.sort();
    tokens.insert(0, word(common));
    tokens.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCHES: &str = include_str!("../../data/arches.toml");
    const FILE: &str = include_str!("../../data/syscalls.toml");

    fn arches() -> Arches {
        super::super::arches::read(&Source {
            file: "data/arches.toml",
            text: ARCHES,
        })
        .expect("ours")
    }

    #[test]
    fn the_file_is_its_own_printing() {
        let arches = arches();
        let source = Source {
            file: "data/syscalls.toml",
            text: FILE,
        };
        let syscalls = read(&source, &arches).expect("the project's own file");
        assert_eq!(print(&syscalls, &arches), FILE);
    }

    #[test]
    fn numbers_are_the_kernels() {
        let syscalls = read(
            &Source {
                file: "f",
                text: FILE,
            },
            &arches(),
        )
        .expect("ours");
        for (arch, call, number) in [
            ("x86_64", "openat", Some(257)),
            ("x86_64", "read", Some(0)),
            ("aarch64", "openat", Some(56)),
            ("aarch64", "open", None),
            ("x32", "openat", Some(0x4000_0000 + 257)),
            ("mipsel", "openat", Some(4288)),
            ("mips64eln32", "clone3", Some(6435)),
            ("arm", "set_tls", Some(0xf0005)),
            ("powerpc64le", "openat", Some(286)),
            ("vax", "openat", None),
        ] {
            assert_eq!(syscalls.number(arch, call), number, "{arch} {call}");
        }
        let table = syscalls.table("x86_64");
        assert_eq!(table[0], (0, "read"));
        assert!(table.is_sorted());
        assert!(table.len() > 350);
        assert_eq!(syscalls.names("x86_64").count(), table.len());
    }

    #[test]
    fn wrong_rows_are_named() {
        let read_row = |row: &str| {
            let text = format!(
                "kernel = \"7.1\"\nsource = \"s\"\n[syscalls]\na = \"7\"\nopen = \"{row}\"\n"
            );
            read(
                &Source {
                    file: "f",
                    text: &text,
                },
                &arches(),
            )
        };
        assert!(read_row("5 x86_64:2 aarch64,riscv64:none").is_ok());
        for (row, column, what) in [
            ("", 9, "not a number"),
            ("5x", 9, "not a number"),
            ("99999999999", 9, "not a number"),
            ("5 x86_64", 11, "names no number"),
            ("5 x86_64:", 11, "not a number"),
            ("5 x86-64:2", 11, "no architecture"),
            ("5 mipsel:2", 11, "no architecture"),
            ("5 x86:2 x86:3", 17, "stands twice"),
            ("5  x86:2", 11, "names no number"),
            ("7 x86:2", 1, "are both 7"),
        ] {
            let findings = read_row(row).expect_err(row);
            let found = (findings[0].line, findings[0].column);
            assert_eq!(found, (5, column), "{row}: {findings:?}");
            assert!(findings[0].what.contains(what), "{row}: {findings:?}");
        }
    }
}
