#!/bin/sh
# Who may use what, and that it ends when it ends: peer allow, list, rename and forget,
# bind and unbind, while a device is in use.
. test/e2e/lib.sh

random_image one.img 1
random_image two.img 1
settings="-o serve.name=lab"
lab() {
	"$BIN" -s "$work/lab" "$@"
}
anna() {
	"$BIN" -s "$work/anna" "$@"
}
# said "text" WORDS: of the last try, exit code 0 and the first words of its lines.
shows() {
	is "$1" "$rc $(awk '{ printf "%s ", $1 }' "$work/out")" "0 $2"
}
holder() {
	lab status --json | jq -er '.running[0].devices[0].holder // empty'
}
free() {
	! holder
}

start_serve lab --virtual "disk:$work/one.img" --virtual "disk:$work/two.img" ||
	bail "serve does not start"
port=$(lab status --json | jq -r '.running[0].listen[0]')
anna=$(anna id)
bert=$("$BIN" -s "$work/bert" id)

# --- the file, without anybody there ---

try lab peer list
is "nobody at first" "$rc $(cat "$work/out")" "0 "
try lab peer list --json
is "nobody, as JSON" "$(cat "$work/out")" '{"schema":"usbp2p/1","kind":"peers","peers":[]}'
try lab peer allow "$anna" anna --device v-1 --device '!1d6b:0002'
is "allow" "$rc" 0
is "the file" "$(cat "$work/lab/peers")" "client $anna anna v-1 !1d6b:0002"
check "allow without a name" lab peer allow "$bert"
is "it gets one" "$(tail -n 1 "$work/lab/peers")" "client $bert $(echo "$bert" | cut -c 1-7)"
try lab peer rename "$bert" bert
is "rename by id" "$rc $(tail -n 1 "$work/lab/peers")" "0 client $bert bert"
try lab peer list
is "list" "$(awk '{ print $1, $2, $3, $4 }' "$work/out")" "client anna $anna v-1
client bert $bert "
try lab peer list --json
is "list --json" "$(jq -c '.peers[] | [.kind, .name, .id, (.devices | join(" "))]' "$work/out")" \
	"[\"client\",\"anna\",\"$anna\",\"v-1 !1d6b:0002\"]
[\"client\",\"bert\",\"$bert\",\"\"]"
try lab peer rename bert anna
fails "a name of another" 2 "another peer is known as"
try lab peer allow "$bert" anna
fails "a name of another, allow" 2 "another peer is known as"
try lab peer rename nobody x
fails "rename nobody" 4 "no peer is known as"
try lab peer forget nobody
fails "forget nobody" 4 "no peer is known as"
wrong=$(echo "$bert" | sed 's/^\(..........\)./\1/')
for bad in "" "list x" "list --device v-1" "allow" "allow $wrong" "allow nobody" \
	"allow $bert a/b" "allow $bert bert x" "allow --json $bert" "allow $bert --device *" \
	"rename bert" "rename bert -x" "rename bert 12" "forget" "forget bert anna" "drop bert"; do
	try lab peer $bad
	is "peer $bad" "$rc" 2
done

# --- allowed by id, no ticket ---

mkdir -p "$work/anna"
echo "server $("$BIN" -s "$work/lab" id) lab $port" >"$work/anna/peers"
try anna list lab
shows "an allowed id comes in, and sees what it may" "v-1 "
try lab peer allow anna --device v-2
is "another grant, by name" "$rc $(head -n 1 "$work/lab/peers")" "0 client $anna anna v-2"
try anna list lab
shows "it sees that" "v-2 "
try anna bench lab v-1
fails "and cannot have the other" 4 "no such device"
check "all" lab peer allow anna
try anna list lab
shows "all" "v-1 v-2 "
try anna peer list --json
is "a server is listed with its address" \
	"$(jq -c '.peers[] | [.kind, .name, .addresses[0]]' "$work/out")" \
	"[\"server\",\"lab\",\"$port\"]"

# --- what ends while it is in use ---

offer anna lab v-1
attached=$offered
hold anna v-1
is "anna has it" "$held $(holder)" "00000000 anna"
client=$holding
check "a new name" lab peer rename anna anna2
check "status knows it at once" sh -c "[ '$(holder)' = anna2 ]"
check "back" lab peer rename anna2 anna
check "a grant that keeps it" lab peer allow anna --device v-1
is "she keeps it" "$(holder)" anna
check "one that does not" lab peer allow anna --device v-2
check "she loses it at once" wait_for 2 free
check "and her client with it" wait_for 2 gone "$client"
has "she hears why" "$work/anna.log" "you may not use it any more"
check "granted again" lab peer allow anna
check "it is offered again" wait_for 5 sh -c "[ \$(grep -c offered '$work/anna.via') = 2 ]"
hold anna v-1
is "anna has it again" "$held $(holder)" "00000000 anna"

check "forget" lab peer forget anna
check "she loses it at once" wait_for 2 free
check "and her attach ends" wait_for 10 gone "$attached"
wait "$attached"
is "as one who is refused" "$?" 3
has "which it says" "$work/anna.log" "you are not invited"
has "the server's log, too" "$work/lab.log" 'peer anna sent away reason="it is not allowed any more"'
is "she is not in the file" "$(cut -d ' ' -f 3 "$work/lab/peers")" bert
try anna list lab
fails "nor comes in again" 3 "you are not invited"

# --- a file that somebody edits: every import looks at it ---

check "once more" lab peer allow "$anna" anna
offer anna lab v-1
grep -v "$anna" "$work/lab/peers" >"$work/p"
cat "$work/p" >"$work/lab/peers"
hold anna v-1
is "a live peer that was taken out of the file gets nothing" "$held" 00000001
end_serve "$offered"

# --- tickets of one who is forgotten ---

t=$(ticket lab --name anna --uses 3)
try anna list "$t"
shows "by ticket" "v-1 v-2 "
try "$BIN" -s "$work/carl" -o serve.name=carl list "$t"
shows "another by the same" "v-1 v-2 "
check "forget the first" lab peer forget "$anna"
try anna list "$t"
fails "her ticket is void" 3 "used up or expired"
try "$BIN" -s "$work/dora" list "$t"
fails "for everybody" 3 "used up or expired"
try "$BIN" -s "$work/carl" list "$t"
shows "but for him who has used it" "v-1 v-2 "

# --- a server is forgotten ---

check "forget a server" anna peer forget lab
try anna list lab
fails "it has no name any more" 4 "no server is known"
check "serve ends" end_serve "$served"
finish
