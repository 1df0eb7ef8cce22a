#!/bin/sh
# rdv.sh USBP2P RDVLOAD [idle [N]|cluster [N]]...: what peers cost a rendezvous, as rows
# for run.sh. idle: N (10000) that are silent, on one core. cluster: N (20000) at three
# nodes that share three NATS servers, and 1,000 offers a second from one node to another,
# all of it, and who makes the load, on this machine.
set -eu
bin=$(readlink -f "$1") load=$(readlink -f "$2")
shift 2
[ $# -gt 0 ] || set -- idle cluster
RATE=1000 FOR_S=30 GUESTS=1000
base=$((10000 + $$ % 2000 * 10)) # ports that the system does not give away
dir=$(mktemp -d)
pids=
end_all() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	pids=
}
trap 'end_all; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
ulimit -n "$(ulimit -H -n)"

die() {
	echo "rdv: $*" >&2
	exit 1
}

# row WHAT COMMAND FIGURE BAR BESIDE
row() {
	printf '| %s | `%s` | %s | %s | %s |\n' "$@"
}

calc() { # EXPRESSION FORMAT
	awk "BEGIN { printf \"$2\", $1 }"
}

mb() { # PID FIELD
	awk -v f="$2:" '$1 == f { printf "%.1f", $2 * 1024 / 1e6 }' "/proc/$1/smaps_rollup"
}

cpu_s() { # PID
	cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { print n / 1e9 }'
}

# until PID CMD...: CMD succeeds; PID must live until then
until_() {
	who=$1
	shift
	until "$@" >/dev/null 2>&1; do
		kill -0 "$who" 2>/dev/null || die "$(tail -n 3 "$dir"/*.log)"
		sleep 0.05
	done
}

# node NAME OPTION...: a rendezvous, $met
node() {
	name=$1
	shift
	"$bin" -s "$dir/$name" rendezvous --listen 127.0.0.1:0 --handshakes 5000 "$@" \
		>"$dir/$name.uri" 2>"$dir/$name.log" &
	met=$!
	pids="$pids $met"
	until_ "$met" test -s "$dir/$name.uri"
}

# peers URI N...: rdvload, $loader; returns when all have joined, after $took ms
peers() {
	mkfifo "$dir/hold"
	: >"$dir/said"
	t0=$(date +%s%N)
	"$load" "$@" <"$dir/hold" >"$dir/said" 2>"$dir/load.log" &
	loader=$!
	pids="$pids $loader"
	exec 3>"$dir/hold"
	until_ "$loader" grep -q ready "$dir/said"
	took=$((($(date +%s%N) - t0) / 1000000))
}

release() {
	exec 3>&-
	end_all
	rm "$dir/hold"
}

idle() {
	n=${1:-10000}
	node alone
	taskset -p -c 0 "$met" >/dev/null
	empty=$(mb "$met" Rss)
	c0=$(cpu_s "$met")
	peers "$(cat "$dir/alone.uri")" "$n"
	c1=$(cpu_s "$met")
	sleep 20
	c2=$(cpu_s "$met")
	rss=$(mb "$met" Rss)
	row "a rendezvous with $n idle peers, one core" "rdv.sh idle" "$rss MB" "< 250 MB" \
		"$(calc "($rss - $empty) * 1e6 / $n" %.0f) bytes a peer; each joined for $(calc "($c1 - $c0) * 1e3 / $n" %.2f) ms of the core; $(calc "($c2 - $c1) * 5" %.2f) % of it while they are idle"
	release
}

nats() { # I
	routes=
	for r in 1 2 3; do
		[ "$r" = "$1" ] || routes="$routes,nats://127.0.0.1:$((base + 5 + r))"
	done
	nats-server -a 127.0.0.1 -p "$((base + $1))" --cluster_name bench \
		--cluster "nats://127.0.0.1:$((base + 5 + $1))" --routes "${routes#,}" -l "$dir/nats$1.log" \
		>/dev/null 2>&1 &
	eval "nats$1=$!"
	pids="$pids $!"
}

on_nats() {
	"$bin" -s "$dir/$1" status --json | grep -q '"nats":true'
}

# figures UNIT FUNCTION PID...: what the function says of each
each() {
	unit=$1 of=$2
	shift 2
	list=
	for p in "$@"; do
		list="$list, $("$of" "$p") $unit"
	done
	echo "${list#, }"
}

rss() {
	mb "$1" Rss
}

# % of a core since mark
share() {
	calc "($(cpu_s "$1") - $(cat "$dir/cpu.$1")) * 100 / $FOR_S" %.0f
}

cluster() {
	n=${1:-20000}
	command -v nats-server >/dev/null || die "nats-server is missing"
	for i in 1 2 3; do
		nats $i
	done
	uris=
	for i in 1 2 3; do
		node "node$i" --nats "nats://127.0.0.1:$((base + i))"
		eval "node$i=$met"
		uris="$uris,$(cat "$dir/node$i.uri")"
		until_ "$met" on_nats "node$i"
	done
	peers "${uris#,}" "$n" $GUESTS $RATE $FOR_S
	for p in $node1 $node2 $node3 $nats1 $nats2 $nats3; do
		cpu_s "$p" >"$dir/cpu.$p"
	done
	until_ "$loader" grep -q offers "$dir/said"
	set -- $(jq -r '.delivered, .answered, .absent, .seconds, .delivered_us.p50 / 1000,
		.delivered_us.p99 / 1000, .delivered_us.max / 1000, .answered_us.p50 / 1000,
		.answered_us.p99 / 1000, .cpu_s' <<-E
		$(grep offers "$dir/said")
	E
	)
	row "$((n + GUESTS)) peers at three nodes on three NATS servers: offers to another node, $RATE a second for $FOR_S s" \
		"rdv.sh cluster" "$1 delivered, $2 answered, $3 absent" ">= $((RATE * FOR_S)) delivered" \
		"made in $4 s; there p50 $5 ms, p99 $6 ms, longest $7 ms; with the answer p50 $8 ms, p99 $9 ms; all joined in $(calc "$took / 1e3" %.0f) s"
	row "processor meanwhile" "the same" "nodes $(each % share $node1 $node2 $node3)" "" \
		"of one core; NATS $(each % share $nats1 $nats2 $nats3); who makes the load $(calc "${10} * 100 / $FOR_S" %.0f) %"
	row "memory of each: RSS" "the same" "nodes $(each MB rss $node1 $node2 $node3)" "" \
		"NATS $(each MB rss $nats1 $nats2 $nats3); $((n / 3 + GUESTS / 3)) peers each"
	release
}

while [ $# -gt 0 ]; do
	what=$1 many=
	shift
	case ${1:-} in [0-9]*) many=$1 && shift ;; esac
	case $what in
	idle | cluster) "$what" $many ;;
	*) die "$what? idle [N] or cluster [N]" ;;
	esac
done
