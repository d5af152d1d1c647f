#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes a Debian, boots it in its own namespaces, and runs a script of this folder as a unit of it (README.md). In a
# mount namespace: unshare --mount outside.sh WORK SCRIPT FILE...; the script finds the files where it starts.
set -eu
work=$1
script=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
root=$work/root

# What the tests take for granted of a host; and what apt will find there without a network.
base=systemd,systemd-sysv,procps,curl,python3,ca-certificates
stock='mariadb-server lighttpd lighttpd-mod-deflate apache2 libapache2-mod-fcgid nginx libfcgi0ldbl libcurl4 libjson-c5
	libmariadb3 libconfuse2 libsystemd0 libssl3 bash-completion autopkgtest dpkg-dev rpm'
sources=/etc/apt/sources.list.d/debian.sources

mirror() {
	awk '/^URIs:/ {print $2; exit} $1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
		$sources /etc/apt/sources.list 2>/dev/null
}

in_root() {
	chroot "$root.part" "$@"
}

make_root() {
	rm -rf "$root" "$root.part"
	debootstrap --variant=minbase --include=$base bookworm "$root.part" "$(mirror)"
	if [ -f $sources ]; then
		cp $sources "$root.part$sources"
		rm -f "$root.part/etc/apt/sources.list"
	fi
	# No one is there to be asked.
	echo 'APT::Get::Assume-Yes "true";' >"$root.part/etc/apt/apt.conf.d/90host-test"
	in_root apt-get -q update
	# shellcheck disable=SC2086 # a list of packages
	in_root apt-get -q --download-only install $stock
	echo "$stock" >"$root.part/stock"
	mv "$root.part" "$root"
}

if [ "$(cat "$root/stock" 2>/dev/null)" != "$stock" ]; then
	make_root >"$work/root.log" 2>&1 || { tail -5 "$work/root.log" && exit 1; }
fi
mount --make-rprivate /
rm -rf "$work/upper" "$work/work"
mkdir -p "$work/upper" "$work/work" "$work/host"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/host"
inside=$work/host/var/host-test
mkdir -p "$inside/out" "$work/host/etc/systemd/system/multi-user.target.wants"
cp -r "$here/.." "$inside/tests"
for file in "$@"; do
	cp -r "$file" "$inside"
done
cat >"$work/host/etc/systemd/system/host-test.service" <<END
[Service]
Type=oneshot
Environment=DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8
WorkingDirectory=/var/host-test
ExecStart=/var/host-test/tests/host/$script
StandardOutput=file:/var/host-test/out/tap
StandardError=file:/var/host-test/out/log
ExecStopPost=/bin/systemctl poweroff --force
END
# Of the host's own timers none may take apt's lock.
ln -sf /dev/null "$work/host/etc/systemd/system/apt-daily.timer"
ln -sf /dev/null "$work/host/etc/systemd/system/apt-daily-upgrade.timer"
ln -sf ../host-test.service "$work/host/etc/systemd/system/multi-user.target.wants/"

# systemd of the container wants cgroups as they are today.
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
timeout 1500 systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no -b -D "$work/host" \
	</dev/null >"$work/boot.log" 2>&1 || :
rm -rf "$work/out"
cp -r "$inside/out" "$work/out"
cat "$work/out/tap" || { tail -20 "$work/boot.log" && exit 1; }
