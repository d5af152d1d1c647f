#!/bin/sh
# SPDX-License-Identifier: ISC
# Awks differ in what a backslash means in a replacement: with each that is here, the C texts that are made of files
# say what the files say.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

cd "$srcdir" || exit 99
made=$(mktemp -d) || exit 99
trap 'rm -rf "$made"' EXIT

servers='  "servers": [
  ],'
cat >"$made/head" <<'END'
"a \" \\ \\" b \
& \& \\& %s '
END
cp "$made/head" "$made/tail"
{ cat "$made/head" && echo "$servers" && cat "$made/tail"; } >"$made/api"
cat >"$made/print.c" <<'END'
#include "common/sql_text.h"
#include "fcgi_app/api_text.h"
#include <stdio.h>
int main(void)
{
	return printf("%s%s%s", api_text_head, api_text_tail, sql_texts[0].text) < 0;
}
END

faults_of() { # AWK...: what differs
	LC_ALL=C "$@" -f api/embed.awk "$made/api" >"$made/api.c" &&
		LC_ALL=C "$@" -f sql/embed.awk "head=$made/head" >"$made/sql.c" &&
		${CC:-cc} -std=gnu11 -Wall -Werror -I. -o "$made/print" "$made/print.c" "$made/api.c" "$made/sql.c" &&
		"$made/print" | diff "$made/all" -
}

cat "$made/head" "$made/tail" "$made/head" >"$made/all"
for awk in awk gawk mawk original-awk 'busybox awk'; do
	command -v "${awk%% *}" >/dev/null || continue
	# shellcheck disable=SC2086 # busybox is told which of its programs
	claim "$awk makes C texts" "$(faults_of $awk 2>&1)"
done
tap_end
