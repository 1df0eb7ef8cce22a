#!/bin/sh
# Two that meet at a rendezvous only: nobody dials anybody but that.
. test/e2e/lib.sh

random_image stick.img 1
random_image other.img 1

# start_rdv DIR [ADDR:PORT] [OPTION...]: its URI is $uri, its id $met.
start_rdv() {
	rdv_dir=$work/$1
	rdv_at=${2:-127.0.0.1:0}
	rdv_log=$work/$1.log
	[ $# -lt 2 ] || shift
	shift
	: >"$rdv_dir.uri"
	"$BIN" -v -v -s "$rdv_dir" rendezvous --listen "$rdv_at" "$@" >"$rdv_dir.uri" 2>>"$rdv_log" &
	met=$!
	pids="$pids $met"
	wait_for 10 test -s "$rdv_dir.uri" && uri=$(cat "$rdv_dir.uri")
}

# registered DIR N: that serve is at N rendezvous.
registered() {
	[ "$("$BIN" -s "$work/$1" status --json | grep -o '"registered":true' | wc -l)" = "$2" ]
}

# start_hidden DIR OPTION...: a serve without a listener; its id is $served.
start_hidden() {
	serve_dir=$work/$1
	serve_log=$work/$1.log
	shift
	"$BIN" -v $settings -s "$serve_dir" serve --listen none "$@" 2>"$serve_log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$serve_dir" && ! gone "$served"
}

count() {
	"$BIN" -s "$work/$1" status --json | sed "s/.*\"$2\":\([0-9]*\).*/\1/"
}

start_rdv meet || bail "rendezvous does not start"
case $uri in
rdv://127.0.0.1:[0-9]*#[A-Z2-7]*) true ;;
*) false ;;
esac
ok "it prints where it is, with its pin"
echo "$met" >"$work/meet.pid"
at=${uri#rdv://}
at=${at%#*}
settings="-o serve.name=lab"
start_hidden lab --rendezvous "$uri" --virtual "disk:$work/stick.img" ||
	bail "serve does not start"
lab=$served
check "serve registers" wait_for 30 registered lab 1

# --- first contact, and by name ---

t=$(ticket lab --name anna)
try "$BIN" -s "$work/anna" list "$t"
is "a ticket through the rendezvous" "$rc $(awk '{ print $1 }' "$work/out")" "0 v-1"
has "the server's name and where to find it are kept" "$work/anna/peers" "lab $uri"
try "$BIN" -s "$work/anna" list lab
is "by name" "$rc $(awk '{ print $1 }' "$work/out")" "0 v-1"
try "$BIN" -s "$work/anna" bench lab v-1 --json
is "bench reads the disk" "$rc" 0
has "over a direct path" "$work/out" "host 127.0.0.1"

# --- ways out of it: a direct address beside it, two of them, the setting ---

start_rdv second || bail "the second rendezvous does not start"
uri2=$uri
met2=$met
uri=$(cat "$work/meet.uri")
settings="-o serve.name=attic -o serve.rendezvous=$uri,$uri2"
start_hidden attic --virtual "disk:$work/other.img" || bail "serve does not start"
attic=$served
check "the setting: two rendezvous" wait_for 30 registered attic 2
t=$(ticket attic)
kill -9 "$met2"
wait "$met2" 2>/dev/null
try "$BIN" -s "$work/anna" list "$t"
is "one of two rendezvous is enough" "$rc $(awk '{ print $1 }' "$work/out")" "0 v-1"
is "both are kept" "$(grep -o ' rdv://' "$work/anna/peers" | wc -l)" 3
end_serve "$attic"
is "serve ends" "$?" 0

# --- strangers ---

try "$BIN" -s "$work/eve" list "$(ticket lab --ttl 1ms)"
fails "an expired ticket" 3 "used up or expired"
t=$(ticket lab --name bert)
try "$BIN" -s "$work/bert" list "$t"
is "a ticket's one use" "$rc" 0
try "$BIN" -s "$work/eve" list "$t"
fails "a used ticket" 3 "used up or expired"
has "serve says who and whence" "$work/lab.log" "refused from=$at"
mkdir -p "$work/mallory"
sed "s/^server/server/" "$work/bert/peers" >"$work/mallory/peers"
try "$BIN" -s "$work/mallory" list lab
fails "an id that nobody invited" 3 "you are not invited"

# --- other keys ---

other=$("$BIN" -s "$work/other" id | tr -d -)
mkdir -p "$work/fooled"
sed "s/#.*/#$other/" "$work/bert/peers" >"$work/fooled/peers"
cp "$work/bert/key.pem" "$work/fooled"
try "$BIN" -s "$work/fooled" list lab
fails "a rendezvous with another key" 3 "the rendezvous at this address is another one"
mkdir -p "$work/lost"
sed "s/server [^ ]*/server $("$BIN" -s "$work/other" id)/" "$work/bert/peers" >"$work/lost/peers"
cp "$work/bert/key.pem" "$work/lost"
try "$BIN" -s "$work/lost" list lab
fails "a server that is not there is known at once" 4 "the server is not at rendezvous $at"

# --- the rendezvous dies and comes back ---

"$BIN" -s "$work/bert" attach lab --via usbip=127.0.0.1:0 >"$work/long" 2>&1 &
long=$!
pids="$pids $long"
connected() {
	[ "$("$BIN" -s "$work/lab" status --json | jq '.running[].peers[] | select(.name == "bert") | .link.path' | wc -l)" = 1 ]
}
check "a standing link" wait_for 30 connected
kill -9 "$(cat "$work/meet.pid")"
lonely() { registered lab 0; }
check "serve notices that the rendezvous is gone" wait_for 30 lonely
try "$BIN" -s "$work/anna" list lab
fails "nobody can be met meanwhile" 6 "no answer at rendezvous $at"
check "the standing link does not notice" connected
start_rdv meet "$at" || bail "the rendezvous does not come back"
echo "$met" >"$work/meet.pid"
is "it is the same one" "$uri" "rdv://$at${uri#rdv://"$at"}"
check "serve registers again" wait_for 60 registered lab 1
check "and still the link is there" connected
try "$BIN" -s "$work/anna" list lab
is "peers meet again" "$rc" 0
kill "$long"
wait "$long"
is "the link ends when it is told to" "$?" 0

# --- the newer registration ---

cp -r "$work/lab" "$work/twin"
rm -rf "$work/twin/run"
start_hidden twin --rendezvous "$uri" --virtual "disk:$work/other.img" ||
	bail "the twin does not start"
twin=$served
check "the newer registration wins" wait_for 30 registered twin 1
check "the older one is told" wait_for 30 grep -q "another connection has come under the same id" "$work/lab.log"
check "and is out" registered lab 0
end_serve "$twin"
end_serve "$lab"

# --- status and end ---

"$BIN" -s "$work/meet" status --json | jq -e '.running[0] | .kind == "rendezvous" and
	.connections == 0 and .servers == 0 and .counts.joins > 0 and
	.counts.parcels > 0 and .counts.absent >= 0 and .counts.replaced == 1' >/dev/null
ok "status tells who is there"
try "$BIN" -s "$work/meet" status
has "and for people" "$work/out" "0 connections, 0 of servers"
try "$BIN" -s "$work/meet" rendezvous --listen 127.0.0.1:0
fails "a second one in the same directory" 5 "another rendezvous runs"
is "nothing on disk but its key" "$(cd "$work/meet" && find . -type f | sort | tr '\n' ' ')" \
	"./cert.pem ./key.pem ./run/rendezvous.lock "
kill "$met"
wait "$met"
is "it ends" "$?" 0
has_not "no word of devices in its log" "$work/meet.log" stick

# --- limits that can be set ---

# only_one OPTION...: one that is connected is all there may be; then the log says so.
only_one() {
	start_rdv few 127.0.0.1:0 "$@" || bail "rendezvous $* does not start"
	start_hidden lab --rendezvous "$uri" --virtual "disk:$work/stick.img" ||
		bail "serve does not start"
	check "$*: the first one" wait_for 30 registered lab 1
	try "$BIN" -s "$work/anna" list "$(ticket lab)"
	is "$*: and no other" "$rc" 6
	end_serve "$served"
}
only_one --peers 1
has "it says who was refused" "$work/few.log" 'reason="no free slot, try again later"'
kill "$met"
wait "$met"
: >"$work/few.log"
only_one --per-address 1
has "it says who was refused" "$work/few.log" "rendezvous refuses peer="
kill "$met"
wait "$met"
start_rdv few 127.0.0.1:0 --handshakes 1 || bail "rendezvous --handshakes does not start"
start_hidden lab --rendezvous "$uri" --virtual "disk:$work/stick.img" ||
	bail "serve does not start"
check "--handshakes 1: the first one" wait_for 30 registered lab 1
t=$(ticket lab)
for i in 1 2 3 4; do
	"$BIN" -s "$work/anna$i" list "$t" >/dev/null 2>&1 &
	pids="$pids $!"
done
check "and not more in the same second" wait_for 10 grep -q "refuses a stranger" "$work/few.log"
end_serve "$served"
kill "$met"
wait "$met"

# --- usage ---

echo secret >"$work/secret"
for args in "--turn turn:h" "--turn stun:h --turn-secret-file $work/secret" "--turn-secret-file $work/secret" \
	"--peers 0" "--per-address many" "--handshakes 1000001" "what"; do
	try "$BIN" -s "$work/meet" rendezvous $args
	is "rendezvous $args" "$rc" 2
done
try "$BIN" -s "$work/meet" rendezvous --turn-secret-file "$work/none" --turn turn:h
is "no file" "$rc" 1
for args in "--rendezvous rdv://h:1" "--rendezvous rdv://h:1#$other --listen 127.0.0.1:0" ""; do
	try timeout 10 "$BIN" -s "$work/new" serve --listen none $args
	is "serve $args" "$rc" 2
done
finish
