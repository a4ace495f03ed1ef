/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the cases for small C libraries are written in, and what runs them: seen by a tracer, or,
 * with -DCONTRACT, one at a time, bare and under promises; with -DPLEDGES it promises itself. */
#ifndef SMALL_H
#define SMALL_H

#include "../mark.h"

struct small_case {
	const char *name, *calls, *kind;
	void (*run)(void);
} __attribute__((aligned(32)));

extern const struct small_case __start_cases[], __stop_cases[];
static int now;

#if CONTRACT
static void begin(void);
/* What is bare and what is pledged must leave the same. */
#define BEGIN begin()
#define END _exit(errno)
#else
#define BEGIN trace_mark(now, 1)
#define END trace_mark(now, 2)
#endif
#define USE(x) do { if (x) __asm__ volatile("" ::: "memory"); } while (0)
#define CASE(name, calls) SMALL_CASE(name, calls, "case")
/* Of these the second mark is never made. */
#define LAST(name, calls) SMALL_CASE(name, calls, "last")
#define SMALL_CASE(name, calls, kind)                                         \
	static void name(void);                                               \
	__attribute__((section("cases"), used))                               \
	static const struct small_case name##_case = { #name, calls, kind, name };   \
	static void name(void)
/* One call and nothing else. */
#define CALL(name, ...) CASE(name##_, #name) { BEGIN; USE(name(__VA_ARGS__)); END; }

static char path[64], buffer[4096];
static const char *given;

/* A file of its own for each process; the one that was given is open as 3. */
static int own(void)
{
	int fd;
	if (given) {
		strcpy(path, given);
		return 3;
	}
	sprintf(path, "/tmp/small-%d", (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, "one two\nthree\n", 14) != 14 || lseek(fd, 0, SEEK_SET))
		_exit(1);
	return fd;
}

#define ON_FD(name, ...)                                                      \
	CASE(name##_, #name) { int fd = own(); BEGIN; USE(name(fd __VA_ARGS__)); END; unlink(path); }
#define ON_PATH(name, ...)                                                    \
	CASE(name##_, #name) { own(); BEGIN; USE(name(path __VA_ARGS__)); END; unlink(path); }

#if CONTRACT
#if PLEDGES
int pledge(const char *promises, const char *execpromises);
static const char *promises;
static void begin(void)
{
	if (promises && pledge(promises, NULL))
		_exit(126);
	errno = 0;
}
#else
static void begin(void) { errno = 0; }
#endif

/* usage: small [CASE FILE [PROMISES]]: without a case, lists them. */
int main(int argc, char **argv)
{
	const struct small_case *c;
	given = argv[argc > 2 ? 2 : argc];
#if PLEDGES
	promises = argv[argc > 3 ? 3 : argc];
#endif
	for (c = __start_cases; c < __stop_cases; c++) {
		if (argc == 1)
			printf("%s %s %s\n", c->kind, c->name, c->calls);
		else if (!strcmp(argv[1], c->name))
			c->run();
	}
	return 0;
}
#else
int main(int argc, char **argv)
{
	const struct small_case *c;
	(void)argv;
	for (c = __start_cases; c < __stop_cases; c++, now++) {
		pid_t child;
		if (argc > 1) {
			printf("%s %d %s\n", c->kind, now, c->calls);
			continue;
		}
		child = fork();
		if (child == 0) {
			c->run();
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}
#endif

#endif
