// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of data files: each with a name, what it asks, and a function.

use std::convert::identity;

use super::arches::Arches;
use super::finding::{Finding, Source};
use super::form::{self, Kind};
use super::gaps::{self, Gap};
use super::parse::{self, Sheet};
use super::promises::{self, Promises};
use super::quirks::{self, Quirk};
use super::sockets;
use super::syscalls::Syscalls;
use super::{Snapshot, arches, document, syscalls, veil};
use super::{
    check_gaps, check_homes, check_limits, check_promises, check_quirks, check_snapshot,
    check_sockets, check_text,
};

/// One thing that every file of its kind must keep to.
pub struct Rule {
    /// As findings and the files of data/lint name it.
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
    pub judge: Judge,
}

/// Who applies a rule, and to what.
pub enum Judge {
    /// The reader of such files, while it reads.
    Reader(Kind),
    /// Every file's text.
    Text(fn(&Source) -> Vec<Finding>),
    /// A snapshot that could be read.
    Snapshot(fn(&SnapshotCase) -> Vec<Finding>),
    /// A quirks file that could be read.
    Quirks(fn(&QuirksCase) -> Vec<Finding>),
    /// A gaps file that could be read.
    Gaps(fn(&GapsCase) -> Vec<Finding>),
    /// A file of socket classes that could be read.
    Sockets(fn(&SocketsCase) -> Vec<Finding>),
    /// A promises file that could be read.
    Promises(fn(&PromisesCase) -> Vec<Finding>),
    /// Any file in which nothing else is wrong.
    Form,
}

/// What the rules may know beside the file itself.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub arches: Arches,
    pub syscalls: Syscalls,
    /// None: nobody knows which values calls have.
    pub promises: Option<Promises>,
    pub quirks: Vec<Quirk>,
    pub gaps: Vec<Gap>,
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot before the rules.
pub struct SnapshotCase<'a> {
    pub source: Source<'a>,
    pub sheet: &'a Sheet,
    pub known: &'a Known,
}

/// A quirks file before the rules.
pub struct QuirksCase<'a> {
    pub source: Source<'a>,
    pub sheet: &'a quirks::Sheet,
    pub known: &'a Known,
}

/// A gaps file before the rules.
pub struct GapsCase<'a> {
    pub source: Source<'a>,
    pub sheet: &'a gaps::Sheet,
    pub known: &'a Known,
}

/// A file of socket classes before the rules.
pub struct SocketsCase<'a> {
    pub source: Source<'a>,
    pub sheet: &'a sockets::Sheet,
    pub known: &'a Known,
}

/// A promises file before the rules.
pub struct PromisesCase<'a> {
    pub source: Source<'a>,
    pub promises: &'a Promises,
    pub known: &'a Known,
}

const fn rule(name: &'static str, asks: &'static str, judge: Judge) -> Rule {
    Rule { name, asks, judge }
}

/// The rules, in the order in which they are applied.
pub const RULES: &[Rule] = &[
    rule(
        check_text::ASCII,
        "a file is ASCII",
        Judge::Text(check_text::ascii),
    ),
    rule(
        check_text::LINE_ENDING,
        "lines end with LF",
        Judge::Text(check_text::line_ending),
    ),
    rule(
        check_text::LINE_LENGTH,
        "lines are not too long",
        Judge::Text(check_text::line_length),
    ),
    rule(
        check_text::COMMENT,
        "comments stand at the top only",
        Judge::Text(check_text::comment),
    ),
    rule(
        document::SYNTAX,
        "a file is TOML",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        document::DUPLICATE,
        "a key stands once",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        document::UNKNOWN_KEY,
        "keys are known",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        document::MISSING_KEY,
        "no key is missing",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        document::VALUE,
        "values have the right type and form",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        parse::FORMAT_RULE,
        "the format is known",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        parse::NAME,
        "rows are named like functions and effects",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        parse::TOKEN,
        "a row's tokens can be read",
        Judge::Reader(Kind::Snapshot),
    ),
    rule(
        check_snapshot::HEADER,
        "the header says what was read",
        Judge::Snapshot(check_snapshot::header),
    ),
    rule(
        check_snapshot::PLACE,
        "path and header agree: <libc>/<version>/<arch>.toml",
        Judge::Snapshot(check_snapshot::place),
    ),
    rule(
        check_snapshot::UNSORTED,
        "rows are sorted by the bytes of their names",
        Judge::Snapshot(check_snapshot::unsorted),
    ),
    rule(
        check_snapshot::TOKEN_ORDER,
        "tokens are sorted by kind and name, each once",
        Judge::Snapshot(check_snapshot::token_order),
    ),
    rule(
        check_snapshot::UNKNOWN_CALL,
        "system calls are those of the architecture",
        Judge::Snapshot(check_snapshot::unknown_call),
    ),
    rule(
        check_snapshot::UNKNOWN_VALUE,
        "values are those of the call's selector",
        Judge::Snapshot(check_snapshot::unknown_value),
    ),
    rule(
        check_snapshot::UNKNOWN_CALLEE,
        "callees are rows of the snapshot",
        Judge::Snapshot(check_snapshot::unknown_callee),
    ),
    rule(
        check_snapshot::UNKNOWN_EFFECT,
        "effects are those of the snapshot",
        Judge::Snapshot(check_snapshot::unknown_effect),
    ),
    rule(
        check_snapshot::ALIAS,
        "an alias names a row that is none itself",
        Judge::Snapshot(check_snapshot::alias),
    ),
    rule(
        check_snapshot::SUSPECT,
        "a call that only its namesakes make is confirmed by a quirk",
        Judge::Snapshot(check_snapshot::suspect),
    ),
    rule(
        check_gaps::ABSENT,
        "a promise's functions are rows, or known to be absent",
        Judge::Snapshot(check_gaps::missing),
    ),
    rule(
        check_gaps::SHRUNK,
        "what the version before had is here, or known to be lost",
        Judge::Snapshot(check_gaps::shrunk),
    ),
    rule(
        check_gaps::UNRESOLVED,
        "quirks speak for unresolved system calls",
        Judge::Snapshot(check_gaps::unresolved),
    ),
    rule(
        check_gaps::IDLE,
        "what a gap lists is missing somewhere",
        Judge::Gaps(check_gaps::idle),
    ),
    rule(
        check_quirks::SCOPE,
        "a quirk is for some snapshot",
        Judge::Quirks(check_quirks::scope),
    ),
    rule(
        check_quirks::ROW,
        "a quirk's function is a row of those snapshots",
        Judge::Quirks(check_quirks::row),
    ),
    rule(
        check_quirks::NAMES,
        "what a quirk adds is known to those snapshots",
        Judge::Quirks(check_quirks::names),
    ),
    rule(
        check_quirks::IDLE,
        "what a quirk takes away is there",
        Judge::Quirks(check_quirks::idle),
    ),
    rule(
        promises::PROMISE,
        "promises are pledge's words",
        Judge::Reader(Kind::Promises),
    ),
    rule(
        promises::LIMIT,
        "limits can be read",
        Judge::Reader(Kind::Promises),
    ),
    rule(
        check_promises::FUNCTION,
        "a promise's functions are rows of some snapshot",
        Judge::Promises(check_promises::function),
    ),
    rule(
        check_promises::EFFECT,
        "a promise's effects are those of some snapshot",
        Judge::Promises(check_promises::effect),
    ),
    rule(
        check_promises::CALL,
        "the calls that promises name exist on some architecture",
        Judge::Promises(check_promises::call),
    ),
    rule(
        check_homes::HOME,
        "every system call has one home, and what is never granted has a reason",
        Judge::Promises(check_homes::home),
    ),
    rule(
        check_limits::LIMIT,
        "a promise lets pass what its functions are known to pass",
        Judge::Promises(check_limits::limit),
    ),
    rule(
        check_limits::EXCUSE,
        "what a promise refuses is excused where it does, and with a reason",
        Judge::Promises(check_limits::excuse),
    ),
    rule(
        veil::LINE,
        "what unveil(2) asks of a call can be read",
        Judge::Reader(Kind::Unveil),
    ),
    rule(
        veil::COVER,
        "every system call has a line for unveil(2), or takes no path",
        Judge::Reader(Kind::Unveil),
    ),
    rule(
        check_sockets::SCOPE,
        "a class is for a libc, and no row of it stands twice",
        Judge::Sockets(check_sockets::scope),
    ),
    rule(
        check_sockets::CONSTANT,
        "a class names constants of their kinds, and requests that read",
        Judge::Sockets(check_sockets::constant),
    ),
    rule(
        check_sockets::SHAPE,
        "a class is bounded as its families are",
        Judge::Sockets(check_sockets::shape),
    ),
    rule(FORM, "a file is as the formatter writes it", Judge::Form),
];

/// Not as the formatter writes it.
pub const FORM: &str = "form";

/// Everything that is wrong with one file, in the order of its lines.
pub fn file(kind: Kind, source: &Source, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        // Only what has a canonical text can lose a comment to it.
        let applies = kind.is_canonical() || rule.name != check_text::COMMENT;
        if let (Judge::Text(judge), true) = (&rule.judge, applies) {
            findings.extend(judge(source));
        }
    }
    findings.extend(match kind {
        Kind::Arches => arches::read(source).err().unwrap_or_default(),
        Kind::Syscalls => syscalls::read(source, &known.arches)
            .err()
            .unwrap_or_default(),
        Kind::Snapshot => parse::sheet(source).map_or_else(identity, |sheet| {
            judged(
                &SnapshotCase {
                    source: *source,
                    sheet: &sheet,
                    known,
                },
                |judge| match judge {
                    Judge::Snapshot(judge) => Some(*judge),
                    _ => None,
                },
            )
        }),
        Kind::Quirks => quirks::sheet(source).map_or_else(identity, |sheet| {
            judged(
                &QuirksCase {
                    source: *source,
                    sheet: &sheet,
                    known,
                },
                |judge| match judge {
                    Judge::Quirks(judge) => Some(*judge),
                    _ => None,
                },
            )
        }),
        Kind::Gaps => gaps::sheet(source).map_or_else(identity, |sheet| {
            judged(
                &GapsCase {
                    source: *source,
                    sheet: &sheet,
                    known,
                },
                |judge| match judge {
                    Judge::Gaps(judge) => Some(*judge),
                    _ => None,
                },
            )
        }),
        Kind::Unveil => veil::read(source).map_or_else(identity, |veil| {
            veil::uncovered(source, &veil, &known.syscalls)
        }),
        Kind::Sockets => sockets::sheet(source).map_or_else(identity, |sheet| {
            judged(
                &SocketsCase {
                    source: *source,
                    sheet: &sheet,
                    known,
                },
                |judge| match judge {
                    Judge::Sockets(judge) => Some(*judge),
                    _ => None,
                },
            )
        }),
        Kind::Promises => promises::read(source).map_or_else(identity, |promises| {
            judged(
                &PromisesCase {
                    source: *source,
                    promises: &promises,
                    known,
                },
                |judge| match judge {
                    Judge::Promises(judge) => Some(*judge),
                    _ => None,
                },
            )
        }),
    });
    if findings.is_empty() {
        findings.extend(form(kind, source, &known.arches));
    }
    findings.sort();
    findings
}

/// A rule's function.
type Judges<C> = fn(&C) -> Vec<Finding>;

/// The findings of all rules that are for such a case.
fn judged<C>(case: &C, is_for: fn(&Judge) -> Option<Judges<C>>) -> Vec<Finding> {
    RULES
        .iter()
        .filter_map(|rule| is_for(&rule.judge))
        .flat_map(|judge| judge(case))
        .collect()
}

/// The first place where a file differs from its canonical text.
pub fn form(kind: Kind, source: &Source, known: &Arches) -> Option<Finding> {
    let text = form::canonical(kind, source, known).ok()?;
    if text == source.text {
        return None;
    }
    let same = text
        .bytes()
        .zip(source.text.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let before = &source.text.as_bytes()[..same];
    let start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    let wanted = text.get(start..).and_then(|rest| rest.lines().next());
    let what = match wanted {
        Some(line) => format!("not the canonical form: this line should be {line:?}"),
        None => "not the canonical form: the file should end here".to_owned(),
    };
    Some(source.finding(FORM, same, what, "run rpledge data fmt"))
}
