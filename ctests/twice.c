/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library twice in a process, as archive and as shared object: what one loads the other finds in the filter. */
#include "case.h"
#include "two.h"

#include <dlfcn.h>

#ifndef SHARED
#define SHARED NULL /* a static program opens none */
#endif

static int (*other_pledge)(const char *, const char *, uint64_t);
static int (*other_status)(struct rpledge_status *, size_t);

static void open_other(void)
{
    const char *file = SHARED;
    void *copy;

    NEED("dlopen", file != NULL);
    MUST((copy = dlopen(file, RTLD_NOW | RTLD_LOCAL)) != NULL);
    *(void **)&other_pledge = dlsym(copy, "rpledge_pledge");
    *(void **)&other_status = dlsym(copy, "rpledge_status");
    MUST(other_pledge != NULL && other_status != NULL && other_pledge != rpledge_pledge);
}

/* Both say that these are the promises, and no others. */
static int both_hold(const char *words)
{
    struct rpledge_status here, there;
    uint64_t set = 0;
    int n;

    for (n = 0; rpledge_promise_name(n) != NULL; n++)
        if (case_has_word(words, rpledge_promise_name(n)))
            set |= (uint64_t)1 << n;
    MUST(rpledge_status(&here, sizeof here) == 0 && other_status(&there, sizeof there) == 0);
    return here.promises == set && there.promises == set && (here.state & RPLEDGE_PLEDGED)
           && (there.state & RPLEDGE_PLEDGED);
}

CALLED(by_turns, 0)
{
    open_other();
    TRY(rpledge_pledge("stdio rpath inet unix", NULL, RPLEDGE_ERROR) == 0);
    TRY(both_hold("stdio rpath inet unix") && reads() && connects());
    TRY(other_pledge("stdio rpath inet wpath", NULL, RPLEDGE_ERROR) == -1 && errno == EPERM);
    TRY(other_pledge("stdio rpath inet", NULL, RPLEDGE_ERROR) == 0);
    TRY(both_hold("stdio rpath inet") && reads() && connects());
    TRY(rpledge_pledge("stdio inet unix", NULL, RPLEDGE_ERROR) == -1 && errno == EPERM);
    TRY(rpledge_pledge("stdio inet", NULL, RPLEDGE_ERROR) == 0);
    TRY(both_hold("stdio inet") && !reads() && errno == ENOSYS && connects());
    TRY(other_pledge("stdio", NULL, RPLEDGE_ERROR) == 0);
    TRY(both_hold("stdio") && !connects() && errno == ENOSYS);
    TRY(rpledge_pledge("stdio inet", NULL, RPLEDGE_ERROR) == -1 && errno == EPERM);
}
CALLED(by_the_other_first, 0)
{
    open_other();
    TRY(connects());
    TRY(other_pledge("stdio rpath", NULL, RPLEDGE_ERROR) == 0);
    TRY(rpledge_pledge("stdio rpath inet", NULL, RPLEDGE_ERROR) == -1 && errno == EPERM);
    TRY(both_hold("stdio rpath") && !connects() && errno == ENOSYS);
}
DENIED(reports, "stdio rpath inet")
{
    open_other();
    PLEDGE();
    TRY(!case_is_pledged || other_pledge("stdio rpath", NULL, 0) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
DENIED(reports_of_the_first, "stdio rpath inet")
{
    open_other();
    TRY(!case_is_pledged || other_pledge("stdio rpath inet", NULL, 0) == 0);
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio rpath", NULL) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
