// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs an unmodified program that is confined from its main() on.
//!
//! A filter loaded before the exec would have to allow what ld.so and the libc
//! need to start, and would allow it for ever. So the program is traced: it
//! runs freely to its entry point, from there to main(), and there is made to
//! load the filter itself (prctl, seccomp), in all its threads. The launcher
//! stays its tracer to the end: a call that the filter traps is told to the
//! caller, then the process dies by SIGABRT, whatever it does with SIGABRT and
//! SIGSYS. Children are traced like it; one made before main() is confined at
//! its own main(), and an exec after it keeps the filter.
//!
//! Constructors run before main() and are not confined: who distrusts the
//! program's own code, not what it will be made to do, wants another tool.

mod elf;
mod guests;
mod inject;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod machine;
#[cfg(not(target_arch = "x86_64"))]
compile_error!("rpledge run knows no other machine than x86-64 yet: add one beside x86_64.rs");
mod proc;
mod signals;
mod start;
mod sys;
mod tree;

use rpledge::bpf::Insn;
use rpledge::broker::guest::Why;

use std::ffi::{CString, OsString};
use std::fmt;
use std::io::{Read, Write, pipe};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

pub use elf::{Caller, Libc};
pub use guests::Broker;
pub use proc::Maps;
use signals::Signals;
pub use start::Place;
use tree::Tree;

/// The effective user and group of a process.
pub fn effective_ids(pid: i32) -> Option<(u32, u32)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let effective = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((effective("Uid:")?, effective("Gid:")?))
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Looked up in PATH as execvp(3) does.
    pub program: OsString,
    /// Without the program's own name.
    pub arguments: Vec<OsString>,
    /// Wait for every process that the program leaves behind, so that their
    /// violations are told too; else they are let go when the program ends,
    /// and die by SIGSYS where they would have died by SIGABRT.
    pub stay: bool,
    /// A descriptor that the program is to inherit.
    pub inherited: Option<i32>,
}

/// What a process is held to at its main().
#[derive(Clone, Debug)]
pub struct Confinement {
    pub veil: Option<Veil>,
    pub filter: Vec<Insn>,
    /// Who listens to the filter.
    pub broker: Option<Broker>,
}

/// Rules for paths that were prepared here.
#[derive(Clone, Debug)]
pub struct Veil {
    /// Of the ruleset; the program inherits it up to its main().
    pub ruleset: i32,
    /// What refuses calls by their numbers; may be empty.
    pub filter: Vec<Insn>,
    /// Flags of landlock_restrict_self(2).
    pub flags: u64,
}

/// A process that is about to be confined, stopped at its main().
#[derive(Clone, Debug)]
pub struct Tracee {
    pub pid: i32,
    pub place: Place,
    /// The file that main() is in.
    pub program: PathBuf,
    /// None: it has shared objects, but no libc of a known name.
    pub libc: Option<Libc>,
    pub maps: Maps,
}

/// A call that the filter trapped, the thread still stopped in it.
pub struct Violation {
    pub pid: i32,
    pub tid: i32,
    /// The thread's name.
    pub comm: String,
    pub number: i32,
    /// Of the call, as <linux/audit.h> numbers architectures.
    pub arch: u32,
    pub arguments: [u64; 6],
    /// Behind the call instruction.
    pub call_address: u64,
    /// A broker was asked, and why it does not serve it.
    pub handed_back: Option<Why>,
    /// A program was executed since the process was confined.
    pub has_executed: bool,
    sp: u64,
    /// Empty if the process closed itself to others (PR_SET_DUMPABLE).
    pub maps: Maps,
    memory: Option<proc::Memory>,
}

impl Violation {
    /// The string at an address of the process, if it is not longer than this.
    pub fn string(&self, address: u64, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = self.memory.as_ref()?.read(address, limit).ok()?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        bytes.truncate(end);
        Some(bytes)
    }

    /// Who made the call, read from the files on disk.
    pub fn caller(&self) -> Option<Caller> {
        let memory = self.memory.as_ref()?;
        elf::caller(self.tid, &self.maps, memory, self.call_address, self.sp)
    }
}

/// How the program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Exited(i32),
    Signaled(i32),
}

impl Ending {
    /// The exit status that a shell would show. The command does not die by
    /// the program's signal itself: that would leave a second core file.
    pub fn code(self) -> u8 {
        match self {
            Ending::Exited(code) => code as u8,
            Ending::Signaled(signal) => 128 + signal as u8,
        }
    }
}

/// Why a program did not run, or not to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LaunchError {
    NotFound(String),
    CannotExecute(String),
    Failed(String),
}

impl LaunchError {
    /// The exit status that env(1) and timeout(1) have for it.
    pub fn code(&self) -> u8 {
        match self {
            LaunchError::NotFound(_) => 127,
            LaunchError::CannotExecute(_) => 126,
            LaunchError::Failed(_) => 125,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchError::NotFound(text)
            | LaunchError::CannotExecute(text)
            | LaunchError::Failed(text) => f.write_str(text),
        }
    }
}

/// Runs a program. `install` says what a process that has come to its main() is held
/// to, the program's own first; a violation that `survives` gives an errno
/// fails with it, and `report` hears of every other.
/// Whatever fails ends all processes of the program.
///
/// Call it from the only thread, or from one that nobody sends signals to: it
/// takes the signals of the command, to pass them on.
pub fn launch(
    command: &Command,
    mut install: impl FnMut(&Tracee) -> Result<Confinement, String>,
    mut survives: impl FnMut(&Violation) -> Option<u16>,
    mut report: impl FnMut(&Violation),
) -> Result<Ending, LaunchError> {
    let name = command.program.to_string_lossy();
    let failed = |text: String| LaunchError::Failed(format!("{name}: {text}"));
    let argv = argv(command).ok_or_else(|| failed("an argument has a NUL byte".into()))?;
    let signals = Signals::block();
    let pipes = pipe().and_then(|go| Ok((go, pipe()?)));
    let ((wait, mut go), (mut failure, tell)) =
        pipes.map_err(|error| failed(format!("pipe: {error}")))?;
    let pid = sys::fork_program(
        &argv,
        &signals.blocked,
        (&wait, &go),
        (&tell, command.inherited),
    )
    .map_err(|error| failed(format!("fork: {error}")))?;
    drop((wait, tell));
    // A child that is not told to go on ends when the pipe does.
    let seized = sys::seize(pid).and_then(|()| go.write_all(&[0]));
    drop(go);
    let mut tree = Tree::new(pid, signals, &mut install, &mut survives, &mut report);
    let ending = tree.run(command.stay);
    if let Err(error) = seized {
        return Err(failed(cannot_trace(&error)));
    }
    let mut errno = [0; 4];
    if !tree.started && failure.read_exact(&mut errno).is_ok() {
        return Err(cannot_execute(&name, i32::from_ne_bytes(errno)));
    }
    ending.map_err(|error| failed(error.to_string()))
}

fn argv(command: &Command) -> Option<Vec<CString>> {
    std::iter::once(&command.program)
        .chain(&command.arguments)
        .map(|word| CString::new(word.clone().into_vec()).ok())
        .collect()
}

fn cannot_execute(name: &str, errno: i32) -> LaunchError {
    let error = std::io::Error::from_raw_os_error(errno);
    match errno {
        libc::ENOENT | libc::ENOTDIR => LaunchError::NotFound(format!("{name}: {error}")),
        _ => LaunchError::CannotExecute(format!("{name}: {error}")),
    }
}

fn cannot_trace(error: &std::io::Error) -> String {
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let advice = match scope.as_deref().map(str::trim) {
        Ok("3") => {
            "kernel.yama.ptrace_scope is 3, which only a reboot undoes: set it to 0 or 1 for the next one"
        }
        Ok("2") => "kernel.yama.ptrace_scope is 2: set it to 0 or 1, or run this as root",
        _ => {
            "the container or sandbox that this runs in must allow ptrace (docker run --cap-add SYS_PTRACE)"
        }
    };
    format!("cannot trace it: {error}; {advice}")
}
