// SPDX-License-Identifier: MIT OR Apache-2.0
//! A filter that says only what an older one does not, on top of that one, does what a whole filter does there.

use rpledge::bpf::{self, Insn, Work};
use rpledge::policy::{Mode, Policy, Process};
use rpledge::promise::{Promise, Set};
use rpledge::sim::{self, Data, overruled};
use rpledge::table::{Libc, TABLE};

use crate::inputs::{self, PROCESS};
use crate::programs;
use crate::sweep::{policy, scene};

const MODES: [Mode; 4] = [Mode::Abort, Mode::Kill, Mode::Error, Mode::Log];

/// Filters in the order in which they were loaded.
#[derive(Clone, Default)]
pub struct Chain(Vec<Vec<Insn>>);

impl Chain {
    pub fn load(&mut self, policy: &Policy, old: Option<&Policy>) {
        let mut work = Box::new(Work::new());
        let program = work.compile(policy, old).expect("the filter fits");
        self.0.push(program.insns().to_vec());
    }

    pub fn outcome(&self, data: &Data) -> u32 {
        outcome(&self.0, data)
    }
}

fn said(filter: &[Insn], data: &Data) -> u32 {
    let (said, _) = sim::run(filter, TABLE.big_endian, data).expect("the filter ends");
    said
}

/// seccomp_run_filters() of the kernel: the newest is asked first.
fn outcome(filters: &[Vec<Insn>], data: &Data) -> u32 {
    let newest_first = filters.iter().rev();
    newest_first.fold(bpf::RET_ALLOW, |newer, filter| {
        overruled(newer, said(filter, data))
    })
}

/// What the kernel counts towards its 32768 instructions for a filter: the
/// classic ones become others of its own (bpf_convert_filter).
fn weight(filter: &[Insn]) -> usize {
    // Registers cleared and set at the start; 4 a filter of seccomp's own.
    let each = filter.iter().map(|insn| match insn.code {
        bpf::RET => 2,
        bpf::JEQ | bpf::JGE => {
            let compared = if insn.k > i32::MAX as u32 { 2 } else { 1 };
            compared + usize::from(insn.jt != 0 && insn.jf != 0)
        }
        _ => 1,
    });
    3 + each.sum::<usize>() + 4
}

const PATH_MAX: usize = 32768;

/// One policy on top of another, both ways; how many calls were tried.
fn try_pair(libcs: &[Libc], old: &Policy, new: &Policy) -> usize {
    let (mut delta, mut whole) = (Chain::default(), Chain::default());
    delta.load(old, None);
    whole.load(old, None);
    delta.load(new, Some(old));
    whole.load(new, None);
    let (short, long) = (delta.0[1].len(), whole.0[1].len());
    assert!(short <= long + long / 8, "{short} instead of {long}");
    let tried = inputs::of(&[old, new]);
    // Alone, the new one says the same; but what an older one lets be logged
    // or fail with an errno, a later one does not make a violation.
    let simple = old.mode == new.mode && old.mode != Mode::Log && old.process == new.process;
    for data in &tried {
        // Below both lies the same filter.
        let below = said(&whole.0[0], data);
        let seen = overruled(said(&delta.0[1], data), below);
        let meant = overruled(said(&whole.0[1], data), below);
        assert_eq!(seen, meant, "{}", scene(new, libcs, data));
        if simple {
            assert_eq!(seen, sim::expect(new, data), "{}", scene(new, libcs, data));
        }
    }
    tried.len()
}

/// What a set can be narrowed to: by one promise, to each alone, to nothing.
pub fn narrower(set: Set) -> Vec<Set> {
    let less = set.iter().map(|promise| set.without(promise));
    let alone = set.iter().map(|promise| Set::EMPTY.with(promise));
    let mut sets: Vec<_> = less.chain(alone).chain([Set::EMPTY]).collect();
    sets.sort_by_key(|set| set.bits());
    sets.dedup();
    sets
}

fn everything() -> Set {
    Set::from_bits(u64::MAX).minus(TABLE.broker)
}

/// The oldest and the newest of each libc, and all of them.
pub fn rows() -> Vec<&'static [Libc<'static>]> {
    let mut rows: Vec<&'static [Libc<'static>]> = vec![TABLE.libcs];
    for (n, libc) in TABLE.libcs.iter().enumerate() {
        let name = |at: Option<usize>| at.and_then(|at| TABLE.libcs.get(at)).map(|l| l.name);
        if name(n.checked_sub(1)) != Some(libc.name) || name(Some(n + 1)) != Some(libc.name) {
            rows.push(std::slice::from_ref(libc));
        }
    }
    rows
}

#[test]
fn narrowings_of_real_sets() {
    let mut tried = 0;
    let rows = rows();
    for (n, set) in programs::usual().into_iter().enumerate() {
        // The libcs take turns, and so do the narrowings.
        let libcs = rows[n % rows.len()];
        let old = policy(libcs, set, Mode::Abort);
        for less in narrower(set).into_iter().skip(n % 2).step_by(2) {
            tried += try_pair(libcs, &old, &policy(libcs, less, Mode::Abort));
        }
    }
    assert!(tried > 1_000_000, "{tried}");
}

#[test]
fn promises_given_up_on_every_libc() {
    let mut tried = 0;
    for (n, libcs) in TABLE.libcs.iter().map(std::slice::from_ref).enumerate() {
        let old = policy(libcs, everything(), Mode::Abort);
        // A third on each, in turns: each promise goes on several of each kind.
        for promise in everything().iter().skip(n % 3).step_by(3) {
            let less = everything().without(promise);
            tried += try_pair(libcs, &old, &policy(libcs, less, Mode::Abort));
        }
    }
    assert!(tried > 1_000_000, "{tried}");
}

#[test]
fn modes_that_change() {
    let set = Set::parse("stdio rpath wpath fattr inet proc").expect("known words");
    let mut tried = 0;
    for libcs in rows() {
        for (old, new) in MODES.iter().flat_map(|a| MODES.map(|b| (*a, b))) {
            for less in [set, Set::parse("stdio rpath").expect("known words")] {
                tried += try_pair(libcs, &policy(libcs, set, old), &policy(libcs, less, new));
            }
        }
    }
    assert!(tried > 1_000_000, "{tried}");
}

/// A child of fork(2), a copy of the library elsewhere, another user.
#[test]
fn values_that_change() {
    let set = Set::parse("stdio rpath fattr proc id flock").expect("known words");
    let others = [
        Process { pid: 9, ..PROCESS },
        Process {
            report: 0x7f00_1234_5678,
            ..PROCESS
        },
        Process { uid: 7, ..PROCESS },
        Process { gid: 7, ..PROCESS },
    ];
    for libcs in rows() {
        let old = policy(libcs, set, Mode::Abort);
        for process in others {
            for less in [set, Set::parse("stdio fattr proc").expect("known words")] {
                let mut new = policy(libcs, less, Mode::Abort);
                new.process = process;
                try_pair(libcs, &old, &new);
            }
        }
    }
}

/// Something small that is the same on each run.
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    pub fn drop_one(&mut self, set: Set) -> Set {
        let members: Vec<_> = set.iter().collect();
        match members.as_slice() {
            [] => set,
            _ => set.without(members[self.throw(members.len())]),
        }
    }
}

/// What comes after `now`: fewer promises, fewer execpromises, in a child, in
/// another mode if that is asked for.
fn step(
    dice: &mut Dice,
    libcs: &'static [Libc<'static>],
    now: &Policy,
    modes: bool,
) -> Policy<'static> {
    let kind = dice.throw(if modes { 4 } else { 3 });
    let promises = if kind == 0 {
        dice.drop_one(now.promises)
    } else {
        now.promises
    };
    let mut next = policy(libcs, promises, now.mode);
    (next.exec, next.process) = (now.exec, now.process);
    match kind {
        1 => next.exec = now.exec.map(|set| dice.drop_one(set)),
        2 if dice.throw(4) == 0 => next.process.pid += 1,
        3 => next.mode = MODES[dice.throw(4)],
        _ => {}
    }
    next
}

/// Chains are looked at when they have this many filters, and twice as many.
const HALF: usize = 32;

#[test]
fn random_chains() {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let rows = rows();
        let libcs = rows[dice.throw(rows.len())];
        let mut now = policy(libcs, everything(), Mode::Abort);
        now.exec = Some(Set::from_bits(u64::MAX));
        let mut asked = vec![now];
        let (mut delta, mut whole) = (Chain::default(), Chain::default());
        delta.load(&now, None);
        whole.load(&now, None);
        for at in 1..=64 {
            let next = step(&mut dice, libcs, &now, seed % 2 == 0);
            delta.load(&next, Some(&now));
            whole.load(&next, None);
            now = next;
            if at % HALF == 0 {
                asked.push(now);
            }
        }
        let asked: Vec<_> = asked.iter().collect();
        for data in &inputs::of(&asked) {
            // As it is after the first half, and on top of that after the second.
            let (mut seen, mut meant) = (bpf::RET_ALLOW, bpf::RET_ALLOW);
            for half in [0..HALF + 1, HALF + 1..65] {
                seen = overruled(outcome(&delta.0[half.clone()], data), seen);
                meant = overruled(outcome(&whole.0[half.clone()], data), meant);
                let scene = || scene(&now, libcs, data);
                assert_eq!(seen, meant, "seed {seed}, {}: {}", half.end - 1, scene());
            }
        }
    }
}

/// 64 narrowings fit into what the kernel takes, each giving up one promise or
/// one execpromise, half of them in children of fork(2).
#[test]
fn chains_of_64_fit() {
    for libcs in rows() {
        let mut now = policy(libcs, everything(), Mode::Abort);
        now.exec = Some(Set::from_bits(u64::MAX));
        let mut chain = Chain::default();
        chain.load(&now, None);
        let mut dice = Dice(64);
        for at in 0..64 {
            let mut next = now;
            if at % 2 == 0 {
                next = policy(libcs, dice.drop_one(now.promises), Mode::Abort);
                (next.exec, next.process) = (now.exec, now.process);
                next.process.pid += 1;
            } else {
                next.exec = now.exec.map(|set| dice.drop_one(set));
            }
            chain.load(&next, Some(&now));
            now = next;
        }
        let sum: usize = chain.0.iter().map(|filter| weight(filter)).sum();
        println!("{}: {sum} of {PATH_MAX}", libcs[0].name);
        assert!(sum < PATH_MAX / 2, "{sum}");
    }
}

/// Words that grant nothing more cost their answers and no more.
#[test]
fn what_changes_nothing_is_short() {
    let set = Set::parse("stdio rpath exec proc").expect("known words");
    let old = policy(TABLE.libcs, set, Mode::Abort);
    let mut new = old;
    new.exec = Some(set.without(Promise::Rpath));
    let mut chain = Chain::default();
    chain.load(&new, Some(&old));
    println!("{} instructions", chain.0[0].len());
    assert!(chain.0[0].len() <= 36, "{}", chain.0[0].len());
    // What knows no argument stays in the kernel's bitmap: three jumps.
    for nr in 0..inputs::numbers() {
        let data = Data {
            nr,
            arch: TABLE.audit,
            ..Data::default()
        };
        let (value, steps) = sim::run(&chain.0[0], TABLE.big_endian, &data).expect("it ends");
        if TABLE.call_name(nr) != Some("prctl") {
            assert_eq!((value, steps <= 6), (bpf::RET_ALLOW, true), "{nr}");
        }
    }
}

/// The trials see what a wrong belief leaves open.
#[test]
fn a_delta_that_lacks_something_is_seen() {
    let set = Set::parse("stdio rpath inet").expect("known words");
    let old = policy(TABLE.libcs, set, Mode::Abort);
    for promise in set.iter() {
        let new = policy(TABLE.libcs, set.without(promise), Mode::Abort);
        let (mut lacking, mut whole) = (Chain::default(), Chain::default());
        lacking.load(&old, None);
        whole.load(&old, None);
        lacking.load(&new, Some(&new));
        whole.load(&new, None);
        let tried = inputs::of(&[&old]);
        let differ = |data: &Data| lacking.outcome(data) != whole.outcome(data);
        assert!(tried.iter().any(differ), "{}", promise.name());
        // And never more than the older filter lets through.
        let within = |data: &Data| {
            let (all, old) = (lacking.outcome(data), said(&lacking.0[0], data));
            overruled(all, old) == all
        };
        assert!(tried.iter().all(within), "{}", promise.name());
    }
}

/// Another table's places mean other calls: then the whole filter is written.
#[test]
fn another_table_is_no_base() {
    let other = rpledge::table::Table { ..TABLE };
    let set = Set::parse("stdio rpath").expect("known words");
    let old = Policy::of(&other, TABLE.libcs, set);
    let new = policy(TABLE.libcs, set, Mode::Abort);
    let (mut delta, mut whole) = (Chain::default(), Chain::default());
    delta.load(&new, Some(&old));
    whole.load(&new, None);
    assert_eq!(delta.0, whole.0);
}
