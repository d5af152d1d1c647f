#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes a Debian, boots it in its own namespaces, and shows what its operator saw (README.md). In a mount namespace:
# unshare --mount outside.sh WORK BUILD
set -eu
work=$1
build=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$work/root

# Servers, a client, and what the programs are linked with.
packages=systemd,systemd-sysv,procps,curl,python3,mariadb-server,lighttpd,apache2,nginx,libapache2-mod-fcgid
packages=$packages,libfcgi0ldbl,libcurl4,libjson-c5,libmariadb3,libconfuse2,libsystemd0,libssl3

mirror() {
	awk '/^URIs:/ {print $2; exit} $1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
		/etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null
}

make_root() {
	rm -rf "$root.part"
	debootstrap --variant=minbase --include=$packages bookworm "$root.part" "$(mirror)" >"$work/debootstrap.log" 2>&1 ||
		{ tail -5 "$work/debootstrap.log" && exit 1; }
	# One server has port 80 at a time, which the test begins.
	for unit in lighttpd apache2 nginx; do
		rm -f "$root.part/etc/systemd/system/multi-user.target.wants/$unit.service"
	done
	mv "$root.part" "$root"
}

[ -d "$root" ] || make_root
mount --make-rprivate /
rm -rf "$work/upper" "$work/work"
mkdir -p "$work/upper" "$work/work" "$work/host"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/host"
make -s -C "$build" install DESTDIR="$work/host" >"$work/install.log" 2>&1
mkdir -p "$work/host/var/host-test" "$work/host/etc/systemd/system/multi-user.target.wants"
cp -r "$here/.." "$work/host/var/host-test/tests"
cat >"$work/host/etc/systemd/system/host-test.service" <<'END'
[Unit]
After=mariadb.service
[Service]
Type=oneshot
ExecStart=/var/host-test/tests/host/inside.sh
StandardOutput=file:/var/host-test/tap
StandardError=file:/var/host-test/log
ExecStopPost=/bin/systemctl poweroff --force
END
ln -sf ../host-test.service "$work/host/etc/systemd/system/multi-user.target.wants/"

# systemd of the container wants cgroups as they are today.
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
timeout 600 systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no -b -D "$work/host" \
	</dev/null >"$work/boot.log" 2>&1 || :
cat "$work/host/var/host-test/tap" 2>/dev/null || { tail -20 "$work/boot.log" && exit 1; }
cp "$work/host/var/host-test/log" "$work/inside.log"
