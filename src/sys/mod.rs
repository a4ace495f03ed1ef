// SPDX-License-Identifier: MIT OR Apache-2.0
//! Raw system calls and reads of the process's own memory: the only unsafe below the C face.
//!
//! No call goes through a libc wrapper: errno stays the caller's, nothing is a
//! cancellation point, and the same object code serves every libc.
#![allow(unsafe_code)]

pub mod arch;
pub mod arena;
pub mod bell;
pub mod bytes;
pub mod credentials;
pub mod directory;
pub mod fd;
pub mod file;
pub mod image;
pub mod landlock;
pub mod linkmap;
pub mod lock;
pub mod message;
pub mod notify;
pub mod once;
pub mod path;
pub mod process;
pub mod program;
pub mod report;
pub mod signal;
pub mod socket;
pub mod spawn;
pub mod text;
pub mod thread;
pub mod tls;
pub mod weak;
pub mod zone;

use fd::Inode;

/// A failed call's errno.
pub type Errno = i32;

/// "rpld": what marks the library's own calls among the program's.
pub const MARK: u32 = u32::from_be_bytes(*b"rpld");

/// Sixth argument of calls that a handler makes: the filter tells them from
/// the program's by it, and the kernel does not look (DOOR in
/// data/promises.toml).
pub const DOOR: usize = MARK as usize;

/// One instruction of a filter: `struct sock_filter` of linux/filter.h.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Insn {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

impl Insn {
    /// As the kernel reads it.
    pub fn bytes(&self) -> [u8; 8] {
        let [c0, c1] = self.code.to_ne_bytes();
        let [k0, k1, k2, k3] = self.k.to_ne_bytes();
        [c0, c1, self.jt, self.jf, k0, k1, k2, k3]
    }
}

const FLAG_TSYNC: usize = 1;
const FLAG_NEW_LISTENER: usize = 1 << 3;
const FLAG_TSYNC_ESRCH: usize = 1 << 4;
const FLAG_WAIT_KILLABLE: usize = 1 << 5;

/// Make a system call.
///
/// # Safety
/// As the call's: pointers among `args` must be valid for what it does.
unsafe fn call(nr: libc::c_long, args: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: the caller vouches for the arguments.
    let value = unsafe { arch::syscall(nr as usize, args) };
    if value < -4095isize as usize {
        Ok(value)
    } else {
        Err(-(value as isize) as Errno)
    }
}

/// prctl(2) with an option that reads and writes no memory.
fn prctl(option: usize, args: [usize; 4]) -> Result<usize, Errno> {
    // SAFETY: callers give options that take no pointer.
    unsafe {
        call(
            libc::SYS_prctl,
            [option, args[0], args[1], args[2], args[3], 0],
        )
    }
}

/// Does a filter, ours or another's, confine this thread?
pub fn is_filtered() -> bool {
    prctl(libc::PR_GET_SECCOMP as usize, [0; 4]) == Ok(2)
}

/// Answer number `n` of the newest filter of ours: see `policy::QUERY`.
pub fn query(n: usize) -> u16 {
    // The answer comes as an errno, so a 0 is a success.
    prctl(MARK as usize, [n, 0, 0, 0]).map_or_else(|errno| errno as u16, |_| 0)
}

/// Give up what execve(2) could gain; needed to load a filter.
pub fn set_no_new_privs() -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS as usize, [1, 0, 0, 0]).map(|_| ())
}

#[repr(C)]
struct Fprog {
    len: u16,
    filter: *const Insn,
}

/// Whom a filter is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every thread of the process.
    Process,
    /// The calling thread, and those it makes later.
    Thread,
}

/// Bring threads under the filter: all or none. What is returned is 0, or the
/// id of one that has filters which the caller lacks.
///
/// The flag that makes that an errno is of Linux 5.7, and tells no id.
pub fn load_filter(insns: &[Insn], scope: Scope) -> Result<usize, Errno> {
    let program = Fprog {
        len: insns.len() as u16,
        filter: insns.as_ptr(),
    };
    let flags = match scope {
        Scope::Process => FLAG_TSYNC,
        Scope::Thread => 0,
    };
    set_filter(flags, &raw const program as usize)
}

/// The same for the process, and the number of the filter's listener. Linux
/// 5.7 or newer; before 5.19 signals interrupt calls that are answered.
pub fn load_listened_filter(insns: &[Insn]) -> Result<i32, Errno> {
    let program = Fprog {
        len: insns.len() as u16,
        filter: insns.as_ptr(),
    };
    let at = &raw const program as usize;
    let flags = FLAG_TSYNC | FLAG_TSYNC_ESRCH | FLAG_NEW_LISTENER;
    let listener = match set_filter(flags | FLAG_WAIT_KILLABLE, at) {
        Err(libc::EINVAL) => set_filter(flags, at),
        done => done,
    };
    listener.map(|fd| fd as i32)
}

/// Can filters be had? ENOSYS if the kernel has none.
///
/// Where the kernel has them it looks for the program before anything else.
pub fn has_filters() -> Result<(), Errno> {
    match set_filter(FLAG_TSYNC, 0) {
        Err(libc::EFAULT) => Ok(()),
        // Built with seccomp, but not with filters.
        Err(libc::EINVAL) | Ok(_) => Err(libc::ENOSYS),
        Err(errno) => Err(errno),
    }
}

/// What a handler is told of a call that the broker does not serve: no errno
/// of the kernel's.
pub const NOT_SERVED: Errno = 4094;

/// ... and of one that is a violation, whatever a filter says of it.
pub const VIOLATION: Errno = 4093;

/// Ask the broker for a number, as `policy::STATE` says.
pub fn inquire(what: u32, n: usize) -> Result<usize, Errno> {
    // SAFETY: the broker is asked, and no pointer is in it.
    unsafe { call(libc::SYS_prctl, [MARK as usize, what as usize, n, 0, 0, 0]) }
}

/// Words of a question: a call's number, its six arguments, and which socket
/// its descriptor is.
pub const QUESTION: usize = 9;

/// Have the broker serve a call, as `policy::ASK` says.
pub fn ask(what: u32, nr: u32, args: &[u64; 6], socket: Option<Inode>) -> Result<usize, Errno> {
    let (device, number) = socket.map_or((0, 0), |socket| (socket.device, socket.number));
    let [a, b, c, d, e, f] = *args;
    let words: [u64; QUESTION] = [u64::from(nr), a, b, c, d, e, f, device, number];
    let at = words.as_ptr() as usize;
    // SAFETY: the broker reads these words.
    unsafe { call(libc::SYS_prctl, [MARK as usize, what as usize, at, 0, 0, 0]) }
}

fn set_filter(flags: usize, program: usize) -> Result<usize, Errno> {
    let mode = libc::SECCOMP_SET_MODE_FILTER as usize;
    // SAFETY: the kernel copies what `program` describes, or says EFAULT.
    unsafe { call(libc::SYS_seccomp, [mode, flags, program, 0, 0, 0]) }
}

/// Let other threads run, under any promises: ppoll(2) of nothing, for a
/// millisecond, is what a filter lets the library do.
fn sleep_a_moment() {
    let _ = poll(-1, 0, 1);
}

/// Wait for a descriptor; by ppoll(2), since newer architectures have no poll(2).
fn poll(fd: i32, events: i16, milliseconds: usize) -> Result<usize, Errno> {
    let mut wanted = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // `struct timespec` of the kernel: two longs, which it may overwrite.
    let mut time = [0, milliseconds * 1_000_000];
    let args = [&raw mut wanted as usize, 1, time.as_mut_ptr() as usize];
    // SAFETY: the kernel reads and writes one pollfd and the time.
    unsafe { call(libc::SYS_ppoll, [args[0], args[1], args[2], 0, 8, DOOR]) }
}

/// The kernel's release: the first two numbers of it.
fn release() -> Option<(u32, u32)> {
    /// `struct new_utsname`: the system, the machine's name, the release, ...
    const FIELD: usize = 65;
    let mut names = [0_u8; 6 * FIELD];
    // SAFETY: the kernel writes the structure.
    unsafe {
        call(
            libc::SYS_uname,
            [names.as_mut_ptr() as usize, 0, 0, 0, 0, 0],
        )
    }
    .ok()?;
    let text = core::str::from_utf8(&names[2 * FIELD..3 * FIELD]).ok()?;
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

/// The process's id, also where only a handler may ask for it.
pub fn pid() -> u32 {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_getpid, [0, 0, 0, 0, 0, DOOR]) }.unwrap_or(0) as u32
}

/// The thread's id, likewise.
pub fn tid() -> u32 {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_gettid, [0, 0, 0, 0, 0, DOOR]) }.unwrap_or(0) as u32
}

/// The effective user and group, as chown(2) knows them.
pub fn ids() -> (u32, u32) {
    let door = [0, 0, 0, 0, 0, DOOR];
    // SAFETY: take no pointer.
    let (uid, gid) = unsafe { (call(arch::GETEUID, door), call(arch::GETEGID, door)) };
    (uid.unwrap_or(0) as u32, gid.unwrap_or(0) as u32)
}

/// How long a reader of standard error may keep a report waiting, in
/// milliseconds: a full pipe must not keep a violation alive.
const REPORT_WAIT: usize = 200;

/// Write a report to standard error, if that takes it soon.
pub fn report(text: &[u8]) {
    if poll(2, libc::POLLOUT, REPORT_WAIT) == Ok(0) {
        return;
    }
    let args = [2, text.as_ptr() as usize, text.len(), 0, 0, DOOR];
    // SAFETY: the kernel reads the slice.
    let _ = unsafe { call(libc::SYS_write, args) };
}

/// Wait until a descriptor is ready; how it is then, 0 after `milliseconds`.
pub fn wait_for(fd: i32, events: i16, milliseconds: i32) -> Result<i16, Errno> {
    let mut wanted = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let time = libc::timespec {
        tv_sec: (milliseconds / 1000).into(),
        tv_nsec: (milliseconds % 1000 * 1_000_000).into(),
    };
    let end = match milliseconds {
        ..0 => 0,
        _ => &raw const time as usize,
    };
    let args = [&raw mut wanted as usize, 1, end, 0, 8, 0];
    // SAFETY: the kernel reads and writes one pollfd and reads a time.
    unsafe { call(libc::SYS_ppoll, args) }.map(|_| wanted.revents)
}

/// End the process.
pub fn exit_group(status: usize) -> ! {
    loop {
        // SAFETY: takes no pointer.
        let _ = unsafe { call(libc::SYS_exit_group, [status, 0, 0, 0, 0, 0]) };
    }
}

/// Can the eight bytes at this aligned address be read?
///
/// rt_sigprocmask(2) reads its set before it finds `how` wrong, so it says
/// EFAULT or EINVAL and does nothing else.
fn is_readable(word: usize) -> bool {
    // NULL stands for no set, which is no fault; nothing is mapped there.
    if word & !7 == 0 {
        return false;
    }
    let args = [usize::MAX, word & !7, 0, 8, 0, DOOR];
    // SAFETY: an unreadable address is what is asked about.
    let asked = unsafe { call(libc::SYS_rt_sigprocmask, args) };
    asked != Err(libc::EFAULT)
}

/// Can the eight bytes at this address be written? If so, they are.
///
/// rt_sigprocmask(2) without a set changes nothing and stores the mask.
fn is_writable(word: usize) -> bool {
    let args = [0, 0, word, 8, 0, DOOR];
    // SAFETY: the caller overwrites the eight bytes next.
    word != 0 && unsafe { call(libc::SYS_rt_sigprocmask, args) }.is_ok()
}

/// Map a whole file for reading, for good; nothing if it cannot be had.
fn map_file(path: &core::ffi::CStr) -> Option<&'static [u8]> {
    let open = [
        libc::AT_FDCWD as usize,
        path.as_ptr() as usize,
        (libc::O_RDONLY | libc::O_CLOEXEC) as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the path is a C string.
    let fd = unsafe { call(libc::SYS_openat, open) }.ok()?;
    // SAFETY: the end is asked for, nothing is read.
    let size = unsafe { call(libc::SYS_lseek, [fd, 0, libc::SEEK_END as usize, 0, 0, 0]) };
    let size = size.unwrap_or(0);
    let map = [
        0,
        size,
        libc::PROT_READ as usize,
        libc::MAP_PRIVATE as usize,
        fd,
        0,
    ];
    // SAFETY: a new mapping, where the kernel likes it.
    let address = unsafe { call(arch::MMAP, map) };
    // SAFETY: opened above.
    let _ = unsafe { call(libc::SYS_close, [fd, 0, 0, 0, 0, 0]) };
    // SAFETY: mapped above and never unmapped; a program that is written while
    // it runs is ETXTBSY.
    address
        .ok()
        .map(|at| unsafe { core::slice::from_raw_parts(at as *const u8, size) })
}
