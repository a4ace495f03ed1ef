# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# The example daemon, for the scripts that source this: built, started, stopped.

# Where the daemon's files, its program and what it says are kept.
site=$(mktemp -d)
trap '[ -z "${daemon:-}" ] || kill -KILL "$daemon" 2>/dev/null; rm -rf "$site" "$site".*' EXIT
chmod 755 "$site"
# A worker that dies by a signal must leave no core behind.
ulimit -c 0

# How the daemon is built for a libc: the command, to be shown and to be run.
build_command() { # LIBC
	local cc capi=target/capi/$1
	cc=$(scripts/cc-for "$1") || return
	case $1 in
	glibc) echo "$cc -O2 -Iinclude -o target/fileserver-$1 examples/fileserver.c examples/http.c" \
		"-L$capi -lrpledge -Wl,-rpath,\$ORIGIN/capi/$1" ;;
	musl) echo "$cc -static -O2 -Iinclude -o target/fileserver-$1 examples/fileserver.c examples/http.c" \
		"$capi/librpledge.a -Wl,-u,__libc_version" ;;
	esac
}

# Starts the daemon on a free port: sets `daemon` and `url`.
start() { # LIBC OPTION...
	local program=target/fileserver-$1 user=() try
	shift
	[ "$(id -u)" -ne 0 ] || user=(-u nobody)
	# Made here, since the daemon may not have come to it when we look.
	: >"$site.out" >"$site.err"
	# Its name is what a violation line begins with.
	(exec -a fileserver "$program" "${user[@]}" -p 0 -d "$site" "$@") >"$site.out" 2>"$site.err" &
	daemon=$!
	for ((try = 0; try < 100; try++)); do
		url=$(sed -n 's/^listening on \(.*\)\/$/\1/p' "$site.out")
		[ -z "$url" ] || return 0
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.05
	done
	echo "the daemon does not start:"
	cat "$site.err"
	daemon=
	return 1
}

# Asks it to stop; its exit status.
stop() {
	local status
	kill -TERM "$daemon"
	wait "$daemon"
	status=$?
	daemon=
	return "$status"
}

# Triggers the bug: makes the daemon connect to a port of its own machine.
exploit() {
	curl -s -o /dev/null -w '%{http_code}' "$url/cgi-bin/?${url##*:}"
}

# Prints the lines it said that match, waited for.
says() { # EXTENDED_REGEX
	local try
	for ((try = 0; try < 100; try++)); do
		grep -E "$1" "$site.err" && return 0
		sleep 0.05
	done
	return 1
}

# The violation that the exploit leaves behind.
violation() {
	says '^fileserver\[[0-9]+\]: pledge "inet", syscall socket$'
}
