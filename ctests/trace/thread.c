/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads: those of POSIX and of C11, their locks, and asynchronous input and output. */
#include "trace.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const struct timespec moment = { 0, 20000000 };
static const struct timespec past = { 1, 0 };
static const struct timespec timeout = { 5, 0 };
static volatile int go;

static void *idle(void *p) { return p; }
static void *sleeps(void *p)
{
	struct timespec t = timeout;
	while (nanosleep(&t, NULL))
		;
	return p;
}
static pthread_t sleeper(void)
{
	pthread_t t;
	pthread_create(&t, NULL, sleeps, NULL);
	settle();
	return t;
}
static void nothing(void) { }

CASE(join_more, "pthread_create pthread_tryjoin_np pthread_timedjoin_np nanosleep")
{
	NEED(int, pthread_tryjoin_np, (pthread_t, void **));
	NEED(int, pthread_timedjoin_np, (pthread_t, void **, const struct timespec *));
	pthread_t t;
	BEGIN;
	pthread_create(&t, NULL, sleeps, NULL);
	p_pthread_tryjoin_np(t, NULL);
	p_pthread_timedjoin_np(t, NULL, &past);
	END;
}
CASE(cancel_state, "pthread_setcancelstate pthread_setcanceltype pthread_testcancel") { int n; BEGIN; pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &n); pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &n); pthread_testcancel(); END; }
static void *spins(void *p)
{
	int n;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &n);
	go = 1;
	for (;;)
		;
	return p;
}
CASE(cancel_async, "pthread_cancel pthread_join pthread_create pthread_exit")
{
	pthread_t t;
	pthread_create(&t, NULL, spins, NULL);
	while (!go)
		sched_yield();
	BEGIN; pthread_cancel(t); pthread_join(t, NULL); END;
}
static void *survives(void *p)
{
	nanosleep(&timeout, NULL);
	return p;
}
LAST(exit_first, "pthread_exit nanosleep")
{
	/* The process goes on without it, and is ended from without. */
	pthread_t t;
	pthread_create(&t, NULL, survives, NULL);
	settle();
	alarm(1);
	BEGIN; pthread_exit(NULL);
}
static void *uncancelled(void *p)
{
	int n;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &n);
	return sleeps(p);
}
CASE(cancel_asked, "pthread_cancel nanosleep")
{
	pthread_t t;
	pthread_create(&t, NULL, uncancelled, NULL);
	settle();
	BEGIN; pthread_cancel(t); END;
}
LAST(exit_main, "pthread_exit") { BEGIN; pthread_exit(NULL); }
CASE(thread_queue, "pthread_sigqueue") { NEED(int, pthread_sigqueue, (pthread_t, int, union sigval)); union sigval v = { 0 }; signal(SIGUSR1, SIG_IGN); BEGIN; p_pthread_sigqueue(pthread_self(), SIGUSR1, v); END; }
CASE(thread_kill, "pthread_kill nanosleep")
{
	pthread_t t = sleeper();
	signal(SIGUSR1, SIG_IGN);
	BEGIN; pthread_kill(t, SIGUSR1); nanosleep(&moment, NULL); END;
}
CASE(attributes, "pthread_self pthread_attr_init pthread_attr_destroy pthread_mutexattr_init pthread_mutexattr_settype pthread_mutexattr_setprotocol pthread_mutexattr_setrobust pthread_mutexattr_setpshared pthread_condattr_setclock")
{
	pthread_attr_t a; pthread_mutexattr_t m; pthread_condattr_t c;
	pthread_condattr_init(&c);
	BEGIN;
	pthread_self();
	pthread_attr_init(&a); pthread_attr_destroy(&a);
	pthread_mutexattr_init(&m); pthread_mutexattr_settype(&m, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT); pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&c, CLOCK_MONOTONIC);
	END;
}
CASE(mutex_more, "pthread_mutex_init pthread_mutex_trylock pthread_mutex_timedlock pthread_mutex_unlock pthread_mutex_destroy")
{
	pthread_mutex_t m;
	BEGIN;
	pthread_mutex_init(&m, NULL); pthread_mutex_trylock(&m); pthread_mutex_timedlock(&m, &past); pthread_mutex_unlock(&m);
	pthread_mutex_timedlock(&m, &past); pthread_mutex_unlock(&m); pthread_mutex_destroy(&m);
	END;
}
CASE(mutex_clock, "pthread_mutex_clocklock")
{
	NEED(int, pthread_mutex_clocklock, (pthread_mutex_t *, clockid_t, const struct timespec *));
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&m);
	BEGIN; p_pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &moment); END;
}
static pthread_mutex_t robust;
static void *dies(void *p) { pthread_mutex_lock(&robust); return p; }
CASE(mutex_robust, "pthread_create pthread_join pthread_mutex_lock pthread_mutex_consistent pthread_mutex_unlock")
{
	pthread_mutexattr_t a;
	pthread_t t;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &a);
	BEGIN;
	pthread_create(&t, NULL, dies, NULL); pthread_join(t, NULL);
	pthread_mutex_lock(&robust); pthread_mutex_consistent(&robust); pthread_mutex_unlock(&robust);
	END;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void *changes(void *p)
{
	nanosleep(&moment, NULL);
	pthread_mutex_lock(&lock);
	go = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return p;
}
CASE(cond_more, "pthread_cond_init pthread_create pthread_mutex_lock pthread_cond_wait pthread_mutex_unlock pthread_join pthread_cond_broadcast pthread_cond_destroy nanosleep")
{
	pthread_cond_t c;
	pthread_t t;
	BEGIN;
	pthread_cond_init(&c, NULL); pthread_cond_destroy(&c);
	pthread_mutex_lock(&lock);
	pthread_create(&t, NULL, changes, NULL);
	while (!go)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	pthread_join(t, NULL);
	END;
}
CASE(cond_clock, "pthread_cond_clockwait")
{
	NEED(int, pthread_cond_clockwait, (pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *));
	pthread_mutex_lock(&lock);
	BEGIN; p_pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &moment); END;
}
CASE(rwlock_more, "pthread_rwlock_init pthread_rwlock_wrlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock pthread_rwlock_tryrdlock pthread_rwlock_trywrlock pthread_rwlock_unlock pthread_rwlock_destroy")
{
	pthread_rwlock_t l;
	BEGIN;
	pthread_rwlock_init(&l, NULL); pthread_rwlock_wrlock(&l); pthread_rwlock_tryrdlock(&l); pthread_rwlock_trywrlock(&l); pthread_rwlock_unlock(&l);
	pthread_rwlock_timedrdlock(&l, &past); pthread_rwlock_timedwrlock(&l, &past);
	pthread_rwlock_unlock(&l); pthread_rwlock_destroy(&l);
	END;
}
CASE(spin, "pthread_spin_lock") { pthread_spinlock_t l; pthread_spin_init(&l, 0); BEGIN; pthread_spin_lock(&l); END; }
static pthread_barrier_t barrier;
static void *meets(void *p) { nanosleep(&moment, NULL); pthread_barrier_wait(&barrier); return p; }
CASE(barrier_two, "pthread_create pthread_barrier_wait pthread_barrier_destroy nanosleep")
{
	pthread_t t;
	pthread_barrier_init(&barrier, NULL, 2);
	BEGIN; pthread_create(&t, NULL, meets, NULL); pthread_barrier_wait(&barrier); pthread_barrier_destroy(&barrier); END;
}
CASE(names, "pthread_getname_np") { NEED(int, pthread_getname_np, (pthread_t, char *, size_t)); BEGIN; p_pthread_getname_np(pthread_self(), buffer, 100); END; }
CASE(names_other, "pthread_setname_np pthread_getname_np")
{
	NEED(int, pthread_setname_np, (pthread_t, const char *));
	NEED(int, pthread_getname_np, (pthread_t, char *, size_t));
	pthread_t t = sleeper();
	BEGIN; p_pthread_setname_np(t, "other"); p_pthread_getname_np(t, buffer, 100); END;
}
CASE(thread_clock, "pthread_getcpuclockid") { clockid_t c; BEGIN; pthread_getcpuclockid(pthread_self(), &c); END; }
CASE(affinity, "pthread_getaffinity_np pthread_setaffinity_np") { cpu_set_t c; BEGIN; pthread_getaffinity_np(pthread_self(), sizeof c, &c); pthread_setaffinity_np(pthread_self(), sizeof c, &c); END; }
CASE(priority, "pthread_setschedprio") { BEGIN; pthread_setschedprio(pthread_self(), 0); END; }
CASE(at_fork, "pthread_atfork fork _exit waitpid")
{
	pid_t p;
	BEGIN;
	pthread_atfork(nothing, nothing, nothing);
	p = fork();
	if (!p)
		_exit(0);
	waitpid(p, NULL, 0);
	END;
}
CASE(fork_threaded, "fork _exit")
{
	sleeper();
	BEGIN;
	if (!fork())
		_exit(0);
	END;
}
static sem_t semaphore;
static void *posts(void *p) { nanosleep(&moment, NULL); sem_post(&semaphore); return p; }
CASE(sem_blocked, "pthread_create sem_wait sem_post sem_getvalue nanosleep")
{
	pthread_t t;
	int n;
	BEGIN; pthread_create(&t, NULL, posts, NULL); sem_wait(&semaphore); sem_getvalue(&semaphore, &n); END;
}
CASE(sem_clock, "sem_clockwait") { NEED(int, sem_clockwait, (sem_t *, clockid_t, const struct timespec *)); BEGIN; p_sem_clockwait(&semaphore, CLOCK_MONOTONIC, &moment); END; }

static int started(void *p) { (void)p; return 0; }
static int leaves(void *p) { (void)p; thrd_exit(1); }
CASE(thrd, "thrd_create thrd_join thrd_yield thrd_sleep") { thrd_t t; BEGIN; thrd_create(&t, started, NULL); thrd_join(t, NULL); thrd_yield(); thrd_sleep(&moment, NULL); END; }
CASE(thrd_exit_, "thrd_create thrd_exit thrd_join") { thrd_t t; BEGIN; thrd_create(&t, leaves, NULL); thrd_join(t, NULL); END; }
static mtx_t mutex;
static cnd_t condition;
static int tells(void *p)
{
	(void)p;
	mtx_lock(&mutex);
	go = 1;
	cnd_signal(&condition);
	cnd_broadcast(&condition);
	mtx_unlock(&mutex);
	return 0;
}
CASE(cnd, "thrd_create mtx_lock mtx_timedlock mtx_unlock cnd_wait cnd_timedwait cnd_signal cnd_broadcast")
{
	thrd_t t;
	mtx_init(&mutex, mtx_timed);
	cnd_init(&condition);
	BEGIN;
	mtx_lock(&mutex);
	mtx_timedlock(&mutex, &past);
	cnd_timedwait(&condition, &mutex, &past);
	thrd_create(&t, tells, NULL);
	while (!go)
		cnd_wait(&condition, &mutex);
	mtx_unlock(&mutex);
	END;
}
static once_flag once = ONCE_FLAG_INIT;
CASE(once_c, "call_once tss_create") { tss_t t; BEGIN; call_once(&once, nothing); tss_create(&t, NULL); END; }

static void *allocates(void *p)
{
	int i;
	for (i = 0; i < 200; i++)
		USE(malloc(5000));
	return p;
}
CASE(arenas, "pthread_create malloc pthread_join")
{
	pthread_t t[16];
	int i;
	BEGIN;
	for (i = 0; i < 16; i++) pthread_create(&t[i], NULL, allocates, NULL);
	for (i = 0; i < 16; i++) pthread_join(t[i], NULL);
	END;
}
static void *allocates_and_frees(void *p)
{
	void *all[100];
	int i;
	for (i = 0; i < 100; i++)
		all[i] = malloc(100000);
	for (i = 0; i < 100; i++)
		free(all[i]);
	return p;
}
CASE(arena_shrinks, "pthread_create malloc free pthread_join") { pthread_t t; BEGIN; pthread_create(&t, NULL, allocates_and_frees, NULL); pthread_join(t, NULL); END; }
CASE(ids_threaded, "setgroups setresuid setresgid setreuid setregid seteuid setegid nanosleep")
{
	NEED(int, setgroups, (size_t, const gid_t *));
	gid_t g = 0;
	sleeper();
	BEGIN;
	USE(setegid(0)); USE(seteuid(0)); USE(setregid(0, 0)); USE(setreuid(0, 0)); USE(setresgid(0, 0, 0)); USE(setresuid(0, 0, 0));
	p_setgroups(1, &g);
	END;
}

static struct aiocb control;
static int request(void)
{
	int fd = own();
	memset(&control, 0, sizeof control);
	control.aio_fildes = fd;
	control.aio_buf = buffer;
	control.aio_nbytes = 4;
	return fd;
}
CASE(aio_read_, "aio_read aio_suspend aio_error aio_return")
{
	const struct aiocb *list[] = { &control };
	int fd = request();
	BEGIN;
	aio_read(&control);
	while (aio_error(&control) == EINPROGRESS)
		aio_suspend(list, 1, &timeout);
	aio_return(&control);
	END;
	gone(fd);
}
CASE(aio_write_, "aio_write aio_fsync aio_cancel aio_error aio_suspend")
{
	static struct aiocb sync;
	const struct aiocb *list[] = { &sync };
	int fd = request();
	sync.aio_fildes = fd;
	BEGIN;
	aio_write(&control);
	aio_fsync(O_SYNC, &sync);
	aio_cancel(fd, &control);
	while (aio_error(&sync) == EINPROGRESS)
		aio_suspend(list, 1, &timeout);
	END;
	gone(fd);
}
CASE(lio, "lio_listio")
{
	struct aiocb *list[] = { &control };
	int fd = request();
	control.aio_lio_opcode = LIO_READ;
	BEGIN; lio_listio(LIO_WAIT, list, 1, NULL); END;
	gone(fd);
}
