/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A small HTTP server of static files that gives up its rights in stages:
 *
 *	cc -o fileserver fileserver.c http.c $(pkg-config --cflags --libs rpledge)
 *	./fileserver -d /srv/www -p 80 -u nobody
 *
 * The listener holds "stdio rpath inet proc id" until it is bound and has
 * become another user, then no longer "id".  Each connection has a process of
 * its own, which holds "stdio rpath", and nothing but "stdio" while it sends.
 * From the first on the directory that is served is all that there is to read.
 * So a request that takes over a worker can read what is served anyway, and do
 * no more; and only the worker dies of trying. */
#define _DEFAULT_SOURCE 1
#define _POSIX_C_SOURCE 200809L

#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rpledge.h>

#include "http.h"

#define WORKERS_MAX	64	/* connections served at once */
#define GROUPS_MAX	64	/* groups the user may be in */

/* What the command line says. */
struct options {
	const char	*address;
	const char	*directory;
	const char	*user;
	unsigned	 port;
	int		 buggy;
	int		 unpledged;
};

/* Whom to become: looked up before the first pledge, which has no "getpw". */
struct identity {
	uid_t	uid;
	gid_t	gid;
	gid_t	groups[GROUPS_MAX];
	int	ngroups;
};

static struct options options = { "127.0.0.1", ".", NULL, 8080, 0, 0 };
static volatile sig_atomic_t stopping;
static pid_t workers[WORKERS_MAX];	/* 0 where none is */

static void
warn(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "fileserver[%d]: ", (int)getpid());
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void
die(const char *what)
{
	warn("%s: %s", what, strerror(errno));
	exit(1);
}

static void
restrict_to(const char *promises)
{
	if (options.unpledged)
		return;
	if (pledge(promises, NULL) == -1) {
		warn("pledge \"%s\": %s: %s", promises, strerror(errno),
		    rpledge_errmsg());
		exit(1);
	}
}

/*
 * Files
 */

static int
status_of_errno(void)
{
	switch (errno) {
	case ENOENT: case ENOTDIR: case ENAMETOOLONG: return 404;
	case EACCES: case EPERM: case ELOOP: return 403;
	default: return 500;
	}
}

/* Opens what `path` names below `root`, a component at a time and through no
 * symbolic link, so that no name leads out: a descriptor, or minus a status. */
static int
open_below(int root, char *path)
{
	char *name, *next;
	int at = dup(root), fd;

	for (name = path; at != -1 && name != NULL; name = next) {
		if ((next = strchr(name, '/')) != NULL)
			*next++ = '\0';
		if (*name == '\0')
			continue;
		/* Neither the way up nor what is hidden. */
		if (*name == '.') {
			close(at);
			return -403;
		}
		/* O_NONBLOCK: a fifo must not keep the worker waiting. */
		fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		close(at);
		at = fd;
	}
	return at == -1 ? -status_of_errno() : at;
}

static void
send_file(int fd, int file, const struct stat *st, const char *type,
    int head_only)
{
	char buffer[65536], date[64], extra[128];
	off_t left = st->st_size;
	ssize_t n;

	snprintf(extra, sizeof(extra), "Last-Modified: %s\r\n",
	    http_date(st->st_mtime, date, sizeof(date)));
	if (http_head(fd, 200, (long long)left, type, extra) == -1 || head_only)
		return;
	/* All that is left to do is to read the one and to write the other. */
	restrict_to("stdio");
	while (left > 0) {
		n = read(file, buffer, left < (off_t)sizeof(buffer) ?
		    (size_t)left : sizeof(buffer));
		if (n <= 0 || http_send(fd, buffer, (size_t)n) == -1)
			return;
		left -= n;
	}
}

static void
redirect(int fd, const char *path, int head_only)
{
	char extra[HTTP_HEAD_MAX + 32];

	snprintf(extra, sizeof(extra), "Location: %s/\r\n", path);
	http_text(fd, 301, extra, head_only);
}

static void
serve(int fd, int root, struct http_request *request)
{
	char path[HTTP_HEAD_MAX + 1], index[] = "index.html";
	const char *type;
	struct stat st;
	size_t length;
	int file, directory;

	strcpy(path, request->path);
	if (http_decode(path) == -1) {
		http_text(fd, 400, "", request->head_only);
		return;
	}
	type = http_type(path);
	length = strlen(path);
	directory = path[length - 1] == '/';
	file = open_below(root, path);
	if (file >= 0 && fstat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (!directory) {
			redirect(fd, request->path, request->head_only);
			return;
		}
		directory = 0;
		type = http_type(index);
		/* A directory without an index is not listed. */
		if ((file = open_below(file, index)) == -404)
			file = -403;
	}
	if (file >= 0 && (fstat(file, &st) == -1 || !S_ISREG(st.st_mode)))
		file = -403;
	else if (file >= 0 && directory)
		file = -404;
	if (file < 0)
		http_text(fd, -file, "", request->head_only);
	else
		send_file(fd, file, &st, type, request->head_only);
}

/* The bug, for demonstrations (-B): whoever asks for /cgi-bin/?PORT makes the
 * server connect to that port, behind whatever keeps strangers away from it;
 * and whoever asks for /cgi-bin/?/FILE gets a file of the whole machine. */
static void
fetch_for_stranger(int fd, const struct http_request *request)
{
	struct sockaddr_in inside;
	struct stat st;
	int s;

	if (request->query[0] == '/') {
		s = open(request->query, O_RDONLY | O_NONBLOCK);
		if (s == -1 || fstat(s, &st) == -1)
			http_text(fd, status_of_errno(), "", request->head_only);
		else
			send_file(fd, s, &st, "text/plain", request->head_only);
		return;
	}
	memset(&inside, 0, sizeof(inside));
	inside.sin_family = AF_INET;
	inside.sin_port = htons((unsigned short)atoi(request->query));
	inside.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s == -1 || connect(s, (struct sockaddr *)&inside, sizeof(inside)) == -1)
		http_text(fd, 500, "", request->head_only);
	else
		http_text(fd, 200, "", request->head_only);
}

/*
 * Processes
 */

/* A worker: one connection, one request, one answer. */
static void
work(int fd, int root)
{
	char head[HTTP_HEAD_MAX + 1];
	struct http_request request;
	int status;

	restrict_to("stdio rpath");
	memset(&request, 0, sizeof(request));
	if ((status = http_read(fd, head)) == 0)
		status = http_parse(head, &request);
	if (status == 405)
		http_text(fd, status, "Allow: GET, HEAD\r\n", 0);
	else if (status > 0)
		http_text(fd, status, "", request.head_only);
	else if (status == 0 && options.buggy &&
	    strncmp(request.path, "/cgi-bin/", 9) == 0)
		fetch_for_stranger(fd, &request);
	else if (status == 0)
		serve(fd, root, &request);
	http_close(fd);
}

static int
free_slot(void)
{
	int i;

	for (i = 0; i < WORKERS_MAX; i++)
		if (workers[i] == 0)
			return i;
	return -1;
}

/* Takes leave of workers that ended; says so of those that were killed. */
static void
reap(int flags)
{
	pid_t pid;
	int status, i;

	while ((pid = waitpid(-1, &status, flags)) > 0) {
		if (WIFSIGNALED(status) && !(stopping && WTERMSIG(status) == SIGTERM))
			warn("worker %d killed by signal %d", (int)pid,
			    WTERMSIG(status));
		for (i = 0; i < WORKERS_MAX; i++)
			if (workers[i] == pid)
				workers[i] = 0;
	}
}

static void
on_signal(int sig)
{
	if (sig != SIGCHLD)
		stopping = 1;
}

/* Signals come only while the listener waits for connections. */
static void
catch_signals(sigset_t *unblocked)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGCHLD };
	struct sigaction action;
	sigset_t blocked;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	sigemptyset(&blocked);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, unblocked);
	signal(SIGPIPE, SIG_IGN);
}

static void
accept_one(int listener, int root, const sigset_t *unblocked)
{
	int slot = free_slot(), fd = accept(listener, NULL, NULL);

	if (fd == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			warn("accept: %s", strerror(errno));
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	switch (workers[slot] = fork()) {
	case -1:
		warn("fork: %s", strerror(errno));
		workers[slot] = 0;
		break;
	case 0:
		close(listener);
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		sigprocmask(SIG_SETMASK, unblocked, NULL);
		work(fd, root);
		exit(0);
	}
	close(fd);
}

static void
run(int listener, int root, const sigset_t *unblocked)
{
	fd_set set;
	int i;

	while (!stopping) {
		/* When all are at work, the next connection has to wait. */
		FD_ZERO(&set);
		if (free_slot() != -1)
			FD_SET(listener, &set);
		if (pselect(listener + 1, &set, NULL, NULL, NULL, unblocked) > 0)
			accept_one(listener, root, unblocked);
		reap(WNOHANG);
	}
	close(listener);
	for (i = 0; i < WORKERS_MAX; i++)
		if (workers[i] != 0)
			kill(workers[i], SIGTERM);
	reap(0);
}

/*
 * Beginning
 */

static int
bind_listener(void)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd, on = 1;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short)options.port);
	if (inet_pton(AF_INET, options.address, &address.sin_addr) != 1) {
		warn("-a %s: not an IPv4 address", options.address);
		exit(2);
	}
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		die("bind");
	if (listen(fd, SOMAXCONN) == -1)
		die("listen");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	getsockname(fd, (struct sockaddr *)&address, &length);
	printf("listening on http://%s:%u/\n", options.address,
	    (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void
look_up(const char *user, struct identity *identity)
{
	struct passwd *passwd;

	errno = 0;
	if ((passwd = getpwnam(user)) == NULL) {
		warn("-u %s: %s", user, errno ? strerror(errno) : "no such user");
		exit(1);
	}
	identity->uid = passwd->pw_uid;
	identity->gid = passwd->pw_gid;
	identity->ngroups = GROUPS_MAX;
	if (getgrouplist(user, passwd->pw_gid, identity->groups,
	    &identity->ngroups) == -1) {
		warn("-u %s: in more than %d groups", user, GROUPS_MAX);
		exit(1);
	}
}

static void
become(const struct identity *identity)
{
	if (setgroups((size_t)identity->ngroups, identity->groups) == -1 ||
	    setgid(identity->gid) == -1 || setuid(identity->uid) == -1)
		die("-u");
}

static void
usage(void)
{
	fputs("usage: fileserver [-BU] [-a address] [-d directory] [-p port] "
	    "[-u user]\n"
	    "  -B  with a bug in /cgi-bin/, to be exploited\n"
	    "  -U  neither pledged nor veiled, to see the bug succeed\n", stderr);
	exit(2);
}

static void
read_options(int argc, char *argv[])
{
	char *end;
	int c;

	while ((c = getopt(argc, argv, "a:Bd:p:Uu:")) != -1) {
		switch (c) {
		case 'a': options.address = optarg; break;
		case 'B': options.buggy = 1; break;
		case 'd': options.directory = optarg; break;
		case 'p':
			options.port = (unsigned)strtoul(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end != '\0' ||
			    options.port > 65535) {
				warn("-p %s: not a port", optarg);
				exit(2);
			}
			break;
		case 'U': options.unpledged = 1; break;
		case 'u': options.user = optarg; break;
		default: usage();
		}
	}
	if (optind != argc)
		usage();
}

int
main(int argc, char *argv[])
{
	struct identity identity;
	sigset_t unblocked;
	int listener, root;

	read_options(argc, argv);
	if (options.user != NULL)
		look_up(options.user, &identity);
	else if (geteuid() == 0) {
		warn("will not serve as root: name a user with -u");
		return 2;
	}

	/* In force from the next step on, which gives "unveil" up. */
	if (!options.unpledged && unveil(options.directory, "r") == -1)
		die(options.directory);
	restrict_to("stdio rpath inet proc id");
	if ((root = open(options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		die(options.directory);
	listener = bind_listener();
	if (options.user != NULL)
		become(&identity);

	restrict_to("stdio rpath inet proc");
	catch_signals(&unblocked);
	run(listener, root, &unblocked);
	return 0;
}
