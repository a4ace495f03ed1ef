// SPDX-License-Identifier: MIT OR Apache-2.0
//! Known ways out of a sandbox, tried against every promise that can be served at once, and what stays open beside them.

use rpledge::policy::{Action, Broker, Mode};
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

/// Calls that nothing grants, whatever their arguments; all of [never] is
/// tried beside them.
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
    "io_setup",
    "io_submit",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "kexec_load",
    "keyctl",
    "getxattrat",
    "mbind",
    "memfd_secret",
    "mlock",
    "mlockall",
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
    "setxattrat",
    "shmat",
    "statmount",
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
    // The broker looks at what is passed.
    ("sendmsg", "", [3, 0, 0, 0, 0, 0]),
    ("recvmsg", "", [3, 0, 0, 0, 0, 0]),
    ("setsockopt", "", [3, 1, 50, 0, 0, 0]), // SO_ATTACH_BPF
    ("setsockopt", "", [3, 1, 26, 0, 0, 0]), // SO_ATTACH_FILTER
    ("setsockopt", "", [3, 1, 51, 0, 0, 0]), // SO_ATTACH_REUSEPORT_CBPF
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
    // Requests of devices, each of its own promise.
    ("ioctl", "tape", [3, 0x4008_6d01, 0, 0, 0, 0]), // MTIOCTOP
    ("ioctl", "tape", [3, HIGH | 0x8030_6d02, 0, 0, 0, 0]), // MTIOCGET
    ("ioctl", "", [3, 0x4018_6d03, 0, 0, 0, 0]),     // another of 'm'
    ("ioctl", "video", [3, 0xc058_560f, 0, 0, 0, 0]), // VIDIOC_QBUF
    ("ioctl", "video", [3, 0x8068_5600, 0, 0, 0, 0]), // VIDIOC_QUERYCAP
    ("ioctl", "", [3, 0x5606, 0, 0, 0, 0]),          // VT_ACTIVATE
    ("ioctl", "", [3, 0x560b, 0, 0, 0, 0]),          // VT_LOCKSWITCH
    ("ioctl", "", [3, 0x4038_564f, 0, 0, 0, 0]),     // VIDIOC_DBG_S_REGISTER
    ("ioctl", "", [3, 0x4004_56c0, 0, 0, 0, 0]),     // a driver's own, 192
    ("ioctl", "drm", [3, 0x4008_6409, 0, 0, 0, 0]),  // DRM_IOCTL_GEM_CLOSE
    ("ioctl", "drm", [3, 0xc018_6440, 0, 0, 0, 0]),  // a driver's first
    ("ioctl", "drm", [3, 0xc018_649f, 0, 0, 0, 0]),  // and last
    ("ioctl", "", [3, 0xc018_643f, 0, 0, 0, 0]),
    ("ioctl", "", [3, 0xc068_64a0, 0, 0, 0, 0]), // DRM_IOCTL_MODE_GETRESOURCES
    ("ioctl", "", [3, 0xc068_64a2, 0, 0, 0, 0]), // DRM_IOCTL_MODE_SETCRTC
    ("ioctl", "", [3, 0x641e, 0, 0, 0, 0]),      // DRM_IOCTL_SET_MASTER
    ("ioctl", "", [3, 0x4004_6411, 0, 0, 0, 0]), // DRM_IOCTL_AUTH_MAGIC
    ("ioctl", "vmm", [3, 0xae80, 0, 0, 0, 0]),   // KVM_RUN
    ("ioctl", "vmm", [3, 0xae01, 0, 0, 0, 0]),   // KVM_CREATE_VM
    ("ioctl", "", [3, 0xaf01, 0, 0, 0, 0]),      // VHOST_SET_OWNER
    ("ioctl", "audio", [3, 0xc260_4111, 0, 0, 0, 0]), // SNDRV_PCM_IOCTL_HW_PARAMS
    ("ioctl", "audio", [3, 0x4140, 0, 0, 0, 0]), // SNDRV_PCM_IOCTL_PREPARE
    ("ioctl", "audio", [3, 0xc4c8_5512, 0, 0, 0, 0]), // SNDRV_CTL_IOCTL_ELEM_READ
    ("ioctl", "", [3, 0xc010_5512, 0, 0, 0, 0]), // USBDEVFS_IOCTL
    ("ioctl", "", [3, 0xc00c_5512, 0, 0, 0, 0]), // USBDEVFS_IOCTL32
    ("ioctl", "", [3, 0x8038_550a, 0, 0, 0, 0]), // USBDEVFS_SUBMITURB
    ("ioctl", "", [3, 0x5501, 0, 0, 0, 0]),      // UI_DEV_CREATE
    ("ioctl", "", [3, 0x405c_5503, 0, 0, 0, 0]), // UI_DEV_SETUP
    ("ioctl", "", [3, 0x4102, 0, 0, 0, 0]),      // APM_IOC_SUSPEND
    ("ioctl", "", [3, 0x8020_4d01, 0, 0, 0, 0]), // MEMGETINFO
    ("ioctl", "", [3, 0x4008_4d02, 0, 0, 0, 0]), // MEMERASE
    ("ioctl", "", [3, 0x8004_5704, 0, 0, 0, 0]), // WDIOC_SETOPTIONS
    ("ioctl", "", [3, 0x5309, 0, 0, 0, 0]),      // CDROMEJECT
    ("ioctl", "audio", [3, 0xc004_4d00, 0, 0, 0, 0]), // SOUND_MIXER_WRITE_VOLUME
    ("ioctl", "audio", [3, 0x8040_5301, 0, 0, 0, 0]), // of a sequencer
    ("ioctl", "audio", [3, 0x4050_5412, 0, 0, 0, 0]), // SNDRV_TIMER_IOCTL_PARAMS
    ("ioctl", "", [3, 0x4001_5412, 0, 0, 0, 0]), // TIOCSTI with a size
    ("ioctl", "disklabel", [3, 0x1269, 0, 0, 0, 0]), // BLKPG
    ("ioctl", "disklabel", [3, 0x8008_1272, 0, 0, 0, 0]), // BLKGETSIZE64
    ("ioctl", "", [3, 0x125d, 0, 0, 0, 0]),      // BLKROSET
    ("ioctl", "", [3, 0x1277, 0, 0, 0, 0]),      // BLKDISCARD
    ("ioctl", "", [3, 0xc0c0_1273, 0, 0, 0, 0]), // BLKTRACESETUP
    ("ioctl", "inet route", [3, 0x8912, 0, 0, 0, 0]), // SIOCGIFCONF
    ("ioctl", "route", [3, 0x8927, 0, 0, 0, 0]), // SIOCGIFHWADDR
    ("ioctl", "wroute", [3, 0x8916, 0, 0, 0, 0]), // SIOCSIFADDR
    ("ioctl", "wroute", [3, 0x890b, 0, 0, 0, 0]), // SIOCADDRT
    ("ioctl", "", [3, 0x8914, 0, 0, 0, 0]),      // SIOCSIFFLAGS
    ("ioctl", "", [3, 0x8946, 0, 0, 0, 0]),      // SIOCETHTOOL
    ("ioctl", "fattr", [3, 0x4008_6602, 0, 0, 0, 0]), // FS_IOC_SETFLAGS
    ("ioctl", "", [3, 0xc020_660b, 0, 0, 0, 0]), // FS_IOC_FIEMAP
    ("socket", "pf", [16, 3, 12, 0, 0, 0]),      // NETLINK_NETFILTER
    ("socket", "", [16, 3, 9, 0, 0, 0]),         // NETLINK_AUDIT
    ("setsockopt", "pf", [3, 0, 64, 0, 0, 0]),   // IPT_SO_SET_REPLACE
    ("getsockopt", "pf", [3, 0, 80, 0, 0, 0]),   // SO_ORIGINAL_DST
    ("setsockopt", "", [3, 0, 66, 0, 0, 0]),
    ("getsockopt", "bpf", [3, 263, 6, 0, 0, 0]), // PACKET_STATISTICS
    ("setsockopt", "", [3, 263, 5, 0, 0, 0]),    // PACKET_RX_RING
    ("setsockopt", "wroute", [3, 1, 25, 0, 0, 0]), // SO_BINDTODEVICE
    ("setsockopt", "wroute", [3, 1, 62, 0, 0, 0]), // SO_BINDTOIFINDEX
    ("setsockopt", "wroute", [3, 1, 36, 0, 0, 0]), // SO_MARK
    ("setsockopt", "", [3, 1, 27, 0, 0, 0]),     // SO_DETACH_FILTER
    ("setsockopt", "", [3, 1, 33, 0, 0, 0]),     // SO_RCVBUFFORCE
    ("sendmsg", "", [3, 0, 0x2000_0000, 0, 0, 0]), // MSG_FASTOPEN
    ("sendmmsg", "", [3, 0, 1, HIGH | 0x2000_0000, 0, 0]),
    ("openat", "rpath", [0, 0, 0o10_000_001, 0, 0, 0]), // O_PATH|O_WRONLY
    ("openat", "rpath", [0, 0, 0o10_000_101, 0o644, 0, 0]),
    ("openat", "", [0, 0, 3, 0, 0, 0]), // neither reading nor writing
    ("openat", "", [0, 0, 0o103, 0o644, 0, 0]),
    ("madvise", "", [0, 4096, 100, 0, 0, 0]), // MADV_HWPOISON
    ("madvise", "", [0, 4096, HIGH | 101, 0, 0, 0]), // MADV_SOFT_OFFLINE
    ("prctl", "id", [47, 2, 0, 0, 0, 0]),     // PR_CAP_AMBIENT
    ("prctl", "", [59, 1, 0, 0, 0, 0]),       // PR_SET_SYSCALL_USER_DISPATCH
    ("capset", "id", [0, 0, 0, 0, 0, 0]),
    ("ioprio_set", "id proc", [1, OTHER, 0, 0, 0, 0]),
    ("sched_setattr", "proc", [OTHER, 0, 0, 0, 0, 0]),
    ("fcntl", "", [3, 1026, 1, 0, 0, 0]),    // F_NOTIFY
    ("fcntl", "", [3, 1024, 1, 0, 0, 0]),    // F_SETLEASE
    ("fcntl", "proc", [3, 10, 9, 0, 0, 0]),  // F_SETSIG
    ("fcntl", "", [3, 1036, 4096, 0, 0, 0]), // F_SET_RW_HINT
    ("fcntl", "flock", [3, 37, 0, 0, 0, 0]), // F_OFD_SETLK
    ("pidfd_open", "proc", [OTHER, 0, 0, 0, 0, 0]),
    ("pidfd_send_signal", "proc", [3, 0, 0, 0, 0, 0]),
    ("tkill", "proc", [OTHER, 9, 0, 0, 0, 0]),
    ("rt_tgsigqueueinfo", "proc", [OTHER, OTHER, 9, 0, 0, 0]),
    ("sched_setscheduler", "proc", [OTHER, 0, 0, 0, 0, 0]),
    ("socket", "", [2, 2, 136, 0, 0, 0]),    // UDP-Lite
    ("socket", "", [2, 5, 132, 0, 0, 0]),    // SCTP
    ("socket", "", [2, 2, 1, 0, 0, 0]),      // an echo socket of ICMP
    ("socket", "", [40, 1, 0, 0, 0, 0]),     // AF_VSOCK
    ("socketpair", "", [30, 1, 0, 0, 0, 0]), // AF_TIPC
    ("setsockopt", "", [3, 0, 4, 0, 0, 0]),  // IP_OPTIONS
    ("getsockopt", "inet", [3, 0, 4, 0, 0, 0]),
    ("setsockopt", "", [3, 6, 19, 0, 0, 0]), // TCP_REPAIR
    ("setsockopt", "", [3, 6, 31, 0, 0, 0]), // TCP_ULP
    ("setsockopt", "mcast", [3, 0, 35, 0, 0, 0]), // IP_ADD_MEMBERSHIP
    ("setsockopt", "unix inet", [3, 1, 2, 0, 0, 0]), // SO_REUSEADDR
    ("mknodat", "", [0, 0, 0o140_644, 0, 0, 0]), // a socket
    ("renameat2", "", [0, 0, 0, 0, 4, 0]),   // RENAME_WHITEOUT
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
    ("openat", [0, 0, 0o10_000_000, 0, 0, 0]),
    ("madvise", [0, 4096, 4, 0, 0, 0]),
    ("ioctl", [3, 0x4004_9409, 0, 0, 0, 0]),
    ("sched_setattr", [SELF, 4096, 0, 0, 0, 0]),
    ("futex_waitv", [4096, 1, 0, 0, 0, 0]),
    ("mseal", [4096, 4096, 0, 0, 0, 0]),
    ("uretprobe", [0, 0, 0, 0, 0, 0]),
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

/// The calls of [never] in data/promises.toml.
fn never() -> impl Iterator<Item = &'static str> {
    let text = include_str!("../../data/promises.toml");
    let groups = text.split("\n[").filter(|part| part.starts_with("never."));
    groups.flat_map(|group| {
        let calls = group.split("calls = ").nth(1).unwrap_or_default();
        let calls = calls.trim_start_matches('"').split('"').next();
        calls.unwrap_or_default().split_whitespace()
    })
}

#[test]
fn what_nothing_grants() {
    for name in NEVER {
        let data = data(name, [0; 6]).unwrap_or_else(|| panic!("{name}: no such call"));
        assert!(allows(everything(), &data).is_err(), "{name}");
    }
    // Some are of other architectures only.
    let here = never().filter_map(|name| Some((name, data(name, [0; 6])?)));
    let denied = here.map(|(name, data)| assert!(allows(everything(), &data).is_err(), "{name}"));
    assert!(denied.count() > 60);
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
    let (none, here) = (Broker::Absent, Broker::Here);
    let cases = [
        ("stdio", Mode::Abort, true, none, unfolded),
        ("stdio", Mode::Abort, false, none, refused),
        ("stdio", Mode::Kill, true, none, refused),
        ("stdio", Mode::Log, true, none, refused),
        ("stdio error", Mode::Error, true, none, unfolded),
        // As pledge() has it, since an executed program has no handler.
        ("stdio exec", Mode::Abort, false, none, refused),
        ("rpath", Mode::Abort, true, none, Action::Violation),
        // What is passed a broker must see.
        ("stdio sendfd recvfd", Mode::Abort, true, none, unfolded),
        ("stdio sendfd recvfd", Mode::Abort, true, here, Action::Ask),
        // Where no handler makes the call the broker does.
        ("stdio", Mode::Abort, true, here, unfolded),
        ("stdio", Mode::Abort, false, here, Action::Ask),
        ("stdio", Mode::Kill, true, here, Action::Ask),
        ("stdio", Mode::Abort, false, Broker::Below, refused),
    ];
    for (words, mode, handled, broker, action) in cases {
        let policy = policy(TABLE.libcs, Set::parse(words).expect("known words"), mode);
        let mut policy = policy.with_broker(broker);
        policy.handled = handled;
        for call in rpledge::policy::UNFOLDED {
            // Of other architectures.
            let Some(data) = data(call, [3, 4, 0, 0, 0, 0]) else {
                assert!(["recvmmsg_time64", "socketcall"].contains(&call));
                continue;
            };
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
        for data in crate::inputs::of(&[&small]) {
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
