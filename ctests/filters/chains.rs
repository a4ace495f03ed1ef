// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filters on top of one that a broker listens to do together what their policies say together.

use rpledge::policy::{After, Broker, Mode, Policy};
use rpledge::promise::{Promise, Set};
use rpledge::sim;
use rpledge::table::{Libc, TABLE};

use crate::inputs;
use crate::narrow::{Chain, Dice, narrower, rows};
use crate::programs;
use crate::sweep::{policy, scene};

type Rows = &'static [Libc<'static>];

/// As pledge() loads it: the first filter, or a later one.
pub fn listened(
    libcs: Rows,
    set: Set,
    exec: Option<Set>,
    broker: Broker,
    mode: Mode,
) -> Policy<'static> {
    let mut policy = policy(libcs, set, mode);
    (policy.exec, policy.handled) = (exec, true);
    policy.with_broker(broker).with_exec(libcs)
}

/// How many calls were tried on the filters of these policies.
fn try_chain(libcs: Rows, policies: &[Policy<'static>]) -> usize {
    let mut chain = Chain::default();
    let mut old = None;
    for policy in policies {
        chain.load(policy, old);
        old = Some(policy);
    }
    let borrowed: Vec<_> = policies.iter().collect();
    let tried = inputs::of(&borrowed);
    for data in &tried {
        let (seen, meant) = (chain.outcome(data), sim::expect_all(policies, data));
        let scene = || {
            let chain = policies
                .iter()
                .map(|p| (p.promises, p.exec, p.mode, p.after));
            let chain: Vec<_> = chain.collect();
            format!(
                "{seen:x}, not {meant:x}: {chain:?}: {}",
                scene(&policies[0], libcs, data)
            )
        };
        assert_eq!(seen, meant, "{}", scene());
    }
    tried.len()
}

/// Execpromises: none; those in force; some that are not.
pub fn execs(set: Set) -> Vec<Option<Set>> {
    if !set.contains(Promise::Exec) {
        return vec![None];
    }
    let stdio = Set::EMPTY.with(Promise::Stdio);
    vec![
        None,
        Some(set),
        Some(set.with(Promise::Rpath).with(Promise::Wpath)),
        Some(stdio),
    ]
}

#[test]
fn narrowings_on_top_of_a_listener() {
    let (mut tried, mut kinds) = (0, Vec::new());
    let rows = rows();
    for (n, set) in programs::usual().into_iter().enumerate() {
        let libcs = rows[n % rows.len()];
        for set in [set, set.with(Promise::Exec)] {
            for (at, exec) in execs(set).into_iter().enumerate() {
                let of = |set, broker| listened(libcs, set, exec, broker, Mode::Abort);
                let first = of(set, Broker::Here);
                let few = narrower(set).into_iter().skip((n + at) % 5).step_by(5);
                for less in few {
                    let second = of(less, Broker::Below);
                    kinds.push((first.after, second.after));
                    tried += try_chain(libcs, &[first, second]);
                }
            }
        }
    }
    // Grants differ, kinds are few.
    let has =
        |one: fn(&After) -> bool, other: After| kinds.iter().any(|(a, b)| one(a) && *b == other);
    assert!(has(|a| *a == After::Same, After::Same));
    assert!(has(|a| *a == After::Same, After::Left));
    assert!(has(|a| *a == After::Free, After::Same));
    assert!(has(|a| *a == After::Free, After::Left));
    assert!(has(|a| matches!(a, After::Under(..)), After::Left));
    assert!(tried > 1_000_000, "{tried}");
}

#[test]
fn modes_and_libcs_on_top_of_a_listener() {
    let set = Set::parse("stdio rpath inet getpw fattr proc exec").expect("known words");
    let less = Set::parse("stdio inet proc exec").expect("known words");
    let modes = [Mode::Abort, Mode::Kill, Mode::Error, Mode::Log];
    for (n, libcs) in TABLE.libcs.iter().map(std::slice::from_ref).enumerate() {
        for exec in execs(set) {
            let old = listened(libcs, set, exec, Broker::Here, modes[n % 4]);
            for mode in modes {
                let new = listened(libcs, less, exec, Broker::Below, mode);
                try_chain(libcs, &[old, new]);
            }
        }
    }
}

/// Steps of which each gives something up, in any mode, in children.
#[test]
fn random_chains_on_top_of_a_listener() {
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let rows = rows();
        let libcs = rows[dice.throw(rows.len())];
        let mut set = Set::from_bits(u64::MAX).without(Promise::Error);
        let mut exec = (seed % 3 == 0).then_some(set);
        let mut policies = vec![listened(libcs, set, exec, Broker::Here, Mode::Abort)];
        let mut process = policies[0].process;
        while policies.len() < 10 {
            // "exec" goes last, if it goes.
            for _ in 0..3 {
                let less = dice.drop_one(set.without(Promise::Exec));
                set = less.with(Promise::Exec);
            }
            if dice.throw(8) == 0 {
                set = set.without(Promise::Exec);
            }
            if dice.throw(4) == 0 {
                exec = exec.map(|exec| dice.drop_one(exec));
            }
            process.pid += dice.throw(2) as u32;
            let mode = [Mode::Abort, Mode::Kill, Mode::Error][dice.throw(3)];
            let mut next = listened(libcs, set, exec, Broker::Below, mode);
            next.process = process;
            policies.push(next);
            if [2, 3, 6, 10].contains(&policies.len()) {
                try_chain(libcs, &policies);
            }
        }
    }
}
