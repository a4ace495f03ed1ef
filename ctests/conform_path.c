/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The limits of the promises about files: rpath wpath cpath dpath fattr chown, alone and together. */
#include "conform.h"

#include <sys/inotify.h>

#ifndef O_TMPFILE
#define O_TMPFILE (020000000 | O_DIRECTORY)
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

/* Numbers that older headers lack. */
#undef SYS_faccessat2
#undef SYS_fchmodat2
#define SYS_faccessat2 439
#define SYS_fchmodat2 452

#define HERE AT_FDCWD
/* Nobody's: neither a change nor a failure. */
#define NONE 0xffffffff

/* rpath: names */
#define R(call, want, ...) GRANT(rpath_##call, "rpath", call, "stdio", want, __VA_ARGS__)
R(access, 0, "file", R_OK)
R(chdir, 0, "dir")
R(faccessat, 0, HERE, "file", R_OK)
R(getcwd, 0, buf, sizeof buf)
R(getdents, 0, dir, buf, sizeof buf)
R(getdents64, 0, dir, buf, sizeof buf)
GRANT(ps_getdents64, "ps", getdents64, "stdio", 0, dir, buf, sizeof buf)
R(getxattr, ENODATA, "file", "user.none", buf, 1)
R(lgetxattr, ENODATA, "file", "user.none", buf, 1)
R(fgetxattr, ENODATA, fd, "user.none", buf, 1)
R(listxattr, 0, "file", buf, sizeof buf)
R(llistxattr, 0, "file", buf, sizeof buf)
R(flistxattr, 0, fd, buf, sizeof buf)
R(inotify_add_watch, EINVAL, fd, "dir", IN_CREATE)
R(lstat, 0, "link", buf)
R(stat, 0, "file", buf)
R(newfstatat, 0, HERE, "file", buf, 0)
R(readlink, 0, "link", buf, sizeof buf)
R(readlinkat, 0, HERE, "link", buf, sizeof buf)
R(statfs, 0, ".", buf)
REFUSAL(faccessat2_stdio, "rpath", faccessat2, "stdio", 0, HERE, "file", R_OK, AT_EACCESS)
LET(rpath_faccessat2, "rpath", faccessat2, "stdio", 0, HERE, "file", R_OK, AT_EACCESS)
GRANT(rpath_fstatfs, "rpath", fstatfs, "", 0, fd, buf)
REFUSAL(statx_stdio, "rpath", statx, "stdio", 0, HERE, "file", 0, 0xfff, buf)
LET(rpath_statx, "rpath", statx, "stdio", 0, HERE, "file", 0, 0xfff, buf)

/* open: what of its flags is whose */
#define OPEN(id, promise, base, want, flags)                                 \
    GRANT(open_##id, promise, open, base, want, "file", flags, 0600)         \
    GRANT(openat_##id, promise, openat, base, want, HERE, "file", flags, 0600)
#define OPEN_BEYOND(id, promise, words, want, flags)                         \
    BEYOND(open_##id, promise, open, words, want, "file", flags, 0600)       \
    BEYOND(openat_##id, promise, openat, words, want, HERE, "file", flags, 0600)
#define OPEN_EPERM(id, promise, words, flags, mode)                          \
    REFUSAL(openat_##id, promise, openat, words, 0, HERE, ".", flags, mode)
OPEN(r, "rpath", "stdio", 0, O_RDONLY)
OPEN_BEYOND(r_trunc, "rpath", "stdio rpath", 0, O_RDONLY | O_TRUNC)
OPEN_BEYOND(r_w, "rpath", "stdio rpath", 0, O_WRONLY)
OPEN_BEYOND(r_rw, "rpath", "stdio rpath", 0, O_RDWR)
OPEN_BEYOND(r_both_bits, "rpath", "stdio rpath", 0, O_ACCMODE)
OPEN_BEYOND(r_creat, "rpath", "stdio rpath", 0, O_RDONLY | O_CREAT)
OPEN_BEYOND(r_tmpfile, "rpath", "stdio rpath", ENOTDIR, O_RDWR | O_TMPFILE)
BEYOND(open_r_upper_half, "rpath", openat, "stdio rpath", 0, HERE, "file", 0x100000000 | O_WRONLY)
OPEN(w, "wpath", "stdio", 0, O_WRONLY)
OPEN(w_trunc, "wpath", "stdio", 0, O_WRONLY | O_TRUNC)
OPEN_BEYOND(w_r, "wpath", "stdio wpath", 0, O_RDONLY)
OPEN_BEYOND(w_rw, "wpath", "stdio wpath", 0, O_RDWR)
OPEN_BEYOND(w_creat, "wpath", "stdio wpath", 0, O_WRONLY | O_CREAT)
OPEN_BEYOND(w_tmpfile, "wpath", "stdio wpath", ENOTDIR, O_WRONLY | O_TMPFILE)
OPEN_BEYOND(w_path, "wpath", "stdio wpath", 0, O_WRONLY | O_PATH)
OPEN(rw, "rpath wpath", "stdio wpath", 0, O_RDWR)
OPEN(rw_w, "rpath wpath", "stdio rpath", 0, O_WRONLY)
OPEN(rw_r_trunc, "rpath wpath", "stdio rpath", 0, O_RDONLY | O_TRUNC)
OPEN_BEYOND(rw_creat, "rpath wpath", "stdio rpath wpath", 0, O_RDWR | O_CREAT)
OPEN_BEYOND(rw_tmpfile, "rpath wpath", "stdio rpath wpath", ENOTDIR, O_RDWR | O_TMPFILE)
OPEN_BEYOND(rw_both_bits, "rpath wpath", "stdio rpath wpath", 0, O_ACCMODE)
OPEN(rc, "rpath cpath", "stdio cpath", 0, O_RDONLY | O_CREAT)
OPEN_BEYOND(rc_trunc, "rpath cpath", "stdio rpath cpath", 0, O_RDONLY | O_CREAT | O_TRUNC)
OPEN_BEYOND(rc_w, "rpath cpath", "stdio rpath cpath", 0, O_WRONLY | O_CREAT)
OPEN_BEYOND(rc_tmpfile, "rpath cpath", "stdio rpath cpath", ENOTDIR, O_RDWR | O_TMPFILE)
OPEN(wc, "wpath cpath", "stdio wpath", 0, O_WRONLY | O_CREAT)
OPEN(wc_trunc, "wpath cpath", "stdio cpath", 0, O_WRONLY | O_CREAT | O_TRUNC)
OPEN_BEYOND(wc_rw, "wpath cpath", "stdio wpath cpath", 0, O_RDWR | O_CREAT)
OPEN_BEYOND(wc_path, "wpath cpath", "stdio wpath cpath", 0, O_WRONLY | O_PATH)
OPEN(rwc_w, "rpath wpath cpath", "stdio rpath", 0, O_WRONLY)
OPEN(rwc, "rpath wpath cpath", "stdio wpath cpath", 0, O_RDWR | O_CREAT)
OPEN(rwc_r, "rpath wpath cpath", "stdio rpath cpath", 0, O_RDONLY | O_CREAT | O_TRUNC)
OPEN_BEYOND(rwc_both_bits, "rpath wpath cpath", "stdio rpath wpath cpath", 0, O_ACCMODE | O_CREAT)
OPEN(cpath_only, "wpath cpath", "stdio cpath", 0, O_WRONLY | O_CREAT)
/* Bits that give more than the mode says are nobody's, whichever the file. */
OPEN_EPERM(setuid, "cpath", "stdio rpath wpath cpath", O_WRONLY | O_TMPFILE, 04755)
OPEN_EPERM(setgid, "cpath", "stdio rpath wpath cpath", O_WRONLY | O_TMPFILE, 02755)
OPEN_EPERM(sticky, "cpath", "stdio rpath wpath cpath", O_WRONLY | O_TMPFILE, 01755)
#ifndef __GLIBC__ /* which makes no open(2), and up to 2.32 alone mknod(2) */
REFUSAL(open_creat_setuid, "cpath", open, "stdio wpath cpath", 0, "new", O_WRONLY | O_CREAT, 04755)
REFUSAL(mknod_setuid, "dpath", mknod, "stdio dpath", 0, "new", S_IFIFO | 04600, 0)
#endif
REFUSAL(openat_creat_setuid, "cpath", openat, "stdio wpath cpath", 0, HERE, "new",
        O_WRONLY | O_CREAT, 04755)
/* Where nothing is created, no mode is looked at. */
LET(open_mode_ignored, "wpath", openat, "stdio cpath", 0, HERE, "file", O_WRONLY, 04755)

/* cpath */
#define C(id, call, want, ...) GRANT(cpath_##id, "cpath", call, "stdio rpath wpath", want, __VA_ARGS__)
C(mkdir, mkdir, 0, "new", 0755)
C(mkdirat, mkdirat, 0, HERE, "new", 0755)
REFUSAL(mkdir_setgid, "cpath", mkdir, "stdio cpath", 0, "new", 02755)
REFUSAL(mkdirat_sticky, "cpath", mkdirat, "stdio cpath", 0, HERE, "new", 01777)
C(rmdir, rmdir, 0, "dir")
C(symlink, symlink, 0, "x", "new")
C(symlinkat, symlinkat, 0, "x", HERE, "new")
C(unlink, unlink, 0, "file")
C(unlinkat, unlinkat, 0, HERE, "file", 0)
C(unlinkat_dir, unlinkat, 0, HERE, "dir", AT_REMOVEDIR)
GRANT(creat, "wpath cpath", creat, "stdio wpath", 0, "new", 0600)
GRANT(creat_w, "wpath cpath", creat, "stdio cpath", 0, "new", 0600)
#ifdef __GLIBC__ /* musl's is open(2) */
REFUSAL(creat_setuid, "wpath cpath", creat, "stdio wpath cpath", 0, "new", 04755)
#endif
#define RC(call, ...)                                                        \
    GRANT(call##_rpath, "rpath cpath", call, "stdio cpath", 0, __VA_ARGS__)  \
    BEYOND(call##_cpath, "rpath cpath", call, "stdio rpath", 0, __VA_ARGS__)
RC(link, "file", "new")
RC(linkat, HERE, "file", HERE, "new", 0)
RC(rename, "file", "new")
RC(renameat, HERE, "file", HERE, "new")
RC(renameat2, HERE, "file", HERE, "new", 0)
LET(renameat2_noreplace, "rpath cpath", renameat2, "stdio", 0, HERE, "file", HERE, "new",
    RENAME_NOREPLACE)
LET(renameat2_exchange, "rpath cpath", renameat2, "stdio", 0, HERE, "file", HERE, "link",
    RENAME_EXCHANGE)
BEYOND(renameat2_whiteout, "rpath cpath", renameat2, "stdio rpath cpath", EINVAL, HERE, "file",
       HERE, "new", 4 | RENAME_EXCHANGE)

/* dpath: nodes; plain files and sockets are made in other ways */
#define NODE(id, want, mode)                                        \
    GRANT(mknod_##id, "dpath", mknod, "stdio cpath", want, "new", mode, 0)   \
    GRANT(mknodat_##id, "dpath", mknodat, "stdio cpath", want, HERE, "new", mode, 0)
#define NODE_BEYOND(id, want, mode)                                          \
    BEYOND(mknod_##id, "dpath", mknod, "stdio dpath", want, "new", mode, 0)  \
    BEYOND(mknodat_##id, "dpath", mknodat, "stdio dpath", want, HERE, "new", mode, 0)
NODE(fifo, 0, S_IFIFO | 0600)
/* A name that is there, so that nobody needs to be allowed to make devices. */
#define DEVICE(id, mode)                                                     \
    GRANT(mknod_##id, "dpath", mknod, "stdio cpath", EEXIST, "file", mode, 0)\
    GRANT(mknodat_##id, "dpath", mknodat, "stdio cpath", EEXIST, HERE, "file", mode, 0)
DEVICE(char, S_IFCHR | 0600)
DEVICE(block, S_IFBLK | 0600)
NODE_BEYOND(plain, 0, S_IFREG | 0600)
NODE_BEYOND(no_type, 0, 0600)
NODE_BEYOND(socket, 0, S_IFSOCK | 0600)
REFUSAL(mknodat_sticky, "dpath", mknodat, "stdio dpath", 0, HERE, "new", S_IFIFO | 01600, 0)

/* fattr: on what is open, and with rpath on names */
#define F(call, want, ...) GRANT(fattr_##call, "fattr", call, "stdio rpath wpath", want, __VA_ARGS__)
F(fchmod, 0, fd, 0600)
REFUSAL(fchmod_setuid, "fattr", fchmod, "stdio fattr", 0, fd, 04755)
REFUSAL(fchmod_sticky, "fattr", fchmod, "stdio fattr", 0, fd, 01755)
F(fchown, 0, fd, NONE, NONE)
LET(fchown_own, "fattr", fchown, "stdio", 0, fd, geteuid(), getegid())
REFUSAL(fchown_other, "fattr", fchown, "stdio fattr", AS_ROOT, fd, 4711, NONE)
REFUSAL(fchown_other_group, "fattr", fchown, "stdio fattr", AS_ROOT, fd, NONE, 4711)
F(fsetxattr, ENODATA, fd, "user.x", "1", 1, 2)
F(fremovexattr, ENODATA, fd, "user.none")
F(utimensat, 0, fd, 0, 0, 0)
BEYOND(utimensat_name, "fattr", utimensat, "stdio fattr", 0, HERE, "file", 0, 0)
/* A file system may have no such flags. */
#define FLAGS(id, request) GRANT_BY(fattr_##id, "fattr", ioctl, "stdio", 0, answered(syscall(SYS_ioctl, fd, request, buf)))
FLAGS(getflags, 0x80086601 /* FS_IOC_GETFLAGS */)
FLAGS(setflags, 0x40086602 /* FS_IOC_SETFLAGS */)
#define RF(call, want, ...)                                                  \
    GRANT(call##_rpath, "rpath fattr", call, "stdio fattr", want, __VA_ARGS__) \
    BEYOND(call##_fattr, "rpath fattr", call, "stdio rpath", want, __VA_ARGS__)
RF(chmod, 0, "file", 0600)
RF(chown, 0, "file", NONE, NONE)
RF(fchmodat, 0, HERE, "file", 0600)
REFUSAL(fchmodat2_rpath, "rpath fattr", fchmodat2, "stdio rpath", 0, HERE, "file", 0600, 0)
LET(fchmodat2, "rpath fattr", fchmodat2, "stdio", 0, HERE, "file", 0600, 0)
REFUSAL(fchmodat2_setuid, "rpath fattr", fchmodat2, "stdio rpath fattr", 0, HERE, "file", 04600, 0)
RF(futimesat, 0, HERE, "file", 0)
RF(utime, 0, "file", 0)
RF(utimes, 0, "file", 0)
LET(chown_own, "rpath fattr", chown, "stdio", 0, "file", geteuid(), getegid())
LET(lchown_own, "rpath fattr", lchown, "stdio", 0, "file", geteuid(), getegid())
LET(fchownat_own, "rpath fattr", fchownat, "stdio", 0, HERE, "file", geteuid(), getegid(), 0)
RF(fchownat, 0, HERE, "file", NONE, NONE, 0)
RF(lchown, 0, "file", NONE, NONE)
RF(lremovexattr, ENODATA, "file", "user.none")
RF(lsetxattr, ENODATA, "file", "user.x", "1", 1, 2)
RF(removexattr, ENODATA, "file", "user.none")
RF(setxattr, ENODATA, "file", "user.x", "1", 1, 2)
RF(utimensat, 0, HERE, "file", 0, 0)
REFUSAL(chmod_setuid, "rpath fattr", chmod, "stdio rpath fattr", 0, "file", 04755)
REFUSAL(fchmodat_setgid, "rpath fattr", fchmodat, "stdio rpath fattr", 0, HERE, "file", 02755)
REFUSAL(chown_other, "rpath fattr", chown, "stdio rpath fattr", AS_ROOT, "file", 4711, NONE)
REFUSAL(lchown_other, "rpath fattr", lchown, "stdio rpath fattr", AS_ROOT, "file", 4711, NONE)
REFUSAL(fchownat_other, "rpath fattr", fchownat, "stdio rpath fattr", AS_ROOT, HERE, "file", NONE,
        4711, 0)
GRANT(truncate, "rpath wpath fattr", truncate, "stdio wpath fattr", 0, "file", 1)
BEYOND(truncate_wpath, "rpath wpath fattr", truncate, "stdio rpath fattr", 0, "file", 1)
BEYOND(truncate_fattr, "rpath wpath fattr", truncate, "stdio rpath wpath", 0, "file", 1)

/* chown: to anybody */
GRANT(chown_fchown, "chown", fchown, "stdio rpath wpath", AS_ROOT, fd, 4711, 4711)
#define RO(call, ...)                                                        \
    GRANT(call##_anybody, "rpath chown", call, "stdio chown", AS_ROOT, __VA_ARGS__) \
    BEYOND(call##_anybody_chown, "rpath chown", call, "stdio rpath", AS_ROOT, __VA_ARGS__)
RO(chown, "file", 4711, 4711)
RO(lchown, "file", 4711, 4711)
RO(fchownat, HERE, "file", 4711, 4711, 0)

/* unveil: what its rules are looked up and put in force by */
#define DOOR 0x72706c64 /* of data/promises.toml */
#undef SYS_landlock_create_ruleset
#undef SYS_landlock_add_rule
#undef SYS_landlock_restrict_self
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
LET(unveil_create, "unveil", landlock_create_ruleset, "stdio", 0, NULL, 0, 1)
REFUSAL(unveil_create_stdio, "unveil", landlock_create_ruleset, "stdio", 0, NULL, 0, 1)
LET(unveil_add, "unveil", landlock_add_rule, "stdio", EBADF, -1, 1, buf, 0)
REFUSAL(unveil_add_stdio, "unveil", landlock_add_rule, "stdio", EBADF, -1, 1, buf, 0)
GRANT(unveil_restrict, "unveil", landlock_restrict_self, "stdio", AS_ROOT | EBADF, -1, 0)
GRANT(unveil_openat, "unveil", openat, "stdio", 0, HERE, "file", O_PATH, 0, 0, DOOR)
BEYOND(unveil_openat_read, "unveil", openat, "stdio unveil", 0, HERE, "file", O_RDONLY, 0, 0, DOOR)
BEYOND(unveil_openat_creat, "unveil", openat, "stdio unveil", 0, HERE, "file", O_PATH | O_CREAT, 0, 0, DOOR)
BEYOND(unveil_openat_tmpfile, "unveil", openat, "stdio unveil", 0, HERE, "file", O_PATH | 0x400000, 0, 0, DOOR)
BEYOND(unveil_openat_own, "unveil", openat, "stdio unveil", 0, HERE, "file", O_PATH, 0, 0, 0)
GRANT(unveil_readlinkat, "unveil", readlinkat, "stdio", 0, HERE, "link", buf, 64, 0, DOOR)
BEYOND(unveil_readlinkat_own, "unveil", readlinkat, "stdio unveil", 0, HERE, "link", buf, 64, 0, 0)
GRANT(unveil_fcntl, "unveil", fcntl, "tty", 0, fd, F_DUPFD_CLOEXEC, 0)
BEYOND(unveil_fcntl_other, "unveil", fcntl, "unveil tty", 0, fd, F_GETFL)
