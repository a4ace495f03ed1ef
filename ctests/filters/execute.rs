// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a filter lets through before and after execve(2) alike is allowed by both policies; the rest is asked.

use rpledge::bpf::{self, Work};
use rpledge::policy::{Action, After, Broker, Mode, Policy};
use rpledge::promise::{Promise, Set};
use rpledge::sim::{self, Data};
use rpledge::table::{Libc, TABLE};

use crate::inputs;
use crate::programs;
use crate::sweep::{policy, scene};

/// The policy that a filter is made of, and those that it stands for.
struct Three {
    both: Policy<'static>,
    before: Policy<'static>,
    after: Option<Policy<'static>>,
}

impl Three {
    fn of(libcs: &'static [Libc<'static>], promises: Set, exec: Option<Set>) -> Three {
        let before = policy(libcs, promises, Mode::Abort);
        let mut both = before;
        both.exec = exec;
        let after = exec.map(|exec| {
            let mut after = policy(libcs, exec, Mode::Abort);
            after.begin(libcs);
            after
        });
        Three {
            both: both.with_broker(Broker::Here).with_exec(libcs),
            before,
            after,
        }
    }

    fn inputs(&self) -> Vec<Data> {
        match &self.after {
            Some(after) => inputs::of(&[&self.before, after]),
            None => inputs::of(&[&self.before]),
        }
    }

    /// How many calls were let through, and how many asked.
    fn check(&self, libcs: &[Libc]) -> [usize; 2] {
        let mut work = Box::new(Work::new());
        let program = work.compile(&self.both, None).expect("the filter fits");
        let mut counted = [0; 2];
        for data in &self.inputs() {
            let (said, _) = sim::run(program.insns(), TABLE.big_endian, data).expect("it ends");
            let place = || scene(&self.both, libcs, data);
            assert_eq!(said, sim::expect(&self.both, data), "{}", place());
            match said {
                bpf::RET_ALLOW => {
                    counted[0] += 1;
                    let allows = |policy: &Policy| sim::decide(policy, data) == Action::Allow;
                    assert!(allows(&self.before), "{}", place());
                    assert!(self.after.as_ref().is_none_or(allows), "{}", place());
                }
                bpf::RET_USER_NOTIF => counted[1] += 1,
                _ => {}
            }
        }
        counted
    }
}

fn sets() -> impl Iterator<Item = Set> {
    programs::usual()
        .into_iter()
        .map(|set| set.with(Promise::Exec))
}

#[test]
fn a_free_program_is_asked_for_all_that_is_not_allowed() {
    for set in sets() {
        let three = Three::of(TABLE.libcs, set, None);
        assert_eq!(three.both.after, After::Free);
        let [allowed, asked] = three.check(TABLE.libcs);
        assert!(allowed > 0 && asked > 100, "{allowed} {asked}");
        // A violation would be one for who may do everything, too.
        for call in 0..TABLE.calls.len() {
            let refused = [Action::Violation, Action::Foreign];
            let verdict = three.both.verdict(call);
            let is_refused =
                |action| matches!(verdict, rpledge::policy::Verdict::Always(a) if a == action);
            assert!(
                !refused.into_iter().any(is_refused),
                "{}",
                TABLE.calls[call].name
            );
        }
    }
}

#[test]
fn execpromises_take_from_what_is_let_through() {
    let all: Vec<Set> = sets().collect();
    let mut counted = [0; 2];
    for (n, set) in all.iter().enumerate() {
        let libcs = std::slice::from_ref(&TABLE.libcs[n % TABLE.libcs.len()]);
        // Wider, narrower and unlike: whatever comes next in the list.
        for exec in [
            all[(n + 1) % all.len()],
            all[(n + 7) % all.len()],
            Set::EMPTY,
        ] {
            let three = Three::of(libcs, *set, Some(exec.without(Promise::Exec)));
            let [allowed, asked] = three.check(libcs);
            counted = [counted[0] + allowed, counted[1] + asked];
        }
    }
    assert!(counted.iter().all(|n| *n > 10_000), "{counted:?}");
}

#[test]
fn the_same_promises_need_nobody() {
    for set in sets() {
        let three = Three::of(TABLE.libcs, set, Some(set));
        assert_eq!(three.both.after, After::Same);
    }
}
