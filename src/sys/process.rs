// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other processes: their memory, their limits, what /proc tells of them, signals for them.

use core::ffi::CStr;
use core::fmt::Write;

use super::fd::{self, Fd};
use super::{Errno, call};

/// Soft and hard.
pub type Limit = (u64, u64);

/// A resource limit of a process (0: of this one); changed, if there is a new one.
pub fn limit(pid: u32, resource: usize, new: Option<Limit>) -> Result<Limit, Errno> {
    let new = new.map(|(soft, hard)| [soft, hard]);
    let from = new.as_ref().map_or(0, |new| new.as_ptr() as usize);
    let mut old = [0_u64; 2];
    let to = match new {
        None => old.as_mut_ptr() as usize,
        Some(_) => 0,
    };
    let args = [pid as usize, resource, from, to, 0, 0];
    // SAFETY: the kernel reads and writes one structure of two words each.
    unsafe { call(libc::SYS_prlimit64, args) }?;
    Ok(new.unwrap_or(old).into())
}

/// Is the thread one of that process?
pub fn is_thread_of(tid: u32, process: u32) -> bool {
    let args = [process as usize, tid as usize, 0, 0, 0, 0];
    // SAFETY: takes no pointer. Signal 0 is sent to nobody.
    let found = unsafe { call(libc::SYS_tgkill, args) };
    matches!(found, Ok(_) | Err(libc::EPERM))
}

/// Where memory of another process is read and written.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// By its /proc/PID/mem, opened by itself.
    File(i32),
    /// By the process's id, as far as the kernel lets us.
    Process(u32),
}

impl Memory {
    /// All of `into`, or EFAULT.
    pub fn read(self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        let (place, len) = (into.as_mut_ptr() as usize, into.len());
        self.transfer(at, place, len, true)
    }

    /// All of `from`, or EFAULT.
    pub fn write(self, at: u64, from: &[u8]) -> Result<(), Errno> {
        self.transfer(at, from.as_ptr() as usize, from.len(), false)
    }

    fn transfer(self, at: u64, own: usize, len: usize, is_read: bool) -> Result<(), Errno> {
        let mut done = 0;
        while done < len {
            let at = at.checked_add(done as u64).ok_or(libc::EFAULT)?;
            match self.some(at, own + done, len - done, is_read)? {
                0 => return Err(libc::EFAULT),
                more => done += more,
            }
        }
        Ok(())
    }

    fn some(self, at: u64, own: usize, len: usize, is_read: bool) -> Result<usize, Errno> {
        let done = match self {
            Memory::File(file) => {
                let nr = match is_read {
                    true => libc::SYS_pread64,
                    false => libc::SYS_pwrite64,
                };
                // Addresses of the upper half are no offsets.
                let offset = usize::try_from(at).map_err(|_| libc::EFAULT)?;
                // SAFETY: the kernel reads or writes within the caller's slice.
                unsafe { call(nr, [file as usize, own, len, offset, 0, 0]) }
            }
            Memory::Process(pid) => {
                let nr = match is_read {
                    true => libc::SYS_process_vm_readv,
                    false => libc::SYS_process_vm_writev,
                };
                let (here, there) = ([own, len], [at as usize, len]);
                let (here, there) = (here.as_ptr() as usize, there.as_ptr() as usize);
                // SAFETY: as above, by one vector on each side.
                unsafe { call(nr, [pid as usize, here, 1, there, 1, 0]) }
            }
        };
        match done {
            Err(libc::EIO) => Err(libc::EFAULT),
            done => done,
        }
    }
}

/// A path below /proc.
pub struct Path {
    bytes: [u8; 64],
    len: usize,
}

impl Path {
    /// "/proc/4711/fd/3".
    pub fn of(pid: u32, rest: core::fmt::Arguments) -> Path {
        let mut path = Path {
            bytes: [0; 64],
            len: 0,
        };
        // What does not fit is cut, and such a name is none.
        let _ = write!(path, "/proc/{pid}/{rest}");
        path
    }

    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            // The last one stays NUL.
            if self.len + 1 >= self.bytes.len() {
                return Err(core::fmt::Error);
            }
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// What /proc/PID/status says: the head of it, which has all that is asked here.
pub struct Status {
    bytes: [u8; 2048],
    len: usize,
}

impl Status {
    pub fn of(pid: u32) -> Result<Status, Errno> {
        let path = Path::of(pid, format_args!("status"));
        let file: Fd = fd::open(path.as_c_str(), libc::O_RDONLY, 0)?;
        let mut status = Status {
            bytes: [0; 2048],
            len: 0,
        };
        while status.len < status.bytes.len() {
            match file.read(&mut status.bytes[status.len..])? {
                0 => break,
                more => status.len += more,
            }
        }
        Ok(status)
    }

    /// The numbers of a line, of that base.
    pub fn numbers(&self, name: &str, base: u32) -> impl Iterator<Item = u64> {
        let text = core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("");
        let line = text.lines().find_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.strip_prefix(':')
        });
        let words = line.unwrap_or("").split_ascii_whitespace();
        words.map_while(move |word| u64::from_str_radix(word, base).ok())
    }

    /// The first of them.
    pub fn number(&self, name: &str, base: u32) -> Option<u64> {
        self.numbers(name, base).next()
    }
}

/// What is told with a signal that a broker queues: `siginfo_t`.
#[repr(C)]
struct Told {
    signo: i32,
    errno: i32,
    code: i32,
    _pad: i32,
    pid: u32,
    uid: u32,
    value: [u64; 2],
    _rest: [u64; 11],
}

/// SI_QUEUE.
const QUEUED: i32 = -1;

/// Queue a signal for a thread, and two words with it.
pub fn queue(process: u32, tid: u32, signal: i32, value: [u64; 2]) -> Result<(), Errno> {
    let told = Told {
        signo: signal,
        errno: 0,
        code: QUEUED,
        _pad: 0,
        pid: super::pid(),
        uid: 0,
        value,
        _rest: [0; 11],
    };
    let told = &raw const told as usize;
    let args = [process as usize, tid as usize, signal as usize, told, 0, 0];
    // SAFETY: the kernel reads one siginfo_t of 128 bytes.
    unsafe { call(libc::SYS_rt_tgsigqueueinfo, args) }.map(|_| ())
}

/// kill(2).
pub fn kill(process: u32, signal: i32) -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    unsafe {
        call(
            libc::SYS_kill,
            [process as usize, signal as usize, 0, 0, 0, 0],
        )
    }
    .map(|_| ())
}
