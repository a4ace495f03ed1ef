/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory: everything but new code, which takes prot_exec. */
#include "case.h"

#include <sys/shm.h>

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAP(prot) mmap(NULL, 4096, prot, ANON, -1, 0)

static void *page(void)
{
    void *map = MAP(PROT_READ | PROT_WRITE);

    MUST(map != MAP_FAILED);
    return map;
}

ALLOW(mmap_rw, "stdio", MAP(PROT_READ | PROT_WRITE) != MAP_FAILED)
ALLOW(mmap_none, "stdio", MAP(PROT_NONE) != MAP_FAILED)
DENY(mmap_exec, "stdio", MAP(PROT_READ | PROT_EXEC) != MAP_FAILED)
DENY(mmap_only_exec, "stdio", MAP(PROT_EXEC) != MAP_FAILED)
DENY(mmap_wx, "stdio rpath wpath", MAP(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED)
DENY(mmap_exec_high_bits, "stdio",
     syscall(SYS_mmap, NULL, 4096, 0x100000000 | PROT_READ | PROT_EXEC, ANON, -1, 0) != -1)
ALLOW(mmap_prot_exec, "stdio prot_exec", MAP(PROT_READ | PROT_EXEC) != MAP_FAILED)
DENIED(mmap_file_exec, "stdio rpath")
{
    int fd = open("file", O_RDONLY);

    PLEDGE();
    TRY(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
}
#define ON_PAGE(kind, id, words, ...)                                        \
    kind(id, words)                                                          \
    {                                                                        \
        void *map = page();                                                  \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }
ON_PAGE(ALLOWED, mprotect_r, "stdio", mprotect(map, 4096, PROT_READ) == 0)
ON_PAGE(DENIED, mprotect_exec, "stdio", mprotect(map, 4096, PROT_READ | PROT_EXEC) == 0)
ON_PAGE(ALLOWED, mprotect_prot_exec, "stdio prot_exec",
        mprotect(map, 4096, PROT_READ | PROT_EXEC) == 0)
ON_PAGE(DENIED, mprotect_prot_exec_narrowed, "stdio prot_exec",
        (!case_is_pledged || pledge("stdio", NULL) == 0)
            && mprotect(map, 4096, PROT_READ | PROT_EXEC) == 0)
#ifdef SYS_pkey_mprotect
/* The kernel of a processor without such keys does not have it. */
DENIED(pkey_mprotect_exec, "stdio")
{
    void *map = page();

    NEED("pkey_mprotect", syscall(SYS_pkey_mprotect, map, 4096, PROT_READ, -1) == 0);
    PLEDGE();
    TRY(syscall(SYS_pkey_mprotect, map, 4096, PROT_READ | PROT_EXEC, -1) == 0);
}
#endif
ON_PAGE(ALLOWED, madvise, "stdio", madvise(map, 4096, MADV_DONTNEED) == 0)
ON_PAGE(ALLOWED, munmap, "stdio", munmap(map, 4096) == 0)
ON_PAGE(ALLOWED, msync, "stdio", msync(map, 4096, MS_SYNC) == 0)
ON_PAGE(REFUSED, mlock, "stdio", mlock(map, 4096) == 0)
static int segment(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0700 | IPC_CREAT);

    NEED("System V shared memory", id >= 0);
    return id;
}
DENIED(shmat_exec, "stdio rpath")
{
    int id = segment();
    void *map = shmat(id, NULL, 0);

    MUST(map != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0);
    PLEDGE();
    TRY(shmat(id, NULL, SHM_EXEC) != (void *)-1);
}
DENY(shmget_stdio, "stdio",
     shmctl(shmget(IPC_PRIVATE, 4096, 0600 | IPC_CREAT), IPC_RMID, NULL) == 0)

/* malloc and what threads need */
ALLOWED(malloc_small, "stdio")
{
    int i;

    PLEDGE();
    for (i = 0; i < 20000; i++)
        TRY(malloc(64) != NULL);
}
ALLOWED(malloc_large, "stdio")
{
    char *big;

    PLEDGE();
    TRY((big = (char *)malloc(64 << 20)) != NULL);
    big[(64 << 20) - 1] = 1;
    TRY((big = (char *)realloc(big, 96 << 20)) != NULL);
    free(big);
}
ALLOWED(malloc_sizes, "stdio")
{
    size_t size;
    void *some;

    PLEDGE();
    for (size = 1; size < ((size_t)16 << 20); size = size * 3 / 2 + 1) {
        TRY((some = calloc(1, size)) != NULL);
        free(some);
    }
}
/* More threads at once than glibc has arenas before it counts processors. */
#define THREADS 32
static pthread_barrier_t together;
static void *mallocs(void *arg)
{
    void *volatile some;
    int i;

    some = malloc(100); /* from an arena of its own, kept while all are here */
    pthread_barrier_wait(&together);
    free(some);
    for (i = 0; i < 2000; i++) {
        some = malloc((size_t)(i * 37 % 9000));
        free(some);
    }
    return malloc(300000) != NULL ? arg : NULL;
}
ALLOWED(malloc_threads, "stdio")
{
    pthread_t thread[THREADS];
    void *end;
    int i;

    MUST(pthread_barrier_init(&together, NULL, THREADS) == 0);
    PLEDGE();
    for (i = 0; i < THREADS; i++)
        TRY(pthread_create(&thread[i], NULL, mallocs, thread) == 0);
    for (i = 0; i < THREADS; i++)
        TRY(pthread_join(thread[i], &end) == 0 && end == thread);
}
ALLOWED(malloc_refused, "stdio")
{
    PLEDGE();
    TRY(malloc((size_t)1 << 50) == NULL && errno == ENOMEM);
}
static int stack_used;
static void *uses_stack(void *arg)
{
    char room[1 << 20];

    memset(room, 1, sizeof room);
    return room[4711] == 1 ? arg : NULL;
}
ALLOWED(thread_stack_large, "stdio")
{
    pthread_attr_t attr;
    pthread_t thread;
    void *end;

    MUST(pthread_attr_init(&attr) == 0);
    MUST(pthread_attr_setstacksize(&attr, 32 << 20) == 0);
    PLEDGE();
    TRY(pthread_create(&thread, &attr, uses_stack, &stack_used) == 0);
    TRY(pthread_join(thread, &end) == 0 && end == &stack_used);
}
ALLOWED(stack_grows, "stdio")
{
    volatile char room[4 << 20];

    PLEDGE();
    room[0] = 1;
    TRY(room[0] == 1);
}
