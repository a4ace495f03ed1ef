/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A client in four processes, as acme-client(1) is built: whoever takes over one of them has that one's promises.
 *
 *     fetch KEY HOST PORT PATH FILE
 *
 * key     "stdio"                    has the secret, and seals what it is given
 * file    "stdio rpath wpath cpath"  writes FILE
 * dns     "stdio dns"                looks up HOST
 * net     "stdio inet"               talks to the server, and to the others
 *
 * The document at http://HOST:PORT/PATH is written to FILE, and behind it a
 * line with its seal by the secret in the file KEY. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rpledge.h>

#define MOST 65536

/* A message between the processes: its length, then so many bytes. */
struct message {
    uint32_t length;
    char text[MOST];
};

static void whole(int fd, void *at, size_t length, int writing)
{
    char *next = at;
    ssize_t n;

    for (; length > 0; next += n, length -= (size_t)n) {
        n = writing ? write(fd, next, length) : read(fd, next, length);
        if (n < 0)
            err(1, "a process of mine");
        if (n == 0)
            exit(0); /* the other end is done */
    }
}

static void tell(int fd, const char *text, size_t length)
{
    uint32_t count = (uint32_t)length;

    whole(fd, &count, sizeof count, 1);
    whole(fd, (void *)(uintptr_t)text, length, 1);
}

static void hear(int fd, struct message *message)
{
    whole(fd, &message->length, sizeof message->length, 0);
    if (message->length >= MOST)
        errx(1, "a process of mine talks too much");
    whole(fd, message->text, message->length, 0);
    message->text[message->length] = '\0';
}

static void promise(const char *promises)
{
    if (pledge(promises, NULL) != 0)
        err(1, "pledge \"%s\": %s", promises, rpledge_errmsg());
}

/* No cipher: FNV-1a stands where a signature would. */
static uint64_t seal(uint64_t sum, const char *text, size_t length)
{
    while (length-- > 0)
        sum = (sum ^ (unsigned char)*text++) * 0x100000001b3;
    return sum;
}

static void run_key(int fd, const char *path)
{
    static struct message message;
    char secret[64], text[32];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (file < 0 || (length = read(file, secret, sizeof secret)) <= 0)
        err(1, "%s", path);
    close(file);
    promise("stdio");
    for (;;) {
        hear(fd, &message);
        snprintf(text, sizeof text, "%016llx\n",
                 (unsigned long long)seal(seal(0xcbf29ce484222325, secret, (size_t)length),
                                          message.text, message.length));
        tell(fd, text, strlen(text));
    }
}

static void run_file(int fd, const char *path)
{
    static struct message message;
    int file;

    promise("stdio rpath wpath cpath");
    if ((file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0)
        err(1, "%s", path);
    for (;;) {
        hear(fd, &message);
        whole(file, message.text, message.length, 1);
        tell(fd, "", 0);
    }
}

static void run_dns(int fd)
{
    static struct message message;
    struct addrinfo hints, *list, *at;
    char text[MOST] = "", address[INET6_ADDRSTRLEN];
    int error;

    promise("stdio dns");
    for (;; text[0] = '\0') {
        hear(fd, &message);
        memset(&hints, 0, sizeof hints);
        hints.ai_socktype = SOCK_STREAM;
        error = getaddrinfo(message.text, NULL, &hints, &list);
        if (error != 0)
            errx(1, "%s: %s", message.text, gai_strerror(error));
        for (at = list; at != NULL; at = at->ai_next)
            if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
                            NI_NUMERICHOST) == 0
                && strlen(text) + strlen(address) + 2 < sizeof text)
                strcat(strcat(text, address), "\n");
        freeaddrinfo(list);
        tell(fd, text, strlen(text));
    }
}

/* The first of the addresses, a line each, that answers. */
static int dial(char *addresses, const char *port)
{
    struct addrinfo hints, *one;
    char *address;
    int fd;

    for (address = strtok(addresses, "\n"); address != NULL; address = strtok(NULL, "\n")) {
        memset(&hints, 0, sizeof hints);
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
        if (getaddrinfo(address, port, &hints, &one) != 0)
            continue;
        fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
            freeaddrinfo(one);
            return fd;
        }
        freeaddrinfo(one);
        close(fd);
    }
    errx(1, "no address answers at port %s", port);
}

static void run_net(int key, int file, int dns, char **argv)
{
    static struct message message, document;
    char request[2048], *body;
    ssize_t n;
    int fd;

    promise("stdio inet");
    tell(dns, argv[2], strlen(argv[2]));
    hear(dns, &message);
    fd = dial(message.text, argv[3]);
    n = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[4], argv[2]);
    if (n < 0 || (size_t)n >= sizeof request)
        errx(1, "the path is too long");
    whole(fd, request, (size_t)n, 1);
    while ((n = read(fd, document.text + document.length, MOST - 1 - document.length)) > 0)
        document.length += (uint32_t)n;
    if (n < 0)
        err(1, "%s", argv[2]);
    document.text[document.length] = '\0';
    body = strstr(document.text, "\r\n\r\n");
    if (strncmp(document.text, "HTTP/1.", 7) != 0 || strncmp(document.text + 8, " 200 ", 5) != 0
        || body == NULL)
        errx(1, "%s: %.*s", argv[2], (int)strcspn(document.text, "\r\n"), document.text);
    body += 4;
    document.length -= (uint32_t)(body - document.text);
    tell(key, body, document.length);
    hear(key, &message);
    tell(file, body, document.length);
    hear(file, &document);
    tell(file, message.text, message.length);
    hear(file, &document);
}

/* A process of its own, and the other end of its socket pair. */
static int begin(void (*run)(int, const char *), const char *argument, const int *others, int count)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        err(1, "socketpair");
    switch (fork()) {
    case -1:
        err(1, "fork");
    case 0:
        close(pair[0]);
        while (count-- > 0)
            close(others[count]);
        run(pair[1], argument);
        exit(0);
    }
    close(pair[1]);
    return pair[0];
}

static void begin_dns(int fd, const char *none)
{
    (void)none;
    run_dns(fd);
}

int main(int argc, char **argv)
{
    int fds[3] = {-1, -1, -1}, status, failed = 0;

    if (argc != 6)
        errx(2, "usage: fetch KEY HOST PORT PATH FILE");
    fds[0] = begin(run_key, argv[1], fds, 0);
    fds[1] = begin(run_file, argv[5], fds, 1);
    fds[2] = begin(begin_dns, NULL, fds, 2);
    if (fork() == 0) {
        run_net(fds[0], fds[1], fds[2], argv);
        exit(0);
    }
    close(fds[0]);
    close(fds[1]);
    close(fds[2]);
    promise("stdio");
    while (wait(&status) > 0)
        failed |= status != 0;
    return failed;
}
