#!/bin/sh
# JSON: the schema comes first, and the documented keys are there.
. test/e2e/lib.sh

# keys "text" FILTER WANT: the object's keys in order, of the last output.
keys() {
	is "$1" "$(jq -r "$2 | keys_unsorted | join(\" \")" "$work/out" 2>&1)" "$3"
}

# begins "text" KIND: one line that begins with the schema and the kind.
begins() {
	is "$1: exit code" "$rc" 0
	is "$1: one line" "$(wc -l <"$work/out")" 1
	is "$1: schema and kind" "$(cut -d , -f 1-2 "$work/out" | tr -d '}')" \
		"{\"schema\":\"usbp2p/1\",\"kind\":\"$2\""
	check "$1: it is JSON" jq -e . "$work/out"
}

device="busid id speed class manufacturer product serial"
link="path kind carrier cipher cc cc_state rate inflight goodput_out goodput_in rtt_us min_rtt_us packets_out packets_in bytes_out bytes_in lost duplicates replayed late corrupted cwnd mtu"

# A name that JSON has to escape; control characters are never let out.
awkward=$(printf 'a"b\\c\033[2J\tü.img')
random_image x.img 1
cp "$work/x.img" "$work/$awkward"
truncate -s 4G "$work/large.img"
settings="-o serve.name=lab"
began=$(date +%s)
start_serve lab --virtual "disk:$work/$awkward,ro" --virtual "disk:$work/large.img" ||
	bail "serve does not start"
t=$(ticket lab --name anna)

try "$BIN" -s "$work/anna" list "$t" --json
begins list list
keys "list" . "schema kind peer devices"
keys "list: a device" '.devices[0]' "$device state"
is "list: values" "$(jq -r '[.peer, .devices[0].busid, .devices[0].state] | join(" ")' \
	"$work/out")" "lab v-1 free"
product=$(jq -r '.devices[0].product' "$work/out")
case $product in
'a"b\c'*'ü'*) true ;;
*) false ;;
esac
ok "list: the product's name is escaped"
is "list: no control characters" "$(tr -d '\n' <"$work/out" | tr -dc '\000-\037\177')" ""
try "$BIN" -s "$work/anna" list lab
is "columns: no control characters" "$(tr -d '\n' <"$work/out" | tr -dc '\000-\037\177')" ""

try "$BIN" -s "$work/lab" peer list --json
begins peers peers
keys "peers" . "schema kind peers"
keys "peers: a client" '.peers[0]' "kind name id devices"
try "$BIN" -s "$work/anna" peer list --json
keys "peers: a server" '.peers[0]' "kind name id addresses"

try "$BIN" -s "$work/lab" list --json
begins "local list" list
keys "local list" . "schema kind devices"

try "$BIN" -s "$work/anna" bench lab v-1 --json
begins bench bench
keys "bench" . \
	"schema kind peer connect_ms path link rtt_us rtt_busy_us down_mb_s up_mb_s cpu_s_per_gb first_byte_ms urb_s device"
keys "bench: link" .link "$link"
keys "bench: round trip" .rtt_us "p50 p99"
keys "bench: round trip beside bulk" .rtt_busy_us "p50 p99"
keys "bench: CPU" .cpu_s_per_gb "local"
keys "bench: device" .device "$device bytes read_mb_s sha256"
is "bench: the bytes" "$(jq -r .device.sha256 "$work/out")" \
	"$(sha256sum "$work/x.img" | cut -c 1-64)"
check "bench: numbers" jq -e '.connect_ms > 0 and .rtt_us.p50 > 0 and
	.rtt_us.p99 >= .rtt_us.p50 and .rtt_busy_us.p50 > 0 and
	.rtt_busy_us.p99 >= .rtt_busy_us.p50 and .down_mb_s > 1 and .up_mb_s > 1 and
	.cpu_s_per_gb.local > 0 and .urb_s > 100 and .device.bytes == 1048576' "$work/out"
cp "$work/out" "$work/bench"
try "$BIN" -s "$work/anna" bench lab --json
keys "bench without a device" . \
	"schema kind peer connect_ms path link rtt_us rtt_busy_us down_mb_s up_mb_s cpu_s_per_gb"
t0=$(date +%s%N)
try "$BIN" -s "$work/anna" bench lab --time 3s --json
check "bench: 3 s each way and more" test $(($(date +%s%N) - t0)) -gt 6000000000
try "$BIN" -s "$work/anna" bench lab --time soon
is "bench: no duration" "$rc" 2

try "$BIN" -s "$work/lab" status --json
begins status status
keys "status" . "schema kind running"
keys "status: serve" '.running[0]' "schema kind pid since logged uptime_s memory name id listen rendezvous devices requests peers"
keys "status: a free device" '.running[0].devices[0]' "$device shared state claims"
is "status: values" "$(jq -r '.running[0] | [.kind, .pid, .name, .id] | join(" ")' \
	"$work/out")" "serve $served lab $("$BIN" -s "$work/lab" id)"
check "status: since" jq -e --argjson now "$(date +%s)" --argjson began "$began" \
	'.running[0].since | . <= $now and . >= $began' "$work/out"

# A device in somebody's hands: reading 4 GiB takes longer than looking.
"$BIN" -s "$work/anna" bench lab v-2 >/dev/null 2>&1 &
reader=$!
pids="$pids $reader"
held() {
	"$BIN" -s "$work/lab" status --json | jq -e '.running[0].devices[1].state == "held"'
}
check "anna has it" wait_for 15 held
# What needs a driver, a bad network or a slow one to move is in test/vm/regress_test.sh,
# damaged records in test/net/dtls_test.c; a virtual device is opened in no time, and nothing
# that would be logged as an error happens here (both: test/e2e/status_test.sh); when a
# bench has ended, nothing is in flight.
never() {
	for n_file in bench looks; do
		jq -s -r -f test/regress/numbers.jq "$work/$n_file" || echo "$n_file"
	done | grep -vE '(^|\.)(link\.(lost|duplicates|replayed|late|corrupted)|urbs\.(failed|unlinked)|compression\.(messages|bytes|carried)|open_ms|errors)$|^link\.inflight$'
}
all_fed() {
	"$BIN" -s "$work/lab" status --json >>"$work/looks" && ! never
}
check "regress 32: metric columns never fed" wait_for 20 all_fed || never | note
try "$BIN" -s "$work/lab" status --json
begins "status, one peer" status
keys "status: a held device" '.running[0].devices[1]' "$device shared state holder since claimed"
keys "status: a peer" '.running[0].peers[0]' "name id since link links urbs compression"
keys "status: its compression" '.running[0].peers[0].compression' "on messages bytes carried"
keys "status: its link" '.running[0].peers[0].link' "$link"
keys "status: its requests" '.running[0].peers[0].urbs' \
	"done failed unlinked inflight bytes_in bytes_out"
is "status: who" "$(jq -r '.running[0] | [.devices[1].holder, .peers[0].name, .peers[0].id] |
	join(" ")' "$work/out")" "anna anna $("$BIN" -s "$work/anna" id)"

t=$(ticket lab --name bert)
try "$BIN" -s "$work/bert" list "$t" --json
begins "list, taken" list
keys "list: a taken device" '.devices[1]' "$device state holder since"
is "list: state and holder" "$(jq -r '.devices[1] | .state + " " + .holder' "$work/out")" \
	"taken anna"
try "$BIN" -s "$work/bert" list lab
has "columns: held by" "$work/out" "held by anna since 20"
try "$BIN" -s "$work/bert" bench lab v-2
fails "a taken device is busy" 5 "busy, held by anna since 20"

kill -INT "$reader"
wait "$reader"
is "interrupted: exit code" "$?" 1
free() {
	"$BIN" -s "$work/lab" status --json | jq -e '.running[0].devices[1].state == "free"'
}
check "the device is back at once" wait_for 3 free
finish
