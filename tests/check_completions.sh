#!/bin/sh
# SPDX-License-Identifier: ISC
# bash offers what the programs take: each file of completions/ is sourced and asked as a TAB would. Run by "make check" in
# the build directory.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

if ! command -v bash >/dev/null; then
	echo "1..0 # SKIP there is no bash"
	exit 0
fi
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT

offered() { # WORD...: what is offered for the last of these
	# shellcheck disable=SC2016 # for bash to expand
	bash -c '
		. "$0/completions/$1" || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		"$(complete -p "$1" | sed "s/.* -F \([^ ]*\) .*/\1/")"
		printf "%s\n" "${COMPREPLY[@]}"' "$srcdir" "$@" 2>&1
}

differ() { # OFFERED MEANT: what only one of two files has
	sort -u "$1" >"$1.sorted"
	sort -u "$2" >"$2.sorted"
	comm -23 "$1.sorted" "$2.sorted" | sed 's/^/offered, but not there: /'
	comm -13 "$1.sorted" "$2.sorted" | sed 's/^/not offered: /'
}

is() { # MEANT WORD...: nothing, where that is what is offered
	meant=$1
	shift
	found=$(offered "$@" | tr '\n' ' ')
	[ "$found" = "$meant" ] || echo "offered for '$*': $found"
}

# ---- batchctl, by its help.

batchctl/batchctl -h | awk -f "$srcdir/tests/help.awk" >"$folder/help"
sed -n 's/^\([a-z].*\) -.*/\1/; /^[a-z]/p' "$folder/help" >"$folder/meant"
offered batchctl '' | while read -r verb; do
	offered batchctl "$verb" '' | grep '^[a-z]' | sed "s/^/$verb /" >"$folder/seconds"
	case $verb in
	import) echo "$verb" ;; # whose operands are files
	installation) cat "$folder/seconds" && echo "$verb" ;;
	*) if [ -s "$folder/seconds" ]; then cat "$folder/seconds"; else echo "$verb"; fi ;;
	esac
done >"$folder/verbs"
claim "batchctl's verbs are offered" "$(differ "$folder/verbs" "$folder/meant")"

grep '^-' "$folder/help" >"$folder/meant"
offered batchctl - >"$folder/general"
claim "the options of all verbs" "$(differ "$folder/general" "$folder/meant")"
grep ' -' "$folder/help" >"$folder/meant"
while read -r verb; do
	# shellcheck disable=SC2086 # two words where there are two
	offered batchctl $verb - | grep -vxFf "$folder/general" | sed "s/^/$verb /"
done <"$folder/verbs" >"$folder/options"
claim "and of each" "$(differ "$folder/options" "$folder/meant")"

sed -n 's/^\t\[JOB_[A-Z]*\] = "\([a-z]*\)",$/\1/p' "$srcdir/core/model.c" | grep -v '^open$' >"$folder/meant"
offered batchctl jobs --status '' >"$folder/states"
claim "--status has every state" "$(differ "$folder/states" "$folder/meant")"
claim "an option's value is no verb" "$(is 'list ' batchctl -c x.conf --user root key l)"
claim "a value after = is offered" "$(is 'admin ' batchctl key add --role = a && is 'submit read admin ' batchctl key add --role =)"
claim "files where files are meant" "$(is "$srcdir/core/model.c " batchctl import "$srcdir/core/model.c" &&
	is "$srcdir/core/model.h " batchctl -c "$srcdir/core/model.h")"

# ---- The other two.

batchd/batchd -h | sed -n 's/^  \(-.\) .*/\1/p' >"$folder/meant"
offered batchd '' >"$folder/options"
claim "batchd's options are offered" "$(differ "$folder/options" "$folder/meant")"
repair/lotscribe-repair -h | sed -n 's/^  \(-.\), \(--[a-z]*\).*/\1 \2/p' | tr ' ' '\n' >"$folder/meant"
offered lotscribe-repair - >"$folder/options"
claim "and lotscribe-repair's" "$(differ "$folder/options" "$folder/meant")"
claim "files for both" "$(is "$srcdir/core/model.c " batchd -c "$srcdir/core/model.c" &&
	is "$srcdir/core/model.c " lotscribe-repair --schema = "$srcdir/core/model.c")"
tap_end
