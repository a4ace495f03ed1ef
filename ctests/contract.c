/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The contract: each function of the C library that a promise stands for does under it what it
 * does bare. The bodies are those of trace/, the promises those of contract.table. */
#include "case.h"

#undef NEED /* each has its own */
#include "trace/trace.h"

#ifndef CONTRACT_NAMES
#include <dlfcn.h>
#endif

#ifdef __GLIBC__
#define LIBC "glibc"
#else
#define LIBC "musl"
#endif

/* How a body ended. */
struct end {
    int status; /* as of wait(2) */
    int err;    /* errno at its second mark */
    int reached;
};

struct contract {
    struct case_entry entry;
    struct trace_case *traced;
    struct end *bare, *pledged; /* in memory that children share */
    int any_errno;
    char words[128]; /* the promises */
};

static struct end *now; /* of the run at hand */

/* Adds a promise once. */
static void promise(char *words, const char *word, size_t len)
{
    char one[32];

    snprintf(one, sizeof one, "%.*s", (int)len, word);
    if (case_has_word(words, one))
        return;
    if (words[0] != '\0')
        strcat(words, " ");
    strcat(words, one);
}

/* Of the line that has this name, what is before the colon; NULL if there is none. */
static const char *line_of(FILE *table, const char *kind, const char *name)
{
    static char line[1024];
    size_t len = strlen(kind);
    char *names;

    rewind(table);
    while (fgets(line, sizeof line, table) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        names = line[0] == '#' ? NULL : strstr(line, ": ");
        if (names == NULL || strncmp(line, kind, len) != 0)
            continue;
        *names = '\0';
        if (case_has_word(len > 0 ? line + len : names + 2, name))
            return line;
    }
    return NULL;
}

/* Adds what the line of this name promises; 0 if there is none, -1 if no promise serves. */
static int promises_of(FILE *table, const char *name, char *words)
{
    const char *word = line_of(table, "none ", name);

    if (word != NULL)
        return -1;
    word = line_of(table, "", name);
    if (word == NULL)
        return 0;
    for (; *word != '\0'; word += strspn(word, " ")) {
        promise(words, word, strcspn(word, " "));
        word += strcspn(word, " ");
    }
    return 1;
}

/* What the table says of the case, or else what it says of its functions together. */
static int promises(struct contract *contract)
{
    FILE *table = fopen(CONTRACT_TABLE, "re");
    char name[64], calls[512];
    char *word;
    int found;

    if (table == NULL) {
        perror(CONTRACT_TABLE);
        exit(2);
    }
    snprintf(name, sizeof name, "@%s@" LIBC "-static", contract->traced->name);
#ifdef SHARED
    found = 0;
#else
    found = promises_of(table, name, contract->words);
#endif
    *strrchr(name, '-') = '\0';
    if (found == 0)
        found = promises_of(table, name, contract->words);
    *strrchr(name, '@') = '\0';
    contract->any_errno = line_of(table, "errno ", name) != NULL;
    if (found == 0)
        found = promises_of(table, name, contract->words);
    snprintf(calls, sizeof calls, "%s", contract->traced->calls);
    if (found == 0)
        for (word = strtok(calls, " "); word != NULL; word = strtok(NULL, " ")) {
            found = promises_of(table, word, contract->words);
            if (found != 1)
                break;
        }
    fclose(table);
    return found;
}

void trace_begin(void)
{
    PLEDGE();
    errno = 0;
}

/* What a body does after this is outside its promises. */
void trace_end(void)
{
    now->err = errno;
    now->reached = 1;
    _exit(0);
}

/* Where each function is that some libc lacks; a static program looks in a list. */
void *trace_find(const char *function)
{
    void *found = NULL;
#ifdef CONTRACT_NAMES
#define NAME(symbol)                                                         \
    {                                                                        \
        extern char symbol##_at[] __asm__(#symbol);                          \
        if (strcmp(function, #symbol) == 0)                                  \
            found = symbol##_at;                                             \
    }
#include CONTRACT_NAMES
#else
    found = dlsym(RTLD_DEFAULT, function);
#endif
    if (found == NULL) {
        snprintf(case_shared->note, sizeof case_shared->note, "lacks %s", function);
        _exit(CASE_LACKS);
    }
    return found;
}

/* Waits for what goes on after the child has ended, as daemon(3) does. */
static void linger(void)
{
    struct timespec moment = {0, 1000000};
    int left = 2000;

    while (!now->reached && left-- > 0)
        nanosleep(&moment, NULL);
}

/* Those that a filter answers with; others come of what threads wait for. */
static int is_a_filters(int err)
{
    return err == EPERM || err == ENOSYS || err == EINVAL || err == ENOENT;
}

static void judge(const struct contract *contract)
{
    const struct end *bare = contract->bare;
    int line = contract->entry.line;

    if (now->status != bare->status)
        case_end(CASE_UNTRUE, line, WIFSIGNALED(now->status) ? "killed" : "ends otherwise");
    if (now->reached != bare->reached)
        case_end(CASE_UNTRUE, line, "does not come to its end");
    errno = now->err;
    if (now->err != bare->err && is_a_filters(now->err) && !contract->any_errno)
        case_end(CASE_UNTRUE, line, "leaves another errno");
}

/* One of another kind of calls is killed, as it should be: the filter lets no other in. */
static int shell_is_ours(void)
{
    unsigned char header[5] = {0};
    int fd = open("/bin/sh", O_RDONLY);

    MUST(fd >= 0 && read(fd, header, sizeof header) == (ssize_t)sizeof header && close(fd) == 0);
    return header[4] == sizeof(void *) / 4;
}

static void contract_body(void)
{
    struct contract *contract = (struct contract *)case_now;
    pid_t pid;

    if (strcmp(contract->traced->name, "exec_done") == 0 && !shell_is_ours())
        case_end(CASE_LACKS, 0, "needs a shell of this architecture");
    now = case_is_pledged ? contract->pledged : contract->bare;
    MUST((pid = fork()) >= 0);
    if (pid == 0) {
        contract->traced->run();
        _exit(0);
    }
    MUST(waitpid(pid, &now->status, 0) == pid);
    if (WIFEXITED(now->status) && WEXITSTATUS(now->status) >= CASE_LACKS)
        _exit(WEXITSTATUS(now->status));
    if (now->status == 0 && strcmp(contract->traced->kind, "case") == 0)
        linger();
    if (case_is_pledged)
        judge(contract);
}

static void unlisted(void)
{
    case_end(CASE_SETUP, 0, "a function without a line in contract.table");
}

void trace_add(struct trace_case *traced)
{
    static int count;
    struct contract *contract = calloc(1, sizeof *contract);
    int found;

    contract->traced = traced;
    found = promises(contract);
    if (found < 0)
        return;
    contract->entry.name = traced->name;
    contract->entry.about = traced->calls;
    contract->entry.promises = contract->words;
    contract->entry.kind = CASE_ALLOWED;
    contract->entry.line = ++count;
    contract->entry.body = found ? contract_body : unlisted;
    contract->bare = mmap(NULL, 2 * sizeof *now, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    contract->pledged = contract->bare + 1;
    case_add(&contract->entry);
}
