// SPDX-License-Identifier: MIT OR Apache-2.0
//! Descriptors that are passed: a message is copied with what it passes, each descriptor is looked at, and the copy goes by a duplicate of the socket.
//!
//! What lies in the caller's memory may be another by the time that the kernel
//! would look; so nothing there is sent, and what is received is the broker's
//! first. Who receives sees the broker's process, of the same user, where it
//! asks who sent a message.

pub mod control;

use super::Answer;
use super::born::BORN;
use super::client::{Call, Client};
use super::parts::{Parts, Words};
use crate::sockets;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::message::Copied;
use crate::sys::socket::{Header, Numbered};
use control::{DESCRIPTORS, Entry, HEAD, WORD, own_all};

/// What a caller may pass and take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Anything beside bytes.
    pub passes: bool,
    /// Directories, too.
    pub directories: bool,
    /// Sockets by their names.
    pub names: bool,
    /// Any address of the internet, by connecting to it too.
    pub connects: bool,
}

/// Who makes a call that passes nothing, and waits where it would.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Helper {
    /// The caller's handler, if the call is handed back.
    Handler,
    /// The same, which is it that asks.
    Asks,
    /// Nobody but the broker.
    Nobody,
}

/// Room for them, and for what else comes along.
const CONTROL: usize = 2048;
/// Most bytes of a message.
const LARGEST: usize = 64 << 20;
/// Most parts of a message, and messages of a call (UIO_MAXIOV).
const MOST: u64 = 1024;
const ADDRESS_MAX: usize = 128;

/// A result of the call's own; or, where it ends otherwise, what it comes to.
type Done = Result<Result<usize, Errno>, Answer>;

fn early(errno: Errno) -> Answer {
    Answer::Errno(errno)
}

/// Is it a socket on which the broker may be no more than the caller?
fn is_plain(socket: &Fd) -> Result<bool, Errno> {
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    Ok(families.contains(&socket.family()?))
}

/// sendmsg(2) and sendmmsg(2).
pub fn send(client: &dyn Client, terms: Terms, helper: Helper, call: &Call) -> Answer {
    let request = Request {
        client,
        terms,
        helper,
        call,
    };
    let done = match call.name {
        "sendmsg" => request.send(call.args[1], call.int(2)),
        _ => request.many(call.int(3), Request::send),
    };
    told(done)
}

/// sendto(2) to an address that was found good, by a duplicate of the socket.
pub fn send_to(client: &dyn Client, call: &Call, socket: &Fd, to: &[u8]) -> Answer {
    let request = Request {
        client,
        terms: Terms {
            passes: false,
            directories: false,
            names: false,
            connects: false,
        },
        helper: Helper::Nobody,
        call,
    };
    told(request.send_to(socket, to))
}

/// recvmsg(2) and recvmmsg(2).
pub fn receive(client: &dyn Client, terms: Terms, helper: Helper, call: &Call) -> Answer {
    let request = Request {
        client,
        terms,
        helper,
        call,
    };
    let done = match call.name {
        "recvmsg" => request.receive(call.args[1], call.int(2)),
        _ => request.many(call.int(3), Request::receive),
    };
    told(done)
}

fn told(done: Done) -> Answer {
    done.map_or_else(|instead| instead, Answer::from)
}

struct Request<'a> {
    client: &'a dyn Client,
    terms: Terms,
    helper: Helper,
    call: &'a Call,
}

/// A message as its header has it.
struct Message {
    name: u64,
    name_len: i32,
    parts: Parts,
    control: u64,
    control_len: u64,
}

impl Request<'_> {
    /// As the kernel does several: an error is told only if it befell the first.
    /// With an end to the wait (recvmmsg's fifth argument), for one alone.
    fn many(&self, flags: i32, one: fn(&Self, u64, i32) -> Done) -> Done {
        let is_received = self.call.name.starts_with('r');
        let waits_once = flags & libc::MSG_WAITFORONE != 0 || is_received && self.call.args[4] != 0;
        let mut flags = flags & !libc::MSG_WAITFORONE;
        let count = u64::from(self.call.args[2] as u32).min(MOST);
        for n in 0..count {
            let at = self.call.args[1].wrapping_add(n * size_of::<Numbered>() as u64);
            let length = at.wrapping_add(core::mem::offset_of!(Numbered, len) as u64);
            if n == 0 {
                self.client.write(length, &[0; 4]).map_err(early)?;
            }
            let done = match one(self, at, flags) {
                // What went before has gone.
                Err(_) if n > 0 => return Ok(Ok(n as usize)),
                done => done?,
            };
            let done = done.and_then(|len| self.client.write(length, &(len as u32).to_ne_bytes()));
            match done {
                Ok(()) => {}
                Err(errno) if n == 0 => return Ok(Err(errno)),
                Err(_) => return Ok(Ok(n as usize)),
            }
            if waits_once {
                flags |= libc::MSG_DONTWAIT;
            }
        }
        Ok(Ok(count as usize))
    }

    fn message(&self, at: u64) -> Result<Message, Answer> {
        let header = Words::<{ size_of::<Header>() }>::read(self.client, at).map_err(early)?;
        let word = |offset| header.word(offset);
        let message = Message {
            name: word(core::mem::offset_of!(Header, name)),
            name_len: header.int(core::mem::offset_of!(Header, name_len)),
            parts: Parts {
                at: word(core::mem::offset_of!(Header, parts)),
                count: word(core::mem::offset_of!(Header, count)),
            },
            control: word(core::mem::offset_of!(Header, control)),
            control_len: word(core::mem::offset_of!(Header, control_len)),
        };
        if message.control_len == 0 && self.helper != Helper::Nobody {
            return Err(Answer::HandBack);
        }
        match message.parts.count {
            ..=MOST => Ok(message),
            _ => Err(early(libc::EMSGSIZE)),
        }
    }

    /// A duplicate of the socket, of a kind on which the broker may be no more
    /// than the caller.
    fn socket(&self) -> Result<Fd, Answer> {
        let socket = self.client.duplicate(self.call.int(0)).map_err(early)?;
        if !self.client.is_valid() {
            return Err(Answer::Drop);
        }
        match is_plain(&socket).map_err(early)? {
            true => Ok(socket),
            false => Err(Answer::HandBack),
        }
    }

    fn send_to(&self, socket: &Fd, to: &[u8]) -> Done {
        if !is_plain(socket).map_err(early)? {
            return Err(early(libc::EACCES));
        }
        self.may_speak(socket)?;
        let [_, at, len, flags, ..] = self.call.args;
        let len = usize::try_from(len).ok().filter(|len| *len <= LARGEST);
        let len = len.ok_or(early(libc::EMSGSIZE))?;
        let mut data = Copied::new(len.max(1)).map_err(early)?;
        let data = &mut data.bytes()[..len];
        self.client.read(at, data).map_err(early)?;
        self.send_all(socket, data, &[], Some(to), flags as i32)
    }

    /// Who sends by a local socket is told to be of the broker's user.
    fn may_speak(&self, socket: &Fd) -> Result<(), Answer> {
        match socket.family() != Ok(libc::AF_UNIX) || self.client.is_same_user() {
            true => Ok(()),
            false => Err(early(libc::EACCES)),
        }
    }

    fn is_patient(&self, socket: &Fd, flags: i32) -> bool {
        let at_once = libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE | libc::MSG_OOB;
        flags & at_once == 0
            && socket
                .flags()
                .is_ok_and(|open| open & libc::O_NONBLOCK == 0)
    }

    /// Until the call may not fail with EAGAIN any more, if it is to wait.
    fn wait(&self, socket: &Fd, flags: i32, events: i16, is_begun: bool) -> Result<(), Answer> {
        if !self.is_patient(socket, flags) {
            return Err(early(libc::EAGAIN));
        }
        match self.helper {
            Helper::Handler if !is_begun => return Err(Answer::HandBack),
            Helper::Asks if !is_begun => return Err(early(libc::EAGAIN)),
            _ => {}
        }
        let which = match events {
            libc::POLLIN => libc::SO_RCVTIMEO,
            _ => libc::SO_SNDTIMEO,
        };
        match self.client.wait(socket, events, socket.patience(which))? {
            0 => Err(early(libc::EAGAIN)),
            _ if events == libc::POLLIN => Ok(()),
            // Room on this side is not room on the other.
            _ => Ok(self.client.wait(socket, 0, 1).map(|_| ())?),
        }
    }

    fn send(&self, at: u64, flags: i32) -> Done {
        let message = self.message(at)?;
        if message.control_len != 0 && !self.terms.passes {
            return Err(Answer::HandBack);
        }
        let connects = !sockets::may_send(flags as u32);
        if connects && !self.terms.connects {
            return Err(Answer::HandBack);
        }
        let mut address = [0; ADDRESS_MAX];
        let to = match message.name {
            0 => None,
            name => {
                let into = usize::try_from(message.name_len).ok();
                let into = into.and_then(|len| address.get_mut(..len));
                let into = into.ok_or(early(libc::EINVAL))?;
                self.client.read(name, into).map_err(early)?;
                self.judge(into)?;
                Some(&*into)
            }
        };
        let mut control = [0; CONTROL];
        let len = usize::try_from(message.control_len).unwrap_or(usize::MAX);
        let control = control.get_mut(..len).ok_or(early(libc::ENOBUFS))?;
        self.client.read(message.control, control).map_err(early)?;
        let socket = self.socket()?;
        self.may_speak(&socket)?;
        let born = socket.inode().map_err(early)?;
        if BORN.take().find(born, self.client.tgid()).is_some() {
            return Err(Answer::HandBack);
        }
        let mut kept = [const { None }; DESCRIPTORS];
        self.collect(control, &mut kept)?;
        let total = message.parts.total(self.client).map_err(early)?;
        if total > LARGEST {
            return Err(early(libc::EMSGSIZE));
        }
        let mut data = Copied::new(total.max(1)).map_err(early)?;
        let data = &mut data.bytes()[..total];
        message.parts.gather(self.client, data).map_err(early)?;
        match connects && self.is_patient(&socket, flags) {
            true => {
                self.client.may_wait();
                let flags = (flags | libc::MSG_NOSIGNAL) as u32;
                Ok(socket.send_message(data, control, to, flags))
            }
            false => self.send_all(&socket, data, control, to, flags),
        }
    }

    /// Where the broker would get, the caller could.
    fn judge(&self, address: &[u8]) -> Result<(), Answer> {
        let family = address.first_chunk().copied().map(u16::from_ne_bytes);
        match family.map(i32::from) {
            Some(libc::AF_INET | libc::AF_INET6) if self.terms.connects => Ok(()),
            // The broker is in another directory.
            Some(libc::AF_UNIX) if self.terms.names && matches!(address.get(2), Some(0 | b'/')) => {
                self.client.assume_user().map_err(early)
            }
            _ => Err(Answer::HandBack),
        }
    }

    /// Of a stream all, if it is to wait for that; what passes along goes with
    /// the first of it.
    fn send_all(
        &self,
        socket: &Fd,
        data: &[u8],
        control: &[u8],
        to: Option<&[u8]>,
        flags: i32,
    ) -> Done {
        let at_once = (flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as u32;
        let mut sent = 0;
        loop {
            let along = if sent == 0 { control } else { &[] };
            match socket.send_message(&data[sent..], along, to, at_once) {
                Err(libc::EAGAIN) => match self.wait(socket, flags, libc::POLLOUT, sent > 0) {
                    Ok(()) => {}
                    Err(Answer::Errno(_)) if sent > 0 => return Ok(Ok(sent)),
                    Err(instead) => return Err(instead),
                },
                Err(_) if sent > 0 => return Ok(Ok(sent)),
                Err(errno) => {
                    if errno == libc::EPIPE && flags & libc::MSG_NOSIGNAL == 0 {
                        self.client.break_pipe();
                    }
                    return Ok(Err(errno));
                }
                Ok(more) => sent += more,
            }
            if sent == data.len() || !self.is_patient(socket, flags) {
                return Ok(Ok(sent));
            }
        }
    }

    /// The broker's own copies of what is passed, their numbers in the place of
    /// the caller's.
    fn collect(
        &self,
        control: &mut [u8],
        kept: &mut [Option<Fd>; DESCRIPTORS],
    ) -> Result<(), Answer> {
        let mut slots = kept.iter_mut();
        let mut at = 0;
        while let Some(entry) = Entry::at(control, at).map_err(early)? {
            match (entry.level, entry.kind) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    let (numbers, _) = control[entry.from..entry.to].as_chunks_mut::<4>();
                    for number in numbers {
                        let fd = self.client.duplicate(i32::from_ne_bytes(*number));
                        let fd = fd.map_err(early)?;
                        self.look(&fd)?;
                        *number = fd.number().to_ne_bytes();
                        *slots.next().ok_or(early(libc::EINVAL))? = Some(fd);
                    }
                    if !self.client.is_valid() {
                        return Err(Answer::Drop);
                    }
                }
                _ if self.terms.connects && entry.is_harmless() => {}
                // Who sends, and what the broker may do that the caller may not.
                _ => return Err(early(libc::EPERM)),
            }
            at = entry.next;
        }
        Ok(())
    }

    /// A directory is passed by nobody: it leads to all that is below.
    fn look(&self, fd: &Fd) -> Result<(), Answer> {
        let is_directory = || fd.mode().map(|mode| mode & libc::S_IFMT == libc::S_IFDIR);
        match !self.terms.directories && is_directory().map_err(early)? {
            true => Err(Answer::Violation),
            false => Ok(()),
        }
    }

    fn receive(&self, at: u64, flags: i32) -> Done {
        let mut message = self.message(at)?;
        let socket = self.socket()?;
        if message.control_len != 0 && !self.terms.passes {
            // Room for descriptors stays empty; elsewhere it may be what the
            // caller cannot do without.
            match socket.family() {
                Ok(libc::AF_UNIX) => message.control_len = 0,
                _ => return Err(Answer::HandBack),
            }
        }
        let total = message
            .parts
            .total(self.client)
            .map_err(early)?
            .min(LARGEST);
        let mut data = Copied::new(total.max(1)).map_err(early)?;
        let data = &mut data.bytes()[..total];
        let mut control = [0; CONTROL];
        let len = usize::try_from(message.control_len).unwrap_or(usize::MAX);
        let control = &mut control[..len.min(CONTROL)];
        let mut name = [0; ADDRESS_MAX];
        let is_whole = flags & libc::MSG_WAITALL != 0 && socket.kind() == Ok(libc::SOCK_STREAM);
        let own = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        let at_once = (flags & !libc::MSG_WAITALL | own) as u32;
        let mut seen = loop {
            match socket.receive_message(data, control, &mut name, at_once) {
                Err(libc::EAGAIN) => self.wait(&socket, flags, libc::POLLIN, false)?,
                Err(errno) => return Ok(Err(errno)),
                Ok(seen) => break seen,
            }
        };
        while is_whole && seen.control_len == 0 && (1..total).contains(&seen.len) {
            match socket.receive_message(&mut data[seen.len..], &mut [], &mut [], at_once) {
                Err(libc::EAGAIN) if self.wait(&socket, flags, libc::POLLIN, true).is_ok() => {}
                Err(_) => break,
                Ok(more) if more.len == 0 => break,
                Ok(more) => seen.len += more.len,
            }
        }
        let control = &mut control[..seen.control_len.min(len)];
        let mut kept = [const { None }; DESCRIPTORS];
        own_all(control, &mut kept);
        for fd in kept.iter().flatten() {
            self.look(fd)?;
        }
        let data = &data[..seen.len.min(total)];
        let name = &name[..seen.name_len.min(ADDRESS_MAX)];
        self.give(at, &message, data, name).map_err(early)?;
        let is_closed_on_exec = flags & libc::MSG_CMSG_CLOEXEC != 0;
        let is_cut = !self.hand_over(control, &kept, is_closed_on_exec);
        let told = seen.flags & !(libc::MSG_CMSG_CLOEXEC as u32) & !(libc::MSG_DONTWAIT as u32);
        let cut = if is_cut { libc::MSG_CTRUNC as u32 } else { 0 };
        let field = |offset: usize| at.wrapping_add(offset as u64);
        let write = |offset, bytes: &[u8]| self.client.write(field(offset), bytes);
        let lengths = || {
            if message.name != 0 {
                let len = (seen.name_len as u32).to_ne_bytes();
                write(core::mem::offset_of!(Header, name_len), &len)?;
            }
            if !control.is_empty() {
                self.client.write(message.control, control)?;
            }
            let len = control.len().to_ne_bytes();
            write(core::mem::offset_of!(Header, control_len), &len)?;
            write(
                core::mem::offset_of!(Header, flags),
                &(told | cut).to_ne_bytes(),
            )
        };
        Ok(lengths().map(|()| seen.len))
    }

    /// Copy what came, before descriptors are given that nobody would close.
    fn give(&self, at: u64, message: &Message, data: &[u8], name: &[u8]) -> Result<(), Errno> {
        message.parts.scatter(self.client, data)?;
        let room = usize::try_from(message.name_len).unwrap_or(0);
        let name = &name[..name.len().min(room)];
        if message.name != 0 && !name.is_empty() {
            self.client.write(message.name, name)?;
        }
        let flags = at.wrapping_add(core::mem::offset_of!(Header, flags) as u64);
        self.client.write(flags, &[0; 4])
    }

    /// Give the caller what came, and write its own numbers; false where it has
    /// no room for all.
    fn hand_over(
        &self,
        control: &mut [u8],
        kept: &[Option<Fd>; DESCRIPTORS],
        is_closed_on_exec: bool,
    ) -> bool {
        let mut at = 0;
        let mut is_whole = true;
        while let Ok(Some(entry)) = Entry::at(control, at) {
            if entry.passes() {
                let mut given = 0;
                let (numbers, _) = control[entry.from..entry.to].as_chunks_mut::<4>();
                for number in numbers {
                    let own = i32::from_ne_bytes(*number);
                    let mut all = kept.iter().flatten();
                    let fd = all.find(|fd| fd.number() == own);
                    let new = fd.and_then(|fd| self.client.add(fd, is_closed_on_exec).ok());
                    let Some(new) = new else {
                        break;
                    };
                    *number = (new as i32).to_ne_bytes();
                    given += 4;
                }
                is_whole &= entry.from + given == entry.to;
                let len = (HEAD + given).to_ne_bytes();
                control[at..at + WORD].copy_from_slice(&len);
            }
            at = entry.next;
        }
        is_whole
    }
}
