/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* More of streams, wide characters, strings, patterns and options. */
#include "trace.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <netdb.h>
#include <nl_types.h>
#include <regex.h>
#include <search.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <wchar.h>
#include <wordexp.h>

/* Calls a function that takes the arguments as a list. */
#define LISTED(name, result, type, call)                                      \
	static result name(type first, const char *format, ...)               \
	{                                                                     \
		va_list list;                                                 \
		va_start(list, format);                                       \
		call;                                                         \
		va_end(list);                                                 \
	}

LISTED(list_printf, void, int, vprintf(format, list))
LISTED(list_fprintf, void, FILE *, vfprintf(first, format, list))
LISTED(list_dprintf, void, int, vdprintf(first, format, list))
LISTED(list_snprintf, void, size_t, vsnprintf(buffer, first, format, list))
LISTED(list_asprintf, void, char **, vasprintf(first, format, list))
LISTED(list_scanf, void, FILE *, vfscanf(first, format, list))
LISTED(list_warn, void, int, vwarn(format, list))
LISTED(list_warnx, void, int, vwarnx(format, list))
LISTED(list_err, void, int, verr(first, format, list))
static void list_wide(FILE *f, const wchar_t *format, ...)
{
	va_list list;
	va_start(list, format);
	vfwprintf(f, format, list);
	va_end(list);
}

CASE(vprintf_, "vprintf fflush") { BEGIN; list_printf(0, "%d\n", 1); fflush(stdout); END; }
CASE(vfprintf_, "vfprintf fflush") { FILE *f = stream("w"); BEGIN; list_fprintf(f, "%d %s %f\n", 1, "x", 2.5); fflush(f); END; }
CASE(printf_mebibyte, "fprintf") { FILE *f = stream("w"); BEGIN; fprintf(f, "%*d", 1 << 20, 1); END; }
CASE(printf_place, "fprintf") { FILE *f = stream("w"); BEGIN; fprintf(f, "%2$*1$d %3$.200f", 70000, 5, 1e300); END; }
CASE(vdprintf_, "vdprintf") { BEGIN; list_dprintf(1, "%d", 1); END; }
CASE(sprintf_, "sprintf vsnprintf vasprintf") { char *s; BEGIN; sprintf(buffer, "%d", 1); list_snprintf(100, "%d", 1); list_asprintf(&s, "%5000d", 1); END; }
CASE(scanf_, "scanf vfscanf") { FILE *f = stream("r"); int i; BEGIN; USE(scanf("%d", &i)); list_scanf(f, "%99s", buffer); END; }
CASE(scanf_long, "fscanf") { FILE *f = stream("r"); char *s; BEGIN; USE(fscanf(f, "%ms", &s)); END; }
CASE(wprintf_, "wprintf putwchar") { BEGIN; wprintf(L"%d\n", 1); putwchar(L'x'); END; }
CASE(vfwprintf_, "vfwprintf fputwc fputws fflush") { FILE *f = stream("w"); BEGIN; list_wide(f, L"%d", 1); fputwc(L'x', f); fputws(L"xy", f); fflush(f); END; }
CASE(swprintf_, "swprintf") { BEGIN; swprintf((wchar_t *)buffer, 100, L"%d", 1); END; }
CASE(fgetwc_, "fgetwc getwchar fwide") { FILE *f = stream("r"); BEGIN; fwide(f, 1); fgetwc(f); getwchar(); END; }
CASE(putc_, "putc putchar fflush") { FILE *f = stream("w"); BEGIN; putc('x', f); putchar('x'); fflush(NULL); END; }
CASE(getc_, "getc getchar getdelim") { FILE *f = stream("r"); char *l = NULL; size_t n = 0; BEGIN; getc(f); getchar(); USE(getdelim(&l, &n, ' ', f)); END; }
CASE(gets_, "gets") { NEED(char *, gets, (char *)); BEGIN; USE(p_gets(buffer)); END; }
CASE(seeko, "fseeko ftello fgetpos fsetpos") { FILE *f = stream("r+"); fpos_t p; BEGIN; fseeko(f, 3, SEEK_SET); ftello(f); fgetpos(f, &p); fsetpos(f, &p); END; }
CASE(setbuf_, "setbuf setlinebuf clearerr fileno") { FILE *f = stream("r"); BEGIN; setbuf(f, NULL); setlinebuf(f); clearerr(f); fileno(f); END; }
CASE(wmemstream, "open_wmemstream fputws fclose") { wchar_t *s; size_t n; FILE *f; BEGIN; f = open_wmemstream(&s, &n); fputws(L"x", f); fclose(f); END; }
CASE(psignal_, "psignal strsignal") { BEGIN; psignal(SIGUSR1, "x"); USE(strsignal(SIGUSR1)); USE(strsignal(1000)); END; }
CASE(warn_, "warn warnx vwarn") { BEGIN; warn("%s", "x"); warnx("%s", "x"); list_warn(0, "%s", "x"); END; }
LAST(err_, "err") { BEGIN; err(0, "%s", "x"); }
LAST(errx_, "errx") { BEGIN; errx(0, "%s", "x"); }
LAST(verr_, "verr") { BEGIN; list_err(0, "%s", "x"); }
CASE(error_, "error") { NEED(void, error, (int, int, const char *, ...)); BEGIN; p_error(0, ENOENT, "%s", "x"); END; }
CASE(strerror_thread, "strerror_r gai_strerror") { BEGIN; USE((long)strerror_r(12345, buffer, 100)); USE(gai_strerror(EAI_AGAIN)); END; }
CASE(temporary, "tmpnam tempnam mktemp")
{
	NEED(char *, tmpnam, (char *));
	NEED(char *, tempnam, (const char *, const char *));
	NEED(char *, mktemp, (char *));
	char t[] = TMP "trace-XXXXXX";
	BEGIN; USE(p_tmpnam(buffer)); USE(p_tempnam("/tmp", "t")); USE(p_mktemp(t)); END;
}
CASE(mkostemp_, "mkostemp mkstemps mkostemps unlink")
{
	char a[] = TMP "trace-XXXXXX", b[] = TMP "trace-XXXXXXs", c[] = TMP "trace-XXXXXXs";
	BEGIN; mkostemp(a, O_CLOEXEC); mkstemps(b, 1); mkostemps(c, 1, O_CLOEXEC); unlink(a); unlink(b); unlink(c); END;
}

CASE(wide, "mbrtowc wcrtomb mbsrtowcs btowc")
{
	const char *s = "text";
	wchar_t w[8];
	mbstate_t m;
	setlocale(LC_ALL, "C.UTF-8");
	memset(&m, 0, sizeof m);
	BEGIN; mbrtowc(w, "\303\244", 2, &m); wcrtomb(buffer, 0xe4, &m); mbsrtowcs(w, &s, 8, &m); btowc('x'); END;
}
CASE(locale_more, "localeconv uselocale") { BEGIN; localeconv(); uselocale((locale_t)0); uselocale(LC_GLOBAL_LOCALE); END; }
CASE(dcgettext_, "dcgettext") { setlocale(LC_ALL, "C.UTF-8"); setenv("LANGUAGE", "de", 1); BEGIN; USE(dcgettext("trace", "text", LC_MESSAGES)); END; }
CASE(catalog, "catopen catgets catclose")
{
	nl_catd c;
	BEGIN; c = catopen("/tmp/no-such-catalog", 0); if (c != (nl_catd)-1) { USE(catgets(c, 1, 1, "x")); catclose(c); } END;
}
CASE(regcomp_, "regcomp regexec") { regex_t r; BEGIN; regcomp(&r, "(a|b)*c[[:alpha:]]+", REG_EXTENDED); regexec(&r, "ababcx", 0, NULL, 0); END; }
CASE(regcomp_wide, "regcomp regexec") { regex_t r; setlocale(LC_ALL, "C.UTF-8"); BEGIN; regcomp(&r, "\\(.*\\)\\1", REG_ICASE); regexec(&r, "abab", 0, NULL, 0); END; }
CASE(fnmatch_, "fnmatch") { BEGIN; fnmatch("*.[ch]", "trace.c", 0); END; }
CASE(wordexp_, "wordexp wordfree") { wordexp_t w; setenv("HOME", "/root", 1); BEGIN; if (!wordexp("~/x $HOME /etc/p*", &w, 0)) wordfree(&w); END; }
CASE(wordexp_command, "wordexp") { wordexp_t w; BEGIN; wordexp("$(true)", &w, 0); END; }
static char *arguments[] = { "trace", "-a", "--long=1", NULL };
CASE(getopt_, "getopt getopt_long getopt_long_only")
{
	static const struct option o[] = { { "long", 1, NULL, 'l' }, { 0 } };
	BEGIN;
	getopt(3, arguments, "a");
	getopt_long(3, arguments, "a", o, NULL);
	getopt_long_only(3, arguments, "a", o, NULL);
	END;
}
CASE(getopt_wrong, "getopt") { BEGIN; getopt(3, arguments, "b"); END; }
CASE(getsubopt_, "getsubopt strtod") { char t[] = "ro,size=1", *s = t, *v; char *const k[] = { "ro", "size", NULL }; BEGIN; getsubopt(&s, k, &v); USE(strtod("1e300", NULL) > 0); END; }
static int order(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int order_with(const void *a, const void *b, void *c) { (void)c; return order(a, b); }
CASE(qsort_r_, "qsort_r") { NEED(void, qsort_r, (void *, size_t, size_t, void *, void *)); static int a[500000]; BEGIN; p_qsort_r(a, 500000, sizeof *a, order_with, NULL); END; }
CASE(search, "bsearch lfind hsearch insque")
{
	static int a[3] = { 1, 2, 3 };
	struct { void *next, *before; } e;
	size_t n = 3;
	ENTRY h = { "k", NULL };
	hcreate(10);
	BEGIN; USE(bsearch(a, a, 3, sizeof *a, order)); USE(lfind(a, a, &n, sizeof *a, order)); USE(hsearch(h, ENTER)); insque(&e, NULL); END;
}
CASE(environment, "putenv unsetenv secure_getenv clearenv getauxval") { static char e[] = "TRACE=1"; BEGIN; putenv(e); unsetenv("TRACE"); USE(secure_getenv("HOME")); clearenv(); getauxval(AT_PAGESZ); END; }
CASE(addresses, "inet_ntop inet_pton") { BEGIN; inet_pton(AF_INET6, "::1", buffer); USE(inet_ntop(AF_INET6, buffer, buffer + 100, 100)); END; }
CASE(drand, "drand48") { BEGIN; USE(drand48() > 0); END; }
CASE(allocators, "aligned_alloc memalign valloc reallocarray malloc_usable_size")
{
	NEED(void *, memalign, (size_t, size_t));
	NEED(void *, valloc, (size_t));
	NEED(void *, reallocarray, (void *, size_t, size_t));
	NEED(size_t, malloc_usable_size, (void *));
	BEGIN; USE(aligned_alloc(64, 1 << 20)); USE(p_memalign(4096, 8192)); USE(p_valloc(1 << 18)); p_malloc_usable_size(p_reallocarray(NULL, 1000, 1000)); END;
}
CASE(trim, "malloc free malloc_trim") { NEED(int, malloc_trim, (size_t)); void *p; BEGIN; p = malloc(100000); USE(p); free(p); p_malloc_trim(0); END; }
CASE(errno_, "__errno_location") { NEED(int *, __errno_location, (void)); BEGIN; USE(p___errno_location()); END; }
CASE(backtrace_, "backtrace backtrace_symbols_fd") { NEED(int, backtrace, (void **, int)); NEED(void, backtrace_symbols_fd, (void *const *, int, int)); void *p[8]; int n; BEGIN; n = p_backtrace(p, 8); p_backtrace_symbols_fd(p, n, 1); END; }
