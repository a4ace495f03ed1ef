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
