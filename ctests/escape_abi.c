/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The same calls by other numbers, other entries into the kernel, and none at all. */
#include "case.h"

#include <sys/time.h>

/*
 * The library's own calls have a mark in their sixth argument, which is not
 * there any more when a program makes a call that has fewer.
 */
#if defined(__x86_64__) || defined(__aarch64__) || defined(__riscv)
static long with_what_is_left(long number, long a, const void *b, long c, long d)
{
#if defined(__x86_64__)
    register long end __asm__("rax") = number;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "+r"(end) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long at __asm__("x8") = number, end __asm__("x0") = a, x2 __asm__("x2") = c, x3 __asm__("x3") = d;
    register const void *x1 __asm__("x1") = b;
    __asm__ volatile("svc 0" : "+r"(end) : "r"(at), "r"(x1), "r"(x2), "r"(x3) : "memory");
#else
    register long at __asm__("a7") = number, end __asm__("a0") = a, a2 __asm__("a2") = c, a3 __asm__("a3") = d;
    register const void *a1 __asm__("a1") = b;
    __asm__ volatile("ecall" : "+r"(end) : "r"(at), "r"(a1), "r"(a2), "r"(a3) : "memory");
#endif
    return end;
}
#define MARK_LEFT(id, words)                                                 \
    REFUSED(id, words)                                                       \
    {                                                                        \
        static const char ignore[152] = {1};                                 \
        long end;                                                            \
        PLEDGE();                                                            \
        end = with_what_is_left(SYS_rt_sigaction, SIGSYS, ignore, 0, 8);     \
        TRY(end == 0 || (errno = (int)-end, 0));                             \
    }
MARK_LEFT(mark_left, "stdio")
MARK_LEFT(mark_left_inet, "stdio inet unix")
MARK_LEFT(mark_left_dns, "stdio dns inet")
#endif

#ifdef __x86_64__
static int status_of(void (*acts)(void))
{
    int status;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0) {
        acts();
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    return status;
}

/* x32: numbers with a bit of their own */
#define X32 0x40000000
#define BY_X32(id, words, ...)                                               \
    KILLED(id, words)                                                        \
    {                                                                        \
        NEED("x32 system calls", case_is_pledged || syscall(X32 | SYS_getpid) > 0); \
        PLEDGE();                                                            \
        TRY(syscall(X32 | __VA_ARGS__) >= 0);                                \
    }
BY_X32(x32, "stdio", SYS_getpid)
BY_X32(x32_socket, "stdio inet", SYS_socket, AF_INET, SOCK_STREAM, 0)
BY_X32(x32_open, "stdio rpath wpath", SYS_open, "file", O_RDONLY)
/* Those that differ from x86-64's: execve, recvmsg and the like. */
BY_X32(x32_only, "stdio exec", 520, NULL, NULL, NULL)
/* Also where the kernel has none: it is no number of this ABI. */
KILLED(x32_absent, "stdio") { PLEDGE(); syscall(X32 | SYS_getpid); }
KILLED(x32_absent_socket, "stdio inet") { PLEDGE(); syscall(X32 | SYS_socket, 2, 1, 0); }

/* i386: the other gate */
static long int80(long number, long a, long b, long c)
{
    long end;

    __asm__ volatile("int $0x80"
                     : "=a"(end)
                     : "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return end;
}
static void asks_int80(void) { int80(20, 0, 0, 0); }
#define BY_INT80(id, words, ...)                                             \
    KILLED(id, words)                                                        \
    {                                                                        \
        NEED("i386 system calls", case_is_pledged || status_of(asks_int80) == 0); \
        low = low_memory();                                                  \
        PLEDGE();                                                            \
        TRY(int80(__VA_ARGS__) >= 0);                                        \
    }
static char *low;
static char *low_memory(void)
{
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    MUST(map != MAP_FAILED);
    return strcpy(map, "file");
}
#define LOW ((long)low)
BY_INT80(int80_getpid, "stdio", 20, 0, 0, 0)
BY_INT80(int80_open, "stdio rpath", 5, LOW, O_RDONLY, 0)
BY_INT80(int80_socket, "stdio inet", 359, AF_INET, SOCK_STREAM, 0)
BY_INT80(int80_kill, "stdio", 37, getpid(), 0, 0)
BY_INT80(int80_write, "stdio", 4, 1, LOW, 4)
/* 125 is mprotect there, and capget here. */
BY_INT80(int80_code, "stdio", 125, LOW, 4096, PROT_READ | PROT_EXEC)
/* All but the first 32 bits of a number are cut off there: exit, not 0x100000001. */
BY_INT80(int80_upper_half, "stdio", 0x100000000 | 20, 0, 0, 0)

/* The page of old time calls: they go through the filter like others */
static long old(unsigned offset)
{
    return ((long (*)(void *, void *))(0xffffffffff600000 + offset))(NULL, NULL);
}
static void old_time(void) { old(0x400); }
#define VSYSCALL(id, words, offset)                                          \
    CASE_ADD(id, words, CASE_FATAL, 0)                                       \
    {                                                                        \
        NEED("the vsyscall page", case_is_pledged || status_of(old_time) == 0); \
        PLEDGE();                                                            \
        TRY(old(offset) != -1);                                              \
    }
VSYSCALL(vsyscall_gettimeofday, "", 0)
VSYSCALL(vsyscall_time, "", 0x400)
VSYSCALL(vsyscall_getcpu, "", 0x800)
#endif

/* Numbers that are none */
KILLED(number_all_ones, "stdio") { PLEDGE(); syscall(-1L); }
#ifdef __x86_64__
KILLED(number_sign, "stdio") { PLEDGE(); syscall(0x80000000L); }
#else /* where no other ABI begins before it */
CALL(number_sign, ENOSYS, pledge("stdio", NULL) == 0 && syscall(0x80000000L) == 0)
#endif
CALL(number_unknown, ENOSYS, pledge("stdio", NULL) == 0 && syscall(1000) == 0)
CALL(number_unknown_large, ENOSYS, pledge("stdio", NULL) == 0 && syscall(0x3fffffff) == 0)
#ifdef __LP64__
/* The kernel cuts a number's upper half off, too, so a filter sees what it runs; or runs nothing. */
DENIED(number_upper_half, "stdio")
{
    NEED("a kernel that cuts numbers", case_is_pledged || syscall(0x100000000 | SYS_getpid) > 0);
    PLEDGE();
    TRY(syscall(0x100000000 | SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0);
}
#endif

/* Known: what the report needs is told by a number, which any code can pass. So a program can take
 * SIGSYS from the library and outlive a violation; the call is not made all the same. */
static void outlives(int sig)
{
    (void)sig;
    _exit(0);
}
ALLOWED(known_own_handler, "stdio")
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(int); /* not everywhere: then the mask begins here */
        uint64_t mask;
    } act = {outlives, 0x04000000 /* SA_RESTORER */, outlives, 0};

    PLEDGE();
    TRY(syscall(SYS_rt_sigaction, SIGSYS, &act, 0, 8, 0, 0x72706c64 /* DOOR */) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0 && !case_is_pledged);
}

/* What was begun before goes on, and nothing else does: a sleep, that a signal has interrupted */
static void wakes(int sig) { (void)sig; }
CALLED(restarted, 0)
{
    struct itimerval soon = {{0, 0}, {0, 20000}};
    struct timespec moment = {0, 200000000};

    MUST(signal(SIGALRM, wakes) != SIG_ERR && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    MUST(nanosleep(&moment, &moment) == -1);
    MUST(pledge("", NULL) == 0);
    TRY(syscall(SYS_restart_syscall) == -1 && errno == EINTR);
}
