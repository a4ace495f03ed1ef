// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one narrowing after the other costs, and the calls under all of them.

use std::time::Instant;

use rpledge::host;
use rpledge::policy::{Policy, Process};
use rpledge::promise::{Promise, Set};
use rpledge::seccomp;

use crate::{calls, child, machine};

const ROUNDS: usize = 40;
/// How many filters lie on each other.
const HEIGHTS: [u64; 4] = [1, 2, 8, 64];

/// What is given up one by one where promises are.
const WORDS: &str = "stdio rpath wpath cpath fattr inet unix proc tty";

/// The policy of a step: of execpromises a number says which, so that there is
/// no end of them; a step's words change no call.
fn step(promises: Set, exec: u64) -> Policy<'static> {
    let host = host::host();
    let mut policy = Policy::of(host.table, host.libcs(), promises);
    policy.exec = Some(Set::from_bits(exec));
    policy.process = Process {
        pid: std::process::id(),
        ..Process::default()
    };
    policy
}

fn load(policy: &Policy<'static>) {
    seccomp::in_turn(|mut turn| turn.load(policy)).expect("the filter loads");
}

fn words() -> Set {
    Set::parse(WORDS).expect("known words")
}

/// So many filters, of which all but the first change nothing.
fn idle(height: u64) {
    (0..height).for_each(|n| load(&step(words(), n)));
}

/// Eight pledges, each of which gives up a promise: WORDS from their end.
fn real() {
    let mut set = words();
    let all: Vec<Promise> = set.iter().collect();
    load(&step(set, 0));
    for promise in all.iter().rev().take(7) {
        set = set.without(*promise);
        load(&step(set, 0));
    }
}

pub fn compare() {
    println!("\nnarrowing: filters on each other; aims: 64 load, eight leave fcntl below 3");
    let bare = best(&|| {});
    for height in HEIGHTS {
        let under = best(&|| idle(height));
        let last = |_| {
            let told = child::run(|| {
                idle(height - 1);
                let policy = step(words(), height);
                let begun = Instant::now();
                load(&policy);
                vec![begun.elapsed().as_nanos() as u64]
            });
            told[0] as f64
        };
        let mut times: Vec<_> = (0..ROUNDS).map(last).collect();
        let (min, median) = machine::min_and_median(&mut times);
        println!(
            "  filter {height:>2}: loaded in {:>6.1} us, median {:>6.1}; {}",
            min / 1e3,
            median / 1e3,
            ratios(&under, &bare)
        );
    }
    println!(
        "  eight pledges, each gives up one: {}",
        ratios(&best(&real), &bare)
    );
}

/// The least that each call was seen to take.
fn best(prepare: &dyn Fn()) -> Vec<f64> {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| calls::measure(prepare)).collect();
    let least = |n: usize| rounds.iter().map(|round| round[n]).fold(f64::MAX, f64::min);
    (0..rounds[0].len()).map(least).collect()
}

fn ratios(under: &[f64], bare: &[f64]) -> String {
    let each = calls::names().enumerate().map(|(n, name)| {
        let ratio = under[n] / bare[n];
        format!("{name} {:.0} ns ({ratio:.2})", under[n])
    });
    each.collect::<Vec<_>>().join(", ")
}
