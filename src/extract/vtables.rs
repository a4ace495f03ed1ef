// SPDX-License-Identifier: MIT OR Apache-2.0
//! stdio's tables of virtual functions in glibc: where they lie, told by their form.

use std::collections::BTreeSet;

use super::elf::Image;

/// Size of stdio's table of virtual functions, and how many of its words come before the first.
pub const VTABLE: u64 = 0xa8;
const VTABLE_DUMMIES: u64 = 2;

/// How much of a table is filled: none if it cannot be one.
fn filled(image: &Image, at: u64) -> Option<usize> {
    let code = |word: u64| match image.pointers.get(&(at + 8 * word)) {
        Some(to) => Some(image.in_code(*to.first()?)),
        None => Some(false),
    };
    let empty = (0..VTABLE_DUMMIES).all(|word| !image.pointers.contains_key(&(at + 8 * word)));
    let rest = VTABLE_DUMMIES..VTABLE / 8;
    let sound = rest
        .clone()
        .all(|word| !image.pointers.contains_key(&(at + 8 * word)) || code(word) == Some(true));
    (empty && sound).then(|| rest.filter(|word| code(*word) == Some(true)).count())
}

/// A table with most of its functions, the first of them among these.
fn full(image: &Image, at: u64) -> bool {
    image.pointers.contains_key(&(at + 8 * VTABLE_DUMMIES))
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
        for step in [VTABLE.wrapping_neg(), VTABLE] {
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
        let starts = (section.start..section.end).step_by(8);
        tables.extend(starts.filter(|at| full(image, *at)).take(64));
    }
    tables
}
