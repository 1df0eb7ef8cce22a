#!/bin/sh
# The regression list (test/regress/LIST) where serve and several clients count.
. test/e2e/lib.sh

stranger=$(dirname "$BIN")/test/regress/stranger
[ -x "$stranger" ] || bail "no $stranger: make tests"
random_image stick.img 1
sticks="--virtual disk:$work/stick.img,ro"
for i in 2 3 4 5 6 7 8; do
	sticks="$sticks --virtual disk:$work/stick.img,ro"
done
settings="-o serve.name=lab"
start_serve lab $sticks || bail "serve does not start"

# --- everybody hears of what happens, not only who came first or last ---

# waits_with NAME DEVICE: an attach of that peer, without a kernel.
waits_with() {
	"$BIN" -s "$work/$1" attach "$(ticket lab --name "$1")" --as lab \
		--via usbip=127.0.0.1:0 "$2" >"$work/$1.out" 2>"$work/$1.err" &
	pids="$pids $!"
	wait_for 10 grep -q "^$2 offered" "$work/$1.out"
}

heard() {
	"$BIN" -s "$work/$1" status --json | jq '.running[0].link.bytes_in'
}

# The list of eight devices is long; what else comes on an idle link is not.
hears() {
	[ "$(heard "$1")" -gt $(($2 + 400)) ]
}

for who in anna bert carl; do
	check "$who waits" waits_with "$who" "v-$(($(echo "$pids" | wc -w)))"
done
a=$(heard anna) b=$(heard bert) c=$(heard carl)
check "the list of shared devices changes" "$BIN" -s "$work/lab" bind 1d6b:ffff
wait_for 5 hears anna "$a" && wait_for 5 hears bert "$b" && wait_for 5 hears carl "$c"
ok "regress 28: events to only one client"
echo "# anna $a -> $(heard anna), bert $b -> $(heard bert), carl $c -> $(heard carl)"

# --- what is not allowed cannot be had, by whoever knows its name ---

try "$BIN" -s "$work/dora" list "$(ticket lab --name dora --device v-7)"
is "dora sees what she may" "$rc $(awk '{ printf "%s ", $1 }' "$work/out")" "0 v-7 "
check "and may have it" "$BIN" -s "$work/dora" bench lab v-7
try "$stranger" "$work/dora" lab v-7
is "also if she asks at once" "$rc $(cat "$work/out")" "0 imported"
try "$stranger" "$work/dora" lab v-8
[ "$rc" = 1 ] && grep -q "no such device that you may use" "$work/out" &&
	! grep -q "device v-8 lent" "$work/lab.log"
ok "regress 30: Private toggle cosmetic" || note <"$work/out"

# --- nobody in the list of peers: nobody comes in ---

try "$BIN" -s "$work/dora" list lab
is "dora is known" "$rc" 0
: >"$work/lab/peers"
try "$BIN" -s "$work/dora" list lab
[ "$rc" = 3 ] && ! grep -q v-7 "$work/out" && grep -q "you are not invited" "$work/err"
ok "regress 29: empty allow-list = everyone" || note <"$work/err"
finish
