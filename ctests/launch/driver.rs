// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small command around the launcher: `driver VERDICT PROGRAM ARGUMENTS`.

use std::ffi::OsString;
use std::process::ExitCode;

use rpledge::bpf::Insn;

use crate::launch::{self, Command, Confinement, LaunchError, Tracee, Violation};

const RET: u16 = 0x06;
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
/// With data to be found again in the report.
const TRAP: u32 = 0x0003_0007;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const X86_64: u32 = 0xc000_003e;

/// A filter that does `verdict` on getppid, traps foreign calls, allows the rest.
fn filter(verdict: u32, padding: usize) -> Vec<Insn> {
    let insn = |code, jt, jf, k| Insn { code, jt, jf, k };
    let getppid = 110;
    let mut filter = vec![insn(LOAD, 0, 0, 0); padding];
    filter.extend([
        insn(LOAD, 0, 0, 4),
        insn(JUMP_EQUAL, 1, 0, X86_64),
        insn(RET, 0, 0, TRAP),
        insn(LOAD, 0, 0, 0),
        insn(JUMP_EQUAL, 0, 1, getppid),
        insn(RET, 0, 0, verdict),
        insn(RET, 0, 0, ALLOW),
    ]);
    filter
}

fn install(mode: &str, tracee: &Tracee) -> Result<Confinement, String> {
    let libc = tracee.libc.as_ref().map_or("unknown".into(), |libc| {
        let name = libc.path.file_name().unwrap_or_default().to_string_lossy();
        format!(
            "{name} shared={} build-id={}",
            libc.shared,
            libc.build_id.len()
        )
    });
    eprintln!("install at {:?} libc {libc}", tracee.place);
    let filter = match mode {
        "errno" => filter(ERRNO | libc::ENOSYS as u32, 0),
        "long" => filter(TRAP, 4000),
        "empty" => Vec::new(),
        "broken" => vec![filter(TRAP, 0)[0]],
        "fail" => return Err("no data for this libc".into()),
        _ => filter(TRAP, 0),
    };
    Ok(Confinement {
        veil: None,
        filter,
        broker: None,
    })
}

fn report(violation: &Violation) {
    let caller = violation.caller();
    let object = caller.as_ref().map_or("", |caller| &caller.object);
    eprintln!(
        "violation main={} nr={} arch={:#x} first={:#x} function={} object={} comm={}",
        violation.pid == violation.tid,
        violation.number,
        violation.arch,
        violation.arguments[0],
        caller
            .as_ref()
            .and_then(|caller| caller.function.as_deref())
            .unwrap_or("?"),
        object.rsplit('/').next().unwrap_or(""),
        violation.comm,
    );
}

pub fn main(arguments: &[OsString]) -> ExitCode {
    let [mode, program, arguments @ ..] = arguments else {
        return ExitCode::from(64);
    };
    let mode = mode.to_string_lossy();
    let command = Command {
        program: program.clone(),
        arguments: arguments.to_vec(),
        stay: mode != "leave",
        inherited: None,
    };
    match launch::launch(&command, |tracee| install(&mode, tracee), |_| None, report) {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            let kind = match error {
                LaunchError::NotFound(_) => "not found",
                LaunchError::CannotExecute(_) => "cannot execute",
                LaunchError::Failed(_) => "failed",
            };
            eprintln!("{kind}: {error}");
            ExitCode::from(error.code())
        }
    }
}
