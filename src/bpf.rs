// SPDX-License-Identifier: MIT OR Apache-2.0
//! A policy to the instructions of a seccomp filter: an interval tree on the number, argument checks at its leaves.
//!
//! The way to a leaf loads nothing but the number and jumps on constants, so
//! that the kernel's bitmap takes every call whose verdict knows no arguments
//! (`seccomp_is_const_allow` in kernel/seccomp.c).

use crate::policy::{Action, After, Broker, Mode, Policy, QUERY, QUESTIONS, Verdict};
use crate::table::{Limit, Op, Test};

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

/// All that takes place while a filter is written.
pub struct Work {
    program: Program,
    intervals: Intervals,
    checks: Checks,
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

struct Intervals {
    list: [Interval; INTERVALS_MAX],
    len: usize,
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
    fn say(&mut self, from: u32, leaf: Leaf, needed: bool) -> Result<(), TooLong> {
        let last = self.list[..self.len].last();
        let said = needed || last.is_some_and(|last| last.leaf == leaf);
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
            check(program, policy, leaf.place())?;
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
    let mut older = old.map(|old| (old, old.verdicts()));
    let mut next = 0;
    for (place, (verdict, limits)) in policy.verdicts().enumerate() {
        let nr = policy.table.calls[place].nr;
        if nr > next {
            intervals.say(next, unknown, old.is_none())?;
        }
        let is_changed = match &mut older {
            None => true,
            Some((old, verdicts)) => verdicts.next().is_none_or(|(was, _)| {
                !delta::is_same((old, was), (policy, verdict), place, limits)
            }),
        };
        let leaf = match verdict {
            _ if is_query(policy, place) => Leaf::check(place, is_changed),
            Verdict::Limited { .. } => Leaf::check(place, is_changed),
            Verdict::Always(always) => Leaf(action(policy, always)),
        };
        intervals.say(nr, leaf, is_changed || is_query(policy, place))?;
        next = nr + 1;
    }
    intervals.say(next, unknown, old.is_none())?;
    let foreign = Leaf(action(policy, Action::Foreign));
    match old {
        None => intervals.push(policy.table.foreign_from, foreign),
        Some(_) => Ok(()),
    }
}

/// Is it the call that the query is asked through, whatever else it may do?
fn is_query(policy: &Policy, place: usize) -> bool {
    policy.table.calls[place].name == "prctl"
}

/// Half of all calls, limited: no architecture comes near.
const CHECKS_MAX: usize = crate::table::CallSet::CAPACITY / 2;

/// Jumps that lead to argument checks, to be placed after the tree.
struct Checks {
    list: [(u16, Leaf); CHECKS_MAX],
    len: usize,
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

/// The checks of one call, then what befalls it otherwise.
fn check(program: &mut Program, policy: &Policy, place: usize) -> Result<(), TooLong> {
    let otherwise = match policy.verdict(place) {
        Verdict::Always(a) => a,
        Verdict::Limited { otherwise } => {
            for limit in policy.limits_of(place) {
                clauses(program, policy, limit)?;
            }
            otherwise
        }
    };
    program.push(RET, action(policy, otherwise))?;
    Ok(())
}

/// The words of [`Policy::answers`], if it is they that are asked for.
fn answer(program: &mut Program, policy: &Policy) -> Result<(), TooLong> {
    program.push(LOAD, half(policy, 0, Half::Low))?;
    let option = program.push(JEQ, QUERY)?;
    program.push(LOAD, half(policy, 1, Half::Low))?;
    for (n, answer) in policy.answers().iter().enumerate() {
        let which = program.push(JEQ, n as u32)?;
        program.push(RET, RET_ERRNO | u32::from(*answer))?;
        program.if_false(which)?;
    }
    if let Some(value) = asking(policy) {
        for which in QUESTIONS {
            let which = program.push(JEQ, which)?;
            program.push(RET, value)?;
            program.if_false(which)?;
        }
    }
    program.if_false(option)
}

/// At most this many tests stand in a clause: two jumps each.
const FAILS_MAX: usize = 48;

fn clauses(program: &mut Program, policy: &Policy, limit: &Limit) -> Result<(), TooLong> {
    for clause in limit.clauses {
        let mut fails = Fails {
            list: [(0, false); FAILS_MAX],
            len: 0,
        };
        for test in *clause {
            self::test(program, policy, test, &mut fails)?;
        }
        let befalls = match limit.refuse {
            true => Action::Errno(limit.errno),
            false => policy.grant(limit.call.into()),
        };
        program.push(RET, action(policy, befalls))?;
        for (at, when) in &fails.list[..fails.len] {
            if *when {
                program.if_true(*at)?
            } else {
                program.if_false(*at)?
            }
        }
    }
    Ok(())
}

/// Jumps that leave a clause: the instruction, and on which outcome.
struct Fails {
    list: [(usize, bool); FAILS_MAX],
    len: usize,
}

impl Fails {
    fn push(&mut self, at: usize, when: bool) -> Result<(), TooLong> {
        *self.list.get_mut(self.len).ok_or(TooLong)? = (at, when);
        self.len += 1;
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Half {
    Low,
    High,
}

/// Offset of one half of an argument.
fn half(policy: &Policy, arg: u8, half: Half) -> u32 {
    let second = match half {
        Half::Low => policy.table.big_endian,
        Half::High => !policy.table.big_endian,
    };
    DATA_ARGS + 8 * u32::from(arg) + if second { 4 } else { 0 }
}

fn test(
    program: &mut Program,
    policy: &Policy,
    test: &Test,
    fails: &mut Fails,
) -> Result<(), TooLong> {
    match (test.op, test.wide) {
        (Op::In, false) => any_low(program, policy, test, fails),
        (Op::In, true) => any_wide(program, policy, test, fails),
        (Op::NotIn, false) => {
            load(program, policy, test, Half::Low)?;
            for value in test.values {
                let at = program.push(JEQ, policy.process.value(*value) as u32)?;
                fails.push(at, true)?;
            }
            Ok(())
        }
        (Op::NotIn, true) => none_wide(program, policy, test, fails),
    }
}

fn load(program: &mut Program, policy: &Policy, test: &Test, which: Half) -> Result<(), TooLong> {
    program.push(LOAD, half(policy, test.arg, which))?;
    let (mask, every) = match which {
        Half::Low => (test.mask as u32, u32::MAX),
        Half::High => ((test.mask >> 32) as u32, u32::MAX),
    };
    if mask != every {
        program.push(AND, mask)?;
    }
    Ok(())
}

/// Go on if the low half is one of the values.
fn any_low(
    program: &mut Program,
    policy: &Policy,
    test: &Test,
    fails: &mut Fails,
) -> Result<(), TooLong> {
    load(program, policy, test, Half::Low)?;
    let Some((last, others)) = test.values.split_last() else {
        return Err(TooLong);
    };
    let first = program.len;
    for value in others {
        program.push(JEQ, policy.process.value(*value) as u32)?;
    }
    let at = program.push(JEQ, policy.process.value(*last) as u32)?;
    for other in first..at {
        program.if_true(other)?;
    }
    fails.push(at, false)
}

/// Go on if both halves are those of one of the values.
fn any_wide(
    program: &mut Program,
    policy: &Policy,
    test: &Test,
    fails: &mut Fails,
) -> Result<(), TooLong> {
    let mut found = [0; FAILS_MAX];
    let Some((last, others)) = test.values.split_last() else {
        return Err(TooLong);
    };
    for (n, value) in others.iter().enumerate() {
        let value = policy.process.value(*value);
        load(program, policy, test, Half::High)?;
        let high = program.push(JEQ, (value >> 32) as u32)?;
        load(program, policy, test, Half::Low)?;
        let low = program.push(JEQ, value as u32)?;
        *found.get_mut(n).ok_or(TooLong)? = program.push(JUMP, 0)?;
        program.if_false(high)?;
        program.if_false(low)?;
    }
    let last = policy.process.value(*last);
    load(program, policy, test, Half::High)?;
    let high = program.push(JEQ, (last >> 32) as u32)?;
    fails.push(high, false)?;
    load(program, policy, test, Half::Low)?;
    let low = program.push(JEQ, last as u32)?;
    fails.push(low, false)?;
    for at in &found[..others.len()] {
        program.jump_here(*at);
    }
    Ok(())
}

/// Go on if for each value a half differs.
fn none_wide(
    program: &mut Program,
    policy: &Policy,
    test: &Test,
    fails: &mut Fails,
) -> Result<(), TooLong> {
    for value in test.values {
        let value = policy.process.value(*value);
        load(program, policy, test, Half::High)?;
        let high = program.push(JEQ, (value >> 32) as u32)?;
        load(program, policy, test, Half::Low)?;
        let low = program.push(JEQ, value as u32)?;
        fails.push(low, true)?;
        program.if_false(high)?;
    }
    Ok(())
}
