// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checks of one call's arguments, and what befalls a call that satisfies none of its limits.

use super::{
    AND, Action, DATA_ARGS, JEQ, JUMP, LOAD, Policy, Program, RET, RET_ALLOW, RET_ERRNO, TooLong,
    Verdict, action, delta,
};
use crate::policy::{QUERY, QUESTIONS};
use crate::table::{Limit, Op, Test};

/// The checks of one call, then what befalls it otherwise.
pub(super) fn check(
    program: &mut Program,
    policy: &Policy,
    old: Option<&Policy>,
    place: usize,
) -> Result<(), TooLong> {
    let otherwise = match policy.verdict(place) {
        Verdict::Always(a) => a,
        Verdict::Limited { otherwise } => {
            for limit in policy.limits_of(place) {
                let met = match limit.refuse {
                    true => Action::Errno(limit.errno),
                    false => policy.grant(place),
                };
                clauses(program, policy, limit, action(policy, met))?;
            }
            otherwise
        }
    };
    let mut rest = action(policy, otherwise);
    if let Some(old) = old.filter(|old| delta::leaves_rest(old, policy, place)) {
        if let Verdict::Limited { .. } = old.verdict(place) {
            for limit in old.limits_of(place) {
                clauses(program, old, limit, rest)?;
            }
        }
        rest = RET_ALLOW;
    }
    program.push(RET, rest)?;
    Ok(())
}

/// The words of [`Policy::answers`], if it is they that are asked for.
pub(super) fn answer(program: &mut Program, policy: &Policy) -> Result<(), TooLong> {
    program.push(LOAD, half(policy, 0, Half::Low))?;
    let option = program.push(JEQ, QUERY)?;
    program.push(LOAD, half(policy, 1, Half::Low))?;
    for (n, answer) in policy.answers().iter().enumerate() {
        let which = program.push(JEQ, n as u32)?;
        program.push(RET, RET_ERRNO | u32::from(*answer))?;
        program.if_false(which)?;
    }
    if let Some(value) = delta::asking(policy) {
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

/// What is returned for what satisfies a limit.
fn clauses(
    program: &mut Program,
    policy: &Policy,
    limit: &Limit,
    value: u32,
) -> Result<(), TooLong> {
    for clause in limit.clauses {
        let mut fails = Fails {
            list: [(0, false); FAILS_MAX],
            len: 0,
        };
        for test in *clause {
            self::test(program, policy, test, &mut fails)?;
        }
        program.push(RET, value)?;
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
