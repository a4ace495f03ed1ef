// SPDX-License-Identifier: MIT OR Apache-2.0
//! What does not fit into a value: sets and tables, each kept once and for good.
//!
//! Values are copied more often than anything else is done, so they own nothing
//! and refer to these. A libc has some thousands; of what hostile files make no
//! more is kept than there is room for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash};

use super::addresses::Spread;
use super::value::{Atom, Reach, Table};

/// Most bytes in all.
const ROOM: usize = 64 << 20;

/// A set of atoms.
pub type Set = &'static Vec<Atom>;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

#[derive(Default)]
struct Kept {
    sets: Map<&'static [Atom], Set>,
    tables: Map<Table, &'static Table>,
    reaches: Map<Reach, &'static Reach>,
    taken: usize,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

fn has_room(taken: &mut usize, bytes: usize) -> bool {
    let room = bytes <= ROOM - *taken;
    *taken += if room { bytes } else { 0 };
    room
}

fn one<T: Copy + Eq + Hash>(
    known: &mut Map<T, &'static T>,
    taken: &mut usize,
    new: T,
) -> Option<&'static T> {
    if let Some(known) = known.get(&new) {
        return Some(*known);
    }
    has_room(taken, size_of::<T>())
        .then(|| *known.entry(new).or_insert_with(|| Box::leak(Box::new(new))))
}

/// The set of these; None if there is no room for more.
pub fn set(atoms: &[Atom]) -> Option<Set> {
    KEPT.with_borrow_mut(|kept| {
        if let Some(known) = kept.sets.get(atoms) {
            return Some(*known);
        }
        has_room(&mut kept.taken, size_of_val(atoms)).then(|| {
            let new: Set = Box::leak(Box::new(atoms.to_vec()));
            kept.sets.insert(new, new);
            new
        })
    })
}

/// The table that is this; None if there is no room for more.
pub fn table(new: Table) -> Option<&'static Table> {
    KEPT.with_borrow_mut(|kept| one(&mut kept.tables, &mut kept.taken, new))
}

/// As `table`.
pub fn reach(new: Reach) -> Option<&'static Reach> {
    KEPT.with_borrow_mut(|kept| one(&mut kept.reaches, &mut kept.taken, new))
}
