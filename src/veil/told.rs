// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules as one process tells them to another: bytes, with a descriptor for each directory. Pure.

use super::{DIRECTORIES_MAX, Rule};
use super::{Directory, Id, NAME_BYTES, NAMES_MAX, Name, Veil};
use crate::letters::Letters;

/// Counts of directories and names, and whether Landlock lies below.
pub const HEAD: usize = 8;
/// A descriptor, letters.
pub const DIRECTORY: usize = 8;
/// Place of the directory, letters, length, and the name.
pub const NAME: usize = 3 + NAME_BYTES;
/// All that can be told.
pub const MOST: usize = HEAD + DIRECTORIES_MAX * DIRECTORY + NAMES_MAX * NAME;

/// Letters of a directory that only names lie in.
const NO_LETTERS: u8 = 0xff;

/// What is told before the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    pub directories: u8,
    pub names: u8,
    /// Landlock sees to it that what is executed has x.
    pub executes: bool,
}

impl Head {
    pub fn of(bytes: &[u8; HEAD]) -> Option<Head> {
        let head = Head {
            directories: bytes[0],
            names: bytes[1],
            executes: bytes[2] != 0,
        };
        let fits = usize::from(head.directories) <= DIRECTORIES_MAX
            && usize::from(head.names) <= NAMES_MAX;
        fits.then_some(head)
    }
}

/// The rules, with the descriptors that stand for their directories; how many
/// bytes they take.
pub fn tell(veil: &Veil, kept: &[i32], executes: bool, into: &mut [u8; MOST]) -> usize {
    let (directories, names) = (veil.directories(), veil.names());
    into[..HEAD].fill(0);
    into[0] = directories.len() as u8;
    into[1] = names.len() as u8;
    into[2] = executes.into();
    let mut at = HEAD;
    for (directory, fd) in directories.iter().zip(kept) {
        let record = &mut into[at..at + DIRECTORY];
        record.fill(0);
        record[..4].copy_from_slice(&fd.to_ne_bytes());
        record[4] = directory.letters.map_or(NO_LETTERS, Letters::bits);
        at += DIRECTORY;
    }
    for name in names {
        let record = &mut into[at..at + NAME];
        (record[0], record[1]) = (name.directory, name.letters.bits());
        record[2] = name.len;
        record[3..].copy_from_slice(&name.bytes);
        at += NAME;
    }
    at
}

/// A directory's descriptor and letters.
pub fn directory(record: &[u8; DIRECTORY]) -> (i32, Option<Letters>) {
    let [a, b, c, d, letters, ..] = *record;
    let letters = (letters != NO_LETTERS).then(|| Letters::from_bits(letters));
    (i32::from_ne_bytes([a, b, c, d]), letters)
}

impl Veil {
    /// One directory more, as it was told; its place in the list is the next.
    pub fn take_directory(&mut self, id: Id, letters: Option<Letters>) -> Option<Rule> {
        let slot = self.directories.get_mut(self.directory_count)?;
        *slot = Directory { id, letters };
        self.directory_count += 1;
        Some(Rule::Directory(self.directory_count - 1))
    }

    /// One name more.
    pub fn take_name(&mut self, record: &[u8; NAME]) -> Option<Rule> {
        let mut bytes = [0; NAME_BYTES];
        bytes.copy_from_slice(&record[3..]);
        let name = Name {
            directory: record[0],
            letters: Letters::from_bits(record[1]),
            len: record[2],
            bytes,
        };
        if usize::from(name.directory) >= self.directory_count {
            return None;
        }
        *self.names.get_mut(self.name_count)? = name;
        self.name_count += 1;
        Some(Rule::Name(self.name_count - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> Id {
        Id {
            device: 1,
            inode: n,
        }
    }

    fn letters(text: &str) -> Letters {
        Letters::parse(text.as_bytes()).expect("letters")
    }

    /// As a broker takes it up; descriptor n is directory n.
    fn heard(bytes: &[u8]) -> Option<Veil> {
        let head = Head::of(bytes[..HEAD].try_into().expect("a head"))?;
        let mut veil = Veil::EMPTY;
        let (directories, names) =
            bytes[HEAD..].split_at(usize::from(head.directories) * DIRECTORY);
        for record in directories.as_chunks::<DIRECTORY>().0 {
            let (fd, letters) = directory(record);
            veil.take_directory(id(fd as u64), letters)?;
        }
        for record in names.as_chunks::<NAME>().0 {
            veil.take_name(record)?;
        }
        Some(veil)
    }

    #[test]
    fn rules_are_heard_as_they_were_told() {
        let mut veil = Veil::EMPTY;
        veil.set_directory(id(3), letters("rx")).expect("room");
        veil.set_directory(id(4), letters("")).expect("room");
        veil.set_name(id(5), b"notes", letters("rwc"))
            .expect("room");
        let mut bytes = [0; MOST];
        let len = tell(&veil, &[3, 4, 5], true, &mut bytes);
        let heard = heard(&bytes[..len]).expect("rules");
        assert_eq!(
            heard.decide_by(id(3)).map(|d| d.letters),
            Some(letters("rx"))
        );
        assert_eq!(heard.decide_by(id(4)).map(|d| d.is_hidden), Some(true));
        assert_eq!(heard.decide_by(id(5)), None);
        assert_eq!(heard.name_letters(id(5), b"notes"), Some(letters("rwc")));
        assert_eq!(heard.name_letters(id(5), b"note"), None);
    }

    #[test]
    fn what_cannot_be_is_not_taken_up() {
        let mut head = [0; HEAD];
        head[0] = DIRECTORIES_MAX as u8 + 1;
        assert_eq!(Head::of(&head), None);
        let mut veil = Veil::EMPTY;
        assert_eq!(veil.take_name(&[0; NAME]), None);
    }
}
