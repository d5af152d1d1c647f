#!/bin/bash
# SPDX-License-Identifier: ISC
# The life of the package on a host (README.md): a new user, each web server, upgrades, deaths, removal, return. Runs as a
# unit of the host. out/transcript gets the new user's commands, out/figures what the loads counted.
set -u
. tests/host/operator.sh
package=$(ls lotscribe_*.deb)
upgrades=0

user() { # COMMAND: one line of the new user's
	printf '%s\n' "$1" >>out/transcript
	eval "$1"
}

# ---- A new user, as README.Debian says.

begin_standin tests /var/host-test/provider
ok "apt installs it" user "apt install ./$package"
ok "with what it recommends" test -x /usr/sbin/mariadbd -a -x /usr/sbin/lighttpd
enable=$(sed -n 's/^ *\(systemctl enable --now \)/\1/p' /usr/share/doc/lotscribe/README.Debian)
units=${enable#systemctl enable --now }
# shellcheck disable=SC2086 # a list of units
nothing_runs() {
	! systemctl is-active $units
}
# shellcheck disable=SC2086
nothing_is_enabled() {
	[ -n "$units" ] && ! systemctl is-enabled $units
}
ok "nothing of it runs" nothing_runs
ok "and nothing is enabled" nothing_is_enabled
ok "setup makes the database" user "batchctl setup"
user "$provider"
user "echo $provider_key | install -m 600 /dev/stdin /etc/lotscribe/openai.key"
ok "the configuration is right" user "batchd -t"
ok "the units start" user "$enable"
user "lighty-enable-mod lotscribe" >&2
ok "lighttpd reads its configuration" user "systemctl force-reload lighttpd"
key=$(user "batchctl key add HOUSE" | tail -1)
until_it_holds 30 is_ready
job=$(user "curl -s $base/api/v1/jobs -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' -d \
'{\"name\": \"Sale 1204\", \"languages\": [\"fr\"], \"lots\": [{\"id\": \"1\", \"title\": \"Teapot\", \"notes\": \"hallmark worn\"}]}'" |
	field job_id)
ok "the first job is done" user "/usr/share/lotscribe/poll_job_v2.py $job --url $base --interval 2 --timeout 5 --download"
ok "and has both languages" grep -q '"fr"' "$job.json"
ok "setup does no harm again" batchctl setup

# ---- Behind each web server.

# The package as an update would bring it.
next_version() {
	upgrades=$((upgrades + 1))
	rm -rf unpacked
	dpkg-deb -R "$package" unpacked
	sed -i "s/^\(Version: .*\)/\1+u$upgrades/" unpacked/DEBIAN/control
	dpkg-deb --root-owner-group -b unpacked "update$upgrades.deb" >&2
	update=./update$upgrades.deb
}

under_load() { # WHAT [OPTION...] COMMAND...
	local figures code=0 what=$1 options=
	shift
	while [[ $1 == --* ]]; do
		options="$options $1 $2"
		shift 2
	done
	# shellcheck disable=SC2086 # words
	figures=$(tests/host/load.py $options $base "$job" "$key" "$@") || code=1
	echo "$what: $figures" | tee -a out/figures >&2
	return $code
}

serves() { # NAME UNIT
	ok "$1 starts" systemctl start "$2"
	ok "$1: the API is there" until_it_holds 30 is_ready
	ok "$1: a job from order to result" runs_a_job "$1"
	next_version
	ok "$1: no request fails in an upgrade" under_load "$1, upgrade" apt-get install $update
	ok "$1: it is the new version" bash -c "dpkg-query -W -f '\${Version}' lotscribe | grep -q '+u$upgrades\$'"
}

restarts() { # NAME: with the program as a service
	ok "$1: nor in a restart of the front end" under_load "$1, restart" systemctl restart lotscribe-fcgi
	# What it had in hand is lost with it: a request of each client at most.
	ok "$1: kill -9 fails no more than was in hand" \
		under_load "$1, kill -9" --failures 9 systemctl kill -s KILL lotscribe-fcgi
}

web=/usr/share/lotscribe/web
lighty-enable-mod lotscribe-deflate lotscribe-log >&2
systemctl restart lighttpd
serves lighttpd lighttpd
restarts lighttpd
systemctl disable --now lighttpd >&2

apt-get install apache2 libapache2-mod-fcgid >&2
{ a2dismod fcgid && a2enmod proxy_fcgi env filter deflate headers setenvif && a2enconf lotscribe lotscribe-log; } >&2
systemctl stop apache2
serves apache-proxy-fcgi apache2
restarts apache-proxy-fcgi

systemctl disable --now apache2 >&2
apt-get install nginx >&2
systemctl stop nginx
sed -i "s|^\tserver_name _;|&\n\tinclude $web/nginx.con[f];|" /etc/nginx/sites-available/default
serves nginx nginx
restarts nginx
systemctl disable --now nginx >&2

# mod_fcgid begins the programs itself, as www-data.
a2disconf lotscribe >&2
cp $web/apache-fcgid.conf /etc/apache2/conf-available/fcgid-lotscribe.conf
{ a2enmod fcgid && a2enconf fcgid-lotscribe; } >&2
sed -i.before -e 's|# workers = .*|workers = 1|' -e 's|# max_waiting = .*|max_waiting = 0|' /etc/lotscribe/lotscribe.conf
ok "setup takes the web server's user" batchctl setup www-data batchd
serves apache-fcgid apache2
ok "apache-fcgid: kill -9 fails no more than was in hand" \
	under_load "apache-fcgid, kill -9" --failures 9 pkill -KILL -u www-data -x lotscribe.fcgi
systemctl stop apache2
mv /etc/lotscribe/lotscribe.conf.before /etc/lotscribe/lotscribe.conf
{ a2disconf fcgid-lotscribe && a2enconf lotscribe; } >&2

# ---- Deaths in the midst of a job.

systemctl restart lotscribe-fcgi
systemctl start nginx
until_it_holds 30 is_ready
has_running_batch() {
	batchctl batches --open | grep -q running
}
job=$(order killed)
ok "a batch runs" until_it_holds 30 has_running_batch
systemctl kill -s KILL batchd
ok "batchd is killed, and the job completed" until_it_holds 90 is_completed "$job"
ok "systemd started it again" test "$(systemctl show -p NRestarts --value batchd)" = 1
ok "and shows what it is about" until_it_holds 20 bash -c "systemctl show -p StatusText --value batchd | grep -q '^active: 0 jobs'"
pids() {
	systemctl show -p MainPID --value batchd lotscribe-fcgi
}
before=$(pids)
export -f until_it_holds is_ready
export base
job=$(order database)
ok "a batch runs again" until_it_holds 30 has_running_batch
ok "MariaDB is killed: 200 or 503 with Retry-After, no order lost" under_load "MariaDB, kill -9" --allow 503 \
	bash -c 'systemctl kill -s KILL mariadb; until_it_holds 60 mariadb -e "SELECT 1" && until_it_holds 60 is_ready'
ok "and the job completed" until_it_holds 90 is_completed "$job"
ok "by the same processes" test "$(pids)" = "$before"
ok "the journal names its parts" bash -c "journalctl -u batchd -u lotscribe-fcgi | grep -q 'lease taken'"
for event in 'order accepted' ordered describing answered completed; do
	ok "the journal has by the job's id that it was $event" bash -c "journalctl -o cat LOTSCRIBE_JOB_ID=$job | grep -q '^$event job=$job '"
done
ok "the configuration is read again" systemctl reload lotscribe-fcgi batchd
ok "and said so" until_it_holds 20 bash -c "test \$(journalctl -o cat | grep -c '^configuration read again') -ge 2"
all_done() {
	systemctl show -p StatusText --value batchd | grep -q '^active: 0 jobs'
}
ok "all orders are done" until_it_holds 120 all_done
ok "batchctl check finds nothing" batchctl check
ok "batchd stops" systemctl stop batchd
ok "and ended well" test "$(systemctl show -p Result --value batchd)" = success
systemctl start batchd

# ---- Removed, and back: with its state, it goes on. Purged: the database is another's to batchd.

web_servers_work() {
	local server
	for server in lighttpd apache2 nginx; do
		systemctl restart $server && until_it_holds 20 curl -s -f -o /dev/null $base/ || return 1
		systemctl stop $server
	done
}

named_after_it() { # files, whatever they are, by name
	find / \( -path /proc -o -path /sys -o -path /dev -o -path /var/host-test -o -path /var/log/journal \) -prune -o \
		\( -iname '*lotscribe*' -o -iname '*batchd*' -o -iname '*batchctl*' \) -print | sort
}

files() {
	find /etc /usr /lib /opt /srv /var/lib ! -path '/var/lib/mysql/*' ! -path '/var/lib/systemd/*' | sort
}

systemctl stop nginx
lighty-enable-mod lotscribe-deflate lotscribe-log >&2
ok "apt removes it" apt-get remove lotscribe
ok "nothing of it runs any more" nothing_runs
ok "the web servers work without it" web_servers_work
ok "it is installed again" apt-get install "./$package"
ok "and starts" bash -c "$enable"
systemctl start nginx
until_it_holds 30 is_ready
ok "its jobs go on" runs_a_job returned
systemctl stop nginx

ok "apt purges it" apt-get purge lotscribe
ok "the web servers work after that" web_servers_work
leaves_only() {
	diff <(printf '%s\n' "$@") <(named_after_it)
}
ok "nothing has its name but the database, and what was copied by hand" \
	leaves_only /etc/apache2/conf-available/fcgid-lotscribe.conf /var/lib/apache2/conf/disabled_by_admin/fcgid-lotscribe \
	/var/lib/mysql/lotscribe
files >files.before
ok "it is installed over the database" apt-get install "./$package"
ok "setup finds it" batchctl setup
eval "$provider"
echo $provider_key | install -m 600 /dev/stdin /etc/lotscribe/openai.key
$enable >&2
systemctl start nginx
until_it_holds 30 is_ready
job=$(order kept)
ok "batchd sends nothing" until_it_holds 30 bash -c "batchctl alerts | grep -q foreign_state"
ok "until it is told whose the batches are" batchctl installation keep
ok "then the job is completed" until_it_holds 90 is_completed "$job"
systemctl stop nginx
ok "it is purged at once" apt-get purge lotscribe
files >files.after
ok "and leaves no file" diff files.before files.after
ok_end
