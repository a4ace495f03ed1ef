/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways out of any filter that lets them through: no set of promises grants them. */
#include "case.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

/* All of what this kernel path can serve. */
#define ALL                                                                  \
    "stdio rpath wpath cpath dpath inet mcast fattr chown flock unix tty proc exec prot_exec " \
    "settime id sendfd recvfd tape pf route wroute audio video bpf disklabel drm vmm"

static char bytes[256];
static struct iovec iov = {bytes, 8};

/* Other processes' memory and state */
PROBE(ptrace_peek, ALL, ESRCH, syscall(SYS_ptrace, 1, 0x7ffffffe, 0, 0) == 0)
PROBE(ptrace_seize, ALL, ESRCH, syscall(SYS_ptrace, 0x4206, 0x7ffffffe, 0, 0) == 0)
DENY(ptrace_traceme, ALL, syscall(SYS_ptrace, 0, 0, 0, 0) == 0)
DENY(process_vm_readv, ALL, syscall(SYS_process_vm_readv, getpid(), &iov, 1, &iov, 1, 0) == 8)
DENY(process_vm_writev, ALL, syscall(SYS_process_vm_writev, getpid(), &iov, 1, &iov, 1, 0) == 8)
DENY(kcmp, ALL, syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0) == 0)
#ifdef SYS_pidfd_getfd
DENIED(pidfd_getfd, ALL)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    NEED("pidfd_open", fd >= 0);
    PLEDGE();
    TRY(syscall(SYS_pidfd_getfd, fd, 2, 0) >= 0);
}
#endif

/* Interfaces that do other calls' work behind the filter's back */
/* ENOSYS: callers have a road without it. */
REFUSE(io_uring_setup, ALL, syscall(SYS_io_uring_setup, 1, bytes) >= 0 || errno == EPERM)
REFUSE(io_uring_enter, ALL,
       syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) == -1 && errno != ENOSYS)
REFUSE(io_setup, ALL, syscall(SYS_io_setup, 0, bytes) == -1 && errno == EINVAL)
PROBE(bpf, ALL, EINVAL, syscall(SYS_bpf, 9999, bytes, 16) >= 0)
DENY(userfaultfd, ALL,
     syscall(SYS_userfaultfd, O_CLOEXEC | 1) >= 0 || errno == ENOSYS || errno == EPERM)
PROBE(perf_event_open, ALL, EFAULT, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) >= 0)
PROBE(keyctl, ALL, EINVAL, syscall(SYS_keyctl, 0, -6, 0) >= 0)
PROBE(add_key, ALL, EFAULT, syscall(SYS_add_key, NULL, NULL, NULL, 0, 0) >= 0)
PROBE(request_key, ALL, EFAULT, syscall(SYS_request_key, NULL, NULL, NULL, 0) >= 0)
PROBE(fanotify_init, ALL, EINVAL, syscall(SYS_fanotify_init, ~0u, 0) >= 0)
PROBE(name_to_handle_at, "stdio", EFAULT,
      syscall(SYS_name_to_handle_at, AT_FDCWD, NULL, NULL, NULL, 0) >= 0)

/* Namespaces, mounts, roots */
DENY(unshare_files, ALL, unshare(CLONE_FILES) == 0)
PROBE(unshare_newuser, ALL, EINVAL, unshare(CLONE_NEWUSER | 1) == 0)
PROBE(setns, ALL, EBADF, syscall(SYS_setns, -1, 0) == 0)
PROBE(mount, ALL, EFAULT, syscall(SYS_mount, NULL, NULL, NULL, 0, NULL) == 0)
PROBE(umount2, ALL, EINVAL, syscall(SYS_umount2, ".", ~0u) == 0)
PROBE(pivot_root, ALL, EFAULT, syscall(SYS_pivot_root, NULL, NULL) == 0)
PROBE(fsopen, ALL, EFAULT, syscall(SYS_fsopen, NULL, 0) >= 0)
PROBE(open_tree, ALL, EINVAL, syscall(SYS_open_tree, -1, "", ~0u) >= 0)
DENY(chroot_slash, ALL, chroot("/") == 0 || errno == EPERM)
PROBE(swapon, ALL, EFAULT, syscall(SYS_swapon, NULL, 0) == 0)
PROBE(quotactl, ALL, EFAULT, syscall(SYS_quotactl, 0x80000200, 1, 0, NULL) == 0)

/* The kernel itself */
PROBE(kexec_load, ALL, EINVAL, syscall(SYS_kexec_load, 0, 9999, NULL, 0) == 0)
PROBE(init_module, ALL, ENOEXEC, syscall(SYS_init_module, NULL, 0, "") == 0)
PROBE(finit_module, ALL, EBADF, syscall(SYS_finit_module, -1, "", 0) == 0)
PROBE(delete_module, ALL, EFAULT, syscall(SYS_delete_module, NULL, 0) == 0)
PROBE(reboot, ALL, EINVAL, syscall(SYS_reboot, 0, 0, 0, NULL) == 0)
PROBE(iopl, ALL, EINVAL, syscall(SYS_iopl, 99) == 0)
PROBE(ioperm, ALL, EINVAL, syscall(SYS_ioperm, 1 << 20, 1, 1) == 0)
DENY(modify_ldt, ALL, syscall(SYS_modify_ldt, 0, bytes, 16) >= 0)
PROBE(acct, ALL, ENOENT, syscall(SYS_acct, "none/none") == 0)
DENY(syslog, ALL, syscall(SYS_syslog, 10, NULL, 0) >= 0 || errno == EPERM)
PROBE(sethostname, ALL, EINVAL, syscall(SYS_sethostname, "", -1) == 0)
PROBE(setdomainname, ALL, EINVAL, syscall(SYS_setdomainname, "", -1) == 0)
DENY(vhangup, ALL, syscall(SYS_vhangup) == 0 || errno == EPERM)
PROBE(migrate_pages, ALL, EINVAL, syscall(SYS_migrate_pages, 0, ~0ul, NULL, NULL) >= 0)
PROBE(move_pages, ALL, EINVAL, syscall(SYS_move_pages, 0, 1, NULL, NULL, NULL, ~0u) >= 0)

/* Making the filter matter less */
DENY(personality_set, ALL, syscall(SYS_personality, 0x0400000) >= 0)
PROBE(seccomp_mode, "stdio", EINVAL, syscall(SYS_seccomp, 99, 0, NULL) == 0)
PROBE(prctl_seccomp, "stdio", EINVAL, prctl(PR_SET_SECCOMP, 99, 0, 0, 0) == 0)
DENY(prctl_ptracer, ALL, prctl(PR_SET_PTRACER, -1, 0, 0, 0) == 0 || errno == EINVAL)
DENY(prctl_subreaper, "stdio", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
DENY(prctl_keepcaps, "stdio", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0)
DENY(prctl_securebits, "stdio",
     prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS), 0, 0, 0) == 0 || errno == EPERM)
PROBE(prctl_mm, "stdio", EINVAL, prctl(PR_SET_MM, 99, 0, 0, 0) == 0)
DENY(prctl_tsc, "stdio", prctl(PR_SET_TSC, 1, 0, 0, 0) == 0)
PROBE(prctl_user_dispatch, "stdio", EINVAL, prctl(59, 99, 0, 0, 0) == 0)
ALLOW(prctl_name, "stdio", prctl(PR_SET_NAME, "renamed", 0, 0, 0) == 0)
DENY(prctl_high_bits, "stdio",
     syscall(SYS_prctl, 0x100000000 | PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
DENY(arch_prctl_cpuid, "stdio",
     syscall(SYS_arch_prctl, 0x1012 /* ARCH_SET_CPUID */, 1) == 0 || errno == ENODEV)
REFUSE(landlock_create, "stdio", syscall(444, bytes, 1, 9999) == -1 && errno == EINVAL)

/* Messages between processes outside sockets */
DENY(msgget, ALL, syscall(SYS_msgctl, syscall(SYS_msgget, 0, 0600), 0, NULL) == 0)
DENY(semget, ALL, syscall(SYS_semctl, syscall(SYS_semget, 0, 1, 0600), 0, 0) == 0)
PROBE(mq_open, ALL, EFAULT, syscall(SYS_mq_open, NULL, 0, 0, NULL) >= 0)
REFUSE(memfd_secret, "stdio", syscall(447, ~0u) == -1 && errno == EINVAL)
