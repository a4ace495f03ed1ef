// SPDX-License-Identifier: MIT OR Apache-2.0
//! i386: the System V ABI's registers.

use super::elf::Image;
use super::ir::{Decoded, Machine, Mask, Op, Reg};
use super::x86_common::{AX, BP, BX, CX, DI, DX, REGISTERS, SI, SP, decode};

/// The one value of this machine.
pub struct X86;

impl Machine for X86 {
    fn name(&self) -> &'static str {
        "x86"
    }
    fn elf(&self) -> u16 {
        3
    }
    fn word(&self) -> u8 {
        4
    }
    fn step(&self) -> u8 {
        1
    }
    fn registers(&self) -> usize {
        REGISTERS
    }
    fn stack_pointer(&self) -> Reg {
        SP
    }
    fn number(&self) -> Reg {
        AX
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[BX, CX, DX, SI, DI, BP]
    }
    fn syscall_clobbers(&self) -> Mask {
        1 << AX
    }
    fn call_clobbers(&self) -> Mask {
        1 << AX | 1 << CX | 1 << DX
    }
    fn call_pushes(&self) -> i64 {
        4
    }
    /// Those of functions that are not called from outside; the others' lie on the stack.
    fn arguments(&self) -> &'static [Reg] {
        &[AX, DX, CX]
    }
    fn result(&self) -> Reg {
        AX
    }
    /// Stubs of the procedure linkage table count on their callers' table.
    fn pinned(&self, image: &Image, entry: u64) -> Vec<(Reg, u64)> {
        let section = image.section(entry);
        let stub = section.filter(|section| section.name.starts_with(".plt"));
        let table = stub.and_then(|_| global_table(image, entry));
        table.map(|table| (BX, table)).into_iter().collect()
    }
    /// `mov (%esp), %ebx; ret`
    fn thunk(&self, code: &[u8]) -> Option<Reg> {
        match code {
            [0x8b, modrm, 0x24, 0xc3, ..] if modrm & 0xc7 == 0x04 => Some(modrm >> 3),
            _ => None,
        }
    }
    /// `int $0x80; ret`
    fn moves_tables(&self) -> bool {
        true
    }
    fn gate(&self, code: &[u8]) -> Option<Reg> {
        code.starts_with(&[0xcd, 0x80, 0xc3]).then(|| self.number())
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        decode(32, code, address, ops)
    }
}

/// DT_PLTGOT: where the object's global offset table lies that code counts from.
const TABLE: u64 = 3;

fn global_table(image: &Image, entry: u64) -> Option<u64> {
    let own = |address: u64| image.object(address) == image.object(entry);
    let mut sections = image.sections.iter();
    let dynamic = sections.find(|s| s.name == ".dynamic" && own(s.start))?;
    let base = image.span * (image.object(entry) as u64 + 1);
    let mut tags = (dynamic.start..dynamic.end).step_by(8);
    let tag = tags.find(|at| image.word(*at, 4, false) == Some(TABLE))?;
    Some(base + image.word(tag + 4, 4, false)?)
}
