/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The harness: runs each case bare, then pledged, each in a child, and records how it ended.
 *
 * A case is a line or a small block:
 *
 *     ALLOW(read_file, "stdio rpath", open("file", O_RDONLY) >= 0)
 *     DENY(write_file, "stdio rpath", open("file", O_WRONLY) >= 0)
 *     DENIED(bind_later, "stdio") {
 *         int fd = socket(AF_INET, SOCK_STREAM, 0);
 *         PLEDGE();
 *         TRY(bind(fd, ...) == 0);
 *     }
 *
 *     ALLOW   ALLOWED    true bare, true pledged
 *     DENY    DENIED     true bare, a violation pledged: message and SIGABRT
 *     REFUSE  REFUSED    true bare, fails with an errno pledged
 *     PROBE              bare it fails with the errno given (or ENOSYS or
 *                        EPERM, where this kernel or user lacks it) and the
 *                        process lives; pledged a violation
 *     KILLED             true bare, killed pledged: SIGSYS, no message
 *     FATAL              true bare; pledged a violation, or killed where this
 *                        libc makes the call with all signals blocked, so
 *                        that no handler can run
 *     CALL    CALLED     about pledge() itself: run once, must end with the
 *                        errno given, 0 for none
 *
 * What the macro says is the kind of end; the exact one (errno, system call
 * and promise of the message) is compared with cases/FILE.golden, of which the
 * lines tagged "[musl]", "[glibc-2.31 dynamic]", ... overrule those above them
 * where all their tags hold.
 */
#ifndef CASE_H
#define CASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rpledge.h>

/* In a child that waits to be worked on: it goes when its parent does, however that ends. */
#define WAIT_FOR(parent)                                                     \
    do {                                                                     \
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);                           \
        while (getppid() == (parent))                                        \
            pause();                                                         \
        _exit(0);                                                            \
    } while (0)

#define CASE_SECONDS 30 /* what one child may take */

/* How a child ends that does not end with an errno; above all of them. */
#define CASE_UNTRUE 250 /* a TRY without errno was false */
#define CASE_LACKS 251  /* NEED: the machine lacks what it takes */
#define CASE_SETUP 252  /* a MUST was false: the case itself is broken */
#define CASE_UNMADE 253 /* the pledge failed */

enum case_kind {
    CASE_ALLOWED,
    CASE_DENIED,
    CASE_REFUSED,
    CASE_KILLED,
    CASE_FATAL,
    CASE_CALLED,
    CASE_SERVED /* allowed where a function of this libc makes the call, else a violation */
};

struct case_entry {
    const char *name;
    const char *promises;
    enum case_kind kind;
    int bare; /* errno of the bare run; of the only run for CASE_CALLED */
    int line;
    void (*body)(void);
    struct case_entry *next;
    const char *about; /* what it is listed with, if anything */
};

/* One page shared with the child: a pledged child may not even write(2). */
struct case_shared {
    int pledges;
    char note[512];
};

static struct case_entry *case_all;
static struct case_shared *case_shared;
static struct case_entry *case_now; /* in the child */
static int case_is_pledged;         /* in the child: this is the pledged run */
static const char *case_dir;        /* in the child: the directory that it starts in, below /tmp */

static void case_add(struct case_entry *entry)
{
    struct case_entry **at = &case_all;

    while (*at != NULL && (*at)->line < entry->line)
        at = &(*at)->next;
    entry->next = *at;
    *at = entry;
}

#define CASE_ADD(id, words, kind, bare)                                      \
    static void case_body_##id(void);                                        \
    static struct case_entry case_entry_##id = {                             \
        #id, words, kind, bare, __LINE__, case_body_##id, NULL, NULL};       \
    __attribute__((constructor)) static void case_add_##id(void)             \
    {                                                                        \
        case_add(&case_entry_##id);                                          \
    }                                                                        \
    static void case_body_##id(void)

#define CASE_LINE(id, words, kind, bare, ...)                                \
    CASE_ADD(id, words, kind, bare)                                          \
    {                                                                        \
        if (kind != CASE_CALLED)                                             \
            PLEDGE();                                                        \
        TRY(__VA_ARGS__);                                                    \
    }

#define ALLOWED(id, words) CASE_ADD(id, words, CASE_ALLOWED, 0)
#define DENIED(id, words) CASE_ADD(id, words, CASE_DENIED, 0)
#define REFUSED(id, words) CASE_ADD(id, words, CASE_REFUSED, 0)
#define KILLED(id, words) CASE_ADD(id, words, CASE_KILLED, 0)
#define CALLED(id, err) CASE_ADD(id, "", CASE_CALLED, err)
#define ALLOW(id, words, ...) CASE_LINE(id, words, CASE_ALLOWED, 0, __VA_ARGS__)
#define DENY(id, words, ...) CASE_LINE(id, words, CASE_DENIED, 0, __VA_ARGS__)
#define FATAL(id, words, ...) CASE_LINE(id, words, CASE_FATAL, 0, __VA_ARGS__)
#define REFUSE(id, words, ...) CASE_LINE(id, words, CASE_REFUSED, 0, __VA_ARGS__)
#define CALL(id, err, ...) CASE_LINE(id, "", CASE_CALLED, err, __VA_ARGS__)
#define PROBE(id, words, err, ...) CASE_LINE(id, words, CASE_DENIED, err, __VA_ARGS__)

/* From here on the promises hold; nothing in the bare run. */
#define PLEDGE() case_pledge(__LINE__, 0)
#define PLEDGE_AS(flags) case_pledge(__LINE__, flags)
/* The act: if untrue, the child ends with its errno. */
#define TRY(...)                                                             \
    do {                                                                     \
        errno = 0;                                                           \
        if (!(__VA_ARGS__))                                                  \
            case_end(errno > 0 && errno < CASE_UNTRUE ? errno : CASE_UNTRUE, \
                     __LINE__, #__VA_ARGS__);                                \
    } while (0)
/* What must be so for the case to mean anything. */
#define MUST(...)                                                            \
    do {                                                                     \
        errno = 0;                                                           \
        if (!(__VA_ARGS__))                                                  \
            case_end(CASE_SETUP, __LINE__, #__VA_ARGS__);                    \
    } while (0)
/* What this machine may lack: the case is then counted as skipped. */
#define NEED(what, ...)                                                      \
    do {                                                                     \
        if (!(__VA_ARGS__))                                                  \
            case_end(CASE_LACKS, __LINE__, "needs " what);                   \
    } while (0)
/* The stack of a thread: as large as that, or the least that this processor has. */
#define STACK(attr, size)                                                    \
    (pthread_attr_setstacksize(attr, size) == 0                              \
     || pthread_attr_setstacksize(attr, (size_t)PTHREAD_STACK_MIN) == 0)
#define NEED_ROOT() NEED("root", geteuid() == 0)

/* No system call but exit_group: it has to work under pledge(""). */
__attribute__((noreturn, unused)) static void case_end(int how, int line, const char *what)
{
    int err = errno;

    if (how == CASE_LACKS)
        snprintf(case_shared->note, sizeof case_shared->note, "%s", what);
    else
        snprintf(case_shared->note, sizeof case_shared->note, "line %d: %s (errno %d)", line,
                 what, err);
    _exit(how);
}

__attribute__((unused)) static void case_pledge(int line, uint64_t flags)
{
    case_shared->pledges++;
    if (!case_is_pledged)
        return;
    if (rpledge_pledge(case_now->promises, NULL, flags) != 0)
        case_end(CASE_UNMADE, line, rpledge_errmsg());
}

static const char *case_errno_name(int err)
{
    static const struct {
        int err;
        const char *name;
    } names[] = {
        {EPERM, "EPERM"},           {ENOENT, "ENOENT"},
        {ESRCH, "ESRCH"},           {EINTR, "EINTR"},
        {EIO, "EIO"},               {E2BIG, "E2BIG"},
        {ENOEXEC, "ENOEXEC"},       {EBADF, "EBADF"},
        {ECHILD, "ECHILD"},         {EAGAIN, "EAGAIN"},
        {ENOMEM, "ENOMEM"},         {EACCES, "EACCES"},
        {EFAULT, "EFAULT"},         {EBUSY, "EBUSY"},
        {EEXIST, "EEXIST"},         {ENODEV, "ENODEV"},
        {ENOTDIR, "ENOTDIR"},       {EISDIR, "EISDIR"},
        {EINVAL, "EINVAL"},         {ENOTTY, "ENOTTY"},
        {ENOSPC, "ENOSPC"},         {ESPIPE, "ESPIPE"},
        {EPIPE, "EPIPE"},           {ENAMETOOLONG, "ENAMETOOLONG"},
        {ENOSYS, "ENOSYS"},         {ENOTSUP, "ENOTSUP"},
        {EAFNOSUPPORT, "EAFNOSUPPORT"},
        {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
        {ENOKEY, "ENOKEY"},         {ENOTSOCK, "ENOTSOCK"},
    };
    static char number[16];
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].err == err)
            return names[i].name;
    snprintf(number, sizeof number, "%d", err);
    return number;
}

#include "case_run.h"

#endif
