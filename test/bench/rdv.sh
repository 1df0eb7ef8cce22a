#!/bin/sh
# rdv.sh USBP2P RDVLOAD [N]: what N (10000) idle peers cost a rendezvous on one core.
set -u
bin=$1 load=$2 n=${3:-10000}
work=$(mktemp -d) || exit 1
pids=
trap 'for p in $pids; do kill $p; done 2>/dev/null; wait; rm -rf "$work"' EXIT
ulimit -n "$(ulimit -H -n)"

memory() { # kB of this field in smaps_rollup
	awk -v f="$1:" '$1 == f { print $2 }' "/proc/$met/smaps_rollup"
}
ticks() {
	awk '{ print $14 + $15 }' "/proc/$met/stat"
}

taskset -c 0 "$bin" -s "$work/meet" rendezvous --listen 127.0.0.1:0 >"$work/uri" 2>"$work/log" &
met=$!
pids=$met
while ! [ -s "$work/uri" ]; do sleep 0.05; done
before=$(memory Rss)
mkfifo "$work/hold"
"$load" "$(cat "$work/uri")" "$n" <"$work/hold" >"$work/ready" &
pids="$pids $!"
exec 3>"$work/hold"
start=$(date +%s%N)
while ! [ -s "$work/ready" ]; do
	kill -0 $! 2>/dev/null || exit 1
	sleep 0.05
done
end=$(date +%s%N)
used=$(ticks)
rss=$(memory Rss)
echo "peers $n, joined in $(((end - start) / 1000000)) ms, $((used * 10)) ms of processor"
echo "RSS $((rss / 1024)) MB, anonymous $(($(memory Anonymous) / 1024)) MB, $(((rss - before) * 1024 / n)) bytes a peer"
"$bin" -s "$work/meet" status
sleep 10
echo "idle for 10 s: $((($(ticks) - used) * 10)) ms of processor"
[ "$rss" -lt 256000 ] || { echo "more than 250 MB"; exit 1; }
