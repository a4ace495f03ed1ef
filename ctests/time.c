/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Clocks: reading is stdio's, setting takes settime. */
#include "case.h"

#include <sys/time.h>
#include <sys/timex.h>

static struct timespec now;
static struct timeval day;

ALLOW(clock_gettime, "stdio", clock_gettime(CLOCK_REALTIME, &now) == 0)
ALLOW(clock_gettime_call, "stdio", syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0)
ALLOW(clock_gettime_cpu, "stdio", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0)
ALLOW(clock_getres, "stdio", clock_getres(CLOCK_MONOTONIC, &now) == 0)
ALLOW(gettimeofday, "stdio", gettimeofday(&day, NULL) == 0 && time(NULL) > 0)

/* Nonsense, so that no clock moves: EINVAL is the kernel's own answer. */
static int is_nonsense(int end)
{
    return end == -1 && errno == EINVAL;
}
static int set_clock(void)
{
    struct timespec bad = {-1, 0};

    return clock_settime(CLOCK_REALTIME, &bad);
}
static int set_day(void)
{
    struct timeval bad = {-1, 0};

    return settimeofday(&bad, NULL);
}
ALLOW(settimeofday_settime, "stdio settime", is_nonsense(set_day()))
DENY(settimeofday_stdio, "stdio", is_nonsense(set_day()))
DENY(clock_settime_stdio, "stdio", is_nonsense(set_clock()))
DENY(settimeofday_call_stdio, "stdio",
     is_nonsense((int)syscall(SYS_settimeofday, &(long[]){-1, 0}, NULL)))
static struct timex timex;
ALLOW(adjtimex_settime, "stdio settime", adjtimex(&timex) >= 0)
DENY(adjtimex_stdio, "stdio", adjtimex(&timex) >= 0)
PROBE(clock_adjtime_stdio, "stdio", EINVAL, syscall(SYS_clock_adjtime, 99, &timex) >= 0)
