// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much stack pledge() takes: it must work on the small threads that servers make.

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use rpledge::pledge::{Flags, Request, pledge};
use rpledge::promise::Set;
use rpledge::table::TABLE;

/// A thread on which pledge() must work.
const SMALL: usize = 32 << 10;
/// The most that it may take.
const MOST: usize = 16 << 10;
const PAGE: usize = 4 << 10;

fn everything() -> Set {
    Set::from_bits(u64::MAX).minus(TABLE.broker)
}

/// In a process of its own, since a filter is for good: on a thread with a
/// stack of `size` bytes, pledge or do nothing.
fn on_thread(size: usize, pledges: bool) -> ExitCode {
    let request = Request {
        promises: Some(everything()),
        exec: None,
    };
    let body = move || {
        let flags = Flags::from_bits(0)?;
        if pledges {
            pledge(request, flags)
        } else {
            Ok(())
        }
    };
    let thread = thread::Builder::new().stack_size(size).spawn(body);
    let ended = thread.expect("a thread").join().expect("no panic");
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn works(size: usize, pledges: bool) -> bool {
    let mut child = Command::new(env::current_exe().expect("this program"));
    child.args([
        "--on-thread",
        &size.to_string(),
        if pledges { "pledge" } else { "nothing" },
    ]);
    // A stack that is too small ends in a fault, which is no news here.
    child.stderr(Stdio::null());
    child.status().expect("this program runs").success()
}

/// The smallest stack that does.
fn least(pledges: bool) -> Option<usize> {
    (1..=SMALL / PAGE)
        .map(|pages| pages * PAGE)
        .find(|size| works(*size, pledges))
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().collect();
    if let [_, flag, size, what] = args.as_slice()
        && flag == "--on-thread"
    {
        return on_thread(size.parse().expect("a size"), what == "pledge");
    }
    let (Some(bare), Some(pledged)) = (least(false), least(true)) else {
        println!("test pledge_on_a_small_stack ... FAILED: {SMALL} bytes do not do");
        return ExitCode::FAILURE;
    };
    let taken = pledged - bare;
    let fits = taken <= MOST;
    let word = if fits { "ok" } else { "FAILED" };
    println!(
        "test pledge_on_a_small_stack ... {word}: takes {taken} bytes of at most {MOST}; with the thread's own {pledged}"
    );
    if fits {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
