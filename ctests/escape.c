/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways out that no set of promises grants. What would change the machine, or takes more than a
 * user has, is called with arguments that the kernel itself refuses; see escape_kernel.c for what
 * works, escape_signal.c and escape_abi.c. */
#include "case.h"

#include <sched.h>
#include <sys/prctl.h>

/* All of what this kernel path can serve. */
#define ALL                                                                  \
    "stdio rpath wpath cpath dpath inet mcast fattr chown flock unix tty proc exec prot_exec " \
    "settime id sendfd recvfd tape pf route wroute audio video bpf disklabel drm vmm"

static char bytes[256];

/* Other processes' memory and state */
DENY(ptrace_traceme, ALL, syscall(SYS_ptrace, 0, 0, 0, 0) == 0)

/* ENOSYS: callers have a road without it. */
REFUSE(io_uring_enter, ALL,
       syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) == -1 && errno != ENOSYS)
REFUSE(io_setup, ALL, syscall(SYS_io_setup, 0, bytes) == -1 && errno == EINVAL)

/* Namespaces, mounts, roots */
DENY(unshare_files, ALL, unshare(CLONE_FILES) == 0)
PROBE(swapon, ALL, EFAULT, syscall(SYS_swapon, NULL, 0) == 0)
PROBE(quotactl, ALL, EFAULT, syscall(SYS_quotactl, 0x80000200, 1, 0, NULL) == 0)

/* The kernel itself */
PROBE(kexec_load, ALL, EINVAL, syscall(SYS_kexec_load, 0, 9999, NULL, 0) == 0)
PROBE(init_module, ALL, ENOEXEC, syscall(SYS_init_module, NULL, 0, "") == 0)
PROBE(finit_module, ALL, EBADF, syscall(SYS_finit_module, -1, "", 0) == 0)
PROBE(delete_module, ALL, EFAULT, syscall(SYS_delete_module, NULL, 0) == 0)
PROBE(reboot, ALL, EINVAL, syscall(SYS_reboot, 0, 0, 0, NULL) == 0)
#ifdef SYS_iopl
PROBE(iopl, ALL, EINVAL, syscall(SYS_iopl, 99) == 0)
PROBE(ioperm, ALL, EINVAL, syscall(SYS_ioperm, 1 << 20, 1, 1) == 0)
DENY(modify_ldt, ALL, syscall(SYS_modify_ldt, 0, bytes, 16) >= 0)
#endif
PROBE(acct, ALL, ENOENT, syscall(SYS_acct, "none/none") == 0)
DENY(syslog, ALL, syscall(SYS_syslog, 10, NULL, 0) >= 0 || errno == EPERM)
DENY(vhangup, ALL, syscall(SYS_vhangup) == 0 || errno == EPERM)
PROBE(migrate_pages, ALL, EINVAL, syscall(SYS_migrate_pages, 0, ~0ul, NULL, NULL) >= 0)

/* Making the filter matter less */
PROBE(seccomp_mode, "stdio", EINVAL, syscall(SYS_seccomp, 99, 0, NULL) == 0)
PROBE(prctl_seccomp, "stdio", EINVAL, prctl(PR_SET_SECCOMP, 99, 0, 0, 0) == 0)
DENY(prctl_ptracer, ALL, prctl(PR_SET_PTRACER, -1, 0, 0, 0) == 0 || errno == EINVAL)
DENY(prctl_subreaper, "stdio", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
DENY(prctl_keepcaps, "stdio", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0)
DENY(prctl_securebits, "stdio",
     prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS), 0, 0, 0) == 0 || errno == EPERM)
PROBE(prctl_mm, "stdio", EINVAL, prctl(PR_SET_MM, 99, 0, 0, 0) == 0)
DENY(prctl_tsc, "stdio", prctl(PR_SET_TSC, 1, 0, 0, 0) == 0 || errno == EINVAL)
ALLOW(prctl_name, "stdio", prctl(PR_SET_NAME, "renamed", 0, 0, 0) == 0)
DENY(prctl_high_bits, "stdio",
     syscall(SYS_prctl, 0x100000000 | PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
#ifdef SYS_arch_prctl
DENY(arch_prctl_cpuid, "stdio",
     syscall(SYS_arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 1) == 0 || errno == ENODEV)
#endif
REFUSE(landlock_create, "stdio", syscall(444, bytes, 1, 9999) == -1 && errno == EINVAL)

/* Messages between processes outside sockets */
DENY(msgget, ALL, syscall(SYS_msgctl, syscall(SYS_msgget, 0, 0600), 0, NULL) == 0)
DENY(semget, ALL, syscall(SYS_semctl, syscall(SYS_semget, 0, 1, 0600), 0, 0) == 0)
REFUSE(memfd_secret, "stdio", syscall(447, ~0u) == -1 && errno == EINVAL)
