/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who is served under which scope of Yama, for scripts/check-yama: in a virtual machine, as it raises the scope. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rpledge.h>

#define SCOPE "/proc/sys/kernel/yama/ptrace_scope"

/* 0, or the errno of the first that is not served: a name, a status, a name that is refused. */
static int asks(void)
{
    struct stat about;
    int fd = open("/etc/passwd", O_RDONLY);

    if (fd == -1)
        return errno;
    close(fd);
    if (stat("/etc/passwd", &about) == -1)
        return errno;
    if (open("/etc/shadow", O_RDONLY) != -1)
        return 1000;
    return errno == EPERM ? 0 : errno;
}

static int ended(pid_t pid)
{
    int end;

    if (pid == -1 || waitpid(pid, &end, 0) != pid)
        return 1001;
    return WIFSIGNALED(end) ? 2000 + WTERMSIG(end) : WEXITSTATUS(end);
}

static int itself(void)
{
    return asks();
}

static void *in_thread(void *result)
{
    *(int *)result = asks();
    return NULL;
}

static int thread(void)
{
    pthread_t id;
    int result = 1002;

    pthread_create(&id, NULL, in_thread, &result);
    pthread_join(id, NULL);
    return result;
}

static int child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(asks());
    return ended(pid);
}

static int grandchild(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(child());
    return ended(pid);
}

/* Without what a libc does around it. */
static int bare_child(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        syscall(SYS_exit_group, asks());
    return ended(pid);
}

static int orphan(void)
{
    int told[2], result = 1003;
    pid_t pid;

    if (pipe(told) != 0)
        return 1004;
    pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            struct timespec moment = {0, 50000000};

            nanosleep(&moment, NULL);
            result = asks();
            if (write(told[1], &result, sizeof result) != sizeof result)
                _exit(1);
        }
        _exit(0);
    }
    close(told[1]);
    if (ended(pid) != 0 || read(told[0], &result, sizeof result) != sizeof result)
        return 1005;
    return result;
}

static char *self;

/* What "tmppath" has: made and removed. */
static int makes(void)
{
    char name[32];
    int fd;

    snprintf(name, sizeof name, "/tmp/yama-%d", (int)getpid());
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd == -1)
        return errno;
    return unlink(name) == -1 ? errno : 0;
}

static int executed(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl(self, self, "makes", (char *)NULL);
        _exit(99);
    }
    return ended(pid);
}

/* A descriptor goes, and comes back as another number of the same. */
static int passes(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } room;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr msg;
    int pair[2], fd = 2, got = -1;

    memset(&msg, 0, sizeof msg);
    memset(&room, 0, sizeof room);
    msg.msg_iov = &part;
    msg.msg_iovlen = 1;
    msg.msg_control = &room;
    msg.msg_controllen = sizeof room;
    room.header.cmsg_level = SOL_SOCKET;
    room.header.cmsg_type = SCM_RIGHTS;
    room.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&room.header), &fd, sizeof fd);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1006;
    if (sendmsg(pair[0], &msg, 0) != 1)
        return errno;
    memset(&room, 0, sizeof room);
    if (recvmsg(pair[1], &msg, 0) != 1)
        return errno;
    memcpy(&got, CMSG_DATA(&room.header), sizeof got);
    return got > pair[1] && write(got, "", 0) == 0 ? 0 : 1007;
}

static int passes_in_child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(passes());
    return ended(pid);
}

static const struct {
    const char *name;
    int (*ask)(void);
    const char *promises, *exec;
} ways[] = {
    {"itself", itself, "stdio getpw proc", NULL},
    {"thread", thread, "stdio getpw proc", NULL},
    {"child", child, "stdio getpw proc", NULL},
    {"grandchild", grandchild, "stdio getpw proc", NULL},
    {"bare_child", bare_child, "stdio getpw proc", NULL},
    {"orphan", orphan, "stdio getpw proc", NULL},
    {"passes", passes, "stdio sendfd recvfd", NULL},
    {"child_passes", passes_in_child, "stdio proc sendfd recvfd", NULL},
    {"free", executed, "stdio getpw proc exec", NULL},
    {"executed", executed, "stdio rpath proc exec", "stdio rpath tmppath"},
};

/* In this process: what comes of a way, as an errno. */
static int way(size_t n)
{
    if (pledge(ways[n].promises, ways[n].exec) != 0) {
        printf("%s\n", rpledge_errmsg());
        return 97;
    }
    return ways[n].ask();
}

/* Root; a user; who was root a moment ago, whose memory the kernel closes to others. */
static const char *const whose[] = {"root", "user", "changed"};

static int come(size_t n, int who)
{
    char number[8];
    pid_t pid = fork();

    if (pid == 0) {
        if (who != 0 && (setgid(1000) != 0 || setuid(1000) != 0))
            _exit(98);
        snprintf(number, sizeof number, "%d", (int)n);
        if (who == 1)
            execl(self, self, "way", number, (char *)NULL);
        else
            _exit(way(n));
    }
    return ended(pid);
}

static int scope_is(char scope)
{
    char now = '?';
    int fd = open(SCOPE, O_RDWR);

    if (fd == -1)
        return 0;
    if (pread(fd, &now, 1, 0) != 1 || (now != scope && pwrite(fd, &scope, 1, 0) != 1))
        now = '?';
    now = now == '?' || pread(fd, &now, 1, 0) != 1 ? '?' : now;
    close(fd);
    return now == scope;
}

int main(int argc, char **argv)
{
    char init[16] = "";
    size_t n;

    setvbuf(stdout, NULL, _IONBF, 0);
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "makes") == 0)
        return makes();
    if (argc > 2 && strcmp(argv[1], "way") == 0)
        return way((size_t)atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "-l") == 0)
        return 0;
    /* The scope is the whole machine's, and the last one is for ever. */
    if (readlink("/proc/1/exe", init, sizeof init - 1) != 5 || strcmp(init, "/init") != 0) {
        fprintf(stderr, "yama: for a virtual machine of scripts/vmrun\n");
        return 2;
    }
    for (char scope = '0'; scope <= '3'; scope++) {
        if (!scope_is(scope)) {
            printf("scope%c once -> cannot be had\n", scope);
            continue;
        }
        for (int who = 0; who < 3; who++)
            for (n = 0; n < sizeof ways / sizeof *ways; n++) {
                int errnum = come(n, who);

                printf("scope%c_%s_%s once -> %s\n", scope, whose[who], ways[n].name,
                       errnum == 0 ? "served" : errnum == EACCES ? "EACCES" : "wrong");
                if (errnum != 0 && errnum != EACCES)
                    printf("%d\n", errnum);
            }
    }
    printf("1 passed, 0 failed, 0 skipped\n");
    return 0;
}
