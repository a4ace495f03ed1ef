// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls that a filter trapped or a broker handed back: they fail, or are told and end their process.

use rpledge::broker::guest::Why;

use super::{Step, Tree};
use crate::launch::Violation;
use crate::launch::guests::Back;
use crate::launch::inject::{self, Held};
use crate::launch::machine;
use crate::launch::proc::{self, Maps, Memory};
use crate::launch::sys::{self, Pid};

/// How often a violating thread is told to abort before it is killed instead.
const ATTEMPTS: u8 = 8;

/// A call: the address behind it, its number and its architecture.
type Refused = (u64, i32, u32);

impl Tree<'_> {
    /// A call that is not allowed: it fails, or is told and ends its process.
    pub(super) fn refused(
        &mut self,
        process: Pid,
        thread: Pid,
        call: Refused,
        handed_back: Option<Why>,
    ) -> Step {
        if self.tasks.get(&thread).is_some_and(|task| task.aborts == 0) {
            let violation = Violation {
                handed_back,
                has_executed: self.guests.has_executed(process),
                ..violation(process, thread, call)
            };
            if let Some(errno) = (self.survives)(&violation) {
                let mut registers = sys::registers(thread)?;
                machine::set_failed(&mut registers, errno);
                sys::set_registers(thread, &registers)?;
                return Ok(sys::resume(thread, 0)?);
            }
            self.halt(process, thread);
            (self.report)(&violation);
        }
        let (after, _, arch) = call;
        let is_native = arch == machine::AUDIT_ARCH;
        self.abort(process, thread, Some(after).filter(|_| is_native))
    }

    /// Whether a SIGSTOP hands a call back, which is settled then.
    pub(super) fn handed_back(
        &mut self,
        process: Pid,
        thread: Pid,
        told: (u32, Why),
    ) -> Step<bool> {
        let mut held = Held::new(process, thread, &mut self.events)?;
        let back = self.guests.handed_back(process, &mut held, told)?;
        match back {
            Some(Back::Again) => held.set_registers(|r| machine::set_again(r, told.0)),
            Some(Back::Errno(errno)) => held.set_registers(|r| machine::set_failed(r, errno)),
            Some(Back::Judge) | None => {}
        }
        let after = machine::pc(held.registers());
        held.release()?;
        match back {
            None => return Ok(false),
            Some(Back::Judge) => {
                let call = (after, told.0 as i32, machine::AUDIT_ARCH);
                self.refused(process, thread, call, Some(told.1))?;
            }
            Some(_) => sys::resume(thread, 0)?,
        }
        Ok(true)
    }

    /// Stops the other threads of a process that is to die: one of them could
    /// go on working, or give SIGABRT a handler again.
    fn halt(&mut self, process: Pid, thread: Pid) {
        self.dying.insert(process);
        for (other, task) in &self.tasks {
            if task.process == process && *other != thread {
                // One that has just ended needs no stop.
                let _ = sys::interrupt(*other);
            }
        }
    }

    /// Ends a process by SIGABRT, whatever it made of that signal. A handler
    /// that another thread sets before it is stopped shows as a stop after one
    /// step: then once more, and at last by SIGKILL.
    pub(super) fn abort(&mut self, process: Pid, thread: Pid, after: Option<u64>) -> Step {
        let Some(task) = self.tasks.get_mut(&thread) else {
            return Ok(());
        };
        task.aborts = task.aborts.saturating_add(1);
        let attempts = task.aborts;
        let after = after.filter(|_| attempts == 1);
        let prepared = inject::prepare_abort(process, thread, after, &mut self.events);
        match prepared {
            Ok(()) if attempts < ATTEMPTS => Ok(sys::step(thread, libc::SIGABRT)?),
            _ => Ok(sys::kill(process, libc::SIGKILL)?),
        }
    }
}

/// The call that a thread is stopped in.
fn violation(process: Pid, thread: Pid, (call_address, number, arch): Refused) -> Violation {
    let registers = sys::registers(thread).ok();
    Violation {
        pid: process,
        tid: thread,
        comm: proc::comm(thread),
        number,
        arch,
        arguments: registers.as_ref().map_or([0; 6], machine::call_arguments),
        call_address,
        handed_back: None,
        has_executed: false,
        sp: registers.as_ref().map_or(0, machine::sp),
        maps: Maps::read(thread).unwrap_or_default(),
        memory: Memory::open(thread).ok(),
    }
}
