// SPDX-License-Identifier: MIT OR Apache-2.0
//! The broker's own filter: the calls that it makes, and no others.

use crate::bpf::{DATA_ARCH, DATA_NR, JEQ, LOAD, RET, RET_ALLOW, RET_ERRNO, RET_KILL_PROCESS};
use crate::sys::{self, Errno, Insn, Scope, arch};

/// To take calls up and answer them, to look at who asks, to act on files, to
/// have threads, and to end.
const CALLS: [libc::c_long; 76] = [
    libc::SYS_ioctl,
    libc::SYS_ppoll,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_tgkill,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_openat,
    arch::FSTATAT,
    arch::FSTAT,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_unlinkat,
    libc::SYS_umask,
    libc::SYS_fcntl,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    arch::GETUID,
    arch::GETGID,
    arch::GETGROUPS,
    libc::SYS_capget,
    arch::SETRESUID,
    arch::SETRESGID,
    arch::SETGROUPS,
    arch::SETFSGID,
    arch::SETFSUID,
    libc::SYS_futex,
    libc::SYS_clone,
    arch::MMAP,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Sockets that it makes for others.
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_sendto,
    libc::SYS_getsockopt,
    // Messages that pass descriptors.
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    // What it does to files where it holds rules for paths.
    libc::SYS_openat2,
    arch::FSTATFS,
    libc::SYS_statx,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_renameat2,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    libc::SYS_setxattr,
    libc::SYS_getxattr,
    libc::SYS_listxattr,
    libc::SYS_removexattr,
    libc::SYS_inotify_add_watch,
    libc::SYS_getsid,
    libc::SYS_fchdir,
    libc::SYS_chdir,
    // To wait for others no longer than callers do.
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_delete,
    libc::SYS_rt_sigreturn,
];

/// Before the calls, one each, and behind them.
const LENGTH: usize = 4 + CALLS.len() + 2;

fn program(arch: u32) -> [Insn; LENGTH] {
    let insn = |code, jt, jf, k| Insn { code, jt, jf, k };
    let mut program = [insn(RET, 0, 0, RET_ALLOW); LENGTH];
    program[0] = insn(LOAD, 0, 0, DATA_ARCH);
    program[1] = insn(JEQ, 1, 0, arch);
    program[2] = insn(RET, 0, 0, RET_KILL_PROCESS);
    program[3] = insn(LOAD, 0, 0, DATA_NR);
    for (n, nr) in CALLS.iter().enumerate() {
        let to_allow = (CALLS.len() - n) as u8;
        program[4 + n] = insn(JEQ, to_allow, 0, *nr as u32);
    }
    program[LENGTH - 2] = insn(RET, 0, 0, RET_ERRNO | libc::EPERM as u32);
    program
}

/// Hold this process to it.
pub fn confine(arch: u32) -> Result<(), Errno> {
    sys::set_no_new_privs()?;
    sys::load_filter(&program(arch), Scope::Thread).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{self, Data};
    use crate::table::TABLE;

    #[test]
    fn it_lets_through_what_is_listed() {
        let program = program(TABLE.audit);
        for call in TABLE.calls {
            let data = Data {
                nr: call.nr,
                arch: TABLE.audit,
                ..Data::default()
            };
            let listed = CALLS.contains(&call.nr.into());
            let wanted = match listed {
                true => RET_ALLOW,
                false => RET_ERRNO | libc::EPERM as u32,
            };
            let (value, _) = sim::run(&program, false, &data).expect("a program");
            assert_eq!(value, wanted, "{}", call.name);
        }
        let foreign = sim::run(&program, false, &Data::default());
        assert_eq!(foreign.expect("a program").0, RET_KILL_PROCESS);
    }
}
