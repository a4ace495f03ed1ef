/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first process of a virtual machine: runs the lines of /commands, tells
 * their statuses on the console, and turns the machine off. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <net/if.h>
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

static int run(char *line)
{
	char *words[16];
	int n = 0, status;
	pid_t child;
	for (words[n] = strtok(line, " \n"); words[n] && n < 15; words[n] = strtok(NULL, " \n"))
		n++;
	child = fork();
	if (child == 0) {
		setsid();
		execv(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	while (waitpid(child, &status, 0) != child)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	char line[512];
	int fd, status = 0;
	FILE *commands;
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
	printf("\n@@begin@@\n");
	commands = fopen("/commands", "r");
	while (status == 0 && commands && fgets(line, sizeof line, commands)) {
		fflush(stdout);
		status = run(line);
	}
	printf("\n@@end %d@@\n", status);
	fflush(stdout);
	tcdrain(1);
	reboot(RB_POWER_OFF);
	return 1;
}
