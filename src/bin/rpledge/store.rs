// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the command finds data: a directory, or the files that it carries.

use std::fs;
use std::path::Path;

use rpledge::facts::arches::{self, Arches};
use rpledge::facts::close::Closures;
use rpledge::facts::finding::Source;
use rpledge::facts::form::Kind;
use rpledge::facts::gaps::{self, Gap};
use rpledge::facts::promises::{self, Promises};
use rpledge::facts::quirks::{self, Quirk};
use rpledge::facts::sockets::{self, Class};
use rpledge::facts::syscalls::{self, Syscalls};
use rpledge::facts::version::Version;
use rpledge::facts::{Snapshot, near, parse};

use crate::report::Failure;

mod carried {
    // FILES: paths below data/ and texts, made by the build script.
    include!(concat!(env!("OUT_DIR"), "/data_files.rs"));
}

/// The data files, sorted by path.
pub struct Store {
    /// Path as messages show it, path below the data directory, text.
    files: Vec<File>,
}

struct File {
    shown: String,
    path: String,
    text: String,
}

/// What the functions of a snapshot come to, quirks applied.
pub fn closures(snapshot: &Snapshot) -> Result<Closures<'_>, Failure> {
    Closures::new(snapshot).map_err(|why| {
        let Snapshot {
            libc,
            version,
            arch,
            ..
        } = snapshot;
        Failure::data(format!(
            "rpledge: {libc}/{version}/{arch}.toml: {why}; run rpledge data check"
        ))
    })
}

impl Store {
    /// The files below a directory, or those that the command carries.
    pub fn open(directory: Option<&Path>) -> Result<Store, Failure> {
        let mut files = Vec::new();
        match directory {
            Some(directory) => collect(directory, "", &mut files)?,
            None => files.extend(carried::FILES.iter().map(|(path, text)| File {
                shown: format!("data/{path}"),
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })),
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Store { files })
    }

    /// Every file: its path below the data directory, and its source.
    pub fn sources(&self) -> impl Iterator<Item = (&str, Source<'_>)> {
        self.files
            .iter()
            .map(|File { shown, path, text }| (path.as_str(), Source { file: shown, text }))
    }

    /// A file by its path below the data directory.
    pub fn source(&self, path: &str) -> Option<Source<'_>> {
        self.sources()
            .find(|(other, _)| *other == path)
            .map(|(_, source)| source)
    }

    fn needed(&self, path: &str) -> Result<Source<'_>, Failure> {
        let missing = || Failure::data(format!("rpledge: the data has no file {path}"));
        self.source(path).ok_or_else(missing)
    }

    pub fn arches(&self) -> Result<Arches, Failure> {
        Ok(arches::read(&self.needed("arches.toml")?)?)
    }

    pub fn syscalls(&self, arches: &Arches) -> Result<Syscalls, Failure> {
        Ok(syscalls::read(&self.needed("syscalls.toml")?, arches)?)
    }

    /// No file is no quirk.
    pub fn quirks(&self) -> Result<Vec<Quirk>, Failure> {
        match self.source("quirks.toml") {
            Some(source) => Ok(quirks::read(&source)?),
            None => Ok(Vec::new()),
        }
    }

    /// No file is no gap.
    pub fn gaps(&self) -> Result<Vec<Gap>, Failure> {
        match self.source("gaps.toml") {
            Some(source) => Ok(gaps::read(&source)?),
            None => Ok(Vec::new()),
        }
    }

    /// No file is no class.
    pub fn sockets(&self) -> Result<Vec<Class>, Failure> {
        match self.source("sockets.toml") {
            Some(source) => Ok(sockets::read(&source)?),
            None => Ok(Vec::new()),
        }
    }

    /// None if the data has no such file.
    pub fn promises(&self) -> Result<Option<Promises>, Failure> {
        let source = self.source("promises.toml");
        Ok(source.map(|source| promises::read(&source)).transpose()?)
    }

    /// The sources of all snapshots.
    pub fn snapshots(&self) -> impl Iterator<Item = Source<'_>> {
        let all = self.sources();
        all.filter(|(path, _)| Kind::of(path) == Some(Kind::Snapshot))
            .map(|(_, source)| source)
    }

    /// The snapshot of "glibc-2.36" on an architecture or alias of one.
    pub fn snapshot(&self, libc: &str, arch: &str) -> Result<Snapshot, Failure> {
        let arches = self.arches()?;
        let arch = arch_of(&arches, arch)?;
        let source = libc
            .rsplit_once('-')
            .and_then(|(name, version)| self.source(&format!("{name}/{version}/{arch}.toml")));
        match source {
            Some(source) => Ok(parse::snapshot(&source)?),
            None => Err(self.no_snapshot(libc, arch)),
        }
    }

    fn no_snapshot(&self, libc: &str, arch: &str) -> Failure {
        let known = self.libcs(arch);
        let otherwise = match known.as_slice() {
            [] => format!("there is none for {arch}"),
            known => format!("there are {}", known.join(" ")),
        };
        // One version is as near as the other: only the word before is a slip.
        let word = |libc: &str| libc.split('-').next().unwrap_or("").to_owned();
        let slip = known.iter().all(|name| word(name) != word(libc));
        let help = match near::nearest(libc, known.iter().map(String::as_str)) {
            Some(near) if slip => format!("did you mean {near:?}?"),
            _ => otherwise,
        };
        Failure::usage(format!(
            "rpledge: no snapshot of {libc:?} for {arch}; {help}"
        ))
    }

    /// The libcs that there are for an architecture: "glibc-2.36".
    pub fn libcs(&self, arch: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (path, _) in self.sources() {
            if let [libc, version, file] = path.split('/').collect::<Vec<_>>()[..]
                && file.strip_suffix(".toml") == Some(arch)
                && let Some(order) = Version::parse(version)
            {
                found.push((libc, order));
            }
        }
        found.sort();
        found
            .into_iter()
            .map(|(libc, version)| format!("{libc}-{version}"))
            .collect()
    }
}

/// The name of an architecture, given it or an alias.
pub fn arch_of<'a>(arches: &'a Arches, word: &str) -> Result<&'a str, Failure> {
    arches.find(word).map(|(name, _)| name).ok_or_else(|| {
        let help = near::advice(word, arches.names(), "see data/arches.toml");
        Failure::usage(format!("rpledge: unknown architecture {word:?}; {help}"))
    })
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), Failure> {
    let failed = |why| Failure::data(format!("rpledge: {}: {why}", directory.display()));
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            // The linter's fixtures are no data.
            if path != "lint" {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if path.ends_with(".toml") {
            let shown = entry.path().display().to_string();
            let text = read(&entry.path())?;
            files.push(File { shown, path, text });
        }
    }
    Ok(())
}

/// A file's text; says where it is none.
pub fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let failed = |why: std::io::Error| Failure::data(format!("rpledge: {shown}: {why}"));
    // Whatever is no file may never end.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Failure::data(format!("rpledge: {shown}: not a file")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        let source = Source {
            file: &shown.to_string(),
            text: &text,
        };
        let help = "a data file is ASCII";
        Failure::from(vec![source.finding(
            "ascii",
            good,
            "this is not UTF-8",
            help,
        )])
    })
}

/// The whole new file or the whole old one, whatever happens.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|why| {
            // What was written is of no use; that it stays is no second failure.
            let _ = fs::remove_file(&new);
            Failure::data(format!("rpledge: {}: {why}", path.display()))
        })
}

/// A snapshot from a file.
pub fn read_snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let text = read(path)?;
    Ok(parse::snapshot(&Source {
        file: &path.display().to_string(),
        text: &text,
    })?)
}
