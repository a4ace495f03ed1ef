/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A shared object that has a program pledge in its own main(): for LD_PRELOAD, by scripts/check-session.
 *
 * PLEDGED_PROMISES and PLEDGED_EXECPROMISES (none if unset) are its arguments;
 * what the program executes does not see any of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rpledge.h>

typedef int program(int, char **, char **);
typedef int start(program *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static program *promising;

/* By hand: bash has functions of its own for its environment. */
static void forget(char **envp, const char *name)
{
    size_t length = strlen(name);

    for (char **from = envp; *from != NULL; from++) {
        if (strncmp(*from, name, length) != 0 || (*from)[length] != '=')
            *envp++ = *from;
    }
    *envp = NULL;
}

static const char *value(char **envp, const char *name)
{
    size_t length = strlen(name);

    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
            return *envp + length + 1;
    }
    return NULL;
}

static int pledge_first(int argc, char **argv, char **envp)
{
    const char *promises = value(envp, "PLEDGED_PROMISES"), *exec = value(envp, "PLEDGED_EXECPROMISES");

    if (promises != NULL && pledge(promises, exec) == -1) {
        fprintf(stderr, "pledged: %s\n", rpledge_errmsg());
        _exit(125);
    }
    forget(envp, "LD_PRELOAD");
    forget(envp, "PLEDGED_PROMISES");
    forget(envp, "PLEDGED_EXECPROMISES");
    return promising(argc, argv, envp);
}

/* What every program's first instructions call; a libc's own, behind this. */
int __libc_start_main(program *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
int __libc_start_main(program *wanted, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*unload)(void), void *stack)
{
    start *real = (start *)dlsym(RTLD_NEXT, "__libc_start_main");

    promising = wanted;
    return real(pledge_first, argc, argv, init, fini, unload, stack);
}
