/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes, threads, signals, users, the network. */
#include "trace.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <mqueue.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <resolv.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

CASE(ids, "getpid getppid getuid geteuid getgid getegid getpgrp getsid")
{
	BEGIN; getpid(); getppid(); getuid(); geteuid(); getgid(); getegid(); getpgrp(); getsid(0); END;
}
CASE(groups, "getgroups getresuid getresgid") { gid_t g[64]; uid_t a, b, c; BEGIN; USE(getgroups(64, g)); getresuid(&a, &b, &c); getresgid(&a, &b, &c); END; }
CASE(setuid_, "setuid") { BEGIN; USE(setuid(0)); END; }
CASE(setgid_, "setgid") { BEGIN; USE(setgid(0)); END; }
CASE(seteuid_, "seteuid setegid") { BEGIN; USE(setegid(0)); USE(seteuid(0)); END; }
CASE(setresuid_, "setresuid setresgid setreuid setregid")
{
	BEGIN; USE(setresgid(0, 0, 0)); USE(setresuid(0, 0, 0)); USE(setregid(0, 0)); USE(setreuid(0, 0)); END;
}
CASE(setgroups_, "setgroups") { gid_t g = 0; BEGIN; USE(setgroups(1, &g)); END; }
CASE(initgroups_, "initgroups") { BEGIN; USE(initgroups("root", 0)); END; }
CASE(setsid_, "setsid setpgid") { BEGIN; USE(setpgid(0, 0)); setsid(); END; }
CASE(limits, "getrlimit setrlimit getrusage getpriority")
{
	struct rlimit r; struct rusage u;
	BEGIN; getrlimit(RLIMIT_NOFILE, &r); setrlimit(RLIMIT_NOFILE, &r); getrusage(RUSAGE_SELF, &u); getpriority(PRIO_PROCESS, 0); END;
}
CASE(nice_, "nice") { BEGIN; USE(nice(1)); END; }
CASE(sysconf_, "sysconf") { BEGIN; sysconf(_SC_PAGESIZE); sysconf(_SC_OPEN_MAX); sysconf(_SC_NPROCESSORS_ONLN); sysconf(_SC_PHYS_PAGES); END; }
CASE(uname_, "uname gethostname") { struct utsname u; BEGIN; uname(&u); gethostname(buffer, 100); END; }
CASE(sysinfo_, "sysinfo times") { struct sysinfo s; struct tms t; BEGIN; sysinfo(&s); times(&t); END; }
CASE(prctl_, "prctl") { BEGIN; prctl(PR_GET_DUMPABLE); END; }
CASE(sched_, "sched_yield sched_getaffinity sched_getparam") { cpu_set_t c; struct sched_param p; BEGIN; sched_yield(); sched_getaffinity(0, sizeof c, &c); sched_getparam(0, &p); END; }

static void caught(int signal) { (void)signal; }
CASE(signal_, "signal raise") { BEGIN; signal(SIGUSR1, caught); raise(SIGUSR1); END; }
CASE(sigaction_, "sigaction sigprocmask sigpending getpid kill")
{
	struct sigaction a = { .sa_handler = caught };
	sigset_t s;
	sigemptyset(&s);
	BEGIN; sigaction(SIGUSR1, &a, NULL); sigprocmask(SIG_BLOCK, &s, NULL); sigpending(&s); kill(getpid(), SIGUSR1); END;
}
CASE(sigwait_, "sigwait") { sigset_t s; int n; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, NULL); kill(getpid(), SIGUSR1); BEGIN; sigwait(&s, &n); END; }
CASE(sigsuspend_, "sigsuspend") { sigset_t s; sigemptyset(&s); signal(SIGALRM, caught); ualarm(20000, 20000); BEGIN; sigsuspend(&s); END; }
CASE(pause_, "pause") { signal(SIGALRM, caught); ualarm(20000, 20000); BEGIN; pause(); END; }
CASE(alarm_, "alarm") { BEGIN; alarm(10); END; }
CASE(sigaltstack_, "sigaltstack") { stack_t s; BEGIN; sigaltstack(NULL, &s); END; }
CASE(sigsetjmp_, "sigsetjmp siglongjmp") { sigjmp_buf b; BEGIN; if (!sigsetjmp(b, 1)) siglongjmp(b, 1); END; }
CASE(timer_, "timer_create timer_settime timer_delete")
{
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	struct itimerspec t = { { 0, 0 }, { 1, 0 } };
	timer_t id;
	BEGIN; timer_create(CLOCK_MONOTONIC, &e, &id); timer_settime(id, 0, &t, NULL); timer_delete(id); END;
}
static void ticked(union sigval v) { (void)v; }
CASE(timer_thread, "timer_create timer_settime nanosleep timer_delete")
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD };
	struct itimerspec t = { { 0, 0 }, { 0, 1000000 } };
	struct timespec s = { 0, 30000000 };
	timer_t id;
	e.sigev_notify_function = ticked;
	BEGIN; timer_create(CLOCK_MONOTONIC, &e, &id); timer_settime(id, 0, &t, NULL); nanosleep(&s, NULL); timer_delete(id); END;
}

CASE(fork_, "fork _exit waitpid") { pid_t p; BEGIN; p = fork(); if (!p) _exit(0); waitpid(p, NULL, 0); END; }
CASE(wait_, "wait") { if (!fork()) _exit(0); BEGIN; wait(NULL); END; }
CASE(waitid_, "waitid") { siginfo_t i; if (!fork()) _exit(0); BEGIN; waitid(P_ALL, 0, &i, WEXITED); END; }
CASE(exec_, "execv") { char *a[] = { "true", NULL }; BEGIN; execv("/nonexistent", a); END; }
CASE(execvp_, "execvp") { char *a[] = { "no-such-program", NULL }; BEGIN; execvp(a[0], a); END; }
CASE(spawn_, "posix_spawn waitpid") { char *a[] = { "true", NULL }; pid_t p; BEGIN; posix_spawn(&p, "/nonexistent", NULL, NULL, a, environ); END; }
CASE(spawn_actions, "posix_spawn_file_actions_init posix_spawn_file_actions_addopen posix_spawnp")
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t t;
	char *a[] = { "no-such-program", NULL };
	pid_t p;
	posix_spawnattr_init(&t);
	posix_spawnattr_setflags(&t, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_RESETIDS);
	BEGIN;
	posix_spawn_file_actions_init(&f);
	posix_spawn_file_actions_addopen(&f, 0, "/dev/null", O_RDONLY, 0);
	posix_spawnp(&p, "no-such-program", &f, &t, a, environ);
	END;
}
LAST(exit_, "exit") { BEGIN; exit(0); }
LAST(exit_flush, "exit") { FILE *f = fopen("/dev/null", "w"); fputs("x", f); BEGIN; exit(0); }
static void nothing(void) { }
LAST(atexit_, "atexit quick_exit") { BEGIN; atexit(nothing); quick_exit(0); }
LAST(abort_, "abort") { BEGIN; abort(); }
LAST(assert_, "__assert_fail")
{
	int fd = open("/dev/null", O_WRONLY);
	dup2(fd, 2);
	BEGIN;
	__assert_fail("x", "f", 1, "g");
}

static void *idle(void *p) { return p; }
/* A signal does not end its sleep; what it was told to wait for has begun. */
static void *waits(void *p)
{
	struct timespec t = { 5, 0 };
	while (nanosleep(&t, NULL))
		;
	return p;
}
CASE(pthread_, "pthread_create pthread_join") { pthread_t t; BEGIN; pthread_create(&t, NULL, idle, NULL); pthread_join(t, NULL); END; }
CASE(pthread_detached, "pthread_create pthread_detach nanosleep")
{
	struct timespec s = { 0, 20000000 };
	pthread_t t;
	BEGIN; pthread_create(&t, NULL, idle, NULL); pthread_detach(t); nanosleep(&s, NULL); END;
}
CASE(pthread_attr, "pthread_attr_init pthread_attr_setstacksize pthread_create pthread_join")
{
	pthread_attr_t a; pthread_t t;
	BEGIN; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 1 << 20); pthread_create(&t, &a, idle, NULL); pthread_join(t, NULL); END;
}
CASE(pthread_cancel_, "pthread_cancel pthread_join nanosleep pthread_create")
{
	pthread_t t;
	pthread_create(&t, NULL, waits, NULL);
	settle();
	BEGIN; pthread_cancel(t); pthread_join(t, NULL); END;
}
static void *exits(void *p) { pthread_exit(p); }
CASE(pthread_exit_, "pthread_create pthread_exit pthread_join") { pthread_t t; BEGIN; pthread_create(&t, NULL, exits, NULL); pthread_join(t, NULL); END; }
CASE(pthread_kill_, "pthread_kill") { BEGIN; pthread_kill(pthread_self(), 0); END; }
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static void *locks(void *p)
{
	struct timespec s = { 0, 60000000 };
	pthread_mutex_lock(&mutex);
	nanosleep(&s, NULL);
	pthread_mutex_unlock(&mutex);
	return p;
}
CASE(mutex_contended, "pthread_mutex_lock pthread_mutex_unlock nanosleep pthread_create")
{
	pthread_t t;
	pthread_create(&t, NULL, locks, NULL);
	settle();
	BEGIN; pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex); END;
}
CASE(mutex_prio, "pthread_mutex_lock pthread_mutex_unlock")
{
	pthread_mutexattr_t a; pthread_mutex_t m;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT);
	pthread_mutex_init(&m, &a);
	BEGIN; pthread_mutex_lock(&m); pthread_mutex_unlock(&m); END;
}
CASE(mutex_inherit, "pthread_mutex_lock pthread_mutex_unlock")
{
	pthread_mutexattr_t a; pthread_mutex_t m;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &a);
	BEGIN; pthread_mutex_lock(&m); pthread_mutex_unlock(&m); END;
}
CASE(cond_timed, "pthread_mutex_lock pthread_cond_timedwait pthread_cond_signal pthread_mutex_unlock")
{
	struct timespec s = { 1, 0 };
	BEGIN; pthread_mutex_lock(&mutex); pthread_cond_timedwait(&cond, &mutex, &s); pthread_cond_signal(&cond); pthread_mutex_unlock(&mutex); END;
}
CASE(rwlock_, "pthread_rwlock_rdlock pthread_rwlock_unlock") { static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER; BEGIN; pthread_rwlock_rdlock(&l); pthread_rwlock_unlock(&l); END; }
CASE(barrier_, "pthread_barrier_init pthread_barrier_wait") { pthread_barrier_t b; BEGIN; pthread_barrier_init(&b, NULL, 1); pthread_barrier_wait(&b); END; }
static pthread_once_t once = PTHREAD_ONCE_INIT;
CASE(once_, "pthread_once") { BEGIN; pthread_once(&once, nothing); END; }
CASE(key_, "pthread_key_create pthread_setspecific") { pthread_key_t k; BEGIN; pthread_key_create(&k, NULL); pthread_setspecific(k, &k); END; }
CASE(setname, "pthread_setname_np") { BEGIN; pthread_setname_np(pthread_self(), "trace"); END; }
CASE(getattr, "pthread_getattr_np") { pthread_attr_t a; BEGIN; pthread_getattr_np(pthread_self(), &a); END; }
CASE(setschedparam, "pthread_getschedparam pthread_setschedparam") { struct sched_param p; int n; BEGIN; pthread_getschedparam(pthread_self(), &n, &p); pthread_setschedparam(pthread_self(), n, &p); END; }
CASE(setuid_threaded, "setuid setgid nanosleep")
{
	pthread_t t;
	pthread_create(&t, NULL, waits, NULL);
	settle();
	BEGIN; USE(setgid(0)); USE(setuid(0)); END;
}
static void *allocates(void *p) { (void)p; return malloc(1000); }
CASE(malloc_threaded, "pthread_create malloc pthread_join") { pthread_t t; BEGIN; pthread_create(&t, NULL, allocates, NULL); pthread_join(t, NULL); END; }
CASE(sem_, "sem_init sem_post sem_wait sem_trywait sem_destroy") { sem_t s; BEGIN; sem_init(&s, 0, 0); sem_post(&s); sem_wait(&s); sem_trywait(&s); sem_destroy(&s); END; }
CASE(sem_timed, "sem_timedwait") { sem_t s; struct timespec t = { 1, 0 }; sem_init(&s, 0, 0); BEGIN; sem_timedwait(&s, &t); END; }
CASE(sem_named, "sem_open sem_close sem_unlink") { sem_t *s; BEGIN; s = sem_open("/trace", O_CREAT, 0600, 1); if (s != SEM_FAILED) sem_close(s); sem_unlink("/trace"); END; }
CASE(mq_, "mq_open mq_send mq_close mq_unlink") { mqd_t q; BEGIN; q = mq_open("/trace", O_CREAT | O_RDWR, 0600, NULL); mq_send(q, "x", 1, 0); mq_close(q); mq_unlink("/trace"); END; }
CASE(shmget_, "shmget shmat shmdt shmctl") { int id; void *p; BEGIN; id = shmget(IPC_PRIVATE, 4096, 0600); p = shmat(id, NULL, 0); shmdt(p); shmctl(id, IPC_RMID, NULL); END; }

CASE(popen_, "popen fgets pclose") { FILE *f; BEGIN; f = popen("/nonexistent", "r"); USE(fgets(buffer, 100, f)); pclose(f); END; }
CASE(system_, "system") { int fd = open("/dev/null", O_WRONLY); dup2(fd, 2); BEGIN; USE(system("exit 0")); END; }
CASE(dlopen_, "dlopen dlsym dlclose") { void *h; BEGIN; h = dlopen("libutil.so.1", RTLD_NOW); if (h) { dlsym(h, "openpty"); dlclose(h); } END; }
CASE(dlopen_missing, "dlopen dlerror") { BEGIN; USE(dlopen("no-such-library.so", RTLD_LAZY)); USE(dlerror()); END; }
CASE(dladdr_, "dladdr") { Dl_info i; BEGIN; dladdr((void *)nothing, &i); END; }

CASE(getpwnam_, "getpwnam") { BEGIN; USE(getpwnam("root")); END; }
CASE(getpwuid_, "getpwuid") { BEGIN; USE(getpwuid(0)); END; }
CASE(getpwnam_none, "getpwnam") { BEGIN; USE(getpwnam("no-such-user")); END; }
CASE(getpwent_, "setpwent getpwent endpwent") { BEGIN; setpwent(); USE(getpwent()); endpwent(); END; }
CASE(getgrnam_, "getgrnam getgrgid") { BEGIN; USE(getgrnam("root")); USE(getgrgid(0)); END; }
CASE(getgrouplist_, "getgrouplist") { gid_t g[64]; int n = 64; BEGIN; USE(getgrouplist("root", 0, g, &n)); END; }
CASE(getaddrinfo_local, "getaddrinfo freeaddrinfo") { struct addrinfo *a = NULL; BEGIN; if (!getaddrinfo("localhost", "80", NULL, &a)) freeaddrinfo(a); END; }
CASE(getaddrinfo_number, "getaddrinfo freeaddrinfo")
{
	struct addrinfo h = { .ai_flags = AI_NUMERICHOST }, *a = NULL;
	BEGIN; if (!getaddrinfo("127.0.0.1", "80", &h, &a)) freeaddrinfo(a); END;
}
CASE(getaddrinfo_none, "getaddrinfo") { struct addrinfo *a = NULL; BEGIN; USE(getaddrinfo("no-such-host.invalid", NULL, NULL, &a)); END; }
CASE(gethostbyname_, "gethostbyname") { BEGIN; USE(gethostbyname("localhost")); END; }
CASE(getnameinfo_, "getnameinfo")
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	BEGIN; getnameinfo((struct sockaddr *)&a, sizeof a, buffer, 100, NULL, 0, 0); END;
}
CASE(getservbyname_, "getservbyname") { BEGIN; USE(getservbyname("http", "tcp")); END; }
CASE(res_init_, "res_init") { BEGIN; res_init(); END; }
CASE(getifaddrs_, "getifaddrs freeifaddrs") { struct ifaddrs *i = NULL; BEGIN; if (!getifaddrs(&i)) freeifaddrs(i); END; }
CASE(if_nameindex_, "if_nametoindex if_nameindex if_freenameindex") { struct if_nameindex *i; BEGIN; if_nametoindex("lo"); i = if_nameindex(); if (i) if_freenameindex(i); END; }
CASE(socket_, "socket setsockopt getsockopt bind listen getsockname shutdown")
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t l = sizeof a;
	int one = 1, fd;
	socklen_t s = sizeof one;
	BEGIN;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, &s);
	USE(bind(fd, (struct sockaddr *)&a, sizeof a));
	USE(listen(fd, 1));
	getsockname(fd, (struct sockaddr *)&a, &l);
	shutdown(fd, SHUT_RDWR);
	END;
}
CASE(socketpair_, "socketpair send recv sendto recvfrom sendmsg recvmsg getpeername")
{
	struct iovec v = { buffer, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct sockaddr_un a;
	socklen_t l = sizeof a;
	int p[2];
	BEGIN;
	USE(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	USE(send(p[0], "x", 1, 0)); USE(recv(p[1], buffer, 1, 0));
	USE(sendto(p[0], "x", 1, 0, NULL, 0)); USE(recvfrom(p[1], buffer, 1, 0, NULL, NULL));
	USE(sendmsg(p[0], &m, 0)); USE(recvmsg(p[1], &m, 0));
	USE(getpeername(p[0], (struct sockaddr *)&a, &l));
	END;
}
CASE(connect_, "connect accept accept4")
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path + 1, 50, "trace-%d", (int)getpid());
	USE(bind(s, (struct sockaddr *)&a, sizeof a));
	USE(listen(s, 2));
	BEGIN;
	USE(connect(c, (struct sockaddr *)&a, sizeof a));
	USE(connect(d, (struct sockaddr *)&a, sizeof a));
	accept(s, NULL, NULL);
	accept4(s, NULL, NULL, SOCK_CLOEXEC);
	END;
}
CASE(syslog_, "openlog syslog closelog") { BEGIN; openlog("trace", LOG_PERROR, LOG_USER); syslog(LOG_DEBUG, "%s", ""); closelog(); END; }
CASE(getrandom_, "getentropy") { BEGIN; USE(getentropy(buffer, 16)); END; }
CASE(getlogin_, "getlogin_r") { BEGIN; USE(getlogin_r(buffer, 100)); END; }
CASE(daemon_, "daemon") { BEGIN; USE(daemon(0, 0)); END; }
