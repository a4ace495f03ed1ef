/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs the cases and writes what each asked of the kernel between its marks.
 *
 * usage: tracer PROGRAM [ARGUMENT...]
 *
 * A line a case: its number, the marks passed, how its process ended, the
 * numbers of the system calls that were made by it, its threads and children
 * while the marks were open.  What a child executes is another program and is
 * left out.  Kernels since 5.3 tell number and arguments in one form on every
 * architecture, so this file knows none of them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

/* By number, because <sys/ptrace.h> and <linux/ptrace.h> exclude each other and musl's lacks some. */
enum {
	TRACE_PEEKDATA = 2,
	TRACE_SYSCALL = 24,
	TRACE_GETEVENTMSG = 0x4201,
	TRACE_SEIZE = 0x4206,
	TRACE_LISTEN = 0x4208,
	TRACE_GET_SYSCALL_INFO = 0x420e,
};
enum { EVENT_FORK = 1, EVENT_VFORK = 2, EVENT_CLONE = 3, EVENT_EXEC = 4, EVENT_STOP = 128 };
#define OPTIONS (1 | 1 << EVENT_FORK | 1 << EVENT_VFORK | 1 << EVENT_CLONE | 1 << EVENT_EXEC | 1 << 20)

/* struct ptrace_syscall_info. */
struct info {
	uint8_t op; /* 1: entry, 2: exit */
	uint8_t pad[3];
	uint32_t arch;
	uint64_t pc, sp;
	union {
		struct { uint64_t number, arguments[6]; } entry;
		struct { int64_t result; uint8_t error; } exit;
	} u;
};

enum { TASKS = 512, CASES = 2000, CALLS = 512, PATH = 256 };
enum { LONGEST = 90 }; /* seconds of a case; its own alarm is set to 60 */

/* A case's first process and what descends from it. */
struct family {
	pid_t first;
	time_t began;
	long number; /* of the case; -1 before its first mark */
	int marks, open, status, calls;
	uint64_t call[CALLS];
	char plugin[PATH]; /* that it loaded, of another package perhaps */
};

struct task {
	pid_t id;
	struct family *family; /* NULL: runs no case */
	int waiting; /* has stopped before its creator told of it */
	char path[PATH]; /* of the plug-in that it is opening */
};

static struct task tasks[TASKS];
static struct family *families[CASES];
static int found;
static uint32_t arch;

static long trace(long request, pid_t id, unsigned long address, void *data)
{
	return syscall(SYS_ptrace, request, id, address, data);
}

static void fail(const char *what)
{
	fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct task *task_of(pid_t id)
{
	struct task *t, *unused = NULL;
	for (t = tasks; t < tasks + TASKS; t++) {
		if (t->id == id)
			return t;
		if (!t->id && !unused)
			unused = t;
	}
	if (!unused) {
		errno = EAGAIN;
		fail("tasks");
	}
	memset(unused, 0, sizeof *unused);
	unused->id = id;
	unused->waiting = 1;
	return unused;
}

static struct family *family_new(pid_t first)
{
	struct family *f = calloc(1, sizeof *f);
	if (!f || found == CASES)
		fail("cases");
	f->first = first;
	f->began = time(NULL);
	f->number = -1;
	families[found++] = f;
	return f;
}

static void count(struct family *f, uint64_t number)
{
	int i;
	for (i = 0; i < f->calls; i++)
		if (f->call[i] == number)
			return;
	if (f->calls < CALLS)
		f->call[f->calls++] = number;
}

/* Text of the other process; empty if it cannot be read. */
static void peek(pid_t id, uint64_t address, char *text)
{
	size_t n = 0;
	text[0] = 0;
	while (n + sizeof(long) < PATH) {
		long word = 0;
		/* The call itself, unlike the function, stores the word where data points. */
		if (trace(TRACE_PEEKDATA, id, (unsigned long)(address + n), &word)) {
			text[n] = 0;
			return;
		}
		memcpy(text + n, &word, sizeof word);
		if (memchr(text + n, 0, sizeof word))
			return;
		n += sizeof word;
	}
	text[n] = 0;
}

static int opens(uint64_t number, int *argument)
{
#ifdef SYS_open
	*argument = 0;
	if (number == SYS_open)
		return 1;
#endif
	*argument = 1;
	return number == SYS_openat;
}

static void entry(struct task *t, const struct info *info)
{
	const uint64_t *argument = info->u.entry.arguments;
	uint64_t number = info->u.entry.number;
	struct family *f = t->family;
	int path;

	if (number == SYS_prctl && argument[0] == MARK) {
		f->number = (long)argument[1];
		f->open = argument[2] == 1;
		f->marks++;
		return;
	}
	if (!f->open)
		return;
	arch = info->arch;
	count(f, number);
	if (opens(number, &path)) {
		peek(t->id, argument[path], t->path);
		if (!strstr(t->path, "/libnss_"))
			t->path[0] = 0;
	}
}

static void stopped_at_call(struct task *t)
{
	struct info info;
	if (!t->family || trace(TRACE_GET_SYSCALL_INFO, t->id, sizeof info, &info) < 0)
		return;
	if (info.op == 1) {
		entry(t, &info);
	} else if (info.op == 2 && t->path[0]) {
		if (!info.u.exit.error)
			memcpy(t->family->plugin, t->path, PATH);
		t->path[0] = 0;
	}
}

static void resume(pid_t id, long request, int signal)
{
	/* It may have been killed meanwhile: its end is reported next. */
	trace(request, id, 0, (void *)(long)signal);
}

/* A thread or process is there; it stops before it runs.  A process that a case
 * made before its first mark is no part of it, its threads are. */
static void created(struct task *parent, int event, int root)
{
	struct family *f = parent->family;
	unsigned long id = 0;
	struct task *t;
	if (trace(TRACE_GETEVENTMSG, parent->id, 0, &id))
		return;
	t = task_of((pid_t)id);
	if (root) {
		t->family = family_new((pid_t)id);
		alarm(LONGEST);
	} else if (f && (f->open || event == EVENT_CLONE))
		t->family = f;
	if (t->waiting == 2)
		resume(t->id, TRACE_SYSCALL, 0);
	t->waiting = 0;
}

static void stopped(struct task *t, int status, pid_t root)
{
	int signal = WSTOPSIG(status), event = status >> 16;
	long request = TRACE_SYSCALL;
	if (t->waiting) {
		t->waiting = 2;
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		stopped_at_call(t);
		signal = 0;
	} else if (event >= EVENT_FORK && event <= EVENT_CLONE) {
		created(t, event, t->id == root);
		signal = 0;
	} else if (event == EVENT_EXEC) {
		t->family = NULL;
		signal = 0;
	} else if (event == EVENT_STOP) {
		if (signal != SIGTRAP)
			request = TRACE_LISTEN;
		signal = 0;
	}
	resume(t->id, request, signal);
}

static void ended(struct task *t, int status)
{
	struct family *f = t->family;
	if (f && f->first == t->id) {
		f->status = status;
		/* Where a slow machine spends its time, and how far it came. */
		if (time(NULL) - f->began > 4 || found % 100 == 0)
			fprintf(stderr, "tracer: case %ld took %ld s\n", f->number, (long)(time(NULL) - f->began));
	}
	t->id = 0;
}

static pid_t start(char **argv)
{
	int gate[2], null;
	char byte;
	pid_t id;
	if (pipe2(gate, O_CLOEXEC) || (id = fork()) < 0)
		fail("start");
	if (id == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(127);
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(argv[0], argv);
		_exit(127);
	}
	if (trace(TRACE_SEIZE, id, 0, (void *)OPTIONS))
		fail("PTRACE_SEIZE");
	close(gate[0]);
	close(gate[1]);
	return id;
}

static void late(int signal)
{
	(void)signal;
}

/* The alarm of a case may be its own business, and then nothing else ends it. */
static void hurry(void)
{
	const struct family *f = families[found - 1];
	fprintf(stderr, "tracer: case %ld does not end\n", f->number);
	kill(f->first, SIGKILL);
	alarm(LONGEST);
}

static int run(pid_t root)
{
	/* Without SA_RESTART, so that wait() returns. */
	struct sigaction action = { .sa_handler = late };
	int status, result = 1, over = 0;
	pid_t id;
	sigaction(SIGALRM, &action, NULL);
	task_of(root)->waiting = 0;
	while ((id = waitpid(-1, &status, __WALL)) > 0 || (errno == EINTR && !over && found)) {
		struct task *t;
		if (id < 0) {
			hurry();
			continue;
		}
		t = task_of(id);
		if (WIFSTOPPED(status)) {
			stopped(t, status, root);
			continue;
		}
		ended(t, status);
		if (id == root) {
			result = !WIFEXITED(status) || WEXITSTATUS(status);
			/* For the processes that outlive their case. */
			over = 1;
			alarm(5);
		}
	}
	return result;
}

static void print(const struct family *f, long number)
{
	int i;
	if (f->number >= 0)
		number = f->number;
	printf("seen %ld %d ", number, f->marks);
	if (WIFSIGNALED(f->status))
		printf("signal:%d", WTERMSIG(f->status));
	else
		printf("exit:%d", WEXITSTATUS(f->status));
	for (i = 0; i < f->calls; i++)
		printf(" %llu", (unsigned long long)f->call[i]);
	printf("\n");
	if (f->plugin[0])
		printf("plugin %ld %s\n", number, f->plugin);
}

int main(int argc, char **argv)
{
	struct utsname u;
	int i, result;
	if (argc < 2) {
		fprintf(stderr, "usage: tracer PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	result = run(start(argv + 1));
	uname(&u);
	printf("kernel %s\naudit 0x%08x\n", u.release, (unsigned)arch);
	/* Those that never came to a mark are told by their place. */
	for (i = 0; i < found; i++)
		print(families[i], i);
	if (result)
		fprintf(stderr, "tracer: %s failed\n", argv[1]);
	return result;
}
