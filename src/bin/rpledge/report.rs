// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the command answers: its exit codes, its failures, its standard output.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use rpledge::facts::finding::Finding;

/// The exit codes of every `rpledge` command; 2 is also clap's.
pub mod code {
    /// Done, and nothing was found.
    pub const OK: u8 = 0;
    /// Done; something is wrong or differs, and was said.
    pub const FOUND: u8 = 1;
    /// Asked for something that there is not: an option, a function, a libc.
    pub const USAGE: u8 = 2;
    /// A file cannot be read or understood.
    pub const DATA: u8 = 3;
}

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// For standard error, without a newline at the end.
    pub text: String,
}

impl Failure {
    /// Asked for something that there is not.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure {
            code: code::USAGE,
            text: text.into(),
        }
    }

    /// A file cannot be read or understood.
    pub fn data(text: impl Into<String>) -> Failure {
        Failure {
            code: code::DATA,
            text: text.into(),
        }
    }

    /// Says it; the command's answer.
    pub fn report(&self) -> ExitCode {
        // Nobody is left to tell if this fails.
        let _ = writeln!(std::io::stderr(), "{}", self.text);
        ExitCode::from(self.code)
    }
}

impl From<Vec<Finding>> for Failure {
    fn from(findings: Vec<Finding>) -> Failure {
        let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
        Failure::data(lines.join("\n"))
    }
}

/// Writes to standard output; a reader who has seen enough is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::data(format!("rpledge: standard output: {why}")))
        }
        _ => Ok(()),
    }
}
