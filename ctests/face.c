/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rest of rpledge.h: flags, status, what libc this is, names. */
#include "case.h"

#include <stddef.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

static int has_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static struct rpledge_libc libc_now(void)
{
    struct rpledge_libc libc;

    memset(&libc, 'x', sizeof libc);
    MUST(rpledge_libc(&libc, sizeof libc) == 0);
    return libc;
}

/* Flags */
CALL(flag_unknown, EINVAL, rpledge_pledge("stdio", NULL, (uint64_t)1 << 63) == 0)
CALL(flag_unknown_7, EINVAL, rpledge_pledge("stdio", NULL, 1 << 7) == 0)
CALL(flag_unknown_32, EINVAL, rpledge_pledge("stdio", NULL, (uint64_t)1 << 32) == 0)
CALL(mode_unknown, EINVAL, rpledge_pledge("stdio", NULL, 9) == 0)
CALL(set_flags_unknown, EINVAL, rpledge_set_flags((uint64_t)1 << 40) == 0)
CALL(flag_unknown_null, EINVAL, rpledge_pledge(NULL, NULL, (uint64_t)1 << 40) == 0)
CALLED(flag_unknown_changes_nothing, 0)
{
    TRY(rpledge_pledge("stdio", NULL, (uint64_t)1 << 40) == -1);
    TRY(has_socket());
}
CALLED(strict, 0)
{
    /* What the data knows only by its neighbours is refused, and aloud. */
    if (libc_now().matched < RPLEDGE_MATCH_VERSION) {
        TRY(rpledge_pledge("stdio", NULL, RPLEDGE_STRICT) == -1 && errno == ENOTSUP);
        TRY(rpledge_error() == RPLEDGE_E_LIBC);
        TRY(has_socket());
        return;
    }
    TRY(rpledge_pledge("stdio", NULL, RPLEDGE_STRICT) == 0);
}
CALLED(dryrun, 0)
{
    TRY(rpledge_pledge("stdio", NULL, RPLEDGE_DRYRUN) == 0);
    TRY(has_socket());
    TRY(rpledge_pledge("stdio foo", NULL, RPLEDGE_DRYRUN) == -1 && errno == EINVAL);
}
CALLED(dryrun_does_not_count, 0)
{
    TRY(rpledge_pledge("stdio", NULL, RPLEDGE_DRYRUN) == 0);
    TRY(pledge("stdio inet", NULL) == 0);
    TRY(has_socket());
    TRY(rpledge_pledge("stdio rpath", NULL, RPLEDGE_DRYRUN) == -1 && errno == EPERM);
}
CALLED(set_flags_error, ENOSYS)
{
    MUST(rpledge_set_flags(RPLEDGE_ERROR) == 0);
    MUST(pledge("stdio", NULL) == 0);
    TRY(has_socket());
}
CALLED(set_flags_bad_keeps_old, 0)
{
    MUST(rpledge_set_flags(RPLEDGE_ERROR) == 0);
    MUST(rpledge_set_flags((uint64_t)1 << 50) == -1);
    MUST(pledge("stdio", NULL) == 0);
    TRY(!has_socket() && errno == ENOSYS);
}

/* Status */
CALLED(status_free, 0)
{
    struct rpledge_status now;

    memset(&now, 'x', sizeof now);
    TRY(rpledge_status(&now, sizeof now) == 0);
    TRY(!(now.state & (RPLEDGE_PLEDGED | RPLEDGE_PARTIAL | RPLEDGE_EXECPROMISES)));
    TRY(now.flags == 0 && now.partial == 0 && now.landlock == 0);
}
CALLED(status_pledged, 0)
{
    struct rpledge_status now;

    MUST(rpledge_pledge("stdio rpath", NULL, RPLEDGE_ERROR) == 0);
    TRY(rpledge_status(&now, sizeof now) == 0);
    TRY((now.state & RPLEDGE_PLEDGED) && (now.flags & RPLEDGE_MODE_MASK) == RPLEDGE_ERROR);
    TRY(now.promises == 3);
}
CALLED(status_empty, 0)
{
    struct rpledge_status now;

    MUST(pledge("", NULL) == 0);
    TRY(rpledge_status(&now, sizeof now) == 0);
    TRY((now.state & RPLEDGE_PLEDGED) && now.promises == 0);
}
CALLED(status_in_fork, 0)
{
    struct rpledge_status now;
    int end;
    pid_t pid;

    MUST(pledge("stdio proc", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0)
        _exit(!(rpledge_status(&now, sizeof now) == 0 && (now.state & RPLEDGE_PLEDGED)));
    TRY(waitpid(pid, &end, 0) == pid && end == 0);
}
CALLED(status_short, 0)
{
    struct rpledge_status now;
    unsigned char *byte = (unsigned char *)&now;
    size_t i;

    memset(&now, 0xa5, sizeof now);
    TRY(rpledge_status(&now, 8) == 0);
    for (i = 8; i < sizeof now; i++)
        TRY(byte[i] == 0xa5);
}
CALLED(status_long, 0)
{
    struct {
        struct rpledge_status now;
        unsigned char more[64];
    } large;
    size_t i;

    memset(&large, 0xa5, sizeof large);
    TRY(rpledge_status(&large.now, sizeof large) == 0);
    for (i = 0; i < sizeof large.more; i++)
        TRY(large.more[i] == 0);
}
CALL(status_null, EFAULT, rpledge_status(NULL, sizeof(struct rpledge_status)) == 0)

/* What libc this is */
CALLED(libc_name, 0)
{
#ifdef __GLIBC__
    TRY(strcmp(libc_now().name, "glibc") == 0);
    TRY(strcmp(libc_now().version, gnu_get_libc_version()) == 0);
#else
    TRY(strcmp(libc_now().name, "musl") == 0);
    if (getenv("RPLEDGE_UNMARKED"))
        TRY(libc_now().version[0] == '\0');
    else
        TRY(strncmp(libc_now().version, "1.2.", 4) == 0);
#endif
}
#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__i386__)
#define ARCH "x86"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "riscv64"
#endif
CALL(libc_arch, 0, strcmp(libc_now().arch, ARCH) == 0)
/* Tests that hide a libc from the data say how well it is to be found. */
static int matched_as_well_as_it_should(void)
{
    const char *must = getenv("RPLEDGE_TEST_MATCH");
    if (must)
        return libc_now().matched == (unsigned)atoi(must);
    return libc_now().matched >= RPLEDGE_MATCH_VERSION;
}
CALL(libc_matched, 0, matched_as_well_as_it_should())
CALLED(libc_pledged, 0)
{
    MUST(pledge("stdio", NULL) == 0);
    TRY(libc_now().name[0] != '\0');
}
CALLED(libc_short, 0)
{
    char name[32];

    memset(name, '#', sizeof name);
    TRY(rpledge_libc((struct rpledge_libc *)name, 16) == 0);
    TRY(memchr(name, '\0', 16) != NULL && name[16] == '#');
}
CALLED(libc_long, 0)
{
    struct {
        struct rpledge_libc libc;
        char more[32];
    } large;

    memset(&large, '#', sizeof large);
    TRY(rpledge_libc(&large.libc, sizeof large) == 0);
    TRY(large.more[0] == 0 && large.more[31] == 0);
}
CALL(libc_null, EFAULT, rpledge_libc(NULL, sizeof(struct rpledge_libc)) == 0)

/* Names */
CALL(name_first, 0, strcmp(rpledge_promise_name(0), "stdio") == 0)
CALL(name_last, 0, strcmp(rpledge_promise_name(35), "vmm") == 0)
CALL(name_past, 0, rpledge_promise_name(36) == NULL)
CALL(name_negative, 0, rpledge_promise_name(-1) == NULL)
CALL(name_huge, 0, rpledge_promise_name(0x7fffffff) == NULL && rpledge_promise_name(64) == NULL)
CALLED(version, 0)
{
    int part[3];

    TRY(sscanf(rpledge_version(), "%d.%d.%d", &part[0], &part[1], &part[2]) == 3);
    TRY(rpledge_data_version()[0] != '\0');
}
CALL(errmsg_at_first, 0, rpledge_error() == 0 && rpledge_errmsg() != NULL)

/* The numbers of the header are the ABI. */
CALL(abi, 0,
     sizeof(struct rpledge_status) == 408 && offsetof(struct rpledge_status, state) == 32
         && offsetof(struct rpledge_status, data_file) == 48
         && sizeof(struct rpledge_libc) == 128 && offsetof(struct rpledge_libc, matched) == 120
         && SOCK_DNS == 0x1000 && RPLEDGE_ABORT == 0 && RPLEDGE_LOG == 3)
