// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows every process and thread of a program from its exec to its end.

use std::collections::{HashMap, HashSet};
use std::ffi::c_int;
use std::io;

use rpledge::bpf::DOOR_DATA;

use super::guests::{Guests, has_handler};
use super::inject::{self, Events, Held};
use super::proc::{self, Maps};
use super::signals::Signals;
use super::start::{self, Breakpoint, Place, Stage, Way};
use super::sys::{self, Pid, Status};
use super::{Confinement, Ending, LaunchError, Tracee, Violation, elf, machine};

mod refused;

/// `si_code` of a SIGSYS that a filter caused.
const SYS_SECCOMP: c_int = 1;

/// A traced thread.
struct Task {
    process: Pid,
    /// Attempts to end its process by SIGABRT.
    aborts: u8,
}

/// Why the work on a stop ended early.
enum Interruption {
    /// The tracee died under our hands: its end is told by an event of its own.
    Gone,
    /// The program cannot be run confined.
    Failed(LaunchError),
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ESRCH) => Interruption::Gone,
            _ => Interruption::Failed(LaunchError::Failed(error.to_string())),
        }
    }
}

type Step<T = ()> = Result<T, Interruption>;

/// The processes of a program, and what their launcher wants of them.
pub struct Tree<'a> {
    program: Pid,
    tasks: HashMap<Pid, Task>,
    processes: HashMap<Pid, Stage>,
    /// Those that have violated, to be stopped in all threads until they are dead.
    dying: HashSet<Pid>,
    /// Stopped, and their parent's word that it made them not yet heard.
    unclaimed: HashSet<Pid>,
    guests: Guests,
    events: Events,
    signals: Signals,
    /// The program has executed for the first time.
    pub started: bool,
    /// The program is stopped by job control.
    stopped: bool,
    ending: Option<Ending>,
    install: &'a mut dyn FnMut(&Tracee) -> Result<Confinement, String>,
    survives: &'a mut dyn FnMut(&Violation) -> Option<u16>,
    report: &'a mut dyn FnMut(&Violation),
}

impl<'a> Tree<'a> {
    pub fn new(
        program: Pid,
        signals: Signals,
        install: &'a mut dyn FnMut(&Tracee) -> Result<Confinement, String>,
        survives: &'a mut dyn FnMut(&Violation) -> Option<u16>,
        report: &'a mut dyn FnMut(&Violation),
    ) -> Tree<'a> {
        let task = Task {
            process: program,
            aborts: 0,
        };
        Tree {
            program,
            tasks: HashMap::from([(program, task)]),
            processes: HashMap::from([(program, Stage::Forked)]),
            dying: HashSet::new(),
            unclaimed: HashSet::new(),
            guests: Guests::default(),
            events: Events::default(),
            signals,
            started: false,
            stopped: false,
            ending: None,
            install,
            survives,
            report,
        }
    }

    /// Runs until the last process has ended or, without `stay`, until the
    /// program has: the rest is then let go, under its filter.
    pub fn run(&mut self, stay: bool) -> Result<Ending, LaunchError> {
        loop {
            match self.events.next(false) {
                Ok(Some((pid, status))) => match self.event(pid, status) {
                    Err(Interruption::Failed(error)) => {
                        self.kill_all();
                        return Err(error);
                    }
                    Ok(()) | Err(Interruption::Gone) => continue,
                },
                Ok(None) => {}
                Err(_) => self.tasks.clear(),
            }
            match self.ending {
                Some(ending) if self.tasks.is_empty() => {
                    // Brokers end with the last process that they serve.
                    while self.events.next(true).is_ok() {}
                    return Ok(ending);
                }
                Some(ending) if !stay => {
                    self.let_go();
                    return Ok(ending);
                }
                None if self.tasks.is_empty() => {
                    return Err(LaunchError::Failed("lost the program".into()));
                }
                _ => {}
            }
            for signal in self.signals.due() {
                self.forward(signal);
            }
            self.signals.stop_with(self.stopped);
            self.signals.wait();
        }
    }

    /// Passes a signal of the command on to the program or, when that has
    /// ended, to what it left behind.
    fn forward(&self, signal: c_int) {
        for process in self.processes.keys() {
            if self.ending.is_some() || *process == self.program {
                // Whoever is gone needs no signal.
                let _ = sys::kill(*process, signal);
            }
        }
    }

    fn event(&mut self, pid: Pid, status: Status) -> Step {
        if !libc::WIFSTOPPED(status) {
            self.ended(pid, status);
            return Ok(());
        }
        let Some(task) = self.tasks.get(&pid) else {
            self.unclaimed.insert(pid);
            return Ok(());
        };
        let doomed = task.aborts == 0 && self.dying.contains(&task.process);
        match status >> 16 {
            // Comes from a thread that was faster than its end.
            libc::PTRACE_EVENT_EXEC if doomed => Ok(sys::kill(pid, libc::SIGKILL)?),
            0 | libc::PTRACE_EVENT_STOP if doomed => Ok(()),
            0 => self.signal(pid, libc::WSTOPSIG(status)),
            libc::PTRACE_EVENT_STOP => self.group_stop(pid, libc::WSTOPSIG(status)),
            libc::PTRACE_EVENT_EXEC => self.executed(pid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                let child = sys::event_message(pid)? as Pid;
                self.claim(pid, child)?;
                match doomed {
                    true => Ok(()),
                    false => Ok(sys::resume(pid, 0)?),
                }
            }
            _ => Ok(sys::resume(pid, 0)?),
        }
    }

    /// A new thread or process is as far as the one that made it.
    fn claim(&mut self, parent: Pid, child: Pid) -> Step {
        let maker = self.tasks.get(&parent).map_or(parent, |task| task.process);
        let process = proc::status(child, "Tgid").map_or(child, |pid| pid as Pid);
        if process != maker {
            let stage = self
                .processes
                .get(&maker)
                .cloned()
                .unwrap_or(Stage::Confined);
            self.processes.insert(process, stage);
            self.guests.forked(maker, process);
        }
        self.tasks.insert(child, Task { process, aborts: 0 });
        if self.unclaimed.remove(&child) {
            sys::resume(child, 0)?;
        }
        Ok(())
    }

    fn ended(&mut self, pid: Pid, status: Status) {
        self.remove(pid);
        self.dying.remove(&pid);
        self.guests.ended(pid);
        if self.processes.remove(&pid).is_some() && pid == self.program {
            self.stopped = false;
            self.ending = Some(match libc::WIFSIGNALED(status) {
                true => Ending::Signaled(libc::WTERMSIG(status)),
                false => Ending::Exited(libc::WEXITSTATUS(status)),
            });
        }
        // Killed while making a child, a parent never says so: whether that
        // child is under the filter is then not known.
        for orphan in std::mem::take(&mut self.unclaimed) {
            let parent = proc::status(orphan, "PPid").unwrap_or(0) as Pid;
            let process = proc::status(orphan, "Tgid").unwrap_or(0) as Pid;
            // This process is the parent of what the program makes as its sibling.
            let alive = parent == std::process::id() as Pid
                || self.processes.contains_key(&parent)
                || self.processes.contains_key(&process);
            if alive && !self.tasks.is_empty() {
                self.unclaimed.insert(orphan);
            } else {
                let _ = sys::kill(orphan, libc::SIGKILL);
            }
        }
    }

    fn executed(&mut self, pid: Pid) -> Step {
        self.single_thread(pid);
        let confined = matches!(self.processes.get(&pid), Some(Stage::Confined));
        if pid == self.program {
            self.started = true;
        }
        if self.guests.executed(pid).is_err() {
            // It would go on under the promises of the program before.
            sys::kill(pid, libc::SIGKILL)?;
        }
        if !confined {
            let stage = start::begin(pid)?;
            self.processes.insert(pid, stage);
        }
        Ok(sys::resume(pid, 0)?)
    }

    fn group_stop(&mut self, pid: Pid, signal: c_int) -> Step {
        let stops = matches!(
            signal,
            libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU
        );
        if pid == self.program {
            self.stopped = stops;
        }
        match stops {
            true => Ok(sys::listen(pid)?),
            false => Ok(sys::resume(pid, 0)?),
        }
    }

    fn signal(&mut self, pid: Pid, signal: c_int) -> Step {
        let info = sys::signal_info(pid)?;
        let Some(task) = self.tasks.get(&pid) else {
            return Ok(());
        };
        let (process, aborts) = (task.process, task.aborts);
        // Before, it can only be from a filter of the program's own.
        let confined = matches!(self.processes.get(&process), Some(Stage::Confined));
        if confined && signal == libc::SIGSYS && info.code() == SYS_SECCOMP {
            // A later filter of the program's own: its handler asks the broker.
            let asks = info.data() == i32::from(DOOR_DATA) && self.guests.contains(process);
            if asks && has_handler(pid) {
                return Ok(sys::resume(pid, signal)?);
            }
            return self.refused(process, pid, info.refused_call(), None);
        }
        if confined
            && signal == libc::SIGSTOP
            && let Some(told) = info.handed_back()
            && self.handed_back(process, pid, told)?
        {
            return Ok(());
        }
        if signal == libc::SIGTRAP {
            if aborts > 0 {
                return self.abort(process, pid, None);
            }
            if let Some(stage) = self.at_breakpoint(process, pid)? {
                return self.advance(process, pid, stage);
            }
        }
        if process == self.program && info.code() <= 0 {
            self.signals.saw(signal, info.sender());
        }
        Ok(sys::resume(pid, signal)?)
    }

    /// The stage whose breakpoint this stop is, the breakpoint removed.
    fn at_breakpoint(&mut self, process: Pid, thread: Pid) -> Step<Option<Stage>> {
        let Some(stage) = self.processes.get(&process) else {
            return Ok(None);
        };
        let at = machine::breakpoint_address(&sys::registers(thread)?);
        match stage
            .breakpoint()
            .filter(|breakpoint| breakpoint.address == at)
        {
            Some(breakpoint) => Breakpoint::clear(breakpoint, thread)?,
            None => return Ok(None),
        }
        Ok(Some(stage.clone()))
    }

    fn advance(&mut self, process: Pid, thread: Pid, stage: Stage) -> Step {
        let mut fault = 0;
        let next = match stage {
            Stage::Loading(stop, list) => {
                start::loaded(process, thread, (&stop, list), &mut self.events)?
            }
            Stage::Linking(_) => match start::entered(process, thread, &mut self.events)? {
                Way::Main(next) => next,
                Way::Lost(signal) => {
                    fault = signal;
                    self.confine(process, thread, Place::Entry)?
                }
            },
            _ => self.confine(process, thread, Place::Main)?,
        };
        self.processes.insert(process, next);
        Ok(sys::resume(thread, fault)?)
    }

    /// Asks for the filter and loads it.
    fn confine(&mut self, process: Pid, thread: Pid, place: Place) -> Step<Stage> {
        let maps = Maps::read(thread)?;
        let pc = machine::pc(&sys::registers(thread)?);
        let program = maps.at(pc).cloned();
        let program = program.ok_or_else(|| io::Error::other("it runs outside of its memory"))?;
        let tracee = Tracee {
            pid: process,
            place,
            libc: elf::libc(thread, &maps, &program),
            program: program.path.into(),
            maps,
        };
        let Confinement {
            veil,
            filter,
            broker,
        } = (self.install)(&tracee)
            .map_err(|text| Interruption::Failed(LaunchError::Failed(text)))?;
        let mut held = Held::new(process, thread, &mut self.events)?;
        if let Some(veil) = veil {
            inject::restrict(&mut held, &tracee.maps, &veil)?;
        }
        match broker {
            None => inject::load_filter(&mut held, &tracee.maps, &filter)?,
            Some(broker) => {
                let loaded = (&filter[..], &broker);
                self.guests
                    .confine(process, &mut held, &tracee.maps, loaded)?;
            }
        }
        held.release()?;
        Ok(Stage::Confined)
    }

    /// Nothing may go on half confined: ends all, and waits for it.
    fn kill_all(&mut self) {
        while !self.tasks.is_empty() || !self.unclaimed.is_empty() {
            for pid in self.tasks.keys().chain(&self.unclaimed) {
                let _ = sys::kill(*pid, libc::SIGKILL);
            }
            let Ok(event) = self.events.next(true) else {
                return;
            };
            match event {
                Some((pid, status)) if !libc::WIFSTOPPED(status) => self.remove(pid),
                Some((pid, status)) if status >> 16 == libc::PTRACE_EVENT_EXEC => {
                    self.single_thread(pid);
                }
                Some((pid, _)) if !self.tasks.contains_key(&pid) => {
                    self.unclaimed.insert(pid);
                }
                _ => {}
            }
        }
    }

    fn remove(&mut self, pid: Pid) {
        self.tasks.remove(&pid);
        self.unclaimed.remove(&pid);
    }

    /// An exec ends all other threads and gives its own the process's number.
    fn single_thread(&mut self, process: Pid) {
        self.tasks
            .retain(|thread, task| task.process != process || *thread == process);
    }

    /// Stops tracing what the program left behind: its filter stays, and a
    /// violation is SIGSYS then. What is not confined yet is ended, and what
    /// nobody claims while there is such.
    fn let_go(&mut self) {
        let mut confined = true;
        for (process, stage) in &self.processes {
            if !matches!(stage, Stage::Confined) {
                confined = false;
                let _ = sys::kill(*process, libc::SIGKILL);
            }
        }
        let unclaimed = std::mem::take(&mut self.unclaimed);
        for pid in &unclaimed {
            let _ = match confined {
                true => sys::detach(*pid, 0),
                false => sys::kill(*pid, libc::SIGKILL),
            };
        }
        for pid in self.tasks.keys() {
            let _ = sys::interrupt(*pid);
        }
        while !self.tasks.is_empty() {
            let Ok(event) = self.events.next(true) else {
                return;
            };
            let Some((pid, status)) = event else { continue };
            if status >> 16 == libc::PTRACE_EVENT_EXEC {
                self.single_thread(pid);
            }
            let known = self.tasks.remove(&pid).is_some();
            if libc::WIFSTOPPED(status) {
                let _ = match known || confined {
                    true => sys::detach(pid, inject::delivery(status).unwrap_or(0)),
                    false => sys::kill(pid, libc::SIGKILL),
                };
            }
        }
    }
}
