// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/arches.toml: every architecture, its names and what tells it from the others.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use toml::Spanned;

use super::document::{self, Text, VALUE, quoted};
use super::finding::{Finding, Source};
use super::parse;

/// `__AUDIT_ARCH_LE`: little endian.
const AUDIT_LITTLE: u32 = 0x4000_0000;

/// `__AUDIT_ARCH_64BIT`: registers of 64 bits, as x32 and n32 have too.
const AUDIT_64BIT: u32 = 0x8000_0000;

/// The architectures by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arches(pub BTreeMap<String, Arch>);

/// An architecture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arch {
    /// Other names, understood wherever the name is.
    pub aliases: Vec<String>,
    /// `AUDIT_ARCH_*`.
    pub audit: u32,
    /// `e_machine`.
    pub elf: u16,
    /// Of a pointer.
    pub bits: u8,
    pub endian: Endian,
    /// Added to every number of data/syscalls.toml.
    pub base: u32,
    /// The architecture whose numbers it has, if they are not its own.
    pub numbers: Option<String>,
}

/// The order of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endian {
    Little,
    Big,
}

impl Arches {
    /// The architecture of that name or alias, under its name.
    pub fn find(&self, word: &str) -> Option<(&str, &Arch)> {
        self.0
            .iter()
            .find(|(name, arch)| *name == word || arch.aliases.iter().any(|alias| alias == word))
            .map(|(name, arch)| (name.as_str(), arch))
    }

    /// What a Rust compiler's `target_arch`, `target_endian` and
    /// `target_pointer_width` call it, under its name here.
    pub fn target(&self, arch: &str, endian: Endian, bits: u8) -> Option<(&str, &Arch)> {
        let (_, named) = self.find(arch)?;
        let wide = |arch: &Arch| arch.audit & AUDIT_64BIT;
        let fits = |other: &Arch| {
            (other.elf, other.endian, other.bits) == (named.elf, endian, bits)
                && wide(other) == wide(named)
        };
        self.0
            .iter()
            .find(|(_, arch)| fits(arch))
            .map(|(name, arch)| (name.as_str(), arch))
    }

    /// The first number of another ABI that shares the audit token, and so
    /// stands apart by numbers alone (x32); beyond all numbers if none does.
    pub fn foreign_from(&self, arch: &Arch) -> u32 {
        let others = self.0.values();
        let foreign = others.filter(|a| a.audit == arch.audit && a.base > arch.base);
        foreign.map(|a| a.base).min().unwrap_or(u32::MAX)
    }

    /// The names, for messages.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    aliases: Option<Text>,
    audit: Spanned<u32>,
    elf: u16,
    bits: Spanned<u8>,
    endian: Endian,
    base: Option<u32>,
    numbers: Option<Text>,
}

/// Reads data/arches.toml.
pub fn read(source: &Source) -> Result<Arches, Vec<Finding>> {
    let table: BTreeMap<Text, Keys> = document::read(source)?;
    let mut findings = Vec::new();
    let mut arches = BTreeMap::new();
    for (name, keys) in document::in_file_order(&table) {
        findings.extend(audit(source, name, keys));
        let aliases = match &keys.aliases {
            None => Vec::new(),
            Some(text) => parse::words(source, text).unwrap_or_else(|finding| {
                findings.push(finding);
                Vec::new()
            }),
        };
        let arch = Arch {
            aliases: aliases.into_iter().map(str::to_owned).collect(),
            audit: *keys.audit.get_ref(),
            elf: keys.elf,
            bits: *keys.bits.get_ref(),
            endian: keys.endian,
            base: keys.base.unwrap_or(0),
            numbers: keys.numbers.as_ref().map(|name| name.get_ref().clone()),
        };
        arches.insert(name.get_ref().clone(), arch);
    }
    let arches = Arches(arches);
    for (name, keys) in document::in_file_order(&table) {
        findings.extend(names(source, &arches, name));
        findings.extend(
            keys.numbers
                .as_ref()
                .and_then(|text| numbers(source, &arches, text)),
        );
    }
    if findings.is_empty() {
        Ok(arches)
    } else {
        Err(findings)
    }
}

/// The audit token repeats machine, width and endianness; x32 and n32 are
/// why the width stands on its own.
fn audit(source: &Source, name: &Text, keys: &Keys) -> Option<Finding> {
    let audit = *keys.audit.get_ref();
    let little = audit & AUDIT_LITTLE != 0;
    let name = name.get_ref();
    let (at, what, help) = if audit & 0xffff != u32::from(keys.elf) {
        let help = "the low half of AUDIT_ARCH_* is e_machine: see linux/audit.h";
        (keys.audit.span().start, "audit and elf disagree", help)
    } else if little != (keys.endian == Endian::Little) {
        let help = "bit 30 of AUDIT_ARCH_* is set if little endian: see linux/audit.h";
        (keys.audit.span().start, "audit and endian disagree", help)
    } else if ![32, 64].contains(keys.bits.get_ref()) {
        (
            keys.bits.span().start,
            "a pointer has 32 or 64 bits",
            "write bits = 32 or bits = 64",
        )
    } else {
        return None;
    };
    Some(source.finding(VALUE, at, format!("{name}: {what}"), help))
}

fn names(source: &Source, arches: &Arches, name: &Text) -> Option<Finding> {
    let own = arches.0.get(name.get_ref())?;
    let taken = |word: &str| {
        let others = arches
            .0
            .iter()
            .filter(|(other, _)| *other != name.get_ref());
        others
            .filter(|(other, arch)| *other == word || arch.aliases.iter().any(|a| a == word))
            .count()
            > 0
    };
    let word = own
        .aliases
        .iter()
        .map(String::as_str)
        .find(|alias| taken(alias))?;
    let what = format!("{word:?} names two architectures");
    Some(source.finding(
        VALUE,
        name.span().start,
        what,
        "drop one of the two aliases",
    ))
}

fn numbers(source: &Source, arches: &Arches, text: &Text) -> Option<Finding> {
    let own = |arch: &Arch| arch.numbers.is_none();
    if arches.0.get(text.get_ref()).is_some_and(own) {
        return None;
    }
    let what = format!(
        "{:?} is no architecture with numbers of its own",
        text.get_ref()
    );
    let known = arches
        .0
        .iter()
        .filter(|(_, arch)| own(arch))
        .map(|(name, _)| name.as_str());
    let help = super::near::advice(text.get_ref(), known, "name one of this file");
    Some(source.finding(VALUE, text.span().start, what, help))
}

/// The canonical text, without the file's comments.
pub fn print(arches: &Arches) -> String {
    let mut out = String::new();
    for (name, arch) in &arches.0 {
        let mut keys = Vec::new();
        if !arch.aliases.is_empty() {
            keys.push(format!("aliases = {}", quoted(&arch.aliases.join(" "))));
        }
        keys.push(format!("audit = {:#010x}", arch.audit));
        keys.push(format!("elf = {}", arch.elf));
        keys.push(format!("bits = {}", arch.bits));
        let endian = if arch.endian == Endian::Little {
            "little"
        } else {
            "big"
        };
        keys.push(format!("endian = {}", quoted(endian)));
        if arch.base > 0xffff {
            keys.push(format!("base = {:#x}", arch.base));
        } else if arch.base > 0 {
            keys.push(format!("base = {}", arch.base));
        }
        if let Some(other) = &arch.numbers {
            keys.push(format!("numbers = {}", quoted(other)));
        }
        // A String takes every write.
        let _ = writeln!(out, "{} = {{ {} }}", document::key(name), keys.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../data/arches.toml");

    fn known() -> Arches {
        read(&Source {
            file: "data/arches.toml",
            text: FILE,
        })
        .expect("the project's own file")
    }

    #[test]
    fn the_file_is_its_own_printing() {
        assert_eq!(document::head(FILE).to_owned() + &print(&known()), FILE);
    }

    #[test]
    fn aliases_and_targets_are_found() {
        let arches = known();
        let name = |found: Option<(&str, &Arch)>| found.map(|(name, _)| name.to_owned());
        assert_eq!(name(arches.find("amd64")).as_deref(), Some("x86_64"));
        assert_eq!(name(arches.find("aarch64")).as_deref(), Some("aarch64"));
        assert_eq!(name(arches.find("vax")), None);
        for (arch, endian, bits, found) in [
            ("x86_64", Endian::Little, 64, "x86_64"),
            ("x86_64", Endian::Little, 32, "x32"),
            ("powerpc64", Endian::Big, 64, "powerpc64"),
            ("powerpc64", Endian::Little, 64, "powerpc64le"),
            ("mips", Endian::Little, 32, "mipsel"),
            ("mips64", Endian::Big, 32, "mips64n32"),
            ("aarch64", Endian::Little, 64, "aarch64"),
        ] {
            assert_eq!(
                name(arches.target(arch, endian, bits)).as_deref(),
                Some(found)
            );
        }
        assert_eq!(name(arches.target("aarch64", Endian::Big, 64)), None);
    }

    #[test]
    fn contradictions_are_found() {
        for (old, new, what) in [
            (
                "audit = 0xc000003e, elf = 62, bits = 64",
                "audit = 0xc000003e, elf = 3, bits = 64",
                "audit and elf",
            ),
            (
                "audit = 0x80000016",
                "audit = 0xc0000016",
                "audit and endian",
            ),
            ("aliases = \"arm64\"", "aliases = \"amd64\"", "names two"),
            ("aliases = \"ppc\"", "aliases = \"x86\"", "names two"),
            ("elf = 4, bits = 32", "elf = 4, bits = 16", "32 or 64"),
            (
                "numbers = \"mips\"",
                "numbers = \"mipsel\"",
                "no architecture",
            ),
            (
                "\"armel armhf armv7l\"",
                "\"armhf armel armv7l\"",
                "not a sorted list",
            ),
        ] {
            let text = FILE.replacen(old, new, 1);
            assert_ne!(text, FILE, "{old}");
            let findings = read(&Source {
                file: "f",
                text: &text,
            })
            .expect_err(new);
            assert!(
                findings.iter().any(|f| f.what.contains(what)),
                "{new}: {findings:?}"
            );
        }
    }
}
