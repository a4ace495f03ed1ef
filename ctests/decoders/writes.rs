// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the second decoder says an instruction writes.

use capstone::{Capstone, NO_EXTRA_MODE};
use rpledge::extract::ir::{Mask, Reg};

use super::listing::Line;
use super::seconds::{Second, Writes};

/// Asks capstone, or reads objdump's text.
pub enum Writer {
    Capstone(Box<Capstone>, fn(&str) -> Option<Reg>),
    Text(fn(&Line) -> Vec<Reg>),
}

impl Writer {
    pub fn new(second: &Second) -> Result<Writer, String> {
        match second.writes {
            Writes::Text(read) => Ok(Writer::Text(read)),
            Writes::Capstone(arch, mode, number) => {
                let endian = None;
                let mut capstone = Capstone::new_raw(arch, mode, NO_EXTRA_MODE, endian)
                    .map_err(|why| format!("capstone: {why}"))?;
                let asked = capstone.set_detail(true);
                asked.map_err(|why| format!("capstone: {why}"))?;
                Ok(Writer::Capstone(Box::new(capstone), number))
            }
        }
    }

    /// None if it does not know this instruction.
    pub fn writes(&self, line: &Line, code: &[u8]) -> Option<Mask> {
        let mask = |registers: &mut dyn Iterator<Item = Reg>| {
            registers.fold(0, |mask: Mask, register| mask | 1 << register)
        };
        match self {
            Writer::Text(read) => Some(mask(&mut read(line).into_iter())),
            Writer::Capstone(capstone, number) => {
                let found = capstone.disasm_count(code, line.address, 1).ok()?;
                let instruction = found.iter().next()?;
                if line.length != 0 && instruction.bytes().len() as u64 != line.length {
                    return None;
                }
                let detail = capstone.insn_detail(instruction).ok()?;
                let names = detail.regs_write().iter();
                let names = names.filter_map(|register| capstone.reg_name(*register));
                Some(mask(&mut names.filter_map(|name| number(&name))))
            }
        }
    }
}
