// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for snapshots.

use std::collections::BTreeMap;

use super::check::SnapshotCase;
use super::document::{Lines, Text, in_file_order};
use super::finding::Finding;
use super::near;
use super::parse::ObjectKeys;
use super::quirks::Change;
use super::version::Version;
use super::{Row, Snapshot, row};

pub const HEADER: &str = "header";
pub const PLACE: &str = "place";
pub const UNSORTED: &str = "unsorted";
pub const TOKEN_ORDER: &str = "token-order";
pub const UNKNOWN_CALL: &str = "unknown-call";
pub const UNKNOWN_VALUE: &str = "unknown-value";
pub const UNKNOWN_CALLEE: &str = "unknown-callee";
pub const UNKNOWN_EFFECT: &str = "unknown-effect";
pub const ALIAS: &str = "alias";
pub const SUSPECT: &str = "suspect";

/// Calls that no promise could want and that only a function of that name
/// makes: anywhere else the extractor has misread a register. The first
/// three are number 0 of some architecture, which is what a cleared
/// register looks like.
const NAMESAKES: [&str; 14] = [
    "io_setup",
    "restart_syscall",
    "syscall",
    "acct",
    "create_module",
    "delete_module",
    "init_module",
    "kexec_load",
    "pivot_root",
    "quotactl",
    "reboot",
    "swapoff",
    "swapon",
    "vhangup",
];

impl SnapshotCase<'_> {
    fn snapshot(&self) -> &Snapshot {
        &self.sheet.snapshot
    }

    fn tables(&self) -> [(&Lines, &BTreeMap<String, Row>); 2] {
        let (keys, values) = (&self.sheet.keys, &self.sheet.snapshot);
        [
            (&keys.effects, &values.effects),
            (&keys.functions, &values.functions),
        ]
    }

    /// Every row with its text, effects first.
    fn rows(&self) -> impl Iterator<Item = (&Text, &Text, &Row)> {
        self.tables().into_iter().flat_map(|(lines, rows)| {
            let row = |(name, text)| Some((name, text, rows.get(Text::get_ref(name))?));
            in_file_order(lines).into_iter().filter_map(row)
        })
    }

    /// A finding about a token, where it stands in its row.
    fn token(
        &self,
        rule: &'static str,
        text: &Text,
        token: &str,
        what: String,
        help: String,
    ) -> Finding {
        let value = text.get_ref();
        let before = value.split(' ').take_while(|word| *word != token);
        let at = before.map(|word| word.len() + 1).sum();
        self.source.finding(
            rule,
            self.source.inside(&text.span(), value, at),
            what,
            help,
        )
    }
}

/// What was read must be found again, by anybody.
pub fn header(case: &SnapshotCase) -> Vec<Finding> {
    let keys = &case.sheet.keys;
    let mut wrong = Vec::new();
    if Version::parse(keys.version.get_ref()).is_none() {
        wrong.push((
            &keys.version,
            "not a version",
            "write like \"2.36\" or \"1.2.5\"",
        ));
    }
    if keys.extractor.get_ref().is_empty() {
        wrong.push((&keys.extractor, "no extractor", "extract it anew"));
    }
    if keys.build.is_empty() || keys.build.iter().any(|build| build.object.is_empty()) {
        let help = "say which files of which package were read";
        wrong.push((&keys.libc, "a build without files", help));
    }
    for build in &keys.build {
        for text in [&build.distribution, &build.package, &build.package_version] {
            if text.get_ref().trim().is_empty() {
                let help = "say which package: rpledge data extract --package";
                wrong.push((text, "nothing said", help));
            }
        }
        wrong.extend(build.object.iter().flat_map(object));
    }
    let finding = |(text, what, help): (&Text, _, _)| {
        case.source.finding(HEADER, text.span().start, what, help)
    };
    wrong.into_iter().map(finding).collect()
}

/// What is wrong with a file of a build: where, what, what to do.
fn object(object: &ObjectKeys) -> Vec<(&Text, &'static str, &'static str)> {
    let hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let mut wrong = Vec::new();
    if object.file.get_ref().is_empty() {
        wrong.push((&object.file, "no file", "name the file"));
    }
    let sha256 = object.sha256.get_ref();
    if sha256.len() != 64 || !hex(sha256) {
        let help = "write sha256sum's 64 digits in lower case";
        wrong.push((&object.sha256, "not a SHA-256", help));
    }
    if let Some(id) = &object.build_id {
        let digits = id.get_ref();
        if digits.is_empty() || digits.len() % 2 != 0 || !hex(digits) {
            let help = "write the digits that file(1) shows, or no key";
            wrong.push((id, "not a build-id", help));
        }
    }
    wrong
}

/// A file is looked for by its path and believed by its header.
pub fn place(case: &SnapshotCase) -> Vec<Finding> {
    let keys = &case.sheet.keys;
    let known = &case.known.arches;
    let arch = keys.arch.get_ref();
    if !known.0.contains_key(arch) {
        let what = format!("{arch:?} is not an architecture");
        let help = match known.find(arch) {
            Some((name, _)) => format!("write {name:?}: aliases are not stored"),
            None => near::advice(arch, known.names(), "see data/arches.toml"),
        };
        return vec![
            case.source
                .finding(PLACE, keys.arch.span().start, what, help),
        ];
    }
    let path = format!(
        "{}/{}/{arch}.toml",
        keys.libc.get_ref(),
        keys.version.get_ref()
    );
    if case.source.file == path || case.source.file.ends_with(&format!("/{path}")) {
        return Vec::new();
    }
    let what = format!("by its header this is {path}");
    let help = "move the file, or extract it anew";
    vec![
        case.source
            .finding(PLACE, keys.libc.span().start, what, help),
    ]
}

/// One finding a table: the rest follows from it.
pub fn unsorted(case: &SnapshotCase) -> Vec<Finding> {
    let first = |(lines, _): (&Lines, _)| {
        let lines = in_file_order(lines);
        let (before, after) = lines
            .iter()
            .zip(&lines[1.min(lines.len())..])
            .find(|(a, b)| a.0.get_ref() > b.0.get_ref())?;
        let (before, after) = (before.0.get_ref(), after.0);
        let what = format!("{:?} stands after {before:?}", after.get_ref());
        let help = "sort by the bytes of the names: rpledge data fmt";
        Some(
            case.source
                .finding(UNSORTED, after.span().start, what, help),
        )
    };
    case.tables().into_iter().filter_map(first).collect()
}

/// A row is written in one way.
pub fn token_order(case: &SnapshotCase) -> Vec<Finding> {
    let wrong = |(name, text, row): (&Text, &Text, &Row)| {
        let canonical = row.to_string();
        (canonical != *text.get_ref()).then(|| {
            let what = format!("the tokens of {:?} are not in order", name.get_ref());
            let help = format!("write {canonical:?}: rpledge data fmt");
            case.source
                .finding(TOKEN_ORDER, text.span().start, what, help)
        })
    };
    case.rows().filter_map(wrong).collect()
}

/// A call without a number cannot be allowed.
pub fn unknown_call(case: &SnapshotCase) -> Vec<Finding> {
    let Snapshot { arch, .. } = case.snapshot();
    let syscalls = &case.known.syscalls;
    let mut findings = Vec::new();
    for (_, text, row) in case.rows() {
        for call in row
            .calls
            .iter()
            .filter(|call| syscalls.number(arch, call).is_none())
        {
            let what = format!("{arch} has no system call {call:?}");
            let help = near::advice(call, syscalls.names(arch), "see data/syscalls.toml");
            findings.push(case.token(UNKNOWN_CALL, text, &row.call(call), what, help));
        }
    }
    findings
}

/// A value that cannot be read back is compared with nothing.
pub fn unknown_value(case: &SnapshotCase) -> Vec<Finding> {
    let Some(promises) = &case.known.promises else {
        return Vec::new();
    };
    let selectors = promises.selectors(&case.snapshot().arch);
    let mut findings = Vec::new();
    for (_, text, row) in case.rows() {
        for (call, values) in &row.values {
            let token = row.call(call);
            if selectors.argument(call).is_none() {
                let what = format!("{call:?} has no argument that selects");
                let help = "see [selectors] in data/promises.toml";
                findings.push(case.token(UNKNOWN_VALUE, text, &token, what, help.to_owned()));
                continue;
            }
            let own = values.iter().filter(|value| *value != row::ASKED);
            for value in own.filter(|value| selectors.read(call, value).is_none()) {
                let what = format!("{value:?} is no value of {call}");
                let help = near::advice(value, selectors.names(call), "write it as 0x...");
                findings.push(case.token(UNKNOWN_VALUE, text, &token, what, help));
            }
        }
    }
    findings
}

/// A callee whose row is missing would be taken for one without calls.
pub fn unknown_callee(case: &SnapshotCase) -> Vec<Finding> {
    let functions = &case.snapshot().functions;
    let mut findings = Vec::new();
    for (_, text, row) in case.rows() {
        for callee in row
            .callees
            .iter()
            .filter(|callee| !functions.contains_key(*callee))
        {
            let what = format!("there is no row {callee:?}");
            let known = functions.keys().map(String::as_str);
            let help = near::advice(callee, known, "a callee is a function of this file");
            findings.push(case.token(UNKNOWN_CALLEE, text, &format!("+{callee}"), what, help));
        }
    }
    findings
}

/// An effect without a row would add nothing.
pub fn unknown_effect(case: &SnapshotCase) -> Vec<Finding> {
    let effects = &case.snapshot().effects;
    let mut findings = Vec::new();
    for (_, text, row) in case.rows() {
        for effect in row
            .effects
            .iter()
            .filter(|effect| !effects.contains_key(*effect))
        {
            let what = format!("there is no effect {effect:?}");
            let known = effects.keys().map(String::as_str);
            let help = near::advice(effect, known, "an effect is a row of this file's [effects]");
            findings.push(case.token(UNKNOWN_EFFECT, text, &format!("!{effect}"), what, help));
        }
    }
    findings
}

/// One step from any name to its facts.
pub fn alias(case: &SnapshotCase) -> Vec<Finding> {
    let functions = &case.snapshot().functions;
    let wrong = |(_, text, row): (&Text, &Text, &Row)| {
        let target = row.alias.as_ref()?;
        let (what, help) = match functions.get(target).map(|row| &row.alias) {
            Some(None) => return None,
            Some(Some(next)) => (
                format!("{target:?} is an alias itself"),
                format!("name {next:?}, or what that names"),
            ),
            None => {
                let known = functions.keys().map(String::as_str);
                let help = near::advice(target, known, "an alias names a function of this file");
                (format!("there is no row {target:?}"), help)
            }
        };
        Some(case.token(ALIAS, text, &format!("={target}"), what, help))
    };
    case.rows().filter_map(wrong).collect()
}

/// See [`NAMESAKES`].
pub fn suspect(case: &SnapshotCase) -> Vec<Finding> {
    let Snapshot {
        libc,
        version,
        arch,
        ..
    } = case.snapshot();
    let quirks = || {
        case.known
            .quirks
            .iter()
            .filter(|quirk| quirk.is_for(libc, version, arch))
    };
    let confirmed = |name: &str, call: &str| {
        quirks()
            .filter(|quirk| quirk.function == name)
            .any(|quirk| match &quirk.change {
                Change::Calls(calls) => calls.contains(call),
                Change::Row(row) => row.calls.contains(call),
                Change::Callees(_) | Change::Remove(_) => false,
            })
    };
    let mut findings = Vec::new();
    for (name, text, row) in case.rows() {
        let name = name.get_ref();
        let odd = |call: &&&str| row.calls.contains(**call) && !name.contains(**call);
        for call in NAMESAKES
            .iter()
            .filter(odd)
            .filter(|call| !confirmed(name, call))
        {
            let what = format!("{name:?} makes the system call {call:?}");
            let help = "only its namesake should: mend the extractor, or confirm it with a quirk";
            let token = row.call(call);
            findings.push(case.token(SUSPECT, text, &token, what, help.to_owned()));
        }
    }
    findings
}
