#!/bin/bash
# SPDX-License-Identifier: ISC
# The RPM on a host: by rpm itself, but for the packages that it asks for, which dpkg brings here. Runs as a unit of it.
set -u
. tests/host/operator.sh
apt-get install rpm mariadb-server lighttpd libfcgi0ldbl libconfuse2 libjson-c5 libcurl4 libmariadb3 >&2

is_gone() {
	! rpm -q lotscribe && [ ! -e /usr/sbin/batchd ] && ! systemctl is-active lotscribe-fcgi.socket batchd
}

ok "rpm installs it" rpm -i --nodeps lotscribe-*.rpm
ok "no file differs from the package's" rpm -V --nodeps lotscribe
ok "both users are there" id lotscribe batchd
# What Fedora has otherwise: the socket of MariaDB, the web servers' group.
sed -i 's|socket = "/var/lib/mysql/mysql.sock"|# &|' /etc/lotscribe/lotscribe.conf
mkdir -p /etc/systemd/system/lotscribe-fcgi.socket.d
printf '[Socket]\nSocketGroup=www-data\n' >/etc/systemd/system/lotscribe-fcgi.socket.d/override.conf
systemctl daemon-reload
ok "an installation is made" an_installation tests
cp /etc/lighttpd/conf.d/lotscribe.conf.disabled /etc/lighttpd/conf-available/50-lotscribe.conf
lighty-enable-mod lotscribe >&2
systemctl restart lighttpd
ok "the API is there" until_it_holds 30 is_ready
ok "a job goes from order to result" runs_a_job rpm
ok "a reinstallation is an upgrade to it" rpm -U --nodeps --replacepkgs lotscribe-*.rpm
ok "its configuration is kept" grep -q '127.0.0.1:9999' /etc/lotscribe/lotscribe.conf
ok "the services run" until_it_holds 30 systemctl is-active lotscribe-fcgi.socket lotscribe-fcgi.service batchd.service
ok "jobs go on" runs_a_job upgraded
ok "rpm removes it" rpm -e --nodeps lotscribe
ok "and nothing of it runs" is_gone
ok_end
