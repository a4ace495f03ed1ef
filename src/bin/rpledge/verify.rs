// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data verify`: records of traces held to the snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use rpledge::facts::finding::Source;
use rpledge::facts::promises::Promises;
use rpledge::facts::traces::{self, Record};
use rpledge::facts::verify::{Facts, Outcome, Verdict, verify};
use rpledge::facts::{arches::Arches, quirks};

use crate::report::Failure;
use crate::store::{self, Store};

#[derive(clap::Args)]
pub struct Args {
    /// Only records of this libc, like glibc-2.36
    #[arg(long, value_name = "LIBC")]
    libc: Option<String>,
    /// Only records of this architecture
    #[arg(long)]
    arch: Option<String>,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Records that scripts/check-traces wrote
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<PathBuf>,
}

/// Passed, failed, skipped.
type Tally = (usize, usize, usize);

/// What is to be printed, and whether nothing failed.
pub fn main(args: &Args) -> Result<(String, bool), Failure> {
    let store = Store::open(args.data.as_deref())?;
    let arches = store.arches()?;
    let wanted = match &args.arch {
        Some(word) => Some(store::arch_of(&arches, word)?),
        None => None,
    };
    let promises = store.promises()?.unwrap_or_default();
    let mut out = String::new();
    let mut sum = (0, 0, 0);
    for path in &args.records {
        let text = store::read(path)?;
        let file = path.display().to_string();
        let record = traces::read(&Source {
            file: &file,
            text: &text,
        })?;
        let arch = arch(&arches, &record, &file)?;
        let libc = format!("{}-{}", record.libc, record.version);
        if args.libc.as_ref().is_some_and(|only| *only != libc)
            || wanted.is_some_and(|only| only != arch)
        {
            continue;
        }
        let (passed, failed, skipped) = one(&store, &promises, &record, &libc, arch, &mut out)?;
        sum = (sum.0 + passed, sum.1 + failed, sum.2 + skipped);
    }
    let (passed, failed, skipped) = sum;
    let _ = writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped");
    Ok((out, failed == 0))
}

/// The architecture whose audit token the record has.
fn arch<'a>(arches: &'a Arches, record: &Record, file: &str) -> Result<&'a str, Failure> {
    let same = arches
        .0
        .iter()
        .filter(|(_, arch)| arch.audit == record.audit);
    // x32 differs from x86_64 by numbers alone, and no record is of it.
    let lowest = same.min_by_key(|(_, arch)| arch.base);
    lowest.map(|(name, _)| name.as_str()).ok_or_else(|| {
        let token = record.audit;
        Failure::data(format!(
            "rpledge: {file}: {token:#010x} is no architecture of data/arches.toml"
        ))
    })
}

fn one(
    store: &Store,
    promises: &Promises,
    record: &Record,
    libc: &str,
    arch: &str,
    out: &mut String,
) -> Result<Tally, Failure> {
    if !store.libcs(arch).iter().any(|known| known == libc) {
        let _ = writeln!(out, "skip {libc} {arch}: the data has no snapshot of it");
        return Ok((0, 0, 1));
    }
    let snapshot = quirks::apply(&store.snapshot(libc, arch)?, &store.quirks()?);
    let syscalls = store.syscalls(&store.arches()?)?;
    let definitions = promises.promises.values().chain([&promises.always]);
    let functions = definitions.flat_map(|definition| &definition.functions);
    let facts = Facts {
        snapshot: &snapshot,
        numbers: syscalls.table(arch).into_iter().collect(),
        promised: functions.map(|(name, _)| name.as_str()).collect(),
    };
    let verdict = verify(record, &facts);
    report(&verdict, &format!("{libc} {arch}"), &record.kernel, out);
    Ok(verdict.tally())
}

fn report(verdict: &Verdict, place: &str, kernel: &str, out: &mut String) {
    for case in &verdict.cases {
        let name = case.functions.join(" ");
        match &case.outcome {
            Outcome::Passed | Outcome::Lacking => {}
            Outcome::Skipped(why) => {
                let _ = writeln!(out, "skip {place}: {name}: {why}");
            }
            Outcome::Failed(wrong) => {
                for line in wrong {
                    let _ = writeln!(out, "{place}: {name}: {line}");
                }
            }
        }
    }
    for name in &verdict.uncalled {
        let _ = writeln!(
            out,
            "{place}: {name}: promised, and no case calls it; write one, or a reason in ctests/trace/untraced"
        );
    }
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, reason) in &verdict.untraced {
        reasons.entry(reason).or_default().insert(name);
    }
    for (reason, names) in reasons {
        let names: Vec<&str> = names.into_iter().collect();
        let _ = writeln!(out, "skip {place}: {}: {reason}", names.join(" "));
    }
    if !verdict.lacking.is_empty() {
        let names: Vec<&str> = verdict.lacking.iter().map(String::as_str).collect();
        let _ = writeln!(out, "{place}: has no {}", names.join(" "));
    }
    let (may, seen) = verdict.means();
    let (passed, failed, skipped) = verdict.tally();
    let _ = writeln!(
        out,
        "{place}, Linux {kernel}: {} cases of {} functions; a case may make {may:.1} calls and was seen to make {seen:.1}",
        verdict
            .cases
            .iter()
            .filter(|case| case.outcome != Outcome::Lacking)
            .count(),
        verdict.functions().len(),
    );
    let _ = writeln!(
        out,
        "{place}: {passed} passed, {failed} failed, {skipped} skipped"
    );
}
