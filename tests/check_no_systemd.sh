#!/bin/sh
# SPDX-License-Identifier: ISC
# What speaks to systemd compiles and links where libsystemd is not there, too. Run by "make check" in the build
# directory.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
printf '#include "common/service.h"\nint main(void)\n{\n\tservice_notify("READY=1");\n\treturn 0;\n}\n' >"$folder/main.c"
# The flags are quoted for a shell, as make has them.
faults=$(eval "${CC:-cc} -std=gnu11 -Wall -Wextra -Wundef -Werror -I\"\$srcdir\" ${CHECK_CPPFLAGS:-} ${INSTRUMENT:-} \
	-UHAVE_SYSTEMD -DHAVE_SYSTEMD=0 -o \"\$folder/main\" \"\$folder/main.c\" \
	\"\$srcdir/common/service.c\" \"\$srcdir/common/log.c\" \"\$srcdir/common/log_journal.c\" \"\$srcdir/common/clock.c\" libcore.a" 2>&1 | head -5)
claim "service.c, log.c, log_journal.c and clock.c do without libsystemd" "$faults"
if [ -z "$faults" ]; then
	claim "and the program runs" "$("$folder/main" 2>&1 || echo "it ends with $?")"
fi
tap_end
