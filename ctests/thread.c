/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads: those that run when pledge() is called are confined with the caller. */
#include "case.h"

#define THREADS 8

static pthread_t thread[THREADS];
static pthread_barrier_t started, pledged;
static int culprit = -1; /* the one that acts; -1 for all */

static void *acts(void *arg)
{
    long n = (long)arg, made = 0;

    pthread_barrier_wait(&started);
    pthread_barrier_wait(&pledged);
    if (culprit == -1 || culprit == n)
        made = socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 1 : errno == ENOSYS ? 0 : 100;
    return (void *)made;
}

/* Start them all, pledge, let them act: how many made a socket. */
static long act(void (*pledges)(void))
{
    long n, sum = 0;
    void *made;

    MUST(pthread_barrier_init(&started, NULL, THREADS + 1) == 0);
    MUST(pthread_barrier_init(&pledged, NULL, THREADS + 1) == 0);
    for (n = 0; n < THREADS; n++)
        MUST(pthread_create(&thread[n], NULL, acts, (void *)n) == 0);
    pthread_barrier_wait(&started);
    pledges();
    pthread_barrier_wait(&pledged);
    for (n = 0; n < THREADS; n++) {
        MUST(pthread_join(thread[n], &made) == 0);
        sum += (long)made;
    }
    return sum;
}

static void abort_mode(void)
{
    PLEDGE();
}
static void error_mode(void)
{
    PLEDGE_AS(RPLEDGE_ERROR);
}

ALLOWED(all_inet, "stdio inet") { TRY(act(abort_mode) == THREADS); }
REFUSED(all_refused, "stdio")
{
    long made = act(error_mode);

    MUST(made == 0 || made == THREADS);
    errno = ENOSYS;
    if (made != THREADS)
        case_end(errno, __LINE__, "refused in all");
}
#define CULPRIT(n)                                                           \
    DENIED(thread_##n, "stdio")                                              \
    {                                                                        \
        culprit = n;                                                         \
        TRY(act(abort_mode) == 1);                                           \
    }
CULPRIT(0)
CULPRIT(1)
CULPRIT(2)
CULPRIT(3)
CULPRIT(4)
CULPRIT(5)
CULPRIT(6)
CULPRIT(7)
DENIED(all_at_once, "stdio") { TRY(act(abort_mode) == THREADS); }
KILLED(kill_mode, "stdio")
{
    MUST(pthread_barrier_init(&started, NULL, 2) == 0);
    MUST(pthread_barrier_init(&pledged, NULL, 2) == 0);
    MUST(pthread_create(&thread[0], NULL, acts, NULL) == 0);
    pthread_barrier_wait(&started);
    PLEDGE_AS(RPLEDGE_KILL);
    pthread_barrier_wait(&pledged);
    TRY(pthread_join(thread[0], NULL) == 0);
    sleep(case_is_pledged ? CASE_SECONDS + 5 : 0); /* the whole process must go */
}

/* Threads made afterwards */
static void *makes(void *arg)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? arg : NULL;
}
DENIED(after, "stdio")
{
    void *made;

    PLEDGE();
    TRY(pthread_create(&thread[0], NULL, makes, thread) == 0);
    TRY(pthread_join(thread[0], &made) == 0 && made == thread);
}

/* pledge() called in another thread than the first */
static void *pledges(void *arg)
{
    PLEDGE();
    return arg;
}
DENIED(by_other, "stdio")
{
    MUST(pthread_create(&thread[0], NULL, pledges, NULL) == 0);
    MUST(pthread_join(thread[0], NULL) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
static void *narrows(void *arg)
{
    return !case_is_pledged || pledge("stdio", NULL) == 0 ? arg : NULL;
}
DENIED(narrowed_by_other, "stdio inet")
{
    void *ok;

    PLEDGE();
    MUST(pthread_create(&thread[0], NULL, narrows, thread) == 0);
    MUST(pthread_join(thread[0], &ok) == 0 && ok == thread);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

/* All at once: the same promises from every thread. */
static void *pledges_same(void *arg)
{
    pthread_barrier_wait(&started);
    return pledge("stdio", NULL) == 0 ? arg : NULL;
}
CALLED(race, 0)
{
    void *ok;
    long n;

    MUST(pthread_barrier_init(&started, NULL, THREADS) == 0);
    for (n = 0; n < THREADS; n++)
        MUST(pthread_create(&thread[n], NULL, pledges_same, thread) == 0);
    for (n = 0; n < THREADS; n++)
        TRY(pthread_join(thread[n], &ok) == 0 && ok == thread);
}

/* Two at once with different promises: as if one had come after the other. */
static const char *const two[2][2] = {{"stdio rpath", "stdio inet"}, {"stdio rpath", "stdio"}};
static int pair_now;

struct outcome {
    const char *words;
    int made, error;
};
static void *pledges_own(void *arg)
{
    struct outcome *own = (struct outcome *)arg;

    pthread_barrier_wait(&started);
    own->made = rpledge_pledge(own->words, NULL, RPLEDGE_ERROR);
    own->error = own->made ? errno : 0;
    return NULL;
}
static int has(const char *word)
{
    struct rpledge_status now;
    int n;

    MUST(rpledge_status(&now, sizeof now) == 0);
    for (n = 0; strcmp(rpledge_promise_name(n), word) != 0; n++)
        ;
    return (int)(now.promises >> n & 1);
}
static int in_order(void)
{
    struct outcome own[2];
    int n, reads, connects;

    MUST(pthread_barrier_init(&started, NULL, 2) == 0);
    for (n = 0; n < 2; n++) {
        own[n].words = two[pair_now][n];
        MUST(pthread_create(&thread[n], NULL, pledges_own, &own[n]) == 0);
    }
    for (n = 0; n < 2; n++)
        MUST(pthread_join(thread[n], NULL) == 0);
    reads = open("file", O_RDONLY) >= 0;
    connects = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    /* What is told is what holds. */
    if (reads != has("rpath") || connects != has("inet"))
        return 0;
    for (n = 0; n < 2; n++)
        if (own[n].made != 0 && own[n].error != EPERM)
            return 0;
    if (pair_now == 0)
        return (own[0].made == 0) != (own[1].made == 0) && reads == (own[0].made == 0)
               && connects == (own[1].made == 0);
    return own[1].made == 0 && !reads && !connects;
}
CALLED(two_at_once, 0)
{
    int round, end;
    pid_t pid;

    for (round = 0; round < 60; round++) {
        MUST((pid = fork()) >= 0);
        pair_now = round % 2;
        if (pid == 0)
            _exit(!in_order());
        TRY(waitpid(pid, &end, 0) == pid && end == 0);
    }
}

/* A child made while another thread pledges for the first time: it waits for nobody.
 * That this program refers to the zone makes pledge() take the libc's lock on it. */
struct tm *(*thread_zone)(const time_t *) = localtime;
static void *pledges_once(void *arg)
{
    pthread_barrier_wait(&started);
    return pledge("stdio rpath proc inet", NULL) == 0 ? arg : NULL;
}
static void forks_beside(unsigned spins)
{
    volatile unsigned spin;
    int end;
    pid_t pid;

    MUST(pthread_barrier_init(&started, NULL, 2) == 0);
    MUST(pthread_create(&thread[0], NULL, pledges_once, thread) == 0);
    pthread_barrier_wait(&started);
    for (spin = 0; spin < spins; spin++)
        ;
    MUST((pid = fork()) >= 0);
    if (pid == 0) {
        alarm(5);
        _exit(pledge("stdio inet", NULL) != 0 || socket(AF_INET, SOCK_STREAM, 0) < 0);
    }
    MUST(waitpid(pid, &end, 0) == pid);
    MUST(pthread_join(thread[0], NULL) == 0);
    _exit(end != 0);
}
CALLED(fork_beside_first, 0)
{
    unsigned round;
    int end;
    pid_t pid;

    for (round = 0; round < 100; round++) {
        MUST((pid = fork()) >= 0);
        if (pid == 0)
            forks_beside(round * 2000);
        TRY(waitpid(pid, &end, 0) == pid && end == 0);
    }
}
