/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HTTP as far as a server of files needs it: heads read, parsed and written. */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <time.h>

#define HTTP_HEAD_MAX	8192	/* bytes of a request's head */

/* A request, parsed in place: both strings lie in the head. */
struct http_request {
	char	*path;
	char	*query;
	int	 head_only;
};

/* Reads a head into HTTP_HEAD_MAX + 1 bytes: 0, the status to answer with, or
 * -1 if nobody asked anything. */
int http_read(int fd, char *head);

/* Parses it: 0, or the status to answer with. */
int http_parse(char *head, struct http_request *request);

/* Undoes percent-encoding in place; -1 for a NUL or half an escape. */
int http_decode(char *path);

/* Sends an answer's head; `extra` is whole lines or empty. */
int http_head(int fd, int status, long long length, const char *type,
    const char *extra);

/* Sends a whole answer that says its status. */
void http_text(int fd, int status, const char *extra, int head_only);

/* Sends bytes to a reader that may be slow, but not for ever: 0 or -1. */
int http_send(int fd, const char *data, size_t size);

/* Ends the connection so that the answer arrives. */
void http_close(int fd);

const char *http_type(const char *path);
const char *http_date(time_t when, char *buffer, size_t size);

#endif
