// SPDX-License-Identifier: MIT OR Apache-2.0
//! What system calls cost under the filter against none, in turns.

use std::hint::black_box;
use std::time::Instant;

use crate::child;
use crate::machine::min_and_median;

const ROUNDS: usize = 60;

/// A name, how often it is called in a row, and the call.
type Probe = (&'static str, u32, fn());

const PROBES: [Probe; 4] = [
    ("getppid", 20_000, getppid),
    ("fcntl(F_GETFL)", 20_000, getfl),
    ("mmap + munmap", 2_000, map),
    ("openat + close", 2_000, open),
];

fn getppid() {
    // SAFETY: takes nothing.
    black_box(unsafe { libc::getppid() });
}

fn getfl() {
    // SAFETY: reads no memory.
    black_box(unsafe { libc::fcntl(1, libc::F_GETFL) });
}

fn map() {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping, gone before anybody uses it.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), 65536, protection, flags, -1, 0);
        libc::munmap(at, 65536);
    }
}

fn open() {
    // SAFETY: a C string.
    unsafe {
        libc::close(libc::open(
            c"/etc/passwd".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        ))
    };
}

/// What is called.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROBES.iter().map(|(name, ..)| *name)
}

/// Nanoseconds a call of each probe, in a child that is prepared so.
pub fn measure(prepare: impl FnOnce()) -> Vec<f64> {
    let told = child::run(|| {
        prepare();
        let probe = |(_, times, call): &Probe| {
            // The first calls warm the caches.
            (0..times / 10).for_each(|_| call());
            let begun = Instant::now();
            (0..*times).for_each(|_| call());
            // Picoseconds, to keep the fraction.
            (begun.elapsed().as_nanos() * 1000 / u128::from(*times)) as u64
        };
        PROBES.iter().map(probe).collect()
    });
    told.iter()
        .map(|picoseconds| *picoseconds as f64 / 1000.0)
        .collect()
}

pub fn compare(promise: fn()) {
    println!("\ncalls under the filter, against none");
    let (mut bare, mut filtered) = (
        [const { Vec::new() }; PROBES.len()],
        [const { Vec::new() }; PROBES.len()],
    );
    for _ in 0..ROUNDS {
        for (list, taken) in bare.iter_mut().zip(measure(|| {})) {
            list.push(taken);
        }
        for (list, taken) in filtered.iter_mut().zip(measure(promise)) {
            list.push(taken);
        }
    }
    for (n, (name, ..)) in PROBES.iter().enumerate() {
        let (none, ours) = (
            min_and_median(&mut bare[n]),
            min_and_median(&mut filtered[n]),
        );
        println!(
            "  {name:<16} {:>7.1} ns, {:>7.1} under it; ratio {:.2}, median {:.2}",
            none.0,
            ours.0,
            ours.0 / none.0,
            ours.1 / none.1
        );
    }
}
