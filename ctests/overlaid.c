/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* As OpenBSD's own programs are written: this file knows of no rpledge. */
#include <sys/types.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	(void)argv;
	/* Never reached: what is under test is that it compiles and links. */
	if (argc > 1) {
		if (pledge("stdio dns", NULL) == -1)
			return 1;
		return socket(AF_INET, SOCK_DGRAM | SOCK_DNS, 0) == -1;
	}
	return 0;
}
