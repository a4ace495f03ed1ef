// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases: what is run, and what it must print and end with, bare and confined.

use std::process::{Command, ExitCode, Output, Stdio};

use crate::asked;
use crate::checks::{CHECKS, ONCE};
use crate::programs::{self, KINDS};
use crate::run::{Outcome, Program, driver, expect, run, status, text, words};

/// A program with arguments: what it prints and ends with when bare, and when
/// getppid is a violation.
struct Case {
    line: &'static str,
    environment: &'static str,
    bare: (i32, &'static str),
    confined: (i32, &'static str),
    /// Words of the report; none: there must be no report.
    report: &'static [&'static str],
}

const fn case(
    line: &'static str,
    bare: (i32, &'static str),
    confined: (i32, &'static str),
    report: &'static [&'static str],
) -> Case {
    Case {
        line,
        environment: "",
        bare,
        confined,
        report,
    }
}

const fn with(environment: &'static str, case: Case) -> Case {
    Case {
        environment,
        ..case
    }
}

const OK: (i32, &str) = (0, "getppid ok\n");
const ABORTED: (i32, &str) = (134, "");
const GETPPID: &[&str] = &["main=true", "nr=110", "arch=0xc000003e", "function=getppid"];

const CASES: &[Case] = &[
    case(
        "start a b",
        (0, "constructed 1 argc 4 last b path 1\n"),
        (0, "constructed 1 argc 4 last b path 1\n"),
        &[],
    ),
    case("exit 7", (7, ""), (7, ""), &[]),
    case("signal 10", (138, ""), (138, ""), &[]),
    case("signal 6", (134, ""), (134, ""), &[]),
    case("signal 9", (137, ""), (137, ""), &[]),
    case("signal 31", (159, ""), (159, ""), &[]),
    case("call", OK, ABORTED, GETPPID),
    case("handled", OK, ABORTED, GETPPID),
    case("ignored", OK, ABORTED, GETPPID),
    case("blocked", OK, ABORTED, GETPPID),
    case("sigsys", OK, ABORTED, GETPPID),
    case("sigsys-ignored", OK, ABORTED, GETPPID),
    case("undumpable", OK, ABORTED, &["nr=110"]),
    case("no-stack", (0, ""), ABORTED, &["nr=110"]),
    case(
        "int80",
        (0, "int80 1\n"),
        ABORTED,
        &["nr=64", "arch=0x40000003"],
    ),
    case(
        "fork",
        (0, "getppid ok\nchild exit 0\n"),
        (0, "child signal 6\n"),
        GETPPID,
    ),
    case(
        "vfork",
        (0, "getppid ok\nchild exit 0\n"),
        (0, "child signal 6\n"),
        GETPPID,
    ),
    case("exec", OK, ABORTED, GETPPID),
    case(
        "thread",
        OK,
        ABORTED,
        &["main=false", "nr=110", "function=getppid"],
    ),
    case("storm", (0, "failed 0\n"), (0, "failed 0\n"), &[]),
    case("threads", OK, ABORTED, GETPPID),
    with(
        "CONSTRUCTOR_THREAD",
        case("constructed", OK, ABORTED, &["main=false", "nr=110"]),
    ),
    with(
        "CONSTRUCTOR_FORK",
        case(
            "constructed",
            (0, "getppid ok\nchild exit 0\n"),
            (0, "child signal 6\n"),
            GETPPID,
        ),
    ),
    with("CONSTRUCTOR_EXEC", case("exit 1", OK, ABORTED, GETPPID)),
    case("behind 50", (5, "getppid ok\n"), (5, ""), GETPPID),
];

fn environment(command: &mut Command, case: &Case) {
    if !case.environment.is_empty() {
        command.env(case.environment, "1");
    }
}

fn table(program: &Program, case: &Case) -> Outcome {
    let mut bare = Command::new(&program.path);
    environment(bare.args(words(case.line)).stdin(Stdio::null()), case);
    let output = run(&mut bare);
    let same = |output: &Output, (code, out): (i32, &str)| {
        status(output) == code && text(&output.stdout) == out
    };
    expect("bare", same(&output, case.bare), &output)?;
    let mut confined = driver("trap", &program.path);
    environment(confined.args(words(case.line)), case);
    let output = run(&mut confined);
    expect("confined", same(&output, case.confined), &output)?;
    let err = text(&output.stderr);
    let reports: Vec<&str> = err
        .lines()
        .filter(|line| line.starts_with("violation"))
        .collect();
    let expected = usize::from(!case.report.is_empty());
    expect("one report", reports.len() == expected, &output)?;
    let told = case.report.iter().all(|word| reports[0].contains(word));
    expect("report", told, &output)
}

/// Counts, and prints a line for each case.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, kind: &str, name: &str, outcome: Outcome) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(why) => {
                self.failed += 1;
                println!("{kind}: {name}: FAILED: {why}");
            }
        }
    }
}

pub fn main() -> ExitCode {
    let mut tally = Tally::default();
    let mut missing = 0;
    for kind in &KINDS {
        let path = match programs::build(kind) {
            Ok(path) => path,
            Err(why) => {
                println!("{}: NOT RUN: {why}", kind.name);
                missing += 1;
                continue;
            }
        };
        let program = Program { kind, path };
        for case in CASES {
            let name = format!("{} {}", case.environment, case.line);
            tally.count(kind.name, name.trim(), table(&program, case));
        }
        for (name, check) in CHECKS {
            tally.count(kind.name, name, check(&program));
        }
        for (name, outcome) in asked::outcomes(&program) {
            tally.count(kind.name, name, outcome);
        }
        if kind.name == "glibc-dynamic" {
            for (name, check) in ONCE {
                tally.count(kind.name, name, check(&program));
            }
        }
    }
    let Tally { passed, failed } = tally;
    println!("{passed} passed, {failed} failed, {missing} skipped");
    match failed == 0 && passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
