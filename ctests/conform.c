/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits of stdio: what opens nothing, and nothing beside it. */
#include "conform.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/time.h>

/* Of a structure that not every libc has. */
#undef TCGETS2
#define TCGETS2 0x802c542a
#ifndef F_CANCELLK
#define F_CANCELLK 1029
#endif
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* No process comes of these: both want the same argument, which is EINVAL. */
#define NOTHING (CLONE_PIDFD | CLONE_PARENT_SETTID)
#define THREAD                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE(flags) NOTHING | (flags), 0, 0, 0, 0
GRANT(clone_thread, "stdio", clone, "", EINVAL,
      NOTHING | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, 0, 0, 0, 0)
LET(clone_thread_parent, "stdio", clone, "", EINVAL, CLONE(THREAD | CLONE_PARENT))
#define CLONE_BEYOND(id, flags) BEYOND(clone_##id, "stdio", clone, "stdio", EINVAL, CLONE(flags))
CLONE_BEYOND(child, SIGCHLD)
CLONE_BEYOND(without_vm, THREAD & ~CLONE_VM)
CLONE_BEYOND(without_fs, THREAD & ~CLONE_FS)
CLONE_BEYOND(without_files, THREAD & ~CLONE_FILES)
CLONE_BEYOND(without_sighand, THREAD & ~CLONE_SIGHAND)
CLONE_BEYOND(without_thread, THREAD & ~CLONE_THREAD)
CLONE_BEYOND(without_sysvsem, THREAD & ~CLONE_SYSVSEM)
CLONE_BEYOND(newcgroup, THREAD | CLONE_NEWCGROUP)
CLONE_BEYOND(newipc, THREAD | CLONE_NEWIPC)
CLONE_BEYOND(newnet, THREAD | CLONE_NEWNET)
CLONE_BEYOND(newns, THREAD | CLONE_NEWNS)
CLONE_BEYOND(newpid, THREAD | CLONE_NEWPID)
CLONE_BEYOND(newuser, THREAD | CLONE_NEWUSER)
CLONE_BEYOND(newuts, THREAD | CLONE_NEWUTS)
CLONE_BEYOND(ptrace, THREAD | CLONE_PTRACE)
CLONE_BEYOND(untraced, THREAD | CLONE_UNTRACED)
CLONE_BEYOND(vfork, THREAD | CLONE_VFORK)

/* fcntl: what concerns the descriptor alone; locks and owners take flock and proc */
GRANT(fcntl_dupfd, "stdio", fcntl, "", 0, fd, F_DUPFD, 0)
GRANT(fcntl_dupfd_cloexec, "stdio", fcntl, "", 0, fd, F_DUPFD_CLOEXEC, 0)
GRANT(fcntl_getfd, "stdio", fcntl, "", 0, fd, F_GETFD)
GRANT(fcntl_setfd, "stdio", fcntl, "", 0, fd, F_SETFD, 0)
GRANT(fcntl_getfl, "stdio", fcntl, "", 0, fd, F_GETFL)
GRANT(fcntl_setfl, "stdio", fcntl, "", 0, fd, F_SETFL, 0)
GRANT(fcntl_getpipe, "stdio", fcntl, "", 0, pipes[0], F_GETPIPE_SZ)
GRANT(fcntl_setpipe, "stdio", fcntl, "", 0, pipes[0], F_SETPIPE_SZ, 4096)
GRANT(fcntl_get_seals, "stdio", fcntl, "", EINVAL, pipes[0], F_GET_SEALS)
GRANT(fcntl_add_seals, "stdio", fcntl, "", EINVAL, pipes[1], F_ADD_SEALS, 0)
GRANT(fcntl_cancellk, "stdio", fcntl, "", EINVAL, fd, F_CANCELLK, 0)
static struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
BEYOND(fcntl_getlk, "stdio", fcntl, "stdio", 0, fd, F_GETLK, &lock)
BEYOND(fcntl_setlk, "stdio", fcntl, "stdio", 0, fd, F_SETLK, &lock)
BEYOND(fcntl_ofd_getlk, "stdio", fcntl, "stdio", 0, fd, F_OFD_GETLK, &lock)
BEYOND(fcntl_setown, "stdio", fcntl, "stdio", 0, local, F_SETOWN, SELF)
BEYOND(fcntl_getown, "stdio", fcntl, "stdio", 0, local, F_GETOWN)
BEYOND(fcntl_setsig, "stdio", fcntl, "stdio", 0, local, F_SETSIG, 0)
BEYOND(fcntl_setlease, "stdio", fcntl, "stdio", EAGAIN, fd, F_SETLEASE, F_UNLCK)
BEYOND(fcntl_notify, "stdio", fcntl, "stdio", 0, dir, F_NOTIFY, 0)
BEYOND(fcntl_unknown, "stdio", fcntl, "stdio", EINVAL, fd, 4711)
BEYOND(fcntl_upper_half, "stdio", fcntl, "stdio", EAGAIN, fd, 0x100000000 | F_SETLEASE, F_UNLCK)
LET(fcntl_upper_half_ignored, "stdio", fcntl, "", 0, fd, 0x100000000 | F_GETFD)

/* Options of sockets that are open */
GRANT(get_rcvbuf, "stdio", getsockopt, "", 0, inet, SOL_SOCKET, SO_RCVBUF, buf, &len)
GRANT(get_error, "stdio", getsockopt, "", 0, inet, SOL_SOCKET, SO_ERROR, buf, &len)
GRANT(get_nodelay, "stdio", getsockopt, "", 0, inet, IPPROTO_TCP, TCP_NODELAY, buf, &len)
GRANT(get_tos, "stdio", getsockopt, "", 0, inet, IPPROTO_IP, IP_TOS, buf, &len)
GRANT(get_tclass, "stdio", getsockopt, "", EOPNOTSUPP, inet, IPPROTO_IPV6, IPV6_TCLASS, buf, &len)
BEYOND(get_type, "stdio", getsockopt, "stdio", 0, inet, SOL_SOCKET, SO_TYPE, buf, &len)
BEYOND(get_reuseaddr, "stdio", getsockopt, "stdio", 0, inet, SOL_SOCKET, SO_REUSEADDR, buf, &len)
BEYOND(get_peercred, "stdio", getsockopt, "stdio", 0, local, SOL_SOCKET, SO_PEERCRED, page,
       &(socklen_t){64})
BEYOND(get_maxseg, "stdio", getsockopt, "stdio", 0, inet, IPPROTO_TCP, TCP_MAXSEG, buf, &len)
BEYOND(get_ttl, "stdio", getsockopt, "stdio", 0, inet, IPPROTO_IP, IP_TTL, buf, &len)
BEYOND(get_level, "stdio", getsockopt, "stdio", EOPNOTSUPP, inet, 99, SO_ERROR, buf, &len)
GRANT(set_rcvbuf, "stdio", setsockopt, "", 0, inet, SOL_SOCKET, SO_RCVBUF, &(int){8192}, 4)
GRANT(set_nodelay, "stdio", setsockopt, "", 0, inet, IPPROTO_TCP, TCP_NODELAY, &(int){1}, 4)
GRANT(set_tos, "stdio", setsockopt, "", 0, inet, IPPROTO_IP, IP_TOS, &(int){0}, 4)
GRANT(set_tclass, "stdio", setsockopt, "", ENOPROTOOPT, inet, IPPROTO_IPV6, IPV6_TCLASS, &(int){0},
      4)
BEYOND(set_error, "stdio", setsockopt, "stdio", ENOPROTOOPT, inet, SOL_SOCKET, SO_ERROR, buf, 4)
BEYOND(set_sndbuf, "stdio", setsockopt, "stdio", 0, inet, SOL_SOCKET, SO_SNDBUF, &(int){8192}, 4)
BEYOND(set_broadcast, "stdio", setsockopt, "stdio", 0, udp, SOL_SOCKET, SO_BROADCAST, &(int){1}, 4)
BEYOND(set_ttl, "stdio", setsockopt, "stdio", 0, inet, IPPROTO_IP, IP_TTL, &(int){64}, 4)

GRANT(fstatfs, "stdio", fstatfs, "", 0, fd, buf)

/* ioctl: what isatty(3) asks, and what is no terminal's */
GRANT(ioctl_fionread, "stdio", ioctl, "", 0, pipes[0], FIONREAD, buf)
GRANT(ioctl_fionbio, "stdio", ioctl, "", 0, pipes[0], FIONBIO, buf)
GRANT(ioctl_fioclex, "stdio", ioctl, "", 0, fd, FIOCLEX)
GRANT(ioctl_fionclex, "stdio", ioctl, "", 0, fd, FIONCLEX)
GRANT(ioctl_tcgets, "stdio", ioctl, "", 0, terminal, TCGETS, buf)
GRANT(ioctl_tcgets2, "stdio", ioctl, "", 0, terminal, TCGETS2, buf)
GRANT(ioctl_tiocgetd, "stdio", ioctl, "", 0, terminal, TIOCGETD, buf)
GRANT(ioctl_tiocgwinsz, "stdio", ioctl, "", 0, terminal, TIOCGWINSZ, buf)
GRANT(ioctl_ficlone, "stdio", ioctl, "", EBADF, fd, 0x40049409 /* FICLONE */, -1)
GRANT(ioctl_ficlonerange, "stdio", ioctl, "", EFAULT, fd, 0x4020940d /* FICLONERANGE */, 0)
BEYOND(ioctl_fioasync, "stdio", ioctl, "stdio", 0, local, FIOASYNC, buf)
BEYOND(ioctl_tcsets, "stdio", ioctl, "stdio", 0, terminal, TCSETS, buf)
BEYOND(ioctl_tiocswinsz, "stdio", ioctl, "stdio", 0, terminal, TIOCSWINSZ, buf)
BEYOND(ioctl_siocgifconf, "stdio", ioctl, "stdio", 0, inet, SIOCGIFCONF, page)
BEYOND(ioctl_upper_half, "stdio", ioctl, "stdio", 0, terminal, 0x100000000 | TIOCSWINSZ, buf)

/* Signals: to the process itself */
GRANT(kill_group, "stdio", kill, "", 0, 0, 0)
GRANT(kill_self, "stdio", kill, "", 0, SELF, 0)
BEYOND(kill_other, "stdio", kill, "stdio", 0, OTHER, 0)
BEYOND(kill_all, "stdio", kill, "stdio", 0, -1, 0)
BEYOND(kill_group_of, "stdio", kill, "stdio", 0, -SELF, 0)
BEYOND(kill_init, "stdio", kill, "stdio", AS_ROOT, 1, 0)
GRANT(tgkill_self, "stdio", tgkill, "", 0, SELF, SELF, 0)
BEYOND(tgkill_other, "stdio", tgkill, "stdio", 0, OTHER, OTHER, 0)
BEYOND(tgkill_all, "stdio", tgkill, "stdio", EINVAL, -1, SELF, 0)
GRANT(tkill_self, "stdio", tkill, "", 0, SELF, 0)
LET(tkill_32, "stdio", tkill, "", ESRCH, 0x3ffffffe, 32)
LET(tkill_33, "stdio", tkill, "", ESRCH, 0x3ffffffe, 33)
LET(tkill_34, "stdio", tkill, "", ESRCH, 0x3ffffffe, 34)
BEYOND(tkill_35, "stdio", tkill, "stdio", ESRCH, 0x3ffffffe, 35)
BEYOND(tkill_31, "stdio", tkill, "stdio", ESRCH, 0x3ffffffe, 31)
BEYOND(tkill_other, "stdio", tkill, "stdio", 0, OTHER, 0)
static siginfo_t queued = {.si_code = SI_QUEUE};
GRANT(sigqueue_self, "stdio", rt_sigqueueinfo, "", 0, SELF, 0, &queued)
BEYOND(sigqueue_other, "stdio", rt_sigqueueinfo, "stdio", 0, OTHER, 0, &queued)
GRANT(tgsigqueue_self, "stdio", rt_tgsigqueueinfo, "", 0, SELF, SELF, 0, &queued)
BEYOND(tgsigqueue_other, "stdio", rt_tgsigqueueinfo, "stdio", 0, OTHER, OTHER, 0, &queued)
LET(sigaction_other, "stdio", rt_sigaction, "", 0, SIGUSR1, page, 0, 8)
LET(sigaction_sys_asked, "stdio", rt_sigaction, "", 0, SIGSYS, 0, page, 8)
GRANT(sigaction_asked, "stdio", rt_sigaction, "", 0, SIGUSR1, 0, page, 8)
REFUSAL(sigaction_sys, "stdio", rt_sigaction, "stdio", 0, SIGSYS, page, 0, 8)
REFUSAL(sigaction_sys_upper_half, "stdio", rt_sigaction, "stdio", 0, 0x100000000 | SIGSYS, page, 0,
        8)

/* Memory: no new code */
#define MAP(prot) 0, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
GRANT(mmap_none, "stdio", mmap, "", 0, MAP(PROT_NONE))
LET(mmap_rw, "stdio", mmap, "", 0, MAP(PROT_READ | PROT_WRITE))
BEYOND(mmap_exec, "stdio", mmap, "stdio", 0, MAP(PROT_EXEC))
BEYOND(mmap_exec_upper_half, "stdio", mmap, "stdio", 0, MAP(0x100000000 | PROT_READ | PROT_EXEC))
GRANT(mprotect_r, "stdio", mprotect, "", 0, page, 4096, PROT_READ)
BEYOND(mprotect_exec, "stdio", mprotect, "stdio", 0, page, 4096, PROT_EXEC)
BEYOND(mprotect_wx, "stdio", mprotect, "stdio", 0, page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)
GRANT(pkey_mprotect_r, "stdio", pkey_mprotect, "", 0, page, 4096, PROT_READ, -1)
BEYOND(pkey_mprotect_exec, "stdio", pkey_mprotect, "stdio", 0, page, 4096, PROT_EXEC, -1)

/* A file that is open, not a name: which of the two it is, a filter cannot see */
GRANT(newfstatat_empty, "stdio", newfstatat, "", 0, fd, "", buf, AT_EMPTY_PATH)
BEYOND(newfstatat_name, "stdio", newfstatat, "stdio", 0, AT_FDCWD, "file", buf, 0)
BEYOND(newfstatat_link, "stdio", newfstatat, "stdio", 0, AT_FDCWD, "link", buf, AT_SYMLINK_NOFOLLOW)
BEYOND(newfstatat_more, "stdio", newfstatat, "stdio", 0, fd, "", buf,
       AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)

/* prctl: of the process itself, and nothing that gains */
#define PRCTL(id, want, ...) GRANT(prctl_##id, "stdio", prctl, "", want, __VA_ARGS__)
PRCTL(set_name, 0, PR_SET_NAME, "name")
PRCTL(get_name, 0, PR_GET_NAME, buf)
PRCTL(set_vma, EINVAL, PR_SET_VMA, 99, 0, 0, 0)
PRCTL(get_dumpable, 0, PR_GET_DUMPABLE)
PRCTL(set_dumpable, 0, PR_SET_DUMPABLE, 1)
PRCTL(get_pdeathsig, 0, PR_GET_PDEATHSIG, buf)
PRCTL(set_pdeathsig, 0, PR_SET_PDEATHSIG, 0)
PRCTL(get_timerslack, 0, PR_GET_TIMERSLACK)
PRCTL(set_timerslack, 0, PR_SET_TIMERSLACK, 50000)
PRCTL(capbset_read, 0, PR_CAPBSET_READ, 0)
PRCTL(get_keepcaps, 0, PR_GET_KEEPCAPS)
PRCTL(get_securebits, 0, PR_GET_SECUREBITS)
/* Linux 6.4 and later. */
GRANT_BY(prctl_get_auxv, "stdio", prctl, "", 0, answered(syscall(SYS_prctl, 0x41555856, buf, 64, 0, 0)))
BEYOND(prctl_set_keepcaps, "stdio", prctl, "stdio", 0, PR_SET_KEEPCAPS, 0)
BEYOND(prctl_subreaper, "stdio", prctl, "stdio", 0, PR_SET_CHILD_SUBREAPER, 1)
BEYOND(prctl_get_subreaper, "stdio", prctl, "stdio", 0, PR_GET_CHILD_SUBREAPER, buf)
BEYOND(prctl_unknown, "stdio", prctl, "stdio", EINVAL, 4711)

/* Of no attributes. */
GRANT(sched_setattr, "stdio", sched_setattr, "", EINVAL, 0, 0, 0)
LET(sched_setattr_by_number, "stdio", sched_setattr, "", EINVAL, SELF, 0, 0)
BEYOND(sched_setattr_other, "stdio", sched_setattr, "stdio", EINVAL, OTHER, 0, 0)

/* Limits: one's own, and to ask */
GRANT(prlimit_asked, "stdio", prlimit64, "", 0, 0, RLIMIT_NOFILE, 0, buf)
LET(prlimit_asked_by_number, "stdio", prlimit64, "", 0, SELF, RLIMIT_NOFILE, 0, buf)
BEYOND(prlimit_set, "stdio", prlimit64, "stdio", 0, 0, RLIMIT_CORE, page, 0)
BEYOND(prlimit_other, "stdio", prlimit64, "stdio", 0, OTHER, RLIMIT_NOFILE, 0, buf)

/* Messages may carry descriptors, which a filter cannot see; the handler looks at what a local socket is */
REFUSAL(recvmsg, "stdio", recvmsg, "stdio", EAGAIN, udp, &passing, MSG_DONTWAIT)
REFUSAL(recvmmsg, "stdio", recvmmsg, "stdio", EAGAIN, udp, &passing, 1, MSG_DONTWAIT, 0)
REFUSAL(sendmsg, "stdio", sendmsg, "stdio", EFAULT, local, &passing, MSG_DONTWAIT)
#ifdef __GLIBC__ /* musl's is sendmsg(2) */
REFUSAL(sendmmsg, "stdio", sendmmsg, "stdio", EFAULT, local, &passing, 1, MSG_DONTWAIT)
#endif
GRANT(sendto, "stdio", sendto, "", EDESTADDRREQ, udp, buf, 1, 0, 0, 0)
BEYOND(sendto_address, "stdio", sendto, "stdio", EINVAL, udp, buf, 1, 0, page, 1)
BEYOND(sendto_upper_half, "stdio", sendto, "stdio", EFAULT, udp, buf, 1, 0, 0x100000000, 16)

/* Where and how it runs */
GRANT(affinity, "stdio", sched_setaffinity, "", EINVAL, 0, 8, buf)
LET(affinity_by_number, "stdio", sched_setaffinity, "", EINVAL, SELF, 8, buf)
BEYOND(affinity_other, "stdio", sched_setaffinity, "stdio", EINVAL, OTHER, 8, buf)
GRANT(param, "stdio", sched_setparam, "", 0, 0, buf)
LET(param_by_number, "stdio", sched_setparam, "", 0, SELF, buf)
BEYOND(param_other, "stdio", sched_setparam, "stdio", 0, OTHER, buf)
GRANT(scheduler, "stdio", sched_setscheduler, "", 0, 0, SCHED_OTHER, buf)
LET(scheduler_by_number, "stdio", sched_setscheduler, "", 0, SELF, SCHED_OTHER, buf)
BEYOND(scheduler_other, "stdio", sched_setscheduler, "stdio", 0, OTHER, SCHED_OTHER, buf)

GRANT(socketpair_unix, "stdio", socketpair, "", 0, AF_UNIX, SOCK_STREAM, 0, buf)
BEYOND(socketpair_inet, "stdio", socketpair, "stdio", EOPNOTSUPP, AF_INET, SOCK_STREAM, 0, buf)
BEYOND(socketpair_upper_half, "stdio", socketpair, "stdio", EOPNOTSUPP, 0x100000000 | AF_INET,
       SOCK_STREAM, 0, buf)
