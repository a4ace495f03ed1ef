/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The promises' limits as cases: a system call made by its number, bare, with a promise, without
 * it, and beyond its limits.
 *
 *     GRANT(id, "promise", call, "base", errno, arguments...)
 *         bare it ends with that errno, 0 for none; with the promise and the
 *         base so, too; under the base alone it is a violation
 *     LET         the first half of it: the base grants it, too
 *         A promise grants what the functions that it names make in this libc:
 *         where they make another call instead, the golden table has a violation.
 *     BEYOND(id, "promise", call, "words", errno, arguments...)
 *         bare as above; under the words, of which the promise is one, a violation
 *     REFUSAL     as BEYOND, and an errno instead of the violation
 *
 * The errno AS_ROOT | E is for what others than root are refused otherwise.
 * What is listed of a case is read by scripts/check-conformance, which holds the
 * cases to the lines of data/promises.toml.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "case.h"

#define AS_ROOT 0x1000

/* What calls are made on; there before the promises are. */
static int fd = -1, dir = -1, pipes[2], local = -1, inet = -1, udp = -1, six = -1, terminal = -1,
           master = -1;
static pid_t SELF, OTHER __attribute__((unused));
static unsigned long thread_pointer;
static void *page;
static char buf[4096] __attribute__((unused));
/* A message with ancillary data, which nobody can read. */
static struct mmsghdr passing __attribute__((unused)) = {
    .msg_hdr = {.msg_control = (void *)8, .msg_controllen = 24}};
static socklen_t len __attribute__((unused)) = 4;

static void conform_setup(void)
{
    char *name;

    MUST((fd = open("file", O_RDWR)) >= 0 && (dir = open("dir", O_RDONLY)) >= 0);
    MUST(pipe(pipes) == 0);
    MUST((local = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
    MUST((inet = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    MUST((udp = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    six = socket(AF_INET6, SOCK_DGRAM, 0);
    MUST((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0
         && unlockpt(master) == 0 && (name = ptsname(master)) != NULL);
    MUST((terminal = open(name, O_RDWR | O_NOCTTY)) >= 0);
    MUST((page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
         != MAP_FAILED);
    syscall(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &thread_pointer);
    SELF = getpid();
    OTHER = getppid();
}

static void conform_end(long end, int want, int line, const char *what)
{
    if (want == 0 ? end != -1 : end == -1 && errno == want)
        return;
    if (end != -1)
        errno = 0;
    NEED("a kernel, or a file system, that has the call",
         case_is_pledged || (errno != ENOSYS && errno != EOPNOTSUPP));
    case_end(end == -1 && errno > 0 ? errno : CASE_UNTRUE, line, what);
}

/* However the kernel answers: machines differ in what they have. */
static long answered(long end) __attribute__((unused));
static long answered(long end)
{
    return end == -1 && errno == ENOSYS ? end : 0;
}

#define CONFORM(id, words, kind, promise, want, text, ...)                   \
    static void case_body_##id(void);                                        \
    static struct case_entry case_entry_##id = {                             \
        #id, words, kind, 0, __LINE__, case_body_##id, NULL, promise "\t" text}; \
    __attribute__((constructor)) static void case_add_##id(void)             \
    {                                                                        \
        case_add(&case_entry_##id);                                          \
    }                                                                        \
    static void case_body_##id(void)                                         \
    {                                                                        \
        long end;                                                            \
                                                                             \
        if ((want) & AS_ROOT)                                                \
            NEED_ROOT();                                                     \
        conform_setup();                                                     \
        PLEDGE();                                                            \
        errno = 0;                                                           \
        end = (long)(__VA_ARGS__);                                           \
        conform_end(end, (want) & ~AS_ROOT, __LINE__, text);                 \
    }

/* The same, made by a function of the C library. */
#define LET_BY(id, promise, call, base, want, ...)                           \
    CONFORM(id, promise " " base, CASE_SERVED, promise, want, #call "\t" #__VA_ARGS__, __VA_ARGS__)
#define BEYOND_BY(id, promise, call, words, want, ...)                       \
    CONFORM(id, words, CASE_DENIED, promise, want, #call "\t" #__VA_ARGS__, __VA_ARGS__)
#define GRANT_BY(id, promise, call, base, want, ...)                         \
    LET_BY(id, promise, call, base, want, __VA_ARGS__)                       \
    CONFORM(id##_without, base, CASE_DENIED, promise, want, #call "\t" #__VA_ARGS__, __VA_ARGS__)

#define LET(id, promise, call, base, want, ...)                              \
    CONFORM(id, promise " " base, CASE_SERVED, promise, want, #call "\t" #__VA_ARGS__, \
            syscall(SYS_##call, __VA_ARGS__))
#define BEYOND(id, promise, call, words, want, ...)                          \
    CONFORM(id, words, CASE_DENIED, promise, want, #call "\t" #__VA_ARGS__, \
            syscall(SYS_##call, __VA_ARGS__))
#define REFUSAL(id, promise, call, words, want, ...)                         \
    CONFORM(id, words, CASE_REFUSED, promise, want, #call "\t" #__VA_ARGS__, \
            syscall(SYS_##call, __VA_ARGS__))
#define GRANT(id, promise, call, base, want, ...)                            \
    CONFORM(id, promise " " base, CASE_SERVED, promise, want, #call "\t" #__VA_ARGS__, \
            syscall(SYS_##call, __VA_ARGS__))                                \
    CONFORM(id##_without, base, CASE_DENIED, promise, want, #call "\t" #__VA_ARGS__, \
            syscall(SYS_##call, __VA_ARGS__))

#endif
