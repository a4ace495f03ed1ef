/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions that are little more than a system call. */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

CASE(closefrom_, "closefrom") { NEED(void, closefrom, (int)); BEGIN; p_closefrom(100); END; }
CASE(close_range_, "close_range") { NEED(int, close_range, (unsigned, unsigned, int)); BEGIN; p_close_range(100, 200, 0); END; }
CASE(sync_range, "sync_file_range") { NEED(int, sync_file_range, (int, int64_t, int64_t, unsigned)); int fd = own(); BEGIN; p_sync_file_range(fd, 0, 4, 2); END; gone(fd); }
CASE(pwritev_, "pwritev") { struct iovec v = { buffer, 4 }; int fd = own(); BEGIN; USE(pwritev(fd, &v, 1, 0)); END; gone(fd); }
CASE(fallocate_linux, "fallocate") { int fd = own(); BEGIN; fallocate(fd, 0, 0, 50); END; gone(fd); }
CASE(readahead_, "readahead") { int fd = own(); BEGIN; readahead(fd, 0, 4); END; gone(fd); }
CASE(copy_range, "copy_file_range") { int fd = own(); BEGIN; USE(copy_file_range(fd, NULL, fd, NULL, 0, 0)); END; gone(fd); }
CASE(sendfile_, "sendfile") { int fd = own(); BEGIN; USE(sendfile(1, fd, NULL, 4)); END; gone(fd); }
CASE(splice_, "splice tee vmsplice")
{
	struct iovec v = { buffer, 4 };
	int p[2], q[2], fd = own();
	USE(pipe(p)); USE(pipe(q));
	BEGIN; USE(splice(fd, NULL, p[1], NULL, 4, 0)); USE(tee(p[0], q[1], 4, 0)); USE(vmsplice(p[1], &v, 1, 0)); END;
	gone(fd);
}
CASE(ioctl_, "ioctl") { int n, p[2]; USE(pipe(p)); BEGIN; ioctl(p[0], FIONREAD, &n); END; }
CASE(fpathconf_, "fpathconf") { int fd = own(); BEGIN; fpathconf(fd, _PC_NAME_MAX); fpathconf(fd, _PC_LINK_MAX); fpathconf(fd, _PC_PIPE_BUF); fpathconf(fd, _PC_REC_XFER_ALIGN); END; gone(fd); }
CASE(epoll_old, "epoll_create epoll_pwait")
{
	struct epoll_event e;
	int fd;
	BEGIN; fd = epoll_create(1); epoll_pwait(fd, &e, 1, 0, NULL); END;
}
CASE(epoll_pwait2_, "epoll_pwait2")
{
	NEED(int, epoll_pwait2, (int, struct epoll_event *, int, const struct timespec *, const sigset_t *));
	struct timespec t = { 0, 0 };
	struct epoll_event e;
	int fd = epoll_create(1);
	BEGIN; p_epoll_pwait2(fd, &e, 1, &t, NULL); END;
}
CASE(signalfd_, "signalfd") { sigset_t s; sigemptyset(&s); BEGIN; signalfd(-1, &s, SFD_CLOEXEC); END; }
CASE(timerfd_get, "timerfd_gettime") { struct itimerspec t; int fd = timerfd_create(CLOCK_MONOTONIC, 0); BEGIN; timerfd_gettime(fd, &t); END; }
CASE(memfd_, "memfd_create") { NEED(int, memfd_create, (const char *, unsigned)); BEGIN; p_memfd_create("trace", 0); END; }
CASE(table_size, "getdtablesize") { BEGIN; getdtablesize(); END; }
CASE(mmsg, "socketpair sendmmsg recvmmsg sockatmark")
{
	struct iovec v = { buffer, 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
	int p[2];
	BEGIN;
	USE(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	USE(sendmmsg(p[0], &m, 1, 0));
	USE(recvmmsg(p[1], &m, 1, MSG_DONTWAIT, NULL));
	sockatmark(p[0]);
	END;
}
CASE(memory, "mmap mremap mincore posix_madvise")
{
	unsigned char v[4];
	char *p;
	BEGIN;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p = mremap(p, 4096, 8192, MREMAP_MAYMOVE);
	mincore(p, 4096, v);
	posix_madvise(p, 4096, POSIX_MADV_WILLNEED);
	END;
}
CASE(brk_, "sbrk brk") { NEED(void *, sbrk, (intptr_t)); NEED(int, brk, (void *)); BEGIN; p_brk(p_sbrk(4096)); END; }
CASE(pkey_, "pkey_mprotect") { NEED(int, pkey_mprotect, (void *, size_t, int, int)); char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); BEGIN; p_pkey_mprotect(p, 4096, PROT_READ, -1); p_pkey_mprotect(p, 4096, PROT_READ, 1); END; }
CASE(getrandom_linux, "getrandom") { NEED(ssize_t, getrandom, (void *, size_t, unsigned)); BEGIN; p_getrandom(buffer, 8, 0); END; }
CASE(arc4, "arc4random arc4random_buf arc4random_uniform")
{
	NEED(uint32_t, arc4random, (void));
	NEED(void, arc4random_buf, (void *, size_t));
	NEED(uint32_t, arc4random_uniform, (uint32_t));
	BEGIN; p_arc4random(); p_arc4random_buf(buffer, 100); p_arc4random_uniform(10); END;
}

/* The clock stays as it is: every value is one that the kernel refuses. */
CASE(settimeofday_, "settimeofday") { struct timeval t = { -1, 0 }; BEGIN; settimeofday(&t, NULL); END; }
CASE(clock_settime_, "clock_settime") { struct timespec t = { -1, 0 }; BEGIN; clock_settime(CLOCK_REALTIME, &t); END; }
CASE(adjtime_, "adjtime adjtimex") { struct timeval t; struct timex x = { 0 }; BEGIN; adjtime(NULL, &t); adjtimex(&x); END; }
CASE(ntp_, "ntp_adjtime") { NEED(int, ntp_adjtime, (struct timex *)); struct timex x = { 0 }; BEGIN; p_ntp_adjtime(&x); END; }
CASE(clock_adjtime_, "clock_adjtime") { struct timex x = { 0 }; BEGIN; clock_adjtime(CLOCK_REALTIME, &x); END; }
CASE(stime_, "stime") { NEED(int, stime, (const time_t *)); time_t t = -1; BEGIN; p_stime(&t); END; }

static int terminal(void) { int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY); grantpt(fd); unlockpt(fd); return fd; }
CASE(tty_, "tcflush tcflow tcdrain tcsendbreak tcgetpgrp tcsetpgrp tcgetsid getpgrp")
{
	int fd = terminal();
	BEGIN;
	tcflush(fd, TCIFLUSH); tcflow(fd, TCOON); tcdrain(fd); tcsendbreak(fd, 0);
	tcgetpgrp(fd); tcsetpgrp(fd, getpgrp()); tcgetsid(fd);
	END;
}
CASE(tty_size, "tcgetwinsize tcsetwinsize")
{
	NEED(int, tcgetwinsize, (int, struct winsize *));
	NEED(int, tcsetwinsize, (int, const struct winsize *));
	struct winsize w;
	int fd = terminal();
	BEGIN; p_tcgetwinsize(fd, &w); p_tcsetwinsize(fd, &w); END;
}
CASE(ptsname_, "ptsname ttyname open") { int fd = terminal(); BEGIN; USE(ttyname(open(ptsname(fd), O_RDWR | O_NOCTTY))); END; }

CASE(statx_, "statx") { NEED(int, statx, (int, const char *, int, unsigned, void *)); BEGIN; p_statx(AT_FDCWD, "/etc", 0, 0xfff, buffer); END; }
CASE(eaccess_, "eaccess euidaccess") { NEED(int, eaccess, (const char *, int)); NEED(int, euidaccess, (const char *, int)); BEGIN; p_eaccess("/etc", R_OK); p_euidaccess("/etc", W_OK); END; }
CASE(links_at, "symlinkat readlinkat linkat unlinkat")
{
	BEGIN;
	USE(symlinkat("x", AT_FDCWD, TMP "trace-at"));
	USE(readlinkat(AT_FDCWD, TMP "trace-at", buffer, 10));
	USE(linkat(AT_FDCWD, TMP "trace-at", AT_FDCWD, TMP "trace-at2", 0));
	unlinkat(AT_FDCWD, TMP "trace-at2", 0);
	unlinkat(AT_FDCWD, TMP "trace-at", 0);
	END;
}
CASE(nodes_at, "mkdirat mkfifoat mknodat renameat unlinkat")
{
	BEGIN;
	mkdirat(AT_FDCWD, TMP "trace-dat", 0700);
	unlinkat(AT_FDCWD, TMP "trace-dat", AT_REMOVEDIR);
	mkfifoat(AT_FDCWD, TMP "trace-fat", 0600);
	renameat(AT_FDCWD, TMP "trace-fat", AT_FDCWD, TMP "trace-gat");
	unlinkat(AT_FDCWD, TMP "trace-gat", 0);
	mknodat(AT_FDCWD, TMP "trace-nat", S_IFIFO | 0600, 0);
	unlinkat(AT_FDCWD, TMP "trace-nat", 0);
	END;
}
CASE(renameat2_, "renameat2")
{
	NEED(int, renameat2, (int, const char *, int, const char *, unsigned));
	int fd = own();
	BEGIN; p_renameat2(AT_FDCWD, name, AT_FDCWD, name, 0); p_renameat2(AT_FDCWD, name, AT_FDCWD, name, 1); END;
	gone(fd);
}
CASE(statfs_, "statfs fstatfs") { struct statfs s; BEGIN; statfs("/", &s); fstatfs(1, &s); END; }
CASE(xattr_, "setxattr lsetxattr fsetxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr")
{
	int fd = own();
	BEGIN;
	setxattr(name, "user.x", "1", 1, 0); lsetxattr(name, "user.x", "1", 1, 0); fsetxattr(fd, "user.x", "1", 1, 0);
	USE(lgetxattr(name, "user.x", buffer, 10)); USE(fgetxattr(fd, "user.x", buffer, 10));
	USE(listxattr(name, buffer, 100)); USE(llistxattr(name, buffer, 100)); USE(flistxattr(fd, buffer, 100));
	removexattr(name, "user.x"); lremovexattr(name, "user.x"); fremovexattr(fd, "user.x");
	END;
	gone(fd);
}
CASE(inotify_old, "inotify_init inotify_add_watch inotify_rm_watch") { int fd; BEGIN; fd = inotify_init(); inotify_rm_watch(fd, inotify_add_watch(fd, "/tmp", IN_CREATE)); END; }
/* Who succeeds by a second way may leave the errno of the first. */
CASE(lchmod_, "lchmod") { int fd = own(); BEGIN; if (lchmod(name, 0600) == 0) errno = 0; END; gone(fd); }
CASE(utimes_, "utimes futimes lutimes futimesat")
{
	NEED(int, futimesat, (int, const char *, const struct timeval *));
	int fd = own();
	BEGIN; utimes(name, NULL); futimes(fd, NULL); lutimes(name, NULL); p_futimesat(AT_FDCWD, name, NULL); END;
	gone(fd);
}
CASE(fchownat_, "fchownat") { int fd = own(); BEGIN; USE(fchownat(AT_FDCWD, name, 0, 0, 0)); END; gone(fd); }

CASE(setfsuid_, "setfsuid setfsgid") { NEED(int, setfsuid, (uid_t)); NEED(int, setfsgid, (gid_t)); BEGIN; p_setfsgid(0); p_setfsuid(0); END; }
CASE(prlimit_, "prlimit") { NEED(int, prlimit, (pid_t, int, const struct rlimit *, struct rlimit *)); struct rlimit r; BEGIN; p_prlimit(0, RLIMIT_NOFILE, NULL, &r); END; }
CASE(setpriority_, "setpriority") { BEGIN; setpriority(PRIO_PROCESS, 0, 0); END; }
CASE(sets, "setpgrp getpgid") { BEGIN; setpgrp(); getpgid(0); END; }
CASE(setlogin_, "setlogin") { NEED(int, setlogin, (const char *)); BEGIN; p_setlogin("root"); END; }
CASE(issetugid_, "issetugid") { NEED(int, issetugid, (void)); BEGIN; p_issetugid(); END; }
CASE(host_names, "getdomainname getpagesize") { BEGIN; USE(getdomainname(buffer, 100)); getpagesize(); END; }
CASE(gethostid_, "gethostid") { BEGIN; gethostid(); END; }
CASE(nprocs, "get_nprocs get_nprocs_conf get_phys_pages get_avphys_pages")
{
	NEED(int, get_nprocs, (void));
	NEED(int, get_nprocs_conf, (void));
	NEED(long, get_phys_pages, (void));
	NEED(long, get_avphys_pages, (void));
	BEGIN; p_get_nprocs(); p_get_nprocs_conf(); p_get_phys_pages(); p_get_avphys_pages(); END;
}
CASE(loadavg, "getloadavg") { double d[3]; BEGIN; USE(getloadavg(d, 3)); END; }
CASE(confstr_, "confstr") { BEGIN; confstr(_CS_PATH, buffer, 100); END; }
CASE(wait34, "wait3 wait4") { if (!fork()) _exit(0); if (!fork()) _exit(0); BEGIN; wait3(NULL, 0, NULL); wait4(-1, NULL, 0, NULL); END; }
CASE(sched_more, "sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setscheduler sched_setparam sched_setaffinity sched_getaffinity")
{
	struct sched_param p = { 0 };
	struct timespec t;
	cpu_set_t c;
	BEGIN;
	sched_getscheduler(0); sched_get_priority_max(SCHED_RR); sched_get_priority_min(SCHED_RR); sched_rr_get_interval(0, &t);
	sched_setscheduler(0, SCHED_OTHER, &p); sched_setparam(0, &p);
	sched_getaffinity(0, sizeof c, &c); sched_setaffinity(0, sizeof c, &c);
	END;
}
CASE(getcpu_, "sched_getcpu") { BEGIN; sched_getcpu(); END; }
CASE(getcpu_linux, "getcpu") { NEED(int, getcpu, (unsigned *, unsigned *)); unsigned a, b; BEGIN; p_getcpu(&a, &b); END; }
CASE(gettid_, "gettid") { NEED(pid_t, gettid, (void)); BEGIN; p_gettid(); END; }
CASE(membarrier_, "membarrier") { NEED(int, membarrier, (int, int)); BEGIN; p_membarrier(0, 0); END; }
CASE(tgkill_, "tgkill getpid") { NEED(int, tgkill, (pid_t, pid_t, int)); BEGIN; p_tgkill(getpid(), getpid(), 0); END; }
CASE(pidfd_, "pidfd_open pidfd_send_signal getpid")
{
	NEED(int, pidfd_open, (pid_t, unsigned));
	NEED(int, pidfd_send_signal, (int, int, siginfo_t *, unsigned));
	BEGIN; p_pidfd_send_signal(p_pidfd_open(getpid(), 0), 0, NULL, 0); END;
}
CASE(pidfd_getpid_, "pidfd_getpid") { NEED(int, pidfd_open, (pid_t, unsigned)); NEED(pid_t, pidfd_getpid, (int)); int fd = p_pidfd_open(getpid(), 0); BEGIN; p_pidfd_getpid(fd); END; }
CASE(syscall_, "syscall") { BEGIN; syscall(SYS_getpid); END; }
