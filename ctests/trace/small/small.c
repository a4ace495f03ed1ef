/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cases for small C libraries, which lack the headers and the constructors that the others use.
 * Built with -DDIETLIBC, -DKLIBC or -DLLVM_LIBC.  Prints its cases when called with an argument. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if !KLIBC
#include <sys/epoll.h>
#include <sys/sendfile.h>
#endif
#if !LLVM_LIBC
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/times.h>
#include <syslog.h>
#include <utime.h>
#endif
#if DIETLIBC
#include <netdb.h>
#include <sys/shm.h>
#endif
#if LLVM_LIBC
#include <sys/random.h>
#include <sys/statvfs.h>
#include <termios.h>
#endif

#include "small.h"

CALL(open, "/etc/passwd", O_RDONLY)
CALL(openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
CALL(creat, "/tmp/small-creat", 0600)
CALL(access, "/etc/passwd", R_OK)
CALL(chdir, "/tmp")
CALL(getcwd, buffer, sizeof buffer)
CALL(getpid)
CALL(getppid)
CALL(getuid)
CALL(geteuid)
CALL(mkdir, "/tmp/small-none/none", 0700)
CALL(rmdir, "/tmp/small-none")
CALL(unlink, "/tmp/small-none")
CALL(symlink, "/", "/tmp/small-none/none")
CALL(link, "/tmp/small-none", "/tmp/small-none/none")
CALL(rename, "/tmp/small-none", "/tmp/small-none/none")
CALL(remove, "/tmp/small-none")
CALL(readlink, "/proc/self/exe", buffer, sizeof buffer)
CALL(readlinkat, AT_FDCWD, "/proc/self/exe", buffer, sizeof buffer)
CALL(isatty, 0)
CALL(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0)
CALL(sched_yield)
CALL(mlockall, 64)
CALL(munlockall)
CALL(linkat, AT_FDCWD, "/tmp/small-none", AT_FDCWD, "/tmp/small-none/none", 0)
CALL(symlinkat, "/", AT_FDCWD, "/tmp/small-none/none")
CALL(unlinkat, AT_FDCWD, "/tmp/small-none", 0)
CALL(mkdirat, AT_FDCWD, "/tmp/small-none/none", 0700)
CALL(dup, 0)
CALL(dup2, 0, 9)
CALL(dup3, 0, 9, 0)
CALL(wait4, -1, NULL, WNOHANG, NULL)
CALL(waitpid, -1, NULL, WNOHANG)
ON_FD(close)
ON_FD(fsync)
ON_FD(read, , buffer, 4)
ON_FD(write, , "x", 1)
ON_FD(pread, , buffer, 4, 0)
ON_FD(pwrite, , "x", 1, 0)
ON_FD(lseek, , 0, SEEK_END)
ON_FD(ftruncate, , 1)
ON_FD(fchmod, , 0600)
ON_FD(fcntl, , F_GETFL)
ON_PATH(chmod, , 0600)
CASE(stat_, "stat") { struct stat s; BEGIN; USE(stat("/", &s)); END; }
CASE(lstat_, "lstat") { struct stat s; BEGIN; USE(lstat("/", &s)); END; }
CASE(fstat_, "fstat") { struct stat s; BEGIN; USE(fstat(0, &s)); END; }
CASE(pipe_, "pipe") { int p[2]; BEGIN; USE(pipe(p)); END; }
CASE(uname_, "uname") { struct utsname u; BEGIN; USE(uname(&u)); END; }
CASE(mmap_, "mmap munmap mprotect msync")
{
	void *at;
	BEGIN;
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	USE(mprotect(at, 4096, PROT_READ | PROT_WRITE));
	USE(msync(at, 4096, MS_SYNC));
	USE(munmap(at, 4096));
	END;
}
CASE(mlock_, "mlock munlock") { BEGIN; USE(mlock(buffer, 1)); USE(munlock(buffer, 1)); END; }
CASE(execve_, "execve") { BEGIN; USE(execve("/tmp/small-none", NULL, NULL)); END; }

#if !LLVM_LIBC
CALL(getgid)
CALL(getegid)
CALL(getpgid, 0)
CALL(getpgrp)
CALL(getsid, 0)
CALL(setpgid, 0, 0)
CALL(setsid)
CASE(setuid_, "setuid getuid") { BEGIN; USE(setuid(getuid())); END; }
CASE(setgid_, "setgid getgid") { BEGIN; USE(setgid(getgid())); END; }
CASE(seteuid_, "seteuid geteuid") { BEGIN; USE(seteuid(geteuid())); END; }
CASE(setegid_, "setegid getegid") { BEGIN; USE(setegid(getegid())); END; }
CALL(setreuid, -1, -1)
CALL(setregid, -1, -1)
CALL(setresuid, -1, -1, -1)
CALL(getgroups, 0, NULL)
CALL(umask, 022)
CALL(alarm, 0)
CALL(nice, 0)
CALL(getpriority, PRIO_PROCESS, 0)
CALL(setpriority, PRIO_PROCESS, 0, 0)
CASE(kill_, "kill getpid") { BEGIN; USE(kill(getpid(), 0)); END; }
CALL(time, NULL)
CALL(sleep, 0)
CALL(lchown, "/tmp/small-none", -1, -1)
CALL(chown, "/tmp/small-none", -1, -1)
CALL(mknod, "/tmp/small-none/none", S_IFIFO | 0600, 0)
CASE(utime_, "utime") { struct utimbuf t = { 0, 0 }; BEGIN; USE(utime("/tmp/small-none", &t)); END; }
CALL(utimes, "/tmp/small-none", NULL)
CALL(fopen, "/etc/passwd", "r")
CALL(opendir, "/")
CALL(getenv, "HOME")
CALL(setenv, "SMALL", "x", 1)
CALL(malloc, 100)
CALL(strdup, "small")
CALL(gethostname, buffer, sizeof buffer)
CALL(system, "exit 0")
CALL(puts, "small")
CALL(printf, "small %d\n", 1)
CALL(getpwnam, "root")
CALL(getgrnam, "root")
CALL(getpwuid, 0)
CALL(getgrgid, 0)
ON_FD(fdatasync)
ON_FD(fchown, , -1, -1)
ON_FD(fdopen, , "r")
ON_FD(flock, , 0)
CASE(fchdir_, "fchdir") { int fd = open("/", O_RDONLY); BEGIN; USE(fchdir(fd)); END; }
CASE(pipe2_, "pipe2") { int p[2]; BEGIN; USE(pipe2(p, O_CLOEXEC)); END; }
CASE(gettimeofday_, "gettimeofday") { struct timeval t; BEGIN; USE(gettimeofday(&t, NULL)); END; }
CASE(times_, "times") { struct tms t; BEGIN; USE(times(&t)); END; }
CASE(getrusage_, "getrusage") { struct rusage r; BEGIN; USE(getrusage(RUSAGE_SELF, &r)); END; }
CASE(nanosleep_, "nanosleep") { struct timespec t = { 0, 1 }; BEGIN; USE(nanosleep(&t, NULL)); END; }
CASE(usleep_, "usleep") { BEGIN; usleep(1); END; }
CASE(getitimer_, "getitimer setitimer")
{
	struct itimerval t;
	BEGIN;
	USE(getitimer(ITIMER_REAL, &t));
	USE(setitimer(ITIMER_REAL, &t, NULL));
	END;
}
CASE(poll_, "poll") { struct pollfd p = { 0, POLLIN, 0 }; BEGIN; USE(poll(&p, 1, 0)); END; }
CASE(select_, "select") { struct timeval t = { 0, 1 }; BEGIN; USE(select(0, NULL, NULL, NULL, &t)); END; }
CASE(signal_, "signal") { BEGIN; USE(signal(SIGUSR1, SIG_IGN) == SIG_ERR); END; }
CASE(raise_, "signal raise") { BEGIN; signal(SIGUSR1, SIG_IGN); USE(raise(SIGUSR1)); END; }
CASE(sigaction_, "sigaction") { struct sigaction s; BEGIN; USE(sigaction(SIGUSR1, NULL, &s)); END; }
CASE(sigprocmask_, "sigprocmask sigpending")
{
	sigset_t s;
	BEGIN;
	USE(sigprocmask(SIG_BLOCK, NULL, &s));
	USE(sigpending(&s));
	END;
}
CASE(fork_, "fork waitpid _exit")
{
	pid_t child;
	BEGIN;
	child = fork();
	if (child == 0)
		_exit(0);
	USE(waitpid(child, NULL, 0));
	END;
}
CASE(vfork_, "vfork wait _exit")
{
	BEGIN;
	if (vfork() == 0)
		_exit(0);
	USE(wait(NULL));
	END;
}
CASE(execl_, "execl") { BEGIN; USE(execl("/tmp/small-none", "none", NULL)); END; }
CASE(execvp_, "execvp") { char *v[] = { "none", NULL }; BEGIN; USE(execvp("small-none", v)); END; }
LAST(exit_, "exit") { BEGIN; exit(0); }
LAST(exit__, "_exit") { BEGIN; _exit(0); }
LAST(abort_, "abort") { BEGIN; abort(); }
CASE(socket_, "socket bind listen getsockname close")
{
	struct sockaddr_un a = { AF_UNIX, "" };
	socklen_t size = sizeof a;
	int s;
	BEGIN;
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	USE(bind(s, (void *)&a, 2));
	USE(listen(s, 1));
	USE(getsockname(s, (void *)&a, &size));
	close(s);
	END;
}
CASE(accept_, "accept accept4 connect getpeername")
{
	struct sockaddr_un a = { AF_UNIX, "" };
	socklen_t size = sizeof a;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	USE(bind(s, (void *)&a, 2) | listen(s, 1) | getsockname(s, (void *)&a, &size));
	fcntl(s, F_SETFL, O_NONBLOCK);
	BEGIN;
	USE(connect(c, (void *)&a, size));
	USE(getpeername(c, (void *)&a, &size));
	USE(accept(s, NULL, NULL));
	USE(accept4(s, NULL, NULL, 0));
	END;
}
CASE(send_, "socketpair send recv sendto recvfrom shutdown setsockopt getsockopt")
{
	int s[2], one = 1;
	socklen_t size = sizeof one;
	BEGIN;
	USE(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	USE(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &one, sizeof one));
	USE(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &one, &size));
	USE(send(s[0], "x", 1, 0));
	USE(recv(s[1], buffer, 1, 0));
	USE(sendto(s[0], "x", 1, 0, NULL, 0));
	USE(recvfrom(s[1], buffer, 1, 0, NULL, NULL));
	USE(shutdown(s[0], 2));
	END;
}
CASE(sendmsg_, "sendmsg recvmsg")
{
	struct iovec v = { buffer, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int s[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	BEGIN;
	USE(sendmsg(s[0], &m, 0));
	USE(recvmsg(s[1], &m, 0));
	END;
}
CASE(fread_, "fopen fread fgets fgetc fseek ftell rewind fclose")
{
	FILE *f;
	close(own());
	BEGIN;
	f = fopen(path, "r+");
	USE(fread(buffer, 1, 3, f));
	USE(fgets(buffer, 10, f));
	USE(fgetc(f));
	USE(fseek(f, 1, SEEK_SET));
	USE(ftell(f));
	rewind(f);
	USE(fclose(f));
	END;
	unlink(path);
}
CASE(fwrite_, "fopen fwrite fputs fputc fprintf fflush ungetc fclose")
{
	FILE *f;
	close(own());
	BEGIN;
	f = fopen(path, "w");
	USE(fwrite(buffer, 1, 3000, f));
	USE(fputs("x", f));
	USE(fputc('x', f));
	USE(fprintf(f, "%d %s\n", 1, "x"));
	USE(fflush(f));
	USE(ungetc('x', f));
	USE(fclose(f));
	END;
	unlink(path);
}
CASE(snprintf_, "snprintf sprintf sscanf strtol")
{
	int n;
	BEGIN;
	snprintf(buffer, 20, "%d %x %s", 1, 2, "x");
	sprintf(buffer, "%d", 1);
	sscanf(buffer, "%d", &n);
	USE(strtol("1", NULL, 0));
	END;
}
CASE(readdir_, "opendir readdir closedir")
{
	DIR *d;
	BEGIN;
	d = opendir("/");
	USE(readdir(d) != NULL);
	USE(closedir(d));
	END;
}
CASE(scandir_, "scandir") { struct dirent **d; BEGIN; USE(scandir("/", &d, NULL, alphasort)); END; }
CASE(realloc_, "malloc calloc realloc free")
{
	char *p;
	BEGIN;
	p = malloc(10);
	p = realloc(p, 100000);
	free(p);
	p = calloc(1000, 1000);
	free(p);
	END;
}
CASE(sbrk_, "sbrk") { BEGIN; USE(sbrk(0) == NULL); END; }
CASE(mremap_, "mremap")
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	BEGIN;
	USE(mremap(at, 4096, 8192, MREMAP_MAYMOVE) == NULL);
	END;
}
CASE(syslog_, "openlog syslog closelog")
{
	BEGIN;
	openlog("small", LOG_PID, LOG_USER);
	syslog(LOG_INFO, "x");
	closelog();
	END;
}
CASE(daemon_, "daemon") { BEGIN; USE(daemon(0, 0)); END; }
#endif

#if DIETLIBC
CALL(tmpfile)
CALL(getlogin)
CALL(getservbyname, "domain", "udp")
CALL(getprotobyname, "udp")
CALL(epoll_create, 1)
CALL(sync)
CALL(killpg, 0, 0)
CALL(ttyname, 0)
CALL(shmget, IPC_PRIVATE, 4096, 0600)
CALL(getdtablesize)
CALL(sysconf, _SC_NPROCESSORS_ONLN)
CASE(mkstemp_, "mkstemp") { char t[] = "/tmp/smallXXXXXX"; BEGIN; USE(mkstemp(t)); END; unlink(t); }
CASE(localtime_, "localtime") { time_t t = 1; BEGIN; USE(localtime(&t) != NULL); END; }
CASE(mktime_, "mktime strftime")
{
	struct tm t = { 0 };
	BEGIN;
	USE(mktime(&t));
	USE(strftime(buffer, 100, "%c %Z", &t));
	END;
}
CASE(gethostbyname_, "gethostbyname") { BEGIN; USE(gethostbyname("localhost") != NULL); END; }
CASE(getaddrinfo_, "getaddrinfo freeaddrinfo")
{
	struct addrinfo *a = NULL;
	BEGIN;
	if (!getaddrinfo("localhost", "80", NULL, &a))
		freeaddrinfo(a);
	END;
}
CASE(clock_gettime_, "clock_gettime") { struct timespec t; BEGIN; USE(clock_gettime(CLOCK_REALTIME, &t)); END; }
CASE(getrlimit_, "getrlimit setrlimit")
{
	struct rlimit r;
	BEGIN;
	USE(getrlimit(RLIMIT_CORE, &r));
	USE(setrlimit(RLIMIT_CORE, &r));
	END;
}
CASE(atexit_, "atexit") { BEGIN; USE(atexit(abort)); END; }
CASE(perror__, "perror") { BEGIN; perror("small"); END; }
CASE(arc4random_, "arc4random") { BEGIN; USE(arc4random()); END; }
#endif

#if KLIBC
CALL(realpath, "/tmp/..", buffer)
CALL(faccessat, AT_FDCWD, "/", R_OK, 0)
CALL(inotify_init)
CASE(perror__, "perror") { BEGIN; perror("small"); END; }
CASE(sched_getaffinity_, "sched_getaffinity") { BEGIN; USE(sched_getaffinity(0, 8, (void *)buffer)); END; }
#endif

#if LLVM_LIBC
CALL(gettid)
CALL(getrandom, buffer, 8, 0)
CALL(truncate, "/tmp/small-none", 1)
CALL(fchmodat, AT_FDCWD, "/tmp/small-none", 0600, 0)
CALL(epoll_create, 1)
CALL(epoll_create1, 0)
CALL(sched_getscheduler, 0)
CALL(sched_get_priority_max, SCHED_FIFO)
CALL(sched_get_priority_min, SCHED_FIFO)
CALL(madvise, NULL, 0, MADV_NORMAL)
CALL(posix_madvise, NULL, 0, 0)
CALL(sendfile, 1, 0, NULL, 0)
CALL(shm_open, "/small", O_RDWR, 0600)
CALL(shm_unlink, "/small")
CALL(sysconf, _SC_PAGESIZE)
CALL(pathconf, "/", _PC_NAME_MAX)
CALL(fpathconf, 0, _PC_NAME_MAX)
CALL(tcdrain, 0)
CALL(tcflow, 0, TCOON)
CALL(tcflush, 0, TCIFLUSH)
CALL(tcgetsid, 0)
CALL(tcsendbreak, 0, 0)
CALL(mincore, NULL, 0, (void *)buffer)
CASE(tcgetattr_, "tcgetattr tcsetattr")
{
	struct termios t;
	BEGIN;
	USE(tcgetattr(0, &t));
	USE(tcsetattr(0, TCSANOW, &t));
	END;
}
CASE(statvfs_, "statvfs fstatvfs")
{
	struct statvfs s;
	BEGIN;
	USE(statvfs("/", &s));
	USE(fstatvfs(0, &s));
	END;
}
CASE(getrlimit_, "getrlimit setrlimit")
{
	struct rlimit r;
	BEGIN;
	USE(getrlimit(RLIMIT_CORE, &r));
	USE(setrlimit(RLIMIT_CORE, &r));
	END;
}
CASE(epoll_, "epoll_ctl epoll_wait")
{
	struct epoll_event e = { 0 };
	BEGIN;
	USE(epoll_ctl(0, EPOLL_CTL_ADD, 0, &e));
	USE(epoll_wait(0, &e, 1, 0));
	END;
}
CASE(snprintf_, "snprintf strtol")
{
	BEGIN;
	snprintf(buffer, 20, "%d %x %s", 1, 2, "x");
	USE(strtol("1", NULL, 0));
	END;
}
#endif
