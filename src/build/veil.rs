// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of src/needs.rs, as Rust.

use std::fmt::Write;

use crate::facts::syscalls::Syscalls;
use crate::facts::veil::{Asker, Call, Needs, Operand, Veil};

/// `RIGHTS`, `SCOPES`, `CALLS` and `REFUSALS` for an architecture.
pub fn print(veil: &Veil, syscalls: &Syscalls, arch: &str) -> String {
    let mut out =
        String::from("/// In the order of their bits.\npub static RIGHTS: &[Right] = &[\n");
    for right in &veil.rights {
        let _ = writeln!(
            out,
            "    Right {{ bit: {}, abi: {}, letters: Letters::from_bits({}), on_files: Letters::from_bits({}) }},",
            right.bit,
            right.abi,
            right.letters.bits(),
            right.on_files.bits()
        );
    }
    let _ = writeln!(
        out,
        "];\n/// Bit and ABI.\npub static SCOPES: &[(u32, u32)] = &{:?};",
        veil.scopes
    );
    let mut calls: Vec<(u32, &Call)> = veil
        .calls
        .iter()
        .filter_map(|(name, call)| Some((syscalls.number(arch, name)?, call)))
        .collect();
    calls.sort_by_key(|(nr, _)| *nr);
    out.push_str("/// Sorted by number.\npub static CALLS: &[Call] = &[\n");
    for (nr, call) in &calls {
        let operands: String = call.operands.iter().map(operand).collect();
        let _ = writeln!(out, "    Call {{ nr: {nr}, operands: &[{operands}] }},");
    }
    out.push_str("];\n/// Sorted by number.\npub static REFUSALS: &[Refusal] = &[\n");
    for (nr, call) in &calls {
        let errno = match call.otherwise {
            Asker::Refused => "libc::EACCES",
            Asker::Absent => "libc::ENOSYS",
            Asker::Landlock | Asker::Seen | Asker::Open | Asker::Admin => continue,
        };
        let path = call.operands.first().map(|operand| operand.path);
        let below = call.landlock;
        let _ = writeln!(
            out,
            "    Refusal {{ nr: {nr}, path: {path:?}, errno: {errno}, below: {below:?} }},"
        );
    }
    out.push_str("];\n");
    out
}

fn operand(operand: &Operand) -> String {
    let Operand {
        directory,
        path,
        is_address,
        needs,
    } = operand;
    let needs = match needs {
        Needs::Letters(letters) => {
            format!("Needs::Letters(Letters::from_bits({}))", letters.bits())
        }
        Needs::Any => "Needs::Any".to_owned(),
        Needs::Open(flags) => format!("Needs::Open({flags})"),
        Needs::Access(mode) => format!("Needs::Access({mode})"),
    };
    format!(
        "Operand {{ directory: {directory:?}, path: {path}, is_address: {is_address}, needs: {needs} }}, "
    )
}
