# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes a golden table of the records of all link modes: one line a case, then what differs where.
#
# In:  TAGS<tab>NAME<tab>END, the tags being "LIBC LIBC-VERSION LINK".
# Out: NAME -> END, and after it NAME [TAG...] -> END; of the lines whose tags
#      all hold in a mode the last one counts.

BEGIN { FS = "\t" }

!($1 in mode_seen) {
	mode_seen[$1] = 1
	mode[++modes] = $1
	n = split($1, tag, " ")
	for (i = 1; i <= n; i++)
		is[$1, tag[i]] = 1
	family[tag[1]] = 1
	if (!(tag[2] in level))
		version[++versions] = tag[2]
	level[tag[2]] = 1
}

{
	if (!($2 in case_seen)) {
		case_seen[$2] = 1
		name[++cases] = $2
	}
	end[$1, $2] = $3
}

# What all modes of a tag agree on, "" if they do not.
function agreed(which, id,    m, e) {
	e = ""
	for (m = 1; m <= modes; m++) {
		if (!((mode[m], which) in is) || !((mode[m], id) in end))
			continue
		if (e != "" && e != end[mode[m], id])
			return ""
		e = end[mode[m], id]
	}
	return e
}

function overrule(which, id,    e, m, needed) {
	e = agreed(which, id)
	if (e == "")
		return
	for (m = 1; m <= modes; m++)
		if ((mode[m], which) in is && (mode[m], id) in end && so_far[mode[m]] != e)
			needed = 1
	if (!needed)
		return
	print id " [" which "] -> " e
	for (m = 1; m <= modes; m++)
		if ((mode[m], which) in is)
			so_far[mode[m]] = e
}

function table(id,    m, first, v, t, n) {
	for (m = 1; m <= modes; m++)
		if ((mode[m], id) in end) {
			first = end[mode[m], id]
			break
		}
	print id " -> " first
	for (m = 1; m <= modes; m++)
		so_far[mode[m]] = first
	overrule("musl", id)
	overrule("static", id)
	for (v = 1; v <= versions; v++)
		overrule(version[v], id)
	for (m = 1; m <= modes; m++)
		if ((mode[m], id) in end && so_far[mode[m]] != end[mode[m], id]) {
			n = split(mode[m], t, " ")
			print id " [" t[2] " " t[n] "] -> " end[mode[m], id]
		}
}

END {
	for (c = 1; c <= cases; c++)
		table(name[c])
}
