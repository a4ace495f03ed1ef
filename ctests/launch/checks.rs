// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that need more than a line of a table.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::live::*;
use crate::programs;
use crate::run::{Outcome, Program, driver, expect, run, status, text};

pub type Check = fn(&Program) -> Outcome;

pub const CHECKS: &[(&str, Check)] = &[
    ("libc is found", libc_is_found),
    ("errno filters", errno_filters),
    ("long filters", long_filters),
    ("own code is named", own_code_is_named),
    ("handler race", handler_race),
    ("failures end it", failures_end_it),
    ("what is left can be let go", what_is_left_can_be_let_go),
    ("input is inherited", input_is_inherited),
    ("terminal is inherited", terminal_is_inherited),
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
pub const ONCE: &[(&str, Check)] = &[
    ("commands that are none", commands_that_are_none),
    (
        "scripts run their interpreter",
        scripts_run_their_interpreter,
    ),
    ("tracing may be refused", tracing_may_be_refused),
    (
        "own start is confined from the entry",
        own_start_is_confined_from_the_entry,
    ),
    ("foreign programs are refused", foreign_programs_are_refused),
];

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

/// A filter of the greatest length, below the stack pointer and, where the
/// stack is too small for it, in a page of its own.
fn long_filters(program: &Program) -> Outcome {
    let output = run(driver("long", &program.path).arg("call"));
    expect("long", status(&output) == 134, &output)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let line = "ulimit -s 32 && exec \"$0\" driver long \"$1\" call";
    let output = run(Command::new("sh")
        .args(["-c", line])
        .arg(own)
        .arg(&program.path));
    expect("small stack", status(&output) == 134, &output)
}

fn own_code_is_named(program: &Program) -> Outcome {
    let output = run(Command::new(&program.path).arg("own"));
    expect("bare", text(&output.stdout) == "own 1\n", &output)?;
    let output = run(driver("trap", &program.path).arg("own"));
    let function = match program.kind.name {
        "glibc-no-pie" => "function=?",
        _ => "function=own_call",
    };
    let err = text(&output.stderr);
    expect(
        "own",
        err.contains(function) && err.contains("first=0x5eed"),
        &output,
    )
}

/// Another thread sets a handler again and again: it must be stopped first.
fn handler_race(program: &Program) -> Outcome {
    let output = run(driver("trap", &program.path).arg("race"));
    let dead = status(&output) == 134 && output.stdout.is_empty();
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

/// The program is in the foreground of the terminal that script(1) makes.
fn terminal_is_inherited(program: &Program) -> Outcome {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let line = format!("{:?} driver trap {:?} tty", own, program.path);
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null());
    let output = run(&mut command);
    let seen = text(&output.stdout).contains("tty 1 foreground 1");
    expect("terminal", seen && status(&output) == 0, &output)
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
