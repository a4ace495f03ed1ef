/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions of the C library that a program under plain stdio takes for granted. */
#include "case.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <regex.h>
#include <sched.h>
#include <search.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <wchar.h>
#include <wctype.h>

static char text[256];
static wchar_t wide[64];
static FILE *file(const char *mode)
{
    FILE *f = fopen("file", mode);

    MUST(f != NULL);
    return f;
}
#define STDIO(id, ...) ALLOW(fn_##id, "stdio", __VA_ARGS__)
/* One with an open stream `f` and its descriptor. */
#define STREAM(id, mode, ...)                                                \
    ALLOWED(fn_##id, "stdio")                                                \
    {                                                                        \
        FILE *f = file(mode);                                                \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

/* Formatted output and input */
static int vprints(char *out, const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(out, sizeof text, format, list);
    va_end(list);
    return n;
}
STDIO(printf, printf("%s %d %5.2f\n", "word", 7, 2.5) == 13)
STDIO(printf_flush, printf("x") == 1 && fflush(stdout) == 0)
STDIO(fprintf, fprintf(stdout, "%ld %p\n", 1L, (void *)text) > 0 && fflush(NULL) == 0)
STDIO(fprintf_stderr, fprintf(stderr, "%c", ' ') == 1)
STDIO(dprintf, dprintf(1, "%u", 7u) == 1)
STDIO(sprintf, sprintf(text, "%a %g %e", 1.0, 1e300, 1e-300) > 0)
STDIO(snprintf_float, snprintf(text, sizeof text, "%.200f", 1.0 / 3) == 202)
STDIO(vsnprintf, vprints(text, "%s-%d", "a", 1) == 3)
STDIO(asprintf, asprintf(&(char *){NULL}, "%0100d", 7) == 100)
STDIO(sscanf, sscanf("7 0x1f 2.5", "%d %x %f", &(int){0}, &(unsigned){0}, &(float){0}) == 3)
STDIO(puts, puts("line") >= 0 && putchar('x') == 'x' && fputs("y\n", stdout) >= 0)
STDIO(perror, (perror("case"), 1))
STDIO(strerror, strcmp(strerror(ENOENT), "No such file or directory") == 0 && strerror(9999))
STDIO(strerror_r, (long)strerror_r(EPERM, text, sizeof text) != -1)
STDIO(strsignal, strsignal(SIGTERM) != NULL)
STDIO(wprintf, swprintf(wide, 64, L"%ls %d", L"wide", 7) == 6)
STREAM(fwprintf, "r+", fwprintf(f, L"%ls", L"wide") == 4 && fclose(f) == 0)

/* Streams that are open */
STREAM(fgets, "r", fgets(text, sizeof text, f) && strcmp(text, "hello\n") == 0)
STREAM(getline, "r", getline(&(char *){NULL}, &(size_t){0}, f) == 6)
STREAM(getdelim, "r", getdelim(&(char *){NULL}, &(size_t){0}, 'o', f) == 5)
STREAM(fread, "r", fread(text, 1, 64, f) == 12 && feof(f) && !ferror(f))
STREAM(fwrite, "r+", fwrite("HELLO", 1, 5, f) == 5 && fflush(f) == 0)
STREAM(getc, "r", getc(f) == 'h' && ungetc('H', f) == 'H' && fgetc(f) == 'H')
STREAM(fscanf, "r", fscanf(f, "%63s", text) == 1 && strcmp(text, "hello") == 0)
STREAM(fseek, "r", fseek(f, 6, SEEK_SET) == 0 && ftell(f) == 6 && fgetc(f) == 'w')
STREAM(fseeko, "r", fseeko(f, -1, SEEK_END) == 0 && ftello(f) == 11 && (rewind(f), 1))
STREAM(fgetpos, "r", fgetpos(f, &(fpos_t){0}) == 0)
STREAM(setvbuf, "r+", setvbuf(f, NULL, _IONBF, 0) == 0 && fputc('x', f) == 'x')
STREAM(fclose, "r+", fputs("x", f) >= 0 && fclose(f) == 0)
STREAM(fileno, "r", fileno(f) > 2 && (clearerr(f), 1))
STREAM(flockfile, "r", (flockfile(f), getc_unlocked(f) == 'h') && (funlockfile(f), 1))
STREAM(fgetws, "r", fgetws(wide, 64, f) != NULL && wide[0] == L'h')
ALLOWED(fn_fdopen, "stdio")
{
    int fd = open("file", O_RDONLY);
    FILE *f;

    PLEDGE();
    TRY((f = fdopen(fd, "r")) != NULL && fgetc(f) == 'h' && fclose(f) == 0);
}
ALLOWED(fn_fmemopen, "stdio")
{
    FILE *f;

    PLEDGE();
    TRY((f = fmemopen(text, sizeof text, "w+")) != NULL);
    TRY(fputs("memory", f) >= 0 && fclose(f) == 0 && strcmp(text, "memory") == 0);
}
ALLOWED(fn_open_memstream, "stdio")
{
    char *at;
    size_t len;
    FILE *f;

    PLEDGE();
    TRY((f = open_memstream(&at, &len)) != NULL);
    TRY(fprintf(f, "%0500d", 7) == 500 && fclose(f) == 0 && len == 500);
}
ALLOWED(fn_exit_flushes, "stdio")
{
    FILE *f = file("r+");

    PLEDGE();
    fputs("late", f);
    exit(0);
}
static void at_end(void)
{
    puts("end");
}
ALLOWED(fn_atexit, "stdio")
{
    PLEDGE();
    TRY(atexit(at_end) == 0);
    exit(0);
}

/* Memory, strings, sorting, searching, numbers */
static int ascending(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return x < y ? -1 : x > y;
}
static int sorted(size_t n)
{
    int *v = (int *)malloc(n * sizeof *v);
    size_t i;

    for (i = 0; i < n; i++)
        v[i] = (int)(i * 7919 % n);
    qsort(v, n, sizeof *v, ascending);
    return bsearch(&(int){42}, v, n, sizeof *v, ascending) != NULL && v[0] <= v[n - 1];
}
STDIO(qsort_small, sorted(100))
STDIO(qsort_million, sorted(1000000))
STDIO(malloc, (free(malloc(100)), realloc(calloc(3, 7), 1 << 20) != NULL))
STDIO(posix_memalign, posix_memalign(&(void *){NULL}, 4096, 1 << 20) == 0)
STDIO(aligned_alloc, aligned_alloc(64, 640) != NULL)
STDIO(strdup, strdup("word") != NULL && strndup("word", 2) != NULL)
STDIO(strcoll, strcoll("a", "b") < 0 && strxfrm(text, "word", sizeof text) == 4)
STDIO(strtok, strtok_r(strcpy(text, "a b"), " ", &(char *){NULL}) != NULL)
STDIO(strtod, strtod("2.5e10", NULL) == 2.5e10 && strtol("0x1f", NULL, 0) == 31)
STDIO(memmem, memmem("abcdef", 6, "cd", 2) != NULL && strcasecmp("A", "a") == 0)
STDIO(ctype, isalpha('x') && toupper('x') == 'X' && iswalpha(L'x'))
STDIO(mbstowcs, mbstowcs(wide, "word", 64) == 4 && wcstombs(text, wide, 64) == 4)
STDIO(math, sqrt(16.0) == 4.0 && fabs(sin(0.0)) == 0.0)
STDIO(getenv, setenv("RPLEDGE_X", "y", 1) == 0 && strcmp(getenv("RPLEDGE_X"), "y") == 0)
STDIO(unsetenv, unsetenv("RPLEDGE_X") == 0 && putenv((char *)"RPLEDGE_Y=z") == 0)
STDIO(rand, (srand(1), rand() >= 0) && (srandom(1), random() >= 0) && drand48() < 1)
STDIO(hsearch, hcreate(50) != 0 && hsearch((ENTRY){(char *)"k", NULL}, ENTER) != NULL)
STDIO(tsearch, tsearch("k", &(void *){NULL}, (int (*)(const void *, const void *))strcmp) != NULL)
STDIO(fnmatch, fnmatch("*.[ch]", "case.h", FNM_PATHNAME) == 0)
STDIO(regex, regcomp(&(regex_t){0}, "^[a-z]+(x|y)*$", REG_EXTENDED) == 0)
STDIO(setlocale, setlocale(LC_ALL, "C") != NULL && localeconv() != NULL)
STDIO(setlocale_env, setlocale(LC_ALL, "") != NULL)
STDIO(getopt, (optind = 1, getopt(2, (char *[]){(char *)"p", (char *)"-x", NULL}, "x") == 'x'))
STDIO(inet_ntop, inet_ntop(AF_INET6, "0123456789abcdef", text, sizeof text) != NULL)
STDIO(inet_pton, inet_pton(AF_INET, "127.0.0.1", text) == 1 && inet_addr("1.2.3.4") != 0)
STDIO(gai_strerror, gai_strerror(EAI_NONAME) != NULL)
static jmp_buf jump;
STDIO(setjmp, setjmp(jump) == 1 || (longjmp(jump, 1), 0))
static sigjmp_buf sigjump;
STDIO(sigsetjmp, sigsetjmp(sigjump, 1) == 1 || (siglongjmp(sigjump, 1), 0))

/* Time */
static time_t when = 1000000000;
static struct tm tm;
STDIO(time, time(NULL) > 0 && clock() >= 0 && times(&(struct tms){0}) != -1)
/* As OpenBSD's ports do it: the zone is read before. */
static void zone(void)
{
    MUST(setenv("TZ", ":/etc/localtime", 1) == 0);
    tzset();
}
ALLOWED(fn_gmtime, "stdio")
{
    zone();
    PLEDGE();
    TRY(gmtime(&when)->tm_year == 101 && gmtime_r(&when, &tm) != NULL);
}
ALLOWED(fn_localtime, "stdio")
{
    zone();
    PLEDGE();
    TRY(localtime(&when) != NULL && localtime_r(&when, &tm) != NULL && mktime(&tm) == when);
    TRY(strftime(text, sizeof text, "%c %Z", &tm) > 0 && ctime(&when) != NULL);
    tzset();
    TRY(localtime(&when) != NULL);
}
ALLOWED(fn_strptime, "stdio")
{
    zone();
    PLEDGE();
    TRY(strptime("2001-09-09", "%Y-%m-%d", &tm) != NULL && timegm(&tm) > 0);
}
STDIO(difftime, difftime(when, 0) == 1e9)
STDIO(nanosleep, nanosleep(&(struct timespec){0, 1000}, NULL) == 0 && usleep(10) == 0)
STDIO(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 10}, NULL) == 0)
STDIO(sleep, sleep(0) == 0)
STDIO(clock_getcpuclockid, clock_getcpuclockid(0, &(clockid_t){0}) == 0)
static void rings(union sigval value)
{
    (void)value;
}
static timer_t timer;
static struct itimerspec its;
STDIO(timer_signal, timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0
          && timer_settime(timer, 0, &its, NULL) == 0 && timer_gettime(timer, &its) == 0
          && timer_delete(timer) == 0)
ALLOWED(fn_timer_thread, "stdio")
{
    struct sigevent event;

    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = rings;
    PLEDGE();
    TRY(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_delete(timer) == 0);
}

/* Threads and what keeps them apart */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t sem;
static int ready;
static void *signals(void *arg)
{
    pthread_mutex_lock(&mutex);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    sem_post(&sem);
    return arg;
}
#define IN_THREAD(id, function, ...) IN_THREAD_ENDS(CASE_ALLOWED, id, function, __VA_ARGS__)
#define IN_THREAD_ENDS(kind, id, function, ...)                              \
    CASE_ADD(fn_##id, "stdio", kind, 0)                                      \
    {                                                                        \
        pthread_t thread;                                                    \
        PLEDGE();                                                            \
        TRY(sem_init(&sem, 0, 0) == 0);                                      \
        TRY(pthread_create(&thread, NULL, function, NULL) == 0);             \
        TRY(__VA_ARGS__);                                                    \
        TRY(pthread_join(thread, NULL) == 0);                                \
    }
static int waits_for_cond(void)
{
    pthread_mutex_lock(&mutex);
    while (!ready)
        pthread_cond_wait(&cond, &mutex);
    return pthread_mutex_unlock(&mutex) == 0;
}
static int waits_in_time(void)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec = end.tv_nsec / 2;
    pthread_mutex_lock(&mutex);
    return pthread_cond_timedwait(&cond, &mutex, &end) == ETIMEDOUT
           && pthread_mutex_unlock(&mutex) == 0;
}
static void *pauses(void *arg)
{
    for (;;)
        pause();
    return arg;
}
static void *lingers(void *arg)
{
    return sem_wait(&sem) == 0 ? arg : NULL;
}
static void *exits(void *arg)
{
    pthread_exit(arg);
}
static void does_once(void)
{
    ready = 1;
}
IN_THREAD(pthread_cond_wait, signals, waits_for_cond())
IN_THREAD(sem_wait, signals, sem_wait(&sem) == 0)
IN_THREAD(pthread_cancel, pauses, pthread_cancel(thread) == 0)
IN_THREAD(pthread_exit, exits, 1)
#ifdef __GLIBC__
IN_THREAD(pthread_kill, lingers, pthread_kill(thread, 0) == 0 && sem_post(&sem) == 0)
#else
/* musl names the thread alone (tkill), which may be another process's: refused. */
IN_THREAD_ENDS(CASE_FATAL, pthread_kill, lingers, pthread_kill(thread, 0) == 0 && sem_post(&sem) == 0)
#endif
STDIO(pthread_setname, pthread_setname_np(pthread_self(), "named") == 0)
STDIO(pthread_cond_timedwait, waits_in_time())
STDIO(pthread_rwlock, pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0)
STDIO(pthread_once, pthread_once(&once, does_once) == 0 && ready)
STDIO(pthread_key, pthread_key_create(&key, NULL) == 0 && pthread_setspecific(key, text) == 0)
STDIO(pthread_self, pthread_equal(pthread_self(), pthread_self()))
STDIO(pthread_attr, pthread_getattr_default_np(&(pthread_attr_t){0}) == 0)
STDIO(pthread_sigmask, pthread_sigmask(SIG_BLOCK, &(sigset_t){0}, NULL) == 0)
STDIO(sched_getaffinity, sched_getaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){0}) >= 0)
ALLOWED(fn_pthread_detach, "stdio")
{
    pthread_t thread;

    PLEDGE();
    TRY(pthread_create(&thread, NULL, signals, NULL) == 0 && pthread_detach(thread) == 0);
    TRY(usleep(20000) == 0);
}
static pthread_mutex_t kinds[3];
static int locks(int n, int robust, int protocol)
{
    pthread_mutexattr_t attr;

    return pthread_mutexattr_init(&attr) == 0 && pthread_mutexattr_setrobust(&attr, robust) == 0
           && pthread_mutexattr_setprotocol(&attr, protocol) == 0
           && pthread_mutex_init(&kinds[n], &attr) == 0 && pthread_mutex_lock(&kinds[n]) == 0
           && pthread_mutex_unlock(&kinds[n]) == 0;
}
STDIO(pthread_mutex_robust, locks(0, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE))
STDIO(pthread_mutex_inherit, locks(1, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT))

/* About the process and the machine */
STDIO(getpid, getpid() > 0 && getppid() > 0 && getpgrp() > 0 && getuid() == geteuid())
STDIO(sysconf, sysconf(_SC_PAGESIZE) > 0 && sysconf(_SC_OPEN_MAX) > 0 && getpagesize() > 0)
STDIO(sysconf_clk, sysconf(_SC_CLK_TCK) == 100 && sysconf(_SC_ARG_MAX) > 0)
STDIO(sysconf_ngroups, sysconf(_SC_NGROUPS_MAX) > 0)
STDIO(gethostname, gethostname(text, sizeof text) == 0)
STDIO(getdtablesize, getdtablesize() > 0)
STDIO(fpathconf, fpathconf(0, _PC_PIPE_BUF) > 0)
STDIO(fpathconf_links, fpathconf(0, _PC_LINK_MAX) > 0)
STDIO(isatty, isatty(0) == 0)
STDIO(getentropy, getentropy(text, 32) == 0)
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 36)
STDIO(arc4random, arc4random() != arc4random() || arc4random_uniform(10) < 10)
STDIO(arc4random_buf, (arc4random_buf(text, 64), 1))
#endif
#endif
STDIO(getloadavg, getloadavg(&(double){0}, 1) <= 1)
#ifdef __GLIBC__
extern int backtrace(void **, int);
static void *frames[8];
STDIO(backtrace, backtrace(frames, 8) >= 0)
#endif
STDIO(raise, signal(SIGUSR2, SIG_IGN) != SIG_ERR && raise(SIGUSR2) == 0)
STDIO(sigqueue_self,
      signal(SIGUSR2, SIG_IGN) != SIG_ERR
          && sigqueue(getpid(), SIGUSR2, (union sigval){0}) == 0)
STDIO(sigtimedwait,
      sigtimedwait(&(sigset_t){0}, NULL, &(struct timespec){0, 10}) == -1 && errno == EAGAIN)
