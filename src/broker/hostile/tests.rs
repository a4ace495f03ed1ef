// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests whose memory changes between two looks: what was judged is what is acted upon.

use std::cell::{Cell, RefCell};

use super::*;

/// Each read gets the next of these; there are no more than are asked for.
struct Scripted {
    reads: RefCell<Vec<Vec<u8>>>,
    socket: Option<Fd>,
    /// How often it is still there when it is looked for.
    stays: Cell<usize>,
}

impl Scripted {
    fn new(reads: &[&[u8]]) -> Scripted {
        Scripted {
            reads: RefCell::new(reads.iter().rev().map(|read| read.to_vec()).collect()),
            socket: None,
            stays: Cell::new(usize::MAX),
        }
    }

    fn left(&self) -> usize {
        self.reads.borrow().len()
    }
}

impl Client for Scripted {
    fn tid(&self) -> u32 {
        std::process::id()
    }
    fn tgid(&self) -> u32 {
        std::process::id()
    }
    fn read(&self, _: u64, into: &mut [u8]) -> Result<(), Errno> {
        let next = self.reads.borrow_mut().pop().ok_or(libc::EFAULT)?;
        let len = into.len().min(next.len());
        into.fill(0);
        into[..len].copy_from_slice(&next[..len]);
        Ok(())
    }
    fn write(&self, _: u64, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
    fn is_valid(&self) -> bool {
        let stays = self.stays.get();
        self.stays.set(stays.saturating_sub(1));
        stays > 0
    }
    fn inode_of(&self, _: i32) -> Result<Inode, Errno> {
        self.socket.as_ref().ok_or(libc::EBADF)?.inode()
    }
    fn duplicate(&self, _: i32) -> Result<Fd, Errno> {
        self.socket.as_ref().ok_or(libc::EBADF)?.duplicate()
    }
    fn add(&self, _: &Fd, _: bool) -> Result<usize, Errno> {
        Err(libc::EMFILE)
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

fn dns() -> Set {
    Set::parse("stdio dns getpw").expect("promises")
}

fn file(client: &Scripted, name: &'static str, args: [u64; 6]) -> Answer {
    files::serve(client, dns(), &Call { name, nr: 0, args })
}

fn on_socket(client: &Scripted, name: &'static str, args: [u64; 6]) -> Answer {
    socket::serve(client, dns(), &Call { name, nr: 0, args })
}

fn udp() -> Scripted {
    let mut client = Scripted::new(&[]);
    match on_socket(&client, "socket", [2, 2, 0, 0, 0, 0]) {
        Answer::Inject { fd, .. } => client.socket = Some(fd),
        other => panic!("{other:?}"),
    }
    client
}

fn say(client: &Scripted, reads: &[&[u8]]) {
    *client.reads.borrow_mut() = reads.iter().rev().map(|read| read.to_vec()).collect();
}

fn address(port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&[127, 0, 0, 1]);
    bytes
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn a_name_is_read_once() {
    let client = Scripted::new(&[b"/etc/passwd\0", b"/etc/shadow\0"]);
    match file(&client, "open", [0x100, 0, 0, 0, 0, 0]) {
        Answer::Inject { fd, .. } => {
            let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.number()));
            assert_eq!(link.expect("a link"), PathBuf::from("/etc/passwd"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.left(), 1);
}

#[test]
fn a_name_in_parts_is_judged_whole() {
    // It crosses an address that a page may begin at.
    for (parts, answer) in [
        ([&b"/etc/passw"[..], b"/etc/shadow\0"], Answer::HandBack),
        (
            [b"/etc/passw", b"d/../shadow\0"],
            Answer::Errno(libc::EPERM),
        ),
        ([b"/etc/passw", b"d/..\0"], Answer::HandBack),
        ([b"/etc/passw", b"d\0d"], Answer::Value(0)),
    ] {
        let client = Scripted::new(&parts);
        let at = 0x100 - parts[0].len() as u64;
        assert_eq!(
            file(&client, "access", [at, 4, 0, 0, 0, 0]),
            answer,
            "{parts:?}"
        );
    }
    let endless = [b'/'; 4096];
    let client = Scripted::new(&vec![&endless[..]; 20]);
    let answer = file(&client, "access", [0x100, 0, 0, 0, 0, 0]);
    assert_eq!(answer, Answer::Errno(libc::ENAMETOOLONG));
    let client = Scripted::new(&[b"/etc/pass"]);
    let answer = file(&client, "access", [0x1f7, 0, 0, 0, 0, 0]);
    assert_eq!(answer, Answer::Errno(libc::EFAULT));
}

#[test]
fn an_address_is_read_once() {
    let client = udp();
    say(&client, &[&address(53), &address(9)]);
    assert_eq!(
        on_socket(&client, "connect", [3, 0x100, 16, 0, 0, 0]),
        Answer::Value(0)
    );
    assert_eq!(client.left(), 1);
    let mut peer = [0; 16];
    let socket = client.socket.as_ref().expect("a socket");
    assert_eq!(socket.peer(&mut peer), Ok(16));
    assert_eq!(peer, address(53));
}

#[test]
fn a_header_is_read_once() {
    let client = udp();
    let (good, bad) = (address(53), address(9));
    // Name, its length, parts, their count, control, its length, flags.
    let header = |count, control| words(&[0x100, 16, 0x200, count, 0, control, 0]);
    let send = |reads: &[&[u8]]| {
        say(&client, reads);
        on_socket(&client, "sendmsg", [3, 0x300, 0, 0, 0, 0])
    };
    let part = |len| words(&[0x400, len]);
    assert_eq!(
        send(&[&header(1, 0), &good, &part(5), b"hello", &bad]),
        Answer::Value(5)
    );
    assert_eq!(client.left(), 1);
    assert_eq!(
        send(&[&header(1, 0), &bad, &part(5), b"hello"]),
        Answer::HandBack
    );
    assert_eq!(
        send(&[&header(1, 16), &good, &part(5), b"hello"]),
        Answer::HandBack
    );
    let huge = Answer::Errno(libc::EMSGSIZE);
    assert_eq!(send(&[&header(65, 0), &good]), huge);
    assert_eq!(send(&[&header(u64::MAX, 0), &good]), huge);
    let wraps = [part(8000), part(u64::MAX - 7000)];
    assert_eq!(
        send(&[&header(2, 0), &good, &wraps[0], b"", &wraps[1], b""]),
        huge
    );
    assert_eq!(
        send(&[&header(2, 0), &good, &part(8192), b"", &part(1), b""]),
        huge
    );
    let long = words(&[0x100, 129, 0x200, 1, 0, 0, 0]);
    assert_eq!(send(&[&long, &good]), Answer::Errno(libc::EINVAL));
    let negative = words(&[0x100, u64::MAX, 0x200, 1, 0, 0, 0]);
    assert_eq!(send(&[&negative, &good]), Answer::Errno(libc::EINVAL));
}

#[test]
fn nothing_is_done_for_who_is_gone() {
    let client = udp();
    client.stays.set(0);
    say(&client, &[&address(53)]);
    assert_eq!(
        on_socket(&client, "connect", [3, 0x100, 16, 0, 0, 0]),
        Answer::Drop
    );
    assert_eq!(client.left(), 1);
}
