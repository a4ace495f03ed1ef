/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Clocks, timers and signals. */
#include "trace.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <time.h>
#include <unistd.h>

static void caught(int signal) { (void)signal; }

CASE(cpu_clock, "clock_getcpuclockid") { clockid_t c; BEGIN; clock_getcpuclockid(0, &c); END; }
CASE(cpu_clock_other, "clock_getcpuclockid") { clockid_t c; BEGIN; clock_getcpuclockid(1, &c); END; }
CASE(timespec, "timespec_get") { struct timespec t; BEGIN; timespec_get(&t, TIME_UTC); END; }
CASE(calendar, "localtime_r gmtime_r asctime ctime_r difftime")
{
	time_t t = 0;
	struct tm m;
	BEGIN; localtime_r(&t, &m); gmtime_r(&t, &m); USE(asctime(&m)); USE(ctime_r(&t, buffer)); USE(difftime(t, 0) > 0); END;
}
CASE(timegm_, "timegm strptime") { struct tm m = { .tm_mday = 1 }; BEGIN; timegm(&m); USE(strptime("2026-11-22", "%Y-%m-%d", &m)); END; }
CASE(timelocal_, "timelocal") { NEED(time_t, timelocal, (struct tm *)); struct tm m = { .tm_mday = 1 }; BEGIN; p_timelocal(&m); END; }
CASE(ftime_, "ftime") { NEED(int, ftime, (void *)); BEGIN; p_ftime(buffer); END; }
CASE(clock_process, "clock_gettime clock_getres") { struct timespec t; BEGIN; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); clock_gettime(CLOCK_REALTIME_COARSE, &t); clock_getres(CLOCK_THREAD_CPUTIME_ID, &t); END; }

CASE(itimer, "setitimer getitimer ualarm") { struct itimerval v = { { 0, 0 }, { 10, 0 } }; BEGIN; setitimer(ITIMER_REAL, &v, NULL); getitimer(ITIMER_REAL, &v); ualarm(0, 0); END; }
CASE(timer_more, "timer_gettime timer_getoverrun")
{
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	struct itimerspec v;
	timer_t t;
	timer_create(CLOCK_MONOTONIC, &e, &t);
	BEGIN; timer_gettime(t, &v); timer_getoverrun(t); END;
}

CASE(mask, "pthread_sigmask") { sigset_t s; sigemptyset(&s); BEGIN; pthread_sigmask(SIG_BLOCK, &s, NULL); END; }
static void queued(sigset_t *s)
{
	sigemptyset(s);
	sigaddset(s, SIGUSR1);
	sigaddset(s, SIGUSR2);
	sigprocmask(SIG_BLOCK, s, NULL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
}
CASE(waitinfo, "sigwaitinfo sigtimedwait") { sigset_t s; siginfo_t i; struct timespec t = { 1, 0 }; queued(&s); BEGIN; sigwaitinfo(&s, &i); sigtimedwait(&s, &i, &t); END; }
CASE(interrupt, "siginterrupt") { BEGIN; siginterrupt(SIGUSR1, 1); END; }
CASE(hold, "sighold sigrelse sigset")
{
	NEED(int, sighold, (int));
	NEED(int, sigrelse, (int));
	NEED(void *, sigset, (int, void (*)(int)));
	BEGIN; p_sighold(SIGUSR1); p_sigrelse(SIGUSR1); p_sigset(SIGUSR1, caught); END;
}
CASE(sigpause_, "sigpause") { NEED(int, sigpause, (int)); signal(SIGALRM, caught); ualarm(20000, 20000); BEGIN; p_sigpause(SIGALRM); END; }
CASE(gsignal_, "gsignal") { NEED(int, gsignal, (int)); signal(SIGUSR1, caught); BEGIN; p_gsignal(SIGUSR1); END; }
CASE(sigblock_, "sigblock sigsetmask") { NEED(int, sigblock, (int)); NEED(int, sigsetmask, (int)); BEGIN; p_sigblock(0); p_sigsetmask(0); END; }
CASE(queue, "sigqueue") { union sigval v = { 0 }; signal(SIGUSR1, caught); BEGIN; sigqueue(getpid(), SIGUSR1, v); END; }
CASE(group, "killpg getpgrp") { BEGIN; killpg(getpgrp(), 0); END; }
CASE(jump, "setjmp longjmp") { jmp_buf b; BEGIN; if (!setjmp(b)) longjmp(b, 1); END; }
CASE(jump_plain, "_setjmp longjmp") { jmp_buf b; BEGIN; if (!_setjmp(b)) longjmp(b, 1); END; }
CASE(jump_own, "__sigsetjmp siglongjmp") { NEED(int, __sigsetjmp, (void *, int)); sigjmp_buf b; BEGIN; if (!sigsetjmp(b, 1)) siglongjmp(b, 1); END; }
/* What fortified programs link longjmp() to: it looks at the stack first. */
CASE(jump_checked, "__sigsetjmp __longjmp_chk")
{
	NEED(void, __longjmp_chk, (void *, int));
	sigjmp_buf b;
	BEGIN; if (!sigsetjmp(b, 1)) p___longjmp_chk(b, 1); END;
}
