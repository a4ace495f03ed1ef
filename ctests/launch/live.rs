// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that send signals to a running program, or to the launcher.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{Outcome, Program, driver};

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

pub fn termination_is_passed_on(program: &Program) -> Outcome {
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

pub fn program_stops_and_continues(program: &Program) -> Outcome {
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

pub fn job_stops_and_continues(program: &Program) -> Outcome {
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

pub fn death_of_the_command_is_the_programs(program: &Program) -> Outcome {
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
