// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets of classes: made here, given to the caller, and connected, bound and sent on by a duplicate.
//!
//! An address is copied, judged, and used as it was copied. Which socket a
//! descriptor is tells its inode; the duplicate is of that very socket, so
//! whatever the caller does to the descriptor meanwhile, no other is reached.

use super::Answer;
use super::born::{BORN, Born};
use super::client::{Call, Client, wait_in};
use super::parts::{Parts, Words};
use crate::promise::Set;
use crate::sockets::{
    self, ADDRESS_MAX, AF_NETLINK, AF_UNIX, Birth, Classes, Judgement, Operation, STREAM, Wish,
};
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::process::Status;
use crate::sys::socket::{self, Header, Numbered};
use crate::table::CLASSES;

/// The most that is sent at once: no question takes as much.
const LARGEST: usize = 8192;
/// The most parts of a message, and messages of a call. A kernel too sends
/// fewer than asked for, and says how many.
const PARTS: u64 = 64;
const MESSAGES: u64 = 8;
/// CAP_NET_BIND_SERVICE.
const NET_BIND_SERVICE: u16 = 10;

/// Serve what concerns sockets of the classes that `held` has.
pub fn serve(client: &dyn Client, held: Set, call: &Call) -> Answer {
    // Of any libc: whoever asks may have executed a program of another since.
    let classes = Classes::of(&CLASSES, held, None);
    let asked = Request {
        client,
        classes: &classes,
        call,
    };
    let served = match call.name {
        "socket" => return asked.birth(),
        "connect" => asked.connect(),
        "bind" => asked.bind(),
        "sendto" => asked.sendto(),
        "sendmsg" => asked.sendmsg(),
        "sendmmsg" => asked.sendmmsg(),
        "accept" | "accept4" => asked.accept(),
        _ => Err(Answer::HandBack),
    };
    served.unwrap_or_else(|instead| instead)
}

struct Request<'a> {
    client: &'a dyn Client,
    classes: &'a Classes<'a>,
    call: &'a Call,
}

/// What a request comes to; or, where it ends early, what it comes to then.
type Served = Result<Answer, Answer>;

/// An address as it was copied.
struct Address {
    bytes: [u8; ADDRESS_MAX],
    len: usize,
}

impl Address {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn early(errno: Errno) -> Answer {
    Answer::Errno(errno)
}

impl Request<'_> {
    fn birth(&self) -> Answer {
        let [domain, kind, protocol] = [0, 1, 2].map(|n| self.call.int(n) as u32);
        let wish = Wish {
            domain,
            kind,
            protocol,
        };
        let (of, flags) = match sockets::socket(self.classes, wish, |power| self.may_have(power)) {
            Birth::Make(socket, flags) => (socket, flags),
            Birth::Errno(errno) => return Answer::Errno(errno.into()),
            Birth::Refuse => return Answer::HandBack,
        };
        // It goes to this very caller or, if that is gone, to nobody.
        let made = socket::make(of.family, u32::from(of.kind) | flags, of.protocol);
        let fd = match made {
            Ok(fd) => fd,
            Err(errno) => return Answer::Errno(errno),
        };
        match BORN.take().add(self.client.tgid(), of, &fd) {
            Ok(()) => Answer::Inject {
                fd,
                is_closed_on_exec: flags & libc::SOCK_CLOEXEC as u32 != 0,
            },
            Err(errno) => Answer::Errno(errno),
        }
    }

    /// Has the caller a capability, or could it get it back? What cannot be
    /// known is answered with yes.
    fn may_have(&self, power: u16) -> bool {
        self.has(power, "CapPrm").unwrap_or(true)
    }

    fn has(&self, power: u16, line: &str) -> Option<bool> {
        let told = Status::of(self.client.tid()).ok()?;
        Some(told.number(line, 16)? >> power & 1 != 0)
    }

    /// The socket that the first argument is.
    fn born(&self) -> Result<Born, Answer> {
        let inode = self.client.inode_of(self.call.int(0)).map_err(early)?;
        if !self.client.is_valid() {
            return Err(Answer::Drop);
        }
        let found = BORN.take().find(inode, self.client.tgid());
        found.ok_or(Answer::HandBack)?.map_err(early)
    }

    fn address(&self, at: u64, len: i32) -> Result<Address, Answer> {
        let len = usize::try_from(len).map_err(|_| early(libc::EINVAL))?;
        let mut address = Address {
            bytes: [0; ADDRESS_MAX],
            len,
        };
        let into = address.bytes.get_mut(..len);
        let into = into.ok_or(early(libc::EINVAL))?;
        self.client.read(at, into).map_err(early)?;
        Ok(address)
    }

    /// Judge an address, and put into it what it must have.
    fn judge(&self, born: &Born, what: Operation, address: &mut Address) -> Result<(), Answer> {
        let judged = sockets::address(self.classes, born.socket, what, address.bytes());
        match judged {
            Judgement::Make => Ok(()),
            Judgement::Rewrite(port) => {
                sockets::rewrite(&mut address.bytes, port);
                Ok(())
            }
            Judgement::Errno(errno) => Err(early(errno.into())),
            Judgement::Refuse => Err(Answer::HandBack),
        }
    }

    fn connect(&self) -> Served {
        let born = self.born()?;
        let mut address = self.address(self.call.args[1], self.call.int(2))?;
        self.judge(&born, Operation::Connect, &mut address)?;
        let fd = born.fd.as_ref().ok_or(early(libc::EISCONN))?;
        if born.socket.family == AF_UNIX {
            self.client.assume_user().map_err(early)?;
        }
        let done = self.reach(&born, fd, address.bytes())?;
        // A duplicate would keep the connection open that the caller closes.
        if born.socket.kind == STREAM && matches!(done, Ok(()) | Err(libc::EINPROGRESS)) {
            BORN.take().release(born.inode);
        }
        Ok(done.map(|()| 0).into())
    }

    /// Connect, and let only the caller wait where that takes time.
    fn reach(&self, born: &Born, fd: &Fd, to: &[u8]) -> Result<Result<(), Errno>, Answer> {
        if born.socket.kind != STREAM {
            return Ok(fd.connect(to));
        }
        let flags = fd.flags().map_err(early)?;
        if flags & libc::O_NONBLOCK != 0 {
            return Ok(fd.connect(to));
        }
        if born.socket.family == AF_UNIX {
            return Ok(wait_in(self.client, || fd.connect(to)));
        }
        fd.set_flags(flags | libc::O_NONBLOCK).map_err(early)?;
        let begun = fd.connect(to);
        fd.set_flags(flags).map_err(early)?;
        if begun != Err(libc::EINPROGRESS) {
            return Ok(begun);
        }
        self.client.wait(fd, libc::POLLOUT, -1)?;
        Ok(match fd.error() {
            0 => Ok(()),
            errno => Err(errno),
        })
    }

    fn bind(&self) -> Served {
        let born = self.born()?;
        let mut address = self.address(self.call.args[1], self.call.int(2))?;
        self.judge(&born, Operation::Bind, &mut address)?;
        // The broker may be more than a caller who has changed its user.
        if sockets::is_privileged(born.socket, address.bytes())
            && self.has(NET_BIND_SERVICE, "CapEff") != Some(true)
        {
            return Err(early(libc::EACCES));
        }
        let fd = born.fd.as_ref().ok_or(early(libc::EINVAL))?;
        Ok(fd.bind(address.bytes()).map(|()| 0).into())
    }

    /// A socket that was asked for by a mark takes no connections.
    fn accept(&self) -> Served {
        match self.born()?.socket.mark {
            0 => Ok(Answer::HandBack),
            _ => Ok(Answer::Errno(libc::EINVAL)),
        }
    }

    fn sendto(&self) -> Served {
        let [_, buffer, len, flags, to, _] = self.call.args;
        let born = self.born()?;
        let mut data = [0; LARGEST];
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let data = data.get_mut(..len).ok_or(early(libc::EMSGSIZE))?;
        self.client.read(buffer, data).map_err(early)?;
        let to = match to {
            0 => None,
            to => Some(self.address(to, self.call.int(5))?),
        };
        let sent = self.send(&born, data, flags as u32, to)?;
        Ok(sent.into())
    }

    fn sendmsg(&self) -> Served {
        let [_, at, flags, ..] = self.call.args;
        let born = self.born()?;
        Ok(self.message(&born, at, flags as u32)?.into())
    }

    fn sendmmsg(&self) -> Served {
        let [_, at, count, flags, ..] = self.call.args;
        let born = self.born()?;
        let mut sent = 0;
        for n in 0..u64::from(count as u32).min(MESSAGES) {
            let at = at.wrapping_add(n * size_of::<Numbered>() as u64);
            let length = at.wrapping_add(core::mem::offset_of!(Numbered, len) as u64);
            // Before anything is sent: a handler can do without what cannot be
            // written from here.
            if n == 0 && self.client.write(length, &[0; 4]).is_err() {
                return Ok(Answer::HandBack);
            }
            let done = self.message(&born, at, flags as u32)?;
            let done = done.and_then(|len| self.client.write(length, &(len as u32).to_ne_bytes()));
            match done {
                Ok(()) => sent += 1,
                Err(errno) if n == 0 => return Ok(Answer::Errno(errno)),
                Err(_) => break,
            }
        }
        Ok(Answer::Value(sent))
    }

    /// Send one message, whose header lies at `at`. Without ancillary data: that
    /// could pass descriptors, or choose another source address.
    fn message(&self, born: &Born, at: u64, flags: u32) -> Result<Result<usize, Errno>, Answer> {
        let header = Words::<{ size_of::<Header>() }>::read(self.client, at).map_err(early)?;
        let word = |offset| header.word(offset);
        if word(core::mem::offset_of!(Header, control_len)) != 0 {
            return Err(Answer::HandBack);
        }
        let to = match word(core::mem::offset_of!(Header, name)) {
            0 => None,
            name => {
                let len = header.int(core::mem::offset_of!(Header, name_len));
                Some(self.address(name, len)?)
            }
        };
        let parts = Parts {
            at: word(core::mem::offset_of!(Header, parts)),
            count: word(core::mem::offset_of!(Header, count)),
        };
        if parts.count > PARTS {
            return Err(early(libc::EMSGSIZE));
        }
        let mut data = [0; LARGEST];
        let len = parts.gather(self.client, &mut data).map_err(early)?;
        self.send(born, &data[..len], flags, to)
    }

    /// Judge what is to be sent and where to, and send it.
    fn send(
        &self,
        born: &Born,
        data: &[u8],
        flags: u32,
        mut to: Option<Address>,
    ) -> Result<Result<usize, Errno>, Answer> {
        if !sockets::may_send(flags) {
            return Err(Answer::HandBack);
        }
        if let Some(to) = &mut to {
            self.judge(born, Operation::Send, to)?;
        }
        if born.socket.family == AF_NETLINK {
            match sockets::messages(self.classes, born.socket, data) {
                Judgement::Errno(errno) => return Ok(Err(errno.into())),
                Judgement::Make => {}
                _ => return Err(Answer::HandBack),
            }
        }
        // A connection is the caller's alone: its handler sends by other calls.
        let fd = born.fd.as_ref().ok_or(Answer::HandBack)?;
        let to = to.as_ref().map(Address::bytes);
        let at_once = flags | (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as u32;
        let is_patient = || {
            let has_time = flags & libc::MSG_DONTWAIT as u32 == 0;
            has_time && fd.flags().is_ok_and(|flags| flags & libc::O_NONBLOCK == 0)
        };
        loop {
            match fd.send(data, at_once, to) {
                Err(libc::EAGAIN) if is_patient() => {
                    self.client.wait(fd, libc::POLLOUT, -1)?;
                }
                done => return Ok(done),
            }
        }
    }
}

#[cfg(test)]
mod tests;
