/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes that are made, become another program, and end. */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *arguments[] = { "sh", "-c", "exit 0", NULL };
static void nothing(void) { }
static void on_end(int status, void *p) { (void)status; (void)p; }

CASE(exec_missing, "execve execvpe execl execle execlp")
{
	BEGIN;
	execve("/nonexistent", arguments, environ);
	execvpe("no-such-program", arguments, environ);
	execl("/nonexistent", "x", NULL);
	execle("/nonexistent", "x", NULL, environ);
	execlp("no-such-program", "x", NULL);
	END;
}
LAST(exec_script, "execvp")
{
	/* Neither a program nor a script with a first line: a shell reads it. */
	int fd = own();
	fchmod(fd, 0700);
	close(fd);
	BEGIN; execvp(name, arguments); END;
}
LAST(exec_done, "execve") { BEGIN; execve("/bin/sh", arguments, environ); END; }
CASE(fexecve_, "fexecve") { int fd = open("/dev/null", O_RDONLY); BEGIN; fexecve(fd, arguments, environ); END; }
CASE(execveat_, "execveat") { NEED(int, execveat, (int, const char *, char *const *, char *const *, int)); BEGIN; p_execveat(AT_FDCWD, "/nonexistent", arguments, environ, 0); END; }
CASE(spawn_done, "posix_spawn waitpid") { pid_t p; BEGIN; posix_spawn(&p, "/bin/sh", NULL, NULL, arguments, environ); waitpid(p, NULL, 0); END; }
CASE(spawn_search, "posix_spawnp waitpid") { pid_t p; setenv("PATH", "/nonexistent:/bin", 1); BEGIN; posix_spawnp(&p, "sh", NULL, NULL, arguments, environ); waitpid(p, NULL, 0); END; }
CASE(spawn_all, "posix_spawn waitpid")
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t t;
	struct sched_param s = { 0 };
	sigset_t m;
	pid_t p;
	sigemptyset(&m);
	posix_spawnattr_init(&t);
	posix_spawnattr_setsigmask(&t, &m);
	posix_spawnattr_setschedparam(&t, &s);
	posix_spawnattr_setflags(&t, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSID | POSIX_SPAWN_RESETIDS);
	posix_spawn_file_actions_init(&f);
	posix_spawn_file_actions_adddup2(&f, 0, 9);
	posix_spawn_file_actions_addclose(&f, 9);
	posix_spawn_file_actions_addopen(&f, 8, "/dev/null", O_RDONLY, 0);
	BEGIN; posix_spawn(&p, "/bin/sh", &f, &t, arguments, environ); waitpid(p, NULL, 0); END;
}
CASE(pidfd_spawn_, "pidfd_spawn") { NEED(int, pidfd_spawn, (int *, const char *, const void *, const void *, char *const *, char *const *)); int fd; BEGIN; p_pidfd_spawn(&fd, "/bin/sh", NULL, NULL, arguments, environ); END; }
CASE(popen_done, "popen fgets pclose") { FILE *f; BEGIN; f = popen("echo text", "r"); USE(fgets(buffer, 100, f)); pclose(f); END; }
CASE(popen_write, "popen fputs pclose") { FILE *f; signal(SIGPIPE, SIG_IGN); BEGIN; f = popen("cat >/dev/null", "we"); fputs("x", f); pclose(f); END; }
CASE(system_none, "system") { BEGIN; USE(system(NULL)); END; }
CASE(system_threaded, "system pthread_create nanosleep pause")
{
	pthread_t thread;
	pthread_create(&thread, NULL, (void *(*)(void *))(void *)pause, NULL);
	settle();
	BEGIN; USE(system("exit 1")); END;
}

CASE(fork_raw, "_Fork _exit waitpid")
{
	NEED(pid_t, _Fork, (void));
	pid_t p;
	BEGIN; p = p__Fork(); if (!p) _exit(0); waitpid(p, NULL, 0); END;
}
CASE(vfork_, "vfork _exit waitpid") { pid_t p; BEGIN; p = vfork(); if (!p) _exit(0); waitpid(p, NULL, 0); END; }
static int cloned(void *p) { (void)p; return 0; }
CASE(clone_, "clone waitpid _exit") { static char stack[65536] __attribute__((aligned(16))); pid_t p; BEGIN; p = clone(cloned, stack + sizeof stack, SIGCHLD, NULL); waitpid(p, NULL, 0); END; }
CASE(forkpty_, "forkpty _exit waitpid")
{
	NEED(int, forkpty, (int *, char *, const void *, const void *));
	int fd;
	pid_t p;
	BEGIN; p = p_forkpty(&fd, NULL, NULL, NULL); if (!p) _exit(0); waitpid(p, NULL, 0); END;
}
CASE(openpty_, "openpty login_tty")
{
	NEED(int, openpty, (int *, int *, char *, const void *, const void *));
	NEED(int, login_tty, (int));
	int a, b;
	setsid();
	BEGIN; p_openpty(&a, &b, NULL, NULL, NULL); p_login_tty(b); END;
}
CASE(daemon_quiet, "daemon") { BEGIN; USE(daemon(1, 1)); END; }

LAST(exit_at_once, "_Exit") { BEGIN; _Exit(0); }
LAST(exit_quick, "at_quick_exit quick_exit") { BEGIN; at_quick_exit(nothing); quick_exit(0); }
LAST(exit_handlers, "exit atexit") { int i; BEGIN; for (i = 0; i < 100; i++) atexit(nothing); exit(0); }
LAST(exit_told, "on_exit exit") { NEED(int, on_exit, (void (*)(int, void *), void *)); BEGIN; p_on_exit(on_end, NULL); exit(0); }
static pthread_t exiting;
static void *ends(void *p) { exit(0); return p; }
LAST(exit_threaded, "pthread_create exit pthread_join") { BEGIN; pthread_create(&exiting, NULL, ends, NULL); pthread_join(exiting, NULL); }
LAST(abort_blocked, "abort")
{
	sigset_t s;
	sigfillset(&s);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGABRT, SIG_IGN);
	BEGIN; abort();
}
