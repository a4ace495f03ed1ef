// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data install-libc`: the libcs of a system to data that its programs read; for the triggers of packages.
//!
//! What was there stays unless everything is as it should be: each file is
//! whole and new, or whole and old. All that is read is opened before the
//! process pledges; under "error", since this may be the first program to run
//! on a libc that no data knows.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rpledge::arch::Arch;
use rpledge::compiled;
use rpledge::error::Error;
use rpledge::extract::{self, Input};
use rpledge::facts::check::{self, Known};
use rpledge::facts::check_gaps;
use rpledge::facts::diff::Diff;
use rpledge::facts::finding::Source;
use rpledge::facts::form::Kind;
use rpledge::facts::promises::Promises;
use rpledge::facts::version::Version;
use rpledge::facts::{Snapshot, diff, parse, print};
use rpledge::installed;
use rpledge::pledge::{Flags, Request, pledge};
use rpledge::policy::Mode;
use rpledge::promise::{Promise, Set};
use rpledge::resolve;
use rpledge::table::{Grant, Libc, Table};

use crate::report::{self, Failure};
use crate::store::Store;
use crate::{bounds, compile, find, tables};

#[derive(clap::Args)]
pub struct Args {
    /// The system's root: libcs are looked for there, and data goes below it
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Distribution, package and version, as in "debian libc6 2.36-9+deb12u14"
    #[arg(long, value_name = "NAME", default_value = "")]
    package: String,
    /// Data directory, for promises, system calls and quirks [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A libc, then its loader [default: those that the system's loaders use]
    files: Vec<PathBuf>,
}

/// Bounds of the whole: glibc takes 100 MB and some seconds.
const MEMORY: u64 = 1 << 30;
const SECONDS: u64 = 300;
/// What the process keeps: reading data that was there, writing what is new.
const PROMISES: &str = "stdio rpath wpath cpath error";

pub fn main(args: &Args) -> Result<(), Failure> {
    let store = Store::open(args.data.as_deref())?;
    let libcs = match args.files.as_slice() {
        [] => find::libcs(&args.root)?,
        files => vec![files.to_vec()],
    };
    let read = |files: &Vec<PathBuf>| {
        files
            .iter()
            .map(|path| crate::extract::read(path))
            .collect()
    };
    let libcs = libcs.iter().map(read);
    let libcs: Vec<Vec<(String, Vec<u8>)>> = libcs.collect::<Result<_, _>>()?;
    bounds::plain_modes();
    let directory = args
        .root
        .join(installed::DIRECTORIES[0].trim_start_matches('/'));
    let _lock = lock(&directory)?;
    let bounded = bounds::limit(MEMORY, SECONDS);
    bounded.map_err(|why| Failure::data(format!("rpledge: limits: {why}")))?;
    confine()?;
    let mut failures = Vec::new();
    for contents in &libcs {
        let done = install(&store, &args.package, contents, &directory);
        match done {
            Ok(told) => report::print(&told)?,
            Err(Failure { text, .. }) => {
                let name = contents.first().map_or("", |(name, _)| name);
                failures.push(format!("{text}\nrpledge: {name}: what was there stays"));
            }
        }
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::data(failures.join("\n"))),
    }
}

/// One at a time: held until the process ends. Whoever can open the file can
/// hold it, so nobody else may.
fn lock(directory: &Path) -> Result<File, Failure> {
    let path = directory.join(".lock");
    let lock = || {
        fs::create_dir_all(directory)?;
        let mut options = File::options();
        let file = options.create(true).append(true).mode(0o600).open(&path)?;
        bounds::lock(&file)?;
        Ok(file)
    };
    lock()
        .map_err(|why: std::io::Error| Failure::data(format!("rpledge: {}: {why}", path.display())))
}

fn confine() -> Result<(), Failure> {
    let failed = |why: String| Failure::data(format!("rpledge: pledge: {why}"));
    let promises = Set::parse(PROMISES).map_err(|why| failed(format!("{why:?}")))?;
    let request = Request {
        promises: Some(promises),
        exec: None,
    };
    match pledge(request, Flags::of(Mode::Error)) {
        // An emulator, or a sandbox around all this: the data is needed there too.
        Err(why @ Error::Kernel(_)) => {
            eprintln!("rpledge: goes on unconfined: {why}");
            Ok(())
        }
        done => done.map_err(|why| failed(why.to_string())),
    }
}

/// Read a libc, doubt it, install its data, tell what changed.
fn install(
    store: &Store,
    package: &str,
    contents: &[(String, Vec<u8>)],
    directory: &Path,
) -> Result<String, Failure> {
    let snapshot = extract(store, package, contents)?;
    let missing = || Failure::data("rpledge: the data has no file promises.toml");
    let definitions = store.promises()?.ok_or_else(missing)?;
    let known = known(store)?;
    doubt(&snapshot, &definitions, &known)?;
    let arch = Arch::find(&snapshot.arch).ok_or_else(missing)?;
    let (table, bytes) = compile::compile(store, arch, std::slice::from_ref(&snapshot))?;
    let path = installed::version_path(table.arch, &snapshot.libc, &snapshot.version);
    let path = directory.join(path.as_str());
    let before = before(&path, &known.snapshots, store, table, &snapshot)?;
    compile::place(directory, table, &bytes)?;
    let after = table
        .libcs
        .iter()
        .map(|libc| granted(table, libc))
        .collect();
    Ok(format!(
        "{}\n{}",
        path.display(),
        Diff::default().with_promises(&before, &joined(after))
    ))
}

fn extract(
    store: &Store,
    package: &str,
    contents: &[(String, Vec<u8>)],
) -> Result<Snapshot, Failure> {
    let input = |(name, bytes): &'_ (String, Vec<u8>)| (name.clone(), bytes.clone());
    let copies: Vec<_> = contents.iter().map(input).collect();
    let inputs: Vec<_> = copies
        .iter()
        .map(|(name, bytes)| Input {
            name: name.clone(),
            bytes,
        })
        .collect();
    // Whoever runs this by hand may not know; the files tell what they are.
    let package = match package {
        "" => "local libc unknown",
        package => package,
    };
    let options = crate::extract::options(store, &inputs, package)?;
    let failed = |why: extract::Error| Failure::data(format!("rpledge: {why}"));
    Ok(extract::extract(&inputs, &options)
        .map_err(failed)?
        .snapshot)
}

/// What the rules lean on.
fn known(store: &Store) -> Result<Known, Failure> {
    let arches = store.arches()?;
    let snapshots = store.snapshots().filter_map(|s| parse::snapshot(&s).ok());
    Ok(Known {
        syscalls: store.syscalls(&arches)?,
        promises: store.promises()?,
        quirks: store.quirks()?,
        gaps: store.gaps()?,
        snapshots: snapshots.collect(),
        arches,
    })
}

/// Everything that speaks against what was extracted.
fn doubt(snapshot: &Snapshot, definitions: &Promises, known: &Known) -> Result<(), Failure> {
    let text = print::snapshot(snapshot);
    let Snapshot {
        libc,
        version,
        arch,
        ..
    } = snapshot;
    let file = format!("{libc}/{version}/{arch}.toml");
    let source = Source {
        file: &file,
        text: &text,
    };
    let mut findings = check::file(Kind::Snapshot, &source, known);
    // A new version does some things no more: a person must say why only where
    // the data is kept. What it grants less is printed with what it grants more.
    findings.retain(|finding| ![check_gaps::ABSENT, check_gaps::SHRUNK].contains(&finding.rule));
    if !findings.is_empty() {
        return Err(Failure::from(findings));
    }
    let lost = lost(snapshot, definitions, known);
    if !lost.is_empty() {
        let lost = lost.join(" ");
        let what = format!("rpledge: {file}: promised functions that older versions have: {lost}");
        return Err(Failure::data(what));
    }
    Ok(())
}

/// Promised functions that the version before has and this one lacks. A
/// function that only old programs can have has its version's name; one whose
/// code goes on under another name is not lost (musl 1.2.4 took open64 away).
fn lost<'a>(snapshot: &Snapshot, definitions: &'a Promises, known: &Known) -> Vec<&'a str> {
    let plain = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let names = |s: &Snapshot| {
        s.functions
            .keys()
            .map(|n| plain(n))
            .collect::<BTreeSet<_>>()
    };
    let version = Version::parse(&snapshot.version);
    let kin = known.snapshots.iter();
    let kin = kin.filter(|s| s.libc == snapshot.libc && s.arch == snapshot.arch);
    let older = kin.filter(|s| Version::parse(&s.version) < version);
    let Some(older) = older.max_by_key(|s| Version::parse(&s.version)) else {
        return Vec::new();
    };
    let (here, there) = (names(snapshot), names(older));
    let code = |name: &str| {
        let row = older.functions.get(name);
        row.and_then(|row| row.alias.as_deref())
            .unwrap_or(name)
            .to_owned()
    };
    let same_code = older
        .functions
        .keys()
        .filter(|name| here.contains(&plain(name)));
    let kept: BTreeSet<_> = same_code.map(|name| code(name)).collect();
    let functions = Promise::all().flat_map(|promise| &definitions.definition(promise).functions);
    let functions = functions.map(|(name, _)| name.as_str());
    let mut lost: Vec<_> = functions
        .filter(|name| {
            there.contains(*name) && !here.contains(*name) && !kept.contains(&code(name))
        })
        .collect();
    lost.sort_unstable();
    lost.dedup();
    lost
}

/// What promises came to so far: by the file that was there, else by the
/// nearest of the command's data.
fn before(
    path: &Path,
    snapshots: &[Snapshot],
    store: &Store,
    table: &Table<'static>,
    snapshot: &Snapshot,
) -> Result<diff::Promises, Failure> {
    let bytes = fs::read(path).ok();
    let old = bytes.and_then(|bytes| compiled::load(&bytes, table).ok());
    let old = match old {
        Some(old) => old,
        None => {
            let same = snapshots.iter().filter(|s| s.arch == snapshot.arch);
            let same: Vec<_> = same.cloned().collect();
            let arch = Arch::find(table.arch).unwrap_or(Arch::host());
            tables::of(store, arch, &same)?
        }
    };
    let rows = resolve::find(old, &snapshot.libc, &snapshot.version, None);
    let libcs = rows.of(old).iter();
    Ok(joined(libcs.map(|libc| granted(old, libc)).collect()))
}

/// The calls of each promise on a libc.
fn granted(table: &Table, libc: &Libc) -> diff::Promises {
    let calls = |grant: &Grant| {
        let limited = grant.limits.iter().filter_map(|n| table.limits.get(n));
        let limited = limited.map(|limit| usize::from(limit.call));
        let places = grant.calls.iter().chain(limited);
        let names = places.filter_map(|place| table.calls.get(place));
        names.map(|call| call.name.to_owned()).collect()
    };
    let promises = Promise::all().map(|p| (p.name().to_owned(), calls(libc.grant(p))));
    let always = ("always".to_owned(), calls(&libc.always));
    promises.chain([always]).collect()
}

fn joined(all: Vec<diff::Promises>) -> diff::Promises {
    let mut joined = diff::Promises::new();
    for (promise, calls) in all.into_iter().flatten() {
        joined.entry(promise).or_default().extend(calls);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpledge::facts::libcs;

    #[test]
    fn versions_lose_no_promised_function() {
        let store = Store::open(None).expect("carried");
        let definitions = store.promises().expect("readable").expect("there");
        let mut known = known(&store).expect("readable");
        let hosts = known.snapshots.iter();
        for snapshot in hosts.filter(|s| libcs::is_host(&s.libc) && s.arch == Arch::host().name) {
            assert_eq!(lost(snapshot, &definitions, &known), [""; 0]);
        }
        let mut newest = known.snapshots.clone();
        newest.retain(|s| s.libc == "glibc" && s.version == "2.41");
        let newest = newest.first_mut().expect("there");
        newest.functions.remove("mkdir");
        assert_eq!(lost(newest, &definitions, &known), ["mkdir"]);
        known.snapshots.clear();
        assert_eq!(lost(newest, &definitions, &known), [""; 0]);
    }

    #[test]
    fn what_the_linter_finds_is_doubted() {
        let store = Store::open(None).expect("carried");
        let definitions = store.promises().expect("readable").expect("there");
        let known = known(&store).expect("readable");
        let mut snapshot = known.snapshots[0].clone();
        assert!(doubt(&snapshot, &definitions, &known).is_ok());
        let row = snapshot.functions.get_mut("read").expect("a function");
        row.calls.insert("reboot".to_owned());
        let why = doubt(&snapshot, &definitions, &known).expect_err("a suspect call");
        assert!(why.text.contains("suspect"), "{}", why.text);
    }
}
