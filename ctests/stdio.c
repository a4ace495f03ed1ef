/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What stdio alone is for: descriptors that are open, pipes, waiting, signals, itself. */
#include "case.h"

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>

static char text[64];
static struct iovec iov = {text, 5};
static struct stat st;
static int ends[2];

#define ON_FILE(kind, id, words, ...)                                        \
    kind(id, words)                                                          \
    {                                                                        \
        int fd = open("file", O_RDWR);                                       \
        MUST(fd >= 0);                                                       \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

/* Reading and writing */
ON_FILE(ALLOWED, read, "stdio", read(fd, text, 5) == 5 && memcmp(text, "hello", 5) == 0)
ON_FILE(ALLOWED, write, "stdio", write(fd, "HELLO", 5) == 5)
ON_FILE(ALLOWED, readv, "stdio", readv(fd, &iov, 1) == 5 && writev(fd, &iov, 1) == 5)
ON_FILE(ALLOWED, pread, "stdio", pread(fd, text, 5, 6) == 5 && pwrite(fd, text, 5, 0) == 5)
ON_FILE(ALLOWED, preadv, "stdio", preadv(fd, &iov, 1, 6) == 5 && pwritev(fd, &iov, 1, 0) == 5)
ON_FILE(ALLOWED, lseek, "stdio", lseek(fd, 0, SEEK_END) == 12)
ON_FILE(ALLOWED, ftruncate, "stdio", ftruncate(fd, 0) == 0)
ON_FILE(ALLOWED, fsync, "stdio", fsync(fd) == 0 && fdatasync(fd) == 0)
ON_FILE(ALLOWED, fstat, "stdio", fstat(fd, &st) == 0)
ON_FILE(ALLOWED, mmap_file, "stdio",
        mmap(NULL, 12, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED)
ALLOW(umask, "stdio", umask(077) == 022)

/* Descriptors */
ON_FILE(ALLOWED, dup, "stdio", dup(fd) >= 0 && dup2(fd, 50) == 50 && dup3(fd, 51, O_CLOEXEC) == 51)
ON_FILE(ALLOWED, close, "stdio", close(fd) == 0)
ON_FILE(ALLOWED, dupfd, "stdio",
        fcntl(fd, F_DUPFD, 60) == 60 && fcntl(fd, F_DUPFD_CLOEXEC, 60) == 61)
ON_FILE(ALLOWED, getfd, "stdio", fcntl(fd, F_GETFD) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
ON_FILE(ALLOWED, getfl, "stdio",
        (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
ON_FILE(DENIED, setlease, "stdio rpath wpath", fcntl(fd, 1024 /* F_SETLEASE */, F_UNLCK) != 7)
ON_FILE(DENIED, notify, "stdio rpath wpath", fcntl(fd, 1026 /* F_NOTIFY */, 1) != 7)
ON_FILE(DENIED, fcntl_unknown, "stdio rpath wpath", fcntl(fd, 4711, 0) != 7)
ALLOW(pipe, "stdio", pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], text, 1) == 1)
ALLOW(pipe2, "stdio", pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0)

/* Waiting */
static struct pollfd in = {0, POLLIN, 0};
static struct timespec moment = {0, 1000};
static struct timeval instant = {0, 1000};
static fd_set fds;
ALLOW(poll, "stdio", poll(&in, 1, 0) >= 0)
ALLOW(ppoll, "stdio", ppoll(&in, 1, &moment, NULL) >= 0)
ALLOW(select, "stdio", select(0, &fds, NULL, NULL, &instant) == 0)
ALLOW(pselect, "stdio", pselect(0, &fds, NULL, NULL, &moment, NULL) == 0)
ALLOW(nanosleep, "stdio", nanosleep(&moment, NULL) == 0)
ALLOWED(epoll, "stdio")
{
    struct epoll_event event;
    int fd;

    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    MUST(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    PLEDGE();
    TRY((fd = epoll_create1(EPOLL_CLOEXEC)) >= 0);
    TRY(epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event) == 0);
    TRY(epoll_wait(fd, &event, 1, 0) == 1);
}

/* Signals and timers */
static sigset_t set;
static struct itimerval it;
ALLOW(sigprocmask, "stdio",
      sigemptyset(&set) == 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0 && sigpending(&set) == 0)
ALLOW(itimer, "stdio", getitimer(ITIMER_REAL, &it) == 0 && setitimer(ITIMER_REAL, &it, NULL) == 0)
ALLOW(alarm, "stdio", alarm(100) == 0 && alarm(0) > 0)
static volatile sig_atomic_t rang;
static void ring(int sig)
{
    rang = sig;
}
ALLOWED(sigreturn, "stdio")
{
    PLEDGE();
    TRY(signal(SIGALRM, ring) != SIG_ERR);
    TRY(ualarm(1000, 1000) == 0);
    while (!rang)
        pause();
}
ALLOWED(sigaltstack, "stdio")
{
    static char room[65536];
    stack_t stack;

    memset(&stack, 0, sizeof stack);
    stack.ss_sp = room;
    stack.ss_size = sizeof room;
    PLEDGE();
    TRY(sigaltstack(&stack, NULL) == 0);
}
ALLOWED(interrupted, "stdio")
{
    struct sigaction act;

    memset(&act, 0, sizeof act);
    act.sa_handler = ring;
    MUST(pipe(ends) == 0);
    PLEDGE();
    /* The first may come before read() waits. */
    TRY(sigaction(SIGALRM, &act, NULL) == 0 && ualarm(1000, 1000) == 0);
    TRY(read(ends[0], text, 1) == -1 && errno == EINTR);
}

/* About oneself and the machine */
static struct rusage usage;
static struct utsname uts;
ALLOW(getpid, "stdio", getpid() > 0 && getppid() > 0)
ALLOW(getrusage, "stdio", getrusage(RUSAGE_SELF, &usage) == 0)
ALLOW(uname, "stdio", uname(&uts) == 0)
ALLOW(sched_yield, "stdio", syscall(SYS_sched_yield) == 0)
ALLOW(gettid, "stdio", syscall(SYS_gettid) > 0)
ALLOW(getrandom, "stdio", syscall(SYS_getrandom, text, 16, 0) == 16)

/* Without stdio, next to nothing */
DENY(getpid_empty, "", syscall(SYS_getpid) > 0)
DENY(read_empty, "", read(0, text, 0) == 0)
DENY(close_empty, "", close(0) == 0)
DENY(open_empty, "", open("file", O_RDONLY) >= 0)
DENY(mmap_empty, "", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
DENY(fork_empty, "", fork() >= 0)
DENY(rpath_alone_dup, "rpath", fcntl(0, F_DUPFD, 10) >= 10)
ALLOW(rpath_alone_open, "rpath", open("file", O_RDONLY) >= 0)
/* Also where the C library has no function for it. */
ALLOW(close_range_by_number, "stdio", syscall(436, 100, ~0u, 0) == 0)
CALLED(abort_itself, 0)
{
    int end;
    pid_t pid;

    MUST(pledge("stdio proc", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0)
        abort();
    TRY(waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
}
CALLED(abort_empty, 0)
{
    int end;
    pid_t pid;

    MUST((pid = fork()) >= 0);
    if (pid == 0) {
        if (pledge("", NULL) == 0)
            abort();
        _exit(1);
    }
    TRY(waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
}
