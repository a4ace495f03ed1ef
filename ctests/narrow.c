/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Narrowing step by step, as long as there is something to give up: each step shown by what it takes. */
#include "case.h"

#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#define STEPS 64

/* The newer has 64 bits of time everywhere, and musl calls the older otherwise. */
#ifdef SYS_clock_settime64
#define SET_CLOCK SYS_clock_settime64
#else
#define SET_CLOCK SYS_clock_settime
#endif

static int status_file = -1, some_socket = -1;
static int is_child; /* the file tells of another process */

/* How many filters the kernel holds for this process; -1 if it does not tell. */
static long filters(void)
{
    char text[4096], *at;
    ssize_t n;

    if (is_child)
        return -1;
    MUST((n = pread(status_file, text, sizeof text - 1, 0)) > 0);
    text[n] = '\0';
    at = strstr(text, "\nSeccomp_filters:");
    return at ? strtol(at + 17, NULL, 10) : -1;
}

static int forks(void)
{
    pid_t pid = fork();
    int end;

    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, &end, 0) == pid ? 0 : -1;
}

static int maps_code(void)
{
    void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return map == MAP_FAILED ? -1 : munmap(map, 4096);
}

static int multicast(void)
{
    int hops = 1;

    return syscall(SYS_setsockopt, some_socket, IPPROTO_IP, 33 /* IP_MULTICAST_TTL */, &hops,
                   sizeof hops);
}

static int closes(int fd)
{
    return fd < 0 ? -1 : close(fd);
}

/* By its own number, here and below: what 32-bit glibc makes of socket() and of
 * its like fails beside "exec". */
static int makes_socket(int family)
{
    return closes((int)syscall(SYS_socket, family, SOCK_STREAM, 0));
}

/* What each promise allows; a call that fails for its arguments will do. */
static int attempt(const char *word)
{
    static const struct timespec never = {0, -1};
    static char *const none[] = {NULL};
    struct msghdr message;

    memset(&message, 0, sizeof message);
    /* Without ancillary data it needs neither promise. */
    message.msg_control = (void *)&never;
    message.msg_controllen = sizeof never;
#define WORD(name, ...)                                                      \
    if (strcmp(word, name) == 0)                                             \
    return (int)(__VA_ARGS__)
    WORD("rpath", closes(open("file", O_RDONLY)));
    WORD("wpath", closes(open("file", O_WRONLY)));
    WORD("cpath", rename("file", "none/file"));
    WORD("dpath", mkfifo("none/fifo", 0600));
    WORD("inet", makes_socket(AF_INET));
    WORD("unix", makes_socket(AF_UNIX));
    WORD("mcast", multicast());
    WORD("fattr", syscall(SYS_fchmod, status_file + 100, 0600));
    WORD("flock", flock(status_file, LOCK_UN));
    /* A broker looks at the socket first. */
    WORD("sendfd", syscall(SYS_sendmsg, some_socket, &message, 0));
    WORD("recvfd", syscall(SYS_recvmsg, -1, &message, 0));
    WORD("tty", ioctl(status_file, 0x540b /* TCFLSH */, 0));
    WORD("proc", forks());
    WORD("exec", execve("none/program", none, none));
    WORD("prot_exec", maps_code());
    /* glibc's function looks at the time itself. */
    WORD("settime", syscall(SET_CLOCK, CLOCK_REALTIME, &never));
    WORD("id", syscall(SYS_setuid, getuid()));
    return -2;
#undef WORD
}

/* Does it work, as far as the promises are concerned? -2 for words without an attempt. */
static int works(const char *word)
{
    int made;

    errno = 0;
    made = attempt(word);
    if (made == -2)
        return -2;
    /* As "dns" and "getpw" say of AF_UNIX: no daemon of names is there. */
    return made >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAFNOSUPPORT);
}

/* Words as a string, as pledge() reads them. */
static const char *words(uint64_t set)
{
    static char text[2][1024];
    static int which;
    char *at = text[which ^= 1];
    int n;

    *at = '\0';
    for (n = 0; rpledge_promise_name(n) != NULL; n++)
        if (set >> n & 1)
            at += sprintf(at, "%s%s", at == text[which] ? "" : " ", rpledge_promise_name(n));
    return text[which];
}

struct chain {
    uint64_t promises, exec, mode;
    int steps;
};

/* Everything that this version can serve. */
static struct chain start(void)
{
    struct chain chain = {0, 0, RPLEDGE_ERROR, 0};
    int n;

    for (n = 0; rpledge_promise_name(n) != NULL; n++) {
        chain.exec |= (uint64_t)1 << n;
        if (strcmp(rpledge_promise_name(n), "error") != 0
            && rpledge_pledge(rpledge_promise_name(n), NULL, RPLEDGE_DRYRUN) == 0)
            chain.promises |= (uint64_t)1 << n;
    }
    MUST((status_file = open("/proc/thread-self/status", O_RDONLY)) >= 0);
    MUST((some_socket = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    MUST(rpledge_pledge(words(chain.promises), words(chain.exec), chain.mode) == 0);
    return chain;
}

static void holds(const struct chain *chain)
{
    struct rpledge_status now;

    TRY(rpledge_status(&now, sizeof now) == 0);
    TRY(now.promises == chain->promises && now.execpromises == chain->exec);
    TRY((now.flags & RPLEDGE_MODE_MASK) == chain->mode);
}

/* Give up a promise: what it allowed worked, and works no more. */
static void give_up(struct chain *chain, int n)
{
    const char *word = rpledge_promise_name(n);
    int could = works(word);

    TRY(could == 1 || could == -2);
    chain->promises &= ~((uint64_t)1 << n);
    TRY(rpledge_pledge(words(chain->promises), NULL, chain->mode) == 0);
    TRY(could == -2 || works(word) == 0);
    TRY(pledge(words(chain->promises | (uint64_t)1 << n), NULL) == -1 && errno == EPERM);
}

/* Give up an execpromise: it could be asked for, and can no more. */
static void give_up_exec(struct chain *chain, int n)
{
    const char *before = words(chain->exec);

    TRY(rpledge_pledge(NULL, before, chain->mode) == 0);
    chain->exec &= ~((uint64_t)1 << n);
    TRY(rpledge_pledge(NULL, words(chain->exec), chain->mode) == 0);
    before = words(chain->exec | (uint64_t)1 << n);
    TRY(rpledge_pledge(NULL, before, chain->mode) == -1 && errno == EPERM);
}

/* The first of a set that is in another, or not in it; -1 if there is none. */
static int first(uint64_t of, uint64_t without)
{
    int n;

    for (n = 63; n >= 0; n--)
        if ((of & ~without) >> n & 1)
            return n;
    return -1;
}

/* One step: promises and execpromises by turns, then modes. */
static int step(struct chain *chain, uint64_t keep)
{
    long before = filters();
    int promise = first(chain->promises, keep);
    int exec = first(chain->exec, chain->promises);

    if (chain->steps % 2 == 0 && promise >= 0)
        give_up(chain, promise);
    else if (exec >= 0)
        give_up_exec(chain, exec);
    else if (promise >= 0)
        give_up(chain, promise);
    else {
        /* Nothing is left but how violations end. */
        chain->mode = chain->mode == RPLEDGE_ERROR ? RPLEDGE_ABORT : RPLEDGE_ERROR;
        TRY(rpledge_pledge(words(chain->promises), NULL, chain->mode) == 0);
    }
    chain->steps++;
    holds(chain);
    TRY(before < 0 || filters() == before + 1);
    return 1;
}

static uint64_t bit(const char *word)
{
    int n;

    for (n = 0; strcmp(rpledge_promise_name(n), word) != 0; n++)
        ;
    return (uint64_t)1 << n;
}

CALLED(steps_64, 0)
{
    struct chain chain = start();

    while (chain.steps < STEPS)
        step(&chain, bit("stdio"));
}

/* Each step in a child of the process that made the one before. */
CALLED(steps_64_by_forks, 0)
{
    struct chain chain = start();
    uint64_t keep = bit("stdio") | bit("proc");
    int end;
    pid_t pid;

    while (chain.steps < STEPS) {
        step(&chain, keep);
        TRY((pid = fork()) >= 0);
        if (pid > 0) {
            TRY(waitpid(pid, &end, 0) == pid);
            TRY(WIFEXITED(end));
            _exit(WEXITSTATUS(end));
        }
        is_child = 1;
    }
}

/* Memory of the process's own, in KB: the kernel counts a page of a file as
 * dirty, too, that was just compiled. */
static long written(int fd)
{
    char text[4096], *at;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    MUST(n > 0);
    text[n] = '\0';
    MUST((at = strstr(text, "\nAnonymous:")) != NULL);
    return strtol(at + 11, NULL, 10);
}
CALLED(memory, 0)
{
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    long before, after;

    NEED("/proc/self/smaps_rollup", fd >= 0);
    written(fd);
    before = written(fd);
    TRY(pledge("stdio rpath wpath cpath inet unix", NULL) == 0);
    TRY(pledge("stdio rpath", NULL) == 0 && pledge("stdio", NULL) == 0);
    after = written(fd);
    TRY(after - before <= 64);
}

/* What an older filter lets a process do to itself is meant of the older process. */
CALLED(child_signals_itself, 0)
{
    int end;
    pid_t pid;

    MUST(pledge("stdio proc inet", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0) {
        TRY(pledge("stdio proc", NULL) == 0);
        TRY(kill(getpid(), 0) == 0);
        TRY(kill(getppid(), 0) == 0);
        _exit(0);
    }
    TRY(waitpid(pid, &end, 0) == pid && end == 0);
}

/* The report names what the newest filter lacks. */
DENIED(reports_the_last, "stdio rpath wpath inet unix")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio rpath inet unix", NULL) == 0);
    TRY(!case_is_pledged || pledge("stdio inet unix", NULL) == 0);
    TRY(!case_is_pledged || pledge("stdio unix", NULL) == 0);
    TRY(open("file", O_RDONLY) >= 0);
}
DENIED(reports_after_exec_only, "stdio inet")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge(NULL, "stdio inet rpath") == 0);
    TRY(!case_is_pledged || pledge("stdio", "stdio rpath") == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
DENIED(reports_in_child, "stdio proc inet")
{
    pid_t pid;
    int end;

    PLEDGE();
    MUST((pid = fork()) >= 0);
    if (pid == 0) {
        TRY(!case_is_pledged || pledge("stdio", NULL) == 0);
        _exit(socket(AF_INET, SOCK_STREAM, 0) < 0);
    }
    TRY(waitpid(pid, &end, 0) == pid);
    TRY(case_is_pledged ? WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT : end == 0);
    /* The parent holds what it held; now it breaks its own word. */
    TRY(open("file", O_RDONLY) >= 0);
}

/* Modes: what an older filter is stricter about stays so. */
KILLED(kill_stays, "stdio inet")
{
    PLEDGE_AS(RPLEDGE_KILL);
    TRY(!case_is_pledged || rpledge_pledge("stdio inet", NULL, RPLEDGE_ERROR) == 0);
    TRY(open("file", O_RDONLY) >= 0);
}
DENIED(error_becomes_abort, "stdio inet")
{
    PLEDGE_AS(RPLEDGE_ERROR);
    TRY(!case_is_pledged || (open("file", O_RDONLY) == -1 && errno == ENOSYS));
    PLEDGE();
    TRY(open("file", O_RDONLY) >= 0);
}
KILLED(abort_becomes_kill, "stdio inet")
{
    PLEDGE();
    PLEDGE_AS(RPLEDGE_KILL);
    TRY(open("file", O_RDONLY) >= 0);
}
DENIED(log_becomes_abort, "stdio inet")
{
    PLEDGE_AS(RPLEDGE_LOG);
    TRY(open("file", O_RDONLY) >= 0);
    PLEDGE();
    TRY(open("file", O_RDONLY) >= 0);
}
