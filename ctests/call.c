/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The call itself: words, errnos, narrowing, all-or-nothing, as OpenBSD's sys_pledge(). */
#include "case.h"

/* The promise of that name as a bit of struct rpledge_status. */
static uint64_t bit(const char *name)
{
    const char *word;
    int n;

    for (n = 0; (word = rpledge_promise_name(n)) != NULL; n++)
        if (strcmp(word, name) == 0)
            return (uint64_t)1 << n;
    return 0;
}

static struct rpledge_status status(void)
{
    struct rpledge_status now;

    MUST(rpledge_status(&now, sizeof now) == 0);
    return now;
}

/* Nothing holds: not in the library's eyes, and a socket can be made. */
static int is_free(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0 && !(status().state & RPLEDGE_PLEDGED);
}

/* It fails, with this errno and reason, and changes nothing. */
static int fails(const char *promises, const char *execpromises, int err, int reason)
{
    int got;

    errno = 0;
    if (pledge(promises, execpromises) != -1 || errno != err)
        return 0;
    got = rpledge_error();
    if (got != reason || rpledge_errmsg()[0] == '\0')
        return 0;
    errno = 0;
    return is_free();
}

/* A string of `len` bytes that ends in good words. */
static const char *padded(size_t len)
{
    static char text[2048];

    memset(text, ' ', sizeof text);
    memcpy(text, "stdio", 5);
    text[len] = '\0';
    return text;
}

/* `words`, its NUL the last byte before an unmapped page, or beyond it. */
static char *at_edge(const char *words, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = (char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(map != MAP_FAILED && munmap(map + page, page) == 0);
    memcpy(map + page - bytes, words, bytes);
    return map + page - bytes;
}

static char *forbidden(void)
{
    char *map = (char *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(map != MAP_FAILED);
    return map;
}

/* NULL and the empty string */
CALL(null_null, 0, pledge(NULL, NULL) == 0 && is_free())
CALLED(null_null_pledged, 0)
{
    MUST(pledge("stdio", NULL) == 0);
    TRY(pledge(NULL, NULL) == 0);
    TRY(status().promises == bit("stdio"));
}
DENIED(empty_write, "") { PLEDGE(); TRY(write(2, "", 0) == 0); }
ALLOWED(empty_exit, "") { PLEDGE(); _exit(0); }
DENIED(empty_read, "") { PLEDGE(); TRY(read(0, "", 0) == 0); }
DENIED(empty_memory, "") { PLEDGE(); TRY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED); }
DENIED(empty_raise, "") { PLEDGE(); TRY(raise(0) == 0); }
CALL(spaces_after_nothing, 0, fails("   ", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(empty_again, 0, pledge("", NULL) == 0 && pledge("", NULL) == 0)
CALL(empty_widen, EPERM, pledge("", NULL) == 0 && pledge("stdio", NULL) == 0)
CALL(empty_exec, 0, pledge("", "") == 0)

/* Words */
CALL(unknown, 0, fails("stdio foo", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(unknown_first, 0, fails("foo", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(prefix, 0, fails("stdi", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(suffix, 0, fails("stdios", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(upper_case, 0, fails("STDIO", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(mixed_case, 0, fails("stdio Rpath", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(tab, 0, fails("stdio\trpath", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(newline, 0, fails("stdio\n", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(comma, 0, fails("stdio,rpath", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(abort_word, 0, fails("abort", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(wtmp_word, 0, fails("wtmp", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(not_ascii, 0, fails("stdio \303\274", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(not_utf8, 0, fails("stdio \377\376", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(leading_space, 0, fails(" stdio", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(only_space, 0, fails(" ", NULL, EINVAL, RPLEDGE_E_WORD))
CALL(trailing_space, 0, pledge("stdio ", NULL) == 0 && status().promises == bit("stdio"))
CALL(trailing_spaces, 0, pledge("stdio    ", NULL) == 0)
CALL(inner_spaces, 0, pledge("stdio    rpath", NULL) == 0)
CALL(duplicates, 0, pledge("stdio rpath stdio", NULL) == 0)
CALLED(messages_quote, 0)
{
    TRY(pledge("stdio wrongword", NULL) == -1 && errno == EINVAL);
    TRY(strstr(rpledge_errmsg(), "wrongword") != NULL);
}
CALLED(message_goes, 0)
{
    TRY(pledge("foo", NULL) == -1 && rpledge_error() == RPLEDGE_E_WORD);
    TRY(pledge("stdio", NULL) == 0 && rpledge_error() == 0 && rpledge_errmsg() != NULL);
}
static void *fails_beside(void *arg)
{
    return pledge("foo", NULL) == -1 && rpledge_error() == RPLEDGE_E_WORD ? arg : NULL;
}
CALLED(message_per_thread, 0)
{
    pthread_t thread;
    void *ok;

    MUST(pthread_create(&thread, NULL, fails_beside, &case_shared) == 0);
    MUST(pthread_join(thread, &ok) == 0);
    TRY(ok == &case_shared);
    TRY(rpledge_error() == 0);
}

/* Lengths and pointers */
CALL(length_1023, 0, pledge(padded(1023), NULL) == 0)
CALL(length_1024, 0, fails(padded(1024), NULL, ENAMETOOLONG, RPLEDGE_E_WORD))
CALL(length_1024_exec, 0, fails(NULL, padded(1024), ENAMETOOLONG, RPLEDGE_E_WORD))
CALL(length_1023_exec, 0, pledge("stdio", padded(1023)) == 0)
CALL(length_1024_in_words, 0, fails(padded(1024), "foo", ENAMETOOLONG, RPLEDGE_E_WORD))
CALLED(length_1024_narrowing, 0)
{
    MUST(pledge("stdio inet", NULL) == 0);
    TRY(pledge(padded(1024), NULL) == -1 && errno == ENAMETOOLONG);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
CALL(length_2000, 0, fails(padded(2000), NULL, ENAMETOOLONG, RPLEDGE_E_WORD))
CALL(ends_at_edge, 0, pledge(at_edge("stdio", 6), NULL) == 0)
CALL(runs_over_edge, EFAULT, pledge(at_edge("stdio", 5), NULL) == 0)
CALL(forbidden_page, EFAULT, pledge(forbidden(), NULL) == 0)
CALL(forbidden_page_exec, EFAULT, pledge("stdio", forbidden()) == 0)
CALL(low_pointer, EFAULT, pledge((const char *)8, NULL) == 0)
CALL(kernel_pointer, EFAULT, pledge((const char *)(uintptr_t)0xffffffff81000000u, NULL) == 0)
CALL(odd_pointer, EFAULT, pledge((const char *)(uintptr_t)0xdead00000000beefu, NULL) == 0)
CALLED(bad_pointer_changes_nothing, 0)
{
    TRY(pledge("stdio", forbidden()) == -1 && errno == EFAULT);
    TRY(is_free());
}
CALLED(long_but_ends_over_edge, EFAULT)
{
    /* What is readable does not end; the rest is not readable. */
    char words[600];

    memset(words, ' ', sizeof words);
    memcpy(words, "stdio", 5);
    TRY(pledge(at_edge(words, sizeof words), NULL) == 0);
}

CALLED(page_without_end, 0)
{
    /* As copyinstr() has it: 1024 bytes without a NUL are too long; fewer, before
     * a page that cannot be read, are a bad pointer. */
    char words[1024];

    memset(words, ' ', sizeof words);
    memcpy(words, "stdio", 5);
    TRY(pledge(at_edge(words, 1024), NULL) == -1 && errno == ENAMETOOLONG);
    TRY(pledge(at_edge(words, 1023), NULL) == -1 && errno == EFAULT);
    TRY(pledge(NULL, at_edge(words, 1023)) == -1 && errno == EFAULT);
    TRY(pledge(at_edge("foo", 3), NULL) == -1 && errno == EFAULT);
    TRY(is_free());
}
CALL(ends_at_edge_exec, 0, pledge("stdio", at_edge("stdio", 6)) == 0)
CALLED(low_pointer_exec, 0)
{
    TRY(pledge("stdio", (const char *)8) == -1 && errno == EFAULT && is_free());
    TRY(rpledge_error() == 0);
}
CALLED(fault_says_why, 0)
{
    TRY(pledge((const char *)8, NULL) == -1 && rpledge_error() == RPLEDGE_E_ARGUMENT);
}
CALLED(fault_when_pledged, 0)
{
    /* Under a filter, too, and without a violation. */
    char *bad = forbidden();

    MUST(pledge("", NULL) == 0);
    TRY(pledge(bad, NULL) == -1 && errno == EFAULT);
    TRY(pledge("", bad) == -1 && errno == EFAULT);
    TRY(pledge("foo", NULL) == -1 && errno == EINVAL);
}

/* Both arguments, or nothing */
CALL(first_fault_wins, 0, fails("foo", padded(1024), EINVAL, RPLEDGE_E_WORD))
CALLED(bad_word_before_bad_pointer, 0)
{
    TRY(pledge("foo", forbidden()) == -1 && errno == EINVAL);
    TRY(pledge(forbidden(), "foo") == -1 && errno == EFAULT && is_free());
}
CALLED(bad_word_before_widening, 0)
{
    /* Both are read before any is judged. */
    MUST(pledge("stdio", "stdio") == 0);
    TRY(pledge("stdio rpath", "foo") == -1 && errno == EINVAL);
    TRY(pledge("stdio rpath", "stdio rpath") == -1 && errno == EPERM);
}
CALLED(widen_keeps_exec, 0)
{
    MUST(pledge("stdio", "stdio rpath inet") == 0);
    TRY(pledge("stdio rpath", "stdio rpath") == -1 && errno == EPERM);
    TRY(status().execpromises == (bit("stdio") | bit("rpath") | bit("inet")));
    TRY(pledge("", "stdio rpath inet unix") == -1 && errno == EPERM);
    TRY(status().promises == bit("stdio"));
    TRY(pledge("", "stdio") == 0);
    TRY(status().promises == 0 && status().execpromises == bit("stdio"));
}
CALLED(null_keeps_each, 0)
{
    MUST(pledge("stdio rpath", "stdio rpath inet") == 0);
    TRY(pledge(NULL, "stdio inet") == 0);
    TRY(status().promises == (bit("stdio") | bit("rpath")));
    TRY(pledge("stdio", NULL) == 0);
    TRY(status().execpromises == (bit("stdio") | bit("inet")));
    TRY(pledge(NULL, NULL) == 0 && rpledge_pledge(NULL, NULL, RPLEDGE_KILL) == 0);
    TRY((status().flags & RPLEDGE_MODE_MASK) == RPLEDGE_ABORT);
    TRY(status().promises == bit("stdio"));
}
CALLED(exec_empty_is_not_null, 0)
{
    MUST(pledge("stdio", NULL) == 0);
    TRY(!(status().state & RPLEDGE_EXECPROMISES));
    TRY(pledge(NULL, "") == 0);
    TRY((status().state & RPLEDGE_EXECPROMISES) && status().execpromises == 0);
    TRY(pledge(NULL, "stdio") == -1 && errno == EPERM);
}
CALL(good_bad_exec, 0, fails("stdio", "foo", EINVAL, RPLEDGE_E_WORD))
CALL(bad_good_exec, 0, fails("foo", "stdio", EINVAL, RPLEDGE_E_WORD))
CALLED(narrow_with_bad_exec, 0)
{
    MUST(pledge("stdio inet", NULL) == 0);
    TRY(pledge("stdio", "foo") == -1 && errno == EINVAL);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    TRY(status().promises == (bit("stdio") | bit("inet")));
}
CALLED(widen_exec_keeps_promises, 0)
{
    MUST(pledge("stdio inet exec", "stdio inet exec") == 0);
    MUST(pledge(NULL, "stdio inet exec") == 0);
    TRY(pledge("stdio", "stdio inet exec rpath") == -1 && errno == EPERM);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
CALLED(exec_only, 0)
{
    /* Narrower than no promises at all: a filter alone cannot do it, as for one thread. */
    TRY(rpledge_pledge(NULL, "stdio rpath", RPLEDGE_THREAD) == -1 && errno == ENOTSUP);
    TRY(rpledge_error() == RPLEDGE_E_BROKER);
    TRY(is_free());
    TRY(pledge(NULL, "stdio rpath") == 0 && socket(AF_INET, SOCK_STREAM, 0) >= 0);
    TRY(status().promises == 0 && (status().state & RPLEDGE_PLEDGED) == 0);
    TRY(status().execpromises == (bit("stdio") | bit("rpath")));
}
#define THEN(words) (pledge("stdio exec", "stdio exec rpath") == 0 && pledge(NULL, words) == 0)
CALL(exec_widen, EPERM, THEN("stdio exec rpath inet"))
CALL(exec_same, 0, THEN("rpath exec stdio"))
CALL(exec_narrow, 0, THEN("stdio exec"))
CALLED(exec_kept, 0)
{
    TRY(THEN("stdio exec"));
    TRY(status().execpromises == (bit("stdio") | bit("exec")));
    TRY(status().promises == (bit("stdio") | bit("exec")));
}
CALL(exec_leading_space, 0, fails(NULL, " stdio", EINVAL, RPLEDGE_E_WORD))
CALL(exec_wider_than_promises, 0, pledge("stdio exec", "stdio exec rpath inet") == 0)
CALL(exec_narrower, 0, pledge("stdio rpath exec", "stdio") == 0)
/* What the first filter lets through it lets an executed program, too. */
CALLED(exec_narrower_later, ENOTSUP)
{
    MUST(pledge("stdio rpath exec", NULL) == 0);
    TRY(pledge(NULL, "stdio") == 0);
}
CALLED(exec_narrower_thread_says_why, 0)
{
    TRY(rpledge_pledge("stdio rpath exec", "stdio", RPLEDGE_THREAD) == -1 && errno == ENOTSUP);
    TRY(rpledge_error() == RPLEDGE_E_BROKER);
    TRY(is_free());
}

/* Narrowing and widening */
CALL(same, 0, pledge("stdio rpath", NULL) == 0 && pledge("stdio rpath", NULL) == 0)
CALL(other_order, 0, pledge("stdio rpath", NULL) == 0 && pledge("rpath stdio", NULL) == 0)
CALL(widen, EPERM, pledge("stdio", NULL) == 0 && pledge("stdio rpath", NULL) == 0)
CALL(swap, EPERM, pledge("stdio rpath", NULL) == 0 && pledge("stdio wpath", NULL) == 0)
CALLED(widen_keeps_state, 0)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    TRY(pledge("stdio rpath inet", NULL) == -1 && errno == EPERM);
    TRY(rpledge_error() == RPLEDGE_E_REGAIN);
    TRY(strstr(rpledge_errmsg(), "inet") != NULL);
    TRY(status().promises == (bit("stdio") | bit("rpath")));
    TRY(open("file", O_RDONLY) >= 0);
}
CALLED(narrow_ten_times, 0)
{
    static const char *const steps[] = {
        "stdio rpath wpath cpath dpath fattr chown flock inet unix", "stdio rpath wpath cpath fattr",
        "stdio rpath wpath cpath", "stdio rpath wpath", "stdio rpath", "stdio", ""};
    size_t i;

    for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
        TRY(pledge(steps[i], NULL) == 0);
}
ALLOWED(narrow_then_use, "stdio rpath inet")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio rpath", NULL) == 0);
    TRY(open("file", O_RDONLY) >= 0);
}
DENIED(narrow_then_lost, "stdio rpath inet")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio rpath", NULL) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
CALLED(narrow_in_fork, 0)
{
    int end;
    pid_t pid;

    MUST(pledge("stdio proc inet", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0)
        _exit(pledge("stdio inet proc rpath", NULL) == -1 && errno == EPERM
              && pledge("stdio", NULL) == 0 ? 0 : 1);
    TRY(waitpid(pid, &end, 0) == pid && end == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
static void *widens(void *arg)
{
    return pledge("stdio rpath", NULL) == -1 && errno == EPERM ? arg : NULL;
}
CALLED(widen_in_thread, 0)
{
    pthread_t thread;
    void *ok;

    MUST(pledge("stdio", NULL) == 0);
    MUST(pthread_create(&thread, NULL, widens, &case_shared) == 0);
    MUST(pthread_join(thread, &ok) == 0);
    TRY(ok == &case_shared);
}

/* "error" */
CALLED(error_refuses, ENOSYS)
{
    MUST(pledge("stdio error", NULL) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
REFUSE(error_open, "stdio error", open("file", O_RDONLY) >= 0)
CALLED(error_ignores_increase, 0)
{
    MUST(pledge("stdio error", NULL) == 0);
    TRY(pledge("stdio rpath error", NULL) == 0);
    TRY(status().promises == (bit("stdio") | bit("error")));
    TRY(open("file", O_RDONLY) == -1 && errno == ENOSYS);
}
CALLED(error_intersects, 0)
{
    MUST(pledge("stdio rpath error", NULL) == 0);
    TRY(pledge("rpath inet stdio error", NULL) == 0);
    TRY(open("file", O_RDONLY) >= 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == ENOSYS);
}
CALLED(error_dropped_ignores_too, 0)
{
    /* The intersection is taken while error mode still holds. */
    MUST(pledge("stdio error", NULL) == 0);
    TRY(pledge("stdio rpath", NULL) == 0);
    TRY(status().promises == bit("stdio"));
}
DENIED(error_dropped_kills, "stdio error")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio", NULL) == 0);
    TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}
CALLED(error_never_regained, EPERM)
{
    MUST(pledge("stdio error", NULL) == 0 && pledge("stdio", NULL) == 0);
    TRY(pledge("stdio error", NULL) == 0);
}
CALLED(error_exec_widen, EPERM)
{
    /* OpenBSD's code, against its manual. */
    MUST(pledge("stdio error exec", "stdio error exec") == 0);
    TRY(pledge(NULL, "stdio rpath error exec") == 0);
}
CALLED(error_exec_kept, 0)
{
    /* The promises are masked before both are judged: all or nothing still. */
    MUST(pledge("stdio inet error", "stdio inet error") == 0);
    TRY(pledge("stdio rpath error", "stdio rpath error") == -1 && errno == EPERM);
    TRY(status().promises == (bit("stdio") | bit("inet") | bit("error")));
    TRY(status().execpromises == (bit("stdio") | bit("inet") | bit("error")));
    TRY(pledge("stdio rpath error", "stdio") == 0);
    TRY(status().promises == (bit("stdio") | bit("error")));
}
CALLED(error_in_thread_and_child, 0)
{
    int end;
    pid_t pid;

    MUST(pledge("stdio proc error", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0)
        _exit(!(pledge("stdio rpath error", NULL) == 0 && open("file", O_RDONLY) == -1
                && errno == ENOSYS));
    TRY(waitpid(pid, &end, 0) == pid && end == 0);
}
CALL(error_alone_word, 0, pledge("error", NULL) == 0)
CALL(error_bad_word, EINVAL, pledge("stdio error", NULL) == 0 && pledge("stdio foo", NULL) == 0)

/* Beside promises that grant all of it, it needs no name to be read. */
CALL(tmppath_covered, 0,
     pledge("stdio rpath wpath cpath tmppath", NULL) == 0
         && pledge("stdio rpath cpath tmppath", NULL) == -1 && errno == ENOTSUP
         && rpledge_error() == RPLEDGE_E_BROKER
         && pledge("stdio rpath wpath cpath tmppath", NULL) == 0)
/* What a device or a message is, a filter does not see. */
#define IN_PART(word)                                                        \
    CALL(word##_in_part, 0,                                                  \
         pledge("stdio " #word, NULL) == 0 && (status().state & RPLEDGE_PARTIAL))
IN_PART(tape)
IN_PART(pf)
IN_PART(wroute)
IN_PART(audio)
IN_PART(video)
IN_PART(disklabel)
IN_PART(drm)
IN_PART(vmm)
CALL(in_part_strictly, 0,
     rpledge_pledge("stdio video", NULL, RPLEDGE_STRICT) == -1 && errno == ENOTSUP)
CALL(bpf_whole, 0, pledge("stdio bpf", NULL) == 0 && !(status().state & RPLEDGE_PARTIAL))
CALL(sendfd_whole, 0, pledge("stdio sendfd recvfd", NULL) == 0 && !(status().state & RPLEDGE_PARTIAL))
CALL(stdio_whole, 0, pledge("stdio", NULL) == 0 && !(status().state & RPLEDGE_PARTIAL))
