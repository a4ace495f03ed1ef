// SPDX-License-Identifier: MIT OR Apache-2.0
//! A broker for a program that another process launches and traces: that one makes it, labels the program, and judges what is handed back.

use super::state::{self, State};
use super::{start, user, veil};
use crate::host::{self, Host};
use crate::sys::fd::{self, Fd};
use crate::sys::process::{self, Limit, Path};
use crate::sys::{self, Errno, path, spawn};

pub use super::state::mark_executed;
pub use crate::sys::signal::Why;

/// Why it can have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It has another root, or other mounts.
    Elsewhere,
    /// No such label, descriptor or process is to be had.
    Kernel(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Kernel(errno)
    }
}

/// A program that is to have a broker, stopped.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    pub pid: u32,
    /// Its C library.
    pub host: Host,
    /// What it holds.
    pub state: State,
    /// Rules for its paths, as [`crate::veil::told`] has them, whose directories
    /// are descriptors of this process.
    pub veil: &'a [u8],
}

impl Guest<'_> {
    /// Label it, before it has a filter, whose listener must be heard of then.
    /// What was there before is returned.
    pub fn label(&self) -> Result<Limit, Failure> {
        if !sees_the_same(self.pid)? {
            return Err(Failure::Elsewhere);
        }
        // Its listener could not be taken from it where this is refused.
        match process::descriptor(self.pid, -1) {
            Err(libc::EBADF) => {}
            other => drop(other?),
        }
        Ok(state::set_label_of(self.pid, state::FIRST)?)
    }

    /// It has got no filter.
    pub fn take_back(&self, before: Limit) {
        state::restore_label_of(self.pid, before);
    }

    /// Make the broker; `listener` is a descriptor of the program's. The id of
    /// the broker is returned.
    pub fn start(self, listener: i32) -> Result<u32, Failure> {
        let listener = process::descriptor(self.pid, listener)?;
        let memory = self.open(format_args!("mem"), libc::O_RDWR)?;
        let maps = self.open(format_args!("maps"), libc::O_RDONLY)?;
        let tracer = sys::pid();
        match spawn::fork_apart()? {
            0 => self.be([listener, memory, maps], tracer),
            pid => Ok(pid),
        }
    }

    fn open(&self, name: core::fmt::Arguments, flags: i32) -> Result<Fd, Errno> {
        fd::open(Path::of(self.pid, name).as_c_str(), flags, 0)
    }

    /// The broker's way.
    fn be(mut self, kept: [Fd; 3], tracer: u32) -> ! {
        spawn::block_signals();
        let shed = spawn::own_descriptors(&kept.map(Fd::keep));
        let told = match self.veil {
            [] => Ok(0),
            told => veil::hear_of(tracer, told),
        };
        let (Ok(()), Ok(number), true) = (shed, told, host::stand_for(self.host)) else {
            sys::exit_group(1);
        };
        self.state.veil = number;
        // What ran before its main() may have made it one already.
        start::serve(self.pid, self.state, user::may_change(), tracer)
    }
}

/// Are names of files to the process what they are to this one?
fn sees_the_same(pid: u32) -> Result<bool, Errno> {
    for name in ["root", "ns/mnt"] {
        let id = |pid: u32| -> Result<_, Errno> {
            let fd = path::pin_path(Path::of(pid, format_args!("{name}")).as_c_str())?;
            let kind = path::kind(&fd)?;
            Ok((kind.device, kind.inode))
        };
        if id(pid)? != id(sys::pid())? {
            return Ok(false);
        }
    }
    Ok(true)
}
