// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the loader will put where: relocations, plain and packed, bound to the files' own exports.

use std::collections::HashMap;
use std::collections::hash_map;

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, Rel as _, Rela as _, SectionHeader as _, Sym as _};

use super::elf::Image;
use super::error::{Error, Kind};
use super::read::{File, MOST_ENTRIES};

/// A relocation that waits for the exports of all files.
pub struct Pending {
    place: u64,
    symbol: String,
    addend: i64,
}

/// One relocation, with or without an addend of its own.
struct Entry {
    offset: u64,
    kind: u32,
    symbol: Option<object::SymbolIndex>,
    addend: Option<i64>,
}

impl Image {
    pub fn relocations<E: FileHeader<Endian = Endianness>>(
        &mut self,
        file: &File<E>,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Error> {
        let endian = file.elf.endian();
        let damaged = |e: object::Error| Error::damaged(file.name, e);
        for section in file.elf.elf_section_table().iter() {
            if section.sh_type(endian) == elf::SHT_RELR {
                let words = section.data(endian, file.elf.data()).map_err(damaged)?;
                self.relative(words, file.base, file.name)?;
            }
            let mut entries = Vec::new();
            let data = file.elf.data();
            if let Some((with, _)) = section.rela(endian, data).map_err(damaged)? {
                entries.extend(with.iter().take(MOST_ENTRIES + 1).map(|entry| Entry {
                    offset: entry.r_offset(endian).into(),
                    kind: entry.r_type(endian, false),
                    symbol: entry.symbol(endian, false),
                    addend: Some(entry.r_addend(endian).into()),
                }));
            } else if let Some((without, _)) = section.rel(endian, data).map_err(damaged)? {
                entries.extend(without.iter().take(MOST_ENTRIES + 1).map(|entry| Entry {
                    offset: entry.r_offset(endian).into(),
                    kind: entry.r_type(endian),
                    symbol: entry.symbol(endian),
                    addend: None,
                }));
            }
            if entries.len() > MOST_ENTRIES {
                return Err(Error::new(
                    Kind::TooLarge,
                    file.name,
                    "too many relocations",
                ));
            }
            for entry in entries {
                self.relocate(&entry, file, pending)?;
            }
        }
        Ok(())
    }

    fn relocate<E: FileHeader<Endian = Endianness>>(
        &mut self,
        entry: &Entry,
        file: &File<E>,
        pending: &mut Vec<Pending>,
    ) -> Result<(), Error> {
        let endian = file.elf.endian();
        let damaged = |e: object::Error| Error::damaged(file.name, e);
        if entry.offset >= self.span {
            return Err(Error::damaged(
                file.name,
                "a relocation lies outside of its room",
            ));
        }
        let kinds = kinds(self.machine);
        let place = file.base + entry.offset;
        let addend = match entry.addend {
            // Where the procedure linkage table keeps its own address.
            _ if kinds.bound.contains(&entry.kind) => 0,
            Some(addend) => addend,
            None => self.word_in(place, self.word, true).unwrap_or(0) as i64,
        };
        let Some(index) = entry.symbol else {
            // The object's own address plus the addend.
            let target = file.base.wrapping_add(addend as u64);
            if entry.kind == kinds.chosen {
                self.choosers.insert(target);
            } else if entry.kind != kinds.relative {
                return Ok(());
            }
            self.pointers.entry(place).or_default().push(target);
            return Ok(());
        };
        let table = file.elf.elf_dynamic_symbol_table();
        let symbol = table.symbol(index).map_err(damaged)?;
        let label = symbol.name(endian, table.strings()).map_err(damaged)?;
        if symbol.st_type() != elf::STT_TLS {
            pending.push(Pending {
                place,
                symbol: String::from_utf8_lossy(label).into_owned(),
                addend,
            });
        }
        Ok(())
    }

    /// The packed form of relative relocations.
    fn relative(&mut self, words: &[u8], base: u64, name: &str) -> Result<(), Error> {
        let size = u64::from(self.word);
        let mut next = 0u64;
        let mut places = Vec::new();
        let big_endian = self.big_endian;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        for word in words.chunks_exact(usize::from(self.word)) {
            let word = match big_endian {
                true => word.iter().fold(0, join),
                false => word.iter().rev().fold(0, join),
            };
            if word & 1 == 0 {
                places.push(word);
                next = word.wrapping_add(size);
            } else {
                let bits = 8 * size - 1;
                let set = (0..bits).filter(|bit| word >> (bit + 1) & 1 == 1);
                places.extend(set.map(|bit| next.wrapping_add(size * bit)));
                next = next.wrapping_add(bits * size);
            }
            if places.len() > MOST_ENTRIES {
                return Err(Error::new(Kind::TooLarge, name, "too many relocations"));
            }
        }
        for place in places.into_iter().filter(|place| *place < self.span) {
            let place = base + place;
            if let Some(target) = self.word_in(place, self.word, false) {
                self.pointers
                    .entry(place)
                    .or_default()
                    .push(base.wrapping_add(target));
            }
        }
        Ok(())
    }

    /// Points what waits for a symbol at all exports of that name.
    pub fn bind(&mut self, pending: Vec<Pending>) {
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
            if let hash_map::Entry::Vacant(place) = by_name.entry(&export.name) {
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
}

/// The relocations of a machine that need to be told apart.
struct Kinds {
    /// The object's own address plus the addend (R_*_RELATIVE).
    relative: u32,
    /// A function of the file computes the value (R_*_IRELATIVE).
    chosen: u32,
    /// The symbol's value alone, whatever stands there (R_*_GLOB_DAT, R_*_JUMP_SLOT).
    bound: [u32; 2],
}

/// A row of `kinds`.
macro_rules! kinds {
    ($relative:ident, $chosen:ident, $data:ident, $function:ident) => {
        Kinds {
            relative: elf::$relative,
            chosen: elf::$chosen,
            bound: [elf::$data, elf::$function],
        }
    };
}

fn kinds(machine: u16) -> Kinds {
    match machine {
        elf::EM_386 => kinds!(
            R_386_RELATIVE,
            R_386_IRELATIVE,
            R_386_GLOB_DAT,
            R_386_JMP_SLOT
        ),
        elf::EM_ARM => kinds!(
            R_ARM_RELATIVE,
            R_ARM_IRELATIVE,
            R_ARM_GLOB_DAT,
            R_ARM_JUMP_SLOT
        ),
        elf::EM_AARCH64 => kinds!(
            R_AARCH64_RELATIVE,
            R_AARCH64_IRELATIVE,
            R_AARCH64_GLOB_DAT,
            R_AARCH64_JUMP_SLOT
        ),
        elf::EM_PPC64 => kinds!(
            R_PPC64_RELATIVE,
            R_PPC64_IRELATIVE,
            R_PPC64_GLOB_DAT,
            R_PPC64_JMP_SLOT
        ),
        elf::EM_S390 => kinds!(
            R_390_RELATIVE,
            R_390_IRELATIVE,
            R_390_GLOB_DAT,
            R_390_JMP_SLOT
        ),
        // Data is bound by R_RISCV_64, whose addend counts.
        elf::EM_RISCV => kinds!(
            R_RISCV_RELATIVE,
            R_RISCV_IRELATIVE,
            R_RISCV_JUMP_SLOT,
            R_RISCV_JUMP_SLOT
        ),
        _ => kinds!(
            R_X86_64_RELATIVE,
            R_X86_64_IRELATIVE,
            R_X86_64_GLOB_DAT,
            R_X86_64_JUMP_SLOT
        ),
    }
}
