// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report to the system's log, where the promises in force let a program write there, or a broker makes it. Async-signal-safe.

use core::fmt::Write;

use crate::broker;
use crate::host;
use crate::policy::{ASK, Action};
use crate::short::Short;
use crate::sim::{self, Data};
use crate::sockets::AF_UNIX;
use crate::sys::{self, Errno, fd::Fd};

/// LOG_USER | LOG_ERR, as syslog(3) writes it. Who receives it adds the time.
const PRIORITY: &str = "<11>";
/// _PATH_LOG of the C libraries.
const PATH: &[u8] = b"/dev/log";

/// Of a message: the process is about to end, and waits for nobody.
const FLAGS: u32 = (libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) as u32;

/// `struct sockaddr_un`.
const ADDRESS_LEN: usize = 2 + PATH.len() + 1;

/// Who makes the calls.
enum Way {
    Itself,
    Broker,
}

/// Write each line of a report to the log. A call that would be another
/// violation is not tried: all signals are blocked, so it would end the process
/// otherwise than is announced.
pub fn send(report: &str) {
    if let Some(way) = way() {
        way.send(report);
    }
}

/// The same of another process's, which has no part in it.
pub fn send_for_other(report: &str) {
    Way::Itself.send(report);
}

fn send_lines(socket: &Fd, report: &str) {
    for line in report.lines() {
        let mut message = Short::<512>::EMPTY;
        // What does not fit is cut, which is no reason to say nothing.
        let _ = write!(message, "{PRIORITY}{line}");
        let _ = socket.send(message.as_str().as_bytes(), FLAGS, None);
    }
}

fn way() -> Option<Way> {
    let held = broker::held::held()?;
    let host = host::host();
    let policy = super::unbrokered(&host, held);
    let allows = |nr: libc::c_long, args: [u64; 6]| {
        let data = Data {
            nr: nr as u32,
            arch: host.table.audit,
            ip: 0,
            args,
        };
        sim::decide(&policy, &data) == Action::Allow
    };
    let may_connect = || calls(0).iter().all(|(nr, args)| allows(*nr, *args));
    match allows(libc::SYS_sendto, [0, 0, 0, FLAGS.into(), 0, 0]) {
        true if may_connect() => Some(Way::Itself),
        true if held.brokered => Some(Way::Broker),
        _ => None,
    }
}

/// socket(2), and connect(2) to an address.
fn calls(address: usize) -> [(libc::c_long, [u64; 6]); 2] {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    [
        (libc::SYS_socket, [AF_UNIX.into(), kind as u64, 0, 0, 0, 0]),
        (
            libc::SYS_connect,
            [0, address as u64, ADDRESS_LEN as u64, 0, 0, 0],
        ),
    ]
}

impl Way {
    fn send(&self, report: &str) {
        // A log that nobody listens to gets nothing.
        if let Ok(socket) = self.connect() {
            send_lines(&socket, report);
        }
    }

    fn connect(&self) -> Result<Fd, Errno> {
        let mut address = [0; ADDRESS_LEN];
        address[..2].copy_from_slice(&AF_UNIX.to_ne_bytes());
        address[2..][..PATH.len()].copy_from_slice(PATH);
        match self {
            Way::Itself => {
                let kind = libc::SOCK_DGRAM as u32;
                let socket = sys::socket::make(AF_UNIX, kind, 0)?;
                socket.connect(&address).map(|()| socket)
            }
            Way::Broker => {
                let [(make, what), (connect, mut whither)] = calls(address.as_ptr() as usize);
                let socket = Fd::of(sys::ask(ASK, make as u32, &what, None)?);
                whither[0] = socket.number() as u64;
                sys::ask(ASK, connect as u32, &whither, socket.inode().ok()).map(|_| socket)
            }
        }
    }
}
