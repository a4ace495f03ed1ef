/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A person at a terminal: runs a program on a pty and types what a script says, for scripts/check-session.
 *
 * usage: session SCRIPT PROGRAM [ARGUMENT...]
 *
 * Each line of the script is an instruction and a text behind a blank:
 *
 *     line TEXT    type it and Enter; wait for the prompt
 *     type TEXT    type it; \n is Enter, ^Z and the like are control keys
 *     wait TEXT    until the terminal shows it, behind all that was waited for; \n is a new line
 *
 * Empty lines and those that begin with # are nothing. What the terminal shows
 * goes to standard output. Exit status: the program's, as a shell tells it; 2
 * if something was not shown within 20 seconds. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROMPT "ready$ "
#define PATIENCE 20000

static int terminal;
static pid_t program;
/* All that was shown, and how much of it was waited for. */
static char shown[1 << 20];
static size_t length, seen;

static void give_up(const char *what, const char *text)
{
    fwrite(shown, 1, length, stdout);
    fflush(stdout);
    fprintf(stderr, "session: %s: %s\n", what, text);
    kill(program, SIGKILL);
    exit(2);
}

/* More of what is shown; 0 at its end, or after that time. */
static int more(int milliseconds)
{
    struct pollfd one = {terminal, POLLIN, 0};
    ssize_t got;

    if (poll(&one, 1, milliseconds) != 1)
        return 0;
    if (length + 1 >= sizeof shown)
        give_up("too much is shown", "the end");
    got = read(terminal, shown + length, sizeof shown - 1 - length);
    if (got <= 0)
        return 0;
    length += (size_t)got;
    return 1;
}

static void wait_for(const char *text, size_t size)
{
    for (;;) {
        const char *found = memmem(shown + seen, length - seen, text, size);

        if (found != NULL) {
            seen = (size_t)(found - shown) + size;
            return;
        }
        if (!more(PATIENCE))
            give_up("never shown", text);
    }
}

static void type(const char *text, size_t size)
{
    if (write(terminal, text, size) != (ssize_t)size)
        give_up("cannot type", text);
}

/* Replace what stands for keys and for what they show. */
static size_t keys(char *text, const char *enter)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] == 'n') {
            for (const char *key = enter; *key != '\0'; key++)
                *to++ = *key;
            from++;
        } else if (from[0] == '^' && from[1] >= '@' && from[1] <= '_') {
            *to++ = *++from & 0x1f;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void follow(char *line)
{
    char *text = strchr(line, ' ');

    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return;
    if (text == NULL)
        give_up("no text", line);
    *text++ = '\0';
    if (strcmp(line, "line") == 0) {
        type(text, strlen(text));
        type("\n", 1);
        wait_for(PROMPT, strlen(PROMPT));
    } else if (strcmp(line, "type") == 0) {
        type(text, keys(text, "\n"));
    } else if (strcmp(line, "wait") == 0) {
        wait_for(text, keys(text, "\r\n"));
    } else {
        give_up("no such instruction", line);
    }
}

int main(int argc, char **argv)
{
    struct winsize size = {.ws_row = 24, .ws_col = 132};
    char line[4096];
    FILE *script;
    int status;

    if (argc < 3 || (script = fopen(argv[1], "re")) == NULL) {
        fprintf(stderr, "usage: session SCRIPT PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    if ((program = forkpty(&terminal, NULL, NULL, &size)) == 0) {
        /* As a login has them; who runs tests in the background ignores some. */
        for (status = 1; status < NSIG; status++)
            signal(status, SIG_DFL);
        setenv("PS1", PROMPT, 1);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (program == -1) {
        perror("session: forkpty");
        return 2;
    }
    wait_for(PROMPT, strlen(PROMPT));
    while (fgets(line, sizeof line, script) != NULL)
        follow(line);
    /* What the program still says; then its end, which is near. */
    while (more(PATIENCE))
        continue;
    if (waitpid(program, &status, 0) == -1)
        give_up("waitpid", strerror(errno));
    fwrite(shown, 1, length, stdout);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
