#!/bin/sh
# Peers who ask for what they may not use: serve remembers them until the owner says yes
# (peer allow) or no (peer refuse); and what describe and reset do.
. test/e2e/lib.sh

lab() {
	"$BIN" -s "$work/lab" "$@"
}
asks() { # [[BUSID, TIMES]...]
	[ "$(lab status --json | jq -c '.running[0].requests | map([.busid, .times])')" = "$1" ]
}
shares() { # NAME: the devices it sees
	"$BIN" -s "$work/$1" list lab --json | jq -r '.devices | map(.busid) | join(" ")'
}
random_image one.img 1
start_serve lab --virtual "disk:$work/one.img" --virtual keyboard ||
	bail "serve does not start"

# --- to come in ---

try "$BIN" -s "$work/carl" list "$(ticket lab --name carl --device v-1)" --as lab
is "carl is invited" "$rc" 0
mkdir -p "$work/bert" && cp "$work/carl/peers" "$work/bert/peers"
bert=$("$BIN" -s "$work/bert" id)
check "nobody asks" asks '[]'
try "$BIN" -s "$work/bert" list lab
is "a stranger is refused" "$rc" 3
try "$BIN" -s "$work/bert" list lab
check "and remembered" asks '[[null,2]]'
is "with its id" "$(lab status --json | jq -r '.running[0].requests[0].id')" "$bert"
lab status >"$work/text"
has "status says it" "$work/text" "($bert) asks for a way in"
try lab peer refuse "$bert"
is "refused" "$rc" 0
check "it is not heard of any more" asks '[]'
try "$BIN" -s "$work/bert" list lab
check "nor when it comes again" asks '[]'
try lab peer refuse "$bert"
fails "refused twice" 4 "asks for nothing"
try lab peer allow "$bert" bert
is "allowed after all" "$rc $(shares bert)" "0 v-1 v-2"

# --- a device ---

try "$BIN" -s "$work/carl" attach lab v-2 --via usbip=127.0.0.1:0
is "a device that it may not use" "$rc" 4
has "is not there for it" "$work/err" "there is no such device that you may use"
check "its owner hears of the wish" asks '[["v-2",1]]'
try "$BIN" -s "$work/carl" attach lab v-9 --via usbip=127.0.0.1:0
is "one that is not there" "$rc" 4
has "looks the same" "$work/err" "there is no such device that you may use"
check "and is no wish" asks '[["v-2",1]]'
try lab peer allow carl --device v-2 --add
is "it may use it, too" "$rc $(shares carl)" "0 v-1 v-2"
check "answered" asks '[]'
try lab peer allow carl --add
is "add what?" "$rc" 2
i=0
while [ $i -lt 40 ]; do
	mkdir -p "$work/s$i" && cp "$work/carl/peers" "$work/s$i/peers"
	"$BIN" -s "$work/s$i" list lab 2>/dev/null
	i=$((i + 1))
done
is "many strangers are not all remembered" \
	"$(lab status --json | jq '.running[0].requests | length')" 32
is "but the last is" "$(lab status --json | jq -r '.running[0].requests[-1].id')" \
	"$("$BIN" -s "$work/s39" id)"

# --- describe, reset ---

try lab describe v-1
is "describe" "$rc $(cat "$work/out")" "0 device 1d6b:0104 version 1.00, USB 2.00
  configuration 1: self-powered, 0 mA
    interface 0: storage (08/06/50)
      endpoint 1 in: bulk, 512 bytes
      endpoint 2 out: bulk, 512 bytes"
try lab describe v-9
fails "describe nothing" 4 "there is no device"
try lab describe
is "describe what?" "$rc" 2
try lab reset v-9
fails "reset nothing" 4 "there is no device"
try lab reset v-1
is "reset" "$rc $(cat "$work/out")" "0 v-1 reset"
offer carl lab v-1 && hold carl v-1
is "somebody has it" "$held" 00000000
try lab reset v-1
is "reset what is in use" "$rc" 0
check "it is taken from its user" wait_for 15 gone "$holding"
check "who can have it again" wait_for 20 sh -c "[ \$(grep -c '^v-1 offered' '$work/carl.via') -ge 2 ]"
finish
