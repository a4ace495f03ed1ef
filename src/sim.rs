// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two ways to what befalls a call without a kernel: the policy asked, and a filter's instructions run.

use crate::bpf::{self, Insn};
use crate::policy::{Action, After, Policy, Process, QUERY, QUESTIONS, Verdict};
use crate::promise::{Promise, Set};
use crate::table::{Libc, Limit, Op, Table, Test};

/// A call as a filter sees it: `struct seccomp_data` of linux/seccomp.h.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Data {
    pub nr: u32,
    pub arch: u32,
    pub ip: u64,
    pub args: [u64; 6],
}

/// What the filter of `policy` must return for `data`.
pub fn expect(policy: &Policy, data: &Data) -> u32 {
    let verdict = bpf::action(policy, decide(policy, data));
    answer(policy, data).unwrap_or(verdict)
}

/// What the filters of a process must return together for `data`: of policies
/// in the order in which they were loaded, each knowing the one before.
pub fn expect_all(policies: &[Policy], data: &Data) -> u32 {
    together(policies, data, |policy| expect(policy, data))
}

/// The same where `own` tells what a policy alone would return.
pub fn together<'p, 'a: 'p>(
    policies: &'p [Policy<'a>],
    data: &Data,
    mut own: impl FnMut(&'p Policy<'a>) -> u32,
) -> u32 {
    let (mut all, mut older) = (bpf::RET_ALLOW, None);
    for policy in policies {
        let own = own(policy);
        let adds = |(old, was)| is_refused(policy, data) || adds(old, was, policy, own);
        if older.is_none_or(adds) {
            all = overruled(own, all);
        }
        older = Some((policy, own));
    }
    all
}

/// Does a policy that says `own` on top of one that says `was` change anything?
fn adds(old: &Policy, was: u32, policy: &Policy, own: u32) -> bool {
    let door = bpf::action(policy, Action::Door);
    let leaves = |policy: &Policy| policy.after == After::Left;
    let is_asked = was == bpf::RET_USER_NOTIF;
    match own {
        bpf::RET_ALLOW => false,
        // Only the oldest has a listener.
        _ if own == door => was != own && !is_asked,
        // Whom a refusal is for, the broker knows: see `After::Left`.
        _ if leaves(policy) => was != own && !(is_asked && old.asks_all()),
        _ => was != own || leaves(old),
    }
}

/// Does a limit refuse it? Then no other verdict counts.
fn is_refused(policy: &Policy, data: &Data) -> bool {
    let is_limited = |place: &usize| {
        let verdict = policy.verdict(*place);
        data.arch == policy.table.audit && matches!(verdict, Verdict::Limited { .. })
    };
    let place = policy.table.place(data.nr).filter(is_limited);
    let mut limits = place.into_iter().flat_map(|place| policy.limits_of(place));
    limits.any(|limit| limit.refuse && satisfies(policy, limit, data))
}

/// Of what two filters returned, what counts (seccomp_run_filters() of the
/// kernel): the older one's where that is more severe, as a signed number.
pub fn overruled(newer: u32, older: u32) -> u32 {
    let severity = |value: u32| (value & 0xffff_0000) as i32;
    if severity(older) < severity(newer) {
        older
    } else {
        newer
    }
}

fn answer(policy: &Policy, data: &Data) -> Option<u32> {
    let asked = data.arch == policy.table.audit
        && policy.table.call_name(data.nr) == Some("prctl")
        && data.args[0] as u32 == QUERY;
    let n = data.args[1] as u32;
    let errno = |answer: &u16| bpf::RET_ERRNO | u32::from(*answer);
    match n {
        _ if !asked => None,
        n if QUESTIONS.contains(&n) => bpf::asking(policy),
        n => policy.answers().get(n as usize).map(errno),
    }
}

/// What befalls the call, by the policy.
pub fn decide(policy: &Policy, data: &Data) -> Action {
    if data.arch != policy.table.audit || data.nr >= policy.table.foreign_from {
        return Action::Foreign;
    }
    let Some(place) = policy.table.place(data.nr) else {
        return policy.unknown();
    };
    match policy.verdict(place) {
        Verdict::Always(action) => action,
        Verdict::Limited { otherwise } => {
            let first = policy.limits_of(place).find(|l| satisfies(policy, l, data));
            first.map_or(otherwise, |l| {
                if l.refuse {
                    Action::Errno(l.errno)
                } else {
                    policy.grant(place)
                }
            })
        }
    }
}

/// Does the call satisfy the limit?
pub fn satisfies(policy: &Policy, limit: &Limit, data: &Data) -> bool {
    limit
        .clauses
        .iter()
        .any(|clause| clause.iter().all(|test| holds(policy, test, data)))
}

fn holds(policy: &Policy, test: &Test, data: &Data) -> bool {
    let width = if test.wide {
        u64::MAX
    } else {
        u64::from(u32::MAX)
    };
    let seen = data.args[usize::from(test.arg)] & test.mask & width;
    let found = test
        .values
        .iter()
        .any(|value| seen == policy.process.value(*value) & width);
    found == (test.op == Op::In)
}

/// The first promise, in OpenBSD's order, that would have allowed a call; or,
/// where several are needed, the first of them; none if none would do.
pub fn missing(
    table: &Table,
    rows: &[Libc],
    held: Set,
    process: Process,
    data: &Data,
) -> Option<Promise> {
    let allows = |set: Set| {
        let policy = Policy {
            process,
            ..Policy::of(table, rows, set)
        };
        decide(&policy, data) == Action::Allow
    };
    let all = Set::from_bits(u64::MAX);
    let lacking = || Promise::all().filter(|promise| !held.contains(*promise));
    let alone = lacking().find(|promise| allows(held.with(*promise)));
    let needed = || lacking().find(|promise| allows(all) && !allows(all.without(*promise)));
    alone.or_else(needed)
}

/// Why a program is not one that the kernel would take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// The instruction.
    pub at: usize,
}

/// What a filter returns for `data`, and how many instructions it ran.
pub fn run(insns: &[Insn], big_endian: bool, data: &Data) -> Result<(u32, usize), Invalid> {
    let (mut at, mut accumulator, mut steps) = (0, 0, 0);
    // A jump leads forward only, so this ends.
    while let Some(insn) = insns.get(at) {
        steps += 1;
        let hop = |taken: bool| usize::from(if taken { insn.jt } else { insn.jf });
        at += 1;
        match insn.code {
            bpf::LOAD => {
                accumulator = word(data, insn.k, big_endian).ok_or(Invalid { at: at - 1 })?
            }
            bpf::AND => accumulator &= insn.k,
            bpf::JUMP => at += insn.k as usize,
            bpf::JEQ => at += hop(accumulator == insn.k),
            bpf::JGE => at += hop(accumulator >= insn.k),
            bpf::RET => return Ok((insn.k, steps)),
            _ => return Err(Invalid { at: at - 1 }),
        }
    }
    Err(Invalid { at })
}

fn word(data: &Data, offset: u32, big_endian: bool) -> Option<u32> {
    let split = |value: u64, second: bool| {
        if second == big_endian {
            value as u32
        } else {
            (value >> 32) as u32
        }
    };
    Some(match offset {
        bpf::DATA_NR => data.nr,
        bpf::DATA_ARCH => data.arch,
        8 | 12 => split(data.ip, offset == 12),
        _ => {
            let at = offset.checked_sub(bpf::DATA_ARGS)?;
            if at % 4 != 0 {
                return None;
            }
            split(*data.args.get(at as usize / 8)?, at % 8 == 4)
        }
    })
}
