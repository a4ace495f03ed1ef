/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs each case in a child of its own; with an argument, lists the cases instead. */
#include "trace.h"

#include <dlfcn.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trace_case *first, **last = &first;
int trace_now;
char name[64];
char buffer[8192];

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

int own(void)
{
	int fd;
	snprintf(name, sizeof name, "/tmp/trace-%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, "one two\nthree\n", 14) != 14 || lseek(fd, 0, SEEK_SET))
		_exit(1);
	return fd;
}

void gone(int fd)
{
	close(fd);
	unlink(name);
}

FILE *stream(const char *mode)
{
	FILE *f;
	snprintf(name, sizeof name, "/tmp/trace-%d", (int)getpid());
	f = fopen(name, "w");
	fputs("one 2 3.5\nsecond line\n", f);
	fclose(f);
	f = fopen(name, mode);
	unlink(name);
	return f;
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
