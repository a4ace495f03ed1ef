/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words for devices: their requests reach the kernel, and only under them. */
#include "case.h"

#include <net/if.h>
#include <sys/ioctl.h>

/*
 * On what is no such device a request fails with ENOTTY: so much as the kernel's
 * answer shows that the filter let it through. The numbers are x86-64's, and
 * data/promises.toml says whose they are.
 */
#define ASKS(request) (ioctl(0, (request), bytes) == -1 && errno == ENOTTY)
#define DEVICE(id, word, request)                                            \
    ALLOW(id, "stdio " word, ASKS(request))                                  \
    DENY(id##_stdio, "stdio", ASKS(request))

static char bytes[16384];

/* musl's compiler here finds no header of the kernel. */
enum { ROUTE = 0, NETFILTER = 12 };
#define GET_FLAGS 0x80086601  /* FS_IOC_GETFLAGS */
#define SET_FLAGS 0x40086602  /* FS_IOC_SETFLAGS */
#define CLONE_FILE 0x40049409 /* FICLONE */

DEVICE(tape_status, "tape", 0x80306d02)         /* MTIOCGET */
DEVICE(tape_operation, "tape", 0x40086d01)      /* MTIOCTOP */
DEVICE(video_capability, "video", 0x80685600)   /* VIDIOC_QUERYCAP */
DEVICE(video_buffer, "video", 0xc0585611)       /* VIDIOC_DQBUF */
DEVICE(audio_stream, "audio", 0xc2604111)       /* SNDRV_PCM_IOCTL_HW_PARAMS */
DEVICE(audio_start, "audio", 0x4142)            /* SNDRV_PCM_IOCTL_START */
DEVICE(audio_mixer, "audio", 0xc4c85513)        /* SNDRV_CTL_IOCTL_ELEM_WRITE */
DEVICE(audio_sequencer, "audio", 0x80045301)    /* SNDRV_SEQ_IOCTL_CLIENT_ID */
DEVICE(audio_timer, "audio", 0x40345410)        /* SNDRV_TIMER_IOCTL_SELECT */
DEVICE(audio_oss, "audio", 0xc0045002)          /* SNDCTL_DSP_SPEED */
DEVICE(audio_oss_mixer, "audio", 0x80044d04)    /* SOUND_MIXER_READ_PCM */
DEVICE(disk_size, "disklabel", 0x80081272)      /* BLKGETSIZE64 */
DEVICE(disk_partitions, "disklabel", 0x125f)    /* BLKRRPART */
DEVICE(drm_close, "drm", 0x40086409)            /* DRM_IOCTL_GEM_CLOSE */
DEVICE(drm_driver, "drm", 0xc0106444)           /* a driver's own */
DEVICE(vmm_version, "vmm", 0xae00)              /* KVM_GET_API_VERSION */

/* Neighbours of theirs, under the word itself */
#define OTHER(id, word, request) DENY(id, "stdio " word, ASKS(request))
OTHER(video_terminal, "video", 0x5606)          /* VT_ACTIVATE */
OTHER(video_driver, "video", 0x400456c0)        /* 192: a driver's own */
OTHER(video_registers, "video", 0x4038564f)     /* VIDIOC_DBG_S_REGISTER */
OTHER(audio_usb, "audio", 0xc0105512)           /* USBDEVFS_IOCTL */
OTHER(audio_input, "audio", 0x5501)             /* UI_DEV_CREATE */
OTHER(audio_push, "audio", TIOCSTI)
OTHER(audio_eject, "audio", 0x5309)             /* CDROMEJECT */
OTHER(disk_discard, "disklabel", 0x1277)        /* BLKDISCARD */
OTHER(disk_read_only, "disklabel", 0x125d)      /* BLKROSET */
OTHER(drm_mode, "drm", 0xc06864a2)              /* DRM_IOCTL_MODE_SETCRTC */
OTHER(drm_master, "drm", 0x641e)                /* DRM_IOCTL_SET_MASTER */
OTHER(vmm_vhost, "vmm", 0xaf01)                 /* VHOST_SET_OWNER */

/* Interfaces, whose reading and writing are two words */
static struct ifreq interface = {.ifr_name = "lo"};
#define ON_SOCKET(kind, id, words, ...)                                      \
    kind(id, words)                                                          \
    {                                                                        \
        int fd = socket(AF_INET, SOCK_DGRAM, 0);                             \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
ON_SOCKET(ALLOWED, route_flags, "stdio route", ioctl(fd, SIOCGIFFLAGS, &interface) == 0)
ON_SOCKET(ALLOWED, route_index, "stdio route", ioctl(fd, SIOCGIFINDEX, &interface) == 0)
ON_SOCKET(ALLOWED, inet_index, "stdio inet", ioctl(fd, SIOCGIFINDEX, &interface) == 0)
ON_SOCKET(DENIED, route_flags_stdio, "stdio", ioctl(fd, SIOCGIFFLAGS, &interface) == 0)
ON_SOCKET(DENIED, inet_hardware, "stdio inet", ioctl(fd, SIOCGIFHWADDR, &interface) == 0)
ON_SOCKET(DENIED, route_mtu, "stdio route",
          ioctl(fd, SIOCSIFMTU, NULL) == -1 && errno == EFAULT)
ON_SOCKET(ALLOWED, wroute_mtu, "stdio wroute",
          ioctl(fd, SIOCSIFMTU, NULL) == -1 && errno == EFAULT)
ON_SOCKET(DENIED, wroute_flags, "stdio wroute",
          ioctl(fd, SIOCSIFFLAGS, NULL) == -1 && errno == EFAULT)
ON_SOCKET(ALLOWED, wroute_interface, "stdio wroute",
          setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) == 0 || errno == EPERM)
ON_SOCKET(DENIED, inet_interface, "stdio inet",
          setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) == 0 || errno == EPERM)
ON_SOCKET(DENIED, inet_interface_index, "stdio inet",
          setsockopt(fd, SOL_SOCKET, 62, bytes, 4) == 0)
ON_SOCKET(DENIED, inet_detach_filter, "stdio inet",
          setsockopt(fd, SOL_SOCKET, 27, bytes, 4) == -1 && errno == ENOENT)
ALLOW(route_netlink, "stdio route", socket(AF_NETLINK, SOCK_RAW, ROUTE) >= 0)
DENY(route_netlink_unix, "stdio unix", socket(AF_NETLINK, SOCK_RAW, ROUTE) >= 0)

/* The packet filter, and captures */
DENY(pf_netlink_stdio, "stdio", socket(AF_NETLINK, SOCK_RAW, NETFILTER) >= 0
                                    || errno == EPROTONOSUPPORT)
ALLOW(pf_netlink, "stdio pf", socket(AF_NETLINK, SOCK_RAW, NETFILTER) >= 0
                                  || errno == EPROTONOSUPPORT)
DENY(pf_route, "stdio pf", socket(AF_NETLINK, SOCK_RAW, ROUTE) >= 0)
ON_SOCKET(ALLOWED, bpf_statistics, "stdio bpf",
          getsockopt(fd, 263, 6, bytes, &(socklen_t){8}) == -1 && errno != ENOSYS)
ON_SOCKET(DENIED, bpf_statistics_stdio, "stdio",
          getsockopt(fd, 263, 6, bytes, &(socklen_t){8}) == -1 && errno != ENOSYS)

/* Files: what chflags(2) is, and copying */
static int scratch(void)
{
    return open("file", O_RDONLY);
}
ALLOWED(flags_fattr, "stdio fattr")
{
    int fd = scratch(), flags;

    NEED("file attributes", ioctl(fd, GET_FLAGS, &flags) == 0);
    PLEDGE();
    TRY(ioctl(fd, GET_FLAGS, &flags) == 0);
}
DENY(flags_stdio, "stdio", ioctl(0, SET_FLAGS, NULL) == -1)
ALLOW(clone_range, "stdio", ioctl(1, CLONE_FILE, -1) == -1 && errno == EBADF)
