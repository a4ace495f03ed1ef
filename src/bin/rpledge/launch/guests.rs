// SPDX-License-Identifier: MIT OR Apache-2.0
//! Confined processes that have a broker, and the calls that it hands back: by a SIGSTOP, which nobody blocks and a tracer sees.

use std::collections::HashMap;
use std::io;

use rpledge::broker::guest::{Failure, Guest, Why, mark_executed};
use rpledge::broker::state::State;
use rpledge::host::Host;
use rpledge::policy::{QUERY, STATE};

use super::Insn;
use super::inject::{self, Held};
use super::machine;
use super::proc::Maps;
use super::sys::{self, Pid};

/// A broker that a process is to have.
#[derive(Clone, Debug)]
pub struct Broker {
    pub host: Host,
    pub state: State,
    /// Rules for paths that it is to hold, as `rpledge::veil::told` has them.
    pub veil: Vec<u8>,
    /// The filter of a process that can have none; without it such a one is not run.
    pub without: Option<Vec<Insn>>,
}

/// What is known of a process that has one.
#[derive(Clone, Copy, Debug)]
struct Known {
    broker: Pid,
    has_executed: bool,
    /// Was its memory opened to the broker?
    is_open: bool,
}

#[derive(Default)]
pub struct Guests(HashMap<Pid, Known>);

/// What becomes of a call that was handed back.
pub enum Back {
    /// It is made once more.
    Again,
    /// It fails.
    Errno(u16),
    /// It is judged.
    Judge,
}

impl Guests {
    /// Loads a filter in a stopped process, with a broker if it can have one.
    pub fn confine(
        &mut self,
        process: Pid,
        held: &mut Held,
        maps: &Maps,
        (filter, broker): (&[Insn], &Broker),
    ) -> io::Result<()> {
        let guest = Guest {
            pid: process as u32,
            host: broker.host,
            state: broker.state,
            veil: &broker.veil,
        };
        let mut started = None;
        let before = guest.label().map_err(told);
        let loaded = before.and_then(|before| {
            let start = |held: &mut Held, site, listener| {
                started = Some(start(guest, held, site, listener)?);
                Ok(())
            };
            let loaded = inject::load_listened(held, maps, filter, start);
            loaded.inspect_err(|_| guest.take_back(before))
        });
        match (loaded, started, &broker.without) {
            (Ok(()), Some(broker), _) => {
                let known = Known {
                    broker,
                    has_executed: false,
                    is_open: true,
                };
                self.0.insert(process, known);
                Ok(())
            }
            // No filter was loaded.
            (Err(error), None, Some(filter)) if error.raw_os_error() != Some(libc::ESRCH) => {
                inject::load_filter(held, maps, filter)
            }
            (loaded, ..) => loaded,
        }
    }

    pub fn forked(&mut self, parent: Pid, child: Pid) {
        if let Some(known) = self.0.get(&parent).copied() {
            // Yama's leave is not inherited.
            let known = Known {
                is_open: false,
                ..known
            };
            self.0.insert(child, known);
        }
    }

    pub fn ended(&mut self, process: Pid) {
        self.0.remove(&process);
    }

    /// A program was executed: its broker is told by the process's label.
    pub fn executed(&mut self, process: Pid) -> io::Result<()> {
        let Some(known) = self.0.get_mut(&process) else {
            return Ok(());
        };
        (known.has_executed, known.is_open) = (true, false);
        mark_executed(process as u32).map_err(io::Error::from_raw_os_error)
    }

    pub fn has_executed(&self, process: Pid) -> bool {
        self.0.get(&process).is_some_and(|known| known.has_executed)
    }

    pub fn contains(&self, process: Pid) -> bool {
        self.0.contains_key(&process)
    }

    /// Whether a stop by SIGSTOP is such a call, and what becomes of it. `held`
    /// stops the thread. A SIGSTOP of others that says the same comes at any
    /// instruction but the one behind the call that the broker refused.
    pub fn handed_back(
        &mut self,
        process: Pid,
        held: &mut Held,
        (number, why): (u32, Why),
    ) -> io::Result<Option<Back>> {
        let Some(known) = self.0.get_mut(&process) else {
            return Ok(None);
        };
        if !machine::was_not_served(held.registers(), number) {
            return Ok(None);
        }
        match why {
            Why::NotServed | Why::Violation => return Ok(Some(Back::Judge)),
            Why::Unread => {}
        }
        if known.is_open {
            return Ok(Some(Back::Errno(libc::EACCES as u16)));
        }
        known.is_open = true;
        let site = machine::pc(held.registers()).wrapping_sub(machine::SYSCALL.len() as u64);
        let_look(held, site, known.broker);
        Ok(Some(Back::Again))
    }
}

/// The broker of a process whose filter has this listener.
fn start(guest: Guest, held: &mut Held, site: u64, listener: i32) -> io::Result<Pid> {
    let broker = guest.start(listener).map_err(told)? as Pid;
    let door = u64::from(QUERY);
    held.call(site, libc::SYS_close, &[listener as u64, 0, 0, 0, 0, door])?;
    let_look(held, site, broker);
    let is_there = [QUERY.into(), STATE.into(), 0];
    held.call(site, libc::SYS_prctl, &is_there)
        .map_err(|error| io::Error::other(format!("its broker did not start: {error}")))?;
    Ok(broker)
}

/// Lets the broker look into the memory of a process, where Yama asks for it.
fn let_look(held: &mut Held, site: u64, broker: Pid) {
    const PR_SET_PTRACER: u64 = 0x5961_6d61;
    let door = u64::from(QUERY);
    let arguments = [PR_SET_PTRACER, broker as u64, 0, 0, PR_SET_PTRACER, door];
    // Without Yama the kernel knows no such option.
    let _ = held.call(site, libc::SYS_prctl, &arguments);
}

fn told(failure: Failure) -> io::Error {
    match failure {
        Failure::Elsewhere => io::Error::other(
            "it has another root or other mounts than this command by now, so that no broker can open files for it",
        ),
        Failure::Kernel(libc::ESRCH) => io::Error::from_raw_os_error(libc::ESRCH),
        Failure::Kernel(errno) => io::Error::other(format!(
            "it can have no broker: {}",
            io::Error::from_raw_os_error(errno)
        )),
    }
}

/// Whether a process has a handler of SIGSYS: then it has pledged by itself.
pub fn has_handler(thread: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|word| sys::Mask::from_str_radix(word.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 << (libc::SIGSYS - 1) != 0)
}
