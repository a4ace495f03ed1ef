/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waits until the threads that a case has started sleep: what a thread does to begin is not the case's. */
#include "trace.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct timespec shortly = { 0, 2000000 };

/* proc_pid_stat(5): the state stands behind the name, which may hold anything. */
static int sleeps(const char *thread)
{
	char path[300], text[512], *end;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread);
	if ((f = fopen(path, "r")) == NULL)
		return 1; /* it has ended */
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end != NULL && (end[2] == 'S' || end[2] == 'Z' || end[2] == 'X');
}

static int all_sleep(void)
{
	struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");
	int all = 1, self = syscall(SYS_gettid);

	if (tasks == NULL) {
		perror("/proc/self/task");
		exit(1);
	}
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != self && !sleeps(entry->d_name))
			all = 0;
	closedir(tasks);
	return all;
}

void settle(void)
{
	/* Twice in a row: a thread may have been between two waits. */
	int calm = 0;

	while (calm < 2) {
		nanosleep(&shortly, NULL);
		calm = all_sleep() ? calm + 1 : 0;
	}
}
