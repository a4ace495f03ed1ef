/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rpledge.h - pledge(2) and unveil(2) of OpenBSD for Linux
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

/* Major version; equals the package version. */
#define RPLEDGE_VERSION_MAJOR 0

/* Minor version. */
#define RPLEDGE_VERSION_MINOR 1

/* Patch version. */
#define RPLEDGE_VERSION_PATCH 0

/*
 * Violation: report on stderr, then die by SIGABRT. The default, as on
 * OpenBSD.
 */
#define RPLEDGE_ABORT 0

/*
 * Violation: the kernel kills the process at once; nothing can be reported.
 */
#define RPLEDGE_KILL 1

/* Violation: the call fails with ENOSYS, as with the promise "error". */
#define RPLEDGE_ERROR 2

/*
 * Violation: logged by the kernel's audit, and allowed. To find the promises
 * that a program needs; it protects nothing.
 */
#define RPLEDGE_LOG 3

/* The bits of a flags word that hold one of the four modes above. */
#define RPLEDGE_MODE_MASK 15

/*
 * Restrict the calling thread, and the threads and processes that it makes
 * later, rather than the process.
 */
#define RPLEDGE_THREAD (1 << 4)

/*
 * Fail rather than enforce less than was promised (unknown libc, a promise
 * that can be enforced only in part).
 */
#define RPLEDGE_STRICT (1 << 5)

/* Check the arguments and what would be enforced; restrict nothing. */
#define RPLEDGE_DRYRUN (1 << 6)

/*
 * A word is not a promise (EINVAL), or the string has more than 1023 bytes
 * (ENAMETOOLONG).
 */
#define RPLEDGE_E_WORD 1

/* A promise given up before was asked for again (EPERM). */
#define RPLEDGE_E_REGAIN 2

/*
 * The database does not know this C library, and RPLEDGE_STRICT is set
 * (ENOTSUP).
 */
#define RPLEDGE_E_LIBC 5

/* The kernel refused the filter; errno says why (ENOSYS: it has none). */
#define RPLEDGE_E_KERNEL 6

/*
 * Another thread has a filter of its own (EBUSY); rpledge_errmsg() says which.
 */
#define RPLEDGE_E_THREAD 7

/*
 * What was asked for needs more than the kernel's filter, and this version
 * has no more; or, with RPLEDGE_STRICT, it can be enforced only in part
 * (ENOTSUP).
 */
#define RPLEDGE_E_BROKER 8

/* A pointer cannot be read (EFAULT), or flags are unknown (EINVAL). */
#define RPLEDGE_E_ARGUMENT 9

/*
 * How the running C library was found in the database: not at all; what any
 * known one needs is allowed.
 */
#define RPLEDGE_MATCH_NONE 0

/*
 * ... by the nearest versions: those before and after it, joined, or the
 * newest; all of that name if it hides its version; every known C library if
 * it is older than all.
 */
#define RPLEDGE_MATCH_NEAREST 1

/* ... by name, version and architecture. */
#define RPLEDGE_MATCH_VERSION 2

/* ... by its build-id: the very file that the data was read from. */
#define RPLEDGE_MATCH_BUILD 3

/* State bit: pledge() holds. */
#define RPLEDGE_PLEDGED (1 << 0)

/* State bit: something promised is enforced only in part; see `partial`. */
#define RPLEDGE_PARTIAL (1 << 3)

/* State bit: execpromises were given. */
#define RPLEDGE_EXECPROMISES (1 << 4)

/* State bit: the kernel has no filters, and pledge() will fail. */
#define RPLEDGE_NO_KERNEL (1 << 5)

/*
 * State bit: there is no broker, so an executed program stays under the
 * promises in force, where OpenBSD would let it go or give it its execpromises.
 */
#define RPLEDGE_EXEC_INHERITS (1 << 6)

/*
 * State bit: the promises are the calling thread's own, made with
 * RPLEDGE_THREAD; other threads may hold others or none.
 */
#define RPLEDGE_THREAD_ONLY (1 << 7)

/* State bit: a broker listens to this process. */
#define RPLEDGE_BROKER (1 << 8)

/*
 * State bit: promises in force ask for a broker, and there is none, since
 * another program supervises this process already.
 */
#define RPLEDGE_NO_BROKER (1 << 9)

/* The data came from the tables in the library. */
#define RPLEDGE_SOURCE_LIBRARY 0

/* ... from a file that was installed since: see `data_file`. */
#define RPLEDGE_SOURCE_FILE 1

/*
 * Rules of unveil(): put them in force at this call, and do not wait for the
 * lock. What is in force cannot be widened.
 */
#define RPLEDGE_UNVEIL_NOW (1 << 8)

/*
 * Where the kernel cannot hold a rule of unveil() as it is meant, allow less
 * rather than fail.
 */
#define RPLEDGE_UNVEIL_LESS (1 << 9)

/*
 * A path of unveil() cannot be used, or there is no place for another rule.
 */
#define RPLEDGE_E_PATH 3

/* State bit: rules of unveil() are in force. */
#define RPLEDGE_VEILED (1 << 1)

/*
 * State bit: there are rules of unveil() that are not in force: nothing has
 * locked them.
 */
#define RPLEDGE_VEIL_WAITS (1 << 2)

/* State bit: no more rules of unveil() are taken. */
#define RPLEDGE_VEIL_LOCKED (1 << 11)

/*
 * State bit: names and attributes of files that are hidden can be seen; and
 * without RPLEDGE_VEIL_MEDIATED to open them fails with EACCES, not ENOENT.
 */
#define RPLEDGE_VEIL_PARTIAL (1 << 10)

/*
 * State bit: a broker holds rules of unveil(), as the kernel alone cannot, or
 * RPLEDGE_STRICT was set.
 */
#define RPLEDGE_VEIL_MEDIATED (1 << 12)

/* What holds now for the calling thread; see rpledge_status(). */
struct rpledge_status {
    /* Promises in force, bit n for rpledge_promise_name(n). */
    rpledge_u64 promises;
    /* The execpromises that were given; see RPLEDGE_EXEC_INHERITS. */
    rpledge_u64 execpromises;
    /* Mode of the newest call, and the other flags of rpledge_set_flags(). */
    rpledge_u64 flags;
    /* Those in force that are enforced only in part. */
    rpledge_u64 partial;
    /* RPLEDGE_PLEDGED, RPLEDGE_PARTIAL, ... */
    rpledge_u32 state;
    /* One of RPLEDGE_MATCH_*. */
    rpledge_u32 matched;
    /* One of RPLEDGE_SOURCE_*. */
    rpledge_u32 source;
    /*
     * ABI of Landlock by which rules of unveil() are in force; 0 if none are.
     */
    rpledge_u32 landlock;
    /* The file that the data is from; empty if it is the library's own. */
    char data_file[128];
    /*
     * A file, or a directory on the way to one, that is there and does not
     * serve; empty if there is none.
     */
    char refused_file[128];
    /* Why it does not, in words; empty if nothing was refused. */
    char refused_why[80];
    /* Release of the data that serves: "2026.11". */
    char release[16];
    /*
     * Those in force that ask a broker for what a filter cannot see; with
     * RPLEDGE_NO_BROKER such calls fail.
     */
    rpledge_u64 broker;
};

/* The C library that this process runs on; see rpledge_libc(). */
struct rpledge_libc {
    /* "glibc", "musl", "dietlibc" or "unknown". */
    char name[16];
    /* "2.36"; empty if it cannot be told. */
    char version[16];
    /* "x86_64". */
    char arch[16];
    /* GNU build-id in hex; empty if it has none, and in a static program. */
    char build_id[72];
    /* One of RPLEDGE_MATCH_*. */
    rpledge_u32 matched;
    /* 1 in a static program. */
    rpledge_u32 is_static;
};

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/*
 * Restrict the process, in all its threads, to what the words of `promises`
 * allow. NULL leaves what is in force as it is, as does a call that fails; a
 * string that cannot be read is EFAULT. Returns 0, or -1 with errno set.
 */
RPLEDGE_MUST_USE int pledge(const char *promises, const char *execpromises);

/* pledge() with flags; a bit unknown to this version fails with EINVAL. */
RPLEDGE_MUST_USE
int rpledge_pledge(const char *promises,
                   const char *execpromises,
                   rpledge_u64 flags);

/*
 * socket(2) that knows SOCK_DNS before pledge() too: it is taken out of the
 * type, once the family is found to be AF_INET or AF_INET6 (EINVAL).
 * Returns a descriptor, or -1 with errno set.
 */
RPLEDGE_MUST_USE int rpledge_socket(int domain, int kind, int protocol);

/*
 * Set the flags that pledge() and unveil() take from now on.
 * Returns 0, or -1 with EINVAL.
 */
int rpledge_set_flags(rpledge_u64 flags);

/* Why the last call of this thread failed: one of RPLEDGE_E_*, or 0. */
int rpledge_error(void);

/* The same in words, never NULL; valid until this thread's next call. */
const char *rpledge_errmsg(void);

/*
 * Store what holds now in `*status`, which is `size` bytes long for the
 * caller: no more is written, and what this version does not know is zeroed.
 * Returns 0, or -1 with EFAULT if `status` is NULL.
 */
int rpledge_status(struct rpledge_status *status, size_t size);

/*
 * Store what C library this is in `*libc`, which is `size` bytes long for the
 * caller, as above. Returns 0, or -1 with EFAULT if `libc` is NULL.
 */
int rpledge_libc(struct rpledge_libc *libc, size_t size);

/* Name of promise number `n`, from 0 without gaps; NULL past the last. */
const char *rpledge_promise_name(int n);

/* "0.1.0": the version of the library that runs, not of this header. */
const char *rpledge_version(void);

/*
 * "2026.11": the release of the data in the library; that of the data that
 * serves is in rpledge_status().
 */
const char *rpledge_data_version(void);

/*
 * Allow what the letters r, w, x, c of `permissions` say on `path` and below;
 * with two NULLs, take no more rules, and put those given in force. A call
 * that fails has changed nothing. Returns 0, or -1 with errno set.
 */
RPLEDGE_MUST_USE int unveil(const char *path, const char *permissions);

/* unveil() with flags; a bit unknown to this version fails with EINVAL. */
RPLEDGE_MUST_USE
int rpledge_unveil(const char *path,
                   const char *permissions,
                   rpledge_u64 flags);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* RPLEDGE_H */
