/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What life.c finds of a broker, and how its processes become large. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rpledge.h>

/* More memory than a broker is copied with. */
#define LARGE ((size_t)64 << 20)
static enum { SMALL, PROGRAM, COPY } kind;
/* Who is told of the end of a large process's broker. */
static pid_t adopter;

#define FAIL(...) (printf("FAIL " __VA_ARGS__), printf("\n"), exit(1))

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The last child of a process that has this name and has not ended; 0 if it has none. */
static pid_t child_of(pid_t pid, const char *called)
{
    char path[64], name[64];
    FILE *children, *stat;
    int child, found = 0;
    char state;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    if ((children = fopen(path, "r")) == NULL)
        FAIL("%s: %s", path, strerror(errno));
    while (fscanf(children, "%d", &child) == 1) {
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        if ((stat = fopen(path, "r")) == NULL)
            continue;
        if (fscanf(stat, "%*d (%63[^)]) %c", name, &state) == 2 && state != 'Z' && strcmp(name, called) == 0)
            found = child;
        fclose(stat);
    }
    fclose(children);
    return found;
}

/* The broker's process. That of a large process has another one as parent. */
static pid_t broker_of(pid_t pid)
{
    pid_t broker = 0;
    int n;

    /* It may have to wait for the end of its parent. */
    for (n = 0; n < 1000 && broker == 0; n++) {
        if (n > 0)
            usleep(1000);
        if ((broker = child_of(pid, "rpledge-broker")) == 0 && kind != SMALL)
            broker = child_of(adopter, "rpledge-broker");
    }
    if (broker == 0)
        FAIL("%d has no broker", (int)pid);
    return broker;
}

static long status_line(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if ((file = fopen(path, "r")) == NULL)
        FAIL("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(file);
    return value;
}

/* Go on in a child, and wait for it and for all whose parents have ended. */
static void be_adopted(void)
{
    pid_t child, ended;
    int end;

    adopter = getpid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || (child = fork()) == -1)
        FAIL("%s", strerror(errno));
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    while ((ended = wait(&end)) != child)
        if (ended == -1)
            exit(1);
    exit(!WIFEXITED(end) || WEXITSTATUS(end) != 0);
}

static void grow(size_t size)
{
    char *much = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (much == MAP_FAILED)
        FAIL("memory");
    memset(much, 1, size);
}
