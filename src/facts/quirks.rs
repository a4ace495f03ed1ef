// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/quirks.toml: corrections to facts, each with who, when, source and why.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::document::{self, Text, VALUE, quoted};
use super::finding::{Finding, Source};
use super::print::line;
use super::version::{Version, Versions};
use super::{Row, Snapshot, parse, row};

/// A correction to a row of the snapshots that it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quirk {
    /// A name of [`super::libcs::LIBCS`], or "*".
    pub libc: String,
    pub versions: Versions,
    /// A name of data/arches.toml, or "*".
    pub arch: String,
    /// A function, or `!` and an effect.
    pub function: String,
    pub change: Change,
    /// The name of a person who can be asked.
    pub who: String,
    /// YYYY-MM-DD.
    pub when: String,
    /// The file, line and version that prove it.
    pub source: String,
    pub why: String,
}

/// What a quirk does to its row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Adds these system calls.
    Calls(BTreeSet<String>),
    /// Adds these functions to what it calls.
    Callees(BTreeSet<String>),
    /// Takes these tokens away: calls, `+callee`, `!effect`, `~`, `*`.
    Remove(Row),
    /// The row is this; makes it if there is none.
    Row(Row),
}

impl Quirk {
    /// Is it for that libc build?
    pub fn is_for(&self, libc: &str, version: &str, arch: &str) -> bool {
        let is = |pattern: &str, word: &str| pattern == "*" || pattern == word;
        is(&self.libc, libc)
            && is(&self.arch, arch)
            && Version::parse(version).is_some_and(|version| self.versions.contains(&version))
    }

    /// Makes the change, if there is a row to change.
    fn apply(&self, snapshot: &mut Snapshot) {
        let rows = match self.function.strip_prefix('!') {
            Some(_) => &mut snapshot.effects,
            None => &mut snapshot.functions,
        };
        let name = self.function.trim_start_matches('!');
        if let Change::Row(row) = &self.change {
            rows.insert(name.to_owned(), row.clone());
            return;
        }
        let Some(mut row) = rows.get(name).cloned() else {
            return;
        };
        // An alias that is corrected is no longer the same code: what it was
        // the same as is what it calls, or, to take something away, is.
        if let Some(target) = row.alias.take() {
            match (&self.change, rows.get(&target)) {
                (Change::Remove(_), Some(same)) => row = same.clone(),
                _ => row.callees = BTreeSet::from([target]),
            }
        }
        match &self.change {
            Change::Calls(calls) => row.calls.extend(calls.iter().cloned()),
            Change::Callees(callees) => row.callees.extend(callees.iter().cloned()),
            Change::Remove(less) => take(&mut row, less),
            Change::Row(_) => {}
        }
        rows.insert(name.to_owned(), row);
    }
}

fn take(row: &mut Row, less: &Row) {
    row.calls.retain(|name| !less.calls.contains(name));
    row.callees.retain(|name| !less.callees.contains(name));
    row.effects.retain(|name| !less.effects.contains(name));
    row.callback &= !less.callback;
    row.any &= !less.any;
}

/// The snapshot as corrected by the quirks that are for it, in their order.
pub fn apply(snapshot: &Snapshot, quirks: &[Quirk]) -> Snapshot {
    let mut corrected = snapshot.clone();
    for quirk in quirks {
        if quirk.is_for(&snapshot.libc, &snapshot.version, &snapshot.arch) {
            quirk.apply(&mut corrected);
        }
    }
    corrected
}

/// The quirks, and their keys as they stand in the file.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub quirks: Vec<Quirk>,
    pub keys: Vec<Keys>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub libc: Text,
    pub versions: Text,
    pub arch: Text,
    pub function: Text,
    pub calls: Option<Text>,
    pub callees: Option<Text>,
    pub remove: Option<Text>,
    pub row: Option<Text>,
    pub who: Text,
    pub when: Text,
    pub source: Text,
    pub why: Text,
}

/// Reads data/quirks.toml.
pub fn read(source: &Source) -> Result<Vec<Quirk>, Vec<Finding>> {
    sheet(source).map(|sheet| sheet.quirks)
}

/// Like [`read`], and keeps where everything stands.
pub fn sheet(source: &Source) -> Result<Sheet, Vec<Finding>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        quirk: Vec<Keys>,
    }
    let File { quirk: keys } = document::read(source)?;
    let mut findings = Vec::new();
    let mut quirks = Vec::new();
    for keys in &keys {
        match quirk(source, keys) {
            Ok(quirk) => quirks.push(quirk),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if findings.is_empty() {
        Ok(Sheet { quirks, keys })
    } else {
        Err(findings)
    }
}

fn quirk(source: &Source, keys: &Keys) -> Result<Quirk, Vec<Finding>> {
    let wrong = |text: &Text, kind: &str, help: &str| {
        let what = format!("{:?} is not {kind}", text.get_ref());
        vec![source.finding(VALUE, text.span().start, what, help)]
    };
    let versions = Versions::parse(keys.versions.get_ref()).ok_or_else(|| {
        let help = "write \"*\", \"2.36\", \"2.34-2.36\", \"2.34-\" or \"-2.32\"";
        wrong(&keys.versions, "a range of versions", help)
    })?;
    let function = keys.function.get_ref();
    let named = function
        .strip_prefix('!')
        .map_or_else(|| row::is_function(function), row::is_effect);
    if !named {
        return Err(wrong(
            &keys.function,
            "a function's name",
            "or write \"!\" and an effect's",
        ));
    }
    if !is_date(keys.when.get_ref()) {
        return Err(wrong(&keys.when, "a date", "write YYYY-MM-DD"));
    }
    for text in [&keys.who, &keys.source, &keys.why] {
        if text.get_ref().trim().is_empty() {
            return Err(wrong(
                text,
                "an answer",
                "say who found it, where it is proven, and why",
            ));
        }
    }
    Ok(Quirk {
        libc: keys.libc.get_ref().clone(),
        versions,
        arch: keys.arch.get_ref().clone(),
        function: function.clone(),
        change: change(source, keys)?,
        who: keys.who.get_ref().clone(),
        when: keys.when.get_ref().clone(),
        source: keys.source.get_ref().clone(),
        why: keys.why.get_ref().clone(),
    })
}

fn change(source: &Source, keys: &Keys) -> Result<Change, Vec<Finding>> {
    let at = keys.function.span().start;
    let given = [&keys.calls, &keys.callees, &keys.remove, &keys.row];
    let mut given = given.into_iter().flatten();
    let (Some(text), None) = (given.next(), given.next()) else {
        let what = "a quirk makes one change";
        let help = "write one of calls, callees, remove, row; several changes are several quirks";
        return Err(vec![source.finding(VALUE, at, what, help)]);
    };
    let words = || -> Result<BTreeSet<String>, Vec<Finding>> {
        let words = parse::words(source, text).map_err(|finding| vec![finding])?;
        Ok(words.into_iter().map(str::to_owned).collect())
    };
    let row = || Row::parse(text.get_ref()).map_err(|errors| parse::tokens(source, text, errors));
    let empty = text.get_ref().trim().is_empty() && keys.row.is_none();
    let misnamed = |words: &BTreeSet<String>, known: fn(&str) -> bool| {
        words
            .iter()
            .find(|word| !known(word))
            .map(|word| format!("{word:?} is not a name"))
    };
    let (change, wrong) = if keys.calls.is_some() {
        let calls = words()?;
        let wrong = misnamed(&calls, row::is_call);
        (Change::Calls(calls), wrong)
    } else if keys.callees.is_some() {
        let callees = words()?;
        let wrong = misnamed(&callees, row::is_function);
        (Change::Callees(callees), wrong)
    } else if keys.remove.is_some() {
        (Change::Remove(row()?), None)
    } else {
        (Change::Row(row()?), None)
    };
    let wrong = if empty {
        Some("this changes nothing".to_owned())
    } else {
        wrong
    };
    match wrong {
        None => Ok(change),
        Some(what) => {
            let help =
                "write names with single spaces between them; calls as the kernel names them";
            Err(vec![source.finding(VALUE, text.span().start, what, help)])
        }
    }
}

fn is_date(text: &str) -> bool {
    let part =
        |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    let shape = text.bytes().enumerate().all(|(n, b)| match n {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    let within = |part: Option<u32>, most| part.is_some_and(|n| (1..=most).contains(&n));
    text.len() == 10 && shape && within(part(5..7), 12) && within(part(8..10), 31)
}

/// The canonical text, without the file's comments. The order is the
/// file's: quirks are applied in it.
pub fn print(quirks: &[Quirk]) -> String {
    let mut out = String::new();
    for (n, quirk) in quirks.iter().enumerate() {
        out.push_str(if n == 0 {
            "[[quirk]]\n"
        } else {
            "\n[[quirk]]\n"
        });
        line(&mut out, "libc", quoted(&quirk.libc));
        line(&mut out, "versions", quoted(&quirk.versions.to_string()));
        line(&mut out, "arch", quoted(&quirk.arch));
        line(&mut out, "function", quoted(&quirk.function));
        let list = |names: &BTreeSet<String>| {
            quoted(
                &names
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        match &quirk.change {
            Change::Calls(calls) => line(&mut out, "calls", list(calls)),
            Change::Callees(callees) => line(&mut out, "callees", list(callees)),
            Change::Remove(row) => line(&mut out, "remove", quoted(&row.to_string())),
            Change::Row(row) => line(&mut out, "row", quoted(&row.to_string())),
        }
        line(&mut out, "who", quoted(&quirk.who));
        line(&mut out, "when", quoted(&quirk.when));
        line(&mut out, "source", quoted(&quirk.source));
        line(&mut out, "why", quoted(&quirk.why));
    }
    out
}
