/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Descriptors that are passed: what may be, what came, and who waits for it. */
#include "case.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/un.h>

#define MOST 240 /* SCM_MAX_FD is 253, for which musl 1.2.2 has no room */

static int pair[2];
static char data[8] = "abc";
static struct iovec iov = {data, 3};
static union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(MOST * sizeof(int))];
} room;

static void open_pair(int type)
{
    MUST(socketpair(AF_UNIX, type, 0, pair) == 0);
}

/* A message with room for so many descriptors. */
static struct msghdr message(int count)
{
    struct msghdr msg;

    memset(&msg, 0, sizeof msg);
    memset(&room, 0, sizeof room);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    if (count > 0) {
        msg.msg_control = &room;
        msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    return msg;
}

static struct msghdr with(const int *fds, int count)
{
    struct msghdr msg = message(count);
    struct cmsghdr *control = CMSG_FIRSTHDR(&msg);

    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(control), fds, count * sizeof(int));
    return msg;
}

/* How many came, and the first of them. */
static int came(struct msghdr *msg, int *first)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(msg);

    *first = -1;
    if (control == NULL || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return 0;
    memcpy(first, CMSG_DATA(control), sizeof *first);
    return (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

static int is_same(int one, int other)
{
    struct stat a, b;

    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Each kind goes and comes, as the very thing that it was. */
static void passes(int fd)
{
    struct msghdr msg = with(&fd, 1);
    int got;

    MUST(fd >= 0);
    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(came(&msg, &got) == 1 && got != fd && is_same(fd, got));
    TRY(msg.msg_flags == 0 && memcmp(data, "abc", 3) == 0);
    TRY(fcntl(got, F_GETFD) == 0);
}
#define PASSES(id, make)                                                     \
    ALLOWED(id, "stdio sendfd recvfd")                                       \
    {                                                                        \
        passes(make);                                                        \
    }
static int a_pipe(void)
{
    int ends[2];

    return pipe(ends) == 0 ? ends[1] : -1;
}
PASSES(a_socket_is_passed, socket(AF_INET, SOCK_STREAM, 0))
PASSES(a_pipe_is_passed, a_pipe())
PASSES(a_file_is_passed, open("/etc/passwd", O_RDONLY))
PASSES(a_device_is_passed, open("/dev/null", O_RDWR))
PASSES(an_event_is_passed, eventfd(0, 0))

/* Not what leads to all that is below. */
#define DIRECTORY(flags) open("/etc", O_RDONLY | O_DIRECTORY | (flags))
DENIED(a_directory_is_not_sent, "stdio sendfd")
{
    int fd = DIRECTORY(0);
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}
DENIED(nor_as_a_place, "stdio sendfd")
{
    int fd = DIRECTORY(O_PATH);
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}
DENIED(nor_among_others, "stdio sendfd")
{
    int fds[3] = {2, DIRECTORY(0), 2};
    struct msghdr msg = with(fds, 3);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}
DENIED(nor_in_the_second_message, "stdio sendfd")
{
    int fd = DIRECTORY(0);
    struct mmsghdr both[2] = {{message(0), 0}, {with(&fd, 1), 0}};

    open_pair(SOCK_SEQPACKET);
    PLEDGE();
    TRY(sendmmsg(pair[0], both, 2, 0) == 2 || (errno = 0, case_is_pledged && sendmsg(pair[0], &both[1].msg_hdr, 0) == 3));
}
DENIED(a_directory_is_not_taken, "stdio recvfd")
{
    int fd = DIRECTORY(0);
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    MUST(sendmsg(pair[0], &msg, 0) == 3);
    PLEDGE();
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
}
REFUSED(the_error_of_a_directory, "stdio sendfd error")
{
    int fd = DIRECTORY(0);
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}
REFUSED(nothing_is_passed_without_sendfd, "stdio recvfd")
{
    int fd = 2;
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}
REFUSED(who_sends_is_not_said, "stdio sendfd")
{
    struct ucred self = {getpid(), getuid(), getgid()};
    struct msghdr msg = message(3);
    struct cmsghdr *control = CMSG_FIRSTHDR(&msg);

    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_CREDENTIALS;
    control->cmsg_len = CMSG_LEN(sizeof self);
    memcpy(CMSG_DATA(control), &self, sizeof self);
    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
}

/* As the kernel has it. */
ALLOWED(as_many_as_there_may_be, "stdio sendfd recvfd")
{
    struct msghdr msg;
    int fds[MOST], n, got, last;

    for (n = 0; n < MOST; n++)
        fds[n] = n % 3;
    open_pair(SOCK_STREAM);
    last = dup(2);
    PLEDGE();
    msg = with(fds, MOST);
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(MOST);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(came(&msg, &got) == MOST && got == last + 1);
    TRY(fcntl(last + MOST, F_GETFD) == 0);
}
ALLOWED(no_room_for_the_second, "stdio sendfd recvfd")
{
    int fds[2] = {0, 2}, got;
    struct msghdr msg = with(fds, 2);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(1);
    msg.msg_controllen = CMSG_LEN(sizeof(int));
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(came(&msg, &got) == 1 && is_same(got, 0));
    TRY(msg.msg_flags == MSG_CTRUNC);
}
ALLOWED(no_number_for_the_second, "stdio sendfd recvfd")
{
    int fds[2] = {0, 2}, got, last = -1;
    struct msghdr msg = with(fds, 2);
    struct rlimit few;

    open_pair(SOCK_STREAM);
    MUST(getrlimit(RLIMIT_NOFILE, &few) == 0);
    /* A broker takes some to start. */
    few.rlim_cur = dup(2) + 16;
    MUST(setrlimit(RLIMIT_NOFILE, &few) == 0);
    PLEDGE();
    while ((got = dup(2)) >= 0)
        last = got;
    close(last);
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(2);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(came(&msg, &got) == 1 && is_same(got, 0) && msg.msg_flags == MSG_CTRUNC);
}
ALLOWED(closed_on_exec, "stdio sendfd recvfd")
{
    int fd = 2, got;
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 3);
    TRY(came(&msg, &got) == 1 && fcntl(got, F_GETFD) == FD_CLOEXEC);
}
ALLOWED(several_messages, "stdio sendfd recvfd")
{
    struct iovec one = {data, 1}, two[2] = {{data, 1}, {data + 1, 1}};
    int fd = 2, got;
    struct mmsghdr both[2] = {{with(&fd, 1), 0}, {message(0), 0}};

    both[0].msg_hdr = with(&fd, 1);
    both[0].msg_hdr.msg_iov = &one;
    both[1].msg_hdr.msg_iov = two;
    both[1].msg_hdr.msg_iovlen = 2;
    open_pair(SOCK_SEQPACKET);
    PLEDGE();
    TRY(sendmmsg(pair[0], both, 2, 0) >= 1);
    TRY(both[0].msg_len == 1);
    TRY(sendmmsg(pair[0], both + 1, 1, 0) == 1 && both[1].msg_len == 2);
    both[0].msg_hdr = message(1);
    TRY(recvmmsg(pair[1], both, 2, MSG_DONTWAIT, NULL) >= 1 && both[0].msg_len == 1);
    TRY(came(&both[0].msg_hdr, &got) == 1 && is_same(got, 2));
}
/* musl looks at the message first. */
#define RAW_SEND(socket) syscall(SYS_sendmsg, socket, &msg, 0)
ALLOWED(faults_are_told, "stdio sendfd recvfd")
{
    int fd = 2, none = 1000;
    struct msghdr msg = with(&none, 1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, 0) == -1 && errno == EBADF);
    msg = with(&fd, 1);
    room.header.cmsg_len = 3;
    TRY(RAW_SEND(pair[0]) == -1 && errno == EINVAL);
    msg.msg_control = (void *)8;
    TRY(RAW_SEND(pair[0]) == -1 && errno == EFAULT);
    TRY(RAW_SEND(1000) == -1 && errno == EBADF);
    msg = with(&fd, 1);
    TRY(sendmsg(pair[0], &msg, MSG_DONTWAIT) == 3);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    TRY(recvmsg(pair[1], &msg, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    TRY(close(pair[0]) == 0 && recvmsg(pair[1], &msg, 0) == 0);
}
static volatile sig_atomic_t seen;
static void see(int signal)
{
    seen = signal;
}
ALLOWED(nobody_listens_any_more, "stdio sendfd")
{
    int fd = 2;
    struct msghdr msg = with(&fd, 1);

    open_pair(SOCK_STREAM);
    MUST(signal(SIGPIPE, see) != SIG_ERR && close(pair[1]) == 0);
    PLEDGE();
    TRY(sendmsg(pair[0], &msg, MSG_NOSIGNAL) == -1 && errno == EPIPE && seen == 0);
    TRY(sendmsg(pair[0], &msg, 0) == -1 && errno == EPIPE && seen == SIGPIPE);
}

/* What is long comes whole. */
static char much[1 << 20];
static void *take_all(void *unused)
{
    size_t at = 0;
    ssize_t n;

    while (at < sizeof much && (n = read(pair[1], much, 65536)) > 0)
        at += n;
    return at == sizeof much ? unused : NULL;
}
ALLOWED(a_stream_is_sent_whole, "stdio sendfd")
{
    int fd = 2;
    struct iovec halves[2] = {{much, sizeof much / 2}, {much + sizeof much / 2, sizeof much / 2}};
    struct msghdr msg = with(&fd, 1);
    pthread_t thread;
    void *done;

    open_pair(SOCK_STREAM);
    msg.msg_iov = halves;
    msg.msg_iovlen = 2;
    PLEDGE();
    MUST(pthread_create(&thread, NULL, take_all, &msg) == 0);
    TRY(sendmsg(pair[0], &msg, 0) == sizeof much);
    TRY(pthread_join(thread, &done) == 0 && done != NULL);
}

/* Who waits is woken by what comes, by signals, by the time of the socket. */
static void soon(int flags)
{
    struct sigaction action;
    struct itimerval in50ms = {{0, 0}, {0, 50000}};

    memset(&action, 0, sizeof action);
    action.sa_handler = see;
    action.sa_flags = flags;
    MUST(sigaction(SIGALRM, &action, NULL) == 0);
    setitimer(ITIMER_REAL, &in50ms, NULL);
}
ALLOWED(a_signal_ends_the_wait, "stdio recvfd")
{
    struct msghdr msg = message(1);

    open_pair(SOCK_STREAM);
    PLEDGE();
    soon(0);
    TRY(recvmsg(pair[1], &msg, 0) == -1 && errno == EINTR && seen == SIGALRM);
}
static void *send_later(void *with)
{
    struct timespec moment = {0, 150000000};

    nanosleep(&moment, NULL);
    return sendmsg(pair[0], with, 0) == 3 ? with : NULL;
}
ALLOWED(a_signal_may_not_end_it, "stdio sendfd recvfd")
{
    int fd = 2, got;
    struct msghdr sent = with(&fd, 1), msg = message(1);
    pthread_t thread;
    static struct cmsghdr kept[4];

    sent = with(&fd, 1);
    memcpy(kept, &room, sizeof kept);
    sent.msg_control = kept;
    open_pair(SOCK_STREAM);
    PLEDGE();
    MUST(pthread_create(&thread, NULL, send_later, &sent) == 0);
    soon(SA_RESTART);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3 && seen == SIGALRM);
    TRY(came(&msg, &got) == 1 && is_same(got, 2));
}
ALLOWED(the_socket_s_time_ends_it, "stdio recvfd")
{
    struct timeval moment = {0, 50000};
    struct msghdr msg = message(1);

    open_pair(SOCK_STREAM);
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
    PLEDGE();
    TRY(recvmsg(pair[1], &msg, 0) == -1 && errno == EAGAIN);
}
ALLOWED(where_no_handler_can_run, "stdio sendfd recvfd")
{
    struct timeval moment = {0, 50000};
    sigset_t all;
    int fd = 2, got;
    struct msghdr msg = message(0);

    open_pair(SOCK_STREAM);
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
    PLEDGE();
    sigfillset(&all);
    TRY(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    TRY(recvmsg(pair[1], &msg, 0) == 3);
    msg = with(&fd, 1);
    TRY(sendmsg(pair[0], &msg, 0) == 3);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3 && came(&msg, &got) == 1 && is_same(got, 2));
    TRY(recvmsg(pair[1], &msg, 0) == -1 && errno == EAGAIN);
}
ALLOWED(what_is_forked_passes_too, "stdio proc sendfd recvfd")
{
    int fd = 2, got, status;
    struct msghdr msg = with(&fd, 1);
    pid_t child;

    open_pair(SOCK_STREAM);
    PLEDGE();
    child = fork();
    if (child == 0)
        _exit(sendmsg(pair[0], &msg, 0) == 3 ? 0 : errno);
    TRY(waitpid(child, &status, 0) == child && status == 0);
    msg = message(1);
    TRY(recvmsg(pair[1], &msg, 0) == 3 && came(&msg, &got) == 1 && is_same(got, 2));
}

/* A message goes nowhere but where its socket leads. */
static struct sockaddr_un place(int *fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    *fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%s/place", case_dir);
    MUST(bind(*fd, (struct sockaddr *)&name, sizeof name) == 0);
    return name;
}
#define ADDRESSED(kind, id, words, msg_made)                                 \
    kind(id, words)                                                          \
    {                                                                        \
        int to, fd = 2, from = socket(AF_UNIX, SOCK_DGRAM, 0);               \
        struct sockaddr_un name = place(&to);                                \
        struct msghdr msg = msg_made;                                        \
        msg.msg_name = &name;                                                \
        msg.msg_namelen = sizeof name;                                       \
        (void)fd;                                                            \
        PLEDGE();                                                            \
        TRY(sendmsg(from, &msg, 0) == 3);                                    \
    }
ADDRESSED(DENIED, no_address, "stdio sendfd", message(0))
ADDRESSED(REFUSED, no_address_beside_a_descriptor, "stdio sendfd", with(&fd, 1))
ADDRESSED(ALLOWED, an_address_with_unix, "stdio unix sendfd", message(0))
ADDRESSED(ALLOWED, both_with_unix, "stdio unix sendfd", with(&fd, 1))

/* Not only descriptors come along. */
ALLOWED(where_a_datagram_went, "stdio inet recvfd")
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, from;
    socklen_t len = sizeof here;
    int udp = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
    struct msghdr msg = message(8);
    struct cmsghdr *control;
    struct in_pktinfo info;

    MUST(setsockopt(udp, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes) == 0);
    MUST(bind(udp, (struct sockaddr *)&here, len) == 0 && getsockname(udp, (struct sockaddr *)&here, &len) == 0);
    PLEDGE();
    TRY(sendto(udp, "abc", 3, 0, (struct sockaddr *)&here, len) == 3);
    msg.msg_name = &from;
    msg.msg_namelen = sizeof from;
    TRY(recvmsg(udp, &msg, 0) == 3 && msg.msg_namelen == sizeof from && from.sin_port == here.sin_port);
    TRY((control = CMSG_FIRSTHDR(&msg)) != NULL && control->cmsg_type == IP_PKTINFO);
    memcpy(&info, CMSG_DATA(control), sizeof info);
    TRY(info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
}

/* What is judged is what goes: another thread writes the number of a directory meanwhile. */
static volatile int races;
static int ends[2];
static void *swap_numbers(void *at)
{
    volatile int *number = at;

    while (races) {
        *number = ends[0];
        *number = ends[1];
    }
    return NULL;
}
ALLOWED(no_directory_slips_through, "stdio sendfd recvfd error")
{
    int n, got, rounds = 0;
    struct msghdr msg, back;
    struct stat status;
    pthread_t thread;
    static struct cmsghdr kept[4];

    ends[0] = 2;
    ends[1] = DIRECTORY(0);
    msg = with(ends, 1);
    memcpy(kept, &room, sizeof kept);
    msg.msg_control = kept;
    open_pair(SOCK_STREAM);
    PLEDGE();
    races = 1;
    MUST(pthread_create(&thread, NULL, swap_numbers, CMSG_DATA(kept)) == 0);
    for (n = 0; n < 5000; n++) {
        if (sendmsg(pair[0], &msg, 0) != 3)
            continue;
        back = message(1);
        if (recv(pair[1], data, 0, MSG_PEEK) != 0 || recvmsg(pair[1], &back, 0) != 3)
            continue;
        TRY(came(&back, &got) == 1 && fstat(got, &status) == 0);
        TRY(!case_is_pledged || !S_ISDIR(status.st_mode));
        close(got);
        rounds++;
    }
    races = 0;
    pthread_join(thread, NULL);
    TRY(rounds > 100);
}

/* Whose user changed is closed to others of that user, until it opens itself. */
static int sends_as_user(int opens)
{
    int fd = 0;
    struct msghdr msg = with(&fd, 1);

    NEED_ROOT();
    open_pair(SOCK_STREAM);
    MUST(setgid(65534) == 0 && setuid(65534) == 0);
    MUST(!opens || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
    PLEDGE();
    return sendmsg(pair[0], &msg, 0) == 3;
}
REFUSED(sent_by_who_changed, "stdio sendfd") { TRY(sends_as_user(0)); }
ALLOWED(sent_by_who_opened_itself, "stdio sendfd") { TRY(sends_as_user(1)); }
