/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes with much memory, whose broker is a program of its own, or a copy where that is forbidden. */
#ifndef LARGE_H
#define LARGE_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "life.h"

/* More memory than a broker is copied with. */
#define LARGE ((size_t)64 << 20)
static enum { SMALL, PROGRAM, COPY } kind;
/* Who is told of the end of a large process's broker. */
static pid_t adopter;

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

/* "large" and "copied" before the other words: how many they are. */
static int be_large(const char *word)
{
    if (word != NULL && strcmp(word, "large") == 0)
        kind = PROGRAM;
    else if (word != NULL && strcmp(word, "copied") == 0)
        kind = COPY;
    if (kind == SMALL)
        return 0;
    be_adopted();
    grow(LARGE);
    return 1;
}

/* "[large|copied] WHAT [COUNT]": what is to be done. */
static const char *told(int argc, char **argv, int *count)
{
    int more;

    setvbuf(stdout, NULL, _IONBF, 0);
    more = be_large(argc > 1 ? argv[1] : NULL);
    *count = argc > 2 + more ? atoi(argv[2 + more]) : 0;
    return argc > 1 + more ? argv[1 + more] : "";
}

#endif
