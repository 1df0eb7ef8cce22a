#!/bin/sh
# A session outlives its link, with the real kernel on top: a copy onto an attached
# disk goes on over a cut of 20 s and a change of address; a cut that is too long, and a
# server that was killed, cost one clean unplug.
[ -n "${VM_GUEST:-}" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

ID=1d6b:0104
MIB=24
S="$BIN -s /tmp/S"
C="ip netns exec C $BIN -s /tmp/C"

disk() {
	disk_ready "$(busids $ID vhci)"
}
said() {
	[ "$(grep -c "$2" "/tmp/$1")" = "$3" ]
}
serve() {
	$S serve --listen 10.77.0.1:13240 --virtual disk:/tmp/disk.img 2>>/tmp/serve.log &
	SERVE=$!
	wait_for 10 $S status
}
# attach OPTION...
attach() {
	$C attach lab v-1 "$@" >>/tmp/attach.out 2>>/tmp/attach.log &
	ATTACH=$!
}
# A link by the interfaces' own addresses of IPv6 would not notice that one of IPv4 went.
no_ipv6() {
	echo 1 >/proc/sys/net/ipv6/conf/vS/disable_ipv6 &&
		ip netns exec C sh -c 'echo 1 >/proc/sys/net/ipv6/conf/vC/disable_ipv6'
}
path() {
	$C status --json | jq -r '.running[0].link.path'
}
kernel_errors() {
	dmesg | tail -n "+$1" | grep -ciE 'I/O error|USB disconnect|reset .*speed|BUG|Oops'
}

must "modules" modprobe -a vhci_hcd usb_storage sd_mod
must "network" net_start
must "no address but those of IPv4" no_ipv6
truncate -s ${MIB}M /tmp/disk.img
head -c ${MIB}M /dev/urandom >/tmp/data
must "serve" serve
$C list "$($S invite --name anna)" --as lab >/dev/null 2>&1
attach
must "the kernel has the disk" wait_for 30 disk
D=/dev/$(disk)

# --- a copy while the line is cut for 20 s, then while the address changes ---
lines=$(dmesg | wc -l)
dd if=/tmp/data of="$D" bs=256k oflag=direct conv=fsync 2>/tmp/dd.err &
DD=$!
sleep_until_written() {
	wait_for 60 sh -c "[ \$(awk '{ print \$7 }' /sys/block/${D#/dev/}/stat) -ge $1 ]"
}
check "the copy has begun" sleep_until_written 4096
ip link set vS down
check "both sides hold the session" wait_for 15 sh -c \
	"$C status --json | grep -q held_s && $S status --json | grep -q held_s"
date +%s >/tmp/cut
wait_for 30 sh -c '[ $(($(date +%s) - $(cat /tmp/cut))) -ge 15 ]'
kill -0 $DD
ok "the copy waits"
ip link set vS up
check "it goes on" wait_for 15 grep -q 'session with lab goes on' /tmp/attach.log
check "and so does the copy" sleep_until_written 16384
echo "# path: $(path)"
ip -n C addr del 10.77.0.2/24 dev vC
ip -n C addr add 10.77.0.9/24 dev vC
kill -0 $DD
ok "the address changes in the midst of it"
wait $DD
is "the copy ends well" "$?" 0
note </tmp/dd.err
check "over another link" wait_for 20 said attach.log 'session with lab goes on' 2
path | grep -q '10\.77\.0\.9:'
ok "by the new address" || path | note
check "the image is equal" cmp /tmp/data /tmp/disk.img
echo 3 >/proc/sys/vm/drop_caches
check "the disk is equal" cmp /tmp/data "$D"
is "the kernel saw no error, reset or disconnect" "$(kernel_errors "$((lines + 1))")" 0

# --- a cut that is longer than the session is kept ---
$C detach --all
wait $ATTACH
attach --grace 10s
must "attached again" wait_for 30 disk
lines=$(dmesg | wc -l)
ip link set vS down
check "one clean unplug" wait_for 40 sh -c \
	"[ \$(dmesg | tail -n +$((lines + 1)) | grep -c 'USB disconnect') = 1 ]"
ip link set vS up
t0=$(now_ms)
check "attached again once the path is back" wait_for 20 said attach.out 'v-1 attached' 3
in_time "after" $(($(now_ms) - t0)) 5000
must "its disk" wait_for 20 disk
check "which is equal" cmp /tmp/data "/dev/$(disk)"

# --- kill -9 of serve ---
lines=$(dmesg | wc -l)
kill -9 $SERVE
check "the session is held" wait_for 10 sh -c "$C status --json | grep -q held_s"
is "nothing is unplugged yet" "$(dmesg | tail -n "+$((lines + 1))" | grep -c 'USB disconnect')" 0
must "serve again" serve
t0=$(now_ms)
check "attached again after the restart" wait_for 20 said attach.out 'v-1 attached' 4
in_time "after" $(($(now_ms) - t0)) 5000
is "one clean unplug" "$(dmesg | tail -n "+$((lines + 1))" | grep -c 'USB disconnect')" 1
must "its disk" wait_for 20 disk
check "which is still equal" cmp /tmp/data "/dev/$(disk)"

# --- new keys, again and again, in the middle of a copy ---
$C detach --all
wait $ATTACH
C="$C -o link.rekey_packets=2000"
attach
must "attached with keys that are soon worn" wait_for 30 disk
D=/dev/$(disk)
lines=$(dmesg | wc -l)
head -c ${MIB}M /dev/urandom >/tmp/data
lost=$(grep -c 'link to lab lost' /tmp/attach.log)
dd if=/tmp/data of="$D" bs=256k oflag=direct conv=fsync 2>/tmp/dd.err
is "the copy ends well" "$?" 0
note </tmp/dd.err
links=$($C status --json | sed 's/.*"links":\([0-9]*\).*/\1/')
[ "$links" -ge 3 ]
ok "over $links links of one session"
is "none of them was lost" "$(grep -c 'link to lab lost' /tmp/attach.log)" "$lost"
check "the image is equal" cmp /tmp/data /tmp/disk.img
is "the kernel saw no error, reset or disconnect" "$(kernel_errors "$((lines + 1))")" 0

kill $ATTACH
wait $ATTACH
is "attach ends in order" "$?" 0
kill $SERVE
wait $SERVE
is "serve ends in order" "$?" 0
cp /tmp/serve.log /tmp/attach.log /results/
finish
