// SPDX-License-Identifier: MIT OR Apache-2.0
//! What linkers put between 32-bit Arm's code: ways into the other instruction set, and farther than a branch reaches.

use std::collections::BTreeMap;

use super::elf::{Image, Section};
use super::relink::Task;

/// Distance of the first from the table of addresses.
pub const VENEERS: u64 = 1 << 21;
/// Bytes of each: an instruction and an address.
const SIZE: u64 = 8;
/// ldr pc, [pc, #-4]; ldr.w pc, [pc, #0]
const INSTRUCTIONS: [[u8; 4]; 2] = [[0x04, 0xf0, 0x1f, 0xe5], [0xdf, 0xf8, 0x00, 0xf0]];
const THUMB: u64 = 1;

/// The ways that were needed: to what, from which instruction set.
pub struct Veneers {
    first: u64,
    known: BTreeMap<(u64, bool), u64>,
}

impl Veneers {
    pub fn new(first: u64) -> Veneers {
        Veneers {
            first,
            known: BTreeMap::new(),
        }
    }

    /// Where a branch goes that is meant for the symbol, and what it adds.
    pub fn way(&mut self, task: &Task, symbol: u64) -> u64 {
        let thumb = task.patch.field.halves;
        let jump = task.patch.what == super::patch::What::Jump;
        let near = 1u64 << if thumb { 24 } else { 25 };
        let far = symbol.abs_diff(task.place) >= near;
        let other = (symbol & THUMB == THUMB) != thumb;
        let to = match far || jump && other {
            true => self.get(symbol, thumb),
            false => symbol,
        };
        to.wrapping_add(task.addend as u64)
    }

    fn get(&mut self, symbol: u64, thumb: bool) -> u64 {
        let next = self.first + SIZE * self.known.len() as u64;
        let at = *self.known.entry((symbol, thumb)).or_insert(next);
        at | u64::from(thumb)
    }

    /// They become a section.
    pub fn finish(&self, image: &mut Image) {
        let mut data = vec![0; self.known.len() * SIZE as usize];
        for ((symbol, thumb), at) in &self.known {
            let offset = (at - self.first) as usize;
            data[offset..offset + 4].copy_from_slice(&INSTRUCTIONS[usize::from(*thumb)]);
            data[offset + 4..offset + 8].copy_from_slice(&(*symbol as u32).to_le_bytes());
            image.pointers.entry(at + 4).or_default().push(*symbol);
        }
        if !data.is_empty() {
            image.sections.push(Section {
                start: self.first,
                end: self.first + data.len() as u64,
                data,
                code: true,
                fixed: true,
                constant: true,
                bound: true,
                name: ".plt".to_string(),
            });
        }
    }
}

/// A call's instruction and distance: `bl`, or `blx` where the other instruction set is meant.
pub fn exchanging(task: &Task, old: u64, value: u64) -> (u64, u64) {
    let to = value.wrapping_add(task.place);
    let thumb = to & THUMB == THUMB;
    match (task.patch.field.halves, thumb) {
        (true, true) => (old | 1 << 12, value),
        // It counts from a whole word, and to one.
        (true, false) => (old & !(1 << 12), to.wrapping_sub(task.place & !3)),
        (false, false) => (old, value),
        (false, true) => (0xfa00_0000 | (value >> 1 & 1) << 24, value),
    }
}

#[cfg(test)]
mod tests {
    use object::elf::{EM_ARM, R_ARM_CALL, R_ARM_THM_JUMP24, R_ARM_THM_PC22};

    use super::super::archive::Meaning;
    use super::super::patch::patches;
    use super::*;

    const PLACE: u64 = 0x5a00_0002;

    fn task(kind: u32) -> Task<'static> {
        let mut known = patches(EM_ARM).into_iter().flatten();
        Task {
            patch: known.find(|patch| patch.kind == kind).expect("a kind"),
            offset: 0,
            place: PLACE,
            meaning: Meaning::Address(0),
            addend: -4,
        }
    }

    #[test]
    fn calls_say_which_instruction_set_they_mean() {
        let call = task(R_ARM_THM_PC22);
        let to = |symbol: u64| symbol.wrapping_sub(4).wrapping_sub(PLACE);
        // bl stays; blx counts from the whole word before it.
        let (same, _) = exchanging(&call, 0xf000_f800, to(0x5a00_0101));
        assert_eq!(same, 0xf000_f800);
        let (other, by) = exchanging(&call, 0xf000_f800, to(0x5a00_0100));
        assert_eq!((other, by), (0xf000_e800, 0xfc));
        let (blx, _) = exchanging(&task(R_ARM_CALL), 0xeb00_0000, to(0x5a00_0105));
        assert_eq!(blx, 0xfb00_0000);
    }

    #[test]
    fn jumps_into_the_other_set_and_far_calls_have_a_veneer() {
        let first = 0x5a20_0000;
        let mut veneers = Veneers::new(first);
        let jump = task(R_ARM_THM_JUMP24);
        assert_eq!(veneers.way(&jump, 0x5a00_0101), 0x5a00_00fd);
        assert_eq!(veneers.way(&jump, 0x5a00_0100), first - 3);
        let call = task(R_ARM_THM_PC22);
        assert_eq!(veneers.way(&call, 0x5a00_0100), 0x5a00_00fc);
        assert_eq!(veneers.way(&call, 0x7000_0000), first + 8 - 3);
        let mut image = Image::default();
        veneers.finish(&mut image);
        assert_eq!(image.pointers[&(first + 4)], [0x5a00_0100]);
        assert_eq!(image.sections[0].data.len(), 16);
    }
}
