/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the launcher's cases run: each word of argv[1] is one behaviour. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t terms, conts;
static volatile int go, *wait_for_go = &go;
static int constructed;

static void on_term(int signal) { (void)signal; terms++; }
static void on_cont(int signal) { (void)signal; conts++; }
static void on_abort(int signal) { (void)signal; }

static void on_sigsys(int signal)
{
	static const char text[] = "survived\n";
	(void)signal;
	if (write(1, text, sizeof text - 1) < 0)
		_exit(99);
	_exit(0);
}

static void pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

static void call(void)
{
	/* Cannot fail, so libcs return what the kernel says as it is. */
	pid_t parent = getppid();

	if (parent >= 0)
		printf("getppid ok\n");
	else
		printf("getppid %d\n", (int)parent);
	fflush(stdout);
}

static void *call_thread(void *argument)
{
	while (argument && !go)
		pause_ms(1);
	call();
	return NULL;
}

static void *idle_thread(void *argument)
{
	for (;;)
		pause_ms(1000);
	return argument;
}

static void *abort_catcher(void *argument)
{
	for (;;)
		signal(SIGABRT, on_abort);
	return argument;
}

/* Not a libc function: the report names it from .symtab. */
__attribute__((noinline)) long own_call(void)
{
	long result = 110;

	__asm__ volatile("syscall" : "+a"(result) : "D"(0x5eed)
	    : "rcx", "r11", "memory");
	return result;
}

__attribute__((constructor)) static void construct(void)
{
	static pthread_t thread;

	constructed = getppid() >= 0;
	if (getenv("CONSTRUCTOR_THREAD"))
		pthread_create(&thread, NULL, call_thread, &wait_for_go);
	if (getenv("CONSTRUCTOR_FORK") && fork() == 0)
		setenv("IS_CHILD", "1", 1);
	if (getenv("CONSTRUCTOR_EXEC") && !getenv("EXECUTED")) {
		setenv("EXECUTED", "1", 1);
		execl("/proc/self/exe", "program", "call", (char *)0);
	}
}

static int child_ended(pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) < 0)
		return 1;
	if (WIFSIGNALED(status))
		printf("child signal %d\n", WTERMSIG(status));
	else
		printf("child exit %d\n", WEXITSTATUS(status));
	return 0;
}

static int threads(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_create(&thread, NULL, idle_thread, NULL))
			return 1;
	pause_ms(20);
	pthread_cancel(thread); /* by a real-time signal */
	pthread_join(thread, NULL);
	call();
	return 0;
}

static void *forker(void *argument)
{
	int i, status;

	for (i = 0; i < 50; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return &wait_for_go;
	}
	return argument;
}

static int storm(void)
{
	pthread_t threads[4];
	void *result;
	int i, failed = 0;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, forker, NULL);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		failed += result != NULL;
	}
	printf("failed %d\n", failed);
	return 0;
}

static int terminated(void)
{
	signal(SIGTERM, on_term);
	printf("ready\n");
	fflush(stdout);
	while (!terms)
		pause_ms(5);
	pause_ms(200);
	printf("term %d\n", (int)terms);
	return 3;
}

static int continued(void)
{
	signal(SIGCONT, on_cont);
	printf("ready\n");
	fflush(stdout);
	while (!conts)
		pause_ms(5);
	printf("continued\n");
	return 0;
}

static int left_behind(const char *milliseconds)
{
	if (fork() == 0) {
		pause_ms(atol(milliseconds));
		call();
		_exit(0);
	}
	return 5;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	sigset_t all;
	char buffer[256];
	ssize_t length;

	if (!strcmp(what, "start"))
		printf("constructed %d argc %d last %s path %d\n", constructed,
		    argc, argv[argc - 1], getenv("PATH") != NULL);
	else if (!strcmp(what, "call"))
		call();
	else if (!strcmp(what, "own"))
		printf("own %d\n", own_call() >= 0);
	else if (!strcmp(what, "handled"))
		signal(SIGABRT, on_abort), call();
	else if (!strcmp(what, "ignored"))
		signal(SIGABRT, SIG_IGN), call();
	else if (!strcmp(what, "blocked"))
		sigfillset(&all), sigprocmask(SIG_SETMASK, &all, NULL), call();
	else if (!strcmp(what, "sigsys"))
		signal(SIGSYS, on_sigsys), call();
	else if (!strcmp(what, "sigsys-ignored"))
		signal(SIGSYS, SIG_IGN), call();
	else if (!strcmp(what, "undumpable"))
		prctl(PR_SET_DUMPABLE, 0), signal(SIGABRT, SIG_IGN), call();
	else if (!strcmp(what, "race")) {
		pthread_t thread;
		pthread_create(&thread, NULL, abort_catcher, NULL);
		pause_ms(20);
		call();
	} else if (!strcmp(what, "no-stack")) {
		signal(SIGABRT, SIG_IGN);
		__asm__ volatile("mov $16, %%rsp\n\tmov $110, %%eax\n\tsyscall\n\t"
		                 "xor %%edi, %%edi\n\tmov $231, %%eax\n\tsyscall" : : : "memory");
	} else if (!strcmp(what, "int80")) {
		int result = 64;
		__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
		printf("int80 %d\n", result >= 0);
	} else if (!strcmp(what, "fork")) {
		pid_t child = fork();
		if (child == 0)
			call(), _exit(0);
		return child_ended(child);
	} else if (!strcmp(what, "vfork")) {
		pid_t child = vfork();
		if (child == 0) {
			execl("/proc/self/exe", "program", "call", (char *)0);
			_exit(127);
		}
		return child_ended(child);
	} else if (!strcmp(what, "exec"))
		execl("/proc/self/exe", "program", "call", (char *)0);
	else if (!strcmp(what, "thread")) {
		pthread_t thread;
		pthread_create(&thread, NULL, call_thread, NULL);
		pthread_join(thread, NULL);
	} else if (!strcmp(what, "constructed")) {
		go = 1;
		pause_ms(300);
		if (getenv("IS_CHILD"))
			call();
		else if (getenv("CONSTRUCTOR_FORK"))
			return child_ended(-1);
	} else if (!strcmp(what, "threads"))
		return threads();
	else if (!strcmp(what, "storm"))
		return storm();
	else if (!strcmp(what, "exit"))
		return atoi(argv[2]);
	else if (!strcmp(what, "signal"))
		raise(atoi(argv[2])), pause_ms(1000);
	else if (!strcmp(what, "term"))
		return terminated();
	else if (!strcmp(what, "cont"))
		return continued();
	else if (!strcmp(what, "behind"))
		return left_behind(argv[2]);
	else if (!strcmp(what, "copy"))
		while ((length = read(0, buffer, sizeof buffer)) > 0)
			fwrite(buffer, 1, length, stdout);
	else if (!strcmp(what, "tty"))
		printf("tty %d foreground %d\n", isatty(0), tcgetpgrp(0) == getpgrp());
	else
		return 64;
	return 0;
}
