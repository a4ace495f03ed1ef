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
