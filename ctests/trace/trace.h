/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A case of the trace: one or a few libc calls between two marks that a tracer sees. */
#ifndef TRACE_H
#define TRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdio.h>

struct trace_case {
	const char *name;
	const char *calls; /* the libc functions called between the marks */
	const char *kind;  /* "case", or "last": the process ends in it */
	void (*run)(void);
	struct trace_case *next;
};

void trace_add(struct trace_case *);

/* Between them the calls are made. Who runs the cases says what they do: main.c
 * has a tracer see them, ../contract.c makes promises and keeps them. */
void trace_begin(void);
void trace_end(void);
#define BEGIN trace_begin()
#define END trace_end()

#define CASE(name, calls) TRACE_CASE(name, calls, "case")
/* Of these the second mark is never made. */
#define LAST(name, calls) TRACE_CASE(name, calls, "last")
#define TRACE_CASE(name, calls, kind)                                         \
	static void name(void);                                               \
	static struct trace_case name##_case = { #name, calls, kind, name, NULL };   \
	__attribute__((constructor)) static void name##_add(void)             \
	{                                                                     \
		trace_add(&name##_case);                                      \
	}                                                                     \
	static void name(void)

/* A function that some libc or its headers lack, as p_NAME; where it lacks it
 * the case ends with the status 77 and is left out. */
#define NEED(result, name, parameters)                                        \
	result(*p_##name) parameters = (result(*) parameters)trace_find(#name)
void *trace_find(const char *);

/* To be called when a case has started threads that wait, before it begins. */
void settle(void);

#define USE(x) do { if (x) __asm__ volatile("" ::: "memory"); } while (0)

/* Where files are made: the working directory, if it is a case's own. */
#ifndef TMP
#define TMP "/tmp/"
#endif

/* A file of its own for each process: open, and gone when closed by gone(). */
int own(void);
void gone(int);
/* The same as a stream, without a name already. */
FILE *stream(const char *mode);
extern char name[64];
extern char buffer[8192];

#endif
