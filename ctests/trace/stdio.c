/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams, formatting, memory, strings, time, locale. */
#include "trace.h"

#include <fcntl.h>
#include <iconv.h>
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

CASE(fopen_, "fopen fclose") { FILE *f; BEGIN; f = fopen("/etc/passwd", "r"); fclose(f); END; }
CASE(fopen_encoded, "fopen") { BEGIN; USE(fopen("/etc/passwd", "r,ccs=UTF-8")); END; }
CASE(fclose_written, "fclose") { FILE *f = stream("w"); fputs("x", f); BEGIN; fclose(f); END; }
CASE(fdopen_, "fdopen fclose") { int fd = open("/dev/null", O_RDWR); BEGIN; fclose(fdopen(fd, "w")); END; }
CASE(freopen_, "freopen") { FILE *f = stream("r"); BEGIN; USE(freopen("/etc/passwd", "r", f)); END; }
CASE(fgets_, "fgets") { FILE *f = stream("r"); BEGIN; USE(fgets(buffer, 100, f)); END; }
CASE(fgetc_, "fgetc ungetc feof ferror") { FILE *f = stream("r"); BEGIN; ungetc(fgetc(f), f); feof(f); ferror(f); END; }
CASE(fread_, "fread") { FILE *f = stream("r"); BEGIN; USE(fread(buffer, 1, 8000, f)); END; }
CASE(fwrite_, "fwrite") { FILE *f = stream("w"); BEGIN; USE(fwrite(buffer, 1, 8000, f)); END; }
CASE(fputs_, "fputs fflush") { FILE *f = stream("w"); BEGIN; fputs("x", f); fflush(f); END; }
CASE(fflush_all, "fflush") { FILE *f = stream("w"); fputs("x", f); BEGIN; fflush(NULL); END; }
CASE(fputc_, "fputc") { FILE *f = stream("w"); setbuf(f, NULL); BEGIN; fputc('x', f); END; }
CASE(puts_, "puts") { USE(freopen("/dev/null", "w", stdout)); BEGIN; puts("x"); END; }
CASE(fseek_, "fseek ftell rewind") { FILE *f = stream("r+"); BEGIN; fseek(f, 3, SEEK_SET); ftell(f); rewind(f); END; }
CASE(fseek_written, "fseek fputs") { FILE *f = stream("r+"); BEGIN; fputs("x", f); fseek(f, 0, SEEK_END); END; }
CASE(setvbuf_, "setvbuf") { FILE *f = stream("r"); BEGIN; setvbuf(f, NULL, _IOLBF, 0); END; }
CASE(getline_, "getline") { FILE *f = stream("r"); char *l = NULL; size_t n = 0; BEGIN; USE(getline(&l, &n, f)); END; }
CASE(fscanf_, "fscanf") { FILE *f = stream("r"); int i; double d; BEGIN; USE(fscanf(f, "%99s %d %lf", buffer, &i, &d)); END; }
CASE(sscanf_, "sscanf") { int i; BEGIN; USE(sscanf("12", "%d", &i)); END; }
CASE(printf_, "printf") { USE(freopen("/dev/null", "w", stdout)); BEGIN; printf("%d %s\n", 1, "x"); END; }
CASE(printf_float, "printf") { USE(freopen("/dev/null", "w", stdout)); BEGIN; printf("%.300f %Lg %a\n", 1.5, 2.5L, 3.5); END; }
CASE(fprintf_wide, "fprintf") { FILE *f = stream("w"); setlocale(LC_ALL, "C.UTF-8"); BEGIN; fprintf(f, "%ls %lc", L"wide", L'x'); END; }
CASE(fprintf_unbuffered, "fprintf") { BEGIN; fprintf(stderr, "%s", ""); END; }
CASE(snprintf_, "snprintf") { BEGIN; snprintf(buffer, 100, "%d %5.2f", 1, 2.0); END; }
CASE(snprintf_large, "snprintf") { BEGIN; snprintf(buffer, 8000, "%*d", 7000, 1); END; }
CASE(dprintf_, "dprintf") { int fd = open("/dev/null", O_WRONLY); BEGIN; dprintf(fd, "%d", 1); END; }
CASE(asprintf_, "asprintf") { char *s; BEGIN; USE(asprintf(&s, "%d", 1)); END; }
CASE(fwprintf_, "fwprintf") { FILE *f = stream("w"); BEGIN; fwprintf(f, L"%d", 1); fflush(f); END; }
CASE(fgetws_, "fgetws") { FILE *f = stream("r"); setlocale(LC_ALL, "C.UTF-8"); BEGIN; USE(fgetws((wchar_t *)buffer, 100, f)); END; }
CASE(perror_, "perror") { USE(freopen("/dev/null", "w", stderr)); BEGIN; perror("x"); END; }
CASE(strerror_, "strerror") { BEGIN; USE(strerror(2)); USE(strerror(12345)); END; }
CASE(tmpfile_, "tmpfile") { BEGIN; USE(tmpfile()); END; }
CASE(memstream, "open_memstream fputs fclose") { char *s; size_t n; FILE *f; BEGIN; f = open_memstream(&s, &n); fputs("x", f); fclose(f); END; }
CASE(fmemopen_, "fmemopen fgets fclose") { char s[] = "line\n"; FILE *f; BEGIN; f = fmemopen(s, 5, "r"); USE(fgets(buffer, 5, f)); fclose(f); END; }
CASE(flockfile_, "flockfile funlockfile") { BEGIN; flockfile(stdout); funlockfile(stdout); END; }

CASE(malloc_, "malloc") { BEGIN; USE(malloc(100)); END; }
CASE(malloc_large, "malloc free") { void *p; BEGIN; p = malloc(10 << 20); USE(p); free(p); END; }
CASE(malloc_many, "malloc free")
{
	static void *p[2000];
	int i;
	BEGIN;
	for (i = 0; i < 2000; i++) p[i] = malloc(5000);
	for (i = 0; i < 2000; i++) free(p[i]);
	END;
}
CASE(realloc_, "malloc realloc") { void *p; BEGIN; p = malloc(1 << 20); p = realloc(p, 4 << 20); USE(p); END; }
CASE(calloc_, "calloc") { BEGIN; USE(calloc(1000, 1000)); END; }
CASE(posix_memalign_, "posix_memalign") { void *p; BEGIN; USE(posix_memalign(&p, 4096, 8192)); END; }
CASE(strings, "strlen memcpy strchr strcmp memset strtol")
{
	BEGIN;
	USE(strlen(name)); memcpy(buffer, buffer + 100, 50); USE(strchr(buffer, 'x'));
	USE(strcmp(buffer, name)); memset(buffer, 0, 10); USE(strtol("12", NULL, 10));
	END;
}
CASE(strdup_, "strdup") { BEGIN; USE(strdup("text")); END; }
CASE(getenv_, "getenv setenv") { BEGIN; USE(getenv("HOME")); setenv("TRACE", "1", 1); END; }
static int order(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
CASE(qsort_, "qsort") { static int a[50]; BEGIN; qsort(a, 50, sizeof *a, order); END; }
CASE(qsort_large, "qsort") { static int a[500000]; BEGIN; qsort(a, 500000, sizeof *a, order); END; }
CASE(tsearch_, "tsearch") { static int k; void *root = NULL; BEGIN; USE(tsearch(&k, &root, order)); END; }
CASE(hcreate_, "hcreate hdestroy") { BEGIN; hcreate(100); hdestroy(); END; }
CASE(random_, "srandom random rand") { BEGIN; srandom(1); USE(random()); USE(rand()); END; }

CASE(setlocale_, "setlocale") { BEGIN; USE(setlocale(LC_ALL, "C.UTF-8")); END; }
CASE(setlocale_missing, "setlocale") { BEGIN; USE(setlocale(LC_ALL, "xx_YY.UTF-8")); END; }
CASE(newlocale_, "newlocale freelocale") { locale_t l; BEGIN; l = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0); if (l) freelocale(l); END; }
CASE(nl_langinfo_, "nl_langinfo") { BEGIN; USE(nl_langinfo(CODESET)); END; }
CASE(mbstowcs_, "mbstowcs wcstombs") { wchar_t w[20]; setlocale(LC_ALL, "C.UTF-8"); BEGIN; USE(mbstowcs(w, "text", 20)); USE(wcstombs(buffer, w, 20)); END; }
CASE(iconv_utf16, "iconv_open iconv iconv_close")
{
	char in[] = "text", *i = in, *o = buffer;
	size_t n = 4, m = 100;
	iconv_t c;
	BEGIN; c = iconv_open("UTF-16", "UTF-8"); iconv(c, &i, &n, &o, &m); iconv_close(c); END;
}
CASE(iconv_plugin, "iconv_open iconv_close") { iconv_t c; BEGIN; c = iconv_open("KOI8-R", "UTF-8"); if (c != (iconv_t)-1) iconv_close(c); END; }
CASE(gettext_, "bindtextdomain textdomain gettext")
{
	setlocale(LC_ALL, "C.UTF-8");
	setenv("LANGUAGE", "de", 1);
	BEGIN; bindtextdomain("trace", "/usr/share/locale"); textdomain("trace"); USE(gettext("text")); END;
}

CASE(time_, "time gettimeofday clock_gettime") { struct timeval t; struct timespec s; BEGIN; time(NULL); gettimeofday(&t, NULL); clock_gettime(CLOCK_MONOTONIC, &s); END; }
CASE(clock_, "clock clock_getres") { struct timespec s; BEGIN; USE(clock()); clock_getres(CLOCK_REALTIME, &s); END; }
CASE(localtime_, "localtime") { time_t t = 0; BEGIN; USE(localtime(&t)); END; }
CASE(localtime_zone, "localtime") { time_t t = 0; setenv("TZ", "Europe/Berlin", 1); BEGIN; USE(localtime(&t)); END; }
CASE(mktime_, "mktime") { struct tm t = { 0 }; BEGIN; mktime(&t); END; }
CASE(strftime_, "gmtime strftime") { time_t t = 0; BEGIN; USE(strftime(buffer, 100, "%c %Z", gmtime(&t))); END; }
CASE(tzset_, "tzset") { BEGIN; tzset(); END; }
CASE(ctime_, "ctime") { time_t t = 0; BEGIN; USE(ctime(&t)); END; }
CASE(nanosleep_, "nanosleep") { struct timespec t = { 0, 1000 }; BEGIN; nanosleep(&t, NULL); END; }
CASE(clock_nanosleep_, "clock_nanosleep") { struct timespec t = { 0, 1000 }; BEGIN; clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); END; }
CASE(usleep_, "usleep") { BEGIN; usleep(10); END; }
CASE(sleep_, "sleep") { BEGIN; sleep(0); END; }
