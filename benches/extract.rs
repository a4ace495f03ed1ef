// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long `rpledge data extract` takes for this machine's C libraries.

#[path = "machine.rs"]
mod machine;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 5;

/// A libc, its files, and the seconds aimed at.
const LIBCS: [(&str, &[&str], f64); 2] = [
    (
        "glibc",
        &[
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ],
        1.0,
    ),
    ("musl", &["/usr/lib/x86_64-linux-musl/libc.so"], 0.2),
];

fn once(files: &[&str]) -> Result<f64, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpledge"));
    command
        .args(["data", "extract"])
        .args(files)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let begun = Instant::now();
    let ended = command
        .stdout(Stdio::null())
        .output()
        .map_err(|why| why.to_string())?;
    let taken = begun.elapsed().as_secs_f64();
    if ended.status.success() {
        Ok(taken)
    } else {
        Err(String::from_utf8_lossy(&ended.stderr).into_owned())
    }
}

fn main() {
    machine::describe();
    for (name, files, aim) in LIBCS {
        if let Some(absent) = files.iter().find(|file| !Path::new(file).exists()) {
            println!("extract {name}: SKIPPED: no {absent} here");
            continue;
        }
        match (0..ROUNDS)
            .map(|_| once(files))
            .collect::<Result<Vec<_>, _>>()
        {
            Ok(mut taken) => {
                let (min, median) = machine::min_and_median(&mut taken);
                println!(
                    "extract {name}: {min:.2} s, median {median:.2} s; {:.2} of the aim of {aim} s",
                    min / aim
                );
            }
            Err(why) => println!("extract {name}: FAILED: {}", why.trim_end()),
        }
    }
    all();
}

/// Seconds aimed at for all snapshots, on one core.
const ALL: f64 = 120.0;

/// Every snapshot again, out of the packages that are at hand.
fn all() {
    let before = children();
    let mut command = Command::new("scripts/check-snapshots");
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RPLEDGE", env!("CARGO_BIN_EXE_rpledge"));
    match command.output() {
        Ok(output) => {
            let taken = children() - before;
            let text = String::from_utf8_lossy(&output.stdout);
            println!(
                "extract all: {taken:.0} s of one core, {:.2} of the aim of {ALL} s; {}",
                taken / ALL,
                text.lines().last().unwrap_or("no result")
            );
        }
        Err(why) => println!("extract all: FAILED: {why}"),
    }
}

/// Processor time of all children so far, in seconds.
fn children() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: it is as large as the call expects, and all zeroes are a value of it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
