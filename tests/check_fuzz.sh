#!/bin/sh
# SPDX-License-Identifier: ISC
# Each fuzz target passes over its corpus, tests/fuzz/<target>.in/.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

for target in ${FUZZ_TARGETS:-}; do
	# libFuzzer's own main() wants to be told not to look for more.
	case $(nm "$target" | grep -c 'fuzzer.*FuzzerDriver') in
	0) faults=$("$target" "$srcdir/$target.in" 2>&1) && faults= ;;
	*) faults=$("$target" -runs=0 "$srcdir/$target.in" 2>&1) && faults= ;;
	esac
	claim "$target passes over its corpus" "$faults"
done
tap_end
