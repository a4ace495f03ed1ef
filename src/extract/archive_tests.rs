// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static archives: what a linker would make of them, and hostile ones.
//!
//! The members are made here, byte by byte, so that nothing has to be installed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::error::Kind;
use super::{Extraction, Input, Options, extract};

/// A symbol of a member: name, where it is defined (section, offset), binding.
type Symbol<'a> = (&'a str, Option<(u16, u64)>, u8);
/// A relocation of .text: offset, kind, number of the symbol, addend.
type Relocation = (u64, u32, u64, i64);

const GLOBAL: u8 = 1;
const WEAK: u8 = 2;
const TEXT: u16 = 1;
const X86_64: u8 = 62;
const POWER: u8 = 21;
const TOC16_LO: u32 = 48;
const TOC16_HA: u32 = 50;
const TOC16_LO_DS: u32 = 64;
const PLT32: u32 = 4;
const ABSOLUTE_32: u32 = 10;
const REX_GOTPCRELX: u32 = 42;

/// An object file for x86-64 with code, symbols and relocations.
fn member(code: &[u8], symbols: &[Symbol], relocations: &[Relocation]) -> Vec<u8> {
    object(X86_64, code, &[], symbols, relocations)
}

/// The same for any machine, and with a part of the table of contents.
fn object(
    machine: u8,
    code: &[u8],
    contents: &[u8],
    symbols: &[Symbol],
    relocations: &[Relocation],
) -> Vec<u8> {
    let names = b"\0.text\0.rela.text\0.symtab\0.strtab\0.toc\0";
    let mut strings = names.to_vec();
    let mut table = vec![0u8; 24];
    for (name, place, bind) in symbols {
        let (section, value) = place.unwrap_or((0, 0));
        let kind = if place.is_some() { 2 } else { 0 };
        table.extend((strings.len() as u32).to_le_bytes());
        table.extend([bind << 4 | kind, 0]);
        table.extend(section.to_le_bytes());
        table.extend(value.to_le_bytes());
        table.extend(0u64.to_le_bytes());
        strings.extend(name.bytes());
        strings.push(0);
    }
    let mut rela = Vec::new();
    for (offset, kind, symbol, addend) in relocations {
        rela.extend(offset.to_le_bytes());
        rela.extend((symbol << 32 | u64::from(*kind)).to_le_bytes());
        rela.extend(addend.to_le_bytes());
    }
    // Name, type, flags, contents, link, info, size of an entry.
    type Header<'a> = (u32, u32, u64, &'a [u8], u32, u32, u64);
    let sections: [Header; 6] = [
        (0, 0, 0, b"", 0, 0, 0),
        (1, 1, 6, code, 0, 0, 0),
        (7, 4, 0x40, &rela, 3, 1, 24),
        (18, 2, 0, &table, 4, 1, 24),
        (26, 3, 0, &strings, 0, 0, 0),
        (34, 1, 3, contents, 0, 0, 0),
    ];
    let mut file = vec![0u8; 64];
    let mut headers = Vec::new();
    for (name, kind, flags, contents, link, info, entry) in sections {
        headers.extend(name.to_le_bytes());
        headers.extend(kind.to_le_bytes());
        for word in [flags, 0, file.len() as u64, contents.len() as u64] {
            headers.extend(word.to_le_bytes());
        }
        headers.extend(link.to_le_bytes());
        headers.extend(info.to_le_bytes());
        headers.extend(1u64.to_le_bytes());
        headers.extend(entry.to_le_bytes());
        file.extend(contents);
    }
    let start = file.len() as u64;
    file.extend(headers);
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16] = 1;
    file[18] = machine;
    file[20] = 1;
    file[40..48].copy_from_slice(&start.to_le_bytes());
    file[52] = 64;
    file[58] = 64;
    file[60] = 6;
    file[62] = 4;
    file
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, data) in members {
        let name = format!("{name}/");
        let header = format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            0,
            "100644",
            data.len()
        );
        bytes.extend(header.bytes());
        bytes.extend(data);
        if bytes.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn try_extract(bytes: &[u8]) -> Result<Extraction, super::Error> {
    let input = Input {
        name: "libc.a".to_string(),
        bytes,
    };
    let names = ["read", "write", "open", "close"];
    let options = Options {
        names: (0..).zip(names.map(str::to_string)).collect(),
        libc: Some(("klibc".to_string(), "2.0".to_string())),
        ..Options::default()
    };
    extract(&[input], &options)
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    try_extract(bytes).err().map(|error| error.kind)
}

/// `syscall; ret`, and klibc's mark.
fn door() -> Vec<u8> {
    let symbols: [Symbol; 2] = [
        ("__common", Some((TEXT, 0)), GLOBAL),
        ("__auxval", Some((TEXT, 2)), GLOBAL),
    ];
    member(b"\x0f\x05\xc3", &symbols, &[])
}

/// `mov $NUMBER, %eax; jmp __common`.
fn stub(name: &str, number: u8, bind: u8) -> Vec<u8> {
    let symbols: [Symbol; 2] = [(name, Some((TEXT, 0)), bind), ("__common", None, GLOBAL)];
    let code = [0xb8, number, 0, 0, 0, 0xe9, 0, 0, 0, 0];
    member(&code, &symbols, &[(6, PLT32, 2, -4)])
}

fn row(extraction: &Extraction, name: &str) -> String {
    extraction.snapshot.functions[name].to_string()
}

#[test]
fn numbers_are_found_through_a_door_in_another_member() {
    let bytes = archive(&[("open.o", stub("open", 2, GLOBAL)), ("common.o", door())]);
    let found = try_extract(&bytes).unwrap();
    assert_eq!(row(&found, "open"), "open");
    assert_eq!(found.snapshot.libc, "klibc");
}

/// By `mov open@GOTPCREL(%rip), %rax; jmp *%rax`, and by `mov $open, %eax; call *%rax; ret`.
#[test]
fn addresses_are_followed_through_slots_and_numbers() {
    let symbols: [Symbol; 2] = [("a", Some((TEXT, 0)), GLOBAL), ("open", None, GLOBAL)];
    let slot = member(
        b"\x48\x8b\x05\0\0\0\0\xff\xe0",
        &symbols,
        &[(3, REX_GOTPCRELX, 2, -4)],
    );
    let symbols: [Symbol; 2] = [("b", Some((TEXT, 0)), GLOBAL), ("open", None, GLOBAL)];
    let number = member(
        b"\xb8\0\0\0\0\xff\xd0\xc3",
        &symbols,
        &[(1, ABSOLUTE_32, 2, 0)],
    );
    let bytes = archive(&[
        ("open.o", stub("open", 2, GLOBAL)),
        ("common.o", door()),
        ("slot.o", slot),
        ("number.o", number),
    ]);
    let found = try_extract(&bytes).unwrap();
    assert_eq!(row(&found, "a"), "+open");
    assert_eq!(row(&found, "b"), "+open");
}

/// `addis %r9,%r2,..@toc@ha; ld %r0,..@toc@l(%r9); sc; blr` with the number behind it, and
/// `addis %r12,%r2,close@toc@ha; addi %r12,%r12,close@toc@l; mtctr %r12; bctr`.
#[test]
fn what_lies_beside_the_table_of_contents_is_found() {
    let code = |words: &[u32]| -> Vec<u8> {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        bytes.collect()
    };
    let close = code(&[0x3d22_0000, 0xe809_0000, 0x4400_0002, 0x4e80_0020, 3, 0]);
    let symbols: [Symbol; 2] = [
        ("close", Some((TEXT, 0)), GLOBAL),
        ("__auxval", Some((TEXT, 12)), GLOBAL),
    ];
    let number = [(0, TOC16_HA, 1, 16), (4, TOC16_LO_DS, 1, 16)];
    let close = object(POWER, &close, &[0; 8], &symbols, &number);
    let user = code(&[0x3d82_0000, 0x398c_0000, 0x7d89_03a6, 0x4e80_0420]);
    let symbols: [Symbol; 2] = [("user", Some((TEXT, 0)), GLOBAL), ("close", None, GLOBAL)];
    let address = [(0, TOC16_HA, 2, 0), (4, TOC16_LO, 2, 0)];
    let user = object(POWER, &user, &[0; 8], &symbols, &address);
    let bytes = archive(&[("close.o", close), ("user.o", user)]);
    let found = try_extract(&bytes).unwrap();
    assert_eq!(row(&found, "close"), "close");
    assert_eq!(row(&found, "user"), "+close");
}

#[test]
fn a_definition_replaces_a_weak_one_and_both_are_told() {
    let symbols: [Symbol; 2] = [("user", Some((TEXT, 0)), GLOBAL), ("close", None, GLOBAL)];
    let user = member(b"\xe9\0\0\0\0", &symbols, &[(1, PLT32, 2, -4)]);
    let bytes = archive(&[
        ("weak.o", stub("close", 0, WEAK)),
        ("close.o", stub("close", 3, GLOBAL)),
        ("common.o", door()),
        ("user.o", user),
    ]);
    let found = try_extract(&bytes).unwrap();
    // A program may hold the one or the other.
    assert_eq!(row(&found, "close"), "close read");
    assert_eq!(row(&found, "user"), "+close");
}

#[test]
fn a_function_that_no_member_has_is_named_and_not_lost() {
    let bytes = archive(&[
        ("open.o", stub("open", 2, GLOBAL)),
        ("mark.o", {
            let symbols: [Symbol; 1] = [("__auxval", Some((TEXT, 0)), GLOBAL)];
            member(b"\xc3", &symbols, &[])
        }),
    ]);
    let found = try_extract(&bytes).unwrap();
    assert_eq!(row(&found, "open"), "~");
    assert_eq!(found.undefined().collect::<Vec<_>>(), [("__common", 1)]);
}

#[test]
fn what_is_no_archive_of_objects_is_refused() {
    let elf = stub("open", 2, GLOBAL);
    let mut shared = elf.clone();
    shared[16] = 3;
    let mut other = elf.clone();
    other[18] = 183;
    for (bytes, expected) in [
        (b"!<arch>\n".to_vec(), Kind::Format),
        (b"!<thin>\n".to_vec(), Kind::Format),
        (b"!<arch>\nnonsense".to_vec(), Kind::Damaged),
        (archive(&[("text", b"no ELF".to_vec())]), Kind::Format),
        (
            archive(&[("a.o", elf.clone()), ("so", shared)]),
            Kind::Format,
        ),
        (
            archive(&[("a.o", elf.clone()), ("b.o", other)]),
            Kind::Format,
        ),
        (archive(&[("a.o", elf[..80].to_vec())]), Kind::Damaged),
        (archive(&[("a.o", member(b"", &[], &[]))]), Kind::Format),
    ] {
        assert_eq!(kind(&bytes), Some(expected), "{:?}", &bytes[..8]);
    }
}

#[test]
fn relocations_stay_within_their_section_and_are_known() {
    let symbols: [Symbol; 1] = [("f", Some((TEXT, 0)), GLOBAL)];
    for (relocation, expected) in [
        ((1, PLT32, 1, 0), Kind::Damaged),
        ((u64::MAX, PLT32, 1, 0), Kind::Damaged),
        ((0, 250, 1, 0), Kind::Format),
        ((0, PLT32, 99, 0), Kind::Damaged),
    ] {
        let bytes = archive(&[("f.o", member(b"\xc3\xc3\xc3\xc3", &symbols, &[relocation]))]);
        assert_eq!(kind(&bytes), Some(expected), "{relocation:?}");
    }
}

#[test]
fn sections_need_room() {
    let mut huge = stub("open", 2, GLOBAL);
    let headers = u64::from_le_bytes(huge[40..48].try_into().unwrap()) as usize;
    // .text as memory that the file does not hold: its type, its size.
    huge[headers + 64 + 4] = 8;
    huge[headers + 64 + 32..headers + 64 + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(kind(&archive(&[("huge.o", huge)])), Some(Kind::TooLarge));
}

#[test]
fn flipped_bits_neither_panic_nor_hang() {
    let whole = archive(&[
        ("open.o", stub("open", 2, GLOBAL)),
        ("close.o", stub("close", 3, WEAK)),
        ("common.o", door()),
    ]);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let start = Instant::now();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let outcome = kind(&bytes).map_or("read".to_string(), |kind| format!("{kind:?}"));
            *seen.entry(outcome).or_default() += 1;
        }
    }
    assert!(seen["read"] > 0 && seen["Damaged"] > 0, "{seen:?}");
    assert!(start.elapsed() < Duration::from_secs(120));
    for length in 0..whole.len() {
        let _ = kind(&whole[..length]);
    }
}
