// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the loader will put where: relocations, plain and packed, bound to the files' own exports.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use object::elf;
use object::read::elf::{Rela as _, SectionHeader as _, Sym as _};

use super::elf::{Elf, Image, MOST_ENTRIES, SPAN};
use super::error::{Error, Kind};

/// A relocation that waits for the exports of all files.
pub struct Pending {
    place: u64,
    symbol: String,
    addend: i64,
}

impl Image {
    pub fn relocations(
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
            if let Entry::Vacant(place) = by_name.entry(&export.name) {
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
