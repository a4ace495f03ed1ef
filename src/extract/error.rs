// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a file could not be turned into a snapshot: which file, what, where, and what to do.

use std::fmt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Not an ELF file of the kind that is read.
    Format,
    /// An ELF file that contradicts itself or ends early.
    Damaged,
    /// Larger or more tangled than any libc.
    TooLarge,
    /// An architecture without a decoder.
    Machine,
    /// No libc that is known.
    Libc,
    /// A system call whose number stays unknown.
    Unresolved,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    pub kind: Kind,
    pub file: String,
    pub what: String,
    /// An address or a function, if it is about one.
    pub place: Option<String>,
    /// What to do about it.
    pub advice: String,
}

impl Error {
    pub fn new(kind: Kind, file: &str, what: impl Into<String>) -> Error {
        let advice = match kind {
            Kind::Format => "give the shared libraries of a libc package",
            Kind::Damaged => "fetch the package again and check its hash",
            Kind::TooLarge => "give the libc's own files only",
            Kind::Machine => {
                "see data/arches.toml; a decoder is a file beside src/extract/x86_64.rs"
            }
            Kind::Libc => "give the libc itself as the first file",
            Kind::Unresolved => "name the function in data/quirks.toml",
        };
        Error {
            kind,
            file: file.to_string(),
            what: what.into(),
            place: None,
            advice: advice.to_string(),
        }
    }

    pub fn damaged(file: &str, what: impl fmt::Display) -> Error {
        Error::new(Kind::Damaged, file, what.to_string())
    }

    pub fn machine(file: &str, machine: u16) -> Error {
        Error::new(
            Kind::Machine,
            file,
            format!("no decoder for ELF machine {machine}"),
        )
    }

    pub fn at(mut self, place: impl Into<String>) -> Error {
        self.place = Some(place.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}

impl std::error::Error for Error {}
