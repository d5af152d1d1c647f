#!/bin/bash
# SPDX-License-Identifier: ISC
# debian/tests, as Debian runs them: by autopkgtest, in this host itself. Runs as a unit of it, with the package and its
# source in the folder lotscribe.
set -u
apt-get install autopkgtest >&2
# No web server but the one under test may have the port.
autopkgtest --output-dir=/var/host-test/out/autopkgtest lotscribe_*.deb lotscribe/ -- null >&2
n=0
while read -r name result rest; do
	n=$((n + 1))
	case $result in
	PASS) echo "ok $n - autopkgtest $name" ;;
	*) echo "not ok $n - autopkgtest $name: $result $rest" ;;
	esac
done <out/autopkgtest/summary
echo "1..$n"
