/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* execve: who may, and what holds in the program that comes after. */
#include "case.h"
#include "machine.h"
#include "two.h"

#include <sys/prctl.h>

extern char **environ;

/* Code for a program of its own, as small as ELF allows: what is tested here
 * is the filter that it inherits, not a libc's start. */
static const unsigned char exits[] = {EXITS};
static const unsigned char makes_socket[] = {MAKES_SOCKET};

static void program(const char *path, const unsigned char *code, size_t len)
{
    unsigned char image[512] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    uint64_t base = 0x400000;
    int fd = open(path, O_WRONLY | O_CREAT, 0755);

#define PUT(at, type, value) *(type *)(void *)(image + (at)) = (type)(value)
    PUT(16, uint16_t, 2);           /* ET_EXEC */
    PUT(18, uint16_t, MACHINE);
    PUT(20, uint32_t, 1);
    PUT(24, uint64_t, base + 0x78); /* entry */
    PUT(32, uint64_t, 0x40);        /* program headers */
    PUT(52, uint16_t, 64);
    PUT(54, uint16_t, 56);
    PUT(56, uint16_t, 1);
    PUT(0x40, uint32_t, 1);         /* PT_LOAD */
    PUT(0x44, uint32_t, 5);         /* readable, executable */
    PUT(0x50, uint64_t, base);
    PUT(0x58, uint64_t, base);
    PUT(0x60, uint64_t, 0x78 + len);
    PUT(0x68, uint64_t, 0x78 + len);
    PUT(0x70, uint64_t, 0x1000);
    memcpy(image + 0x78, code, len);
    MUST(fd >= 0 && write(fd, image, 0x78 + len) == (ssize_t)(0x78 + len) && close(fd) == 0);
}

static char *const argv_none[] = {(char *)"program", NULL};

static int runs(const char *path)
{
    return execve(path, argv_none, environ) == 0;
}

#define WITH_PROGRAM(kind, id, words, code, ...)                             \
    kind(id, words)                                                          \
    {                                                                        \
        program("program", code, sizeof code);                               \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

WITH_PROGRAM(ALLOWED, exec_exec, "stdio exec", exits, runs("./program"))
WITH_PROGRAM(ALLOWED, exec_only_exec, "exec", exits, runs("./program"))
WITH_PROGRAM(DENIED, exec_stdio, "stdio", exits, runs("./program"))
WITH_PROGRAM(DENIED, exec_proc, "stdio rpath proc", exits, runs("./program"))
WITH_PROGRAM(ALLOWED, execl_exec, "stdio exec", exits, execl("./program", "program", NULL) == 0)
WITH_PROGRAM(ALLOWED, execvp_exec, "stdio rpath exec", exits,
             execvp("./program", argv_none) == 0)

/* What holds afterwards */
WITH_PROGRAM(ALLOWED, is_free, "stdio exec", makes_socket, runs("./program"))
WITH_PROGRAM(ALLOWED, is_free_inet, "stdio exec inet", makes_socket, runs("./program"))
ALLOWED(is_free_in_child, "stdio proc exec")
{
    int end;
    pid_t pid;

    program("program", makes_socket, sizeof makes_socket);
    PLEDGE();
    pid = fork();
    if (pid == 0) {
        runs("./program");
        _exit(9);
    }
    TRY(waitpid(pid, &end, 0) == pid);
    TRY(end == 0);
}
CALLED(is_free_error, 0)
{
    program("program", makes_socket, sizeof makes_socket);
    MUST(pledge("stdio exec error", NULL) == 0);
    TRY(runs("./program"));
}
CALLED(same_error, 1)
{
    /* ENOSYS, so the program exits with 1 instead of dying. */
    program("program", makes_socket, sizeof makes_socket);
    MUST(pledge("stdio exec error", "stdio exec error") == 0);
    TRY(runs("./program"));
}
CALLED(ignored_sigsys_still_kills, 0)
{
    int end;
    pid_t pid;

    program("program", makes_socket, sizeof makes_socket);
    MUST(signal(SIGSYS, SIG_IGN) != SIG_ERR);
    MUST(pledge("stdio proc exec", "stdio proc exec") == 0);
    pid = fork();
    if (pid == 0) {
        runs("./program");
        _exit(9);
    }
    TRY(waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == SIGSYS);
}
CALLED(no_new_privs, 0)
{
    MUST(pledge("stdio exec", NULL) == 0);
    TRY(syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}
WITH_PROGRAM(ALLOWED, same_execpromises, "stdio exec", exits,
             (!case_is_pledged || pledge(NULL, "stdio exec") == 0) && runs("./program"))

/* The other ways to execute */
WITH_PROGRAM(ALLOWED, fexecve_exec, "stdio rpath exec", exits,
             fexecve(open("program", O_RDONLY | O_CLOEXEC), argv_none, environ) == 0)
WITH_PROGRAM(DENIED, fexecve_stdio, "stdio rpath", exits,
             fexecve(open("program", O_RDONLY | O_CLOEXEC), argv_none, environ) == 0)
WITH_PROGRAM(DENIED, execveat_stdio, "stdio rpath", exits,
             syscall(SYS_execveat, AT_FDCWD, "program", argv_none, environ, 0) == 0)
#ifdef SYS_memfd_create
DENIED(memfd_stdio, "stdio rpath")
{
    char image[1024];
    int file, fd = (int)syscall(SYS_memfd_create, "program", 0);
    ssize_t len;

    NEED("memfd_create", fd >= 0);
    program("program", exits, sizeof exits);
    MUST((file = open("program", O_RDONLY | O_CLOEXEC)) >= 0);
    MUST((len = read(file, image, sizeof image)) > 0 && write(fd, image, (size_t)len) == len);
    PLEDGE();
    TRY(syscall(SYS_execveat, fd, "", argv_none, environ, AT_EMPTY_PATH) == 0);
}
#endif

/* A real program of this system: its loader reads and maps libraries. */
ALLOW(true_dynamic, "stdio rpath exec prot_exec", execl("/bin/true", "true", NULL) == 0)
ALLOW(system_true, "stdio rpath proc exec prot_exec", system("true") == 0)
FATAL(system_stdio, "stdio rpath", system("true") == 0)

/* A second image of this program under the filter of the first: it knows what
 * that one promised, and can promise less. */
static int narrows(void)
{
    struct rpledge_status now;
    uint64_t before;

    if (rpledge_status(&now, sizeof now) != 0 || !(now.state & RPLEDGE_PLEDGED))
        return 1;
    before = now.promises;
    if (pledge("stdio rpath wpath inet exec prot_exec", NULL) != -1 || errno != EPERM)
        return 2;
    if (rpledge_pledge("stdio rpath inet exec prot_exec", NULL, RPLEDGE_ERROR) != 0 || !connects())
        return 3;
    if (rpledge_status(&now, sizeof now) != 0 || (now.promises & ~before) != 0)
        return 4;
    if (rpledge_pledge("stdio rpath", NULL, RPLEDGE_ERROR) != 0 || connects() || errno != ENOSYS
        || !reads())
        return 5;
    if (rpledge_pledge("stdio", NULL, RPLEDGE_ERROR) != 0 || reads() || errno != ENOSYS)
        return 6;
    return pledge("stdio rpath", NULL) == -1 && errno == EPERM ? 0 : 7;
}
static int violates(void)
{
    return pledge("stdio rpath", NULL) == 0 ? !connects() : 8;
}
__attribute__((constructor)) static void second_image(void)
{
    const char *what = getenv("CASE_SECOND");

    if (what != NULL)
        _exit(strcmp(what, "narrows") == 0    ? narrows()
              : strcmp(what, "violates") == 0 ? violates()
                                              : !connects());
}
CALLED(second_narrows, 0)
{
    MUST(setenv("CASE_SECOND", "narrows", 1) == 0);
    MUST(rpledge_pledge("stdio rpath inet exec prot_exec", "stdio rpath inet exec prot_exec",
                        RPLEDGE_ERROR) == 0);
    TRY(runs("/proc/self/exe"));
}
CALLED(second_asks, 0)
{
    /* The execpromises are asked for, too. */
    MUST(setenv("CASE_SECOND", "narrows", 1) == 0);
    MUST(rpledge_pledge("stdio rpath inet exec prot_exec", "stdio rpath inet exec prot_exec unix",
                        RPLEDGE_ERROR) == 0);
    TRY(runs("/proc/self/exe"));
}
DENIED(second_violates, "stdio rpath inet exec prot_exec")
{
    static char *const argv[] = {(char *)"exec", NULL};

    MUST(setenv("CASE_SECOND", case_is_pledged ? "violates" : "connects", 1) == 0);
    PLEDGE();
    TRY(execve("/proc/self/exe", argv, environ) == 0);
}
