// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of src/needs.rs, as Rust.

use std::fmt::Write;

use crate::facts::syscalls::Syscalls;
use crate::facts::veil::{Asker, Call, Mediated, Needs, Operand, Veil};

/// `RIGHTS`, `SCOPES`, `CALLS`, `REFUSALS` and `MEDIATED` for an architecture.
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
    mediated(&mut out, veil, &|name| syscalls.number(arch, name));
    out
}

/// `MEDIATED`.
fn mediated(out: &mut String, veil: &Veil, number: &dyn Fn(&str) -> Option<u32>) {
    let Mediated {
        strict,
        failing,
        alone,
    } = &veil.mediated;
    let mut calls = std::collections::BTreeMap::new();
    let mut add = |name: &str, path: Option<u8>, befalls: String| {
        if let Some(nr) = number(name) {
            calls.insert(nr, (path, befalls));
        }
    };
    for (name, call) in &veil.calls {
        let Some(operand) = call.operands.first() else {
            continue;
        };
        let is_strict = call.otherwise == Asker::Seen || strict.contains(name);
        let befalls = if is_strict { "Look" } else { "Ask" };
        add(name, Some(operand.path), befalls.to_owned());
    }
    for (name, errno) in failing {
        add(name, None, format!("Errno(libc::{errno})"));
    }
    for (name, errno) in alone {
        let errno = format!("libc::{errno}");
        match veil.calls.contains_key(name) {
            true => add(name, None, format!("AskOrErrno({errno})")),
            false => add(name, None, format!("Alone({errno})")),
        }
    }
    out.push_str("/// Sorted by number.\npub static MEDIATED: &[Mediated] = &[\n");
    for (nr, (path, befalls)) in calls {
        let _ = writeln!(
            out,
            "    Mediated {{ nr: {nr}, path: {path:?}, befalls: Befalls::{befalls} }},"
        );
    }
    out.push_str("];\n");
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
