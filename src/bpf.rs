// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy to the instructions of a seccomp filter: an interval tree on the number, argument checks at its leaves.
//!
//! The way to a leaf loads nothing but the number and jumps on constants, so
//! that the kernel's bitmap takes every call whose verdict knows no arguments
//! (`seccomp_is_const_allow` in kernel/seccomp.c).

use crate::policy::{Action, After, Broker, Mode, Policy, Verdict};

use check::{answer, check};

mod check;
mod delta;
mod program;

pub use delta::asking;
pub use program::{INSNS_MAX, Insn, Program, TooLong};

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_ALU | BPF_AND | BPF_K`, ... of linux/bpf_common.h.
pub const LOAD: u16 = 0x20;
pub const AND: u16 = 0x54;
pub const JUMP: u16 = 0x05;
pub const JEQ: u16 = 0x15;
pub const JGE: u16 = 0x35;
pub const RET: u16 = 0x06;

/// SECCOMP_RET_* of linux/seccomp.h.
pub const RET_KILL_PROCESS: u32 = 0x8000_0000;
pub const RET_TRAP: u32 = 0x0003_0000;
pub const RET_ERRNO: u32 = 0x0005_0000;
pub const RET_USER_NOTIF: u32 = 0x7fc0_0000;
pub const RET_LOG: u32 = 0x7ffc_0000;
pub const RET_ALLOW: u32 = 0x7fff_0000;

/// Offsets in `struct seccomp_data`.
pub const DATA_NR: u32 = 0;
pub const DATA_ARCH: u32 = 4;
pub const DATA_ARGS: u32 = 16;

/// What the handler is told of a call that it must ask the broker for; what
/// it may be told instead is an errno, and those end at 4095.
pub const DOOR_DATA: u16 = 0x8000;

/// Of a mode's violations and of numbers that the tables do not know.
const ENOSYS: u16 = libc::ENOSYS as u16;

/// All that takes place while a filter is written. In this order, lengths before
/// lists, it lies on the fewest pages that are touched: each costs a fault.
#[repr(C)]
pub struct Work {
    checks: Checks,
    intervals: Intervals,
    program: Program,
}

impl Work {
    /// Nothing yet.
    pub const fn new() -> Work {
        Work {
            program: Program::new(),
            intervals: Intervals::NONE,
            checks: Checks::NONE,
        }
    }

    /// Write the filter of `policy`; if a filter of `old` is known to lie below
    /// it, one that says only what that one does not.
    pub fn compile(&mut self, policy: &Policy, old: Option<&Policy>) -> Result<&Program, TooLong> {
        let Work {
            program,
            intervals,
            checks,
        } = self;
        write(policy, old, program, intervals, checks)?;
        Ok(program)
    }
}

impl Default for Work {
    fn default() -> Work {
        Work::new()
    }
}

/// Numbers from `from` up to the next interval's.
#[derive(Clone, Copy)]
struct Interval {
    from: u32,
    leaf: Leaf,
}

/// The value to return, or [`CHECK`] and the place of the call whose arguments
/// must be looked at: one word, as some thousand of them lie on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Leaf(u32);

/// No kernel has an action of this value.
const CHECK: u32 = 0x0001_0000;
/// Beside a place: an older filter says the same.
const UNCHANGED: u32 = 0x8000;

impl Leaf {
    fn check(place: usize, is_changed: bool) -> Leaf {
        Leaf(CHECK | if is_changed { 0 } else { UNCHANGED } | place as u32)
    }

    fn is_check(self) -> bool {
        self.0 & 0xffff_0000 == CHECK
    }

    fn place(self) -> usize {
        (self.0 & (UNCHANGED - 1)) as usize
    }

    fn is_changed(self) -> bool {
        self.0 & UNCHANGED == 0
    }
}

/// Enough for every call alone; numbers have far fewer gaps than a fourth.
const INTERVALS_MAX: usize = crate::table::CallSet::CAPACITY / 4 * 5;

#[repr(C)]
struct Intervals {
    len: usize,
    list: [Interval; INTERVALS_MAX],
}

impl Intervals {
    const NONE: Intervals = Intervals {
        list: [Interval {
            from: 0,
            leaf: Leaf(0),
        }; INTERVALS_MAX],
        len: 0,
    };

    fn push(&mut self, from: u32, leaf: Leaf) -> Result<(), TooLong> {
        if self.len > 0 && self.list[self.len - 1].leaf == leaf {
            return Ok(());
        }
        *self.list.get_mut(self.len).ok_or(TooLong)? = Interval { from, leaf };
        self.len += 1;
        Ok(())
    }

    /// The same; where it need not be said only if it is what was said last.
    fn say(&mut self, policy: &Policy, from: u32, leaf: Leaf, needed: bool) -> Result<(), TooLong> {
        let last = self.list[..self.len].last();
        let goes_on = last.is_some_and(|last| last.leaf == leaf);
        let said = needed || goes_on && delta::may_repeat(policy, leaf.0);
        self.push(from, if said { leaf } else { Leaf(RET_ALLOW) })
    }
}

/// Write the filter of `policy` into `program`.
pub fn compile(policy: &Policy, program: &mut Program) -> Result<(), TooLong> {
    write(policy, None, program, &mut { Intervals::NONE }, &mut {
        Checks::NONE
    })
}

/// The tree, then the checks that its leaves lead to.
fn write(
    policy: &Policy,
    old: Option<&Policy>,
    program: &mut Program,
    intervals: &mut Intervals,
    checks: &mut Checks,
) -> Result<(), TooLong> {
    // Places are those of one table.
    let old = old.filter(|old| core::ptr::eq(old.table, policy.table));
    (program.len, intervals.len, checks.len) = (0, 0, 0);
    program.push(LOAD, DATA_ARCH)?;
    let arch = program.push(JEQ, policy.table.audit)?;
    program.push(RET, action(policy, Action::Foreign))?;
    program.insns[arch].jf = 0;
    program.insns[arch].jt = 1;
    program.push(LOAD, DATA_NR)?;
    divide(policy, old, intervals)?;
    tree(program, &intervals.list[..intervals.len], checks)?;
    for n in 0..checks.len {
        let (jump, leaf) = checks.list[n];
        program.jump_here(usize::from(jump));
        if is_query(policy, leaf.place()) {
            answer(program, policy)?;
        }
        if leaf.is_changed() {
            check(program, policy, old, leaf.place())?;
        } else {
            program.push(RET, RET_ALLOW)?;
        }
    }
    Ok(())
}

/// The value that a filter returns for an action.
pub fn action(policy: &Policy, action: Action) -> u32 {
    match action {
        Action::Allow => RET_ALLOW,
        Action::Errno(errno) => RET_ERRNO | u32::from(errno),
        Action::Unfold(errno) => RET_TRAP | u32::from(errno),
        Action::Ask => RET_USER_NOTIF,
        Action::Door => RET_TRAP | u32::from(DOOR_DATA),
        Action::Foreign => match (policy.after, policy.broker) {
            (After::Free, Broker::Here) => RET_USER_NOTIF,
            // As the older filter says, of which the broker has the listener.
            (After::Left, _) => RET_ALLOW,
            _ => RET_KILL_PROCESS,
        },
        Action::Violation => match policy.mode {
            Mode::Abort => RET_TRAP,
            Mode::Kill => RET_KILL_PROCESS,
            Mode::Error => RET_ERRNO | u32::from(ENOSYS),
            Mode::Log => RET_LOG,
        },
    }
}

/// The verdicts in order of numbers. A number that the tables do not name is
/// of a newer kernel or of none: ENOSYS, which a libc answers by falling back.
///
/// On top of `old` what that one says need not be said again, foreign numbers
/// included; but it may, where an interval goes on for it.
fn divide(policy: &Policy, old: Option<&Policy>, intervals: &mut Intervals) -> Result<(), TooLong> {
    let unknown = Leaf(action(policy, policy.unknown()));
    let adds = |was: fn(&Policy) -> Action| {
        old.is_none_or(|old| delta::adds(old, was(old), policy, was(policy)))
    };
    let adds_unknown = adds(|policy| policy.unknown());
    let mut older = old.map(|old| (old, old.verdicts()));
    let mut next = 0;
    for (place, (verdict, limits)) in policy.verdicts().enumerate() {
        let nr = policy.table.calls[place].nr;
        if nr > next {
            intervals.say(policy, next, unknown, adds_unknown)?;
        }
        let is_changed = match &mut older {
            None => true,
            Some((old, verdicts)) => verdicts.next().is_none_or(|(was, _)| {
                !delta::is_same((old, was), (policy, verdict), place, limits)
            }),
        };
        let leaves_rest = || old.is_some_and(|old| delta::leaves_rest(old, policy, place));
        let leaf = match verdict {
            Verdict::Always(always) if !is_query(policy, place) => match is_changed {
                true if leaves_rest() => Leaf::check(place, true),
                _ => Leaf(action(policy, always)),
            },
            _ => Leaf::check(place, is_changed),
        };
        intervals.say(policy, nr, leaf, is_changed || is_query(policy, place))?;
        next = nr + 1;
    }
    intervals.say(policy, next, unknown, adds_unknown)?;
    let foreign = Leaf(action(policy, Action::Foreign));
    let adds_foreign = adds(|_| Action::Foreign);
    intervals.say(policy, policy.table.foreign_from, foreign, adds_foreign)
}

/// Is it the call that the query is asked through, whatever else it may do?
fn is_query(policy: &Policy, place: usize) -> bool {
    policy.table.calls[place].name == "prctl"
}

/// Half of all calls, limited: no architecture comes near.
const CHECKS_MAX: usize = crate::table::CallSet::CAPACITY / 2;

/// Jumps that lead to argument checks, to be placed after the tree.
#[repr(C)]
struct Checks {
    len: usize,
    list: [(u16, Leaf); CHECKS_MAX],
}

impl Checks {
    const NONE: Checks = Checks {
        list: [(0, Leaf(0)); CHECKS_MAX],
        len: 0,
    };
}

fn tree(program: &mut Program, list: &[Interval], checks: &mut Checks) -> Result<(), TooLong> {
    let [only] = list else {
        let (low, high) = list.split_at(list.len() / 2);
        let Some(first) = high.first() else {
            return Ok(());
        };
        // A leaf is one instruction and an inner node one or two.
        if low.len() < 64 {
            let node = program.push(JGE, first.from)?;
            tree(program, low, checks)?;
            program.if_true(node)?;
        } else {
            let node = program.push(JGE, first.from)?;
            program.insns[node].jf = 1;
            let far = program.push(JUMP, 0)?;
            tree(program, low, checks)?;
            program.jump_here(far);
        }
        return tree(program, high, checks);
    };
    if !only.leaf.is_check() {
        return program.push(RET, only.leaf.0).map(|_| ());
    }
    let jump = program.push(JUMP, 0)? as u16;
    *checks.list.get_mut(checks.len).ok_or(TooLong)? = (jump, only.leaf);
    checks.len += 1;
    Ok(())
}
