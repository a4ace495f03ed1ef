/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files by name: rpath wpath cpath dpath fattr chown flock, and where each ends. */
#include "case.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>

#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif

static int ok(int fd)
{
    return fd >= 0;
}

/* open: access mode */
ALLOW(r_rpath, "stdio rpath", ok(open("file", O_RDONLY)))
DENY(r_stdio, "stdio", ok(open("file", O_RDONLY)))
DENY(r_wpath, "stdio wpath", ok(open("file", O_RDONLY)))
DENY(r_cpath, "stdio cpath", ok(open("file", O_RDONLY)))
ALLOW(w_wpath, "stdio wpath", ok(open("file", O_WRONLY)))
DENY(w_rpath, "stdio rpath", ok(open("file", O_WRONLY)))
DENY(w_cpath, "stdio cpath", ok(open("file", O_WRONLY)))
ALLOW(rw_both, "stdio rpath wpath", ok(open("file", O_RDWR)))
DENY(rw_rpath, "stdio rpath", ok(open("file", O_RDWR)))
DENY(rw_wpath, "stdio wpath", ok(open("file", O_RDWR)))
DENY(mode_3_rpath, "stdio rpath", ok(open("file", O_ACCMODE)))
DENY(mode_3_wpath, "stdio wpath", ok(open("file", O_ACCMODE)))

/* open: creation and truncation */
ALLOW(creat_wpath_cpath, "stdio wpath cpath", ok(open("new", O_WRONLY | O_CREAT, 0644)))
DENY(creat_wpath, "stdio wpath", ok(open("new", O_WRONLY | O_CREAT, 0644)))
DENY(creat_existing_wpath, "stdio wpath", ok(open("file", O_WRONLY | O_CREAT, 0644)))
DENY(creat_cpath, "stdio cpath", ok(open("new", O_WRONLY | O_CREAT, 0644)))
ALLOW(creat_rdonly, "stdio rpath cpath", ok(open("new", O_RDONLY | O_CREAT, 0644)))
DENY(creat_rdonly_rpath, "stdio rpath", ok(open("new", O_RDONLY | O_CREAT, 0644)))
DENY(creat_rdwr_cpath, "stdio wpath cpath", ok(open("new", O_RDWR | O_CREAT, 0644)))
ALLOW(creat_call, "stdio wpath cpath", ok(creat("new", 0600)))
DENY(creat_call_wpath, "stdio wpath", ok(creat("file", 0600)))
ALLOW(excl, "stdio wpath cpath", ok(open("new", O_WRONLY | O_CREAT | O_EXCL, 0600)))
ALLOW(trunc_wpath, "stdio wpath", ok(open("file", O_WRONLY | O_TRUNC)))
DENY(trunc_rdonly_rpath, "stdio rpath", ok(open("file", O_RDONLY | O_TRUNC)))
ALLOW(append_wpath, "stdio wpath", ok(open("file", O_WRONLY | O_APPEND)))
ALLOW(tmpfile_cpath, "stdio wpath cpath", ok(open(".", O_WRONLY | O_TMPFILE, 0600)))
DENY(tmpfile_wpath, "stdio wpath", ok(open(".", O_WRONLY | O_TMPFILE, 0600)))
DENY(tmpfile_rw_rpath_wpath, "stdio rpath wpath", ok(open(".", O_RDWR | O_TMPFILE, 0600)))

/* open: other flags */
ALLOW(directory, "stdio rpath", ok(open("dir", O_RDONLY | O_DIRECTORY)))
DENY(directory_stdio, "stdio", ok(open("dir", O_RDONLY | O_DIRECTORY)))
ALLOW(cloexec_nofollow, "stdio rpath",
      ok(open("file", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)))
ALLOW(noatime, "stdio rpath", ok(open("file", O_RDONLY | O_NOATIME)))
DENY(path_stdio, "stdio", ok(open("file", O_PATH)))
DENY(path_wpath, "stdio wpath", ok(open("file", O_PATH)))
ALLOW(openat_rpath, "stdio rpath", ok(openat(AT_FDCWD, "file", O_RDONLY)))
DENY(openat_stdio, "stdio", ok(openat(AT_FDCWD, "file", O_RDONLY)))
DENY(openat_dirfd, "stdio rpath", ok(openat(open("dir", O_RDONLY), "new", O_WRONLY | O_CREAT, 0600)))
/* The kernel ignores the upper half; a filter must not be led astray by it. */
DENY(raw_high_bits, "stdio rpath",
     ok((int)syscall(SYS_openat, AT_FDCWD, "file", 0x100000000 | O_WRONLY)))
ALLOW(raw_high_bits_rdonly, "stdio rpath",
      ok((int)syscall(SYS_openat, AT_FDCWD, "file", 0x500000000 | O_RDONLY)))
#ifdef SYS_open
DENY(raw_open_stdio, "stdio", ok((int)syscall(SYS_open, "file", O_RDONLY)))
DENY(raw_open_w_rpath, "stdio rpath", ok((int)syscall(SYS_open, "file", O_WRONLY)))
DENY(raw_creat_rpath, "stdio rpath", ok((int)syscall(SYS_creat, "file", 0600)))
#endif
#ifdef SYS_openat2
REFUSED(raw_openat2, "stdio rpath")
{
    uint64_t how[3] = {O_WRONLY, 0, 0};

    PLEDGE();
    TRY(syscall(SYS_openat2, AT_FDCWD, "file", how, sizeof how) >= 0);
}
#endif
PROBE(open_by_handle, "stdio rpath wpath cpath", EFAULT,
      syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0) >= 0)

/* rpath */
static struct stat st;
ALLOW(stat_rpath, "stdio rpath", stat("file", &st) == 0)
ALLOW(stat_missing, "stdio rpath", stat("none", &st) == -1 && errno == ENOENT)
DENY(stat_stdio, "stdio", stat("file", &st) == 0)
ALLOW(lstat_rpath, "stdio rpath", lstat("link", &st) == 0)
DENY(lstat_stdio, "stdio", lstat("link", &st) == 0)
ALLOW(fstatat_rpath, "stdio rpath", fstatat(AT_FDCWD, "file", &st, 0) == 0)
DENY(fstatat_stdio, "stdio", fstatat(AT_FDCWD, "file", &st, 0) == 0)
ALLOW(access_rpath, "stdio rpath", access("file", R_OK) == 0)
DENY(access_stdio, "stdio", access("file", R_OK) == 0)
ALLOW(faccessat_rpath, "stdio rpath", faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS) == 0)
static char text[4096];
ALLOW(readlink_rpath, "stdio rpath", readlink("link", text, sizeof text) == 4)
DENY(readlink_stdio, "stdio", readlink("link", text, sizeof text) == 4)
ALLOW(chdir_rpath, "stdio rpath", chdir("dir") == 0)
DENY(chdir_stdio, "stdio", chdir("dir") == 0)
ALLOWED(fchdir_stdio, "stdio")
{
    int fd = open("dir", O_RDONLY);

    PLEDGE();
    TRY(fchdir(fd) == 0);
}
ALLOW(getcwd_rpath, "stdio rpath", getcwd(text, sizeof text) != NULL)
DENY(getcwd_stdio, "stdio", getcwd(text, sizeof text) != NULL)
ALLOW(readdir_rpath, "stdio rpath", readdir(opendir(".")) != NULL)
DENIED(getdents_stdio, "stdio")
{
    DIR *dir = opendir(".");

    PLEDGE();
    TRY(readdir(dir) != NULL);
}
static struct statfs fs;
ALLOW(statfs_rpath, "stdio rpath", statfs(".", &fs) == 0)
DENY(statfs_stdio, "stdio", statfs(".", &fs) == 0)
ALLOWED(fstat_stdio, "stdio")
{
    int fd = open("file", O_RDONLY);

    PLEDGE();
    TRY(fstat(fd, &st) == 0 && st.st_size == 12);
}
ALLOW(realpath_rpath, "stdio rpath", realpath("link", text) != NULL)
DENY(chroot_rpath, "stdio rpath", chroot(".") == 0 || errno == EPERM)

/* wpath */
ALLOW(truncate_all, "stdio rpath wpath fattr", truncate("file", 3) == 0)
DENY(truncate_rpath, "stdio rpath", truncate("file", 3) == 0)
ALLOWED(ftruncate_stdio, "stdio")
{
    int fd = open("file", O_RDWR);

    PLEDGE();
    TRY(ftruncate(fd, 3) == 0 && fsync(fd) == 0);
}

/* cpath */
ALLOW(mkdir_cpath, "stdio cpath", mkdir("new", 0755) == 0)
DENY(mkdir_rpath_wpath, "stdio rpath wpath", mkdir("new", 0755) == 0)
ALLOW(rmdir_cpath, "stdio cpath", rmdir("dir") == 0)
DENY(rmdir_rpath, "stdio rpath wpath", rmdir("dir") == 0)
ALLOW(unlink_cpath, "stdio cpath", unlink("file") == 0)
DENY(unlink_rpath, "stdio rpath wpath", unlink("file") == 0)
ALLOW(unlinkat_cpath, "stdio cpath", unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR) == 0)
ALLOW(rename_cpath, "stdio rpath cpath", rename("file", "new") == 0)
DENY(rename_rpath, "stdio rpath wpath", rename("file", "new") == 0)
ALLOW(renameat_cpath, "stdio rpath cpath", renameat(AT_FDCWD, "file", AT_FDCWD, "new") == 0)
ALLOW(link_cpath, "stdio rpath cpath", link("file", "new") == 0)
DENY(link_rpath, "stdio rpath wpath", link("file", "new") == 0)
ALLOW(symlink_cpath, "stdio cpath", symlink("file", "new") == 0)
DENY(symlink_rpath, "stdio rpath wpath", symlink("file", "new") == 0)

/* dpath */
ALLOW(mkfifo_dpath, "stdio dpath", mkfifo("new", 0600) == 0)
DENY(mkfifo_cpath, "stdio rpath wpath cpath", mkfifo("new", 0600) == 0)
ALLOW(mknod_dpath, "stdio dpath", mknod("new", S_IFIFO | 0600, 0) == 0)
DENY(mknod_file_dpath, "stdio dpath", mknod("new", S_IFREG | 0600, 0) == 0)
DENY(mknod_cpath, "stdio rpath wpath cpath", mknod("new", S_IFIFO | 0600, 0) == 0)
DENIED(mknod_device_cpath, "stdio cpath")
{
    NEED_ROOT();
    PLEDGE();
    TRY(mknod("new", S_IFCHR | 0600, makedev(1, 3)) == 0);
}

/* fattr */
ALLOW(chmod_fattr, "stdio rpath fattr", chmod("file", 0600) == 0)
DENY(chmod_rpath_wpath, "stdio rpath wpath cpath", chmod("file", 0600) == 0)
ALLOWED(fchmod_fattr, "stdio fattr")
{
    int fd = open("file", O_RDWR);

    PLEDGE();
    TRY(fchmod(fd, 0600) == 0);
}
DENIED(fchmod_stdio, "stdio rpath wpath")
{
    int fd = open("file", O_RDWR);

    PLEDGE();
    TRY(fchmod(fd, 0600) == 0);
}
ALLOW(fchmodat_fattr, "stdio rpath fattr", fchmodat(AT_FDCWD, "file", 0600, 0) == 0)
ALLOW(utimes_fattr, "stdio rpath fattr", utimes("file", NULL) == 0)
DENY(utimes_rpath, "stdio rpath wpath", utimes("file", NULL) == 0)
ALLOW(utimensat_fattr, "stdio rpath fattr", utimensat(AT_FDCWD, "file", NULL, 0) == 0)
DENIED(futimens_stdio, "stdio rpath wpath")
{
    int fd = open("file", O_RDWR);

    PLEDGE();
    TRY(futimens(fd, NULL) == 0);
}
PROBE(setxattr_wpath, "stdio rpath wpath cpath", ENOTSUP,
      setxattr("file", "nonsense.x", "1", 1, 0) == 0)

/* setuid, setgid and sticky bits: OpenBSD drops them silently, a filter cannot. */
REFUSE(chmod_setuid, "stdio rpath fattr", chmod("file", 04755) == 0)
REFUSE(chmod_setgid, "stdio rpath fattr", chmod("file", 02755) == 0)
REFUSE(chmod_sticky, "stdio rpath fattr", chmod("dir", 01755) == 0)
REFUSE(chmod_high_bits, "stdio rpath fattr",
       syscall(SYS_fchmodat, AT_FDCWD, "file", 0x100000000 | 04755) == 0)
REFUSED(fchmod_setuid, "stdio fattr")
{
    int fd = open("file", O_RDWR);

    PLEDGE();
    TRY(fchmod(fd, 04755) == 0);
}
REFUSE(open_setuid, "stdio wpath cpath", ok(open("new", O_WRONLY | O_CREAT, 04755)))
REFUSE(mkdir_sticky, "stdio cpath", mkdir("new", 01777) == 0)
REFUSE(mknod_setuid, "stdio dpath", mknod("new", S_IFIFO | 04755, 0) == 0)

/* chown */
ALLOW(chown_self_chown, "stdio rpath chown", chown("file", geteuid(), getegid()) == 0)
DENY(chown_rpath, "stdio rpath wpath cpath", chown("file", geteuid(), getegid()) == 0)
ALLOW(lchown_chown, "stdio rpath chown", lchown("link", geteuid(), getegid()) == 0)
ALLOW(fchownat_chown, "stdio rpath chown", fchownat(AT_FDCWD, "file", geteuid(), getegid(), 0) == 0)
ALLOWED(chown_other_chown, "stdio rpath chown")
{
    NEED_ROOT();
    PLEDGE();
    TRY(chown("file", 12345, 12345) == 0);
}
REFUSED(chown_other_fattr, "stdio rpath fattr")
{
    NEED_ROOT();
    PLEDGE();
    TRY(chown("file", 12345, 12345) == 0);
}
ALLOW(chown_self_fattr, "stdio rpath fattr", chown("file", geteuid(), getegid()) == 0)
ALLOW(chown_none_fattr, "stdio rpath fattr", chown("file", (uid_t)-1, (gid_t)-1) == 0)

/* flock */
static int lock(int how)
{
    struct flock l;

    memset(&l, 0, sizeof l);
    l.l_type = F_RDLCK;
    return fcntl(open("file", O_RDONLY), how, &l) == 0;
}
ALLOW(flock_flock, "stdio rpath flock", flock(open("file", O_RDONLY), LOCK_EX) == 0)
DENY(flock_stdio, "stdio rpath", flock(open("file", O_RDONLY), LOCK_EX) == 0)
ALLOW(setlk_flock, "stdio rpath flock", lock(F_SETLK))
ALLOW(setlkw_flock, "stdio rpath flock", lock(F_SETLKW))
ALLOW(getlk_flock, "stdio rpath flock", lock(F_GETLK))
DENY(setlk_stdio, "stdio rpath", lock(F_SETLK))
DENY(setlkw_stdio, "stdio rpath", lock(F_SETLKW))
DENY(getlk_stdio, "stdio rpath", lock(F_GETLK))
#ifdef F_OFD_SETLK
DENY(ofd_setlk_stdio, "stdio rpath", lock(F_OFD_SETLK))
#endif
ALLOW(lockf_flock, "stdio rpath wpath flock", lockf(open("file", O_RDWR), F_TLOCK, 0) == 0)

/* O_PATH opens nothing for writing, whatever stands beside it. */
DENY(path_only_wpath, "stdio wpath", open("file", O_PATH | O_WRONLY) >= 0)
DENY(path_only_cpath, "stdio wpath cpath", open("file", O_PATH | O_WRONLY | O_CREAT, 0644) >= 0)
ALLOW(path_only_rpath, "stdio rpath wpath", open("file", O_PATH | O_WRONLY) >= 0)
