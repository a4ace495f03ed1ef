/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits of the promises for devices, disks, interfaces and packets. */
#include "conform.h"

#include <netinet/in.h>
#include <sys/ioctl.h>

/* Of headers that not every libc has beside it; x86-64's, as data/promises.toml has them. */
#ifndef SIOCGIFMTU
#define SIOCGIFMTU 0x8921
#define SIOCSIFMTU 0x8922
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#define NETFILTER 12 /* NETLINK_NETFILTER */

/* No file is such a device: ENOTTY is the kernel's own answer. */
#define DEVICE(word, name, request)                                          \
    GRANT(word##_##name, #word, ioctl, "stdio", ENOTTY, fd, request, buf)
/* Whatever the size of what is passed. */
#define SIZED(word, name, request) DEVICE(word, name, request | 24 << 16)
#define OTHER(word, name, request)                                           \
    BEYOND(word##_not_##name, #word, ioctl, "stdio " #word, ENOTTY, fd, request, buf)

/* tape */
DEVICE(tape, MTIOCTOP, 0x40086d01)
DEVICE(tape, MTIOCGET, 0x80306d02)
DEVICE(tape, MTIOCPOS, 0x80086d03)
OTHER(tape, MTIOCGET_write, 0x40306d02)

/* disklabel: not to discard, nor to shut */
DEVICE(disklabel, BLKGETSIZE, 0x1260)
DEVICE(disklabel, BLKGETSIZE64, 0x80081272)
DEVICE(disklabel, BLKSSZGET, 0x1268)
DEVICE(disklabel, BLKPBSZGET, 0x127b)
DEVICE(disklabel, BLKBSZGET, 0x80081270)
DEVICE(disklabel, BLKIOMIN, 0x1278)
DEVICE(disklabel, BLKIOOPT, 0x1279)
DEVICE(disklabel, BLKALIGNOFF, 0x127a)
DEVICE(disklabel, BLKROGET, 0x125e)
DEVICE(disklabel, BLKGETDISKSEQ, 0x80081280)
DEVICE(disklabel, HDIO_GETGEO, 0x301)
DEVICE(disklabel, BLKRRPART, 0x125f)
DEVICE(disklabel, BLKPG, 0x1269)
OTHER(disklabel, BLKDISCARD, 0x1277)
OTHER(disklabel, BLKROSET, 0x125d)
OTHER(disklabel, BLKFLSBUF, 0x1261)

/* audio: streams from number 16 on, sequencers, mixers */
DEVICE(audio, SNDRV_PCM_IOCTL_PVERSION, 0x80044100)
DEVICE(audio, SNDRV_PCM_IOCTL_INFO, 0x81204101)
DEVICE(audio, SNDRV_PCM_IOCTL_TSTAMP, 0x40044102)
DEVICE(audio, SNDRV_PCM_IOCTL_TTSTAMP, 0x40044103)
DEVICE(audio, SNDRV_PCM_IOCTL_USER_PVERSION, 0x40044104)
DEVICE(audio, SNDRV_RAWMIDI_IOCTL_PVERSION, 0x80045700)
DEVICE(audio, SNDRV_RAWMIDI_IOCTL_INFO, 0x810c5701)
DEVICE(audio, SNDRV_RAWMIDI_IOCTL_USER_PVERSION, 0x40045702)
DEVICE(audio, SNDRV_RAWMIDI_IOCTL_DROP, 0x40045730)
DEVICE(audio, SNDRV_RAWMIDI_IOCTL_DRAIN, 0x40045731)
DEVICE(audio, SNDRV_CTL_IOCTL_ELEM_READ, 0xc4c85512)
DEVICE(audio, SNDRV_TIMER_IOCTL_PVERSION, 0x80045400)
DEVICE(audio, SNDRV_TIMER_IOCTL_TREAD_OLD, 0x40045402)
DEVICE(audio, SNDRV_TIMER_IOCTL_TREAD64, 0x400454a4)
DEVICE(audio, SNDRV_TIMER_IOCTL_NEXT_DEVICE, 0xc0145401)
DEVICE(audio, SNDRV_TIMER_IOCTL_SELECT, 0x40345410)
DEVICE(audio, SNDRV_TIMER_IOCTL_PARAMS, 0x40505412)
DEVICE(audio, SNDRV_TIMER_IOCTL_START, 0x54a0)
DEVICE(audio, SNDRV_TIMER_IOCTL_STOP, 0x54a1)
DEVICE(audio, SNDRV_TIMER_IOCTL_CONTINUE, 0x54a2)
DEVICE(audio, SNDRV_TIMER_IOCTL_PAUSE, 0x54a3)
DEVICE(audio, SNDCTL_DSP_RESET, 0x5000)
DEVICE(audio, SNDCTL_DSP_SYNC, 0x5001)
DEVICE(audio, SNDCTL_DSP_SPEED, 0xc0045002)
DEVICE(audio, SNDCTL_DSP_STEREO, 0xc0045003)
DEVICE(audio, SNDCTL_DSP_GETBLKSIZE, 0xc0045004)
DEVICE(audio, SNDCTL_DSP_SETFMT, 0xc0045005)
DEVICE(audio, SNDCTL_DSP_CHANNELS, 0xc0045006)
DEVICE(audio, SNDCTL_DSP_POST, 0x5008)
DEVICE(audio, SNDCTL_DSP_SUBDIVIDE, 0xc0045009)
DEVICE(audio, SNDCTL_DSP_SETFRAGMENT, 0xc004500a)
DEVICE(audio, SNDCTL_DSP_GETFMTS, 0x8004500b)
DEVICE(audio, SNDCTL_DSP_GETOSPACE, 0x8010500c)
DEVICE(audio, SNDCTL_DSP_GETISPACE, 0x8010500d)
DEVICE(audio, SNDCTL_DSP_NONBLOCK, 0x500e)
DEVICE(audio, SNDCTL_DSP_GETCAPS, 0x8004500f)
DEVICE(audio, SNDCTL_DSP_GETTRIGGER, 0x80045010)
DEVICE(audio, SNDCTL_DSP_SETTRIGGER, 0x40045010)
DEVICE(audio, SNDCTL_DSP_GETIPTR, 0x800c5011)
DEVICE(audio, SNDCTL_DSP_GETOPTR, 0x800c5012)
DEVICE(audio, SNDCTL_DSP_SETDUPLEX, 0x5016)
DEVICE(audio, SNDCTL_DSP_GETODELAY, 0x80045017)
SIZED(audio, SNDRV_RAWMIDI_IOCTL_PARAMS, 0xc0005710)
SIZED(audio, SNDRV_RAWMIDI_IOCTL_STATUS, 0xc0005720)
SIZED(audio, SNDRV_TIMER_IOCTL_INFO, 0x80005411)
SIZED(audio, SNDRV_TIMER_IOCTL_STATUS, 0x80005414)
SIZED(audio, SNDRV_CTL_IOCTL_PVERSION, 0x80005500)
SIZED(audio, SNDRV_CTL_IOCTL_CARD_INFO, 0x80005501)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_LIST, 0xc0005510)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_INFO, 0xc0005511)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_WRITE, 0xc0005513)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_LOCK, 0x40005514)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_UNLOCK, 0x40005515)
SIZED(audio, SNDRV_CTL_IOCTL_SUBSCRIBE_EVENTS, 0xc0005516)
SIZED(audio, SNDRV_CTL_IOCTL_ELEM_ADD, 0xc0005517)
SIZED(audio, SNDRV_CTL_IOCTL_TLV_READ, 0xc000551a)
SIZED(audio, SNDRV_CTL_IOCTL_TLV_WRITE, 0xc000551b)
SIZED(audio, SNDRV_CTL_IOCTL_TLV_COMMAND, 0xc000551c)
SIZED(audio, SNDRV_CTL_IOCTL_PCM_NEXT_DEVICE, 0x80005530)
SIZED(audio, SNDRV_CTL_IOCTL_PCM_INFO, 0xc0005531)
SIZED(audio, SNDRV_CTL_IOCTL_PCM_PREFER_SUBDEVICE, 0x40005532)
SIZED(audio, SNDRV_CTL_IOCTL_RAWMIDI_NEXT_DEVICE, 0xc0005540)
SIZED(audio, SNDRV_CTL_IOCTL_RAWMIDI_INFO, 0xc0005541)
SIZED(audio, SNDRV_CTL_IOCTL_RAWMIDI_PREFER_SUBDEVICE, 0x40005542)
SIZED(audio, SNDRV_CTL_IOCTL_POWER_STATE, 0x800055d1)
DEVICE(audio, stream, 0x4100 | 0x11 | 0xc2600000) /* SNDRV_PCM_IOCTL_HW_PARAMS */
DEVICE(audio, stream_start, 0x4100 | 0x42)        /* SNDRV_PCM_IOCTL_START */
DEVICE(audio, sequencer, 0x5300 | 0x80040001)     /* SNDRV_SEQ_IOCTL_CLIENT_ID */
DEVICE(audio, SOUND_MIXER_READ_VOLUME, 0x80044d00)
DEVICE(audio, SOUND_MIXER_READ_PCM, 0x80044d00 | 4)
DEVICE(audio, SOUND_MIXER_WRITE_VOLUME, 0xc0044d00)
DEVICE(audio, SOUND_MIXER_READ_RECSRC, 0x80044d00 | 0xe0 | 0x1f)
DEVICE(audio, SOUND_MIXER_WRITE_RECSRC, 0xc0044d00 | 0xe0 | 0x1f)
OTHER(audio, stream_5, 0x4105)
OTHER(audio, stream_128, 0x41c0)
OTHER(audio, USBDEVFS_IOCTL, 0xc0105512)
OTHER(audio, UI_DEV_CREATE, 0x5501)
OTHER(audio, TIOCSTI, 0x5412)
OTHER(audio, CDROMEJECT, 0x5309)
OTHER(audio, mixer_32, 0x80044d20)
OTHER(audio, another_type, 0x80045811)

/* video: what has a direction, but a driver's own and a chip's registers */
DEVICE(video, VIDIOC_QUERYCAP, 0x5600 | 0x80680000)
DEVICE(video, VIDIOC_DQBUF, 0x5600 | 17 | 0xc0580000)
OTHER(video, VT_ACTIVATE, 0x5606)
OTHER(video, private, 0x400456c0)
OTHER(video, VIDIOC_DBG_S_REGISTER, 0x4038564f)
OTHER(video, VIDIOC_DBG_G_REGISTER, 0xc0385650)
OTHER(video, another_type, 0x80685700)

/* drm: no modes, no master */
SIZED(drm, DRM_IOCTL_VERSION, 0xc0006400)
SIZED(drm, DRM_IOCTL_GET_CAP, 0xc000640c)
SIZED(drm, DRM_IOCTL_GEM_CLOSE, 0x40006409)
SIZED(drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, 0xc000642d)
SIZED(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, 0xc000642e)
SIZED(drm, DRM_IOCTL_SYNCOBJ_CREATE, 0xc00064bf)
SIZED(drm, DRM_IOCTL_SYNCOBJ_DESTROY, 0xc00064c0)
SIZED(drm, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, 0xc00064c1)
SIZED(drm, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, 0xc00064c2)
SIZED(drm, DRM_IOCTL_SYNCOBJ_WAIT, 0xc00064c3)
SIZED(drm, DRM_IOCTL_SYNCOBJ_RESET, 0xc00064c4)
SIZED(drm, DRM_IOCTL_SYNCOBJ_SIGNAL, 0xc00064c5)
SIZED(drm, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, 0xc00064ca)
SIZED(drm, DRM_IOCTL_SYNCOBJ_QUERY, 0xc00064cb)
SIZED(drm, DRM_IOCTL_SYNCOBJ_TRANSFER, 0xc00064cc)
SIZED(drm, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, 0xc00064cd)
DEVICE(drm, driver_0, 0x6400 | 64)
DEVICE(drm, driver_4, 0x6400 | 64 | 4 | 0xc0100000)
DEVICE(drm, driver_32, 0x6400 | 0x60)
DEVICE(drm, driver_64, 0x6400 | 0x80)
OTHER(drm, MODE_SETCRTC, 0xc06864a2)
OTHER(drm, SET_MASTER, 0x641e)
OTHER(drm, VERSION_write, 0x40006400)
OTHER(drm, another_type, 0x6540)

/* vmm */
DEVICE(vmm, KVM_GET_API_VERSION, 0xae00)
DEVICE(vmm, KVM_RUN, 0xae00 | 0x80)
OTHER(vmm, VHOST_SET_OWNER, 0xaf01)

/* route: of no interface; inet asks some of it, too */
#define SEEN(request, want)                                                  \
    GRANT(route_##request, "route", ioctl, "stdio", want, inet, request, page)
#define SEEN_BY_INET(request, want)                                          \
    GRANT(inet_##request, "inet", ioctl, "stdio", want, inet, request, page)
SEEN(SIOCGIFNAME, ENODEV)
SEEN(SIOCGIFINDEX, ENODEV)
SEEN(SIOCGIFCONF, 0)
SEEN(SIOCGIFFLAGS, ENODEV)
SEEN(SIOCGIFADDR, ENODEV)
SEEN(SIOCGIFDSTADDR, ENODEV)
SEEN(SIOCGIFBRDADDR, ENODEV)
SEEN(SIOCGIFNETMASK, ENODEV)
SEEN(SIOCGIFMETRIC, ENODEV)
SEEN(SIOCGIFMTU, ENODEV)
SEEN(SIOCGIFHWADDR, ENODEV)
SEEN_BY_INET(SIOCGIFNAME, ENODEV)
SEEN_BY_INET(SIOCGIFINDEX, ENODEV)
SEEN_BY_INET(SIOCGIFCONF, 0)
SEEN_BY_INET(SIOCGIFFLAGS, ENODEV)
SEEN_BY_INET(SIOCGIFDSTADDR, ENODEV)
SEEN_BY_INET(SIOCGIFBRDADDR, ENODEV)
SEEN_BY_INET(SIOCGIFNETMASK, ENODEV)
BEYOND(route_not_SIOCSIFMTU, "route", ioctl, "stdio route", EFAULT, inet, SIOCSIFMTU, 0)
BEYOND(inet_not_SIOCGIFHWADDR, "inet", ioctl, "stdio inet", ENODEV, inet, SIOCGIFHWADDR, page)

/* wroute: what lies nowhere is not set */
#define CHANGED(request) GRANT(wroute_##request, "wroute", ioctl, "stdio route", EFAULT, inet, request, 0)
CHANGED(SIOCSIFADDR)
CHANGED(SIOCSIFDSTADDR)
CHANGED(SIOCSIFBRDADDR)
CHANGED(SIOCSIFNETMASK)
CHANGED(SIOCDIFADDR)
CHANGED(SIOCSIFMTU)
CHANGED(SIOCADDRT)
CHANGED(SIOCDELRT)
BEYOND(wroute_not_SIOCSIFFLAGS, "wroute", ioctl, "stdio wroute", EFAULT, inet, SIOCSIFFLAGS, 0)
#define CHOSEN(option, want, ...)                                            \
    GRANT(wroute_get_##option, "wroute", getsockopt, "stdio", 0, udp, SOL_SOCKET, option, page, &len) \
    GRANT(wroute_set_##option, "wroute", setsockopt, "stdio inet", want, udp, SOL_SOCKET, option, __VA_ARGS__)
CHOSEN(SO_MARK, AS_ROOT, &(int){1}, 4)
CHOSEN(SO_BINDTODEVICE, AS_ROOT, "", 0)
CHOSEN(SO_BINDTOIFINDEX, 0, &(int){0}, 4)
BEYOND(wroute_not_SO_RCVBUFFORCE, "wroute", setsockopt, "stdio wroute", AS_ROOT, udp, SOL_SOCKET,
       SO_RCVBUFFORCE, &(int){8192}, 4)

/* pf: a machine may be without any of it */
#define FILTER(id, call, ...) GRANT_BY(pf_##id, "pf", call, "stdio inet", 0, answered(syscall(SYS_##call, __VA_ARGS__)))
FILTER(SO_ORIGINAL_DST, getsockopt, inet, IPPROTO_IP, 80, page, &len)
FILTER(IPT_SO_GET_INFO, getsockopt, inet, IPPROTO_IP, 64, page, &len)
FILTER(IPT_SO_GET_ENTRIES, getsockopt, inet, IPPROTO_IP, 65, page, &len)
FILTER(IPT_SO_GET_REVISION_MATCH, getsockopt, inet, IPPROTO_IP, 66, page, &len)
FILTER(IPT_SO_GET_REVISION_TARGET, getsockopt, inet, IPPROTO_IP, 67, page, &len)
FILTER(IP6T_SO_ORIGINAL_DST, getsockopt, six, IPPROTO_IPV6, 80, page, &len)
FILTER(IP6T_SO_GET_INFO, getsockopt, six, IPPROTO_IPV6, 64, page, &len)
FILTER(IP6T_SO_GET_ENTRIES, getsockopt, six, IPPROTO_IPV6, 65, page, &len)
FILTER(IP6T_SO_GET_REVISION_MATCH, getsockopt, six, IPPROTO_IPV6, 68, page, &len)
FILTER(IP6T_SO_GET_REVISION_TARGET, getsockopt, six, IPPROTO_IPV6, 69, page, &len)
FILTER(IPT_SO_SET_REPLACE, setsockopt, inet, IPPROTO_IP, 64, 0, 0)
FILTER(IPT_SO_SET_ADD_COUNTERS, setsockopt, inet, IPPROTO_IP, 65, 0, 0)
FILTER(IP6T_SO_SET_REPLACE, setsockopt, six, IPPROTO_IPV6, 64, 0, 0)
FILTER(IP6T_SO_SET_ADD_COUNTERS, setsockopt, six, IPPROTO_IPV6, 65, 0, 0)
FILTER(netlink_raw, socket, AF_NETLINK, SOCK_RAW, NETFILTER)
FILTER(netlink_dgram, socket, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETFILTER)
BEYOND(pf_not_IP_TTL, "pf", getsockopt, "stdio pf", 0, inet, IPPROTO_IP, IP_TTL, page, &len)
BEYOND(pf_not_EBT, "pf", setsockopt, "stdio pf", ENOPROTOOPT, inet, IPPROTO_IP, 128, 0, 0)
BEYOND(pf_not_route, "pf", socket, "stdio pf", 0, AF_NETLINK, SOCK_RAW, 0)
BEYOND(pf_not_stream, "pf", socket, "stdio pf", ESOCKTNOSUPPORT, AF_NETLINK, SOCK_STREAM, NETFILTER)

/* bpf: the statistics of a packet socket, which this is not; kernels say so in more than one way */
#define PACKET(option) answered(syscall(SYS_getsockopt, udp, 263 /* SOL_PACKET */, option, page, &len))
GRANT_BY(bpf_PACKET_STATISTICS, "bpf", getsockopt, "stdio", 0, PACKET(6))
BEYOND_BY(bpf_not_PACKET_VERSION, "bpf", getsockopt, "stdio bpf", 0, PACKET(10))
