/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every call that can signal another process, and calls told apart by half of an argument. */
#include "case.h"

#include <mqueue.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#endif
#define FIOSETOWN 0x8901
#define SIOCSPGRP 0x8902
#define PIDFD_OPEN 434
#define PIDFD_SEND_SIGNAL 424
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static char bytes[4096];
static pid_t child;
static int at = -1, pair[2];
static siginfo_t info = {.si_code = SI_QUEUE};

/* In a group of its own, and gone by any signal. */
static pid_t victim(void)
{
    pid_t self = getpid();

    MUST((child = fork()) >= 0);
    if (child == 0) {
        setpgid(0, 0);
        WAIT_FOR(self);
    }
    setpgid(child, child);
    info.si_pid = getpid();
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    return child;
}

/* Did it come? */
static int died(void)
{
    return waitpid(child, NULL, 0) == child;
}

#define TO_OTHER(id, words, before, ...)                                     \
    DENIED(id, words)                                                        \
    {                                                                        \
        victim();                                                            \
        before;                                                              \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
#define NO_PROC "stdio rpath wpath cpath inet unix flock tty exec"
TO_OTHER(killed, NO_PROC, (void)0, kill(child, SIGTERM) == 0 && died())
TO_OTHER(killed_group, NO_PROC, (void)0, kill(-child, SIGTERM) == 0 && died())
#ifdef __LP64__
TO_OTHER(killed_upper_half, NO_PROC, (void)0, syscall(SYS_kill, 0x100000000 | child, SIGTERM) == 0
         && died())
#endif
TO_OTHER(killed_sign, NO_PROC, (void)0,
         syscall(SYS_kill, 0xffffffffUL & (unsigned long)-child, SIGTERM) == 0 && died())
TO_OTHER(thread_killed, NO_PROC, (void)0, syscall(SYS_tkill, child, SIGTERM) == 0 && died())
TO_OTHER(thread_of_group_killed, NO_PROC, (void)0, syscall(SYS_tgkill, child, child, SIGTERM) == 0
         && died())
TO_OTHER(queued, NO_PROC, (void)0, syscall(SYS_rt_sigqueueinfo, child, SIGTERM, &info) == 0
         && died())
TO_OTHER(thread_queued, NO_PROC, (void)0,
         syscall(SYS_rt_tgsigqueueinfo, child, child, SIGTERM, &info) == 0 && died())
TO_OTHER(by_descriptor, NO_PROC, NEED("pidfd_open", (at = (int)syscall(PIDFD_OPEN, child, 0)) >= 0),
         syscall(PIDFD_SEND_SIGNAL, at, SIGTERM, NULL, 0) == 0 && died())
TO_OTHER(descriptor_of, NO_PROC,
         NEED("pidfd_open", case_is_pledged || syscall(PIDFD_OPEN, child, 0) >= 0),
         syscall(PIDFD_OPEN, child, 0) >= 0)
/* What arrives on a socket is told its owner. */
#define ARRIVES() fcntl(pair[0], F_SETFL, O_ASYNC) == 0 && write(pair[1], "x", 1) == 1 && died()
TO_OTHER(owned, NO_PROC, (void)0, fcntl(pair[0], F_SETOWN, child) == 0 && ARRIVES())
TO_OTHER(owned_group, NO_PROC, (void)0, fcntl(pair[0], F_SETOWN, -child) == 0 && ARRIVES())
TO_OTHER(owned_ex, NO_PROC, (void)0,
         syscall(SYS_fcntl, pair[0], F_SETOWN_EX, (int[]){1, child}) == 0 && ARRIVES())
#ifdef __LP64__
TO_OTHER(owned_upper_half, NO_PROC, (void)0,
         syscall(SYS_fcntl, pair[0], 0x100000000 | F_SETOWN, child) == 0 && ARRIVES())
#endif
TO_OTHER(owned_ioctl, NO_PROC, (void)0, ioctl(pair[0], FIOSETOWN, &child) == 0 && ARRIVES())
TO_OTHER(owned_socket, NO_PROC, (void)0, ioctl(pair[0], SIOCSPGRP, &child) == 0 && ARRIVES())
TO_OTHER(owned_by_number, NO_PROC, (void)0, fcntl(pair[0], 10 /* F_SETSIG */, SIGTERM) == 0
         && fcntl(pair[0], F_SETOWN, child) == 0 && ARRIVES())
TO_OTHER(asynchronous, NO_PROC, (void)0, ioctl(pair[0], FIOASYNC, &(int){1}) == 0)
TO_OTHER(priority, NO_PROC, (void)0, setpriority(PRIO_PROCESS, (id_t)child, 5) == 0)
TO_OTHER(io_priority, NO_PROC, (void)0, syscall(SYS_ioprio_set, 1, child, 0x4000) == 0)
TO_OTHER(placed, NO_PROC, MUST(syscall(SYS_sched_getaffinity, child, sizeof bytes, bytes) > 0),
         syscall(SYS_sched_setaffinity, child, 128, bytes) == 0)
TO_OTHER(scheduled, NO_PROC, (void)0, syscall(SYS_sched_setattr, child, (uint32_t[12]){48}, 0) == 0)
TO_OTHER(regrouped, NO_PROC, (void)0, setpgid(child, child) == 0)
/* These reach nobody else: the kernel says so itself. */
static int timer(void)
{
    struct sigevent event;
    int id;

    memset(&event, 0, sizeof event);
    event.sigev_notify = 4; /* SIGEV_THREAD_ID */
    event.sigev_signo = SIGTERM;
    *(int *)((char *)&event + sizeof(union sigval) + 8) = child;
    return (int)syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
}
ALLOWED(timer_of_other, "stdio")
{
    victim();
    PLEDGE();
    TRY(timer() == -1 && errno == EINVAL);
}
ALLOWED(death_signal, "stdio")
{
    PLEDGE();
    TRY(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
}
DENIED(queue_tells, "stdio")
{
    struct sigevent event;
    mqd_t queue = mq_open("/rpledge-tells", O_CREAT | O_RDWR, 0600, NULL);

    NEED("message queues", queue != (mqd_t)-1);
    mq_unlink("/rpledge-tells");
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    PLEDGE();
    TRY(mq_notify(queue, &event) == 0);
}

#define HALF(id, words, ...) DENIED(id, words) { PLEDGE(); TRY(__VA_ARGS__); }
#ifdef __LP64__
/* What the kernel reads of an argument decides, no more and no less */
HALF(half_open, "stdio rpath",
     syscall(SYS_openat, AT_FDCWD, "file", 0xffffffff00000000 | O_WRONLY) >= 0)
HALF(half_directory, "stdio rpath",
     syscall(SYS_openat, 0xffffff9cUL /* AT_FDCWD, not extended */, "file", O_WRONLY) >= 0)
ALLOWED(half_directory_read, "stdio rpath") { PLEDGE();
        TRY(syscall(SYS_openat, 0xffffff9cUL, "file", O_RDONLY) >= 0); }
HALF(half_code, "stdio", syscall(SYS_mmap, 0, 4096, 0xdead000000000000 | PROT_READ | PROT_EXEC,
     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1)
HALF(half_family, "stdio inet", syscall(SYS_socket, 0x100000000 | AF_UNIX, SOCK_STREAM, 0) >= 0)
HALF(half_type, "stdio inet", syscall(SYS_socket, AF_UNIX, 0x100000000 | SOCK_STREAM, 0) >= 0)
HALF(half_pair, "stdio", syscall(SYS_socketpair, 0x100000000 | AF_INET, SOCK_STREAM, 0, pair) == 0
     || errno == EOPNOTSUPP)
HALF(half_option, "stdio", syscall(SYS_prctl, 0x100000000 | PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0)
HALF(half_limit, "stdio", syscall(SYS_prlimit64, 0x100000000, RLIMIT_CORE, bytes, 0) == 0)
/* A pointer counts as a whole: this one's lower half is 0. */
static void *low_zero(void)
{
    void *map = mmap((void *)0x500000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    MUST(map == (void *)0x500000000);
    return map;
}
#define WHOLE(id, words, ...) DENIED(id, words) { void *map = low_zero(); PLEDGE(); TRY(__VA_ARGS__); }
WHOLE(whole_limit, "stdio", syscall(SYS_prlimit64, 0, RLIMIT_CORE, map, 0) == 0)
WHOLE(whole_times, "stdio fattr", syscall(SYS_utimensat, AT_FDCWD, strcpy(map, "file"), 0, 0) == 0)
DENIED(whole_address, "stdio")
{
    struct sockaddr_in *to = low_zero();

    to->sin_family = AF_INET;
    to->sin_port = htons(9);
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST((at = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    PLEDGE();
    TRY(syscall(SYS_sendto, at, "x", 1, 0, to, sizeof *to) == 1);
}
REFUSED(whole_action, "stdio")
{
    void *map = low_zero();

    PLEDGE();
    TRY(syscall(SYS_rt_sigaction, SIGSYS, map, 0, 8) == 0);
}

#endif

/* Sockets that go around what is looked at */
HALF(multipath, "stdio inet", syscall(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP) >= 0
     || errno == EPROTONOSUPPORT)
HALF(raw, "stdio inet", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || errno == EPERM)
HALF(crypto, "stdio inet unix", socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0) >= 0
     || errno == EAFNOSUPPORT)
HALF(packets, "stdio inet unix", socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno == EPERM
     || errno == EAFNOSUPPORT)
HALF(machines, "stdio inet unix", socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) >= 0
     || errno == EAFNOSUPPORT)
HALF(netlink, "stdio inet unix", socket(AF_NETLINK, SOCK_RAW, 16 /* NETLINK_GENERIC */) >= 0)
/* One that listens, and a socket to reach it with. */
static struct sockaddr_in listener(void)
{
    struct sockaddr_in to;
    socklen_t len = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(fd, (struct sockaddr *)&to, sizeof to) == 0 && listen(fd, 1) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&to, &len) == 0);
    MUST((at = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    return to;
}
/* Connects on its own, where connect(2) may not. */
DENIED(fast_open, "stdio")
{
    struct sockaddr_in to = listener();

    PLEDGE();
    TRY(syscall(SYS_sendto, at, "x", 1, 0x20000000 /* MSG_FASTOPEN */, &to, sizeof to) == 1);
}
/* Made by its parts, of which one shows where it goes. */
DENIED(fast_open_message, "stdio")
{
    struct sockaddr_in to = listener();
    struct iovec iov = {bytes, 1};
    struct msghdr message;

    memset(&message, 0, sizeof message);
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    PLEDGE();
    TRY(sendmsg(at, &message, 0x20000000) == 1);
}
