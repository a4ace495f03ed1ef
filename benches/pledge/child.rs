// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measurements in processes of their own, since a filter is for good: fork, pin to a CPU, tell the parent by a pipe.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::time::Instant;

/// Run `body` in a child on one CPU; what it returns.
pub fn run(body: impl FnOnce() -> Vec<u64>) -> Vec<u64> {
    let (mut reader, writer) = pipe().expect("a pipe");
    // SAFETY: this process has one thread.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        pin();
        let bytes: Vec<u8> = body().iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut file = File::from(OwnedFd::from(writer));
        let told = file.write_all(&bytes);
        // SAFETY: ends the child without a destructor.
        unsafe { libc::_exit(i32::from(told.is_err())) }
    }
    assert!(pid > 0, "fork");
    drop(writer);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("the pipe");
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(status, 0, "the child failed");
    let word = |chunk: &[u8]| u64::from_ne_bytes(chunk.try_into().expect("eight bytes"));
    bytes.chunks_exact(8).map(word).collect()
}

/// How many nanoseconds `body` takes after `before`, in a child.
pub fn time(before: impl FnOnce(), body: impl FnOnce()) -> f64 {
    let told = run(|| {
        before();
        let begun = Instant::now();
        body();
        vec![begun.elapsed().as_nanos() as u64]
    });
    told[0] as f64
}

fn pin() {
    // SAFETY: an all-zero set is an empty one; the kernel reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
