/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OpenBSD's <unistd.h> declares pledge(2) and unveil(2); with this in front, so does ours. */
#pragma GCC system_header
#include_next <unistd.h>
#include <rpledge.h>
