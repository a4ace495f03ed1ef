// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints filters and the policies they are made of, one JSON object a line, for scripts/prove.

#[path = "../ctests/filters/programs.rs"]
mod programs;

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use rpledge::bpf::Work;
use rpledge::policy::{Action, After, Broker, Mode, Policy, Process, QUERY, QUESTIONS, Verdict};
use rpledge::promise::{Promise, Set};
use rpledge::table::{Libc, Limit, Op, TABLE, Test};

/// Ids and addresses that meet no constant of the data.
const PROCESS: Process = Process {
    pid: 0x0012_3457,
    report: 0x7f12_89ab_cde0,
    uid: 0x0000_abcd,
    gid: 0x0000_dcba,
};

fn main() -> ExitCode {
    match print(&mut BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("filters: {why}");
            ExitCode::FAILURE
        }
    }
}

fn print(out: &mut impl Write) -> io::Result<()> {
    let mut work = Box::new(Work::new());
    let mut sets = programs::usual();
    sets.extend(programs::pairs());
    for (row, libcs) in rows() {
        for set in &sets {
            for handled in [false, true] {
                let policy = policy(libcs, *set, None, handled);
                line(out, &row, &[policy], &[], &mut work)?;
            }
        }
        for mode in [Mode::Kill, Mode::Error, Mode::Log] {
            for set in sets.iter().take(2) {
                let policy = policy(libcs, *set, Some(mode), true);
                line(out, &row, &[policy], &[], &mut work)?;
            }
        }
    }
    chains(out, &mut work)?;
    out.flush()
}

/// What pledge() loads where a broker is, and on top of that: the libcs take
/// turns, and so do the narrowings and how many there are.
fn chains(out: &mut impl Write, work: &mut Work) -> io::Result<()> {
    let rows = rows();
    let stdio = Set::EMPTY.with(Promise::Stdio);
    for (n, set) in programs::usual().into_iter().enumerate() {
        let (row, libcs) = &rows[n % rows.len()];
        let execute = set.with(Promise::Exec);
        for (at, (set, exec)) in [
            (set, None),
            (execute, None),
            (execute, Some(execute)),
            (execute, Some(stdio.with(Promise::Rpath))),
        ]
        .into_iter()
        .enumerate()
        {
            let mut policies = vec![listened(libcs, set, exec, Broker::Here)];
            let mut bounds = vec![alone(libcs, set)];
            if let Some(exec) = exec {
                let mut after = alone(libcs, exec);
                after.begin(libcs);
                bounds.push(after);
            }
            // One promise less, and of that a half.
            let members: Vec<_> = set.without(Promise::Exec).iter().collect();
            let lost = members.get((n + at) % members.len().max(1));
            let less = lost.map_or(Set::EMPTY, |lost| set.without(*lost));
            let few = members
                .iter()
                .step_by(2)
                .fold(less, |all, one| all.without(*one));
            for set in [less, few].into_iter().take((n + at) % 3) {
                policies.push(listened(libcs, set, exec, Broker::Below));
                bounds.push(alone(libcs, set));
            }
            line(out, row, &policies, &bounds, work)?;
        }
    }
    Ok(())
}

/// As pledge() loads it.
fn listened(
    libcs: &'static [Libc<'static>],
    set: Set,
    exec: Option<Set>,
    broker: Broker,
) -> Policy<'static> {
    let mut policy = alone(libcs, set);
    policy.exec = exec;
    policy.with_broker(broker).with_exec(libcs)
}

/// The same without a broker.
fn alone(libcs: &'static [Libc<'static>], set: Set) -> Policy<'static> {
    policy(libcs, set, None, true)
}

/// Each libc, and all as one, as they stand for an unknown one.
fn rows() -> Vec<(String, &'static [Libc<'static>])> {
    let one = TABLE.libcs.iter();
    let mut rows: Vec<_> = one
        .map(|libc| {
            let row = format!("{} {}", libc.name, libc.version);
            (row, std::slice::from_ref(libc))
        })
        .collect();
    rows.push(("every libc".to_owned(), TABLE.libcs));
    rows
}

fn policy(
    libcs: &'static [Libc<'static>],
    set: Set,
    mode: Option<Mode>,
    handled: bool,
) -> Policy<'static> {
    let mut policy = Policy::of(&TABLE, libcs, set);
    policy.mode = mode.unwrap_or(policy.mode);
    policy.process = PROCESS;
    policy.exec = set.contains(Promise::Exec).then_some(set);
    policy.handled = handled;
    policy
}

/// The filters of `policies`, each on top of the one before, and what bounds
/// what they let through.
fn line(
    out: &mut impl Write,
    row: &str,
    policies: &[Policy],
    bounds: &[Policy],
    work: &mut Work,
) -> io::Result<()> {
    let mut filters = Vec::new();
    for (n, policy) in policies.iter().enumerate() {
        let old = n.checked_sub(1).map(|below| &policies[below]);
        let program = work.compile(policy, old);
        let program = program.map_err(|_| io::Error::other("a filter does not fit"))?;
        let insns = program.insns().iter();
        filters.push(list(
            insns.map(|i| format!("[{},{},{},{}]", i.code, i.jt, i.jf, i.k)),
        ));
    }
    writeln!(
        out,
        concat!(
            "{{\"row\":\"{}\",\"audit\":{},\"foreign_from\":{},\"big_endian\":{},",
            // Lists, as several filters of one process decide together.
            "\"filters\":{},\"policies\":{},\"bounds\":{}}}"
        ),
        row,
        TABLE.audit,
        TABLE.foreign_from,
        TABLE.big_endian,
        list(filters.into_iter()),
        list(policies.iter().map(described)),
        list(bounds.iter().map(described)),
    )
}

/// A policy, as it is said in data.
fn described(policy: &Policy) -> String {
    let words: Vec<_> = policy.promises.iter().map(Promise::name).collect();
    let calls = TABLE.calls.iter().enumerate();
    let calls = list(calls.map(|(place, call)| {
        let verdict = verdict(policy, place);
        format!("[{},\"{}\",{verdict}]", call.nr, call.name)
    }));
    let after = match policy.after {
        After::Same => "same",
        After::Free => "free",
        After::Under(..) => "under",
        After::Left => "left",
    };
    format!(
        concat!(
            "{{\"promises\":\"{}\",\"mode\":\"{:?}\",\"broker\":\"{:?}\",\"after\":\"{}\",",
            "\"query\":{{\"call\":\"prctl\",\"option\":{},\"answers\":{:?},\"questions\":{:?}}},",
            "\"calls\":{}}}"
        ),
        words.join(" "),
        policy.mode,
        policy.broker,
        after,
        QUERY,
        policy.answers(),
        QUESTIONS,
        calls,
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut text = String::from("[");
    for (n, item) in items.enumerate() {
        let comma = if n == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{item}");
    }
    text + "]"
}

/// What befalls a call that satisfies no limit, and the limits.
fn verdict(policy: &Policy, place: usize) -> String {
    match policy.verdict(place) {
        Verdict::Always(always) => format!("\"{}\",[]", action(always)),
        Verdict::Limited { otherwise } => {
            let limits = list(policy.limits_of(place).map(|l| limit(policy, l)));
            format!("\"{}\",{limits}", action(otherwise))
        }
    }
}

fn action(action: Action) -> String {
    match action {
        Action::Allow => "allow".to_owned(),
        Action::Errno(errno) => format!("errno {errno}"),
        Action::Unfold(errno) => format!("unfold {errno}"),
        Action::Ask => "ask".to_owned(),
        Action::Door => "door".to_owned(),
        Action::Violation => "violation".to_owned(),
        Action::Foreign => "foreign".to_owned(),
    }
}

fn limit(policy: &Policy, limit: &Limit) -> String {
    let met = match limit.refuse {
        true => Action::Errno(limit.errno),
        false => Action::Allow,
    };
    let clauses = limit.clauses.iter();
    let clauses = list(clauses.map(|tests| list(tests.iter().map(|t| test(policy, t)))));
    format!("[\"{}\",{clauses}]", action(met))
}

fn test(policy: &Policy, test: &Test) -> String {
    let values = test.values.iter().map(|value| policy.process.value(*value));
    let op = match test.op {
        Op::In => "in",
        Op::NotIn => "not in",
    };
    let values = list(values.map(|value| value.to_string()));
    format!(
        "[{},{},{},\"{op}\",{values}]",
        test.arg, test.wide, test.mask
    )
}
