# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2154 # root, work, jobs, python: of ./dev
# What ./dev does about packages, and on hosts of their own; ./dev sources this file.

# A package is made of a copy: what is in git, or in the tarball, as it stands now.
copy_source() { # TO
	rm -rf "$1"
	mkdir -p "$1"
	if [ -e .git ]; then
		git ls-files -z --cached --others --exclude-standard
	else
		find . -path ./.dev -prune -o -type f -print0
	fi | tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$1"
}

# Into its own folder, whose umask, time zone and path the package must not show.
build_deb() { # NAME UMASK ZONE OPTIONS
	copy_source "$work/deb/$1/lotscribe" || return 1
	(
		umask "$2"
		cd "$work/deb/$1/lotscribe" &&
			TZ=$3 DEB_BUILD_OPTIONS="parallel=$jobs $4" dpkg-buildpackage -us -uc -b
	) >"$work/deb/$1/build.log" 2>&1 || { tail -n 30 "$work/deb/$1/build.log" >&2 && return 1; }
}

differing_debs() { # the packages of the two builds that are not the same, bit by bit
	for package in "$work"/deb/one/*.deb; do
		other=$work/deb/two/elsewhere/${package##*/}
		cmp -s "$package" "$other" || {
			echo "${package##*/}"
			diffoscope "$package" "$other" || :
		}
	done
}

lint_deb() {
	lintian -EIL +pedantic --fail-on error,warning,info,pedantic --tag-display-limit 0 "$work"/deb/one/*.changes \
		2>"$work/deb/lintian.log" || { cat "$work/deb/lintian.log" && return 1; }
}

lint_hardening() {
	blhc --all --debian "$work/deb/one/build.log"
}

deb_facts() { # PACKAGE
	say "$(stat -c %s "$1") bytes; installed $(dpkg-deb -f "$1" Installed-Size) KiB"
	for relation in Depends Recommends; do
		say "$relation: $(dpkg-deb -f "$1" $relation)"
	done
}

begin_deb() {
	[ -d debian ] || die "the tarball has no debian/: a package is made of the repository"
	need build deb
	started=$(now)
	rm -rf "$work/deb"
}

make_deb() {
	begin_deb
	build_deb one 022 UTC nocheck || exit 1
	say "package built in $(($(now) - started)) s: $(ls "$work"/deb/one/lotscribe_*.deb)"
}

check_deb() {
	begin_deb
	need deb-check
	bad=0
	build_deb one 022 UTC '' || exit 1
	say "package built and its tests run in $(($(now) - started)) s"
	build_deb two/elsewhere 002 Asia/Tokyo nocheck || exit 1
	for check in lint_deb lint_hardening differing_debs; do
		found=$($check 2>&1) || bad=1
		case $check in
		lint_deb) say "lintian -EIL +pedantic: ${found:-nothing}" ;;
		lint_hardening) say "blhc --all: ${found:-nothing}" ;;
		differing_debs)
			[ -z "$found" ] || bad=1
			say "two builds, by path, umask and time zone: ${found:-the same, bit by bit}"
			;;
		esac
	done
	deb_facts "$(ls "$work"/deb/one/lotscribe_*.deb)"
	[ $bad = 0 ]
}

verb_deb() { # [--check]
	case ${1:-} in
	--check) check_deb ;;
	*) make_deb ;;
	esac
}

# What "make install" puts there, and what the spec adds by hand.
installed_files() {
	make -s -C "$work/build-host" install DESTDIR="$work/rpm/installed" >"$work/log/install.log" 2>&1
	(
		cd "$work/rpm/installed" && find . ! -type d | sed 's/^\.//'
		echo /usr/share/licenses/lotscribe/COPYING
		sed -n 's|^install .* %{buildroot}||p' "$root/rpm/lotscribe.spec" |
			sed 's|%{_sysconfdir}|/etc|; s|%{_docdir}|/usr/share/doc|; s|%{_unitdir}|/usr/lib/systemd/system|; s|%{name}|lotscribe|'
	) | sort
}

packed_files() { # PACKAGE: without folders and compression
	rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$1" | sed -n 's/^-[^ ]* //p' |
		sed 's|\(/man/.*\)\.gz$|\1|; s|\(/licenses/lotscribe\)-[^/]*|\1|' | sort
}

# rpm's database knows of no library here, as dpkg installed them: --nodeps. The tests are left to "make check".
verb_rpm() {
	need build unit rpm
	started=$(now)
	build_in "$work/build-host" gcc '-O2 -g' --prefix=/usr --sysconfdir=/etc --libexecdir=/usr/libexec --localstatedir=/var
	run_logged rpm-dist make -C "$work/build-host" --no-print-directory dist || exit 1
	rm -rf "$work/rpm"
	mkdir -p "$work/rpm"
	run_logged rpm rpmbuild -ta --nodeps --nocheck --define "_topdir $work/rpm" "$work"/build-host/lotscribe-*.tar.gz || exit 1
	package=$(ls "$work"/rpm/RPMS/*/lotscribe-[0-9]*.rpm)
	say "package built in $(($(now) - started)) s: $package"
	bad=0
	installed_files >"$work/rpm/meant"
	packed_files "$package" >"$work/rpm/packed"
	if diff "$work/rpm/meant" "$work/rpm/packed"; then
		say "its $(wc -l <"$work/rpm/packed") files are those of make install, and the spec's own"
	else
		bad=1
	fi
	rpmlint --ignore-unused-rpmlintrc -r rpm/lotscribe.rpmlintrc rpm/lotscribe.spec "$package" || bad=1
	[ $bad = 0 ]
}

on_a_host() { # SCRIPT FILE...: which outside.sh runs there, and what it finds
	mkdir -p "$work/host"
	unshare --mount tests/host/outside.sh "$work/host" "$@" >"$work/host/tap" ||
		{ cat "$work/host/tap" && die "the host was not tested; what it said: .dev/host"; }
	cat "$work/host/tap"
	passed=$((passed + $(grep -c '^ok ' "$work/host/tap" || :)))
	failed=$((failed + $(grep -c '^not ok ' "$work/host/tap" || :)))
	grep -q '^1\.\.' "$work/host/tap" || failed=$((failed + 1))
}

verb_autopkgtest() {
	[ "$(id -u)" = 0 ] || die "a host needs root, for its namespaces"
	need host
	make_deb
	copy_source "$work/host/source/lotscribe"
	on_a_host autopkgtest.sh "$work"/deb/one/lotscribe_*.deb "$work/host/source/lotscribe"
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

verb_host_test() {
	[ "$(id -u)" = 0 ] || die "a host needs root, for its namespaces"
	need host
	make_deb
	verb_rpm
	on_a_host rpm.sh "$work"/rpm/RPMS/*/lotscribe-[0-9]*.rpm
	on_a_host inside.sh "$work"/deb/one/lotscribe_*.deb
	cat "$work/host/out/figures"
	say "The new user's commands: .dev/host/out/transcript"
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
