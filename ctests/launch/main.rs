// SPDX-License-Identifier: MIT OR Apache-2.0
//! The launcher on real programs: each kind of linking, each case bare first, then confined.
//!
//! Its own harness, for it is two programs: run with `driver` it launches, so
//! that every case has a process of its own to be signalled and to end.

// The part that the cases do not need is the command's.
#[allow(dead_code, unused_imports)]
#[path = "../../src/bin/rpledge/launch/mod.rs"]
mod launch;

mod asked;
mod cases;
mod checks;
mod driver;
mod live;
mod programs;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.first() {
        Some(first) if first == "driver" => driver::main(&arguments[1..]),
        // Something that lists tests before it runs them.
        Some(first) if first == "--list" => ExitCode::SUCCESS,
        _ => cases::main(),
    }
}
