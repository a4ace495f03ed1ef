/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Messages without ancillary data, which need no promise to pass descriptors: made of other calls, they are as they were. */
#include "case.h"

#include <netinet/in.h>
#include <sys/time.h>
#include <sys/uio.h>

static int pair[2];
static char in[64];

static void open_pair(int type)
{
    MUST(socketpair(AF_UNIX, type, 0, pair) == 0);
}

/* Parts of "one", "", "two", "three". */
static struct iovec parts[4];
static struct msghdr message(int count)
{
    static char words[] = "onetwothree";
    struct msghdr msg;

    memset(&msg, 0, sizeof msg);
    parts[0] = (struct iovec){words, 3};
    parts[1] = (struct iovec){words, 0};
    parts[2] = (struct iovec){words + 3, 3};
    parts[3] = (struct iovec){words + 6, 5};
    msg.msg_iov = parts;
    msg.msg_iovlen = count;
    return msg;
}

static struct msghdr space(struct iovec *iov, size_t first, size_t second)
{
    struct msghdr msg;

    memset(&msg, 0, sizeof msg);
    iov[0] = (struct iovec){in, first};
    iov[1] = (struct iovec){in + 32, second};
    msg.msg_iov = iov;
    msg.msg_iovlen = second > 0 ? 2 : 1;
    return msg;
}

#define SENT(id, type, count, flags, length)                                 \
    ALLOWED(id, "stdio")                                                     \
    {                                                                        \
        struct msghdr msg = message(count);                                  \
                                                                             \
        open_pair(type);                                                     \
        PLEDGE();                                                            \
        TRY(sendmsg(pair[0], &msg, flags) == length);                        \
        TRY(recv(pair[1], in, sizeof in, 0) == length);                      \
        TRY(memcmp(in, "onetwothree", length) == 0);                         \
    }
SENT(send_one, SOCK_STREAM, 1, 0, 3)
SENT(send_parts, SOCK_STREAM, 4, 0, 11)
SENT(send_parts_nosignal, SOCK_STREAM, 4, MSG_NOSIGNAL, 11)
SENT(send_parts_dontwait, SOCK_STREAM, 4, MSG_DONTWAIT, 11)
SENT(send_datagram, SOCK_DGRAM, 4, 0, 11)
SENT(send_datagram_nosignal, SOCK_DGRAM, 4, MSG_NOSIGNAL, 11)
SENT(send_seqpacket, SOCK_SEQPACKET, 4, 0, 11)
SENT(send_first_empty, SOCK_DGRAM, 2, MSG_NOSIGNAL, 3)

ALLOWED(send_nothing, "stdio")
{
    struct msghdr msg = message(0);

    open_pair(SOCK_DGRAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 0 && recv(pair[1], in, sizeof in, 0) == 0);
}

/* One message stays one message, and no part of it gets lost. */
ALLOWED(receive_parts, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 32);

    open_pair(SOCK_DGRAM);
    msg.msg_flags = -1;
    MUST(send(pair[0], "onetwothree", 11, 0) == 11 && send(pair[0], "x", 1, 0) == 1);
    PLEDGE();
    TRY(recvmsg(pair[1], &msg, 0) == 11 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
    TRY(memcmp(in, "onet", 4) == 0 && memcmp(in + 32, "wothree", 7) == 0);
    TRY(recvmsg(pair[1], &msg, MSG_DONTWAIT) == 1 && in[0] == 'x');
}

/* The second part can be read, and not be written; what lies behind the first stays. */
ALLOWED(receive_fault, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 7);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(page != MAP_FAILED);
    memset(in, '#', sizeof in);
    open_pair(SOCK_DGRAM);
    MUST(send(pair[0], "onetwothree", 11, 0) == 11 && send(pair[0], "onetwothree", 11, 0) == 11);
    PLEDGE();
    iov[1].iov_base = page;
    TRY(recvmsg(pair[1], &msg, 0) == -1 && errno == EFAULT);
    iov[1].iov_base = in + 16;
    TRY(recvmsg(pair[1], &msg, 0) == 11);
    TRY(memcmp(in, "onet############wothree#########", 32) == 0);
}
ALLOWED(receive_cut, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 0);

    open_pair(SOCK_DGRAM);
    MUST(send(pair[0], "onetwothree", 11, 0) == 11 && send(pair[0], "onetwothree", 11, 0) == 11);
    PLEDGE();
    TRY(recvmsg(pair[1], &msg, 0) == 4 && msg.msg_flags & MSG_TRUNC);
    TRY(recvmsg(pair[1], &msg, MSG_TRUNC) == 11 && msg.msg_flags & MSG_TRUNC);
}

/* Of a stream nothing is thrown away. */
ALLOWED(receive_stream, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 0);

    open_pair(SOCK_STREAM);
    MUST(send(pair[0], "onetwothree", 11, 0) == 11);
    PLEDGE();
    TRY(recvmsg(pair[1], &msg, MSG_PEEK) == 4 && memcmp(in, "onet", 4) == 0);
    TRY(recvmsg(pair[1], &msg, 0) == 4 && (msg.msg_flags & MSG_TRUNC) == 0);
    TRY(recvmsg(pair[1], &msg, 0) == 4 && memcmp(in, "woth", 4) == 0);
    TRY(recvmsg(pair[1], &msg, 0) == 3 && close(pair[0]) == 0);
    TRY(recvmsg(pair[1], &msg, 0) == 0);
}

static int bound(struct sockaddr_in *to)
{
    socklen_t len = sizeof *to;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(fd, (struct sockaddr *)to, sizeof *to) == 0);
    MUST(getsockname(fd, (struct sockaddr *)to, &len) == 0);
    return fd;
}

ALLOWED(names, "stdio inet")
{
    struct sockaddr_in to, from;
    int there = bound(&to), here = bound(&from);
    struct iovec iov[2];
    struct msghdr msg = message(4), got = space(iov, 32, 0);
    struct sockaddr_in told;

    msg.msg_name = &to;
    msg.msg_namelen = sizeof to;
    got.msg_name = &told;
    got.msg_namelen = sizeof told + 7;
    PLEDGE();
    TRY(sendmsg(here, &msg, 0) == 11);
    TRY(recvmsg(there, &got, 0) == 11 && got.msg_namelen == sizeof told);
    TRY(told.sin_port == from.sin_port && got.msg_iov == iov && got.msg_iovlen == 1);
}

DENIED(name_without_inet, "stdio")
{
    struct sockaddr_in to;
    int fd = bound(&to);
    struct msghdr msg = message(4);

    msg.msg_name = &to;
    msg.msg_namelen = sizeof to;
    PLEDGE();
    TRY(sendmsg(fd, &msg, 0) == 11);
}

ALLOWED(several, "stdio inet")
{
    struct sockaddr_in to;
    int fd = bound(&to);
    struct mmsghdr out[3], got[3];
    struct iovec iov[3];
    int n;

    memset(out, 0, sizeof out);
    memset(got, 0, sizeof got);
    for (n = 0; n < 3; n++) {
        out[n].msg_hdr = message(n + 1);
        out[n].msg_hdr.msg_name = &to;
        out[n].msg_hdr.msg_namelen = sizeof to;
        iov[n] = (struct iovec){in + 8 * n, 8};
        got[n].msg_hdr.msg_iov = &iov[n];
        got[n].msg_hdr.msg_iovlen = 1;
    }
    PLEDGE();
    TRY(sendmmsg(fd, out, 3, 0) == 3 && out[1].msg_len == 3 && out[2].msg_len == 6);
    TRY(recvmmsg(fd, got, 3, MSG_WAITFORONE, NULL) == 3 && got[2].msg_len == 6);
    TRY(memcmp(in + 16, "onetwo", 6) == 0);
    TRY(recvmmsg(fd, got, 3, MSG_DONTWAIT, NULL) == -1 && errno == EAGAIN);
    out[1].msg_hdr.msg_iov = (struct iovec *)8;
    TRY(sendmmsg(fd, out, 3, 0) == 1);
}

/* What a kernel says to bad arguments is still said. */
#define FAILS(id, type, err, call)                                           \
    ALLOWED(id, "stdio")                                                     \
    {                                                                        \
        struct msghdr msg = message(4);                                      \
                                                                             \
        open_pair(type);                                                     \
        PLEDGE();                                                            \
        TRY((call) == -1 && errno == err);                                   \
    }
FAILS(bad_header, SOCK_STREAM, EFAULT, syscall(SYS_sendmsg, pair[0], 8, 0))
FAILS(bad_parts, SOCK_STREAM, EFAULT, (msg.msg_iov = (void *)8, sendmsg(pair[0], &msg, 0)))
FAILS(bad_part, SOCK_STREAM, EFAULT,
      (parts[0].iov_base = (void *)8, msg.msg_iovlen = 1, sendmsg(pair[0], &msg, 0)))
FAILS(bad_part_copied, SOCK_DGRAM, EFAULT,
      (parts[2].iov_base = (void *)8, sendmsg(pair[0], &msg, MSG_NOSIGNAL)))
FAILS(too_many_parts, SOCK_STREAM, EMSGSIZE, (msg.msg_iovlen = 1025, sendmsg(pair[0], &msg, 0)))
FAILS(no_descriptor, SOCK_STREAM, EBADF, sendmsg(-1, &msg, 0))
FAILS(no_socket, SOCK_STREAM, ENOTSOCK, sendmsg(2, &msg, 0))
FAILS(no_socket_to_read, SOCK_STREAM, ENOTSOCK, recvmsg(2, &msg, 0))
FAILS(would_wait, SOCK_STREAM, EAGAIN, recvmsg(pair[0], &msg, MSG_DONTWAIT))
FAILS(broken, SOCK_STREAM, EPIPE, (close(pair[1]), sendmsg(pair[0], &msg, MSG_NOSIGNAL)))

/* A message that asks to pass or to take something needs its promise. */
union room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static struct msghdr with_descriptor(union room *room)
{
    struct msghdr msg = message(1);
    struct cmsghdr *control;
    int fd = 2;

    memset(room, 0, sizeof *room);
    msg.msg_control = room;
    msg.msg_controllen = sizeof *room;
    control = CMSG_FIRSTHDR(&msg);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
    return msg;
}

REFUSED(pass_descriptor, "stdio")
{
    union room room;
    struct msghdr msg = with_descriptor(&room);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}

REFUSED(take_descriptor, "stdio")
{
    union room room;
    struct msghdr msg = with_descriptor(&room);

    open_pair(SOCK_STREAM);
    MUST(sendmsg(pair[0], &msg, 0) == 3);
    PLEDGE();
    TRY(recvmsg(pair[1], &msg, 0) == 3);
}

/* Nobody who asks for no descriptor gets one: it is closed, as without a pledge. */
ALLOWED(descriptor_dropped, "stdio")
{
    union room room;
    struct msghdr msg = with_descriptor(&room);
    int last = dup(2);

    open_pair(SOCK_STREAM);
    MUST(last >= 0 && sendmsg(pair[0], &msg, 0) == 3);
    PLEDGE();
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(dup(2) == pair[1] + 1);
}

/* Signals interrupt what waits, and only those that may. */
static volatile sig_atomic_t rings;
static void ring(int signal)
{
    (void)signal;
    rings++;
}

static void on_alarm(int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = ring;
    action.sa_flags = flags;
    MUST(sigaction(SIGALRM, &action, NULL) == 0);
}

static void soon(void)
{
    struct itimerval in50ms = {{0, 0}, {0, 50000}};

    setitimer(ITIMER_REAL, &in50ms, NULL);
}

ALLOWED(interrupted, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 0);

    open_pair(SOCK_STREAM);
    on_alarm(0);
    PLEDGE();
    soon();
    TRY(recvmsg(pair[0], &msg, 0) == -1 && errno == EINTR && rings == 1);
}

ALLOWED(restarted, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 0);
    struct timeval end = {0, 200000};

    open_pair(SOCK_STREAM);
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &end, sizeof end) == 0);
    on_alarm(SA_RESTART);
    PLEDGE();
    soon();
    /* With a time limit no wait is restarted, bare either. */
    TRY(recvmsg(pair[0], &msg, 0) == -1 && errno == EINTR && rings == 1);
}

ALLOWED(masked, "stdio")
{
    struct iovec iov[2];
    struct msghdr msg = space(iov, 4, 0);
    struct timeval end = {0, 100000};
    sigset_t set, before, after;

    open_pair(SOCK_STREAM);
    MUST(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &end, sizeof end) == 0);
    on_alarm(0);
    PLEDGE();
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    TRY(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    TRY(pthread_sigmask(SIG_BLOCK, NULL, &before) == 0);
    soon();
    TRY(recvmsg(pair[0], &msg, 0) == -1 && errno == EAGAIN && rings == 0);
    TRY(pthread_sigmask(SIG_UNBLOCK, &set, &after) == 0 && rings == 1);
    TRY(memcmp(&before, &after, 8) == 0);
}

static void *echoes(void *arg)
{
    int *ends = arg, n;
    char room[4];
    struct iovec iov[2] = {{room, 1}, {room + 1, 3}};
    struct msghdr msg;

    memset(&msg, 0, sizeof msg);
    msg.msg_iov = iov;
    msg.msg_iovlen = 2;
    for (n = 0; n < 1000; n++)
        if (recvmsg(ends[1], &msg, 0) != 4 || sendmsg(ends[1], &msg, MSG_NOSIGNAL) != 4)
            return NULL;
    return arg;
}

ALLOWED(threads, "stdio")
{
    int ends[4][2], n, round;
    pthread_t thread[4];
    void *done;

    for (n = 0; n < 4; n++) {
        MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends[n]) == 0);
        MUST(pthread_create(&thread[n], NULL, echoes, ends[n]) == 0);
    }
    PLEDGE();
    for (round = 0; round < 1000; round++)
        for (n = 0; n < 4; n++) {
            TRY(send(ends[n][0], "abcd", 4, 0) == 4);
            TRY(recv(ends[n][0], in, 8, 0) == 4 && memcmp(in, "abcd", 4) == 0);
        }
    for (n = 0; n < 4; n++)
        TRY(pthread_join(thread[n], &done) == 0 && done == ends[n]);
}

ALLOWED(under_error, "stdio error")
{
    struct msghdr msg = message(4);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, MSG_NOSIGNAL) == 11 && recv(pair[1], in, 64, 0) == 11);
}
