// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets, addresses and routing messages from a hostile caller: what is made reaches only what the classes have.
#![no_main]

mod input;

use input::Input;
use libfuzzer_sys::fuzz_target;
use rpledge::promise::Promise;
use rpledge::sockets::{
    self, AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, Birth, Classes, Judgement, Operation, Wish,
};
use rpledge::table::{CLASSES, Class};

fn number(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at + 2)?.try_into().ok()
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let held = input.set();
    let libc = [None, Some("glibc"), Some("musl")][input.byte() % 3];
    let classes = Classes::of(&CLASSES, held, libc);
    // Most often a family and a type that some class has.
    let mut number_or = |known: &[u32]| match input.byte() {
        n if n < 0xf0 => known[n % known.len()],
        _ => input.number(4) as u32,
    };
    let wish = Wish {
        domain: number_or(&[1, 2, 10, 16]),
        kind: number_or(&[1, 2, 3, 0x1001, 0x1002, 0x80802]),
        protocol: number_or(&[0, 6, 17]),
    };
    let Birth::Make(socket, flags) = sockets::socket(&classes, wish, |_| true) else {
        return;
    };
    // SOCK_CLOEXEC and SOCK_NONBLOCK, where they are what most architectures have.
    assert_eq!(flags & !0o2004000, 0);
    let held_ones = || CLASSES.iter().filter(|c| !c.promises.and(held).is_empty());
    let any = |has: &dyn Fn(&Class) -> bool| held_ones().any(has);
    assert!(any(&|c| c.families.contains(&socket.family) && c.types.contains(&socket.kind)));
    let covered = held.contains(Promise::Inet) || held.contains(Promise::Unix);
    let given = input.0;
    for what in [Operation::Connect, Operation::Send, Operation::Bind] {
        let judged = sockets::address(&classes, socket, what, given);
        if let Judgement::Rewrite(port) = judged {
            assert!(what == Operation::Connect && any(&|c| c.ports.contains(&port)));
        }
        let forgets = what == Operation::Connect && number(given, 0) == Some([0, 0]);
        if judged != Judgement::Make || forgets || covered {
            continue;
        }
        match socket.family {
            AF_INET | AF_INET6 if what != Operation::Bind => {
                let port = number(given, 2).map(u16::from_be_bytes);
                assert!(given.len() >= 16 && port.is_some_and(|p| any(&|c| c.ports.contains(&p))));
            }
            AF_UNIX => {
                let path = given[2..].split(|b| *b == 0).next().unwrap_or(&[]);
                assert!(any(&|c| c.paths.iter().any(|p| p.as_bytes() == path)));
            }
            _ => {}
        }
    }
    if socket.family == AF_NETLINK
        && sockets::messages(&classes, socket, given) == Judgement::Make
    {
        // As the kernel goes through them.
        let mut rest = given;
        while let Some(head) = rest.get(..16) {
            let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
            assert_eq!(head[4] & 3, 2);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        }
    }
});
