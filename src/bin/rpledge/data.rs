// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data`: format, check, compare and ask the data files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rpledge::arch::Arch;
use rpledge::facts::check::{self, Known};
use rpledge::facts::close::Closure;
use rpledge::facts::diff::{self, Diff};
use rpledge::facts::finding::{Finding, Source};
use rpledge::facts::form::{self, Kind};
use rpledge::facts::reduce::reduce;
use rpledge::facts::{Snapshot, merge, near, parse, promises, quirks, row};

use crate::compile;
use crate::extract;
use crate::history;
use crate::install;
use crate::report;
use crate::report::{Failure, code};
use crate::store::{self, Store};
use crate::survey;
use crate::verify;

/// Formats, checks, compares and asks the data files
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 done; 1 something is wrong or differs; \
                        2 there is no such option, function or libc; 3 a file cannot be read.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a snapshot of a libc's files
    Extract(extract::Args),
    /// Join snapshots of several builds of one version
    Merge(MergeArgs),
    /// Write the form that programs read when they pledge
    Compile(compile::Args),
    /// Extract and install the data of this system's libcs
    InstallLibc(install::Args),
    #[command(flatten)]
    Ask(Ask),
}

/// What is answered from the data alone.
#[derive(clap::Subcommand)]
enum Ask {
    /// Write data files in their canonical form
    Fmt(FmtArgs),
    /// Look for everything that is wrong with the data
    Check(CheckArgs),
    /// Compare two snapshots; ends with the promises that changed
    Diff(DiffArgs),
    /// Print the system calls of a libc's functions
    Calls(CallsArgs),
    /// Print a line a snapshot: functions, system call sites, size of the closures
    Table(TableArgs),
    /// Print what a function does in every version, on every architecture
    History(history::Args),
    /// Hold traces to the data: is every call that was seen in it?
    Verify(verify::Args),
}

#[derive(clap::Args)]
struct FmtArgs {
    /// Write nothing; name the files that are not in canonical form
    #[arg(long)]
    check: bool,
    /// Data files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct CheckArgs {
    /// Data directory [default: ./data if it is one, else the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args)]
struct DiffArgs {
    /// A file, or a libc like glibc-2.31
    old: String,
    /// A file, or a libc like glibc-2.36
    new: String,
    /// Architecture of the libcs [default: the file's, or this machine's]
    #[arg(long)]
    arch: Option<String>,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args)]
struct MergeArgs {
    /// Write DIR/<libc>/<version>/<arch>.toml and say so [default: standard output]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Snapshots of one libc, version and architecture
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct CallsArgs {
    /// A libc like glibc-2.36
    libc: String,
    /// An architecture like x86_64
    arch: String,
    /// Functions [default: all]
    functions: Vec<String>,
    /// Print one JSON object: {function: {"calls": [...], "values": {call: [...]}, "effects": {effect: [...]}}}
    #[arg(long)]
    json: bool,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(clap::Args)]
struct TableArgs {
    /// What traces showed: the lines of all libcs that the check of traces ended with
    #[arg(long, value_name = "FILE")]
    verdict: Option<PathBuf>,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let ask = match args.verb {
        Verb::Ask(ask) => ask,
        Verb::Extract(args) => return extract::main(args),
        Verb::Merge(args) => return merge(&args),
        Verb::Compile(args) => {
            return compile::main(&args).map(|()| ExitCode::SUCCESS);
        }
        Verb::InstallLibc(args) => {
            return install::main(&args).map(|()| ExitCode::SUCCESS);
        }
    };
    let answer = answer(&ask)?;
    report::print(&answer.text)?;
    Ok(ExitCode::from(answer.code))
}

/// What goes to standard output, and the exit code.
#[derive(PartialEq, Eq, Debug)]
struct Answer {
    text: String,
    code: u8,
}

impl Answer {
    fn ok(text: String) -> Answer {
        Answer {
            text,
            code: code::OK,
        }
    }

    /// Something was found if something is said.
    fn found(text: String, nothing: bool) -> Answer {
        let code = if nothing { code::OK } else { code::FOUND };
        Answer { text, code }
    }
}

fn answer(ask: &Ask) -> Result<Answer, Failure> {
    match ask {
        Ask::Fmt(args) => fmt(args),
        Ask::Check(args) => check(args),
        Ask::Diff(args) => diff(args),
        Ask::Calls(args) => calls(args),
        Ask::Table(args) => {
            let store = Store::open(args.data.as_deref())?;
            let verdict = match &args.verdict {
                Some(path) => store::read(path)?,
                None => String::new(),
            };
            Ok(Answer::ok(survey::table(&store, &verdict)?))
        }
        Ask::History(args) => Ok(Answer::ok(history::history(args)?)),
        Ask::Verify(args) => {
            let (text, nothing) = verify::main(args)?;
            Ok(Answer::found(text, nothing))
        }
    }
}

fn fmt(args: &FmtArgs) -> Result<Answer, Failure> {
    let arches = Store::open(None)?.arches()?;
    let mut differ = String::new();
    for path in &args.files {
        let text = store::read(path)?;
        let shown = path.display().to_string();
        let kind = Kind::of(&shown).or_else(|| parse::is_snapshot(&text).then_some(Kind::Snapshot));
        let Some(kind) = kind else {
            let help = "it is named <libc>/<version>/<arch>.toml or stands in data/ itself";
            return Err(Failure::data(format!(
                "rpledge: {shown}: not a data file; {help}"
            )));
        };
        let canonical = form::canonical(
            kind,
            &Source {
                file: &shown,
                text: &text,
            },
            &arches,
        )?;
        if canonical == text {
            continue;
        }
        differ.push_str(&format!("{shown}\n"));
        if !args.check {
            store::write(path, &canonical)?;
        }
    }
    if !args.check {
        return Ok(Answer::ok(String::new()));
    }
    let nothing = differ.is_empty();
    Ok(Answer::found(differ, nothing))
}

fn check(args: &CheckArgs) -> Result<Answer, Failure> {
    let here = Path::new("data");
    let directory = match &args.data {
        Some(directory) => Some(directory.as_path()),
        None => here.join("arches.toml").is_file().then_some(here),
    };
    let store = Store::open(directory)?;
    let findings = findings(&store)?;
    let lines: String = findings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect();
    Ok(Answer::found(lines, findings.is_empty()))
}

/// Everything that is wrong with a store. Files that the rules lean on come
/// first: without them everything else would seem wrong.
fn findings(store: &Store) -> Result<Vec<Finding>, Failure> {
    let mut known = Known::default();
    for path in ["arches.toml", "syscalls.toml"] {
        let missing = || Failure::data(format!("rpledge: the data has no file {path}"));
        let source = store.source(path).ok_or_else(missing)?;
        let kind = Kind::of(path).ok_or_else(missing)?;
        let findings = check::file(kind, &source, &known);
        if !findings.is_empty() {
            return Ok(findings);
        }
        match kind {
            Kind::Arches => known.arches = store.arches()?,
            _ => known.syscalls = store.syscalls(&known.arches)?,
        }
    }
    // One that cannot be read is found below.
    known.quirks = store.quirks().unwrap_or_default();
    known.gaps = store.gaps().unwrap_or_default();
    known.promises = store.promises().unwrap_or_default();
    known.snapshots = store
        .snapshots()
        .filter_map(|source| parse::snapshot(&source).ok())
        .collect();
    let mut findings = Vec::new();
    for (path, source) in store.sources() {
        match Kind::of(path) {
            Some(kind) => findings.extend(check::file(kind, &source, &known)),
            None => {
                let what = "not a data file";
                let help = "name it <libc>/<version>/<arch>.toml, or move it away";
                findings.push(source.finding("place", 0, what, help));
            }
        }
    }
    Ok(findings)
}

fn merge(args: &MergeArgs) -> Result<ExitCode, Failure> {
    let mut merged: Option<Snapshot> = None;
    for path in &args.files {
        let next = store::read_snapshot(path)?;
        merged = Some(match &merged {
            None => next,
            Some(before) => merge::merge(before, &next)
                .map_err(|why| Failure::data(format!("rpledge: {}: {why}", path.display())))?,
        });
    }
    extract::output(&merged.unwrap_or_default(), args.output.as_deref())
}

fn diff(args: &DiffArgs) -> Result<Answer, Failure> {
    let store = Store::open(args.data.as_deref())?;
    let file = |word: &str| {
        let is_file = word.contains('/') || word.ends_with(".toml");
        is_file
            .then(|| store::read_snapshot(Path::new(word)))
            .transpose()
    };
    let (old, new) = (file(&args.old)?, file(&args.new)?);
    // A libc's name beside a file is that libc on the file's architecture.
    let other = old.as_ref().or(new.as_ref()).map(|one| one.arch.clone());
    let arch = args.arch.clone().or(other);
    let arch = arch.unwrap_or(Arch::host().name.to_owned());
    let named = |one: Option<Snapshot>, word: &str| match one {
        Some(snapshot) => Ok(snapshot),
        None => store.snapshot(word, &arch),
    };
    let (old, new) = (named(old, &args.old)?, named(new, &args.new)?);
    let mut diff = Diff::new(&old, &new);
    if let Some(promises) = store.promises()? {
        let resolved = |snapshot: &Snapshot| granted(&store, &promises, snapshot);
        diff = diff.with_promises(&resolved(&old)?, &resolved(&new)?);
    }
    Ok(Answer::found(diff.to_string(), diff.is_empty()))
}

/// What the promises grant on a snapshot.
fn granted(
    store: &Store,
    promises: &promises::Promises,
    snapshot: &Snapshot,
) -> Result<diff::Promises, Failure> {
    let syscalls = store.syscalls(&store.arches()?)?;
    let one = std::slice::from_ref(snapshot);
    let reduced = reduce(&snapshot.arch, &syscalls, promises, &store.quirks()?, one);
    let reduced = reduced.map_err(|why| Failure::data(format!("rpledge: {why}")))?;
    Ok(diff::granted(&reduced))
}

fn calls(args: &CallsArgs) -> Result<Answer, Failure> {
    let store = Store::open(args.data.as_deref())?;
    let snapshot = store.snapshot(&args.libc, &args.arch)?;
    let snapshot = quirks::apply(&snapshot, &store.quirks()?);
    let closures = store::closures(&snapshot)?;
    let mut found = Vec::new();
    if args.functions.is_empty() {
        found.extend(
            closures
                .names()
                .filter_map(|name| Some((name, closures.of(name)?))),
        );
    }
    for name in &args.functions {
        let Some(closure) = closures.of(name) else {
            let otherwise = "rpledge data calls without a function lists all";
            let help = near::advice(name, closures.names(), otherwise);
            return Err(Failure::usage(format!(
                "rpledge: {} has no function {name:?}; {help}",
                args.libc
            )));
        };
        found.push((name.as_str(), closure));
    }
    let write = if args.json { json } else { lines };
    Ok(Answer::ok(write(&found)))
}

fn lines(found: &[(&str, Closure)]) -> String {
    let mut out = String::new();
    for (name, closure) in found {
        let calls = closure.calls.iter();
        let calls = calls.map(|call| row::call(call, closure.values.get(call)));
        let calls: Vec<String> = calls.collect();
        let added = closure.effects.iter();
        let added: Vec<String> = added
            .flat_map(|(effect, calls)| calls.iter().map(move |call| format!("{effect}:{call}")))
            .collect();
        out.push_str(&format!(
            "{name}\t{}\t{}\n",
            calls.join(" "),
            added.join(" ")
        ));
    }
    out
}

fn json(found: &[(&str, Closure)]) -> String {
    let one = |(name, closure): &(&str, Closure)| {
        let Closure {
            calls,
            values,
            effects,
            ..
        } = closure;
        let value = serde_json::json!({ "calls": calls, "values": values, "effects": effects });
        ((*name).to_owned(), value)
    };
    let object: BTreeMap<String, serde_json::Value> = found.iter().map(one).collect();
    format!("{}\n", serde_json::json!(object))
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
