/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Names resolved under "stdio dns", and what else its sockets reach: nothing.
 * Runs where scripts/check-dns has put a name server; elsewhere all is skipped. */
#include "case.h"
#undef REFUSED /* <arpa/nameser.h> has another */

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <resolv.h>
#include <sys/file.h>
#include <sys/un.h>
#include <syslog.h>

#define OTHER_PORT 9999
#define DNS "stdio dns"
#define SERVED() NEED("scripts/check-dns", getenv("RPLEDGE_DNS") != NULL)
/* A type as a pledged process may give it; bare, the kernel knows no such bit. */
#define MARKED(type) ((type) | (case_is_pledged ? SOCK_DNS : 0))

/* What must not arrive anywhere, as it was sent by a pledged process, and what must, bare. */
static const char *payload(void)
{
    static char text[64];

    snprintf(text, sizeof text, "%s %s", case_is_pledged ? "pledged" : "bare", case_now->name);
    return text;
}

static struct sockaddr_in to(int port)
{
    struct sockaddr_in sin;

    memset(&sin, 0, sizeof sin);
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t)port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sin;
}

/* The addresses of a name in their order, "A B C"; a name for the error. */
static const char *resolved(const char *name, int family, const char *service)
{
    static char text[8192], one[INET6_ADDRSTRLEN];
    struct addrinfo hints, *list, *at;
    int error;

    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    error = getaddrinfo(name, service, &hints, &list);
    if (error != 0)
        return error == EAI_NONAME ? "none" : gai_strerror(error);
    text[0] = '\0';
    for (at = list; at != NULL; at = at->ai_next) {
        getnameinfo(at->ai_addr, at->ai_addrlen, one, sizeof one, NULL, 0, NI_NUMERICHOST);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", at == list ? "" : " ", one);
    }
    freeaddrinfo(list);
    return text;
}

static int is(const char *found, const char *wanted)
{
    if (strcmp(found, wanted) != 0)
        fprintf(stderr, "%s, and not %s\n", found, wanted);
    return strcmp(found, wanted) == 0;
}

static int words_in(const char *text)
{
    int count = *text != '\0';

    for (; *text != '\0'; text++)
        count += *text == ' ';
    return count;
}

#define RESOLVES(id, ...)                                                    \
    ALLOWED(id, DNS)                                                         \
    {                                                                        \
        SERVED();                                                     \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

/* getaddrinfo */
RESOLVES(name_a, is(resolved("one.test", AF_INET, NULL), "192.0.2.1"))
RESOLVES(name_aaaa, is(resolved("one.test", AF_INET6, NULL), "2001:db8::1"))
RESOLVES(name_both, words_in(resolved("one.test", AF_UNSPEC, NULL)) == 2)
RESOLVES(name_service, is(resolved("one.test", AF_INET, "http"), "192.0.2.1"))
RESOLVES(name_many, words_in(resolved("many.test", AF_INET, NULL)) == 3)
RESOLVES(name_in_hosts, is(resolved("filed", AF_INET, NULL), "192.0.2.77"))
RESOLVES(name_searched, is(resolved("inside", AF_INET, NULL), "192.0.2.53"))
RESOLVES(name_unknown, is(resolved("nothing.test", AF_INET, NULL), "none"))
RESOLVES(name_numeric, is(resolved("192.0.2.9", AF_UNSPEC, NULL), "192.0.2.9"))
RESOLVES(name_twice, words_in(resolved("many.test", AF_INET, NULL)) == 3
                         && words_in(resolved("many.test", AF_INET, NULL)) == 3)

/* What this machine can reach comes first, of whichever family. */
RESOLVES(order_v4_first, is(resolved("reach4.test", AF_UNSPEC, NULL), "192.0.2.10 2001:db8:f::1"))
RESOLVES(order_v6_first, is(resolved("reach6.test", AF_UNSPEC, NULL), "2001:db8::10 198.51.100.7"))
/* As daemons are: another user by then, and the kernel keeps what is below /proc/self from who is no more. */
ALLOWED(name_as_user, DNS)
{
    SERVED();
    MUST(setgid(65534) == 0 && setuid(65534) == 0);
    PLEDGE();
    TRY(words_in(resolved("one.test", AF_UNSPEC, NULL)) == 2);
    TRY(words_in(resolved("large.test", AF_INET, NULL)) > 1);
}
/* Six hundred and more bytes: by TCP where no EDNS was asked for; musl has that from 1.2.4 on. */
ALLOWED(name_large, DNS)
{
    int count;

    SERVED();
    count = words_in(resolved("large.test", AF_INET, NULL));
    PLEDGE();
    TRY(count > 20 && words_in(resolved("large.test", AF_INET, NULL)) == count);
}

/* the older functions */
static const char *by_name(const char *name)
{
    static char text[INET_ADDRSTRLEN];
    struct hostent *host = gethostbyname(name);

    return host == NULL ? "none" : inet_ntop(AF_INET, host->h_addr_list[0], text, sizeof text);
}

static const char *by_address(const char *address)
{
    static char text[NI_MAXHOST];
    struct sockaddr_in sin = to(80);

    inet_pton(AF_INET, address, &sin.sin_addr);
    if (getnameinfo((void *)&sin, sizeof sin, text, sizeof text, NULL, 0, NI_NAMEREQD) != 0)
        return "none";
    return text;
}

RESOLVES(gethostbyname_a, is(by_name("one.test"), "192.0.2.1"))
RESOLVES(getnameinfo_ptr, is(by_address("192.0.2.1"), "one.test"))
RESOLVES(getnameinfo_unknown, is(by_address("198.51.100.99"), "none"))

static int queried(const char *name, int type)
{
    static unsigned char answer[65536];
    int length;

    length = res_query(name, C_IN, type, answer, sizeof answer);
    return length > 0 ? (int)ntohs(*(uint16_t *)(answer + 6)) : length;
}

RESOLVES(query_a, queried("one.test", T_A) == 1)
RESOLVES(query_txt, queried("one.test", T_TXT) == 1)
RESOLVES(query_large, queried("large.test", T_A) >= 1)

#ifdef __GLIBC__
RESOLVES(search_a, res_search("inside", C_IN, T_A, (unsigned char[512]){0}, 512) > 0)
RESOLVES(query_edns, (res_init(), _res.options |= RES_USE_EDNS0, queried("large.test", T_A) > 20))
#endif

/* interfaces */
static int interfaces(void)
{
    struct ifaddrs *list, *at;
    int count = 0;

    if (getifaddrs(&list) != 0)
        return -1;
    for (at = list; at != NULL; at = at->ifa_next)
        count += at->ifa_addr != NULL && strcmp(at->ifa_name, "lo") == 0;
    freeifaddrs(list);
    return count;
}

static int named(void)
{
    struct if_nameindex *list = if_nameindex();
    int is_lo = list != NULL && strcmp(list[0].if_name, "lo") == 0;

    if (list != NULL)
        if_freenameindex(list);
    return is_lo;
}

RESOLVES(getifaddrs_lo, interfaces() >= 3)
RESOLVES(if_nameindex_lo, named())

/* A request that changes: the kernel takes it, and root is not told no. */
CASE_ADD(netlink_changes, DNS, CASE_REFUSED, 0)
{
    struct sockaddr_nl { uint16_t family, pad; uint32_t pid, groups; } kernel = {AF_NETLINK, 0, 0, 0};
    int fd;

    SERVED();
    PLEDGE();
    TRY((fd = socket(AF_NETLINK, SOCK_RAW, 0)) >= 0);
    TRY(sendto(fd, &(char[20]){20, 0, 0, 0, 20}, 20, 0, (void *)&kernel, sizeof kernel) == 20);
}

/* raw sockets: allowed */
static int asked(int type, struct sockaddr_in server, int connected)
{
    /* one.test, A */
    static const char question[] = "\0\32" "\1\1" "\1\0" "\0\1" "\0\0\0\0\0\0" "\3one\4test\0" "\0\1" "\0\1";
    const int udp = (type & 0xf) == SOCK_DGRAM, skip = udp ? 2 : 0;
    const size_t length = sizeof question - 1 - (size_t)skip;
    char answer[512];
    int fd = socket(AF_INET, type, 0);

    if (fd < 0 || (connected && connect(fd, (void *)&server, sizeof server) != 0))
        return 0;
    if (connected ? send(fd, question + skip, length, 0) < 0
                  : sendto(fd, question + skip, length, 0, (void *)&server, sizeof server) < 0)
        return 0;
    return recv(fd, answer, sizeof answer, 0) > 12;
}

#define SERVES(id, ...)                                                      \
    ALLOWED(id, DNS)                                                         \
    {                                                                        \
        SERVED();                                                            \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

SERVES(udp_connected, asked(SOCK_DGRAM, to(53), 1))
SERVES(udp_sendto, asked(SOCK_DGRAM, to(53), 0))
SERVES(tcp_connected, asked(SOCK_STREAM, to(53), 1))
SERVES(marked_udp, asked(MARKED(SOCK_DGRAM), to(53), 0))
SERVES(marked_tcp, asked(MARKED(SOCK_STREAM | SOCK_CLOEXEC), to(53), 1))

ALLOWED(udp_nonblocking, DNS)
{
    int fd;

    SERVED();
    PLEDGE();
    TRY((fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) >= 0);
    TRY(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC);
    TRY(recv(fd, (char[8]){0}, 8, 0) == -1 && errno == EAGAIN);
}

ALLOWED(udp_bound, DNS)
{
    struct sockaddr_in any = to(0);
    socklen_t size = sizeof any;
    int fd;

    SERVED();
    PLEDGE();
    TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 && bind(fd, (void *)&any, sizeof any) == 0);
    TRY(getsockname(fd, (void *)&any, &size) == 0 && any.sin_port != 0);
}

ALLOWED(udp_unconnected, DNS)
{
    struct sockaddr_in server = to(53);
    int fd;

    SERVED();
    PLEDGE();
    TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    TRY(connect(fd, (void *)&server, sizeof server) == 0);
    TRY(connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)) == 0);
    TRY(send(fd, "x", 1, 0) == -1 && errno == EDESTADDRREQ);
}

/* A socket that was closed holds nothing open: here the number comes back. */
ALLOWED(many_sockets, DNS)
{
    struct sockaddr_in server = to(53);
    int fd, n;

    SERVED();
    PLEDGE();
    for (n = 0; n < 2000; n++) {
        TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
        TRY(connect(fd, (void *)&server, sizeof server) == 0);
        close(fd);
    }
}

/* raw sockets: other ports. Connecting by UDP shows the source address, and reaches port 53. */
ALLOWED(other_connect_udp, DNS)
{
    struct sockaddr_in other = to(OTHER_PORT);
    socklen_t size = sizeof other;
    int fd;

    SERVED();
    PLEDGE();
    TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    TRY(connect(fd, (void *)&other, sizeof other) == 0);
    TRY(send(fd, payload(), strlen(payload()), 0) > 0);
    TRY(getpeername(fd, (void *)&other, &size) == 0);
    TRY(other.sin_port == htons(case_is_pledged ? 53 : OTHER_PORT));
    TRY(getsockname(fd, (void *)&other, &size) == 0);
    TRY(other.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
}

/* Send to another port, somehow. */
#define REACHES(id, type, ...)                                               \
    DENIED(id, DNS)                                                          \
    {                                                                        \
        struct sockaddr_in other = to(OTHER_PORT), server = to(53);          \
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(OTHER_PORT)}; \
        int fd;                                                              \
                                                                             \
        SERVED();                                                            \
        inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);             \
        PLEDGE();                                                            \
        TRY((fd = socket type) >= 0);                                       \
        (void)server;                                                        \
        (void)other;                                                         \
        TRY(__VA_ARGS__);                                                    \
    }

#define BYTES payload(), strlen(payload())
#define HIM(address) (void *)&(address), sizeof(address)
#define MESSAGE(address)                                                     \
    {                                                                        \
        .msg_name = &(address), .msg_namelen = sizeof(address), .msg_iovlen = 1, \
        .msg_iov = &(struct iovec){(void *)payload(), strlen(payload())}     \
    }

REACHES(other_sendto, (AF_INET, SOCK_DGRAM, 0), sendto(fd, BYTES, 0, HIM(other)) > 0)
REACHES(other_sendto_marked, (AF_INET, MARKED(SOCK_DGRAM), 0), sendto(fd, BYTES, 0, HIM(other)) > 0)
REACHES(other_sendto_connected, (AF_INET, SOCK_DGRAM, 0),
        connect(fd, HIM(server)) == 0 && sendto(fd, BYTES, 0, HIM(other)) > 0)
REACHES(other_sendto_unspec, (AF_INET, SOCK_DGRAM, 0),
        (other.sin_family = AF_UNSPEC, sendto(fd, BYTES, 0, HIM(other))) > 0)
REACHES(other_sendto_mapped, (AF_INET6, SOCK_DGRAM, 0), sendto(fd, BYTES, 0, HIM(six)) > 0)
REACHES(other_sendto_inet_on_inet6, (AF_INET6, SOCK_DGRAM, 0), sendto(fd, BYTES, 0, HIM(other)) > 0)
REACHES(other_sendmsg, (AF_INET, SOCK_DGRAM, 0),
        sendmsg(fd, &(struct msghdr)MESSAGE(other), 0) > 0)
REACHES(other_sendmmsg, (AF_INET, SOCK_DGRAM, 0),
        sendmmsg(fd, (struct mmsghdr[]){{.msg_hdr = MESSAGE(server)}, {.msg_hdr = MESSAGE(other)}}, 2, 0) == 2)
REACHES(other_connect_tcp, (AF_INET, SOCK_STREAM, 0),
        connect(fd, HIM(other)) == 0 && send(fd, BYTES, 0) > 0)
REACHES(other_connect_tcp_marked, (AF_INET, MARKED(SOCK_STREAM), 0),
        connect(fd, HIM(other)) == 0 && send(fd, BYTES, 0) > 0)
REACHES(other_connect_tcp_later, (AF_INET, SOCK_STREAM, 0),
        (connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)),
         connect(fd, HIM(other))) == 0 && send(fd, BYTES, 0) > 0)
REACHES(other_connect_tcp_mapped, (AF_INET6, SOCK_STREAM, 0),
        connect(fd, HIM(six)) == 0 && send(fd, BYTES, 0) > 0)
REACHES(other_fast_open, (AF_INET, SOCK_STREAM, 0), sendto(fd, BYTES, MSG_FASTOPEN, HIM(other)) > 0)
REACHES(fast_open_53, (AF_INET, SOCK_STREAM, 0), sendto(fd, BYTES, MSG_FASTOPEN, HIM(server)) > 0)
REACHES(fast_open_message, (AF_INET, SOCK_STREAM, 0),
        sendmsg(fd, &(struct msghdr)MESSAGE(other), MSG_FASTOPEN) > 0)
REACHES(listens, (AF_INET, SOCK_STREAM, 0), bind(fd, HIM(server)) == -1 && listen(fd, 5) == 0)
REACHES(kind_mptcp, (AF_INET, SOCK_STREAM, 262), connect(fd, HIM(other)) == 0)
REACHES(kind_raw, (AF_INET, SOCK_RAW, IPPROTO_UDP), 1)
REACHES(kind_packet, (AF_PACKET, SOCK_DGRAM, 0), 1)
REACHES(kind_netfilter, (AF_NETLINK, SOCK_RAW, 12), 1)
REACHES(kind_sctp_udplite, (AF_INET, SOCK_DGRAM, 136), 1)

/* A message with a control message could choose a source, or pass a descriptor. */
CASE_ADD(control_message, DNS, CASE_REFUSED, 0)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
    struct sockaddr_in server = to(53);
    struct msghdr message = MESSAGE(server);
    int fd;

    SERVED();
    PLEDGE();
    memset(&control, 0, sizeof control);
    control.head.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    control.head.cmsg_level = IPPROTO_IP;
    control.head.cmsg_type = IP_PKTINFO;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0 && sendmsg(fd, &message, 0) > 0);
}

/* unix sockets: none but those of the classes */
DENIED(unix_elsewhere, DNS)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "other"};
    int fd, server = socket(AF_UNIX, SOCK_STREAM, 0);

    SERVED();
    MUST(bind(server, HIM(sun)) == 0 && listen(server, 5) == 0);
    PLEDGE();
    TRY((fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 && connect(fd, HIM(sun)) == 0);
}

/* SOCK_DNS, as OpenBSD has it */
CALLED(marked_unix, EINVAL)
{
    MUST(pledge("stdio dns", NULL) == 0);
    TRY(socket(AF_UNIX, SOCK_DGRAM | SOCK_DNS, 0) >= 0);
}

CALLED(marked_accept, EINVAL)
{
    int fd;

    MUST(pledge("stdio dns", NULL) == 0);
    MUST((fd = socket(AF_INET, SOCK_STREAM | SOCK_DNS, 0)) >= 0);
    TRY(accept(fd, NULL, NULL) >= 0);
}

CALL(marked_bare, EINVAL, socket(AF_INET, SOCK_DGRAM | SOCK_DNS, 0) >= 0)
DENY(plain_inet, "stdio", socket(AF_INET, SOCK_DGRAM, 0) >= 0)

CALL(marked_early, 0, rpledge_socket(AF_INET, SOCK_DGRAM | SOCK_DNS, 0) >= 0)
CALL(marked_early_unix, EINVAL, rpledge_socket(AF_UNIX, SOCK_DGRAM | SOCK_DNS, 0) >= 0)
CALL(plain_early_unix, 0, rpledge_socket(AF_UNIX, SOCK_DGRAM, 0) >= 0)
CALLED(marked_by_name, 0)
{
    int fd;

    SERVED();
    MUST(pledge("stdio dns", NULL) == 0);
    TRY((fd = rpledge_socket(AF_INET, SOCK_DGRAM | SOCK_DNS, 0)) >= 0);
}

/* The log daemon, played by another process: what it hears goes into a pipe, and a byte from
 * another starts it anew. */
static int told[2], orders[2];

static void play_daemon(const char *path, int type)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct pollfd both[2] = {{orders[0], POLLIN, 0}, {-1, POLLIN, 0}};
    char text[256];
    ssize_t length;

    strcpy(sun.sun_path, path);
    for (;;) {
        if (both[1].fd < 0) {
            unlink(path);
            both[1].fd = socket(AF_UNIX, type, 0);
            if (bind(both[1].fd, (void *)&sun, sizeof sun) != 0 || chmod(path, 0666) != 0
                || (type == SOCK_STREAM && listen(both[1].fd, 5) != 0))
                _exit(1);
            write(told[1], "!", 1);
        }
        poll(both, 2, -1);
        if (both[0].revents != 0) {
            if (read(orders[0], text, 1) != 1)
                _exit(0);
            close(both[1].fd);
            both[1].fd = -1;
            continue;
        }
        if (type == SOCK_STREAM) {
            length = accept(both[1].fd, NULL, NULL);
            close((int)length);
            strcpy(text, "came");
            length = 4;
        } else {
            length = recv(both[1].fd, text, sizeof text, 0);
        }
        write(told[1], text, (size_t)length);
    }
}

/* One at a time in all these namespaces: the path is the same for all. */
static void start_daemon(const char *path, int type)
{
    char lock[256], ready;

    snprintf(lock, sizeof lock, "%s/lock", getenv("RPLEDGE_DNS"));
    MUST(flock(open(lock, O_RDWR | O_CREAT, 0600), LOCK_EX) == 0);
    MUST(pipe(told) == 0 && pipe(orders) == 0);
    if (fork() == 0) {
        close(orders[1]);
        play_daemon(path, type);
    }
    close(orders[0]);
    close(told[1]);
    MUST(read(told[0], &ready, 1) == 1 && ready == '!');
}

/* Within a second; others may have violations to report meanwhile. */
static int heard(const char *word)
{
    static char text[65536];
    size_t length = 0;
    ssize_t more;

    while (length < sizeof text - 1 && poll(&(struct pollfd){told[0], POLLIN, 0}, 1, 1000) == 1) {
        if ((more = read(told[0], text + length, sizeof text - 1 - length)) <= 0)
            return 0;
        text[length += (size_t)more] = '\0';
        if (strstr(text, word) != NULL)
            return 1;
    }
    return 0;
}

#define LOGS(id, words)                                                      \
    ALLOWED(id, words)                                                       \
    {                                                                        \
        char ready;                                                          \
                                                                             \
        SERVED();                                                            \
        start_daemon("/dev/log", SOCK_DGRAM);                                \
        PLEDGE();                                                            \
        syslog(LOG_INFO, "first");                                           \
        TRY(heard("first"));                                                 \
        TRY(write(orders[1], "x", 1) == 1 && read(told[0], &ready, 1) == 1); \
        syslog(LOG_INFO, "second");                                          \
        TRY(heard("second"));                                                \
    }

LOGS(syslog_stdio, "stdio")
LOGS(syslog_dns, "stdio dns rpath")

/* A violation is reported there, too: by the broker's socket, or by one that is promised. */
static int ends_reported(const char *words, int violates)
{
    char line[64];
    int end;
    pid_t pid = fork();

    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), 2);
        if (pledge(words, NULL) == 0 && violates)
            socket(AF_INET, SOCK_STREAM, 0);
        _exit(0);
    }
    MUST(pid > 0 && waitpid(pid, &end, 0) == pid);
    snprintf(line, sizeof line, "[%d]: pledge \"inet\", syscall socket", (int)pid);
    if (!violates)
        return end == 0 && !heard(line);
    return WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT && heard(line);
}

#define REPORTS(id, words)                                                   \
    CALLED(id, 0)                                                            \
    {                                                                        \
        SERVED();                                                            \
        start_daemon("/dev/log", SOCK_DGRAM);                                \
        TRY(ends_reported(words, 0));                                        \
        TRY(ends_reported(words, 1));                                        \
    }

REPORTS(report_stdio, "stdio")
REPORTS(report_unix, "stdio unix")
REPORTS(report_getpw, "stdio getpw")

/* Of an executed program the broker says so, to which the log is open whatever is promised. */
static int shell_ends_reported(const char *command, int violates)
{
    char line[64];
    int end;
    pid_t pid = fork();

    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), 2);
        if (pledge("stdio rpath wpath cpath proc exec", "stdio rpath prot_exec") == 0)
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(98);
    }
    MUST(pid > 0 && waitpid(pid, &end, 0) == pid);
    snprintf(line, sizeof line, "[%d]: pledge \"wpath\", syscall open", (int)pid);
    return violates ? WIFSIGNALED(end) && heard(line) : end == 0 && !heard(line);
}

CALLED(report_executed, 0)
{
    SERVED();
    start_daemon("/dev/log", SOCK_DGRAM);
    TRY(shell_ends_reported("read line </etc/hosts", 0));
    TRY(shell_ends_reported("echo more >written", 1));
}

ALLOWED(nscd_asked, "stdio getpw")
{
    SERVED();
    start_daemon("/var/run/nscd/socket", SOCK_STREAM);
    PLEDGE();
    /* One that no file knows: musl asks then, glibc first. */
    getpwnam("nobody-of-that-name");
    TRY(heard("came"));
}

ALLOWED(nscd_of_hosts, DNS)
{
    SERVED();
    start_daemon("/var/run/nscd/socket", SOCK_STREAM);
    PLEDGE();
    TRY(is(resolved("one.test", AF_INET, NULL), "192.0.2.1"));
    if (case_is_pledged)
        TRY(poll(&(struct pollfd){told[0], POLLIN, 0}, 1, 0) == 0);
}

/* Another thread changes the address while it is read. */
static struct sockaddr_in turning;
static volatile int is_done;

static void *turn(void *none)
{
    while (!is_done) {
        ((volatile struct sockaddr_in *)&turning)->sin_port = htons(53);
        ((volatile struct sockaddr_in *)&turning)->sin_port = htons(OTHER_PORT);
    }
    return none;
}

#define RACES(id, kind, act)                                                 \
    ALLOWED(id, "stdio dns error")                                           \
    {                                                                        \
        pthread_t thread;                                                    \
        int fd, n;                                                           \
                                                                             \
        SERVED();                                                            \
        turning = to(OTHER_PORT);                                            \
        MUST(pthread_create(&thread, NULL, turn, NULL) == 0);                \
        PLEDGE();                                                            \
        for (n = 0; n < 1000; n++) {                                         \
            TRY((fd = socket(AF_INET, kind, 0)) >= 0);                       \
            act;                                                             \
            close(fd);                                                       \
        }                                                                    \
        is_done = 1;                                                         \
        TRY(pthread_join(thread, NULL) == 0);                                \
    }

RACES(race_sendto, SOCK_DGRAM, sendto(fd, BYTES, 0, HIM(turning)))
RACES(race_connect, SOCK_DGRAM, connect(fd, HIM(turning)) == 0 ? send(fd, BYTES, 0) : 0)
RACES(race_connect_tcp, SOCK_STREAM, connect(fd, HIM(turning)) == 0 ? send(fd, BYTES, MSG_NOSIGNAL) : 0)
RACES(race_sendmsg, SOCK_DGRAM, sendmsg(fd, &(struct msghdr)MESSAGE(turning), 0))
RACES(race_sendmmsg, SOCK_DGRAM,
      sendmmsg(fd, (struct mmsghdr[]){{.msg_hdr = MESSAGE(turning)}, {.msg_hdr = MESSAGE(turning)}}, 2, 0))
