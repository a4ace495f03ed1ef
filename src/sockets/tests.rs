// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sockets and addresses as libcs give them, as attackers do, and at random.

use super::*;
use crate::table::TABLE;

const SOCK_DNS: u32 = 0x1000;
const CLOEXEC: u32 = libc::SOCK_CLOEXEC as u32;
const NONBLOCK: u32 = libc::SOCK_NONBLOCK as u32;
const RAW: u32 = 3;

fn have(words: &str) -> Classes<'static> {
    let promises = Set::parse(words).expect("promises");
    Classes::of(TABLE.classes, promises, Some("glibc"))
}

fn wish(domain: u16, kind: u32, protocol: u32) -> Wish {
    let domain = domain.into();
    Wish {
        domain,
        kind,
        protocol,
    }
}

/// For who has every capability.
fn judge(classes: &Classes, domain: u16, kind: u32, protocol: u32) -> Birth {
    socket(classes, wish(domain, kind, protocol), |_| true)
}

fn born(words: &str, domain: u16, kind: u32, protocol: u32) -> Socket {
    match judge(&have(words), domain, kind, protocol) {
        Birth::Make(socket, _) => socket,
        other => panic!("{words}: {domain} {kind:#x} {protocol}: {other:?}"),
    }
}

fn udp() -> Socket {
    born("stdio dns", AF_INET, DGRAM.into(), 0)
}

fn tcp() -> Socket {
    born("stdio dns", AF_INET, STREAM.into(), 6)
}

fn inet(family: u16, port: u16) -> [u8; INET_LEN] {
    let mut bytes = [0; INET_LEN];
    bytes[..2].copy_from_slice(&family.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&[127, 0, 0, 1]);
    bytes
}

fn inet6(port: u16) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[..2].copy_from_slice(&AF_INET6.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    // ::ffff:127.0.0.1
    bytes[18..24].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
    bytes
}

fn path(name: &str) -> Vec<u8> {
    let mut bytes = AF_UNIX.to_ne_bytes().to_vec();
    bytes.extend(name.as_bytes());
    bytes
}

fn netlink_address(pid: u32, groups: u32) -> Vec<u8> {
    let mut bytes = AF_NETLINK.to_ne_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(pid.to_ne_bytes());
    bytes.extend(groups.to_ne_bytes());
    bytes
}

fn request(kind: u16, length: u32) -> Vec<u8> {
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.resize(20, 0);
    bytes
}

#[test]
fn births() {
    let flags = CLOEXEC | NONBLOCK;
    for (words, domain, kind, protocol, wanted) in [
        ("stdio dns", AF_INET, DGRAM.into(), 0, true),
        ("stdio dns", AF_INET6, u32::from(DGRAM) | flags, 17, true),
        ("stdio dns", AF_INET, u32::from(STREAM) | SOCK_DNS, 6, true),
        ("stdio dns", AF_NETLINK, RAW | CLOEXEC, 0, true),
        ("stdio dns", AF_UNIX, STREAM.into(), 0, true),
        ("stdio", AF_UNIX, DGRAM.into(), 0, true),
        (
            "stdio getpw",
            AF_UNIX,
            u32::from(STREAM) | NONBLOCK,
            0,
            true,
        ),
        ("stdio", AF_INET, DGRAM.into(), 0, false),
        ("stdio inet", AF_INET, u32::from(DGRAM) | SOCK_DNS, 0, false),
        // MPTCP, raw, a protocol that is none, another family.
        ("stdio dns", AF_INET, STREAM.into(), 262, false),
        ("stdio dns", AF_INET, STREAM.into(), 0x10006, false),
        ("stdio dns", AF_INET, RAW, 17, false),
        ("stdio dns", AF_NETLINK, RAW, 12, false),
        ("stdio dns", 17, DGRAM.into(), 0, false),
        ("stdio dns", AF_UNIX, 5, 0, false),
    ] {
        let found = judge(&have(words), domain, kind, protocol);
        let made = matches!(found, Birth::Make(..));
        assert_eq!(
            made, wanted,
            "{words} {domain} {kind:#x} {protocol}: {found:?}"
        );
        if let Birth::Make(_, given) = found {
            assert_eq!(given, kind & flags);
        }
    }
    let wide = Wish {
        domain: 0x10002,
        ..wish(0, 2, 0)
    };
    assert_eq!(socket(&have("stdio dns"), wide, |_| true), Birth::Refuse);
}

#[test]
fn the_mark_is_of_its_families_alone() {
    for kind in [DGRAM, STREAM] {
        let kind = u32::from(kind) | SOCK_DNS;
        let unix = judge(&have("stdio dns"), AF_UNIX, kind, 0);
        assert_eq!(unix, Birth::Errno(EINVAL));
    }
    for bit in [0x2000, SOCK_DNS | 0x10, 0x8000_0000] {
        let found = judge(&have("stdio dns"), AF_INET, u32::from(DGRAM) | bit, 0);
        assert_eq!(found, Birth::Errno(EINVAL), "{bit:#x}");
    }
}

#[test]
fn none_that_nothing_bounds() {
    let (dgram, stream) = (u32::from(DGRAM), u32::from(STREAM));
    for (words, domain, kind, wanted) in [
        ("stdio dns unix", AF_INET, dgram, false),
        ("stdio dns sendfd", AF_INET, dgram, true),
        ("stdio dns unix inet", AF_INET, dgram | SOCK_DNS, true),
        ("stdio dns inet", AF_INET, dgram | SOCK_DNS, true),
        ("stdio rpath inet", AF_UNIX, dgram, false),
        ("stdio inet unix", AF_UNIX, dgram, true),
        ("stdio getpw sendfd", AF_UNIX, stream, true),
        ("stdio dns inet", AF_NETLINK, RAW, false),
    ] {
        let found = judge(&have(words), domain, kind, 0);
        match wanted {
            true => assert!(matches!(found, Birth::Make(..)), "{words}: {found:?}"),
            false if domain == AF_UNIX => assert_eq!(found, Birth::Errno(EAFNOSUPPORT), "{words}"),
            false => assert_eq!(found, Birth::Errno(EACCES), "{words} {domain}"),
        }
    }
    // Nothing on the way to a name asks for it.
    let alone = judge(&have("stdio inet"), AF_UNIX, dgram, 0);
    assert_eq!(alone, Birth::Refuse);
    // The kernel bounds who lacks what changing a route takes.
    let weak = socket(&have("stdio dns inet"), wish(AF_NETLINK, RAW, 0), |power| {
        power != 12
    });
    assert!(matches!(weak, Birth::Make(..)), "{weak:?}");
    // What is promised beside it is as good as in it.
    let both = born("stdio dns inet", AF_INET, dgram | SOCK_DNS, 0);
    let found = address(
        &have("stdio dns inet"),
        both,
        Operation::Send,
        &inet(AF_INET, 80),
    );
    assert_eq!(found, Judgement::Make);
}

#[test]
fn only_port_53() {
    let classes = have("stdio dns");
    let judge = |socket, what, bytes: &[u8]| address(&classes, socket, what, bytes);
    let v6 = born("stdio dns", AF_INET6, DGRAM.into(), 0);
    for socket in [udp(), tcp(), v6] {
        for what in [Operation::Connect, Operation::Send, Operation::Bind] {
            for good in [inet(AF_INET, 53).as_slice(), &inet6(53), &inet6(53)[..24]] {
                assert_eq!(
                    judge(socket, what, good),
                    Judgement::Make,
                    "{socket:?} {what:?}"
                );
            }
        }
        for bad in [
            inet(AF_INET, 80).as_slice(),
            &inet6(5300),
            &inet(AF_INET, 0),
        ] {
            let sent = judge(socket, Operation::Send, bad);
            assert_eq!(sent, Judgement::Refuse, "{socket:?} {bad:?}");
            let wanted = match socket.kind {
                DGRAM => Judgement::Rewrite(53),
                _ => Judgement::Refuse,
            };
            assert_eq!(judge(socket, Operation::Connect, bad), wanted, "{bad:?}");
        }
        // A kernel takes AF_UNSPEC for AF_INET where it sends.
        assert_eq!(
            judge(socket, Operation::Send, &inet(AF_UNSPEC, 80)),
            Judgement::Refuse
        );
        assert_eq!(
            judge(socket, Operation::Connect, &inet(AF_UNSPEC, 80)),
            Judgement::Make
        );
    }
}

#[test]
fn what_is_too_short_has_the_wrong_port() {
    let classes = have("stdio dns");
    for (whole, least) in [
        (inet(AF_INET, 53).as_slice(), INET_LEN),
        (&inet6(53), INET6_LEN),
    ] {
        for length in 0..least {
            for what in [Operation::Connect, Operation::Send] {
                let found = address(&classes, udp(), what, &whole[..length]);
                assert_eq!(found, Judgement::Refuse, "{length}");
            }
        }
    }
    let long = [0; ADDRESS_MAX + 1];
    let found = address(&classes, udp(), Operation::Connect, &long);
    assert_eq!(found, Judgement::Errno(EINVAL));
    let found = address(&classes, udp(), Operation::Connect, &path("/dev/log"));
    assert_eq!(found, Judgement::Refuse);
}

#[test]
fn paths_are_exact() {
    let log = born("stdio", AF_UNIX, DGRAM.into(), 0);
    let judge = |what, name| address(&have("stdio"), log, what, &path(name));
    for good in ["/dev/log", "/dev/log\0", "/dev/log\0\0x"] {
        assert_eq!(judge(Operation::Connect, good), Judgement::Make, "{good:?}");
        assert_eq!(judge(Operation::Send, good), Judgement::Make, "{good:?}");
    }
    for bad in [
        "",
        "\0/dev/log",
        "/dev/log2",
        "/dev/lo",
        "/dev//log",
        "/dev/../dev/log",
        "dev/log",
    ] {
        assert_eq!(judge(Operation::Connect, bad), Judgement::Refuse, "{bad:?}");
    }
    assert_eq!(judge(Operation::Bind, "/dev/log"), Judgement::Refuse);
    let hosts = born("stdio dns", AF_UNIX, STREAM.into(), 0);
    let nscd = path("/var/run/nscd/socket");
    let dns = address(&have("stdio dns"), hosts, Operation::Connect, &nscd);
    assert_eq!(dns, Judgement::Errno(ENOENT));
    let stdio = address(&have("stdio rpath"), hosts, Operation::Connect, &nscd);
    assert_eq!(stdio, Judgement::Errno(ENOENT));
    let getpw = address(&have("stdio dns getpw"), hosts, Operation::Connect, &nscd);
    assert_eq!(getpw, Judgement::Make);
}

#[test]
fn netlink_reads() {
    let classes = have("stdio dns");
    let route = born("stdio dns", AF_NETLINK, RAW, 0);
    let judge = |bytes: &[u8]| address(&classes, route, Operation::Send, bytes);
    assert_eq!(judge(&netlink_address(0, 0)), Judgement::Make);
    assert_eq!(judge(&netlink_address(0, 1)), Judgement::Refuse);
    assert_eq!(judge(&netlink_address(0, 0)[..8]), Judgement::Refuse);
    assert!(is_kernel(&netlink_address(0, 0)) && !is_kernel(&netlink_address(7, 0)));
    let send = |bytes: &[u8]| messages(&classes, route, bytes);
    let (address, link) = (request(22, 20), request(18, 20));
    assert_eq!(send(&address), Judgement::Make);
    assert_eq!(send(&[address.clone(), link].concat()), Judgement::Make);
    for kind in [0, 16, 20, 21, 24, 26, 3] {
        let hidden = [address.clone(), request(kind, 20)].concat();
        assert_eq!(send(&hidden), Judgement::Errno(EACCES), "{kind}");
    }
    for length in [0, 15, 21, u32::MAX] {
        assert_eq!(send(&request(22, length)), Judgement::Refuse, "{length}");
    }
    assert_eq!(send(&[]), Judgement::Refuse);
    let tables = messages(&have("stdio route"), route, &request(26, 20));
    assert_eq!(tables, Judgement::Make);
}

#[test]
fn a_libc_has_its_own() {
    let promises = Set::parse("stdio getpw").expect("promises");
    let sss = path("/var/lib/sss/pipes/nss");
    for (libc, wanted) in [
        (Some("glibc"), Judgement::Make),
        (Some("musl"), Judgement::Refuse),
        (None, Judgement::Make),
    ] {
        let classes = Classes::of(TABLE.classes, promises, libc);
        let socket = born("stdio getpw", AF_UNIX, STREAM.into(), 0);
        let found = address(&classes, socket, Operation::Connect, &sss);
        assert_eq!(found, wanted, "{libc:?}");
    }
}

/// Another class, in data alone.
#[test]
fn ntp_is_a_row() {
    let ntp = Class {
        name: "ntp",
        libc: None,
        promises: Set::parse("settime").expect("a promise"),
        covered: Set::EMPTY,
        unbounded: Set::EMPTY,
        power: None,
        families: &[AF_INET, AF_INET6],
        types: &[DGRAM],
        protocols: &[0, 17],
        ports: &[123],
        mark: 0,
        rewrites: false,
        paths: &[],
        absent: &[],
        messages: &[],
    };
    let mut rows = TABLE.classes.to_vec();
    rows.push(ntp);
    let promises = Set::parse("stdio settime").expect("promises");
    let classes = Classes::of(&rows, promises, None);
    let Birth::Make(udp, _) = judge(&classes, AF_INET, DGRAM.into(), 0) else {
        panic!("no socket");
    };
    assert_eq!(judge(&classes, AF_INET, STREAM.into(), 0), Birth::Refuse);
    let judge = |port| address(&classes, udp, Operation::Connect, &inet(AF_INET, port));
    assert_eq!(
        (judge(123), judge(53)),
        (Judgement::Make, Judgement::Refuse)
    );
    // Who has both keeps to the ports of both.
    let both = Set::parse("stdio settime dns").expect("promises");
    let classes = Classes::of(&rows, both, None);
    let judge = |port| address(&classes, udp, Operation::Send, &inet(AF_INET, port));
    assert_eq!(
        [judge(123), judge(53), judge(80)],
        [Judgement::Make, Judgement::Make, Judgement::Refuse]
    );
    // SOCK_DNS keeps to its own.
    let marked = Socket {
        mark: SOCK_DNS,
        ..udp
    };
    let found = address(&classes, marked, Operation::Send, &inet(AF_INET, 123));
    assert_eq!(found, Judgement::Refuse);
}

/// Whatever the bytes, what is made reaches port 53, a path of the class or
/// reads.
#[test]
fn hostile_bytes() {
    let classes = have("stdio dns getpw");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let kinds = [
        (AF_INET, DGRAM),
        (AF_INET, STREAM),
        (AF_INET6, DGRAM),
        (AF_UNIX, STREAM),
    ];
    for _ in 0..200_000 {
        let (family, kind) = kinds[random() as usize % kinds.len()];
        let socket = born("stdio dns getpw", family, kind.into(), 0);
        let mut bytes = [0; ADDRESS_MAX];
        for byte in &mut bytes {
            *byte = random() as u8;
        }
        let family = [AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC][random() as usize % 4];
        if random() % 8 != 0 {
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
        }
        if random() % 2 == 0 {
            bytes[2] = 0;
            bytes[3] = 53;
        }
        let given = &bytes[..random() as usize % (ADDRESS_MAX + 1)];
        for what in [Operation::Connect, Operation::Send] {
            if address(&classes, socket, what, given) != Judgement::Make {
                continue;
            }
            let forgets = what == Operation::Connect && given[..2] == [0, 0];
            assert!(
                forgets || given[2..4] == [0, 53],
                "{socket:?} {what:?} {given:?}"
            );
            assert!(forgets || socket.family != AF_UNIX, "{given:?}");
        }
        if messages(&classes, born("stdio dns", AF_NETLINK, RAW, 0), given) == Judgement::Make {
            assert!(u16::from_ne_bytes([given[4], given[5]]) & 3 == 2);
        }
    }
}
