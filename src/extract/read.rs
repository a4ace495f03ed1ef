// SPDX-License-Identifier: MIT OR Apache-2.0
//! One ELF file into the image: sections, symbols, the bounds of functions.

use std::collections::HashMap;

use gimli::UnwindSection;
use object::elf;
use object::read::elf::{ElfFile, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, Object as _};

use super::Input;
use super::elf::{Export, Image, Section};
use super::error::{Error, Kind};
use super::relocate::Pending;

/// Most relocations or function ranges of one file.
pub const MOST_ENTRIES: usize = 1 << 18;
/// Most dynamic symbols of one file.
const MOST_SYMBOLS: usize = 1 << 15;
/// Most sections of one file.
const MOST_SECTIONS: usize = 1 << 10;

/// What the names of sections begin with that only hold what the loader binds.
const BOUND: [&[u8]; 3] = [b".got", b".plt", b".iplt"];

/// An ELF file of either class and order.
pub struct File<'a, E: FileHeader<Endian = Endianness>> {
    pub elf: ElfFile<'a, E>,
    /// Where it lies in the image.
    pub base: u64,
    pub name: &'a str,
}

pub fn read(
    image: &mut Image,
    input: &Input,
    base: u64,
    pending: &mut Vec<Pending>,
) -> Result<(), Error> {
    match image.word {
        4 => image.add::<elf::FileHeader32<Endianness>>(input, base, pending),
        _ => image.add::<elf::FileHeader64<Endianness>>(input, base, pending),
    }
}

impl Image {
    fn add<E: FileHeader<Endian = Endianness>>(
        &mut self,
        input: &Input,
        base: u64,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Error> {
        let name = input.name.as_str();
        let elf = ElfFile::<E>::parse(input.bytes).map_err(|e| Error::damaged(name, e))?;
        let file = File { elf, base, name };
        let endian = file.elf.endian();
        let header = file.elf.elf_header();
        if header.e_type(endian) != elf::ET_DYN {
            return Err(Error::new(Kind::Format, name, "not a shared library"));
        }
        self.sections(&file)?;
        self.symbols(&file)?;
        let first: u64 = header.e_entry(endian).into();
        if first != 0 && first < self.span && self.is_code(base + first) {
            self.first.push(base + first);
        }
        self.private_names(&file);
        self.relocations(&file, pending)?;
        self.frames(&file)?;
        self.index(&file)?;
        let build_id = file.elf.build_id().map_err(|e| Error::damaged(name, e))?;
        self.add_object(input, build_id);
        Ok(())
    }

    fn sections<E: FileHeader<Endian = Endianness>>(
        &mut self,
        file: &File<E>,
    ) -> Result<(), Error> {
        let (name, base) = (file.name, file.base);
        let endian = file.elf.endian();
        let relro = relro(&file.elf);
        let before = self.sections.len();
        if file.elf.elf_section_table().len() > MOST_SECTIONS {
            return Err(Error::new(Kind::TooLarge, name, "too many sections"));
        }
        let mut room = file.elf.data().len();
        for section in file.elf.elf_section_table().iter() {
            let flags: u64 = section.sh_flags(endian).into();
            if flags & u64::from(elf::SHF_ALLOC) == 0 || flags & u64::from(elf::SHF_TLS) != 0 {
                continue;
            }
            let start: u64 = section.sh_addr(endian).into();
            let size: u64 = section.sh_size(endian).into();
            let end = start.checked_add(size).filter(|end| *end < self.span);
            let Some(end) = end else {
                return Err(Error::damaged(name, "a section lies outside of its room"));
            };
            let data = section
                .data(endian, file.elf.data())
                .map_err(|e| Error::damaged(name, e))?;
            // Sections may not share what the file holds: copies of it would grow without end.
            room = match room.checked_sub(data.len()) {
                Some(room) => room,
                None => return Err(Error::damaged(name, "sections share their contents")),
            };
            let label = file.elf.elf_section_table().section_name(endian, section);
            // What the loader binds to symbols is theirs, be it bound late.
            let label = label.unwrap_or_default();
            let bound = BOUND.iter().any(|start| label.starts_with(start));
            let constant = flags & u64::from(elf::SHF_WRITE) == 0;
            self.sections.push(Section {
                start: base + start,
                end: base + end,
                data: data.to_vec(),
                code: flags & u64::from(elf::SHF_EXECINSTR) != 0,
                bound,
                fixed: constant
                    || bound
                    || relro.iter().any(|(from, to)| *from <= start && end <= *to),
                constant,
                name: String::from_utf8_lossy(label).into_owned(),
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

    fn symbols<E: FileHeader<Endian = Endianness>>(&mut self, file: &File<E>) -> Result<(), Error> {
        let (name, base) = (file.name, file.base);
        let endian = file.elf.endian();
        let damaged = |e| Error::damaged(name, e);
        let sections = file.elf.elf_section_table();
        let table = file.elf.elf_dynamic_symbol_table();
        if table.len() > MOST_SYMBOLS {
            return Err(Error::new(Kind::TooLarge, name, "too many symbols"));
        }
        let versions = sections
            .versions(endian, file.elf.data())
            .map_err(damaged)?;
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
            let value: u64 = symbol.st_value(endian).into();
            if value >= self.span {
                return Err(Error::damaged(name, "a symbol lies outside of its room"));
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
    fn private_names<E: FileHeader<Endian = Endianness>>(&mut self, file: &File<E>) {
        let base = file.base;
        let endian = file.elf.endian();
        for symbol in file.elf.elf_symbol_table().iter().take(MOST_ENTRIES) {
            let label = symbol
                .name(endian, file.elf.elf_symbol_table().strings())
                .unwrap_or_default();
            if symbol.st_type() == elf::STT_FUNC && symbol.st_value(endian).into() < self.span {
                let label = String::from_utf8_lossy(label).into_owned();
                self.names
                    .insert(base + symbol.st_value(endian).into(), label);
            }
        }
    }

    /// 32-bit Arm has an index of functions in place of frames.
    fn index<E: FileHeader<Endian = Endianness>>(&mut self, file: &File<E>) -> Result<(), Error> {
        let endian = file.elf.endian();
        if self.machine != elf::EM_ARM || self.big_endian {
            return Ok(());
        }
        for section in file.elf.elf_section_table().iter() {
            if section.sh_type(endian) != elf::SHT_ARM_EXIDX {
                continue;
            }
            let data = section.data(endian, file.elf.data());
            let data = data.map_err(|e| Error::damaged(file.name, e))?;
            let start = file.base + Into::<u64>::into(section.sh_addr(endian));
            for (entry, at) in data.chunks_exact(8).zip((start..).step_by(8)) {
                let to = at.wrapping_add(distance(entry));
                if self.is_code(to) {
                    self.starts.insert(to);
                }
            }
        }
        Ok(())
    }

    fn frames<E: FileHeader<Endian = Endianness>>(&mut self, file: &File<E>) -> Result<(), Error> {
        let (name, base) = (file.name, file.base);
        let endian = file.elf.endian();
        let sections = file.elf.elf_section_table();
        let Some((_, section)) = sections.section_by_name(endian, b".eh_frame") else {
            return Ok(());
        };
        let data = section
            .data(endian, file.elf.data())
            .map_err(|e| Error::damaged(name, e))?;
        let order = match self.big_endian {
            true => gimli::RunTimeEndian::Big,
            false => gimli::RunTimeEndian::Little,
        };
        let mut frame = gimli::EhFrame::new(data, order);
        frame.set_address_size(self.word);
        let bases = gimli::BaseAddresses::default().set_eh_frame(section.sh_addr(endian).into());
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
            if start < end && end < self.span {
                self.ranges.insert(base + start, base + end);
            }
            if self.ranges.len() > MOST_ENTRIES {
                return Err(Error::new(Kind::TooLarge, name, "too many functions"));
            }
        }
        Ok(())
    }
}

/// The end of the index entry's first word, as a distance from itself (31 bits).
fn distance(entry: &[u8]) -> u64 {
    let word = u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
    ((word << 1) as i32 >> 1) as i64 as u64
}

fn relro<E: FileHeader<Endian = Endianness>>(file: &ElfFile<E>) -> Vec<(u64, u64)> {
    let endian = file.endian();
    let segments = file.elf_program_headers().iter();
    segments
        .filter(|segment| segment.p_type(endian) == elf::PT_GNU_RELRO)
        .map(|segment| {
            let start: u64 = segment.p_vaddr(endian).into();
            (start, start.saturating_add(segment.p_memsz(endian).into()))
        })
        .collect()
}
