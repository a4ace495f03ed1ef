# SPDX-License-Identifier: MIT OR Apache-2.0
# Debian's package lists without touching the machine's own; sourced by the
# scripts that fetch packages.  They set `cache`, and `started` to a file that
# is as old as the run.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

complain() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The mirror that this machine already uses, before the public ones.
mirrors() {
	{
		apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
			sed -n 's@/debian/*$@@p' | sort -u | head -n 1
		echo http://deb.debian.org
		echo http://archive.debian.org
	} | awk '!seen[$0]++'
}

# Where a suite's packages (deb) or their sources (deb-src) are, with or
# without its security updates.
sources() {
	local mirror=$1 suite=$2 security=$3 kind=$4
	echo "$kind [signed-by=$keyring] $mirror/debian $suite main"
	if [ "$suite" = sid ]; then
		echo "$kind [signed-by=$keyring] $mirror/debian experimental main"
	elif [ "$security" = yes ] && [ "${suite%-backports}" = "$suite" ]; then
		echo "$kind [signed-by=$keyring] $mirror/debian-security $suite-security main"
	fi
}

# Private apt state of a suite and architecture, index included; once a run.
# Prints its configuration.  With deb-src, of its sources, as first released.
suite() {
	local name=$1 deb=$2 kind=${3:-deb} mirror security
	local state=$cache/apt/$name-$deb${3:+-$3}
	if [ "$state/fresh" -nt "$started" ]; then
		echo "$state/apt.conf"
		return
	fi
	mkdir -p "$state"/{lists,archives}/partial || return
	: >"$state/status"
	cat >"$state/apt.conf" <<-END
	Dir::Etc::SourceList "$state/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State "$state";
	Dir::State::Lists "$state/lists";
	Dir::State::status "$state/status";
	Dir::Cache "$state";
	APT::Architecture "$deb";
	APT::Architectures { "$deb"; };
	APT::Sandbox::User "root";
	Acquire::GzipIndexes "true";
	Acquire::Languages "none";
	Acquire::Retries "2";
	END
	: >"$state/log"
	for security in yes no; do
		[ "$kind$security" != deb-srcyes ] || continue
		for mirror in $(mirrors); do
			sources "$mirror" "$name" $security "$kind" >"$state/sources.list"
			APT_CONFIG=$state/apt.conf apt-get -qq -o APT::Update::Error-Mode=any update \
				>>"$state/log" 2>&1 || continue
			touch "$state/fresh"
			echo "$state/apt.conf"
			return
		done
		[ $security = no ] ||
			complain "$name $deb: without its security updates: $(grep -m 1 '^E' "$state/log")"
	done
	complain "$name $deb: no mirror answers, see $state/log"
	return 1
}
