#!/bin/sh
# SPDX-License-Identifier: ISC
# Every source file has its licence line, is listed in Makefile.am and names no path of a machine.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

cd "$srcdir" || exit 99
folders=
for folder in core common fcgi_app batchd batchctl repair api sql conf tests client m4; do
	[ -d "$folder" ] && folders="$folders $folder"
done
# shellcheck disable=SC2086 # a list of folders
sources=$(find $folders -type d \( -name node_modules -o -name __pycache__ \) -prune -o -type f \
	\( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.js' -o -name '*.mjs' \
	-o -name '*.sql' -o -name '*.awk' -o -name '*.m4' -o -name '*.conf' -o -name '*.supp' \) \
	! -path sql/sql_text.c ! -path api/api_text.c -print | sort)
for file in dev autogen.sh .ci/run .githooks/pre-commit configure.ac Makefile.am completions/* \
	rpm/lotscribe.spec rpm/web-group.conf debian/rules debian/tests/install debian/tests/units debian/tests/web debian/lotscribe.postinst debian/lotscribe.postrm debian/lotscribe.prerm; do
	[ -f "$file" ] && sources="$sources $file"
done

without_licence=
for file in $sources; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ISC' ||
		without_licence="$without_licence $file"
done
claim "every source file has an SPDX line" "$without_licence"

# shellcheck disable=SC2086 # a list of files
claim "no path of one machine" \
	"$(grep -nE '(^|[^[:alnum:]_.])/(home|root|wor[k]|Users)/|\.\./share[d]' $sources)"

unlisted=
for file in $sources; do
	case $file in
	*.[ch]) name=${file%.c} ;;       # a test program's source is implied by the program's name
	tests/*/*.py) name=${file%/*} ;; # folders of tests go as they are
	*.py) name=$file ;;
	*) continue ;;
	esac
	grep -qE "(^|[[:space:]])($name|$file)([[:space:]]|\$)" Makefile.am ||
		unlisted="$unlisted $file"
done
claim "every C and Python file is listed in Makefile.am" "$unlisted"
tap_end
