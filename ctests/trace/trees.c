/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Directories, names, and files that a libc reads. */
#include "trace.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <mntent.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <resolv.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

CASE(readdir_more, "readdir_r dirfd") { DIR *d = opendir("/etc"); struct { struct dirent e; char more[256]; } e; struct dirent *r; BEGIN; readdir_r(d, &e.e, &r); dirfd(d); END; }
CASE(scandirat_, "scandirat") { NEED(int, scandirat, (int, const char *, void ***, void *, void *)); void **l; BEGIN; p_scandirat(AT_FDCWD, "/etc", &l, NULL, NULL); END; }
CASE(fts_, "fts_open fts_read fts_children fts_close")
{
	NEED(void *, fts_open, (char *const *, int, void *));
	NEED(void *, fts_read, (void *));
	NEED(void *, fts_children, (void *, int));
	NEED(int, fts_close, (void *));
	char *paths[] = { "/etc", NULL };
	int n = 40, physical = 0x10;
	void *f;
	BEGIN;
	f = p_fts_open(paths, physical, NULL);
	USE(p_fts_read(f));
	USE(p_fts_children(f, 0));
	while (n-- && p_fts_read(f))
		;
	p_fts_close(f);
	END;
}
CASE(fts64_, "fts64_open fts64_read")
{
	NEED(void *, fts64_open, (char *const *, int, void *));
	NEED(void *, fts64_read, (void *));
	char *paths[] = { "/etc", NULL };
	void *f;
	int n = 40;
	BEGIN; f = p_fts64_open(paths, 0x10, NULL); while (n-- && p_fts64_read(f)) ; END;
}
CASE(canonical, "canonicalize_file_name") { NEED(char *, canonicalize_file_name, (const char *)); BEGIN; USE(p_canonicalize_file_name("/proc/self/cwd/../etc/passwd")); END; }
CASE(directory, "get_current_dir_name") { BEGIN; USE(get_current_dir_name()); END; }
CASE(directory_old, "getwd") { NEED(char *, getwd, (char *)); BEGIN; USE(p_getwd(buffer)); END; }
CASE(realpath_none, "realpath") { BEGIN; USE(realpath("/no/such/../name", NULL)); USE(realpath("etc", buffer)); END; }
CASE(getcwd_deep, "getcwd")
{
	mkdir(TMP "trace-deep", 0700);
	USE(chdir(TMP "trace-deep"));
	rmdir("../trace-deep");
	BEGIN; USE(getcwd(buffer, sizeof buffer)); USE(getcwd(NULL, 0)); END;
}
CASE(ftok_, "ftok") { BEGIN; ftok("/etc", 1); END; }
CASE(mounts, "setmntent getmntent getmntent_r")
{
	struct mntent m;
	FILE *f;
	BEGIN; f = setmntent("/proc/mounts", "r"); USE(getmntent(f)); USE(getmntent_r(f, &m, buffer, 1000)); END;
}
CASE(shells, "getusershell") { NEED(char *, getusershell, (void)); BEGIN; USE(p_getusershell()); END; }
CASE(fstab, "getfsent") { NEED(void *, getfsent, (void)); BEGIN; USE(p_getfsent()); END; }
CASE(objects, "dlopen dlvsym")
{
	NEED(void *, dlvsym, (void *, const char *, const char *));
	void *h;
	BEGIN; h = dlopen(NULL, RTLD_NOW); USE(p_dlvsym(h, "read", "NONE")); END;
}
CASE(namespace, "dlmopen") { NEED(void *, dlmopen, (long, const char *, int)); BEGIN; USE(p_dlmopen(0, "libutil.so.1", RTLD_NOW)); END; }
static int object(struct dl_phdr_info *i, size_t n, void *p) { (void)i; (void)n; (void)p; return 0; }
CASE(headers, "dl_iterate_phdr") { BEGIN; dl_iterate_phdr(object, NULL); END; }

CASE(passwd_thread, "getpwnam_r getpwuid_r getgrnam_r getgrgid_r")
{
	struct passwd p, *r; struct group g, *q;
	BEGIN;
	getpwnam_r("root", &p, buffer, 4000, &r); getpwuid_r(0, &p, buffer, 4000, &r);
	getgrnam_r("root", &g, buffer, 4000, &q); getgrgid_r(0, &g, buffer, 4000, &q);
	END;
}
CASE(group_list, "setgrent getgrent endgrent") { BEGIN; setgrent(); USE(getgrent()); endgrent(); END; }
CASE(shadow, "getspnam") { BEGIN; USE(getspnam("root")); END; }
CASE(host_address, "gethostbyaddr") { struct in_addr a = { htonl(INADDR_LOOPBACK) }; BEGIN; USE(gethostbyaddr(&a, sizeof a, AF_INET)); END; }
CASE(host_two, "gethostbyname2") { BEGIN; USE(gethostbyname2("localhost", AF_INET6)); END; }
CASE(services, "getservbyport getprotobyname getprotobynumber") { BEGIN; USE(getservbyport(htons(80), "tcp")); USE(getprotobyname("tcp")); USE(getprotobynumber(6)); END; }
CASE(host_service, "getaddrinfo freeaddrinfo")
{
	struct addrinfo h = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_CANONNAME }, *a = NULL;
	BEGIN; if (!getaddrinfo("localhost", "http", &h, &a)) freeaddrinfo(a); END;
}
CASE(name_of, "getnameinfo")
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(80);
	BEGIN; getnameinfo((struct sockaddr *)&a, sizeof a, buffer, 100, buffer + 100, 100, NI_NUMERICHOST); END;
}
CASE(resolver, "res_query") { NEED(int, res_query, (const char *, int, int, unsigned char *, int)); BEGIN; USE(p_res_query("no-such-host.invalid", 1, 1, (unsigned char *)buffer, 500)); END; }
CASE(interface, "if_indextoname") { BEGIN; USE(if_indextoname(1, buffer)); END; }
CASE(log_plain, "syslog") { BEGIN; syslog(LOG_DEBUG, "%m"); END; }
CASE(log_open, "openlog syslog") { BEGIN; openlog("trace", LOG_NDELAY | LOG_PID, LOG_DAEMON); syslog(LOG_DEBUG, "%s", "trace"); END; }
