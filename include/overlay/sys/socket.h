/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenBSD's <sys/socket.h> defines SOCK_DNS; with this in front, so does ours. */
#pragma GCC system_header
#include_next <sys/socket.h>
#include <rpledge.h>
