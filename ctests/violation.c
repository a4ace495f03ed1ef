/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a violation does: its message, its signal, and that the program cannot soften it. */
#include "case.h"

static int violates(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static void forgives(int sig)
{
    (void)sig;
    _exit(0);
}

/* By its own number: what 32-bit glibc makes of socket() fails in these modes. */
static int violates_itself(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0;
}

/* Modes */
KILLED(mode_kill, "stdio") { PLEDGE_AS(RPLEDGE_KILL); TRY(violates_itself()); }
REFUSED(mode_error, "stdio") { PLEDGE_AS(RPLEDGE_ERROR); TRY(violates()); }
ALLOWED(mode_log, "stdio") { PLEDGE_AS(RPLEDGE_LOG); TRY(violates_itself()); }
DENIED(mode_abort, "stdio") { PLEDGE_AS(RPLEDGE_ABORT); TRY(violates()); }
DENIED(log_later_does_not_soften, "stdio")
{
    PLEDGE();
    TRY(!case_is_pledged || rpledge_pledge("stdio", NULL, RPLEDGE_LOG) == 0 || errno == EPERM);
    TRY(violates());
}
DENIED(error_later_does_not_soften, "stdio")
{
    PLEDGE();
    TRY(!case_is_pledged || rpledge_pledge("stdio", NULL, RPLEDGE_ERROR) == 0 || errno == EPERM);
    TRY(violates());
}
KILLED(abort_later_does_not_soften, "stdio")
{
    PLEDGE_AS(RPLEDGE_KILL);
    TRY(!case_is_pledged || rpledge_pledge("stdio", NULL, RPLEDGE_ABORT) == 0 || errno == EPERM);
    TRY(violates());
}

/* SIGABRT handled, blocked, ignored, waited for */
DENIED(abort_handled, "stdio")
{
    MUST(signal(SIGABRT, forgives) != SIG_ERR);
    PLEDGE();
    TRY(violates());
}
DENIED(abort_handled_later, "stdio")
{
    PLEDGE();
    MUST(signal(SIGABRT, forgives) != SIG_ERR);
    TRY(violates());
}
DENIED(abort_ignored, "stdio")
{
    MUST(signal(SIGABRT, SIG_IGN) != SIG_ERR);
    PLEDGE();
    TRY(violates());
}
static sigset_t set;
static sigset_t *only(int sig)
{
    sigemptyset(&set);
    sigaddset(&set, sig);
    return &set;
}
DENIED(abort_blocked, "stdio")
{
    MUST(sigprocmask(SIG_BLOCK, only(SIGABRT), NULL) == 0);
    PLEDGE();
    TRY(violates());
}
DENIED(abort_blocked_later_ignored, "stdio")
{
    PLEDGE();
    MUST(sigprocmask(SIG_BLOCK, only(SIGABRT), NULL) == 0);
    MUST(signal(SIGABRT, SIG_IGN) != SIG_ERR);
    TRY(violates());
}
static void *violates_blocked(void *arg)
{
    MUST(pthread_sigmask(SIG_BLOCK, only(SIGABRT), NULL) == 0);
    return violates() ? arg : NULL;
}
DENIED(abort_blocked_in_thread, "stdio")
{
    pthread_t thread;
    void *made;

    MUST(signal(SIGABRT, SIG_IGN) != SIG_ERR);
    PLEDGE();
    TRY(pthread_create(&thread, NULL, violates_blocked, &set) == 0);
    TRY(pthread_join(thread, &made) == 0 && made == &set);
}
static void *waits(void *arg)
{
    int sig = 0;

    if (sigwait(only(SIGABRT), &sig) == 0)
        _exit(0);
    return arg;
}
DENIED(abort_waited_for, "stdio")
{
    pthread_t thread;
    struct timespec moment = {0, 20000000};

    MUST(sigprocmask(SIG_BLOCK, only(SIGABRT), NULL) == 0);
    MUST(pthread_create(&thread, NULL, waits, NULL) == 0);
    nanosleep(&moment, NULL);
    PLEDGE();
    TRY(violates());
}
static void violates_in_handler(int sig)
{
    (void)sig;
    if (violates())
        _exit(0);
    _exit(1);
}
DENIED(in_handler, "stdio")
{
    MUST(signal(SIGUSR1, violates_in_handler) != SIG_ERR);
    PLEDGE();
    raise(SIGUSR1);
}
DENIED(in_abort_handler, "stdio")
{
    MUST(signal(SIGABRT, violates_in_handler) != SIG_ERR);
    PLEDGE();
    raise(SIGABRT);
}
static void *violates_small(void *arg)
{
    return violates() ? arg : NULL;
}
DENIED(small_stack, "stdio")
{
    pthread_attr_t attr;
    pthread_t thread;
    void *made;

    MUST(pthread_attr_init(&attr) == 0);
    MUST(STACK(&attr, 16384));
    PLEDGE();
    MUST(pthread_create(&thread, &attr, violates_small, &set) == 0);
    MUST(pthread_join(thread, &made) == 0);
    TRY(made == &set);
}

/* SIGSYS: the road there cannot be cut */
static void sys_forgives(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    _exit(0);
}
DENIED(sigsys_handler_before, "stdio")
{
    MUST(signal(SIGSYS, forgives) != SIG_ERR);
    PLEDGE();
    TRY(violates());
}
DENIED(sigsys_handler_after, "stdio")
{
    struct sigaction act;

    memset(&act, 0, sizeof act);
    act.sa_sigaction = sys_forgives;
    act.sa_flags = SA_SIGINFO;
    PLEDGE();
    sigaction(SIGSYS, &act, NULL);
    TRY(violates());
}
DENIED(sigsys_ignored_after, "stdio")
{
    PLEDGE();
    signal(SIGSYS, SIG_IGN);
    TRY(violates());
}
DENIED(sigsys_ignored_before, "stdio")
{
    MUST(signal(SIGSYS, SIG_IGN) != SIG_ERR);
    PLEDGE();
    TRY(violates());
}
DENIED(sigsys_blocked_before, "stdio")
{
    MUST(sigprocmask(SIG_BLOCK, only(SIGSYS), NULL) == 0);
    PLEDGE();
    TRY(violates());
}
KILLED(sigsys_blocked_after, "stdio")
{
    PLEDGE();
    MUST(sigprocmask(SIG_BLOCK, only(SIGSYS), NULL) == 0);
    TRY(violates());
}
KILLED(all_blocked_after, "stdio")
{
    PLEDGE();
    sigfillset(&set);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    TRY(violates());
}
ALLOWED(sigsys_query, "stdio")
{
    struct sigaction act;

    PLEDGE();
    TRY(sigaction(SIGSYS, NULL, &act) == 0);
}
ALLOWED(signals_all, "stdio")
{
    int sig;

    PLEDGE();
    for (sig = 1; sig < 32; sig++)
        if (sig != SIGKILL && sig != SIGSTOP && sig != SIGSYS)
            TRY(signal(sig, SIG_DFL) != SIG_ERR);
}

/* What the child of `acts` writes to its stderr, and how it ends. */
static char said[4096];
static int end_of(void (*acts)(void))
{
    int err[2], end;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    MUST(pipe(err) == 0 && (pid = fork()) >= 0);
    if (pid == 0) {
        MUST(dup2(err[1], 2) == 2);
        close(err[0]);
        acts();
        _exit(0);
    }
    close(err[1]);
    while ((n = read(err[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    MUST(waitpid(pid, &end, 0) == pid);
    sprintf(said + len, "[%d]", (int)pid); /* for message() */
    return end;
}

/* Exactly two lines: OpenBSD's, and where it happened. */
static void message(int end, const char *promise, const char *call, const char *function)
{
    char want[400];
    struct rpledge_libc running;
    const char *pid = strrchr(said, '['), *second;

    TRY(WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
    MUST(rpledge_libc(&running, sizeof running) == 0);
    snprintf(want, sizeof want, "%s%.*s: pledge \"%s\", syscall %s\n", case_program,
             (int)strlen(pid), pid, promise, call);
    TRY(strncmp(said, want, strlen(want)) == 0);
    second = said + strlen(want);
    snprintf(want, sizeof want, "%s%s: rpledge: %s() of %s %s", case_program, pid, function,
             running.name, running.version);
    TRY(strncmp(second, want, strlen(want)) == 0);
    TRY(strchr(second, '\n') != NULL && strchr(second, '\n') + 1 == pid);
    TRY(strstr(second, "; data: ") != NULL);
}
static void says(void)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    violates();
}
CALLED(message_form, 0) { message(end_of(says), "inet", "socket", "socket"); }
static void says_unix(void)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    socket(AF_UNIX, SOCK_STREAM, 0);
}
CALLED(message_unix, 0) { message(end_of(says_unix), "unix", "socket", "socket"); }
static void says_nothing(void)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    acct(NULL);
}
CALLED(message_no_promise, 0) { message(end_of(says_nothing), "", "acct", "acct"); }
static void says_empty(void)
{
    MUST(pledge("", NULL) == 0);
    violates();
}
CALLED(message_under_empty, 0) { message(end_of(says_empty), "inet", "socket", "socket"); }

/* A core, where abort() leaves one */
static void with_core(void (*acts)(void))
{
    struct rlimit core;

    MUST(getrlimit(RLIMIT_CORE, &core) == 0);
    core.rlim_cur = core.rlim_max;
    setrlimit(RLIMIT_CORE, &core);
    acts();
}
static void aborts_with_core(void) { with_core(abort); }
static void says_with_core(void) { with_core(says); }
CALLED(core, 0)
{
    int bare = end_of(aborts_with_core), end;

    NEED("core files", WIFSIGNALED(bare) && WCOREDUMP(bare));
    end = end_of(says_with_core);
    TRY(WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT && WCOREDUMP(end));
}

/* stderr that cannot take it must not save the program */
static int ends_by(int sig, int end)
{
    return WIFSIGNALED(end) && WTERMSIG(end) == sig;
}
static void without_stderr(void)
{
    close(2);
    says();
}
CALLED(stderr_closed, 0) { TRY(ends_by(SIGABRT, end_of(without_stderr))); }
static void broken_stderr(void)
{
    int fds[2];

    MUST(pipe(fds) == 0 && dup2(fds[1], 2) == 2 && close(fds[0]) == 0 && close(fds[1]) == 0);
    says();
}
CALLED(stderr_broken_pipe, 0) { TRY(ends_by(SIGABRT, end_of(broken_stderr))); }
static void handled_pipe(void)
{
    MUST(signal(SIGPIPE, forgives) != SIG_ERR);
    broken_stderr();
}
CALLED(stderr_broken_pipe_handled, 0) { TRY(ends_by(SIGABRT, end_of(handled_pipe))); }
static void full_stderr(void)
{
    int fds[2];

    MUST(pipe(fds) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(fds[1], said, sizeof said) > 0)
        continue;
    MUST(fcntl(fds[1], F_SETFL, 0) == 0 && dup2(fds[1], 2) == 2);
    alarm(5);
    says();
}
CALLED(stderr_full_pipe, 0) { TRY(ends_by(SIGABRT, end_of(full_stderr))); }
