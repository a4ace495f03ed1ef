/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two things that are told apart by their promises: rpath and inet. */
#ifndef TWO_H
#define TWO_H

#include "case.h"

static int reads(void)
{
    int fd = open("file", O_RDONLY);

    return fd < 0 ? 0 : close(fd) == 0;
}
static int connects(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd < 0 ? 0 : close(fd) == 0;
}

#endif
