#!/bin/sh
# A link on which nothing happens wakes neither side more than once a second.
. test/e2e/lib.sh

SECONDS_LONG=20

# wakes PID: how often its threads have waited for something.
wakes() {
	cat /proc/"$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

random_image x.img 1
settings="-o serve.name=lab"
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
sleep "$SECONDS_LONG"
serve=$(($(wakes "$served") - before_serve)) attach=$(($(wakes "$attached") - before_attach))
[ "$serve" -le "$SECONDS_LONG" ]
ok "serve woke $serve times in $SECONDS_LONG s"
[ "$attach" -le "$SECONDS_LONG" ]
ok "attach woke $attach times in $SECONDS_LONG s"
check "the link is there" linked
is "nothing was lost or damaged" "$("$BIN" -s "$work/lab" status --json |
	jq -c '.running[0].peers[0].link | [.lost, .replayed, .late, .corrupted]')" "[0,0,0,0]"
finish
