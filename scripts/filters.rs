// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints filters and the policies they are made of, one JSON object a line, for scripts/prove.

#[path = "../ctests/filters/programs.rs"]
mod programs;

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use rpledge::bpf::{self, Program};
use rpledge::policy::{Action, Mode, Policy, Process, QUERY, Verdict};
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
    let mut program = Box::new(Program::new());
    let mut sets = programs::usual();
    sets.extend(programs::pairs());
    for (row, libcs) in rows() {
        for set in &sets {
            for handled in [false, true] {
                let policy = policy(libcs, *set, None, handled);
                line(out, &row, &policy, &mut program)?;
            }
        }
        for mode in [Mode::Kill, Mode::Error, Mode::Log] {
            for set in sets.iter().take(2) {
                let policy = policy(libcs, *set, Some(mode), true);
                line(out, &row, &policy, &mut program)?;
            }
        }
    }
    out.flush()
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

fn line(out: &mut impl Write, row: &str, policy: &Policy, program: &mut Program) -> io::Result<()> {
    bpf::compile(policy, program).map_err(|_| io::Error::other("a filter does not fit"))?;
    let words: Vec<_> = policy.promises.iter().map(Promise::name).collect();
    let insns = program.insns().iter();
    let insns = list(insns.map(|i| format!("[{},{},{},{}]", i.code, i.jt, i.jf, i.k)));
    let calls = TABLE.calls.iter().enumerate();
    writeln!(
        out,
        concat!(
            "{{\"row\":\"{}\",\"promises\":\"{}\",\"mode\":\"{:?}\",\"handled\":{},",
            "\"audit\":{},\"foreign_from\":{},\"big_endian\":{},",
            "\"query\":{{\"call\":\"prctl\",\"option\":{},\"answers\":{:?}}},",
            // A list, as several filters of one process decide together.
            "\"filters\":[{}],\"calls\":{}}}"
        ),
        row,
        words.join(" "),
        policy.mode,
        policy.handled,
        TABLE.audit,
        TABLE.foreign_from,
        TABLE.big_endian,
        QUERY,
        policy.answers(),
        insns,
        list(calls.map(|(place, call)| format!(
            "[{},\"{}\",{}]",
            call.nr,
            call.name,
            verdict(policy, place)
        ))),
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
