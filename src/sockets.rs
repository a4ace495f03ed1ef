// SPDX-License-Identifier: MIT OR Apache-2.0
//! Socket classes: which sockets the broker makes, and which calls on them it performs. Pure.
//!
//! Whatever is judged here was copied out of the caller's memory once, and the
//! copy is what is acted upon. Bytes are hostile: what cannot be read is refused.

use crate::promise::{Promise, Set};
use crate::table::Class;

pub const AF_UNSPEC: u16 = 0;
pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const AF_NETLINK: u16 = 16;

/// The bits of socket(2)'s type that are the type itself; the others are flags.
const TYPE_MASK: u32 = 0xf;
/// The flags that every kernel knows.
const TYPE_FLAGS: u32 = (libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u32;
/// A type that keeps messages apart.
pub const DGRAM: u16 = libc::SOCK_DGRAM as u16;
/// One that does not.
pub const STREAM: u16 = libc::SOCK_STREAM as u16;

/// The longest address that is looked at: that of struct sockaddr_storage.
pub const ADDRESS_MAX: usize = 128;
/// Lengths of struct sockaddr_in, and of struct sockaddr_in6 as RFC 2133 has it.
const INET_LEN: usize = 16;
const INET6_LEN: usize = 24;
/// Where the path begins in struct sockaddr_un.
const PATH: usize = 2;
/// Of struct sockaddr_nl.
const NETLINK_LEN: usize = 12;
/// Of struct nlmsghdr.
const MESSAGE_HEAD: usize = 16;
/// The kinds of routing requests come in fours, of which this one only reads.
const MESSAGE_KIND: u16 = 3;
const MESSAGE_GET: u16 = 2;

const EACCES: u16 = libc::EACCES as u16;
const EAFNOSUPPORT: u16 = libc::EAFNOSUPPORT as u16;
const EINVAL: u16 = libc::EINVAL as u16;
const ENOENT: u16 = libc::ENOENT as u16;

/// The rows of the table that some promises have on some libc.
#[derive(Clone, Copy, Debug)]
pub struct Classes<'a> {
    rows: &'a [Class<'a>],
    promises: Set,
    /// None: it may be any.
    libc: Option<&'a str>,
}

/// A socket that the broker made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socket {
    pub family: u16,
    pub kind: u16,
    pub protocol: u16,
    /// The bit that asked for one class alone, if one did.
    pub mark: u32,
}

/// What becomes of a socket(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Birth {
    /// It is made, with these flags.
    Make(Socket, u32),
    Errno(u16),
    /// No class has such a socket.
    Refuse,
}

/// What is done with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Connect,
    /// sendto(2), and each message of sendmsg(2) and sendmmsg(2).
    Send,
    Bind,
}

/// What becomes of a call with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It is made with that address.
    Make,
    /// It is made with this port in the place of the address's.
    Rewrite(u16),
    Errno(u16),
    /// No class has it.
    Refuse,
}

impl<'a> Classes<'a> {
    /// Those of `rows` that `promises` have; on the libc of that name, or on
    /// any if nobody knows which it is.
    pub fn of(rows: &'a [Class<'a>], promises: Set, libc: Option<&'a str>) -> Classes<'a> {
        Classes {
            rows,
            promises,
            libc,
        }
    }

    fn iter(&self) -> impl Iterator<Item = &'a Class<'a>> {
        let Classes {
            rows,
            promises,
            libc,
        } = *self;
        rows.iter().filter(move |class| {
            let here = |name| libc.is_none_or(|libc| libc == name);
            !class.promises.and(promises).is_empty() && class.libc.is_none_or(here)
        })
    }

    /// Do other promises grant what is beyond its bounds?
    fn covers(&self, class: &Class) -> bool {
        !self.promises.and(class.covered).is_empty()
    }

    /// Can names be looked up?
    fn looks_up(&self) -> bool {
        let looking = [Promise::Rpath, Promise::Getpw, Promise::Dns];
        let looking = looking.into_iter().fold(Set::EMPTY, Set::with);
        !self.promises.and(looking).is_empty()
    }

    /// Those that have such a socket. A mark asks for its own class alone; who
    /// gives none has them all.
    fn having(&self, socket: Socket) -> impl Iterator<Item = &'a Class<'a>> {
        self.iter().filter(move |class| {
            class.families.contains(&socket.family)
                && class.types.contains(&socket.kind)
                && class.protocols.contains(&socket.protocol)
                && (socket.mark == 0 || class.mark == socket.mark)
        })
    }
}

/// What socket(2) is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    pub domain: u32,
    pub kind: u32,
    pub protocol: u32,
}

/// Judge a socket(2); `may_have` tells whether the caller has a capability, or
/// may get it.
pub fn socket(classes: &Classes, wish: Wish, may_have: impl Fn(u16) -> bool) -> Birth {
    let Wish {
        domain,
        kind,
        protocol,
    } = wish;
    let flags = kind & !TYPE_MASK & TYPE_FLAGS;
    let mark = kind & !(TYPE_MASK | TYPE_FLAGS);
    let narrow = |n: u32| u16::try_from(n).ok();
    let (Some(family), Some(protocol)) = (narrow(domain), narrow(protocol)) else {
        return Birth::Refuse;
    };
    let socket = Socket {
        family,
        kind: (kind & TYPE_MASK) as u16,
        protocol,
        mark,
    };
    // A mark is of some class that the table has, or no bit that means anything.
    if mark != 0 {
        let mut marked = classes.rows.iter().filter(|class| class.mark == mark);
        if !marked.any(|class| class.families.contains(&family)) {
            return Birth::Errno(EINVAL);
        }
    }
    let is_bounded = |class: &Class| {
        classes.promises.and(class.unbounded).is_empty()
            || classes.covers(class)
            || class.power.is_some_and(|power| !may_have(power))
    };
    let any = classes.having(socket).map(is_bounded).reduce(|a, b| a || b);
    match any {
        None => Birth::Refuse,
        Some(true) => Birth::Make(socket, flags),
        // Who looks up names asks nscd on the way, and musl goes on without for
        // one errno alone: src/passwd/nscd_query.c.
        Some(false) if family == AF_UNIX && classes.looks_up() => Birth::Errno(EAFNOSUPPORT),
        Some(false) if family == AF_UNIX => Birth::Refuse,
        Some(false) => Birth::Errno(EACCES),
    }
}

/// Judge an address: `bytes` are all that the caller gave, at most
/// [`ADDRESS_MAX`] of them.
pub fn address(classes: &Classes, socket: Socket, what: Operation, bytes: &[u8]) -> Judgement {
    if bytes.len() > ADDRESS_MAX {
        return Judgement::Errno(EINVAL);
    }
    let Some(family) = word(bytes, 0).map(u16::from_ne_bytes) else {
        return Judgement::Refuse;
    };
    match socket.family {
        // To forget the peer; a later one is judged again.
        AF_INET | AF_INET6 | AF_UNIX if what == Operation::Connect && family == AF_UNSPEC => {
            Judgement::Make
        }
        AF_INET | AF_INET6 => internet(classes, socket, what, family, bytes),
        AF_UNIX => unix(classes, socket, what, family, bytes),
        AF_NETLINK => netlink(family, bytes),
        _ => Judgement::Refuse,
    }
}

/// The kernel reads an address of the other family on a socket of either, and
/// one of AF_UNSPEC as AF_INET. The port lies at the same place in all.
fn internet(
    classes: &Classes,
    socket: Socket,
    what: Operation,
    family: u16,
    bytes: &[u8],
) -> Judgement {
    let least = match family {
        AF_INET | AF_UNSPEC => INET_LEN,
        AF_INET6 => INET6_LEN,
        _ => return Judgement::Refuse,
    };
    if what == Operation::Bind {
        return Judgement::Make;
    }
    let port = word(bytes, 2).map(u16::from_be_bytes);
    let port = port.filter(|_| bytes.len() >= least);
    let mut rewritten = None;
    for class in classes.having(socket) {
        if classes.covers(class) || port.is_some_and(|port| class.ports.contains(&port)) {
            return Judgement::Make;
        }
        if class.rewrites && rewritten.is_none() {
            rewritten = class.ports.first().copied();
        }
    }
    match rewritten {
        Some(other) if port.is_some() && what == Operation::Connect && socket.kind == DGRAM => {
            Judgement::Rewrite(other)
        }
        _ => Judgement::Refuse,
    }
}

/// Names of the file system only: an abstract one begins with NUL, and the
/// kernel ends the others at theirs.
fn unix(
    classes: &Classes,
    socket: Socket,
    what: Operation,
    family: u16,
    bytes: &[u8],
) -> Judgement {
    let path = bytes.get(PATH..).unwrap_or(&[]);
    let end = path.iter().position(|b| *b == 0).unwrap_or(path.len());
    let path = &path[..end];
    if family != AF_UNIX || path.is_empty() || what == Operation::Bind {
        return Judgement::Refuse;
    }
    let lists = |list: &[&str]| list.iter().any(|name| name.as_bytes() == path);
    let has = |class: &Class| classes.covers(class) || lists(class.paths);
    if classes.having(socket).any(has) {
        return Judgement::Make;
    }
    // What is another class's own is as good as absent: the libc goes on.
    match classes.having(socket).any(|class| lists(class.absent)) {
        true => Judgement::Errno(ENOENT),
        false => Judgement::Refuse,
    }
}

/// The kernel's own address, and no group: those hear what others ask.
fn netlink(family: u16, bytes: &[u8]) -> Judgement {
    let zero = |from: usize| bytes.get(from..from + 4).is_some_and(|b| b == [0; 4]);
    match family == AF_NETLINK && bytes.len() == NETLINK_LEN && zero(8) {
        true => Judgement::Make,
        false => Judgement::Refuse,
    }
}

/// Is the netlink address that of the kernel? Who binds may name himself.
pub fn is_kernel(bytes: &[u8]) -> bool {
    bytes.len() == NETLINK_LEN && bytes[4..8] == [0; 4]
}

/// Judge what is sent on a netlink socket: each message of it must be one of
/// the class, and only read.
pub fn messages(classes: &Classes, socket: Socket, bytes: &[u8]) -> Judgement {
    let mut rest = bytes;
    while !rest.is_empty() {
        let head = |from: usize| -> Option<[u8; 4]> { rest.get(from..from + 4)?.try_into().ok() };
        let (Some(length), Some(kind)) = (head(0), word(rest, 4)) else {
            return Judgement::Refuse;
        };
        let length = u32::from_ne_bytes(length) as usize;
        let kind = u16::from_ne_bytes(kind);
        if length < MESSAGE_HEAD || length > rest.len() {
            return Judgement::Refuse;
        }
        let has = |class: &Class| class.messages.contains(&kind);
        if kind & MESSAGE_KIND != MESSAGE_GET || !classes.having(socket).any(has) {
            return Judgement::Errno(EACCES);
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    match bytes.is_empty() {
        true => Judgement::Refuse,
        false => Judgement::Make,
    }
}

/// Is it a port that the kernel keeps for who may have it?
pub fn is_privileged(socket: Socket, bytes: &[u8]) -> bool {
    let port = word(bytes, 2).map_or(0, u16::from_be_bytes);
    matches!(socket.family, AF_INET | AF_INET6) && (1..1024).contains(&port)
}

/// May these flags go with a message? With MSG_FASTOPEN, sending connects.
pub fn may_send(flags: u32) -> bool {
    flags & libc::MSG_FASTOPEN as u32 == 0
}

/// Put another port into an address that [`address`] said to rewrite.
pub fn rewrite(bytes: &mut [u8], port: u16) {
    if let Some(place) = bytes.get_mut(2..4) {
        place.copy_from_slice(&port.to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at + 2)?.try_into().ok()
}

#[cfg(test)]
mod tests;
