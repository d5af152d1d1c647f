# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# The Test Anything Protocol for tests/check_*.sh, which source this file.
#
#   claim "text" "$faults"   one test, which holds where there are no faults; else they are shown
#   tap_end                  the plan; last

tap_count=0

claim() {
	tap_count=$((tap_count + 1))
	if [ -z "$2" ]; then
		echo "ok $tap_count - $1"
	else
		echo "not ok $tap_count - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

tap_end() {
	echo "1..$tap_count"
}
