// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other processes: their memory, their limits, what /proc tells of them, signals for them.

use core::ffi::CStr;
use core::fmt::Write;

use super::fd::{self, Fd};
use super::{Errno, arch, call};

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

/// The same where the process has become another user, and so may this thread.
pub fn limit_of_other(pid: u32, resource: usize, new: Limit) -> Result<(), Errno> {
    let status = Status::of(pid)?;
    let real = |name| status.number(name, 10).ok_or(libc::ESRCH);
    let (user, group) = (real("Uid")? as usize, real("Gid")? as usize);
    let kept = u32::MAX as usize;
    let own = |nr| {
        // SAFETY: takes no pointer.
        unsafe { call(nr, [0; 6]) }
    };
    let (was_user, was_group) = (own(arch::GETUID)?, own(arch::GETGID)?);
    let be = |user, group| {
        // SAFETY: take no pointer, and change this thread alone.
        unsafe {
            call(arch::SETRESGID, [group, kept, kept, 0, 0, 0])?;
            call(arch::SETRESUID, [user, kept, kept, 0, 0, 0])
        }
    };
    let done = be(user, group).and_then(|_| limit(pid, resource, Some(new)));
    let back = be(was_user, was_group);
    done.and(back).map(|_| ())
}

/// Send a thread of a process a signal.
pub fn signal(process: u32, tid: u32, signal: i32) -> Result<(), Errno> {
    let args = [process as usize, tid as usize, signal as usize, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_tgkill, args) }.map(|_| ())
}

/// Is the thread one of that process?
pub fn is_thread_of(tid: u32, process: u32) -> bool {
    // Signal 0 is sent to nobody.
    matches!(signal(process, tid, 0), Ok(()) | Err(libc::EPERM))
}

/// Has the process the same memory as this one? Nobody else's can be read
/// without leave, and nothing of one that has ended.
pub fn shares_memory(process: u32) -> bool {
    let word = 0_u32;
    Memory::Process(process)
        .read(&raw const word as u64, &mut [0; 4])
        .is_ok()
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

/// Does a file like /proc/self/maps say that these bytes can be written?
pub fn is_writable(maps: i32, at: u64, len: usize) -> bool {
    let Some(end) = at.checked_add(len as u64) else {
        return false;
    };
    let (mut block, mut held, mut offset, mut next) = ([0; 1024], 0, 0, at);
    loop {
        let into = &mut block[held..];
        let args = [
            maps as usize,
            into.as_mut_ptr() as usize,
            into.len(),
            offset,
            0,
            0,
        ];
        // SAFETY: the kernel writes within the slice.
        let Ok(more @ 1..) = (unsafe { call(libc::SYS_pread64, args) }) else {
            return next >= end;
        };
        offset += more;
        held += more;
        let text = core::str::from_utf8(&block[..held]).unwrap_or("");
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        for line in text[..whole].lines() {
            if let Some((from, to)) = writable(line)
                && (from..to).contains(&next)
            {
                next = to;
            }
        }
        block.copy_within(whole..held, 0);
        held -= whole;
        if next >= end || held == block.len() {
            return next >= end;
        }
    }
}

/// "7f0000000000-7f0000001000 rw-p ..."
fn writable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let may = rest.starts_with("rw-");
    Some((number(from)?, number(to)?)).filter(|_| may)
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

/// What a file of /proc/PID says in short lines: the head of it, which has all
/// that is asked here.
pub struct Status {
    bytes: [u8; 2048],
    len: usize,
}

/// Longer lines are left out: what one says of groups and processors can be as
/// long as all the rest.
const SHORT: usize = 256;

impl Status {
    pub fn of(pid: u32) -> Result<Status, Errno> {
        Status::read(pid, "status")
    }

    /// The soft limit of a resource, by its name: unlike prlimit(2), for
    /// processes of any user.
    pub fn soft_limit(pid: u32, name: &str) -> Result<u64, Errno> {
        let limits = Status::read(pid, "limits")?;
        let text = core::str::from_utf8(&limits.bytes[..limits.len]).unwrap_or("");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let soft = line.unwrap_or("").split_ascii_whitespace().next();
        Ok(soft.and_then(|word| word.parse().ok()).unwrap_or(u64::MAX))
    }

    /// Bytes of this process's own memory that are there: those that fork(2)
    /// copies the tables of.
    pub fn own_memory() -> Result<usize, Errno> {
        // Not by `Status`, whose room a small thread's stack has not: pledge()
        // asks this. "size resident shared …", in pages.
        let (mut pages, mut field) = ([0_usize; 3], 0);
        each_byte(super::pid(), "statm", |byte| {
            if byte.is_ascii_digit() {
                let digit = usize::from(byte - b'0');
                pages[field] = pages[field].saturating_mul(10).saturating_add(digit);
            } else {
                field += 1;
            }
            field < pages.len()
        })?;
        if field < pages.len() {
            return Err(libc::EINVAL);
        }
        Ok(pages[1].saturating_sub(pages[2]).saturating_mul(4096))
    }

    fn read(pid: u32, name: &str) -> Result<Status, Errno> {
        let mut status = Status {
            bytes: [0; 2048],
            len: 0,
        };
        let (mut line, mut is_long) = (0, false);
        each_byte(pid, name, |byte| {
            if !is_long {
                status.bytes[status.len] = byte;
                status.len += 1;
                if status.len - line > SHORT {
                    (status.len, is_long) = (line, true);
                }
            }
            if byte == b'\n' {
                (line, is_long) = (status.len, false);
            }
            status.len < status.bytes.len()
        })?;
        Ok(status)
    }

    /// The first word of a line.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.line(name).split_ascii_whitespace().next()
    }

    /// A line that has come whole, without its name.
    fn line(&self, name: &str) -> &str {
        let text = core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("");
        let line = text.split_inclusive('\n').find_map(|line| {
            let rest = line.strip_suffix('\n')?.strip_prefix(name)?;
            rest.strip_prefix(':')
        });
        line.unwrap_or("")
    }

    /// The numbers of a line, of that base.
    pub fn numbers(&self, name: &str, base: u32) -> impl Iterator<Item = u64> {
        let words = self.line(name).split_ascii_whitespace();
        words.map_while(move |word| u64::from_str_radix(word, base).ok())
    }

    /// The first of them.
    pub fn number(&self, name: &str, base: u32) -> Option<u64> {
        self.numbers(name, base).next()
    }

    /// Is a signal in a set, such as "SigCgt"? None where that is not told.
    pub fn has_signal(&self, set: &str, signal: i32) -> Option<bool> {
        Some(self.number(set, 16)? & 1 << (signal - 1) != 0)
    }
}

/// Give `take` a file of /proc/PID byte by byte, as long as it wants more.
fn each_byte(pid: u32, name: &str, mut take: impl FnMut(u8) -> bool) -> Result<(), Errno> {
    each_block(pid, name, |block| block.iter().all(|byte| take(*byte)))
}

/// The same block by block.
pub(super) fn each_block(
    pid: u32,
    name: &str,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), Errno> {
    let path = Path::of(pid, format_args!("{name}"));
    let file: Fd = fd::open(path.as_c_str(), libc::O_RDONLY, 0)?;
    let mut block = [0; 1024];
    loop {
        let len = file.read(&mut block)?;
        if len == 0 || !take(&block[..len]) {
            return Ok(());
        }
    }
}

/// /proc/TID/status of a thread.
pub fn open_status(tid: u32) -> Result<Fd, Errno> {
    fd::open(
        Path::of(tid, format_args!("status")).as_c_str(),
        libc::O_RDONLY,
        0,
    )
}

/// The blocks of such a file, read anew from its beginning.
pub(super) fn blocks_of(file: &Fd, mut take: impl FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    let (mut block, mut offset) = ([0; 2048], 0);
    loop {
        let to = block.as_mut_ptr() as usize;
        let args = [file.number() as usize, to, block.len(), offset, 0, 0];
        // SAFETY: the kernel writes within the array.
        let len = unsafe { call(libc::SYS_pread64, args) }?;
        if len == 0 || !take(&block[..len]) {
            return Ok(());
        }
        offset += len;
    }
}

/// What is told with a signal that a broker queues: `siginfo_t`.
#[repr(C)]
struct Told {
    signo: i32,
    errno: i32,
    code: i32,
    /// Aligned as the union that begins here is.
    sender: Sender,
    value: Word,
    /// Behind what others tell, where the kernel keeps it.
    more: u64,
    _rest: [u64; 11],
}

#[repr(C)]
#[cfg_attr(target_pointer_width = "64", repr(align(8)))]
struct Sender {
    pid: u32,
    uid: u32,
}

/// What a `union sigval` holds.
pub type Word = usize;

/// SI_QUEUE.
const QUEUED: i32 = -1;

/// Queue a signal for a thread, and a word with it; on 64-bit architectures
/// another behind that.
pub fn queue(process: u32, tid: u32, signal: i32, value: Word, more: u64) -> Result<(), Errno> {
    let told = Told {
        signo: signal,
        errno: 0,
        code: QUEUED,
        sender: Sender {
            pid: super::pid(),
            uid: 0,
        },
        value,
        more,
        _rest: [0; 11],
    };
    let told = &raw const told as usize;
    let args = [process as usize, tid as usize, signal as usize, told, 0, 0];
    // SAFETY: the kernel reads one siginfo_t of 128 bytes.
    unsafe { call(libc::SYS_rt_tgsigqueueinfo, args) }.map(|_| ())
}

/// A descriptor that stands for another process.
pub fn open(process: u32) -> Result<Fd, Errno> {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_pidfd_open, [process as usize, 0, 0, 0, 0, 0]) }.map(Fd::of)
}

/// A descriptor that stands for a thread; before Linux 6.9 only of the first of
/// a process.
pub fn open_thread(tid: u32) -> Result<Fd, Errno> {
    /// PIDFD_THREAD.
    const THREAD: usize = libc::O_EXCL as usize;
    let open = |flags| {
        // SAFETY: takes no pointer.
        unsafe { call(libc::SYS_pidfd_open, [tid as usize, flags, 0, 0, 0, 0]) }
    };
    open(THREAD).or_else(|_| open(0)).map(Fd::of)
}

/// Does what such a descriptor stands for have its number still?
pub fn is_there(thread: &Fd) -> bool {
    let args = [thread.number() as usize, 0, 0, 0, 0, 0];
    // SAFETY: takes no pointer. Signal 0 is sent to nobody.
    let found = unsafe { call(libc::SYS_pidfd_send_signal, args) };
    matches!(found, Ok(_) | Err(libc::EPERM))
}

/// Has the process ended that this stands for? Under any promises.
pub fn has_ended(process: &Fd) -> bool {
    super::poll(process.number(), libc::POLLIN, 0).is_ok_and(|ready| ready != 0)
}

/// A copy of another process's descriptor, where the kernel lets us have one.
pub fn descriptor(process: u32, number: i32) -> Result<Fd, Errno> {
    let pidfd = open(process)?;
    let args = [pidfd.number() as usize, number as usize, 0, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_pidfd_getfd, args) }.map(Fd::of)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn maps_tell_what_can_be_written() {
        let maps = std::fs::File::open("/proc/self/maps").expect("a file");
        let is = |at: *const u8, len| is_writable(maps.as_raw_fd(), at as u64, len);
        let mut own = [0_u8; 100];
        assert!(is(own.as_mut_ptr(), 100));
        assert!(!is(maps_tell_what_can_be_written as *const u8, 1));
        assert!(!is(c"text".as_ptr().cast(), 4));
        assert!(!is(own.as_mut_ptr(), 1 << 40));
        assert!(!is(core::ptr::without_provenance(usize::MAX), 8));
    }

    #[test]
    fn memory_is_read_whole_or_not() {
        let text = *b"some text";
        let mut copy = [0; 9];
        let memory = Memory::Process(std::process::id());
        assert_eq!(memory.read(text.as_ptr() as u64, &mut copy), Ok(()));
        assert_eq!(copy, text);
        assert_eq!(memory.read(8, &mut copy), Err(libc::EFAULT));
        assert_eq!(memory.read(u64::MAX - 4, &mut copy), Err(libc::EFAULT));
    }

    #[test]
    fn the_status_of_this_process_is_read() {
        let status = Status::of(std::process::id()).expect("a file");
        assert_eq!(status.number("Tgid", 10), Some(std::process::id().into()));
        assert_eq!(status.numbers("Uid", 10).count(), 4);
        assert_eq!(status.number("Umaskk", 8), None);
        assert_eq!(status.has_signal("SigCgt", libc::SIGKILL), Some(false));
        assert_eq!(status.has_signal("SigCgtt", libc::SIGKILL), None);
    }
}
