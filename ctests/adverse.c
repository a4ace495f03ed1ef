/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The broker where a system has nothing left, or does harm, for scripts/check-broker: as life.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "large.h"

/* Of linux/filter.h and linux/seccomp.h, which musl's compilers do not find. */
struct instruction {
    unsigned short code;
    unsigned char yes, no;
    unsigned value;
};
struct instructions {
    unsigned short count;
    struct instruction *first;
};
#define RETURN 6
#define ALLOW 0x7fff0000
#define SET_FILTER 1
#define NEW_LISTENER 8

/* No descriptor left: pledge() fails with a reason and nothing applied, or serves. */
static void descriptors(void)
{
    struct rlimit few = {64, 64};
    int last = -1, fd;

    setrlimit(RLIMIT_NOFILE, &few);
    while ((fd = dup(1)) != -1)
        last = fd;
    if (pledge("stdio getpw", NULL) == 0)
        FAIL("without a descriptor");
    if (errno != EMFILE || rpledge_error() != RPLEDGE_E_BROKER)
        FAIL("errno %d: %s", errno, rpledge_errmsg());
    if (open("/etc/hosts", O_RDONLY) != -1 || errno != EMFILE)
        FAIL("something was applied");
    close(last);
    close(last - 1);
    close(last - 2);
    must_pledge("stdio getpw");
    if (dup(1) == -1 || dup(1) == -1 || dup(1) == -1)
        FAIL("the broker has kept descriptors");
    if (open("/etc/passwd", O_RDONLY) != -1 || errno != EMFILE)
        FAIL("more descriptors than there may be: errno %d", errno);
}

/* No process left. */
static void processes(void)
{
    struct rlimit none = {1, 1};

    if (geteuid() == 0 && setuid(65534) != 0)
        FAIL("setuid");
    setrlimit(RLIMIT_NPROC, &none);
    if (pledge("stdio getpw", NULL) == 0)
        FAIL("without a process");
    if (errno != EAGAIN || rpledge_error() != RPLEDGE_E_BROKER)
        FAIL("errno %d: %s", errno, rpledge_errmsg());
    if (open("/etc/hosts", O_RDONLY) == -1)
        FAIL("something was applied");
}

/* Under another supervisor: the filter holds, what asks for a broker fails, and it is said. */
static void supervised(void)
{
    struct instruction all[] = {{RETURN, 0, 0, ALLOW}};
    struct instructions program = {1, all};
    struct rpledge_status status;
    int end;
    pid_t pid;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SET_FILTER, NEW_LISTENER, &program) < 0)
        FAIL("no listener: %s", strerror(errno));
    if (rpledge_pledge("stdio getpw", NULL, RPLEDGE_STRICT) == 0 || errno != EBUSY)
        FAIL("strict: errno %d", errno);
    if ((pid = fork()) == 0) {
        must_pledge("stdio getpw");
        if (rpledge_status(&status, sizeof status) != 0 || !(status.state & RPLEDGE_NO_BROKER))
            _exit(2);
        close(2);
        _exit(open("/etc/passwd", O_RDONLY) != -1);
    }
    if (waitpid(pid, &end, 0) != pid || !WIFSIGNALED(end) || WTERMSIG(end) != SIGABRT)
        FAIL("status %#x", end);
}

/* Killed as soon as it is there, before it serves or even has its filter to
 * listen to: pledge() succeeds, or fails with nothing applied; and what is
 * asked then is served in full or fails with ENOSYS. */
static void stillborn(int rounds)
{
    struct timespec moment = {0, 0};
    int n, child, end, pledged = 0;
    char name[64];
    double before;
    FILE *children;
    pid_t pid;

    for (n = 0; n < rounds; n++) {
        if ((pid = fork()) == 0) {
            before = now();
            end = pledge("stdio getpw", NULL);
            if (now() - before > 15)
                FAIL("pledge() took %.1f s", now() - before);
            if (end != 0 && open("/etc/hosts", O_RDONLY) == -1)
                FAIL("something was applied: errno %d", errno);
            if (end == 0)
                asks();
            _exit(end == 0 ? 7 : 0);
        }
        snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)pid, (int)pid);
        for (child = 0; child == 0 && waitpid(pid, &end, WNOHANG) == 0;) {
            if ((children = fopen(name, "r")) == NULL)
                continue;
            if (fscanf(children, "%d", &child) != 1)
                child = 0;
            fclose(children);
        }
        moment.tv_nsec = (n * 7919L) % 300000;
        nanosleep(&moment, NULL);
        if (child != 0)
            kill(child, SIGKILL);
        if (child != 0 && waitpid(pid, &end, 0) != pid)
            FAIL("wait");
        if (!WIFEXITED(end) || (WEXITSTATUS(end) != 7 && WEXITSTATUS(end) != 0))
            FAIL("round %d: status %#x", n, end);
        pledged += WEXITSTATUS(end) == 7;
    }
    if (pledged == 0)
        FAIL("never pledged");
}

/* Hundreds of groups, then another user with others: served as that user. */
static void groups(void)
{
    gid_t many[700];
    struct stat about;
    int fd;

    if (geteuid() != 0)
        return;
    for (int n = 0; n < 700; n++)
        many[n] = 1000000000 + (gid_t)n;
    if (setgroups(700, many) != 0)
        FAIL("setgroups: %s", strerror(errno));
    must_pledge("stdio getpw tmppath id");
    if (!asks())
        FAIL("root with groups");
    if (setgroups(650, many) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        FAIL("another user: %s", strerror(errno));
    if (!asks())
        FAIL("another user with groups");
    fd = open("/tmp/rpledge-groups", O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd == -1 || fstat(fd, &about) != 0 || about.st_uid != 65534)
        FAIL("open: %s", strerror(errno));
    if (write(fd, "", 1) != 1 || unlink("/tmp/rpledge-groups") != 0)
        FAIL("unlink: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    int count;
    const char *what = told(argc, argv, &count);

    if (strcmp(what, "descriptors") == 0)
        descriptors();
    else if (strcmp(what, "processes") == 0)
        processes();
    else if (strcmp(what, "supervised") == 0)
        supervised();
    else if (strcmp(what, "stillborn") == 0)
        stillborn(count);
    else if (strcmp(what, "groups") == 0)
        groups();
    else
        FAIL("what is %s?", what);
    printf("ok\n");
    return 0;
}
