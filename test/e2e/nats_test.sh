#!/bin/sh
# Rendezvous nodes on a NATS cluster of three: peers on different nodes meet, and go
# on meeting when a NATS node or a rendezvous node is killed.
. test/e2e/lib.sh

command -v nats-server >/dev/null || bail "nats-server is missing (apt install nats-server)"
random_image stick.img 1
random_image other.img 1

# start_nats I: one node of the cluster; its id is $nats.
start_nats() {
	routes=
	for r in 1 2 3; do
		[ "$r" = "$1" ] || routes="$routes,nats://127.0.0.1:4226$r"
	done
	nats-server -a 127.0.0.1 -p "4225$1" --cluster_name t --cluster "nats://127.0.0.1:4226$1" \
		--routes "${routes#,}" -l "$work/nats$1.log" >/dev/null 2>&1 &
	nats=$!
	pids="$pids $nats"
	echo "$nats" >"$work/nats$1.pid"
}

# start_node NAME I [ADDR:PORT]: a rendezvous that knows NATS node I first.
start_node() {
	: >"$work/$1.uri"
	"$BIN" -v -s "$work/$1" rendezvous --listen "${3:-127.0.0.1:0}" \
		--nats "nats://127.0.0.1:4225$2" >"$work/$1.uri" 2>>"$work/$1.log" &
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
	--virtual "disk:$work/stick.img" || bail "serve does not start again"
lab=$served
check "one serve at two nodes" wait_for 30 registered lab 2
check "through node c to either" meets c
"$BIN" -s "$work/anna" attach lab --via usbip=127.0.0.1:0 >"$work/long" 2>&1 &
long=$!
pids="$pids $long"
connected() {
	[ "$("$BIN" -s "$work/lab" status --json | jq -r '.running[].peers[] | select(.name == "anna") | .link.path' | wc -l)" = 1 ]
}
check "a standing link" wait_for 30 connected
kill -9 "$(cat "$work/nats3.pid")" "$(cat "$work/a.pid")"
start=$(date +%s)
check "a NATS node and a rendezvous node killed: they meet through c" wait_for 60 meets c
echo "# after $(($(date +%s) - start)) s"
check "and through b" wait_for 30 meets b
check "node c has found another NATS node" wait_for 60 on_nats c
is "the link did not notice" "$(grep -c 'goes on\|lost' "$work/long")" 0
check "and is there" connected
kill "$long"
wait "$long"

# all of NATS is gone: each node is whole by itself
for i in 1 2; do kill -9 "$(cat "$work/nats$i.pid")"; done
off() { ! on_nats b; }
check "NATS is gone" wait_for 60 off
check "those on one node still meet" meets b
for i in 1 2 3; do start_nats "$i"; done
check "NATS is back" wait_for 60 meets c
end_serve "$lab"
finish
