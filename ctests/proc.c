/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes: fork and kin, signals to others, limits, sessions; no namespaces for anybody. */
#include "case.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int forks(pid_t (*how)(void))
{
    int end;
    pid_t pid = how();

    if (pid == 0)
        _exit(7);
    return pid > 0 && waitpid(pid, &end, 0) == pid && WIFEXITED(end) && WEXITSTATUS(end) == 7;
}

/* vfork() may not return through a callback: the frame would be gone. */
static int vforks(void)
{
    int end;
    pid_t pid = vfork();

    if (pid == 0)
        _exit(7);
    return pid > 0 && waitpid(pid, &end, 0) == pid && WEXITSTATUS(end) == 7;
}

ALLOW(fork_proc, "stdio proc", forks(fork))
FATAL(fork_stdio, "stdio", forks(fork))
FATAL(fork_exec, "stdio exec", forks(fork))
ALLOW(vfork_proc, "stdio proc", vforks())
DENY(vfork_stdio, "stdio", vforks())
CALLED(child_keeps_promises, 0)
{
    int end;
    pid_t pid;

    MUST(pledge("stdio proc", NULL) == 0);
    MUST((pid = fork()) >= 0);
    if (pid == 0)
        _exit(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    TRY(waitpid(pid, &end, 0) == pid);
    TRY(WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
}

/* Waiting is stdio's. */
static pid_t child(void)
{
    pid_t self = getpid(), pid = fork();

    MUST(pid >= 0);
    if (pid == 0)
        WAIT_FOR(self);
    return pid;
}
static pid_t dead_child(void)
{
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0)
        _exit(0);
    return pid;
}
ALLOWED(wait_stdio, "stdio")
{
    int end;

    dead_child();
    PLEDGE();
    TRY(wait(&end) > 0);
}
ALLOWED(waitid_stdio, "stdio")
{
    siginfo_t info;
    pid_t pid = dead_child();

    PLEDGE();
    TRY(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_pid == pid);
}
ALLOWED(wait4_stdio, "stdio")
{
    struct rusage usage;
    pid_t pid = dead_child();

    PLEDGE();
    TRY(wait4(pid, NULL, 0, &usage) == pid);
}

/* Threads are stdio's. */
static void *nothing(void *arg)
{
    return arg;
}
ALLOWED(thread_stdio, "stdio")
{
    pthread_t thread;

    PLEDGE();
    TRY(pthread_create(&thread, NULL, nothing, NULL) == 0);
    TRY(pthread_join(thread, NULL) == 0);
}
ALLOWED(threads_stdio, "stdio")
{
    pthread_t thread[16];
    int i;

    PLEDGE();
    for (i = 0; i < 16; i++)
        TRY(pthread_create(&thread[i], NULL, nothing, NULL) == 0);
    for (i = 0; i < 16; i++)
        TRY(pthread_join(thread[i], NULL) == 0);
}

/* clone(2) itself: neither processes nor namespaces in the disguise of threads */
#define RAW_CLONE(flags) syscall(SYS_clone, flags, 0, 0, 0, 0)
static int clones(unsigned long flags)
{
    long pid = RAW_CLONE(flags);

    if (pid == 0)
        _exit(0);
    return pid > 0;
}
ALLOW(raw_clone_proc, "stdio proc", clones(SIGCHLD))
DENY(raw_clone_stdio, "stdio", clones(SIGCHLD))
#define NAMESPACE(id, flag)                                                  \
    DENIED(id, "stdio proc exec id")                                         \
    {                                                                        \
        NEED_ROOT();                                                         \
        NEED("namespaces", case_is_pledged || clones(flag | SIGCHLD));       \
        PLEDGE();                                                            \
        TRY(clones(flag | SIGCHLD));                                         \
    }
NAMESPACE(clone_newuser, CLONE_NEWUSER)
NAMESPACE(clone_newns, CLONE_NEWNS)
NAMESPACE(clone_newpid, CLONE_NEWPID)
NAMESPACE(clone_newnet, CLONE_NEWNET)
NAMESPACE(clone_newipc, CLONE_NEWIPC)
NAMESPACE(clone_newuts, CLONE_NEWUTS)
NAMESPACE(clone_newcgroup, 0x02000000)
DENIED(clone_parent, "stdio proc")
{
    /* A sibling: it would be the harness's child. */
    PLEDGE();
    TRY(clones(CLONE_PARENT | SIGCHLD));
}
DENIED(clone_ptrace, "stdio proc")
{
    PLEDGE();
    TRY(clones(CLONE_PTRACE | SIGCHLD));
}
#ifdef SYS_clone3
/* Its flags hide behind a pointer; libcs fall back to clone. */
static int clones3(uint64_t flags)
{
    uint64_t args[8] = {0};
    long pid;

    args[0] = flags;
    args[4] = SIGCHLD;
    pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0)
        _exit(0);
    return pid > 0;
}
REFUSE(raw_clone3_proc, "stdio proc", clones3(0))
REFUSE(raw_clone3_stdio, "stdio", clones3(0))
#endif

/* Signals */
static volatile sig_atomic_t caught;
static void catch_it(int sig)
{
    caught = sig;
}
ALLOWED(kill_self_stdio, "stdio")
{
    signal(SIGUSR1, catch_it);
    PLEDGE();
    TRY(kill(getpid(), SIGUSR1) == 0 && caught == SIGUSR1);
}
ALLOWED(kill_0_stdio, "stdio")
{
    signal(SIGUSR1, catch_it);
    PLEDGE();
    TRY(kill(0, SIGUSR1) == 0 && caught == SIGUSR1);
}
ALLOWED(raise_stdio, "stdio")
{
    signal(SIGUSR1, catch_it);
    PLEDGE();
    TRY(raise(SIGUSR1) == 0 && caught == SIGUSR1);
}
ALLOWED(pthread_kill_stdio, "stdio")
{
    signal(SIGUSR1, catch_it);
    PLEDGE();
    TRY(pthread_kill(pthread_self(), SIGUSR1) == 0 && caught == SIGUSR1);
}
#define TO_CHILD(kind, id, words, ...)                                       \
    kind(id, words)                                                          \
    {                                                                        \
        pid_t pid = child();                                                 \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
TO_CHILD(ALLOWED, kill_other_proc, "stdio proc", kill(pid, SIGKILL) == 0)
TO_CHILD(DENIED, kill_other_stdio, "stdio", kill(pid, SIGKILL) == 0)
TO_CHILD(DENIED, kill_other_0_stdio, "stdio", kill(pid, 0) == 0)
TO_CHILD(DENIED, kill_group_stdio, "stdio", pid > 0 && kill(-getpgrp(), 0) == 0)
DENY(kill_parent_stdio, "stdio", kill(getppid(), 0) == 0)
ALLOW(kill_parent_proc, "stdio proc", kill(getppid(), 0) == 0)
DENY(kill_all_stdio, "stdio", kill(-1, 0) == 0 || errno == ESRCH || errno == EPERM)
TO_CHILD(DENIED, tkill_other, "stdio", syscall(SYS_tkill, pid, 0) == 0)
TO_CHILD(DENIED, tgkill_other, "stdio", syscall(SYS_tgkill, pid, pid, 0) == 0)
TO_CHILD(DENIED, tgsigqueue_other, "stdio",
         syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0,
                 memset(&(siginfo_t){0}, 0xff, 16)) == 0 || errno == EPERM)
FATAL(sigqueue_parent, "stdio", sigqueue(getppid(), 0, (union sigval){0}) == 0)
DENY(tkill_parent, "stdio", syscall(SYS_tkill, getppid(), 0) == 0)
DENY(tgkill_parent, "stdio", syscall(SYS_tgkill, getppid(), getppid(), 0) == 0)
DENY(kill_high_bits, "stdio", syscall(SYS_kill, 0x100000000 | (unsigned)getppid(), 0) == 0)
#ifdef SYS_pidfd_send_signal
DENIED(pidfd_signal, "stdio")
{
    int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

    NEED("pidfd_open", fd >= 0);
    PLEDGE();
    TRY(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
}
#endif

/* Sessions, limits, priorities */
TO_CHILD(ALLOWED, setpgid_proc, "stdio proc", setpgid(pid, pid) == 0)
TO_CHILD(DENIED, setpgid_stdio, "stdio", setpgid(pid, pid) == 0)
PROBE(setsid_stdio, "stdio", EPERM, setsid() > 0)
static struct rlimit limit;
ALLOW(getrlimit_stdio, "stdio", getrlimit(RLIMIT_NOFILE, &limit) == 0)
ALLOW(setrlimit_proc, "stdio proc",
      getrlimit(RLIMIT_NOFILE, &limit) == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0)
DENY(setrlimit_stdio, "stdio",
     getrlimit(RLIMIT_NOFILE, &limit) == 0 && setrlimit(RLIMIT_NOFILE, &limit) == 0)
static uint64_t limit64[2];
DENY(prlimit_set_stdio, "stdio",
     syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit64) == 0
         && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit64, NULL) == 0)
DENY(prlimit_parent_stdio, "stdio",
     syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, limit64) == 0)
DENIED(prlimit_parent_set_proc, "stdio proc")
{
    MUST(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, limit64) == 0);
    PLEDGE();
    TRY(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, limit64, NULL) == 0);
}
ALLOW(setpriority_proc, "stdio proc", setpriority(PRIO_PROCESS, 0, 5) == 0)
DENY(setpriority_stdio, "stdio", setpriority(PRIO_PROCESS, 0, 5) == 0)
ALLOW(getpriority_proc, "stdio proc", getpriority(PRIO_PROCESS, 0) == 0)

/* F_SETOWN: signals to whom one likes */
ALLOW(setown_proc, "stdio proc", fcntl(0, F_SETOWN, getpid()) == 0)
DENY(setown_stdio, "stdio", fcntl(0, F_SETOWN, getppid()) == 0)
DENY(setown_ex_stdio, "stdio", fcntl(0, 15 /* F_SETOWN_EX */, &(int[]){1, getpid()}) == 0)
DENY(setsig_stdio, "stdio", fcntl(0, 10 /* F_SETSIG */, SIGUSR1) == 0)
