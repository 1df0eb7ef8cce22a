#!/bin/sh
# What scripts rely on: exit codes with their messages (golden/exit.txt), and the keys and
# types of every JSON object (golden/json.txt, which test/check/json.sh holds against
# usbp2p-json(7)). With UPDATE=1 the files are written anew instead, to be looked at.
. test/e2e/lib.sh
golden=$PWD/test/e2e/golden

# --- exit codes ---

# A row is CODE, COMMAND and the first line on stderr, with bars between. Names of files
# and numbers of this run stand as DIR, TICKET, ADDR, ID, N.
random_image x.img 1
truncate -s 64G "$work/large.img" # reading it takes longer than all of this
settings="-o serve.name=lab -o audit.to=$work/audit.log"
start_serve lab --usbip=127.0.0.1:0 --virtual "disk:$work/x.img" --virtual "disk:$work/large.img" || bail "serve does not start"
t=$(ticket lab --name anna)
try "$BIN" -s "$work/anna" list "$t"
ticket lab --ttl 1ms >"$work/old"
(cd "$work" && mkdir -p empty && : >file)
plain() {
	sed "/^usbp2p: /!d; s,$work,DIR,g; s/127\.0\.0\.1:[0-9]*/ADDR/g; s/[A-Z2-7]\{7\}\(-[A-Z2-7]\{7\}\)\{7\}/ID/g
		s/since 20[0-9: UTC-]*/since TIME /; s/1 thing that is\|[0-9]* things that are/N things that are/" |
		head -n 1
}
"$BIN" -s "$work/anna" bench lab v-2 >/dev/null 2>&1 &
holder=$!
pids="$pids $holder"
held_now() {
	"$BIN" -s "$work/lab" status --json | jq -e '.running[0].devices[1].state == "held"'
}
t2=$(ticket lab --name bert)
try "$BIN" -s "$work/bert" list "$t2"
printf 'server %s gone 127.0.0.1:1\n' "$("$BIN" -s "$work/other" id)" >>"$work/bert/peers"
wait_for 20 held_now || bail "nobody holds v-2"
while IFS='|' read -r code command words; do
	[ "${code#\#}" = "$code" ] || { echo "$code${command:+|}$command" >>"$work/exit.txt"; continue; }
	eval "set -- $command"
	try "$BIN" "$@"
	said=$(plain <"$work/err")
	echo "$rc|$command|$said" >>"$work/exit.txt"
	[ -z "${UPDATE:-}" ] || continue
	is "exit code of: $command" "$rc|$said" "$code|$words"
done <"$golden/exit.txt"
[ -z "${UPDATE:-}" ] || cp "$work/exit.txt" "$golden/exit.txt"
is "each exit code has its row" "$(grep -o '^[0-9]' "$golden/exit.txt" | sort -u | tr -d '\n')" 01234567
kill "$holder"
wait "$holder"

# --- JSON ---

: >"$work/all.json"
add() {
	try "$BIN" "$@"
	cat "$work/out" >>"$work/all.json"
}
add -s "$work/lab" list --json
add -s "$work/anna" list lab --json
add -s "$work/anna" bench lab v-1 --json
"$BIN" -s "$work/lab" peer allow "$("$BIN" -s "$work/eve" id)" eve --device v-1 >/dev/null
add -s "$work/lab" peer list --json
add -s "$work/anna" peer list --json
add -s "$work/d" doctor --json
add -s "$work/d" -o ice.turn.password=x -o "attach desk.peer=lab" config --json
"$BIN" -s "$work/meet" rendezvous --listen 127.0.0.1:0 >"$work/uri" 2>"$work/meet.log" &
meet=$!
pids="$pids $meet"
wait_for 10 test -s "$work/uri" || bail "rendezvous does not start"
add -s "$work/meet" status --json
"$BIN" -s "$work/meet" status --follow >>"$work/all.json" 2>/dev/null &
follower=$!
pids="$pids $follower"
wait_for 10 sh -c "grep -c rendezvous $work/all.json | grep -qx '[2-9]'"
settings="-o serve.name=far"
start_serve far --rendezvous "$(cat "$work/uri")" --virtual loop || bail "no second serve"
far=$served
kill "$meet"
wait "$meet"
not_registered() {
	"$BIN" -s "$work/far" status --json | grep -q '"registered":false,"reason"'
}
check "a registration that is lost" wait_for 30 not_registered
add -s "$work/far" status --json
end_serve "$far"
check "an event of an end" wait_for 20 grep -q '"kind":"ended"' "$work/all.json"
kill "$follower"
wait "$follower"
"$BIN" -s "$work/lab" bind v-1 --as stick --mode queued,readonly >/dev/null
offer anna lab v-1 || bail "attach does not start"
hold anna v-1
is "a client has it" "$held" 00000000
add -s "$work/anna" status --json
add -s "$work/bert" list lab --json
add -s "$work/lab" status --json
add -s "$work/lab" list --json
"$BIN" -s "$work/lab" detach --shared v-1
check "an audit with reasons" wait_for 20 grep -q '"event":"returned".*"reason"' "$work/audit.log"
cat "$work/audit.log" >>"$work/all.json"

jq -r '.. | objects | select(has("kind") and has("schema")) | .kind as $k | del(.running) |
	paths(type != "object" and type != "array") as $p |
	"\($k) \($p | map(if type == "number" then "[]" else "." + . end) | join("") |
	ltrimstr(".")) \(getpath($p) | type)"' "$work/all.json" | sort -u >"$work/seen"
# Those with ? need a kernel, a bad network or another machine: other tests have seen them.
sed -n 's/^? //p' "$golden/json.txt" | sort -u >"$work/rare"
if [ -n "${UPDATE:-}" ]; then
	{
		comm -23 "$work/seen" "$work/rare"
		sed 's/^/? /' "$work/rare"
	} >"$golden/json.txt"
fi
grep -v '^?' "$golden/json.txt" | sort -u >"$work/usual"
sort -u "$work/usual" "$work/rare" >"$work/known"
comm -23 "$work/seen" "$work/known" >"$work/new"
is "nothing that is not in golden/json.txt" "$(cat "$work/new")" ""
comm -23 "$work/usual" "$work/seen" >"$work/lost"
is "everything that is" "$(cat "$work/lost")" ""
finish
