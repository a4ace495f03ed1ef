// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filters run in the simulator, held against the policies they are made of and against libseccomp's.

mod attacks;
mod chains;
mod cube;
mod execute;
mod inputs;
mod narrow;
mod oracle;
mod programs;
mod shape;
mod sweep;
