// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls that a filter is tried on: every number, other ABIs, and both sides of every boundary of its limits.

use std::collections::HashSet;

use rpledge::arch::Arch;
use rpledge::policy::{ANSWERS, Policy, Process, QUERY};
use rpledge::sim::Data;
use rpledge::table::{Op, TABLE, Test, Value};

/// A process whose ids and addresses meet no constant of the data.
pub const PROCESS: Process = Process {
    pid: 0x0012_3457,
    report: 0x7f12_89ab_cde0,
    uid: 0x0000_abcd,
    gid: 0x0000_dcba,
};

/// What the upper half of an int may hold: nothing looks at it.
const GARBAGE: u64 = 0xdead_beef_0000_0000;

/// One more than the largest number known.
pub fn numbers() -> u32 {
    TABLE.calls.last().map_or(0, |call| call.nr + 1)
}

fn data(nr: u32, args: [u64; 6]) -> Data {
    Data {
        nr,
        arch: TABLE.audit,
        ip: 0x7f00_0000_1234,
        args,
    }
}

/// Every number up to 64 beyond the last, with nothing and with all in its
/// arguments, the borders of other ABIs, and calls through those.
pub fn plain() -> Vec<Data> {
    let mut list = Vec::new();
    for nr in 0..numbers() + 64 {
        list.extend([data(nr, [0; 6]), data(nr, [u64::MAX; 6])]);
    }
    list.extend(beyond());
    for arch in Arch::all().iter().filter(|arch| arch.audit != TABLE.audit) {
        for nr in [0, 1, 59, 157, 0x4000_0000, u32::MAX] {
            let mut call = data(nr, [0; 6]);
            call.arch = arch.audit;
            list.push(call);
        }
    }
    for audit in [0, 1, !TABLE.audit, TABLE.audit ^ 1, u32::MAX] {
        let mut call = data(0, [0; 6]);
        call.arch = audit;
        list.push(call);
    }
    list
}

/// Numbers that no kernel gives a call of this ABI.
pub fn beyond() -> Vec<Data> {
    let from = TABLE.foreign_from;
    let numbers = [
        numbers() + 64,
        1023,
        1024,
        0x3fff_fffe,
        0x3fff_ffff,
        0x4000_0000,
        0x4000_0001,
        from.wrapping_add(59),
        from.wrapping_add(157),
        from.wrapping_add(512),
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX - 1,
        u32::MAX,
    ];
    let tried = |nr: &u32| [data(*nr, [0; 6]), data(*nr, [u64::MAX; 6])];
    numbers.iter().flat_map(tried).collect()
}

/// What policies are compared on: [`plain`] calls, and both sides of every
/// boundary of every limit that one of them has in force.
pub fn of(policies: &[&Policy]) -> Vec<Data> {
    let mut list = plain();
    let mut seen = HashSet::new();
    for policy in policies {
        limits(policy, &mut seen, &mut list);
    }
    query(&mut list);
    list
}

/// What a clause's boundaries depend on: the call, the clause, the process.
type Seen = HashSet<(u32, usize, [u64; 4])>;

/// The boundaries of a policy's limits that have not been seen of another.
fn limits(policy: &Policy, seen: &mut Seen, list: &mut Vec<Data>) {
    let Process {
        pid,
        report,
        uid,
        gid,
    } = policy.process;
    let process = [pid.into(), report, uid.into(), gid.into()];
    for (place, call) in TABLE.calls.iter().enumerate() {
        let mut limited = false;
        for limit in policy.limits_of(place) {
            limited = true;
            for clause in limit.clauses {
                if seen.insert((call.nr, clause.as_ptr().addr(), process)) {
                    clause_edges(policy, call.nr, clause, list);
                }
            }
        }
        if limited {
            let mut full = [GARBAGE | 0xffff_ffff; 6];
            list.push(data(call.nr, full));
            full[5] = u64::from(QUERY);
            list.push(data(call.nr, full));
        }
    }
}

/// From a call that satisfies the clause, one argument after the other leads
/// over its boundaries while the rest stay satisfied.
fn clause_edges(policy: &Policy, nr: u32, clause: &[Test], list: &mut Vec<Data>) {
    let mut base = [0; 6];
    for test in clause {
        base[usize::from(test.arg)] |= satisfying(policy, test);
    }
    let mut high = base.map(|arg| arg | GARBAGE);
    for test in clause.iter().filter(|test| test.wide) {
        high[usize::from(test.arg)] = base[usize::from(test.arg)];
    }
    // Its neighbours must not pass for it.
    for nr in [nr, nr.wrapping_sub(1), nr + 1] {
        list.extend([data(nr, base), data(nr, high)]);
    }
    for test in clause {
        let arg = usize::from(test.arg);
        let masked = if test.wide {
            test.mask
        } else {
            test.mask & 0xffff_ffff
        };
        for value in edges(policy, test) {
            // Other tests may look at other bits of the same argument.
            for kept in [base, high] {
                let mut args = kept;
                args[arg] = kept[arg] & !masked | value & masked;
                list.push(data(nr, args));
                args[arg] = value;
                list.push(data(nr, args));
            }
        }
    }
}

/// A value of the test's argument that satisfies it.
fn satisfying(policy: &Policy, test: &Test) -> u64 {
    let value = |v: &Value| policy.process.value(*v);
    match test.op {
        Op::In => test.values.first().map_or(0, value),
        Op::NotIn => {
            let free = |n: &u64| !test.values.iter().any(|v| value(v) == n & test.mask);
            let bit = |n: u32| test.mask & (1 << n);
            let tried = (0..64).map(bit).find(free);
            tried.unwrap_or(test.mask)
        }
    }
}

fn edges(policy: &Policy, test: &Test) -> Vec<u64> {
    let bits = if test.wide { 64 } else { 32 };
    let mut list = vec![0, u64::MAX, u64::from(u32::MAX), !u64::from(u32::MAX)];
    for value in test.values {
        let value = policy.process.value(*value);
        list.extend([
            value,
            value.wrapping_add(1),
            value.wrapping_sub(1),
            value | GARBAGE,
            // The halves change places.
            value.rotate_left(32),
            !value,
        ]);
        list.extend((0..bits).map(|bit| value ^ 1 << bit));
        list.extend((32..64).map(|bit| value ^ 1 << bit).step_by(7));
    }
    list
}

/// The words of the query, and those beside them.
fn query(list: &mut Vec<Data>) {
    let Some(prctl) = TABLE.calls.iter().find(|call| call.name == "prctl") else {
        return;
    };
    let word = u64::from(QUERY);
    for n in (0..ANSWERS as u64 + 3).chain([u64::MAX, GARBAGE, GARBAGE | 1]) {
        for option in [word, word | GARBAGE, word + 1, word - 1, word << 32] {
            list.push(data(prctl.nr, [option, n, 0, 0, 0, 0]));
        }
    }
    for bit in 0..32 {
        list.push(data(prctl.nr, [word ^ 1 << bit, 0, 0, 0, 0, 0]));
        list.push(data(prctl.nr, [word, 1 << bit, 0, 0, 0, 0]));
    }
}
