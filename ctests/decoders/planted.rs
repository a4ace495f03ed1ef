// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors planted in our decoder and in the second one: each must be found.

use rpledge::extract::ir::{Decoded, Flow, Op, Target};

use super::check::File;
use super::compare::{Spoil, compare, excuse, written};
use super::seconds::Kind;

/// Instructions looked at: enough that every kind is among them.
const ENOUGH: usize = 50_000;

pub fn sound(_: &mut Vec<Op>, _: &mut Decoded) {}

fn longer(_: &mut Vec<Op>, decoded: &mut Decoded) {
    decoded.len += 2;
}

fn elsewhere(_: &mut Vec<Op>, decoded: &mut Decoded) {
    match &mut decoded.flow {
        Flow::Jump(Target::Address(to)) | Flow::Branch(_, to) | Flow::Call(Target::Address(to)) => {
            *to += 4;
        }
        _ => {}
    }
}

fn onward(_: &mut Vec<Op>, decoded: &mut Decoded) {
    if matches!(decoded.flow, Flow::Return | Flow::Syscall) {
        decoded.flow = Flow::Next;
    }
}

fn forgotten(ops: &mut Vec<Op>, decoded: &mut Decoded) {
    if decoded.flow == Flow::Next {
        ops.retain(|op| written(op) == 0);
    }
}

const ERRORS: [(&str, Spoil, Kind); 4] = [
    ("a wrong length", longer, Kind::Length),
    ("a wrong target", elsewhere, Kind::Target),
    ("a return taken for nothing", onward, Kind::Leave),
    ("a write dropped", forgotten, Kind::Write),
];

/// What was planted and not found.
pub fn missed(file: &File) -> Vec<&'static str> {
    let found = |spoil, kind| {
        let tally = file.check(spoil, ENOUGH);
        tally.unexplained.get(&kind).is_some_and(|count| *count > 0)
    };
    let mut missed: Vec<&str> = ERRORS
        .iter()
        .filter(|(_, spoil, kind)| !found(*spoil, *kind))
        .map(|(name, ..)| *name)
        .collect();
    if !invented(file) {
        missed.push("a second decoder that invents a write");
    }
    missed
}

/// A write that only the second decoder claims is a finding, and no excuse hides it
/// from those who look at the instruction.
fn invented(file: &File) -> bool {
    let line = file.lines.iter().find_map(|line| {
        let (mine, other, _) = file.views(line, sound)?;
        let (mine, excuses) = (mine?, file.second.excuses);
        let free = (0..file.machine.registers() as u8)
            .find(|register| mine.writes >> register & 1 == 0)?;
        let mut wrong = other.clone();
        wrong.writes |= 1 << free;
        let findings = compare(Some(&mine), &wrong);
        let finding = findings.iter().find(|one| one.register == Some(free))?;
        (other != wrong && excuse(excuses, line, finding).is_none()).then_some(())
    });
    line.is_some()
}
