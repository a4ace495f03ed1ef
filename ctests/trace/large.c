/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The names that wide file offsets and fortified programs link to. */
#include "trace.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

/* What a function fills in, larger than any libc's structure. */
static char filled[4096];

CASE(open64_, "open64") { NEED(int, open64, (const char *, int, ...)); BEGIN; p_open64("/etc/passwd", O_RDONLY); END; }
CASE(openat64_, "openat64") { NEED(int, openat64, (int, const char *, int, ...)); BEGIN; p_openat64(AT_FDCWD, "/etc/passwd", O_RDONLY); END; }
CASE(creat64_, "creat64") { NEED(int, creat64, (const char *, mode_t)); own(); BEGIN; p_creat64(name, 0600); END; unlink(name); }
CASE(open_2_, "__open_2") { NEED(int, __open_2, (const char *, int)); BEGIN; p___open_2("/etc/passwd", O_RDONLY); END; }
CASE(open64_2_, "__open64_2") { NEED(int, __open64_2, (const char *, int)); BEGIN; p___open64_2("/etc/passwd", O_RDONLY); END; }
CASE(openat_2_, "__openat_2") { NEED(int, __openat_2, (int, const char *, int)); BEGIN; p___openat_2(AT_FDCWD, "/etc/passwd", O_RDONLY); END; }
CASE(openat64_2_, "__openat64_2") { NEED(int, __openat64_2, (int, const char *, int)); BEGIN; p___openat64_2(AT_FDCWD, "/etc/passwd", O_RDONLY); END; }
CASE(lseek64_, "lseek64") { NEED(int64_t, lseek64, (int, int64_t, int)); int fd = own(); BEGIN; p_lseek64(fd, 0, SEEK_END); END; gone(fd); }
CASE(pread64_, "pread64") { NEED(ssize_t, pread64, (int, void *, size_t, int64_t)); int fd = own(); BEGIN; p_pread64(fd, buffer, 4, 0); END; gone(fd); }
CASE(pwrite64_, "pwrite64") { NEED(ssize_t, pwrite64, (int, const void *, size_t, int64_t)); int fd = own(); BEGIN; p_pwrite64(fd, "x", 1, 0); END; gone(fd); }
CASE(preadv64_, "preadv64 pwritev64")
{
	NEED(ssize_t, preadv64, (int, const struct iovec *, int, int64_t));
	NEED(ssize_t, pwritev64, (int, const struct iovec *, int, int64_t));
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; p_preadv64(fd, &v, 1, 0); p_pwritev64(fd, &v, 1, 0); END;
	gone(fd);
}
CASE(preadv64v2_, "preadv64v2 pwritev64v2")
{
	NEED(ssize_t, preadv64v2, (int, const struct iovec *, int, int64_t, int));
	NEED(ssize_t, pwritev64v2, (int, const struct iovec *, int, int64_t, int));
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; p_preadv64v2(fd, &v, 1, 0, 0); p_pwritev64v2(fd, &v, 1, -1, 0); END;
	gone(fd);
}
CASE(preadv2_, "preadv2 pwritev2")
{
	NEED(ssize_t, preadv2, (int, const struct iovec *, int, off_t, int));
	NEED(ssize_t, pwritev2, (int, const struct iovec *, int, off_t, int));
	struct iovec v = { buffer, 4 };
	int fd = own();
	BEGIN; p_preadv2(fd, &v, 1, 0, 0); p_pwritev2(fd, &v, 1, -1, 0); END;
	gone(fd);
}
CASE(stat64_, "stat64 lstat64 fstat64 fstatat64")
{
	NEED(int, stat64, (const char *, void *));
	NEED(int, lstat64, (const char *, void *));
	NEED(int, fstat64, (int, void *));
	NEED(int, fstatat64, (int, const char *, void *, int));
	BEGIN;
	p_stat64("/etc", filled);
	p_lstat64("/etc", filled);
	p_fstat64(1, filled);
	p_fstatat64(AT_FDCWD, "etc", filled, 0);
	END;
}
/* The first number names the structure's layout: 0, 1 or 3, per architecture. */
CASE(xstat_, "__xstat __lxstat __fxstat __fxstatat")
{
	NEED(int, __xstat, (int, const char *, void *));
	NEED(int, __lxstat, (int, const char *, void *));
	NEED(int, __fxstat, (int, int, void *));
	NEED(int, __fxstatat, (int, int, const char *, void *, int));
	int v;
	BEGIN;
	for (v = 0; v < 4; v++) {
		p___xstat(v, "/etc", filled);
		p___lxstat(v, "/etc", filled);
		p___fxstat(v, 1, filled);
		p___fxstatat(v, AT_FDCWD, "etc", filled, 0);
	}
	END;
}
CASE(xstat64_, "__xstat64 __lxstat64 __fxstat64 __fxstatat64")
{
	NEED(int, __xstat64, (int, const char *, void *));
	NEED(int, __lxstat64, (int, const char *, void *));
	NEED(int, __fxstat64, (int, int, void *));
	NEED(int, __fxstatat64, (int, int, const char *, void *, int));
	int v;
	BEGIN;
	for (v = 0; v < 4; v++) {
		p___xstat64(v, "/etc", filled);
		p___lxstat64(v, "/etc", filled);
		p___fxstat64(v, 1, filled);
		p___fxstatat64(v, AT_FDCWD, "etc", filled, 0);
	}
	END;
}
CASE(xmknod_, "__xmknod __xmknodat unlink")
{
	NEED(int, __xmknod, (int, const char *, mode_t, dev_t *));
	NEED(int, __xmknodat, (int, int, const char *, mode_t, dev_t *));
	dev_t none = 0;
	int v;
	BEGIN;
	for (v = 0; v < 2; v++) {
		p___xmknod(v, TMP "trace-xnode", S_IFIFO | 0600, &none);
		unlink(TMP "trace-xnode");
		p___xmknodat(v, AT_FDCWD, TMP "trace-xnode", S_IFIFO | 0600, &none);
		unlink(TMP "trace-xnode");
	}
	END;
}
CASE(statfs64_, "statfs64 fstatfs64 statvfs64 fstatvfs64")
{
	NEED(int, statfs64, (const char *, void *));
	NEED(int, fstatfs64, (int, void *));
	NEED(int, statvfs64, (const char *, void *));
	NEED(int, fstatvfs64, (int, void *));
	BEGIN; p_statfs64("/", filled); p_fstatfs64(1, filled); p_statvfs64("/", filled); p_fstatvfs64(1, filled); END;
}
CASE(truncate64_, "truncate64 ftruncate64")
{
	NEED(int, truncate64, (const char *, int64_t));
	NEED(int, ftruncate64, (int, int64_t));
	int fd = own();
	BEGIN; p_truncate64(name, 4); p_ftruncate64(fd, 3); END;
	gone(fd);
}
CASE(fallocate64_, "fallocate64 posix_fallocate64 posix_fadvise64")
{
	NEED(int, fallocate64, (int, int, int64_t, int64_t));
	NEED(int, posix_fallocate64, (int, int64_t, int64_t));
	NEED(int, posix_fadvise64, (int, int64_t, int64_t, int));
	int fd = own();
	BEGIN; p_fallocate64(fd, 0, 0, 50); p_posix_fallocate64(fd, 0, 100); p_posix_fadvise64(fd, 0, 0, POSIX_FADV_NORMAL); END;
	gone(fd);
}
CASE(sendfile64_, "sendfile64")
{
	NEED(ssize_t, sendfile64, (int, int, int64_t *, size_t));
	int fd = own();
	BEGIN; p_sendfile64(1, fd, NULL, 4); END;
	gone(fd);
}
CASE(lockf64_, "lockf64") { NEED(int, lockf64, (int, int, int64_t)); int fd = own(); BEGIN; p_lockf64(fd, F_LOCK, 0); END; gone(fd); }
CASE(fcntl64_, "fcntl64") { NEED(int, fcntl64, (int, int, ...)); BEGIN; p_fcntl64(1, F_GETFL); p_fcntl64(1, F_DUPFD, 5); END; }
CASE(mmap64_, "mmap64 munmap")
{
	NEED(void *, mmap64, (void *, size_t, int, int, int, int64_t));
	NEED(int, munmap, (void *, size_t));
	BEGIN; p_munmap(p_mmap64(NULL, 4096, 3, 0x22, -1, 0), 4096); END;
}
CASE(rlimit64_, "getrlimit64 setrlimit64 prlimit64")
{
	NEED(int, getrlimit64, (int, void *));
	NEED(int, setrlimit64, (int, const void *));
	NEED(int, prlimit64, (pid_t, int, const void *, void *));
	BEGIN; p_getrlimit64(0, filled); p_setrlimit64(0, filled); p_prlimit64(0, 0, NULL, filled); END;
}
CASE(fopen64_, "fopen64 freopen64 fclose")
{
	NEED(FILE *, fopen64, (const char *, const char *));
	NEED(FILE *, freopen64, (const char *, const char *, FILE *));
	FILE *f;
	BEGIN; f = p_fopen64("/etc/passwd", "r"); f = p_freopen64("/etc/group", "r", f); fclose(f); END;
}
CASE(tmpfile64_, "tmpfile64") { NEED(FILE *, tmpfile64, (void)); BEGIN; USE(p_tmpfile64()); END; }
CASE(mkstemp64_, "mkstemp64 mkostemp64 mkstemps64 mkostemps64 unlink")
{
	NEED(int, mkstemp64, (char *));
	NEED(int, mkostemp64, (char *, int));
	NEED(int, mkstemps64, (char *, int));
	NEED(int, mkostemps64, (char *, int, int));
	char a[] = TMP "trace-XXXXXX", b[] = TMP "trace-XXXXXX", c[] = TMP "trace-XXXXXXs", d[] = TMP "trace-XXXXXXs";
	BEGIN;
	p_mkstemp64(a); p_mkostemp64(b, O_CLOEXEC); p_mkstemps64(c, 1); p_mkostemps64(d, 1, O_CLOEXEC);
	unlink(a); unlink(b); unlink(c); unlink(d);
	END;
}
CASE(readdir64_, "opendir readdir64 closedir")
{
	NEED(void *, opendir, (const char *));
	NEED(void *, readdir64, (void *));
	NEED(int, closedir, (void *));
	void *d;
	BEGIN; d = p_opendir("/etc"); USE(p_readdir64(d)); p_closedir(d); END;
}
CASE(readdir64_r_, "readdir64_r")
{
	NEED(void *, opendir, (const char *));
	NEED(int, readdir64_r, (void *, void *, void **));
	void *d = p_opendir("/etc"), *e;
	BEGIN; p_readdir64_r(d, filled, &e); END;
}
CASE(scandir64_, "scandir64")
{
	NEED(int, scandir64, (const char *, void ***, void *, void *));
	void **l;
	BEGIN; p_scandir64("/etc", &l, NULL, NULL); END;
}
CASE(getdents64_, "getdents64")
{
	NEED(ssize_t, getdents64, (int, void *, size_t));
	int fd = open("/etc", O_RDONLY | O_DIRECTORY);
	BEGIN; p_getdents64(fd, filled, sizeof filled); END;
}
CASE(getdirentries_, "getdirentries")
{
	NEED(ssize_t, getdirentries, (int, char *, size_t, off_t *));
	int fd = open("/etc", O_RDONLY | O_DIRECTORY);
	off_t base = 0;
	BEGIN; p_getdirentries(fd, filled, sizeof filled, &base); END;
}
CASE(getdents_, "getdents")
{
	NEED(int, getdents, (int, void *, size_t));
	int fd = open("/etc", O_RDONLY | O_DIRECTORY);
	BEGIN; p_getdents(fd, filled, sizeof filled); END;
}
CASE(glob64_, "glob64") { NEED(int, glob64, (const char *, int, void *, void *)); BEGIN; p_glob64("/etc/p*", 0, NULL, filled); END; }
static int walked(const char *path, const void *s, int type) { (void)path; (void)s; (void)type; return 0; }
CASE(ftw_, "ftw") { NEED(int, ftw, (const char *, void *, int)); BEGIN; p_ftw("/etc", walked, 4); END; }
CASE(ftw64_, "ftw64 nftw64")
{
	NEED(int, ftw64, (const char *, void *, int));
	NEED(int, nftw64, (const char *, void *, int, int));
	BEGIN; p_ftw64("/etc", walked, 4); p_nftw64("/etc", walked, 4, 1); END;
}

CASE(read_chk_, "__read_chk __pread_chk __readlink_chk __getcwd_chk __realpath_chk")
{
	NEED(ssize_t, __read_chk, (int, void *, size_t, size_t));
	NEED(ssize_t, __pread_chk, (int, void *, size_t, off_t, size_t));
	NEED(ssize_t, __readlink_chk, (const char *, char *, size_t, size_t));
	NEED(char *, __getcwd_chk, (char *, size_t, size_t));
	NEED(char *, __realpath_chk, (const char *, char *, size_t));
	int fd = own();
	BEGIN;
	p___read_chk(fd, buffer, 4, 8192);
	p___pread_chk(fd, buffer, 4, 0, 8192);
	p___readlink_chk("/proc/self", buffer, 100, 8192);
	p___getcwd_chk(buffer, 8192, 8192);
	p___realpath_chk("/proc/self/cwd", buffer, 8192);
	END;
	gone(fd);
}
CASE(poll_chk_, "__poll_chk __ppoll_chk")
{
	NEED(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t));
	NEED(int, __ppoll_chk, (struct pollfd *, nfds_t, const struct timespec *, const void *, size_t));
	struct pollfd p = { 1, POLLOUT, 0 };
	struct timespec t = { 0, 0 };
	BEGIN; p___poll_chk(&p, 1, 0, sizeof p); p___ppoll_chk(&p, 1, &t, NULL, sizeof p); END;
}
CASE(fgets_chk_, "__fgets_chk __fread_chk")
{
	NEED(char *, __fgets_chk, (char *, size_t, int, FILE *));
	NEED(size_t, __fread_chk, (void *, size_t, size_t, size_t, FILE *));
	FILE *f = stream("r");
	BEGIN; USE(p___fgets_chk(buffer, 8192, 100, f)); p___fread_chk(buffer, 8192, 1, 4, f); END;
}
static void formatted(int (*print)(FILE *, int, const char *, va_list), FILE *f, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	print(f, 1, format, list);
	va_end(list);
}
CASE(printf_chk_, "__printf_chk __fprintf_chk __vfprintf_chk fflush")
{
	NEED(int, __printf_chk, (int, const char *, ...));
	NEED(int, __fprintf_chk, (FILE *, int, const char *, ...));
	NEED(int, __vfprintf_chk, (FILE *, int, const char *, va_list));
	FILE *f = stream("w");
	BEGIN; p___printf_chk(1, "%d\n", 1); p___fprintf_chk(f, 1, "%s", "x"); formatted(p___vfprintf_chk, f, "%d", 2); fflush(f); END;
}
static void formatted_n(int (*print)(char *, size_t, int, size_t, const char *, va_list), const char *format, ...)
{
	va_list list;
	va_start(list, format);
	print(buffer, 100, 1, 8192, format, list);
	va_end(list);
}
CASE(snprintf_chk_, "__snprintf_chk __vsnprintf_chk __asprintf_chk")
{
	NEED(int, __snprintf_chk, (char *, size_t, int, size_t, const char *, ...));
	NEED(int, __vsnprintf_chk, (char *, size_t, int, size_t, const char *, va_list));
	NEED(int, __asprintf_chk, (char **, int, const char *, ...));
	char *text;
	BEGIN; p___snprintf_chk(buffer, 100, 1, 8192, "%d", 1); formatted_n(p___vsnprintf_chk, "%d", 1); p___asprintf_chk(&text, 1, "%d", 1); END;
}
CASE(isoc_, "__isoc99_sscanf __isoc99_fscanf __isoc99_scanf")
{
	NEED(int, __isoc99_sscanf, (const char *, const char *, ...));
	NEED(int, __isoc99_fscanf, (FILE *, const char *, ...));
	NEED(int, __isoc99_scanf, (const char *, ...));
	FILE *f = stream("r");
	int i;
	BEGIN; p___isoc99_sscanf("12", "%d", &i); p___isoc99_fscanf(f, "%9s", buffer); p___isoc99_scanf("%d", &i); END;
}
CASE(isoc23_, "__isoc23_sscanf __isoc23_fscanf")
{
	NEED(int, __isoc23_sscanf, (const char *, const char *, ...));
	NEED(int, __isoc23_fscanf, (FILE *, const char *, ...));
	FILE *f = stream("r");
	int i;
	BEGIN; p___isoc23_sscanf("12", "%d", &i); p___isoc23_fscanf(f, "%9s", buffer); END;
}
LAST(stack_fail, "__stack_chk_fail") { NEED(void, __stack_chk_fail, (void)); BEGIN; p___stack_chk_fail(); }
LAST(chk_fail, "__chk_fail") { NEED(void, __chk_fail, (void)); BEGIN; p___chk_fail(); }
LAST(fortify_fail, "__fortify_fail") { NEED(void, __fortify_fail, (const char *)); BEGIN; p___fortify_fail("trace"); }
CASE(libc_finalize, "__cxa_atexit __cxa_finalize")
{
	NEED(int, __cxa_atexit, (void *, void *, void *));
	NEED(void, __cxa_finalize, (void *));
	static int handle;
	BEGIN; p___cxa_atexit(trace_find, NULL, &handle + 1); p___cxa_finalize(&handle); END;
}
