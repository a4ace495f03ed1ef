/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The other half of the harness: children, their ends, the golden table, main(). */
#ifndef CASE_RUN_H
#define CASE_RUN_H

static char case_stderr[8192]; /* what the last child wrote there */
static const char *case_program;

static int case_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* What every body finds in its working directory. */
static void case_furnish(void)
{
    int fd = open("file", O_WRONLY | O_CREAT, 0644);

    MUST(fd >= 0 && write(fd, "hello\nworld\n", 12) == 12 && close(fd) == 0);
    MUST(mkdir("dir", 0755) == 0);
    MUST(symlink("file", "link") == 0);
    MUST(mkfifo("fifo", 0644) == 0);
}

/* A session of its own, so that kill(0) and terminals stay in the family. */
static void case_child(struct case_entry *entry, int pledged, const char *dir, int err)
{
    struct rlimit core;
    int null = open("/dev/null", O_RDWR);

    case_now = entry;
    case_is_pledged = pledged;
    MUST(setsid() > 0);
    /* None, unless a case asks for one. */
    MUST(getrlimit(RLIMIT_CORE, &core) == 0);
    core.rlim_cur = 0;
    MUST(setrlimit(RLIMIT_CORE, &core) == 0);
    MUST(dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(err, 2) == 2);
    close(null);
    close(err);
    umask(022);
    MUST(chdir(dir) == 0);
    case_dir = dir;
    case_furnish();
    entry->body();
    _exit(0);
}

static double case_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Read what is there; 0 at the end of the file. */
static int case_drain(int err, size_t *len)
{
    char part[512];
    ssize_t n;

    while ((n = read(err, part, sizeof part)) > 0) {
        size_t room = sizeof case_stderr - 1 - *len;
        size_t take = (size_t)n < room ? (size_t)n : room;

        memcpy(case_stderr + *len, part, take);
        *len += take;
        case_stderr[*len] = '\0';
    }
    return n != 0;
}

/* Collect the child's stderr and status; -1 if it took too long. */
static int case_collect(pid_t pid, int err, int *status)
{
    double end = case_clock() + CASE_SECONDS;
    struct timespec moment = {0, 100000};
    struct pollfd in;
    size_t len = 0;

    in.fd = err;
    in.events = POLLIN;
    fcntl(err, F_SETFL, O_NONBLOCK);
    case_stderr[0] = '\0';
    /* A grandchild may keep the pipe open: the child's death decides. */
    while (waitpid(pid, status, WNOHANG) != pid) {
        if (case_clock() > end) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
            waitpid(pid, status, 0);
            return -1;
        }
        if (in.fd < 0)
            nanosleep(&moment, NULL);
        else if (poll(&in, 1, 10) > 0 && !case_drain(err, &len))
            in.fd = -1;
    }
    case_drain(err, &len);
    return 0;
}

/* `PROG[PID]: pledge "PROMISE", syscall NAME` -> `NAME "PROMISE"`. */
static int case_message(pid_t pid, char *out, size_t size)
{
    char prefix[320];
    const char *at, *call;
    int promise, name;

    snprintf(prefix, sizeof prefix, "%s[%d]: pledge \"", case_program, (int)pid);
    at = strstr(case_stderr, prefix);
    if (at == NULL)
        return 0;
    at += strlen(prefix);
    promise = (int)strcspn(at, "\"\n");
    call = at + promise;
    if (strncmp(call, "\", syscall ", 11) != 0)
        return 0;
    call += 11;
    name = (int)strcspn(call, "\n");
    snprintf(out, size, "%.*s \"%.*s\"", name, call, promise, at);
    return 1;
}

/* Run one case one way; `out` gets the end in words. */
static void case_run(struct case_entry *entry, int pledged, char *out, size_t size)
{
    char dir[64] = "/tmp/rpledge-case.XXXXXX";
    char message[128];
    int err[2], status, code;
    pid_t pid;

    memset(case_shared, 0, sizeof *case_shared);
    if (mkdtemp(dir) == NULL || pipe2(err, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        perror(case_program);
        exit(2);
    }
    if (pid == 0)
        case_child(entry, pledged, dir, err[1]);
    close(err[1]);
    if (case_collect(pid, err[0], &status) != 0) {
        snprintf(out, size, "timeout");
    } else if (WIFSIGNALED(status)) {
        if (case_message(pid, message, sizeof message))
            snprintf(out, size, "signal %d %s", WTERMSIG(status), message);
        else
            snprintf(out, size, "signal %d", WTERMSIG(status));
    } else {
        code = WEXITSTATUS(status);
        if (code == CASE_LACKS)
            snprintf(out, size, "skip: %s", case_shared->note);
        else if (code >= CASE_UNTRUE)
            snprintf(out, size, "%s", code == CASE_UNTRUE ? "untrue"
                     : code == CASE_SETUP ? "broken" : "no pledge");
        else if (code != 0)
            snprintf(out, size, "errno %s", case_errno_name(code));
        else
            snprintf(out, size, "exit 0");
    }
    kill(-pid, SIGKILL); /* what it left behind */
    close(err[0]);
    nftw(dir, case_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The one end that the macro allows; NULL if the table has to say it. */
static const char *case_only_end(const struct case_entry *entry)
{
    static char end[64];

    if (entry->kind == CASE_ALLOWED || (entry->kind == CASE_CALLED && entry->bare == 0))
        return "exit 0";
    if (entry->kind == CASE_KILLED)
        return "signal 31";
    if (entry->kind != CASE_CALLED)
        return NULL;
    snprintf(end, sizeof end, "errno %s", case_errno_name(entry->bare));
    return end;
}

/* Is it the kind of end that the macro announced? */
static int case_is_kind(const struct case_entry *entry, const char *end)
{
    if (case_only_end(entry) != NULL)
        return strcmp(end, case_only_end(entry)) == 0;
    if (entry->kind == CASE_REFUSED)
        return strncmp(end, "errno ", 6) == 0;
    if (entry->kind == CASE_SERVED
        && (strcmp(end, "exit 0") == 0 || strcmp(end, "errno ENOSYS") == 0))
        return 1;
    if (strncmp(end, "signal 6 ", 9) == 0)
        return 1;
    /* By the kernel, or by the broker, which a blocked SIGABRT does not hold up. */
    return entry->kind == CASE_FATAL
           && (strcmp(end, "signal 31") == 0 || strncmp(end, "signal 9 ", 9) == 0);
}

static int case_has_word(const char *words, const char *word)
{
    const char *at = words;
    size_t len = strlen(word);

    for (; (at = strstr(at, word)) != NULL; at++)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return 1;
    return 0;
}

/* `NAME [TAG TAG] -> END`: are all its tags among those of this run? */
static int case_tags_hold(const char *tags, const char *line)
{
    char word[64];
    size_t len;

    while (*line != ']' && *line != '\0') {
        len = strcspn(line, " ]");
        if (len >= sizeof word)
            return 0;
        memcpy(word, line, len);
        word[len] = '\0';
        if (!case_has_word(tags, word))
            return 0;
        line += len + (line[len] == ' ');
    }
    return 1;
}

/* The end that the table demands, the last line that holds; 0 if none. */
static int case_golden(FILE *table, const char *tags, const char *name, char *end, size_t size)
{
    char line[512];
    size_t len = strlen(name);
    int found = 0;

    rewind(table);
    while (fgets(line, sizeof line, table) != NULL) {
        char *arrow = strstr(line, " -> ");

        if (arrow == NULL || strncmp(line, name, len) != 0 || line[len] != ' ')
            continue;
        if (line[len + 1] == '[' && !case_tags_hold(tags, line + len + 2))
            continue;
        arrow[4 + strcspn(arrow + 4, "\n")] = '\0';
        snprintf(end, size, "%s", arrow + 4);
        found = 1;
    }
    return found;
}

static void case_report(const char *what, const struct case_entry *entry, const char *text)
{
    fprintf(stderr, "%s: %s:%d %s (\"%s\"): %s\n", what, case_program, entry->line, entry->name,
            entry->promises, text);
    if (case_shared->note[0] != '\0')
        fprintf(stderr, "    %s\n", case_shared->note);
    if (case_stderr[0] != '\0')
        fprintf(stderr, "    stderr: %s", case_stderr);
}

/* Bare: 1 if it ended as it must, so that the pledged run means something. */
static int case_judge_bare(struct case_entry *entry)
{
    char end[256], want[64] = "exit 0", text[400];

    if (entry->bare != 0)
        snprintf(want, sizeof want, "errno %s", case_errno_name(entry->bare));
    case_run(entry, 0, end, sizeof end);
    if (strncmp(end, "skip: ", 6) == 0) {
        printf("%s bare -> %s\n", entry->name, end);
        return -1;
    }
    if (entry->bare != 0 && (strcmp(end, "errno ENOSYS") == 0 || strcmp(end, "errno EPERM") == 0))
        snprintf(end, sizeof end, "%s", want);
    if (strcmp(end, want) == 0 && case_shared->pledges > 0)
        return 1;
    snprintf(text, sizeof text, "bare: %s, not %s%s", end, want,
             case_shared->pledges ? "" : " (never pledged)");
    case_report("FAILED", entry, text);
    return 0;
}

/* 1 passed, 0 failed, -1 skipped. */
static int case_judge(struct case_entry *entry, FILE *table, const char *tags)
{
    char end[256], want[256] = "", text[640];
    int bare = entry->kind == CASE_CALLED ? 1 : case_judge_bare(entry);

    if (bare != 1)
        return bare;
    case_run(entry, 1, end, sizeof end);
    if (entry->kind == CASE_CALLED && strncmp(end, "skip: ", 6) == 0) {
        printf("%s once -> %s\n", entry->name, end);
        return -1;
    }
    if (!case_is_kind(entry, end)) {
        printf("%s failed -> %s; must be: %s\n", entry->name, end,
               case_only_end(entry) ? case_only_end(entry) : "");
        snprintf(text, sizeof text, "%s: not the kind of end it announces", end);
        case_report("FAILED", entry, text);
        return 0;
    }
    printf("%s %s -> %s\n", entry->name, entry->kind == CASE_CALLED ? "once" : "pledged", end);
    if (table == NULL)
        return 1;
    if (!case_golden(table, tags, entry->name, want, sizeof want))
        snprintf(want, sizeof want, "anything in the golden table");
    if (strcmp(end, want) == 0)
        return 1;
    snprintf(text, sizeof text, "%s, not %s", end, want);
    case_report("FAILED", entry, text);
    return 0;
}

/* What the cases are, for those that count what they cover. */
static int case_list(void)
{
    static const char *const kinds[] = {"allowed", "denied", "refused", "killed",
                                        "fatal",   "called", "served"};
    struct case_entry *entry;

    for (entry = case_all; entry != NULL; entry = entry->next)
        printf("%s\t%s\t%s\t%s\n", entry->name, kinds[entry->kind], entry->promises,
               entry->about ? entry->about : entry->bare ? case_errno_name(entry->bare) : "");
    return 0;
}

/* usage: FILE [-g GOLDEN [-t "TAG TAG"]] [NAME...], or FILE -l to list them */
int main(int argc, char **argv)
{
    struct case_entry *entry;
    const char *tags = "";
    FILE *table = NULL;
    void *page;
    int opt, i, wanted, passed = 0, failed = 0, skipped = 0;

    case_program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    while ((opt = getopt(argc, argv, "g:t:l")) != -1) {
        if (opt == 't')
            tags = optarg;
        else if (opt == 'l')
            return case_list();
        else if (opt != 'g' || (table = fopen(optarg, "re")) == NULL) {
            fprintf(stderr, "usage: %s [-g golden [-t tags]] [case...]\n", case_program);
            return 2;
        }
    }
    page = mmap(NULL, sizeof *case_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
    if (page == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    case_shared = (struct case_shared *)page; /* the cast is for C++ */
    setenv("LC_ALL", "C", 1); /* as bare as on a build machine */
    unsetenv("LANGUAGE");
    unsetenv("TZ");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (entry = case_all; entry != NULL; entry = entry->next) {
        for (wanted = optind == argc, i = optind; i < argc; i++)
            wanted |= strcmp(argv[i], entry->name) == 0;
        if (!wanted)
            continue;
        switch (case_judge(entry, table, tags)) {
        case 1: passed++; break;
        case 0: failed++; break;
        default: skipped++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}

#endif
