/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What Landlock cannot hold a broker does: which rule decides, beside pledge(), and against who would get around it. */

static int held_by_broker(const char *rules)
{
    MUST(veiled(rules) == 0);
    return veil_is_bare || now().state & RPLEDGE_VEIL_MEDIATED;
}
TRY(narrower_below, "/:rwxc in:r", EACCES, EACCES, NONE, can_open("in/file", O_RDWR))
TRY(narrower_reads, "/:rwxc in:r", 0, 0, NONE, can_open("in/file", O_RDONLY))
TRY(narrower_beside, "/:rwxc in:r", 0, 0, NONE, can_open("out/file", O_RDWR))
TRY(narrower_makes, "/:rwxc in:r", EACCES, EACCES, NONE, mkdir("in/new", 0755) == 0)
TRY(narrower_far_below, "/:rwxc in/sub:r", EACCES, EACCES, NONE, can_open("in/sub/file", O_RDWR))
TRY(narrower_moved, "/:rwxc in:r", EACCES, EACCES, NONE, rename("in/file", "out/moved") == 0)
TRY(hidden_below, "/:r in:", ENOENT, ENOENT, NONE, can_open("in/file", O_RDONLY))
TRY(hidden_directory, "/:r in:", ENOENT, ENOENT, NONE, can_list("in"))
TRY(hidden_but_one, "/:r in: in/file:r", 0, 0, NONE, can_open("in/file", O_RDONLY))
TRY(hidden_and_wider, "/:r in: in/sub:rw", 0, 0, NONE, can_open("in/sub/file", O_RDWR))
TRY(narrower_file, "in:rw in/file:r", EACCES, EACCES, NONE, can_open("in/file", O_RDWR))
TRY(narrower_file_beside, "in:rwx in/file:r", 0, 0, NONE, can_open("in/prog", O_RDWR))
TRY(none_on_file, "in:rw in/file:", EACCES, EACCES, NONE, can_open("in/file", O_RDONLY))
VEILED(exec_directory, "in:x", 0, 0, NONE) { return executes("in/prog"); }
ALONE(exec_directory, EACCES, 18)
TRY(exec_directory_reads, "in:x", EACCES, EACCES, NONE, can_open("in/prog", O_RDONLY))
VEILED(exec_narrower, "/:rwxc in:r", EACCES, EACCES, NONE) { return executes("in/prog"); }
VEILED(exec_beside, "/:rwxc in:r", 0, EACCES, 15) { return executes("out/prog"); }
STRICT(exec_beside, EACCES)
TRY(missing_name, "in/none:rwc", 0, 0, NONE, can_open("in/none", O_RDWR | O_CREAT | O_EXCL))
TRY(missing_beside, "in/none:rwc", ENOENT, ENOENT, NONE, can_open("in/other", O_RDWR | O_CREAT))
TRY(missing_still, "in/none:r in/file:r", ENOENT, ENOENT, NONE, can_open(veil_is_bare ? "in/file" : "in/none", O_RDONLY))
TRY(made_name, "file:rwc", 0, 0, NONE, unlink("file") == 0 && can_open("file", O_RDWR | O_CREAT | O_EXCL))
VEILED(saved_onto_name, "file:rwc .file.new:rwc", 0, 0, NONE)
{
    int fd = open(".file.new", O_WRONLY | O_CREAT | O_EXCL, 0644);

    return E(fd >= 0 && write(fd, "new\n", 4) == 4 && fsync(fd) == 0 && close(fd) == 0 &&
             rename(".file.new", "file") == 0 && can_open("file", O_RDONLY));
}
static int exchanges(const char *one, const char *other)
{
    return syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0;
}
VEILED(exchange, "in:rwc out:rwc in/none:r", 0, 0, NONE) { return E(exchanges("in/file", "out/file")); }
VEILED(exchange_takes_both, "in:rwc out:wc in/none:r", LINUX, EACCES, LINUX) { return E(exchanges("in/file", "out/file")); }
CALLED(broker_told, LINUX, 0, LINUX)
{
    MUST(held_by_broker("/:rwxc in:r"));
    return E(now().state & RPLEDGE_VEILED && now().state & RPLEDGE_VEIL_LOCKED);
}
CALLED(pledge_narrower, EACCES, EACCES, NONE)
{
    MUST(veil_rules("/:rwc in:r") == 0 && CALL(pledge("stdio rpath wpath cpath", NULL)) == 0);
    MUST(can_open("out/file", O_RDWR) && can_open("in/file", O_RDONLY));
    return E(can_open("in/file", O_RDWR));
}

/* Beside pledge() */
CALLED(pledge_after_broker, EACCES, EACCES, NONE)
{
    MUST(held_by_broker("/:rwc in:r") && CALL(pledge("stdio rpath wpath cpath", NULL)) == 0);
    MUST(can_open("out/file", O_RDWR) && can_open("in/file", O_RDONLY) && mkdir("out/new", 0755) == 0);
    return E(can_open("in/file", O_RDWR));
}
CALLED(pledge_after_holds, ABORTED, ABORTED, NONE)
{
    MUST(held_by_broker("/:rwc in:r") && CALL(pledge("stdio rpath", NULL)) == 0);
    return E(can_open("out/file", O_RDWR));
}
CALLED(pledge_after_narrows, ABORTED, ABORTED, NONE)
{
    MUST(held_by_broker("/:rwc in:r") && CALL(pledge("stdio rpath unveil", NULL)) == 0);
    MUST(can_open("out/file", O_RDONLY) && CALL(pledge("stdio", NULL)) == 0);
    return E(can_open("out/file", O_RDONLY));
}
CALLED(pledge_before_broker, EACCES, EACCES, NONE)
{
    MUST(CALL(pledge("stdio rpath wpath cpath unveil", NULL)) == 0);
    MUST(held_by_broker("/:rwc in:r"));
    MUST(can_open("out/file", O_RDWR) && can_open("in/file", O_RDONLY) && mkdir("out/new", 0755) == 0);
    MUST(has_status("in/file") && rename("out/file", "out/new/file") == 0);
    return E(can_open("in/file", O_RDWR));
}
CALLED(pledge_before_holds, ABORTED, ABORTED, NONE)
{
    MUST(CALL(pledge("stdio rpath unveil", NULL)) == 0 && held_by_broker("/:rwc in:r"));
    MUST(can_open("out/file", O_RDONLY));
    return E(can_open("out/file", O_RDWR));
}
CALLED(pledge_before_then_less, EACCES, EACCES, NONE)
{
    MUST(CALL(pledge("stdio rpath wpath unveil", NULL)) == 0 && veil_rules("/:rwc in:r") == 0);
    MUST(CALL(pledge("stdio rpath wpath", NULL)) == 0 && can_open("in/file", O_RDONLY));
    return E(can_open("in/file", O_RDWR));
}
static int writes_narrower(void) { return E(can_open("in/file", O_RDWR)); }
CALLED(fork_broker, EACCES, EACCES, NONE)
{
    MUST(held_by_broker("/:rwxc in:r"));
    return in_child(writes_narrower);
}
CALLED(fork_of_pledged, EACCES, EACCES, NONE)
{
    MUST(veil_rules("/:rwc in:r") == 0 && CALL(pledge("stdio rpath wpath proc", NULL)) == 0);
    return in_child(writes_narrower);
}
CALLED(narrower_again, EACCES, EACCES, NONE)
{
    MUST(veil_rules("/:rwxc") == 0 && rpledge_unveil("in", "rw", at_once_flags()) == 0);
    MUST(now().state & RPLEDGE_VEIL_MEDIATED && can_open("in/file", O_RDWR));
    MUST(CALL(unveil("in", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0 && can_open("in/file", O_RDONLY));
    return E(can_open("in/file", O_RDWR));
}
CALLED(user_after_broker, EACCES, EACCES, NONE)
{
    if (geteuid() != 0)
        return SKIP;
    veil_write("out/own", "root\n", 5, 0600);
    MUST(held_by_broker("/:rwxc in:r") && can_open("out/own", O_RDONLY));
    MUST(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    return E(can_open("out/own", O_RDONLY));
}
CALLED(user_then_settled, EACCES, EACCES, NONE)
{
    if (geteuid() != 0)
        return SKIP;
    veil_write("out/own", "root\n", 5, 0600);
    MUST(held_by_broker("/:rwxc in:r") && CALL(pledge("stdio rpath id", NULL)) == 0 && can_open("out/own", O_RDONLY));
    MUST(setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && CALL(pledge("stdio rpath", NULL)) == 0);
    MUST(!can_open("out/own", O_RDONLY) && can_open("out/file", O_RDONLY));
    return E(can_open("out/own", O_RDONLY));
}
static void *settles_itself(void *unused)
{
    (void)unused;
    MUST(CALL(rpledge_pledge("stdio rpath", NULL, RPLEDGE_THREAD)) == 0 && can_open("out/own", O_RDONLY));
    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&begun);
    return NULL;
}
/* What one thread promised says nothing of the user of another. */
CALLED(user_beside_settled, EACCES, EACCES, NONE)
{
    pthread_t thread;
    int end;

    if (geteuid() != 0)
        return SKIP;
    veil_write("out/own", "root\n", 5, 0600);
    MUST(held_by_broker("/:rwxc in:r") && pthread_barrier_init(&begun, NULL, 2) == 0);
    MUST(pthread_create(&thread, NULL, settles_itself, NULL) == 0);
    pthread_barrier_wait(&begun);
    MUST(can_open("out/own", O_RDONLY));
    MUST(syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0);
    end = E(can_open("out/own", O_RDONLY));
    pthread_barrier_wait(&begun);
    MUST(pthread_join(thread, NULL) == 0);
    return end;
}
VEILED(mask_of_caller, "/:rwxc in:r", 0, 0, NONE)
{
    struct stat st;

    umask(077);
    MUST(can_open("out/new", O_RDWR | O_CREAT) && mkdir("out/dir", 0777) == 0);
    MUST(stat("out/new", &st) == 0 && (st.st_mode & 0777) == 0600);
    return E(stat("out/dir", &st) == 0 && (st.st_mode & 0777) == 0700);
}
static void *opens_fifo(void *path)
{
    long end;

    pthread_barrier_wait(&begun);
    end = E(can_open(path, O_WRONLY));
    return (void *)end;
}
VEILED(fifo_waits, "/:rwxc in:r", 0, 0, NONE)
{
    pthread_t thread;
    void *end;

    MUST(mkfifo("out/fifo", 0600) == 0 && pthread_barrier_init(&begun, NULL, 2) == 0);
    MUST(pthread_create(&thread, NULL, opens_fifo, "out/fifo") == 0);
    pthread_barrier_wait(&begun);
    usleep(100000);
    /* Others are served while one waits. */
    MUST(can_open("out/file", O_RDONLY) && can_open("out/fifo", O_RDONLY));
    MUST(pthread_join(thread, &end) == 0);
    return (int)(long)end;
}

/* What a call must come to that fails bare, too. */
static int failed_with(int wanted, int end)
{
    if (end != -1)
        return EEXIST;
    return errno == wanted ? 0 : errno;
}
static void interrupts(int signal) { (void)signal; }
/* Handled after a second; a handler is nothing that a call restarts after. */
static void interrupt_soon(void)
{
    struct sigaction action = {.sa_handler = interrupts};

    MUST(sigaction(SIGALRM, &action, NULL) == 0);
    alarm(1);
}
VEILED(fifo_interrupted, "/:rwxc in:r", 0, 0, NONE)
{
    MUST(mkfifo("out/fifo", 0600) == 0);
    interrupt_soon();
    return failed_with(EINTR, open("out/fifo", O_RDONLY));
}
VEILED(fifo_restarted, "/:rwxc in:r", 0, 0, NONE)
{
    int status, fd;
    pid_t pid;

    MUST(mkfifo("out/fifo", 0600) == 0);
    interrupt_soon();
    siginterrupt(SIGALRM, 0);
    pid = fork();
    if (pid == 0) {
        sleep(2);
        _exit(open("out/fifo", O_WRONLY) == -1);
    }
    fd = open("out/fifo", O_RDONLY);
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    return E(fd != -1);
}
/* Who opened it for him must not go on without him. */
VEILED(fifo_of_killed, "/:rwxc in:r", 0, 0, NONE)
{
    pid_t pid;

    MUST(mkfifo("out/fifo", 0600) == 0);
    pid = fork();
    if (pid == 0)
        _exit(open("out/fifo", O_RDONLY) == -1);
    usleep(100000);
    MUST(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    usleep(700000);
    return failed_with(ENXIO, open("out/fifo", O_WRONLY | O_NONBLOCK));
}
/* A queue that is full lets the next one wait. */
VEILED(connect_interrupted, "/:rwxc in:r", 0, 0, NONE)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0), end;

    MUST(bind(fd, (struct sockaddr *)&name, len) == 0 && listen(fd, 0) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&name, &len) == 0);
    for (end = 0; end < 3; end++)
        connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&name, len);
    usleep(100000);
    interrupt_soon();
    fd = socket(AF_INET, SOCK_STREAM, 0);
    return failed_with(EINTR, connect(fd, (struct sockaddr *)&name, len));
}
VEILED(create_slash, "/:rwxc in:r", 0, 0, NONE)
{
    return failed_with(EISDIR, open("out/empty/", O_WRONLY | O_CREAT | O_EXCL, 0600));
}

/* Ways around */
VEILED(label_kept, "/:rwxc in:r", LINUX, EPERM, LINUX)
{
    struct rlimit limit;

    MUST(getrlimit(RLIMIT_LOCKS, &limit) == 0);
    return E(setrlimit(RLIMIT_LOCKS, &limit) == 0);
}
VEILED(other_s_memory, "/:rwxc in:r", LINUX, EACCES, LINUX)
{
    char name[64];
    pid_t pid = fork();
    int end;

    if (pid == 0) {
        pause();
        _exit(0);
    }
    snprintf(name, sizeof name, "/proc/%d/mem", (int)pid);
    end = E(can_open(name, O_RDWR));
    kill(pid, SIGKILL);
    return end;
}
VEILED(own_files_of_proc, "/:rwxc in:r", 0, 0, NONE)
{
    char name[64], text[64] = {0};
    int fd = open("/proc/self/stat", O_RDONLY);

    MUST(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && atoi(text) == getpid());
    snprintf(name, sizeof name, "/proc/self/fd/%d", open("out/file", O_RDONLY));
    MUST(can_open(name, O_RDWR));
    return E(can_open("/proc/thread-self/comm", O_RDWR) && can_list("/proc/self/fd"));
}
VEILED(narrower_by_proc, "/:rwxc in:r", EACCES, EACCES, NONE)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", open("in/file", O_RDONLY));
    return E(can_open(name, O_RDWR));
}
VEILED(narrower_by_cwd, "/:rwxc in:r", EACCES, EACCES, NONE) { return E(can_open("/proc/self/cwd/in/file", O_RDWR)); }
VEILED(openat2_call, "/:rwxc in:r", LINUX, ENOSYS, LINUX)
{
    uint64_t how[3] = {O_RDWR, 0, 0};

    return E(syscall(437, AT_FDCWD, "in/file", how, sizeof how) >= 0);
}
VEILED(door_forced, "/:rwxc in:r", LINUX, EACCES, LINUX)
{
    uint64_t words[7] = {SYS_openat, (uint64_t)AT_FDCWD, (uintptr_t)"in/file", O_RDWR};

    if (veil_is_bare)
        return 0;
    return E(syscall(SYS_prctl, 0x72706c64, 0x100, words, 0, 0) >= 0);
}
/* A second thread writes another path where the first has one. */
static char hostile_path[16] = "in/sub/file";
static void *writes_path(void *stop)
{
    while (!*(volatile int *)stop) {
        memcpy(hostile_path, "../out/file", 12);
        memcpy(hostile_path, "in/sub/file", 12);
    }
    return NULL;
}
VEILED(race_memory, NULL, LINUX, EACCES, LINUX)
{
    pthread_t thread;
    volatile int stop = 0;
    int seen;

    memcpy(hostile_path, "in/sub/file", 12);
    MUST(mkdir("top", 0755) == 0 && rename("in", "top/in") == 0 && chdir("top") == 0);
    MUST(veiled("in:rwc in/sub:r") == 0);
    MUST(pthread_create(&thread, NULL, writes_path, (void *)&stop) == 0);
    seen = reads_secret(hostile_path);
    stop = 1;
    pthread_join(thread, NULL);
    return veil_is_bare ? (seen ? 0 : BROKEN) : seen ? 0 : EACCES;
}
VEILED(race_links_narrower, NULL, LINUX, EACCES, LINUX) { return race_under(".:rwc out:", swaps_links, "in/race"); }
VEILED(race_directories_narrower, NULL, LINUX, EACCES, LINUX)
{
    return race_under(".:rwc out:", swaps_directories, "in/race/file");
}
static void swaps_objects(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;)
        syscall(SYS_renameat2, AT_FDCWD, "in/hid", AT_FDCWD, "in/sub", RENAME_EXCHANGE);
}
/* Directories are meant as objects, under whatever name. */
VEILED(race_objects, NULL, LINUX, EACCES, LINUX)
{
    int seen;

    MUST(mkdir("in/hid", 0755) == 0 && link("out/file", "in/hid/file") == 0);
    helper(swaps_objects);
    MUST(veiled(".:rwc in/hid: out:") == 0 && write(helper_pipe[1], "x", 1) == 1);
    seen = reads_secret("in/sub/file");
    return veil_is_bare ? (seen ? 0 : BROKEN) : seen ? 0 : EACCES;
}
