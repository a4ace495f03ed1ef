/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rpledge.h - pledge(2) of OpenBSD for Linux
 */

#ifndef RPLEDGE_H
#define RPLEDGE_H

/* Made by `make header` from src/ffi.rs: edit that. */

#include <stddef.h>

/*
 * Not <stdint.h>: it would fix the feature test macros (_GNU_SOURCE and its
 * like) for every header that is included after this one.
 */
#if defined(__UINT32_TYPE__) && defined(__UINT64_TYPE__)
__extension__ typedef __UINT32_TYPE__ rpledge_u32;
__extension__ typedef __UINT64_TYPE__ rpledge_u64;
#else
#include <stdint.h>
typedef uint32_t rpledge_u32;
typedef uint64_t rpledge_u64;
#endif

/* A type flag of socket(2) on OpenBSD: this socket is for DNS. */
#ifndef SOCK_DNS
#define SOCK_DNS 0x1000
#endif

#if defined(__GNUC__)
#define RPLEDGE_MUST_USE __attribute__((warn_unused_result))
#else
#define RPLEDGE_MUST_USE
#endif

/* Major version; equals the package version (a unit test says so). */
#define RPLEDGE_VERSION_MAJOR 0

/* Minor version. */
#define RPLEDGE_VERSION_MINOR 1

/* Patch version. */
#define RPLEDGE_VERSION_PATCH 0

/*
 * Violation: report on stderr, then die by SIGABRT.  The default, as on
 * OpenBSD.
 */
#define RPLEDGE_ABORT 0

/*
 * Violation: the kernel kills the process at once; nothing can be reported.
 */
#define RPLEDGE_KILL 1

/* Violation: the call fails with ENOSYS, as with the promise "error". */
#define RPLEDGE_ERROR 2

/* Violation: log and allow. */
#define RPLEDGE_LOG 3

/* Fail rather than enforce less than was promised. */
#define RPLEDGE_STRICT (1 << 5)

/* Check the arguments and what would be enforced; restrict nothing. */
#define RPLEDGE_DRYRUN (1 << 6)

/* A word is not a promise (EINVAL). */
#define RPLEDGE_E_WORD 1

/* What holds in this process now; see rpledge_status(). */
struct rpledge_status {
    /* Promises in force, bit n for rpledge_promise_name(n). */
    rpledge_u64 promises;
    /* Promises that an execve(2) will start with. */
    rpledge_u64 execpromises;
    /* Mode and flags they were made with. */
    rpledge_u64 flags;
    /* State bits. */
    rpledge_u32 state;
    /* Landlock ABI of the kernel, 0 if it has none. */
    rpledge_u32 landlock;
    /* Number of paths unveiled. */
    rpledge_u32 unveiled;
    /* Zero. */
    rpledge_u32 reserved;
};

/* The C library this process runs on; see rpledge_libc(). */
struct rpledge_libc {
    /* "glibc" or "musl". */
    char name[16];
    /* "2.36". */
    char version[16];
    /* "x86_64". */
    char arch[16];
    /* GNU build-id in hex, empty if the file has none. */
    char build_id[48];
    /* One of RPLEDGE_MATCH_*. */
    rpledge_u32 matched;
    /* Zero. */
    rpledge_u32 reserved;
};

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/*
 * Restrict the process to the operations named in `promises`, and what it
 * executes to `execpromises`; NULL leaves either as it is.
 */
RPLEDGE_MUST_USE int pledge(const char *promises, const char *execpromises);

/* pledge() with flags; a bit unknown to this version fails with EINVAL. */
RPLEDGE_MUST_USE
int rpledge_pledge(const char *promises,
                   const char *execpromises,
                   rpledge_u64 flags);

/* Set the flags that pledge() takes from now on. */
int rpledge_set_flags(rpledge_u64 flags);

/* Why the last call of this thread failed: one of RPLEDGE_E_*, or 0. */
int rpledge_error(void);

/* The same in words, never NULL; valid until this thread's next call. */
const char *rpledge_errmsg(void);

/* Store what holds now in `*status`. */
int rpledge_status(struct rpledge_status *status, size_t size);

/* Store what C library this is in `*libc`. */
int rpledge_libc(struct rpledge_libc *libc, size_t size);

/* Name of promise number `n`, from 0 without gaps; NULL past the last. */
const char *rpledge_promise_name(int n);

/* "0.1.0": the version of the library that runs, not of this header. */
const char *rpledge_version(void);

/* "2025.11": the version of its database. */
const char *rpledge_data_version(void);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* RPLEDGE_H */
