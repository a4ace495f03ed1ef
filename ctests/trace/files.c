/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files, directories, descriptors, file attributes. */
#include "trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>
#include <utime.h>

CASE(open_, "open") { BEGIN; USE(open("/etc/passwd", O_RDONLY)); END; }
CASE(openat_, "openat") { BEGIN; USE(openat(AT_FDCWD, "/etc/passwd", O_RDONLY)); END; }
CASE(creat_, "creat") { own(); BEGIN; USE(creat(name, 0600)); END; unlink(name); }
CASE(close_, "close") { int fd = open("/dev/null", O_RDWR); BEGIN; close(fd); END; }
CASE(read_, "read") { int fd = own(); BEGIN; USE(read(fd, buffer, 4)); END; gone(fd); }
CASE(write_, "write") { int fd = own(); BEGIN; USE(write(fd, "x", 1)); END; gone(fd); }
CASE(pread_, "pread") { int fd = own(); BEGIN; USE(pread(fd, buffer, 4, 0)); END; gone(fd); }
CASE(pwrite_, "pwrite") { int fd = own(); BEGIN; USE(pwrite(fd, "x", 1, 0)); END; gone(fd); }
CASE(readv_, "readv")
{
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; USE(readv(fd, &v, 1)); END;
	gone(fd);
}
CASE(writev_, "writev")
{
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; USE(writev(fd, &v, 1)); END;
	gone(fd);
}
CASE(preadv_, "preadv")
{
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; USE(preadv(fd, &v, 1, 0)); END;
	gone(fd);
}
CASE(lseek_, "lseek") { int fd = own(); BEGIN; lseek(fd, 0, SEEK_END); END; gone(fd); }
CASE(dup_, "dup") { BEGIN; USE(dup(1)); END; }
CASE(dup2_, "dup2") { BEGIN; USE(dup2(1, 9)); END; }
CASE(dup3_, "dup3") { BEGIN; USE(dup3(1, 9, O_CLOEXEC)); END; }
CASE(fcntl_get, "fcntl") { BEGIN; USE(fcntl(1, F_GETFL)); END; }
CASE(fcntl_dup, "fcntl") { BEGIN; USE(fcntl(1, F_DUPFD_CLOEXEC, 5)); END; }
CASE(fcntl_own, "fcntl") { BEGIN; USE(fcntl(1, F_GETOWN)); END; }
CASE(fcntl_lock, "fcntl")
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = own();
	BEGIN; USE(fcntl(fd, F_SETLKW, &l)); END;
	gone(fd);
}
CASE(lockf_, "lockf") { int fd = own(); BEGIN; USE(lockf(fd, F_LOCK, 0)); END; gone(fd); }
CASE(flock_, "flock") { int fd = own(); BEGIN; flock(fd, LOCK_EX); END; gone(fd); }
CASE(fsync_, "fsync") { int fd = own(); BEGIN; fsync(fd); END; gone(fd); }
CASE(fdatasync_, "fdatasync") { int fd = own(); BEGIN; fdatasync(fd); END; gone(fd); }
CASE(ftruncate_, "ftruncate") { int fd = own(); BEGIN; USE(ftruncate(fd, 3)); END; gone(fd); }
CASE(truncate_, "truncate") { int fd = own(); BEGIN; USE(truncate(name, 3)); END; gone(fd); }
CASE(fallocate_, "posix_fallocate") { int fd = own(); BEGIN; posix_fallocate(fd, 0, 100); END; gone(fd); }
CASE(fadvise_, "posix_fadvise") { int fd = own(); BEGIN; posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); END; gone(fd); }
CASE(stat_, "stat") { struct stat s; BEGIN; stat("/etc", &s); END; }
CASE(lstat_, "lstat") { struct stat s; BEGIN; lstat("/etc", &s); END; }
CASE(fstat_, "fstat") { struct stat s; BEGIN; fstat(1, &s); END; }
CASE(fstatat_, "fstatat") { struct stat s; BEGIN; fstatat(AT_FDCWD, "etc", &s, 0); END; }
CASE(statvfs_, "statvfs") { struct statvfs s; BEGIN; statvfs("/", &s); END; }
CASE(fstatvfs_, "fstatvfs") { struct statvfs s; BEGIN; fstatvfs(1, &s); END; }
CASE(access_, "access") { BEGIN; USE(access("/etc", R_OK)); END; }
CASE(faccessat_, "faccessat") { BEGIN; USE(faccessat(AT_FDCWD, "/etc", R_OK, 0)); END; }
CASE(faccessat_effective, "faccessat") { BEGIN; USE(faccessat(AT_FDCWD, "/etc", R_OK, AT_EACCESS)); END; }
CASE(chmod_, "chmod") { int fd = own(); BEGIN; chmod(name, 0600); END; gone(fd); }
CASE(fchmod_, "fchmod") { int fd = own(); BEGIN; fchmod(fd, 0600); END; gone(fd); }
CASE(fchmodat_, "fchmodat") { int fd = own(); BEGIN; fchmodat(AT_FDCWD, name, 0600, 0); END; gone(fd); }
/* Who succeeds by a second way may leave the errno of the first. */
CASE(fchmodat_link, "fchmodat") { int fd = own(); BEGIN; if (fchmodat(AT_FDCWD, name, 0600, AT_SYMLINK_NOFOLLOW) == 0) errno = 0; END; gone(fd); }
CASE(chown_, "chown") { int fd = own(); BEGIN; USE(chown(name, 0, 0)); END; gone(fd); }
CASE(fchown_, "fchown") { int fd = own(); BEGIN; USE(fchown(fd, 0, 0)); END; gone(fd); }
CASE(lchown_, "lchown") { int fd = own(); BEGIN; USE(lchown(name, 0, 0)); END; gone(fd); }
CASE(utimensat_, "utimensat") { int fd = own(); BEGIN; utimensat(AT_FDCWD, name, NULL, 0); END; gone(fd); }
CASE(futimens_, "futimens") { int fd = own(); BEGIN; futimens(fd, NULL); END; gone(fd); }
CASE(utime_, "utime") { int fd = own(); BEGIN; utime(name, NULL); END; gone(fd); }
CASE(umask_, "umask") { BEGIN; umask(022); END; }
CASE(mkdir_, "mkdir rmdir") { BEGIN; mkdir(TMP "trace-dir", 0700); rmdir(TMP "trace-dir"); END; }
CASE(mkfifo_, "mkfifo unlink") { BEGIN; mkfifo(TMP "trace-fifo", 0600); unlink(TMP "trace-fifo"); END; }
CASE(mknod_, "mknod unlink") { BEGIN; mknod(TMP "trace-node", S_IFIFO | 0600, 0); unlink(TMP "trace-node"); END; }
CASE(link_, "link unlink") { int fd = own(); BEGIN; USE(link(name, TMP "trace-link")); unlink(TMP "trace-link"); END; gone(fd); }
CASE(symlink_, "symlink readlink unlink")
{
	BEGIN;
	USE(symlink("x", TMP "trace-sym"));
	USE(readlink(TMP "trace-sym", buffer, 10));
	unlink(TMP "trace-sym");
	END;
}
CASE(rename_, "rename") { int fd = own(); BEGIN; rename(name, name); END; gone(fd); }
CASE(remove_, "remove") { int fd = own(); BEGIN; remove(name); END; close(fd); }
CASE(realpath_, "realpath") { BEGIN; USE(realpath("/proc/self/cwd/..", NULL)); END; }
CASE(getcwd_, "getcwd") { BEGIN; USE(getcwd(buffer, sizeof buffer)); END; }
CASE(getcwd_allocated, "getcwd") { BEGIN; USE(getcwd(NULL, 0)); END; }
CASE(chdir_, "chdir") { BEGIN; USE(chdir("/")); END; }
CASE(fchdir_, "fchdir") { int fd = open("/", O_RDONLY); BEGIN; USE(fchdir(fd)); END; }
CASE(opendir_, "opendir readdir closedir") { DIR *d; BEGIN; d = opendir("/etc"); USE(readdir(d)); closedir(d); END; }
CASE(fdopendir_, "fdopendir rewinddir telldir seekdir closedir")
{
	int fd = open("/etc", O_RDONLY | O_DIRECTORY);
	DIR *d;
	BEGIN;
	d = fdopendir(fd);
	rewinddir(d);
	seekdir(d, telldir(d));
	closedir(d);
	END;
}
CASE(scandir_, "scandir alphasort") { struct dirent **l; BEGIN; USE(scandir("/etc", &l, NULL, alphasort)); END; }
static int seen(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)path; (void)s; (void)type; (void)where;
	return 0;
}
CASE(nftw_, "nftw") { BEGIN; USE(nftw("/etc", seen, 10, FTW_PHYS)); END; }
CASE(nftw_chdir, "nftw") { BEGIN; USE(nftw("/etc", seen, 10, FTW_CHDIR)); END; }
CASE(glob_, "glob globfree") { glob_t g; BEGIN; glob("/etc/p*", 0, NULL, &g); globfree(&g); END; }
CASE(glob_home, "glob globfree") { glob_t g; setenv("HOME", "/root", 1); BEGIN; glob("~/*", GLOB_NOCHECK | 4096, NULL, &g); globfree(&g); END; }
CASE(mkstemp_, "mkstemp") { char t[] = TMP "trace-XXXXXX"; BEGIN; USE(mkstemp(t)); END; unlink(t); }
CASE(mkdtemp_, "mkdtemp rmdir") { char t[] = TMP "trace-XXXXXX"; BEGIN; USE(mkdtemp(t)); rmdir(t); END; }
CASE(pipe_, "pipe") { int p[2]; BEGIN; USE(pipe(p)); END; }
CASE(pipe2_, "pipe2") { int p[2]; BEGIN; USE(pipe2(p, O_CLOEXEC)); END; }
CASE(poll_, "poll") { struct pollfd p = { 1, POLLOUT, 0 }; BEGIN; poll(&p, 1, 0); END; }
CASE(ppoll_, "ppoll") { struct timespec t = { 0, 0 }; BEGIN; ppoll(NULL, 0, &t, NULL); END; }
CASE(select_, "select") { struct timeval t = { 0, 0 }; BEGIN; select(0, NULL, NULL, NULL, &t); END; }
CASE(pselect_, "pselect") { struct timespec t = { 0, 0 }; BEGIN; pselect(0, NULL, NULL, NULL, &t, NULL); END; }
CASE(epoll_, "epoll_create1 epoll_ctl epoll_wait")
{
	struct epoll_event e = { .events = EPOLLIN };
	int p[2], fd;
	USE(pipe(p));
	BEGIN;
	fd = epoll_create1(0);
	epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &e);
	epoll_wait(fd, &e, 1, 0);
	END;
}
CASE(eventfd_, "eventfd eventfd_write eventfd_read") { eventfd_t v; int fd; BEGIN; fd = eventfd(0, 0); eventfd_write(fd, 1); eventfd_read(fd, &v); END; }
CASE(inotify_, "inotify_init1 inotify_add_watch") { BEGIN; inotify_add_watch(inotify_init1(0), "/tmp", IN_CREATE); END; }
CASE(timerfd_, "timerfd_create timerfd_settime")
{
	struct itimerspec t = { { 0, 0 }, { 1, 0 } };
	BEGIN; timerfd_settime(timerfd_create(CLOCK_MONOTONIC, 0), 0, &t, NULL); END;
}
CASE(isatty_, "isatty") { BEGIN; isatty(1); END; }
CASE(ttyname_, "ttyname_r") { int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY); BEGIN; ttyname_r(fd, buffer, 100); END; }
CASE(openpt_, "posix_openpt grantpt unlockpt ptsname_r")
{
	int fd;
	BEGIN;
	fd = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(fd);
	unlockpt(fd);
	ptsname_r(fd, buffer, 100);
	END;
}
CASE(termios_, "tcgetattr tcsetattr") { struct termios t; int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY); BEGIN; tcgetattr(fd, &t); tcsetattr(fd, TCSANOW, &t); END; }
CASE(getxattr_, "getxattr") { BEGIN; USE(getxattr("/etc", "user.x", buffer, 10)); END; }
CASE(sync_, "sync") { BEGIN; sync(); END; }
CASE(pathconf_, "pathconf") { BEGIN; pathconf("/", _PC_NAME_MAX); pathconf("/", _PC_LINK_MAX); END; }
CASE(mmap_, "mmap mprotect madvise munmap")
{
	char *p;
	BEGIN;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p, 4096, PROT_READ);
	madvise(p, 4096, MADV_NORMAL);
	munmap(p, 4096);
	END;
}
CASE(msync_, "msync mlock munlock")
{
	char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	BEGIN; msync(p, 4096, MS_SYNC); mlock(p, 4096); munlock(p, 4096); END;
}
CASE(shm_, "shm_open shm_unlink") { BEGIN; USE(shm_open("/trace", O_CREAT | O_RDWR, 0600)); shm_unlink("/trace"); END; }
