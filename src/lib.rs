// SPDX-License-Identifier: MIT OR Apache-2.0
//! pledge(2) of OpenBSD on Linux, resolved against a database of C libraries.
//!
//! Programs make promises in words; the kernel filters system calls; and which
//! function of a C library makes which call differs by libc, version and
//! architecture. This library finds out on which libc it runs, looks up what
//! the promised functions need there, and installs exactly that.
//!
//! # Terms
//!
//! - **snapshot**: the facts of one libc build: for each function its own
//!   system calls, the functions that it calls, and the effects it can trigger.
//! - **effect**: a named road inside a libc that many functions can reach and
//!   few promises want (`fatal`, `cancel`, `dlopen`, ...).
//! - **quirk**: a correction to facts, written by hand, with its source.
//! - **promise**: a set of functions, the effects granted, and **limits**: what
//!   the arguments of a call must satisfy.
//! - **host**: the libc, how well it was found, and the architecture.
//! - **policy**: promises resolved on a host: a verdict for every system call.
//! - **violation**: a call that no promise in force allows.
//! - **broker**: a process that makes, for a pledged one, the calls whose
//!   legality a filter cannot see.
//!
//! # Map: nothing points up
//!
//! ```text
//! 7  ffi  rt  extract  bin/rpledge  the C face; the command
//! 6  pledge                         the state machine
//! 5  broker  violation  unveil      another process that is asked; SIGSYS: report, abort; the rules for paths
//! 4  host  installed  seccomp  landlock
//!                                   read the system, load filters and rules
//! 3  policy  bpf  sim  resolve  compiled  names  sockets  veil
//!                                   pure: promises to verdicts to instructions; tables as bytes; what rules decide
//! 2  table  needs                   made by the build script from data/
//! 1  facts  sys                     the data language; raw system calls
//! 0  promise  letters  arch  error  short
//!                                   know nobody; an error names promises, letters and texts
//! ```
#![cfg_attr(not(any(test, feature = "facts")), no_std)]
#![deny(unsafe_code)]

// Words, architectures, errors.
pub mod arch;
pub mod error;
pub mod letters;
pub mod promise;
pub mod short;

// The data, as text and as tables.
#[cfg(feature = "facts")]
#[doc(hidden)]
pub mod facts;
pub mod needs;
pub mod table;

// Promises to instructions.
pub mod bpf;
pub mod compiled;
pub mod names;
pub mod policy;
pub mod resolve;
pub mod sim;
pub mod sockets;
pub mod veil;

// The running system.
pub mod host;
pub mod installed;
pub mod landlock;
pub mod seccomp;
// What only the C face needs lies idle without it.
pub mod broker;
#[cfg_attr(not(feature = "capi"), allow(dead_code))]
mod sys;
pub mod unveil;
pub mod violation;

pub mod pledge;

// For C programs.
#[cfg(feature = "capi")]
#[doc(hidden)]
pub mod ffi;
// Where std is linked (tests, the data language) its own runtime serves.
#[cfg(all(feature = "capi", not(any(test, feature = "facts"))))]
mod rt;

// For the command.
#[cfg(feature = "extract")]
#[doc(hidden)]
pub mod extract;
