// SPDX-License-Identifier: MIT OR Apache-2.0
//! What merging must keep, on rows by hand and on many random snapshots.

use super::super::close::{Closure, Closures};
use super::super::finding::Source;
use super::super::random::Random;
use super::super::{Object, parse, print};
use super::*;

fn table(lines: &[(&str, &str)]) -> Rows {
    let row = |text| Row::parse(text).expect("a row of the test");
    let lines = lines.iter();
    lines
        .map(|(name, text)| (name.to_string(), row(text)))
        .collect()
}

fn build(version: &str) -> Build {
    Build {
        distribution: "debian".to_owned(),
        package: "libc6".to_owned(),
        package_version: version.to_owned(),
        objects: vec![Object {
            file: "libc.so.6".to_owned(),
            sha256: format!("{version:0>64}"),
            build_id: String::new(),
        }],
        ..Build::default()
    }
}

fn snapshot(version: &str, effects: &[(&str, &str)], functions: &[(&str, &str)]) -> Snapshot {
    Snapshot {
        libc: "glibc".to_owned(),
        version: "2.36".to_owned(),
        arch: "x86_64".to_owned(),
        extractor: "1".to_owned(),
        builds: vec![build(version)],
        effects: table(effects),
        functions: table(functions),
    }
}

#[test]
fn rows_are_joined() {
    let one = snapshot(
        "2",
        &[("fatal", "tgkill")],
        &[
            ("open", "openat !fatal"),
            ("open64", "=open"),
            ("old", "+open"),
            ("creat", "=open"),
            ("stat", "=open"),
        ],
    );
    let other = snapshot(
        "1",
        &[("fatal", "kill"), ("cancel", "futex")],
        &[
            ("open", "open !cancel"),
            ("open64", "=open"),
            ("new", "~ *"),
            ("creat", "creat"),
            ("stat", "=new"),
        ],
    );
    let joined = merge(&one, &other).expect("one version");
    let effects = [("cancel", "futex"), ("fatal", "kill tgkill")];
    let functions = [
        ("creat", "creat +open"),
        ("new", "~ *"),
        ("old", "+open"),
        ("open", "open openat !cancel !fatal"),
        ("open64", "=open"),
        ("stat", "+new +open"),
    ];
    assert_eq!(joined.effects, table(&effects));
    assert_eq!(joined.functions, table(&functions));
    assert_eq!(joined.builds, [build("1"), build("2")]);
}

#[test]
fn only_one_version_is_joined() {
    let one = snapshot("1", &[], &[]);
    for (key, spoil) in [
        ("libc", (|s| s.libc = "musl".into()) as fn(&mut Snapshot)),
        ("version", |s| s.version = "2.41".into()),
        ("arch", |s| s.arch = "x86".into()),
        ("extractor", |s| s.extractor = "2".into()),
        ("build", |s| s.builds[0].sites = 7),
    ] {
        let mut other = one.clone();
        spoil(&mut other);
        let why = merge(&one, &other).expect_err(key);
        assert_eq!(why.key, key);
        assert!(why.to_string().contains("; "), "{why}");
    }
}

/// Rows over few names, so that builds differ and agree often; an alias names
/// a row that is none.
fn random(dice: &mut Random, version: &str) -> Snapshot {
    let mut some = snapshot(version, &[], &[]);
    for effect in 0..3 {
        let calls = BTreeSet::from([format!("e{}", dice.below(3))]);
        let row = Row {
            calls,
            ..Row::default()
        };
        some.effects.insert(format!("f{effect}"), row);
    }
    let names: Vec<String> = (0..12).map(|n| format!("n{n}")).collect();
    let here: Vec<&String> = names.iter().filter(|_| dice.below(4) > 0).collect();
    for (at, name) in here.iter().enumerate() {
        let mut row = Row::default();
        if at > 0 && dice.below(3) == 0 {
            let target = here[dice.below(at as u64) as usize];
            if some.functions[target].alias.is_none() {
                row.alias = Some(target.clone());
                some.functions.insert((*name).clone(), row);
                continue;
            }
        }
        row.calls.insert(format!("c{}", dice.below(6)));
        row.callees
            .insert(here[dice.below(here.len() as u64) as usize].clone());
        row.effects.insert(format!("f{}", dice.below(3)));
        row.callback = dice.below(8) == 0;
        row.any = dice.below(8) == 0;
        some.functions.insert((*name).clone(), row);
    }
    some
}

fn covers(big: &Closure, small: &Closure) -> bool {
    let all = |c: &Closure| &c.calls | &c.effects.values().flatten().cloned().collect();
    let effects: BTreeSet<_> = big.effects.keys().collect();
    big.calls.is_superset(&small.calls)
        && all(big).is_superset(&all(small))
        && small.effects.keys().all(|effect| effects.contains(effect))
        && big.callback >= small.callback
        && big.any >= small.any
}

#[test]
fn merging_is_a_union() {
    let mut dice = Random(20);
    for _ in 0..2000 {
        let [a, b, c] = ["1", "2", "3"].map(|version| random(&mut dice, version));
        let join = |a: &Snapshot, b: &Snapshot| merge(a, b).expect("one version");
        let joined = join(&a, &b);
        assert_eq!(joined, join(&b, &a), "the order does not matter");
        assert_eq!(joined, join(&joined, &a), "once is enough");
        assert_eq!(a, join(&a, &a), "once is enough");
        assert_eq!(
            join(&joined, &c),
            join(&a, &join(&b, &c)),
            "nor does the grouping"
        );
        let closures = Closures::new(&joined).expect("nothing dangles");
        for side in [&a, &b] {
            let own = Closures::new(side).expect("nothing dangles");
            for name in own.names() {
                let (big, small) = (closures.of(name), own.of(name));
                assert!(covers(&big.expect(name), &small.expect(name)), "{name}");
            }
        }
        for row in joined.functions.values() {
            let target = row.alias.as_ref().map(|name| &joined.functions[name]);
            assert!(target.is_none_or(|row| row.alias.is_none()), "one step");
        }
        let text = print::snapshot(&joined);
        let source = Source {
            file: "merged",
            text: &text,
        };
        assert_eq!(parse::snapshot(&source).expect("own output"), joined);
    }
}
