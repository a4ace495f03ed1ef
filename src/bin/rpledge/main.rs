// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command.

#[allow(dead_code, unused_imports)]
mod launch;

fn main() {}
