/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a C library needs of its own accord, under stdio alone: a program that opens nothing ends as
 * it does bare, also where it ends badly. */
#include "case.h"

#include <assert.h>
#include <locale.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mount.h>
#include <wchar.h>

extern void __stack_chk_fail(void);
extern int sched_getcpu(void);
extern uint32_t arc4random(void) __attribute__((weak));
extern void *aligned_alloc(size_t, size_t);

/* What a child says and how it ends, bare and pledged */
static char said[2][4096];
static int end_of(void (*acts)(void), int pledged)
{
    int out[2], status;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    MUST(pipe(out) == 0 && (pid = fork()) >= 0);
    if (pid == 0) {
        MUST(dup2(out[1], 1) == 1 && dup2(out[1], 2) == 2);
        close(out[0]);
        close(out[1]);
        if (pledged && pledge("stdio", NULL) != 0)
            _exit(CASE_UNMADE);
        acts();
        exit(0);
    }
    close(out[1]);
    while ((n = read(out[0], said[pledged] + len, sizeof said[0] - 1 - len)) > 0)
        len += (size_t)n;
    said[pledged][len] = '\0';
    close(out[0]);
    MUST(waitpid(pid, &status, 0) == pid);
    return status;
}
#define ENDS_ALIKE(id, acts, ...)                                            \
    CALLED(id, 0)                                                            \
    {                                                                        \
        int bare = end_of(acts, 0), end = end_of(acts, 1);                   \
                                                                             \
        snprintf(case_shared->note, sizeof case_shared->note, "%d, bare %d: %.400s", end, bare, said[1]); \
        TRY(end == bare && strcmp(said[0], said[1]) == 0);                   \
        TRY(__VA_ARGS__);                                                    \
    }
#define IS_ABORTED (WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT)

/* Bad ends: the message appears, and the signal is the same */
static void asserts(void) { assert(said[0] == said[1]); }
ENDS_ALIKE(assertion, asserts, IS_ABORTED && strstr(said[1], "said[0] == said[1]") != NULL)
static void aborts(void) { abort(); }
ENDS_ALIKE(abort_plain, aborts, IS_ABORTED)
static void smashes(void) { __stack_chk_fail(); }
#ifdef __GLIBC__
ENDS_ALIKE(stack_smashed, smashes, IS_ABORTED && strstr(said[1], "stack smashing detected") != NULL)
#else
ENDS_ALIKE(stack_smashed, smashes, WIFSIGNALED(end))
#endif
static void frees_twice(void)
{
    void *volatile some = malloc(5000), *volatile same = some;

    free(some);
    free(same);
}
ENDS_ALIKE(freed_twice, frees_twice, WIFSIGNALED(end))
static void *aborts_there(void *arg)
{
    abort();
    return arg;
}
static void aborts_in_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, aborts_there, NULL) == 0)
        pthread_join(thread, NULL);
}
#ifdef __GLIBC__
ENDS_ALIKE(abort_in_thread, aborts_in_thread, IS_ABORTED)
#else
/* musl's raise(3) names a thread, of whichever process, with all signals blocked: see stdio in
 * data/promises.toml. */
CALLED(abort_in_thread, 0)
{
    int bare = end_of(aborts_in_thread, 0), end = end_of(aborts_in_thread, 1);

    TRY(WIFSIGNALED(bare) && WTERMSIG(bare) == SIGABRT);
    TRY(WIFSIGNALED(end) && WTERMSIG(end) == SIGSYS);
}
#endif
static void faults(void) { *(volatile int *)0 = 1; }
ENDS_ALIKE(fault, faults, WIFSIGNALED(end) && WTERMSIG(end) == SIGSEGV)

/* Good ends */
static void says_last(void) { printf("last\n"); }
static void says_first(void) { printf("first "); }
static void exits(void)
{
    atexit(says_last);
    atexit(says_first);
    exit(3);
}
ENDS_ALIKE(exit_handlers, exits, WIFEXITED(end) && WEXITSTATUS(end) == 3
           && strcmp(said[1], "first last\n") == 0)
static void leaves(void)
{
    at_quick_exit(says_last);
    quick_exit(4);
}
ENDS_ALIKE(quick_handlers, leaves, WIFEXITED(end) && WEXITSTATUS(end) == 4)
static void *exits_there(void *arg)
{
    printf("there\n");
    exit(5);
    return arg;
}
static void exits_in_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, exits_there, NULL) == 0)
        pthread_join(thread, NULL);
}
ENDS_ALIKE(exit_in_thread, exits_in_thread, WIFEXITED(end) && WEXITSTATUS(end) == 5
           && strcmp(said[1], "there\n") == 0)

/* Text */
static void prints(void)
{
    printf("%.300f %Lg %a %e %*d %n%s\n", 1.5, 2.5L, 3.5, 1e300, 3000, 1, &(int){0}, "end");
    printf("%ls %lc %10.3ls\n", L"wide", (wint_t)L'x', L"cut");
}
ENDS_ALIKE(printed, prints, strstr(said[1], "end\nwide x") != NULL)
static void prints_wide(void)
{
    FILE *wide = fdopen(1, "w"); /* of no orientation yet */

    fwprintf(wide, L"%ls %f %s\n", L"wide", 2.5, "narrow");
    fputws(L"more\n", wide);
}
ENDS_ALIKE(printed_wide, prints_wide, strcmp(said[1], "wide 2.500000 narrow\nmore\n") == 0)
static void prints_utf8(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    printf("%lc\n", (wint_t)L'x');
}
ENDS_ALIKE(printed_in_a_locale, prints_utf8, strcmp(said[1], "x\n") == 0)

/* Memory and threads */
#define THREADS 64
static pthread_barrier_t together;
static pthread_key_t key;
static int destroyed;
static void destroys(void *arg)
{
    free(arg);
    __sync_fetch_and_add(&destroyed, 1);
}
static void *works(void *arg)
{
    volatile char stack[30000];
    void *volatile some = malloc(200000);
    int i;

    pthread_setspecific(key, malloc(100));
    stack[0] = stack[sizeof stack - 1] = 1;
    pthread_barrier_wait(&together);
    for (i = 0; i < 500; i++) {
        void *volatile more = malloc((size_t)(i * 97 % 40000) + 1);

        some = realloc(some, (size_t)(i * 31 % 300000) + 1);
        if (some == NULL || more == NULL)
            return NULL;
        free(more);
    }
    free(some);
    /* Of rseq, where there is one. */
    return sched_getcpu() >= 0 || errno == ENOSYS ? arg : NULL;
}
ALLOWED(threads, "stdio")
{
    pthread_t thread[THREADS];
    pthread_attr_t attr;
    void *end;
    int i;

    MUST(pthread_barrier_init(&together, NULL, THREADS) == 0);
    MUST(pthread_key_create(&key, destroys) == 0);
    PLEDGE();
    for (i = 0; i < THREADS; i++) {
        TRY(pthread_attr_init(&attr) == 0);
        TRY(STACK(&attr, (size_t)(65536 + i * 16384)));
        TRY(pthread_attr_setguardsize(&attr, (size_t)(i % 3 * 4096)) == 0);
        TRY(pthread_create(&thread[i], &attr, works, thread) == 0);
        TRY(pthread_attr_destroy(&attr) == 0);
    }
    for (i = 0; i < THREADS; i++)
        TRY(pthread_join(thread[i], &end) == 0 && end == thread);
    TRY(destroyed == THREADS);
}
static int ascending(const void *a, const void *b)
{
    const double *one = a, *other = b;

    return (*one > *other) - (*one < *other);
}
ALLOWED(sorts, "stdio")
{
    int i, n = 1000000;
    double *many;

    PLEDGE();
    TRY((many = malloc((size_t)n * sizeof *many)) != NULL);
    for (i = 0; i < n; i++)
        many[i] = (double)((unsigned)i * 2654435761u);
    qsort(many, (size_t)n, sizeof *many, ascending);
    for (i = 1; i < n; i++)
        TRY(many[i - 1] <= many[i]);
}
ALLOWED(random_bytes, "stdio")
{
    char some[300];

    PLEDGE();
    TRY(syscall(SYS_getrandom, some, sizeof some, 0) == sizeof some);
    TRY(getentropy(some, 256) == 0);
    TRY(arc4random == NULL || arc4random() != arc4random());
}

/* Time: where TZ is set, or was before; where not, glibc looks at /etc/localtime each time */
static int tells(void)
{
    time_t when = 1000000000;
    struct tm tm;
    char text[64];

    return localtime_r(&when, &tm) != NULL && mktime(&tm) == when
           && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z %A", &tm) > 20;
}
ALLOWED(time_utc, "stdio")
{
    MUST(setenv("TZ", "UTC0", 1) == 0);
    PLEDGE();
    TRY(tells() && localtime(&(time_t){0})->tm_year == 70);
}
ALLOWED(time_zone, "stdio")
{
    MUST(setenv("TZ", "Europe/Berlin", 1) == 0);
    PLEDGE();
    TRY(tells() && localtime(&(time_t){0}) != NULL);
}
ALLOW(time_thread_safe, "stdio", localtime_r(&(time_t){0}, &(struct tm){0}) != NULL)
/* glibc looks at its file again each time; it must not be taken for UTC. */
static int offset(void)
{
    struct tm *now = localtime(&(time_t){86400});

    return now == NULL ? -1 : now->tm_hour * 60 + now->tm_min;
}
static void own_mounts(void)
{
    MUST(unsetenv("TZ") == 0);
    NEED("mount namespaces", unshare(CLONE_NEWNS) == 0
         && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}
ALLOWED(time_unset, "stdio")
{
    int before;

    MUST(unsetenv("TZ") == 0);
    before = offset();
    PLEDGE();
    TRY(before >= 0 && offset() == before && mktime(localtime(&(time_t){86400})) == 86400);
}
ALLOWED(time_unset_far, "stdio")
{
    own_mounts();
    NEED("zone files", mount("/usr/share/zoneinfo/Asia/Kathmandu", "/etc/localtime", NULL, MS_BIND, NULL) == 0);
    PLEDGE();
    TRY(offset() == 5 * 60 + 30 && mktime(localtime(&(time_t){86400})) == 86400);
}
/* Without the file it is UTC, and glibc looks for it again. */
ALLOWED(time_without_zone, "stdio")
{
    own_mounts();
    MUST(mount("none", "/etc", "tmpfs", 0, NULL) == 0);
    PLEDGE();
    TRY(offset() == 0 && mktime(localtime(&(time_t){86400})) == 86400);
}
