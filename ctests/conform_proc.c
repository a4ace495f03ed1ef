/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits of settime flock tty proc id exec and prot_exec. */
#include "conform.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timex.h>

/* Of structures that not every libc has. */
#undef TCGETS2
#undef TCSETS2
#undef TCSETSW2
#undef TCSETSF2
#define TCGETS2 0x802c542a
#define TCSETS2 0x402c542b
#define TCSETSW2 0x402c542c
#define TCSETSF2 0x402c542d
#undef PIDFD_GET_INFO
#define PIDFD_GET_INFO 0xc058ff0b
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_send_signal 424
#endif

/* settime: values that no clock takes */
GRANT(adjtimex, "settime", adjtimex, "stdio", 0, page)
GRANT(clock_adjtime, "settime", clock_adjtime, "stdio", 0, CLOCK_REALTIME, page)
GRANT(clock_settime, "settime", clock_settime, "stdio", EINVAL, CLOCK_REALTIME, &(long[]){-1, 0})
GRANT(settimeofday, "settime", settimeofday, "stdio", EINVAL, &(long[]){-1, 0}, 0)

/* flock */
static struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
GRANT(flock, "flock", flock, "stdio", 0, fd, LOCK_SH)
#define LOCK(cmd) GRANT(fcntl_##cmd, "flock", fcntl, "stdio", 0, fd, cmd, &lock)
LOCK(F_GETLK)
LOCK(F_SETLK)
LOCK(F_SETLKW)
LOCK(F_OFD_GETLK)
LOCK(F_OFD_SETLK)
LOCK(F_OFD_SETLKW)
BEYOND(fcntl_lease, "flock", fcntl, "stdio flock", EAGAIN, fd, F_SETLEASE, F_UNLCK)

/* tty: of a terminal that is open */
#define TTY(cmd, want, ...) GRANT(tty_##cmd, "tty", ioctl, "stdio", want, terminal, cmd, ##__VA_ARGS__)
#define TTY_TOO(cmd, want, ...) LET(tty_##cmd, "tty", ioctl, "stdio", want, terminal, cmd, ##__VA_ARGS__)
TTY_TOO(TCGETS, 0, buf)
TTY_TOO(TCGETS2, 0, buf)
TTY_TOO(TIOCGETD, 0, buf)
TTY_TOO(TIOCGWINSZ, 0, buf)
TTY(TCSETS, 0, buf)
TTY(TCSETS2, 0, buf)
TTY(TCSETSW, 0, buf)
TTY(TCSETSW2, 0, buf)
TTY(TCSETSF, 0, buf)
TTY(TCSETSF2, 0, buf)
TTY(TIOCSWINSZ, 0, buf)
TTY(TIOCGPGRP, ENOTTY, buf)
TTY(TIOCGSID, ENOTTY, buf)
TTY(TCFLSH, 0, 0)
TTY(TCXONC, 0, 1)
TTY(TCSBRK, 0, 1)
TTY(TCSBRKP, 0, 0)
TTY(TIOCSBRK, 0)
TTY(TIOCCBRK, 0)
TTY(TIOCEXCL, 0)
TTY(TIOCNXCL, 0)
TTY(TIOCSCTTY, 0, 0)
TTY(TIOCOUTQ, 0, buf)
BEYOND(tty_TIOCSTI, "tty", ioctl, "stdio tty", 0, terminal, TIOCSTI, "x")
BEYOND(tty_TIOCSETD, "tty", ioctl, "stdio tty", 0, terminal, TIOCSETD, page)
BEYOND(tty_TIOCNOTTY, "tty", ioctl, "stdio tty", ENOTTY, terminal, TIOCNOTTY)
BEYOND(tty_TIOCLINUX, "tty", ioctl, "stdio tty", ENOTTY, terminal, TIOCLINUX, buf)
BEYOND(tty_TIOCPKT, "tty", ioctl, "stdio tty", 0, master, TIOCPKT, buf)
GRANT(tty_TIOCSPGRP, "tty proc", ioctl, "stdio tty", ENOTTY, terminal, TIOCSPGRP, &SELF)
BEYOND(tty_TIOCSPGRP_proc, "tty proc", ioctl, "stdio proc", ENOTTY, terminal, TIOCSPGRP, &SELF)
GRANT(tty_TIOCGPTN, "rpath wpath tty", ioctl, "stdio rpath tty", 0, master, TIOCGPTN, buf)
GRANT(tty_TIOCSPTLCK, "rpath wpath tty", ioctl, "stdio wpath tty", 0, master, TIOCSPTLCK, buf)
GRANT(tty_TIOCGPTPEER, "rpath wpath tty", ioctl, "stdio rpath wpath", 0, master, TIOCGPTPEER,
      O_RDWR | O_NOCTTY)

/* proc: no process comes of these: both want the same argument */
#define NOTHING (CLONE_PIDFD | CLONE_PARENT_SETTID)
#define CLONE(flags) NOTHING | (flags), 0, 0, 0, 0
GRANT(clone_child, "proc", clone, "stdio", EINVAL, CLONE(SIGCHLD))
LET(clone_vfork, "proc", clone, "stdio", EINVAL, CLONE(CLONE_VM | CLONE_VFORK | SIGCHLD))
#define CLONE_BEYOND(id, flags) BEYOND(proc_clone_##id, "proc", clone, "stdio proc", EINVAL, CLONE(flags))
CLONE_BEYOND(newtime, 0x80)
CLONE_BEYOND(newcgroup, CLONE_NEWCGROUP)
CLONE_BEYOND(newipc, CLONE_NEWIPC)
CLONE_BEYOND(newnet, CLONE_NEWNET)
CLONE_BEYOND(newns, CLONE_NEWNS)
CLONE_BEYOND(newpid, CLONE_NEWPID)
CLONE_BEYOND(newuser, CLONE_NEWUSER)
CLONE_BEYOND(newuts, CLONE_NEWUTS)
CLONE_BEYOND(parent, CLONE_PARENT | SIGCHLD)
CLONE_BEYOND(ptrace, CLONE_PTRACE | SIGCHLD)
CLONE_BEYOND(untraced, CLONE_UNTRACED | SIGCHLD)
REFUSAL(clone3_size, "proc", clone3, "stdio proc", EINVAL, 0, 0)
/* Children end as these do. */
GRANT_BY(fork, "proc", fork, "stdio", 0, (end = syscall(SYS_fork)) == 0 ? (_exit(0), 0) : end)
GRANT_BY(vfork, "proc", vfork, "stdio", 0, vfork() == 0 ? (_exit(0), 0) : 0)
#define OWNER(cmd, ...) GRANT(owner_##cmd, "proc", fcntl, "stdio", 0, local, cmd, ##__VA_ARGS__)
OWNER(F_SETOWN, SELF)
OWNER(F_GETOWN)
OWNER(F_SETOWN_EX, page)
OWNER(F_GETOWN_EX, buf)
OWNER(F_SETSIG, 0)
OWNER(F_GETSIG)
BEYOND(proc_fcntl_setlk, "proc", fcntl, "stdio proc", 0, fd, F_SETLK, &lock)
GRANT(pidfd_info, "proc", ioctl, "stdio", ENOTTY, fd, PIDFD_GET_INFO, buf)
BEYOND(pidfd_ioctl, "proc", ioctl, "stdio proc", ENOTTY, fd, 0xff01, buf)
GRANT(kill_other, "proc", kill, "stdio", 0, OTHER, 0)
GRANT(kill_groups, "proc", kill, "stdio", 0, -SELF, 0)
GRANT(pidfd_open, "proc", pidfd_open, "stdio", 0, OTHER, 0)
GRANT(pidfd_send_signal, "proc", pidfd_send_signal, "stdio", EBADF, -1, 0, 0, 0)
GRANT(proc_prlimit, "proc", prlimit64, "stdio", 0, 0, RLIMIT_CORE, page, 0)
GRANT(proc_setrlimit, "proc", setrlimit, "stdio", 0, RLIMIT_CORE, page)
LET(proc_prlimit_self, "proc", prlimit64, "stdio", 0, SELF, RLIMIT_CORE, page, 0)
BEYOND(proc_prlimit_other, "proc", prlimit64, "stdio proc", 0, OTHER, RLIMIT_CORE, 0, buf)
static siginfo_t queued = {.si_code = SI_QUEUE};
GRANT(sigqueue_other, "proc", rt_sigqueueinfo, "stdio", 0, OTHER, 0, &queued)
GRANT(tgsigqueue_other, "proc", rt_tgsigqueueinfo, "stdio", 0, OTHER, OTHER, 0, &queued)
GRANT(affinity_other, "proc", sched_setaffinity, "stdio", EINVAL, OTHER, 8, buf)
GRANT(param_other, "proc", sched_setparam, "stdio", 0, OTHER, buf)
GRANT(scheduler_other, "proc", sched_setscheduler, "stdio", 0, OTHER, SCHED_OTHER, buf)
GRANT(setpgid, "proc", setpgid, "stdio", EPERM, 0, 0)
GRANT(proc_setpriority, "proc", setpriority, "stdio", 0, PRIO_PROCESS, 0, 1)
GRANT(setsid, "proc", setsid, "stdio", EPERM, 0)
GRANT(tgkill_other, "proc", tgkill, "stdio", 0, OTHER, OTHER, 0)

/* id: one's own, as it is */
#define ID(call, want, ...) GRANT(id_##call, "id", call, "stdio", want, __VA_ARGS__)
ID(setfsgid, 0, getegid())
ID(setfsuid, 0, geteuid())
ID(setgid, 0, getegid())
ID(setuid, 0, geteuid())
ID(setgroups, AS_ROOT | EINVAL, 1 << 20, 0)
ID(setpriority, 0, PRIO_PROCESS, 0, 1)
ID(setregid, 0, 0xffffffff, 0xffffffff)
ID(setreuid, 0, 0xffffffff, 0xffffffff)
ID(setresgid, 0, 0xffffffff, 0xffffffff, 0xffffffff)
ID(setresuid, 0, 0xffffffff, 0xffffffff, 0xffffffff)
GRANT(id_prlimit, "id", prlimit64, "stdio", 0, 0, RLIMIT_CORE, page, 0)
GRANT(id_setrlimit, "id", setrlimit, "stdio", 0, RLIMIT_CORE, page)
LET(id_prlimit_self, "id", prlimit64, "stdio", 0, SELF, RLIMIT_CORE, page, 0)
BEYOND(id_prlimit_other, "id", prlimit64, "stdio id", 0, OTHER, RLIMIT_CORE, 0, buf)
GRANT(id_keepcaps, "id", prctl, "stdio", 0, PR_SET_KEEPCAPS, 0)
GRANT(id_capbset, "id", prctl, "stdio", EINVAL, PR_CAPBSET_DROP, 1000)
GRANT(id_securebits, "id", prctl, "stdio", EPERM, PR_SET_SECUREBITS, 0x10000)
BEYOND(id_subreaper, "id", prctl, "stdio id", 0, PR_SET_CHILD_SUBREAPER, 1)
/* Threads change together: how the libc tells them. */
GRANT(id_sigaction_32, "id", rt_sigaction, "", 0, 32, 0, page, 8)
GRANT(id_sigaction_33, "id", rt_sigaction, "", 0, 33, 0, page, 8)
GRANT(id_sigaction_34, "id", rt_sigaction, "", 0, 34, 0, page, 8)
BEYOND(id_sigaction_35, "id", rt_sigaction, "id", 0, 35, 0, page, 8)
GRANT(id_tgkill, "id", tgkill, "", 0, SELF, SELF, 0)
BEYOND(id_tgkill_other, "id", tgkill, "id", 0, OTHER, OTHER, 0)
GRANT(id_tkill_32, "id", tkill, "", ESRCH, 0x3ffffffe, 32)
GRANT(id_tkill_33, "id", tkill, "", ESRCH, 0x3ffffffe, 33)
GRANT(id_tkill_34, "id", tkill, "", ESRCH, 0x3ffffffe, 34)
BEYOND(id_tkill_self, "id", tkill, "id", 0, SELF, 0)
GRANT(tkill_other, "proc", tkill, "stdio", 0, OTHER, 0)

/* exec: and what a program does before its main() */
GRANT(execve, "exec", execve, "stdio", EFAULT, 0, 0, 0)
GRANT(execveat, "exec", execveat, "stdio", EBADF, -1, "", 0, 0, AT_EMPTY_PATH)
#define ARCH(id, code, ...)                                                  \
    GRANT_BY(arch_##id, "exec", arch_prctl, "stdio", 0,                      \
             syscall(SYS_arch_prctl, code, __VA_ARGS__) == 0 || errno == EINVAL ? 0 : -1)
ARCH(set_fs, 0x1002 /* ARCH_SET_FS */, thread_pointer)
/* Kernels with shadow stacks and without. */
ARCH(cet_status, 0x3001, buf)
ARCH(shstk_enable, 0x5001, 3)
ARCH(shstk_lock, 0x5003, 0)
ARCH(shstk_status, 0x5005, buf)
BEYOND_BY(arch_shstk_disable, "exec", arch_prctl, "stdio exec", 0,
          syscall(SYS_arch_prctl, 0x5002, 0) == 0 || errno == EINVAL ? 0 : -1)
BEYOND(arch_set_gs, "exec", arch_prctl, "stdio exec", 0, 0x1001 /* ARCH_SET_GS */, 0)
BEYOND_BY(arch_set_cpuid, "exec", arch_prctl, "stdio exec", 0,
          syscall(SYS_arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 1) == 0 || errno == ENODEV ? 0 : -1)
#define MAP(prot) 0, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
GRANT(exec_mmap, "exec", mmap, "", 0, MAP(PROT_READ))
BEYOND(exec_mmap_exec, "exec", mmap, "exec", 0, MAP(PROT_READ | PROT_EXEC))
GRANT(exec_mprotect, "exec", mprotect, "", 0, page, 4096, PROT_READ)
BEYOND(exec_mprotect_exec, "exec", mprotect, "exec", 0, page, 4096, PROT_EXEC)
GRANT(exec_fstatat, "exec", newfstatat, "", 0, fd, "", buf, AT_EMPTY_PATH)
BEYOND(exec_fstatat_name, "exec", newfstatat, "exec", 0, AT_FDCWD, "file", buf, 0)
GRANT(exec_prlimit, "exec", prlimit64, "", 0, 0, RLIMIT_NOFILE, 0, buf)
LET(exec_prlimit_self, "exec", prlimit64, "", 0, SELF, RLIMIT_NOFILE, 0, buf)
BEYOND(exec_prlimit_set, "exec", prlimit64, "exec", 0, 0, RLIMIT_CORE, page, 0)
BEYOND(exec_prlimit_other, "exec", prlimit64, "exec", 0, OTHER, RLIMIT_NOFILE, 0, buf)

/* prot_exec */
GRANT(exec_map, "prot_exec", mmap, "stdio", 0, MAP(PROT_READ | PROT_EXEC))
GRANT(exec_protect, "prot_exec", mprotect, "stdio", 0, page, 4096, PROT_READ | PROT_EXEC)
GRANT(exec_pkey, "prot_exec", pkey_mprotect, "stdio", 0, page, 4096, PROT_READ | PROT_EXEC, -1)
