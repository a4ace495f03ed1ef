// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers that a filter tells, read back; marks of what they were made of.

use super::*;

#[test]
fn answers_read_back_and_fit_an_errno() {
    let every = Set::from_bits(u64::MAX);
    for promises in [Set::EMPTY, every, Set::from_bits(0x5_5555_5555)] {
        for exec in [None, Some(Set::EMPTY), Some(every)] {
            for (mode, thread_only) in Mode::ALL.into_iter().zip([true, false, false, true]) {
                let mut policy = Policy::of(&crate::table::TABLE, &[], promises);
                (policy.exec, policy.mode) = (exec, mode);
                (policy.thread_only, policy.process.pid) = (thread_only, 4711);
                let brokered = mode == Mode::Error;
                if brokered {
                    policy.broker = Broker::Here;
                }
                let answers = policy.answers();
                assert!(answers.iter().all(|a| *a <= 4095));
                let held = Held {
                    promises,
                    exec,
                    mode,
                    thread_only,
                    brokered,
                    is_unbound: false,
                };
                assert_eq!(Held::from_answers(&answers), Some(held));
            }
        }
    }
}

#[test]
fn other_values_have_another_mark() {
    let marked = |pid, report, uid, gid| {
        let mut policy = Policy::of(&crate::table::TABLE, &[], Set::EMPTY);
        policy.process = Process {
            pid,
            report,
            uid,
            gid,
        };
        policy
    };
    let first = marked(4711, 0x7f00_0000_1000, 0, 0);
    let mut others = [
        marked(4712, 0x7f00_0000_1000, 0, 0),
        marked(4711, 0x7f00_0000_2000, 0, 0),
        marked(4711, 0x7f00_0000_1000, 1, 0),
        marked(4711, 0x7f00_0000_1000, 0, 1),
        first,
        first,
    ];
    others[4].granted.calls.insert(3);
    others[5].granted.limits.insert(3);
    assert!(others.iter().all(|other| other.mark() != first.mark()));
    let pids = 1..=4 * u32::from(MARKS);
    let seen: std::collections::BTreeSet<_> = pids.map(|pid| marked(pid, 0, 0, 0).mark()).collect();
    assert!(seen.iter().all(|mark| *mark < MARKS));
    assert!(seen.len() > usize::from(MARKS) * 9 / 10, "{}", seen.len());
}

#[test]
fn other_answers_are_not_ours() {
    assert_eq!(Held::from_answers(&[22; ANSWERS]), None);
}
