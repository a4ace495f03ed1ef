/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is run by `rpledge run`: each word of the command line is done in turn, and what came of it printed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static int result(int done)
{
	return done < 0 ? errno : 0;
}

static int opened(const char *path, int flags)
{
	int fd = open(path, flags, 0644), failed = result(fd);

	if (fd >= 0)
		close(fd);
	return failed;
}

static int looked_at(const char *path)
{
	struct stat told;

	return result(stat(path, &told));
}

/* A file in /tmp: made, written, looked at, removed. */
static int temporary(void)
{
	char name[64];
	struct stat told;
	int fd;

	snprintf(name, sizeof name, "/tmp/rpledge-asks.%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return errno;
	if (fstat(fd, &told) != 0 || told.st_size != 1 || close(fd) != 0)
		return 99;
	return result(unlink(name));
}

static int user(void)
{
	struct passwd *found = getpwnam("root");

	return found == NULL || found->pw_uid != 0;
}

static int name(const char *host)
{
	struct addrinfo hints, *list;
	int failed;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	failed = getaddrinfo(host, NULL, &hints, &list);
	if (failed == 0)
		freeaddrinfo(list);
	return failed;
}

static int connects(void)
{
	struct sockaddr_in to;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&to, 0, sizeof to);
	to.sin_family = AF_INET;
	to.sin_port = htons(9);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(connect(fd, (struct sockaddr *)&to, sizeof to));
}

/* A message from one end of a pair to the other, with a descriptor if there is a path. */
static int message(const char *path)
{
	char data[3] = "abc";
	struct iovec part = {data, 3};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct msghdr sent;
	int pair[2], fd = 0;

	memset(&sent, 0, sizeof sent);
	memset(&room, 0, sizeof room);
	sent.msg_iov = &part;
	sent.msg_iovlen = 1;
	if (path != NULL) {
		fd = open(path, O_RDONLY);
		room.header.cmsg_level = SOL_SOCKET;
		room.header.cmsg_type = SCM_RIGHTS;
		room.header.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&room.header), &fd, sizeof fd);
		sent.msg_control = &room;
		sent.msg_controllen = sizeof room;
	}
	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 99;
	if (sendmsg(pair[0], &sent, 0) != 3 || recvmsg(pair[1], &sent, 0) != 3)
		return errno;
	return path != NULL && CMSG_FIRSTHDR(&sent) == NULL ? 99 : 0;
}

static void on_signals(void (*act)(int))
{
	int n;

	for (n = 1; n < 32; n++)
		if (n != SIGCHLD)
			signal(n, act);
}

static int block(void)
{
	sigset_t all;

	sigfillset(&all);
	return sigprocmask(SIG_BLOCK, &all, NULL);
}

/* The rest is done by a child. */
static void in_child(void)
{
	int end;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		return;
	if (waitpid(child, &end, 0) != child)
		exit(99);
	if (WIFSIGNALED(end))
		printf("child signal %d\n", WTERMSIG(end));
	exit(WIFEXITED(end) ? WEXITSTATUS(end) : 0);
}

int main(int count, char **words)
{
	int n, came;

	for (n = 1; n < count; n++) {
		const char *word = words[n], *path = strchr(word, ':');

		came = 0;
		if (strcmp(word, "temporary") == 0)
			came = temporary();
		else if (strcmp(word, "user") == 0)
			came = user();
		else if (strcmp(word, "host") == 0)
			came = name("localhost");
		else if (strncmp(word, "name:", 5) == 0)
			came = name(path + 1);
		else if (strcmp(word, "connect") == 0)
			came = connects();
		else if (strcmp(word, "message") == 0)
			came = message(NULL);
		else if (strncmp(word, "pass:", 5) == 0)
			came = message(path + 1);
		else if (strncmp(word, "read:", 5) == 0)
			came = opened(path + 1, O_RDONLY);
		else if (strncmp(word, "look:", 5) == 0)
			came = looked_at(path + 1);
		else if (strncmp(word, "make:", 5) == 0)
			came = opened(path + 1, O_WRONLY | O_CREAT);
		else if (strcmp(word, "block") == 0)
			came = block();
		else if (strcmp(word, "ignore") == 0)
			on_signals(SIG_IGN);
		else if (strcmp(word, "close") == 0)
			came = prctl(PR_SET_DUMPABLE, 0);
		else if (strcmp(word, "fork") == 0) {
			in_child();
			continue;
		} else if (strcmp(word, "exec") == 0) {
			fflush(stdout);
			words[n] = words[0];
			execv("/proc/self/exe", words + n);
			came = errno;
		} else
			return 98;
		printf("%s %d\n", word, came);
		fflush(stdout);
	}
	return 0;
}
