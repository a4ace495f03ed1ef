// SPDX-License-Identifier: MIT OR Apache-2.0
//! For each libc and set of promises the filter does what the policy says.

use rpledge::bpf::{self, Program};
use rpledge::policy::{Broker, Mode, Policy};
use rpledge::promise::{Promise, Set};
use rpledge::sim::{self, Data};
use rpledge::table::{Libc, TABLE};

use crate::inputs;
use crate::programs;

const BROKERS: [Broker; 3] = [Broker::Absent, Broker::Here, Broker::Below];
const MODES: [Mode; 4] = [Mode::Abort, Mode::Kill, Mode::Error, Mode::Log];

/// What a call may cost, in instructions.
const LONGEST: usize = 256;

/// The policy of a set, in a process that exists nowhere.
pub fn policy(libcs: &'static [Libc<'static>], set: Set, mode: Mode) -> Policy<'static> {
    let mut policy = Policy::of(&TABLE, libcs, set);
    policy.mode = mode;
    policy.process = inputs::PROCESS;
    policy.exec = set.contains(Promise::Exec).then_some(set);
    policy
}

/// What went wrong, in words that lead to it.
pub fn scene(policy: &Policy, libcs: &[Libc], data: &Data) -> String {
    let words: Vec<_> = policy.promises.iter().map(Promise::name).collect();
    let libcs: Vec<_> = libcs
        .iter()
        .map(|l| format!("{} {}", l.name, l.version))
        .collect();
    let call = TABLE.call_name(data.nr).unwrap_or("?");
    format!(
        "{:?} on {libcs:?}, {:?}: {call} {data:x?}",
        words.join(" "),
        policy.mode
    )
}

/// Compile the policy and try its filter; how many calls were tried.
fn agree(
    libcs: &'static [Libc<'static>],
    set: Set,
    modes: &[Mode],
    program: &mut Program,
) -> usize {
    let tried = inputs::of(&[&policy(libcs, set, Mode::Abort)]);
    let brokers = match TABLE.brokered(set).is_empty() {
        true => &BROKERS[..1],
        false => &BROKERS[..],
    };
    let kinds = modes
        .iter()
        .flat_map(|mode| brokers.iter().map(move |broker| (mode, broker)));
    for (mode, broker) in kinds {
        let mut policy = policy(libcs, set, *mode).with_broker(*broker);
        // As pledge() loads it; the oracle is asked about the other kind.
        policy.handled = true;
        bpf::compile(&policy, program).expect("the filter fits");
        for data in &tried {
            let (seen, steps) =
                sim::run(program.insns(), TABLE.big_endian, data).expect("the filter ends");
            let said = sim::expect(&policy, data);
            assert_eq!(seen, said, "{}", scene(&policy, libcs, data));
            assert!(steps <= LONGEST, "{steps}: {}", scene(&policy, libcs, data));
        }
    }
    modes.len() * tried.len()
}

fn sweep(rows: &[&'static [Libc<'static>]], sets: &[Set], modes: &[Mode]) -> usize {
    let mut program = Box::new(Program::new());
    let mut tried = 0;
    for libcs in rows {
        for set in sets {
            tried += agree(libcs, *set, modes, &mut program);
        }
    }
    println!("{tried} calls tried");
    tried
}

/// Each libc, and all of them as they stand for an unknown one.
fn rows() -> Vec<&'static [Libc<'static>]> {
    let one = TABLE.libcs.iter().map(std::slice::from_ref);
    one.chain([TABLE.libcs]).collect()
}

#[test]
fn filters_do_what_policies_say() {
    let tried = sweep(&rows(), &programs::usual(), &MODES[..1]);
    assert!(tried > 1_000_000, "{tried}");
}

/// What a broker is asked for never goes by without one, and never to the door
/// where the filter has a listener.
#[test]
fn who_is_asked_depends_on_whose_listener_it_is() {
    let getpw = Set::parse("stdio getpw").expect("words");
    let open = TABLE.calls.iter().find(|call| call.name == "openat");
    let open = open.expect("every architecture has it").nr;
    let data = Data {
        nr: open,
        arch: TABLE.audit,
        ..Data::default()
    };
    let by = |broker| {
        let policy = policy(TABLE.libcs, getpw, Mode::Abort).with_broker(broker);
        sim::expect(&policy, &data)
    };
    assert_eq!(by(Broker::Absent), bpf::RET_TRAP);
    assert_eq!(by(Broker::Here), bpf::RET_USER_NOTIF);
    assert_eq!(by(Broker::Below), bpf::RET_TRAP | u32::from(bpf::DOOR_DATA));
}

/// A mode changes what is returned for a violation and nothing else, so one
/// row of the table, that of all libcs, stands for the others.
#[test]
fn filters_of_other_modes_do_what_policies_say() {
    let tried = sweep(&[TABLE.libcs], &programs::usual(), &MODES[1..]);
    assert!(tried > 1_000_000, "{tried}");
}

#[test]
fn filters_of_pairs_do_what_policies_say() {
    let tried = sweep(&rows(), &programs::pairs(), &MODES[..1]);
    assert!(tried > 1_000_000, "{tried}");
}

/// The trial itself sees what it must: an instruction that is changed changes
/// what befalls some call that is tried. All but one in a hundred: a limit may
/// be covered by another, and neighbours may have the same limits. ("id" and the
/// sockets are left out: they cover what every process keeps for its handler.)
#[test]
fn a_changed_instruction_is_seen() {
    let set = Set::parse("wpath fattr flock tty dpath").expect("known words");
    let libcs = &TABLE.libcs[..1];
    let policy = policy(libcs, set, Mode::Abort);
    let mut program = Program::new();
    bpf::compile(&policy, &mut program).expect("the filter fits");
    let tried = inputs::of(&[&policy]);
    let before: Vec<_> = tried
        .iter()
        .map(|data| sim::run(program.insns(), TABLE.big_endian, data))
        .collect();
    let mut unseen = Vec::new();
    for at in 0..program.insns().len() {
        let mut changed = program.insns().to_vec();
        match changed[at].code {
            bpf::RET => changed[at].k ^= 0x0001_0000,
            bpf::LOAD => changed[at].k = (changed[at].k + 4) % 64,
            _ => changed[at].k ^= 1,
        }
        let differs = |(data, before): (&Data, &Result<(u32, usize), sim::Invalid>)| {
            sim::run(&changed, TABLE.big_endian, data).map(|r| r.0) != before.map(|r| r.0)
        };
        if !tried.iter().zip(&before).any(differs) {
            unseen.push((at, program.insns()[at]));
        }
    }
    assert!(100 * unseen.len() <= program.insns().len(), "{unseen:x?}");
}
