// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge show`: what promises mean on a libc and an architecture, and why.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use rpledge::arch::Arch;
use rpledge::facts::{Snapshot, near, parse, quirks, why};
use rpledge::host;
use rpledge::installed::Origin;
use rpledge::policy::{Action, Broker, Policy, Verdict};
use rpledge::promise::{Promise, Set, WordError};
use rpledge::resolve::{self, Match, Rows};
use rpledge::table::Table;

use crate::report::{self, Failure};
use crate::roads;
use crate::store::Store;
use crate::tables;

/// Prints the policy that promises make, a line a system call
#[derive(clap::Args)]
#[command(
    after_help = "Exit status: 0 done; 2 there is no such promise, libc, architecture or call; 3 the data cannot be read."
)]
pub struct Args {
    /// Promises, as pledge(3) takes them
    #[arg(required_unless_present = "effects")]
    promises: Option<String>,
    /// The libc, as in "glibc-2.36" [default: that of this command]
    #[arg(long)]
    libc: Option<String>,
    /// The architecture [default: this one]
    #[arg(long)]
    arch: Option<String>,
    /// Tell instead why this call is in the policy: promise, function, call
    #[arg(long, value_name = "SYSCALL", conflicts_with = "json")]
    why: Option<String>,
    /// Tell instead which roads this function has, and which the promises grant
    #[arg(long, value_name = "FUNCTION", conflicts_with = "why")]
    effects: Option<String>,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Where the data of a libc is from, and what does not serve, in phrases.
pub fn origin(origin: &Origin) -> Vec<String> {
    let mut told = Vec::new();
    if !origin.file.is_empty() {
        told.push(format!("from {}", origin.file.as_str()));
    }
    if let Some(why) = origin.why {
        let refused = origin.refused.as_str();
        let colon = if refused.is_empty() { "" } else { ": " };
        told.push(format!("ignored: {refused}{colon}{why}"));
    }
    told
}

/// What a question is about.
struct Subject {
    store: Store,
    arch: &'static Arch,
    table: &'static Table<'static>,
    rows: Rows,
    /// The libc that was asked for.
    libc: String,
    /// Where its data is from, if it is this machine's that was asked for.
    origin: Option<Origin>,
    promises: Set,
    /// Of the rows, quirks applied.
    snapshots: Vec<Snapshot>,
}

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let promises = args.promises.as_deref().map(words).transpose()?;
    let subject = Subject::open(&args, promises.unwrap_or(Set::EMPTY))?;
    let text = match (&args.why, &args.effects) {
        (Some(call), _) => subject.why(call)?,
        (_, Some(function)) => subject.roads(function, promises, args.json)?,
        _ if args.json => subject.json(),
        _ => subject.policy(),
    };
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Read promises; a word that is none is named.
pub fn words(text: &str) -> Result<Set, Failure> {
    Set::parse(text).map_err(|why| {
        let what = match why {
            WordError::Unknown { at, len } => {
                let word = text.get(at..at + len).unwrap_or("");
                let help = near::advice(
                    word,
                    Promise::all().map(Promise::name),
                    "see pledge(3) for the words",
                );
                format!("{word:?} is no promise; {help}")
            }
            WordError::LeadingSpace => "the promises begin with a space; remove it".to_owned(),
            WordError::TooLong => "the promises are longer than 1023 bytes".to_owned(),
        };
        Failure::usage(format!("rpledge: {what}"))
    })
}

/// The architecture of a name or alias.
pub fn arch_named(word: &str) -> Result<&'static Arch, Failure> {
    Arch::find(word).ok_or_else(|| {
        let names = Arch::all().iter().map(|a| a.name);
        let help = near::advice(word, names, "see data/arches.toml");
        Failure::usage(format!("rpledge: unknown architecture {word:?}; {help}"))
    })
}

impl Subject {
    fn open(args: &Args, promises: Set) -> Result<Subject, Failure> {
        let store = Store::open(args.data.as_deref())?;
        let arch = match &args.arch {
            None => Arch::host(),
            Some(word) => arch_named(word)?,
        };
        let quirks = store.quirks()?;
        let mut snapshots = Vec::new();
        for source in store.snapshots() {
            let snapshot = parse::snapshot(&source)?;
            if snapshot.arch == arch.name {
                snapshots.push(snapshot);
            }
        }
        let mut table = tables::of(&store, arch, &snapshots)?;
        let here = host::host();
        let libc = match &args.libc {
            Some(libc) => libc.clone(),
            None => format!("{}-{}", here.name, here.version.as_str()),
        };
        let (name, version) = libc.rsplit_once('-').unwrap_or((&libc, ""));
        let mut rows = resolve::find(table, name, version, None);
        let is_here = args.libc.is_none() && args.arch.is_none() && args.data.is_none();
        if is_here {
            // What pledge() goes by in a program that runs now.
            (table, rows) = (here.table, here.rows);
        }
        if rows.matched == Match::None {
            let known = match store.libcs(arch.name).join(" ") {
                none if none.is_empty() => "none yet".to_owned(),
                known => known,
            };
            let what = format!(
                "rpledge: no data for {libc:?} on {}; there are: {known}",
                arch.name
            );
            return Err(Failure::usage(what));
        }
        let chosen = rows.of(table);
        let is_chosen = |s: &Snapshot| {
            chosen
                .iter()
                .any(|l| l.name == s.libc && l.version == s.version)
        };
        let snapshots = snapshots
            .iter()
            .filter(|s| is_chosen(s))
            .map(|s| quirks::apply(s, &quirks))
            .collect();
        Ok(Subject {
            store,
            arch,
            table,
            rows,
            libc,
            origin: is_here.then_some(here.origin),
            promises,
            snapshots,
        })
    }

    fn data(&self) -> String {
        let names = self
            .rows
            .of(self.table)
            .iter()
            .map(|l| format!("{}-{}", l.name, l.version));
        names.collect::<Vec<_>>().join(" ")
    }

    fn resolved(&self) -> Policy<'static> {
        let policy = Policy::of(self.table, self.rows.of(self.table), self.promises);
        policy.with_broker(match self.table.brokered(self.promises).is_empty() {
            true => Broker::Absent,
            false => Broker::Here,
        })
    }

    /// A line a call: its name, a tab, its verdict.
    fn policy(&self) -> String {
        let mut out = String::new();
        let words: Vec<_> = self.promises.iter().map(Promise::name).collect();
        let _ = writeln!(out, "# promises: {}", words.join(" "));
        let how = match self.rows.matched {
            Match::Build | Match::Version => "",
            Match::Nearest | Match::None => " (nearest)",
        };
        let _ = writeln!(
            out,
            "# libc: {}; data: {}{how}; {}; release {}",
            self.libc,
            self.data(),
            self.arch.name,
            self.table.release
        );
        for told in self.origin.iter().flat_map(origin) {
            let _ = writeln!(out, "# data: {told}");
        }
        for promise in self.table.unserved(self.promises).iter() {
            let _ = writeln!(
                out,
                "# {}: neither a filter nor the broker serves it: pledge() fails",
                promise.name()
            );
        }
        for promise in self.promises.and(self.table.partial).iter() {
            let _ = writeln!(out, "# {}: enforced in part: see pledge(3)", promise.name());
        }
        for (name, verdict) in self.verdicts() {
            let _ = writeln!(out, "{name}\t{verdict}");
        }
        let _ = writeln!(
            out,
            "# a call newer than Linux {} fails with ENOSYS; any other is a violation",
            self.table.kernel
        );
        out
    }

    /// Calls that are not simply violations.
    fn verdicts(&self) -> Vec<(&'static str, String)> {
        let policy = self.resolved();
        let mut list = Vec::new();
        for (place, call) in self.table.calls.iter().enumerate() {
            let text = match policy.verdict(place) {
                Verdict::Always(Action::Violation | Action::Foreign) => continue,
                Verdict::Always(action) => action_text(action),
                Verdict::Limited { otherwise } => {
                    let limits = policy.limits_of(place).map(|limit| match limit.refuse {
                        true => format!("{} if {}", errno_name(limit.errno), limit.text),
                        false => format!("allow if {}", limit.text),
                    });
                    let mut limits: Vec<_> =
                        limits.filter(|text| !text.ends_with(" if never")).collect();
                    if otherwise != Action::Violation {
                        limits.push(format!("else {}", action_text(otherwise)));
                    }
                    limits.join("; ")
                }
            };
            list.push((call.name, text));
        }
        list.sort();
        list
    }

    fn json(&self) -> String {
        let calls: serde_json::Map<_, _> = self
            .verdicts()
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect();
        let words: Vec<_> = self.promises.iter().map(Promise::name).collect();
        let value = serde_json::json!({
            "promises": words, "libc": self.libc, "data": self.data(), "arch": self.arch.name,
            "release": self.table.release, "kernel": self.table.kernel, "calls": calls,
            "origin": self.origin.iter().flat_map(origin).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }

    fn roads(&self, function: &str, promises: Option<Set>, json: bool) -> Result<String, Failure> {
        let definitions = self.store.promises()?.unwrap_or_default();
        roads::roads(&self.snapshots, &definitions, function, promises, json)
    }

    /// A line a road: promise, function, ..., call.
    fn why(&self, call: &str) -> Result<String, Failure> {
        let names = self.table.calls.iter().map(|c| c.name);
        let Some(place) = names.clone().position(|name| name == call) else {
            let help = near::advice(call, names, "see data/syscalls.toml");
            return Err(Failure::usage(format!(
                "rpledge: {} has no call {call:?}; {help}",
                self.arch.name
            )));
        };
        let verdict = self.verdicts().into_iter().find(|(name, _)| *name == call);
        let mut out = format!(
            "{call}\t{}\n",
            verdict.map_or("violation".to_owned(), |(_, text)| text)
        );
        let missing = || Failure::data("rpledge: the data has no file promises.toml");
        let definitions = self.store.promises()?.ok_or_else(missing)?;
        for group in &definitions.never {
            if group.calls.contains(call) {
                let _ = writeln!(out, "# no promise grants it: {}", group.why);
            }
        }
        let rows = self.rows.of(self.table);
        if self.snapshots.is_empty() {
            let _ = writeln!(
                out,
                "# {}: its functions are not in the command's data",
                self.libc
            );
        }
        for promise in self.promises.iter() {
            let granted = rows
                .iter()
                .any(|l| l.grant(promise).mentions(place, self.table));
            let note = if granted {
                ""
            } else {
                " (reached, not granted)"
            };
            for snapshot in &self.snapshots {
                for road in why::roads(snapshot, definitions.definition(promise), call) {
                    let _ = writeln!(
                        out,
                        "{}-{}\t{}{note}\t{}",
                        snapshot.libc,
                        snapshot.version,
                        promise.name(),
                        road.join(" > ")
                    );
                }
            }
        }
        if rows.iter().any(|l| l.always.mentions(place, self.table)) {
            let _ = writeln!(out, "any\talways\t{call}");
        }
        Ok(out)
    }
}

fn action_text(action: Action) -> String {
    match action {
        Action::Allow => "allow".to_owned(),
        Action::Errno(errno) => errno_name(errno),
        Action::Unfold(errno) => format!("by its parts, or {}", errno_name(errno)),
        Action::Ask | Action::Door => "ask the broker".to_owned(),
        Action::Violation => "violation".to_owned(),
        Action::Foreign => "kill".to_owned(),
    }
}

fn errno_name(errno: u16) -> String {
    let known = rpledge::facts::homes::ERRNOS
        .iter()
        .find(|(_, n)| *n == errno);
    known.map_or_else(|| format!("errno {errno}"), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_grants_is_given_a_reason() {
        let args = Args {
            promises: None,
            libc: Some("musl-1.2.5".to_owned()),
            arch: Some("x86_64".to_owned()),
            why: None,
            effects: None,
            data: None,
            json: false,
        };
        let stdio = Set::EMPTY.with(Promise::Stdio);
        let subject = Subject::open(&args, stdio).expect("a libc of the data");
        let why = |call| subject.why(call).expect("a call");
        assert!(why("kcmp").starts_with("kcmp\tviolation\n# no promise grants it: "));
        // Elsewhere it is granted, so that is no reason.
        assert_eq!(why("socket"), "socket\tviolation\n");
        assert!(why("read").starts_with("read\tallow\nmusl-1.2.5\tstdio\t"));
    }
}
