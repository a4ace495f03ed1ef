// SPDX-License-Identifier: MIT OR Apache-2.0
//! i386's second decoder.

use capstone::{Arch, Mode};

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second, Writes};
use super::x86_64;

pub const SECOND: Second = Second {
    machine: "x86",
    objdump: "i686-linux-gnu-objdump",
    options: &["--insn-width=15"],
    mode: 0,
    many: 50_000,
    writes: Writes::Capstone(Arch::X86, Mode::Mode32, x86_64::number),
    leaves,
    addresses: &[],
    excuses: &[
        Excuse {
            kind: Kind::Write,
            begins: &["cltd ", "cwtd ", "test $"],
            register: Some(0),
            why: "capstone 5 says that cdq and test of the accumulator write it",
        },
        Excuse {
            kind: Kind::Write,
            begins: &["rol $0x9,", "ror $0x9,", "xor %gs:0x18,"],
            register: None,
            why: "a pointer that glibc guards counts as the pointer",
        },
        Excuse {
            kind: Kind::Write,
            begins: &["call *%gs:0x10"],
            register: Some(4),
            why: "the kernel's gate is a system call, which leaves the stack as it was",
        },
        Excuse {
            kind: Kind::Length,
            begins: &["fstcw "],
            register: None,
            why: "objdump joins wait and fnstcw",
        },
    ],
};

/// How the C libraries enter the kernel: both ways.
fn leaves(line: &Line) -> Option<Leave> {
    match x86_64::plain(line) {
        ("int", "$0x80") | ("call", "*%gs:0x10") => Some(Leave::Syscall),
        _ => x86_64::leaves(line),
    }
}
