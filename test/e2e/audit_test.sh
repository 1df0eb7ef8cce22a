#!/bin/sh
# The audit and the log: what they say, where, and what they never say.
. test/e2e/lib.sh

random_image stick.img 1
log=$work/audit.log

# --- a file ---
settings="-v -o audit.to=$log -o ice.turn.user=someone -o ice.turn.password=hunter2hunter2"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
t=$(ticket lab --name anna)
"$BIN" -v -s "$work/anna" list "$t" --as lab >/dev/null 2>"$work/anna1.log"
"$BIN" -v -s "$work/ben" list lab >/dev/null 2>&1
mkdir -p "$work/carl"
cp "$work/anna/peers" "$work/carl/peers"
"$BIN" -s "$work/carl" list lab >/dev/null 2>&1
offer anna lab v-1
hold anna v-1
is "anna has it" "$held" 00000000
kill "$holding"
check "given back" wait_for 10 grep -q "device v-1 is back" "$work/lab.log"
"$BIN" -s "$work/lab" bind 1-4 >/dev/null 2>&1
"$BIN" -s "$work/lab" status --json >"$work/status.json"
kill -HUP "$served"
check "reload" wait_for 10 grep -q "configuration read again" "$work/lab.log"
kill "$offered"
wait "$offered"
end_serve "$served"
jq -e . "$log" >/dev/null
ok "audit.to=FILE: each line is JSON"
is "all of this schema and kind" "$(jq -r '"\(.schema) \(.kind)"' "$log" | sort -u)" "usbp2p/1 audit"
events=$(jq -r .event "$log" | tr '\n' ' ')
is "what happened, in order" "$(echo "$events" | sed 's/connected disconnected refused/connected refused/; s/connected refused disconnected/connected refused/')" \
	"start connected refused connected lent returned changed reload disconnected end "
is "who, and which device" "$(jq -c 'select(.event == "lent") | [.peer, .device, .device_id]' "$log")" \
	'["anna","v-1","1d6b:0104"]'
is "by whose key" "$(jq -r 'select(.event == "lent") | .id' "$log")" "$("$BIN" -s "$work/anna" id)"
is "why it came back" "$(jq -r 'select(.event == "returned") | .reason' "$log")" "given back"
is "who was refused" "$(jq -r 'select(.event == "refused") | .id' "$log")" "$("$BIN" -s "$work/carl" id)"
jq -r .time "$log" | grep -vqE '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z$'
is "with the time" "$?" 1
is "for its owner alone" "$(stat -c %a "$log")" 600
grep -vqE '^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z (error|warn|info|debug): ' "$work/lab.log"
is "the log: each line has time and level" "$?" 1
grep -q "peer .* connected\|device v-1 lent" "$work/lab.log"
ok "and ids"

# --- no secrets ---
read -r t_id t_secret t_rest <"$work/lab/tickets"
grep -v -e '-----' "$work/lab/key.pem" >"$work/secrets"
grep -v -e '-----' "$work/anna/key.pem" >>"$work/secrets"
{
	echo "$t_secret"
	echo "$t" | cut -d : -f 2 | cut -c 30-60
	echo "${t#*:}"
	echo hunter2
} >>"$work/secrets"
is "there are secrets to look for" "$(awk 'length >= 7' "$work/secrets" | wc -l)" "$(wc -l <"$work/secrets")"
for f in "$log" "$work/lab.log" "$work/anna1.log" "$work/anna.log" "$work/anna.via" "$work/status.json"; do
	[ -s "$f" ] && ! grep -qiF -f "$work/secrets" "$f"
	ok "no secret in ${f##*/}" || grep -iF -f "$work/secrets" "$f" | note
done
grep -qiF -f "$work/secrets" "$work/lab/key.pem"
ok "the search finds what there is"

# --- rotation ---
settings="-o audit.to=$work/small -o audit.size=1000 -o audit.keep=2"
for i in 1 2 3 4 5 6 7 8 9; do
	start_serve lab --virtual "disk:$work/stick.img" >/dev/null || bail "serve does not start"
	"$BIN" -s "$work/lab" bind 1-4 >/dev/null 2>&1
	"$BIN" -s "$work/lab" unbind 1-4 >/dev/null 2>&1
	end_serve "$served"
done
is "audit.keep: so many of the past" "$(ls "$work" | grep -c '^small')" 3
large=0
for f in "$work/small" "$work/small.1" "$work/small.2"; do
	[ "$(stat -c %s "$f")" -le 1000 ] || large=1
	jq -e . "$f" >/dev/null || large=1
done
is "audit.size: none is larger, none is broken" "$large" 0
cat "$work/small.2" "$work/small.1" "$work/small" | jq -r .time >"$work/times"
check "the oldest has the highest number" sort -c "$work/times"
is "the last line is the last event" "$(tail -n 1 "$work/small" | jq -r .event)" end

# --- the log instead ---
settings="-o audit.to=log -o log.to=journal"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
end_serve "$served"
grep -q '^<6>info: audit {"schema":"usbp2p/1","kind":"audit",.*"event":"start"}$' "$work/lab.log"
ok "audit.to=log"
grep -vqE '^<[3467]>(error|warn|info|debug): ' "$work/lab.log"
is "log.to=journal: levels as the journal reads them, no time" "$?" 1
settings="-o audit.to=$work/nowhere/audit"
try "$BIN" $settings -s "$work/lab" serve --listen 127.0.0.1:0
is "a file that cannot be: serve does not start without its audit" "$rc" 1
has "and says why" "$work/err" "the audit cannot be written to $work/nowhere/audit"

# --- the journal reads stderr ---
settings=
cat >"$work/journal.sh" <<END
JOURNAL_STREAM=\$(stat -L -c %d:%i /proc/self/fd/2)
export JOURNAL_STREAM
exec "$BIN" "\$@"
END
: >"$work/j.log"
timeout 20 sh "$work/journal.sh" -s "$work/lab" serve --listen 127.0.0.1:0 2>"$work/j.log" &
pids="$pids $!"
check "log.to=auto: in the journal" wait_for 10 grep -q '^<6>info: serve ready' "$work/j.log"
finish
