/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What happens where the broker is gone, cannot be had, or cannot do what is asked: it fails, and says so. */

/* The broker of a process whose orphans this one takes in. */
static pid_t broker_of(pid_t adopter)
{
    char path[64], name[32];
    FILE *children, *comm;
    int child, found = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)adopter, (int)adopter);
    MUST((children = fopen(path, "r")) != NULL);
    while (fscanf(children, "%d", &child) == 1) {
        snprintf(path, sizeof path, "/proc/%d/comm", child);
        if ((comm = fopen(path, "r")) == NULL)
            continue;
        if (fscanf(comm, "%31s", name) == 1 && strcmp(name, "rpledge-broker") == 0)
            found = child;
        fclose(comm);
    }
    fclose(children);
    return found;
}

static int ready_pipe[2], killed_pipe[2];

/* Act before and after the broker is killed that this process got by `begin`. */
static int around_end_of_broker(void (*begin)(void), int (*act)(void))
{
    char byte;
    int status, n;
    pid_t pid, broker = 0;

    MUST(pipe(ready_pipe) == 0 && pipe(killed_pipe) == 0);
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && (pid = fork()) >= 0);
    if (pid == 0) {
        begin();
        MUST(act() == 0);
        (void)!write(ready_pipe[1], "x", 1);
        MUST(read(killed_pipe[0], &byte, 1) == 1);
        _exit(act());
    }
    MUST(read(ready_pipe[0], &byte, 1) == 1);
    /* Small programs are its parent. */
    for (n = 0; n < 1000 && broker == 0; n++) {
        usleep(1000);
        if ((broker = broker_of(getpid())) == 0)
            broker = broker_of(pid);
    }
    MUST(broker > 0 && kill(broker, SIGKILL) == 0);
    usleep(100000);
    MUST(write(killed_pipe[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGABRT ? ABORTED : BROKEN;
}
static void begins_held(void) { MUST(held_by_broker("/:rwc in:r")); }
static void begins_pledged(void)
{
    MUST(pledge("stdio rpath unveil", NULL) == 0 && held_by_broker("/:rwc in:r"));
}
static int reads_own(void) { return E(can_open("in/file", O_RDONLY)); }
CALLED(broker_killed, LINUX, ENOSYS, LINUX) { return around_end_of_broker(begins_held, reads_own); }
CALLED(broker_killed_pledged, LINUX, ENOSYS, LINUX) { return around_end_of_broker(begins_pledged, reads_own); }

/* The process has a supervisor already: nobody else can listen to it. */
static void is_listened_to(void)
{
    static struct { uint16_t code; uint8_t jt, jf; uint32_t k; } allow = {0x06, 0, 0, 0x7fff0000};
    struct { unsigned short len; void *filter; } program = {1, &allow};

    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, 8 /* NEW_LISTENER */, &program) >= 0);
}
/* Nothing was done: what the rules would refuse is allowed, and so is what no rule is about. */
static int all_as_before(void)
{
    return can_open("in/file", O_RDWR) && mkdir("in/new", 0755) == 0 && has_status("out/file") &&
           executes("out/prog") == 0 && !(now().state & RPLEDGE_VEILED);
}
CALLED(listened_lock, LINUX, EBUSY, LINUX)
{
    int end;

    is_listened_to();
    MUST(veil_rules("/:rwxc in:r") == 0);
    end = CALL(unveil(NULL, NULL));
    MUST(all_as_before());
    return end;
}
CALLED(listened_at_once, LINUX, EBUSY, LINUX)
{
    int end;

    is_listened_to();
    MUST(veil_rules("/:rwxc") == 0);
    end = CALL(rpledge_unveil("in", "r", at_once_flags()));
    MUST(all_as_before());
    return end;
}
CALLED(listened_pledge, LINUX, EBUSY, LINUX)
{
    int end;

    is_listened_to();
    MUST(veil_rules("/:rwxc in:r") == 0);
    end = CALL(pledge("stdio rpath", NULL));
    MUST(all_as_before());
    return end;
}
CALLED(listened_landlock, LINUX, 0, LINUX)
{
    is_listened_to();
    MUST(veil_rules("in:r") == 0);
    return CALL(unveil(NULL, NULL));
}
STRICT(listened_landlock, EBUSY)

/* The library's own question with rules that cannot be read: each would take one of eight places. */
#define DOOR 0x72706c64
#define TELL 0x103
CALLED(told_wrong, EACCES, EACCES, NONE)
{
    /* One directory, behind a descriptor that is none; and more than there may be. */
    static const unsigned char none[16] = {1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, many[8] = {0xff};
    int n;

    MUST(veil_rules("/:rwxc") == 0 && rpledge_unveil("in", "rw", at_once_flags()) == 0);
    for (n = 0; n < 20; n++) {
        MUST(syscall(SYS_prctl, DOOR, TELL, 8, 0, 0) == -1 && errno != E2BIG);
        MUST(syscall(SYS_prctl, DOOR, TELL, none, 0, 0) == -1 && errno != E2BIG);
        MUST(syscall(SYS_prctl, DOOR, TELL, many, 0, 0) == -1 && errno == EINVAL);
    }
    MUST(can_open("in/file", O_RDWR));
    MUST(CALL(unveil("in", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0 && can_open("in/file", O_RDONLY));
    return E(can_open("in/file", O_RDWR));
}
CALLED(told_eight_times, LINUX, E2BIG, LINUX)
{
    char name[16];
    int n, end = 0;

    MUST(veil_rules("/:rwxc") == 0 && rpledge_unveil("in", "rw", at_once_flags()) == 0);
    for (n = 0; n < 8 && end == 0; n++) {
        snprintf(name, sizeof name, "in/none%d", n);
        end = CALL(rpledge_unveil(name, "r", at_once_flags()));
    }
    MUST(n == 8 && can_open("in/file", O_RDWR));
    return end;
}

/* Load as many filters as there is room for. */
static void fills_filters(void)
{
    /* struct sock_filter, struct sock_fprog: not every libc brings the kernel's headers. */
    static struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } all[4096];
    struct {
        unsigned short len;
        void *insns;
    } filter = {4096, all};
    size_t n;

    for (n = 0; n < 4096; n++) {
        /* BPF_RET, SECCOMP_RET_ALLOW */
        all[n].code = 0x06;
        all[n].k = 0x7fff0000;
    }
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    for (; filter.len > 0; filter.len /= 2)
        while (syscall(SYS_seccomp, 1, 0, &filter) == 0)
            ;
}
/* What Landlock holds below the rules stays: less is opened, not more. */
CALLED(pledge_not_loaded, LINUX, EACCES, LINUX)
{
    MUST(veil_rules("/:rwc in:r") == 0 && can_open("in/file", O_RDONLY));
    fills_filters();
    MUST(pledge("stdio rpath", NULL) == -1);
    /* It has promised nothing. */
    MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0 && !(now().state & RPLEDGE_PLEDGED));
    return E(can_open("in/file", O_RDONLY));
}
ALONE(pledge_not_loaded, 0, LINUX)

/* exec, and the lock before or after pledge() */
#define EXECUTING "in:rx none:rwc"
static int runs(void) { return executes("in/prog"); }
CALLED(pledge_after_frees, 0, ENOTSUP, 19)
{
    int end;

    MUST(held_by_broker(EXECUTING) && runs() == (veil_abi == 0 ? EACCES : 0));
    end = CALL(pledge("stdio rpath proc exec", NULL));
    /* It has promised nothing. */
    MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    return end;
}
STRICT(pledge_after_frees, ENOTSUP)
CALLED(pledge_after_keeps, 0, 0, NONE)
{
    MUST(held_by_broker(EXECUTING) && CALL(pledge("stdio rpath proc exec", "stdio rpath proc exec")) == 0);
    return runs();
}
ALONE(pledge_after_keeps, EACCES, 18)
CALLED(pledge_locks_and_frees, 0, 0, NONE)
{
    MUST(veil_rules(EXECUTING) == 0 && CALL(pledge("stdio rpath proc exec", NULL)) == 0);
    return runs();
}
ALONE(pledge_locks_and_frees, EACCES, 18)
CALLED(pledge_before_executes, 0, EACCES, 19)
{
    MUST(CALL(pledge("stdio rpath proc exec unveil", NULL)) == 0 && runs() == 0);
    MUST(held_by_broker(EXECUTING) && can_open("in/prog", O_RDONLY));
    return runs();
}
STRICT(pledge_before_executes, EACCES)
CALLED(pledge_before_moves, ENOENT, ENOENT, NONE)
{
    int n;

    MUST(CALL(pledge("stdio rpath unveil", NULL)) == 0 && held_by_broker("in:r in/sub:"));
    MUST(chdir("in") == 0 && can_open("file", O_RDONLY));
    /* It leaves no descriptor behind. */
    for (n = 0; n < 1100; n++)
        MUST(chdir("empty") == 0 && chdir("..") == 0);
    MUST(can_open("file", O_RDONLY) && chdir("file") == -1 && errno == ENOTDIR);
    MUST(!veil_is_strict || (chdir("../out") == -1 && errno == ENOENT));
    return E(can_open("sub/file", O_RDONLY));
}
