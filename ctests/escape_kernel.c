/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ways out that work: each does bare what it is for, and no promises let it. */
#include "case.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define ALL                                                                  \
    "stdio rpath wpath cpath dpath inet mcast fattr chown flock unix tty proc exec prot_exec " \
    "settime id sendfd recvfd"

/* Where the kernel was built without it, or keeps it from this user. */
#define HAS(what, ...)                                                       \
    NEED(what, case_is_pledged || (__VA_ARGS__) || (errno != ENOSYS && errno != EPERM && errno != EACCES))
/* Numbers that older headers lack. */
#ifdef SYS_userfaultfd
#define USERFAULTFD SYS_userfaultfd
#else
#define USERFAULTFD 323
#endif
#define PIDFD_OPEN 434
#define CLONE3 435
#define OPEN_TREE 428
#define FSOPEN 430
#define MOUNT_SETATTR 442
#define LANDLOCK_CREATE 444
#define MEMFD_SECRET 447
#define LISTMOUNT 458
#define LSM_GET 459

static char bytes[4096];
static uint32_t words[64];
static struct iovec iov = {bytes, 8};
static pid_t child;

/* One that waits to be worked on. */
static pid_t victim(void)
{
    pid_t self = getpid();

    MUST((child = fork()) >= 0);
    if (child == 0)
        WAIT_FOR(self);
    return child;
}

/* A user of its own, who may mount, in namespaces that go with the process. */
static void told(const char *path, const char *format, unsigned id)
{
    int fd = open(path, O_WRONLY);

    MUST(fd >= 0 && dprintf(fd, format, id) > 0 && close(fd) == 0);
}
static void own_world(void)
{
    unsigned user = geteuid(), group = getegid();

    NEED("user namespaces", unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) == 0);
    told("/proc/self/setgroups", "deny", 0);
    told("/proc/self/uid_map", "0 %u 1", user);
    told("/proc/self/gid_map", "0 %u 1", group);
}

#define ESCAPE(id, words, before, ...) ESCAPE_ENDS(DENIED, id, words, before, __VA_ARGS__)
/* Refused with an errno that callers know what to do with. */
#define ESCAPE_REFUSED(id, words, before, ...) ESCAPE_ENDS(REFUSED, id, words, before, __VA_ARGS__)
#define ESCAPE_ENDS(kind, id, words_, before, ...)                           \
    kind(id, words_)                                                         \
    {                                                                        \
        before;                                                              \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

/* Interfaces that do other calls' work */
REFUSED(ring, ALL)
{
    PLEDGE();
    HAS("io_uring", syscall(425, 4, bytes) >= 0);
    memset(bytes, 0, sizeof bytes);
    TRY(syscall(425, 4, bytes) >= 0);
}
REFUSED(ring_made_before, ALL)
{
    int fd = (int)syscall(425, 4, bytes);

    NEED("io_uring", fd >= 0);
    PLEDGE();
    TRY(syscall(426, fd, 0, 0, 0, NULL, 0) == 0);
}
ESCAPE(uffd, ALL, HAS("userfaultfd", syscall(USERFAULTFD, O_CLOEXEC) >= 0),
       syscall(USERFAULTFD, O_CLOEXEC) >= 0)
/* A software event, the clock, of this process. */
static int event(void)
{
    words[0] = 1;
    words[1] = 128;
    return (int)syscall(SYS_perf_event_open, words, 0, -1, -1, 0);
}
ESCAPE(perf, ALL, HAS("perf events", event() >= 0), event() >= 0)
/* An array of one number. */
static int map(void)
{
    words[0] = 2;
    words[1] = words[2] = 4;
    words[3] = 1;
    return (int)syscall(SYS_bpf, 0, words, 128);
}
ESCAPE(bpf_map, ALL, HAS("bpf maps", map() >= 0), map() >= 0)
#define KEY() syscall(SYS_add_key, "user", "rpledge", "x", 1, -2 /* the process's */)
ESCAPE(key_added, ALL, HAS("keys", KEY() > 0), KEY() > 0)
ESCAPE(key_asked, ALL, HAS("keys", KEY() > 0),
       syscall(SYS_request_key, "user", "rpledge", NULL, -2) > 0)
ESCAPE(key_ring, ALL, HAS("keys", KEY() > 0), syscall(SYS_keyctl, 0, -2, 1) > 0)
ESCAPE(fanotify, ALL, HAS("fanotify", syscall(SYS_fanotify_init, 0x200, 0) >= 0),
       syscall(SYS_fanotify_init, 0x200, 0) >= 0)
ESCAPE_REFUSED(secret_memory, ALL, HAS("secret memory", syscall(MEMFD_SECRET, 0) >= 0),
       syscall(MEMFD_SECRET, 0) >= 0)
ESCAPE(queue, ALL, HAS("message queues",
       syscall(SYS_mq_open, "rpledge", O_CREAT | O_RDWR, 0600, NULL) >= 0
       && syscall(SYS_mq_unlink, "rpledge") == 0),
       syscall(SYS_mq_open, "rpledge", O_CREAT | O_RDWR, 0600, NULL) >= 0 && syscall(SYS_mq_unlink, "rpledge") == 0)
static long aio;
ESCAPE_REFUSED(aio_context, ALL, HAS("asynchronous input", syscall(SYS_io_setup, 1, &aio) == 0); aio = 0,
       syscall(SYS_io_setup, 1, &aio) == 0)

/* Other processes */
ESCAPE(trace, ALL, victim(), syscall(SYS_ptrace, 16 /* ATTACH */, child, 0, 0) == 0)
ESCAPE(seize, ALL, victim(), syscall(SYS_ptrace, 0x4206, child, 0, 0) == 0)
ESCAPE(reads_other, ALL, victim(), syscall(SYS_process_vm_readv, child, &iov, 1, &iov, 1, 0) == 8)
ESCAPE(writes_other, ALL, victim(), syscall(SYS_process_vm_writev, child, &iov, 1, &iov, 1, 0) == 8)
ESCAPE(compares_other, ALL, victim(); HAS("kcmp", syscall(SYS_kcmp, getpid(), child, 0, 0, 0) >= 0),
       syscall(SYS_kcmp, getpid(), child, 1, 0, 0) >= 0)
static int pidfd(void)
{
    int fd = (int)syscall(PIDFD_OPEN, victim(), 0);

    NEED("pidfd_open", fd >= 0);
    return fd;
}
static int of_child;
ESCAPE(takes_descriptor, ALL, of_child = pidfd(), syscall(438, of_child, 2, 0) >= 0)
ESCAPE(advises_other, ALL, of_child = pidfd();
       HAS("process_madvise", syscall(440, of_child, &iov, 1, 20, 0) >= 0),
       syscall(440, of_child, &(struct iovec){NULL, 0}, 0, 20, 0) >= 0)
ESCAPE(limits_other, ALL, victim(), syscall(SYS_prlimit64, child, RLIMIT_CORE, bytes, NULL) == 0)

/* Namespaces, mounts, roots */
ESCAPE(unshares_user, ALL, HAS("user namespaces", 1), unshare(CLONE_NEWUSER) == 0)
ESCAPE(unshares_mounts, ALL, own_world(), unshare(CLONE_NEWNS) == 0)
ESCAPE(unshares_net, ALL, own_world(), unshare(CLONE_NEWNET) == 0)
/* The child has nothing to do. */
#define RAW_CLONE(flags) (child = (pid_t)syscall(SYS_clone, (flags) | SIGCHLD, 0, 0, 0, 0)) == 0 ? (_exit(0), 0) : child > 0
ESCAPE(clones_user, ALL, (void)0, RAW_CLONE(CLONE_NEWUSER))
ESCAPE(clones_mounts, ALL, own_world(), RAW_CLONE(CLONE_NEWNS))
ESCAPE(clones_pids, ALL, own_world(), RAW_CLONE(CLONE_NEWPID))
ESCAPE(clones_sibling, ALL, (void)0, RAW_CLONE(CLONE_PARENT))
ESCAPE(clones_high_bits, "stdio", (void)0, RAW_CLONE(0x100000000))
REFUSED(clones_by_pointer, ALL)
{
    uint64_t args[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};

    HAS("clone3", syscall(CLONE3, NULL, 0) >= 0);
    PLEDGE();
    TRY((child = (pid_t)syscall(CLONE3, args, sizeof args)) == 0 ? (_exit(0), 0) : child > 0);
}
static int namespace = -1;
ESCAPE(enters, ALL, own_world(); MUST((namespace = open("/proc/self/ns/uts", O_RDONLY)) >= 0),
       syscall(SYS_setns, namespace, 0) == 0)
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#define MOUNTS() mount("none", "dir", "tmpfs", 0, NULL) == 0
ESCAPE(mounts, ALL, own_world(), MOUNTS())
ESCAPE(unmounts, ALL, own_world(); MUST(MOUNTS()), umount2("dir", MNT_DETACH) == 0)
ESCAPE(binds, ALL, own_world(), mount("dir", "dir", NULL, MS_BIND, NULL) == 0)
/* The first root file system, that of memory, does not give way. */
static int root_is_first(void)
{
    struct statfs fs;

    return statfs("/", &fs) == 0 && ((unsigned)fs.f_type == 0x858458f6 || fs.f_type == 0x01021994);
}
ESCAPE(pivots, ALL, NEED("a root that gives way", !root_is_first()); own_world(); MUST(MOUNTS() && mkdir("dir/old", 0700) == 0),
       syscall(SYS_pivot_root, "dir", "dir/old") == 0)
ESCAPE(roots, ALL, own_world(), chroot("dir") == 0)
ESCAPE(opens_fs, ALL, own_world(); HAS("fsopen", syscall(FSOPEN, "tmpfs", 0) >= 0),
       syscall(FSOPEN, "tmpfs", 0) >= 0)
ESCAPE(opens_tree, ALL, own_world(); HAS("open_tree", syscall(OPEN_TREE, AT_FDCWD, "dir", 1) >= 0),
       syscall(OPEN_TREE, AT_FDCWD, "dir", 1) >= 0)
ESCAPE(sets_mount, ALL, own_world(); MUST(MOUNTS());
       HAS("mount_setattr", syscall(MOUNT_SETATTR, AT_FDCWD, "dir", 0, (uint64_t[4]){1}, 32) == 0),
       syscall(MOUNT_SETATTR, AT_FDCWD, "dir", 0, (uint64_t[4]){1}, 32) == 0)
ESCAPE_REFUSED(lists_mounts, "stdio",
       HAS("listmount", syscall(LISTMOUNT, (uint64_t[3]){24, ~0ull}, bytes, 8, 0) >= 0),
       syscall(LISTMOUNT, (uint64_t[3]){24, ~0ull}, bytes, 8, 0) >= 0)
ESCAPE(names_host, ALL, own_world(), sethostname("x", 1) == 0)
ESCAPE(names_domain, ALL, own_world(), setdomainname("x", 1) == 0)

/* Files by other names than paths */
struct handle {
    unsigned bytes;
    int type;
    unsigned char f_handle[128];
};
static struct handle handle = {128, 0, {0}};
static int mount_id, here;
#define HANDLE() syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &handle, &mount_id, 0) == 0
ESCAPE(names_handle, ALL, HAS("file handles", HANDLE());
       NEED("file handles here", case_is_pledged || errno != EOPNOTSUPP); handle.bytes = 128,
       HANDLE())
ESCAPE(opens_handle, ALL, NEED("file handles here", HANDLE()); here = open(".", O_RDONLY);
       NEED("leave to open by handle", case_is_pledged
            || syscall(SYS_open_by_handle_at, here, &handle, O_RDONLY) >= 0),
       syscall(SYS_open_by_handle_at, here, &handle, O_RDONLY) >= 0)

/* Programs without exec, code without prot_exec */
static int program(void)
{
    int from = open("/bin/true", O_RDONLY), to = (int)syscall(SYS_memfd_create, "true", 0);
    ssize_t n;

    MUST(from >= 0 && to >= 0);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        MUST(write(to, bytes, (size_t)n) == n);
    return to;
}
static int memory;
static char *arguments[] = {"true", NULL};
ESCAPE(runs_memory, "stdio rpath wpath cpath proc prot_exec", memory = program(),
       syscall(SYS_execveat, memory, "", arguments, arguments + 1, AT_EMPTY_PATH) == 0)
ESCAPE(runs_memory_by_name, "stdio rpath wpath cpath proc prot_exec",
       sprintf(bytes, "/proc/self/fd/%d", program()), execve(bytes, arguments, arguments + 1) == 0)
ESCAPE(maps_code, "stdio rpath wpath", memory = program(),
       mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, memory, 0) != MAP_FAILED)
/* Writing to one's own code */
static int overwritten(void) { return 42; }
static int rewrites(int flags)
{
    int fd = open("/proc/self/mem", flags);
    unsigned char first = *(unsigned char *)(uintptr_t)overwritten;

    return fd >= 0 && pwrite(fd, &first, 1, (off_t)(uintptr_t)overwritten) == 1;
}
ESCAPE(rewrites_code, "stdio rpath", (void)0, rewrites(O_RDWR))
ESCAPE(rewrites_code_writing, "stdio wpath", (void)0, rewrites(O_RDWR))
/* Known, and told in pledge(3): a filter cannot tell this file from others. */
ALLOWED(known_own_memory, "stdio wpath")
{
    PLEDGE();
    TRY(rewrites(O_WRONLY));
}
ALLOWED(known_memory_of_other, "stdio wpath")
{
    char path[64];
    int fd;

    sprintf(path, "/proc/%d/mem", (int)victim());
    PLEDGE();
    TRY((fd = open(path, O_WRONLY)) >= 0 && pwrite(fd, "x", 1, (off_t)(uintptr_t)bytes) == 1);
}
ESCAPE(changes_persona, ALL, (void)0,
       syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */) >= 0)
ESCAPE(protects_growing, "stdio", (void)0,
       mprotect(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), 4096,
                PROT_READ | PROT_EXEC | PROT_GROWSDOWN) == 0)

/* Terminals */
static int terminal = -1;
static int opens_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    MUST(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    MUST((terminal = open(ptsname(master), O_RDWR)) >= 0); /* and it is this session's */
    return master;
}
static int control;
ESCAPE(types, ALL, opens_terminal();
       NEED("TIOCSTI", case_is_pledged || ioctl(terminal, TIOCSTI, "x") == 0),
       ioctl(terminal, TIOCSTI, "x") == 0)
ESCAPE(signals_by_terminal, ALL, control = opens_terminal(); signal(SIGINT, SIG_IGN),
       ioctl(control, TIOCSIG, SIGINT) == 0)
ESCAPE(discipline, ALL, opens_terminal(), ioctl(terminal, TIOCSETD, &(int){0}) == 0)
ESCAPE(console, ALL, opens_terminal(), ioctl(terminal, TIOCCONS, 0) == 0)
ESCAPE(linux_console, ALL, NEED("a virtual terminal",
       (terminal = open("/dev/tty1", O_RDWR | O_NOCTTY)) >= 0),
       ioctl(terminal, TIOCLINUX, (bytes[0] = 6, bytes)) >= 0)
ESCAPE(gives_up_terminal, ALL, opens_terminal(); signal(SIGHUP, SIG_IGN),
       ioctl(terminal, TIOCNOTTY) == 0)

/* Making the filter matter less */
/* As the kernel's headers have it, which not every libc's lie beside: return ALLOW. */
static struct {
    uint16_t code;
    uint8_t jump[2];
    uint32_t value;
} allow = {6, {0}, 0x7fff0000};
static struct {
    uint16_t count;
    void *at;
} filter = {1, &allow};
static int listens(unsigned flags)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return (int)syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, flags, &filter);
}
ESCAPE(listener, ALL, (void)0, listens(8 /* NEW_LISTENER */) >= 0)
ESCAPE(no_speculation, ALL, (void)0, listens(4 /* SPEC_ALLOW */) >= 0)
static char selector;
ESCAPE(dispatches, ALL, NEED("syscall user dispatch", case_is_pledged
       || (prctl(59, 1, 0, 0, &selector) == 0 && prctl(59, 0, 0, 0, 0) == 0)),
       prctl(59, 1, 0, 0, &selector) == 0)
ESCAPE_REFUSED(ruleset, "stdio", HAS("Landlock", syscall(LANDLOCK_CREATE, NULL, 0, 1) > 0),
       syscall(LANDLOCK_CREATE, NULL, 0, 1) > 0)
ESCAPE_REFUSED(labels, ALL, HAS("security labels", syscall(LSM_GET, 100, NULL, &(uint32_t){0}, 0) >= 0),
       syscall(LSM_GET, 100, bytes, &(uint32_t){0}, 0) == -1 && errno != ENOSYS)
ESCAPE(moves_pages, ALL, (void)0, syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0) == 0)
ESCAPE_REFUSED(binds_memory, ALL, HAS("memory policies", syscall(SYS_set_mempolicy, 0, NULL, 0) == 0),
       syscall(SYS_set_mempolicy, 0, NULL, 0) == 0)
