// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data history`: one function through all versions and architectures, as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rpledge::facts::quirks::{self, Quirk};
use rpledge::facts::row;
use rpledge::facts::version::Version;
use rpledge::facts::{Snapshot, near, parse};

use crate::report::Failure;
use crate::store::{self, Store};

#[derive(clap::Args)]
pub struct Args {
    /// A function like open, or an effect like !fatal
    function: String,
    /// Only this architecture
    #[arg(long)]
    arch: Option<String>,
    /// Only this C library, as in "glibc"
    #[arg(long, value_name = "NAME")]
    libc: Option<String>,
    /// What the function does itself, not all that it comes to
    #[arg(long)]
    own: bool,
    /// Print one JSON object: {libc: {architecture: [word, ...]}}
    #[arg(long)]
    json: bool,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What stands in the place of a function that a libc does not have.
const NONE: &str = "-";

/// A C library and its version, in the order of versions.
type Libc = (String, Version);

/// By libc, then by architecture.
type Cells = BTreeMap<Libc, BTreeMap<String, String>>;

/// The table as text.
pub fn history(args: &Args) -> Result<String, Failure> {
    let store = Store::open(args.data.as_deref())?;
    let arch = args
        .arch
        .as_deref()
        .map(|word| arch(&store, word))
        .transpose()?;
    let quirks = store.quirks()?;
    let mut cells = Cells::new();
    let mut known = BTreeSet::new();
    for source in store.snapshots() {
        let snapshot = parse::snapshot(&source)?;
        let asked = |of: &str, asked: Option<&str>| asked.is_none_or(|word| word == of);
        if asked(&snapshot.arch, arch.as_deref()) && asked(&snapshot.libc, args.libc.as_deref()) {
            let cell = cell(args, &snapshot, &quirks)?;
            if cell.is_none() {
                known.extend(snapshot.functions.keys().cloned());
            }
            let version = Version::parse(&snapshot.version).unwrap_or_default();
            let line = cells.entry((snapshot.libc, version)).or_default();
            line.insert(snapshot.arch, cell.unwrap_or_else(|| NONE.to_owned()));
        }
    }
    if cells.is_empty() {
        let what = "rpledge: no snapshot is of that C library and architecture";
        return Err(Failure::usage(what));
    }
    if cells
        .values()
        .flat_map(BTreeMap::values)
        .all(|cell| cell == NONE)
    {
        let help = near::advice(
            &args.function,
            known.iter().map(String::as_str),
            "rpledge data calls lists what a C library has",
        );
        let what = format!(
            "rpledge: no snapshot has the function {:?}; {help}",
            args.function
        );
        return Err(Failure::usage(what));
    }
    Ok(if args.json {
        json(&cells)
    } else {
        table(&cells)
    })
}

fn arch(store: &Store, word: &str) -> Result<String, Failure> {
    let arches = store.arches()?;
    if let Some((name, _)) = arches.find(word) {
        return Ok(name.to_owned());
    }
    let help = near::advice(word, arches.names(), "see data/arches.toml");
    Err(Failure::usage(format!(
        "rpledge: unknown architecture {word:?}; {help}"
    )))
}

/// What the function does in one libc, if that has it.
fn cell(args: &Args, snapshot: &Snapshot, quirks: &[Quirk]) -> Result<Option<String>, Failure> {
    let snapshot = quirks::apply(snapshot, quirks);
    let effect = args.function.strip_prefix('!');
    let own = match effect {
        Some(effect) => snapshot.effects.get(effect),
        None => snapshot.functions.get(&args.function),
    };
    let Some(own) = own else {
        return Ok(None);
    };
    if args.own {
        return Ok(Some(own.to_string()));
    }
    let closures = store::closures(&snapshot)?;
    if let Some(effect) = effect {
        let calls = closures.effect(effect).unwrap_or_default();
        return Ok(Some(calls.into_iter().collect::<Vec<_>>().join(" ")));
    }
    Ok(closures.of(&args.function).map(|closure| {
        let calls = closure.calls.iter();
        let calls = calls.map(|call| row::call(call, closure.values.get(call)));
        let effects = closure.effects.keys().map(|effect| format!("!{effect}"));
        calls.chain(effects).collect::<Vec<_>>().join(" ")
    }))
}

/// A line a libc, a column an architecture; those that are equal stand together.
fn table(cells: &Cells) -> String {
    let arches: BTreeSet<&String> = cells.values().flat_map(BTreeMap::keys).collect();
    let mut columns: Vec<(Vec<&str>, Vec<Option<&String>>)> = Vec::new();
    for arch in arches {
        let column: Vec<_> = cells.values().map(|line| line.get(arch)).collect();
        match columns.iter_mut().find(|(_, other)| *other == column) {
            Some((names, _)) => names.push(arch),
            None => columns.push((vec![arch], column)),
        }
    }
    let heads: Vec<String> = columns.iter().map(|(names, _)| names.join(",")).collect();
    let mut out = format!("libc\t{}\n", heads.join("\t"));
    let libcs: Vec<&Libc> = cells.keys().collect();
    let line = |at: usize| columns.iter().map(move |(_, column)| column[at]);
    let mut at = 0;
    while at < libcs.len() {
        let mut last = at;
        while libcs
            .get(last + 1)
            .is_some_and(|next| next.0 == libcs[at].0)
            && line(at).eq(line(last + 1))
        {
            last += 1;
        }
        let (name, version) = libcs[at];
        let to = if last > at {
            format!("..{}", libcs[last].1)
        } else {
            String::new()
        };
        // Where there is no snapshot nothing is known.
        let words: Vec<&str> = line(at)
            .map(|cell| cell.map_or("?", String::as_str))
            .collect();
        out.push_str(&format!("{name}-{version}{to}\t{}\n", words.join("\t")));
        at = last + 1;
    }
    out
}

fn json(cells: &Cells) -> String {
    let mut object = serde_json::Map::new();
    for ((name, version), line) in cells {
        let cell = |cell: &String| match cell.as_str() {
            NONE => serde_json::Value::Null,
            words => words.split_whitespace().collect(),
        };
        let line: serde_json::Map<_, _> = line
            .iter()
            .map(|(arch, words)| (arch.clone(), cell(words)))
            .collect();
        object.insert(format!("{name}-{version}"), line.into());
    }
    format!("{}\n", serde_json::Value::from(object))
}
