// SPDX-License-Identifier: MIT OR Apache-2.0
//! One instruction, as our decoder and as the second one see it.

use rpledge::extract::ir::{Decoded, Flow, Machine, Mask, Op, Target};

use super::listing::Line;
use super::seconds::{Excuse, Kind, Leave, Second};

/// What a decoder says of an instruction.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    pub length: u64,
    pub target: Option<u64>,
    pub leave: Option<Leave>,
    pub writes: Mask,
}

/// A difference: of what kind, and for writes, in which register.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Finding {
    pub kind: Kind,
    pub register: Option<u8>,
}

/// Changes what our decoder says: for the test of this test.
pub type Spoil = fn(&mut Vec<Op>, &mut Decoded);

/// Our decoder's view; none if it takes this for no instruction.
pub fn ours(machine: &dyn Machine, code: &[u8], address: u64, spoil: Spoil) -> Option<View> {
    let mut ops = Vec::new();
    let mut decoded = machine.decode(code, address, &mut ops)?;
    spoil(&mut ops, &mut decoded);
    let mut writes = ops.iter().fold(0, |mask, op| mask | written(op));
    let target = match decoded.flow {
        Flow::Jump(Target::Address(to)) | Flow::Branch(_, to) => Some(to),
        Flow::Call(Target::Address(to)) => Some(to),
        _ => None,
    };
    // What the analysis assumes of every call and system call.
    match decoded.flow {
        Flow::Call(_) => writes |= machine.call_clobbers() | 1 << machine.stack_pointer(),
        Flow::Syscall => writes |= machine.syscall_clobbers(),
        Flow::Return => writes |= 1 << machine.stack_pointer(),
        _ => {}
    }
    Some(View {
        length: u64::from(decoded.len),
        target: target.map(|to| to & !machine.mode_bits()),
        leave: Leave::of(decoded.flow),
        writes,
    })
}

pub fn written(op: &Op) -> Mask {
    match op {
        Op::Const { dst, .. }
        | Op::Page { dst, .. }
        | Op::Insert { dst, .. }
        | Op::Blur { dst, .. }
        | Op::Copy { dst, .. }
        | Op::Address { dst, .. }
        | Op::Load { dst, .. }
        | Op::Add { dst, .. }
        | Op::Sum { dst, .. }
        | Op::And { dst, .. }
        | Op::Or { dst, .. }
        | Op::Xor { dst, .. }
        | Op::Shift { dst, .. }
        | Op::Either { dst, .. }
        | Op::EitherLoad { dst, .. }
        | Op::Clobber { dst } => 1 << dst,
        Op::LoadWide { .. }
        | Op::Store { .. }
        | Op::Compare { .. }
        | Op::CompareSigned { .. }
        | Op::Keep { .. }
        | Op::Recall { .. }
        | Op::FlagsLost => 0,
    }
}

/// Objdump's view; what is written comes from elsewhere.
pub fn theirs(second: &Second, line: &Line, writes: Mask) -> View {
    View {
        length: line.length,
        target: line.target(second),
        leave: (second.leaves)(line),
        writes,
    }
}

/// All in which the two differ.
pub fn compare(ours: Option<&View>, theirs: &View) -> Vec<Finding> {
    let plain = |kind| Finding {
        kind,
        register: None,
    };
    let Some(ours) = ours else {
        return vec![plain(Kind::NotDecoded)];
    };
    let mut findings = Vec::new();
    if theirs.length != 0 && ours.length != theirs.length {
        findings.push(plain(Kind::Length));
    }
    if ours.target != theirs.target {
        findings.push(plain(Kind::Target));
    }
    if ours.leave != theirs.leave {
        findings.push(plain(Kind::Leave));
    }
    let missing = theirs.writes & !ours.writes;
    let missing = (0..64).filter(|register| missing >> register & 1 == 1);
    findings.extend(missing.map(|register| Finding {
        kind: Kind::Write,
        register: Some(register),
    }));
    findings
}

/// The excuse of a finding, by its place in the list.
pub fn excuse(excuses: &[Excuse], line: &Line, finding: &Finding) -> Option<usize> {
    let text = format!("{} {}", line.mnemonic, line.operands);
    excuses.iter().position(|excuse| {
        excuse.kind == finding.kind
            && excuse.begins.iter().any(|begin| text.starts_with(begin))
            && (excuse.register.is_none() || excuse.register == finding.register)
    })
}
