/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What libcs were seen to do in other ways from one version to the next: the
 * same program keeps running under the same promises. ctests/drift.table has
 * what changed, and check-drift holds the data to it.
 */
#include "case.h"

#include <sys/random.h>

extern uint32_t arc4random(void) __attribute__((weak));
extern void closefrom(int) __attribute__((weak));

/* fstat, newfstatat, fstat again. */
ALLOWED(fstat_of_an_open_file, "stdio")
{
    struct stat st;
    int fd = open("file", O_RDONLY);

    MUST(fd >= 0);
    PLEDGE();
    TRY(fstat(fd, &st) == 0);
}
/* The first read of a stream asks for its kind. */
ALLOWED(first_fgets, "stdio")
{
    char line[16];
    FILE *file = fopen("file", "r");

    MUST(file != NULL);
    PLEDGE();
    TRY(fgets(line, sizeof line, file) != NULL || feof(file));
}
/* faccessat2, where there is one. */
ALLOW(faccessat_effective, "stdio rpath", faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS) == 0)
ALLOW(euidaccess, "stdio rpath", eaccess("file", R_OK) == 0)

static void *answer(void *given)
{
    return given;
}

/* clone3; rseq in each new thread. */
ALLOWED(thread, "stdio")
{
    pthread_t thread;
    void *result = NULL;

    PLEDGE();
    TRY(pthread_create(&thread, NULL, answer, &thread) == 0);
    TRY(pthread_join(thread, &result) == 0 && result == &thread);
}
/* Which clears signals around the call, or does not. */
ALLOWED(child, "stdio proc")
{
    int status;
    pid_t pid;

    PLEDGE();
    pid = fork();
    if (pid == 0)
        _exit(7);
    TRY(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}
/* A secret for its lists: getrandom, or the clock. */
ALLOWED(first_malloc, "stdio")
{
    void *block;

    PLEDGE();
    block = malloc(1 << 20);
    TRY(block != NULL);
    memset(block, 1, 1 << 20);
    free(block);
}
/* The kernel's own random numbers, or the process's: memory, masked signals. */
ALLOWED(random_numbers, "stdio")
{
    unsigned char some[32];

    PLEDGE();
    TRY(getrandom(some, sizeof some, 0) == sizeof some);
}
ALLOWED(random_words, "stdio")
{
    NEED("arc4random", arc4random != NULL);
    PLEDGE();
    TRY((arc4random() | arc4random() | arc4random() | arc4random()) != 0);
}
ALLOWED(temporary_name, "stdio rpath wpath cpath")
{
    char name[] = "drift-XXXXXX";
    int fd;

    PLEDGE();
    fd = mkstemp(name);
    TRY(fd >= 0 && unlink(name) == 0);
}
ALLOWED(close_the_rest, "stdio")
{
    NEED("closefrom", closefrom != NULL);
    PLEDGE();
    closefrom(100);
    TRY(1);
}
/* poll, or ppoll where the kernel has no poll; times of 64 bits. */
ALLOW(no_wait, "stdio", poll(NULL, 0, 0) == 0)
ALLOWED(short_wait, "stdio")
{
    struct timespec moment = {0, 1000};

    PLEDGE();
    TRY(nanosleep(&moment, NULL) == 0);
}
ALLOWED(the_time, "stdio")
{
    struct timespec now;

    PLEDGE();
    TRY(clock_gettime(CLOCK_MONOTONIC, &now) == 0 && time(NULL) > 0);
}
/* socketcall on i386. */
ALLOW(a_socket, "stdio inet", socket(AF_INET, SOCK_DGRAM, 0) >= 0)
ALLOW(abandoned_buffer, "stdio", setvbuf(stdout, NULL, _IOFBF, 1 << 16) == 0)
