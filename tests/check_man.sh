#!/bin/sh
# SPDX-License-Identifier: ISC
# The manual pages say what the programs take: every key of the configuration with its default, every verb and option of
# batchctl, and pages that are there. Run by "make check" in the build directory.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT

differ() { # SAID MEANT: what only one of two files has
	sort -u "$1" >"$1.sorted"
	sort -u "$2" >"$2.sorted"
	comm -23 "$1.sorted" "$2.sorted" | sed 's/^/only in the page: /'
	comm -13 "$1.sorted" "$2.sorted" | sed 's/^/not in the page: /'
}

# ---- lotscribe.conf.5: what has no default is given here.

cp "$srcdir"/conf/*.prompt "$srcdir"/conf/*.json "$folder" || exit 99
cat >"$folder/lotscribe.conf" <<-'END'
	describe { model = "m" }
	translate { model = "m" }
	model "m" { price_input = "1" price_output = "2" }
END
(umask 077 && echo sk-of-the-page >"$folder/openai_api_key") || exit 99
CREDENTIALS_DIRECTORY=$folder batchd/batchd -t -c "$folder/lotscribe.conf" >"$folder/printed" || exit 99
sed -e "s|$folder/||" -e 's/ # default$//' "$folder/printed" | awk '
	/{$/ {section = $1; next}
	/=/ {sub(/^\t/, ""); print section "." $0}' >"$folder/meant"
awk '
	/^\.S[hs] / {section = $2}
	/^\.It Cm [a-z_]+( No = .*)?$/ {sub(/^\.It Cm /, ""); sub(/ No = /, " = "); gsub(/\\\(dq/, "\""); print section "." $0}
' "$srcdir/man/lotscribe.conf.5" >"$folder/said"
sed 's/ = .*//' "$folder/said" >"$folder/said.keys"
sed 's/ = .*//' "$folder/meant" >"$folder/meant.keys"
claim "lotscribe.conf.5 has every key, and no other" "$(differ "$folder/said.keys" "$folder/meant.keys")"
claim "and their defaults" "$(grep ' = ' "$folder/said" | grep -vxFf "$folder/meant")"

# ---- batchctl.8: "verb", "verb --option", and the options of all.

batchctl/batchctl -h | awk -f "$srcdir/tests/help.awk" >"$folder/meant"
awk '
	/^\.S[hs] / {verb = ""}
	/^\.It Ic / {sub(/^\.It Ic /, ""); sub(/ (Ar|Op|Cm) .*/, ""); print verb = $0}
	/^\.It Fl / {print (verb == "" ? "" : verb " ") "-" $3}' "$srcdir/man/batchctl.8" >"$folder/said"
claim "batchctl.8 has every verb and option, and no other" "$(differ "$folder/said" "$folder/meant")"

# ---- Between each other.

claim "the pages that they refer to are there" "$(awk '$1 == ".Xr" {print $2 "." $3}' "$srcdir"/man/*.[1-8] | sort -u |
	while read -r page; do
		[ -f "$srcdir/man/$page" ] || echo "$page"
	done)"
tap_end
