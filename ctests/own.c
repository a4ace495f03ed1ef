/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* RPLEDGE_THREAD: promises of one thread, and what the process can still do beside it. */
#include "case.h"
#include "two.h"

#include <sys/prctl.h>

/* A worker that does as it is told, step by step. */
static pthread_t worker;
static pthread_barrier_t turn;
static int (*told)(void);
static int answer, answer_errno, answer_tid;

static void *works(void *arg)
{
    for (;;) {
        pthread_barrier_wait(&turn);
        if (told == NULL)
            return arg;
        errno = 0;
        answer = told();
        answer_errno = errno;
        pthread_barrier_wait(&turn);
    }
}

/* Let the worker do this; what it returned. */
static int tell(int (*act)(void))
{
    if (worker == 0) {
        MUST(pthread_barrier_init(&turn, NULL, 2) == 0);
        MUST(pthread_create(&worker, NULL, works, NULL) == 0);
    }
    told = act;
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    errno = answer_errno;
    return answer;
}

static uint32_t state(void)
{
    struct rpledge_status now;

    MUST(rpledge_status(&now, sizeof now) == 0);
    return now.state & (RPLEDGE_PLEDGED | RPLEDGE_THREAD_ONLY);
}
static int state_here(void)
{
    return (int)state();
}
#define OWN(words) rpledge_pledge(words, NULL, RPLEDGE_THREAD | RPLEDGE_ERROR)
#define ALL(words) rpledge_pledge(words, NULL, RPLEDGE_ERROR)
static int own_stdio(void)
{
    return OWN("stdio");
}
static int own_stdio_rpath(void)
{
    return OWN("stdio rpath");
}
static int own_stdio_inet(void)
{
    return OWN("stdio inet");
}
static int all_stdio(void)
{
    return ALL("stdio");
}
static int tells_tid(void)
{
    answer_tid = (int)syscall(SYS_gettid);
    return 0;
}

/* One thread is held to its words, the others are not. */
CALLED(only_the_thread, 0)
{
    TRY(tell(connects) && connects());
    TRY(tell(own_stdio_rpath) == 0);
    TRY(!tell(connects) && errno == ENOSYS);
    TRY(tell(reads) && reads() && connects());
    TRY(tell(state_here) == (RPLEDGE_PLEDGED | RPLEDGE_THREAD_ONLY));
    TRY(state() == 0);
}
CALLED(thread_narrows_itself, 0)
{
    TRY(tell(own_stdio_rpath) == 0);
    TRY(tell(own_stdio_inet) == -1 && errno == EPERM);
    TRY(tell(own_stdio) == 0);
    TRY(!tell(reads) && errno == ENOSYS);
    TRY(tell(own_stdio_rpath) == -1 && errno == EPERM);
    TRY(reads());
}
static void *in_own(void *arg)
{
    PLEDGE_AS(RPLEDGE_THREAD);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    return arg;
}
DENIED(own_violation, "stdio rpath")
{
    MUST(pthread_create(&worker, NULL, in_own, NULL) == 0);
    MUST(pthread_join(worker, NULL) == 0);
}
static void *in_own_kill(void *arg)
{
    PLEDGE_AS(RPLEDGE_THREAD | RPLEDGE_KILL);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    return arg;
}
KILLED(own_kill, "stdio rpath")
{
    MUST(pthread_create(&worker, NULL, in_own_kill, NULL) == 0);
    MUST(pthread_join(worker, NULL) == 0);
}
CALLED(set_flags_thread, 0)
{
    MUST(tell(connects));
    MUST(rpledge_set_flags(RPLEDGE_THREAD | RPLEDGE_ERROR) == 0);
    TRY(pledge("stdio", NULL) == 0);
    TRY(!connects() && tell(connects));
}

/* What such a thread makes is held to its words, too. */
static void *does_connect(void *arg)
{
    return connects() ? arg : NULL;
}
static int thread_connects(void)
{
    pthread_t thread;
    void *made;

    MUST(pthread_create(&thread, NULL, does_connect, &worker) == 0);
    MUST(pthread_join(thread, &made) == 0);
    return made != NULL;
}
static int child_connects(void)
{
    int end;
    pid_t pid = fork();

    if (pid == 0)
        _exit(connects());
    MUST(pid > 0 && waitpid(pid, &end, 0) == pid);
    return end != 0;
}
static int own_stdio_proc(void)
{
    return OWN("stdio proc");
}
CALLED(what_it_makes, 0)
{
    TRY(tell(thread_connects) && tell(child_connects));
    TRY(tell(own_stdio_proc) == 0);
    TRY(!tell(thread_connects) && !tell(child_connects));
    TRY(thread_connects() && child_connects());
}

/* The process's promises over those of a thread */
static struct sigaction sigsys(void)
{
    struct sigaction now;

    memset(&now, 0, sizeof now);
    MUST(sigaction(SIGSYS, NULL, &now) == 0);
    return now;
}
static int says_which(void)
{
    char text[32];

    tell(tells_tid);
    snprintf(text, sizeof text, "thread %d ", answer_tid);
    return rpledge_error() == RPLEDGE_E_THREAD && strstr(rpledge_errmsg(), text) != NULL;
}
CALLED(process_after_thread, 0)
{
    TRY(tell(own_stdio) == 0);
    TRY(ALL("stdio rpath inet") == -1 && errno == EBUSY && says_which());
    TRY(state() == 0 && reads() && connects());
    /* Each for itself is what remains. */
    TRY(OWN("stdio rpath") == 0);
    TRY(reads() && !connects() && errno == ENOSYS);
    TRY(ALL("stdio rpath") == -1 && errno == EBUSY);
    TRY(state() == (RPLEDGE_PLEDGED | RPLEDGE_THREAD_ONLY));
}
CALLED(broker_after_thread, 0)
{
    TRY(tell(own_stdio) == 0);
    TRY(ALL("stdio getpw") == -1 && errno == EBUSY && says_which());
    TRY(state() == 0 && reads() && connects());
}
CALLED(narrower_worker, 0)
{
    TRY(ALL("stdio rpath inet") == 0);
    TRY(tell(own_stdio) == 0);
    TRY(!tell(reads) && errno == ENOSYS);
    TRY(ALL("stdio rpath") == -1 && errno == EBUSY && says_which());
    TRY(connects() && state() == RPLEDGE_PLEDGED);
    /* The same, or nothing, needs no filter. */
    TRY(ALL("stdio rpath inet") == 0 && pledge(NULL, NULL) == 0);
    TRY(OWN("stdio rpath") == 0 && !connects() && reads());
}
CALLED(wider_worker, 0)
{
    /* What the process holds, a thread holds; it makes no filter of its own. */
    TRY(tell(connects));
    TRY(ALL("stdio rpath inet") == 0);
    TRY(tell(own_stdio_rpath) == 0 && !tell(connects));
    TRY(OWN("stdio rpath inet") == 0 && state() == RPLEDGE_PLEDGED);
}
CALLED(worker_for_all, 0)
{
    /* All others hold a part of what the worker does: all can be brought under it. */
    TRY(ALL("stdio rpath inet") == 0);
    TRY(tell(own_stdio_rpath) == 0 && connects());
    TRY(tell(all_stdio) == 0);
    TRY(!reads() && errno == ENOSYS && !connects());
    TRY(state() == RPLEDGE_PLEDGED && tell(state_here) == RPLEDGE_PLEDGED);
}
CALLED(own_then_all, 0)
{
    /* The same words, of the process: now the others are held to them. */
    TRY(tell(own_stdio) == 0 && connects());
    TRY(tell(all_stdio) == 0 && !connects() && errno == ENOSYS);
    TRY(tell(state_here) == RPLEDGE_PLEDGED);
}

/* A failed call leaves nothing behind. */
static int foreign(void)
{
    /* struct sock_filter, struct sock_fprog: not every libc brings the kernel's headers. */
    struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } allow = {6 /* BPF_RET | BPF_K */, 0, 0, 0x7fff0000 /* SECCOMP_RET_ALLOW */};
    struct {
        unsigned short len;
        void *filter;
    } program = {1, &allow};

    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    return (int)syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program);
}
static void stays(void)
{
    struct sigaction before = sigsys(), after;
    sigset_t mask, now;

    MUST(sigemptyset(&mask) == 0 && sigaddset(&mask, SIGSYS) == 0);
    MUST(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
    TRY(ALL("stdio rpath") == -1 && errno == EBUSY && says_which());
    after = sigsys();
    TRY(before.sa_handler == after.sa_handler && before.sa_flags == after.sa_flags);
    TRY(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGSYS));
    TRY(state() == 0 && connects());
    /* Not even so that a later call would be held to it. */
    TRY(ALL("stdio foo") == -1 && errno == EINVAL && OWN("stdio inet") == 0);
}
CALLED(foreign_filter, 0)
{
    MUST(tell(foreign) == 0);
    stays();
}
CALLED(own_filter, 0)
{
    MUST(tell(own_stdio) == 0);
    /* The handler is the process's. */
    TRY(tell(state_here) != 0 && state() == 0);
    stays();
}
CALLED(foreign_handler, 0)
{
    MUST(signal(SIGSYS, SIG_IGN) != SIG_ERR);
    MUST(tell(foreign) == 0);
    stays();
    TRY(rpledge_error() == 0);
}
CALLED(foreign_thread_pledges, 0)
{
    /* That thread can confine itself, and all others with it. */
    MUST(tell(foreign) == 0);
    TRY(tell(own_stdio_rpath) == 0 && !tell(connects) && connects());
    TRY(tell(all_stdio) == 0 && !connects() && errno == ENOSYS);
}
CALLED(foreign_in_all, 0)
{
    MUST(foreign() == 0);
    TRY(tell(connects));
    TRY(ALL("stdio rpath") == 0 && !tell(connects) && !connects());
}

/* Servers: a wide thread that listens, narrow ones that work. */
CALLED(two_stages, 0)
{
    TRY(ALL("stdio rpath inet") == 0);
    TRY(tell(own_stdio_inet) == 0);
    TRY(tell(connects) && !tell(reads) && reads());
    TRY(tell(own_stdio) == 0);
    TRY(!tell(connects) && connects());
    TRY(OWN("stdio inet") == 0 && !reads() && connects());
}
CALLED(dry_run, 0)
{
    TRY(rpledge_pledge("stdio", NULL, RPLEDGE_THREAD | RPLEDGE_DRYRUN) == 0);
    TRY(state() == 0 && connects());
}
