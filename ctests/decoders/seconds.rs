// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second decoder of every architecture: one row each.

use capstone::{Arch, Mode};
use rpledge::extract::ir::{Flow, Reg, Target};

use super::listing::Line;
use super::{aarch64, arm, powerpc64le, riscv64, s390x, x86, x86_64};

/// An architecture's second decoder.
pub struct Second {
    /// A name of data/arches.toml.
    pub machine: &'static str,
    /// GNU's objdump is the second decoder for lengths, targets and ways on.
    pub objdump: &'static str,
    pub options: &'static [&'static str],
    /// Added to the address that our decoder is given (Thumb).
    pub mode: u64,
    /// Instructions that a file must have to be the one in which errors are planted.
    pub many: usize,
    /// Who says what an instruction writes.
    pub writes: Writes,
    /// How an instruction leaves, by objdump's words; none if it goes on or to a fixed address.
    pub leaves: fn(&Line) -> Option<Leave>,
    /// Mnemonics whose operand is an address that control does not go to.
    pub addresses: &'static [&'static str],
    /// Where the second decoder is wrong, or ours is meant to differ.
    pub excuses: &'static [Excuse],
}

/// Who says what general registers an instruction writes.
pub enum Writes {
    /// Capstone, and how its names are our numbers.
    Capstone(Arch, Mode, fn(&str) -> Option<Reg>),
    /// Objdump's text: capstone 5 does not know for this architecture.
    Text(fn(&Line) -> Vec<Reg>),
}

/// How control leaves for a place that the instruction does not name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    Jump,
    Call,
    Return,
    Syscall,
    Stop,
}

impl Leave {
    pub fn of(flow: Flow) -> Option<Leave> {
        match flow {
            Flow::Next | Flow::Branch(..) | Flow::Either(..) => None,
            Flow::Jump(Target::Address(_)) | Flow::Call(Target::Address(_)) => None,
            Flow::Jump(_) => Some(Leave::Jump),
            Flow::Call(_) => Some(Leave::Call),
            Flow::Return | Flow::ReturnIf(_) => Some(Leave::Return),
            Flow::Syscall => Some(Leave::Syscall),
            Flow::Stop => Some(Leave::Stop),
        }
    }
}

/// What may be found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Ours takes it for no instruction.
    NotDecoded,
    Length,
    Target,
    Leave,
    Write,
}

pub const KINDS: [(Kind, &str); 5] = [
    (Kind::NotDecoded, "not decoded"),
    (Kind::Length, "differing lengths"),
    (Kind::Target, "differing targets"),
    (Kind::Leave, "differing ways on"),
    (Kind::Write, "missing writes"),
];

/// A difference that is known and meant.
pub struct Excuse {
    pub kind: Kind,
    /// What mnemonic and operands begin with.
    pub begins: &'static [&'static str],
    /// Only this register, for `Write`.
    pub register: Option<Reg>,
    pub why: &'static str,
}

pub const SECONDS: &[&Second] = &[
    &x86_64::SECOND,
    &x86::SECOND,
    &aarch64::SECOND,
    &riscv64::SECOND,
    &powerpc64le::SECOND,
    &s390x::SECOND,
    &arm::A32,
    &arm::T32,
];
