// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests on sockets by a caller that is this process itself.

use super::*;
use crate::broker::client::Gone;
use crate::sys::fd::Inode;
use crate::sys::process::Memory;

struct Own;

impl Client for Own {
    fn tid(&self) -> u32 {
        std::process::id()
    }
    fn tgid(&self) -> u32 {
        std::process::id()
    }
    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        Memory::Process(self.tid()).read(at, into)
    }
    fn write(&self, at: u64, from: &[u8]) -> Result<(), Errno> {
        Memory::Process(self.tid()).write(at, from)
    }
    fn is_valid(&self) -> bool {
        true
    }
    fn inode_of(&self, fd: i32) -> Result<Inode, Errno> {
        let path = crate::sys::process::Path::of(self.tid(), format_args!("fd/{fd}"));
        crate::sys::fd::inode(path.as_c_str()).map_err(|_| libc::EBADF)
    }
    fn duplicate(&self, fd: i32) -> Result<Fd, Errno> {
        crate::sys::process::descriptor(self.tgid(), fd)
    }
    fn add(&self, fd: &Fd, _: bool) -> Result<usize, Errno> {
        let copy = core::mem::ManuallyDrop::new(fd.duplicate()?);
        Ok(copy.number() as usize)
    }
    fn is_same_user(&self) -> bool {
        true
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
        Err(Gone)
    }
}

fn ask(name: &'static str, args: [u64; 6]) -> Answer {
    let held = Set::parse("stdio dns").expect("promises");
    serve(&Own, held, &Call { name, nr: 0, args })
}

fn born(domain: i32, kind: i32) -> Fd {
    match ask("socket", [domain as u64, kind as u64, 0, 0, 0, 0]) {
        Answer::Inject { fd, .. } => fd,
        other => panic!("{other:?}"),
    }
}

fn address(port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&[127, 0, 0, 1]);
    bytes
}

fn at<T: ?Sized>(thing: &T) -> u64 {
    std::ptr::from_ref(thing).cast::<u8>() as u64
}

#[test]
fn only_what_was_born_is_served() {
    let udp = born(2, libc::SOCK_DGRAM);
    let to = address(53);
    let number = udp.number() as u64;
    let connect = |fd, len| ask("connect", [fd, at(&to), len, 0, 0, 0]);
    assert_eq!(connect(number, 16), Answer::Value(0));
    assert_eq!(connect(number, 15), Answer::HandBack);
    assert_eq!(connect(number, 129), Answer::Errno(libc::EINVAL));
    assert_eq!(connect(number, u64::MAX), Answer::Errno(libc::EINVAL));
    assert_eq!(connect(9999, 16), Answer::Errno(libc::EBADF));
    let other = socket::make(2, libc::SOCK_DGRAM as u32, 0).expect("a socket");
    assert_eq!(connect(other.number() as u64, 16), Answer::HandBack);
    let nowhere = ask("connect", [number, 1, 16, 0, 0, 0]);
    assert_eq!(nowhere, Answer::Errno(libc::EFAULT));
    assert_eq!(ask("socket", [2, 3, 0, 0, 0, 0]), Answer::HandBack);
    assert_eq!(
        ask("socket", [1, 0x1002, 0, 0, 0, 0]),
        Answer::Errno(libc::EINVAL)
    );
    assert_eq!(ask("listen", [number, 1, 0, 0, 0, 0]), Answer::HandBack);
}

#[test]
fn ports_of_every_call() {
    let (udp, tcp) = (
        born(2, libc::SOCK_DGRAM),
        born(2, libc::SOCK_STREAM | 0x1000),
    );
    let (good, bad, data) = (address(53), address(9), *b"question");
    let send = |fd: &Fd, to: &[u8; 16], flags: i32| {
        let args = [fd.number() as u64, at(&data), 8, flags as u64, at(to), 16];
        ask("sendto", args)
    };
    assert_eq!(send(&udp, &good, 0), Answer::Value(8));
    assert_eq!(send(&udp, &bad, 0), Answer::HandBack);
    assert_eq!(send(&udp, &good, libc::MSG_FASTOPEN), Answer::HandBack);
    assert_eq!(send(&tcp, &good, libc::MSG_FASTOPEN), Answer::HandBack);
    let connect =
        |fd: &Fd, to: &[u8; 16]| ask("connect", [fd.number() as u64, at(to), 16, 0, 0, 0]);
    assert_eq!(connect(&tcp, &bad), Answer::HandBack);
    // Rewritten, not refused: that port 9 is not reached is ctests' to show.
    assert_eq!(connect(&udp, &bad), Answer::Value(0));
    let accept = |fd: &Fd| ask("accept4", [fd.number() as u64, 0, 0, 0, 0, 0]);
    assert_eq!(accept(&tcp), Answer::Errno(libc::EINVAL));
    assert_eq!(accept(&udp), Answer::HandBack);
}

/// Two messages to these addresses, as the kernel has them.
fn messages(to: [&[u8; 16]; 2], part: &[u64; 2], control: u64) -> [[u8; 64]; 2] {
    to.map(|to| {
        let mut header = [0; 64];
        let mut put = |offset: usize, word: u64| {
            header[offset..offset + 8].copy_from_slice(&word.to_ne_bytes());
        };
        put(0, at(to));
        put(8, 16);
        put(16, at(part));
        put(24, 1);
        put(40, control);
        header
    })
}

#[test]
fn messages_are_judged_one_by_one() {
    let udp = born(2, libc::SOCK_DGRAM);
    let (good, bad, data) = (address(53), address(9), *b"question");
    let part = [at(&data), 8];
    let number = udp.number() as u64;
    let send = |all: &[[u8; 64]; 2], count| ask("sendmmsg", [number, at(all), count, 0, 0, 0]);
    let both = messages([&good, &good], &part, 0);
    assert_eq!(send(&both, 2), Answer::Value(2));
    assert_eq!(both.map(|header| header[56]), [8, 8]);
    assert_eq!(
        send(&messages([&good, &bad], &part, 0), 2),
        Answer::HandBack
    );
    assert_eq!(
        send(&messages([&good, &good], &part, 16), 2),
        Answer::HandBack
    );
    let huge = [at(&data), u64::MAX];
    let long = send(&messages([&good, &good], &huge, 0), 1);
    assert_eq!(long, Answer::Errno(libc::EMSGSIZE));
    assert_eq!(send(&both, 0), Answer::Value(0));
    let one = ask("sendmsg", [number, at(&both), 0, 0, 0, 0]);
    assert_eq!(one, Answer::Value(8));
    let nowhere = ask("sendmsg", [number, 8, 0, 0, 0, 0]);
    assert_eq!(nowhere, Answer::Errno(libc::EFAULT));
    assert_eq!(ask("sendmmsg", [number, 8, 1, 0, 0, 0]), Answer::HandBack);
}

/// Random arguments make no request panic, nor go on for long.
#[test]
fn hostile_arguments() {
    let socket = born(2, libc::SOCK_DGRAM);
    let own: Vec<u64> = (0..64).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let names = [
        "connect", "bind", "sendto", "sendmsg", "sendmmsg", "accept", "listen",
    ];
    for _ in 0..20_000 {
        let args = core::array::from_fn(|n| match (n, random() % 4) {
            (0, _) => socket.number() as u64,
            (_, 0) => random(),
            (_, 1) => random() % 64,
            (_, 2) => at(own.as_slice()),
            (_, _) => u64::MAX,
        });
        let name = names[random() as usize % names.len()];
        let _ = ask(name, args);
    }
}
