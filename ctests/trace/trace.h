/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A case of the trace: one or a few libc calls between two marks that a tracer sees. */
#ifndef TRACE_H
#define TRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <sys/syscall.h>

/* Arguments of prctl that no kernel knows: a tracer reads them, nothing happens. */
#define MARK 0x72504c47L

struct trace_case {
	const char *calls; /* the libc functions called between the marks */
	void (*run)(void);
	struct trace_case *next;
};

void trace_add(struct trace_case *);
extern int trace_now; /* number of the running case */

/* By hand, so that the mark itself is no libc call. */
static inline void trace_mark(long phase)
{
	long result;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"((long)SYS_prctl), "D"(MARK), "S"((long)trace_now), "d"(phase)
	                 : "rcx", "r11", "memory");
}

#define BEGIN trace_mark(1)
#define END trace_mark(2)

#define CASE(name, calls)                                                     \
	static void name(void);                                               \
	static struct trace_case name##_case = { calls, name, NULL };         \
	__attribute__((constructor)) static void name##_add(void)             \
	{                                                                     \
		trace_add(&name##_case);                                      \
	}                                                                     \
	static void name(void)

#endif
