// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets of arguments as cubes (some bits fixed, the rest free): any limit, and what it leaves out, is a list of them.

use rpledge::policy::{Policy, Process};
use rpledge::table::{Limit, Op, Test};

/// The calls whose arguments have `value` in the bits of `mask`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cube {
    pub mask: [u64; 6],
    pub value: [u64; 6],
}

impl Cube {
    /// Any arguments.
    pub const ALL: Cube = Cube {
        mask: [0; 6],
        value: [0; 6],
    };

    fn of(arg: u8, mask: u64, value: u64) -> Cube {
        let mut cube = Cube::ALL;
        cube.mask[usize::from(arg)] = mask;
        cube.value[usize::from(arg)] = value;
        cube
    }

    pub fn contains(&self, args: &[u64; 6]) -> bool {
        (0..6).all(|n| args[n] & self.mask[n] == self.value[n])
    }

    fn and(&self, other: &Cube) -> Option<Cube> {
        let mut both = *self;
        for n in 0..6 {
            if (self.value[n] ^ other.value[n]) & self.mask[n] & other.mask[n] != 0 {
                return None;
            }
            both.mask[n] |= other.mask[n];
            both.value[n] |= other.value[n];
        }
        Some(both)
    }

    /// What is in it and not in the other, in cubes that do not meet: for
    /// each bit that only the other fixes, those that have it otherwise.
    fn minus(&self, other: &Cube) -> Vec<Cube> {
        if self.and(other).is_none() {
            return vec![*self];
        }
        let mut rest = *self;
        let mut parts = Vec::new();
        for n in 0..6 {
            let only = other.mask[n] & !self.mask[n];
            for bit in (0..64).rev().map(|b| 1 << b).filter(|bit| only & bit != 0) {
                rest.mask[n] |= bit;
                let mut part = rest;
                part.value[n] |= !other.value[n] & bit;
                parts.push(part);
                rest.value[n] |= other.value[n] & bit;
            }
        }
        parts
    }
}

/// What is in `cubes` and in none of `others`.
pub fn minus(cubes: Vec<Cube>, others: &[Cube]) -> Vec<Cube> {
    others.iter().fold(cubes, |left, other| {
        left.iter().flat_map(|cube| cube.minus(other)).collect()
    })
}

fn of_test(process: &Process, test: &Test) -> Vec<Cube> {
    let width = if test.wide {
        u64::MAX
    } else {
        u64::from(u32::MAX)
    };
    let mask = test.mask & width;
    let values = test.values.iter().map(|v| process.value(*v) & width);
    let values = values.filter(|value| value & !mask == 0);
    let equal: Vec<_> = values
        .map(|value| Cube::of(test.arg, mask, value))
        .collect();
    match test.op {
        Op::In => equal,
        Op::NotIn => minus(vec![Cube::ALL], &equal),
    }
}

/// The calls that satisfy a limit.
pub fn of_limit(policy: &Policy, limit: &Limit) -> Vec<Cube> {
    let clause = |tests: &&[Test]| {
        tests.iter().fold(vec![Cube::ALL], |cubes, test| {
            let more = of_test(&policy.process, test);
            let each = |cube: &Cube| more.iter().filter_map(|m| cube.and(m)).collect::<Vec<_>>();
            cubes.iter().flat_map(each).collect()
        })
    };
    limit.clauses.iter().flat_map(clause).collect()
}

#[test]
fn cubes_part_as_sets_do() {
    let bytes = |cubes: &[Cube]| -> Vec<u64> {
        let within = |n: &u64| cubes.iter().any(|cube| cube.contains(&[*n, 0, 0, 0, 0, 0]));
        (0..256).filter(within).collect()
    };
    let few =
        [(0xf0, 0x30), (0xff, 0x31), (0x81, 0x01)].map(|(mask, value)| Cube::of(0, mask, value));
    let inside = bytes(&few);
    assert_eq!(inside.len(), 16 + 64 - 8);
    let outside = minus(vec![Cube::ALL], &few);
    assert_eq!(
        bytes(&outside),
        (0..256).filter(|n| !inside.contains(n)).collect::<Vec<_>>()
    );
    for (n, one) in outside.iter().enumerate() {
        assert!(outside[..n].iter().all(|other| one.and(other).is_none()));
    }
}
