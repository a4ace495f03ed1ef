// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases: what is run, and what it must print and end with, bare and confined.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use crate::programs::{self, KINDS, Kind};

type Outcome = Result<(), String>;

struct Program<'a> {
    kind: &'a Kind,
    path: PathBuf,
}

/// Status as a shell shows it.
fn status(output: &Output) -> i32 {
    let signal = output.status.signal().map(|signal| 128 + signal);
    output.status.code().or(signal).unwrap_or(-1)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn expect(what: &str, ok: bool, output: &Output) -> Outcome {
    if ok {
        return Ok(());
    }
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    Err(format!(
        "{what}: status {} stdout {out:?} stderr {err:?}",
        status(output)
    ))
}

fn driver(mode: &str, program: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command
        .args(["driver", mode])
        .arg(program)
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("a command that starts")
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

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
const GETPPID: &[&str] = &[
    "main=true",
    "nr=110",
    "arch=0xc000003e",
    "function=getppid",
    "code=[f, 5]",
];

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
        &["nr=64", "arch=0x40000003", "code=[cd, 80]"],
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

fn libc_is_found(program: &Program) -> Outcome {
    let output = run(driver("trap", &program.path).args(["exit", "0"]));
    let (name, shared) = (program.kind.libc, program.kind.shared);
    let line = format!("install at Main libc {name} shared={shared}");
    expect("install", text(&output.stderr).contains(&line), &output)
}

fn errno_filters(program: &Program) -> Outcome {
    let output = run(driver("errno", &program.path).arg("call"));
    let ok = status(&output) == 0 && text(&output.stdout) == "getppid -38\n";
    expect("errno", ok, &output)
}

fn long_filters(program: &Program) -> Outcome {
    let output = run(driver("long", &program.path).arg("call"));
    expect("long", status(&output) == 134, &output)
}

fn own_code_is_named(program: &Program) -> Outcome {
    let output = run(Command::new(&program.path).arg("own"));
    expect("bare", text(&output.stdout) == "own 1\n", &output)?;
    let output = run(driver("trap", &program.path).arg("own"));
    let function = match program.kind.name {
        "glibc-no-pie" => "function=?",
        _ => "function=own_call",
    };
    expect("own", text(&output.stderr).contains(function), &output)
}

/// A handler set again and again by another thread may be met: the process
/// must die all the same.
fn handler_race(program: &Program) -> Outcome {
    let output = run(driver("trap", &program.path).arg("race"));
    let dead = matches!(status(&output), 134 | 137) && output.stdout.is_empty();
    expect("race", dead, &output)
}

fn failures_end_it(program: &Program) -> Outcome {
    for (mode, why) in [
        ("fail", "no data for this libc"),
        ("empty", "a filter of 0 instructions"),
        (
            "broken",
            "seccomp(SECCOMP_SET_MODE_FILTER): Invalid argument",
        ),
    ] {
        let output = run(driver(mode, &program.path).args(["start"]));
        let ok = status(&output) == 125
            && output.stdout.is_empty()
            && text(&output.stderr).contains(why);
        expect(mode, ok, &output)?;
    }
    Ok(())
}

fn what_is_left_can_be_let_go(program: &Program) -> Outcome {
    let start = Instant::now();
    let mut command = driver("leave", &program.path);
    let command = command.args(["behind", "700"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let code = child.wait().ok().and_then(|status| status.code());
    let early = start.elapsed() < Duration::from_millis(600);
    // The end of the pipe is the end of what was left behind.
    let mut out = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        let _ = stdout.read_to_string(&mut out);
    }
    match (code, early, out.as_str()) {
        (Some(5), true, "") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn input_is_inherited(program: &Program) -> Outcome {
    let mut child = driver("trap", &program.path)
        .arg("copy")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(b"through")
            .map_err(|error| error.to_string())?;
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    expect("copy", text(&output.stdout) == "through", &output)
}

/// A running case: the driver in a process group of its own, so that neither
/// is orphaned, and signals to the group do not hit the harness.
struct Live {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Live {
    fn start(program: &Program, word: &str) -> Result<Live, String> {
        let mut child = driver("trap", &program.path)
            .arg(word)
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut live = Live {
            child,
            out: BufReader::new(out),
        };
        match live.line().as_str() {
            "ready\n" => Ok(live),
            other => Err(format!("not ready: {other:?}")),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.out.read_line(&mut line);
        line
    }

    fn driver(&self) -> i32 {
        self.child.id() as i32
    }

    /// The program, the driver's only child.
    fn program(&self) -> Result<i32, String> {
        let pid = self.driver();
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let first = children
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok());
        first.ok_or_else(|| "no program".into())
    }

    fn kill(&self, target: i32, signal: &str) -> Outcome {
        let status = Command::new("kill")
            .args([signal, "--", &target.to_string()])
            .status()
            .map_err(|error| error.to_string())?;
        status.success().then_some(()).ok_or("kill fails".into())
    }

    fn end(&mut self) -> Option<i32> {
        self.child.wait().ok().and_then(|status| status.code())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// State letter of a process, waited for.
fn reaches(pid: i32, states: &str) -> Outcome {
    let start = Instant::now();
    let mut last = String::new();
    while start.elapsed() < Duration::from_secs(5) {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        last = text
            .rsplit(") ")
            .next()
            .unwrap_or("")
            .chars()
            .take(1)
            .collect();
        if !last.is_empty() && states.contains(&last) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!(
        "process {pid} is in state {last:?}, not in {states:?}"
    ))
}

fn is(
    what: &str,
    got: impl PartialEq<&'static str> + std::fmt::Debug,
    want: &'static str,
) -> Outcome {
    match got == want {
        true => Ok(()),
        false => Err(format!("{what}: {got:?}, not {want:?}")),
    }
}

fn termination_is_passed_on(program: &Program) -> Outcome {
    for group in [false, true] {
        let mut live = Live::start(program, "term")?;
        let target = live.driver() * if group { -1 } else { 1 };
        live.kill(target, "-TERM")?;
        is("once", live.line(), "term 1\n")?;
        let code = live.end();
        (code == Some(3))
            .then_some(())
            .ok_or(format!("status {code:?}"))?;
    }
    Ok(())
}

fn program_stops_and_continues(program: &Program) -> Outcome {
    let mut live = Live::start(program, "cont")?;
    let pid = live.program()?;
    live.kill(pid, "-STOP")?;
    // A listening tracee shows as traced.
    reaches(pid, "Tt")?;
    reaches(live.driver(), "S")?;
    live.kill(pid, "-CONT")?;
    is("line", live.line(), "continued\n")?;
    let code = live.end();
    (code == Some(0))
        .then_some(())
        .ok_or(format!("status {code:?}"))
}

fn job_stops_and_continues(program: &Program) -> Outcome {
    for group in [false, true] {
        let mut live = Live::start(program, "cont")?;
        let (pid, driver) = (live.program()?, live.driver());
        let target = driver * if group { -1 } else { 1 };
        live.kill(target, "-TSTP")?;
        reaches(driver, "T")?;
        reaches(pid, "Tt")?;
        live.kill(target, "-CONT")?;
        is("line", live.line(), "continued\n")?;
        let code = live.end();
        (code == Some(0))
            .then_some(())
            .ok_or(format!("status {code:?}"))?;
    }
    Ok(())
}

fn death_of_the_command_is_the_programs(program: &Program) -> Outcome {
    let live = Live::start(program, "term")?;
    let pid = live.program()?;
    live.kill(live.driver(), "-KILL")?;
    let start = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        if start.elapsed() > Duration::from_secs(5) && reaches(pid, "Z").is_err() {
            return Err("the program outlives the command".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn commands_that_are_none(_: &Program) -> Outcome {
    let output = run(driver("trap", Path::new("no-such-program")).arg("x"));
    expect("127", status(&output) == 127, &output)?;
    expect(
        "text",
        text(&output.stderr).contains("not found: no-such-program: No such file"),
        &output,
    )?;
    let output = run(&mut driver("trap", Path::new("/")));
    expect("126", status(&output) == 126, &output)?;
    let plain = programs::directory().join("plain");
    std::fs::write(&plain, "text").map_err(|error| error.to_string())?;
    let output = run(&mut driver("trap", &plain));
    expect("126", status(&output) == 126, &output)
}

fn scripts_run_their_interpreter(_: &Program) -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let script = programs::directory().join("script");
    let write = || {
        std::fs::write(
            &script,
            "#!/bin/sh\necho \"script $1\"\n/bin/echo child; exit 4\n",
        )?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
    };
    write().map_err(|error: std::io::Error| error.to_string())?;
    let output = run(driver("errno", &script).arg("x"));
    let ok = status(&output) == 4 && text(&output.stdout) == "script x\nchild\n";
    expect("script", ok, &output)?;
    let output = run(driver("errno", Path::new("sh")).args(["-c", "exit 9"]));
    expect("PATH", status(&output) == 9, &output)
}

/// Traced by the outer launcher, the inner one's program cannot be traced again.
fn tracing_may_be_refused(program: &Program) -> Outcome {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = driver("errno", &own);
    let output = run(command
        .args(["driver", "errno"])
        .arg(&program.path)
        .arg("call"));
    let why = "cannot trace it: Operation not permitted";
    let ok = status(&output) == 125 && text(&output.stderr).contains(why);
    expect("nested", ok && output.stdout.is_empty(), &output)
}

fn own_start_is_confined_from_the_entry(_: &Program) -> Outcome {
    let path = programs::without_libc()?;
    let output = run(Command::new(&path).arg("x"));
    expect("bare", status(&output) == 42, &output)?;
    let output = run(driver("trap", &path).arg("x"));
    let err = text(&output.stderr);
    let ok = status(&output) == 134 && err.contains("at Entry") && err.contains("function=_start");
    expect("confined", ok, &output)
}

fn foreign_programs_are_refused(_: &Program) -> Outcome {
    let path = programs::foreign().map_err(|error| error.to_string())?;
    let output = run(&mut Command::new(&path));
    expect("bare", status(&output) == 42, &output)?;
    let output = run(&mut driver("trap", &path));
    let ok = status(&output) == 125 && text(&output.stderr).contains("32-bit");
    expect("confined", ok, &output)
}

fn loaders_are_passed_by(program: &Program) -> Outcome {
    let loader = match program.kind.name {
        "glibc-dynamic" => "/lib64/ld-linux-x86-64.so.2",
        "musl-dynamic" => "/lib/ld-musl-x86_64.so.1",
        _ => return Ok(()),
    };
    let path = &program.path;
    let output = run(driver("trap", Path::new(loader))
        .arg(path)
        .args(["start", "a"]));
    let ok = status(&output) == 0 && text(&output.stdout).contains("constructed 1 argc 3 last a");
    expect(
        "start",
        ok && text(&output.stderr).contains("at Main"),
        &output,
    )?;
    let output = run(driver("trap", Path::new(loader)).arg(path).arg("call"));
    expect("call", status(&output) == 134, &output)
}

type Check = fn(&Program) -> Outcome;

const CHECKS: &[(&str, Check)] = &[
    ("libc is found", libc_is_found),
    ("errno filters", errno_filters),
    ("long filters", long_filters),
    ("own code is named", own_code_is_named),
    ("handler race", handler_race),
    ("failures end it", failures_end_it),
    ("what is left can be let go", what_is_left_can_be_let_go),
    ("input is inherited", input_is_inherited),
    ("termination is passed on", termination_is_passed_on),
    ("program stops and continues", program_stops_and_continues),
    ("job stops and continues", job_stops_and_continues),
    (
        "death of the command is the program's",
        death_of_the_command_is_the_programs,
    ),
    ("loaders are passed by", loaders_are_passed_by),
];

/// Independent of how the program is linked.
const ONCE: &[(&str, Check)] = &[
    ("commands that are none", commands_that_are_none),
    (
        "scripts run their interpreter",
        scripts_run_their_interpreter,
    ),
];

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
        if kind.name == "glibc-dynamic" {
            for (name, check) in ONCE {
                tally.count(kind.name, name, check(&program));
            }
        }
    }
    let Tally { passed, failed } = tally;
    println!("launch: {passed} passed, {failed} failed, {missing} ways of linking not run");
    match failed == 0 && passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
