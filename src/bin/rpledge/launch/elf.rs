// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which libc a process runs on, and which function an address of it belongs to.

use std::path::PathBuf;

use object::read::elf::{ElfFile64, FileHeader};
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

use super::machine;
use super::proc::{Mapping, Maps, Memory};
use super::sys::Pid;

type Elf<'a> = ElfFile64<'a>;

/// The file that holds the C library of a process.
#[derive(Clone, Debug)]
pub struct Libc {
    /// As the process sees it.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// GNU build-id; empty if it has none.
    pub build_id: Vec<u8>,
    /// A shared object; else `path` is the program itself.
    pub shared: bool,
}

/// The libc among the mappings. A program without any other object is static
/// and holds its own; one that has others, but no libc known by name, has none.
pub fn libc(pid: Pid, maps: &Maps, program: &Mapping) -> Option<Libc> {
    let mut objects = maps
        .iter()
        .filter(|mapping| mapping.executable && mapping.inode != 0)
        .filter(|mapping| !mapping.same_file(program));
    let found = objects.clone().find(|mapping| is_libc(&mapping.path));
    // klibc is its programs' interpreter and no loader: they begin in it.
    let found = found.or(Some(program).filter(|mapping| is_klibc(&mapping.path)));
    let shared = found.is_some();
    let mapping = match found {
        Some(mapping) => mapping,
        None if objects.next().is_none() => program,
        None => return None,
    };
    let bytes = mapping.read_file(pid)?;
    let build_id = Elf::parse(&*bytes)
        .ok()
        .and_then(|elf| elf.build_id().ok().flatten().map(<[u8]>::to_vec))
        .unwrap_or_default();
    Some(Libc {
        path: mapping.path.clone().into(),
        bytes,
        build_id,
        shared,
    })
}

/// By the names that glibc and musl give their file; Debian's musl loader is a
/// link to `libc.so`, and glibc was `libc-2.31.so` before 2.34.
fn is_libc(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "libc.so" | "libc.so.6")
        || name.starts_with("ld-musl-")
        || name.starts_with("libc.musl-")
        || name.starts_with("libc-2.") && name.ends_with(".so")
}

fn is_klibc(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("klibc-") && name.ends_with(".so")
}

/// Whether a file is a program for this machine; else what it is.
pub fn check_machine(header: &[u8]) -> Result<(), String> {
    let class = header.get(4).copied();
    let machine = header.get(18..20).map(|m| u16::from_ne_bytes([m[0], m[1]]));
    match (class, machine) {
        (Some(2), Some(machine::ELF_MACHINE)) => Ok(()),
        (Some(1), _) => Err("a 32-bit program".into()),
        (_, Some(number)) => Err(format!("a program for ELF machine {number}")),
        _ => Err("no ELF program".into()),
    }
}

/// Whether a file, of which the first page is enough, asks for an interpreter.
pub fn is_interpreted(start: &[u8]) -> bool {
    let Ok(header) = object::elf::FileHeader64::<object::Endianness>::parse(start) else {
        return false;
    };
    header.endian().is_ok_and(|endian| {
        header.program_headers(endian, start).is_ok_and(|headers| {
            headers
                .iter()
                .any(|h| h.p_type.get(endian) == object::elf::PT_INTERP)
        })
    })
}

/// What a dynamic loader that is run as a command offers to debuggers:
/// addresses in the file of the function that it calls when the program is
/// mapped, and of the pointer to its list of objects.
pub struct Loader {
    pub mapped: u64,
    pub list: List,
}

/// Where the `struct r_debug` of a loader is.
pub enum List {
    Here(u64),
    /// musl exports a pointer to it.
    Behind(u64),
}

/// Recognises a loader among the files that ask for no interpreter: it tells
/// debuggers what it maps.
pub fn loader(bytes: &[u8]) -> Option<Loader> {
    let elf = Elf::parse(bytes).ok()?;
    let find = |name: &str| {
        elf.dynamic_symbols()
            .find(|symbol| symbol.name() == Ok(name) && symbol.address() != 0)
            .map(|symbol| symbol.address())
    };
    let list = find("_r_debug")
        .map(List::Here)
        .or_else(|| find("_dl_debug_addr").map(List::Behind))?;
    let mapped = find("_dl_debug_state")?;
    Some(Loader { mapped, list })
}

/// `e_entry` of an ELF header.
pub fn entry(header: &[u8]) -> Option<u64> {
    let header = object::elf::FileHeader64::<object::Endianness>::parse(header).ok()?;
    Some(header.e_entry(header.endian().ok()?))
}

/// A function by name, in an object by path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    pub name: String,
    pub start: u64,
    pub end: u64,
    /// Callers outside of the object can name it: for a static program, that
    /// the linker left it global, which it does not with a libc's hidden names.
    pub public: bool,
}

/// The functions of a file and where it is mapped.
pub struct Functions {
    functions: Vec<Function>,
    /// (offset in the file, its size, address that it was linked for).
    segments: Vec<(u64, u64, u64)>,
}

impl Functions {
    pub fn read(bytes: &[u8]) -> Option<Functions> {
        let elf = Elf::parse(bytes).ok()?;
        let functions = elf
            .symbols()
            .chain(elf.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
            .filter_map(|symbol| {
                let name = symbol.name().ok().filter(|name| !name.is_empty())?;
                Some(Function {
                    start: symbol.address(),
                    end: symbol.address().checked_add(symbol.size().max(1))?,
                    // A name that begins so is the libc's own affair, exported or not.
                    public: symbol.is_global() && !name.starts_with('_'),
                    name: name.to_owned(),
                })
            })
            .collect();
        let segments = elf
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (offset, size, segment.address())
            })
            .collect();
        Some(Functions {
            functions,
            segments,
        })
    }

    /// The address for which the byte mapped at `address` was linked.
    fn linked(&self, mapping: &Mapping, address: u64) -> Option<u64> {
        let offset = (address - mapping.start).checked_add(mapping.offset)?;
        self.segments.iter().find_map(|&(start, size, linked)| {
            let within = offset.checked_sub(start)?;
            (within < size).then(|| linked.wrapping_add(within))
        })
    }

    /// The function around an address; of its names the one that a program
    /// would write: public, without underscores, short.
    pub fn at(&self, mapping: &Mapping, address: u64) -> Option<&Function> {
        let linked = self.linked(mapping, address)?;
        self.functions
            .iter()
            .filter(|function| (function.start..function.end).contains(&linked))
            .min_by_key(|function| {
                let name = &function.name;
                (!function.public, name.starts_with('_'), name.len(), name)
            })
    }
}

/// Who made a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The public function that made it or, where private code did, that
    /// called that code; the private one when no public one shows.
    pub function: Option<String>,
    /// The mapped object that the call instruction lies in, as the kernel names it.
    pub object: String,
    /// Of the call instruction in that file.
    pub offset: u64,
}

/// Words of the stack that are looked at for return addresses.
const STACK_WORDS: usize = 512;

/// Names the caller of a call instruction that ends at `after`.
pub fn caller(pid: Pid, maps: &Maps, memory: &Memory, after: u64, sp: u64) -> Option<Caller> {
    let address = after.checked_sub(1)?;
    let mapping = maps.at(address)?;
    let functions = mapping
        .read_file(pid)
        .and_then(|bytes| Functions::read(&bytes));
    let direct = functions.as_ref().and_then(|f| f.at(mapping, address));
    let function = match (direct, &functions) {
        (Some(direct), _) if direct.public => Some(direct),
        (_, Some(functions)) => returned_to(maps, memory, mapping, functions, sp).or(direct),
        _ => None,
    };
    Some(Caller {
        function: function.map(|function| function.name.clone()),
        object: mapping.path.clone(),
        offset: address - mapping.start + mapping.offset,
    })
}

/// The public function of the same object that the nearest return address
/// above the stack pointer leads to. The words between may be stale, so this
/// is what people are told and nothing that is decided on.
fn returned_to<'a>(
    maps: &Maps,
    memory: &Memory,
    object: &Mapping,
    functions: &'a Functions,
    sp: u64,
) -> Option<&'a Function> {
    let stack = memory.read(sp, STACK_WORDS * 8).ok()?;
    stack.chunks_exact(8).find_map(|word| {
        let address = u64::from_ne_bytes(word.try_into().ok()?);
        let mapping = maps.at(address)?;
        if !mapping.executable || !mapping.same_file(object) {
            return None;
        }
        let before = memory.read(address.checked_sub(7)?, 7).ok()?;
        if !machine::ends_with_call(&before) {
            return None;
        }
        functions
            .at(mapping, address - 1)
            .filter(|function| function.public)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libcs_are_known_by_name() {
        for path in [
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/lib/x86_64-linux-gnu/libc-2.31.so",
            "/usr/lib/x86_64-linux-musl/libc.so",
            "/lib/ld-musl-x86_64.so.1",
        ] {
            assert!(is_libc(path), "{path}");
        }
        for path in [
            "/lib/libc-client.so",
            "/lib/libcap.so.2",
            "",
            "/lib/ld-linux-x86-64.so.2",
        ] {
            assert!(!is_libc(path), "{path}");
        }
    }

    #[test]
    fn hostile_files_have_no_functions() {
        assert!(Functions::read(&[]).is_none());
        assert!(Functions::read(b"\x7fELF\x02\x01\x01").is_none());
        assert!(loader(&[0; 64]).is_none());
        assert!(entry(&[]).is_none());
        assert!(check_machine(b"#!").is_err());
    }

    #[test]
    fn own_functions_have_names() {
        let pid = std::process::id() as Pid;
        let maps = Maps::read(pid).unwrap();
        let address = own_functions_have_names as *const () as u64;
        let mapping = maps.at(address).unwrap();
        let bytes = mapping.read_file(pid).unwrap();
        assert_eq!(check_machine(&bytes), Ok(()));
        assert!(loader(&bytes).is_none());
        let functions = Functions::read(&bytes).unwrap();
        let name = &functions.at(mapping, address).unwrap().name;
        assert!(name.contains("own_functions_have_names"), "{name}");
        assert!(functions.at(mapping, mapping.end - 1 + (1 << 40)).is_none());
    }

    #[test]
    fn the_name_that_a_program_writes_is_preferred() {
        let function = |name: &str, public| Function {
            name: name.into(),
            start: 0x10,
            end: 0x20,
            public,
        };
        let functions = Functions {
            functions: vec![
                function("sys", false),
                function("__open64", true),
                function("open64", true),
                function("open", true),
            ],
            segments: vec![(0, 0x100, 0)],
        };
        let mapping = Mapping {
            start: 0x1000,
            end: 0x2000,
            readable: true,
            writable: false,
            executable: true,
            offset: 0,
            inode: 1,
            path: "/lib/libc.so.6".into(),
        };
        assert_eq!(functions.at(&mapping, 0x1010).unwrap().name, "open");
        assert!(functions.at(&mapping, 0x1020).is_none());
        assert!(
            functions.at(&mapping, 0x1200).is_none(),
            "outside of all segments"
        );
    }
}
