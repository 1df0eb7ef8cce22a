#!/bin/sh
# make bench: the link on loopback, with what the machine does without us in the
# same run beside it. Ratios mean something, single figures are this machine's.
set -eu
bin=$(readlink -f "$1") raw=$(readlink -f "$2")
dir=$(mktemp -d)
serve=
finish() {
	[ -z "$serve" ] || kill "$serve" 2>/dev/null || :
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

head -c 67108864 /dev/urandom >"$dir/disk.img"
"$raw" >"$dir/raw.json"
udp=$(jq .udp_rtt_us.p50 "$dir/raw.json") tcp=$(jq .tcp_mb_s "$dir/raw.json")

printf '%-18s %9s %9s %9s %9s %9s %9s %10s\n' link "p50 us" "p99 us" "down MB/s" "up MB/s" \
	"disk MB/s" "CPU s/GB" "requests/s"
printf '%-18s %9s %9s %9.0f\n' "raw UDP, TCP" "$udp" "$(jq .udp_rtt_us.p99 "$dir/raw.json")" "$tcp"
row() {
	name=$1
	shift
	state=$dir/$(echo "$name" | tr -c 'a-z0-9\n' _)
	"$bin" "$@" -o serve.name=bench -s "$state-s" serve --listen 127.0.0.1:0 \
		--virtual "disk:$dir/disk.img,ro" 2>"$dir/serve.log" &
	serve=$!
	for _ in $(seq 100); do
		"$bin" -s "$state-s" status >/dev/null 2>&1 && break
		sleep 0.1
	done
	ticket=$("$bin" -s "$state-s" invite)
	"$bin" "$@" -s "$state-c" bench "$ticket" v-1 --json >"$dir/one.json"
	kill "$serve"
	wait "$serve" || :
	serve=
	jq -r '[.rtt_us.p50, .rtt_us.p99, .down_mb_s, .up_mb_s, .device.read_mb_s,
		.cpu_s_per_gb.local, .urb_s] | @tsv' "$dir/one.json" >"$dir/one.tsv"
	read -r p50 p99 down up disk cpu urbs <"$dir/one.tsv"
	printf '%-18s %9s %9s %9.0f %9.0f %9.0f %9.2f %10s   p50 - UDP %d us, down/TCP %.2f\n' "$name" \
		"$p50" "$p99" "$down" "$up" "$disk" "$cpu" "$urbs" $((p50 - udp)) \
		"$(awk -v a="$down" -v b="$tcp" 'BEGIN { print a / b }')"
}
row "bbr, mtu 1200" -o link.cc=bbr -o link.mtu=1200
row "all by libnice" -o link.cc=bbr -o link.mtu=1200 -o link.fast=no
row "cubic, mtu 1200" -o link.cc=cubic -o link.mtu=1200
row "bbr, mtu 8900" -o link.cc=bbr -o link.mtu=8900
