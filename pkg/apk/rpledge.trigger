#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Runs when /lib or /usr/lib changed; in the APKBUILD:
#     triggers="$pkgname.trigger=/lib:/usr/lib"
rpledge data install-libc ||
	echo "rpledge: programs go by the data that was there" >&2
exit 0
