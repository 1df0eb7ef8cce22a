#!/bin/sh
# Peers that take what they asked for slowly, or not at all: what waits for them has a
# bound, at the server and at the attach side, and others do not feel it.
. test/e2e/lib.sh
random_image one.img 4
random_image two.img 1
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$work/one.img" --virtual "disk:$work/two.img" ||
	bail "serve does not start"
for who in slow quick deaf; do
	"$BIN" -s "$work/$who" list "$(ticket lab --name "$who")" >/dev/null || bail "$who does not know lab"
done
sum=$(sha256sum "$work/one.img" | cut -c 1-64)

# Of a process, KiB; and the most that it had since most_of.
memory() {
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"
}
most=0
most_of() { # PID
	m_now=$(memory "$1")
	[ "${m_now:-0}" -le "$most" ] || most=$m_now
}
# bytes NAME: that lab has sent to that peer.
bytes() {
	"$BIN" -s "$work/lab" status --json |
		jq -e ".running[0].peers[] | select(.name == \"$1\") | .link.bytes_out"
}
sent() { # NAME BYTES
	s_bytes=$(bytes "$1") && [ "$s_bytes" -gt "$2" ]
}
# quick_one: somebody else reads a disk meanwhile.
quick_one() {
	"$BIN" -s "$work/quick" bench lab v-1 --time 300ms --json >"$work/quick.json" 2>"$work/quick.err" &
	quick=$!
	pids="$pids $quick"
}
quick_is_well() {
	wait "$quick"
	is "$1: another peer reads a disk" "$? $(jq -r .device.sha256 "$work/quick.json")" "0 $sum" ||
		note <"$work/quick.err"
}

# --- slow: it runs for a moment now and then, so that it is never dead ---

before=$(memory "$served")
"$BIN" -s "$work/slow" bench lab --time 60s >/dev/null 2>"$work/slow.err" &
slow=$!
pids="$pids $slow"
check "bytes flow" wait_for 20 sent slow 10000000
was=$(bytes slow)
quick_one
while ! gone "$quick"; do
	kill -STOP "$slow"
	sleep 0.3
	most_of "$served"
	kill -CONT "$slow"
	sleep 0.05
done
quick_is_well "slow"
[ $((most - before)) -lt 49152 ]
ok "slow: serve has at most 48 MiB more: $(((most - before) / 1024)) MiB" ||
	echo "#   $before KiB before, $most KiB then"
check "slow: it still gets some" sent slow "$was"
is "slow: by the same link" "$("$BIN" -s "$work/lab" status --json |
	jq '.running[0].peers[] | select(.name == "slow") | .links')" 1

# --- stopped: until it is given up ---

kill -STOP "$slow"
most=0
quick_one
while ! gone "$quick"; do
	most_of "$served"
	sleep 0.05
done
quick_is_well "stopped"
[ $((most - before)) -lt 49152 ]
ok "stopped: serve has at most 48 MiB more: $(((most - before) / 1024)) MiB"
has_no_slow() {
	! bytes slow
}
check "stopped: its link is given up" wait_for 20 has_no_slow
kill -CONT "$slow"
kill "$slow"
wait "$slow"
check "stopped: its memory is free again" wait_for 20 sh -c "[ \$(awk '\$1 == \"RssAnon:\" { print \$2 }' \
	/proc/$served/status) -lt $((before + 24576)) ]" || memory "$served"

# --- a client of attach that asks and does not read ---

"$BIN" -s "$work/deaf" attach lab --via usbip=127.0.0.1:0 v-1 v-2 >"$work/deaf.out" 2>"$work/deaf.log" &
attached=$!
pids="$pids $attached"
offers() {
	[ "$(grep -c ' offered ' "$work/deaf.out")" = 2 ]
}
check "both disks are offered" wait_for 20 offers
port=$(sed -n "s/^v-1 offered at=[^ ]*:\([0-9]*\) .*/\1/p" "$work/deaf.out")
mine=$(memory "$attached") its=$(memory "$served")
perl test/e2e/urbs.pl 127.0.0.1 "$port" v-2 deaf >"$work/deaf.urbs" 2>&1 &
deaf=$!
perl test/e2e/urbs.pl 127.0.0.1 "$port" v-1 >"$work/urbs" 2>&1 &
urbing=$!
pids="$pids $deaf $urbing"
more() {
	[ "$(grep -c '^\.' "$work/urbs")" -ge "$1" ]
}
check "deaf: a client beside it is served" wait_for 20 more 1
# Nothing was taken from it for so long.
stuck() {
	k_lines=$(wc -l <"$work/deaf.urbs")
	sleep 3
	[ "$k_lines" -gt 0 ] && [ "$k_lines" = "$(wc -l <"$work/deaf.urbs")" ]
}
check "deaf: nothing more is taken from it" wait_for 20 stuck
has_not "deaf: before it has asked for all" "$work/deaf.urbs" taken
check "deaf: the other one still is" wait_for 20 more $(($(grep -c '^\.' "$work/urbs") + 5))
for what in "attach $attached $mine" "serve $served $its"; do
	set -- $what
	[ $(($(memory "$2") - $3)) -lt 49152 ]
	ok "deaf: $1 has at most 48 MiB more: $((($(memory "$2") - $3) / 1024)) MiB"
done
has_not "deaf: the link does not feel it" "$work/deaf.log" " lost "
kill "$urbing"
wait "$urbing"
is "every request of the other was answered" \
	"$(tail -n 1 "$work/urbs" | sed 's/answers=[0-9]* \(.*\) longest.*end/\1 end/')" \
	"missing=0 bad=0 end=done"
kill "$deaf"
wait "$deaf"
check "attach ends well" end_serve "$attached"
check "and serve" end_serve "$served"
finish
