/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the cases of a trace share: files of their own. */
#include "trace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

char name[64];
char buffer[8192];

int own(void)
{
	int fd;
	snprintf(name, sizeof name, TMP "trace-%d", (int)getpid());
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
	snprintf(name, sizeof name, TMP "trace-%d", (int)getpid());
	f = fopen(name, "w");
	fputs("one 2 3.5\nsecond line\n", f);
	fclose(f);
	f = fopen(name, mode);
	unlink(name);
	return f;
}
