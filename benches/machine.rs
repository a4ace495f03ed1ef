// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every benchmark prints: the machine that it ran on, the least and the middle of what it saw.

use std::fs;

pub fn describe() {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown CPU", |(_, model)| model);
    let count = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("machine: {count} x {model}, Linux {}", kernel.trim_end());
}

pub fn min_and_median(seen: &mut [f64]) -> (f64, f64) {
    seen.sort_by(f64::total_cmp);
    (seen[0], seen[seen.len() / 2])
}
