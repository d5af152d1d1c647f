#!/bin/sh
# SPDX-License-Identifier: ISC
# SQL stands in the catalogue only (common/statements*). What sets up a session and touches no table is part
# of connecting.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

cd "$srcdir" || exit 99
sources=$(find core common fcgi_app batchd batchctl repair -name '*.[ch]' ! -path 'common/statements*')

# Strings that begin as a statement or as a line of one does; a verb alone (of HTTP, say) is none.
verbs='SELECT|INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO|CREATE|ALTER|DROP|GRANT|TRUNCATE|SET|CALL|LOCK TABLES'
lines='FROM|WHERE|VALUES|(LEFT |INNER )?JOIN|GROUP BY|ORDER BY|LIMIT|ON DUPLICATE KEY'
pattern="\"[[:space:]]*($verbs|$lines)[[:space:](]+[^[:space:]\"]"
session='^common/db\.c:[0-9]+:[[:space:]]*"(SET SESSION|SELECT @@)'
# shellcheck disable=SC2086 # a list of files
claim "SQL stands in common/statements only" "$(grep -nE "$pattern" $sources | grep -vE "$session")"
tap_end
