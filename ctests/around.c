/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pledge() in odd surroundings: other sandboxes, no /proc, small stacks, signal handlers, a second copy of the library. */
#include "case.h"

#include <dlfcn.h>
#include <sys/prctl.h>
#include <sys/time.h>

static int has_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static struct rpledge_status status(void)
{
    struct rpledge_status now;

    MUST(rpledge_status(&now, sizeof now) == 0);
    return now;
}

/* A sandbox that somebody else made: one call, with this first argument or
 * any (-1), fails with an errno. In numbers, as musl comes without the
 * kernel's headers. */
static void sandbox(int nr, long arg, int err)
{
    struct insn {
        uint16_t code;
        uint8_t if_true, if_false;
        uint32_t k;
    } insns[] = {
        {0x20, 0, 0, 0},                         /* load the number */
        {0x15, 0, 3, (uint32_t)nr},              /* is it the one? */
        {0x20, 0, 0, 16},                        /* load the argument */
        {0x15, 0, arg != -1, (uint32_t)arg},
        {0x06, 0, 0, 0x00050000 | (uint32_t)err}, /* SECCOMP_RET_ERRNO */
        {0x06, 0, 0, 0x7fff0000},                /* SECCOMP_RET_ALLOW */
    };
    struct {
        uint16_t count;
        struct insn *insns;
    } program = {sizeof insns / sizeof insns[0], insns};

    MUST(geteuid() == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(syscall(SYS_seccomp, 1, 0, &program) == 0);
}

/* 1 if pledge() failed so and left everything as it was. */
static int fails_whole(int err)
{
    struct sigaction before, after;
    sigset_t blocked, mask;
    int privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

    memset(&before, 0, sizeof before);
    before.sa_handler = SIG_IGN;
    MUST(sigaction(SIGSYS, &before, NULL) == 0 && sigemptyset(&blocked) == 0);
    MUST(sigaddset(&blocked, SIGSYS) == 0 && sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    return pledge("stdio", NULL) == -1 && errno == err && rpledge_error() == RPLEDGE_E_KERNEL
           && rpledge_errmsg()[0] != '\0' && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == privs
           && sigaction(SIGSYS, NULL, &after) == 0 && after.sa_handler == SIG_IGN
           && sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGSYS) == 1
           && !(status().state & RPLEDGE_PLEDGED) && has_socket();
}

/* Other sandboxes, and kernels that have no filters */
CALLED(kernel_without_seccomp, 0)
{
    sandbox(SYS_seccomp, -1, ENOSYS);
    TRY(status().state & RPLEDGE_NO_KERNEL);
    TRY(fails_whole(ENOSYS));
}
CALLED(kernel_without_filters, 0)
{
    /* What seccomp(2) says without CONFIG_SECCOMP_FILTER. */
    sandbox(SYS_seccomp, 1, EINVAL);
    TRY(status().state & RPLEDGE_NO_KERNEL);
    TRY(fails_whole(ENOSYS));
}
CALLED(kernel_with_seccomp, 0) { TRY(!(status().state & RPLEDGE_NO_KERNEL)); }
CALLED(seccomp_forbidden, 0)
{
    sandbox(SYS_seccomp, -1, EPERM);
    TRY(fails_whole(EPERM));
}
CALLED(kernel_without_action_query, 0)
{
    /* Before 4.14 one cannot ask for an action, but have it. */
    sandbox(SYS_seccomp, 2, EINVAL);
    TRY(!(status().state & RPLEDGE_NO_KERNEL) && pledge("stdio", NULL) == 0);
}
DENIED(prctl_query_hidden, "stdio")
{
    sandbox(SYS_prctl, PR_GET_SECCOMP, EPERM);
    PLEDGE();
    TRY(has_socket());
}
DENIED(other_filter_before, "stdio")
{
    sandbox(SYS_acct, -1, EPERM);
    PLEDGE();
    TRY(has_socket());
}
CALLED(other_filter_after, 0)
{
    MUST(pledge("stdio inet proc", NULL) == 0);
    sandbox(SYS_acct, -1, EPERM);
    TRY(pledge("stdio inet", NULL) == 0 && (status().state & RPLEDGE_PLEDGED) && has_socket());
}
CALLED(other_filter_refuses, EPERM)
{
    sandbox(SYS_socket, -1, EPERM);
    MUST(pledge("stdio inet", NULL) == 0);
    TRY(has_socket());
}
DENIED(no_new_privs_before, "stdio")
{
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    PLEDGE();
    TRY(has_socket());
}
DENIED(without_privileges, "stdio")
{
    MUST(geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
    PLEDGE();
    TRY(has_socket());
}
DENIED(without_proc, "stdio rpath")
{
    NEED_ROOT();
    MUST(chroot(".") == 0 && chdir("/") == 0 && access("/proc/self", F_OK) == -1);
    PLEDGE();
    TRY(has_socket());
}
/* What needs a broker is refused aloud, with a word of what is missing. */
CALLED(broker_without_proc, 0)
{
    NEED_ROOT();
    MUST(chroot(".") == 0 && chdir("/") == 0);
    TRY(pledge("stdio recvfd", NULL) == -1 && errno == ENOENT);
    TRY(rpledge_error() == RPLEDGE_E_BROKER && strstr(rpledge_errmsg(), "/proc") != NULL);
    TRY(pledge("stdio", NULL) == 0);
}

/* As often as one likes */
CALLED(narrow_64_times, 0)
{
    static const char *const words[] = {"stdio", "rpath", "wpath", "cpath", "dpath", "fattr",
                                        "chown", "flock", "inet", "mcast", "unix", "sendfd",
                                        "recvfd", "tty", "proc", "id", "settime"};
    size_t n, from, count = sizeof words / sizeof words[0];
    int calls;

    for (calls = 0; calls < 64; calls++) {
        char text[256] = "stdio";

        from = count - 1 - (size_t)calls / 4;
        for (n = 1; n <= from; n++)
            strcat(strcat(text, " "), words[n]);
        TRY(pledge(text, NULL) == 0);
    }
    TRY(status().promises == 3 && rpledge_set_flags(RPLEDGE_ERROR) == 0);
    TRY(pledge("stdio", NULL) == 0 && open("file", O_RDONLY) == -1);
}
CALLED(too_many_filters, 0)
{
    /* Each of these is a filter more, until the kernel takes none. */
    int calls, err = 0;

    for (calls = 0; calls < 500 && err == 0; calls++)
        if (rpledge_pledge("stdio", NULL, calls % 2 ? RPLEDGE_ERROR : RPLEDGE_ABORT) != 0)
            err = errno;
    TRY(calls > 32 && err == ENOMEM);
    TRY(rpledge_error() == RPLEDGE_E_KERNEL && strstr(rpledge_errmsg(), "no more") != NULL);
    TRY(status().promises == 1);
}
/* Small stacks */
static void *pledges(void *arg)
{
    return !case_is_pledged || pledge("stdio rpath", NULL) == 0 ? arg : NULL;
}
DENIED(thread_of_16_kib, "stdio rpath")
{
    pthread_t thread;
    pthread_attr_t attr;
    void *ok;

    case_shared->pledges++;
    MUST(pthread_attr_init(&attr) == 0 && STACK(&attr, 16384));
    MUST(pthread_create(&thread, &attr, pledges, &thread) == 0);
    TRY(pthread_join(thread, &ok) == 0 && ok == &thread);
    TRY(has_socket());
}

/* Signals */
static volatile sig_atomic_t came;
static void pledges_too(int number)
{
    (void)number;
    came = pledge("stdio", NULL) == 0;
}
CALLED(in_signal_handler, 0)
{
    MUST(signal(SIGALRM, pledges_too) != SIG_ERR && raise(SIGALRM) == 0);
    TRY(came && (status().state & RPLEDGE_PLEDGED));
}
CALLED(interrupted_by_pledge, 0)
{
    struct itimerval soon = {{0, 0}, {0, 1}};

    MUST(signal(SIGALRM, pledges_too) != SIG_ERR && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    TRY(pledge("stdio", NULL) == 0);
    while (!came)
        usleep(100);
    TRY(status().promises == 1);
}
static int ends_by(int number, void (*body)(void))
{
    int end;
    pid_t pid = fork();

    if (pid == 0) {
        body();
        _exit(0);
    }
    return waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == number;
}
static void sent_sigsys(void)
{
    MUST(pledge("stdio", NULL) == 0);
    kill(getpid(), SIGSYS);
}
CALLED(sigsys_from_outside, 0) { TRY(ends_by(SIGABRT, sent_sigsys)); }

/* Forking while other threads pledge */
static volatile int stop;
static void *pledges_often(void *arg)
{
    while (!stop)
        rpledge_pledge("stdio rpath proc", NULL, RPLEDGE_DRYRUN);
    return arg;
}
CALLED(fork_while_another_pledges, 0)
{
    pthread_t thread;
    int n, end;
    pid_t pid;

    /* Finding the libc takes the loader's lock, which glibc's fork(2) does not
     * free in the child: it must have been found once. */
    MUST(rpledge_pledge("stdio", NULL, RPLEDGE_DRYRUN) == 0);
    MUST(pthread_create(&thread, NULL, pledges_often, NULL) == 0);
    for (n = 0; n < 50; n++) {
        MUST((pid = fork()) >= 0);
        if (pid == 0)
            _exit(pledge("stdio", NULL) == 0 && status().promises == 1 ? 0 : 1);
        TRY(waitpid(pid, &end, 0) == pid && end == 0);
    }
    stop = 1;
    MUST(pthread_join(thread, NULL) == 0);
}

/* A program that is executed and pledges again */
__attribute__((constructor)) static void pledges_again(void)
{
    struct rpledge_status now;

    if (getenv("PLEDGED_AGAIN") == NULL)
        return;
    if (rpledge_status(&now, sizeof now) != 0 || !(now.state & RPLEDGE_PLEDGED)
        || pledge("stdio rpath settime", NULL) != -1 || errno != EPERM
        || pledge("stdio rpath", NULL) != 0 || rpledge_status(&now, sizeof now) != 0
        || now.promises != 3)
        _exit(1);
    has_socket();
    _exit(2);
}
DENIED(pledged_again_after_exec, "stdio rpath exec prot_exec")
{
    char *argv[] = {(char *)(uintptr_t)case_program, NULL};

    PLEDGE();
    MUST(!case_is_pledged
         || (pledge(NULL, "stdio rpath exec prot_exec") == 0
             && setenv("PLEDGED_AGAIN", "1", 1) == 0));
    TRY(!case_is_pledged || execv("/proc/self/exe", argv) == 0);
}

/* Two copies of the library in one process */
#pragma weak dlclose
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dladdr
typedef int pledge_type(const char *, const char *);
typedef int status_type(struct rpledge_status *, size_t);
typedef const char *text_type(void);
static void *copy_of_library(void)
{
    static char bytes[4096];
    Dl_info info;
    void *copy;
    ssize_t n;
    int from, to;

    NEED("dlopen", dlopen != NULL && dlsym != NULL && dladdr != NULL);
    NEED("a shared library", dladdr((void *)(uintptr_t)rpledge_version, &info) != 0
         && strstr(info.dli_fname, "librpledge") != NULL);
    MUST((from = open(info.dli_fname, O_RDONLY)) >= 0);
    MUST((to = open("./copy.so", O_WRONLY | O_CREAT, 0700)) >= 0);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        MUST(write(to, bytes, (size_t)n) == n);
    MUST(n == 0 && close(from) == 0 && close(to) == 0);
    MUST((copy = dlopen("./copy.so", RTLD_NOW | RTLD_LOCAL)) != NULL);
    MUST(dlsym(copy, "rpledge_version") != (void *)(uintptr_t)rpledge_version);
    return copy;
}
#define OF(copy, type, name) ((type *)(uintptr_t)dlsym(copy, name))
CALLED(copy_sees_first, 0)
{
    void *copy = copy_of_library();
    struct rpledge_status now;

    MUST(pledge("stdio rpath", NULL) == 0);
    TRY(OF(copy, status_type, "rpledge_status")(&now, sizeof now) == 0 && now.promises == 3);
    TRY(OF(copy, pledge_type, "pledge")("stdio inet", NULL) == -1 && errno == EPERM);
    TRY(OF(copy, text_type, "rpledge_errmsg")()[0] != '\0' && rpledge_errmsg()[0] == '\0');
    TRY(OF(copy, pledge_type, "pledge")("stdio", NULL) == 0 && status().promises == 1);
}
DENIED(copy_narrows, "stdio inet")
{
    void *copy = copy_of_library();

    PLEDGE();
    TRY(!case_is_pledged || OF(copy, pledge_type, "pledge")("stdio", NULL) == 0);
    TRY(has_socket());
}
DENIED(narrowed_after_copy, "stdio inet")
{
    void *copy = copy_of_library();

    case_shared->pledges++;
    TRY(!case_is_pledged || OF(copy, pledge_type, "pledge")("stdio inet", NULL) == 0);
    TRY(!case_is_pledged || pledge("stdio", NULL) == 0);
    TRY(has_socket());
}
DENIED(closed_after_pledge, "stdio")
{
    void *copy = copy_of_library();

    case_shared->pledges++;
    TRY(!case_is_pledged || OF(copy, pledge_type, "pledge")("stdio", NULL) == 0);
    TRY(dlclose(copy) == 0);
    TRY(has_socket());
}
static void *opens(void *arg)
{
    void *copy = copy_of_library();

    (void)arg;
    MUST(OF(copy, pledge_type, "pledge")("stdio foo", NULL) == -1);
    return strstr(OF(copy, text_type, "rpledge_errmsg")(), "foo") != NULL ? copy : NULL;
}
CALLED(copy_opened_in_thread, 0)
{
    /* Its thread-local storage comes after the threads. */
    pthread_t thread;
    void *copy;

    MUST(pthread_create(&thread, NULL, opens, NULL) == 0);
    TRY(pthread_join(thread, &copy) == 0 && copy != NULL);
    TRY(OF(copy, text_type, "rpledge_errmsg")()[0] == '\0');
    TRY(OF(copy, pledge_type, "pledge")("stdio", NULL) == 0 && (status().state & RPLEDGE_PLEDGED));
}
