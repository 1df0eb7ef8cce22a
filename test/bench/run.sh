#!/bin/sh
# make bench: run.sh USBP2P RAW PATH [RESULTS]. The link on loopback, on bad lines
# (wan.sh) and with a kernel at its ends (guest.sh, and far.sh with a distance), with
# what the machine does without us in the same run beside it. Prints a table and writes
# it to RESULTS.md; ends with 1 if a bar was missed. Needs root (network namespaces) and
# 25 minutes. Ratios mean something, single figures are this machine's.
# ROWS: parts of "loopback idle start rdv wan guest far" to run; all of them unless told,
# and what is not all is only printed.
set -eu
bin=$(readlink -f "$1") raw=$(readlink -f "$2") path=$(readlink -m "$3")
here=$(dirname "$(readlink -f "$0")")
results=$(readlink -m "${4:-$([ -n "${ROWS:-}" ] && echo /dev/null || echo "$here/RESULTS.md")}")
rows=${ROWS:-loopback idle start rdv wan guest far}
settings="-o link.cc=bbr -o link.mtu=1200"
IDLE_S=30
load=$(cut -d ' ' -f 1 /proc/loadavg)
# before everything else that runs; nice helps little beside automatic groups
priority="It all ran with real-time priority (\`chrt -r 5\`)."
if ! chrt -r -p 5 $$ 2>/dev/null; then
	priority="It all ran without real-time priority: what else ran is in the figures."
	echo "bench: no real-time priority (chrt -r 5): what else runs spoils figures" >&2
fi
dir=$(mktemp -d)
pids=
finish() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

die() {
	echo "bench: $*" >&2
	exit 1
}

# row WHAT COMMAND FIGURE BAR BESIDE: as wan.sh and guest.sh print them
row() {
	printf '| %s | `%s` | %s | %s | %s |\n' "$@" | tee -a "$dir/rows"
}

# A bar is [WORD] OP NUMBER UNIT: of the figure, each number that stands before UNIT
# (after WORD, if there is one) is held against it. Adds the last column.
judge() {
	awk -F ' *[|] *' '
		function holds(n, op, bar) {
			return op == ">=" ? n >= bar : op == "<=" ? n <= bar : n < bar
		}
		/^[|]/ {
			k = split($5, b, " ")
			word = k == 4 ? b[1] : ""
			v = k < 3 ? "" : "no figure"
			m = split($4, f, /[ ,]+/)
			for (i = 1; k >= 3 && i < m; i++)
				if (f[i + 1] == b[k] && (word == "" || f[i - 1] == word)) {
					if (v != "**MISSED**")
						v = "met"
					if (!holds(f[i] + 0, b[k - 2], b[k - 1] + 0))
						v = "**MISSED**"
				}
			print "| " $2 " | " $3 " | " $4 " | " $5 " | " v " | " $6 " |"
		}'
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# calc EXPRESSION FORMAT
calc() {
	awk "BEGIN { printf \"$2\", $1 }"
}

# serve_up STATE OPTION... -- ARGUMENT...: $serve
serve_up() {
	state=$1
	shift
	opts=
	while [ "$1" != -- ]; do
		opts="$opts $1"
		shift
	done
	shift
	"$bin" $opts -o serve.name=bench -s "$dir/$state" serve --listen 127.0.0.1:0 "$@" \
		2>"$dir/serve.log" &
	serve=$!
	pids="$pids $serve"
	for _ in $(seq 200); do
		"$bin" -s "$dir/$state" status >/dev/null 2>&1 && return
		sleep 0.05
	done
	die "serve does not start: $(cat "$dir/serve.log")"
}

serve_down() {
	kill "$serve"
	wait "$serve" || :
}

# cpu_s PID: seconds that its threads have run
cpu_s() {
	cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { print n / 1e9 }'
}

# bench NAME OPTION...: one run of it in NAME.json, with the server's CPU beside it
bench() {
	bench_name=$1
	shift
	serve_up s "$@" -- --virtual "disk:$dir/disk.img,ro"
	ticket=$("$bin" -s "$dir/s" invite)
	before=$(cpu_s "$serve")
	"$bin" "$@" -s "$dir/c" bench "$ticket" --json >"$dir/one" ||
		die "bench: $(cat "$dir/serve.log")"
	jq -c --argjson cpu "$(calc "$(cpu_s "$serve") - $before" %.6f)" \
		'.remote_mb_s = (.link.bytes_in + .link.bytes_out) / 1e6 / $cpu |
		.local_mb_s = 1000 / .cpu_s_per_gb.local' "$dir/one" >>"$dir/$bench_name.json"
	serve_down
	rm -rf "$dir/s" "$dir/c"
}

# of NAME FILTER: the median of its runs, rounded
of() {
	jq "$2 // empty" "$dir/$1.json" | median | jq '. * 100 | round / 100'
}

loopback() {
	head -c 67108864 /dev/urandom >"$dir/disk.img"
	"$raw" >"$dir/raw"
	udp=$(jq .udp_rtt_us.p50 "$dir/raw")
	for _ in 1 2 3; do
		bench fast $settings
		bench nice $settings -o link.fast=no
	done
	tcp=
	if command -v iperf3 >/dev/null; then
		iperf3 -s -1 -B 127.0.0.1 -p 5299 --forceflush >"$dir/iperf" 2>&1 &
		pids="$pids $!"
		for _ in $(seq 100); do
			! grep -q listening "$dir/iperf" || break
			sleep 0.05
		done
		iperf3 -c 127.0.0.1 -p 5299 -t 3 -J >"$dir/tcp" &&
			tcp="iperf3 TCP, nothing encrypted: $(jq '.end.sum_received.bits_per_second / 8e6 | round' "$dir/tcp") MB/s"
	fi
	down=$(of fast .down_mb_s) nice=$(of nice .down_mb_s)
	row "goodput to the client, loopback, DTLS, MTU 1200" "bench $settings" "$down MB/s" ">= 300 MB/s" "$tcp"
	row "goodput from the client" "the same" "$(of fast .up_mb_s) MB/s" ">= 300 MB/s" ""
	row "all through libnice" "bench $settings -o link.fast=no" "$nice MB/s" "" ""
	row "the fast socket is better by" "the two" "$(calc "$down / $nice" %.2f) times" ">= 3 times" ""
	row "bytes per CPU second, fast" "bench and /proc/PID/schedstat" \
		"client $(of fast .local_mb_s) MB, server $(of fast .remote_mb_s) MB" "" \
		"through libnice: client $(of nice .local_mb_s) MB, server $(of nice .remote_mb_s) MB"
	bench cubic -o link.cc=cubic -o link.mtu=1200
	row "goodput with CUBIC" "bench -o link.cc=cubic -o link.mtu=1200" \
		"$(of cubic .down_mb_s) MB/s, $(of cubic .up_mb_s) MB/s" "" ""
	bench jumbo -o link.mtu=8900
	row "goodput of jumbo packets" "bench -o link.mtu=8900" \
		"$(of jumbo .down_mb_s) MB/s, $(of jumbo .up_mb_s) MB/s" "" \
		"bytes per CPU second: client $(of jumbo .local_mb_s) MB, server $(of jumbo .remote_mb_s) MB"
	bench chacha $settings -o link.cipher=chacha20
	row "goodput with ChaCha20" "bench $settings -o link.cipher=chacha20" \
		"$(of chacha .down_mb_s) MB/s, $(of chacha .up_mb_s) MB/s" "" ""
	row "64-byte round trip, idle" "bench $settings" \
		"p50 $(of fast .rtt_us.p50) us, p99 $(of fast .rtt_us.p99) us" "p50 <= $((udp + 50)) us" \
		"raw UDP: p50 $udp us, p99 $(jq .udp_rtt_us.p99 "$dir/raw") us; the bar is 50 us more"
	row "64-byte round trip beside saturating bulk" "the same" \
		"p50 $(of fast .rtt_busy_us.p50) us, p99 $(of fast .rtt_busy_us.p99) us" "p50 <= 2000 us" ""
	rm "$dir/disk.img"
}

# wakes PID: how often its threads have waited for something.
wakes() {
	cat /proc/"$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

idle() {
	head -c 1048576 /dev/urandom >"$dir/small.img"
	serve_up i -- --virtual "disk:$dir/small.img,ro"
	ticket=$("$bin" -s "$dir/i" invite)
	"$bin" -s "$dir/ic" attach "$ticket" --as lab --via usbip=127.0.0.1:0 v-1 \
		>"$dir/attach.out" 2>"$dir/attach.log" &
	attach=$!
	pids="$pids $attach"
	sleep 10 # libnice looks for better pairs at first
	s=$(wakes "$serve") a=$(wakes "$attach") cs=$(cpu_s "$serve") ca=$(cpu_s "$attach")
	sleep "$IDLE_S"
	s=$(calc "($(wakes "$serve") - $s) / $IDLE_S" %.2f)
	a=$(calc "($(wakes "$attach") - $a) / $IDLE_S" %.2f)
	cs=$(calc "100 * ($(cpu_s "$serve") - $cs) / $IDLE_S" %.3f)
	ca=$(calc "100 * ($(cpu_s "$attach") - $ca) / $IDLE_S" %.3f)
	what="serve --virtual disk:, attach --via usbip"
	row "wake-ups while idle, $IDLE_S s" "$what" "serve $s /s, attach $a /s" "<= 1 /s" \
		"voluntary context switches of all threads"
	row "CPU while idle" "$what" "serve $cs %, attach $ca %" "< 0.5 %" ""
	row "memory of serve, one device, one peer: anonymous" "$what" \
		"$(memory "$serve" Anonymous) MB" "< 8 MB" "attach: $(memory "$attach" Anonymous) MB"
	row "the same: RSS" "$what" "$(memory "$serve" Rss) MB" "< 24 MB" \
		"attach: $(memory "$attach" Rss) MB"
	kill "$attach"
	wait "$attach" || :
	serve_down
}

# memory PID FIELD: MB
memory() {
	awk -v f="$2:" '$1 == f { printf "%.1f", $2 * 1024 / 1e6 }' "/proc/$1/smaps_rollup"
}

# ms_each CMD...: milliseconds of one run, of twenty
ms_each() {
	t0=$(date +%s%N)
	for _ in $(seq 20); do
		"$@" >/dev/null
	done
	t1=$(date +%s%N)
	calc "($t1 - $t0) / 20e6" %.1f
}

start() {
	t0=$(date +%s%N)
	serve_up t -- --virtual loop
	t1=$(date +%s%N)
	row "start" "usbp2p help" "$(ms_each "$bin" help) ms" "" \
		"serve answers after $(calc "($t1 - $t0) / 1e6" %.0f) ms at most"
	row "status" "usbp2p status --json" "$(ms_each "$bin" -s "$dir/t" status --json) ms" "" ""
	serve_down
}

rdv() {
	"$here/rdv.sh" "$bin" "$(dirname "$path")/rdvload" 2>"$dir/rdv.log" >"$dir/rdv" ||
		die "rdv.sh: $(tail -n 3 "$dir/rdv.log")"
	tee -a "$dir/rows" <"$dir/rdv"
}

wan() {
	"$here/wan.sh" "$bin" "$path" 2>"$dir/wan.log" >"$dir/wan" ||
		die "wan.sh: $(tail -n 1 "$dir/wan.log")"
	tee -a "$dir/rows" <"$dir/wan"
}

guest() {
	BIN=$bin "$here/guest.sh" 2>"$dir/guest.log" >"$dir/guest" ||
		die "guest.sh: $(tail -n 3 "$dir/guest.log")"
	tee -a "$dir/rows" <"$dir/guest"
}

far() {
	BIN=$bin "$here/far.sh" 2>"$dir/far.log" >"$dir/far" ||
		die "far.sh: $(tail -n 3 "$dir/far.log")"
	tee -a "$dir/rows" <"$dir/far"
}

: >"$dir/rows"
for r in $rows; do
	"$r"
done
judge <"$dir/rows" >"$dir/table"
{
	echo "# usbp2p's figures"
	echo
	echo "Made by \`make bench\`, $(date -u +%Y-%m-%d), version $("$bin" --version 2>/dev/null | cut -d ' ' -f 2)," \
		"on one machine in one run: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
		"$(nproc) cores, Linux $(uname -r), $(openssl version | cut -d ' ' -f 1,2)." \
		"Load average when it began: $load (more than 0.3 spoils figures). MB are 10^6 bytes." \
		"$priority" \
		"Figures of the loopback are medians of three runs, those of the guest of its rounds;" \
		"a guest's cycles are emulated, so only ratios within it mean something."
	echo
	echo "| what | how | figure | bar | | beside it, in the same run |"
	echo "|---|---|---|---|---|---|"
	cat "$dir/table"
} >"$results"
echo
if grep '\*\*MISSED\*\*\|no figure' "$dir/table"; then
	exit 1
fi
