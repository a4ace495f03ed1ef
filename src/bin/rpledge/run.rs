// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge run`: an unmodified program under promises, from its main() on.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use rpledge::bpf::{self, Insn, Program};
use rpledge::broker::guest::Why;
use rpledge::broker::state::State;
use rpledge::error::Error;
use rpledge::error::veil::Veil as VeilError;
use rpledge::landlock::{Landlock, RESTRICT_SELF_TSYNC, Ruleset};
use rpledge::pledge::{self, Flags, Request};
use rpledge::policy::{Action, Broker, Held, Mode, Policy, Process};
use rpledge::promise::Promise;
use rpledge::sim::{self, Data};
use rpledge::table::{TABLE, Wishes};
use rpledge::unveil::{self, Ready};
use rpledge::veil::filter::Mediation;
use rpledge::veil::told;
use rpledge::violation::Told;

use crate::identify::{self, Identity};
use crate::launch::{self, Command, Confinement, Tracee, Veil, Violation};
use crate::needs;
use crate::report::Failure;
use crate::show;

/// Runs a program under promises
#[derive(clap::Args)]
#[command(
    after_help = "The program is confined from its main() on; what its loader needs before need not be promised.\n\
Exit status: the program's; 128 and the signal's number when one ended it; 2 there is no such option or \
promise; 125 it could not be confined; 126 it cannot be executed; 127 it was not found."
)]
pub struct Args {
    /// Promises, as pledge(3) takes them
    #[arg(short, value_name = "PROMISES")]
    promises: String,
    /// Execpromises, as pledge(3) takes them; without them what is executed stays under PROMISES
    #[arg(short = 'x', value_name = "EXECPROMISES")]
    exec: Option<String>,
    /// What befalls a violation
    #[arg(short, value_enum, default_value_t = ModeName::Abort)]
    mode: ModeName,
    /// Allow letters on a path, as unveil(3) takes them; r without letters
    #[arg(short = 'v', value_name = "LETTERS:PATH")]
    veil: Vec<OsString>,
    #[command(flatten)]
    needs: Needs,
    /// Tell where the program is confined, and by which data
    #[arg(long)]
    verbose: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

/// Lists of paths for common needs, as data/unveil.toml has them
#[derive(clap::Args)]
struct Needs {
    /// Allow what it takes to ask name servers
    #[arg(long)]
    dns: bool,
    /// Allow what it takes to verify certificates
    #[arg(long)]
    certs: bool,
    /// Allow what it takes to use the terminal
    #[arg(long)]
    tty: bool,
    /// Allow what it takes to load libraries and execute dynamic programs
    #[arg(long = "ld.so")]
    loader: bool,
    /// Allow less where the kernel cannot hold a path's letters, rather than ask a broker
    #[arg(long)]
    less: bool,
    /// Have a broker answer for every path, also for names and attributes
    #[arg(long, conflicts_with = "less")]
    strict: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ModeName {
    /// Report, then SIGABRT
    Abort,
    /// The kernel kills at once
    Kill,
    /// The call fails with ENOSYS
    Error,
    /// The call is made, and the kernel's audit log has a line
    Log,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Mode {
        match name {
            ModeName::Abort => Mode::Abort,
            ModeName::Kill => Mode::Kill,
            ModeName::Error => Mode::Error,
            ModeName::Log => Mode::Log,
        }
    }
}

/// Of a command that could not do its own part, as of env(1) and timeout(1).
const CANNOT_CONFINE: u8 = 125;

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let held = held(&args)?;
    let (program, arguments) = args
        .program
        .split_first()
        .ok_or_else(|| Failure::usage("rpledge: no program"))?;
    let mut told = [0; told::MOST];
    let ready = veil(&args, &mut told)?;
    let rules = rules(ready.as_ref(), &told);
    let command = Command {
        inherited: rules.veil.as_ref().map(|veil| veil.ruleset),
        program: program.clone(),
        arguments: arguments.to_vec(),
        stay: true,
    };
    // Processes of one program run on one libc; the newest is told of.
    let seen = std::cell::RefCell::new(None::<Identity>);
    let install = |tracee: &Tracee| {
        let identity = identify::identify(tracee.libc.as_ref());
        if args.verbose {
            eprintln!("rpledge: {}", place(tracee, &identity));
        }
        let confinement = confinement(tracee, &identity, held, &rules);
        *seen.borrow_mut() = Some(identity);
        confinement
    };
    let survives = |violation: &Violation| survives(violation, seen.borrow().as_ref()?, held);
    let report = |violation: &Violation| {
        if let Some(identity) = seen.borrow().as_ref() {
            eprint!("{}", report(violation, identity, held));
        }
    };
    match launch::launch(&command, install, survives, report) {
        Ok(ending) => Ok(ExitCode::from(ending.code())),
        Err(error) => Err(Failure {
            code: error.code(),
            text: format!("rpledge: {error}"),
        }),
    }
}

/// The errno of a call that is no violation: of one that a broker was asked for
/// what it would have got without, and of one on a file that a libc lives without.
fn survives(violation: &Violation, identity: &Identity, held: Held) -> Option<u16> {
    if let Some(why) = violation.handed_back {
        let state = state(violation, held);
        let mut policy = Policy::of(identity.table, identity.libcs(), state.promises);
        if state.is_executed {
            policy.begin(identity.libcs());
        }
        policy.process = process(violation.pid);
        match sim::decide(&policy, &data(violation)) {
            Action::Errno(errno) | Action::Unfold(errno) if why != Why::Violation => {
                return Some(errno);
            }
            _ if state.mode == Mode::Error => return Some(libc::ENOSYS as u16),
            _ => {}
        }
    }
    let arg = identity.table.path_argument(violation.number as u32)?;
    let name = violation.string(violation.arguments[arg], 128)?;
    identity.table.survives(&name)
}

fn cannot(text: String) -> Failure {
    Failure {
        code: CANNOT_CONFINE,
        text: format!("rpledge: {text}"),
    }
}

/// The rules for paths, if there are any.
fn veil(args: &Args, told: &mut [u8; told::MOST]) -> Result<Option<Ready>, Failure> {
    let Needs {
        dns,
        certs,
        tty,
        loader,
        less,
        strict,
    } = args.needs;
    let lists = [
        (dns, "dns"),
        (certs, "certs"),
        (tty, "tty"),
        (loader, "ld.so"),
    ];
    let lists: Vec<&str> = lists.iter().filter(|l| l.0).map(|l| l.1).collect();
    if args.veil.is_empty() && lists.is_empty() {
        return Ok(None);
    }
    let add = |letters: &str, path: &Path| {
        let bytes = path.as_os_str().as_bytes();
        let read = |into: &mut [u8]| {
            let room = into.get_mut(..=bytes.len()).ok_or(VeilError::Long)?;
            room[..bytes.len()].copy_from_slice(bytes);
            room[bytes.len()] = 0;
            Ok(bytes.len())
        };
        unveil::add(letters.as_bytes(), read, unveil::Flags::default())
            .map_err(|error| cannot(format!("{}: {error}", path.display())))
    };
    for (letters, path) in needs::paths(&lists)? {
        add(&letters, &path)?;
    }
    for rule in &args.veil {
        let bytes = rule.as_bytes();
        let (letters, path) = match bytes.iter().position(|byte| *byte == b':') {
            Some(at) if !bytes[..at].contains(&b'/') => (&bytes[..at], &bytes[at + 1..]),
            _ => (&b"r"[..], bytes),
        };
        add(
            &String::from_utf8_lossy(letters),
            Path::new(OsStr::from_bytes(path)),
        )?;
    }
    let flags = unveil::Flags {
        less,
        strict,
        ..unveil::Flags::default()
    };
    unveil::prepare(flags, told)
        .map(Some)
        .map_err(|error| cannot(error.to_string()))
}

/// The promises, held to the rules of pledge(2).
fn held(args: &Args) -> Result<Held, Failure> {
    let exec = args.exec.as_deref().map(show::words).transpose()?;
    let request = Request {
        promises: Some(show::words(&args.promises)?),
        exec,
    };
    let next = pledge::next(None, request, Flags::of(args.mode.into()), &TABLE)
        .map_err(|e| cannot(e.to_string()))?;
    next.ok_or_else(|| cannot("nothing was promised".to_owned()))
}

/// The rules for paths, as processes are held to them.
#[derive(Default)]
struct Rules {
    /// What the kernel holds by itself.
    veil: Option<Veil>,
    /// What a broker has to hold, and how.
    mediation: Option<Mediation>,
    told: Vec<u8>,
}

fn rules(ready: Option<&Ready>, told: &[u8]) -> Rules {
    let Some(ready) = ready else {
        return Rules::default();
    };
    let filter = ready.filter.as_ref().map(|filter| filter.insns());
    let veil = |(ruleset, landlock): &(Ruleset, Landlock)| Veil {
        ruleset: ruleset.descriptor(),
        filter: filter.unwrap_or_default().to_vec(),
        flags: match landlock.restricts_threads() {
            true => RESTRICT_SELF_TSYNC as u64,
            false => 0,
        },
    };
    Rules {
        veil: ready.landlock.as_ref().map(veil),
        mediation: ready.mediation,
        told: match ready.mediation {
            Some(_) => told.to_vec(),
            None => Vec::new(),
        },
    }
}

/// What a broker of a program begins with: what is executed stays under the
/// promises, unless it is said what else holds for it.
fn first_state(held: Held) -> State {
    State {
        promises: held.promises,
        exec: Some(held.exec.unwrap_or(held.promises)),
        mode: held.mode,
        is_executed: false,
        is_unbound: false,
        is_of_thread: false,
        veil: 0,
    }
}

/// What held for a violation.
fn state(violation: &Violation, held: Held) -> State {
    let state = first_state(held);
    match violation.has_executed && state.may_execute() {
        true => state.executed(),
        false => state,
    }
}

fn confinement(
    tracee: &Tracee,
    identity: &Identity,
    held: Held,
    rules: &Rules,
) -> Result<Confinement, String> {
    let Identity { table, .. } = identity;
    if let Some(promise) = table.unserved(held.promises).iter().next() {
        return Err(Error::Broker(promise).to_string());
    }
    let mut policy = Policy::of(table, identity.libcs(), held.promises);
    (policy.exec, policy.mode) = (held.exec, held.mode);
    policy.process = process(tracee.pid);
    let state = first_state(held);
    // Of "tty" only the name of one's terminal is asked of a broker.
    let is_needed = !table
        .brokered(held.promises)
        .without(Promise::Tty)
        .is_empty()
        || state.may_execute()
        || rules.mediation.is_some();
    // What "stdio" asks can be lived without, and where nothing is reported the
    // kernel's own way of ending or logging a violation is the better one.
    let is_reported = matches!(held.mode, Mode::Abort | Mode::Error);
    let asks = is_reported
        && table
            .asked(held.promises, Wishes::ALL)
            .iter()
            .next()
            .is_some();
    let without = || filter(&policy);
    let (filter, broker) = match !is_needed && !asks {
        true => (without()?, None),
        false => {
            let mut listened = policy.with_broker(Broker::Here);
            listened.exec = state.exec.filter(|_| held.promises.contains(Promise::Exec));
            let mut listened = listened.with_exec(identity.libcs());
            listened.mediation = rules.mediation;
            let broker = launch::Broker {
                host: identity.host(),
                state,
                veil: rules.told.clone(),
                without: (!is_needed).then(without).transpose()?,
            };
            (filter(&listened)?, Some(broker))
        }
    };
    Ok(Confinement {
        veil: rules.veil.clone(),
        filter,
        broker,
    })
}

fn filter(policy: &Policy) -> Result<Vec<Insn>, String> {
    let mut program = Box::new(Program::new());
    bpf::compile(policy, &mut program)
        .map_err(|_| "the filter is longer than the kernel takes".to_owned())?;
    Ok(program.insns().to_vec())
}

fn process(pid: i32) -> Process {
    let (uid, gid) = launch::effective_ids(pid).unwrap_or((0, 0));
    Process {
        pid: pid as u32,
        report: 0,
        uid,
        gid,
    }
}

fn place(tracee: &Tracee, identity: &Identity) -> String {
    let at = match tracee.place {
        launch::Place::Main => "main()",
        launch::Place::Entry => {
            "its entry point, since no main() was found: what it needs to start must be promised"
        }
    };
    let file = tracee
        .libc
        .as_ref()
        .map(|libc| libc.path.display().to_string());
    let mut text = format!(
        "{}[{}]: confined at {at}; {} {} in {}; data:",
        tracee.program.display(),
        tracee.pid,
        identity.name,
        identity.version,
        file.as_deref().unwrap_or("no known file")
    );
    for libc in identity.libcs() {
        let _ = write!(text, " {} {}", libc.name, libc.version);
    }
    for told in show::origin(&identity.origin) {
        let _ = write!(text, "; {told}");
    }
    text
}

fn data(violation: &Violation) -> Data {
    Data {
        nr: violation.number as u32,
        arch: violation.arch,
        ip: violation.call_address,
        args: violation.arguments,
    }
}

fn report(violation: &Violation, identity: &Identity, held: Held) -> String {
    let data = data(violation);
    let held = state(violation, held).promises;
    let process = process(violation.pid);
    let promise = sim::missing(identity.table, identity.libcs(), held, process, &data);
    let caller = violation.caller();
    let lines = Told {
        program: &violation.comm,
        pid: violation.pid as u32,
        promise: promise.map_or("", Promise::name),
        nr: data.nr,
        function: caller.as_ref().and_then(|c| c.function.as_deref()),
        libc: identity.name,
        version: &identity.version,
        is_static: identity.is_static,
        rows: identity.rows,
        file: identity.origin.file.as_str(),
    };
    let mut text = String::new();
    let _ = lines.write(identity.table, &mut text);
    text
}
