/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What needs no promise, what is refused rather than a violation, and the promise "error". */
#include "conform.h"

#include <sys/prctl.h>

#define DOOR 0x72706c64 /* of data/promises.toml */
/* As <linux/seccomp.h> has them, which does not lie beside every libc's headers. */
#define SECCOMP_SET_MODE_STRICT 0
#define SECCOMP_SET_MODE_FILTER 1
#define SECCOMP_GET_ACTION_AVAIL 2
#define SECCOMP_GET_NOTIF_SIZES 3
#define SECCOMP_FILTER_FLAG_TSYNC 1
#define SECCOMP_FILTER_FLAG_LOG 2

/* Under no promise at all: to leave, to narrow, and what a report is made of */
#define ALWAYS(id, call, want, ...)                                          \
    CONFORM(always_##id, "", CASE_SERVED, "always", want, #call "\t" #__VA_ARGS__, syscall(SYS_##call, __VA_ARGS__))
#define NEVER(id, call, want, ...)                                           \
    CONFORM(never_##id, "", CASE_DENIED, "always", want, #call "\t" #__VA_ARGS__, syscall(SYS_##call, __VA_ARGS__))
ALWAYS(exit, exit, 0, 0)
ALWAYS(exit_group, exit_group, 0, 0)
ALWAYS(restart_syscall, restart_syscall, EINTR, 0)
#define DOORED(call, ...)                                                    \
    ALWAYS(call, call, 0, __VA_ARGS__, DOOR)                                 \
    NEVER(call, call, 0, __VA_ARGS__, 0)
/* EINVAL where the kernel has no Yama. */
#define TRACER(id, end, last, door)                                         \
    CONFORM(id##_prctl_ptracer, "", end, "always", 0, "prctl\tPR_SET_PTRACER, 0, 0, 0, " #last ", " #door, \
            syscall(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, last, door) == 0 || errno == EINVAL ? 0 : -1)
TRACER(always, CASE_SERVED, PR_SET_PTRACER, DOOR)
TRACER(never, CASE_DENIED, PR_SET_PTRACER, 0)
TRACER(never_so, CASE_DENIED, 0, DOOR)
DOORED(getpid, 0, 0, 0, 0, 0)
DOORED(gettid, 0, 0, 0, 0, 0)
DOORED(geteuid, 0, 0, 0, 0, 0)
DOORED(getegid, 0, 0, 0, 0, 0)
static struct timespec no_time;
DOORED(ppoll, page, 1, &no_time, 0, 8)
DOORED(rt_sigaction, SIGABRT, 0, page, 8, 0)
DOORED(rt_sigprocmask, SIG_BLOCK, 0, page, 8, 0)
DOORED(getsockopt, local, SOL_SOCKET, SO_TYPE, buf, &len)
NEVER(getsockopt_error, getsockopt, 0, local, SOL_SOCKET, SO_ERROR, buf, &len, DOOR)
/* What pledge() does while its broker starts. */
ALWAYS(close, close, EBADF, 3000, 0, 0, 0, 0, DOOR)
NEVER(close, close, EBADF, 3000, 0, 0, 0, 0, 0)
ALWAYS(futex, futex, EAGAIN, page, 0, 12345678, 0, 0, DOOR)
NEVER(futex, futex, EAGAIN, page, 0, 12345678, 0, 0, 0)
ALWAYS(futex_wake, futex, 0, page, 1, 0, 0, 0, DOOR)
NEVER(futex_wake_own, futex, 0, page, 1, 0, 0, 0, 0)
/* The label by which a broker knows a process. */
static struct rlimit no_locks = {RLIM_INFINITY, RLIM_INFINITY};
CONFORM(always_setrlimit_locks, "stdio id", CASE_REFUSED, "always", 0, "setrlimit\tRLIMIT_LOCKS",
        syscall(SYS_setrlimit, RLIMIT_LOCKS, &no_locks))
CONFORM(always_prlimit64_locks, "stdio id", CASE_REFUSED, "always", 0, "prlimit64\tRLIMIT_LOCKS new",
        syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, &no_locks, NULL))
ALWAYS(sigaction_sys, rt_sigaction, 0, SIGSYS, 0, page, 8, 0, DOOR)
NEVER(sigaction_usr1, rt_sigaction, 0, SIGUSR1, 0, page, 8, 0, DOOR)
NEVER(ppoll_two, ppoll, 0, page, 2, &no_time, 0, 8, DOOR)
/* No thread of that number: nobody dies of it. */
ALWAYS(tgkill, tgkill, ESRCH, SELF, 0x3ffffffe, SIGABRT, 0, 0, DOOR)
NEVER(tgkill_without_door, tgkill, ESRCH, SELF, 0x3ffffffe, SIGABRT, 0, 0, 0)
NEVER(tgkill_term, tgkill, ESRCH, SELF, 0x3ffffffe, SIGTERM, 0, 0, DOOR)
NEVER(tgkill_other, tgkill, ESRCH, OTHER, 0x3ffffffe, SIGABRT, 0, 0, DOOR)
NEVER(write, write, 0, pipes[1], buf, 1)
NEVER(write_stderr, write, 0, 2, buf, 0, 0, 0, DOOR)
ALWAYS(no_new_privs, prctl, 0, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
ALWAYS(asks_no_new_privs, prctl, 0, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
ALWAYS(asks_seccomp, prctl, 0, PR_GET_SECCOMP)
NEVER(prctl_name, prctl, 0, PR_SET_NAME, "name")
#define FILTER(id, flags) ALWAYS(seccomp_##id, seccomp, EFAULT, SECCOMP_SET_MODE_FILTER, flags, 0)
FILTER(plain, 0)
FILTER(tsync, SECCOMP_FILTER_FLAG_TSYNC)
FILTER(log, SECCOMP_FILTER_FLAG_LOG)
FILTER(tsync_log, 3)
FILTER(esrch, 17)
FILTER(esrch_log, 19)
ALWAYS(seccomp_asked, seccomp, EFAULT, SECCOMP_GET_ACTION_AVAIL, 0, 0)
NEVER(seccomp_strict, seccomp, EINVAL, SECCOMP_SET_MODE_STRICT, 1, 0)
NEVER(seccomp_listener, seccomp, EFAULT, SECCOMP_SET_MODE_FILTER, 8, 0)
/* Linux 5.19 and later. */
static long waits(void)
{
    long end = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 40, 0);

    NEED("waits that only death ends", case_is_pledged || errno != EINVAL);
    return end;
}
BEYOND_BY(never_seccomp_wait, "always", seccomp, "", EFAULT, waits())
NEVER(seccomp_no_speculation, seccomp, EFAULT, SECCOMP_SET_MODE_FILTER, 4, 0)
NEVER(seccomp_sizes, seccomp, EFAULT, SECCOMP_GET_NOTIF_SIZES, 0, 0)

/* Calls that libcs make and live without: an errno */
#define REFUSED_CALL(call, words, number, ...)                               \
    CONFORM(refused_##call, words, CASE_REFUSED, "refused", 0, #call "\t" #__VA_ARGS__, bare_any(syscall(number, __VA_ARGS__)))
/* However the kernel answers bare: a machine may lack the file, or the call. */
static long bare_any(long end)
{
    return case_is_pledged ? end : 0;
}
REFUSED_CALL(clone3, "stdio", 435, 0, 0)
REFUSED_CALL(openat2, "stdio", 437, AT_FDCWD, "file", 0, 0)
REFUSED_CALL(io_uring_setup, "stdio", 425, 0, 0)
REFUSED_CALL(io_uring_enter, "stdio", 426, -1, 0, 0, 0, 0, 0)
REFUSED_CALL(io_uring_register, "stdio", 427, -1, 0, 0, 0)
REFUSED_CALL(statx, "stdio", 332, AT_FDCWD, "file", 0, 0, buf)
REFUSED_CALL(faccessat2, "stdio", 439, AT_FDCWD, "file", R_OK, 0)
REFUSED_CALL(fchmodat2, "stdio", 452, AT_FDCWD, "none", 0600, 0)
REFUSED_CALL(preadv2, "", 327, fd, 0, 0, 0, 0, 0)
REFUSED_CALL(pwritev2, "", 328, fd, 0, 0, 0, 0, 0)
REFUSED_CALL(get_mempolicy, "stdio", 239, 0, 0, 0, 0, 0)
REFUSED_CALL(io_cancel, "stdio", 210, 0, 0, 0)
REFUSED_CALL(io_destroy, "stdio", 207, 0)
REFUSED_CALL(io_getevents, "stdio", 208, 0, 0, 0, 0, 0)
REFUSED_CALL(io_pgetevents, "stdio", 333, 0, 0, 0, 0, 0, 0)
REFUSED_CALL(io_setup, "stdio", 206, 0, 0)
REFUSED_CALL(io_submit, "stdio", 209, 0, 0, 0)
REFUSED_CALL(mbind, "stdio", 237, page, 4096, 0, 0, 0, 0)
REFUSED_CALL(set_mempolicy, "stdio", 238, 0, 0, 0)
REFUSED_CALL(set_mempolicy_home_node, "stdio", 450, page, 4096, 0, 0)
REFUSED_CALL(mlock, "stdio", 149, page, 4096)
REFUSED_CALL(mlock2, "stdio", 325, page, 4096, 0)
REFUSED_CALL(mlockall, "stdio", 151, MCL_CURRENT)
REFUSED_CALL(munlock, "stdio", 150, page, 4096)
REFUSED_CALL(munlockall, "stdio", 152, 0)
REFUSED_CALL(memfd_secret, "stdio", 447, 0)
REFUSED_CALL(landlock_add_rule, "stdio", 445, -1, 0, 0, 0)
REFUSED_CALL(landlock_create_ruleset, "stdio", 444, 0, 0, 0)
REFUSED_CALL(cachestat, "stdio", 451, -1, 0, 0, 0)
REFUSED_CALL(file_getattr, "stdio", 468, AT_FDCWD, "file", 0, 0, 0)
REFUSED_CALL(file_setattr, "stdio", 469, AT_FDCWD, "file", 0, 0, 0)
REFUSED_CALL(getxattrat, "stdio", 464, AT_FDCWD, "file", 0, "user.none", 0, 0)
REFUSED_CALL(listmount, "stdio", 458, 0, 0, 0, 0)
REFUSED_CALL(listns, "stdio", 470, 0, 0, 0, 0)
REFUSED_CALL(listxattrat, "stdio", 465, AT_FDCWD, "file", 0, 0, 0)
REFUSED_CALL(lsm_get_self_attr, "stdio", 459, 0, 0, 0, 0)
REFUSED_CALL(lsm_list_modules, "stdio", 461, 0, 0, 0)
REFUSED_CALL(removexattrat, "stdio", 466, AT_FDCWD, "file", 0, "user.none")
REFUSED_CALL(setxattrat, "stdio", 463, AT_FDCWD, "file", 0, "user.none", 0, 0)
REFUSED_CALL(statmount, "stdio", 457, 0, 0, 0, 0)

/* Errors of memory are the machine's: of no page at all, lest one be made bare. */
#define POISON(id, advice)                                                   \
    CONFORM(madvise_##id, "stdio", CASE_REFUSED, "always", 0, "madvise\t" #advice, \
            bare_any(syscall(SYS_madvise, page, 0, advice)))
POISON(hwpoison, 100)
POISON(soft_offline, 101)

/* Files that a libc looks for and lives without */
#define SURVIVES(id, path)                                                   \
    CONFORM(survives_##id, "stdio", CASE_REFUSED, "survivable", 0, "openat\t" path, \
            bare_any(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)))
SURVIVES(overcommit, "/proc/sys/vm/overcommit_memory")
SURVIVES(hugepages, "/sys/kernel/mm/transparent_hugepage/enabled")
SURVIVES(cpus, "/sys/devices/system/cpu/online")
SURVIVES(stat, "/proc/stat")
SURVIVES(loadavg, "/proc/loadavg")
SURVIVES(cpuinfo, "/proc/cpuinfo")
SURVIVES(ngroups, "/proc/sys/kernel/ngroups_max")
SURVIVES(rtsig, "/proc/sys/kernel/rtsig-max")
SURVIVES(task, "/proc/self/task/1/comm")
SURVIVES(maps, "/proc/self/maps")
SURVIVES(translations, "/usr/share/locale/locale.alias")
SURVIVES(gconv, "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache")
SURVIVES(locales, "/usr/lib/locale/C.utf8/LC_CTYPE")
SURVIVES(environments, "/usr/lib/getconf/POSIX_V6_LP64_OFF64")
SURVIVES(environments_elsewhere, "/usr/libexec/getconf/POSIX_V6_LP64_OFF64")
SURVIVES(login, "/proc/self/loginuid")
SURVIVES(sessions, "/var/run/utmp")
/* And no more than these. */
#define BESIDE(id, path, flags)                                              \
    CONFORM(beside_##id, "stdio", CASE_DENIED, "survivable", 0, "openat\t" path, \
            bare_any(syscall(SYS_openat, AT_FDCWD, path, flags)))
BESIDE(meminfo, "/proc/meminfo", O_RDONLY)
BESIDE(dots, "/sys/devices/system/../../../etc/passwd", O_RDONLY)
BESIDE(mem, "/proc/self/mem", O_RDWR)
BESIDE(lib, "/usr/lib/os-release", O_RDONLY)

/* "error": ENOSYS, and nobody dies */
#define ERROR(id, call, ...)                                                 \
    CONFORM(error_##id, "stdio error", CASE_REFUSED, "error", 0, #call "\t" #__VA_ARGS__, syscall(SYS_##call, __VA_ARGS__))
ERROR(openat, openat, AT_FDCWD, "file", O_RDONLY)
ERROR(socket, socket, AF_INET, SOCK_STREAM, 0)
ERROR(kill, kill, OTHER, 0)
ERROR(mmap, mmap, 0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ERROR(ioctl, ioctl, terminal, 0x5414, buf)
