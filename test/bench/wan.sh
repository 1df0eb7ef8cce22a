#!/bin/sh
# The link on bad lines, with TCP on the same ones: wan.sh USBP2P PATH [ROW...]
# Prints rows of a table in Markdown, `| what | line and command | figure | bar | beside
# it |`; notes go to stderr. Two network namespaces with test/bench/path.c between them,
# so it needs root. Rows: full fast talk cubic fair queue disk; without any, all of them.
set -eu
bin=$(readlink -f "$1") path=$(readlink -f "$2")
shift 2
rows=${*:-full fast talk cubic fair queue disk}
src=$(dirname "$(readlink -f "$0")")/../..
dir=$(mktemp -d)
a=wan-a$$ b=wan-b$$
path_pid= serve_pid= tcp_pid= bench_pid=

# Others' work on a busy machine is not in the figures, as far as that can be had.
rt=
chrt -r 5 true 2>/dev/null && rt="chrt -r 5"

end_one() {
	[ -z "$1" ] || kill "$1" 2>/dev/null || :
	[ -z "$1" ] || wait "$1" 2>/dev/null || :
}
line_down() {
	end_one "$tcp_pid"
	end_one "$bench_pid"
	end_one "$serve_pid"
	end_one "$path_pid"
	path_pid= serve_pid= tcp_pid= bench_pid=
	for ns in "$a" "$b"; do
		ip netns del "$ns" 2>/dev/null || :
	done
}
finish() {
	line_down
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

die() {
	echo "wan.sh: $*" >&2
	exit 1
}

# wait_for WHAT TEST...
wait_for() {
	awaited=$1
	shift
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	die "$awaited does not come"
}

# line_up OPTIONS...: a fresh line, and a server at its end A
line_up() {
	line_down
	line=$*
	for ns in "$a" "$b"; do
		ip netns add "$ns"
	done
	$rt "$path" "$a" "$b" "$@" >"$dir/path" &
	path_pid=$!
	wait_for "the line" grep -q ready "$dir/path"
	at=1
	for ns in "$a" "$b"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv4.tcp_rmem="4096 131072 67108864" \
			net.ipv4.tcp_wmem="4096 16384 67108864"
		ip -n "$ns" addr add 10.77.0.$at/30 dev path
		ip -n "$ns" link set path txqueuelen 5000 mtu 1500 up
		ip -n "$ns" link set lo up
		at=2
	done
	# shellcheck disable=SC2086
	ip netns exec "$a" $rt "$bin" -o serve.name=bench ${opt:-} -s "$dir/s" serve \
		--listen 10.77.0.1:13240 ${virtual:-} 2>"$dir/serve.log" &
	serve_pid=$!
	wait_for "serve" "$bin" -s "$dir/s" status
	ticket=$("$bin" -s "$dir/s" invite)
}

# bench [OPTION...]: one run, in $dir/bench
bench() {
	# shellcheck disable=SC2086
	ip netns exec "$b" $rt "$bin" ${opt:-} -s "$dir/c" bench "$ticket" --json "$@" \
		>"$dir/bench" 2>"$dir/bench.log" || die "$(cat "$dir/bench.log" "$dir/serve.log")"
	echo "wan.sh: $line: $(cat "$dir/bench")" >&2
}
of_bench() {
	jq -r "$1" "$dir/bench"
}

# The line ends, and says how it was.
line_ends() {
	end_one "$path_pid"
	path_pid=
	cat "$dir/path" >&2
}
waits() { # of way a-b or b-a, in ms
	sed -n "s/^$1 .* wait_ms_p99=\([0-9]*\) wait_ms_max=\([0-9]*\).*/\1 \2/p" "$dir/path"
}

# tcp SECONDS: $tcp gets the MB/s that one CUBIC flow brings from A to B
tcp() {
	ip netns exec "$a" $rt iperf3 -s -1 --forceflush >"$dir/iperf.log" 2>&1 &
	tcp_pid=$!
	wait_for "iperf3" grep -q listening "$dir/iperf.log"
	ip netns exec "$b" $rt iperf3 -c 10.77.0.1 -R -C cubic -t "$1" -J >"$dir/tcp" ||
		die "iperf3: $(jq -r .error "$dir/tcp")"
	wait "$tcp_pid" || :
	tcp_pid=
	tcp=$(jq '.end.sum_received.bits_per_second / 8e4 | round / 100' "$dir/tcp")
}

row() { # what command figure bar beside
	printf '| %s | `path %s`, `%s` | %s | %s | %s |\n' "$1" "$line" "$2" "$3" "$4" "$5"
}
bulk() { # what bar OPTIONS...: both directions, and TCP
	what=$1 bar=$2
	shift 2
	line_up "$@"
	bench --time 20s
	tcp 20
	row "$what" "bench --time 20s" \
		"$(of_bench '"down \(.down_mb_s) MB/s, up \(.up_mb_s) MB/s"')" \
		"$bar" "TCP/CUBIC $tcp MB/s"
	line_ends
}

row_full() {
	bulk "100 Mbit/s, 50 ms, 1 % loss" ">= 11.25 MB/s" \
		delay=25 loss=1 rate=100 queue=625
}
row_fast() {
	bulk "50 ms, 0.1 % loss, no limit" ">= 60 MB/s" delay=25 loss=0.1
}
row_talk() {
	line_up delay=25 loss=1
	bench --time 1s
	row "64-byte round trip, 50 ms, 1 % loss" "bench" \
		"$(of_bench '.rtt_us | "p50 \(.p50 / 1000) ms, p99 \(.p99 / 1000) ms"')" \
		"p99 <= 110 ms" ""
	line_ends
}
row_cubic() {
	opt="-o link.cc=cubic"
	line_up delay=25 rate=100 queue=625
	bench --time 20s
	tcp 20
	row "our CUBIC, 100 Mbit/s, 50 ms, no loss" "$opt bench --time 20s" \
		"$(of_bench '"\(.link.cc): down \(.down_mb_s) MB/s, up \(.up_mb_s) MB/s"')" \
		"" "TCP/CUBIC $tcp MB/s"
	line_ends
	opt=
}
# bench's 200 round trips come first, then what goes the same way as TCP.
row_fair() {
	for delay in 10 25; do
		line_up delay=$delay rate=100 queue=$((delay * 25))
		bench --time 40s &
		bench_pid=$!
		sleep $((200 * 2 * delay / 1000 + 5))
		tcp 25
		wait "$bench_pid"
		bench_pid=
		row "TCP/CUBIC beside our bulk, 100 Mbit/s, $((2 * delay)) ms, queue of 1 BDP" \
			"bench --time 40s" "TCP $tcp MB/s" ">= 4.16 MB/s" \
			"ours $(of_bench .down_mb_s) MB/s, 15 of 40 s alone"
		line_ends
	done
}
row_queue() {
	line_up delay=25 rate=100 queue=2500
	bench --time 20s
	line_ends
	row "queue that our bulk makes, 100 Mbit/s, 50 ms, room for 200 ms" "bench --time 20s" \
		"$(printf '%s %s\n' "down $(waits a-b)" "up $(waits b-a)" |
			awk '{ printf "down p99 %s ms, at most %s ms, up p99 %s ms, at most %s ms", $2, $3, $5, $6 }')" \
		"< 60 ms" "$(of_bench '"down \(.down_mb_s) MB/s, up \(.up_mb_s) MB/s"')"
}

# read_disk OPTION: $read gets the MB/s at which bench reads the disk $dir/disk.img
read_disk() {
	opt=$1 virtual="--virtual disk:$dir/disk.img,ro"
	line_up delay=1 rate=100 queue=625
	bench v-1 --time 1s
	read=$(of_bench '.device.read_mb_s * 100 | round / 100')
	line_ends
	opt='' virtual=''
}
# Not less than a window of LZ4 lies between what is twice in it.
row_disk() {
	fig='' beside=''
	for what in zeros text random; do
		case $what in
		zeros) head -c 67108864 /dev/zero ;;
		text) while cat "$src"/core/*.c "$src"/net/*.c; do :; done 2>/dev/null | head -c 67108864 ;;
		random) head -c 67108864 /dev/urandom ;;
		esac >"$dir/disk.img"
		read_disk "-o link.compression=no"
		beside="$beside${beside:+, }$what $read MB/s"
		read_disk ""
		[ $what = random ] && beside="$beside; random with it $read MB/s" ||
			fig="$fig${fig:+, }$what $read MB/s"
	done
	rm "$dir/disk.img"
	row "disk read, 100 Mbit/s, 2 ms, compressed" "bench v-1" "$fig" ">= 12.5 MB/s" \
		"with link.compression=no: $beside"
}

for r in $rows; do
	"row_$r"
done
