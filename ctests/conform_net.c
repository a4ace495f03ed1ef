/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits of unix inet mcast sendfd and recvfd. */
#include "conform.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN 23
#endif
#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT 25
#endif
#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif
#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#define SO_ATTACH_REUSEPORT_EBPF 52
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Nobody listens there, and no privilege is needed. */
static struct sockaddr_in four = {.sin_family = AF_INET};
static struct sockaddr_un named = {.sun_family = AF_UNIX, .sun_path = "none"};

/* What both families have: made by the one's socket, and by the other's. */
#define BOTH(call, unix_end, unix_args, inet_end, inet_args)                 \
    GRANT(unix_##call, "unix", call, "stdio", unix_end, unix_args)           \
    GRANT(inet_##call, "inet", call, "stdio", inet_end, inet_args)
#define ARGS(...) __VA_ARGS__
BOTH(accept, EINVAL, ARGS(local, 0, 0), EINVAL, ARGS(inet, 0, 0))
BOTH(accept4, EINVAL, ARGS(local, 0, 0, 0), EINVAL, ARGS(inet, 0, 0, 0))
BOTH(bind, 0, ARGS(local, &named, sizeof named), 0, ARGS(inet, &four, sizeof four))
BOTH(connect, ENOENT, ARGS(local, &named, sizeof named), EAFNOSUPPORT,
     ARGS(inet, &named, sizeof named))
BOTH(listen, EINVAL, ARGS(local, 1), 0, ARGS(inet, 1))
BOTH(sendto, EOPNOTSUPP, ARGS(local, buf, 1, MSG_NOSIGNAL, &named, sizeof named), EINVAL,
     ARGS(udp, buf, 1, 0, &four, 1))

GRANT(socket_unix_stream, "unix", socket, "stdio inet", 0, AF_UNIX, SOCK_STREAM, 0)
GRANT(socket_unix_dgram, "unix", socket, "stdio inet", 0, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
GRANT(socket_unix_seqpacket, "unix", socket, "stdio inet", 0, AF_UNIX,
      SOCK_SEQPACKET | SOCK_NONBLOCK, 0)
BEYOND(socket_unix_raw, "unix", socket, "stdio unix", 0, AF_UNIX, SOCK_RAW, 0)
BEYOND(socket_unix_protocol, "unix", socket, "stdio unix", 0, AF_UNIX, SOCK_STREAM, 1)
GRANT(socket_inet_stream, "inet", socket, "stdio unix", 0, AF_INET, SOCK_STREAM, 0)
GRANT(socket_inet_dgram, "inet", socket, "stdio unix", 0, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
GRANT(socket_inet_tcp, "inet", socket, "stdio unix", 0, AF_INET, SOCK_STREAM | SOCK_NONBLOCK,
      IPPROTO_TCP)
GRANT(socket_inet_udp, "inet", socket, "stdio unix", 0, AF_INET, SOCK_DGRAM, IPPROTO_UDP)
GRANT_BY(socket_inet6, "inet", socket, "stdio unix", 0, socket(AF_INET6, SOCK_STREAM, 0) >= 0
         || errno == EAFNOSUPPORT ? 0 : -1)
#define SOCKET_BEYOND(id, want, ...) BEYOND(socket_inet_##id, "inet", socket, "stdio inet", want, __VA_ARGS__)
SOCKET_BEYOND(icmp, AS_ROOT, AF_INET, SOCK_RAW, IPPROTO_ICMP)
SOCKET_BEYOND(icmp6_wrong, EPROTONOSUPPORT, AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6)
SOCKET_BEYOND(protocol, EPROTONOSUPPORT, AF_INET, SOCK_STREAM, 253)
SOCKET_BEYOND(dns, EINVAL, AF_INET, SOCK_DGRAM | SOCK_DNS, 0)
SOCKET_BEYOND(protocol_upper, EPROTONOSUPPORT, AF_INET, SOCK_DGRAM, 0x100000000 | 253)
SOCKET_BEYOND(seqpacket, ESOCKTNOSUPPORT, AF_INET, SOCK_SEQPACKET, 0)
SOCKET_BEYOND(unix, 0, AF_UNIX, SOCK_STREAM, 0)
SOCKET_BEYOND(unix_upper, 0, 0x100000000 | AF_UNIX, SOCK_STREAM, 0)
SOCKET_BEYOND(netlink, 0, AF_NETLINK, SOCK_RAW, 0)
SOCKET_BEYOND(unspec, EAFNOSUPPORT, AF_UNSPEC, SOCK_STREAM, 0)
SOCKET_BEYOND(minus, EAFNOSUPPORT, -1, SOCK_STREAM, 0)

/* Options of the socket's own level */
#define SO(promise, word, id, sock, want, ...)                               \
    GRANT(promise##_get_##id, word, getsockopt, "stdio", 0, sock, SOL_SOCKET, SO_##id, buf, &len) \
    GRANT(promise##_set_##id, word, setsockopt, "stdio", want, sock, SOL_SOCKET, SO_##id, __VA_ARGS__)
SO(unix, "unix", REUSEADDR, local, 0, &(int){1}, 4)
SO(unix, "unix", SNDBUF, local, 0, &(int){8192}, 4)
SO(unix, "unix", PASSCRED, local, 0, &(int){1}, 4)
SO(inet, "inet", REUSEADDR, inet, 0, &(int){1}, 4)
SO(inet, "inet", KEEPALIVE, inet, 0, &(int){1}, 4)
SO(inet, "inet", BROADCAST, udp, 0, &(int){1}, 4)
/* What sends elsewhere, takes more than one's share, or loads programs. */
#define SO_BEYOND(opt, want, ...)                                            \
    BEYOND(unix_##opt, "unix", setsockopt, "stdio unix", want, local, SOL_SOCKET, opt, __VA_ARGS__) \
    BEYOND(inet_##opt, "inet", setsockopt, "stdio inet", want, inet, SOL_SOCKET, opt, __VA_ARGS__)
SO_BEYOND(SO_MARK, AS_ROOT, &(int){1}, 4)
SO_BEYOND(SO_BINDTODEVICE, AS_ROOT, "", 0)
SO_BEYOND(SO_RCVBUFFORCE, AS_ROOT, &(int){8192}, 4)
SO_BEYOND(SO_SNDBUFFORCE, AS_ROOT, &(int){8192}, 4)
SO_BEYOND(SO_ATTACH_FILTER, EINVAL, buf, 4)
SO_BEYOND(SO_DETACH_FILTER, ENOENT, buf, 4)
SO_BEYOND(SO_BINDTOIFINDEX, 0, &(int){0}, 4)
SO_BEYOND(SO_ATTACH_BPF, EBADF, &(int){-1}, 4)
SO_BEYOND(SO_ATTACH_REUSEPORT_CBPF, EINVAL, buf, 4)
SO_BEYOND(SO_ATTACH_REUSEPORT_EBPF, EBADF, &(int){-1}, 4)
BEYOND(unix_get_tcp, "unix", getsockopt, "stdio unix", EOPNOTSUPP, local, IPPROTO_TCP, TCP_MAXSEG,
       buf, &len)
BEYOND(unix_set_tcp, "unix", setsockopt, "stdio unix", EOPNOTSUPP, local, IPPROTO_TCP, TCP_MAXSEG,
       buf, 4)

/* inet: options of TCP and of IP, each of them */
#define OPT(id, level, opt, sock, want, ...)                                 \
    GRANT(get_##id, "inet", getsockopt, "stdio", 0, sock, level, opt, page, &len) \
    GRANT(set_##id, "inet", setsockopt, "stdio", want, sock, level, opt, __VA_ARGS__)
#define TCP(id, value) OPT(tcp_##id, IPPROTO_TCP, TCP_##id, inet, 0, &(int){value}, 4)
#define IP(id, value) OPT(ip_##id, IPPROTO_IP, IP_##id, udp, 0, &(int){value}, 4)
#define SIX(id, value)                                                       \
    GRANT_BY(get_ipv6_##id, "inet", getsockopt, "stdio", 0, six_or(getsockopt(six, IPPROTO_IPV6, IPV6_##id, page, &len))) \
    GRANT_BY(set_ipv6_##id, "inet", setsockopt, "stdio", 0, six_or(setsockopt(six, IPPROTO_IPV6, IPV6_##id, &(int){value}, 4)))
/* A machine may be without. */
static int six_or(int end)
{
    return six < 0 || end == 0 || errno == ENOTCONN || errno == EINVAL ? 0 : end;
}
TCP(MAXSEG, 500)
TCP(CORK, 0)
TCP(KEEPIDLE, 60)
TCP(KEEPINTVL, 60)
TCP(KEEPCNT, 5)
TCP(SYNCNT, 3)
TCP(LINGER2, 1)
TCP(DEFER_ACCEPT, 1)
TCP(WINDOW_CLAMP, 65536)
TCP(QUICKACK, 1)
TCP(USER_TIMEOUT, 1000)
TCP(FASTOPEN, 0)
TCP(NOTSENT_LOWAT, 4096)
OPT(tcp_CONGESTION, IPPROTO_TCP, TCP_CONGESTION, inet, ENOENT, "none", 4)
GRANT(get_TCP_INFO, "inet", getsockopt, "stdio", 0, inet, IPPROTO_TCP, TCP_INFO, page, &len)
GRANT(set_TCP_MD5SIG, "inet", setsockopt, "stdio", EINVAL, inet, IPPROTO_TCP, TCP_MD5SIG, buf, 4)
BEYOND(get_TCP_MD5SIG, "inet", getsockopt, "stdio inet", ENOPROTOOPT, inet, IPPROTO_TCP, TCP_MD5SIG,
       buf, &len)
BEYOND(set_TCP_INFO, "inet", setsockopt, "stdio inet", ENOPROTOOPT, inet, IPPROTO_TCP, TCP_INFO,
       buf, 4)
BEYOND(set_TCP_ULP, "inet", setsockopt, "stdio inet", ENOENT, inet, IPPROTO_TCP, 31, "none", 4)
BEYOND(set_TCP_REPAIR, "inet", setsockopt, "stdio inet", AS_ROOT | EINVAL, inet, IPPROTO_TCP, 19,
       &(int){99}, 4)
LET(get_TCP_NODELAY, "inet", getsockopt, "stdio", 0, inet, IPPROTO_TCP, TCP_NODELAY, buf, &len)
LET(set_TCP_NODELAY, "inet", setsockopt, "stdio", 0, inet, IPPROTO_TCP, TCP_NODELAY, &(int){1}, 4)
LET(get_IP_TOS, "inet", getsockopt, "stdio", 0, inet, IPPROTO_IP, IP_TOS, buf, &len)
LET(set_IP_TOS, "inet", setsockopt, "stdio", 0, inet, IPPROTO_IP, IP_TOS, &(int){0}, 4)
IP(TTL, 64)
IP(PKTINFO, 1)
IP(MTU_DISCOVER, 0)
IP(RECVERR, 1)
IP(RECVTTL, 1)
IP(RECVTOS, 1)
IP(FREEBIND, 1)
IP(MINTTL, 0)
GRANT(get_IP_OPTIONS, "inet", getsockopt, "stdio", 0, udp, IPPROTO_IP, IP_OPTIONS, buf, &len)
GRANT(get_IP_MTU, "inet", getsockopt, "stdio", ENOTCONN, udp, IPPROTO_IP, IP_MTU, buf, &len)
BEYOND(set_IP_OPTIONS, "inet", setsockopt, "stdio inet", 0, udp, IPPROTO_IP, IP_OPTIONS, buf, 0)
BEYOND(set_IP_TRANSPARENT, "inet", setsockopt, "stdio inet", AS_ROOT, udp, IPPROTO_IP, 19,
       &(int){0}, 4)
SIX(UNICAST_HOPS, 64)
SIX(MTU_DISCOVER, 0)
SIX(MTU, 1280)
SIX(RECVERR, 1)
SIX(V6ONLY, 1)
SIX(RECVPKTINFO, 1)
SIX(RECVHOPLIMIT, 1)
SIX(RECVTCLASS, 1)
LET(get_IPV6_TCLASS, "inet", getsockopt, "stdio", EOPNOTSUPP, inet, IPPROTO_IPV6, IPV6_TCLASS, buf,
    &len)
LET(set_IPV6_TCLASS, "inet", setsockopt, "stdio", ENOPROTOOPT, inet, IPPROTO_IPV6, IPV6_TCLASS, buf,
    4)
GRANT(atmark, "inet", ioctl, "stdio", 0, inet, SIOCATMARK, buf)
GRANT(siocgifaddr, "inet", ioctl, "stdio", ENODEV, inet, SIOCGIFADDR, page)

/* dns: what resolvers set, and what one of them does without */
GRANT(dns_IP_RECVERR, "dns", setsockopt, "stdio", 0, udp, IPPROTO_IP, IP_RECVERR, &(int){1}, 4)
#define DNS_SIX(id)                                                          \
    GRANT_BY(dns_ipv6_##id, "dns", setsockopt, "stdio", 0, six_or(setsockopt(six, IPPROTO_IPV6, IPV6_##id, &(int){1}, 4)))
DNS_SIX(RECVERR)
DNS_SIX(RECVPKTINFO)
DNS_SIX(V6ONLY)
BEYOND(dns_IP_TTL, "dns", setsockopt, "stdio dns", 0, udp, IPPROTO_IP, IP_TTL, &(int){9}, 4)
REFUSAL(dns_fast_open, "dns", setsockopt, "stdio dns", 0, inet, IPPROTO_TCP, 30, &(int){1}, 4)

/* mcast: with inet, of groups */
#define GROUP(opt, sock, level, get, want, ...)                              \
    GRANT(group_get_##opt, "inet mcast", getsockopt, "stdio inet", get, sock, level, opt, page, &len) \
    GRANT(group_##opt, "inet mcast", setsockopt, "stdio inet", want, sock, level, opt, __VA_ARGS__)
#define JOIN(opt, want, ...) GRANT(group_##opt, "inet mcast", setsockopt, "stdio inet", want, udp, IPPROTO_IP, opt, __VA_ARGS__)
GROUP(IP_MULTICAST_IF, udp, IPPROTO_IP, 0, 0, &(int){0}, 4)
GROUP(IP_MULTICAST_TTL, udp, IPPROTO_IP, 0, 0, &(int){1}, 4)
GROUP(IP_MULTICAST_LOOP, udp, IPPROTO_IP, 0, 0, &(int){1}, 4)
GROUP(IP_MULTICAST_ALL, udp, IPPROTO_IP, 0, 0, &(int){1}, 4)
JOIN(IP_ADD_MEMBERSHIP, EINVAL, buf, 4)
JOIN(IP_DROP_MEMBERSHIP, EINVAL, buf, 4)
JOIN(IP_ADD_SOURCE_MEMBERSHIP, EINVAL, buf, 4)
JOIN(IP_DROP_SOURCE_MEMBERSHIP, EINVAL, buf, 4)
JOIN(IP_BLOCK_SOURCE, EINVAL, buf, 4)
JOIN(IP_UNBLOCK_SOURCE, EINVAL, buf, 4)
JOIN(MCAST_JOIN_GROUP, EINVAL, buf, 4)
JOIN(MCAST_LEAVE_GROUP, EINVAL, buf, 4)
BEYOND(group_without_inet, "inet mcast", setsockopt, "stdio mcast", EINVAL, udp, IPPROTO_IP,
       IP_ADD_MEMBERSHIP, buf, 4)
BEYOND(group_get_msfilter, "inet mcast", getsockopt, "stdio inet mcast", EINVAL, udp, IPPROTO_IP,
       41 /* IP_MSFILTER */, buf, &(socklen_t){1})
#define SIX_GROUP(opt)                                                       \
    GRANT_BY(group_##opt, "inet mcast", setsockopt, "stdio inet", 0, six_or(setsockopt(six, IPPROTO_IPV6, opt, buf, 4)))
#define SIX_GET(opt)                                                         \
    GRANT_BY(group_get_##opt, "inet mcast", getsockopt, "stdio inet", 0, six_or(getsockopt(six, IPPROTO_IPV6, opt, page, &len)))
SIX_GROUP(IPV6_MULTICAST_IF)
SIX_GET(IPV6_MULTICAST_IF)
SIX_GROUP(IPV6_MULTICAST_HOPS)
SIX_GET(IPV6_MULTICAST_HOPS)
SIX_GROUP(IPV6_MULTICAST_LOOP)
SIX_GET(IPV6_MULTICAST_LOOP)
SIX_GROUP(IPV6_JOIN_GROUP)
SIX_GROUP(IPV6_LEAVE_GROUP)

/* Messages that may carry descriptors */
LET(sendfd_sendmsg, "sendfd", sendmsg, "stdio", EFAULT, local, 0, MSG_DONTWAIT)
LET(sendfd_sendmmsg, "sendfd", sendmmsg, "stdio", EFAULT, local, 1, 1, MSG_DONTWAIT)
LET(recvfd_recvmsg, "recvfd", recvmsg, "stdio", EFAULT, local, 0, MSG_DONTWAIT)
LET(recvfd_recvmmsg, "recvfd", recvmmsg, "stdio", EFAULT, local, 1, 1, MSG_DONTWAIT, 0)
REFUSAL(sendmsg_recvfd, "sendfd", sendmsg, "stdio recvfd", EFAULT, local, &passing, MSG_DONTWAIT)
#ifdef __GLIBC__ /* musl's is sendmsg(2) */
REFUSAL(sendmmsg_recvfd, "sendfd", sendmmsg, "stdio recvfd", EFAULT, local, &passing, 1, MSG_DONTWAIT)
#endif
REFUSAL(recvmsg_sendfd, "recvfd", recvmsg, "stdio sendfd", EAGAIN, udp, &passing, MSG_DONTWAIT)
REFUSAL(recvmmsg_sendfd, "recvfd", recvmmsg, "stdio sendfd", EAGAIN, udp, &passing, 1, MSG_DONTWAIT, 0)

/* To connect by sending takes inet as well. */
LET(fastopen_sendmsg, "inet sendfd", sendmsg, "stdio", EFAULT, inet, &passing, MSG_FASTOPEN)
REFUSAL(fastopen_sendmsg_sendfd, "sendfd", sendmsg, "stdio sendfd", EFAULT, inet, &passing, MSG_FASTOPEN)
REFUSAL(fastopen_sendmsg_alone, "inet sendfd", sendmsg, "stdio sendfd", EFAULT, inet, &passing,
        MSG_FASTOPEN)
LET(fastopen_sendmmsg, "inet sendfd", sendmmsg, "stdio", EFAULT, inet, &passing, 1, MSG_FASTOPEN)
#ifdef __GLIBC__ /* musl's is sendmsg(2) */
REFUSAL(fastopen_sendmmsg_sendfd, "sendfd", sendmmsg, "stdio sendfd", EFAULT, inet, &passing, 1,
        MSG_FASTOPEN)
REFUSAL(fastopen_sendmmsg_alone, "inet sendfd", sendmmsg, "stdio sendfd", EFAULT, inet, &passing, 1,
        MSG_FASTOPEN)
#endif
