/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Built with nothing but pkg-config: prints which C library it finds itself on. */
#include <stdio.h>

#include <rpledge.h>

int main(void)
{
	struct rpledge_libc libc;

	if (rpledge_libc(&libc, sizeof(libc)) == -1) {
		fprintf(stderr, "rpledge_libc: %s\n", rpledge_errmsg());
		return 1;
	}
	printf("%s %s\n", libc.name, libc.version);
	return 0;
}
