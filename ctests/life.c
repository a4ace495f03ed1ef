/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The broker's life, for scripts/check-broker: "life [large|copied] WHAT [N]" says "ok" or what is wrong. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "large.h"

/* The last child of a process that has this name and has not ended; 0 if it has none. */
static pid_t child_of(pid_t pid, const char *called)
{
    char path[64], name[64];
    FILE *children, *stat;
    int child, found = 0;
    char state;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    if ((children = fopen(path, "r")) == NULL)
        FAIL("%s: %s", path, strerror(errno));
    while (fscanf(children, "%d", &child) == 1) {
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        if ((stat = fopen(path, "r")) == NULL)
            continue;
        if (fscanf(stat, "%*d (%63[^)]) %c", name, &state) == 2 && state != 'Z' && strcmp(name, called) == 0)
            found = child;
        fclose(stat);
    }
    fclose(children);
    return found;
}

/* The broker's process. That of a large process has another one as parent. */
static pid_t broker_of(pid_t pid)
{
    pid_t broker = 0;
    int n;

    /* It may have to wait for the end of its parent. */
    for (n = 0; n < 1000 && broker == 0; n++) {
        if (n > 0)
            usleep(1000);
        if ((broker = child_of(pid, "rpledge-broker")) == 0 && kind != SMALL)
            broker = child_of(adopter, "rpledge-broker");
    }
    if (broker == 0)
        FAIL("%d has no broker", (int)pid);
    return broker;
}

/* A pledged child that stays until its pipe closes; what it says first is that it is ready. */
static pid_t pledged_child(int *hold)
{
    int ready[2], stay[2];
    char byte;
    pid_t pid;

    if (pipe(ready) != 0 || pipe(stay) != 0 || (pid = fork()) == -1)
        FAIL("no child: %s", strerror(errno));
    if (pid == 0) {
        close(stay[1]);
        must_pledge("stdio getpw");
        asks();
        if (write(ready[1], "", 1) == 1)
            while (read(stay[0], &byte, 1) == -1)
                continue;
        _exit(0);
    }
    close(ready[1]);
    close(stay[0]);
    if (read(ready[0], &byte, 1) != 1)
        FAIL("the child is not ready");
    *hold = stay[1];
    return pid;
}

static long status_line(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if ((file = fopen(path, "r")) == NULL)
        FAIL("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            value = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(file);
    return value;
}

/* What the system shows of it, and that it leaves with its client. */
static void looks(void)
{
    char path[64], target[64];
    struct dirent *entry;
    struct stat about;
    pid_t pid, broker;
    int hold, n = 0;
    ssize_t len;
    DIR *fds;

    pid = pledged_child(&hold);
    broker = broker_of(pid);
    /* It closes what it has opened once its client goes on. */
    usleep(20000);
    if (getpgid(broker) != broker || getsid(broker) != getsid(pid))
        FAIL("process group %d, session %d", (int)getpgid(broker), (int)getsid(broker));
    if (kind != SMALL && (status_line(broker, "VmSize") < (long)(LARGE >> 10)) != (kind == PROGRAM))
        FAIL("%ld KiB of addresses", status_line(broker, "VmSize"));
    if (kind != COPY && status_line(broker, "VmRSS") > 1024)
        FAIL("%ld KiB of memory", status_line(broker, "VmRSS"));
    if (status_line(broker, "Threads") != 1
        || status_line(broker, "Seccomp") != 2)
        FAIL("threads or its filter");
    snprintf(path, sizeof path, "/proc/%d/fd", (int)broker);
    if (stat(path, &about) == -1 || (geteuid() != 0 && about.st_uid == geteuid()))
        FAIL("its descriptors are its user's to see");
    if (geteuid() == 0 && (fds = opendir(path)) != NULL) {
        while ((entry = readdir(fds)) != NULL) {
            if (entry->d_name[0] == '.')
                continue;
            len = readlinkat(dirfd(fds), entry->d_name, target, sizeof target - 1);
            target[len < 0 ? 0 : len] = '\0';
            n++;
            if (strcmp(target, "anon_inode:seccomp notify") != 0 && strstr(target, "/mem") == NULL
                && strstr(target, "/maps") == NULL)
                FAIL("it keeps %s", target);
        }
        closedir(fds);
        if (n != 3)
            FAIL("%d descriptors", n);
    }
    close(hold);
    if (waitpid(pid, NULL, 0) != pid)
        FAIL("wait");
    for (n = 0; kill(broker, 0) == 0 && n < 200; n++) {
        snprintf(path, sizeof path, "/proc/%d/exe", (int)broker);
        if (readlink(path, target, sizeof target) == -1)
            break; /* a zombie, which init has not reaped yet */
        usleep(10000);
    }
    if (n == 200)
        FAIL("it is still there");
}

static volatile sig_atomic_t children;

static void on_child(int signal)
{
    (void)signal;
    children++;
}

/* No wait and no signal tells of it, also when it is killed. */
static void hidden(void)
{
    siginfo_t info;
    int status;

    signal(SIGCHLD, on_child);
    if (prctl(PR_SET_CHILD_SUBREAPER, 0) != 0)
        FAIL("prctl");
    must_pledge("stdio getpw rpath proc");
    kill(broker_of(getpid()), SIGKILL);
    usleep(20000);
    memset(&info, 0, sizeof info);
    if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD)
        FAIL("waitpid sees it");
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != -1 || errno != ECHILD)
        FAIL("waitid sees it");
    if (children != 0)
        FAIL("SIGCHLD tells of it");
}

/* Killed at any moment: each call is served in full or fails with ENOSYS, soon. */
static void killed(int rounds)
{
    struct timespec moment = {0, 0};
    double before;
    int ready[2], n, end;
    pid_t pid;
    char byte;

    for (n = 0; n < rounds; n++) {
        if (pipe(ready) != 0 || (pid = fork()) == -1)
            FAIL("fork: %s", strerror(errno));
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            must_pledge("stdio getpw");
            if (write(ready[1], "", 1) != 1)
                _exit(1);
            do
                before = now();
            while (asks() && now() - before < 1);
            if (now() - before >= 1)
                FAIL("a call took %.1f s", now() - before);
            _exit(0);
        }
        if (read(ready[0], &byte, 1) != 1)
            FAIL("round %d: not ready", n);
        moment.tv_nsec = (n * 7919L) % 1500000;
        nanosleep(&moment, NULL);
        kill(broker_of(pid), SIGKILL);
        if (waitpid(pid, &end, 0) != pid || end != 0)
            FAIL("round %d: status %#x", n, end);
        close(ready[0]);
        close(ready[1]);
    }
}

static int each = 100;

static void *ask_often(void *unused)
{
    int n;

    for (n = 0; n < each; n++)
        if (!asks())
            FAIL("not served");
    return unused;
}

static void ask_from_threads(int count)
{
    pthread_t *ids = calloc((size_t)count, sizeof *ids);
    pthread_attr_t small;
    int n;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (n = 0; n < count; n++)
        if (pthread_create(&ids[n], &small, ask_often, NULL) != 0)
            FAIL("thread %d", n);
    for (n = 0; n < count; n++)
        pthread_join(ids[n], NULL);
    free(ids);
}

static void threads(int count)
{
    must_pledge("stdio getpw");
    ask_from_threads(count);
}

static void forks(int count)
{
    int n, end, running = 0;
    pid_t pid;

    must_pledge("stdio getpw proc");
    for (n = 0; n < count; n++) {
        if ((pid = fork()) == 0) {
            ask_often(NULL);
            _exit(0);
        }
        if (pid == -1)
            FAIL("fork: %s", strerror(errno));
        if (++running >= 20) {
            if (wait(&end) <= 0 || end != 0)
                FAIL("a child ended with %#x", end);
            running--;
        }
    }
    while (running-- > 0)
        if (wait(&end) <= 0 || end != 0)
            FAIL("a child ended with %#x", end);
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* Signals every 1.5 ms, whose handler lets calls go on. */
static void timer(int count)
{
    struct itimerval often = {{0, 1500}, {0, 1500}};
    struct sigaction action;
    double before = now();

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    must_pledge("stdio getpw");
    setitimer(ITIMER_REAL, &often, NULL);
    each = count;
    ask_often(NULL);
    if (now() - before > 20)
        FAIL("%.1f s", now() - before);
}

/* How many descriptors it has; 0 where only root may look. */
static int descriptors_of(pid_t pid)
{
    char path[64];
    int n = -2;
    DIR *fds;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    if ((fds = opendir(path)) == NULL)
        return 0;
    while (readdir(fds) != NULL)
        n++;
    closedir(fds);
    return n;
}

/* As many calls again as there were, and the broker is no larger: neither by names nor by sockets. */
static void growth(int count)
{
    int told[2], go[2], n, fds[2], half;
    long size[2];
    pid_t pid;
    char byte;

    if (pipe(told) != 0 || pipe(go) != 0 || (pid = fork()) == -1)
        FAIL("no child: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        must_pledge("stdio getpw dns");
        each = count / 16;
        for (half = 0; half < 2; half++) {
            ask_from_threads(8);
            for (n = 0; n < each; n++)
                close(socket(AF_INET, SOCK_DGRAM, 0));
            if (write(told[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(told[1]);
    for (half = 0; half < 2; half++) {
        if (read(told[0], &byte, 1) != 1)
            FAIL("it ended early");
        usleep(20000);
        size[half] = status_line(broker_of(pid), "VmRSS");
        fds[half] = descriptors_of(broker_of(pid));
        if (write(go[1], "", 1) != 1)
            FAIL("write");
    }
    if (waitpid(pid, &n, 0) != pid || n != 0)
        FAIL("status %#x", n);
    /* Sockets that are closed are looked for when there are as many again. */
    if (size[1] > size[0] + 64 || size[1] > 1024 || fds[1] > fds[0] + 32)
        FAIL("%ld KiB, then %ld; %d descriptors, then %d", size[0], size[1], fds[0], fds[1]);
}

static double worked(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* "start MIB": microseconds that a process of that size works in pledge(). */
static void start(int mib)
{
    double before;

    grow((size_t)mib << 20);
    before = worked();
    must_pledge("stdio tmppath");
    printf("%.0f\n", (worked() - before) * 1e6);
}

int main(int argc, char **argv)
{
    int count;
    const char *what = told(argc, argv, &count);

    if (strcmp(what, "looks") == 0)
        looks();
    else if (strcmp(what, "hidden") == 0)
        hidden();
    else if (strcmp(what, "killed") == 0)
        killed(count);
    else if (strcmp(what, "threads") == 0)
        threads(count);
    else if (strcmp(what, "forks") == 0)
        forks(count);
    else if (strcmp(what, "timer") == 0)
        timer(count);
    else if (strcmp(what, "growth") == 0)
        growth(count);
    else if (strcmp(what, "start") == 0) {
        start(count);
        return 0;
    } else
        FAIL("what is %s?", what);
    printf("ok\n");
    return 0;
}
