#!/bin/sh
# Links get new keys in the middle of everything: another link takes over from one whose
# keys are worn, and nobody notices. -o link.rekey_packets=N makes that happen often.
. test/e2e/lib.sh

random_image stick.img 8
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
t=$(ticket lab --name anna)
"$BIN" -s "$work/anna" list "$t" --as lab >/dev/null || bail "no way to lab"

# lab FILTER: of lab's only peer.
lab() {
	"$BIN" -s "$work/lab" status --json | jq -er ".running[0].peers[0]$1"
}

# bench OPTION...: its JSON is $work/bench; on the way $links is what lab counted most,
# $held how often a session was seen without a link.
bench() {
	"$BIN" "$@" -s "$work/anna" bench lab v-1 --json >"$work/bench" 2>"$work/bench.err" &
	bench=$!
	pids="$pids $bench"
	links=0 held=0
	until gone "$bench"; do
		n=$(lab .links 2>/dev/null) && [ "$n" -gt "$links" ] && links=$n
		lab '.held_s // empty' >/dev/null 2>&1 && held=$((held + 1))
		sleep 0.05
	done
	wait "$bench"
}
sum=$(sha256sum "$work/stick.img" | cut -c 1-64)

bench
is "without: one link" "$? $links" "0 1"
is "its bytes" "$(jq -r .device.sha256 "$work/bench")" "$sum"

bench -o link.rekey_packets=100000
is "bench with new keys again and again ends well" "$?" 0
is "the disk's bytes are right" "$(jq -r .device.sha256 "$work/bench")" "$sum"
[ "$links" -ge 3 ]
ok "one session, $links links" || note <"$work/lab.log"
is "at no time was it without" "$held" 0
is "lab never missed the peer" \
	"$(grep -cE 'its session waits|peer anna is back' "$work/lab.log")" 0
has_not "and no link ended by itself" "$work/bench.err" "lost"
[ "$(jq .link.packets_out "$work/bench")" -lt 1000000 ]
ok "the last link's packets: $(jq .link.packets_out "$work/bench")"

# --- a session that stays: its own status, and nothing but keepalive ---
"$BIN" -o link.rekey_packets=14 -s "$work/anna" attach lab --via usbip=127.0.0.1:0 v-1 \
	>"$work/anna.out" 2>"$work/anna.log" &
attached=$!
pids="$pids $attached"
check "it is offered" wait_for 15 grep -q 'v-1 offered' "$work/anna.out"
anna() {
	"$BIN" -s "$work/anna" status --json | jq -er ".running[0]$1"
}
three() {
	[ "$(anna .links)" -ge 3 ] && [ "$(lab .links)" -ge 3 ]
}
check "an idle session gets new links, too" wait_for 90 three || note <"$work/anna.log"
is "and is not held" "$(anna .held_s) $(lab .held_s)" "null null"
has "the log says it" "$work/anna.log" "session with lab has new keys"
is "it was offered once" "$(grep -c offered "$work/anna.out")" 1


check "SIGTERM ends attach" end_serve "$attached"
check "and serve" end_serve "$served"
finish
