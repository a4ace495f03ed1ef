// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for the socket classes.

use std::collections::BTreeSet;

use super::check::SocketsCase;
use super::document::Text;
use super::finding::Finding;
use super::limits;
use super::sockets::{Class, Keys};
use super::{libcs, near};

pub const SCOPE: &str = "class-scope";
pub const CONSTANT: &str = "class-constant";
pub const SHAPE: &str = "class-shape";

impl SocketsCase<'_> {
    fn classes(&self) -> impl Iterator<Item = (&Keys, &Class)> {
        self.sheet.keys.iter().zip(&self.sheet.classes)
    }
}

/// A class for a libc that nobody knows is for nothing, and a row that says
/// what another says hides which of them counts.
pub fn scope(case: &SocketsCase) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<&Class> = Vec::new();
    for (keys, class) in case.classes() {
        if class.libc != "*" && !libcs::names().any(|name| name == class.libc) {
            let what = format!("{:?} is no libc", class.libc);
            let help = near::advice(&class.libc, libcs::names(), "write a libc's name, or \"*\"");
            let at = keys.libc.span().start;
            findings.push(case.source.finding(SCOPE, at, what, help));
        }
        let twin = |other: &&Class| {
            let why = other.why.clone();
            **other
                == Class {
                    why,
                    ..class.clone()
                }
        };
        if seen.iter().any(twin) {
            let what = format!("this row of {:?} stands twice", class.name);
            let at = keys.name.span().start;
            findings.push(case.source.finding(SCOPE, at, what, "take one out"));
        }
        seen.push(class);
    }
    findings
}

/// Every name is a constant of its kind, which the data knows for every
/// architecture.
pub fn constant(case: &SocketsCase) -> Vec<Finding> {
    let Some(promises) = &case.known.promises else {
        return Vec::new();
    };
    let constants = promises.constants("");
    let mut findings = Vec::new();
    for (keys, class) in case.classes() {
        let lists: [(&BTreeSet<String>, Option<&Text>, &[&str]); 4] = [
            (&class.families, Some(&keys.families), &["AF_"]),
            (&class.types, Some(&keys.types), &["SOCK_"]),
            (
                &class.protocols,
                Some(&keys.protocols),
                &["IPPROTO_", "NETLINK_"],
            ),
            (&class.messages, keys.messages.as_ref(), &["RTM_GET"]),
        ];
        for (words, text, heads) in lists {
            let is_one = |word: &str| heads.iter().any(|head| word.starts_with(head));
            let known = || constants.keys().map(String::as_str).filter(|c| is_one(c));
            for word in words {
                if limits::parse_number(word).is_some() || known().any(|c| c == word) {
                    continue;
                }
                let what = format!(
                    "{word:?} is no constant that begins with {}",
                    heads.join(" or ")
                );
                let otherwise = "add it to [constants] of data/promises.toml";
                let help = near::advice(word, known(), otherwise);
                let at = text.map_or(0, |text| text.span().start);
                findings.push(case.source.finding(CONSTANT, at, what, help));
            }
        }
    }
    findings
}

/// What bounds a socket depends on its family: without a bound it would reach
/// nothing, with one of another family the row means something else.
pub fn shape(case: &SocketsCase) -> Vec<Finding> {
    let wrong = case.classes().flat_map(|(keys, class)| {
        let mut wrong = bounds(keys, class);
        wrong.extend(paths(keys, class));
        wrong
    });
    wrong
        .map(|(at, what, help)| case.source.finding(SHAPE, at, what, help))
        .collect()
}

/// Where something is wrong, what, and what to do.
type Wrong = (usize, String, &'static str);

fn bounds(keys: &Keys, class: &Class) -> Vec<Wrong> {
    let only = |families: &[&str]| {
        class
            .families
            .iter()
            .all(|f| families.contains(&f.as_str()))
    };
    let is_inet = only(&["AF_INET", "AF_INET6"]);
    let kinds = [
        (is_inet, "ports", keys.ports.as_ref()),
        (only(&["AF_UNIX"]), "paths", keys.paths.as_ref()),
        (only(&["AF_NETLINK"]), "messages", keys.messages.as_ref()),
    ];
    if !kinds.iter().any(|(is, ..)| *is) {
        return vec![(
            keys.families.span().start,
            "families that have no bound in common".to_owned(),
            "a row is AF_INET and AF_INET6, or AF_UNIX, or AF_NETLINK alone",
        )];
    }
    let mut found = Vec::new();
    for (is, key, text) in kinds {
        match (is, text) {
            (true, None) => found.push((
                keys.name.span().start,
                format!("the key {key:?} is missing"),
                "without it the sockets could reach nothing",
            )),
            (false, Some(text)) => found.push((
                text.span().start,
                format!("{key:?} of another family"),
                "ports are of AF_INET and AF_INET6, paths of AF_UNIX, messages of AF_NETLINK",
            )),
            _ => {}
        }
    }
    let marks = [&keys.mark, &keys.elsewhere].into_iter().flatten();
    found.extend(marks.filter(|_| !is_inet).map(|text| {
        (
            text.span().start,
            format!("{:?} of another family", text.get_ref()),
            "only sockets with ports can be marked or rewritten",
        )
    }));
    found
}

fn paths(keys: &Keys, class: &Class) -> Vec<Wrong> {
    let at = keys.name.span().start;
    let both = class.paths.intersection(&class.absent).map(|path| {
        let what = format!("{path:?} is both there and absent");
        (at, what, "take it out of one of the two")
    });
    let all = class.paths.iter().chain(&class.absent);
    let strange = all.filter(|path| !is_plain(path)).map(|path| {
        let help = "write an absolute name of at most 107 bytes without \"//\", \".\" and \"..\"";
        (at, format!("{path:?} is no plain path"), help)
    });
    strange.chain(both).collect()
}

/// Can it stand in a sockaddr_un, and is it its own only spelling?
fn is_plain(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.len() < 108
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(part))
}
