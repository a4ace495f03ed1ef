// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same policies built by libseccomp, from cubes rather than from our instructions, and both filters compared.
//!
//! Everything that the data can say is exact in cubes, and so in libseccomp's
//! masked comparisons. What it cannot say is a range of numbers: all numbers
//! that no kernel gives out get ENOSYS from us, and each of them would need a
//! rule of its own there. Up to 64 beyond the last known they have one; the
//! few beyond (`inputs::beyond`) are compared with the policy alone, and so is
//! number -1, with which a tracer skips a call: we take it for one of x32, as
//! the kernel's own numbering does, libseccomp leaves it to its default.

use std::fs::File;
use std::io::{Read, Seek};

use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rpledge::bpf::{self, Insn, Program};
use rpledge::policy::{Action, Mode, Policy, QUERY, Verdict};
use rpledge::promise::Promise;
use rpledge::sim::{self, Data};
use rpledge::table::TABLE;

use crate::cube::{self, Cube};
use crate::inputs;
use crate::programs;
use crate::sweep::{policy, scene};

/// Cubes that do not meet, and what befalls the calls in them.
type Regions = Vec<(Vec<Cube>, Action)>;

/// What befalls calls at `place`, by their arguments; the last region is the
/// rest.
fn regions(policy: &Policy, place: usize) -> (Regions, Action) {
    let mut regions: Regions = Vec::new();
    let mut taken: Vec<Cube> = Vec::new();
    let mut add = |cubes: Vec<Cube>, action| {
        let cubes = cube::apart(&cube::minus(cubes, &taken));
        taken.extend(&cubes);
        regions.push((cubes, action));
    };
    if TABLE.calls[place].name == "prctl" {
        for (n, answer) in policy.answers().iter().enumerate() {
            let mut asked = Cube::ALL;
            (asked.mask[0], asked.value[0]) = (0xffff_ffff, QUERY.into());
            (asked.mask[1], asked.value[1]) = (0xffff_ffff, n as u64);
            add(vec![asked], Action::Errno(*answer));
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
    (regions, otherwise)
}

fn scmp(policy: &Policy, action: Action) -> ScmpAction {
    match bpf::action(policy, action) {
        bpf::RET_ALLOW => ScmpAction::Allow,
        bpf::RET_LOG => ScmpAction::Log,
        bpf::RET_TRAP => ScmpAction::Trap,
        bpf::RET_KILL_PROCESS => ScmpAction::KillProcess,
        errno => ScmpAction::Errno((errno & 0xffff) as i32),
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

/// One call: what befalls it within cubes, and without.
struct Said {
    nr: u32,
    regions: Regions,
    otherwise: ScmpAction,
    /// What the regions leave out.
    rest: Vec<Cube>,
}

fn said(policy: &Policy, place: usize) -> Said {
    let (regions, otherwise) = regions(policy, place);
    let taken: Vec<_> = regions
        .iter()
        .flat_map(|(cubes, _)| cubes.clone())
        .collect();
    Said {
        nr: TABLE.calls[place].nr,
        regions,
        otherwise: scmp(policy, otherwise),
        rest: cube::minus(vec![Cube::ALL], &taken),
    }
}

/// The default that spares most rules: what a call's cubes leave out is many
/// cubes itself, and time in libseccomp grows faster than their number.
fn cheapest(said: &[Said]) -> ScmpAction {
    let cost = |default: &ScmpAction| {
        let others = said.iter().filter(|s| s.otherwise != *default);
        others.map(|s| s.rest.len()).sum::<usize>()
    };
    let actions = said
        .iter()
        .filter(|s| s.rest.len() > 1)
        .map(|s| s.otherwise);
    actions.min_by_key(cost).unwrap_or(ScmpAction::Trap)
}

struct Oracle {
    context: ScmpFilterContext,
    default: ScmpAction,
    rules: usize,
}

impl Oracle {
    fn rule(&mut self, nr: u32, action: ScmpAction, cube: &Cube) {
        // libseccomp takes no rule that says what its default says.
        if action == self.default {
            return;
        }
        self.rules += 1;
        let call = ScmpSyscall::from_raw_syscall(nr as i32);
        let added = match comparisons(cube).as_slice() {
            [] => self.context.add_rule_exact(action, call),
            list => self.context.add_rule_conditional_exact(action, call, list),
        };
        added.unwrap_or_else(|why| panic!("{nr} {action:?} {cube:x?}: {why}"));
    }
}

/// libseccomp's filter of the policy, and of how many rules it was made.
fn build(policy: &Policy) -> (Vec<Insn>, usize) {
    let said: Vec<_> = (0..TABLE.calls.len())
        .map(|place| said(policy, place))
        .collect();
    let default = cheapest(&said);
    let context = ScmpFilterContext::new(default).expect("libseccomp");
    let mut oracle = Oracle {
        context,
        default,
        rules: 0,
    };
    let foreign = scmp(policy, Action::Foreign);
    oracle.context.set_act_badarch(foreign).expect("libseccomp");
    for Said {
        nr,
        regions,
        otherwise,
        rest,
    } in &said
    {
        for (cubes, action) in regions {
            cubes
                .iter()
                .for_each(|cube| oracle.rule(*nr, scmp(policy, *action), cube));
        }
        rest.iter()
            .for_each(|cube| oracle.rule(*nr, *otherwise, cube));
    }
    for nr in (0..inputs::numbers() + 64).filter(|nr| TABLE.place(*nr).is_none()) {
        let unknown = scmp(policy, Action::Errno(libc::ENOSYS as u16));
        oracle.rule(nr, unknown, &Cube::ALL);
    }
    (export(&oracle.context), oracle.rules)
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
    let (code, k) = if code == JGT {
        (
            bpf::JGE,
            k.checked_add(1).expect("greater than the greatest"),
        )
    } else {
        (code, k)
    };
    Insn {
        code,
        jt: bytes[2],
        jf: bytes[3],
        k,
    }
}

/// What our filter and libseccomp's say differently.
fn differences(policy: &Policy, program: &mut Program) -> (Vec<(Data, u32, u32)>, usize, usize) {
    bpf::compile(policy, program).expect("the filter fits");
    let (theirs, rules) = build(policy);
    let beyond = inputs::beyond();
    let is_said = |data: &Data| {
        data.arch != TABLE.audit
            || !beyond.contains(data)
            || data.nr >= TABLE.foreign_from && data.nr != u32::MAX
    };
    let mut tried = inputs::plain();
    tried.retain(is_said);
    tried.extend(inputs::limits(policy));
    let run = |insns: &[Insn], data| {
        sim::run(insns, TABLE.big_endian, data)
            .expect("the filter ends")
            .0
    };
    let mut list = Vec::new();
    for data in &tried {
        let (our, their) = (run(program.insns(), data), run(&theirs, data));
        if our != their {
            list.push((*data, our, their));
        }
    }
    (list, tried.len(), rules)
}

#[test]
fn libseccomp_agrees() {
    let mut program = Box::new(Program::new());
    let (mut filters, mut calls, mut most) = (0, 0, 0);
    let rows = TABLE.libcs.len();
    for (row, libcs) in TABLE.libcs.iter().map(std::slice::from_ref).enumerate() {
        for (n, set) in programs::usual().into_iter().enumerate() {
            // Socket options left out are thousands of rules there: such a set
            // is tried on one libc, each on another.
            let is_long = set.contains(Promise::Inet) || set.contains(Promise::Unix);
            if is_long && (n + row) % rows != 0 {
                continue;
            }
            let policy = policy(libcs, set, Mode::Abort);
            let (differ, tried, rules) = differences(&policy, &mut program);
            if let Some((data, our, their)) = differ.first() {
                panic!(
                    "{} of {tried}: ours {our:x}, theirs {their:x}: {}",
                    differ.len(),
                    scene(&policy, libcs, data)
                );
            }
            (filters, calls, most) = (filters + 1, calls + tried, most.max(rules));
        }
    }
    println!("{filters} filters, {calls} calls; at most {most} rules of libseccomp's a filter");
    assert!(calls > 1_000_000, "{calls}");
}
