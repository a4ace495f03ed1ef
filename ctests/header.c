/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rpledge.h as every standard reads it: first, twice, and against the library. */
#include <rpledge.h>
#include <rpledge.h>

/* Whoever includes rpledge.h first may still choose the feature macros. */
#if defined(__UINT64_TYPE__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

/* The sizes that programs have compiled in; a structure may only grow. */
typedef char status_size[sizeof(struct rpledge_status) == 408 ? 1 : -1];
typedef char libc_size[sizeof(struct rpledge_libc) == 128 ? 1 : -1];
typedef char u32_size[sizeof(rpledge_u32) == 4 ? 1 : -1];
typedef char u64_size[sizeof(rpledge_u64) == 8 ? 1 : -1];
typedef char sock_dns[SOCK_DNS == 0x1000 ? 1 : -1];

int main(void)
{
	char version[32];
	status_size *a = 0;
	libc_size *b = 0;
	u32_size *c = 0;
	u64_size *d = 0;
	sock_dns *e = 0;

	(void)a, (void)b, (void)c, (void)d, (void)e;
	sprintf(version, "%d.%d.%d", RPLEDGE_VERSION_MAJOR,
	    RPLEDGE_VERSION_MINOR, RPLEDGE_VERSION_PATCH);
	if (strcmp(version, rpledge_version()) != 0) {
		fprintf(stderr, "header is %s, library is %s\n", version,
		    rpledge_version());
		return 1;
	}
#if defined(__UINT64_TYPE__)
	/* Declared under _GNU_SOURCE only. */
	return syscall(SYS_getppid) != getppid();
#else
	return 0;
#endif
}
