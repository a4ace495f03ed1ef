/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* unveil(2): what each call needs, which rule decides, and what Landlock alone cannot do. */
#include "veil.h"

#include <netinet/in.h>

static int can_open(const char *path, int flags)
{
    int fd = open(path, flags, 0644);

    return fd >= 0 && close(fd) == 0;
}

static int can_list(const char *path)
{
    DIR *dir = opendir(path);

    return dir != NULL && closedir(dir) == 0;
}

static int has_status(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

/* How an executed program ends: 0, or the errno of execve(2). */
static int executes(const char *path)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : errno;
}

static int binds(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(sun.sun_path, path);
    return bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

static int connects(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(sun.sun_path, path);
    return connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0;
}

/* Another process, free of the veil, that does `act` when told. */
static int helper_pipe[2], helper_done[2];

static void helper(void (*act)(void))
{
    char byte;

    MUST(pipe(helper_pipe) == 0 && pipe(helper_done) == 0);
    if (fork() == 0) {
        close(helper_pipe[1]);
        if (read(helper_pipe[0], &byte, 1) == 1) {
            act();
            (void)!write(helper_done[1], "x", 1);
        }
        _exit(0);
    }
}

static void helper_acts(void)
{
    char byte;

    MUST(write(helper_pipe[1], "x", 1) == 1 && read(helper_done[0], &byte, 1) == 1);
}

/* Rules and lock within a body, where something must be done before. Bare it does nothing. */
static int veiled(const char *rules)
{
    int err = veil_is_bare ? 0 : veil_rules(rules);

    return err != 0 ? err : veil_is_bare ? 0 : E(unveil(NULL, NULL) == 0);
}

/* Reading */
TRY(read_r, "in:r", 0, 0, NONE, can_open("in/file", O_RDONLY))
TRY(read_r_deep, "in:r", 0, 0, NONE, can_open("in/sub/file", O_RDONLY))
TRY(read_w, "in:w", EACCES, EACCES, NONE, can_open("in/file", O_RDONLY))
TRY(read_hidden, "in:r", ENOENT, EACCES, 1, can_open("out/file", O_RDONLY))
TRY(list_r, "in:r", 0, 0, NONE, can_list("in"))
TRY(list_hidden, "in:r", ENOENT, EACCES, 1, can_list("out"))
TRY(list_above, "in:r", ENOENT, EACCES, 1, can_list("."))
TRY(stat_r, "in:r", 0, 0, NONE, has_status("in/file"))
TRY(stat_w, "in:w", EACCES, 0, 2, has_status("in/file"))
TRY(stat_hidden, "in:r", ENOENT, 0, 2, has_status("out/file"))
TRY(stat_above, "in:r", ENOENT, 0, 2, has_status("."))
TRY(access_r, "in:r", 0, 0, NONE, access("in/file", R_OK) == 0)
TRY(access_x, "in:r", 0, 0, NONE, access("in/prog", X_OK) == 0)
TRY(access_w, "in:r", EACCES, 0, 2, access("in/file", W_OK) == 0)
TRY(access_hidden, "in:r", ENOENT, 0, 2, access("out/file", F_OK) == 0)
VEILED(readlink_r, "in:r", 0, 0, NONE)
{
    char text[64];

    return E(readlink("in/link", text, sizeof text) > 0);
}
VEILED(readlink_hidden, "in:r", ENOENT, 0, 2)
{
    char text[64];

    return E(readlink("out/back", text, sizeof text) > 0);
}
TRY(chdir_r, "in:r", 0, 0, NONE, chdir("in") == 0)
TRY(chdir_hidden, "in:r", ENOENT, 0, 2, chdir("out") == 0)
VEILED(statfs_hidden, "in:r", 0, 0, NONE)
{
    struct statfs fs;

    return E(statfs("out", &fs) == 0);
}
VEILED(inotify_hidden, "in:r", ENOENT, 0, 2)
{
    int fd = inotify_init();

    return E(inotify_add_watch(fd, "out", IN_CREATE) >= 0);
}
TRY(open_path_hidden, "in:r", ENOENT, 0, 2, can_open("out/file", O_PATH))
BROKERED(open_path_hidden, ENOENT)

/* Writing */
TRY(write_r, "in:r", EACCES, EACCES, NONE, can_open("in/file", O_WRONLY))
TRY(write_w, "in:w", 0, 0, NONE, can_open("in/file", O_WRONLY))
TRY(write_rw, "in:rw", 0, 0, NONE, can_open("in/file", O_RDWR))
TRY(write_rw_by_r, "in:r", EACCES, EACCES, NONE, can_open("in/file", O_RDWR))
TRY(write_hidden, "in:rwxc", ENOENT, EACCES, 1, can_open("out/file", O_WRONLY))
TRY(cut_w, "in:w", 0, 0, NONE, can_open("in/file", O_WRONLY | O_TRUNC))
TRY(cut_r, "in:r", EACCES, EACCES, NONE, can_open("in/file", O_RDONLY | O_TRUNC))
TRY(truncate_rw, "in:rw", 0, 0, NONE, truncate("in/file", 1) == 0)
TRY(truncate_r, "in:r", EACCES, EACCES, NONE, truncate("in/file", 1) == 0)
TRY(truncate_hidden, "in:rwxc", ENOENT, EACCES, 1, truncate("out/file", 1) == 0)
TRY(truncate_file_rw, "file:rw", 0, 0, NONE, truncate("file", 1) == 0)
TRY(cut_file_rw, "file:rw", 0, 0, NONE, can_open("file", O_WRONLY | O_TRUNC))
TRY(create_rwc, "in:rwc", 0, 0, NONE, can_open("in/new", O_RDWR | O_CREAT | O_EXCL))
TRY(create_rw, "in:rw", EACCES, EACCES, NONE, can_open("in/new", O_RDWR | O_CREAT))
TRY(create_c, "in:c", EACCES, EACCES, NONE, can_open("in/new", O_WRONLY | O_CREAT))
TRY(create_hidden, "in:rwxc", ENOENT, EACCES, 1, can_open("out/new", O_RDWR | O_CREAT))
TRY(create_existing, "in:rw", EACCES, 0, 3, can_open("in/file", O_RDWR | O_CREAT))
TRY(tmpfile_rw, "in:rw", LINUX, 0, LINUX, can_open("in", O_RDWR | O_TMPFILE))
STRICT(tmpfile_rw, EACCES)
TRY(tmpfile_hidden, "in:rwxc", LINUX, EACCES, LINUX, can_open("out", O_RDWR | O_TMPFILE))
STRICT(tmpfile_hidden, ENOENT)
VEILED(tmpfile_named, "in:rw", LINUX, EACCES, LINUX)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", open("in", O_RDWR | O_TMPFILE, 0644));
    return E(linkat(AT_FDCWD, name, AT_FDCWD, "in/new", AT_SYMLINK_FOLLOW) == 0);
}
STRICT(tmpfile_named, ENOENT)

/* Names */
TRY(mkdir_c, "in:c", 0, 0, NONE, mkdir("in/new", 0755) == 0)
TRY(mkdir_rwx, "in:rwx", EACCES, EACCES, NONE, mkdir("in/new", 0755) == 0)
TRY(mkdir_hidden, "in:rwxc", ENOENT, EACCES, 1, mkdir("out/new", 0755) == 0)
TRY(rmdir_c, "in:c", 0, 0, NONE, rmdir("in/empty") == 0)
TRY(rmdir_rwx, "in:rwx", EACCES, EACCES, NONE, rmdir("in/empty") == 0)
TRY(rmdir_hidden, "in:rwxc", ENOENT, EACCES, 1, rmdir("out/empty") == 0)
TRY(unlink_c, "in:c", 0, 0, NONE, unlink("in/file") == 0)
TRY(unlink_rwx, "in:rwx", EACCES, EACCES, NONE, unlink("in/file") == 0)
TRY(unlink_hidden, "in:rwxc", ENOENT, EACCES, 1, unlink("out/file") == 0)
TRY(unlink_file_rw, "file:rw", EACCES, EACCES, NONE, unlink("file") == 0)
TRY(symlink_c, "in:c", 0, 0, NONE, symlink("file", "in/new") == 0)
TRY(symlink_rwx, "in:rwx", EACCES, EACCES, NONE, symlink("file", "in/new") == 0)
TRY(symlink_hidden, "in:rwxc", ENOENT, EACCES, 1, symlink("file", "out/new") == 0)
TRY(mkfifo_c, "in:c", 0, 0, NONE, mkfifo("in/new", 0644) == 0)
TRY(mkfifo_rwx, "in:rwx", EACCES, EACCES, NONE, mkfifo("in/new", 0644) == 0)
TRY(mkfifo_hidden, "in:rwxc", ENOENT, EACCES, 1, mkfifo("out/new", 0644) == 0)
TRY(rename_rc, "in:rc", 0, 0, NONE, rename("in/file", "in/new") == 0)
TRY(rename_rc_deeper, "in:rc", 0, 0, NONE, rename("in/file", "in/sub/new") == 0)
TRY(rename_rwx, "in:rwx", EACCES, EACCES, NONE, rename("in/file", "in/new") == 0)
TRY(rename_c, "in:c", EACCES, 0, 4, rename("in/file", "in/new") == 0)
TRY(rename_hidden, "in:rwxc", ENOENT, EACCES, 1, rename("out/file", "out/new") == 0)
TRY(rename_out, "in:rwxc", ENOENT, EACCES, 1, rename("in/file", "out/new") == 0)
TRY(rename_in, "in:rwxc", ENOENT, EACCES, 1, rename("out/file", "in/new") == 0)
TRY(rename_between, "in:rwc out:rwc", 0, 0, NONE, rename("in/file", "out/new") == 0)
TRY(rename_to_more, "in:rc out:rwc", 0, EXDEV, 5, rename("in/file", "out/new") == 0)
TRY(link_rc, "in:rc", 0, 0, NONE, link("in/file", "in/new") == 0)
TRY(link_c, "in:c", EACCES, 0, 4, link("in/file", "in/new") == 0)
TRY(link_rwx, "in:rwx", EACCES, EACCES, NONE, link("in/file", "in/new") == 0)
TRY(link_in, "in:rwxc", ENOENT, EXDEV, 5, link("out/file", "in/new") == 0)
TRY(link_between, "in:r out:rc", 0, 0, NONE, link("in/file", "out/new") == 0)
TRY(link_to_more, "in:r out:rwc", 0, EXDEV, 5, link("in/file", "out/new") == 0)

/* Attributes by name */
TRY(chmod_r, "in:r", EACCES, EACCES, NONE, chmod("in/file", 0600) == 0)
TRY(chmod_w, "in:rwxc", 0, EACCES, 6, chmod("in/file", 0600) == 0)
TRY(chmod_hidden, "in:rwxc", ENOENT, EACCES, 1, chmod("out/file", 0600) == 0)
TRY(chmod_everything, "/:rwxc", 0, 0, NONE, chmod("out/file", 0600) == 0)
TRY(chown_r, "in:r", EACCES, EACCES, NONE, chown("in/file", veil_user, veil_user) == 0)
TRY(chown_hidden, "in:rwxc", ENOENT, EACCES, 1, chown("out/file", veil_user, veil_user) == 0)
TRY(lchown_hidden, "in:rwxc", ENOENT, EACCES, 1, lchown("out/file", veil_user, veil_user) == 0)
TRY(utimens_r, "in:r", EACCES, EACCES, NONE, utimensat(AT_FDCWD, "in/file", NULL, 0) == 0)
TRY(utimens_hidden, "in:rwxc", ENOENT, EACCES, 1, utimensat(AT_FDCWD, "out/file", NULL, 0) == 0)
VEILED(setxattr_hidden, "in:rwxc", LINUX, EACCES, LINUX)
{
    int end = E(setxattr("out/file", "user.veil", "x", 1, 0) == 0);

    return end == ENOTSUP ? SKIP : end;
}
STRICT(setxattr_hidden, ENOENT)
VEILED(removexattr_hidden, "in:rwxc", LINUX, EACCES, LINUX)
{
    if (veil_is_bare && setxattr("out/file", "user.veil", "x", 1, 0) != 0)
        return SKIP;
    return E(removexattr("out/file", "user.veil") == 0);
}
STRICT(removexattr_hidden, ENOENT)
VEILED(fchmod_open, "in:r", 0, 0, NONE)
{
    int fd = open("in/file", O_RDONLY);

    return E(fchmod(fd, 0600) == 0);
}
VEILED(futimens_open, "in:r", 0, 0, NONE)
{
    int fd = open("in/file", O_RDONLY);

    return E(futimens(fd, NULL) == 0);
}
/* A descriptor that opens nothing is not a way around. */
VEILED(fchownat_path, "in:r", LINUX, EACCES, LINUX)
{
    int fd = open("out/file", O_PATH);

    return E(syscall(SYS_fchownat, fd, "", veil_user, veil_user, AT_EMPTY_PATH) == 0);
}
VEILED(chmod_path, "in:r", LINUX, EACCES, LINUX)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", open("out/file", O_PATH));
    return E(chmod(name, 0600) == 0);
}
STRICT(chmod_path, ENOENT)
VEILED(open_path, "in:r", LINUX, EACCES, LINUX)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", open("out/file", O_PATH));
    return E(can_open(name, O_RDONLY));
}
STRICT(open_path, ENOENT)
VEILED(exec_path, "in:r", LINUX, EACCES, LINUX)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/self/fd/%d", open("out/prog", O_PATH));
    return executes(name);
}
STRICT(exec_path, ENOENT)
ALONE(exec_path, EACCES, LINUX)
TRY(root_of_process, "in:r", LINUX, EACCES, LINUX, can_list("/proc/self/root/tmp"))
STRICT(root_of_process, ENOENT)
VEILED(io_uring, "in:r", LINUX, ENOSYS, LINUX)
{
    char params[256] = {0};
    int end = E(syscall(SYS_io_uring_setup, 1, params) >= 0);

    return veil_is_bare && end != 0 ? SKIP : end;
}
#ifdef __x86_64__
/* chmod(2) of the 32-bit ABI. */
VEILED(foreign_abi, "in:rwxc", LINUX, ENOSYS, LINUX)
{
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long end;

    MUST(low != MAP_FAILED);
    strcpy(low, "out/file");
    __asm__ volatile("int $0x80" : "=a"(end) : "a"(15), "b"(low), "c"(0600) : "memory", "r8", "r9", "r10", "r11");
    return veil_is_bare && end == -ENOSYS ? SKIP : (int)-end;
}
VEILED(foreign_x32, "in:rwxc", LINUX, ENOSYS, LINUX)
{
    int end = E(syscall(0x40000000 | 90, "out/file", 0600) == 0);

    return veil_is_bare && end == ENOSYS ? SKIP : end;
}
#endif

/* Execution */
VEILED(exec_rx, "in:rx", 0, 0, NONE) { return executes("in/prog"); }
ALONE(exec_rx, EACCES, 18)
VEILED(exec_r, "in:r", EACCES, EACCES, NONE) { return executes("in/prog"); }
VEILED(exec_rwc, "in:rwc", EACCES, EACCES, NONE) { return executes("in/prog"); }
VEILED(exec_hidden, "in:rwxc", ENOENT, EACCES, 1) { return executes("out/prog"); }
ALONE(exec_hidden, EACCES, 18)
VEILED(exec_file, "in/prog:x", 0, 0, NONE) { return executes("in/prog"); }
ALONE(exec_file, EACCES, 18)
TRY(exec_file_reads, "in/prog:x", EACCES, 0, 17, can_open("in/prog", O_RDONLY))
VEILED(exec_script, "in:rx", 0, 0, NONE) { return executes("in/script"); }
ALONE(exec_script, EACCES, 18)
VEILED(exec_interpreter, "in/script:rx", 0, EACCES, 7) { return executes("in/script"); }
STRICT(exec_interpreter, EACCES)

/* Sockets */
VEILED(bind_c, "in:c", 0, 0, NONE) { return E(binds("in/sock") >= 0); }
VEILED(bind_rwx, "in:rwx", EACCES, EACCES, NONE) { return E(binds("in/sock") >= 0); }
VEILED(bind_hidden, "in:rwxc", ENOENT, EACCES, 1) { return E(binds("out/sock") >= 0); }
VEILED(connect_w, NULL, 0, 0, NONE)
{
    MUST(binds("in/sock") >= 0 && veiled("in:w") == 0);
    return E(connects("in/sock"));
}
/* From ABI 9 on it does as OpenBSD does, but for the errno, where the socket was bound out of its rules. */
static int as_before_abi_9(int end) { return veil_abi >= 9 && end == EACCES ? 0 : end; }
static void binds_hidden(void) { MUST(binds("out/sock") >= 0); }
VEILED(connect_hidden, NULL, ENOENT, 0, 8)
{
    int byte, end;
    pid_t pid;
    int ready[2];

    MUST(pipe(ready) == 0 && (pid = fork()) >= 0);
    if (pid == 0) {
        binds_hidden();
        (void)!write(ready[1], "x", 1);
        pause();
    }
    MUST(read(ready[0], &byte, 1) == 1);
    MUST(veiled("in:r") == 0);
    end = E(connects("out/sock"));
    kill(pid, SIGKILL);
    return as_before_abi_9(end);
}

/* What is sent needs a rule if it is to a name. */
static int bound(int family, struct sockaddr *name, socklen_t len)
{
    int fd = socket(family, SOCK_DGRAM, 0);

    MUST(bind(fd, name, len) == 0 && getsockname(fd, name, &len) == 0);
    return fd;
}
static int sends(struct sockaddr *to, socklen_t len, int by_message)
{
    struct iovec part = {"x", 1};
    struct msghdr msg = {.msg_name = to, .msg_namelen = len, .msg_iov = &part, .msg_iovlen = 1};
    int fd = socket(to->sa_family, SOCK_DGRAM, 0);

    return E((by_message ? sendmsg(fd, &msg, 0) : sendto(fd, "x", 1, 0, to, len)) == 1);
}
static int sends_udp(int by_message)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = bound(AF_INET, (struct sockaddr *)&here, sizeof here), end;
    char byte;

    MUST(veiled("in:r") == 0);
    end = sends((struct sockaddr *)&here, sizeof here, by_message);
    return end != 0 ? end : E(recv(fd, &byte, 1, 0) == 1);
}
VEILED(send_udp, NULL, 0, 0, NONE) { return sends_udp(0); }
VEILED(send_udp_message, NULL, 0, 0, NONE) { return sends_udp(1); }
static int sends_to(const char *path, const char *rules)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    strcpy(name.sun_path, path);
    bound(AF_UNIX, (struct sockaddr *)&name, sizeof name);
    MUST(veiled(rules) == 0);
    return sends((struct sockaddr *)&name, sizeof name, 0);
}
VEILED(send_w, NULL, 0, 0, NONE) { return sends_to("in/sock", "in:w"); }
VEILED(send_hidden, NULL, ENOENT, 0, 8) { return as_before_abi_9(sends_to("out/sock", "in:w")); }
BROKERED(send_hidden, 0)
VEILED(send_passes, NULL, 0, 0, NONE)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } room;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    int pair[2], fd = open("in", O_RDONLY | O_DIRECTORY);

    memset(&room, 0, sizeof room);
    room.header.cmsg_level = SOL_SOCKET;
    room.header.cmsg_type = SCM_RIGHTS;
    room.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&room.header), &fd, sizeof fd);
    MUST(fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && veiled("in:r") == 0);
    return E(sendmsg(pair[0], &msg, 0) == 1 && recvmsg(pair[1], &msg, 0) == 1 && CMSG_FIRSTHDR(&msg) != NULL);
}

/* Which rule decides */
TRY(wider_below, "in:r in/sub:rw", 0, 0, NONE, can_open("in/sub/file", O_RDWR))
TRY(wider_below_beside, "in:r in/sub:rw", EACCES, EACCES, NONE, can_open("in/file", O_RDWR))
TRY(file_below, "in:r in/file:rw", 0, 0, NONE, can_open("in/file", O_RDWR))
TRY(file_alone, "file:r", 0, 0, NONE, can_open("file", O_RDONLY))
TRY(file_w, "file:r", EACCES, EACCES, NONE, can_open("file", O_WRONLY))
TRY(file_beside, "in/file:r", ENOENT, EACCES, 1, can_open("in/prog", O_RDONLY))
TRY(last_stands, "in:rwc in:r", EACCES, EACCES, NONE, can_open("in/file", O_WRONLY))
TRY(last_widens, "in:r in:rw", 0, 0, NONE, can_open("in/file", O_WRONLY))
TRY(last_file_stands, "file:rw file:r", EACCES, EACCES, NONE, can_open("file", O_WRONLY))
TRY(by_link, "indirect:r", 0, 0, NONE, can_open("in/file", O_RDONLY))
TRY(by_link_to_file, "in/link:r", 0, 0, NONE, can_open("in/file", O_RDONLY))
TRY(link_inside, "in:r", 0, 0, NONE, can_open("in/link", O_RDONLY))
TRY(link_outward, "in:r", ENOENT, EACCES, 1, can_open("in/away", O_RDONLY))
TRY(link_inward, "in:r", 0, 0, NONE, can_open("out/inward", O_RDONLY))
TRY(dots_inside, "in:r", 0, 0, NONE, can_open("in/sub/../file", O_RDONLY))
TRY(dots_through, "in:r", 0, 0, NONE, can_open("out/../in/file", O_RDONLY))
TRY(dots_outward, "in:r", ENOENT, EACCES, 1, can_open("in/../out/file", O_RDONLY))
TRY(everything, "/:rwxc", 0, 0, NONE, can_open("out/file", O_RDWR))
TRY(everything_r, "/:r", EACCES, EACCES, NONE, can_open("out/file", O_RDWR))
TRY(nothing, "in:", ENOENT, EACCES, 1, can_open("in/file", O_RDONLY))
VEILED(chdir_then_dots, "in:r", ENOENT, EACCES, 1)
{
    MUST(chdir("in") == 0);
    return E(can_open("../out/file", O_RDONLY));
}
VEILED(descriptor_kept, NULL, ENOENT, EACCES, 1)
{
    int fd = open("out", O_RDONLY | O_DIRECTORY);

    MUST(fd >= 0 && veiled("in:r") == 0);
    return E(openat(fd, "file", O_RDONLY) >= 0);
}
VEILED(descriptor_fchdir, NULL, ENOENT, EACCES, 1)
{
    int fd = open("out", O_RDONLY | O_DIRECTORY);

    MUST(fd >= 0 && veiled("in:r") == 0 && fchdir(fd) == 0);
    return E(can_open("file", O_RDONLY));
}
VEILED(descriptor_reads, NULL, 0, 0, NONE)
{
    char byte;
    int fd = open("out/file", O_RDONLY);

    MUST(fd >= 0 && veiled("in:r") == 0);
    return E(read(fd, &byte, 1) == 1);
}
VEILED(descriptor_reopened, NULL, LINUX, EACCES, LINUX)
{
    char name[64];
    int fd = open("out/file", O_RDONLY);

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    MUST(fd >= 0 && veiled("in:r") == 0);
    return E(can_open(name, O_RDONLY));
}
STRICT(descriptor_reopened, ENOENT)

/* Names that change */
static void moves_directory(void) { MUST(rename("in", "moved") == 0); }
VEILED(directory_moved, NULL, 0, 0, NONE)
{
    helper(moves_directory);
    MUST(veiled("in:r") == 0);
    helper_acts();
    return E(can_open("moved/file", O_RDONLY));
}
static void remakes_directory(void)
{
    MUST(rename("in", "moved") == 0 && mkdir("in", 0755) == 0);
    veil_write("in/file", "new\n", 4, 0644);
}
VEILED(directory_remade, NULL, ENOENT, EACCES, 1)
{
    helper(remakes_directory);
    MUST(veiled("in:r") == 0);
    helper_acts();
    return E(can_open("in/file", O_RDONLY));
}
static void replaces_file(void) { MUST(rename("out/file", "file") == 0); }
VEILED(file_replaced, NULL, 0, EACCES, 9)
{
    helper(replaces_file);
    MUST(veiled("file:r") == 0);
    helper_acts();
    return E(can_open("file", O_RDONLY));
}
static void moves_file(void) { MUST(rename("file", "out/moved") == 0); }
VEILED(file_moved, NULL, ENOENT, 0, 9)
{
    helper(moves_file);
    MUST(veiled("file:r") == 0);
    helper_acts();
    return E(can_open("out/moved", O_RDONLY));
}
static void links_file(void) { MUST(link("file", "out/linked") == 0); }
VEILED(file_linked, NULL, ENOENT, 0, 9)
{
    helper(links_file);
    MUST(veiled("file:r") == 0);
    helper_acts();
    return E(can_open("out/linked", O_RDONLY));
}
VEILED(saved_atomically, "in:rwc", 0, 0, NONE)
{
    int fd = open("in/.file.new", O_WRONLY | O_CREAT | O_EXCL, 0644);

    return E(fd >= 0 && write(fd, "new\n", 4) == 4 && fsync(fd) == 0 && close(fd) == 0 &&
             rename("in/.file.new", "in/file") == 0 && can_open("in/file", O_RDONLY));
}

/* As an administrator */
VEILED(mount_over, NULL, LINUX, EPERM, LINUX)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return SKIP;
    MUST(veiled("in:rwxc") == 0);
    return E(mount("out", "in/empty", NULL, MS_BIND, NULL) == 0);
}
VEILED(chroot_hidden, "in:rwxc", ENOENT, 0, 2)
{
    return chroot("out") == 0 ? 0 : errno == EPERM ? SKIP : errno;
}
BROKERED(chroot_hidden, ENOENT)
VEILED(chroot_keeps, "in:rwxc", ENOENT, EACCES, 1)
{
    if (chroot("out") != 0)
        return SKIP;
    return E(can_open("/file", O_RDONLY));
}
VEILED(handle_hidden, NULL, LINUX, EACCES, LINUX)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } name = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount, end, fd = open("/tmp", O_RDONLY | O_DIRECTORY);

    if (name_to_handle_at(AT_FDCWD, "out/file", &name.handle, &mount, 0) != 0)
        return SKIP;
    MUST(veiled("in:r") == 0);
    end = E(open_by_handle_at(fd, &name.handle, O_RDONLY) >= 0);
    return end == EPERM || end == ESTALE ? SKIP : end;
}

#include "veil_calls.h"
#include "veil_races.h"
#include "veil_broker.h"
#include "veil_closed.h"
#include "veil_straight.h"

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--try") == 0)
        return E(can_open(argv[2], O_RDONLY));
    return veil_main(argc, argv);
}
