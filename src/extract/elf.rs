// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files in one address space: sections, exports, what relocations will put where, function starts.
//!
//! Object number n lies at (n + 1) << 32, so that every address names its
//! object and no address is small enough to be a number in a program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gimli::UnwindSection;
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, Rela as _, SectionHeader as _, Sym as _};
use object::{Endianness, Object as _};
use sha2::{Digest, Sha256};

use super::Input;
use super::error::{Error, Kind};

/// Largest file; a libc has some 2 MB.
const LARGEST_FILE: usize = 64 << 20;
/// Most files.
const MOST_FILES: usize = 32;
/// Most relocations, symbols or function ranges of one file.
const MOST_ENTRIES: usize = 1 << 20;
/// Distance of the objects in the address space.
const SPAN: u64 = 1 << 32;

type Elf<'a> = ElfFile64<'a, Endianness>;

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
}

/// A relocation that waits for the exports of all files.
struct Pending {
    place: u64,
    symbol: String,
    addend: i64,
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
        if input.bytes.len() > LARGEST_FILE {
            return Err(Error::new(
                Kind::TooLarge,
                name,
                "file is larger than 64 MB",
            ));
        }
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
        self.relocations(&file, base, name, pending)?;
        self.frames(&file, base, name)?;
        let build_id = file.build_id().map_err(|e| Error::damaged(name, e))?;
        self.objects.push(ObjectFile {
            name: input.name.clone(),
            sha256: hex(&Sha256::digest(input.bytes)),
            build_id: build_id.map(hex).unwrap_or_default(),
        });
        Ok(())
    }

    fn sections(&mut self, file: &Elf, base: u64, name: &str) -> Result<(), Error> {
        let endian = file.endian();
        let relro = relro(file);
        let before = self.sections.len();
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
        if table.len() > MOST_ENTRIES {
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
        for symbol in file.elf_symbol_table().iter().take(MOST_ENTRIES) {
            let label = symbol
                .name(endian, file.elf_symbol_table().strings())
                .unwrap_or_default();
            if symbol.st_type() == elf::STT_FUNC && symbol.st_value(endian) < SPAN {
                let label = String::from_utf8_lossy(label).into_owned();
                self.names.insert(base + symbol.st_value(endian), label);
            }
        }
        Ok(())
    }

    fn relocations(
        &mut self,
        file: &Elf,
        base: u64,
        name: &str,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Error> {
        let endian = file.endian();
        let table = file.elf_dynamic_symbol_table();
        let damaged = |e: object::Error| Error::damaged(name, e);
        for section in file.elf_section_table().iter() {
            if section.sh_type(endian) == elf::SHT_RELR {
                let words = section.data(endian, file.data()).map_err(damaged)?;
                self.relative(words, base, name)?;
            }
            let Some((entries, _)) = section.rela(endian, file.data()).map_err(damaged)? else {
                continue;
            };
            if entries.len() > MOST_ENTRIES {
                return Err(Error::new(Kind::TooLarge, name, "too many relocations"));
            }
            for entry in entries {
                let place = entry.r_offset(endian);
                // Where the procedure linkage table keeps its own address in it.
                let bound = BOUND.contains(&(self.machine, entry.r_type(endian, false)));
                let addend = if bound { 0 } else { entry.r_addend(endian) };
                if place >= SPAN {
                    return Err(Error::damaged(
                        name,
                        "a relocation lies outside of the first 4 GB",
                    ));
                }
                let place = base + place;
                let index = entry.symbol(endian, false);
                // Without a symbol: the object's own address plus the addend.
                let Some(index) = index else {
                    if entry.r_type(endian, false) == chosen(self.machine) {
                        self.choosers.insert(base.wrapping_add(addend as u64));
                    }
                    self.pointers
                        .entry(place)
                        .or_default()
                        .push(base.wrapping_add(addend as u64));
                    continue;
                };
                let symbol = table.symbol(index).map_err(damaged)?;
                let label = symbol.name(endian, table.strings()).map_err(damaged)?;
                if symbol.st_type() != elf::STT_TLS {
                    pending.push(Pending {
                        place,
                        symbol: String::from_utf8_lossy(label).into_owned(),
                        addend,
                    });
                }
            }
        }
        Ok(())
    }

    /// The packed form of relative relocations.
    fn relative(&mut self, words: &[u8], base: u64, name: &str) -> Result<(), Error> {
        let mut next = 0u64;
        let mut places = Vec::new();
        for word in words
            .chunks_exact(8)
            .map(|word| word.try_into().map_or(0, u64::from_le_bytes))
        {
            if word & 1 == 0 {
                places.push(word);
                next = word.wrapping_add(8);
            } else {
                places.extend(
                    (0..63u64)
                        .filter(|bit| word >> (bit + 1) & 1 == 1)
                        .map(|bit| next.wrapping_add(8 * bit)),
                );
                next = next.wrapping_add(63 * 8);
            }
            if places.len() > MOST_ENTRIES {
                return Err(Error::new(Kind::TooLarge, name, "too many relocations"));
            }
        }
        for place in places.into_iter().filter(|place| *place < SPAN) {
            let place = base + place;
            if let Some(target) = self.word_in(place, 8, false) {
                self.pointers
                    .entry(place)
                    .or_default()
                    .push(base.wrapping_add(target));
            }
        }
        Ok(())
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

    /// Points what waits for a symbol at all exports of that name.
    fn bind(&mut self, pending: Vec<Pending>) {
        let mut by_name: HashMap<&str, Vec<u64>> = HashMap::new();
        for export in self
            .exports
            .iter()
            .filter(|export| export.old_version.is_none())
        {
            by_name
                .entry(&export.name)
                .or_default()
                .push(export.address);
        }
        for export in self
            .exports
            .iter()
            .filter(|export| export.old_version.is_some())
        {
            if let std::collections::hash_map::Entry::Vacant(place) = by_name.entry(&export.name) {
                place.insert(vec![export.address]);
            }
        }
        for wait in pending {
            let targets = by_name.get(wait.symbol.as_str()).into_iter().flatten();
            let targets: Vec<u64> = targets
                .map(|to| to.wrapping_add(wait.addend as u64))
                .collect();
            if !targets.is_empty() {
                self.pointers.entry(wait.place).or_default().extend(targets);
            }
        }
        for targets in self.pointers.values_mut() {
            targets.sort_unstable();
            targets.dedup();
        }
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

    fn word_in(&self, address: u64, bytes: u8, signed: bool) -> Option<u64> {
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
        let file = self
            .objects
            .get(self.object(address))
            .map_or("?", |object| &object.name);
        (file.to_string(), format!("{:#x}", address % SPAN))
    }
}

/// Relocations whose value is the symbol's alone, whatever their addend says.
const BOUND: [(u16, u32); 2] = [
    (elf::EM_X86_64, elf::R_X86_64_GLOB_DAT),
    (elf::EM_X86_64, elf::R_X86_64_JUMP_SLOT),
];

/// The relocation whose value a function of the file computes (R_*_IRELATIVE).
fn chosen(machine: u16) -> u32 {
    match machine {
        elf::EM_386 => elf::R_386_IRELATIVE,
        elf::EM_ARM => elf::R_ARM_IRELATIVE,
        elf::EM_AARCH64 => elf::R_AARCH64_IRELATIVE,
        elf::EM_PPC64 => elf::R_PPC64_IRELATIVE,
        elf::EM_S390 => elf::R_390_IRELATIVE,
        elf::EM_RISCV => elf::R_RISCV_IRELATIVE,
        _ => elf::R_X86_64_IRELATIVE,
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

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Which libc, by the banner that each carries.
pub fn identify(image: &Image) -> Result<(String, String), Error> {
    let name = &image.objects[0].name;
    let constants: Vec<&[u8]> = image
        .sections
        .iter()
        .filter(|section| image.object(section.start) == 0 && section.constant && !section.code)
        .map(|section| section.data.as_slice())
        .collect();
    let found = constants
        .iter()
        .find_map(|data| glibc(data).map(|v| ("glibc", v)))
        .or_else(|| {
            let musl = constants
                .iter()
                .any(|data| position(data, b"musl libc").is_some());
            let version = musl.then(|| constants.iter().find_map(|data| musl_version(data)));
            version.flatten().map(|v| ("musl", v))
        });
    match found {
        Some((libc, version)) => Ok((libc.to_string(), version)),
        None => Err(Error::new(
            Kind::Libc,
            name,
            "neither glibc's nor musl's banner is in it",
        )),
    }
}

fn position(data: &[u8], text: &[u8]) -> Option<usize> {
    data.windows(text.len()).position(|window| window == text)
}

/// The libc whose banner is anywhere in a file: of a program that holds it.
pub fn version_in(bytes: &[u8]) -> Option<(&'static str, String)> {
    if let Some(version) = glibc(bytes) {
        return Some(("glibc", version));
    }
    position(bytes, b"musl libc")?;
    musl_version(bytes).map(|version| ("musl", version))
}

fn glibc(data: &[u8]) -> Option<String> {
    let start = position(data, b"GNU C Library ")?;
    let banner = &data[start..data.len().min(start + 200)];
    let at = position(banner, b"release version ")? + b"release version ".len();
    version(&banner[at..])
}

/// musl's loader prints its version; the text is a string of its own.
fn musl_version(data: &[u8]) -> Option<String> {
    data.split(|byte| *byte == 0).find_map(|text| {
        let version = version(text)?;
        (version.len() == text.len() && version.matches('.').count() == 2).then_some(version)
    })
}

fn version(text: &[u8]) -> Option<String> {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b'.')
        .unwrap_or(text.len());
    let version = std::str::from_utf8(&text[..end])
        .ok()?
        .trim_end_matches('.');
    (version.contains('.') && version.len() < 16).then(|| version.to_string())
}
