// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sets of promises that are tried: alone, in pairs, and as real programs combine them.

use rpledge::promise::{Promise, Set};
use rpledge::table::TABLE;

/// What programs of OpenBSD's base promise, as they write it.
const PLEDGES: &[&str] = &[
    "stdio",                                                   // cat after opening, echo, yes
    "stdio rpath",                                             // cat, cksum, wc, ls, du
    "stdio rpath tty",                                         // more, ul
    "stdio wpath cpath",                                       // tee, split
    "stdio rpath wpath cpath",                                 // awk, sed, sort, patch
    "stdio rpath wpath cpath fattr",                           // touch, gzip, compress
    "stdio rpath wpath cpath fattr chown",                     // cp, mv
    "stdio rpath wpath cpath fattr chown dpath",               // pax, tar
    "stdio rpath cpath",                                       // rm, rmdir, unlink
    "stdio cpath fattr",                                       // mkdir -m
    "stdio dpath",                                             // mkfifo
    "stdio rpath fattr",                                       // chmod
    "stdio rpath fattr chown",                                 // chown, chgrp
    "stdio wpath",                                             // dd at its end
    "stdio rpath wpath",                                       // cmp, vis
    "stdio rpath exec",                                        // env, nice
    "stdio exec",                                              // time, nohup
    "stdio proc exec",                                         // xargs, time
    "stdio rpath proc exec",                                   // find, apply
    "stdio rpath proc exec tty",                               // man, less
    "stdio rpath wpath cpath proc exec",                       // make, mail
    "stdio rpath wpath cpath fattr flock tty proc exec",       // vi
    "stdio rpath wpath cpath fattr chown tty proc exec",       // install, ed
    "stdio rpath wpath cpath fattr chown flock tty proc exec", // ksh -r
    "stdio rpath wpath cpath chown fattr proc exec id",        // doas, su
    "stdio rpath proc exec id",                                // doas at its exec
    "stdio id",                                                // renice
    "stdio settime",                                           // ntpd's adjuster
    "stdio rpath wpath settime",                               // rdate, date
    "stdio inet",                                              // ping after socket(), nc, tcpbench
    "stdio inet rpath",                                        // traceroute, httpd's server
    "stdio rpath wpath cpath inet",                            // tftpd
    "stdio inet unix",                                         // nc
    "stdio unix",                                              // logger, ntpctl
    "stdio rpath inet unix",                                   // relayd's children
    "stdio recvfd",                                            // smtpd's lookup side
    "stdio sendfd",                                            // tmux client
    "stdio unix sendfd proc exec tty",                         // tmux
    "stdio rpath inet proc recvfd sendfd",                     // httpd
    "stdio rpath wpath cpath inet flock unix recvfd",          // bgpd, syslogd
    "stdio inet mcast",                                        // ospfd, mrouted
    "stdio rpath wpath cpath flock prot_exec",                 // perl, python
    "stdio rpath prot_exec",                                   // ldd
    "stdio error rpath",                                       // file
    "stdio tty",                                               // stty
    "error",
];

/// Promises that a filter alone can serve.
fn servable() -> impl Iterator<Item = Promise> {
    Promise::all().filter(|promise| !TABLE.broker.contains(*promise))
}

/// Nothing, every promise alone, everything that can be served, and the
/// combinations above.
pub fn usual() -> Vec<Set> {
    let alone = Promise::all().map(|promise| Set::EMPTY.with(promise));
    let real = PLEDGES.iter().map(|words| Set::parse(words).expect(words));
    let mut sets = vec![Set::EMPTY, servable().fold(Set::EMPTY, Set::with)];
    sets.extend(alone);
    sets.extend(real);
    sets
}

/// Every two promises. One that no filter can serve grants nothing, so that
/// pairs with it are like the other alone: those are left out.
pub fn pairs() -> Vec<Set> {
    let with = |first| {
        let later = servable().filter(move |second| *second > first);
        later.map(move |second| Set::EMPTY.with(first).with(second))
    };
    servable().flat_map(with).collect()
}

#[test]
fn the_sets_are_many_and_differ() {
    let mut usual = usual();
    usual.sort_by_key(|set| set.bits());
    usual.dedup();
    assert!(usual.len() >= 1 + 36 + 40, "{}", usual.len());
    assert!(pairs().len() >= 150, "{}", pairs().len());
}

/// The claim of [`pairs`].
#[test]
fn what_no_filter_can_serve_grants_nothing() {
    use rpledge::table::Grant;
    for libc in TABLE.libcs {
        for promise in TABLE.broker.iter() {
            assert_eq!(*libc.grant(promise), Grant::NONE, "{}", promise.name());
        }
    }
}
