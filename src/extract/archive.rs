// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static libraries: the members of `ar` archives laid out as one image, as by a linker that takes them all.
//!
//! The image lies below 2 GB, where code that is not position-independent
//! expects itself, and far above what programs use as numbers.

use std::collections::{BTreeMap, HashMap};

use object::read::archive::ArchiveFile;
use object::{
    File, Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _, SectionFlags,
    SectionIndex, SymbolFlags, SymbolKind, SymbolSection, elf,
};

use super::Input;
use super::elf::{Export, Image, Section};
use super::error::{Error, Kind};
use super::patch::CONTENTS;
use super::relink::Relinking;

/// Most members of all archives together; glibc's libc.a has 1,800.
const MOST_MEMBERS: usize = 1 << 14;
/// Most sections that are laid out.
const MOST_SECTIONS: usize = 1 << 17;
/// Most symbols of all members together.
const MOST_SYMBOLS: usize = 1 << 19;
/// Largest alignment of a section.
const LARGEST_ALIGNMENT: u64 = 1 << 16;
/// Where the first section lies.
const FIRST: u64 = 0x5a00_0000;
/// Where the last one ends at the latest.
const LAST: u64 = 0x6f00_0000;
/// Where the symbols lie that are defined nowhere: no code, no data.
const NOWHERE: u64 = 0x7000_0000;
/// Room of each of them.
const NOWHERE_STEP: u64 = 16;

/// Is it an archive?
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&object::archive::MAGIC) || bytes.starts_with(&object::archive::THIN_MAGIC)
}

/// An object file of an archive.
pub struct Member<'a> {
    pub archive: &'a str,
    pub name: String,
    pub file: File<'a>,
    pub size: usize,
    /// Where its sections are: place in the image's list, address.
    pub places: HashMap<SectionIndex, (usize, u64)>,
}

/// What a symbol stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    Address(u64),
    /// Thread-local storage.
    Thread,
}

/// The definition that other members see.
struct Definition {
    meaning: Meaning,
    weak: bool,
}

/// Definitions by name, and names without one.
#[derive(Default)]
pub struct Symbols {
    defined: HashMap<String, Definition>,
    missing: HashMap<String, u64>,
}

/// Reads archives, and beside them a library without symbols that was linked of
/// the same code (klibc's), of which the build-id is noted.
pub fn link(mut image: Image, inputs: &[Input]) -> Result<Image, Error> {
    let mut members = Vec::new();
    for input in inputs {
        if is_archive(input.bytes) {
            unpack(input, &mut members)?;
            image.add_object(input, None);
        } else {
            stripped(input, &mut image)?;
        }
    }
    let end = lay_out(&mut image, &mut members)?;
    let mut symbols = Symbols::default();
    let end = symbols.common(&mut image, &members, end)?;
    let mut seen = 0;
    for member in &members {
        seen += member.file.symbols().count();
        if seen > MOST_SYMBOLS {
            let what = "too many symbols";
            return Err(Error::new(Kind::TooLarge, member.archive, what));
        }
        symbols.define(&mut image, member)?;
    }
    Relinking::new(&mut image, &mut symbols, end)?.apply(&members)?;
    let broken = symbols.missing.get(STACK_BROKEN).copied();
    image.broken.extend(broken);
    let missing = symbols.missing.into_iter();
    let missing = missing.filter(|(name, _)| !compilers_own(name));
    image.undefined = missing.map(|(name, address)| (address, name)).collect();
    Ok(image)
}

/// The end of a process whose stack is broken.
const STACK_BROKEN: &str = "__stack_chk_fail";

/// Arithmetic that compilers call by themselves (`__addtf3`), and the end of a
/// process whose stack is broken: no business of a libc that lacks them.
fn compilers_own(name: &str) -> bool {
    let operation = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let modes = ["sf", "df", "tf", "xf", "hf", "si", "di", "ti"];
    name == STACK_BROKEN
        || name.starts_with("__") && modes.iter().any(|mode| operation.ends_with(mode))
}

fn parse<'a>(input: &Input<'a>) -> Result<ArchiveFile<'a>, Error> {
    let name = input.name.as_str();
    let archive = ArchiveFile::parse(input.bytes).map_err(|e| Error::damaged(name, e))?;
    match archive.is_thin() {
        true => Err(Error::new(
            Kind::Format,
            name,
            "a thin archive, which holds no code",
        )),
        false => Ok(archive),
    }
}

/// The first file in it, which tells of what kind all are.
pub fn first_member<'a>(input: &Input<'a>) -> Result<Input<'a>, Error> {
    let name = input.name.as_str();
    let damaged = |e: object::Error| Error::damaged(name, e);
    let Some(member) = parse(input)?.members().next() else {
        return Err(Error::new(Kind::Format, name, "the archive is empty"));
    };
    let bytes = member
        .map_err(damaged)?
        .data(input.bytes)
        .map_err(damaged)?;
    match bytes.starts_with(&elf::ELFMAG) {
        true => Ok(Input {
            name: name.to_string(),
            bytes,
        }),
        false => Err(Error::new(
            Kind::Format,
            name,
            "its first member is no ELF file",
        )),
    }
}

fn unpack<'a>(input: &'a Input, members: &mut Vec<Member<'a>>) -> Result<(), Error> {
    let name = input.name.as_str();
    let damaged = |e: object::Error| Error::damaged(name, e);
    let first = super::elf::kind(input)?;
    for member in parse(input)?.members() {
        let member = member.map_err(damaged)?;
        let label = String::from_utf8_lossy(member.name()).into_owned();
        let bytes = member.data(input.bytes).map_err(damaged)?;
        let of = format!("{name}({label})");
        if !bytes.starts_with(&elf::ELFMAG) {
            return Err(Error::new(Kind::Format, &of, "not an ELF file"));
        }
        let file = File::parse(bytes).map_err(|e| Error::damaged(&of, e))?;
        if file.kind() != ObjectKind::Relocatable {
            return Err(Error::new(Kind::Format, &of, "not an object file"));
        }
        let size = bytes.len();
        if super::elf::kind(&Input { name: of, bytes })? != first {
            let what = "not of the first member's architecture";
            return Err(Error::new(Kind::Format, name, what).at(label));
        }
        members.push(Member {
            archive: name,
            name: label,
            file,
            size,
            places: HashMap::new(),
        });
        if members.len() > MOST_MEMBERS {
            return Err(Error::new(Kind::TooLarge, name, "too many members"));
        }
    }
    Ok(())
}

fn stripped(input: &Input, image: &mut Image) -> Result<(), Error> {
    let name = input.name.as_str();
    let file = File::parse(input.bytes).map_err(|e| Error::damaged(name, e))?;
    if file.kind() != ObjectKind::Executable || file.dynamic_symbols().next().is_some() {
        let what = "beside an archive only a library without symbols is read (klibc's)";
        return Err(Error::new(Kind::Format, name, what));
    }
    let build_id = file.build_id().map_err(|e| Error::damaged(name, e))?;
    image.add_object(input, build_id);
    Ok(())
}

/// Gives every section that a program would load its place; returns the end of all.
/// The table of contents comes last and together: what refers to it reaches 64 KB.
fn lay_out(image: &mut Image, members: &mut [Member]) -> Result<u64, Error> {
    let rest = lay(image, members, FIRST, |name| name != CONTENTS.as_bytes())?;
    let end = lay(image, members, rest, |name| name == CONTENTS.as_bytes())?;
    if !image.sections.iter().any(|section| section.code) {
        return Err(Error::new(Kind::Format, &image.objects[0].name, "no code"));
    }
    Ok(end)
}

/// Gives the sections of these names their places from there on.
fn lay(
    image: &mut Image,
    members: &mut [Member],
    mut next: u64,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<u64, Error> {
    for member in members {
        let archive = member.archive;
        let mut room = member.size;
        for section in member.file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            let name = section.name_bytes().unwrap_or_default();
            let loaded = sh_flags & u64::from(elf::SHF_ALLOC) != 0
                && sh_flags & u64::from(elf::SHF_TLS) == 0
                && name != b".eh_frame"
                && wanted(name)
                && section.size() > 0;
            if !loaded {
                continue;
            }
            let align = section.align().max(16);
            let start = next.next_multiple_of(align.min(LARGEST_ALIGNMENT));
            let end = start.checked_add(section.size()).filter(|end| *end < LAST);
            let (Some(end), true) = (end, align <= LARGEST_ALIGNMENT) else {
                let what = "its sections have no room in 300 MB";
                return Err(Error::new(Kind::TooLarge, archive, what).at(member.name.as_str()));
            };
            let data = section.data().map_err(|e| Error::damaged(archive, e))?;
            // As in shared libraries: copies of it would grow without end.
            room = match room.checked_sub(data.len()) {
                Some(room) => room,
                None => return Err(Error::damaged(archive, "sections share their contents")),
            };
            let is_contents = name == CONTENTS.as_bytes();
            let constant = sh_flags & u64::from(elf::SHF_WRITE) == 0;
            let place = (image.sections.len(), start);
            if place.0 >= MOST_SECTIONS {
                return Err(Error::new(Kind::TooLarge, archive, "too many sections"));
            }
            member.places.insert(section.index(), place);
            image.members.insert(start, member.name.clone());
            image.sections.push(Section {
                start,
                end,
                data: data.to_vec(),
                code: sh_flags & u64::from(elf::SHF_EXECINSTR) != 0,
                fixed: constant || is_contents || name.starts_with(b".data.rel.ro"),
                constant,
                bound: is_contents,
                name: String::from_utf8_lossy(name).into_owned(),
            });
            // Nothing runs on from one section into the next.
            next = end + 16;
        }
    }
    Ok(next)
}

impl Member<'_> {
    /// Where a section's byte lies; nothing where the section is not laid out.
    fn place(&self, section: SectionIndex, offset: u64) -> Option<u64> {
        let (_, start) = self.places.get(&section)?;
        start.checked_add(offset).filter(|at| *at < LAST)
    }
}

impl Symbols {
    /// Gives variables that are only declared their room; returns the end of all.
    fn common(&mut self, image: &mut Image, members: &[Member], end: u64) -> Result<u64, Error> {
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for member in members {
            for symbol in member.file.symbols().filter(|symbol| symbol.is_common()) {
                let size = sizes.entry(symbol.name().unwrap_or_default()).or_default();
                *size = symbol.size().max(*size);
            }
        }
        let start = end.next_multiple_of(16);
        let mut next = start;
        for (name, size) in sizes {
            self.give(name, next);
            image.exports.push(Export {
                name: name.to_string(),
                old_version: None,
                address: next,
                code: false,
            });
            let end = next.checked_add(size.max(1)).filter(|end| *end < LAST);
            let Some(end) = end else {
                let what = "its variables have no room in 300 MB";
                return Err(Error::new(Kind::TooLarge, &image.objects[0].name, what));
            };
            next = end.next_multiple_of(16);
        }
        if next > start {
            image.sections.push(Section {
                start,
                end: next,
                data: Vec::new(),
                code: false,
                fixed: false,
                constant: false,
                bound: false,
                name: ".bss".to_string(),
            });
        }
        Ok(next)
    }

    /// What a member offers to others, and where its functions begin and end.
    fn define(&mut self, image: &mut Image, member: &Member) -> Result<(), Error> {
        for symbol in member.file.symbols() {
            let SymbolFlags::Elf { st_info, st_other } = symbol.flags() else {
                continue;
            };
            let kind = st_info & 0xf;
            let Some(meaning) = own(member, &symbol) else {
                continue;
            };
            let Ok(name) = symbol.name() else {
                return Err(Error::damaged(member.archive, "a symbol's name is no text")
                    .at(member.name.as_str()));
            };
            let code = match meaning {
                Meaning::Address(at) => is_code(image, member, symbol.section(), at),
                Meaning::Thread => None,
            };
            if let Some(end) = code
                && let Meaning::Address(at) = meaning
                && matches!(kind, elf::STT_FUNC | elf::STT_GNU_IFUNC)
            {
                let size = symbol.size();
                if let Some(to) = at.checked_add(size).filter(|to| size > 0 && *to <= end) {
                    image.ranges.insert(at, to);
                }
                image.names.insert(at, name.to_string());
            }
            if !symbol.is_global() || name.is_empty() {
                continue;
            }
            let weak = symbol.is_weak();
            if self.defined.get(name).is_none_or(|old| old.weak && !weak) {
                self.defined
                    .insert(name.to_string(), Definition { meaning, weak });
            }
            // What is hidden can be linked all the same; LLVM's libc hides every function.
            let hidden = name.starts_with('_')
                && matches!(st_other & 3, elf::STV_HIDDEN | elf::STV_INTERNAL);
            if let (Meaning::Address(address), false) = (meaning, hidden || name.starts_with("_Z"))
            {
                if kind == elf::STT_GNU_IFUNC {
                    image.choosers.insert(address);
                }
                image.exports.push(Export {
                    name: name.to_string(),
                    old_version: None,
                    address,
                    code: kind != elf::STT_OBJECT && code.is_some(),
                });
            }
        }
        Ok(())
    }

    /// What a member means by the symbol with this number.
    pub fn meaning(
        &mut self,
        member: &Member,
        index: object::SymbolIndex,
    ) -> Result<Meaning, Error> {
        let damaged = |e: object::Error| Error::damaged(member.archive, e).at(member.name.as_str());
        let symbol = member.file.symbol_by_index(index).map_err(damaged)?;
        let own = own(member, &symbol);
        let name = symbol.name().unwrap_or_default();
        if let (Some(own), true) = (own, !symbol.is_global() || name.is_empty()) {
            return Ok(own);
        }
        if let Some(known) = self.defined.get(name) {
            return Ok(known.meaning);
        }
        match own {
            Some(own) => Ok(own),
            // A weak one that nobody defines is null; its user asks before.
            None if symbol.is_weak() => Ok(Meaning::Address(0)),
            None if !symbol.is_undefined() => Ok(Meaning::Thread),
            None => {
                let next = NOWHERE + NOWHERE_STEP * self.missing.len() as u64;
                let place = self.missing.entry(name.to_string()).or_insert(next);
                Ok(Meaning::Address(*place))
            }
        }
    }

    /// What the linker itself defines.
    pub fn give(&mut self, name: &str, address: u64) {
        let meaning = Meaning::Address(address);
        let given = Definition {
            meaning,
            weak: true,
        };
        self.defined.entry(name.to_string()).or_insert(given);
    }
}

/// What a symbol stands for by its own member; nothing if that does not define it.
fn own(member: &Member, symbol: &object::Symbol) -> Option<Meaning> {
    match symbol.section() {
        _ if symbol.kind() == SymbolKind::Tls && !symbol.is_undefined() => Some(Meaning::Thread),
        SymbolSection::Section(index) => {
            member.place(index, symbol.address()).map(Meaning::Address)
        }
        SymbolSection::Absolute => Some(Meaning::Address(symbol.address())),
        _ => None,
    }
}

/// The end of the code section that the address lies in.
fn is_code(image: &Image, member: &Member, section: SymbolSection, at: u64) -> Option<u64> {
    let (index, _) = member.places.get(&section.index()?)?;
    let section = image.sections.get(*index)?;
    (section.code && at < section.end).then_some(section.end)
}
