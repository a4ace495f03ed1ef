/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Other processes change names as fast as they can, and nothing hidden is ever read or made. */

/* VEIL_ROUNDS has more. */
static int race_rounds(void)
{
    const char *rounds = getenv("VEIL_ROUNDS");

    return rounds != NULL ? atoi(rounds) : 30000;
}

static int race_start[2];

/* It begins once the rules are given: they are of what has a name then. */
static pid_t racer(void (*once)(int))
{
    pid_t pid;
    int n;
    char byte;

    once(0);
    MUST(pipe(race_start) == 0);
    if ((pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        MUST(read(race_start[0], &byte, 1) == 1);
        for (n = 1;; n++)
            once(n);
    }
    MUST(pid > 0);
    return pid;
}

static void race_begins(void) { MUST(write(race_start[1], "x", 1) == 1); }

/* Bare once is enough, and it comes. */
#define BARE_ROUNDS 10000000

/* What a name leads to now and then: 1 if it was ever the secret. */
static int reads_secret(const char *path)
{
    char text[8] = {0};
    int n, fd, seen = 0, rounds = veil_is_bare ? BARE_ROUNDS : race_rounds();

    for (n = 0; n < rounds && !(veil_is_bare && seen); n++)
        if ((fd = open(path, O_RDONLY)) >= 0) {
            seen |= read(fd, text, 6) == 6 && memcmp(text, "secret", 6) == 0;
            close(fd);
        }
    return seen;
}

static int race_under(const char *rules, void (*once)(int), const char *path)
{
    pid_t pid;
    int seen;

    pid = racer(once);
    MUST(veiled(rules) == 0);
    race_begins();
    seen = reads_secret(path);
    kill(pid, SIGKILL);
    /* Bare it is seen, or the race is none. */
    return veil_is_bare ? (seen ? 0 : BROKEN) : seen ? 0 : EACCES;
}

static int race(void (*once)(int), const char *path) { return race_under("in:rwxc", once, path); }

static void swaps_links(int n)
{
    unlink("in/next");
    (void)!symlink(n % 2 ? "../out/file" : "sub/file", "in/next");
    rename("in/next", "in/race");
}
VEILED(race_links, NULL, LINUX, EACCES, LINUX) { return race(swaps_links, "in/race"); }

static void swaps_directories(int n)
{
    if (n == 0)
        MUST(symlink("../out", "in/next") == 0 && symlink("sub", "in/race") == 0);
    syscall(SYS_renameat2, AT_FDCWD, "in/next", AT_FDCWD, "in/race", RENAME_EXCHANGE);
}
VEILED(race_directories, NULL, LINUX, EACCES, LINUX) { return race(swaps_directories, "in/race/file"); }

/* Nothing is made outside either. */
#define RACE_NAMES 1000
VEILED(race_creates, NULL, LINUX, EACCES, LINUX)
{
    char name[64];
    pid_t pid;
    int n, made = 0, rounds = veil_is_bare ? BARE_ROUNDS : race_rounds();

    pid = racer(swaps_directories);
    MUST(veiled("in:rwxc") == 0);
    race_begins();
    for (n = 0; n < rounds && !(veil_is_bare && made); n++) {
        snprintf(name, sizeof name, "in/race/new%d", n % RACE_NAMES);
        can_open(name, O_WRONLY | O_CREAT);
        snprintf(name, sizeof name, "out/new%d", n % RACE_NAMES);
        made |= access(name, F_OK) == 0;
    }
    kill(pid, SIGKILL);
    return veil_is_bare ? (made ? 0 : BROKEN) : made ? 0 : EACCES;
}
