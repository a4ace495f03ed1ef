// SPDX-License-Identifier: MIT OR Apache-2.0
//! What pledge() is measured against: a ready program loaded, and libseccomp given the same policy as rules.

use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rpledge::bpf::Insn;
use rpledge::policy::{Action, Policy, Verdict};
use rpledge::table::{Op, TABLE, Test};

/// One call of seccomp_rule_add(3).
pub struct Rule {
    action: ScmpAction,
    call: ScmpSyscall,
    compare: Vec<ScmpArgCompare>,
}

/// Load a program as pledge() does, into every thread.
pub fn load(insns: &[Insn]) {
    #[repr(C)]
    struct Program {
        len: u16,
        insns: *const Insn,
    }
    let program = Program {
        len: insns.len() as u16,
        insns: insns.as_ptr(),
    };
    let flags = libc::SECCOMP_FILTER_FLAG_TSYNC | libc::SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    // SAFETY: the kernel copies the program.
    let loaded = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    assert_eq!(loaded, 0, "seccomp");
}

/// The policy as somebody would write it down for libseccomp: a rule for each
/// combination of values; of several values excluded only the first, since
/// more take many rules. So libseccomp is asked for less than pledge() does.
pub fn rules(policy: &Policy) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (place, call) in TABLE.calls.iter().enumerate() {
        let call = ScmpSyscall::from_raw_syscall(call.nr as i32);
        let mut add = |action, compare| {
            rules.push(Rule {
                action,
                call,
                compare,
            })
        };
        match policy.verdict(place) {
            Verdict::Always(Action::Allow) => add(ScmpAction::Allow, Vec::new()),
            Verdict::Always(Action::Errno(errno)) => {
                add(ScmpAction::Errno(errno.into()), Vec::new())
            }
            Verdict::Always(_) => {}
            Verdict::Limited { .. } => {
                for limit in policy.limits_of(place).filter(|limit| !limit.refuse) {
                    for compare in limit
                        .clauses
                        .iter()
                        .flat_map(|clause| combinations(policy, clause))
                    {
                        add(ScmpAction::Allow, compare);
                    }
                }
            }
        }
    }
    rules
}

fn combinations(policy: &Policy, clause: &[Test]) -> Vec<Vec<ScmpArgCompare>> {
    clause.iter().fold(vec![Vec::new()], |lists, test| {
        let arg = u32::from(test.arg);
        let values = test.values.iter().map(|value| policy.process.value(*value));
        let compare = |value: u64| match test.op {
            Op::In => ScmpArgCompare::new(arg, ScmpCompareOp::MaskedEqual(test.mask), value),
            Op::NotIn => ScmpArgCompare::new(arg, ScmpCompareOp::NotEqual, value),
        };
        let count = if test.op == Op::In { usize::MAX } else { 1 };
        let tests: Vec<_> = values.take(count).map(compare).collect();
        let with = |list: &Vec<ScmpArgCompare>| {
            tests
                .iter()
                .map(|t| [list.as_slice(), &[*t]].concat())
                .collect::<Vec<_>>()
        };
        lists.iter().flat_map(with).collect()
    })
}

/// Build the filter by libseccomp and load it.
pub fn build(rules: &[Rule]) {
    let mut context = ScmpFilterContext::new(ScmpAction::Trap).expect("libseccomp");
    context.set_ctl_tsync(true).expect("libseccomp");
    for Rule {
        action,
        call,
        compare,
    } in rules
    {
        let added = match compare.as_slice() {
            [] => context.add_rule(*action, *call),
            list => context.add_rule_conditional(*action, *call, list),
        };
        added.expect("libseccomp");
    }
    context.load().expect("libseccomp");
}
