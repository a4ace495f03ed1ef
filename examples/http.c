/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text of HTTP/1.0 and 1.1, one request a connection. */
#define _POSIX_C_SOURCE 200809L

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "http.h"

#define REQUEST_SECONDS	10	/* for the whole head to arrive */
#define STALL_SECONDS	30	/* for a reader to take anything at all */
#define LINGER_SECONDS	2	/* for a reader to hang up */

/*
 * Time and the connection
 */

static long long
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Waits until `fd` is ready or `deadline` has passed: 1 or 0. */
static int
ready(int fd, short events, long long deadline)
{
	struct pollfd pollfd;
	long long left;
	int n;

	pollfd.fd = fd;
	pollfd.events = events;
	do {
		left = deadline - now();
		if (left <= 0)
			return 0;
		n = poll(&pollfd, 1, (int)left);
	} while (n == -1 && errno == EINTR);
	return n == 1;
}

int
http_send(int fd, const char *data, size_t size)
{
	ssize_t n;

	while (size > 0) {
		if (!ready(fd, POLLOUT, now() + STALL_SECONDS * 1000LL))
			return -1;
		n = write(fd, data, size);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Closing with bytes unread would reset the connection under our answer. */
void
http_close(int fd)
{
	char waste[4096];
	long long deadline = now() + LINGER_SECONDS * 1000LL;

	shutdown(fd, SHUT_WR);
	while (ready(fd, POLLIN, deadline) && read(fd, waste, sizeof(waste)) > 0)
		continue;
	close(fd);
}

/*
 * Answers
 */

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 431: return "Request Header Fields Too Large";
	case 505: return "HTTP Version Not Supported";
	default: return "Internal Server Error";
	}
}

const char *
http_type(const char *path)
{
	static const char *const types[][2] = {
		{ ".css", "text/css; charset=utf-8" },
		{ ".gif", "image/gif" },
		{ ".html", "text/html; charset=utf-8" },
		{ ".jpg", "image/jpeg" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".pdf", "application/pdf" },
		{ ".png", "image/png" },
		{ ".svg", "image/svg+xml" },
		{ ".txt", "text/plain; charset=utf-8" },
		{ ".xml", "application/xml" },
	};
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot != NULL && i < sizeof(types) / sizeof(*types); i++)
		if (strcasecmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

const char *
http_date(time_t when, char *buffer, size_t size)
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(buffer, size, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		buffer[0] = '\0';
	return buffer;
}

int
http_head(int fd, int status, long long length, const char *type,
    const char *extra)
{
	char head[HTTP_HEAD_MAX + 512], date[64];
	int n;

	n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
	    "Content-Length: %lld\r\nX-Content-Type-Options: nosniff\r\n"
	    "%sConnection: close\r\n\r\n", status, reason(status),
	    http_date(time(NULL), date, sizeof(date)), type, length, extra);
	if (n < 0 || (size_t)n >= sizeof(head))
		return -1;
	return http_send(fd, head, (size_t)n);
}

void
http_text(int fd, int status, const char *extra, int head_only)
{
	char body[128];
	int n;

	n = snprintf(body, sizeof(body), "%d %s\n", status, reason(status));
	if (http_head(fd, status, n, "text/plain; charset=utf-8", extra) == 0 &&
	    !head_only)
		http_send(fd, body, (size_t)n);
}

/*
 * Requests
 */

int
http_read(int fd, char *head)
{
	long long deadline = now() + REQUEST_SECONDS * 1000LL;
	size_t used = 0;
	ssize_t n;

	while (used < HTTP_HEAD_MAX) {
		if (!ready(fd, POLLIN, deadline))
			return 408;
		n = read(fd, head + used, HTTP_HEAD_MAX - used);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return used == 0 ? -1 : 400;
		used += (size_t)n;
		head[used] = '\0';
		if (strlen(head) != used)
			return 400;
		if (strstr(head, "\r\n\r\n") != NULL || strstr(head, "\n\n") != NULL)
			return 0;
	}
	return 431;
}

static int
has_host(const char *lines)
{
	for (; lines != NULL; lines = strchr(lines + 1, '\n'))
		if (strncasecmp(lines, "\nHost:", 6) == 0)
			return 1;
	return 0;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

int
http_decode(char *path)
{
	char *to = path;
	int high, low;

	for (; *path != '\0'; path++) {
		if (*path != '%') {
			*to++ = *path;
			continue;
		}
		if ((high = hex(path[1])) == -1 || (low = hex(path[2])) == -1 ||
		    high + low == 0)
			return -1;
		*to++ = (char)(high << 4 | low);
		path += 2;
	}
	*to = '\0';
	return 0;
}

int
http_parse(char *head, struct http_request *request)
{
	char *line_end = head + strcspn(head, "\r\n");
	char *target, *version, *path;
	int host = has_host(strchr(head, '\n'));

	*line_end = '\0';
	if ((target = strchr(head, ' ')) == NULL)
		return 400;
	*target++ = '\0';
	if ((version = strchr(target, ' ')) == NULL)
		return 400;
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.0") != 0 && strcmp(version, "HTTP/1.1") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	if (!host && version[7] == '1')
		return 400;
	request->head_only = strcmp(head, "HEAD") == 0;
	if (!request->head_only && strcmp(head, "GET") != 0)
		return 405;
	if (strncasecmp(target, "http://", 7) == 0)
		target += 7 + strcspn(target + 7, "/");
	if (*target != '/')
		return 400;
	/* One slash only: two would begin a host's name in a redirection. */
	while (target[1] == '/')
		target++;
	for (path = target; *path != '\0'; path++)
		if ((unsigned char)*path < 0x21 || *path == 0x7f)
			return 400;
	request->path = target;
	request->query = target + strcspn(target, "?#");
	if (*request->query != '\0')
		*request->query++ = '\0';
	return 0;
}
