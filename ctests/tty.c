/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Terminals: what stdio may ask of one, what tty may do, and never TIOCSTI. */
#include "case.h"

#include <sys/ioctl.h>
#include <termios.h>

static int master;

/* A pseudo terminal that is the child's controlling one. */
static int terminal(void)
{
    int slave;

    master = posix_openpt(O_RDWR | O_NOCTTY);
    NEED("pseudo terminals", master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    NEED("pseudo terminals", slave >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
    signal(SIGTTOU, SIG_IGN);
    return slave;
}

#define ON_TTY(kind, id, words, ...)                                         \
    kind(id, words)                                                          \
    {                                                                        \
        int fd = terminal();                                                 \
        PLEDGE();                                                            \
        TRY(__VA_ARGS__);                                                    \
    }

static struct termios term;
static struct winsize size;
static char byte = 'x';
static int line;

ON_TTY(ALLOWED, isatty_stdio, "stdio", isatty(fd) == 1)
ALLOW(isatty_not, "stdio", isatty(0) == 0)
ON_TTY(ALLOWED, write_stdio, "stdio", write(fd, "x", 1) == 1 && read(master, &byte, 1) == 1)
ON_TTY(ALLOWED, printf_stdio, "stdio", dprintf(fd, "%d\n", 1) == 2)
ON_TTY(ALLOWED, tcgetattr_tty, "stdio tty", tcgetattr(fd, &term) == 0)
ON_TTY(ALLOWED, tcsetattr_tty, "stdio tty",
       tcgetattr(fd, &term) == 0 && tcsetattr(fd, TCSANOW, &term) == 0)
ON_TTY(ALLOWED, tcsetattr_flush_tty, "stdio tty",
       tcgetattr(fd, &term) == 0 && tcsetattr(fd, TCSAFLUSH, &term) == 0)
DENIED(tcsetattr_stdio, "stdio")
{
    int fd = terminal();

    MUST(tcgetattr(fd, &term) == 0);
    PLEDGE();
    TRY(tcsetattr(fd, TCSANOW, &term) == 0);
}
ON_TTY(ALLOWED, winsize_tty, "stdio tty", ioctl(fd, TIOCGWINSZ, &size) == 0)
ON_TTY(ALLOWED, set_winsize_tty, "stdio tty", ioctl(fd, TIOCSWINSZ, &size) == 0)
ON_TTY(DENIED, set_winsize_stdio, "stdio", ioctl(fd, TIOCSWINSZ, &size) == 0)
ON_TTY(ALLOWED, tcflush_tty, "stdio tty", tcflush(fd, TCIOFLUSH) == 0)
ON_TTY(ALLOWED, tcgetpgrp_tty, "stdio tty", tcgetpgrp(fd) == getpgrp())
ON_TTY(ALLOWED, tcsetpgrp_proc, "stdio tty proc", tcsetpgrp(fd, getpgrp()) == 0)
ON_TTY(DENIED, tcsetpgrp_tty, "stdio tty", tcsetpgrp(fd, getpgrp()) == 0)

/* Typing for the user: no promise grants it. */
#define EVERYTHING "stdio rpath wpath cpath dpath fattr tty proc exec id"
ON_TTY(DENIED, tiocsti_stdio, "stdio", ioctl(fd, TIOCSTI, &byte) == 0)
ON_TTY(DENIED, tiocsti_all, EVERYTHING, ioctl(fd, TIOCSTI, &byte) == 0)
ON_TTY(DENIED, tiocsti_high_bits, EVERYTHING,
       syscall(SYS_ioctl, fd, 0x100000000 | TIOCSTI, &byte) == 0)
PROBE(tioclinux, EVERYTHING, ENOTTY, ioctl(0, 0x541C, &byte) == 0)
ON_TTY(DENIED, tiocsetd, EVERYTHING, ioctl(fd, 0x5423, &line) == 0)
PROBE(tiocnxcl_stdio, "stdio", ENOTTY, ioctl(0, TIOCEXCL) == 0)

/* Device controls of all kinds are not stdio's. */
PROBE(fs_ioc_getflags, "stdio rpath", ENOTTY, ioctl(0, 0x80086601, &line) == 0)
PROBE(ioctl_unknown, EVERYTHING, ENOTTY, ioctl(0, 0x12345678, &line) == 0)
ALLOW(fioclex, "stdio", ioctl(0, FIOCLEX) == 0 && ioctl(0, FIONCLEX) == 0)

/* Opening a terminal's other side */
static int opens_terminal(void)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);

    return fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0 && ptsname(fd) != NULL;
}
ALLOWED(pty_tty, "stdio rpath wpath tty")
{
    NEED("pseudo terminals", opens_terminal());
    PLEDGE();
    TRY(opens_terminal());
}
DENIED(pty_without_tty, "stdio rpath wpath")
{
    NEED("pseudo terminals", opens_terminal());
    PLEDGE();
    TRY(opens_terminal());
}
