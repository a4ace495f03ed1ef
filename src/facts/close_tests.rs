// SPDX-License-Identifier: MIT OR Apache-2.0
//! What closures must be, on small snapshots and against a plain walk on large ones.

use super::super::random::Random;
use super::*;

fn snapshot(effects: &[(&str, &str)], functions: &[(&str, &str)]) -> Snapshot {
    let rows = |lines: &[(&str, &str)]| {
        let row = |text| Row::parse(text).expect("a row of the test");
        lines
            .iter()
            .map(|(name, text)| (name.to_string(), row(text)))
            .collect()
    };
    Snapshot {
        effects: rows(effects),
        functions: rows(functions),
        ..Snapshot::default()
    }
}

/// name, calls, effect:call
fn shown(snapshot: &Snapshot, function: &str) -> (String, String) {
    let closure = Closures::new(snapshot)
        .expect("nothing dangles")
        .of(function)
        .expect(function);
    let calls: Vec<String> = closure.calls.into_iter().collect();
    let effects = closure.effects.iter().map(|(effect, calls)| {
        format!(
            "{effect}({})",
            calls.iter().cloned().collect::<Vec<_>>().join(" ")
        )
    });
    (calls.join(" "), effects.collect::<Vec<_>>().join(" "))
}

#[test]
fn callees_aliases_and_cycles_are_followed() {
    let some = snapshot(
        &[],
        &[
            ("open", "openat"),
            ("open64", "=open"),
            ("fopen", "+open64 +malloc"),
            ("malloc", "mmap +free"),
            ("free", "munmap +malloc ~"),
            ("even", "read +odd"),
            ("odd", "write +even +syscall"),
            ("syscall", "*"),
            ("loop", "=pool"),
            ("pool", "=loop"),
            ("strlen", ""),
        ],
    );
    assert_eq!(shown(&some, "open64").0, "openat");
    assert_eq!(shown(&some, "fopen").0, "mmap munmap openat");
    assert_eq!(shown(&some, "malloc"), shown(&some, "free"));
    assert_eq!(shown(&some, "even"), shown(&some, "odd"));
    assert_eq!(shown(&some, "even").0, "read write");
    assert_eq!(shown(&some, "loop").0, "");
    assert_eq!(shown(&some, "strlen").0, "");
    let closures = Closures::new(&some).expect("nothing dangles");
    let of = |name| closures.of(name).expect(name);
    assert!(of("even").any && !of("even").callback);
    assert!(of("fopen").callback && !of("fopen").any);
    assert_eq!(closures.of("close"), None);
}

#[test]
fn effects_stay_apart_and_bring_each_other() {
    let some = snapshot(
        &[
            ("cancel", "futex +unwind"),
            ("fatal", "rt_sigaction tgkill"),
            ("gconv", "mmap +open !locale"),
            ("locale", "close +malloc !gconv"),
            ("unused", "reboot"),
        ],
        &[
            ("malloc", "mmap !fatal"),
            ("open", "openat !cancel"),
            ("printf", "write +malloc !locale"),
            ("unwind", "exit"),
        ],
    );
    assert_eq!(
        shown(&some, "open"),
        ("openat".into(), "cancel(exit futex)".into())
    );
    // What printf does itself is not added again: mmap stands under no effect.
    assert_eq!(
        shown(&some, "printf"),
        (
            "mmap write".into(),
            "cancel(exit futex) fatal(rt_sigaction tgkill) gconv(openat) locale(close)".into()
        )
    );
    let closures = Closures::new(&some).expect("nothing dangles");
    let gconv: Vec<_> = closures
        .effect("gconv")
        .expect("an effect")
        .into_iter()
        .collect();
    assert_eq!(gconv, ["mmap", "openat"]);
    assert_eq!(closures.effect("nss"), None);
}

#[test]
fn what_dangles_is_named() {
    for (row, token) in [
        ("read +opne", "+opne"),
        ("=opne", "=opne"),
        ("read !fatl", "!fatl"),
    ] {
        let some = snapshot(&[("fatal", "")], &[("open", ""), ("x", row)]);
        let expected = Dangling {
            row: "x".into(),
            token: token.into(),
        };
        assert_eq!(Closures::new(&some).err(), Some(expected));
    }
}

/// A plain walk from one function.
fn walk<'a>(
    some: &'a Snapshot,
    row: &'a Row,
    effects: bool,
) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let (mut calls, mut named) = (BTreeSet::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    let mut todo = vec![row];
    while let Some(row) = todo.pop() {
        calls.extend(row.calls.iter().map(String::as_str));
        for effect in &row.effects {
            if named.insert(effect.as_str()) && effects {
                todo.push(&some.effects[effect]);
            }
        }
        for name in row.callees.iter().chain(&row.alias) {
            if seen.insert(name) {
                todo.push(&some.functions[name]);
            }
        }
    }
    (calls, named)
}

#[test]
fn large_tangled_snapshots_agree_with_a_plain_walk() {
    let mut random = Random(7);
    for round in 0..20 {
        let size = 5 + random.below(120);
        let name = |n: u64| format!("f{n}");
        let mut some = Snapshot::default();
        for n in 0..6 + size {
            let mut row = Row::default();
            if random.below(9) == 0 {
                row.alias = Some(name(random.below(size)));
            } else {
                for _ in 0..random.below(3) {
                    row.calls.insert(format!("c{}", random.below(200)));
                    row.callees.insert(name(random.below(size)));
                }
                if random.below(4) == 0 {
                    row.effects.insert(format!("e{}", random.below(6)));
                }
            }
            match n {
                0..6 => some.effects.insert(format!("e{n}"), row),
                _ => some.functions.insert(name(n - 6), row),
            };
        }
        let closures = Closures::new(&some).expect("nothing dangles");
        for (function, row) in &some.functions {
            let closure = closures.of(function).expect(function);
            let (calls, _) = walk(&some, row, false);
            let (_, effects) = walk(&some, row, true);
            assert!(
                closure
                    .calls
                    .iter()
                    .map(String::as_str)
                    .eq(calls.iter().copied()),
                "{round} {function}"
            );
            assert!(
                closure.effects.keys().map(String::as_str).eq(effects),
                "{round} {function}"
            );
            for (effect, added) in &closure.effects {
                let (all, _) = walk(&some, &some.effects[effect], false);
                let added: BTreeSet<&str> = added.iter().map(String::as_str).collect();
                assert_eq!(added, &all - &calls, "{round} {function} {effect}");
            }
        }
    }
}

/// The values of a function's calls, as rows write them.
fn values(snapshot: &Snapshot, function: &str) -> String {
    let closures = Closures::new(snapshot).expect("nothing dangles");
    let closure = closures.of(function).expect(function);
    let calls = closure.calls.iter();
    let calls = calls.map(|call| row::call(call, closure.values.get(call)));
    calls.collect::<Vec<_>>().join(" ")
}

#[test]
fn values_unite_and_any_wins() {
    let some = snapshot(
        &[("fatal", "ioctl[C] +open")],
        &[
            ("a", "ioctl[A] +b"),
            ("b", "ioctl[B] +c"),
            ("c", "read"),
            ("d", "ioctl +a"),
            ("e", "=a"),
            ("even", "ioctl[A] +odd"),
            ("odd", "ioctl[B] +even !fatal"),
            ("open", "openat[*,D]"),
            ("open64", "=open"),
            ("fopen", "openat[E] +open64"),
            ("quiet", "+open"),
            ("passes", "openat[*] +open"),
        ],
    );
    for (function, text) in [
        ("a", "ioctl[A,B] read"),
        ("d", "ioctl read"),
        ("e", "ioctl[A,B] read"),
        ("even", "ioctl[A,B]"),
        ("odd", "ioctl[A,B]"),
        ("open", "openat"),
        ("open64", "openat"),
        // Its caller's value is its own; what open() passes by itself stays.
        ("fopen", "openat[D,E]"),
        ("quiet", "openat"),
        ("passes", "openat"),
    ] {
        assert_eq!(values(&some, function), text, "{function}");
    }
}
