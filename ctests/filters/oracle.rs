// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same policies built by libseccomp, from cubes rather than from our instructions, and both filters compared.
//!
//! Every set of promises that is usual, and so every promise alone, is tried
//! on every libc. libseccomp's side of a policy is several filters: one of all
//! numbers that need no look at arguments, and one for each call that does.
//! What libseccomp makes of one call knows nothing of the others, so the same
//! limits on the same call are built once and serve every policy that has them;
//! and each filter has the default that spares it most rules, as time in
//! libseccomp grows faster than their number. Our filter is always the whole.
//!
//! Everything that the data can say is exact in cubes, and so in libseccomp's
//! masked comparisons. What it cannot say is a range of numbers: all numbers
//! that no kernel gives out get ENOSYS from us, and each of them would need a
//! rule of its own there. Up to 64 beyond the last known they have one; the
//! few beyond (`inputs::beyond`) are compared with the policy alone, and so is
//! number -1, with which a tracer skips a call: we take it for one of x32, as
//! the kernel's own numbering does, libseccomp leaves it to its default.
//! Nothing else is left out, and nothing is sampled.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::rc::Rc;

use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rpledge::bpf::{self, Insn};
use rpledge::policy::{Action, Broker, Mode, Policy, QUERY, QUESTIONS, Verdict};
use rpledge::promise::Set;
use rpledge::sim::{self, Data};
use rpledge::table::{Libc, Limit, TABLE};

use crate::chains;
use crate::cube::{self, Cube};
use crate::inputs;
use crate::narrow::{Chain, narrower, rows};
use crate::programs;
use crate::sweep::{policy, scene};

/// Cubes, and what befalls the calls in them; those that differ in it never meet.
type Regions = Vec<(Vec<Cube>, u32)>;

/// What befalls calls at `place`, by their arguments, and the rest of them.
fn regions(policy: &Policy, place: usize) -> (Regions, u32) {
    let mut regions: Regions = Vec::new();
    let mut add = |cubes: Vec<Cube>, action| {
        let action = bpf::action(policy, action);
        // The first to take a call decides; what decides alike may overlap.
        let others = regions.iter().filter(|(_, other)| *other != action);
        let others: Vec<_> = others.flat_map(|(cubes, _)| cubes.clone()).collect();
        let cubes = cube::minus(cubes, &others);
        regions.push((cubes, action));
    };
    if TABLE.calls[place].name == "prctl" {
        let asked = |n: u64| {
            let mut asked = Cube::ALL;
            (asked.mask[0], asked.value[0]) = (0xffff_ffff, QUERY.into());
            (asked.mask[1], asked.value[1]) = (0xffff_ffff, n);
            vec![asked]
        };
        for (n, answer) in policy.answers().iter().enumerate() {
            add(asked(n as u64), Action::Errno(*answer));
        }
        for question in QUESTIONS
            .into_iter()
            .filter(|_| policy.broker != Broker::Absent)
        {
            let answer = match policy.broker {
                Broker::Here => Action::Ask,
                _ => Action::Allow,
            };
            add(asked(question.into()), answer);
        }
    }
    let otherwise = match policy.verdict(place) {
        Verdict::Always(action) => action,
        Verdict::Limited { otherwise } => {
            for limit in policy.limits_of(place) {
                let refused = Action::Errno(limit.errno);
                let action = if limit.refuse { refused } else { Action::Allow };
                add(cube::of_limit(policy, limit), action);
            }
            otherwise
        }
    };
    (regions, bpf::action(policy, otherwise))
}

/// SECCOMP_RET_TRACE, which no policy returns: of the actions that libseccomp
/// gives data to it is the one that can stand for a trap with data.
const RET_TRACE: u32 = 0x7ff0_0000;

fn scmp(action: u32) -> ScmpAction {
    let data = action as u16;
    match action & 0xffff_0000 {
        bpf::RET_ALLOW => ScmpAction::Allow,
        bpf::RET_LOG => ScmpAction::Log,
        bpf::RET_USER_NOTIF => ScmpAction::Notify,
        bpf::RET_TRAP if data == 0 => ScmpAction::Trap,
        bpf::RET_TRAP => ScmpAction::Trace(data),
        bpf::RET_KILL_PROCESS => ScmpAction::KillProcess,
        bpf::RET_ERRNO => ScmpAction::Errno(data.into()),
        _ => panic!("{action:x}"),
    }
}

fn comparisons(cube: &Cube) -> Vec<ScmpArgCompare> {
    let fixed = (0..6).filter(|n| cube.mask[*n] != 0);
    let compare = |n: usize| {
        let op = match cube.mask[n] {
            u64::MAX => ScmpCompareOp::Equal,
            mask => ScmpCompareOp::MaskedEqual(mask),
        };
        ScmpArgCompare::new(n as u32, op, cube.value[n])
    };
    fixed.map(compare).collect()
}

/// libseccomp's rules: for the calls of a number that are in a cube, an action.
type Rule = (u32, Cube, u32);

/// The rules of one call, and the default that spares it most: either what
/// befalls the rest of it, or what befalls a region, and then the rest is
/// spelt out.
fn rules_of_call(policy: &Policy, place: usize) -> (Vec<Rule>, u32) {
    let nr = TABLE.calls[place].nr;
    let (mut regions, otherwise) = regions(policy, place);
    let taken: Vec<_> = regions.iter().flat_map(|r| r.0.clone()).collect();
    let rest = cube::minus(vec![Cube::ALL], &taken);
    regions.push((rest, otherwise));
    let cost = |default: &u32| {
        let others = regions.iter().filter(|(_, action)| action != default);
        others.map(|(cubes, _)| cubes.len()).sum::<usize>()
    };
    let actions = regions.iter().map(|(_, action)| *action);
    let default = actions.min_by_key(cost).unwrap_or(otherwise);
    let each = |(cubes, action): &(Vec<Cube>, u32)| {
        let action = *action;
        cubes
            .clone()
            .into_iter()
            .map(move |cube| (nr, cube, action))
    };
    (regions.iter().flat_map(each).collect(), default)
}

/// What befalls a call whatever its arguments; none if they count. The query
/// is among prctl's.
fn constant(policy: &Policy, place: usize) -> Option<u32> {
    match policy.verdict(place) {
        Verdict::Always(action) if TABLE.calls[place].name != "prctl" => {
            Some(bpf::action(policy, action))
        }
        _ => None,
    }
}

/// The rules of every number that needs no look at arguments.
fn rules_of_numbers(policy: &Policy) -> (Vec<Rule>, u32) {
    let unknown = bpf::action(policy, policy.unknown());
    let action = |nr: u32| match TABLE.place(nr) {
        None => Some(unknown),
        Some(place) => constant(policy, place),
    };
    let rule = |nr: u32| Some((nr, Cube::ALL, action(nr)?));
    let rules = (0..inputs::numbers() + 64).filter_map(rule).collect();
    (rules, bpf::action(policy, Action::Violation))
}

/// libseccomp's filter of rules, and of how many it was made: it takes none
/// that says what its default says.
fn build((rules, default): (Vec<Rule>, u32), foreign: u32) -> Filter {
    let mut context = ScmpFilterContext::new(scmp(default)).expect("libseccomp");
    context.set_act_badarch(scmp(foreign)).expect("libseccomp");
    let rules: Vec<_> = rules.iter().filter(|rule| rule.2 != default).collect();
    for (nr, cube, action) in &rules {
        let call = ScmpSyscall::from_raw_syscall(*nr as i32);
        let added = match comparisons(cube).as_slice() {
            [] => context.add_rule_exact(scmp(*action), call),
            list => context.add_rule_conditional_exact(scmp(*action), call, list),
        };
        added.unwrap_or_else(|why| panic!("{nr} {action:x} {cube:x?}: {why}"));
    }
    (export(&context), rules.len())
}

/// libseccomp's instructions, and of how many rules it made them.
type Filter = (Vec<Insn>, usize);

/// What a call's filter follows from: the call, the limits in force on it, the
/// answers that it gives, what befalls the rest of it and other ABIs. (An answer
/// tells whether there is a broker, the latter whose.)
type Cause = (usize, Vec<*const Limit<'static>>, Vec<u16>, [u32; 2]);

fn cause(policy: &Policy<'static>, place: usize) -> Cause {
    let limits = policy.limits_of(place).map(std::ptr::from_ref).collect();
    let answers = match TABLE.calls[place].name {
        "prctl" => policy.answers().to_vec(),
        _ => Vec::new(),
    };
    let (Verdict::Always(otherwise) | Verdict::Limited { otherwise }) = policy.verdict(place);
    let foreign = bpf::action(policy, Action::Foreign);
    (
        place,
        limits,
        answers,
        [bpf::action(policy, otherwise), foreign],
    )
}

/// What the filter of numbers follows from: what befalls each, those that the
/// tables do not know, other ABIs.
type Numbers = (Vec<Option<u32>>, [u32; 2]);

/// libseccomp's filters of the policies seen so far.
#[derive(Default)]
struct Oracle {
    calls: HashMap<Cause, Rc<Filter>>,
    numbers: HashMap<Numbers, Rc<Filter>>,
}

impl Oracle {
    /// The filter of numbers, and that of each call of the table that has one.
    fn of(&mut self, policy: &Policy<'static>) -> (Rc<Filter>, Vec<Option<Rc<Filter>>>) {
        let foreign = bpf::action(policy, Action::Foreign);
        let constants: Vec<_> = (0..TABLE.calls.len())
            .map(|place| constant(policy, place))
            .collect();
        let looks = |place: &usize| constants[*place].is_none();
        for place in (0..constants.len()).filter(looks) {
            let filter = self.calls.entry(cause(policy, place));
            filter.or_insert_with(|| build(rules_of_call(policy, place), foreign).into());
        }
        let calls = (0..constants.len())
            .map(|place| looks(&place).then(|| self.calls[&cause(policy, place)].clone()))
            .collect();
        let unknown = bpf::action(policy, policy.unknown());
        let numbers = self.numbers.entry((constants, [unknown, foreign]));
        let numbers = numbers.or_insert_with(|| build(rules_of_numbers(policy), foreign).into());
        (numbers.clone(), calls)
    }
}

/// BPF_JMP | BPF_JGT | BPF_K, which our own filters do without.
const JGT: u16 = 0x25;

fn export(context: &ScmpFilterContext) -> Vec<Insn> {
    let name = format!("{:?}.bpf", std::thread::current().id());
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .expect("a file");
    context.export_bpf(&file).expect("libseccomp");
    let mut bytes = Vec::new();
    file.rewind().expect("a file");
    file.read_to_end(&mut bytes).expect("a file");
    std::fs::remove_file(path).expect("a file");
    bytes.chunks_exact(8).map(insn).collect()
}

fn insn(bytes: &[u8]) -> Insn {
    let code = u16::from_ne_bytes([bytes[0], bytes[1]]);
    let k = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let (code, k) = match (code, k & 0xffff_0000) {
        (JGT, _) => (
            bpf::JGE,
            k.checked_add(1).expect("greater than the greatest"),
        ),
        (bpf::RET, RET_TRACE) => (code, bpf::RET_TRAP | k & 0xffff),
        _ => (code, k),
    };
    Insn {
        code,
        jt: bytes[2],
        jf: bytes[3],
        k,
    }
}

/// What our filters and libseccomp's say differently, each on top of the one
/// before, and how many calls were tried.
fn differences(
    ours: &[Policy<'static>],
    theirs: &[Policy<'static>],
    oracle: &mut Oracle,
) -> (Vec<(Data, u32, u32)>, usize) {
    let mut chain = Chain::default();
    for (n, policy) in ours.iter().enumerate() {
        chain.load(policy, n.checked_sub(1).map(|below| &ours[below]));
    }
    let filters: Vec<_> = theirs.iter().map(|policy| oracle.of(policy)).collect();
    let beyond = inputs::beyond();
    let is_said = |data: &Data| {
        data.arch != TABLE.audit
            || !beyond.contains(data)
            || data.nr >= TABLE.foreign_from && data.nr != u32::MAX
    };
    let mut tried = inputs::of(&ours.iter().collect::<Vec<_>>());
    tried.retain(is_said);
    let mut list = Vec::new();
    for data in &tried {
        let mut filters = filters.iter();
        let their = sim::together(theirs, data, |_| {
            let (numbers, calls) = filters.next().expect("one for each");
            let call = TABLE.place(data.nr).and_then(|place| calls[place].as_ref());
            let (insns, _) = &**call.unwrap_or(numbers);
            let (seen, _) = sim::run(insns, TABLE.big_endian, data).expect("the filter ends");
            seen
        });
        let our = chain.outcome(data);
        if our != their {
            list.push((*data, our, their));
        }
    }
    (list, tried.len())
}

/// Tries policies on top of each other; how many calls were tried.
fn agree(libcs: &[Libc], policies: &[Policy<'static>], oracle: &mut Oracle) -> usize {
    let (differ, tried) = differences(policies, policies, oracle);
    if let Some((data, our, their)) = differ.first() {
        panic!(
            "{} of {tried}: ours {our:x}, theirs {their:x}: {}",
            differ.len(),
            scene(&policies[policies.len() - 1], libcs, data)
        );
    }
    tried
}

#[test]
fn libseccomp_agrees() {
    let mut oracle = Oracle::default();
    let (mut policies, mut calls) = (0, 0);
    for libcs in TABLE.libcs.iter().map(std::slice::from_ref) {
        for set in programs::usual() {
            let policy = policy(libcs, set, Mode::Abort);
            (policies, calls) = (policies + 1, calls + agree(libcs, &[policy], &mut oracle));
        }
    }
    let filters = oracle.calls.values().chain(oracle.numbers.values());
    let most = filters.clone().map(|filter| filter.1).max();
    println!(
        "{policies} policies, {calls} calls; {} filters of libseccomp's, of at most {most:?} rules",
        filters.count()
    );
    assert!(calls > 5_000_000, "{calls}");
}

/// Where a broker is asked, and on top of the filter that it listens to; all of
/// it as pledge() loads it.
#[test]
fn libseccomp_agrees_of_brokers_and_narrowings() {
    let mut oracle = Oracle::default();
    let (mut calls, rows) = (0, rows());
    for (n, set) in programs::usual().into_iter().enumerate() {
        let libcs = rows[n % rows.len()];
        for (at, exec) in chains::execs(set).into_iter().enumerate() {
            let of = |set, broker| chains::listened(libcs, set, exec, broker, Mode::Abort);
            let less = narrower(set);
            let policies = [
                of(set, Broker::Here),
                of(less[(n + at) % less.len()], Broker::Below),
            ];
            calls += agree(libcs, &policies, &mut oracle);
            // The same without a broker.
            let policies = policies.map(|old| {
                let mut policy = policy(libcs, old.promises, Mode::Abort);
                policy.handled = true;
                policy
            });
            calls += agree(libcs, &policies, &mut oracle);
        }
    }
    assert!(calls > 1_000_000, "{calls}");
}

/// The trial itself sees what it must.
#[test]
fn libseccomp_disagrees_with_another_policy() {
    let libcs = &TABLE.libcs[..1];
    let of = |words: &str| policy(libcs, Set::parse(words).expect(words), Mode::Abort);
    let ours = of("stdio fattr inet");
    let (mut other_user, mut other_mode) = (ours, ours);
    other_user.process.uid ^= 1;
    other_mode.mode = Mode::Kill;
    let sets = ["stdio inet", "stdio fattr", "stdio fattr inet unix"].map(of);
    for theirs in sets.into_iter().chain([other_user, other_mode]) {
        // One oracle each: within one, processes and modes are all the same.
        let mut oracle = Oracle::default();
        let (differ, _) = differences(&[ours], &[theirs], &mut oracle);
        assert!(!differ.is_empty(), "{theirs:?}");
    }
}
