// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of unveil(2) and what they decide: directories by object, all else by directory and name. Pure.
//!
//! The deepest rule decides alone. Landlock joins the rules of a path instead,
//! so it can hold a veil where each rule has all letters of those above it, and
//! every name is there: [`Veil::landlock`] says whether that is so.

use crate::letters::Letters;
use crate::needs::Wanted;

pub mod filter;
pub mod told;

/// A directory, whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Id {
    pub device: u64,
    pub inode: u64,
}

/// Directories that rules are about, as OpenBSD's UNVEIL_MAX_VNODES.
pub const DIRECTORIES_MAX: usize = 128;
/// Names likewise: UNVEIL_MAX_NAMES.
pub const NAMES_MAX: usize = 128;
/// Bytes of a name: NAME_MAX.
pub const NAME_BYTES: usize = 255;

/// No place for another rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// A directory with a rule of its own, or with names that have one.
#[derive(Clone, Copy, Debug)]
pub struct Directory {
    pub id: Id,
    pub letters: Option<Letters>,
}

/// A name in a directory.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// Place of the directory.
    pub directory: u8,
    pub letters: Letters,
    len: u8,
    bytes: [u8; NAME_BYTES],
}

impl Name {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The rules that were given.
#[derive(Clone, Copy, Debug)]
pub struct Veil {
    directories: [Directory; DIRECTORIES_MAX],
    directory_count: usize,
    names: [Name; NAMES_MAX],
    name_count: usize,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Itself, if it is a directory.
    pub itself: Option<Id>,
    /// The name that it has in the first of `above`.
    pub name: &'a [u8],
    /// The directories that it lies in, up to the root.
    pub above: &'a [Id],
}

/// The rule that decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    pub letters: Letters,
    /// Is it as if there were nothing?
    pub is_hidden: bool,
}

impl Decision {
    /// Where there is no rule.
    pub const HIDDEN: Decision = Decision {
        letters: Letters::NONE,
        is_hidden: true,
    };

    /// 0, or the errno of a call that wants so much.
    pub fn errno(&self, wanted: Wanted) -> i32 {
        let suffices = match wanted {
            Wanted::All(letters) => self.letters.has(letters),
            Wanted::Any => !self.letters.is_empty(),
        };
        match (suffices, self.is_hidden) {
            (_, true) => libc::ENOENT,
            (true, false) => 0,
            (false, false) => libc::EACCES,
        }
    }
}

/// Which rule Landlock cannot hold alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beyond {
    /// One above it allows more: the place of a directory, or of a name.
    Narrower(Rule),
    /// Making and removing this name, in a directory without c.
    Makes(usize),
    /// Executing what may not be read: the place of a directory.
    Executes(usize),
    /// Nothing has this name, or a directory has it.
    Missing(usize),
}

/// A rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    Directory(usize),
    Name(usize),
}

impl Veil {
    pub const EMPTY: Veil = Veil {
        directories: [Directory {
            id: Id {
                device: 0,
                inode: 0,
            },
            letters: None,
        }; DIRECTORIES_MAX],
        directory_count: 0,
        names: [Name {
            directory: 0,
            letters: Letters::NONE,
            len: 0,
            bytes: [0; NAME_BYTES],
        }; NAMES_MAX],
        name_count: 0,
    };

    /// Is there no rule at all? Then everything can be seen.
    pub fn is_empty(&self) -> bool {
        self.directory_count == 0
    }

    pub fn directories(&self) -> &[Directory] {
        &self.directories[..self.directory_count]
    }

    pub fn names(&self) -> &[Name] {
        &self.names[..self.name_count]
    }

    /// Where that directory stands.
    pub fn find(&self, id: Id) -> Option<usize> {
        self.directories().iter().position(|d| d.id == id)
    }

    /// Once a list is full OpenBSD takes not even a rule that it has already.
    fn check(&self) -> Result<(), Full> {
        let is_full = self.directory_count == DIRECTORIES_MAX || self.name_count == NAMES_MAX;
        if is_full { Err(Full) } else { Ok(()) }
    }

    fn place_of(&mut self, id: Id) -> usize {
        self.find(id).unwrap_or_else(|| {
            self.directories[self.directory_count] = Directory { id, letters: None };
            self.directory_count += 1;
            self.directory_count - 1
        })
    }

    /// The rule for a directory, in the place of one that there was; where it
    /// stands.
    pub fn set_directory(&mut self, id: Id, letters: Letters) -> Result<usize, Full> {
        self.check()?;
        let place = self.place_of(id);
        self.directories[place].letters = Some(letters);
        Ok(place)
    }

    /// The rule for a name in a directory likewise; where the directory stands.
    pub fn set_name(&mut self, id: Id, name: &[u8], letters: Letters) -> Result<usize, Full> {
        self.check()?;
        if name.len() > NAME_BYTES {
            return Err(Full);
        }
        let directory = self.place_of(id);
        match self.name_in(directory, name) {
            Some(old) => self.names[old].letters = letters,
            None => {
                let new = &mut self.names[self.name_count];
                (new.directory, new.letters) = (directory as u8, letters);
                new.len = name.len() as u8;
                new.bytes[..name.len()].copy_from_slice(name);
                self.name_count += 1;
            }
        }
        Ok(directory)
    }

    fn name_in(&self, directory: usize, name: &[u8]) -> Option<usize> {
        self.names()
            .iter()
            .position(|n| usize::from(n.directory) == directory && n.bytes() == name)
    }

    /// The rule for what a path leads to.
    pub fn decide(&self, place: Place) -> Decision {
        let mut above = place.above.iter();
        let first = above.clone().next().copied().unwrap_or_default();
        let here = self.decide_here(place.itself, first, place.name);
        here.or_else(|| above.find_map(|id| self.decide_by(*id)))
            .unwrap_or(Decision::HIDDEN)
    }

    /// The same where no rule of a directory above is needed for it.
    pub fn decide_here(&self, itself: Option<Id>, parent: Id, name: &[u8]) -> Option<Decision> {
        if let Some(decision) = itself.and_then(|id| self.decide_by(id)) {
            return Some(decision);
        }
        let name = self.name_in(self.find(parent)?, name)?;
        Some(Decision {
            letters: self.names[name].letters,
            is_hidden: false,
        })
    }

    /// What this directory's own rule decides for all below.
    pub fn decide_by(&self, directory: Id) -> Option<Decision> {
        let letters = self.directories[self.find(directory)?].letters?;
        Some(Decision {
            letters,
            is_hidden: letters.is_empty(),
        })
    }

    /// The letters of a name's own rule.
    pub fn name_letters(&self, directory: Id, name: &[u8]) -> Option<Letters> {
        let found = self.name_in(self.find(directory)?, name)?;
        Some(self.names[found].letters)
    }

    /// The letters of the first rule on the way up from a listed directory.
    pub fn letters_from(&self, first: Option<usize>, above: &[Option<u8>]) -> Letters {
        let mut chain = core::iter::successors(first, |at| above[*at].map(usize::from));
        chain
            .find_map(|at| self.directories[at].letters)
            .unwrap_or_default()
    }

    /// The letters of all rules above a directory and on it, joined: what
    /// Landlock makes of them. `above` says which listed directory is the next
    /// one above another.
    fn joined(&self, first: Option<usize>, above: &[Option<u8>]) -> Letters {
        let chain = core::iter::successors(first, |at| above[*at].map(usize::from));
        chain.fold(Letters::NONE, |all, at| {
            all.or(self.directories[at].letters.unwrap_or_default())
        })
    }

    /// Can Landlock hold these rules as they are meant? `is_there` says of a
    /// name whether something has it that is no directory.
    pub fn landlock(
        &self,
        above: &[Option<u8>],
        is_there: impl Fn(usize) -> bool,
    ) -> Option<Beyond> {
        for (n, directory) in self.directories().iter().enumerate() {
            let joined = self.joined(above[n].map(usize::from), above);
            if directory.letters.is_some_and(|own| !own.has(joined)) {
                return Some(Beyond::Narrower(Rule::Directory(n)));
            }
            // Landlock asks for both.
            let executes = |own: Letters| own.has(Letters::X) && !own.has(Letters::R);
            if directory.letters.is_some_and(executes) {
                return Some(Beyond::Executes(n));
            }
        }
        for (n, name) in self.names().iter().enumerate() {
            let joined = self.joined(Some(name.directory.into()), above);
            if !name.letters.has(joined) {
                return Some(Beyond::Narrower(Rule::Name(n)));
            }
            let more = name.letters.minus(joined);
            if more.has(Letters::C) {
                return Some(Beyond::Makes(n));
            }
            if !more.is_empty() && !is_there(n) {
                return Some(Beyond::Missing(n));
            }
        }
        None
    }

    /// Take from each rule what one below it has not, so that what Landlock
    /// makes of them allows nothing that they do not.
    pub fn lessen(&mut self, above: &[Option<u8>]) {
        loop {
            let before: u32 = self.directories().iter().map(count).sum();
            for n in 0..self.directory_count {
                if let Some(own) = self.directories[n].letters {
                    self.cut(above[n].map(usize::from), own, above);
                }
            }
            for n in 0..self.name_count {
                let Name {
                    directory, letters, ..
                } = self.names[n];
                self.cut(Some(directory.into()), letters, above);
            }
            if self.directories().iter().map(count).sum::<u32>() == before {
                return;
            }
        }
    }

    fn cut(&mut self, first: Option<usize>, to: Letters, above: &[Option<u8>]) {
        let mut next = first;
        while let Some(at) = next {
            let letters = &mut self.directories[at].letters;
            *letters = letters.map(|letters| letters.and(to));
            next = above[at].map(usize::from);
        }
    }
}

fn count(directory: &Directory) -> u32 {
    directory.letters.unwrap_or_default().bits().count_ones()
}

#[cfg(test)]
mod tests;
