// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files in one address space: sections, exports, what relocations will put where, function starts.
//!
//! Object number n lies at (n + 1) << 32, so that every address names its
//! object and no address is small enough to be a number in a program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gimli::UnwindSection;
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, SectionHeader as _, Sym as _};
use object::{Endianness, Object as _};
use sha2::{Digest, Sha256};

use super::Input;
use super::archive;
use super::error::{Error, Kind};
use super::relocate::Pending;

/// Largest file; a libc has some 2 MB.
const LARGEST_FILE: usize = 64 << 20;
/// Most files.
const MOST_FILES: usize = 32;
/// Most relocations or function ranges of one file.
pub const MOST_ENTRIES: usize = 1 << 18;
/// Most dynamic symbols of one file.
const MOST_SYMBOLS: usize = 1 << 15;
/// Most sections of one file.
const MOST_SECTIONS: usize = 1 << 10;
/// Distance of the objects in the address space.
pub const SPAN: u64 = 1 << 32;

pub type Elf<'a> = ElfFile64<'a, Endianness>;

/// An allocated section.
pub struct Section {
    pub start: u64,
    pub end: u64,
    /// Empty where the file holds nothing (.bss).
    pub data: Vec<u8>,
    pub code: bool,
    /// Does not change once the program runs: read-only, or read-only after relocation.
    pub fixed: bool,
    /// Read-only in the file too.
    pub constant: bool,
    pub name: String,
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
    pub objects: Vec<ObjectFile>,
    pub sections: Vec<Section>,
    pub exports: Vec<Export>,
    /// What lies where once the loader has done its work.
    pub pointers: BTreeMap<u64, Vec<u64>>,
    /// Function ranges of .eh_frame: start to end.
    pub ranges: BTreeMap<u64, u64>,
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
        let mut image = Image::default();
        let mut pending = Vec::new();
        if inputs.is_empty() {
            return Err(Error::new(Kind::Format, "extract", "no file given"));
        }
        if inputs.len() > MOST_FILES {
            return Err(Error::new(
                Kind::TooLarge,
                &inputs[MOST_FILES].name,
                "too many files",
            ));
        }
        if let Some(input) = inputs.iter().find(|i| i.bytes.len() > LARGEST_FILE) {
            let what = "file is larger than 64 MB";
            return Err(Error::new(Kind::TooLarge, &input.name, what));
        }
        if inputs.iter().any(|input| archive::is_archive(input.bytes)) {
            return archive::link(inputs);
        }
        for (index, input) in inputs.iter().enumerate() {
            image.add(index, input, &mut pending)?;
        }
        image.sections.sort_by_key(|section| section.start);
        image.bind(pending);
        Ok(image)
    }

    fn add(
        &mut self,
        index: usize,
        input: &Input,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Error> {
        let name = input.name.as_str();
        if !input.bytes.starts_with(&elf::ELFMAG) {
            return Err(Error::new(Kind::Format, name, "not an ELF file"));
        }
        if input.bytes.get(4) != Some(&elf::ELFCLASS64) {
            return Err(Error::new(Kind::Machine, name, "not a 64-bit ELF file"));
        }
        let file = Elf::parse(input.bytes).map_err(|e| Error::damaged(name, e))?;
        let base = (index as u64 + 1) * SPAN;
        let endian = file.endian();
        let header = file.elf_header();
        if header.e_type(endian) != elf::ET_DYN {
            return Err(Error::new(Kind::Format, name, "not a shared library"));
        }
        if index == 0 {
            self.machine = header.e_machine(endian);
        } else if self.machine != header.e_machine(endian) {
            return Err(Error::new(
                Kind::Format,
                name,
                "not of the first file's architecture",
            ));
        }
        self.sections(&file, base, name)?;
        self.symbols(&file, base, name)?;
        self.private_names(&file, base);
        self.relocations(&file, base, name, pending)?;
        self.frames(&file, base, name)?;
        let build_id = file.build_id().map_err(|e| Error::damaged(name, e))?;
        self.add_object(input, build_id.map(hex).unwrap_or_default());
        Ok(())
    }

    /// Notes which file was read.
    pub fn add_object(&mut self, input: &Input, build_id: String) {
        self.objects.push(ObjectFile {
            name: input.name.clone(),
            sha256: hex(Sha256::digest(input.bytes)),
            build_id,
        });
    }

    fn sections(&mut self, file: &Elf, base: u64, name: &str) -> Result<(), Error> {
        let endian = file.endian();
        let relro = relro(file);
        let before = self.sections.len();
        if file.elf_section_table().len() > MOST_SECTIONS {
            return Err(Error::new(Kind::TooLarge, name, "too many sections"));
        }
        let mut room = file.data().len();
        for section in file.elf_section_table().iter() {
            let flags = section.sh_flags(endian);
            if flags & u64::from(elf::SHF_ALLOC) == 0 || flags & u64::from(elf::SHF_TLS) != 0 {
                continue;
            }
            let start = section.sh_addr(endian);
            let size = section.sh_size(endian);
            let end = start.checked_add(size).filter(|end| *end < SPAN);
            let Some(end) = end else {
                return Err(Error::damaged(
                    name,
                    "a section lies outside of the first 4 GB",
                ));
            };
            let data = section
                .data(endian, file.data())
                .map_err(|e| Error::damaged(name, e))?;
            // Sections may not share what the file holds: copies of it would grow without end.
            room = match room.checked_sub(data.len()) {
                Some(room) => room,
                None => return Err(Error::damaged(name, "sections share their contents")),
            };
            let label = file.elf_section_table().section_name(endian, section);
            // What the loader binds to symbols is theirs, be it bound late.
            let bound = label.unwrap_or_default().starts_with(b".got");
            let constant = flags & u64::from(elf::SHF_WRITE) == 0;
            self.sections.push(Section {
                start: base + start,
                end: base + end,
                data: data.to_vec(),
                code: flags & u64::from(elf::SHF_EXECINSTR) != 0,
                fixed: constant
                    || bound
                    || relro.iter().any(|(from, to)| *from <= start && end <= *to),
                constant,
                name: String::from_utf8_lossy(label.unwrap_or_default()).into_owned(),
            });
        }
        let mine = &mut self.sections[before..];
        mine.sort_by_key(|section| section.start);
        if mine.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err(Error::damaged(name, "sections overlap"));
        }
        if !mine
            .iter()
            .any(|section| section.code && !section.data.is_empty())
        {
            return Err(Error::new(
                Kind::Format,
                name,
                "no code: a file of debug information?",
            ));
        }
        Ok(())
    }

    fn symbols(&mut self, file: &Elf, base: u64, name: &str) -> Result<(), Error> {
        let endian = file.endian();
        let damaged = |e| Error::damaged(name, e);
        let sections = file.elf_section_table();
        let table = file.elf_dynamic_symbol_table();
        if table.len() > MOST_SYMBOLS {
            return Err(Error::new(Kind::TooLarge, name, "too many symbols"));
        }
        let versions = sections.versions(endian, file.data()).map_err(damaged)?;
        for (index, symbol) in table.enumerate() {
            let kind = symbol.st_type();
            let defined = symbol.st_shndx(endian) != elf::SHN_UNDEF
                && symbol.st_shndx(endian) != elf::SHN_ABS
                && symbol.st_bind() != elf::STB_LOCAL;
            if !defined
                || !matches!(
                    kind,
                    elf::STT_FUNC | elf::STT_GNU_IFUNC | elf::STT_NOTYPE | elf::STT_OBJECT
                )
            {
                continue;
            }
            let value = symbol.st_value(endian);
            if value >= SPAN {
                return Err(Error::damaged(
                    name,
                    "a symbol lies outside of the first 4 GB",
                ));
            }
            let label = symbol.name(endian, table.strings()).map_err(damaged)?;
            let Ok(label) = std::str::from_utf8(label) else {
                return Err(Error::damaged(name, "a symbol's name is no text"));
            };
            let mut old_version = None;
            if let Some(versions) = &versions {
                let version = versions.version_index(endian, index);
                if version.is_hidden() {
                    let known = versions.version(version).map_err(damaged)?;
                    old_version = known.map(|v| String::from_utf8_lossy(v.name()).into_owned());
                }
            }
            let address = base + value;
            if kind == elf::STT_GNU_IFUNC {
                self.choosers.insert(address);
            }
            self.exports.push(Export {
                name: label.to_string(),
                old_version,
                address,
                code: kind != elf::STT_OBJECT && self.is_code(address),
            });
        }
        Ok(())
    }

    /// What a symbol table that was not stripped calls the code.
    fn private_names(&mut self, file: &Elf, base: u64) {
        let endian = file.endian();
        for symbol in file.elf_symbol_table().iter().take(MOST_ENTRIES) {
            let label = symbol
                .name(endian, file.elf_symbol_table().strings())
                .unwrap_or_default();
            if symbol.st_type() == elf::STT_FUNC && symbol.st_value(endian) < SPAN {
                let label = String::from_utf8_lossy(label).into_owned();
                self.names.insert(base + symbol.st_value(endian), label);
            }
        }
    }

    fn frames(&mut self, file: &Elf, base: u64, name: &str) -> Result<(), Error> {
        let endian = file.endian();
        let sections = file.elf_section_table();
        let Some((_, section)) = sections.section_by_name(endian, b".eh_frame") else {
            return Ok(());
        };
        let data = section
            .data(endian, file.data())
            .map_err(|e| Error::damaged(name, e))?;
        let frame = gimli::EhFrame::new(data, gimli::LittleEndian);
        let bases = gimli::BaseAddresses::default().set_eh_frame(section.sh_addr(endian));
        let mut entries = frame.entries(&bases);
        let mut cies = HashMap::new();
        let damaged = |e: gimli::Error| Error::damaged(name, format!(".eh_frame: {e}"));
        while let Some(entry) = entries.next().map_err(damaged)? {
            let gimli::CieOrFde::Fde(partial) = entry else {
                continue;
            };
            let fde = partial
                .parse(|section, bases, offset| {
                    if let Some(cie) = cies.get(&offset) {
                        return Ok(gimli::CommonInformationEntry::clone(cie));
                    }
                    let cie = section.cie_from_offset(bases, offset)?;
                    cies.insert(offset, cie.clone());
                    Ok(cie)
                })
                .map_err(damaged)?;
            let (start, end) = (fde.initial_address(), fde.end_address());
            if start < end && end < SPAN {
                self.ranges.insert(base + start, base + end);
            }
            if self.ranges.len() > MOST_ENTRIES {
                return Err(Error::new(Kind::TooLarge, name, "too many functions"));
            }
        }
        Ok(())
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

    fn is_code(&self, address: u64) -> bool {
        self.section_in(address).is_some_and(|section| section.code)
    }

    pub fn code_at(&self, address: u64) -> Option<&[u8]> {
        let section = self.section(address).filter(|section| section.code)?;
        section.data.get((address - section.start) as usize..)
    }

    pub fn in_code(&self, address: u64) -> bool {
        self.section(address).is_some_and(|section| section.code)
    }

    pub fn word_in(&self, address: u64, bytes: u8, signed: bool) -> Option<u64> {
        word(self.section_in(address)?, address, bytes, signed)
    }

    /// A number as the file holds it.
    pub fn word(&self, address: u64, bytes: u8, signed: bool) -> Option<u64> {
        word(self.section(address)?, address, bytes, signed)
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
        (address / SPAN).saturating_sub(1) as usize
    }

    /// Where a person looks for it: file and offset.
    pub fn place(&self, address: u64) -> (String, String) {
        if let Some((start, member)) = self.members.range(..=address).next_back() {
            return (member.clone(), format!("{:#x}", address - start));
        }
        let file = self
            .objects
            .get(self.object(address))
            .map_or("?", |object| &object.name);
        (file.to_string(), format!("{:#x}", address % SPAN))
    }
}

fn word(section: &Section, address: u64, bytes: u8, signed: bool) -> Option<u64> {
    let at = (address - section.start) as usize;
    let mut word = [0u8; 8];
    let data = section.data.get(at..at.checked_add(usize::from(bytes))?)?;
    word.get_mut(..data.len())?.copy_from_slice(data);
    let value = u64::from_le_bytes(word);
    let bits = 64 - 8 * u32::from(bytes.clamp(1, 8));
    Some(if signed {
        ((value << bits) as i64 >> bits) as u64
    } else {
        value
    })
}

fn relro(file: &Elf) -> Vec<(u64, u64)> {
    use object::read::elf::ProgramHeader as _;
    let endian = file.endian();
    let segments = file.elf_program_headers().iter();
    segments
        .filter(|segment| segment.p_type(endian) == elf::PT_GNU_RELRO)
        .map(|segment| {
            let start = segment.p_vaddr(endian);
            (start, start.saturating_add(segment.p_memsz(endian)))
        })
        .collect()
}

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
