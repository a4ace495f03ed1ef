// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/gaps.toml: what a snapshot lacks and may lack, each with the reason.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::document::{self, Text, VALUE, quoted};
use super::finding::{Finding, Source};
use super::print::line;
use super::version::{Version, Versions};
use super::{Snapshot, parse};

/// What is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// Functions that promises name and that have no row.
    Absent,
    /// Functions that made system calls in the version before and make none.
    Empty,
    /// System calls that promises granted on the version before.
    Lost,
}

impl Lack {
    /// The key that lists them.
    pub fn key(self) -> &'static str {
        match self {
            Lack::Absent => "absent",
            Lack::Empty => "empty",
            Lack::Lost => "lost",
        }
    }
}

/// Names that some snapshots may lack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// "glibc", "musl".
    pub libc: String,
    /// Of the snapshots that lack them.
    pub versions: Versions,
    /// A name of data/arches.toml, or "*".
    pub arch: String,
    pub lack: Lack,
    /// Functions or system calls; "*" alone is any.
    pub names: BTreeSet<String>,
    pub why: String,
}

impl Gap {
    /// Is it for that snapshot?
    pub fn is_for(&self, snapshot: &Snapshot) -> bool {
        let version = Version::parse(&snapshot.version);
        self.libc == snapshot.libc
            && (self.arch == "*" || self.arch == snapshot.arch)
            && version.is_some_and(|version| self.versions.contains(&version))
    }

    /// Does it excuse that name?
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name) || self.names.contains("*")
    }
}

/// The gaps, and their keys as they stand in the file.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub gaps: Vec<Gap>,
    pub keys: Vec<Keys>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub libc: Text,
    pub versions: Text,
    pub arch: Text,
    pub absent: Option<Text>,
    pub empty: Option<Text>,
    pub lost: Option<Text>,
    pub why: Text,
}

/// Reads data/gaps.toml.
pub fn read(source: &Source) -> Result<Vec<Gap>, Vec<Finding>> {
    sheet(source).map(|sheet| sheet.gaps)
}

/// Like [`read`], and keeps where everything stands.
pub fn sheet(source: &Source) -> Result<Sheet, Vec<Finding>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        gap: Vec<Keys>,
    }
    let File { gap: keys } = document::read(source)?;
    let (mut gaps, mut findings) = (Vec::new(), Vec::new());
    for keys in &keys {
        match gap(source, keys) {
            Ok(gap) => gaps.push(gap),
            Err(finding) => findings.push(finding),
        }
    }
    match findings.is_empty() {
        true => Ok(Sheet { gaps, keys }),
        false => Err(findings),
    }
}

fn gap(source: &Source, keys: &Keys) -> Result<Gap, Finding> {
    let wrong = |text: &Text, what: &str, help: &str| {
        let what = format!("{:?} is not {what}", text.get_ref());
        source.finding(VALUE, text.span().start, what, help)
    };
    let versions = Versions::parse(keys.versions.get_ref()).ok_or_else(|| {
        let help = "write \"*\", \"2.36\", \"2.34-2.36\", \"2.34-\" or \"-2.32\"";
        wrong(&keys.versions, "a range of versions", help)
    })?;
    if keys.why.get_ref().trim().is_empty() {
        let help = "say what the libc's own history says";
        return Err(wrong(&keys.why, "a reason", help));
    }
    let given = [
        (Lack::Absent, &keys.absent),
        (Lack::Empty, &keys.empty),
        (Lack::Lost, &keys.lost),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(lack, text)| Some((lack, text.as_ref()?)));
    let (Some((lack, text)), None) = (given.next(), given.next()) else {
        let help = "write one of absent, empty, lost; several lists are several gaps";
        let at = keys.libc.span().start;
        return Err(source.finding(VALUE, at, "a gap has one list", help));
    };
    let names: BTreeSet<String> = parse::words(source, text)?
        .into_iter()
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err(wrong(text, "a list of names", "write at least one"));
    }
    Ok(Gap {
        libc: keys.libc.get_ref().clone(),
        versions,
        arch: keys.arch.get_ref().clone(),
        lack,
        names,
        why: keys.why.get_ref().clone(),
    })
}

/// The canonical text, without the file's comments; the order is the file's.
pub fn print(gaps: &[Gap]) -> String {
    let mut out = String::new();
    for (n, gap) in gaps.iter().enumerate() {
        out.push_str(if n == 0 { "[[gap]]\n" } else { "\n[[gap]]\n" });
        line(&mut out, "libc", quoted(&gap.libc));
        line(&mut out, "versions", quoted(&gap.versions.to_string()));
        line(&mut out, "arch", quoted(&gap.arch));
        let names: Vec<&str> = gap.names.iter().map(String::as_str).collect();
        line(&mut out, gap.lack.key(), quoted(&names.join(" ")));
        line(&mut out, "why", quoted(&gap.why));
    }
    out
}
