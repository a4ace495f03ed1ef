/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions of the C library under the promise by which a user would look for them. */
#include "case.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <glob.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <utime.h>

extern char **environ;
static char text[4096];
static struct stat st;

/* rpath */
#define RPATH(id, ...) ALLOW(fn_##id, "stdio rpath", __VA_ARGS__)
static int counts(DIR *dir)
{
    int n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    return n;
}
static int walked;
static int visits(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)path;
    (void)s;
    (void)type;
    (void)at;
    walked++;
    return 0;
}
static int all(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}
RPATH(opendir, counts(opendir(".")) == 6)
RPATH(closedir, closedir(opendir("dir")) == 0)
RPATH(rewinddir, (rewinddir(opendir(".")), 1) && telldir(opendir(".")) >= 0)
RPATH(fdopendir, counts(fdopendir(open(".", O_RDONLY | O_DIRECTORY))) == 6)
RPATH(scandir, scandir(".", &(struct dirent **){NULL}, all, alphasort) == 4)
RPATH(glob, glob("f*", 0, NULL, &(glob_t){0}) == 0)
RPATH(glob_brace_dirs, glob("*/..", GLOB_NOCHECK, NULL, &(glob_t){0}) == 0)
RPATH(nftw, nftw(".", visits, 8, FTW_PHYS) == 0 && walked == 5)
RPATH(realpath, realpath("dir/../link", text) != NULL && strstr(text, "/file") != NULL)
RPATH(realpath_alloc, realpath(".", NULL) != NULL)
RPATH(stat, stat("file", &st) == 0 && lstat("link", &st) == 0 && S_ISLNK(st.st_mode))
RPATH(fstatat, fstatat(AT_FDCWD, "file", &st, AT_SYMLINK_NOFOLLOW) == 0)
RPATH(access, access("file", R_OK) == 0 && faccessat(AT_FDCWD, "file", F_OK, 0) == 0)
RPATH(eaccess, eaccess("file", R_OK) == 0)
RPATH(readlink, readlink("link", text, 64) == 4 && readlinkat(AT_FDCWD, "link", text, 64) == 4)
RPATH(getcwd, getcwd(NULL, 0) != NULL && getcwd(text, sizeof text) == text)
RPATH(chdir, chdir("dir") == 0 && chdir("..") == 0)
RPATH(pathconf, pathconf(".", _PC_NAME_MAX) > 0)
RPATH(statvfs, statvfs(".", &(struct statvfs){0}) == 0)
RPATH(fstatvfs, fstatvfs(open("file", O_RDONLY), &(struct statvfs){0}) == 0)
RPATH(fopen_r, fgets(text, 64, fopen("file", "r")) != NULL)
RPATH(fopen_re, fclose(fopen("file", "re")) == 0)
RPATH(freopen, freopen("file", "r", stdin) != NULL && getchar() == 'h')
RPATH(open_missing, open("none", O_RDONLY) == -1 && errno == ENOENT)
RPATH(gmtime_first, gmtime(&(time_t){1}) != NULL)
RPATH(localtime_first, localtime(&(time_t){1}) != NULL)
RPATH(nprocessors, sysconf(_SC_NPROCESSORS_ONLN) > 0 && sysconf(_SC_NPROCESSORS_CONF) > 0)
RPATH(phys_pages, sysconf(_SC_PHYS_PAGES) > 0 && sysconf(_SC_AVPHYS_PAGES) > 0)
RPATH(getloadavg, getloadavg(&(double){0}, 1) == 1)
#ifdef __GLIBC__
#include <fts.h>
static int traverses(void)
{
    char *const paths[] = {(char *)".", NULL};
    FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int n = 0;

    while (fts != NULL && fts_read(fts) != NULL)
        n++;
    return n > 4 && fts_close(fts) == 0;
}
RPATH(fts, traverses())
#endif

/* wpath */
ALLOW(fn_fopen_rplus, "stdio rpath wpath", fputc('x', fopen("file", "r+")) == 'x')
ALLOW(fn_open_append, "stdio wpath", write(open("file", O_WRONLY | O_APPEND), "x", 1) == 1)
ALLOW(fn_pwritev, "stdio wpath", pwritev(open("file", O_WRONLY), &(struct iovec){text, 3}, 1, 0) == 3)

/* cpath */
#define CPATH(id, ...) ALLOW(fn_##id, "stdio rpath wpath cpath", __VA_ARGS__)
static char template[32] = "made.XXXXXX", directory[32] = "dir.XXXXXX";
CPATH(fopen_w, fclose(fopen("new", "w")) == 0)
CPATH(fopen_a, fputs("x", fopen("new", "ae")) >= 0)
CPATH(fopen_wplusx, fclose(fopen("new", "w+x")) == 0)
CPATH(mkstemp, mkstemp(template) >= 0 && unlink(template) == 0)
CPATH(mkostemp, mkostemp(template, O_CLOEXEC) >= 0)
CPATH(mkdtemp, mkdtemp(directory) != NULL && rmdir(directory) == 0)
CPATH(tmpfile, fputs("x", tmpfile()) >= 0)
CPATH(rename, rename("file", "new") == 0)
CPATH(link, link("file", "new") == 0 && symlink("file", "other") == 0)
CPATH(unlink, unlink("file") == 0 && unlinkat(AT_FDCWD, "link", 0) == 0)
CPATH(mkdir, mkdir("new", 0700) == 0 && mkdirat(AT_FDCWD, "two", 0700) == 0)
CPATH(rmdir, rmdir("dir") == 0)
CPATH(remove_file, remove("file") == 0)
CPATH(remove_dir, remove("dir") == 0)

/* dpath, fattr, chown, flock */
ALLOW(fn_mkfifo, "stdio dpath", mkfifo("new", 0600) == 0 && mkfifoat(AT_FDCWD, "two", 0600) == 0)
#define FATTR(id, ...) ALLOW(fn_##id, "stdio rpath fattr", __VA_ARGS__)
FATTR(chmod, chmod("file", 0600) == 0 && fchmod(open("file", O_RDONLY), 0644) == 0)
FATTR(fchmodat, fchmodat(AT_FDCWD, "file", 0600, 0) == 0)
FATTR(utime, utime("file", NULL) == 0 && utimes("file", NULL) == 0)
FATTR(futimens, futimens(open("file", O_RDONLY), NULL) == 0 && futimes(open("file", O_RDONLY), NULL) == 0)
FATTR(utimensat, utimensat(AT_FDCWD, "link", NULL, AT_SYMLINK_NOFOLLOW) == 0)
FATTR(lutimes, lutimes("link", NULL) == 0)
#define CHOWN(id, ...) ALLOW(fn_##id, "stdio rpath chown", __VA_ARGS__)
CHOWN(chown, chown("file", getuid(), getgid()) == 0 && lchown("link", getuid(), getgid()) == 0)
CHOWN(fchown, fchown(open("file", O_RDONLY), getuid(), getgid()) == 0)
CHOWN(fchownat, fchownat(AT_FDCWD, "link", getuid(), getgid(), AT_SYMLINK_NOFOLLOW) == 0)
#define FLOCK(id, ...) ALLOW(fn_##id, "stdio rpath wpath flock", __VA_ARGS__)
FLOCK(flock, flock(open("file", O_RDWR), LOCK_EX | LOCK_NB) == 0)
FLOCK(lockf, lockf(open("file", O_RDWR), F_LOCK, 0) == 0)
FLOCK(lockf_test, lockf(open("file", O_RDWR), F_TEST, 0) == 0)

/* inet and unix */
static struct sockaddr_in here(void)
{
    struct sockaddr_in name;

    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}
ALLOWED(fn_tcp, "stdio inet")
{
    struct sockaddr_in name = here();
    socklen_t len = sizeof name;
    int server, client, fd, on = 1;

    PLEDGE();
    TRY((server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
    TRY(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    TRY(bind(server, (struct sockaddr *)&name, sizeof name) == 0 && listen(server, 5) == 0);
    TRY(getsockname(server, (struct sockaddr *)&name, &len) == 0);
    TRY((client = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    TRY(connect(client, (struct sockaddr *)&name, sizeof name) == 0);
    TRY((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    TRY(send(client, "x", 1, MSG_NOSIGNAL) == 1 && recv(fd, text, 1, MSG_WAITALL) == 1);
    TRY(getpeername(client, (struct sockaddr *)&name, &len) == 0);
    TRY(shutdown(client, SHUT_WR) == 0 && close(fd) == 0);
}
ALLOWED(fn_udp, "stdio inet")
{
    struct sockaddr_in name = here();
    socklen_t len = sizeof name;
    int server, client;

    PLEDGE();
    TRY((server = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    TRY(bind(server, (struct sockaddr *)&name, sizeof name) == 0);
    TRY(getsockname(server, (struct sockaddr *)&name, &len) == 0);
    TRY((client = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP)) >= 0);
    TRY(sendto(client, "x", 1, 0, (struct sockaddr *)&name, sizeof name) == 1);
    TRY(recvfrom(server, text, 1, 0, (struct sockaddr *)&name, &len) == 1);
    TRY(connect(server, (struct sockaddr *)&name, sizeof name) == 0);
}
ALLOWED(fn_getaddrinfo_numeric, "stdio inet")
{
    struct addrinfo hints, *list;

    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    PLEDGE();
    TRY(getaddrinfo("127.0.0.1", "80", &hints, &list) == 0);
    TRY(getnameinfo(list->ai_addr, list->ai_addrlen, text, 64, NULL, 0, NI_NUMERICHOST) == 0);
    freeaddrinfo(list);
}
ALLOWED(fn_mmsg, "stdio inet sendfd recvfd")
{
    struct sockaddr_in name = here();
    struct iovec iov = {text, 1};
    struct mmsghdr many[2];
    socklen_t len = sizeof name;
    int fd;

    memset(many, 0, sizeof many);
    many[0].msg_hdr.msg_iov = many[1].msg_hdr.msg_iov = &iov;
    many[0].msg_hdr.msg_iovlen = many[1].msg_hdr.msg_iovlen = 1;
    PLEDGE();
    TRY((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    TRY(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    TRY(getsockname(fd, (struct sockaddr *)&name, &len) == 0);
    TRY(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    TRY(sendmmsg(fd, many, 2, 0) == 2 && recvmmsg(fd, many, 2, MSG_DONTWAIT, NULL) == 2);
}
ALLOW(fn_unix_stream, "stdio unix", socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) >= 0)
ALLOW(fn_sendfile, "stdio rpath wpath",
      sendfile(open("file", O_WRONLY), open("/bin/sh", O_RDONLY), NULL, 100) == 100)

/* proc and exec, and what a dynamic program then reads and maps */
#define RUNS "stdio rpath proc exec prot_exec"
ALLOW(fn_system, RUNS, system("exit 3") == 3 << 8)
ALLOWED(fn_popen_r, RUNS)
{
    FILE *f;

    PLEDGE();
    TRY((f = popen("echo word", "r")) != NULL && fgets(text, 64, f) != NULL);
    TRY(strcmp(text, "word\n") == 0 && pclose(f) == 0);
}
ALLOWED(fn_popen_w, RUNS)
{
    FILE *f;

    PLEDGE();
    TRY((f = popen("read x; test $x = word", "w")) != NULL && fputs("word\n", f) >= 0);
    TRY(pclose(f) == 0);
}
static int spawns(int (*how)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                             const posix_spawnattr_t *, char *const[], char *const[]),
                  const char *path)
{
    char *argv[] = {(char *)"true", NULL};
    pid_t pid;
    int end;

    return how(&pid, path, NULL, NULL, argv, environ) == 0 && waitpid(pid, &end, 0) == pid
           && end == 0;
}
ALLOW(fn_posix_spawn, RUNS, spawns(posix_spawn, "/bin/true"))
ALLOW(fn_posix_spawnp, RUNS, spawns(posix_spawnp, "true"))
ALLOWED(fn_posix_spawn_actions, RUNS)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *argv[] = {(char *)"true", NULL};
    sigset_t none;
    pid_t pid;
    int end;

    PLEDGE();
    sigemptyset(&none);
    TRY(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attr) == 0);
    TRY(posix_spawn_file_actions_adddup2(&actions, 1, 5) == 0);
    TRY(posix_spawn_file_actions_addopen(&actions, 6, "file", O_RDONLY, 0) == 0);
    TRY(posix_spawn_file_actions_addclose(&actions, 5) == 0);
    TRY(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP) == 0);
    TRY(posix_spawnattr_setsigmask(&attr, &none) == 0);
    TRY(posix_spawn(&pid, "/bin/true", &actions, &attr, argv, environ) == 0);
    TRY(waitpid(pid, &end, 0) == pid && end == 0);
}
static int forks_and_runs(void)
{
    int end;
    pid_t pid = fork();

    if (pid == 0) {
        execlp("true", "true", NULL);
        _exit(9);
    }
    return waitpid(pid, &end, 0) == pid && end == 0;
}
ALLOW(fn_execlp, RUNS, forks_and_runs())
#define PROC(id, ...) ALLOW(fn_##id, "stdio proc", __VA_ARGS__)
static int daemonizes(void)
{
    pid_t pid = fork();
    int end;

    if (pid == 0)
        _exit(setsid() > 0 && fork() >= 0 ? 0 : 9);
    return waitpid(pid, &end, 0) == pid && end == 0;
}
PROC(fork, daemonizes())
PROC(setpgid, setpgid(0, 0) == 0 || errno == EPERM)
PROC(nice, nice(1) != -1 && getpriority(PRIO_PROCESS, 0) == 1)
PROC(killpg, killpg(getpgrp(), 0) == 0)
PROC(setrlimit, getrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0
         && setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) == 0)
static void prepares(void)
{
}
PROC(pthread_atfork, pthread_atfork(prepares, prepares, prepares) == 0 && daemonizes())

/* id, tty, settime */
ALLOW(fn_setuid, "stdio id", setuid(getuid()) == 0 && setgid(getgid()) == 0)
ALLOW(fn_setresuid, "stdio id", setresuid((uid_t)-1, getuid(), (uid_t)-1) == 0)
ALLOWED(fn_initgroups, "stdio rpath id")
{
    NEED_ROOT();
    PLEDGE();
    TRY(setgroups(1, &(gid_t){0}) == 0);
}
ALLOWED(fn_ttyname, "stdio rpath tty")
{
    int slave, master = posix_openpt(O_RDWR | O_NOCTTY);

    NEED("pseudo terminals", master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    NEED("pseudo terminals", (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
    PLEDGE();
    TRY(ttyname_r(slave, text, sizeof text) == 0 && isatty(slave));
}
ALLOWED(fn_termios, "stdio tty")
{
    int slave, master = posix_openpt(O_RDWR | O_NOCTTY);
    struct termios term;

    NEED("pseudo terminals", master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    NEED("pseudo terminals", (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
    PLEDGE();
    TRY(tcgetattr(slave, &term) == 0 && (cfmakeraw(&term), tcsetattr(slave, TCSADRAIN, &term) == 0));
    TRY(tcdrain(slave) == 0 && tcflow(slave, TCOON) == 0 && tcsendbreak(slave, 0) == 0);
}
ALLOW(fn_adjtime, "stdio settime", adjtime(NULL, &(struct timeval){0, 0}) == 0)
