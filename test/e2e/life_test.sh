#!/bin/sh
# Processes: one serve in a directory, how they end, kill -9, and what is kept in
# files; what is told when nothing runs or this machine lacks something.
. test/e2e/lib.sh

# --- nothing runs ---

try "$BIN" -s "$work/lab" status
fails "status of nothing" 4 "nothing runs in $work/lab"
try "$BIN" -s "$work/lab" status --json
is "the same as JSON" "$rc $(cat "$work/out")" "4 "
try "$BIN" -s "$work/lab" invite
fails "invite without serve" 4 'start "usbp2p serve" first'
try "$BIN" -s "$work/lab" detach --all
fails "detach of nothing" 4 "nothing is attached"
try "$BIN" -s "$work/lab" detach v-1
fails "detach of something unknown" 4 'no attached device is "v-1"'
try "$BIN" -s /dev/null/x id
fails "no place for the state" 1 "give another with -s DIR"
try "$BIN" -s "$work/lab" serve --listen 127.0.0.1:0 --virtual "disk:$work/none.img"
is "no such image" "$rc $(grep -c "none.img" "$work/err")" "4 1"

# --- identity ---

id=$("$BIN" -s "$work/lab" id)
is "the id stays" "$("$BIN" -s "$work/lab" id)" "$id"
is "the environment names the directory" "$(USBP2P_STATE=$work/lab "$BIN" id)" "$id"
is "its key is private" "$(stat -c %a "$work/lab/key.pem")" 600
is "and so is the directory" "$(stat -c %a "$work/lab" "$work/lab/run" | tr '\n' ' ')" "700 700 "
chmod 644 "$work/lab/key.pem"
try "$BIN" -s "$work/lab" id
fails "a key that others may read" 1 "key.pem"
chmod 600 "$work/lab/key.pem"

# --- serve ---

random_image stick.img 1
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
listen=$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].listen[0]')
check "status is well" "$BIN" -s "$work/lab" status
is "its socket is private" "$(stat -c %a "$work/lab/run/serve.sock")" 600
try "$BIN" -s "$work/lab" serve --listen 127.0.0.1:0
fails "a second serve" 5 "another serve runs in $work/lab"
check "the first still answers" "$BIN" -s "$work/lab" status
try "$BIN" -s "$work/other" serve --listen "$listen"
fails "an address in use" 5 "$listen"
t=$(ticket lab --name anna)
check "anna comes in" "$BIN" -s "$work/anna" list "$t"

# --- bound devices: there is no real USB here, but words for it are kept ---

try "$BIN" -s "$work/lab" bind 1d6b:0104 class=hid
is "bind" "$rc $(tr '\n' ' ' <"$work/lab/bound")" "0 1d6b:0104 class=hid "
check "serve has heard it" wait_for 5 grep -q "serve shares by patterns=2" "$work/lab.log"
try "$BIN" -s "$work/lab" bind 1d6b:0104
is "the same again" "$rc $(wc -l <"$work/lab/bound")" "0 2"
try "$BIN" -s "$work/lab" unbind 1d6b:0104
is "unbind" "$rc $(tr '\n' ' ' <"$work/lab/bound")" "0 class=hid "
check "serve has heard it, too" wait_for 5 grep -q "serve shares by patterns=1" "$work/lab.log"
try "$BIN" -s "$work/lab" unbind 1d6b:0104
fails "unbind of what is not bound" 4 'was not bound'
echo "1-4." >>"$work/lab/bound"
try "$BIN" -s "$work/lab" unbind class=hid
is "a damaged file is named" "$(grep -c 'bound line 2 is no device' "$work/err")" 1
is "and left as it was" "$rc $(tr '\n' ' ' <"$work/lab/bound")" "2 class=hid 1-4. "
echo "class=hid" >"$work/lab/bound"

# --- the end of serve, three ways ---

"$BIN" -s "$work/anna" bench lab >"$work/bench.out" 2>"$work/bench.err" &
bench=$!
pids="$pids $bench"
check "anna is there" wait_for 5 grep -q 'peer anna connected' "$work/lab.log"
connected() {
	[ "$(grep -c 'peer anna connected' "$work/lab.log")" = "$1" ]
}
check "and measures" wait_for 5 connected 2
check "SIGTERM ends serve" end_serve "$served"
wait "$bench"
is "who was there hears it" "$? $(cat "$work/bench.err")" "6 usbp2p: closed by the peer"
is "no socket is left" "$(ls "$work/lab/run" | grep -c sock)" 0
try "$BIN" -s "$work/anna" list lab
fails "nobody there" 6 "no answer at $listen"

listen_again() {
	"$BIN" -o serve.name=lab -s "$work/lab" serve --listen "$listen" \
		--virtual "disk:$work/stick.img" 2>"$work/lab.log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$work/lab" && ! gone "$served"
}
check "serve starts again at the same address" listen_again
is "with the same id" "$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].id')" "$id"
check "anna needs no ticket" "$BIN" -s "$work/anna" list lab
"$BIN" -s "$work/anna" bench lab >/dev/null 2>"$work/bench.err" &
bench=$!
pids="$pids $bench"
check "and measures again" wait_for 5 connected 2
kill -KILL "$served"
wait "$served" 2>/dev/null
check "kill -9 leaves its socket behind" test -S "$work/lab/run/serve.sock"
try "$BIN" -s "$work/lab" status
fails "status is not deceived" 4 "nothing runs"
check "serve starts in spite of it" listen_again
is "with the same id again" \
	"$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].id')" "$id"
try "$BIN" -s "$work/anna" bench lab v-1 --json
is "the same client works, without a ticket" "$rc $(jq -r .device.sha256 "$work/out")" \
	"0 $(sha256sum "$work/stick.img" | cut -c 1-64)"
is "what was bound is bound" "$(cat "$work/lab/bound")" class=hid
kill -INT "$served"
wait "$served"
is "SIGINT ends serve" $? 0

wait "$bench"
is "who was there notices by the silence" "$? $(grep -c '^usbp2p: ' "$work/bench.err")" "6 1"

# --- attach, told twice at once: it leaves as it is ---

random_image twice.img 1
start_serve lab --virtual "disk:$work/twice.img" || bail "serve does not start again"
offer otto "$(ticket lab --name otto)" v-1 --as lab || bail "otto cannot attach"
kill -STOP "$offered"
kill -INT "$offered"
kill -TERM "$offered"
kill -CONT "$offered"
wait "$offered"
is "two signals end attach" $? 1
check "serve ends" end_serve "$served"

# --- attach without vhci ---

vhci=/sys/devices/platform/vhci_hcd.0
attach="$BIN -s $work/anna attach lab v-1"
if [ ! -e $vhci ]; then
	try $attach
elif [ "$(id -u)" = 0 ]; then
	try unshare -m sh -c "mount -t tmpfs none /sys/devices/platform && exec $attach"
fi
if [ -e $vhci ] && [ "$(id -u)" != 0 ]; then
	skip "attach without vhci" "this machine has vhci, and hiding it needs root"
else
	fails "attach without vhci" 7 "modprobe vhci_hcd"
fi
finish
