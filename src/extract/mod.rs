// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF files of a C library to the snapshot of what its functions do.
//!
//! The road: `elf` reads the files into one address space; `discover` finds
//! where functions begin; `flow` follows constants through each of them to the
//! numbers of its system calls and the targets of its jumps and calls; `graph`
//! joins them (what returns, what passes numbers on, what indirect calls may
//! reach); `effects` names the roads that are kept apart; `rows` folds private
//! code into the exported functions that reach it.

mod aarch64;
mod addresses;
pub mod archive;
mod arm;
mod asked;
mod calls;
mod compare;
mod discover;
pub mod effects;
pub mod elf;
pub mod error;
mod exits;
mod explain;
mod flow;
pub mod graph;
mod identify;
pub mod ir;
mod jumps;
mod local;
mod marks;
mod notes;
mod numbers;
mod patch;
mod pointers;
mod points;
mod powerpc64le;
mod read;
mod relink;
mod relocate;
mod riscv64;
mod rows;
mod s390x;
mod selected;
mod sets;
mod shared;
mod state;
mod step;
mod tables;
mod value;
mod veneers;
mod vtables;
mod x86;
mod x86_64;
mod x86_common;
mod x86_operands;

use std::collections::{BTreeMap, BTreeSet};

use error::Kind;

pub use error::Error;
pub use identify::version_in;

use crate::facts::quirks::Quirk;
use crate::facts::selectors::Selectors;
use crate::facts::{Build, Object, Snapshot};

/// Version of this extractor, as snapshots name it.
pub const EXTRACTOR: &str = "2";

/// A file to read: the libc itself first, then its loader, then what belongs to them.
pub struct Input<'a> {
    pub name: String,
    pub bytes: &'a [u8],
}

/// What the files themselves do not say.
#[derive(Default)]
pub struct Options {
    pub distribution: String,
    pub package: String,
    pub package_version: String,
    /// Name and version of the libc, where the files do not tell them.
    pub libc: Option<(String, String)>,
    /// Names of the system calls by number.
    pub names: BTreeMap<u32, String>,
    /// Which of their arguments select, and how the values are written.
    pub selectors: Selectors,
    pub quirks: Vec<Quirk>,
}

/// A snapshot and what a maintainer may ask of how it came about.
pub struct Extraction {
    pub snapshot: Snapshot,
    pub program: graph::Program,
    pub effects: effects::Roots,
}

impl Extraction {
    /// Functions that an archive calls and does not have, and by how many functions:
    /// these have `~`, for whoever links the archive gives it that code.
    pub fn undefined(&self) -> impl Iterator<Item = (&str, usize)> {
        let undefined = self.program.undefined.iter();
        undefined.map(|(name, callers)| (name.as_str(), callers.len()))
    }
}

/// The decoders, by the name that data/arches.toml gives the architecture.
#[rustfmt::skip]
pub const MACHINES: &[&dyn ir::Machine] = &[
    &aarch64::Aarch64,
    &powerpc64le::PowerPc64Le,
    &arm::Arm,
    &riscv64::Riscv64,
    &s390x::S390x,
    &x86::X86,
    &x86_64::X86_64,
];

/// The architecture of a file: a name of data/arches.toml.
pub fn arch(input: &Input) -> Result<&'static str, Error> {
    let (machine, wide, big_endian) = elf::kind(input)?;
    Ok(decoder(&input.name, machine, wide, big_endian)?.name())
}

fn decoder(
    file: &str,
    machine: u16,
    wide: bool,
    big_endian: bool,
) -> Result<&'static dyn ir::Machine, Error> {
    let found = MACHINES.iter().find(|decoder| {
        decoder.elf() == machine
            && (decoder.word() == 8) == wide
            && decoder.big_endian() == big_endian
    });
    let decoder = found.copied();
    let decoder = decoder.ok_or_else(|| Error::machine(file, machine))?;
    if decoder.is_proven() {
        return Ok(decoder);
    }
    let what = format!("the decoder of {} is not proven yet", decoder.name());
    Err(Error::new(Kind::Machine, file, what))
}

/// The files as one image, and what reads its code.
fn open(inputs: &[Input]) -> Result<(elf::Image, &'static dyn ir::Machine), Error> {
    let mut image = elf::Image::read(inputs)?;
    let machine = decoder(
        &inputs[0].name,
        image.machine,
        image.word == 8,
        image.big_endian,
    )?;
    image.mode_bits = machine.mode_bits();
    local::settle(&mut image, machine);
    Ok((image, machine))
}

/// Reads a libc; the same files give the same snapshot.
pub fn extract(inputs: &[Input], options: &Options) -> Result<Extraction, Error> {
    let (image, machine) = open(inputs)?;
    let (libc, version) = identify::identify(&image, options.libc.as_ref())?;
    let argument = |(number, name): (&u32, &String)| {
        let argument = options.selectors.argument(name)?;
        Some((*number, argument))
    };
    let selecting = options.names.iter().filter_map(argument).collect();
    let program = graph::Program::analyse(image, machine, &libc, &options.names, &selecting)?;
    let roots = effects::Roots::find(&program, &libc, &options.names);
    let quirks = options.quirks.iter();
    let applying: Vec<&Quirk> = quirks
        .filter(|quirk| quirk.is_for(&libc, &version, machine.name()))
        .collect();
    let (functions, effects) = rows::rows(&program, &roots, options, &applying)?;
    let snapshot = Snapshot {
        libc,
        version,
        arch: machine.name().to_string(),
        extractor: EXTRACTOR.to_string(),
        builds: vec![build(&program, options)],
        effects,
        functions,
    };
    Ok(Extraction {
        snapshot,
        program,
        effects: roots,
    })
}

/// Where code lies that is followed in one file, by its own addresses: first and last
/// instruction of what is taken at a time. For tests of decoders.
pub fn blocks(file: &[Input]) -> Result<Vec<(u64, u64)>, Error> {
    let (image, machine) = open(file)?;
    let (none, base) = (BTreeMap::new(), image.span);
    let program = graph::Program::analyse(image, machine, "", &none, &BTreeMap::new())?;
    let nodes = program.functions.values().flat_map(|f| &f.nodes);
    let own = nodes
        .filter_map(|(start, node)| Some((start.checked_sub(base)?, node.site.checked_sub(base)?)));
    Ok(own.collect())
}

fn build(program: &graph::Program, options: &Options) -> Build {
    let nodes = program.functions.values().flat_map(|f| f.nodes.values());
    let calls = nodes.filter(|node| matches!(node.exit, flow::Exit::Syscall { .. }));
    let sites: BTreeSet<u64> = calls.map(|node| node.site).collect();
    let unresolved: BTreeSet<u64> = program.unresolved.iter().map(|(_, site)| *site).collect();
    let count = |sites: BTreeSet<u64>| u32::try_from(sites.len()).unwrap_or(u32::MAX);
    Build {
        distribution: options.distribution.clone(),
        package: options.package.clone(),
        package_version: options.package_version.clone(),
        sites: count(sites),
        unresolved: count(unresolved),
        objects: program
            .image
            .objects
            .iter()
            .map(|object| Object {
                file: object.name.clone(),
                sha256: object.sha256.clone(),
                build_id: object.build_id.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod archive_tests;
#[cfg(test)]
mod asked_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod selected_tests;
#[cfg(test)]
mod tests;
