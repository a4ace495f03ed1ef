/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of the broker's life have in common: see scripts/check-broker. */
#ifndef LIFE_H
#define LIFE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rpledge.h>

#define FAIL(...) (printf("FAIL " __VA_ARGS__), printf("\n"), exit(1))

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* 1: as it should be; 0: it failed with ENOSYS; exits on anything else. */
static int asks(void)
{
    char text[4];
    int fd = open("/etc/passwd", O_RDONLY);

    if (fd == -1 && errno == ENOSYS)
        return 0;
    if (fd <= 2)
        FAIL("open: %d, errno %d", fd, errno);
    if (read(fd, text, 4) != 4 || memcmp(text, "root", 4) != 0)
        FAIL("what was opened is not what was asked for");
    close(fd);
    return 1;
}

static void must_pledge(const char *words)
{
    if (pledge(words, NULL) != 0)
        FAIL("pledge %s: %s", words, rpledge_errmsg());
}

#endif
