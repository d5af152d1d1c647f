# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What an operator and a client of a host do, for the scripts of this folder and debian/tests, which source this file.
# They print the Test Anything Protocol, with all else on standard error.

base=http://localhost
key=
ok_count=0

ok() { # WHAT COMMAND...: one test, which holds where the command does
	local what=$1 result='not ok'
	shift
	ok_count=$((ok_count + 1))
	"$@" >&2 && result=ok
	echo "$result $ok_count - $what"
	[ "$result" = ok ] || failed=yes
}

ok_end() { # the plan; last
	echo "1..$ok_count"
	[ -z "${failed:-}" ]
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

order() { # NAME: prints the job's id
	curl -s -f -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d '{"name": "'"$1"'",
		"languages": ["fr"], "deadline": "PT1H", "lots": [{"id": "1", "title": "Teapot", "notes": "silver"},
		{"id": "2", "title": "Bowl", "notes": "clay"}]}' $base/api/v1/jobs | field job_id
}

is_completed() { # JOB
	[ "$(curl -s -f "$base/api/v1/jobs/$1/status" | field status)" = completed ]
}

is_translated() { # JOB
	curl -s -f "$base/api/v1/jobs/$1" | python3 -c '
import json, sys
lots = json.load(sys.stdin)["lots"]
sys.exit(not (len(lots) == 2 and all(lot["descriptions"]["fr"]["value"]["title"] for lot in lots)))'
}

is_ready() {
	curl -s -f $base/readyz
}

runs_a_job() { # NAME: from order to result; leaves its id in $job
	job=$(order "$1") && until_it_holds 90 is_completed "$job" && is_translated "$job"
}

# The stand-in for the provider, with what lotscribe.conf is to say of it in $provider: no bill, and no long waits.
provider_key=sk-of-the-host
# shellcheck disable=SC2034 # for those who source this file
provider="sed -i -e 's|# base_url = .*|base_url = \"http://127.0.0.1:9999/v1\"|' -e 's|# linger = .*|linger = \"500ms\"|' \
-e 's|# poll_interval = .*|poll_interval = \"500ms\"|' /etc/lotscribe/lotscribe.conf"

begin_standin() { # TESTS FOLDER: the folder with the tests, and where it keeps its state
	python3 "$1/standin/openai_standin.py" --port 9999 --dir "$2" --step 0.2 --key $provider_key >&2 &
	until_it_holds 30 curl -s -f http://127.0.0.1:9999/_standin/health
}

# All that README.Debian asks for but the web server, as the new user does it; leaves an API key in $key.
an_installation() { # TESTS
	begin_standin "$1" "$(mktemp -d)" && until_it_holds 60 mariadb -e 'SELECT 1' && batchctl setup || return 1
	eval "$provider"
	echo $provider_key | install -m 600 /dev/stdin /etc/lotscribe/openai.key
	systemctl enable --now lotscribe-fcgi.socket lotscribe-fcgi.service batchd.service || return 1
	key=$(batchctl key add house | tail -1)
}
