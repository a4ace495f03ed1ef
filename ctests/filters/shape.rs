// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filters as the kernel wants them: valid, short, and constant where no argument counts.

use rpledge::bpf::{self, Insn, Program};
use rpledge::policy::{Mode, Policy, Verdict};
use rpledge::promise::Set;
use rpledge::sim;
use rpledge::table::TABLE;

use crate::inputs;
use crate::programs;
use crate::sweep::policy;

/// BPF_MAXINSNS.
const KERNEL_MAX: usize = 4096;

/// What bpf_check_classic() and seccomp_check_filter() of the kernel ask.
fn check(insns: &[Insn]) -> Result<(), String> {
    if insns.is_empty() || insns.len() > KERNEL_MAX {
        return Err(format!("{} instructions", insns.len()));
    }
    for (at, insn) in insns.iter().enumerate() {
        let lands = |hop: usize| at + 1 + hop < insns.len();
        let fine = match insn.code {
            bpf::LOAD => insn.k % 4 == 0 && insn.k < 64,
            bpf::AND | bpf::RET => true,
            bpf::JUMP => lands(insn.k as usize),
            bpf::JEQ | bpf::JGE => lands(insn.jt.into()) && lands(insn.jf.into()),
            _ => false,
        };
        if !fine {
            return Err(format!("instruction {at}: {insn:x?}"));
        }
    }
    match insns.last() {
        Some(last) if last.code == bpf::RET => Ok(()),
        _ => Err("the last instruction is no return".to_owned()),
    }
}

/// seccomp_is_const_allow() of the kernel, for any action: what is returned
/// for a number, if no instruction on the way needs more than the number.
fn constant(insns: &[Insn], nr: u32) -> Option<u32> {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let insn = insns.get(at)?;
        at += 1;
        let hop = |taken: bool| usize::from(if taken { insn.jt } else { insn.jf });
        match insn.code {
            bpf::LOAD if insn.k == bpf::DATA_NR => accumulator = nr,
            bpf::LOAD if insn.k == bpf::DATA_ARCH => accumulator = TABLE.audit,
            bpf::JUMP => at += insn.k as usize,
            bpf::JEQ => at += hop(accumulator == insn.k),
            bpf::JGE => at += hop(accumulator >= insn.k),
            bpf::RET => return Some(insn.k),
            _ => return None,
        }
    }
}

fn each(mut look: impl FnMut(&Policy, &[Insn])) {
    let mut program = Box::new(Program::new());
    let mut sets = programs::usual();
    sets.extend(programs::pairs());
    // Also what no pledge() asks for, but the limits of the tables allow.
    sets.push(Set::from_bits(u64::MAX));
    for rows in TABLE
        .libcs
        .iter()
        .map(std::slice::from_ref)
        .chain([TABLE.libcs])
    {
        for set in &sets {
            let policy = policy(rows, *set, Mode::Abort);
            bpf::compile(&policy, &mut program).expect("the filter fits");
            look(&policy, program.insns());
        }
    }
}

#[test]
fn the_kernel_would_take_every_filter() {
    each(|_, insns| assert_eq!(check(insns), Ok(())));
}

/// A fourth of the room is left for data to come.
#[test]
fn filters_have_room_to_grow() {
    let mut longest = 0;
    each(|_, insns| longest = longest.max(insns.len()));
    println!("{longest} of {} instructions", bpf::INSNS_MAX);
    assert!(4 * longest <= 3 * bpf::INSNS_MAX, "{longest}");
}

#[test]
fn the_kernel_s_bitmap_takes_every_call_without_limits() {
    each(|policy, insns| {
        for (place, call) in TABLE.calls.iter().enumerate() {
            // prctl also carries the query.
            let wanted = match policy.verdict(place) {
                Verdict::Always(action) if call.name != "prctl" => {
                    Some(bpf::action(policy, action))
                }
                _ => None,
            };
            assert_eq!(constant(insns, call.nr), wanted, "{}", call.name);
        }
    });
}

/// Two loads and a jump on the architecture, the tree's height, a far jump
/// a node: what a call without limits costs where the kernel has no bitmap.
/// Its arguments are not looked at; what they cost others, the sweeps count.
#[test]
fn the_way_is_short() {
    let leaves = 2 * TABLE.calls.len() + 3;
    let height = leaves.next_power_of_two().ilog2() as usize;
    let tried = inputs::plain();
    let mut longest = 0;
    each(|_, insns| {
        for data in tried.iter().filter(|d| constant(insns, d.nr).is_some()) {
            let (_, steps) = sim::run(insns, TABLE.big_endian, data).expect("the filter ends");
            longest = longest.max(steps);
        }
    });
    println!("at most {longest} steps without arguments");
    assert!((height..=4 + 2 * height).contains(&longest), "{longest}");
}

#[test]
fn what_is_invalid_is_seen() {
    let ret = Insn {
        code: bpf::RET,
        k: bpf::RET_ALLOW,
        ..Insn::default()
    };
    assert_eq!(check(&[ret]), Ok(()));
    assert!(check(&[]).is_err());
    for (code, jt, jf, k) in [
        (bpf::JEQ, 1, 0, 0),
        (bpf::JEQ, 0, 1, 0),
        (bpf::JUMP, 0, 0, 1),
        (bpf::LOAD, 0, 0, 2),
        (bpf::LOAD, 0, 0, 64),
        (0x16, 0, 0, 0),
    ] {
        assert!(check(&[Insn { code, jt, jf, k }, ret]).is_err(), "{code:x}");
    }
    assert!(
        check(&[
            ret,
            Insn {
                code: bpf::LOAD,
                ..Insn::default()
            }
        ])
        .is_err()
    );
}
