// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs and commands, and says what went wrong.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::programs::Kind;

pub type Outcome = Result<(), String>;

pub struct Program<'a> {
    pub kind: &'a Kind,
    pub path: PathBuf,
}

/// Status as a shell shows it.
pub fn status(output: &Output) -> i32 {
    let signal = output.status.signal().map(|signal| 128 + signal);
    output.status.code().or(signal).unwrap_or(-1)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn expect(what: &str, ok: bool, output: &Output) -> Outcome {
    if ok {
        return Ok(());
    }
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    Err(format!(
        "{what}: status {} stdout {out:?} stderr {err:?}",
        status(output)
    ))
}

pub fn driver(mode: &str, program: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command
        .args(["driver", mode])
        .arg(program)
        .stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> Output {
    command.output().expect("a command that starts")
}

pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
