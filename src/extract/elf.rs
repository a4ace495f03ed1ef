// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files in one address space: sections, exports, what relocations will put where, function starts.
//!
//! Object number n lies at n + 1 spans, so that every address names its object
//! and no address is small enough to be a number in a program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use object::elf;
use sha2::{Digest, Sha256};

use super::Input;
use super::archive;
use super::error::{Error, Kind};
use super::read::read;

/// Largest file; a libc has some 2 MB.
const LARGEST_FILE: usize = 64 << 20;
/// Most files: as many spans as 32 bits have room for.
const MOST_FILES: usize = 30;
/// Distance of the objects in an address space of 64 bits, and of 32.
const SPANS: [u64; 2] = [1 << 32, 1 << 27];

/// An allocated section.
pub struct Section {
    pub start: u64,
    pub end: u64,
    /// Empty where the file holds nothing (.bss).
    pub data: Vec<u8>,
    pub code: bool,
    /// Holds only what the loader binds.
    pub bound: bool,
    /// Does not change once the program runs: read-only, or read-only after relocation.
    pub fixed: bool,
    /// Read-only in the file too.
    pub constant: bool,
    pub name: String,
}

#[cfg(test)]
impl Section {
    /// What a file has as `.text`, for tests of code that no file holds.
    pub fn text(start: u64, data: Vec<u8>) -> Section {
        Section {
            start,
            end: start + data.len() as u64,
            data,
            code: true,
            bound: false,
            fixed: true,
            constant: true,
            name: ".text".to_owned(),
        }
    }
}

/// One name by which a function can be reached from outside.
#[derive(Clone, Debug)]
pub struct Export {
    pub name: String,
    /// The symbol's version, if it is not the default one.
    pub old_version: Option<String>,
    pub address: u64,
    pub code: bool,
}

/// One of the files read.
pub struct ObjectFile {
    pub name: String,
    pub sha256: String,
    pub build_id: String,
}

/// Everything read from the files.
#[derive(Default)]
pub struct Image {
    pub machine: u16,
    /// Bytes of a pointer.
    pub word: u8,
    pub big_endian: bool,
    /// Distance of the objects.
    pub span: u64,
    /// Bits of a code address that say how to decode it.
    pub mode_bits: u64,
    pub objects: Vec<ObjectFile>,
    pub sections: Vec<Section>,
    pub exports: Vec<Export>,
    /// What lies where once the loader has done its work.
    pub pointers: BTreeMap<u64, Vec<u64>>,
    /// Function ranges of .eh_frame: start to end.
    pub ranges: BTreeMap<u64, u64>,
    /// Where functions begin by the unwinder's index of 32-bit Arm, which knows neither
    /// their ends nor how they are decoded.
    pub starts: BTreeSet<u64>,
    /// Where the kernel enters files: nothing within them goes there.
    pub first: Vec<u64>,
    /// What archives call where the stack is broken, and do not have: the process's end.
    pub broken: Vec<u64>,
    /// Functions with two entries: that for others to that for callers within.
    pub locals: HashMap<u64, u64>,
    /// Code that chooses a function at load time: what lies there is the choice.
    pub choosers: BTreeSet<u64>,
    /// Names that the file's own symbol table has: only to explain.
    pub names: BTreeMap<u64, String>,
    /// Of archives: which member a section comes from.
    pub members: BTreeMap<u64, String>,
    /// Of archives: addresses that code has as numbers in it.
    pub mentioned: BTreeSet<u64>,
    /// Of archives: what stands for a symbol that no member defines.
    pub undefined: BTreeMap<u64, String>,
}

impl Image {
    pub fn read(inputs: &[Input]) -> Result<Image, Error> {
        let Some(first) = inputs.first() else {
            return Err(Error::new(Kind::Format, "extract", "no file given"));
        };
        if inputs.len() > MOST_FILES {
            return Err(Error::new(
                Kind::TooLarge,
                &inputs[MOST_FILES].name,
                "too many files",
            ));
        }
        let (machine, wide, big_endian) = kind(first)?;
        let mut image = Image {
            machine,
            word: if wide { 8 } else { 4 },
            big_endian,
            span: SPANS[usize::from(!wide)],
            ..Image::default()
        };
        for input in inputs {
            if kind(input)? != (machine, wide, big_endian) {
                return Err(Error::new(
                    Kind::Format,
                    &input.name,
                    "not of the first file's architecture",
                ));
            }
        }
        if inputs.iter().any(|input| archive::is_archive(input.bytes)) {
            return archive::link(image, inputs);
        }
        let mut pending = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let base = (index as u64 + 1) * image.span;
            read(&mut image, input, base, &mut pending)?;
        }
        image.sections.sort_by_key(|section| section.start);
        image.bind(pending);
        Ok(image)
    }

    /// Notes which file was read.
    pub fn add_object(&mut self, input: &Input, build_id: Option<&[u8]>) {
        self.objects.push(ObjectFile {
            name: input.name.clone(),
            sha256: hex(&Sha256::digest(input.bytes)),
            build_id: build_id.map(hex).unwrap_or_default(),
        });
    }

    pub fn section(&self, address: u64) -> Option<&Section> {
        let index = self
            .sections
            .partition_point(|section| section.start <= address);
        let section = &self.sections[index.checked_sub(1)?];
        (address < section.end).then_some(section)
    }

    /// Before the sections are sorted as a whole.
    fn section_in(&self, address: u64) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.start <= address && address < section.end)
    }

    pub fn is_code(&self, address: u64) -> bool {
        self.section_in(address).is_some_and(|section| section.code)
    }

    pub fn code_at(&self, address: u64) -> Option<&[u8]> {
        let address = address & !self.mode_bits;
        let section = self.section(address).filter(|section| section.code)?;
        section.data.get((address - section.start) as usize..)
    }

    pub fn in_code(&self, address: u64) -> bool {
        self.section(address & !self.mode_bits)
            .is_some_and(|section| section.code)
    }

    pub fn word_in(&self, address: u64, bytes: u8, signed: bool) -> Option<u64> {
        self.number(self.section_in(address)?, address, bytes, signed)
    }

    /// A number as the file holds it.
    pub fn word(&self, address: u64, bytes: u8, signed: bool) -> Option<u64> {
        self.number(self.section(address)?, address, bytes, signed)
    }

    /// The text at an address, up to its NUL.
    pub fn text(&self, address: u64) -> Option<&[u8]> {
        let section = self
            .section(address)
            .filter(|section| section.constant && !section.code)?;
        let rest = section.data.get((address - section.start) as usize..)?;
        let rest = &rest[..rest.len().min(256)];
        rest.split(|byte| *byte == 0).next()
    }

    /// The object that an address belongs to.
    pub fn object(&self, address: u64) -> usize {
        ((address & !self.mode_bits) / self.span).saturating_sub(1) as usize
    }

    /// Where a person looks for it: file and offset.
    pub fn place(&self, address: u64) -> (String, String) {
        let address = address & !self.mode_bits;
        if let Some((start, member)) = self.members.range(..=address).next_back() {
            return (member.clone(), format!("{:#x}", address - start));
        }
        let file = self
            .objects
            .get(self.object(address))
            .map_or("?", |object| &object.name);
        (
            file.to_string(),
            format!("{:#x}", (address & !self.mode_bits) % self.span),
        )
    }

    fn number(&self, section: &Section, address: u64, bytes: u8, signed: bool) -> Option<u64> {
        let at = (address - section.start) as usize;
        let bytes = bytes.clamp(1, 8);
        let data = section.data.get(at..at.checked_add(usize::from(bytes))?)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.big_endian {
            data.iter().fold(0, join)
        } else {
            data.iter().rev().fold(0, join)
        };
        let bits = 64 - 8 * u32::from(bytes);
        Some(if signed {
            ((value << bits) as i64 >> bits) as u64
        } else {
            value
        })
    }
}

/// What kind of file it is: its machine, is it one of 64 bits, is it big-endian.
pub fn kind(input: &Input) -> Result<(u16, bool, bool), Error> {
    let name = input.name.as_str();
    if input.bytes.len() > LARGEST_FILE {
        let what = "file is larger than 64 MB";
        return Err(Error::new(Kind::TooLarge, name, what));
    }
    if archive::is_archive(input.bytes) {
        return kind(&archive::first_member(input)?);
    }
    if !input.bytes.starts_with(&elf::ELFMAG) {
        return Err(Error::new(Kind::Format, name, "not an ELF file"));
    }
    let [_, _, _, _, class, order, ..] = input.bytes else {
        return Err(Error::damaged(name, "it ends within its header"));
    };
    let machine = match (input.bytes.get(18..20), *order) {
        (Some(&[a, b]), elf::ELFDATA2LSB) => u16::from_le_bytes([a, b]),
        (Some(&[a, b]), elf::ELFDATA2MSB) => u16::from_be_bytes([a, b]),
        _ => return Err(Error::damaged(name, "its byte order is unknown")),
    };
    match *class {
        elf::ELFCLASS32 => Ok((machine, false, *order == elf::ELFDATA2MSB)),
        elf::ELFCLASS64 => Ok((machine, true, *order == elf::ELFDATA2MSB)),
        _ => Err(Error::damaged(name, "it is neither of 32 nor of 64 bits")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
