// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process beside this one that no wait, no signal and no process group tells of: how it is made, and how it sheds what it came with.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::fd::Fd;
use super::signal;
use super::{Errno, Insn, MARK, arch, call, prctl};

/// Words that processes share.
#[repr(C)]
pub struct Board {
    /// What the one tells the other.
    pub told: AtomicU32,
    /// What comes back.
    pub done: AtomicU32,
    /// The other, where another one has made it, and its stack.
    pub pid: AtomicU32,
    pub stack: AtomicUsize,
    /// Do they run in this one's memory? The kernel says when they no longer do.
    pub is_there: [AtomicU32; 2],
}

/// A board, zeroed, which a process made by [`fork`] shares.
pub fn board() -> Result<&'static Board, Errno> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as usize;
    let args = [0, size_of::<Board>(), protection, flags, usize::MAX, 0];
    // SAFETY: a new mapping, zeroed, which only `forget` unmaps.
    unsafe {
        let at = call(arch::MMAP, args)?;
        Ok(&*(at as *const Board))
    }
}

/// Unmap it: nobody may use it any more.
pub fn forget(board: &'static Board) {
    let args = [
        board as *const Board as usize,
        size_of::<Board>(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the caller's last use of it.
    let _ = unsafe { call(libc::SYS_munmap, args) };
}

/// Its own memory, and what is mapped where, as files: what is opened by
/// itself is there for another process too, whoever that may be to it.
pub fn own_memory() -> Result<[Fd; 2], Errno> {
    // After a change of user its own files below /proc are root's.
    let dumpable = prctl(libc::PR_GET_DUMPABLE as usize, [0; 4])?;
    let set = |how| prctl(libc::PR_SET_DUMPABLE as usize, [how, 0, 0, 0]);
    if dumpable != 1 {
        set(1)?;
    }
    let opened = super::fd::open(c"/proc/self/mem", libc::O_RDWR, 0);
    let maps = super::fd::open(c"/proc/self/maps", libc::O_RDONLY, 0);
    if dumpable != 1 {
        // 2 (root may look) can only be had from the kernel.
        set(0)?;
    }
    Ok([opened?, maps?])
}

/// A copy of this process, with its descriptors in common; 0 in the copy. Its
/// end sends no signal, and only who asks for such children waits for it.
pub fn fork() -> Result<u32, Errno> {
    copy(libc::CLONE_FILES as usize)
}

/// The same with descriptors of its own.
pub fn fork_apart() -> Result<u32, Errno> {
    copy(0)
}

fn copy(flags: usize) -> Result<u32, Errno> {
    // On s390x the stack comes first.
    let args = match cfg!(target_arch = "s390x") {
        true => [0, flags, 0, 0, 0, 0],
        false => [flags, 0, 0, 0, 0, 0],
    };
    // SAFETY: memory is copied as by fork(2), and the copy makes nothing but
    // raw calls.
    unsafe { call(libc::SYS_clone, args) }.map(|pid| pid as u32)
}

/// Do processes whose parents have ended become children of this one? Then it
/// waits for them, and is told of their ends.
pub fn adopts() -> bool {
    let mut is_set = 0_i32;
    let to = &raw mut is_set as usize;
    // SAFETY: the kernel writes an int.
    let told = unsafe {
        let option = libc::PR_GET_CHILD_SUBREAPER as usize;
        call(libc::SYS_prctl, [option, to, 0, 0, 0, 0])
    };
    told.is_err() || is_set != 0 || super::pid() == 1
}

/// __WALL of linux/wait.h: also children of which no signal tells.
const ALL: usize = 0x4000_0000;

/// Let the kernel forget a child that has ended or is about to.
pub fn reap(pid: u32) {
    // SAFETY: no status is asked for.
    let _ = unsafe { call(libc::SYS_wait4, [pid as usize, 0, ALL, 0, 0, 0]) };
}

/// Block every signal; what was blocked before.
pub fn block_signals() -> u64 {
    signal::block_all_and_tell()
}

pub fn parent() -> u32 {
    // SAFETY: takes no pointer.
    unsafe { call(libc::SYS_getppid, [0; 6]) }.unwrap_or(0) as u32
}

/// Close a descriptor of a process that its filter holds already.
pub fn close_by_door(fd: i32) {
    let args = [fd as usize, 0, 0, 0, 0, super::DOOR];
    // SAFETY: takes no pointer.
    let _ = unsafe { call(libc::SYS_close, args) };
}

/// CLOSE_RANGE_UNSHARE.
const UNSHARE: usize = 2;
/// No descriptor has such a number.
const BEYOND: usize = 0x7fff_fff0;

/// Go into the directory behind a descriptor, which is closed.
pub fn enter(fd: usize) -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    let done = unsafe { call(libc::SYS_fchdir, [fd, 0, 0, 0, 0, 0]) };
    close_by_door(fd as i32);
    done.map(|_| ())
}

/// Does another program listen to this process, so that nobody else can? A copy
/// of it tries.
pub fn is_listened_to() -> bool {
    if !super::is_filtered() {
        return false;
    }
    let allowing = Insn {
        code: 0x06,
        jt: 0,
        jf: 0,
        k: 0x7fff_0000,
    };
    match fork_apart() {
        Ok(0) => {
            let tried = super::load_listened_filter(&[allowing]);
            super::exit_group((tried == Err(libc::EBUSY)).into())
        }
        Ok(pid) => ended_with(pid) == Ok(1),
        Err(_) => false,
    }
}

/// The status with which a child ends.
fn ended_with(pid: u32) -> Result<i32, Errno> {
    let mut status = 0_i32;
    let args = [pid as usize, &raw mut status as usize, ALL, 0, 0, 0];
    // SAFETY: the kernel writes an int.
    unsafe { call(libc::SYS_wait4, args) }?;
    Ok(libc::WEXITSTATUS(status))
}

/// A table of descriptors of one's own, with nothing in it but those of `keep`,
/// which get the numbers from 0 on.
pub fn own_descriptors(keep: &[i32]) -> Result<(), Errno> {
    let last = u32::MAX as usize;
    // SAFETY: take no pointer.
    unsafe {
        match call(libc::SYS_close_range, [BEYOND, last, UNSHARE, 0, 0, 0]) {
            // Before 5.9; where neither can be had nothing may be closed.
            Err(_) => call(
                libc::SYS_unshare,
                [libc::CLONE_FILES as usize, 0, 0, 0, 0, 0],
            )?,
            done => done?,
        };
        close_others(keep)?;
        // First out of the way of each other.
        let mut moved = [0; MOST];
        for (to, fd) in moved.iter_mut().zip(keep) {
            let above = [*fd as usize, libc::F_DUPFD as usize, keep.len(), 0, 0, 0];
            *to = call(libc::SYS_fcntl, above)?;
        }
        for (n, fd) in moved[..keep.len()].iter().enumerate() {
            call(libc::SYS_dup3, [*fd, n, 0, 0, 0, 0])?;
        }
        let numbers: [i32; MOST] = core::array::from_fn(|n| n as i32);
        close_others(&numbers[..keep.len()])?;
    }
    Ok(())
}

/// More are never kept.
const MOST: usize = 4;

/// Close all but these, of a table that is nobody else's.
fn close_others(keep: &[i32]) -> Result<(), Errno> {
    let mut next = 0;
    loop {
        let kept = keep.iter().copied().filter(|fd| *fd as usize >= next).min();
        let end = kept.map_or(u32::MAX as usize, |fd| (fd as usize).wrapping_sub(1));
        if kept.is_none() || kept.is_some_and(|fd| fd as usize > next) {
            close_range(next, end)?;
        }
        match kept {
            None => return Ok(()),
            Some(fd) => next = fd as usize + 1,
        }
    }
}

fn close_range(first: usize, last: usize) -> Result<(), Errno> {
    // SAFETY: take no pointer.
    match unsafe { call(libc::SYS_close_range, [first, last, 0, 0, 0, 0]) } {
        // Before 5.9.
        Err(libc::ENOSYS) => {
            let most = super::process::limit(0, libc::RLIMIT_NOFILE as usize, None)?;
            for fd in first..=last.min(most.1.min(1 << 20) as usize) {
                // SAFETY: as above.
                let _ = unsafe { call(libc::SYS_close, [fd, 0, 0, 0, 0, 0]) };
            }
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

/// No signal of the terminal reaches it, nobody looks into it, and no
/// directory is kept busy by it.
pub fn hide(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a C string; the others take no pointer.
    unsafe {
        call(libc::SYS_setpgid, [0; 6])?;
        call(libc::SYS_chdir, [c"/".as_ptr() as usize, 0, 0, 0, 0, 0])?;
    }
    prctl(libc::PR_SET_DUMPABLE as usize, [0; 4])?;
    let _ = prctl(
        libc::PR_SET_NAME as usize,
        [name.as_ptr() as usize, 0, 0, 0],
    );
    Ok(())
}

/// The broker of this process, and of those that it makes.
static BROKER: AtomicU32 = AtomicU32::new(0);

/// Let that process look into this one's memory, where Yama asks for it.
pub fn let_look(pid: u32) {
    BROKER.store(pid, Ordering::Relaxed);
    let_broker_look();
}

/// The same of a process made by fork(2), which does not inherit that.
pub fn let_broker_look() {
    const PR_SET_PTRACER: usize = 0x5961_6d61;
    let broker = BROKER.load(Ordering::Relaxed) as usize;
    // What a program asks for with five arguments is not this, whatever lies in the sixth register.
    let args = [PR_SET_PTRACER, broker, 0, 0, PR_SET_PTRACER, super::DOOR];
    // SAFETY: takes no pointer.
    let _ = unsafe { call(libc::SYS_prctl, args) };
}

/// Tell the broker of promises given up.
pub fn tell(what: u32, words: [u64; 3]) -> Result<(), Errno> {
    let [a, b, c] = words.map(|word| word as usize);
    let args = [MARK as usize, what as usize, a, b, c, upper(words)];
    // SAFETY: the filter takes this call to the broker: no pointer is in it.
    unsafe { call(libc::SYS_prctl, args) }.map(|_| ())
}

/// What of the words no register of 32 bits holds: more than half of the first
/// two, and nothing of the last.
#[cfg(target_pointer_width = "32")]
fn upper([a, b, _]: [u64; 3]) -> usize {
    let (first, second) = (a >> 32 & 0xffff, b >> 32 & 0x7fff);
    (first | second << 16 | b >> 63 << 31) as usize
}

#[cfg(target_pointer_width = "64")]
fn upper(_words: [u64; 3]) -> usize {
    0
}

/// What was told, by the arguments of the call.
pub fn told(args: &[u64; 6]) -> [u64; 3] {
    let [_, _, a, b, c, upper] = *args;
    if cfg!(target_pointer_width = "64") {
        return [a, b, c];
    }
    let (first, second) = (upper & 0xffff, upper >> 16 & 0x7fff);
    [a | first << 32, b | second << 32 | upper >> 31 << 63, c]
}
