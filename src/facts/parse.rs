// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshot files: text to values, with the places of everything for the linter.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::{self, Lines, Text, VALUE};
use super::finding::{Finding, Source};
use super::{Build, FORMAT, Object, Row, Snapshot, row};

/// A row's token cannot be read.
pub const TOKEN: &str = "token";
/// A row's name is no function's or effect's.
pub const NAME: &str = "name";
/// A file of another format.
pub const FORMAT_RULE: &str = "format";

/// A snapshot file: its values, and its keys as they stand there.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub snapshot: Snapshot,
    pub keys: Keys,
}

/// The keys of a snapshot file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub format: toml::Spanned<u32>,
    pub libc: Text,
    pub version: Text,
    pub arch: Text,
    pub extractor: Text,
    pub build: Vec<BuildKeys>,
    pub effects: Lines,
    pub functions: Lines,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildKeys {
    pub distribution: Text,
    pub package: Text,
    pub package_version: Text,
    pub sites: toml::Spanned<u32>,
    pub unresolved: toml::Spanned<u32>,
    pub object: Vec<ObjectKeys>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ObjectKeys {
    pub file: Text,
    pub sha256: Text,
    pub build_id: Option<Text>,
}

/// Does it claim to be a snapshot, whatever its name?
pub fn is_snapshot(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("format = "))
}

/// Reads a snapshot's text. Order and spacing are free: `check` insists on
/// the canonical form.
pub fn snapshot(source: &Source) -> Result<Snapshot, Vec<Finding>> {
    sheet(source).map(|sheet| sheet.snapshot)
}

/// Like [`snapshot`], and keeps where everything stands.
pub fn sheet(source: &Source) -> Result<Sheet, Vec<Finding>> {
    format(source)?;
    let keys: Keys = document::read(source)?;
    let mut findings = Vec::new();
    let effects = rows(
        source,
        &keys.effects,
        row::is_effect,
        "an effect",
        &mut findings,
    );
    let functions = rows(
        source,
        &keys.functions,
        row::is_function,
        "a function",
        &mut findings,
    );
    if !findings.is_empty() {
        findings.sort();
        return Err(findings);
    }
    let snapshot = Snapshot {
        libc: keys.libc.get_ref().clone(),
        version: keys.version.get_ref().clone(),
        arch: keys.arch.get_ref().clone(),
        extractor: keys.extractor.get_ref().clone(),
        builds: keys.build.iter().map(build).collect(),
        effects,
        functions,
    };
    Ok(Sheet { snapshot, keys })
}

/// Before all else, because another format may have other keys.
fn format(source: &Source) -> Result<(), Vec<Finding>> {
    #[derive(Deserialize)]
    struct Only {
        format: Option<toml::Spanned<i64>>,
    }
    // Whatever else is wrong is said by the reading that follows.
    let Ok(Only {
        format: Some(format),
    }) = toml::from_str(source.text)
    else {
        return Ok(());
    };
    let (found, at) = (*format.get_ref(), format.span().start);
    if found == i64::from(FORMAT) {
        return Ok(());
    }
    let what = format!("this file has format {found}, known is {FORMAT}");
    let help = if found > i64::from(FORMAT) {
        "use a newer rpledge"
    } else {
        "extract it anew with this rpledge"
    };
    Err(vec![source.finding(FORMAT_RULE, at, what, help)])
}

fn build(keys: &BuildKeys) -> Build {
    let object = |keys: &ObjectKeys| Object {
        file: keys.file.get_ref().clone(),
        sha256: keys.sha256.get_ref().clone(),
        build_id: keys
            .build_id
            .as_ref()
            .map_or(String::new(), |id| id.get_ref().clone()),
    };
    Build {
        distribution: keys.distribution.get_ref().clone(),
        package: keys.package.get_ref().clone(),
        package_version: keys.package_version.get_ref().clone(),
        sites: *keys.sites.get_ref(),
        unresolved: *keys.unresolved.get_ref(),
        objects: keys.object.iter().map(object).collect(),
    }
}

fn rows(
    source: &Source,
    lines: &Lines,
    known: fn(&str) -> bool,
    kind: &str,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for (name, text) in lines {
        if !known(name.get_ref()) {
            let what = format!("{:?} is not {kind}'s name", name.get_ref());
            let help = "spell it as the library's symbol table or the extractor does";
            findings.push(source.finding(NAME, name.span().start, what, help));
        }
        match Row::parse(text.get_ref()) {
            Ok(row) => {
                rows.insert(name.get_ref().clone(), row);
            }
            Err(errors) => findings.extend(tokens(source, text, errors)),
        }
    }
    rows
}

/// The errors of a row's tokens, placed.
pub fn tokens(source: &Source, text: &Text, errors: Vec<row::TokenError>) -> Vec<Finding> {
    let place = |at| source.inside(&text.span(), text.get_ref(), at);
    let finding = |e: row::TokenError| source.finding(TOKEN, place(e.at), e.what, e.help);
    errors.into_iter().map(finding).collect()
}

/// The words of a list, or what is wrong with them: one space between two,
/// none at the ends, sorted, each once.
pub fn words<'a>(source: &Source, text: &'a Text) -> Result<Vec<&'a str>, Finding> {
    let words: Vec<&str> = text.get_ref().split_ascii_whitespace().collect();
    let mut sorted = words.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.join(" ") == *text.get_ref() {
        return Ok(words);
    }
    let what = format!("{:?} is not a sorted list", text.get_ref());
    let help = format!("write {:?}", sorted.join(" "));
    Err(source.finding(VALUE, text.span().start, what, help))
}
