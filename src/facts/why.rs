// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call is in a promise: the shortest road from each of its functions to a row that makes the call.

use std::collections::{BTreeMap, VecDeque};

use super::promises::Definition;
use super::{Row, Snapshot};

/// From a function of a promise to the call: `fopen`, `malloc`, `mmap`; an
/// effect on the way is written `!gconv`.
pub type Road = Vec<String>;

/// One road for each function of the definition that can make `call`, the
/// shortest first. The snapshot has its quirks applied.
pub fn roads(snapshot: &Snapshot, definition: &Definition, call: &str) -> Vec<Road> {
    let mut roads: Vec<Road> = definition
        .functions
        .iter()
        .filter_map(|(function, _)| road(snapshot, definition, function, call))
        .collect();
    if definition.calls.contains(call) {
        roads.push(vec![call.to_owned()]);
    }
    roads.sort_by_key(|road| (road.len(), road.clone()));
    roads.dedup();
    roads
}

fn road(snapshot: &Snapshot, definition: &Definition, function: &str, call: &str) -> Option<Road> {
    let granted = |effect: &str| definition.effects.iter().any(|(e, _)| e == effect);
    let mut before: BTreeMap<String, Option<String>> = BTreeMap::new();
    before.insert(function.to_owned(), None);
    let mut open = VecDeque::from([function.to_owned()]);
    while let Some(name) = open.pop_front() {
        let Some(row) = row(snapshot, &name) else {
            continue;
        };
        if row.calls.contains(call) {
            return Some(trace(&before, name, call));
        }
        let effects = row
            .effects
            .iter()
            .filter(|e| granted(e))
            .map(|e| format!("!{e}"));
        for next in row.alias.iter().chain(&row.callees).cloned().chain(effects) {
            if !before.contains_key(&next) {
                before.insert(next.clone(), Some(name.clone()));
                open.push_back(next);
            }
        }
    }
    None
}

fn row<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Row> {
    match name.strip_prefix('!') {
        Some(effect) => snapshot.effects.get(effect),
        None => snapshot.functions.get(name),
    }
}

fn trace(before: &BTreeMap<String, Option<String>>, last: String, call: &str) -> Road {
    let mut road = vec![call.to_owned(), last];
    while let Some(Some(previous)) = road.last().and_then(|name| before.get(name)) {
        road.push(previous.clone());
    }
    road.reverse();
    road
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(calls: &[&str], callees: &[&str], effects: &[&str]) -> Row {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Row {
            calls: set(calls),
            callees: set(callees),
            effects: set(effects),
            ..Row::default()
        }
    }

    #[test]
    fn the_shortest_road_and_only_through_granted_effects() {
        let mut snapshot = Snapshot::default();
        let rows = [
            ("printf", row(&["write"], &["malloc"], &["gconv", "fatal"])),
            ("malloc", row(&["brk"], &["printf"], &[])),
            ("abort", row(&["tgkill"], &[], &[])),
        ];
        snapshot.functions = rows.map(|(n, r)| (n.to_owned(), r)).into();
        let effects = [
            ("gconv", row(&["openat"], &[], &[])),
            ("fatal", row(&[], &["abort"], &[])),
        ];
        snapshot.effects = effects.map(|(n, r)| (n.to_owned(), r)).into();
        let definition = Definition {
            functions: vec![("printf".to_owned(), 0)],
            effects: vec![("fatal".to_owned(), 0)],
            ..Definition::default()
        };
        let roads = |call: &str| roads(&snapshot, &definition, call);
        assert_eq!(roads("brk"), [["printf", "malloc", "brk"]]);
        assert_eq!(roads("tgkill"), [["printf", "!fatal", "abort", "tgkill"]]);
        assert!(roads("openat").is_empty());
    }
}
