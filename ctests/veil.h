/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The harness of unveil.c: each case bare, then under a veil, as root and as an ordinary user.
 *
 *     VEILED(id, "in:r file:rw", OPENBSD, HERE, DIFFERENCE) { return E(open("in/file", O_RDONLY) >= 0); }
 *     CALLED(id, OPENBSD, HERE, DIFFERENCE) { ... }
 *
 * A body returns 0 or an errno. VEILED: 0 bare, and under the rules HERE, where OpenBSD says
 * OPENBSD. CALLED is about the calls themselves and runs once. Where the two differ,
 * DIFFERENCE is the number that unveil(3) has for it; NONE where they are the same, and LINUX
 * for what OpenBSD has no like of. A case ends `same`, `documented difference` or `FAIL`.
 *
 * HERE is so where Landlock can hold rules. Before its ABI 3, which sees files cut, a broker holds
 * them all, and a case ends as STRICT and OPENBSD say, unless it only looks (difference 2); where
 * there is no Landlock at all, as ALONE says.
 */
#ifndef VEIL_H
#define VEIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include <rpledge.h>

#include "machine.h"

/* What older headers lack. */
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

#define NONE 0
#define LINUX -1

#define SKIP 1000  /* the machine lacks what it takes */
#define ABORTED 1001 /* ended by SIGABRT */
#define BROKEN 1002  /* the case itself is */

#define NOBODY 65534

struct veil_case {
    const char *name, *rules;
    int openbsd, here, difference, line;
    int strict, has_strict;
    int brokered, has_brokered;
    int alone, alone_difference;
    int (*body)(void);
    struct veil_case *next;
};

static struct veil_case *veil_cases;
static int veil_is_bare;
/* Under RPLEDGE_STRICT, where all is to be as on OpenBSD. */
static int veil_is_strict;
static uid_t veil_user;
/* Landlock's ABI here; 0: there is none. */
static int veil_abi;
/* What only looks is left alone by default, whoever holds the rules. */
#define VEIL_LOOKS 2

#define E(...) ((__VA_ARGS__) ? 0 : errno)
/* What must be so for the case to mean anything. */
#define MUST(...)                                                            \
    do {                                                                     \
        if (!(__VA_ARGS__)) {                                                \
            dprintf(2, "line %d: %s: %s\n", __LINE__, #__VA_ARGS__, strerror(errno)); \
            _exit(255);                                                      \
        }                                                                    \
    } while (0)

static void veil_add(struct veil_case *one)
{
    struct veil_case **at = &veil_cases;

    while (*at != NULL && (*at)->line < one->line)
        at = &(*at)->next;
    one->next = *at;
    *at = one;
}

#define VEILED(id, rules, openbsd, here, difference)                         \
    static int veil_body_##id(void);                                         \
    static struct veil_case veil_case_##id = {                               \
        #id, rules, openbsd, here, difference, __LINE__, 0, 0, 0, 0, 0, 0, veil_body_##id, NULL}; \
    __attribute__((constructor)) static void veil_add_##id(void)             \
    {                                                                        \
        veil_add(&veil_case_##id);                                           \
    }                                                                        \
    static int veil_body_##id(void)

/* Where RPLEDGE_STRICT makes something else of a case than OpenBSD. */
#define STRICT(id, end)                                                      \
    __attribute__((constructor)) static void veil_strict_##id(void)          \
    {                                                                        \
        veil_case_##id.strict = end;                                         \
        veil_case_##id.has_strict = 1;                                       \
    }

/* Where a broker that holds the rules by default makes something else of one that looks. */
#define BROKERED(id, end)                                                    \
    __attribute__((constructor)) static void veil_brokered_##id(void)        \
    {                                                                        \
        veil_case_##id.brokered = end;                                       \
        veil_case_##id.has_brokered = 1;                                     \
    }

/* How a case ends where no Landlock is, by whichever difference. */
#define ALONE(id, end, number)                                               \
    __attribute__((constructor)) static void veil_alone_##id(void)           \
    {                                                                        \
        veil_case_##id.alone = end;                                          \
        veil_case_##id.alone_difference = number;                            \
    }

#define CALLED(id, openbsd, here, difference) VEILED(id, NULL, openbsd, here, difference)
#define TRY(id, rules, openbsd, here, difference, ...)                       \
    VEILED(id, rules, openbsd, here, difference) { return E(__VA_ARGS__); }

/* A program of its own, without a loader: exits with 0. */
static const unsigned char veil_program[] = {
    0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, MACHINE, 0, 1, 0, 0, 0,
    0x78, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0x40, 0, 0x38, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
    0, 0, 0x40, 0, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0,
    0, 0x10, 0, 0, 0, 0, 0, 0,
    EXITS};

static void veil_write(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

    MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

/* What every body finds in its working directory. */
static void veil_furnish(void)
{
    MUST(mkdir("in", 0755) == 0 && mkdir("in/sub", 0755) == 0 && mkdir("in/empty", 0755) == 0);
    MUST(mkdir("out", 0755) == 0 && mkdir("out/empty", 0755) == 0);
    veil_write("in/file", "inside\n", 7, 0644);
    veil_write("in/sub/file", "inside\n", 7, 0644);
    veil_write("in/prog", veil_program, sizeof veil_program, 0755);
    veil_write("in/script", "#!in/prog\n", 10, 0755);
    veil_write("out/file", "secret\n", 7, 0644);
    veil_write("out/prog", veil_program, sizeof veil_program, 0755);
    veil_write("file", "inside\n", 7, 0644);
    MUST(symlink("../out/file", "in/away") == 0 && symlink("file", "in/link") == 0);
    MUST(symlink("in/file", "out/back") == 0 && symlink("../in/file", "out/inward") == 0);
    MUST(symlink("in", "indirect") == 0);
}

/* Give the rules "path:letters path:letters"; 0 or the errno of the first that fails. */
static int veil_rules(const char *rules)
{
    char text[4096], *at, *next, *letters;

    snprintf(text, sizeof text, "%s", rules);
    for (at = text; at != NULL && *at != '\0'; at = next) {
        if ((next = strchr(at, ' ')) != NULL)
            *next++ = '\0';
        if ((letters = strrchr(at, ':')) == NULL)
            return EDOM;
        *letters++ = '\0';
        if (unveil(at, letters) == -1)
            return errno;
    }
    return 0;
}

/* Empty the working directory, but for the first directory that is not empty: its name. */
static int veil_empty(char name[256])
{
    struct dirent *entry;
    int is_full = 0;
    DIR *dir = opendir(".");

    while (dir != NULL && !is_full && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(AT_FDCWD, entry->d_name, 0) == 0 || unlinkat(AT_FDCWD, entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        snprintf(name, 256, "%s", entry->d_name);
        is_full = errno == ENOTEMPTY || errno == EEXIST;
    }
    if (dir != NULL)
        closedir(dir);
    return is_full;
}

/* nftw(3) gives up where a path becomes too long, and rm(1) is not on every machine. */
static void veil_remove(const char *dir)
{
    char name[256];
    int depth = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (chdir(dir) != 0)
            _exit(1);
        for (;;)
            if (veil_empty(name) && chdir(name) == 0)
                depth++;
            else if (depth-- == 0 || chdir("..") != 0)
                _exit(0);
    }
    waitpid(pid, NULL, 0);
    rmdir(dir);
}

/* Run a case in a child and a directory of its own: how it ended. */
static int veil_run(const struct veil_case *one, int is_bare, uid_t user)
{
    char dir[] = "/tmp/veil.XXXXXX";
    int status, end, errnos[2] = {-1, -1};
    pid_t pid;

    if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0 || chown(dir, user, user) != 0 || pipe2(errnos, O_CLOEXEC) != 0)
        return BROKEN;
    fflush(NULL);
    if ((pid = fork()) == 0) {
        struct rlimit core = {0, 0};

        alarm(getenv("VEIL_ROUNDS") != NULL ? 3600 : 120);
        setrlimit(RLIMIT_CORE, &core);
        setsid();
        umask(022);
        MUST(chdir(dir) == 0);
        if (geteuid() == 0 && user != 0)
            MUST(setgid(user) == 0 && setuid(user) == 0);
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        veil_is_bare = is_bare;
        MUST(rpledge_set_flags(veil_is_strict ? RPLEDGE_STRICT : 0) == 0);
        veil_user = user;
        veil_furnish();
        if (one->rules != NULL && !is_bare) {
            MUST((errno = veil_rules(one->rules)) == 0);
            MUST(unveil(NULL, NULL) == 0);
        }
        end = one->body();
        (void)!write(errnos[1], &end, sizeof end);
        _exit(0);
    }
    close(errnos[1]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        end = BROKEN;
    else if (WIFSIGNALED(status))
        end = WTERMSIG(status) == SIGABRT ? ABORTED : BROKEN;
    else if (WEXITSTATUS(status) != 0 || read(errnos[0], &end, sizeof end) != sizeof end)
        end = BROKEN;
    close(errnos[0]);
    veil_remove(dir);
    return end;
}

static const char *veil_end(int end)
{
    return end == 0 ? "done" : end == ABORTED ? "SIGABRT" : end == BROKEN ? "broken" : strerror(end);
}

enum { VEIL_SAME, VEIL_DIFFERENT, VEIL_FAILED, VEIL_SKIPPED, VEIL_ENDS };

/* Does a broker hold all rules, because Landlock does not see files cut? */
static int veil_is_brokered(void) { return veil_abi < 3; }

/* What a case must come to. */
static int veil_wanted(const struct veil_case *one)
{
    if (veil_abi == 0 && one->alone_difference != NONE)
        return one->alone;
    if (!veil_is_strict && one->has_brokered && veil_is_brokered())
        return one->brokered;
    if (!veil_is_strict && (!veil_is_brokered() || one->difference == VEIL_LOOKS))
        return one->here;
    return one->has_strict ? one->strict : one->openbsd == LINUX ? one->here : one->openbsd;
}

/* Why it may end otherwise than on OpenBSD. */
static int veil_difference(const struct veil_case *one)
{
    return veil_abi == 0 && one->alone_difference != NONE ? one->alone_difference : one->difference;
}

static void veil_count(const struct veil_case *one, uid_t uid, int ends[VEIL_ENDS])
{
    const char *user = uid == 0 ? "root" : "user", *how = veil_is_strict ? "strict" : "default";
    int end, wanted = veil_wanted(one), difference = veil_difference(one);

    if (one->rules != NULL && (end = veil_run(one, 1, uid)) != 0) {
        if (end != SKIP)
            printf("%s %s %s bare -> FAIL: %s\n", one->name, user, how, veil_end(end));
        ends[end == SKIP ? VEIL_SKIPPED : VEIL_FAILED]++;
        return;
    }
    end = veil_run(one, 0, uid);
    if (end == SKIP) {
        ends[VEIL_SKIPPED]++;
    } else if (end != wanted || (difference == NONE && one->openbsd != end)) {
        printf("%s %s %s -> FAIL: %s, must be: %s\n", one->name, user, how, veil_end(end), veil_end(wanted));
        ends[VEIL_FAILED]++;
    } else if (difference > 0 && end != one->openbsd) {
        printf("%s %s %s -> documented difference %d: %s, OpenBSD: %s\n", one->name, user, how,
               difference, veil_end(end), veil_end(one->openbsd));
        ends[VEIL_DIFFERENT]++;
    } else {
        printf("%s %s %s -> same: %s\n", one->name, user, how, veil_end(end));
        ends[VEIL_SAME]++;
    }
}

static int veil_main(int argc, char **argv)
{
    uid_t users[2];
    int count = 0, n, ends[VEIL_ENDS] = {0}, same, different, failed, skipped;
    const struct veil_case *one;
    /* The beginning of names. */
    const char *only = argc == 2 && argv[1][0] != '-' ? argv[1] : getenv("VEIL_ONLY");

    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        for (one = veil_cases; one != NULL; one = one->next)
            puts(one->name);
        return 0;
    }
    veil_abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    veil_abi = veil_abi < 0 ? 0 : veil_abi;
    users[count++] = geteuid();
    if (geteuid() == 0)
        users[count++] = NOBODY;
    for (n = 0; n < count; n++)
        for (veil_is_strict = 0; veil_is_strict < 2; veil_is_strict++)
            for (one = veil_cases; one != NULL; one = one->next)
                if (only == NULL || strncmp(only, one->name, strlen(only)) == 0)
                    veil_count(one, users[n], ends);
    same = ends[VEIL_SAME], different = ends[VEIL_DIFFERENT], failed = ends[VEIL_FAILED], skipped = ends[VEIL_SKIPPED];
    printf("as it is -> Landlock's ABI: %d\n", veil_abi);
    if (count == 1)
        printf("as root -> skip: not run as root\n");
    printf("%d same as OpenBSD, %d documented differences, %d failures\n", same, different, failed);
    printf("%d passed, %d failed, %d skipped\n", same + different, failed, skipped);
    return failed != 0;
}

#endif
