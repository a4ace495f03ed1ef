// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a broker costs: its start in small and large processes, calls that it serves, and those beside them that it never sees.

// They serve other benchmarks, too.
#[allow(dead_code)]
#[path = "../pledge/child.rs"]
mod child;
#[allow(dead_code)]
#[path = "../machine.rs"]
mod machine;

use std::ffi::c_void;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Instant;

use rpledge::pledge::{Flags, Request, pledge};
use rpledge::promise::Set;

/// Calls in a batch; of many batches the shortest counts.
const CALLS: u32 = 500;
const BATCHES: usize = 200;

fn promise(words: &str) {
    let request = Request {
        promises: Some(Set::parse(words).expect("known words")),
        exec: None,
    };
    let flags = Flags::from_bits(0).expect("no flags");
    pledge(request, flags).expect("pledge");
}

/// Nanoseconds that pledge() takes in a process with so much memory, at best.
fn start(mib: usize, words: &str) -> f64 {
    let once = || {
        child::run(|| {
            let much = vec![1_u8; mib << 20];
            let begun = Instant::now();
            promise(words);
            let taken = begun.elapsed();
            drop(std::hint::black_box(much));
            vec![taken.as_nanos() as u64]
        })[0] as f64
    };
    (0..9).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Picoseconds of one, at best.
fn best(mut once: impl FnMut()) -> u64 {
    let mut batch = || {
        let begun = Instant::now();
        (0..CALLS).for_each(|_| once());
        begun.elapsed().as_nanos() as u64 * 1000 / u64::from(CALLS)
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or(0)
}

fn open_and_close() -> u64 {
    // SAFETY: a C string, and what is opened is closed.
    best(|| unsafe {
        let fd = libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY);
        assert!(fd >= 0, "the file can be opened");
        libc::close(fd);
    })
}

const NATIVE: [&str; 5] = ["read", "write", "send", "poll", "connect"];

/// Calls that no broker is asked for, under promises.
fn native(words: &str) -> Vec<u64> {
    let (one, other) = (bound(), bound());
    one.connect(other.local_addr().expect("an address"))
        .expect("a socket to itself");
    let (zero, null) = (open(c"/dev/zero"), open(c"/dev/null"));
    promise(words);
    measure(&one, zero, null)
}

fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a port")
}

fn open(path: &std::ffi::CStr) -> i32 {
    // SAFETY: a C string.
    unsafe { libc::open(path.as_ptr(), libc::O_RDWR) }
}

fn measure(one: &UdpSocket, zero: i32, null: i32) -> Vec<u64> {
    let fd = one.as_raw_fd();
    let mut byte = 0_u8;
    let at = (&raw mut byte).cast::<c_void>();
    // SAFETY: descriptors of above, one byte, and structures of the calls.
    unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        let mut len = size_of_val(&address) as u32;
        libc::getpeername(fd, (&raw mut address).cast(), &raw mut len);
        let to = (&raw const address).cast();
        let mut wanted = libc::pollfd {
            fd,
            events: libc::POLLOUT,
            revents: 0,
        };
        let wanted = &raw mut wanted;
        vec![
            best(|| assert_eq!(libc::read(zero, at, 1), 1)),
            best(|| assert_eq!(libc::write(null, at, 1), 1)),
            best(|| assert_eq!(libc::send(fd, at, 1, 0), 1)),
            best(|| assert_eq!(libc::poll(wanted, 1, 0), 1)),
            best(|| assert_eq!(libc::connect(fd, to, len), 0)),
        ]
    }
}

fn main() {
    machine::describe();
    let least = start(1, "stdio rpath");
    println!("{:6.3}  ms: pledge() without a broker", least / 1e6);
    for mib in [1, 64, 1024] {
        let taken = start(mib, "stdio getpw");
        let (ms, more) = (taken / 1e6, (taken - least) / 1e6);
        println!("{ms:6.3}  ms: pledge() with one, at {mib} MiB: {more:.3} ms for the broker");
    }
    let bare = child::run(|| vec![open_and_close()])[0];
    let served = child::run(|| {
        promise("stdio getpw");
        vec![open_and_close()]
    })[0];
    let ratio = served as f64 / bare as f64;
    println!("{ratio:6.2}  open and close by the broker, against bare");
    // In turns, as a machine that is busy is so for a while.
    let mut all = [[u64::MAX; NATIVE.len()]; 2];
    for _ in 0..20 {
        for (words, least) in ["stdio inet", "stdio inet getpw"].iter().zip(&mut all) {
            let seen = child::run(|| native(words));
            for (least, seen) in least.iter_mut().zip(seen) {
                *least = seen.min(*least);
            }
        }
    }
    let [without, with] = all;
    for ((name, without), with) in NATIVE.iter().zip(without).zip(with) {
        let ratio = with as f64 / without as f64;
        println!("{ratio:6.3}  {name} where there is a broker, against where there is none");
    }
}
