/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which data serves: prints it, pledges, and does a little.
 *
 *     serves            source, match, file; what was refused, and why
 *     serves pledged    the same, from a program that was executed under promises
 *     serves narrow     under promises by which nothing can be opened (a static one)
 *     serves mkdir      what mkdir(2) fails with under "stdio"
 *     serves wait       pledges, and lives until its input ends
 *     serves threads    pledges in some threads at once
 */
#include <errno.h>
#include <pthread.h>
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

static pthread_barrier_t barrier;

static void *promise(void *unused)
{
	pthread_barrier_wait(&barrier);
	return pledge("stdio", NULL) == 0 ? &barrier : unused;
}

/* The filter of the first must not meet the others while they read a file. */
static int race(void)
{
	pthread_t threads[8];
	void *done;
	int n, failed = 0;

	pthread_barrier_init(&barrier, NULL, 8);
	for (n = 0; n < 8; n++)
		if (pthread_create(&threads[n], NULL, promise, NULL) != 0)
			return fail("pthread_create");
	for (n = 0; n < 8; n++) {
		pthread_join(threads[n], &done);
		failed |= done == NULL;
	}
	return failed ? fail("pledge") : 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char byte;

	if (strcmp(how, "pledged") == 0 || strcmp(how, "narrow") == 0) {
		if (pledge(how[0] == 'n' ? "stdio exec" : "stdio rpath exec prot_exec", NULL) == -1)
			return fail("pledge");
		execl(argv[0], argv[0], (char *)NULL);
		return fail("execl");
	}
	if (strcmp(how, "threads") == 0)
		return race();
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
