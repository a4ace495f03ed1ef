/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sockets: what inet, mcast and unix add to stdio, by family, type, protocol and option. */
#include "case.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static struct sockaddr_in any;

static struct sockaddr *loopback(int port)
{
    memset(&any, 0, sizeof any);
    any.sin_family = AF_INET;
    any.sin_port = htons((unsigned short)port);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return (struct sockaddr *)&any;
}

static int tcp(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    MUST(fd >= 0);
    return fd;
}

static int udp(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    MUST(fd >= 0);
    return fd;
}

/* A bound socket of that type; its address goes into `any`. */
static int bound(int type)
{
    int fd = socket(AF_INET, type, 0);
    socklen_t len = sizeof any;

    MUST(fd >= 0 && bind(fd, loopback(0), sizeof any) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&any, &len) == 0);
    if (type == SOCK_STREAM)
        MUST(listen(fd, 5) == 0);
    return fd;
}

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static int get(int fd, int level, int name)
{
    int value;
    socklen_t len = sizeof value;

    return getsockopt(fd, level, name, &value, &len) == 0;
}

/* socket(2): families */
#define FAMILY(kind, id, words, family, type) kind(id, words, socket(family, type, 0) >= 0)
FAMILY(ALLOW, inet_stream, "stdio inet", AF_INET, SOCK_STREAM)
FAMILY(ALLOW, inet_dgram, "stdio inet", AF_INET, SOCK_DGRAM)
FAMILY(ALLOW, inet_flags, "stdio inet", AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
FAMILY(DENY, inet_stdio, "stdio", AF_INET, SOCK_STREAM)
FAMILY(DENY, inet_unix, "stdio unix", AF_INET, SOCK_STREAM)
FAMILY(DENY, inet_all_paths, "stdio rpath wpath cpath", AF_INET, SOCK_STREAM)
FAMILY(ALLOW, unix_stream, "stdio unix", AF_UNIX, SOCK_STREAM)
FAMILY(ALLOW, unix_dgram, "stdio unix", AF_UNIX, SOCK_DGRAM)
FAMILY(ALLOW, unix_seqpacket, "stdio unix", AF_UNIX, SOCK_SEQPACKET)
FAMILY(DENY, unix_stdio, "stdio", AF_UNIX, SOCK_STREAM)
FAMILY(DENY, unix_inet, "stdio inet", AF_UNIX, SOCK_STREAM)
FAMILY(DENY, netlink_inet, "stdio inet unix", AF_NETLINK, SOCK_RAW)
/* Made, or refused by the kernel for a reason of this machine's. */
static int made(int fd)
{
    return fd >= 0 || errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == EPERM;
}
ALLOW(inet6_stream, "stdio inet", made(socket(AF_INET6, SOCK_STREAM, 0)))
ALLOW(inet6_dgram, "stdio inet", made(socket(AF_INET6, SOCK_DGRAM, 0)))
DENY(inet6_stdio, "stdio unix", made(socket(AF_INET6, SOCK_STREAM, 0)))
DENY(packet_inet, "stdio inet unix", made(socket(AF_PACKET, SOCK_RAW, 0)))
DENY(alg_inet, "stdio inet unix", made(socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0)))
DENY(vsock_inet, "stdio inet unix", made(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0)))
DENY(bluetooth_inet, "stdio inet unix", made(socket(31 /* AF_BLUETOOTH */, SOCK_RAW, 0)))
PROBE(family_4000, "stdio inet unix", EAFNOSUPPORT, socket(4000, SOCK_STREAM, 0) >= 0)
PROBE(family_minus, "stdio inet unix", EAFNOSUPPORT, socket(-1, SOCK_STREAM, 0) >= 0)

/* types and protocols */
DENY(raw_inet, "stdio inet", made(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)))
DENY(raw_flags_inet, "stdio inet", made(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)))
ALLOW(tcp_named, "stdio inet", socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) >= 0)
ALLOW(udp_named, "stdio inet", socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) >= 0)
DENY(mptcp_inet, "stdio inet", made(socket(AF_INET, SOCK_STREAM, 262)))
DENY(sctp_inet, "stdio inet", made(socket(AF_INET, SOCK_STREAM, 132)))
PROBE(dns_flag_inet, "stdio inet", EINVAL, socket(AF_INET, SOCK_DGRAM | SOCK_DNS, 0) >= 0)
/* Linux 2.0's name of AF_PACKET, still served */
DENY(type_packet_inet, "stdio inet", made(socket(AF_INET, 10 /* SOCK_PACKET */, 0)))
/* ints: what the kernel cuts off must not lead the filter astray */
ALLOW(raw_family_high, "stdio inet",
      syscall(SYS_socket, 0x100000000 | AF_INET, SOCK_STREAM, 0) >= 0)
DENY(raw_family_high_unix, "stdio inet",
     syscall(SYS_socket, 0x200000000 | AF_UNIX, SOCK_STREAM, 0) >= 0)

/* stdio keeps what is open going */
static int pair[2];
ALLOW(socketpair_stdio, "stdio", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
ALLOWED(connected_stdio, "stdio")
{
    char byte = 'x';
    struct sockaddr_un name;
    socklen_t len = sizeof name;

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    PLEDGE();
    TRY(send(pair[0], &byte, 1, 0) == 1 && recv(pair[1], &byte, 1, 0) == 1);
    TRY(sendto(pair[0], &byte, 1, MSG_NOSIGNAL, NULL, 0) == 1);
    TRY(recvfrom(pair[1], &byte, 1, 0, NULL, NULL) == 1);
    TRY(getsockname(pair[0], (struct sockaddr *)&name, &len) == 0);
    len = sizeof name;
    TRY(getpeername(pair[0], (struct sockaddr *)&name, &len) == 0);
    TRY(shutdown(pair[0], SHUT_RDWR) == 0);
}
/* The control message that passes a descriptor lies behind a pointer. */
static struct msghdr message(void)
{
    static char byte = 'x';
    static struct iovec iov = {&byte, 1};
    struct msghdr msg;

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[1], "x", 1) == 1);
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    return msg;
}
#define WITH_MESSAGE(kind, id, words, ...)                                   \
    kind(id, words)                                                          \
    {                                                                        \
        struct msghdr msg = message();                                       \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
/* By way of the broker to the handler, which an executed program has not. */
WITH_MESSAGE(ALLOWED, sendmsg_stdio_exec, "stdio exec", sendmsg(pair[0], &msg, 0) == 1)
WITH_MESSAGE(ALLOWED, recvmsg_stdio_exec, "stdio exec", recvmsg(pair[0], &msg, 0) == 1)
WITH_MESSAGE(ALLOWED, sendmsg_sendfd, "stdio sendfd", sendmsg(pair[0], &msg, 0) == 1)
WITH_MESSAGE(ALLOWED, recvmsg_recvfd, "stdio recvfd", recvmsg(pair[0], &msg, 0) == 1)
#define ON_SOCKET(kind, id, words, make, ...)                                \
    kind(id, words)                                                          \
    {                                                                        \
        int fd = make;                                                       \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
ON_SOCKET(DENIED, bind_stdio, "stdio", tcp(), bind(fd, loopback(0), sizeof any) == 0)
ON_SOCKET(ALLOWED, bind_inet, "stdio inet", tcp(), bind(fd, loopback(0), sizeof any) == 0)
ON_SOCKET(DENIED, listen_stdio, "stdio", tcp(), listen(fd, 1) == 0)
ON_SOCKET(ALLOWED, listen_inet, "stdio inet", tcp(), listen(fd, 1) == 0)
static void connects(void)
{
    int server = bound(SOCK_STREAM), client = tcp(), fd;

    PLEDGE();
    TRY(connect(client, (struct sockaddr *)&any, sizeof any) == 0);
    fd = accept(server, NULL, NULL);
    TRY(fd >= 0 && close(fd) == 0);
}
ALLOWED(connect_inet, "stdio inet") { connects(); }
DENIED(connect_stdio, "stdio rpath wpath cpath") { connects(); }
DENIED(accept_stdio, "stdio")
{
    int server = bound(SOCK_STREAM), client = tcp();

    MUST(connect(client, (struct sockaddr *)&any, sizeof any) == 0);
    PLEDGE();
    TRY(accept(server, NULL, NULL) >= 0);
}
DENIED(accept4_stdio, "stdio")
{
    int server = bound(SOCK_STREAM), client = tcp();

    MUST(connect(client, (struct sockaddr *)&any, sizeof any) == 0);
    PLEDGE();
    TRY(accept4(server, NULL, NULL, SOCK_CLOEXEC) >= 0);
}

/* sendto with an address */
static void sends_udp(void)
{
    int fd = udp();

    bound(SOCK_DGRAM);
    PLEDGE();
    TRY(sendto(fd, "x", 1, 0, (struct sockaddr *)&any, sizeof any) == 1);
}
ALLOWED(sendto_inet, "stdio inet") { sends_udp(); }
DENIED(sendto_stdio, "stdio") { sends_udp(); }
DENIED(sendto_fastopen_stdio, "stdio")
{
    int fd = tcp();

    bound(SOCK_STREAM);
    PLEDGE();
    TRY(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&any, sizeof any) == 1);
}

/* AF_UNIX by path */
static struct sockaddr_un at_path;
static struct sockaddr *path(void)
{
    at_path.sun_family = AF_UNIX;
    strcpy(at_path.sun_path, "sock");
    return (struct sockaddr *)&at_path;
}
ALLOWED(unix_whole, "stdio unix")
{
    int server, client;

    PLEDGE();
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(server, path(), sizeof at_path) == 0 && listen(server, 1) == 0);
    TRY(connect(client, path(), sizeof at_path) == 0);
    TRY(accept(server, NULL, NULL) >= 0);
}
ON_SOCKET(DENIED, unix_bind_stdio, "stdio cpath", socket(AF_UNIX, SOCK_STREAM, 0),
          bind(fd, path(), sizeof at_path) == 0)

/* setsockopt and getsockopt */
ON_SOCKET(ALLOWED, so_rcvbuf_stdio, "stdio", tcp(), set(fd, SOL_SOCKET, SO_RCVBUF, 65536))
ON_SOCKET(ALLOWED, so_error_stdio, "stdio", tcp(), get(fd, SOL_SOCKET, SO_ERROR))
ON_SOCKET(ALLOWED, tcp_nodelay_stdio, "stdio", tcp(), set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
ON_SOCKET(ALLOWED, ip_tos_stdio, "stdio", tcp(), set(fd, IPPROTO_IP, IP_TOS, 0))
ON_SOCKET(DENIED, so_reuseaddr_stdio, "stdio", tcp(), set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
ON_SOCKET(DENIED, ip_ttl_stdio, "stdio", tcp(), set(fd, IPPROTO_IP, IP_TTL, 64))
ON_SOCKET(ALLOWED, so_reuseaddr_inet, "stdio inet", tcp(), set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
ON_SOCKET(ALLOWED, so_keepalive_inet, "stdio inet", tcp(), set(fd, SOL_SOCKET, SO_KEEPALIVE, 1))
ON_SOCKET(ALLOWED, so_timestamp_unix, "stdio unix", tcp(), set(fd, SOL_SOCKET, SO_TIMESTAMP, 1))
ON_SOCKET(ALLOWED, ip_ttl_inet, "stdio inet", tcp(), set(fd, IPPROTO_IP, IP_TTL, 64))
ON_SOCKET(ALLOWED, tcp_maxseg_inet, "stdio inet", tcp(), get(fd, IPPROTO_TCP, TCP_MAXSEG))
ON_SOCKET(ALLOWED, v6only_inet, "stdio inet", socket(AF_INET6, SOCK_STREAM, 0),
          fd < 0 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
ON_SOCKET(ALLOWED, multicast_ttl_mcast, "stdio inet mcast", udp(),
          set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3))
ON_SOCKET(DENIED, multicast_ttl_inet, "stdio inet", udp(),
          set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3))
ON_SOCKET(DENIED, multicast_ttl_stdio, "stdio mcast", udp(),
          set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 3))
static int joins(int fd)
{
    struct ip_mreq group;

    group.imr_multiaddr.s_addr = htonl(0xe0000001);
    group.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}
ON_SOCKET(ALLOWED, join_mcast, "stdio inet mcast", udp(), joins(fd))
ON_SOCKET(DENIED, join_inet, "stdio inet", udp(), joins(fd))
DENIED(attach_filter_inet, "stdio inet")
{
    /* SO_ATTACH_FILTER: a program for the kernel is none of OpenBSD's options. */
    struct {
        unsigned short code;
        unsigned char jt, jf;
        unsigned k;
    } all = {0x06, 0, 0, 0xffff};
    struct {
        unsigned short len;
        void *filter;
    } program = {1, &all};
    int fd = udp();

    PLEDGE();
    TRY(setsockopt(fd, SOL_SOCKET, 26, &program, sizeof program) == 0);
}

/* Sending that connects; with ancillary data, so that it is not made by its parts */
static char ancillary[sizeof(struct cmsghdr)];
static struct msghdr nothing = {.msg_control = ancillary, .msg_controllen = sizeof ancillary};
ON_SOCKET(REFUSED, fast_open_sendfd, "stdio sendfd", socket(AF_INET, SOCK_STREAM, 0),
          sendmsg(fd, &nothing, MSG_NOSIGNAL | 0x20000000) == -1 && errno != EPERM)
ON_SOCKET(ALLOWED, fast_open_inet, "stdio inet sendfd", socket(AF_INET, SOCK_STREAM, 0),
          sendmsg(fd, &nothing, MSG_NOSIGNAL | 0x20000000) == -1 && errno != EPERM)

/* ioctl on sockets */
static int number;
ON_SOCKET(ALLOWED, fionread_stdio, "stdio", udp(), ioctl(fd, FIONREAD, &number) == 0)
ON_SOCKET(ALLOWED, fionbio_stdio, "stdio", udp(), ioctl(fd, FIONBIO, &number) == 0)
static char ifconf[64];
ON_SOCKET(ALLOWED, ifconf_inet, "stdio inet", udp(), ioctl(fd, 0x8912, ifconf) == 0)
ON_SOCKET(DENIED, ifconf_stdio, "stdio", udp(), ioctl(fd, 0x8912, ifconf) == 0)
