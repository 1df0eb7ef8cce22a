#!/bin/sh
# Every setting does something that can be seen from outside.
. test/e2e/lib.sh

random_image stick.img 1

# field FILTER: of the last JSON on stdout.
field() {
	jq -r "$1" "$work/out"
}

# peer_field FILTER: of the first peer that lab has now.
lab_peer() {
	"$BIN" -s "$work/lab" status --json | jq -er ".running[0].peers[0]$1"
}

settings="-o serve.name=lab -o ice.ports=41200-41219 -o link.compression=no"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
lab=$served
t=$(ticket lab)
try "$BIN" -o serve.name=anna -o ice.ports=41300-41319 -s "$work/anna" bench "$t" --json
is "bench" "$rc" 0
is "serve.name: the server's" "$(field .peer)" lab
is "serve.name: the client's" "$(cut -d ' ' -f 3 "$work/lab/peers")" anna
field .path | grep -qE '^host 127\.0\.0\.1:413[01][0-9] -> host 127\.0\.0\.1:412[01][0-9]$'
ok "ice.ports: $(field .path)"
is "link.cc: bbr unless told" "$(field .link.cc)" bbr
usual='.link | .bytes_out / .packets_out'
is "link.mtu: auto unless told: what the loopback takes" "$(field .link.mtu)" 8900
large=$(field "$usual | floor")
[ "$large" -gt 4000 ]
ok "link.mtu: auto, a packet has $large bytes on average"

try "$BIN" -o link.mtu=1200 -s "$work/anna" bench lab --json
is "link.mtu=1200" "$(field .link.mtu)" 1200
small=$(field "$usual | floor")
[ "$small" -gt 500 ] && [ "$small" -le 1200 ]
ok "link.mtu=1200: a packet has $small bytes on average"
jq -e '.link | .bytes_in / .packets_in > 4000' "$work/out" >/dev/null
ok "link.mtu=1200 is for one way only"

is "link.fast: yes unless told" "$(field .link.carrier)" gso

try "$BIN" -o link.mtu=4000 -o link.fast=no -o link.cc=cubic -o link.cipher=chacha20 \
	-s "$work/anna" bench lab --json
is "link.cipher=chacha20" "$(field .link.cipher)" chacha20
is "link.cc=cubic" "$(field .link.cc)" cubic
is "link.fast=no" "$(field .link.carrier)" libnice
is "link.mtu=4000: that and no other" "$(field .link.mtu)" 4000
large=$(field "$usual | floor")
[ "$large" -gt 1200 ] && [ "$large" -le 4000 ]
ok "link.mtu=4000: a packet has $large bytes on average"

# One port for the clients: the second finds none.
"$BIN" -o ice.ports=41400 -s "$work/anna" bench lab --json >"$work/first" &
first=$!
pids="$pids $first"
check "lab has a peer" wait_for 5 lab_peer .link.path
is "the server's controller is its own" "$(lab_peer .link.cc)" bbr
is "link.compression=no of serve" "$(lab_peer ' | has("compression") | not')" true
try "$BIN" -o ice.ports=41400 -s "$work/anna" list lab
is "ice.ports: a port in use cannot be used" "$rc" 1
wait "$first"
is "and does not harm who has it" "$? $(jq -r .path "$work/first" | cut -d ' ' -f 2)" \
	"0 127.0.0.1:41400"
end_serve "$lab"

settings="-o link.cc=cubic -o link.mtu=5000 -o link.cipher=chacha20 -o serve.name=attic"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start again"
t=$(ticket lab)
"$BIN" -o link.cipher=aes128 -o link.compression=no -s "$work/anna" bench "$t" --as attic --json >"$work/first" &
first=$!
pids="$pids $first"
check "a peer again" wait_for 5 lab_peer .link.path
is "link.cc of serve" "$(lab_peer .link.cc)" cubic
is "link.compression=no of a client" "$(lab_peer ' | has("compression") | not')" true
wait "$first"
jq -e '.link | .bytes_in / .packets_in | . > 1200 and . <= 5000' "$work/first" >/dev/null
ok "link.mtu of serve"
is "link.cipher of serve" "$(jq -r .link.cipher "$work/first")" chacha20

# Once somebody has the device, status tells whether its reports are read ahead, and
# whether its data may be compressed.
assisted() {
	"$BIN" -s "$work/anna" status --json | jq -e ".running[0].devices[0] |
		[.assists.interrupt.on, has(\"compression\")] | map(tostring) | join(\" \") == \"$1\""
}
cached() {
	"$BIN" -s "$work/anna" status --json |
		jq -e ".running[0].devices[0].write_cache.on == $1"
}
# sets attach.write_cache
# sets attach attic.write_cache
for row in none,true,true interrupt,false,true compression,true,false all,false,false; do
	no=${row%%,*}
	want=$(echo "${row#*,}" | tr , ' ')
	cache="attach attic.write_cache"
	[ $no = none ] && cache=attach.write_cache
	"$BIN" -o attach.no_assist=$no -o "$cache=yes" -s "$work/anna" attach attic v-1 \
		--via usbip=127.0.0.1:0 >"$work/anna.via" 2>"$work/anna.log" &
	attach=$!
	pids="$pids $attach"
	wait_for 10 grep -q " offered at=" "$work/anna.via" && hold anna v-1
	check "attach.no_assist=$no" wait_for 10 assisted "$want"
	case $no in none | interrupt) check "$cache" cached true ;; esac
	kill "$holding" "$attach"
	wait "$attach"
done

# All that went before, for every key that there is; some need a kernel (test/vm), or
# have a test of their own.
"$BIN" help | sed -n 's/^      \([a-z][A-Za-z._ ]*\)=.*/\1/p' | while read -r key; do
	# a test either sets it, or says by its name that it does
	re=$(echo "$key" | sed 's/ NAME/ [a-zA-Z0-9]*/; s/\./\\./')
	grep -qE -e "-o '?$re=" -e "\"$re(\"|[: =])" -e "^# sets $re\$" \
		test/e2e/*_test.sh test/vm/*_test.sh test/e2e/nat/*.sh || echo "# no test sets $key"
done >"$work/unset"
cat "$work/unset"
[ "$tap_bad" = 0 ] && [ ! -s "$work/unset" ] && "$BIN" help | grep -q link.mtu=
ok "regress 31: config key never read"
finish
