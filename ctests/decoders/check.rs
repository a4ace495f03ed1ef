// SPDX-License-Identifier: MIT OR Apache-2.0
//! A whole file through both decoders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use object::{Object, ObjectSection};
use rpledge::extract::Input;
use rpledge::extract::ir::Machine;

use super::compare::{Finding, Spoil, View, compare, excuse, ours, theirs};
use super::listing::{self, Line};
use super::seconds::{Kind, Second};
use super::writes::Writer;

/// A libc's file, read twice: its bytes and its disassembly.
pub struct File<'a> {
    pub second: &'a Second,
    pub machine: &'a dyn Machine,
    sections: Vec<(u64, Vec<u8>)>,
    pub lines: Vec<Line>,
    writer: Writer,
}

/// Addresses of the code that the extractor follows, decoded as this second decoder decodes
/// it, where that, which reads all in a line, has not lost its step among constants.
fn followed(
    second: &Second,
    machine: &dyn Machine,
    path: &Path,
    bytes: &[u8],
    starts: &BTreeSet<u64>,
) -> Result<BTreeSet<u64>, String> {
    let name = path.display().to_string();
    let input = Input { name, bytes };
    let blocks = rpledge::extract::blocks(&[input]).map_err(|why| why.to_string())?;
    let bits = machine.mode_bits();
    let set = |address: u64| address & 1 == second.mode & 1;
    let mut found = BTreeSet::new();
    let known = |start: u64| set(start) && starts.contains(&(start & !bits));
    for (start, last) in blocks.into_iter().filter(|block| known(block.0)) {
        found.extend((start & !bits..=last & !bits).step_by(usize::from(machine.step())));
    }
    Ok(found)
}

/// What came out of a file.
#[derive(Default)]
pub struct Tally {
    pub instructions: usize,
    /// What the second decoder takes for data.
    pub data: usize,
    /// Of which the second decoder does not know what they write.
    pub unknown: usize,
    pub unexplained: BTreeMap<Kind, usize>,
    /// By the place of the excuse in the list.
    pub excused: BTreeMap<usize, usize>,
    /// One finding of each mnemonic and register, to be shown.
    pub examples: BTreeMap<(Kind, String, Option<u8>), String>,
}

/// Findings that are shown.
const SHOWN: usize = 20;

impl<'a> File<'a> {
    pub fn read(
        second: &'a Second,
        machine: &'a dyn Machine,
        path: &Path,
        bytes: &[u8],
    ) -> Result<File<'a>, String> {
        let file = object::File::parse(bytes).map_err(|why| why.to_string())?;
        let mut sections = Vec::new();
        for section in file.sections() {
            if section.kind() == object::SectionKind::Text {
                let data = section.data().map_err(|why| why.to_string())?;
                sections.push((section.address(), data.to_vec()));
            }
        }
        let two = machine.mode_bits() != 0;
        let mut lines = match two && second.mode & 1 == 0 {
            true => {
                let copy = listing::unmarked(path, bytes)?;
                let lines = listing::read(second, &copy);
                std::fs::remove_file(copy).map_err(|why| why.to_string())?;
                lines?
            }
            false => listing::read(second, path)?,
        };
        // Two instruction sets, and constants between them: what the extractor follows.
        if two {
            let starts: BTreeSet<u64> = lines.iter().map(|line| line.address).collect();
            let followed = followed(second, machine, path, bytes, &starts)?;
            lines.retain(|line| followed.contains(&line.address));
        }
        Ok(File {
            second,
            machine,
            sections,
            lines,
            writer: Writer::new(second)?,
        })
    }

    fn code(&self, address: u64) -> Option<&[u8]> {
        let (start, data) = self
            .sections
            .iter()
            .find(|(start, data)| (*start..*start + data.len() as u64).contains(&address))?;
        data.get((address - start) as usize..)
    }

    /// Both views of a line; the last is false if what is written is not known.
    pub fn views(&self, line: &Line, spoil: Spoil) -> Option<(Option<View>, View, bool)> {
        let code = self.code(line.address)?;
        let own = match line.length as usize {
            0 => code,
            length => code.get(..length)?,
        };
        let writes = self.writer.writes(line, own);
        let mine = ours(self.machine, code, line.address | self.second.mode, spoil);
        let other = theirs(self.second, line, writes.unwrap_or(0));
        Some((mine, other, writes.is_some()))
    }

    pub fn check(&self, spoil: Spoil, most: usize) -> Tally {
        let mut tally = Tally::default();
        for line in self.lines.iter().take(most) {
            if line.data() {
                tally.data += 1;
                continue;
            }
            let Some((mine, other, known)) = self.views(line, spoil) else {
                continue;
            };
            tally.instructions += 1;
            tally.unknown += usize::from(!known);
            for finding in compare(mine.as_ref(), &other) {
                self.note(&mut tally, line, &finding, mine.as_ref(), &other);
            }
        }
        tally
    }

    fn note(
        &self,
        tally: &mut Tally,
        line: &Line,
        finding: &Finding,
        mine: Option<&View>,
        other: &View,
    ) {
        if let Some(excuse) = excuse(self.second.excuses, line, finding) {
            *tally.excused.entry(excuse).or_default() += 1;
            return;
        }
        *tally.unexplained.entry(finding.kind).or_default() += 1;
        let of = (finding.kind, line.mnemonic.clone(), finding.register);
        if tally.examples.len() < SHOWN || tally.examples.contains_key(&of) {
            tally.examples.entry(of).or_insert_with(|| {
                let Line {
                    address,
                    mnemonic,
                    operands,
                    ..
                } = line;
                format!("{address:#x}: {mnemonic} {operands}: ours {mine:x?}, theirs {other:x?}")
            });
        }
    }
}
