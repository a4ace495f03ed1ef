// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/unveil.toml: what unveil(2) asks of each system call that takes a path, and who asks it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::document::{self, Lines, Text};
use super::finding::{Finding, Source};
use super::syscalls::Syscalls;
use crate::letters::Letters;

/// A line that cannot be read.
pub const LINE: &str = "veil-line";
/// A call without a line, or a line without a call.
pub const COVER: &str = "veil-cover";

/// The file.
#[derive(Clone, Debug, Default)]
pub struct Veil {
    pub rights: Vec<Right>,
    /// Bit and ABI.
    pub scopes: Vec<(u32, u32)>,
    /// By call.
    pub calls: BTreeMap<String, Call>,
    /// Where the line of a call stands.
    places: BTreeMap<String, usize>,
    /// Calls that take no path, and where the list stands.
    pub pathless: (BTreeSet<String>, usize),
    /// What befalls calls where the broker holds the rules.
    pub mediated: Mediated,
    /// Paths for common needs.
    pub lists: BTreeMap<String, List>,
}

/// A right of Landlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    pub name: String,
    pub bit: u32,
    /// The first ABI that has it.
    pub abi: u32,
    /// Any of these letters grants it on a directory and below.
    pub letters: Letters,
    /// Any of these grants it on a file.
    pub on_files: Letters,
}

/// What a call needs, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub operands: Vec<Operand>,
    /// From this ABI on Landlock asks.
    pub landlock: Option<u32>,
    /// Below it this holds.
    pub otherwise: Asker,
}

/// One path among the arguments of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The argument that is the directory of a relative path.
    pub directory: Option<u8>,
    pub path: u8,
    /// It is a socket's address, in which a path may stand.
    pub is_address: bool,
    pub needs: Needs,
}

/// The letters that a path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Letters(Letters),
    /// Any one.
    Any,
    /// What the flags of open(2) in this argument ask for.
    Open(u8),
    /// What the mode of access(2) in this argument asks for.
    Access(u8),
}

/// Who asks where Landlock does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Landlock always does.
    Landlock,
    /// The filter refuses the call.
    Refused,
    /// The filter denies that there is such a call.
    Absent,
    /// Nobody; nothing is changed.
    Seen,
    /// Nobody.
    Open,
    /// Nobody but an administrator may make it.
    Admin,
}

/// Calls that the broker is not simply asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mediated {
    /// Asked for under RPLEDGE_STRICT alone, as those that are only seen.
    pub strict: BTreeSet<String>,
    /// Calls by the errno that they fail with.
    pub failing: BTreeMap<String, &'static str>,
    /// Likewise, where no Landlock lies below.
    pub alone: BTreeMap<String, &'static str>,
}

/// Letters and paths that a program needs for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub help: String,
    pub paths: Vec<(Letters, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    rights: Lines,
    scopes: Lines,
    calls: Lines,
    pathless: PathlessKeys,
    mediated: MediatedKeys,
    alone: AloneKeys,
    #[serde(default)]
    list: BTreeMap<Text, ListKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PathlessKeys {
    calls: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediatedKeys {
    strict: Text,
    #[serde(rename = "EPERM")]
    denied: Text,
    #[serde(rename = "ENOSYS")]
    absent: Text,
    #[serde(rename = "EOPNOTSUPP")]
    unsupported: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AloneKeys {
    #[serde(rename = "EACCES")]
    refused: Text,
    #[serde(rename = "EPERM")]
    denied: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListKeys {
    help: Text,
    paths: Vec<Text>,
}

/// Reads data/unveil.toml.
pub fn read(source: &Source) -> Result<Veil, Vec<Finding>> {
    let keys: Keys = document::read(source)?;
    let mut findings = Vec::new();
    let mut wrong = |text: &Text, help: &str| {
        let what = format!("{:?} cannot be read", text.get_ref());
        findings.push(source.finding(LINE, text.span().start, what, help));
    };
    let mut veil = Veil {
        pathless: (
            document::words(&keys.pathless.calls),
            keys.pathless.calls.span().start,
        ),
        mediated: mediated(&keys),
        ..Veil::default()
    };
    for (name, text) in document::in_file_order(&keys.rights) {
        match right(name.get_ref(), text.get_ref()) {
            Some(right) => veil.rights.push(right),
            None => wrong(
                text,
                "write bit, ABI, letters, and perhaps `file` and letters",
            ),
        }
    }
    for (_, text) in document::in_file_order(&keys.scopes) {
        match pair(text.get_ref()) {
            Some(scope) => veil.scopes.push(scope),
            None => wrong(text, "write bit and ABI"),
        }
    }
    for (name, text) in document::in_file_order(&keys.calls) {
        let at = name.span().start;
        veil.places.insert(name.get_ref().clone(), at);
        match call(text.get_ref()) {
            Some(call) => drop(veil.calls.insert(name.get_ref().clone(), call)),
            None => wrong(text, "write operands, then who asks: see the file's head"),
        }
    }
    for (name, list) in document::in_file_order(&keys.list) {
        let mut paths = Vec::new();
        for text in &list.paths {
            match path(text.get_ref()) {
                Some(path) => paths.push(path),
                None => wrong(text, "write letters and an absolute path"),
            }
        }
        let help = list.help.get_ref().clone();
        veil.lists
            .insert(name.get_ref().clone(), List { help, paths });
    }
    match findings.is_empty() {
        true => Ok(veil),
        false => Err(findings),
    }
}

fn mediated(keys: &Keys) -> Mediated {
    let failing = |list: &[(&Text, &'static str)]| {
        let calls = list.iter().flat_map(|(calls, errno)| {
            let calls = document::words(calls).into_iter();
            calls.map(|call| (call, *errno))
        });
        calls.collect()
    };
    let Keys {
        mediated, alone, ..
    } = keys;
    Mediated {
        strict: document::words(&mediated.strict),
        failing: failing(&[
            (&mediated.denied, "EPERM"),
            (&mediated.absent, "ENOSYS"),
            (&mediated.unsupported, "EOPNOTSUPP"),
        ]),
        alone: failing(&[(&alone.refused, "EACCES"), (&alone.denied, "EPERM")]),
    }
}

fn pair(text: &str) -> Option<(u32, u32)> {
    let (bit, abi) = text.split_once(' ')?;
    Some((bit.parse().ok().filter(|bit| *bit < 64)?, abi.parse().ok()?))
}

fn right(name: &str, text: &str) -> Option<Right> {
    let letters = |text: &str| Letters::parse(text.as_bytes()).filter(|l| !l.is_empty());
    let (text, on_files) = match text.split_once(" file ") {
        Some((text, on_files)) => (text, letters(on_files)?),
        None => (text, Letters::NONE),
    };
    let (numbers, text) = text.rsplit_once(' ')?;
    let (bit, abi) = pair(numbers)?;
    let letters = letters(text)?;
    Some(Right {
        name: name.to_owned(),
        bit,
        abi,
        letters,
        on_files,
    })
}

fn call(text: &str) -> Option<Call> {
    let mut tokens = text.split(' ').peekable();
    let mut operands = Vec::new();
    if tokens.peek() == Some(&"exempt") {
        tokens.next();
    }
    while let Some(token) = tokens.peek().filter(|token| token.contains(':')) {
        operands.push(operand(token)?);
        tokens.next();
    }
    let asker = |token: &str| match token {
        "refused" => Some(Asker::Refused),
        "absent" => Some(Asker::Absent),
        "seen" => Some(Asker::Seen),
        "open" => Some(Asker::Open),
        "admin" => Some(Asker::Admin),
        _ => None,
    };
    let first = tokens.next()?;
    let (landlock, otherwise) = match argument(first, "landlock") {
        Some(abi) => (Some(abi.into()), asker(tokens.next()?)?),
        None if first == "landlock" => (Some(1), Asker::Landlock),
        None => (None, asker(first)?),
    };
    tokens.next().is_none().then_some(Call {
        operands,
        landlock,
        otherwise,
    })
}

/// The number in `name(number)`.
fn argument(token: &str, name: &str) -> Option<u8> {
    let number = token
        .strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')?;
    number.parse().ok()
}

fn operand(token: &str) -> Option<Operand> {
    let (place, needs) = token.split_once(':')?;
    let is_address = place.starts_with('@');
    let place = place.trim_start_matches('@');
    let number = |text: &str| text.parse::<u8>().ok().filter(|n| *n < 6);
    let (directory, path) = match place.split_once('.') {
        Some((directory, path)) => (Some(number(directory)?), number(path)?),
        None => (None, number(place)?),
    };
    let needs = match (argument(needs, "open"), argument(needs, "access")) {
        (Some(flags), _) => Needs::Open(flags),
        (_, Some(mode)) => Needs::Access(mode),
        _ if needs == "-" => Needs::Any,
        _ => Needs::Letters(Letters::parse(needs.as_bytes()).filter(|l| !l.is_empty())?),
    };
    Some(Operand {
        directory,
        path,
        is_address,
        needs,
    })
}

fn path(text: &str) -> Option<(Letters, String)> {
    let (letters, path) = text.split_once(' ')?;
    let letters = Letters::parse(letters.as_bytes())?;
    path.starts_with('/').then(|| (letters, path.to_owned()))
}

/// How many calls a finding names.
const NAMED: usize = 8;

/// Calls of the kernel's table that have no line, or two; and lines that no
/// call has.
pub fn uncovered(source: &Source, veil: &Veil, syscalls: &Syscalls) -> Vec<Finding> {
    let all = syscalls.numbers.values().flat_map(|calls| calls.keys());
    let all: BTreeSet<&str> = all.map(String::as_str).collect();
    let (pathless, list) = &veil.pathless;
    let mut findings = Vec::new();
    let mut find = |call: &str, what: String, help: &str| {
        let at = veil.places.get(call).unwrap_or(list);
        findings.push(source.finding(COVER, *at, what, help));
    };
    for call in veil.calls.keys().filter(|call| pathless.contains(*call)) {
        let what = format!("{call:?} has a line and is among those without a path");
        find(call, what, "drop one of the two");
    }
    let mut named: BTreeSet<&str> = veil.calls.keys().map(String::as_str).collect();
    named.extend(pathless.iter().map(String::as_str));
    let Mediated {
        strict,
        failing,
        alone,
    } = &veil.mediated;
    named.extend(strict.iter().chain(failing.keys()).map(String::as_str));
    named.extend(alone.keys().map(String::as_str));
    for call in named.difference(&all) {
        let what = format!("no architecture has a system call {call:?}");
        find(call, what, "drop it");
    }
    let missing: Vec<&str> = all.difference(&named).copied().collect();
    if !missing.is_empty() {
        let some = missing.iter().take(NAMED).copied().collect::<Vec<_>>();
        let more = if missing.len() > NAMED {
            " and others"
        } else {
            ""
        };
        let what = format!("nobody has looked at {}{more}", some.join(" "));
        find("", what, "give each a line, or say that it takes no path");
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Veil {
        let text = include_str!("../../data/unveil.toml");
        let file = "unveil.toml";
        read(&Source { file, text }).expect("ours")
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(
            call("0.1:r 2.3:c landlock"),
            Some(Call {
                operands: vec![
                    operand("0.1:r").expect("one"),
                    operand("2.3:c").expect("two")
                ],
                landlock: Some(1),
                otherwise: Asker::Landlock,
            })
        );
        let open = call("@1:w landlock(9) open").expect("a call");
        assert_eq!((open.landlock, open.otherwise), (Some(9), Asker::Open));
        assert!(open.operands[0].is_address);
        let open = operand("0.1:open(2)").map(|operand| operand.needs);
        assert_eq!(open, Some(Needs::Open(2)));
        for wrong in [
            "",
            "0:r",
            "seen seen",
            "0:q seen",
            "6:r seen",
            "landlock(3)",
        ] {
            assert_eq!(call(wrong), None, "{wrong}");
        }
    }

    /// No call that takes a path is forgotten: each was looked at.
    #[test]
    fn every_call_of_the_kernel_s_table_has_its_place() {
        let source = |file, text| Source { file, text };
        let arches = source("arches.toml", include_str!("../../data/arches.toml"));
        let arches = super::super::arches::read(&arches).expect("ours");
        let syscalls = source("syscalls.toml", include_str!("../../data/syscalls.toml"));
        let syscalls = super::super::syscalls::read(&syscalls, &arches).expect("ours");
        let here = source("unveil.toml", "");
        assert_eq!(uncovered(&here, &ours(), &syscalls), []);
    }

    #[test]
    fn every_letter_is_granted_by_some_right_of_the_first_abi() {
        let first = ours().rights.into_iter().filter(|right| right.abi == 1);
        let letters = first.fold(Letters::NONE, |all, right| all.or(right.letters));
        assert_eq!(letters, Letters::ALL);
    }

    #[test]
    fn bits_are_distinct_and_abis_grow() {
        let rights = ours().rights;
        for pair in rights.windows(2) {
            assert_eq!(pair[0].bit + 1, pair[1].bit);
            assert!(pair[0].abi <= pair[1].abi);
        }
    }

    /// Whoever changes what he cannot see is held by somebody.
    #[test]
    fn nothing_that_needs_w_or_c_is_only_seen() {
        let change = Letters::W.or(Letters::C);
        for (name, call) in ours().calls {
            let changes = |operand: &Operand| match operand.needs {
                Needs::Letters(letters) => letters.meets(change),
                Needs::Open(_) => true,
                Needs::Any | Needs::Access(_) => false,
            };
            if call.operands.iter().any(changes) {
                assert_ne!(call.otherwise, Asker::Seen, "{name}");
            }
        }
    }
}
