#!/bin/sh
# What is guarded: keyboards are not attached by a pattern, read-only devices are disks,
# and what strangers call their devices stays text, wherever it is shown.
. test/e2e/lib.sh

# Escape sequences, 8-bit controls, right-to-left marks, broken UTF-8, overlong.
evil=$(printf 'e\033[2J\033]0;x\007\233A\302\233B\342\200\256C\377\300\257\357\273\277"\\\\')$(printf '%080d' 0)
random_image one.img 1
cp "$work/one.img" "$work/$evil.img"
mkfifo "$work/keys"
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$work/$evil.img" --virtual "keyboard:$work/keys" \
	--virtual "disk:$work/one.img" || bail "serve does not start"
"$BIN" -s "$work/anna" list "$(ticket lab --name anna)" >/dev/null 2>&1
keys=$("$BIN" -s "$work/anna" list lab --json | jq -r '.devices[] | select(.class == "hid") | .busid')
is "there is a keyboard" "$keys" v-2

# --- keyboards ---

# offered WORD...: what attach takes by these words.
offered() {
	offer anna lab "$@"
	sed -n 's/ offered.*//p' "$work/anna.via" | sort | tr '\n' ' '
	kill "$offered"
	wait "$offered"
}
# refused WORD: and why
refused() {
	try timeout 20 "$BIN" -s "$work/anna" attach --via usbip=127.0.0.1:0 lab "$@"
	is "$*: exit code" "$rc" 4
	has "$*: it says what to do" "$work/err" "name its busid to attach a keyboard"
}
refused class=hid
refused '1d6b:*' '!class=storage'
refused Keyboard
is "without words: disks only" "$(offered)" "v-1 v-3 "
is "by a pattern that means all: disks only" "$(offered '1d6b:*')" "v-1 v-3 "
is "by its port" "$(offered v-2)" "v-2 "
is "by its port among others" "$(offered v-2 class=storage)" "v-1 v-2 v-3 "
check "a nickname" "$BIN" -s "$work/lab" bind v-2 --as keys
is "names it, too" "$(offered keys)" "v-2 "

# --- read-only ---

check "a disk" "$BIN" -s "$work/lab" bind v-3 --mode readonly
try "$BIN" -s "$work/anna" list lab
is "list says so" "$(sed -n 's/^v-3 .* \(.*\)/\1/p' "$work/out")" readonly
try "$BIN" -s "$work/anna" list lab --json
is "and as JSON" "$(jq -c '[.devices[].mode]' "$work/out")" '[null,null,"readonly"]'
try "$BIN" -s "$work/anna" bench lab v-3 --json
is "it can be read" "$rc $(jq -r .device.sha256 "$work/out")" \
	"0 $(sha256sum <"$work/one.img" | cut -d ' ' -f 1)"
check "what is no disk" "$BIN" -s "$work/lab" bind v-2 --mode readonly
try "$BIN" -s "$work/anna" bench lab v-2
fails "a keyboard cannot be read-only" 1 "it is shared read-only, but has no disk"

# --- what strangers say ---

# harmless "text" FILE: printable, and well-formed; nothing that turns text around.
harmless() {
	is "$1: no controls" "$(tr -d '\n' <"$2" | tr -dc '\000-\037\177' | wc -c)" 0
	iconv -f UTF-8 -t UTF-8 "$2" >/dev/null 2>&1
	ok "$1: UTF-8"
	is "$1: nothing turned around" "$(grep -cP '\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xef\xbb\xbf' "$2")" 0
}
try "$BIN" -s "$work/anna" list lab
is "it is there" "$rc $(cut -c 1-3 "$work/out" | head -n 1)" "0 v-1"
harmless "list" "$work/out"
try "$BIN" -s "$work/anna" list lab --json
harmless "list --json" "$work/out"
check "list --json: is JSON" jq . "$work/out"
offer anna lab v-1
harmless "attach" "$work/anna.via"
hold anna v-1
is "it is held" "$held" 00000000
for who in anna lab; do
	try "$BIN" -s "$work/$who" status
	harmless "status of $who" "$work/out"
	try "$BIN" -s "$work/$who" status --json
	harmless "status --json of $who" "$work/out"
	check "status --json of $who: is JSON" jq . "$work/out"
	harmless "log of $who" "$work/$who.log"
done
kill "$holding"
end_serve "$offered"
try "$BIN" -s "$work/anna" bench lab v-1
is "bench" "$rc" 0
harmless "bench" "$work/out"
try "$BIN" -s "$work/anna" bench lab "$evil"
harmless "an error line" "$work/err"
try "$BIN" -s "$work/anna" list "$evil"
harmless "a name" "$work/err"
try "$BIN" -s "$work/anna" list "usbp2p:$evil"
harmless "a ticket" "$work/err"
try "$BIN" -s "$work/lab" bind "$evil"
harmless "a pattern" "$work/err"
try "$BIN" -s "$work/lab" peer forget "$evil"
harmless "a peer" "$work/err"
end_serve "$served"
harmless "the whole log" "$work/lab.log"
finish
