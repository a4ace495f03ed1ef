// SPDX-License-Identifier: MIT OR Apache-2.0
//! Relocations of object files, applied: code and data as they will be in a program.

use std::collections::{BTreeMap, HashMap};

use object::{Object as _, ObjectSection as _, RelocationFlags, RelocationTarget, SectionIndex};

use super::archive::{Meaning, Member, Symbols};
use super::elf::{Image, Section};
use super::error::{Error, Kind};
use super::patch::{CONTENTS, CONTENTS_BIAS, Field, Patch, What, patches};
use super::veneers::{VENEERS, Veneers, exchanging};

/// Most relocations of all members together.
const MOST_RELOCATIONS: usize = 1 << 21;
/// Most slots of the table of addresses.
const MOST_SLOTS: usize = 1 << 18;

/// The work of applying them.
pub struct Relinking<'a> {
    image: &'a mut Image,
    symbols: &'a mut Symbols,
    patches: &'static [Patch],
    /// Where the table of addresses begins.
    table: u64,
    /// What stands for the table of contents (POWER).
    contents: u64,
    /// The slots: what they hold. Thread-local storage has one for all, which holds nothing.
    slots: BTreeMap<Option<u64>, u64>,
    veneers: Veneers,
    seen: usize,
}

/// One relocation, looked up.
pub struct Task<'p> {
    pub patch: &'p Patch,
    pub offset: usize,
    pub place: u64,
    pub meaning: Meaning,
    pub addend: i64,
}

impl<'a> Relinking<'a> {
    pub fn new(
        image: &'a mut Image,
        symbols: &'a mut Symbols,
        end: u64,
    ) -> Result<Relinking<'a>, Error> {
        let Some(patches) = patches(image.machine) else {
            let mut error = Error::machine(&image.objects[0].name, image.machine);
            error.advice = "add its relocations to src/extract/patch.rs".to_string();
            return Err(error);
        };
        let table = end.next_multiple_of(1 << 12);
        symbols.give("_GLOBAL_OFFSET_TABLE_", table);
        let contents = image.sections.iter().find(|s| s.name == CONTENTS);
        let contents = contents.map_or(table, |first| first.start) + CONTENTS_BIAS;
        symbols.give(".TOC.", contents);
        Ok(Relinking {
            image,
            symbols,
            patches,
            table,
            contents,
            slots: BTreeMap::new(),
            veneers: Veneers::new(table + VENEERS),
            seen: 0,
        })
    }

    pub fn apply(mut self, members: &[Member]) -> Result<(), Error> {
        for member in members {
            for section in member.file.sections() {
                if let Some((place, start)) = member.places.get(&section.index()) {
                    self.section(member, section.index(), *place, *start)?;
                }
            }
        }
        self.finish();
        Ok(())
    }

    fn section(
        &mut self,
        member: &Member,
        index: SectionIndex,
        number: usize,
        start: u64,
    ) -> Result<(), Error> {
        let fail = |e: object::Error| Error::damaged(member.archive, e).at(member.name.as_str());
        let section = member.file.section_by_index(index).map_err(fail)?;
        let mut low = Vec::new();
        let mut highs = HashMap::new();
        for (offset, relocation) in section.relocations() {
            self.seen += 1;
            if self.seen > MOST_RELOCATIONS {
                let what = "too many relocations";
                return Err(Error::new(Kind::TooLarge, member.archive, what));
            }
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                continue;
            };
            let patch = self.patch(member, r_type)?;
            if patch.what == What::Nothing {
                continue;
            }
            let meaning = match relocation.target() {
                RelocationTarget::Symbol(index) => self.symbols.meaning(member, index)?,
                _ => Meaning::Address(0),
            };
            let mut task = Task {
                patch,
                offset: offset as usize,
                place: start.wrapping_add(offset),
                meaning,
                addend: relocation.addend(),
            };
            let data = &self.image.sections[number].data;
            let Some(unit) = unit(data, task.offset, &patch.field, self.image.big_endian) else {
                let what = "a relocation lies outside of its section";
                return Err(Error::damaged(member.archive, what).at(member.name.as_str()));
            };
            if relocation.has_implicit_addend() {
                let taken = patch.field.turned(patch.field.taken(unit) as u64);
                task.addend = task.addend.wrapping_add(taken as i64);
            }
            if patch.what == What::LowOf {
                low.push(task);
                continue;
            }
            let value = self.value(&task, member)?;
            highs.insert(task.place, value);
            self.write(number, &task, value);
        }
        for task in low {
            let high = match task.meaning {
                Meaning::Address(label) => highs.get(&label).copied(),
                Meaning::Thread => None,
            };
            self.write(number, &task, high.unwrap_or(0));
        }
        Ok(())
    }

    fn patch(&self, member: &Member, kind: u32) -> Result<&'static Patch, Error> {
        let known = self.patches.iter().find(|patch| patch.kind == kind);
        known.ok_or_else(|| {
            let what = format!("relocations of kind {kind} are not known");
            let mut error = Error::new(Kind::Format, member.archive, what).at(member.name.as_str());
            error.advice = "add the kind to src/extract/patch.rs".to_string();
            error
        })
    }

    /// The value, by the formulas of the ABIs.
    fn value(&mut self, task: &Task, member: &Member) -> Result<u64, Error> {
        let page = |address: u64| address & !0xfff;
        let (symbol, thread) = match task.meaning {
            Meaning::Address(address) => (address, false),
            Meaning::Thread => (0, true),
        };
        let addend = task.addend as u64;
        let to = symbol.wrapping_add(addend);
        let what = match task.patch.what {
            // Offsets of thread-local storage are no addresses.
            What::Address
            | What::Distance
            | What::Call
            | What::Jump
            | What::Pages
            | What::FromTable
            | What::FromContents
                if thread =>
            {
                return Ok(0);
            }
            what => what,
        };
        let slot = match what {
            What::Slot | What::SlotDistance | What::SlotPages | What::SlotFromTable => {
                self.slot((!thread).then_some(symbol), member)?
            }
            What::Thread => self.slot(None, member)?,
            _ => 0,
        };
        let slot = slot.wrapping_add(addend);
        Ok(match what {
            What::Address => to,
            What::Distance => to.wrapping_sub(task.place),
            What::Call | What::Jump => self.veneers.way(task, symbol).wrapping_sub(task.place),
            What::Pages => page(to).wrapping_sub(page(task.place)),
            What::Slot => slot,
            What::SlotDistance | What::Thread => slot.wrapping_sub(task.place),
            What::SlotPages => page(slot).wrapping_sub(page(task.place)),
            What::TableDistance => self.table.wrapping_add(addend).wrapping_sub(task.place),
            What::FromTable => to.wrapping_sub(self.table),
            What::FromContents => to.wrapping_sub(self.contents),
            What::SlotFromTable => slot.wrapping_sub(self.table),
            What::LowOf | What::Nothing => 0,
        })
    }

    fn slot(&mut self, of: Option<u64>, member: &Member) -> Result<u64, Error> {
        let next = self.table + u64::from(self.image.word) * self.slots.len() as u64;
        if self.slots.len() >= MOST_SLOTS {
            return Err(Error::new(
                Kind::TooLarge,
                member.archive,
                "too many addresses",
            ));
        }
        Ok(*self.slots.entry(of).or_insert(next))
    }

    fn write(&mut self, number: usize, task: &Task, value: u64) {
        let field = &task.patch.field;
        let Some(section) = self.image.sections.get_mut(number) else {
            return;
        };
        let Some(old) = unit(&section.data, task.offset, field, self.image.big_endian) else {
            return;
        };
        let bytes = usize::from(field.bytes);
        let (old, value) = match task.patch.what {
            What::Call => exchanging(task, old, value),
            _ => (old, value),
        };
        let new = turned(field.insert(old, field.turned(value)), field).to_le_bytes();
        if let Some(place) = section.data.get_mut(task.offset..task.offset + bytes) {
            place.copy_from_slice(&new[..bytes]);
            if self.image.big_endian {
                place.reverse();
            }
        }
        if task.patch.what != What::Address || task.meaning == Meaning::Thread {
            return;
        }
        if section.code {
            self.image.mentioned.insert(value);
        } else if u64::from(field.bytes) == u64::from(self.image.word) {
            self.image
                .pointers
                .entry(task.place)
                .or_default()
                .push(value);
        }
    }

    /// The table of addresses becomes a section.
    fn finish(self) {
        let mut data = Vec::new();
        let mut slots: Vec<(u64, Option<u64>)> =
            self.slots.iter().map(|(to, at)| (*at, *to)).collect();
        slots.sort_unstable();
        for (at, to) in slots {
            let word = to.unwrap_or(0).to_le_bytes();
            let word = &word[..usize::from(self.image.word)];
            match self.image.big_endian {
                true => data.extend(word.iter().rev()),
                false => data.extend_from_slice(word),
            }
            if let Some(to) = to {
                self.image.pointers.entry(at).or_default().push(to);
            }
        }
        self.veneers.finish(self.image);
        if !data.is_empty() {
            self.image.sections.push(Section {
                start: self.table,
                end: self.table + data.len() as u64,
                data,
                code: false,
                fixed: true,
                constant: false,
                bound: true,
                name: ".got".to_string(),
            });
        }
    }
}

/// The bytes that a relocation changes, as a number.
fn unit(data: &[u8], offset: usize, field: &Field, big: bool) -> Option<u64> {
    let bytes = usize::from(field.bytes);
    let data = data.get(offset..offset.checked_add(bytes)?)?;
    let mut unit = [0u8; 8];
    unit.get_mut(..bytes)?.copy_from_slice(data);
    if big {
        unit[..bytes].reverse();
    }
    Some(turned(u64::from_le_bytes(unit), field))
}

/// With its halves in the order of the manual, or back in that of the file.
fn turned(unit: u64, field: &Field) -> u64 {
    match field.halves {
        true => (unit as u32).rotate_left(16).into(),
        false => unit,
    }
}
