#!/bin/sh
# Nicknames: bind --as, and every place where one stands for its device. Both virtual
# disks have "disk" in their names, so a nickname that were taken for text would show.
. test/e2e/lib.sh

random_image one.img 1
random_image two.img 1
start_serve lab --virtual "disk:$work/one.img" --virtual "disk:$work/two.img,ro" \
	--usbip=127.0.0.1:0 || bail "serve does not start"
lab=$served
where=$(sed -n 's/.*plain USB\/IP at=\([^ ]*\) .*/\1/p' "$work/lab.log")

# --- bind ---

try "$BIN" -s "$work/lab" bind v-2 --as disk
is "bind --as" "$rc" 0
is "the file" "$(cat "$work/lab/bound")" "as=disk v-2"
try "$BIN" -s "$work/lab" bind v-1 --as disk
is "a nickname twice" "$rc" 5
has "it says so" "$work/err" "disk is the nickname of another device"
is "the file is as it was" "$(cat "$work/lab/bound")" "as=disk v-2"
check "another one" "$BIN" -s "$work/lab" bind --as=other --keep-local v-1
is "both" "$(cat "$work/lab/bound")" "as=disk v-2
as=other keep=local v-1"
for bad in "--as x v-1 v-2" "--as X v-1" "--as 1-4 v-1" "--as v-1 v-1" "--as 1d6b:0104 v-1" \
	"--as x !v-1" "--keep-local !v-1" "--as x" "--keep-local" "--keep-local=x v-1"; do
	try "$BIN" -s "$work/lab" bind $bad
	is "bind $bad" "$rc" 2
done

# --- modes ---

for mode in queued readonly queued,readonly; do
	check "bind --mode $mode" "$BIN" -s "$work/lab" bind --as=other --mode $mode v-1
	is "the file" "$(tail -n 1 "$work/lab/bound")" "as=other mode=$mode v-1"
	is "serve knows it" "$("$BIN" -s "$work/lab" status --json |
		jq -r '[.running[0].devices[].mode] | @json')" "[\"$mode\",null]"
done
check "status shows it" sh -c "$BIN -s $work/lab status | grep -q 'v-1 .*: free queued,readonly'"
check "exclusive" "$BIN" -s "$work/lab" bind --as=other --mode exclusive --keep-local v-1
is "is not written" "$(tail -n 1 "$work/lab/bound")" "as=other keep=local v-1"
for bad in "--mode" "--mode x v-1" "--mode readonly,queued v-1" "--mode queued !v-1" "--mode queued"; do
	try "$BIN" -s "$work/lab" bind $bad
	is "bind $bad" "$rc" 2
done

# --- list and status ---

t=$(ticket lab --name anna)
try "$BIN" -s "$work/anna" list "$t" --as lab
is "list" "$rc $(sed -n 's/^\(v-.\) .* as \(.*\)/\1 \2;/p' "$work/out" | tr -d '\n')" \
	"0 v-1 other;v-2 disk;"
has_not "a virtual device has no local driver" "$work/out" "in part"
try "$BIN" -s "$work/anna" list lab --json
has "list --json" "$work/out" '"nick":"disk"'
try "$BIN" -s "$work/lab" status
has "status" "$work/out" "its nickname is disk"
try "$BIN" -s "$work/lab" status --json
has "status --json" "$work/out" '"nick":"disk"'

# --- bench ---

try "$BIN" -s "$work/anna" bench lab disk --json
is "bench: exit code" "$rc" 0
has "bench reads the one that it names" "$work/out" "$(sha256sum <"$work/two.img" | cut -d ' ' -f 1)"
try "$BIN" -s "$work/anna" bench lab other --json
has "and the other" "$work/out" "$(sha256sum <"$work/one.img" | cut -d ' ' -f 1)"

# --- attach and detach ---

"$BIN" -s "$work/anna" attach lab --via usbip=127.0.0.1:0 disk >"$work/via.out" 2>"$work/via.log" &
via=$!
pids="$pids $via"
wait_for 10 grep -q " offered at=" "$work/via.out"
is "attach takes the one that it names" "$(cut -d ' ' -f 1,2 "$work/via.out")" "v-2 offered" ||
	note <"$work/via.log"
is "and only that" "$(wc -l <"$work/via.out")" 1
at=$(sed -n 's/.*offered at=\([^ ]*\) .*/\1/p' "$work/via.out")
try "$BIN" -s "$work/x" list "usbip://$at"
is "it is offered by its nickname" "$rc $(awk '{ printf "%s %s;", $1, $2 }' "$work/out")" \
	"0 disk 1d6b:0104;"
check "detach" "$BIN" -s "$work/anna" detach lab/disk
check "attach ends with its last device" wait_for 5 gone "$via" || kill -9 "$via"
"$BIN" -s "$work/anna" attach lab --via usbip=127.0.0.1:0 v-1 v-2 >"$work/via.out" 2>"$work/via.log" &
via=$!
pids="$pids $via"
wait_for 10 grep -q "^v-2 offered at=" "$work/via.out"
ok "attach takes both" || note <"$work/via.log"
check "detach goes by nickname, not by text" "$BIN" -s "$work/anna" detach disk
check "one is left" wait_for 5 sh -c "$BIN -s $work/anna status | grep -c ' v-' | grep -qx 1"
try "$BIN" -s "$work/anna" status
has "it is the other" "$work/out" "  v-1 "
check "detach it" "$BIN" -s "$work/anna" detach other
check "attach ends again" wait_for 5 gone "$via" || kill -9 "$via"

# --- a grant ---

t=$(ticket lab --name bob --device disk)
try "$BIN" -s "$work/bob" list "$t" --as lab
is "a grant of a nickname is of that device" "$rc $(cut -d ' ' -f 1 "$work/out")" "0 v-2"
check "unbind by nickname" "$BIN" -s "$work/lab" unbind disk
is "the other stays" "$(cat "$work/lab/bound")" "as=other keep=local v-1"
try "$BIN" -s "$work/anna" list lab
has_not "the nickname is gone" "$work/out" " as disk"
try "$BIN" -s "$work/lab" unbind disk
is "unbind again" "$rc" 4

# --- the stock door ---

check "bind" "$BIN" -s "$work/lab" bind v-2 --as disk
try "$BIN" -s "$work/x" list "usbip://$where"
is "stock clients see nicknames" "$rc $(awk '{ printf "%s;", $1 }' "$work/out")" "0 other;disk;"
# import NAME: asks as a stock client does; status and busid of the reply
import() {
	timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/${where##*:}
		printf '\\001\\021\\200\\003\\0\\0\\0\\0%s' '$1' >&3
		head -c $((32 - ${#1})) /dev/zero >&3
		head -c 320 <&3" >"$work/reply"
	od -An -tx1 -j4 -N4 "$work/reply" | tr -d ' \n'
	tail -c +265 "$work/reply" | head -c 32 | tr -d '\0'
}
is "a nickname is taken for a busid" "$(import disk)" 00000000disk
check "and given back" wait_for 5 sh -c "$BIN -s $work/lab status --json | grep -vq held"
is "a busid, too" "$(import v-1)" 00000000v-1
is "nothing else" "$(import dis)" 00000004

check "serve ends" end_serve "$lab"
finish
