#!/bin/sh
# SPDX-License-Identifier: ISC
# The layers: core/ is pure, includes point down only, no program holds the other's edge.
# Run by "make check" in the build directory.
set -u
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"
nm=${NM:-nm}

# ---- What libcore.a calls. Sanitizers and gcov add calls of their own, under other names.

deny='^(time|clock|clock_gettime|gettimeofday|timespec_get|ftime|localtime(_r)?|gmtime(_r)?|mktime|tzset'
deny="$deny|sleep|usleep|nanosleep|getenv|secure_getenv|setenv|putenv|environ|setlocale"
deny="$deny|fopen(64)?|fdopen|open(64)?|openat(64)?|creat|read|__read_chk|pread(64)?|write|pwrite(64)?"
deny="$deny|close|fread|fwrite|fgets|__fgets_chk|getline|fputs|fputc|puts|putchar|putc|perror"
deny="$deny|(__)?v?f?d?printf(_chk)?|stdin|stdout|stderr|fflush|stat(64)?|fstat(64)?|mmap(64)?|unlink"
deny="$deny|socket|connect|bind|accept4?|send(to|msg)?|recv(from|msg)?|__recv_chk|poll|__poll_chk"
deny="$deny|select|getaddrinfo|fork|vfork|exec[lv].*|system|popen|posix_spawnp?|kill|raise|signal"
deny="$deny|sigaction|exit|_exit|atexit|pthread_.*|rand|rand_r|srand|random|srandom|drand48|lrand48"
deny="$deny|arc4random.*|getrandom|getentropy|RAND_.*|EVP_.*|mysql_.*|mariadb_.*|curl_.*|FCGX_.*"
deny="$deny|cfg_.*|sd_.*|(v|__v|__)?syslog(_chk)?|strtok|strerror|asctime|ctime|gets"
deny="$deny|json_object_from_f.*|json_object_to_f.*)\$"

symbols=$("$nm" -u libcore.a) || symbols="nm cannot read libcore.a"
claim "libcore.a can be read" "$(printf '%s\n' "$symbols" | grep 'nm cannot')"
claim "libcore.a calls no clock, I/O, environment, random, log or library of the shell" \
	"$(printf '%s\n' "$symbols" | awk '$1 == "U" || $1 == "w" {print $NF}' | sort -u | grep -E "$deny")"

# But for the one byte that every empty strbuf points to and none writes.
if [ -z "${INSTRUMENT:-}" ]; then
	claim "libcore.a has no variable data" "$(size -A libcore.a |
		awk '/ex libcore.a/ {file = $1}
			$1 ~ /^\.(data|bss|tdata|tbss)$/ && $2 > 0 {print file, $1, $2}' |
		grep -v '^strbuf.o .bss 1$')"
fi

# ---- What the programs are linked with.

needs() {
	readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p'
}

program_lacks() { # PROGRAM PATTERN
	if [ -f "$1" ]; then
		claim "$1 is not linked with $2" "$(needs "$1" | grep -E "^lib($2)\.")"
	fi
}

program_lacks fcgi_app/lotscribe.fcgi 'curl.*'
program_lacks batchd/batchd 'fcgi.*'
program_lacks batchctl/batchctl 'curl.*|fcgi.*'
program_lacks repair/lotscribe-repair 'curl.*|fcgi.*|mariadb.*'

# ---- Which way includes point.

cd "$srcdir" || exit 99

includes() { # FOLDER: "file:line:#include ..." of all its files
	find "$1" -name '*.[ch]' -exec grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null {} +
}

may_include() { # FOLDER PATTERN: quoted includes of FOLDER match PATTERN
	[ -d "$1" ] || return 0
	claim "$1/ includes only what lies below it" \
		"$(includes "$1" | grep '"' | grep -vE "\"($2)/[^\"]*\"")"
}

may_include core 'core'
may_include common 'core|common'
may_include fcgi_app 'core|common|fcgi_app'
may_include batchd 'core|common|batchd'
may_include batchctl 'core|common|batchctl'
may_include repair 'core'

allowed='assert|ctype|errno|float|inttypes|limits|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|math'
claim "core/ includes of the system only pure headers and json-c" \
	"$(includes core | grep '<' | grep -vE "<(($allowed)\.h|json-c/[a-z_]+\.h)>")"

base='limits|err|strbuf|timemath|uuid|json_util|json_scan|json_walk|ascii|utf8|json_run'
claim "the pure base does not include the domain" \
	"$(includes core | grep -E "^core/($base)\.[ch]:" | grep '"' | grep -vE "\"core/($base)\.h\"")"
claim "FastCGI is spoken in fcgi_app/ only" \
	"$(grep -rnE '<fcgi[a-z_]*\.h>' core common batchd batchctl repair 2>/dev/null)"
claim "libcurl is spoken in batchd/ only" \
	"$(grep -rnE '<curl/' core common fcgi_app batchctl repair 2>/dev/null)"
tap_end
