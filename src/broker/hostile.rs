// SPDX-License-Identifier: MIT OR Apache-2.0
//! A caller that means harm, for tests and fuzzers: its memory says something else at each look.

use std::cell::{Cell, RefCell};
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use super::born::{BORN, Nursery};
use super::client::{Call, Client, Gone};
use super::passing::{Helper, Terms, control};
use super::{Answer, files, passing, socket};
use crate::names::{self, Use, Verdict};
use crate::promise::{Promise, Set};
use crate::sockets::{AF_INET, AF_INET6};
use crate::sys::Errno;
use crate::sys::fd::{self, Fd, Inode};
use crate::sys::socket as system;
use crate::table::{CLASSES, NAMES};

/// What its memory and its answers are made of; zeros where it ends.
struct Bytes<'a>(Cell<&'a [u8]>);

impl Bytes<'_> {
    fn take(&self, into: &mut [u8]) {
        let (taken, rest) = self.0.get().split_at(into.len().min(self.0.get().len()));
        into[..taken.len()].copy_from_slice(taken);
        self.0.set(rest);
    }

    fn byte(&self) -> usize {
        let mut byte = [0];
        self.take(&mut byte);
        byte[0].into()
    }

    fn word(&self) -> u64 {
        let mut word = [0; 8];
        self.take(&mut word);
        u64::from_le_bytes(word)
    }

    fn one_of<T: Copy>(&self, list: &[T]) -> T {
        list[self.byte() % list.len()]
    }
}

/// The caller. Whatever it asks for, this process does to itself.
pub struct Hostile<'a> {
    bytes: Bytes<'a>,
    sockets: RefCell<Vec<Fd>>,
    /// Two ends of a connection, a directory, a file.
    open: [Fd; 4],
}

const TERMS: Terms = Terms {
    passes: true,
    directories: false,
    names: false,
    connects: false,
};

fn is_directory(fd: &Fd) -> bool {
    fd.mode().expect("a mode") & libc::S_IFMT == libc::S_IFDIR
}

/// Addresses that a read tells apart from any other: of what lies there.
const ADDRESS: u64 = 0x1000;
const NAME: u64 = 0x2000;
const HEADER: u64 = 0x3000;
const PART: u64 = 0x4000;
const CONTROL: u64 = 0x5000;

impl Hostile<'_> {
    /// With a directory on its way between the two ends.
    fn open() -> [Fd; 4] {
        let (one, other) = UnixDatagram::pair().expect("a pair");
        let ends = [one, other].map(|end| {
            end.set_nonblocking(true).expect("an end");
            system::take(end.into_raw_fd())
        });
        let open = |path| fd::open(path, libc::O_RDONLY, 0).expect("a file");
        let [one, other] = ends;
        let (directory, file) = (open(c"/"), open(c"/dev/null"));
        one.send_message(b"x", &control::rights(&directory), None, 0)
            .expect("a message");
        [one, other, directory, file]
    }

    /// Nothing that was sent is a directory.
    fn check_passed(&self) {
        let (mut data, mut control, mut name) = ([0; 16], [0; 64], [0; 16]);
        let flags = libc::MSG_PEEK as u32;
        // The other way nothing was on its way before.
        while let Ok(seen) = self.open[0].receive_message(&mut data, &mut control, &mut name, flags)
        {
            let came = control::taken(&control[..seen.control_len]);
            assert!(!came.iter().any(is_directory), "a directory was sent");
            if self.open[0].read(&mut data).is_err() {
                break;
            }
        }
    }

    /// A socket address: port and host are its own affair.
    fn address(&self, into: &mut [u8]) {
        let family = self.bytes.one_of(&[2_u16, 2, 10, 0, 1, 16]);
        let port = self.bytes.one_of(&[53_u16, 53, 80, 123, 9, 514, 0]);
        let mut bytes = [0; 28];
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        match family {
            2 => bytes[4..8].copy_from_slice(&[127, 0, 0, 1]),
            10 => bytes[23] = 1,
            1 => bytes[2..].copy_from_slice(b"/var/run/nscd/socket\0\0\0\0\0\0"),
            _ => {}
        }
        let len = into.len().min(bytes.len());
        into[..len].copy_from_slice(&bytes[..len]);
    }

    fn name(&self, into: &mut [u8]) {
        let name = self.bytes.one_of(&NAMES);
        let more = self
            .bytes
            .one_of(&["", "x", "../shadow", "/../../etc/shadow", "a/b"]);
        let whole = [name.head.as_bytes(), more.as_bytes(), b"\0"].concat();
        let len = into.len().min(whole.len());
        into[..len].copy_from_slice(&whole[..len]);
    }

    /// struct msghdr, struct iovec: pointers and lengths.
    fn words(&self, into: &mut [u8]) {
        for word in into.chunks_mut(8) {
            let value = match self.bytes.byte() {
                n @ ..0x60 => n as u64,
                n @ ..0xd0 => [ADDRESS, NAME, HEADER, PART, CONTROL][n % 5],
                n @ ..0xf0 => 0_u64.wrapping_sub(n as u64),
                _ => self.bytes.word(),
            };
            word.copy_from_slice(&value.to_ne_bytes()[..word.len()]);
        }
    }

    fn request(&self) -> Call {
        let name = self.bytes.one_of(&[
            "socket",
            "connect",
            "bind",
            "sendto",
            "sendmsg",
            "sendmmsg",
            "accept",
            "listen",
            "recvmsg",
            "recvmmsg",
            "open",
            "openat",
            "newfstatat",
            "stat",
            "lstat",
            "access",
            "faccessat",
            "unlink",
            "unlinkat",
        ]);
        let mut args = [0; 6];
        for arg in &mut args {
            *arg = match self.bytes.byte() {
                n @ ..0x80 => n as u64,
                n @ ..0xf0 => [ADDRESS, NAME, HEADER, PART][n % 4],
                _ => self.bytes.word(),
            };
        }
        if name == "socket" {
            args[0] = self.bytes.one_of(&[1, 2, 10, 16, 2, 10]);
            args[1] = self.bytes.one_of(&[1, 2, 3, 0x1002, 0x1001, 0x80802]);
            args[2] = self.bytes.one_of(&[0, 0, 17, 6]);
        }
        Call { name, nr: 0, args }
    }
}

impl Client for Hostile<'_> {
    fn tid(&self) -> u32 {
        std::process::id()
    }
    fn tgid(&self) -> u32 {
        std::process::id()
    }
    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        match self.bytes.byte() {
            0xf8.. => return Err(libc::EFAULT),
            0xe0.. => self.bytes.take(into),
            _ => match at & !0xff {
                ADDRESS => self.address(into),
                NAME => self.name(into),
                HEADER | PART => self.words(into),
                CONTROL => {
                    // Numbers mean nothing: each is one of those that are open.
                    let whole = control::rights(&self.open[3]);
                    let len = into.len().min(whole.len());
                    into[..len].copy_from_slice(&whole[..len]);
                }
                _ => self.bytes.take(into),
            },
        }
        Ok(())
    }
    fn write(&self, _: u64, _: &[u8]) -> Result<(), Errno> {
        match self.bytes.byte() {
            0xf0.. => Err(libc::EFAULT),
            _ => Ok(()),
        }
    }
    fn is_valid(&self) -> bool {
        self.bytes.byte() < 0xf0
    }
    fn inode_of(&self, fd: i32) -> Result<Inode, Errno> {
        // Another each time, whatever number was asked for.
        let sockets = self.sockets.borrow();
        let n = (fd as usize).wrapping_add(self.bytes.byte() / 0xf0);
        match sockets.len() {
            0 => Err(libc::EBADF),
            len => sockets[n % len].inode(),
        }
    }
    fn duplicate(&self, _: i32) -> Result<Fd, Errno> {
        let sockets = self.sockets.borrow();
        let all: Vec<&Fd> = self.open.iter().chain(sockets.iter()).collect();
        self.bytes.one_of(&all).duplicate()
    }
    fn add(&self, fd: &Fd, _: bool) -> Result<usize, Errno> {
        assert!(!is_directory(fd), "a directory is given");
        match self.bytes.byte() {
            0xf0.. => Err(libc::EMFILE),
            n => Ok(n),
        }
    }
    fn is_same_user(&self) -> bool {
        self.bytes.byte() < 0xf0
    }
    fn break_pipe(&self) {}
    fn assume_user(&self) -> Result<(), Errno> {
        Ok(())
    }
    fn may_wait(&self) {}

    fn interruption(&self) -> Option<Errno> {
        None
    }
    fn wait(&self, _: &Fd, _: i16, _: i32) -> Result<i16, Gone> {
        match self.bytes.byte() {
            0xf0.. => Ok(libc::POLLOUT),
            _ => Err(Gone),
        }
    }
}

/// What leaves this process by its own network, as who listens to all of it sees.
struct Wire([(Fd, u16); 4]);

impl Wire {
    fn new() -> Wire {
        let raw = |(family, protocol)| {
            let kind = (libc::SOCK_RAW | libc::SOCK_NONBLOCK) as u32;
            let raw = system::make(family, kind, protocol);
            (raw.expect("a network of one's own, as root"), family)
        };
        let (udp, tcp) = (libc::IPPROTO_UDP as u16, libc::IPPROTO_TCP as u16);
        Wire(
            [
                (AF_INET, udp),
                (AF_INET, tcp),
                (AF_INET6, udp),
                (AF_INET6, tcp),
            ]
            .map(raw),
        )
    }

    /// Panic if something went anywhere but to a port of a class.
    fn check(&self, ports: &[u16]) {
        let mut packet = [0; 2048];
        for (raw, family) in &self.0 {
            while let Ok(len @ 1..) = raw.read(&mut packet) {
                let head = match *family {
                    AF_INET => usize::from(packet[0] & 0xf) * 4,
                    _ => 0,
                };
                let packet = &packet[head..len];
                // What is answered comes from such a port.
                let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
                let is_known = ports.contains(&port(2)) || ports.contains(&port(0));
                assert!(is_known, "to port {}", port(2));
            }
        }
    }
}

/// Requests made of `bytes`, to one who holds what they say; panics on what
/// must not come of any. For a process with a network and a /tmp of its own.
pub fn requests(bytes: &[u8]) {
    *BORN.take() = Nursery::new();
    let hostile = Hostile {
        bytes: Bytes(Cell::new(bytes)),
        sockets: RefCell::new(Vec::new()),
        open: Hostile::open(),
    };
    let words = hostile.bytes.one_of(&[
        "stdio dns",
        "stdio getpw",
        "stdio",
        "stdio route",
        "stdio tmppath",
        "stdio ps vminfo",
        "stdio dns getpw tty",
        "stdio dns sendfd recvfd",
    ]);
    let held = Set::parse(words).expect("promises");
    let wire = Wire::new();
    let classes = CLASSES
        .iter()
        .filter(|class| !class.promises.and(held).is_empty());
    let ports: Vec<u16> = classes.flat_map(|class| class.ports).copied().collect();
    while !hostile.bytes.0.get().is_empty() {
        let call = hostile.request();
        let answer = match call.name {
            "sendmsg" | "sendmmsg" if held.contains(Promise::Sendfd) => {
                passing::send(&hostile, TERMS, Helper::Nobody, &call)
            }
            "recvmsg" | "recvmmsg" => passing::receive(&hostile, TERMS, Helper::Nobody, &call),
            "socket" | "connect" | "bind" | "listen" | "accept" | "sendto" | "sendmsg"
            | "sendmmsg" => socket::serve(&hostile, held, &call),
            _ => files::serve(&hostile, held, &call),
        };
        wire.check(&ports);
        hostile.check_passed();
        match answer {
            Answer::Inject { fd, .. } if call.name == "socket" => {
                hostile.sockets.borrow_mut().push(fd)
            }
            Answer::Inject { fd, .. } => check_file(held, &fd),
            _ => {}
        }
        for socket in hostile.sockets.borrow().iter() {
            check_peer(socket, &ports);
        }
    }
}

/// A descriptor that was given leads to a name that is granted, or to where a
/// link of such a name leads.
fn check_file(held: Set, fd: &Fd) {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.number())).expect("a link");
    let path = link.as_os_str().as_bytes();
    let uses = [
        Use::Look,
        Use::Create,
        Use::Open {
            read: true,
            write: false,
        },
        Use::Open {
            read: false,
            write: true,
        },
    ];
    let is_granted = |path: &[u8]| {
        uses.iter()
            .any(|of| names::judge(&NAMES, held, path, *of) == Verdict::Serve)
    };
    let own = format!("/proc/{}/", std::process::id());
    let as_self = link
        .strip_prefix(&own)
        .map(|rest| PathBuf::from("/proc/self").join(rest));
    let is_own = as_self.is_ok_and(|path| is_granted(path.as_os_str().as_bytes()));
    let led = NAMES
        .iter()
        .filter(|name| held.contains(name.promise) && name.tail.is_none());
    let mut led = led.filter_map(|name| std::fs::canonicalize(name.head).ok());
    assert!(
        is_granted(path) || is_own || led.any(|to| to == link),
        "{}",
        link.display()
    );
}

/// Whoever it is connected to is at a port of a class.
fn check_peer(socket: &Fd, ports: &[u16]) {
    let mut address = [0; 28];
    if socket.peer(&mut address).is_err() {
        return;
    }
    let family = u16::from_ne_bytes([address[0], address[1]]);
    if matches!(family, AF_INET | AF_INET6) {
        let port = u16::from_be_bytes([address[2], address[3]]);
        assert!(ports.contains(&port), "connected to port {port}");
    }
}

#[cfg(test)]
mod tests;
