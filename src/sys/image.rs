// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects that the loader mapped: their notes, names and symbols, read where they lie.

use core::ffi::{c_int, c_void};

use super::arch::{self, CALL_BYTES, Registers, STACK_WORDS, elf};
use super::text;

const NOTE_BUILD_ID: u32 = 3;
/// `DT_GNU_HASH`, which the libc crate lacks.
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const STB_GLOBAL: u8 = 1;
const SHT_SYMTAB: u32 = 2;
/// A build-id is a SHA-1 as a rule; longer ones exist.
pub const BUILD_ID_MAX: usize = 32;

/// One mapped object.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    base: usize,
    headers: usize,
    count: usize,
    name: usize,
}

/// A range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    pub from: usize,
    pub to: usize,
}

impl Span {
    pub fn contains(&self, at: usize) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// A build-id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BuildId {
    bytes: [u8; BUILD_ID_MAX],
    len: usize,
}

impl BuildId {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The functions that an object exports, for the lookup of an address.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    base: usize,
    table: usize,
    count: usize,
    strings: usize,
    /// A name's offset lies below this.
    strings_len: usize,
    /// Where its code lies.
    pub code: Span,
}

/// Call `visit` on each mapped object, the program first, until it says true.
pub fn find(visit: &mut dyn FnMut(Object) -> bool) -> bool {
    struct Context<'a> {
        visit: &'a mut dyn FnMut(Object) -> bool,
    }
    unsafe extern "C" fn each(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        context: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives a valid info, and hands our context on.
        let (info, context) = unsafe { (&*info, &mut *context.cast::<Context>()) };
        let object = Object {
            base: info.dlpi_addr as usize,
            headers: info.dlpi_phdr as usize,
            count: usize::from(info.dlpi_phnum),
            name: info.dlpi_name as usize,
        };
        c_int::from((context.visit)(object))
    }
    let mut context = Context { visit };
    // SAFETY: `each` has the type that the function wants.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut context).cast()) != 0 }
}

impl Object {
    pub fn new(base: usize, headers: usize, count: usize, name: usize) -> Object {
        Object {
            base,
            headers,
            count,
            name,
        }
    }

    /// The program, whose headers tell where they should lie if it has a loader.
    pub fn of_program(headers: usize, count: usize) -> Option<Object> {
        let program = Object::new(0, headers, count, 0);
        let own = program.segment(libc::PT_PHDR)?;
        Some(Object {
            base: headers.wrapping_sub(own.from),
            ..program
        })
    }

    /// Where it was mapped, less where it was linked for.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Where the loader keeps the list of objects (`DT_DEBUG` of a program).
    pub fn debug_list(&self) -> Option<usize> {
        let list = self.dynamic().get(libc_dt::DEBUG)? as usize;
        (list != 0).then_some(list)
    }

    fn headers(&self) -> &[elf::Segment] {
        if self.headers == 0 {
            return &[];
        }
        // SAFETY: the loader keeps an object's program headers mapped.
        unsafe { core::slice::from_raw_parts(self.headers as *const elf::Segment, self.count) }
    }

    fn segment(&self, kind: u32) -> Option<Span> {
        self.headers()
            .iter()
            .find(|h| h.p_type == kind)
            .map(|h| self.span(h))
    }

    fn span(&self, header: &elf::Segment) -> Span {
        let from = self.base.wrapping_add(header.p_vaddr as usize);
        Span {
            from,
            to: from.wrapping_add(header.p_memsz as usize),
        }
    }

    /// Does it name a loader? Then it is not static.
    pub fn has_interpreter(&self) -> bool {
        self.segment(libc::PT_INTERP).is_some()
    }

    /// The path that it was mapped from, as the loader tells it.
    pub fn path(&self) -> &[u8] {
        // SAFETY: a C string of the loader's, or nothing.
        if self.name == 0 {
            &[]
        } else {
            unsafe { text::at(self.name as *const _) }
        }
    }

    /// Its own name (`DT_SONAME`).
    pub fn soname(&self) -> &[u8] {
        let dynamic = self.dynamic();
        match (
            dynamic.get(libc_dt::SONAME),
            self.address(dynamic.get(libc_dt::STRTAB)),
        ) {
            // SAFETY: an offset in the string table that the loader uses too.
            (Some(name), Some(strings)) => unsafe {
                text::at((strings + name as usize) as *const _)
            },
            _ => &[],
        }
    }

    /// Its GNU build-id.
    pub fn build_id(&self) -> Option<BuildId> {
        let notes = self.headers().iter().filter(|h| h.p_type == libc::PT_NOTE);
        notes.map(|h| self.span(h)).find_map(build_id)
    }

    /// What is mapped of it, and how (`PF_R`, `PF_W`, `PF_X`).
    pub fn loaded(&self) -> impl Iterator<Item = (Span, u32)> {
        let loads = self.headers().iter().filter(|h| h.p_type == libc::PT_LOAD);
        loads.map(|h| (self.span(h), h.p_flags))
    }

    /// Tell where it keeps the address of which symbol, for those that it has
    /// from others; on 64-bit architectures.
    pub fn imports(&self, tell: &mut dyn FnMut(&[u8], usize)) {
        let dynamic = self.dynamic();
        let (Some(symbols), Some(strings)) = (
            self.address(dynamic.get(libc_dt::SYMTAB)),
            self.address(dynamic.get(libc_dt::STRTAB)),
        ) else {
            return;
        };
        let lists = [
            (libc_dt::RELA, libc_dt::RELASZ),
            (libc_dt::JMPREL, libc_dt::PLTRELSZ),
        ];
        for (list, size) in lists {
            let list = self.address(dynamic.get(list)).unwrap_or(0);
            let size = dynamic.get(size).unwrap_or(0) as usize;
            for at in (list..list + size).step_by(size_of::<[u64; 3]>()) {
                // SAFETY: Elf64_Rela: a place, the number of a symbol above the
                // kind, and what is added; the loader reads them too.
                let [place, info, _] = unsafe { *(at as *const [u64; 3]) };
                let symbol = (info >> 32) as usize * size_of::<elf::Symbol>();
                if symbol != 0 {
                    // SAFETY: within the symbols, and its name in the strings.
                    let name = unsafe {
                        let symbol = &*((symbols + symbol) as *const elf::Symbol);
                        text::at((strings + symbol.st_name as usize) as *const _)
                    };
                    tell(name, self.base.wrapping_add(place as usize));
                }
            }
        }
    }

    /// Where its code lies.
    pub fn code(&self) -> Option<Span> {
        let executable =
            |h: &&elf::Segment| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_X != 0;
        self.headers().iter().find(executable).map(|h| self.span(h))
    }

    /// Its constants, byte by byte: segments that can be read and nothing else.
    pub fn constants(&self) -> impl Iterator<Item = &[u8]> {
        let constant = |h: &&elf::Segment| {
            h.p_type == libc::PT_LOAD && h.p_flags & (libc::PF_R | libc::PF_W) == libc::PF_R
        };
        self.headers().iter().filter(constant).map(|h| {
            let span = self.span(h);
            // SAFETY: a mapped segment that nobody writes.
            unsafe { core::slice::from_raw_parts(span.from as *const u8, h.p_filesz as usize) }
        })
    }

    /// Its dynamic symbols.
    pub fn symbols(&self) -> Option<Symbols> {
        let dynamic = self.dynamic();
        Some(Symbols {
            base: self.base,
            table: self.address(dynamic.get(libc_dt::SYMTAB))?,
            count: self.symbol_count(&dynamic)?,
            strings: self.address(dynamic.get(libc_dt::STRTAB))?,
            strings_len: dynamic.get(libc_dt::STRSZ)? as usize,
            code: self.code()?,
        })
    }

    /// Tell the symbols of other objects that it refers to, and not weakly.
    pub fn wanted(&self, tell: &mut dyn FnMut(&[u8])) {
        let dynamic = self.dynamic();
        let (Some(table), Some(strings), Some(len)) = (
            self.address(dynamic.get(libc_dt::SYMTAB)),
            self.address(dynamic.get(libc_dt::STRTAB)),
            dynamic.get(libc_dt::STRSZ),
        ) else {
            return;
        };
        // No entry says how many symbols there are beyond the hashed ones, but
        // every linker puts the strings behind the last.
        let size = size_of::<elf::Symbol>();
        let count = strings.saturating_sub(table) / size;
        for n in 1..count.min(1 << 20) {
            // SAFETY: within the symbol table, see above.
            let symbol = unsafe { &*((table + n * size) as *const elf::Symbol) };
            let is_wanted = symbol.st_shndx == 0 && symbol.st_info >> 4 == STB_GLOBAL;
            if is_wanted && (symbol.st_name as usize) < len as usize {
                // SAFETY: an offset in the string table.
                tell(unsafe { text::at((strings + symbol.st_name as usize) as *const _) });
            }
        }
    }

    fn dynamic(&self) -> Dynamic {
        Dynamic(self.segment(libc::PT_DYNAMIC).unwrap_or_default())
    }

    /// glibc adds the base to the pointers in a dynamic section, musl does not.
    fn address(&self, pointer: Option<u64>) -> Option<usize> {
        let pointer = pointer? as usize;
        Some(if pointer < self.base {
            pointer.wrapping_add(self.base)
        } else {
            pointer
        })
    }

    fn symbol_count(&self, dynamic: &Dynamic) -> Option<usize> {
        if let Some(hash) = self.address(dynamic.get(libc_dt::HASH)) {
            // SAFETY: nbucket, nchain: as many chains as symbols.
            return Some(unsafe { *((hash + 4) as *const u32) } as usize);
        }
        let hash = self.address(dynamic.get(DT_GNU_HASH))?;
        // SAFETY: nbuckets, symoffset, bloom_size, bloom_shift, blooms,
        // buckets, chains: the layout of a GNU hash table.
        unsafe {
            let word = |n: usize| *((hash + 4 * n) as *const u32);
            let (buckets, first, blooms) = (word(0) as usize, word(1), word(2) as usize);
            let bucket = 4 + blooms * size_of::<usize>() / 4;
            let last = (0..buckets).map(|n| word(bucket + n)).max()?;
            if last < first {
                return Some(first as usize);
            }
            let mut last = last as usize;
            while word(bucket + buckets + last - first as usize) & 1 == 0 {
                last += 1;
            }
            Some(last + 1)
        }
    }
}

/// Tags of a dynamic section (elf.h).
mod libc_dt {
    pub const PLTRELSZ: u64 = 2;
    pub const HASH: u64 = 4;
    pub const STRTAB: u64 = 5;
    pub const SYMTAB: u64 = 6;
    pub const RELA: u64 = 7;
    pub const RELASZ: u64 = 8;
    pub const STRSZ: u64 = 10;
    pub const SONAME: u64 = 14;
    pub const DEBUG: u64 = 21;
    pub const JMPREL: u64 = 23;
}

struct Dynamic(Span);

impl Dynamic {
    fn get(&self, tag: u64) -> Option<u64> {
        let mut at = self.0.from;
        while at + size_of::<[usize; 2]>() <= self.0.to {
            // SAFETY: within the segment, which the loader itself has read.
            let [key, value] = unsafe { *(at as *const [usize; 2]) };
            match key as u64 {
                0 => return None,
                key if key == tag => return Some(value as u64),
                _ => at += size_of::<[usize; 2]>(),
            }
        }
        None
    }
}

fn build_id(notes: Span) -> Option<BuildId> {
    let mut at = notes.from;
    while at + 12 <= notes.to {
        // SAFETY: within the segment: name size, value size, kind.
        let [name, value, kind] = unsafe { *(at as *const [u32; 3]) };
        let (name, value) = (name as usize, value as usize);
        let start = at + 12 + name.next_multiple_of(4);
        let end = start.checked_add(value)?;
        if end > notes.to {
            return None;
        }
        // SAFETY: within the segment.
        let owner = unsafe { core::slice::from_raw_parts((at + 12) as *const u8, name) };
        if kind == NOTE_BUILD_ID && owner == b"GNU\0" && value <= BUILD_ID_MAX {
            let mut id = BuildId {
                bytes: [0; BUILD_ID_MAX],
                len: value,
            };
            // SAFETY: within the segment.
            id.bytes[..value]
                .copy_from_slice(unsafe { core::slice::from_raw_parts(start as *const u8, value) });
            return Some(id);
        }
        at = start + value.next_multiple_of(4);
    }
    None
}

impl Symbols {
    /// Is it where a call in this code returns to?
    pub fn is_return_address(&self, address: usize) -> bool {
        let Some(before) = address.checked_sub(CALL_BYTES) else {
            return false;
        };
        // SAFETY: mapped code, which can be read on these architectures.
        self.code.contains(before)
            && arch::ends_with_call(unsafe { &*(before as *const [u8; CALL_BYTES]) })
    }

    /// The function that the address lies in.
    pub fn function(&self, address: usize) -> Option<&'static [u8]> {
        if !self.code.contains(address) {
            return None;
        }
        let mut best: Option<&elf::Symbol> = None;
        for n in 0..self.count {
            let size = size_of::<elf::Symbol>();
            // SAFETY: within the symbol table.
            let symbol = unsafe { &*((self.table + n * size) as *const elf::Symbol) };
            let from = self.base.wrapping_add(symbol.st_value as usize);
            // A local name is a helper's: people know the exported ones.
            let holds = symbol.st_shndx != 0
                && symbol.st_info >> 4 != 0
                && (1..self.strings_len).contains(&(symbol.st_name as usize))
                && matches!(symbol.st_info & 0xf, 2 | 10)
                && (from..from.saturating_add(symbol.st_size as usize)).contains(&address);
            // Of several names the shortest is the one that people know:
            // open, not __open64.
            if holds && best.is_none_or(|b| self.name(symbol).len() < self.name(b).len()) {
                best = Some(symbol);
            }
        }
        best.map(|symbol| self.name(symbol))
    }

    fn name(&self, symbol: &elf::Symbol) -> &'static [u8] {
        // SAFETY: an offset in the string table that the loader uses too.
        unsafe { text::at((self.strings + symbol.st_name as usize) as *const _) }
    }
}

/// Where functions may return to: the register for that, and words of the
/// stack from `from` on, as far as they can be read.
pub fn return_addresses(registers: &Registers) -> impl Iterator<Item = usize> {
    let size = size_of::<usize>();
    let from = registers.stack.next_multiple_of(size);
    let words = (0..STACK_WORDS)
        .map(move |n| from + size * n)
        .map_while(|at| {
            // SAFETY: asked just now; a stack that another thread unmaps under a
            // running handler is beyond help.
            (at % 4096 != 0 || super::is_readable(at))
                .then(|| unsafe { core::ptr::read_volatile(at as *const usize) })
        });
    core::iter::once(registers.link)
        .chain(words)
        .map(arch::bare)
}

impl Object {
    /// The symbols that a static program's file keeps (`.symtab`), which no
    /// loader maps: the file is mapped here, for good.
    pub fn file_symbols(&self) -> Option<Symbols> {
        let file = super::map_file(c"/proc/self/exe")?;
        let header: elf::Header = read(file, 0)?;
        let (table, size) = (header.e_shoff as usize, usize::from(header.e_shentsize));
        if header.e_ident[..4] != *b"\x7fELF" || size != size_of::<elf::Section>() {
            return None;
        }
        let section = |n: usize| read::<elf::Section>(file, table.checked_add(n * size)?);
        let bytes = |s: &elf::Section| {
            let (from, size) = (s.sh_offset as usize, s.sh_size as usize);
            file.get(from..)?.get(..size)
        };
        let mut sections = (0..usize::from(header.e_shnum)).filter_map(section);
        let symtab = sections.find(|s| s.sh_type == SHT_SYMTAB)?;
        let symbols = bytes(&symtab)?;
        let strings = bytes(&section(symtab.sh_link as usize)?)?;
        // Names are read to their NUL, so the table must end with one.
        let is_aligned = symbols.as_ptr().cast::<elf::Symbol>().is_aligned();
        (strings.last() == Some(&0) && is_aligned).then_some(())?;
        Some(Symbols {
            base: self.base,
            table: symbols.as_ptr() as usize,
            count: symbols.len() / size_of::<elf::Symbol>(),
            strings: strings.as_ptr() as usize,
            strings_len: strings.len(),
            code: self.code()?,
        })
    }
}

/// A structure in a file's bytes.
fn read<T>(file: &[u8], at: usize) -> Option<T> {
    let bytes = file.get(at..)?.get(..size_of::<T>())?;
    // SAFETY: that many bytes; the structures of an ELF file are numbers.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
