/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who one is, which stdio may ask, and who one becomes, which takes id. */
#include "case.h"

#include <grp.h>
#include <sys/fsuid.h>

static uid_t r, e, s;
static gid_t list[256];

ALLOW(getuid_stdio, "stdio", getuid() == geteuid() && getgid() == getegid())
ALLOW(getresuid_stdio, "stdio",
      getresuid(&r, &e, &s) == 0 && getresgid((gid_t *)&r, (gid_t *)&e, (gid_t *)&s) == 0)
ALLOW(getgroups_stdio, "stdio", getgroups(256, list) >= 0)
ALLOW(getpgrp_stdio, "stdio", getpgrp() > 0 && getpgid(0) > 0 && getsid(0) > 0 && getppid() > 0)

#define BECOMES(id, ...)                                                     \
    ALLOW(id##_id, "stdio id", __VA_ARGS__)                                  \
    FATAL(id##_stdio, "stdio proc", __VA_ARGS__)
BECOMES(setuid, setuid(getuid()) == 0)
BECOMES(setgid, setgid(getgid()) == 0)
BECOMES(seteuid, seteuid(geteuid()) == 0)
BECOMES(setegid, setegid(getegid()) == 0)
BECOMES(setreuid, setreuid(getuid(), geteuid()) == 0)
BECOMES(setregid, setregid(getgid(), getegid()) == 0)
BECOMES(setresuid, setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1) == 0)
BECOMES(setresgid, setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1) == 0)

#define AS_ROOT(kind, id, words, ...)                                        \
    kind(id, words)                                                          \
    {                                                                        \
        NEED_ROOT();                                                         \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
AS_ROOT(ALLOWED, setgroups_id, "stdio id", setgroups(0, NULL) == 0)
FATAL(setgroups_stdio, "stdio proc", setgroups(0, NULL) == 0 || errno == EPERM)
AS_ROOT(ALLOWED, drop_id, "stdio id",
        setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0 && getuid() == 65534)
FATAL(drop_stdio, "stdio", setuid(65534) == 0 || errno == EPERM)
AS_ROOT(DENIED, setfsuid_stdio, "stdio", setfsuid(65534) == 0)
/* Of the user's rights a part, on Linux. */
ALLOW(capset_id, "stdio id", syscall(SYS_capset, NULL, NULL) == -1 && errno == EFAULT)
PROBE(capset_stdio, "stdio", EFAULT, syscall(SYS_capset, NULL, NULL) == 0)
AS_ROOT(DENIED, chroot_id, "stdio id", chroot("dir") == 0)

/* The libcs change all threads, by signals between them. */
static volatile int stop;
static void *waits(void *arg)
{
    struct timespec moment = {0, 1000000};

    while (!stop)
        nanosleep(&moment, NULL);
    return arg;
}
ALLOWED(setuid_with_threads, "stdio id")
{
    pthread_t thread[4];
    int i;

    for (i = 0; i < 4; i++)
        MUST(pthread_create(&thread[i], NULL, waits, NULL) == 0);
    PLEDGE();
    TRY(setuid(getuid()) == 0 && setresgid((gid_t)-1, getgid(), (gid_t)-1) == 0);
    stop = 1;
    for (i = 0; i < 4; i++)
        TRY(pthread_join(thread[i], NULL) == 0);
}

/* OpenBSD's id includes limits and priorities. */
static struct rlimit limit;
ALLOW(setrlimit_id, "stdio id",
      getrlimit(RLIMIT_NOFILE, &limit) == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0)
ALLOW(setpriority_id, "stdio id", setpriority(PRIO_PROCESS, 0, 3) == 0)
