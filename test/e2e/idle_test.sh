#!/bin/sh
# What an idle serve costs: it starts in less than a second, has little memory, and with a
# link on which nothing happens neither side wakes more than once a second, or computes.
. test/e2e/lib.sh

SECONDS_LONG=20

# wakes PID: how often its threads have waited for something.
wakes() {
	cat /proc/"$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

# cpu PID: ticks of a hundredth of a second that it has computed.
cpu() {
	set -- $(sed 's/.*) //' "/proc/$1/stat")
	shift 11
	echo $(($1 + $2))
}
kb() { # NAME FILE
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$served/$2"
}
ms() {
	date +%s%3N
}
# start_ms: serve starts, prints its line and ends; the time until the line came.
start_ms() {
	s_t0=$(ms)
	: >"$work/start.log"
	"$BIN" $settings -s "$work/lab" serve --listen 127.0.0.1:0 \
		--virtual "disk:$work/x.img,ro" 2>"$work/start.log" &
	s_pid=$!
	pids="$pids $s_pid"
	tail -f --pid $s_pid -n +1 "$work/start.log" | grep -q -m 1 "serve ready"
	s_t1=$(ms)
	kill $s_pid
	wait $s_pid
	echo $((s_t1 - s_t0))
}

random_image x.img 1
settings="-o serve.name=lab"
# The best of five: others have the machine now and then.
"$BIN" -s "$work/lab" id >/dev/null
best=$(for i in 1 2 3 4 5; do start_ms; done | sort -n | head -n 1)
[ "$best" -lt 1000 ]
ok "serve is ready after $best ms"
start_serve lab --virtual "disk:$work/x.img,ro" || bail "serve does not start"
t=$(ticket lab --name anna)
"$BIN" -s "$work/anna" attach "$t" --as lab --via usbip=127.0.0.1:0 v-1 \
	>"$work/attach.out" 2>"$work/attach.log" &
attached=$!
pids="$pids $attached"
linked() {
	"$BIN" -s "$work/lab" status --json |
		jq -e '.running[0].peers[0].link | .mtu == 8900 and .rtt_us > 0'
}
check "a client stays" wait_for 15 linked
# libnice looks for better pairs at first, fifty times a second, for some five seconds
quiet() {
	quiet_before=$(($(wakes "$served") + $(wakes "$attached")))
	sleep 1
	[ $(($(wakes "$served") + $(wakes "$attached") - quiet_before)) -le 4 ]
}
check "what comes with the beginning is over" wait_for 20 quiet
before_serve=$(wakes "$served") before_attach=$(wakes "$attached")
cpu_serve=$(cpu "$served") cpu_attach=$(cpu "$attached")
sleep "$SECONDS_LONG"
serve=$(($(wakes "$served") - before_serve)) attach=$(($(wakes "$attached") - before_attach))
[ "$serve" -le "$SECONDS_LONG" ]
ok "serve woke $serve times in $SECONDS_LONG s"
[ "$attach" -le "$SECONDS_LONG" ]
ok "attach woke $attach times in $SECONDS_LONG s"
cpu_serve=$(($(cpu "$served") - cpu_serve)) cpu_attach=$(($(cpu "$attached") - cpu_attach))
[ "$cpu_serve" -le $((SECONDS_LONG / 2)) ] && [ "$cpu_attach" -le $((SECONDS_LONG / 2)) ]
ok "less than 0.5 % of a core: serve $cpu_serve, attach $cpu_attach hundredths of a second"
rss=$(kb VmRSS status) anon=$(kb Anonymous smaps_rollup)
[ "$rss" -lt 24576 ]
ok "serve has $rss kB of memory (limit 24576)"
[ "$anon" -lt 8192 ]
ok "of its own $anon kB (limit 8192)"
check "the link is there" linked
is "nothing was lost or damaged" "$("$BIN" -s "$work/lab" status --json |
	jq -c '.running[0].peers[0].link | [.lost, .replayed, .late, .corrupted]')" "[0,0,0,0]"
finish
