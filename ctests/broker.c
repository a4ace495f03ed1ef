/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the broker serves: users and groups, names below /tmp, time zones, terminals, processes; and what it does not. */
#include "case.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>

#define OPENS(path, flags) (open(path, flags) >= 0)

/* Plug-ins of names crash in static programs of glibc, bare too, where there are any. */
static int loads_plug_ins(void)
{
    struct rpledge_libc libc;

    return rpledge_libc(&libc, sizeof libc) == 0 && !(libc.is_static && libc.name[0] == 'g');
}

/* Users and groups, by the functions that a program calls. */
ALLOW(user_by_name, "stdio getpw", getpwnam("root") != NULL)
ALLOW(user_by_id, "stdio getpw", getpwuid(0) != NULL)
ALLOW(group_by_name, "stdio getpw", getgrnam("daemon") != NULL)
ALLOW(group_by_id, "stdio getpw", getgrgid(0) != NULL)
ALLOWED(users_one_by_one, "stdio getpw")
{
    int n = 0;

    NEED("plug-ins that load", loads_plug_ins());
    PLEDGE();
    setpwent();
    while (getpwent() != NULL)
        n++;
    endpwent();
    TRY(n > 1);
}
ALLOWED(nobody_of_that_name, "stdio getpw")
{
    NEED("plug-ins that load", loads_plug_ins());
    PLEDGE();
    TRY(getpwnam("no such user") == NULL);
    TRY(getpwnam("root") != NULL);
}
ALLOWED(groups_of_a_user, "stdio getpw")
{
    gid_t groups[64];
    int n = 64;

    NEED("plug-ins that load", loads_plug_ins());
    PLEDGE();
    TRY(getgrouplist("daemon", 1, groups, &n) >= 1);
}
ALLOWED(users_after_rpath_is_given_up, "stdio rpath getpw")
{
    PLEDGE();
    TRY(getpwnam("root") != NULL);
    TRY(!case_is_pledged || pledge("stdio getpw", NULL) == 0);
    TRY(getpwnam("daemon") != NULL);
    TRY(getgrgid(0) != NULL);
}
DENY(user_without_getpw, "stdio tmppath", getpwnam("root") != NULL)
DENIED(user_when_getpw_is_given_up, "stdio getpw tmppath")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio tmppath", NULL) == 0);
    TRY(getpwnam("root") != NULL);
}
REFUSE(shadow_is_kept, "stdio getpw", OPENS("/etc/shadow", O_RDONLY))
REFUSE(shadow_by_another_way, "stdio getpw", OPENS("/etc/./../etc//shadow", O_RDONLY))
DENY(passwd_is_not_written, "stdio getpw", OPENS("/etc/passwd", O_WRONLY))
REFUSE(passwd_is_no_place, "stdio getpw", OPENS("/etc/passwd", O_PATH))
DENY(passwd_is_not_cut, "stdio getpw", OPENS("/etc/passwd", O_RDWR | O_APPEND))
DENY(hosts_are_no_users, "stdio getpw", OPENS("/etc/hosts", O_RDONLY))
DENIED(relative_names_are_none, "stdio getpw")
{
    MUST(chdir("/etc") == 0);
    PLEDGE();
    TRY(OPENS("passwd", O_RDONLY));
}
DENIED(a_directory_s_names_are_none, "stdio getpw")
{
    int etc = open("/etc", O_RDONLY | O_DIRECTORY);

    MUST(etc >= 0);
    PLEDGE();
    TRY(openat(etc, "passwd", O_RDONLY) >= 0);
}
ALLOWED(a_directory_does_not_count, "stdio getpw")
{
    int dev = open("/dev", O_RDONLY | O_DIRECTORY);

    MUST(dev >= 0);
    PLEDGE();
    TRY(openat(dev, "/etc/passwd", O_RDONLY) >= 0);
}
ALLOWED(the_flags_are_those_asked_for, "stdio getpw")
{
    int fd, again;

    PLEDGE();
    TRY((fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC)) >= 0);
    TRY((again = open("/etc/passwd", O_RDONLY | O_NONBLOCK)) >= 0);
    TRY(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(again, F_GETFD) == 0);
    TRY((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    TRY((fcntl(again, F_GETFL) & O_NONBLOCK) != 0);
}

/* Names that lie where no name can, or change while they are read. */
ALLOWED(a_name_may_end_with_its_page, "stdio getpw")
{
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *name = map + 4096 - sizeof "/etc/passwd";

    MUST(map != MAP_FAILED && munmap(map + 4096, 4096) == 0);
    strcpy(name, "/etc/passwd");
    PLEDGE();
    TRY(OPENS(name, O_RDONLY));
}
ALLOWED(a_name_that_is_not_there_is_a_fault, "stdio getpw")
{
    PLEDGE();
    TRY(syscall(SYS_openat, AT_FDCWD, 1L, O_RDONLY) == -1 && errno == EFAULT);
}
ALLOWED(a_name_can_be_too_long, "stdio getpw")
{
    char *name = malloc(8192);

    memset(name, '/', 8192);
    PLEDGE();
    TRY(syscall(SYS_openat, AT_FDCWD, name, O_RDONLY) == -1 && errno == ENAMETOOLONG);
}
ALLOWED(a_status_is_written_where_it_can_be, "stdio getpw")
{
    struct stat *only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), there;

    MUST(only != MAP_FAILED);
    PLEDGE();
    TRY(stat("/etc/passwd", &there) == 0 && S_ISREG(there.st_mode));
#ifdef SYS_newfstatat
    TRY(syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", only, 0) == -1 && errno == EFAULT);
#endif
}

static char changing[] = "/etc/passwd";

static void *change(void *unused)
{
    for (;;) {
        memcpy(changing, "/etc/hosts\0", 12);
        memcpy(changing, "/etc/passwd", 12);
    }
    return unused;
}

/* What is opened is what was judged, however it changes. */
ALLOWED(a_name_that_changes_opens_nothing_else, "stdio getpw error")
{
    pthread_t thread;
    int n, fd;
    struct stat users, seen;

    MUST(stat("/etc/passwd", &users) == 0);
    MUST(pthread_create(&thread, NULL, change, NULL) == 0);
    PLEDGE();
    for (n = 0; n < 2000 && case_is_pledged; n++) {
        if ((fd = open(changing, O_RDONLY)) == -1)
            continue;
        TRY(fstat(fd, &seen) == 0 && seen.st_ino == users.st_ino);
        close(fd);
    }
}

/* Below /tmp, in the case's own directory, so that it goes with the case. */
static char *below_tmp(void)
{
    static char name[64];

    snprintf(name, sizeof name, "%s/made", case_dir);
    return name;
}
ALLOWED(a_file_below_tmp, "stdio tmppath")
{
    char name[] = "/tmp/case-XXXXXX", text[4];
    int fd;

    PLEDGE();
    TRY((fd = mkstemp(name)) >= 0);
    TRY(write(fd, "abc", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 4) == 3);
    TRY(unlink(name) == 0);
}
ALLOWED(set_id_bits_are_taken_off, "stdio tmppath")
{
    struct stat made;
    int fd;

    umask(0);
    PLEDGE();
    TRY((fd = open(below_tmp(), O_RDWR | O_CREAT | O_EXCL, 07777)) >= 0);
    TRY(fstat(fd, &made) == 0 && unlink(below_tmp()) == 0);
    TRY(!case_is_pledged || (made.st_mode & 07777) == 0777);
}
ALLOWED(the_umask_is_the_caller_s, "stdio tmppath")
{
    struct stat made;
    int fd;

    PLEDGE();
    umask(027);
    TRY((fd = open(below_tmp(), O_RDWR | O_CREAT | O_EXCL, 0666)) >= 0);
    TRY(fstat(fd, &made) == 0 && unlink(below_tmp()) == 0);
    TRY((made.st_mode & 07777) == 0640);
}
DENY(tmp_is_left_by_no_name, "stdio tmppath", OPENS("/tmp/../etc/passwd", O_RDWR))
DENIED(a_file_below_tmp_must_be_made, "stdio tmppath")
{
    int fd = open(below_tmp(), O_RDWR | O_CREAT, 0600);

    MUST(fd >= 0);
    PLEDGE();
    fd = open(below_tmp(), O_RDONLY);
    unlink(below_tmp());
    TRY(fd >= 0);
}
/* tmpfile(3): glibc's has no name. */
ALLOWED(a_file_of_no_name, "stdio tmppath")
{
    FILE *file;

    PLEDGE();
    TRY((file = tmpfile()) != NULL && fputs("x", file) >= 0 && fclose(file) == 0);
}
DENY(no_name_but_below_tmp, "stdio tmppath", open("/var/tmp", O_RDWR | O_TMPFILE, 0600) >= 0)
DENY(no_name_by_a_way_round, "stdio tmppath", open("/tmp/../var/tmp", O_RDWR | O_TMPFILE, 0600) >= 0)
DENY(no_name_without_tmppath, "stdio getpw", open("/tmp", O_RDWR | O_TMPFILE, 0600) >= 0)
REFUSED(a_link_below_tmp_is_not_followed, "stdio tmppath")
{
    int fd, error;

    MUST(symlink("/dev/null", below_tmp()) == 0);
    PLEDGE();
    fd = open(below_tmp(), O_WRONLY | O_CREAT, 0600);
    error = errno;
    unlink(below_tmp());
    TRY(fd >= 0 || (errno = error, 0));
}

/* Beside another word that has a broker: what OpenBSD's "stdio" can open. */
ALLOW(null_is_open_to_all, "stdio getpw", OPENS("/dev/null", O_RDWR))
DENY(null_is_not_made, "stdio getpw", open("/dev/null", O_WRONLY | O_CREAT, 0600) >= 0)
DENY(zero_is_not_null, "stdio getpw", OPENS("/dev/zero", O_RDONLY))
ALLOWED(zones_are_read, "stdio getpw")
{
    PLEDGE();
    TRY(OPENS("/usr/share/zoneinfo/Europe/Berlin", O_RDONLY) || errno == ENOENT);
}

/* The same without another word, since this program refers to open(3). */
ALLOW(null_is_open, "stdio", OPENS("/dev/null", O_RDWR))
ALLOW(null_is_open_beside_inet, "stdio inet", OPENS("/dev/null", O_RDWR))
DENY(null_alone_is_not_made, "stdio", open("/dev/null", O_WRONLY | O_CREAT, 0600) >= 0)
DENY(zero_alone_is_not_null, "stdio", OPENS("/dev/zero", O_RDONLY))
DENY(null_is_no_log, "stdio", socket(AF_UNIX, SOCK_DGRAM, 0) >= 0)
ALLOWED(zones_alone_are_read, "stdio")
{
    struct tm tm;

    NEED("zone files", access("/usr/share/zoneinfo/Asia/Kathmandu", R_OK) == 0);
    PLEDGE();
    TRY(setenv("TZ", "Asia/Kathmandu", 1) == 0);
    tzset();
    TRY(localtime_r(&(time_t){800000000}, &tm) != NULL && tm.tm_hour == 11 && tm.tm_min == 58);
}
/* And so does daemon(3), which "rpath" does not let write to it. */
ALLOW(silence_beside_rpath, "stdio rpath proc", daemon(1, 0) == 0)
ALLOWED(silence_after_narrowing, "stdio rpath")
{
    PLEDGE();
    TRY(!case_is_pledged || pledge("stdio", NULL) == 0);
    TRY(OPENS("/dev/null", O_RDWR));
}
/* A thread has no broker of its own, nor who is killed at once. */
KILLED(null_where_killed, "stdio")
{
    PLEDGE_AS(RPLEDGE_KILL);
    TRY(OPENS("/dev/null", O_RDWR));
}
DENIED(null_of_a_thread, "stdio")
{
    PLEDGE_AS(RPLEDGE_THREAD);
    TRY(OPENS("/dev/null", O_RDWR));
}

/* Processes */
ALLOWED(processes_are_seen, "stdio ps")
{
    struct dirent *entry;
    char name[300], text[16];
    int n = 0, fd;
    DIR *proc;

    PLEDGE();
    TRY((proc = opendir("/proc")) != NULL);
    while ((entry = readdir(proc)) != NULL) {
        if (atoi(entry->d_name) <= 0)
            continue;
        snprintf(name, sizeof name, "/proc/%s/stat", entry->d_name);
        if ((fd = open(name, O_RDONLY)) == -1)
            continue;
        n += read(fd, text, sizeof text) > 0;
        close(fd);
    }
    TRY(n > 0);
}
ALLOWED(self_is_oneself, "stdio ps")
{
    char text[32] = "";
    int fd;

    PLEDGE();
    TRY((fd = open("/proc/self/stat", O_RDONLY)) >= 0);
    TRY(read(fd, text, sizeof text - 1) > 0 && atoi(text) == getpid());
}
DENY(environments_are_not, "stdio ps", OPENS("/proc/self/environ", O_RDONLY))
DENY(roots_lead_nowhere, "stdio ps", OPENS("/proc/self/root/proc/stat", O_RDONLY))
DENY(processes_without_ps, "stdio getpw", OPENS("/proc/self/stat", O_RDONLY))
ALLOW(memory_is_seen, "stdio vminfo", OPENS("/proc/meminfo", O_RDONLY))
DENY(memory_without_vminfo, "stdio getpw", OPENS("/proc/meminfo", O_RDONLY))

/* Who asks */
ALLOWED(a_child_is_served, "stdio getpw proc")
{
    int end;
    pid_t pid;

    PLEDGE();
    if ((pid = fork()) == 0)
        _exit(getpwnam("root") == NULL);
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && end == 0);
}
ALLOWED(a_child_has_promises_of_its_own, "stdio getpw proc")
{
    int end;
    pid_t pid;

    PLEDGE();
    if ((pid = fork()) == 0)
        _exit(case_is_pledged
              && (pledge("stdio error", NULL) == -1
                  || pledge("stdio", NULL) == -1
                  || open("/etc/passwd", O_RDONLY) != -1));
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid);
    TRY(getpwnam("root") != NULL);
}
static void *looks_up(void *found)
{
    struct passwd user, *result;
    char text[1024];

    if (getpwnam_r("root", &user, text, sizeof text, &result) == 0 && result != NULL)
        ++*(int *)found;
    return NULL;
}
ALLOWED(threads_are_served, "stdio getpw")
{
    pthread_t threads[16];
    int found[16] = {0}, n, all = 0;

    PLEDGE();
    for (n = 0; n < 16; n++)
        TRY(pthread_create(&threads[n], NULL, looks_up, &found[n]) == 0);
    for (n = 0; n < 16; n++) {
        TRY(pthread_join(threads[n], NULL) == 0);
        all += found[n];
    }
    TRY(all == 16);
}
/* More than a broker is made a copy of. */
static void grow(void)
{
    size_t size = (size_t)256 << 20;
    char *much = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MUST(much != MAP_FAILED);
    memset(much, 1, size);
}
ALLOWED(a_large_process_is_served, "stdio getpw tmppath proc")
{
    char name[] = "/tmp/case-XXXXXX";
    int end, fd;
    pid_t pid;

    grow();
    PLEDGE();
    TRY(getpwnam("root") != NULL);
    TRY((fd = mkstemp(name)) >= 0 && unlink(name) == 0);
    if ((pid = fork()) == 0)
        _exit(getpwnam("root") == NULL);
    TRY(pid > 0 && waitpid(pid, &end, 0) == pid && end == 0);
    TRY(waitpid(-1, &end, WNOHANG) == -1 && errno == ECHILD);
    TRY(!case_is_pledged || pledge("stdio getpw", NULL) == 0);
    TRY(getgrgid(0) != NULL);
}
DENIED(a_large_process_gets_no_more, "stdio getpw")
{
    grow();
    PLEDGE();
    TRY(OPENS("/etc/hosts", O_RDONLY));
}
static volatile int may_look;

static void *looks_up_later(void *found)
{
    while (!may_look)
        usleep(100);
    return looks_up(found);
}
ALLOWED(threads_of_a_large_process_are_served, "stdio getpw")
{
    pthread_t threads[8];
    int found[8] = {0}, n, all = 0;

    grow();
    for (n = 0; n < 8; n++)
        MUST(pthread_create(&threads[n], NULL, looks_up_later, &found[n]) == 0);
    PLEDGE();
    may_look = 1;
    for (n = 0; n < 8; n++) {
        TRY(pthread_join(threads[n], NULL) == 0);
        all += found[n];
    }
    TRY(all == 8);
}
REFUSED(the_label_stays, "stdio getpw id")
{
    struct rlimit limit;

    PLEDGE();
    TRY(getrlimit(RLIMIT_LOCKS, &limit) == 0);
    limit.rlim_cur = 1;
    TRY(setrlimit(RLIMIT_LOCKS, &limit) == 0);
}
/* No handler runs there: glibc's threads for timers block all signals, and
 * malloc in them asks how many processors there are. */
static int opens_blocked(const char *name)
{
    sigset_t all;

    sigfillset(&all);
    MUST(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    return open(name, O_RDONLY | O_CLOEXEC) >= 0;
}
REFUSE(a_file_that_malloc_lives_without, "stdio getpw", opens_blocked("/proc/stat"))
FATAL(no_other_where_signals_are_blocked, "stdio getpw", opens_blocked("/etc/hosts"))
CALLED(status_tells_of_a_broker, 0)
{
    struct rpledge_status status;

    MUST(pledge("stdio getpw", NULL) == 0);
    MUST(rpledge_status(&status, sizeof status) == 0);
    TRY(status.state & RPLEDGE_BROKER);
    TRY(!(status.state & RPLEDGE_NO_BROKER));
    TRY(status.broker != 0);
}
CALLED(what_opens_all_has_none, 0)
{
    struct rpledge_status status;

    MUST(pledge("stdio rpath wpath", NULL) == 0);
    MUST(rpledge_status(&status, sizeof status) == 0);
    TRY(!(status.state & (RPLEDGE_BROKER | RPLEDGE_NO_BROKER)));
    TRY(pledge("stdio rpath wpath", NULL) == 0 && status.broker == 0);
}
CALLED(a_thread_alone_cannot_have_one, ENOTSUP)
{
    TRY(rpledge_pledge("stdio getpw", NULL, RPLEDGE_THREAD) == 0);
}
CALLED(no_child_of_anybody_s, 0)
{
    int end;

    MUST(pledge("stdio getpw", NULL) == 0);
    TRY(waitpid(-1, &end, WNOHANG) == -1 && errno == ECHILD);
}
