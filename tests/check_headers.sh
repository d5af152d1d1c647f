#!/bin/sh
# SPDX-License-Identifier: ISC
# Each header compiles alone: a file's includes say all that it needs.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

cd "$srcdir" || exit 99
headers=$(find core common fcgi_app batchd batchctl repair tests -name '*.h' 2>/dev/null | sort)
for header in $headers; do
	# The flags are quoted for a shell, as make has them. A header of macros alone is no unit to ISO C.
	faults=$(printf '#include "%s"\nextern int unit;\n' "$header" |
		eval "${CC:-cc} -std=gnu11 -Wall -Wextra -Wpedantic -Werror -I. ${CHECK_CPPFLAGS:-}" \
			-fsyntax-only -x c - 2>&1 | head -5)
	claim "$header compiles alone" "$faults"
done
tap_end
