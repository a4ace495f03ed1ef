/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs each case in a child of its own; with an argument, lists the cases instead. */
#include "mark.h"
#include "trace.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trace_case *first, **last = &first;
static int trace_now;

/* Headers for wide time have dlsym() give wide functions under narrow names. */
extern void *plain_dlsym(void *, const char *) __asm__("dlsym");

/* Where the heap ended at first. */
static void *heap;

void trace_begin(void)
{
#ifdef __GLIBC__
	/* So that what is allocated in a case is asked of the kernel in it. */
	if (sbrk(0) != heap)
		malloc_trim(0);
#endif
	trace_mark(trace_now, 1);
}

void trace_end(void)
{
	trace_mark(trace_now, 2);
}

void trace_add(struct trace_case *added)
{
	*last = added;
	last = &added->next;
}

void *trace_find(const char *function)
{
	void *found = plain_dlsym(RTLD_DEFAULT, function);
	if (!found)
		_exit(77);
	return found;
}

int main(int argc, char **argv)
{
	struct trace_case *c;
	(void)argv;
	heap = sbrk(0);
	for (c = first; c; c = c->next, trace_now++) {
		pid_t child;
		if (argc > 1) {
			printf("%s %d %s\n", c->kind, trace_now, c->calls);
			continue;
		}
		child = fork();
		if (child == 0) {
			alarm(60);
			c->run();
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}
