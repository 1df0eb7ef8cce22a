#!/bin/sh
# Rendezvous nodes on a NATS cluster of three: peers on different nodes meet, and go
# on meeting when a NATS node or a rendezvous node is killed.
. test/e2e/lib.sh

command -v nats-server >/dev/null || bail "nats-server is missing (apt install nats-server)"
random_image stick.img 1
random_image other.img 1

# Ports that the system does not give to those who do not care.
base=$((10000 + $$ % 2000 * 10))

# start_nats I: one node of the cluster; its id is $nats.
start_nats() {
	routes=
	for r in 1 2 3; do
		[ "$r" = "$1" ] || routes="$routes,nats://127.0.0.1:$((base + 5 + r))"
	done
	nats-server -a 127.0.0.1 -p "$((base + $1))" --cluster_name t --cluster "nats://127.0.0.1:$((base + 5 + $1))" \
		--routes "${routes#,}" -l "$work/nats$1.log" >/dev/null 2>&1 &
	nats=$!
	pids="$pids $nats"
	echo "$nats" >"$work/nats$1.pid"
}

# start_node NAME I [ADDR:PORT]: a rendezvous that knows NATS node I first.
start_node() {
	: >"$work/$1.uri"
	"$BIN" -v -s "$work/$1" rendezvous --listen "${3:-127.0.0.1:0}" \
		--nats "nats://127.0.0.1:$((base + $2))" >"$work/$1.uri" 2>>"$work/$1.log" &
	echo "$!" >"$work/$1.pid"
	pids="$pids $!"
	wait_for 10 test -s "$work/$1.uri"
}

on_nats() {
	"$BIN" -s "$work/$1" status --json | grep -q '"nats":true'
}

registered() {
	[ "$("$BIN" -s "$work/$1" status --json | grep -o '"registered":true' | wc -l)" = "$2" ]
}

start_hidden() {
	serve_dir=$work/$1
	serve_log=$work/$1.log
	shift
	"$BIN" -v $settings -s "$serve_dir" serve --listen none "$@" 2>"$serve_log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$serve_dir" && ! gone "$served"
}

# meets NODE...: anna's only ways to lab are these.
meets() {
	words=
	for m in "$@"; do
		words="$words $(cat "$work/$m.uri")"
	done
	sed -i "s,\( lab\) .*,\1$words," "$work/anna/peers"
	try timeout 20 "$BIN" -s "$work/anna" list lab
	[ "$rc" = 0 ]
}

for i in 1 2 3; do start_nats "$i"; done
start_node a 1 || bail "node a does not start"
start_node b 2 || bail "node b does not start"
start_node c 3 || bail "node c does not start"
for m in a b c; do
	check "node $m finds NATS" wait_for 30 on_nats "$m"
done

settings="-o serve.name=lab"
start_hidden lab --rendezvous "$(cat "$work/a.uri")" --virtual "disk:$work/stick.img" ||
	bail "serve does not start"
lab=$served
check "serve registers at node a" wait_for 30 registered lab 1
try "$BIN" -s "$work/anna" list "$(ticket lab --name anna)"
is "through node a" "$rc" 0
check "through node b" wait_for 10 meets b
check "through node c" meets c

# somebody who is nowhere is known at once
mkdir -p "$work/lost"
cp "$work/anna/key.pem" "$work/lost"
sed "s/server [^ ]*/server $("$BIN" -s "$work/nobody" id)/" "$work/anna/peers" >"$work/lost/peers"
try "$BIN" -s "$work/lost" list lab
fails "a server that is nowhere" 4 "the server is not at rendezvous"

# the newer registration wins on whichever node
cp -r "$work/lab" "$work/twin"
rm -rf "$work/twin/run"
start_hidden twin --rendezvous "$(cat "$work/b.uri")" --virtual "disk:$work/other.img" ||
	bail "the twin does not start"
check "a newer one on node b" wait_for 30 registered twin 1
check "ends the older one on node a" wait_for 30 registered lab 0
end_serve "$served"
end_serve "$lab"

# one serve at two nodes; a standing link; then the kills
start_hidden lab --rendezvous "$(cat "$work/a.uri")" --rendezvous "$(cat "$work/b.uri")" \
	--virtual "disk:$work/stick.img" --virtual "disk:$work/other.img" || bail "serve does not start again"
lab=$served
check "one serve at two nodes" wait_for 30 registered lab 2
check "through node c to either" meets c
connected() {
	[ "$("$BIN" -s "$work/lab" status --json | jq -r '.running[].peers[] | select(.name == "anna") | .link.path' | wc -l)" = 1 ]
}

# using NAME DEVICE: takes what NAME offers, and asks the device for its descriptor
# again and again; a line of $work/NAME.uses for each answer: its status, its bytes and
# the milliseconds since the last one. The process is $using.
using() {
	u_at=$(sed -n "s/^$2 offered at=\([^ ]*\) .*/\1/p" "$work/$1.via" | tail -n 1)
	: >"$work/$1.uses"
	bash -c '
		hex() { head -c "$1" <&3 | od -An -v -tx1 | tr -d " \n"; }
		say() { printf "$(printf %s "$1" | sed "s/../\\\\x&/g")" >&3; }
		exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
		say "0111800300000000"; printf %s "$2" >&3; head -c $((32 - ${#2})) /dev/zero >&3
		[ "$(hex 8)" = 0111000300000000 ] || exit 1
		import=$(hex 312)
		device=${import:580:4}${import:588:4}
		for ((n = 1; ; n++)); do
			t=${EPOCHREALTIME/./}
			say "00000001$(printf %08x $n)${device}000000010000000000000000"
			say "000000120000000000000000000000008006000100001200"
			r=$(hex 66)
			echo "${r:40:8} ${#r} $(((${EPOCHREALTIME/./} - t) / 1000))"
			[ ${#r} = 132 ] || exit 1
			read -r -t 0.05 -u 3 || [ $? -gt 128 ] || exit 1
		done' use "${u_at##*:}" "$2" >"$work/$1.uses" 2>"$work/use.err" &
	using=$!
	pids="$pids $using"
	wait_for 10 test -s "$work/$1.uses"
}
uses() {
	wc -l <"$work/anna.uses"
}
more_uses() {
	[ "$(uses)" -gt "$1" ]
}

# attaches NODE...: berta gets the device, knowing these ways only; in $took ms from
# $killed on.
attaches() {
	words=
	for m in "$@"; do
		words="$words $(cat "$work/$m.uri")"
	done
	sed -i "s,\( lab\) .*,\1$words," "$work/berta/peers"
	offer berta lab v-2
	attached=$?
	took=$(($(date +%s%3N) - killed))
	kill "$offered"
	wait "$offered"
	return $attached
}
try "$BIN" -s "$work/berta" list "$(ticket lab --name berta)"
is "another one is invited" "$rc" 0
offer anna lab v-1
long=$offered
check "a device is attached through node c" connected
check "and used" using anna v-1
before=$(uses)
off() { ! on_nats "$1"; }
joins() {
	"$BIN" -s "$work/c" status --json | jq '.running[0].counts.joins'
}
joined_since() { # JOINS
	[ "$(joins)" -gt "$1" ]
}
# the other NATS nodes say nothing until somebody asks node c, which has none meanwhile
nats12="$(cat "$work/nats1.pid") $(cat "$work/nats2.pid")"
joins=$(joins)
kill -STOP $nats12
kill -9 "$(cat "$work/nats3.pid")" "$(cat "$work/a.pid")"
check "node c has lost its NATS" wait_for 10 off c
killed=$(date +%s%3N)
{
	wait_for 20 joined_since "$joins"
	kill -CONT $nats12
} &
attaches a c
is "killed, a NATS node and a rendezvous node: a new attach within 5 s, through the one \
that has lost its NATS" "$? $((took <= 5000))" "0 1"
echo "# attached after $took ms"
attaches b
is "and through the third" "$?" 0
check "node c has found another NATS node" wait_for 60 on_nats c
check "meanwhile the device was used" more_uses "$before"
check "and is" wait_for 10 more_uses "$(uses)"
is "each time it answered" "$(cut -d ' ' -f 1,2 "$work/anna.uses" | sort -u)" "00000000 132"
echo "# $(uses) times, the longest took $(cut -d ' ' -f 3 "$work/anna.uses" | sort -n | tail -n 1) ms"
is "who attached heard nothing of it" "$(grep -c 'goes on\|lost' "$work/anna.log" "$work/anna.via" | tr '\n' ' ')" \
	"$work/anna.log:0 $work/anna.via:0 "
check "and its link is there" connected
kill "$using" "$long"
wait "$long"

# all of NATS is gone: each node is whole by itself
for i in 1 2; do kill -9 "$(cat "$work/nats$i.pid")"; done
check "NATS is gone" wait_for 60 off b
check "those on one node still meet" meets b
for i in 1 2 3; do start_nats "$i"; done
check "NATS is back" wait_for 60 meets c
end_serve "$lab"
finish
