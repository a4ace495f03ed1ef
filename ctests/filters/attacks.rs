// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known ways out of a sandbox, tried against every promise that can be served at once, and what stays open beside them.

use rpledge::policy::{Action, Mode};
use rpledge::promise::{Promise, Set};
use rpledge::sim::{self, Data};
use rpledge::table::TABLE;

use crate::inputs::PROCESS;
use crate::programs;
use crate::sweep::{policy, scene};

const OTHER: u64 = 1;
const SELF: u64 = PROCESS.pid as u64;
/// In the half that the kernel drops.
const HIGH: u64 = 0xffff_ffff_0000_0000;

/// Calls that nothing grants, whatever their arguments.
const NEVER: &[&str] = &[
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "kexec_load",
    "keyctl",
    "landlock_restrict_self",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pivot_root",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "reboot",
    "remap_file_pages",
    "request_key",
    "setns",
    "swapon",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
];

/// Arguments that no promise but those named grants.
const ATTACKS: &[(&str, &str, [u64; 6])] = &[
    ("clone", "", [0x1000_0000 | 17, 0, 0, 0, 0, 0]), // CLONE_NEWUSER
    ("clone", "", [HIGH | 0x2_0000 | 17, 0, 0, 0, 0, 0]), // CLONE_NEWNS
    ("clone", "", [0x2000 | 17, 0, 0, 0, 0, 0]),      // CLONE_PTRACE
    ("clone", "", [0x8000 | 17, 0, 0, 0, 0, 0]),      // CLONE_PARENT
    ("clone", "proc", [17, 0, 0, 0, 0, 0]),           // fork
    ("clone", "proc", [0x4111, 0, 0, 0, 0, 0]),       // vfork
    ("mmap", "prot_exec", [0, 4096, 7, 0x22, u64::MAX, 0]),
    ("mmap", "prot_exec", [0, 4096, HIGH | 4, 0x22, u64::MAX, 0]),
    ("mprotect", "prot_exec", [0, 4096, 5, 0, 0, 0]),
    ("pkey_mprotect", "prot_exec", [0, 4096, 5, 0, 0, 0]),
    ("openat", "", [0, 0, 0o101, 0o4755, 0, 0]), // O_CREAT|O_WRONLY, set-uid
    ("openat", "", [0, 0, 0x41_0001, 0o4755, 0, 0]), // O_TMPFILE|O_WRONLY, set-uid
    ("openat", "", [0, 0, 0x41_0002, 0o2755, 0, 0]),
    ("openat", "wpath", [0, 0, 1, 0, 0, 0]),
    ("openat", "wpath", [0, 0, HIGH | 0o1001, 0, 0, 0]), // O_TRUNC
    ("openat", "cpath", [0, 0, 0o100, 0o644, 0, 0]),
    ("fchmod", "", [3, 0o4755, 0, 0, 0, 0]),
    ("fchown", "chown", [3, 12, u64::MAX, 0, 0, 0]),
    ("mknodat", "", [0, 0, 0o104_755, 0, 0, 0]),
    ("mkdirat", "", [0, 0, 0o2755, 0, 0, 0]),
    ("socket", "", [2, 3, 255, 0, 0, 0]), // raw
    ("socket", "", [2, 1, 262, 0, 0, 0]), // MPTCP
    ("socket", "", [17, 3, 0, 0, 0, 0]),  // packets
    ("socket", "", [16, 3, 0, 0, 0, 0]),  // netlink
    ("socket", "", [38, 5, 0, 0, 0, 0]),  // AF_ALG
    ("socket", "inet", [2, 1, 0, 0, 0, 0]),
    ("socket", "unix", [1, 1, 0, 0, 0, 0]),
    ("sendto", "inet unix", [3, 0, 0, 0, 1 << 32, 0]), // an address whose low half is nothing
    ("sendmsg", "sendfd", [3, 0, 0, 0, 0, 0]),
    ("recvmsg", "recvfd", [3, 0, 0, 0, 0, 0]),
    ("setsockopt", "", [3, 1, 50, 0, 0, 0]), // SO_ATTACH_BPF
    ("setsockopt", "", [3, 1, 26, 0, 0, 0]), // SO_ATTACH_FILTER
    ("setsockopt", "", [3, 1, 51, 0, 0, 0]), // SO_ATTACH_REUSEPORT_CBPF
    ("setsockopt", "", [3, 1, 36, 0, 0, 0]), // SO_MARK
    ("setsockopt", "", [3, 0, 64, 0, 0, 0]), // IPT_SO_SET_REPLACE
    ("ioctl", "", [0, 0x5412, 0, 0, 0, 0]),  // TIOCSTI
    ("ioctl", "", [0, HIGH | 0x5412, 0, 0, 0, 0]),
    ("ioctl", "", [0, 0x541c, 0, 0, 0, 0]),    // TIOCLINUX
    ("ioctl", "tty", [0, 0x5402, 0, 0, 0, 0]), // TCSETS
    ("fcntl", "proc", [3, 8, OTHER, 0, 0, 0]), // F_SETOWN
    ("fcntl", "flock", [3, 6, 0, 0, 0, 0]),    // F_SETLK
    ("kill", "proc", [OTHER, 9, 0, 0, 0, 0]),
    ("kill", "proc", [u64::MAX, 9, 0, 0, 0, 0]),
    ("tgkill", "proc", [OTHER, OTHER, 9, 0, 0, 0]),
    ("rt_sigqueueinfo", "proc", [OTHER, 9, 0, 0, 0, 0]),
    ("prlimit64", "", [OTHER, 7, 0, 0, 0, 0]),
    ("prlimit64", "id proc", [0, 7, 4096, 0, 0, 0]),
    ("prlimit64", "id proc", [0, 7, 1 << 32, 0, 0, 0]),
    ("sched_setaffinity", "proc", [OTHER, 8, 0, 0, 0, 0]),
    ("prctl", "", [22, 1, 0, 0, 0, 0]), // PR_SET_SECCOMP
    ("prctl", "", [35, 0, 0, 0, 0, 0]), // PR_SET_MM
    ("prctl", "", [0x5961_6d61, OTHER, 0, 0, 0, 0]), // PR_SET_PTRACER
    ("prctl", "", [36, 1, 0, 0, 0, 0]), // PR_SET_CHILD_SUBREAPER
    ("seccomp", "", [1, 8, 4096, 0, 0, 0]), // a listener
    ("seccomp", "", [0, 0, 0, 0, 0, 0]),
    ("rt_sigaction", "", [31, 4096, 0, 8, 0, 0]), // SIGSYS
    ("rt_sigaction", "", [HIGH | 31, 4096, 0, 8, 0, 0]),
];

/// What they would do harm without, and must stay open.
const OPEN: &[(&str, [u64; 6])] = &[
    ("clone", [0x3d_0f00, 4096, 0, 0, 0, 0]),
    ("mmap", [0, 4096, 3, 0x22, u64::MAX, 0]),
    ("openat", [0, 0, 0o101, 0o755, 0, 0]),
    ("openat", [0, 0, 0x41_0001, 0o755, 0, 0]),
    ("openat", [0, 0, 0, 0o4755, 0, 0]),
    ("fchmod", [3, 0o755, 0, 0, 0, 0]),
    ("socket", [HIGH | 2, HIGH | 1, HIGH | 6, 0, 0, 0]),
    ("sendto", [3, 0, 0, 0, 0, 0]),
    ("ioctl", [0, 0x5401, 0, 0, 0, 0]),
    ("fcntl", [3, 3, 0, 0, 0, 0]),
    ("kill", [SELF, 9, 0, 0, 0, 0]),
    ("prlimit64", [0, 7, 0, 4096, 0, 0]),
    ("prctl", [15, 4096, 0, 0, 0, 0]),
    ("rt_sigaction", [6, 4096, 0, 8, 0, 0]),
];

fn data(call: &str, args: [u64; 6]) -> Option<Data> {
    let call = TABLE.calls.iter().find(|c| c.name == call)?;
    let (nr, arch) = (call.nr, TABLE.audit);
    Some(Data {
        nr,
        arch,
        ip: 0,
        args,
    })
}

fn everything() -> Set {
    Promise::all()
        .filter(|promise| !TABLE.broker.contains(*promise))
        .fold(Set::EMPTY, Set::with)
}

fn allows(set: Set, data: &Data) -> Result<(), String> {
    let policy = policy(TABLE.libcs, set, Mode::Abort);
    match sim::decide(&policy, data) {
        Action::Allow => Ok(()),
        _ => Err(scene(&policy, TABLE.libcs, data)),
    }
}

#[test]
fn what_nothing_grants() {
    for name in NEVER {
        let data = data(name, [0; 6]).unwrap_or_else(|| panic!("{name}: no such call"));
        assert!(allows(everything(), &data).is_err(), "{name}");
    }
}

#[test]
fn arguments_that_only_some_promises_grant() {
    for (call, words, args) in ATTACKS {
        let data = data(call, *args).unwrap_or_else(|| panic!("{call}: no such call"));
        let granting = Set::parse(words).expect("known words");
        assert!(
            allows(everything().minus(granting), &data).is_err(),
            "{call} {args:x?}"
        );
        if !granting.is_empty() {
            assert_eq!(allows(everything(), &data), Ok(()));
        }
    }
}

#[test]
fn what_stays_open() {
    for (call, args) in OPEN {
        let data = data(call, *args).unwrap_or_else(|| panic!("{call}: no such call"));
        assert_eq!(allows(everything(), &data), Ok(()));
    }
}

/// A message is made by its parts only where a handler can do it, and where
/// it would be refused otherwise.
#[test]
fn messages_by_their_parts() {
    let refused = Action::Errno(libc::EPERM as u16);
    let unfolded = Action::Unfold(libc::EPERM as u16);
    let cases = [
        ("stdio", Mode::Abort, true, unfolded),
        ("stdio", Mode::Abort, false, refused),
        ("stdio", Mode::Kill, true, refused),
        ("stdio", Mode::Log, true, refused),
        ("stdio error", Mode::Error, true, unfolded),
        ("stdio exec", Mode::Abort, true, refused),
        ("stdio sendfd recvfd", Mode::Abort, true, Action::Allow),
        ("rpath", Mode::Abort, true, Action::Violation),
    ];
    for (words, mode, handled, action) in cases {
        let mut policy = policy(TABLE.libcs, Set::parse(words).expect("known words"), mode);
        policy.handled = handled;
        for call in rpledge::policy::UNFOLDED {
            let data = data(call, [3, 4, 0, 0, 0, 0]).expect("a known call");
            assert_eq!(
                sim::decide(&policy, &data),
                action,
                "{call} {words} {mode:?}"
            );
        }
    }
}

/// More promises never allow less, and fewer never allow more, apart from
/// what a promise refuses whatever grants it.
#[test]
fn promises_add_up() {
    let refused = |data: &Data| {
        let place = TABLE.place(data.nr);
        place.is_some_and(|p| TABLE.limits_on(p).1.iter().any(|limit| limit.refuse))
    };
    for set in programs::usual() {
        let small = policy(TABLE.libcs, set, Mode::Abort);
        let mut large = policy(TABLE.libcs, set.or(everything()), Mode::Abort);
        large.mode = Mode::Abort;
        for data in crate::inputs::limits(&small) {
            if sim::decide(&small, &data) == Action::Allow && !refused(&data) {
                assert_eq!(
                    sim::decide(&large, &data),
                    Action::Allow,
                    "{}",
                    scene(&small, TABLE.libcs, &data)
                );
            }
        }
    }
}
