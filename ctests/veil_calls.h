/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The calls of unveil() themselves: arguments, lock, limits, and pledge(), threads, fork and exec beside them. */

static struct rpledge_status now(void)
{
    struct rpledge_status status;

    MUST(rpledge_status(&status, sizeof status) == 0);
    return status;
}

/* The end of a call: its errno, of which the library's own reason must be told. */
static int end_of(int result)
{
    int err = errno;

    MUST(result == 0 ? rpledge_error() == 0 : rpledge_error() != 0 && rpledge_errmsg()[0] != '\0');
    return result == 0 ? 0 : err;
}
#define CALL(...) end_of(__VA_ARGS__)

/* Arguments */
CALLED(lock_alone, 0, 0, NONE)
{
    MUST(CALL(unveil(NULL, NULL)) == 0);
    return E(can_open("out/file", O_RDWR) && now().state & RPLEDGE_VEIL_LOCKED && !(now().state & RPLEDGE_VEILED));
}
CALLED(lock_twice, 0, 0, NONE)
{
    MUST(unveil(NULL, NULL) == 0);
    return CALL(unveil(NULL, NULL));
}
CALLED(locked, EPERM, EPERM, NONE)
{
    MUST(unveil(NULL, NULL) == 0);
    return CALL(unveil("in", "r"));
}
CALLED(locked_wrong, EPERM, EPERM, NONE)
{
    MUST(unveil(NULL, NULL) == 0);
    return CALL(unveil((char *)8, "rqqqqq"));
}
CALLED(path_null, EFAULT, EFAULT, NONE) { return CALL(unveil(NULL, "r")); }
CALLED(permissions_null, EFAULT, EFAULT, NONE) { return CALL(unveil("in", NULL)); }
CALLED(path_unreadable, EFAULT, EFAULT, NONE) { return CALL(unveil((char *)8, "r")); }
CALLED(permissions_unreadable, EFAULT, EFAULT, NONE) { return CALL(unveil("in", (char *)8)); }
CALLED(permissions_long, ENAMETOOLONG, ENAMETOOLONG, NONE) { return CALL(unveil("in", "rrrrr")); }
CALLED(permissions_four, 0, 0, NONE) { return CALL(unveil("in", "rrrr")); }
CALLED(permissions_wrong, EINVAL, EINVAL, NONE) { return CALL(unveil("in", "rq")); }
CALLED(permissions_case, EINVAL, EINVAL, NONE) { return CALL(unveil("in", "R")); }
CALLED(permissions_none, 0, 0, NONE) { return CALL(unveil("in", "")); }
CALLED(path_empty, EINVAL, EINVAL, NONE) { return CALL(unveil("", "r")); }
CALLED(path_missing_last, 0, 0, NONE) { return CALL(unveil("in/none", "r")); }
CALLED(path_missing_slash, ENOENT, ENOENT, NONE) { return CALL(unveil("in/none/", "r")); }
CALLED(path_missing_way, ENOENT, ENOENT, NONE) { return CALL(unveil("none/file", "r")); }
CALLED(path_missing_before_letter, ENOENT, ENOENT, NONE) { return CALL(unveil("none/file", "q")); }
CALLED(path_no_directory, ENOTDIR, ENOTDIR, NONE) { return CALL(unveil("file/x", "r")); }
CALLED(path_file_slash, ENOTDIR, ENOTDIR, NONE) { return CALL(unveil("file/", "r")); }
CALLED(path_loop, ELOOP, ELOOP, NONE)
{
    MUST(symlink("loop", "loop") == 0);
    return CALL(unveil("loop", "r"));
}
CALLED(path_long_name, ENAMETOOLONG, ENAMETOOLONG, NONE)
{
    char name[300];

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    return CALL(unveil(name, "r"));
}
CALLED(path_long, ENAMETOOLONG, ENAMETOOLONG, NONE)
{
    static char name[5000];

    memset(name, '/', sizeof name - 1);
    return CALL(unveil(name, "r"));
}
CALLED(path_of_4095, ENAMETOOLONG, 0, 10)
{
    static char name[4096];

    memset(name, '/', sizeof name - 1);
    return CALL(unveil(name, "r"));
}
STRICT(path_of_4095, 0)
CALLED(path_unsearchable, ENOENT, ENOENT, NONE)
{
    int end;

    if (veil_user == 0)
        return SKIP;
    MUST(chmod("out", 0) == 0);
    end = CALL(unveil("out/file", "r"));
    /* To be removed. */
    MUST(chmod("out", 0755) == 0);
    return end;
}
CALLED(path_root, 0, 0, NONE) { return CALL(unveil("//", "r")); }
CALLED(path_dots, 0, 0, NONE) { return CALL(unveil("in/..", "r")); }
CALLED(path_dangling, 0, 0, NONE)
{
    MUST(symlink("in/none", "dangling") == 0);
    return CALL(unveil("dangling", "r"));
}
CALLED(wrong_changes_nothing, 0, 0, NONE)
{
    MUST(unveil("in", "q") == -1 && unveil("none/file", "r") == -1 && unveil("", "r") == -1);
    MUST(unveil(NULL, NULL) == 0);
    return E(can_open("out/file", O_RDONLY));
}
CALLED(flags_unknown, LINUX, EINVAL, LINUX) { return CALL(rpledge_unveil("in", "r", (uint64_t)1 << 40)); }
CALLED(flags_of_pledge, LINUX, EINVAL, LINUX) { return CALL(rpledge_unveil("in", "r", RPLEDGE_THREAD)); }
CALLED(strict, LINUX, 0, LINUX)
{
    MUST(unveil("in", "r") == 0);
    MUST(CALL(rpledge_unveil(NULL, NULL, RPLEDGE_STRICT)) == 0);
    MUST(now().state & RPLEDGE_VEIL_MEDIATED && !(now().state & RPLEDGE_VEIL_PARTIAL));
    return E(!has_status("out/file") && errno == ENOENT);
}

/* Limits */
static int many(const char *format, int count)
{
    char name[64];
    int n;

    for (n = 0; n < count; n++) {
        snprintf(name, sizeof name, format, n);
        if (strchr(name, 'd') != NULL)
            MUST(mkdir(name, 0755) == 0);
        if (unveil(name, "r") == -1)
            return errno;
    }
    return 0;
}
CALLED(directories_128, 0, 0, NONE) { return many("in/d%d", 128); }
CALLED(directories_129, E2BIG, E2BIG, NONE) { return many("in/d%d", 129); }
CALLED(directories_full, E2BIG, E2BIG, NONE)
{
    MUST(many("in/d%d", 128) == 0);
    return CALL(unveil("in/d0", "r"));
}
CALLED(names_128, 0, 0, NONE) { return many("in/n%x", 128); }
CALLED(names_129, E2BIG, E2BIG, NONE)
{
    MUST(many("in/n%o", 128) == 0);
    return CALL(unveil("in/file", "r"));
}
CALLED(directories_in_force, 0, 0, NONE)
{
    MUST(many("in/d%d", 128) == 0 && unveil(NULL, NULL) == 0);
    return E(can_list("in/d0") && can_list("in/d127") && !can_open("in/file", O_RDONLY));
}
CALLED(deep, 0, 0, NONE)
{
    int n;

    MUST(chdir("in") == 0);
    for (n = 0; n < 4000; n++)
        MUST(mkdir("d", 0755) == 0 && chdir("d") == 0);
    MUST(unveil(".", "rwc") == 0 && unveil(NULL, NULL) == 0);
    n = E(can_open("new", O_RDWR | O_CREAT));
    return n;
}

CALLED(missing_in_c, 0, 0, NONE)
{
    MUST(veil_rules("in:rwc in/none:rwc") == 0 && unveil(NULL, NULL) == 0);
    return E(can_open("in/none", O_RDWR | O_CREAT));
}
CALLED(less_below, EACCES, EACCES, NONE)
{
    int end;

    MUST(veil_rules("in:rwc in/sub:r") == 0);
    if ((end = CALL(rpledge_unveil(NULL, NULL, RPLEDGE_UNVEIL_LESS))) != 0)
        return end;
    MUST(can_open("in/sub/file", O_RDONLY));
    return E(can_open("in/sub/file", O_WRONLY));
}
ALONE(less_below, ENOSYS, 11)
CALLED(less_cuts, EACCES, EACCES, NONE)
{
    int end;

    MUST(veil_rules("in:r") == 0);
    if ((end = CALL(rpledge_unveil(NULL, NULL, RPLEDGE_UNVEIL_LESS))) != 0)
        return end;
    MUST(can_open("in/file", O_RDONLY));
    MUST(!can_open("in/file", 3 | O_TRUNC) && errno == EACCES);
    return E(can_open("in/file", O_RDONLY | O_TRUNC));
}
ALONE(less_cuts, ENOSYS, 11)
CALLED(less_above, 0, EACCES, 11)
{
    int end;

    MUST(veil_rules("in:rwc in/sub:r") == 0);
    MUST(rpledge_set_flags(RPLEDGE_UNVEIL_LESS) == 0);
    if ((end = CALL(unveil(NULL, NULL))) != 0)
        return end;
    MUST(can_open("in/file", O_RDONLY));
    return E(can_open("in/file", O_WRONLY));
}
ALONE(less_above, ENOSYS, 11)
STRICT(less_above, EACCES)
CALLED(less_missing, 0, EACCES, 11)
{
    int end;

    MUST(veil_rules("in/none:rwc file:rwc") == 0);
    if ((end = CALL(rpledge_unveil(NULL, NULL, RPLEDGE_UNVEIL_LESS))) != 0)
        return end;
    MUST(can_open("file", O_RDWR));
    return E(can_open("in/none", O_RDWR | O_CREAT));
}
ALONE(less_missing, ENOSYS, 11)
STRICT(less_missing, EACCES)

/* When */
CALLED(never_locked, ENOENT, 0, 12)
{
    MUST(unveil("in", "r") == 0);
    MUST(now().state & RPLEDGE_VEIL_WAITS && !(now().state & RPLEDGE_VEILED) && now().landlock == 0);
    return E(can_open("out/file", O_RDONLY));
}
STRICT(never_locked, 0)
static uint64_t at_once_flags(void) { return RPLEDGE_UNVEIL_NOW | (veil_is_strict ? RPLEDGE_STRICT : 0); }
CALLED(at_once, ENOENT, EACCES, 1)
{
    MUST(CALL(rpledge_unveil("in", "r", at_once_flags())) == 0);
    MUST(now().state & RPLEDGE_VEILED && now().landlock == (unsigned)veil_abi && !(now().state & RPLEDGE_VEIL_LOCKED));
    return E(can_open("out/file", O_RDONLY));
}
CALLED(at_once_then_more, 0, EPERM, 12)
{
    MUST(rpledge_unveil("in", "r", at_once_flags()) == 0);
    return CALL(unveil("out", "r"));
}
STRICT(at_once_then_more, ENOENT)
CALLED(at_once_then_wider, 0, EPERM, 12)
{
    MUST(rpledge_unveil("in", "r", at_once_flags()) == 0);
    return CALL(unveil("in/sub", "rw"));
}
STRICT(at_once_then_wider, EPERM)
CALLED(at_once_then_less, EACCES, EACCES, NONE)
{
    MUST(rpledge_unveil("in", "rw", at_once_flags()) == 0);
    MUST(can_open("in/file", O_WRONLY));
    MUST(CALL(unveil("in", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0);
    return E(can_open("in/file", O_WRONLY));
}
CALLED(descriptors_closed, 0, EBADF, 13)
{
    int fd;

    MUST(unveil("in", "r") == 0);
    /* Not the test's own. */
    for (fd = 100; fd < 1024; fd++)
        close(fd);
    return CALL(unveil(NULL, NULL));
}
STRICT(descriptors_closed, EBADF)
static int descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}
CALLED(descriptors_after, 0, 0, NONE)
{
    int before = descriptors();

    MUST(veil_rules("in:r file:r in/sub:r") == 0 && descriptors() == before + 3);
    MUST(unveil(NULL, NULL) == 0);
    return descriptors() == before ? 0 : BROKEN;
}
CALLED(no_new_privs, 0, 1, 14)
{
    MUST(veil_rules("in:r") == 0 && unveil(NULL, NULL) == 0);
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}
STRICT(no_new_privs, 1)

/* With pledge() */
CALLED(pledge_locks, ENOENT, EACCES, 1)
{
    MUST(unveil("in", "r") == 0 && pledge("stdio rpath", NULL) == 0);
    MUST(can_open("in/file", O_RDONLY));
    return E(can_open("out/file", O_RDONLY));
}
CALLED(pledge_keeps, 0, 0, NONE)
{
    MUST(unveil("in", "r") == 0 && pledge("stdio rpath unveil", NULL) == 0);
    MUST(now().state & RPLEDGE_VEIL_WAITS);
    MUST(CALL(unveil("out", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0);
    return E(can_open("out/file", O_RDONLY) && can_open("in/file", O_RDONLY) && !can_open("file", O_RDONLY));
}
CALLED(pledge_before, ENOENT, EACCES, 1)
{
    MUST(pledge("stdio rpath wpath cpath unveil", NULL) == 0);
    MUST(CALL(unveil("in", "rwc")) == 0 && CALL(unveil("file", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0);
    MUST(can_open("in/new", O_RDWR | O_CREAT) && can_open("file", O_RDONLY));
    return E(can_open("out/file", O_RDONLY));
}
CALLED(pledge_unveil_alone, 0, 0, NONE)
{
    MUST(pledge("stdio unveil", NULL) == 0);
    MUST(CALL(unveil("in", "rwc")) == 0 && CALL(unveil("in/link", "rwc")) == 0);
    return CALL(unveil(NULL, NULL));
}
CALLED(pledge_narrows_after, ENOENT, EACCES, 1)
{
    MUST(pledge("stdio rpath unveil", NULL) == 0 && unveil("in", "r") == 0);
    MUST(pledge("stdio rpath", NULL) == 0);
    return E(can_open("out/file", O_RDONLY));
}
CALLED(pledged, ABORTED, ABORTED, NONE)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    return CALL(unveil("in", "r"));
}
CALLED(pledged_lock, ABORTED, ABORTED, NONE)
{
    MUST(pledge("stdio", NULL) == 0);
    return CALL(unveil(NULL, NULL));
}
CALLED(pledged_error, ENOSYS, ENOSYS, NONE)
{
    MUST(pledge("stdio error", NULL) == 0);
    return CALL(unveil("in", "r"));
}
CALLED(pledge_forgets, 0, 0, NONE)
{
    /* Nothing is left that reaches a path, so rules that cannot be held do not matter. */
    MUST(veil_rules("/:rwc in:r") == 0);
    return CALL(pledge("stdio", NULL));
}
CALLED(pledge_dryrun, 0, 0, LINUX)
{
    MUST(unveil("in", "r") == 0 && rpledge_pledge("stdio rpath", NULL, RPLEDGE_DRYRUN) == 0);
    return E(can_open("out/file", O_RDONLY));
}
CALLED(lock_then_pledge, 0, 0, NONE)
{
    MUST(veil_rules("in:r") == 0 && unveil(NULL, NULL) == 0);
    MUST(pledge("stdio rpath unveil", NULL) == 0 && pledge("stdio rpath", NULL) == 0);
    return E(can_open("in/file", O_RDONLY));
}
CALLED(landlock_without, LINUX, ENOSYS, LINUX)
{
    MUST(pledge("stdio rpath", NULL) == 0);
    return E(syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0);
}

/* What is hidden fails with where Landlock could hold the rules. */
static int hidden(void) { return veil_is_strict || veil_is_brokered() ? ENOENT : EACCES; }

/* Threads */
static pthread_barrier_t begun, held;
static void *thread_opens(void *path)
{
    long end;

    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&held);
    end = E(can_open(path, O_RDONLY));
    return (void *)end;
}
CALLED(threads, ENOENT, ENOENT, NONE)
{
    pthread_t thread;
    void *end;
    int locked;

    MUST(pthread_barrier_init(&begun, NULL, 2) == 0 && pthread_barrier_init(&held, NULL, 2) == 0);
    MUST(pthread_create(&thread, NULL, thread_opens, "out/file") == 0);
    pthread_barrier_wait(&begun);
    MUST(unveil("in", "r") == 0);
    locked = CALL(unveil(NULL, NULL));
    pthread_barrier_wait(&held);
    MUST(pthread_join(thread, &end) == 0);
    MUST(locked == 0);
    /* From ABI 8 on Landlock can hold it. */
    return (long)end == hidden() && veil_abi >= 8 ? ENOENT : (int)(long)end;
}
/* Who is joined has not always left its process. */
static int is_alone(void)
{
    struct stat st;
    int n;

    for (n = 0; n < 1000; n++, usleep(1000))
        if (stat("/proc/self/task", &st) == 0 && st.st_nlink == 3)
            return 1;
    return 0;
}
CALLED(threads_before, 0, 0, NONE)
{
    pthread_t thread;
    void *end;

    MUST(pthread_barrier_init(&begun, NULL, 1) == 0 && pthread_barrier_init(&held, NULL, 1) == 0);
    MUST(pthread_create(&thread, NULL, thread_opens, "in/file") == 0 && pthread_join(thread, &end) == 0 && is_alone());
    MUST(unveil("in", "r") == 0 && CALL(unveil(NULL, NULL)) == 0);
    /* A thread that starts later is held. */
    MUST(pthread_create(&thread, NULL, thread_opens, "out/file") == 0 && pthread_join(thread, &end) == 0);
    return (long)end == hidden() ? 0 : BROKEN;
}
static void *thread_unveils(void *path)
{
    long n, end = 0;

    for (n = 0; n < 200 && end == 0; n++)
        end = CALL(unveil(path, n % 2 ? "r" : "rw"));
    return (void *)end;
}
CALLED(threads_at_once, 0, 0, NONE)
{
    static char *const paths[] = {"in", "out", "file", "in/sub"};
    pthread_t thread[4];
    void *end;
    int n;

    for (n = 0; n < 4; n++)
        MUST(pthread_create(&thread[n], NULL, thread_unveils, paths[n]) == 0);
    for (n = 0; n < 4; n++)
        MUST(pthread_join(thread[n], &end) == 0 && end == NULL);
    MUST(CALL(unveil(NULL, NULL)) == 0);
    return E(can_open("in/sub/file", O_RDONLY) && can_open("out/file", O_RDONLY) && !can_open("in/file", O_WRONLY));
}

/* Fork and exec */
static int in_child(int (*act)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(act());
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}
static int opens_hidden(void) { return E(can_open("out/file", O_RDONLY)); }
static int unveils(void) { return CALL(unveil("out", "r")); }
static int locks(void) { return CALL(unveil(NULL, NULL)) != 0 ? 255 : opens_hidden(); }
CALLED(fork_held, ENOENT, EACCES, 1)
{
    MUST(veil_rules("in:r") == 0 && unveil(NULL, NULL) == 0);
    return in_child(opens_hidden);
}
CALLED(fork_locked, EPERM, EPERM, NONE)
{
    MUST(veil_rules("in:r") == 0 && unveil(NULL, NULL) == 0);
    return in_child(unveils);
}
CALLED(fork_rules, ENOENT, EACCES, 1)
{
    MUST(veil_rules("in:r") == 0);
    return in_child(locks);
}
CALLED(fork_apart, 0, 0, NONE)
{
    MUST(veil_rules("in:r") == 0 && in_child(locks) == hidden());
    return opens_hidden();
}
static int executes_try(void)
{
    char dir[4000], name[4096];

    MUST(getcwd(dir, sizeof dir) != NULL);
    snprintf(name, sizeof name, "%s/out/file", dir);
    execl("/proc/self/exe", "unveil", "--try", name, (char *)NULL);
    return 254;
}
CALLED(exec_held, 0, EACCES, 16)
{
    /* With the program and the libraries that it is tested with. A name that is not there would be the broker's. */
    const char *const dirs[] = {"/usr", "/lib", "/lib64", "/etc", "/proc", "/dev", "in",
                                getenv("VEIL_TESTED") != NULL ? getenv("VEIL_TESTED") : "/proc/self/exe",
                                getenv("RPLEDGE_CACHE")};
    size_t n;
    int end;

    for (n = 0; n < sizeof dirs / sizeof *dirs; n++)
        MUST(dirs[n] == NULL || access(dirs[n], F_OK) != 0 || unveil(dirs[n], "rx") == 0);
    MUST(unveil(NULL, NULL) == 0);
    end = in_child(executes_try);
    return end == 254 && veil_abi == 0 ? EACCES : end;
}
STRICT(exec_held, ENOENT)
ALONE(exec_held, EACCES, 18)
