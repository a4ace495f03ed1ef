// SPDX-License-Identifier: MIT OR Apache-2.0
//! stdio's tables of virtual functions in glibc: where they lie, told by their form.

use std::collections::BTreeSet;

use super::elf::Image;

/// Words of stdio's table of virtual functions, and how many of them come before the first.
const VTABLE_WORDS: u64 = 21;
const VTABLE_DUMMIES: u64 = 2;
/// Farthest field of an object of stdio.
const FARTHEST_FIELD: u64 = 0x200;

/// Bytes of stdio's table of virtual functions.
pub fn size(image: &Image) -> u64 {
    VTABLE_WORDS * u64::from(image.word)
}

/// Address of one of its words.
fn word(image: &Image, table: u64, n: u64) -> u64 {
    table.wrapping_add(n * u64::from(image.word))
}

/// How much of a table is filled: none if it cannot be one.
fn filled(image: &Image, at: u64) -> Option<usize> {
    let code = |word: u64| match image.pointers.get(&self::word(image, at, word)) {
        Some(to) => Some(image.in_code(*to.first()?)),
        None => Some(false),
    };
    let empty =
        (0..VTABLE_DUMMIES).all(|word| !image.pointers.contains_key(&self::word(image, at, word)));
    let rest = VTABLE_DUMMIES..VTABLE_WORDS;
    let sound = rest.clone().all(|word| {
        !image.pointers.contains_key(&self::word(image, at, word)) || code(word) == Some(true)
    });
    (empty && sound).then(|| rest.filter(|word| code(*word) == Some(true)).count())
}

/// A table with most of its functions, the first of them among these.
fn full(image: &Image, at: u64) -> bool {
    image
        .pointers
        .contains_key(&word(image, at, VTABLE_DUMMIES))
        && filled(image, at).is_some_and(|n| n >= 14)
}

/// The tables of virtual functions around the exported ones: they lie in one
/// array, in which a few sparse ones (printf's buffers) stand between full ones.
pub fn vtables(image: &Image) -> BTreeSet<u64> {
    let mut tables = BTreeSet::new();
    for export in image
        .exports
        .iter()
        .filter(|export| export.name.ends_with("_jumps"))
    {
        for step in [size(image).wrapping_neg(), size(image)] {
            let mut at = export.address;
            let mut sparse = Vec::new();
            while tables.len() < 64 && sparse.len() < 4 {
                if full(image, at) {
                    tables.append(&mut sparse.drain(..).collect());
                    tables.insert(at);
                } else if filled(image, at).is_some_and(|n| n > 0) {
                    sparse.push(at);
                } else {
                    break;
                }
                at = at.wrapping_add(step);
            }
        }
    }
    // An own section holds all of them, with padding between.
    for section in image
        .sections
        .iter()
        .filter(|section| section.name == "__libc_IO_vtables")
    {
        let starts = (section.start..section.end).step_by(usize::from(image.word));
        tables.extend(starts.filter(|at| full(image, *at)).take(64));
    }
    tables
}

/// Offsets at which stdio's objects, and the wide parts that these point to, name their tables.
pub fn fields(image: &Image, vtables: &BTreeSet<u64>) -> BTreeSet<i32> {
    let standard = |name: &str| name.starts_with("_IO_2_1_std");
    let objects = image.exports.iter().filter(|export| standard(&export.name));
    let mut fields = BTreeSet::new();
    for object in objects.map(|export| export.address) {
        for (at, to) in image.pointers.range(object..object + FARTHEST_FIELD) {
            let parts = to.iter().filter(|to| !vtables.contains(to));
            if to.iter().any(|to| vtables.contains(to)) {
                fields.insert((at - object) as i32);
                // Behind its table lies the next object.
                break;
            }
            for part in parts.copied() {
                let inner = image.pointers.range(part..part + FARTHEST_FIELD);
                let mut tables = inner.filter(|(_, to)| to.iter().any(|to| vtables.contains(to)));
                if let Some((at, _)) = tables.next() {
                    fields.insert((at - part) as i32);
                }
            }
        }
    }
    fields
}
