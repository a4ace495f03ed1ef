/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What holds in programs that a pledged process executes: nothing, or the execpromises. */
#include "case.h"
#include "two.h"

#include <spawn.h>

extern char **environ;

/* Everything that a shell and its children need, and "file" is written by them. */
#define WRITES "echo more > written && test -s written"
#define READS "read line < file"

static int spawns(const char *command)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    pid_t pid;
    int end;

    return posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0
           && waitpid(pid, &end, 0) == pid && end == 0;
}
static int forks(const char *command, int *end)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(99);
    }
    return pid > 0 && waitpid(pid, end, 0) == pid;
}
static int succeeds(const char *command)
{
    int end;

    return forks(command, &end) && end == 0;
}
/* By a report and SIGABRT, or by SIGKILL where a shell blocks or handles that. */
static int dies(const char *command)
{
    int end;

    return forks(command, &end) && WIFSIGNALED(end)
           && (WTERMSIG(end) == SIGABRT || WTERMSIG(end) == SIGKILL);
}
static int pipes(const char *command, const char *says)
{
    char line[64] = "";
    FILE *from = popen(command, "r");

    return from != NULL && fgets(line, sizeof line, from) != NULL && strcmp(line, says) == 0
           && pclose(from) == 0;
}
static int script(void)
{
    static char *const argv[] = {(char *)"script", NULL};
    int end;
    pid_t pid = fork();

    if (pid == 0) {
        execve("./script", argv, environ);
        _exit(99);
    }
    return pid > 0 && waitpid(pid, &end, 0) == pid && end == 0;
}
static void make_script(void)
{
    int fd = open("script", O_WRONLY | O_CREAT, 0755);

    MUST(fd >= 0 && dprintf(fd, "#!/bin/sh\n" WRITES "\n") > 0 && close(fd) == 0);
}

/* Without execpromises it is free, and so are its children */
ALLOW(free_shell, "stdio proc exec", succeeds(WRITES))
ALLOW(free_child, "stdio proc exec", succeeds("sh -c 'sh -c \"" WRITES "\"; true' && " WRITES))
ALLOW(free_spawned, "stdio proc exec", spawns(WRITES))
ALLOW(free_system, "stdio rpath proc exec", system(WRITES) == 0)
ALLOW(free_popen, "stdio proc exec", pipes(WRITES "; echo said", "said\n"))
ALLOW(free_error, "stdio proc exec error", succeeds(WRITES))
ALLOWED(free_script, "stdio proc exec")
{
    make_script();
    PLEDGE();
    TRY(script());
}
/* Calls that no promise grants */
ALLOWED(free_unshare, "stdio proc exec")
{
    NEED("unshare", system("command -v unshare >/dev/null") == 0);
    PLEDGE();
    TRY(succeeds("unshare -U true"));
}
ALLOWED(free_after_fork, "stdio proc exec")
{
    int end;
    pid_t pid;

    PLEDGE();
    pid = fork();
    if (pid == 0)
        _exit(!succeeds(WRITES));
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && end == 0);
}
/* What is given up later it may still do, unless the first let it through unasked */
ALLOWED(free_after_narrowing, "stdio wpath proc exec")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio proc exec", NULL) == 0);
    TRY(succeeds(READS));
}
CALLED(lacks_what_was_let_through, 0)
{
    int end;

    MUST(pledge("stdio rpath proc exec", NULL) == 0 && succeeds(READS));
    MUST(pledge("stdio proc exec", NULL) == 0);
    TRY(forks(READS, &end) && WIFSIGNALED(end) && WTERMSIG(end) == SIGSYS);
}
/* The one that executes stays what it was */
DENIED(stays_pledged, "stdio proc exec")
{
    PLEDGE();
    MUST(succeeds(WRITES));
    TRY(connects());
}
DENIED(stays_pledged_in_child, "stdio proc exec")
{
    PLEDGE();
    MUST(succeeds(WRITES));
    TRY(reads());
}
DENIED(fails_to_execute, "stdio exec")
{
    PLEDGE();
    MUST(execl("/nonexistent", "nonexistent", (char *)NULL) == -1 && errno == ENOENT);
    TRY(connects());
}
/* Messages without descriptors are passed as if it executed nothing. */
ALLOWED(stays_sending, "stdio proc exec")
{
    char text[4], room[64];
    struct iovec part = {text, sizeof text};
    struct msghdr msg;
    int pair[2];

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    PLEDGE();
    MUST(succeeds(WRITES));
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &part;
    msg.msg_iovlen = 1;
    memcpy(text, "abc", 4);
    TRY(sendmsg(pair[0], &msg, 0) == 4);
    msg.msg_control = room;
    msg.msg_controllen = sizeof room;
    memset(text, 0, sizeof text);
    TRY(recvmsg(pair[1], &msg, 0) == 4 && strcmp(text, "abc") == 0);
}
/* Who is another user once it was executed has no more than that user. */
#define OTHERS "/tmp/rpledge-others"
__attribute__((constructor)) static void be_another(void)
{
    if (getenv("RPLEDGE_OTHER_USER") == NULL)
        return;
    if (setgid(65534) != 0 || setuid(65534) != 0 || pledge("stdio tmppath", NULL) != 0)
        _exit(99);
    _exit(unlink(OTHERS) == 0 ? 0 : errno);
}
CALLED(user_of_executed, 0)
{
    int end;
    pid_t pid;

    NEED_ROOT();
    MUST(close(open(OTHERS, O_WRONLY | O_CREAT, 0600)) == 0);
    MUST(pledge("stdio rpath proc exec", NULL) == 0);
    pid = fork();
    if (pid == 0) {
        setenv("RPLEDGE_OTHER_USER", "", 1);
        execl("/proc/self/exe", "execute", (char *)NULL);
        _exit(98);
    }
    /* As the directory's sticky bit has it. */
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && WIFEXITED(end) && WEXITSTATUS(end) == EPERM);
}
/* What tells who has executed cannot be taken away */
ALLOWED(handler_stays, "stdio proc exec")
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } none = {0};

    PLEDGE();
    /* 0x72706c64: how the library's own calls are told from others. */
    TRY(syscall(SYS_rt_sigaction, SIGSYS, &none, NULL, 8, 0, 0x72706c64) == (case_is_pledged ? -1 : 0));
}

/* With execpromises these hold */
CALLED(under_reads, 0)
{
    MUST(succeeds(READS));
    MUST(pledge("stdio rpath proc exec", "stdio rpath prot_exec") == 0);
    TRY(succeeds(READS));
}
CALLED(under_wider, 0)
{
    MUST(pledge("stdio proc exec", "stdio rpath wpath cpath prot_exec") == 0);
    TRY(succeeds("echo more > written"));
}
CALLED(under_narrower, 0)
{
    MUST(succeeds("echo more > written"));
    MUST(pledge("stdio rpath wpath cpath proc exec", "stdio rpath prot_exec") == 0);
    TRY(dies("echo more > written"));
    /* Here it still may. */
    TRY(close(open("other", O_WRONLY | O_CREAT, 0600)) == 0);
}
CALLED(under_no_inet, 0)
{
    MUST(pledge("stdio rpath inet proc exec", "stdio rpath prot_exec") == 0);
    TRY(connects());
    TRY(succeeds(READS));
}
CALLED(under_no_proc, 0)
{
    MUST(succeeds("sh -c true; true"));
    MUST(pledge("stdio rpath proc exec", "stdio rpath prot_exec") == 0);
    TRY(dies("sh -c true; true"));
}
CALLED(under_kept, 0)
{
    /* They hold at the next exec, too. */
    MUST(pledge("stdio rpath wpath cpath proc exec", "stdio rpath prot_exec proc exec") == 0);
    TRY(succeeds("exec sh -c '" READS "'"));
    TRY(dies("exec sh -c 'exec sh -c \"echo more > written\"'"));
}
/* As OpenBSD has it; without execpromises it starts, and gains nothing. */
CALLED(under_set_id, EACCES)
{
    int from = open("/bin/true", O_RDONLY), to = open("true", O_WRONLY | O_CREAT, 0700);
    char part[4096];
    ssize_t got;

    while ((got = read(from, part, sizeof part)) > 0)
        MUST(write(to, part, (size_t)got) == got);
    MUST(got == 0 && fchmod(to, 04755) == 0 && close(to) == 0);
    MUST(succeeds("./true"));
    MUST(pledge("stdio rpath proc exec", "stdio rpath prot_exec") == 0);
    TRY(execl("./true", "true", (char *)NULL) == 0);
}
/* Fewer execpromises, as long as none is given up that the first filter lets through unasked. */
CALLED(under_reduced, 0)
{
    MUST(pledge("stdio proc exec", "stdio rpath wpath cpath prot_exec") == 0);
    MUST(succeeds("echo more > written"));
    MUST(pledge(NULL, "stdio rpath prot_exec") == 0);
    MUST(succeeds(READS));
    TRY(dies("echo more > written"));
}
CALLED(under_reduced_twice, 0)
{
    MUST(pledge("stdio rpath proc exec", NULL) == 0);
    MUST(succeeds("echo more > written"));
    MUST(pledge(NULL, "stdio rpath wpath cpath prot_exec proc exec") == 0);
    MUST(succeeds("echo more > written; sh -c true; true"));
    MUST(pledge(NULL, "stdio rpath prot_exec proc exec") == 0);
    TRY(dies("echo more > written"));
}
CALLED(under_reduced_regained, EPERM)
{
    MUST(pledge("stdio proc exec", "stdio rpath wpath cpath prot_exec") == 0);
    MUST(pledge(NULL, "stdio rpath prot_exec") == 0);
    TRY(pledge(NULL, "stdio rpath wpath cpath prot_exec") == 0);
}
CALLED(under_reduced_too_far, ENOTSUP)
{
    MUST(pledge("stdio rpath wpath cpath proc exec", "stdio rpath wpath cpath prot_exec") == 0);
    TRY(pledge(NULL, "stdio rpath prot_exec") == 0);
}
/* Before any promises, too: who gives them stays free. */
#define ALONE "stdio rpath prot_exec"
CALLED(alone_writes, 0)
{
    MUST(succeeds("echo more > written"));
    MUST(pledge(NULL, ALONE) == 0);
    TRY(dies("echo more > written"));
}
CALLED(alone_reads, 0)
{
    MUST(pledge(NULL, ALONE) == 0);
    TRY(succeeds(READS) && system(READS) == 0 && spawns(READS));
}
CALLED(alone_free, 0)
{
    int fd;

    MUST(pledge(NULL, ALONE) == 0);
    TRY(connects() && reads() && getppid() > 0);
    TRY((fd = open("other", O_RDWR | O_CREAT, 0600)) >= 0 && close(fd) == 0 && unlink("other") == 0);
    TRY(chmod("file", 0600) == 0 && syscall(SYS_personality, 0xffffffffUL) >= 0);
}
CALLED(alone_free_in_child, 0)
{
    int end;
    pid_t pid;

    MUST(pledge(NULL, ALONE) == 0);
    pid = fork();
    if (pid == 0)
        _exit(!connects());
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && end == 0);
}
CALLED(alone_then_pledged, 0)
{
    int end;
    pid_t pid;

    MUST(pledge(NULL, ALONE) == 0 && connects());
    MUST(pledge("stdio wpath cpath proc exec", NULL) == 0);
    TRY(close(open("other", O_WRONLY | O_CREAT, 0600)) == 0);
    TRY(succeeds(READS) && dies("echo more > written"));
    pid = fork();
    if (pid == 0)
        _exit(!connects());
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
}
CALLED(alone_then_without_exec, 0)
{
    int end;
    pid_t pid;

    MUST(pledge(NULL, ALONE) == 0);
    MUST(pledge("stdio rpath proc", NULL) == 0);
    TRY(reads());
    pid = fork();
    if (pid == 0)
        _exit(!connects());
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
}
CALLED(alone_reduced, 0)
{
    MUST(pledge(NULL, "stdio rpath wpath cpath prot_exec") == 0);
    MUST(succeeds("echo more > written"));
    MUST(pledge(NULL, ALONE) == 0);
    TRY(succeeds(READS) && dies("echo more > written") && connects());
}
CALLED(alone_regained, EPERM)
{
    MUST(pledge(NULL, ALONE) == 0);
    TRY(pledge(NULL, "stdio rpath wpath prot_exec") == 0);
}
CALLED(under_error, 0)
{
    MUST(pledge("stdio rpath wpath cpath proc exec", "stdio rpath prot_exec error") == 0);
    TRY(succeeds("! echo more > written"));
}
