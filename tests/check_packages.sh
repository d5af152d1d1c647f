#!/bin/sh
# SPDX-License-Identifier: ISC
# The packages have configure's version, ask for what it asks for, and bring every unit. The tarball has no debian/.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

cd "$srcdir" || exit 99
spec=rpm/lotscribe.spec

# A line for each library: its pkg-config module with the least version, and Debian's package.
libraries=$(sed -n 's/.*NEED(\[[A-Z]*\], \[\([^]]*\)\], \[\([^]]*\)\]).*/\1:\2/p' configure.ac)
version=$(sed -n 's/^AC_INIT(\[lotscribe\], \[\(.*\)\])$/\1/p' configure.ac)
files=$(find conf/systemd -name '*.service.in' -o -name '*.socket' -o -name '*.timer' | sort)
units=$(echo "$files" | sed 's|.*/||; s|\.in$||')
# shellcheck disable=SC2086 # a list of files
enabled=$(grep -l '^\[Install\]' $files | sed 's|.*/||; s|\.in$||')

lacks() { # FILE PATTERN...: those that no line of the file is
	file=$1
	shift
	for pattern in "$@"; do
		grep -qE -- "$pattern" "$file" || echo "$file: $pattern"
	done
}

claim "the RPM has configure's version" "$(sed -n 's/^Version: *//p' $spec | grep -vxF "$version")"
claim "the RPM asks for the same libraries" "$(echo "$libraries" | while IFS=: read -r module package; do
	lacks $spec "^BuildRequires:  pkgconfig\(${module%% *}\)${module#"${module%% *}"}\$"
done)"
claim "and brings every unit" "$(for unit in $units; do
	lacks $spec "^%\{_unitdir\}/$unit\$"
done
for unit in $enabled; do
	lacks $spec "^%systemd_post .*\b$unit\b" "^%systemd_preun .*\b$unit\b"
done)"
if [ -d debian ]; then
	claim "the Debian package has configure's version" \
		"$(head -n 1 debian/changelog | grep -vF "lotscribe ($version) ")"
	claim "it asks for the same libraries" "$(echo "$libraries" | while IFS=: read -r module package; do
		lacks debian/control "^ $package\b.*,\$"
	done)"
	claim "it knows every unit" "$(for unit in $units; do
		lacks debian/rules "^	dh_installsystemd .*\b$unit\b"
		lacks debian/lotscribe.prerm "deb-systemd-invoke stop .*\b$unit\b"
	done)"
	claim "README.Debian and README.Fedora enable what is to be" "$(for unit in $enabled; do
		lacks debian/README.Debian "systemctl enable --now .*\b$unit\b"
		lacks rpm/README.Fedora "systemctl enable --now .*\b$unit\b"
	done)"
fi
tap_end
