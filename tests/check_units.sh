#!/bin/sh
# SPDX-License-Identifier: ISC
# The systemd units: read without a complaint, and exposed as little as they can be, by systemd's own measure. Run by
# "make check" in the build directory.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

srcdir_absolute=$(cd "$srcdir" && pwd)
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
cp conf/systemd/*.service "$srcdir"/conf/systemd/*.socket "$srcdir"/conf/systemd/*.timer "$folder"
cp "$srcdir/conf/systemd/lotscribe.conf" "$folder"
cd "$folder" || exit 99

claim "nothing is left to be put in" "$(grep -n '@[a-z]*@' ./*.service ./*.socket ./*.timer)"
if command -v systemd-analyze >/dev/null; then
	# What is not installed here is no fault of the units.
	claim "systemd knows every key and value" "$(systemd-analyze verify ./*.service ./*.socket ./*.timer 2>&1 |
		grep -E 'Unknown|Failed to parse|Invalid|nvalid value|ignoring')"
	# Ten times the score: 0.3 and 1.1.
	claim "the front end is exposed by 0.3 at most" \
		"$(systemd-analyze security --offline=yes --threshold=3 ./lotscribe-fcgi.service 2>&1 >report || cat report)"
	claim "retention, which needs the database alone, by 0.3 at most" \
		"$(systemd-analyze security --offline=yes --threshold=3 ./lotscribe-retention.service 2>&1 >report || cat report)"
	claim "batchd, which must reach the provider, by 1.1 at most" \
		"$(systemd-analyze security --offline=yes --threshold=11 ./batchd.service 2>&1 >report || cat report)"
	claim "the users of the units are those that are made" "$(sed -n 's/^User=//p' ./*.service | while read -r user; do
		grep -q "^u $user " lotscribe.conf || echo "$user"
	done)"
	# The drop-in for a database elsewhere.
	for unit in *.service; do
		mkdir "$unit.d" && cp "$srcdir_absolute/conf/systemd/remote-database.conf" "$unit.d"
	done
	claim "systemd knows every key and value of the drop-in" "$(systemd-analyze verify ./*.service 2>&1 |
		grep -E 'Unknown|Failed to parse|Invalid|nvalid value|ignoring')"
	claim "with it the front end is exposed as batchd is, at most" "$(for unit in lotscribe-fcgi lotscribe-retention batchd; do
		systemd-analyze security --offline=yes --threshold=11 ./$unit.service 2>&1 >report || cat report
	done)"
fi
tap_end
