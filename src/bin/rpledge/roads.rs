// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge show --effects`: the roads that a function has, and which of them promises grant.

use std::collections::BTreeSet;
use std::fmt::Write;

use rpledge::facts::close::Closures;
use rpledge::facts::promises::Promises;
use rpledge::facts::{Snapshot, near, row};
use rpledge::promise::{Promise, Set};

use crate::report::Failure;

/// One road of a function: itself, or an effect that it can trigger.
struct Road {
    libc: String,
    /// The function, or `!` and the effect.
    name: String,
    calls: Vec<String>,
    /// The promises of those asked about that grant it.
    by: Vec<&'static str>,
}

/// A line a road: libc, name, calls, and whether the promises grant it.
pub fn roads(
    snapshots: &[Snapshot],
    definitions: &Promises,
    function: &str,
    promises: Option<Set>,
    as_json: bool,
) -> Result<String, Failure> {
    let mut roads = Vec::new();
    for snapshot in snapshots {
        roads.extend(of(snapshot, definitions, function, promises)?);
    }
    if roads.is_empty() {
        let known: BTreeSet<&str> = snapshots
            .iter()
            .flat_map(|snapshot| snapshot.functions.keys())
            .map(String::as_str)
            .collect();
        let help = near::advice(function, known, "rpledge data calls lists what there is");
        let what = format!("rpledge: there is no function {function:?} here; {help}");
        return Err(Failure::usage(what));
    }
    Ok(if as_json {
        json(function, &roads, promises)
    } else {
        lines(&roads, promises)
    })
}

fn of(
    snapshot: &Snapshot,
    definitions: &Promises,
    function: &str,
    promises: Option<Set>,
) -> Result<Vec<Road>, Failure> {
    let closures = Closures::new(snapshot)
        .map_err(|why| Failure::data(format!("rpledge: {why}; run rpledge data check")))?;
    let Some(closure) = closures.of(function) else {
        return Ok(Vec::new());
    };
    let libc = format!("{}-{}", snapshot.libc, snapshot.version);
    let by = |effect: Option<&str>| {
        let granting = promises.unwrap_or(Set::EMPTY).iter().filter(|promise| {
            let definition = definitions.definition(*promise);
            let names = definition
                .functions
                .iter()
                .any(|(name, _)| name == function);
            let grants = |effect| definition.effects.iter().any(|(name, _)| name == effect);
            names && effect.is_none_or(grants)
        });
        granting.map(Promise::name).collect()
    };
    let calls = closure.calls.iter();
    let mut roads = vec![Road {
        libc: libc.clone(),
        name: function.to_owned(),
        calls: calls
            .map(|call| row::call(call, closure.values.get(call)))
            .collect(),
        by: by(None),
    }];
    roads.extend(closure.effects.keys().map(|effect| {
        Road {
            libc: libc.clone(),
            name: format!("!{effect}"),
            calls: closures
                .effect(effect)
                .unwrap_or_default()
                .into_iter()
                .collect(),
            by: by(Some(effect)),
        }
    }));
    Ok(roads)
}

fn lines(roads: &[Road], promises: Option<Set>) -> String {
    let mut out = String::new();
    for Road {
        libc,
        name,
        calls,
        by,
    } in roads
    {
        let _ = write!(out, "{libc}\t{name}\t{}", calls.join(" "));
        let _ = match (promises, by.as_slice()) {
            (None, _) => writeln!(out),
            (_, []) => writeln!(out, "\tcut"),
            (_, by) => writeln!(out, "\tgranted by {}", by.join(" ")),
        };
    }
    out
}

fn json(function: &str, roads: &[Road], promises: Option<Set>) -> String {
    let road = |road: &Road| {
        let mut value = serde_json::json!({
            "libc": road.libc, "road": road.name, "calls": road.calls,
        });
        if promises.is_some() {
            value["granted"] = road.by.clone().into();
        }
        value
    };
    let roads: Vec<_> = roads.iter().map(road).collect();
    format!(
        "{:#}\n",
        serde_json::json!({ "function": function, "roads": roads })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpledge::facts::finding::Source;
    use rpledge::facts::{parse, promises};

    fn ask(function: &str, words: Option<&str>, as_json: bool) -> Result<String, Failure> {
        let text = include_str!("../../facts/testdata/glibc-2.36.toml");
        let snapshot = parse::snapshot(&Source { file: "f", text }).expect("ours");
        let text = include_str!("../../../data/promises.toml");
        let definitions = promises::read(&Source { file: "f", text }).expect("ours");
        let promises = words.map(|words| Set::parse(words).expect(words));
        roads(&[snapshot], &definitions, function, promises, as_json)
    }

    #[test]
    fn each_road_has_its_calls_and_who_grants_it() {
        let plain = ask("tcgetattr", None, false).expect("a function");
        assert_eq!(plain, "glibc-2.36\ttcgetattr\tioctl[TCGETS]\n");
        let cut = ask("tcgetattr", Some("stdio"), false).expect("a function");
        assert_eq!(cut, "glibc-2.36\ttcgetattr\tioctl[TCGETS]\tcut\n");
        let text = ask("open", Some("stdio rpath wpath"), false).expect("a function");
        let mut lines = text.lines();
        let first = "glibc-2.36\topen\topenat\tgranted by rpath wpath";
        assert_eq!(lines.next(), Some(first));
        // No promise that opens files lets open(3) be cancelled.
        let cancel = "glibc-2.36\t!cancel\texit futex\tcut";
        assert!(lines.any(|line| line == cancel), "{text}");
        let text = ask("printf", Some("stdio"), true).expect("a function");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let roads = value["roads"].as_array().expect("a list");
        assert!(roads.len() > 2, "{text}");
        assert!(
            roads
                .iter()
                .all(|road| road["granted"] == serde_json::json!(["stdio"]))
        );
    }

    #[test]
    fn no_such_function_is_usage() {
        let failure = ask("opne", None, false).expect_err("no function");
        assert_eq!(failure.code, crate::report::code::USAGE);
        assert!(
            failure.text.contains("did you mean \"open\"?"),
            "{}",
            failure.text
        );
    }
}
