#!/bin/bash
# SPDX-License-Identifier: ISC
# The operator of a new host, and its clients (README.md). Runs as a unit of the host.
set -u
cd /var/host-test || exit 1
n=0

ok() { # WHAT COMMAND...: one test, which holds where the command does
	local what=$1
	shift
	n=$((n + 1))
	if "$@" >&2; then echo "ok $n - $what"; else echo "not ok $n - $what"; fi
}

until_it_holds() { # SECONDS COMMAND...
	local tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

field() { # NAME: of the JSON object on standard input
	python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

status() { # JOB
	curl -s -f "http://127.0.0.1/api/v1/jobs/$1/status" | field status
}

is_completed() {
	[ "$(status "$1")" = completed ]
}

order() { # prints the job's id
	curl -s -f -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d '{"name": "'"$1"'",
		"languages": ["fr"], "deadline": "PT1H", "lots": [{"id": "1", "title": "Teapot", "notes": "silver"},
		{"id": "2", "title": "Bowl", "notes": "clay"}]}' http://127.0.0.1/api/v1/jobs | field job_id
}

is_translated() { # JOB
	curl -s -f "http://127.0.0.1/api/v1/jobs/$1" | python3 -c '
import json, sys
lots = json.load(sys.stdin)["lots"]
sys.exit(not (len(lots) == 2 and all(lot["descriptions"]["fr"]["value"]["title"] for lot in lots)))'
}

polls_go_on() { # JOB COMMAND...: 300 polls, none of which fails while the command is carried out
	local job=$1 failed=0 code
	shift
	for i in $(seq 300); do
		[ "$i" = 50 ] && { "$@" & }
		code=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1/api/v1/jobs/$job/status")
		[ "$code" = 200 ] || { failed=$((failed + 1)) && echo "poll $i: $code"; }
	done
	wait $!
	[ $failed = 0 ]
}

# ---- The operator, once.

ok "the users are made" systemd-sysusers
ok "MariaDB answers" until_it_holds 30 mariadb -e 'SELECT 1'
ok "setup makes the database" batchctl setup
ok "and does no harm again" batchctl setup
(umask 077 && echo sk-of-the-host >/etc/lotscribe/openai.key)
sed -i -e 's|# base_url = .*|base_url = "http://127.0.0.1:9999/v1"|' -e 's|# linger = .*|linger = "500ms"|' \
	-e 's|# poll_interval = .*|poll_interval = "500ms"|' /etc/lotscribe/lotscribe.conf
ok "the configuration is right" batchd -t
python3 tests/standin/openai_standin.py --port 9999 --dir provider --step 0.2 --key sk-of-the-host >&2 &
systemctl daemon-reload
ok "the units start" systemctl enable --now lotscribe-fcgi.socket lotscribe-fcgi.service batchd.service
key=$(batchctl key add house | tail -1)

# ---- Behind each web server, with the file that is shipped.

web=/usr/share/lotscribe/web
cp $web/lighttpd.conf /etc/lighttpd/conf-available/50-lotscribe.conf && lighty-enable-mod lotscribe >&2
cp $web/apache-proxy-fcgi.conf /etc/apache2/conf-available/lotscribe.conf
{ a2enmod proxy_fcgi env filter deflate && a2enconf lotscribe; } >&2
printf 'server {\n\tlisten 80 default_server;\n\tinclude %s/nginx.conf;\n}\n' $web >/etc/nginx/sites-enabled/default

for server in lighttpd apache2 nginx; do
	ok "$server starts" systemctl start $server
	ok "$server serves the API" until_it_holds 10 curl -s -f http://127.0.0.1/readyz
	job=$(order $server)
	ok "$server: a job is completed" until_it_holds 60 is_completed "$job"
	ok "$server: its translations are there" is_translated "$job"
	ok "$server: no poll fails while the front end restarts" polls_go_on "$job" systemctl restart lotscribe-fcgi
	ok "$server: nor while it is killed" polls_go_on "$job" systemctl kill -s KILL lotscribe-fcgi
	ok "$server stops" systemctl stop $server
done

# ---- The daemon dies in the midst of a job.

systemctl start lighttpd
until_it_holds 10 curl -s -f http://127.0.0.1/readyz
job=$(order killed)
until_it_holds 20 bash -c "batchctl batches --open | grep -q running"
systemctl kill -s KILL batchd
ok "a job is completed although batchd was killed" until_it_holds 90 is_completed "$job"
ok "systemd started it again" test "$(systemctl show -p NRestarts --value batchd)" = 1
ok "and shows what it is about" until_it_holds 20 bash -c "systemctl show -p StatusText --value batchd | grep -q '^active: 0 jobs'"
ok "the journal names its parts" bash -c "journalctl -u batchd -u lotscribe-fcgi | grep -q 'lease taken'"
ok "batchctl check finds nothing" batchctl check
ok "batchd stops" systemctl stop batchd
ok "and ended well" test "$(systemctl show -p Result --value batchd)" = success
echo "1..$n"
