// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages without ancillary data, sent and received by calls whose arguments a filter sees.
//!
//! What sendmsg(2) does lies behind a pointer: descriptors that it passes, the
//! address that it sends to. A filter can but refuse it. Where a message asks
//! for neither, sendto(2), writev(2), recvfrom(2) and readv(2) do the same, and
//! the filter judges those; so nothing is possible here that is not without.

use core::ffi::c_long;

use super::{DOOR, Errno, arch, call, is_readable, is_writable, signal};

/// Most parts of a message (UIO_MAXIOV) and most messages of a call.
const MOST: usize = 1024;
/// Most bytes of a message that must be copied to lie in one piece.
const LARGEST: usize = 64 << 20;
const PAGE: usize = 4096;

type Part = libc::iovec;
type Message = libc::msghdr;
type Messages = libc::mmsghdr;

/// Not to be had in this form: the caller's filter has an errno for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hidden;

type Outcome = Result<Result<usize, Errno>, Hidden>;

/// Make the trapped call, if it can be made so. `mask` is the thread's, which
/// holds again meanwhile: the call may wait, and signals must interrupt it.
/// Where somebody else serves ancillary data, no room for it stays empty.
pub fn make(nr: c_long, args: &[u64; 6], mask: u64, is_served: bool) -> Outcome {
    let args = args.map(|arg| arg as usize);
    let receive = if is_served { receive_plain } else { receive };
    if Some(nr) == arch::SOCKETCALL {
        return Ok(shown(args, mask));
    }
    match nr {
        libc::SYS_sendmsg => one(args, mask, send),
        libc::SYS_recvmsg => one(args, mask, receive),
        libc::SYS_sendmmsg => many(args, mask, args[3], send),
        // A wait for several messages with an end cannot be made of others.
        _ if arch::RECVMMSG.contains(&nr) && args[4] != 0 => Err(Hidden),
        _ if arch::RECVMMSG.contains(&nr) => many(args, mask, args[3], receive),
        _ => Err(Hidden),
    }
}

/// A call that socketcall(2) hides, made by its own number.
fn shown(hidden: [usize; 6], mask: u64) -> Result<usize, Errno> {
    let which = hidden[0].wrapping_sub(1);
    let (nr, count) = *arch::SOCKET_CALLS.get(which).ok_or(libc::EINVAL)?;
    let mut args = [0; 6];
    for (n, arg) in args.iter_mut().enumerate().take(count) {
        *arg = read(hidden[1].wrapping_add(n * size_of::<usize>()))?;
    }
    // What the filter does not let through comes back to the handler.
    Socket { fd: args[0], mask }.call(nr, args)
}

type Do = fn(&Socket, usize, &Message, usize) -> Outcome;

fn one(args: [usize; 6], mask: u64, act: Do) -> Outcome {
    let socket = Socket { fd: args[0], mask };
    match read::<Message>(args[1]) {
        Ok(message) => act(&socket, args[1], &message, args[2]),
        Err(errno) => Ok(Err(errno)),
    }
}

/// As the kernel does several: what has been done counts, an error is told
/// only if it befell the first.
fn many(args: [usize; 6], mask: u64, flags: usize, act: Do) -> Outcome {
    let socket = Socket { fd: args[0], mask };
    let waits_for_one = flags & libc::MSG_WAITFORONE as usize != 0;
    let mut flags = flags & !(libc::MSG_WAITFORONE as usize);
    for n in 0..args[2].min(MOST) {
        let at = args[1].wrapping_add(n * size_of::<Messages>());
        let done = match read::<Messages>(at) {
            Ok(message) => match act(&socket, at, &message.msg_hdr, flags) {
                // What went before has gone.
                Err(Hidden) if n > 0 => return Ok(Ok(n)),
                done => done?,
            },
            Err(errno) => Err(errno),
        };
        let length = at.wrapping_add(core::mem::offset_of!(Messages, msg_len));
        match done.and_then(|len| write(length, len as u32)) {
            Ok(()) => {}
            Err(errno) if n == 0 => return Ok(Err(errno)),
            Err(_) => return Ok(Ok(n)),
        }
        if waits_for_one {
            flags |= libc::MSG_DONTWAIT as usize;
        }
    }
    Ok(Ok(args[2].min(MOST)))
}

/// Wait as a call would that failed with EAGAIN because its broker does not:
/// that errno, if it would not either. Then it is to be made again.
pub fn wait(nr: c_long, args: &[u64; 6], mask: u64) -> Result<(), Errno> {
    let args = args.map(|arg| arg as usize);
    let socket = Socket { fd: args[0], mask };
    let is_sent = matches!(nr, libc::SYS_sendmsg | libc::SYS_sendmmsg);
    let flags = match nr {
        libc::SYS_sendmsg | libc::SYS_recvmsg => args[2],
        _ => args[3],
    } as i32;
    let at_once = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE | libc::MSG_OOB;
    // SAFETY: takes no pointer.
    let open = unsafe { call(arch::FCNTL, [args[0], libc::F_GETFL as usize, 0, 0, 0, 0]) }?;
    if flags & at_once != 0 || open as i32 & libc::O_NONBLOCK != 0 {
        return Err(libc::EAGAIN);
    }
    if is_sent {
        // Room on this side is not room on the other.
        super::sleep_a_moment();
        return socket.wait_for_room();
    }
    // Told of the end of the time that the socket has, of signals and errors.
    let (mut byte, peek) = (0_u8, libc::MSG_PEEK as usize);
    let to = &raw mut byte as usize;
    socket
        .call(libc::SYS_recvfrom, [0, to, 1, peek, 0, 0])
        .map(|_| ())
}

struct Socket {
    fd: usize,
    mask: u64,
}

impl Socket {
    /// A call that may wait, with the thread's own signal mask.
    fn call(&self, nr: c_long, args: [usize; 6]) -> Result<usize, Errno> {
        let args = [self.fd, args[1], args[2], args[3], args[4], args[5]];
        signal::restore_mask(self.mask & !(1 << (libc::SIGSYS - 1)));
        // SAFETY: as the program's own call would be: the kernel looks at each pointer.
        let done = unsafe { call(nr, args) };
        signal::block_all();
        done
    }

    fn wait_for_room(&self) -> Result<(), Errno> {
        let mut wanted = libc::pollfd {
            fd: self.fd as i32,
            events: libc::POLLOUT,
            revents: 0,
        };
        signal::restore_mask(self.mask & !(1 << (libc::SIGSYS - 1)));
        // SAFETY: the kernel reads and writes one pollfd.
        let done = unsafe { call(libc::SYS_ppoll, [&raw mut wanted as usize, 1, 0, 0, 0, 0]) };
        signal::block_all();
        done.map(|_| ())
    }

    /// Its family: a local address begins with it.
    fn family(&self) -> Result<u16, Errno> {
        let (mut address, mut len) = ([0_u16; 64], 128_u32);
        let to = [&raw mut address as usize, &raw mut len as usize];
        // SAFETY: the kernel writes within the array, and a length.
        unsafe { call(libc::SYS_getsockname, [self.fd, to[0], to[1], 0, 0, 0]) }?;
        Ok(address[0])
    }

    /// SO_TYPE; an error where the descriptor is no socket.
    fn kind(&self) -> Result<i32, Errno> {
        let (mut kind, mut len) = (0i32, size_of::<i32>() as u32);
        let (level, name) = (libc::SOL_SOCKET as usize, libc::SO_TYPE as usize);
        let to = [&raw mut kind as usize, &raw mut len as usize];
        let args = [self.fd, level, name, to[0], to[1], DOOR];
        // SAFETY: the kernel writes an int and its length.
        unsafe { call(libc::SYS_getsockopt, args) }.map(|_| kind)
    }

    /// Can the byte at this address be written? If so, it is: SO_TYPE cut to
    /// one byte, as `is_writable` takes eight, and others may own those behind.
    fn can_write(&self, at: usize) -> bool {
        let mut len = 1u32;
        let (level, name) = (libc::SOL_SOCKET as usize, libc::SO_TYPE as usize);
        let args = [self.fd, level, name, at, &raw mut len as usize, DOOR];
        // SAFETY: the caller overwrites the byte next.
        unsafe { call(libc::SYS_getsockopt, args) }.is_ok()
    }
}

fn send(socket: &Socket, _at: usize, message: &Message, flags: usize) -> Outcome {
    if message.msg_controllen != 0 {
        return Err(Hidden);
    }
    let run = || {
        let parts = Parts::of(message)?;
        let to = (message.msg_name as usize, message.msg_namelen as usize);
        let plain = to.0 == 0 && flags == 0 && parts.count > 1;
        if plain && socket.kind()? != libc::SOCK_SEQPACKET {
            return socket.call(libc::SYS_writev, [0, parts.at, parts.count, 0, 0, 0]);
        }
        let sendto = |at, len| socket.call(libc::SYS_sendto, [0, at, len, flags, to.0, to.1]);
        parts.in_one_piece(socket, sendto, true)
    };
    Ok(run())
}

/// Nothing, where there is room for ancillary data.
fn receive_plain(socket: &Socket, at: usize, message: &Message, flags: usize) -> Outcome {
    match message.msg_controllen {
        0 => receive(socket, at, message, flags),
        _ => Err(Hidden),
    }
}

/// Where there is room for ancillary data: on a socket of AF_UNIX that is
/// descriptors and who sent them, which go the way of all for which there is no
/// room. On others it may be what the program cannot do without.
fn receive(socket: &Socket, at: usize, message: &Message, flags: usize) -> Outcome {
    if message.msg_controllen != 0 && socket.family() != Ok(libc::AF_UNIX as u16) {
        return Err(Hidden);
    }
    let run = || {
        let parts = Parts::of(message)?;
        // On a stream MSG_TRUNC throws bytes away; elsewhere it tells the
        // whole length, from which it follows whether something was cut off.
        let is_stream = socket.kind()? == libc::SOCK_STREAM;
        let trunc = libc::MSG_TRUNC as usize;
        let asked = if is_stream { flags } else { flags | trunc };
        let name = message.msg_name as usize;
        let mut len = message.msg_namelen;
        let lengths = if name == 0 { 0 } else { &raw mut len as usize };
        let recvfrom =
            |to, size| socket.call(libc::SYS_recvfrom, [0, to, size, asked, name, lengths]);
        let got = parts.in_one_piece(socket, recvfrom, false)?;
        let was_cut = !is_stream && got > parts.total;
        let told = if was_cut { libc::MSG_TRUNC as u32 } else { 0 };
        let field = |offset: usize| at.wrapping_add(offset);
        write(field(core::mem::offset_of!(Message, msg_flags)), told)?;
        if name != 0 {
            write(field(core::mem::offset_of!(Message, msg_namelen)), len)?;
        }
        if message.msg_controllen != 0 {
            // As long as the kernel has it: libcs differ in what they call it.
            let len = field(core::mem::offset_of!(Message, msg_controllen));
            for half in (0..size_of::<usize>()).step_by(4) {
                write(len.wrapping_add(half), 0)?;
            }
        }
        Ok(if was_cut && flags & trunc == 0 {
            parts.total
        } else {
            got
        })
    };
    Ok(run())
}

/// The parts of a message.
struct Parts {
    at: usize,
    count: usize,
    total: usize,
}

impl Parts {
    fn of(message: &Message) -> Result<Parts, Errno> {
        let (at, count) = (message.msg_iov as usize, message.msg_iovlen);
        if count > MOST {
            return Err(libc::EMSGSIZE);
        }
        let mut parts = Parts {
            at,
            count,
            total: 0,
        };
        for n in 0..count {
            let len = parts.part(n)?.iov_len;
            parts.total = parts.total.checked_add(len).ok_or(libc::EINVAL)?;
        }
        Ok(parts)
    }

    fn part(&self, n: usize) -> Result<Part, Errno> {
        read(self.at.wrapping_add(n * size_of::<Part>()))
    }

    /// Give `act` one place and length for all parts: themselves, if there is
    /// but one with something in it; else a copy.
    fn in_one_piece(
        &self,
        socket: &Socket,
        act: impl FnOnce(usize, usize) -> Result<usize, Errno>,
        is_sent: bool,
    ) -> Result<usize, Errno> {
        for n in 0..self.count {
            let part = self.part(n)?;
            if part.iov_len == self.total {
                return act(part.iov_base as usize, part.iov_len);
            }
        }
        if self.total == 0 {
            return act(0, 0);
        }
        if self.total > LARGEST {
            return Err(libc::EMSGSIZE);
        }
        let copy = Copied::new(self.total)?;
        if is_sent {
            self.each(self.total, |part, offset, len| {
                read_bytes(part, copy.at + offset, len)
            })?;
        }
        let done = act(copy.at, self.total)?;
        if !is_sent {
            self.each(done.min(self.total), |part, offset, len| {
                write_bytes(socket, copy.at + offset, part, len)
            })?;
        }
        Ok(done)
    }

    /// The first `total` bytes, part by part: place, offset, length.
    fn each(
        &self,
        total: usize,
        mut act: impl FnMut(usize, usize, usize) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut offset = 0;
        for n in 0..self.count {
            let part = self.part(n)?;
            // Another thread may change it meanwhile.
            let len = part.iov_len.min(total - offset);
            act(part.iov_base as usize, offset, len)?;
            offset += len;
        }
        Ok(())
    }
}

/// Memory of its own: a handler's stack may be small.
pub struct Copied {
    at: usize,
    size: usize,
}

impl Copied {
    /// So many bytes, at least one.
    pub fn new(size: usize) -> Result<Copied, Errno> {
        let prot = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
        // SAFETY: a new mapping, where the kernel likes it.
        let at = unsafe { call(arch::MMAP, [0, size, prot, flags, usize::MAX, 0]) };
        at.map(|at| Copied { at, size }).map_err(|_| libc::ENOBUFS)
    }
}

impl Copied {
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped by `new`, and lent as this is.
        unsafe { core::slice::from_raw_parts_mut(self.at as *mut u8, self.size) }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and nobody else knows of it.
        let _ = unsafe { call(libc::SYS_munmap, [self.at, self.size, 0, 0, 0, 0]) };
    }
}

fn pages(at: usize, len: usize) -> impl Iterator<Item = usize> {
    let last = at.wrapping_add(len.saturating_sub(1));
    let first = at & !(PAGE - 1);
    (0..=last.wrapping_sub(first) / PAGE).map(move |n| (first + n * PAGE).max(at))
}

fn read<T: Copy>(at: usize) -> Result<T, Errno> {
    if !pages(at, size_of::<T>()).all(is_readable) {
        return Err(libc::EFAULT);
    }
    // SAFETY: its pages can be read, at least a moment ago; every T here is
    // plain numbers and pointers.
    Ok(unsafe { core::ptr::read_unaligned(at as *const T) })
}

/// A field of four bytes, which has others before it: the probe writes eight.
fn write(at: usize, value: u32) -> Result<(), Errno> {
    let before = at.wrapping_sub(4);
    let old = read::<[u32; 2]>(before)?;
    if !is_writable(before) {
        return Err(libc::EFAULT);
    }
    // SAFETY: could be written a moment ago.
    unsafe { core::ptr::write_unaligned(before as *mut [u32; 2], [old[0], value]) };
    Ok(())
}

/// From the program's memory into a copy.
fn read_bytes(from: usize, to: usize, len: usize) -> Result<(), Errno> {
    if len > 0 && !pages(from, len).all(is_readable) {
        return Err(libc::EFAULT);
    }
    // SAFETY: `to` is the copy's, `from` could be read a moment ago.
    unsafe { core::ptr::copy(from as *const u8, to as *mut u8, len) };
    Ok(())
}

/// From a copy into the program's memory.
fn write_bytes(socket: &Socket, from: usize, to: usize, len: usize) -> Result<(), Errno> {
    if len > 0 && !pages(to, len).all(|at| socket.can_write(at)) {
        return Err(libc::EFAULT);
    }
    // SAFETY: `from` is the copy's, `to` could be written a moment ago.
    unsafe { core::ptr::copy(from as *const u8, to as *mut u8, len) };
    Ok(())
}
