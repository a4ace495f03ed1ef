/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Absolute paths, which a broker goes straight down where it can: what is in the way, moved, linked or mounted. */

/* The absolute path of one in the working directory, each in one of a few places. */
static const char *whole(const char *path)
{
    static char paths[4][4096];
    static int next;
    char *to = paths[next++ % 4], cwd[2048];

    MUST(getcwd(cwd, sizeof cwd) != NULL && snprintf(to, 4096, "%s/%s", cwd, path) < 4096);
    return to;
}

TRY(straight_reads, "in:r", 0, 0, NONE, can_open(whole("in/sub/file"), O_RDONLY) && has_status(whole("in/sub/file")))
TRY(straight_beside, "in:r", ENOENT, EACCES, 1, can_open(whole("out/file"), O_RDONLY))
TRY(straight_writes, "in:r", EACCES, EACCES, NONE, can_open(whole("in/sub/file"), O_RDWR))
TRY(straight_link, "in:r", 0, 0, NONE, can_open(whole("in/link"), O_RDONLY) && has_status(whole("in/link")))
TRY(straight_link_out, "in:r", ENOENT, EACCES, 1, can_open(whole("in/away"), O_RDONLY))
TRY(straight_dots, "in:r", ENOENT, EACCES, 1, can_open(whole("in/sub/../../out/file"), O_RDONLY))
TRY(straight_indirect, "in:r", 0, 0, NONE, can_open(whole("indirect/sub/file"), O_RDONLY))
TRY(straight_name, "in:rw in/file:r", EACCES, EACCES, NONE, can_open(whole("in/file"), O_RDWR))
TRY(straight_narrower, "in:rw in/sub:r", EACCES, EACCES, NONE, can_open(whole("in/sub/file"), O_RDWR))
TRY(straight_hidden, "in:r in/sub:", ENOENT, ENOENT, NONE, can_open(whole("in/sub/file"), O_RDONLY))
TRY(straight_hidden_name, "in:r in/file:", EACCES, EACCES, NONE, can_open(whole("in/file"), O_RDONLY))
TRY(straight_exchange, "in:rwc out:rwc", 0, 0, NONE, exchanges(whole("in/file"), whole("out/file")))
VEILED(straight_no_file, "in:rwc", ENOENT, ENOENT, NONE)
{
    if (veil_is_bare)
        return E(can_open(whole("in/new"), O_WRONLY | O_CREAT));
    MUST(!can_open(whole("in/none/file"), O_RDONLY) && errno == ENOENT && !has_status(whole("in/none")) && errno == ENOENT);
    MUST(!can_open(whole("in/file/none"), O_RDONLY) && errno == ENOTDIR && !can_open(whole("in/file/"), O_RDONLY) && errno == ENOTDIR);
    return E(can_open(whole("in/none"), O_RDONLY));
}
VEILED(straight_makes, "in:rwc", 0, 0, NONE)
{
    struct stat st;

    umask(027);
    MUST(can_open(whole("in/sub/new"), O_WRONLY | O_CREAT | O_EXCL) && mkdir(whole("in/sub/made"), 0777) == 0);
    MUST(stat(whole("in/sub/new"), &st) == 0 && (st.st_mode & 07777) == 0640);
    MUST(stat(whole("in/sub/made"), &st) == 0 && (st.st_mode & 07777) == 0750);
    MUST(rename(whole("in/sub/new"), whole("in/sub/made/new")) == 0 && unlink(whole("in/sub/made/new")) == 0);
    return E(rmdir(whole("in/sub/made")) == 0);
}
/* A pipe waits for its other end; who only looks at it is nobody's. */
VEILED(straight_pipe, "in:rwc", 0, 0, NONE)
{
    char byte = 0;
    int fd;

    MUST(mkfifo(whole("in/pipe"), 0644) == 0);
    if (fork() == 0) {
        usleep(20000);
        fd = open(whole("in/pipe"), O_WRONLY);
        _exit(write(fd, "x", 1) != 1);
    }
    return E((fd = open(whole("in/pipe"), O_RDONLY)) >= 0 && read(fd, &byte, 1) == 1 && byte == 'x');
}

/* Others move what is above. */
static void moves_rule_away(void) { MUST(rename("in", "moved") == 0 && rename("out", "in") == 0); }
CALLED(straight_renamed, ENOENT, EACCES, 1)
{
    helper(moves_rule_away);
    MUST(veiled("in:r") == 0 && can_open(whole("in/file"), O_RDONLY));
    helper_acts();
    MUST(can_open(whole("moved/file"), O_RDONLY));
    return E(can_open(whole("in/file"), O_RDONLY));
}
static void moves_narrower_in(void) { MUST(rename("out", "in/sub/out") == 0); }
CALLED(straight_narrower_moved, EACCES, EACCES, NONE)
{
    helper(moves_narrower_in);
    MUST(held_by_broker("in:rw in/empty:r out:r") && can_open(whole("in/sub/file"), O_RDWR));
    helper_acts();
    MUST(can_open(whole("in/sub/out/file"), O_RDONLY));
    return E(can_open(whole("in/sub/out/file"), O_RDWR));
}
CALLED(straight_hidden_moved, ENOENT, ENOENT, NONE)
{
    helper(moves_narrower_in);
    MUST(held_by_broker("in:r in/empty: out:") && can_open(whole("in/sub/file"), O_RDONLY));
    helper_acts();
    return E(can_open(whole("in/sub/out/file"), O_RDONLY));
}
static void links_above(void) { MUST(rename("in/sub", "in/was") == 0 && symlink("../out", "in/sub") == 0); }
CALLED(straight_link_above, ENOENT, EACCES, 1)
{
    helper(links_above);
    MUST(veiled("in:r") == 0 && can_open(whole("in/sub/file"), O_RDONLY));
    helper_acts();
    return E(can_open(whole("in/sub/file"), O_RDONLY));
}

/* A second veil: both must allow. */
CALLED(straight_twice, EACCES, EACCES, NONE)
{
    MUST(veil_rules("in:rw") == 0 && rpledge_unveil("out", "rw", at_once_flags()) == 0);
    MUST(can_open(whole("out/file"), O_RDWR) && can_open(whole("in/file"), O_RDWR));
    MUST(CALL(unveil("in", "r")) == 0 && CALL(unveil(NULL, NULL)) == 0 && can_open(whole("in/file"), O_RDONLY));
    return E(can_open(whole("in/file"), O_RDWR));
}

/* Others mount on what is above: that is there, and nothing below it. */
static void mounts(const char *from, const char *to)
{
    MUST(mount(from, to, NULL, MS_BIND, NULL) == 0);
}
static int own_mounts(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}
static void mounts_below(void) { mounts("out", "in/sub"); }
CALLED(straight_mounted, LINUX, 0, LINUX)
{
    char text[7] = "";
    int fd;

    if (!own_mounts())
        return SKIP;
    helper(mounts_below);
    MUST(veiled("in:r") == 0 && can_open(whole("in/sub/file"), O_RDONLY));
    helper_acts();
    MUST((fd = open(whole("in/sub/file"), O_RDONLY)) >= 0 && read(fd, text, 6) == 6);
    return E(strcmp(text, "secret") == 0);
}
static void mounts_over(void) { mounts("out", "in"); }
CALLED(straight_mounted_over, LINUX, EACCES, LINUX)
{
    if (!own_mounts())
        return SKIP;
    helper(mounts_over);
    MUST(veiled("in:r") == 0 && can_open(whole("in/file"), O_RDONLY));
    helper_acts();
    MUST(!can_open(whole("in/file"), O_RDONLY));
    /* A broker hides what Landlock refuses. */
    return errno == ENOENT && (veil_is_strict || veil_is_brokered()) ? EACCES : errno;
}

/* A broker has no more of other processes' files where /proc is mounted below a rule. */
CALLED(straight_proc, LINUX, EACCES, LINUX)
{
    char path[64];

    if (!own_mounts())
        return SKIP;
    mounts("/proc", "in/sub");
    snprintf(path, sizeof path, "in/sub/%d/environ", getppid());
    MUST(can_open(whole(path), O_RDONLY) && held_by_broker(veil_is_strict ? "in:r" : "in:r in/empty:"));
    MUST(can_open(whole("in/sub/version"), O_RDONLY));
    return E(can_open(whole(path), O_RDONLY));
}

/* Another root, another current directory, another process. */
VEILED(straight_root, "in:r", ENOENT, ENOENT, NONE)
{
    char path[4096];

    snprintf(path, sizeof path, "%s", whole("in/sub/file"));
    if (geteuid() != 0)
        return SKIP;
    if (veil_is_bare)
        return E(can_open(path, O_RDONLY));
    MUST(can_open(path, O_RDONLY) && chroot("in") == 0 && chdir("/") == 0);
    MUST(can_open("/sub/file", O_RDONLY) && can_open("sub/file", O_RDONLY));
    return E(can_open(path, O_RDONLY));
}
VEILED(straight_directory, "in:r", ENOENT, EACCES, 1)
{
    MUST(chdir("in") == 0 && can_open("sub/file", O_RDONLY) && can_open("file", O_RDONLY) && has_status("sub/file"));
    return E(can_open("../out/file", O_RDONLY));
}
VEILED(straight_descriptor, "in:r", ENOENT, EACCES, 1)
{
    int dir = open(whole("in"), O_RDONLY | O_DIRECTORY), fd = openat(dir, "sub/file", O_RDONLY);

    MUST(dir >= 0 && fd >= 0);
    return E(openat(dir, "away", O_RDONLY) >= 0);
}
static int reads_beside(void)
{
    MUST(can_open(whole("in/sub/file"), O_RDONLY));
    return E(can_open(whole("out/file"), O_RDONLY));
}
VEILED(straight_fork, "in:r", ENOENT, EACCES, 1) { return in_child(reads_beside); }

/* The races of names again, on absolute paths, and those of what lies above. */
static int race_whole(const char *rules, void (*once)(int), const char *path)
{
    return race_under(rules, once, whole(path));
}
VEILED(race_straight_links, NULL, LINUX, EACCES, LINUX) { return race_whole("in:rwxc", swaps_links, "in/race"); }
VEILED(race_straight_directories, NULL, LINUX, EACCES, LINUX)
{
    return race_whole("in:rwxc", swaps_directories, "in/race/file");
}
static void exchanges_rule(int n)
{
    if (n > 0)
        exchanges("in", "out");
}
VEILED(race_straight_above, NULL, LINUX, EACCES, LINUX) { return race_whole("in:rwxc", exchanges_rule, "in/file"); }
static void exchanges_hidden(int n)
{
    if (n > 0)
        exchanges("out", "in/empty");
}
VEILED(race_straight_hidden, NULL, LINUX, EACCES, LINUX)
{
    return race_whole("in:rwxc in/sub:r out:", exchanges_hidden, "in/empty/file");
}
static void exchanges_link(int n)
{
    if (n == 0)
        MUST(symlink("../out", "in/next") == 0);
    else
        exchanges("in/next", "in/sub");
}
VEILED(race_straight_middle, NULL, LINUX, EACCES, LINUX) { return race_whole("in:rwxc", exchanges_link, "in/sub/file"); }

/* Each directory on the way is hidden, and none is a link. */
VEILED(realpath_r, "in:r", 0, 0, NONE)
{
#ifdef __GLIBC__
    /* It looks at them by lstat(2). */
    if (strverscmp(gnu_get_libc_version(), "2.33") < 0)
        return SKIP;
#endif
    return E(realpath(whole("in/file"), NULL) != NULL);
}
TRY(realpath_hidden, "in:r", ENOENT, 0, 2, realpath(whole("out/file"), NULL) != NULL)
VEILED(readlink_directory, "in:r", ENOENT, 0, 20)
{
    char text[8];

    return failed_with(EINVAL, (int)readlink("out", text, sizeof text));
}
STRICT(readlink_directory, 0)
