/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first process of a virtual machine: runs the lines of /commands, writes
 * what they print to the console when all have ended, and turns the machine off.
 * A checksum follows, because others write to a console, too.
 *
 * The first command to fail is the last.  One that begins with "@TITLE" may
 * fail: the title stands above what it prints, errors among it.  A command's
 * words are divided by tabs, if there are any. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void mounted(const char *type, const char *where)
{
	mkdir(where, 0755);
	mount(type, where, type, 0, NULL);
}

static void loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/* What cksum(1) computes. */
static uint32_t summed(uint32_t sum, unsigned byte)
{
	int bit;
	sum ^= (uint32_t)byte << 24;
	for (bit = 0; bit < 8; bit++)
		sum = sum << 1 ^ (sum & 0x80000000u ? 0x04c11db7u : 0);
	return sum;
}

static void print(FILE *record, int status)
{
	unsigned long size = 0, n;
	uint32_t sum = 0;
	int byte;
	rewind(record);
	printf("\n@@begin@@\n");
	while ((byte = getc(record)) != EOF) {
		putchar(byte);
		sum = summed(sum, (unsigned)byte);
		size++;
	}
	for (n = size; n; n >>= 8)
		sum = summed(sum, n & 255);
	printf("@@end %d %lu %lu@@\n", status, (unsigned long)~sum & 0xffffffffu, size);
	fflush(stdout);
	tcdrain(1);
}

static int run(char *line, FILE *record)
{
	const char *between = strchr(line, '\t') ? "\t\n" : " \n";
	char *words[16], **command = words;
	int n = 0, status;
	pid_t child;
	for (words[n] = strtok(line, between); words[n] && n < 15; words[n] = strtok(NULL, between))
		n++;
	if (words[0][0] == '@')
		dprintf(fileno(record), "%s\n", *command++);
	child = fork();
	if (child == 0) {
		setsid();
		dup2(fileno(record), 1);
		if (command != words)
			dup2(fileno(record), 2);
		execv(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	while (waitpid(child, &status, 0) != child)
		;
	if (command != words)
		return 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	char line[512];
	int fd, status = 0;
	FILE *commands, *record;
	mounted("proc", "/proc");
	mounted("sysfs", "/sys");
	mounted("devtmpfs", "/dev");
	mounted("tmpfs", "/tmp");
	mounted("tmpfs", "/dev/shm");
	mounted("devpts", "/dev/pts");
	mounted("mqueue", "/dev/mqueue");
	fd = open("/dev/console", O_RDWR);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	loopback();
	setenv("PATH", "/bin", 1);
	setenv("HOME", "/", 1);
	commands = fopen("/commands", "re");
	record = fopen("/record", "w+e");
	while (status == 0 && commands && record && fgets(line, sizeof line, commands))
		status = run(line, record);
	if (record)
		print(record, status);
	reboot(RB_POWER_OFF);
	return 1;
}
