/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which data serves: prints it, pledges, and does a little.
 *
 *     serves            source, match, file; what was refused, and why
 *     serves pledged    the same, from a program that was executed under promises
 *     serves mkdir      what mkdir(2) fails with under "stdio"
 *     serves wait       pledges, and lives until its input ends
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rpledge.h>

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", what, strerror(errno), rpledge_errmsg());
	return 1;
}

static int tell(void)
{
	static const char *const matches[] = {"none", "nearest", "version", "build"};
	struct rpledge_status status;

	if (rpledge_status(&status, sizeof(status)) == -1)
		return fail("rpledge_status");
	printf("%s %s %s|%s|%s|%s\n",
	    status.source == RPLEDGE_SOURCE_FILE ? "file" : "library",
	    status.matched < 4 ? matches[status.matched] : "?", status.release,
	    status.data_file, status.refused_file, status.refused_why);
	return fflush(stdout) == 0 ? 0 : fail("stdout");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char byte;

	if (strcmp(how, "pledged") == 0) {
		if (pledge("stdio rpath exec prot_exec", NULL) == -1)
			return fail("pledge");
		execl(argv[0], argv[0], (char *)NULL);
		return fail("execl");
	}
	if (strcmp(how, "mkdir") != 0 && tell() != 0)
		return 1;
	if (pledge("stdio", NULL) == -1)
		return fail("pledge");
	if (strcmp(how, "mkdir") == 0) {
		mkdir("/", 0755);
		puts(errno == ENOSYS ? "ENOSYS" : strerror(errno));
	}
	while (strcmp(how, "wait") == 0 && read(0, &byte, 1) > 0)
		continue;
	return 0;
}
