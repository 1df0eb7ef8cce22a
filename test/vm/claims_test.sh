#!/bin/sh
# What is shared stays shared, with the real kernel: serve is killed while a copy runs,
# gives the kernel's drivers back at its next start, and the attached side has its
# device again; the device is pulled and put back; and status tells of all that.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

ID=1d6b:0104
VHCI=/sys/devices/platform/vhci_hcd.0
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"

start_serve() {
	$S "$@" serve --listen 127.0.0.1:13240 >>/tmp/serve.log 2>&1 </dev/null &
	SERVE=$!
	wait_for 20 $S status
}
gone() {
	! grep -qs '^State:.*[^Z] (' "/proc/$1/status"
}
kill_serve() {
	kill -9 $SERVE
	wait $SERVE
}
start_attach() {
	$C attach lab "$DEV" >/tmp/C.out 2>/tmp/C.err </dev/null &
	ATTACH=$!
}
said() { # N WORDS
	[ "$(grep -cF -e "$2" /tmp/C.out)" -ge "$1" ]
}
local_driver_back() {
	[ "$(driver_of "$DEV")" = usb-storage ] && disk_ready "$DEV"
}
attached_disk() {
	disk_ready "$(busids $ID vhci)"
}
device() { # FILTER: of the device, as serve tells it
	$S status --json | jq -r ".running[0].devices[] | select(.busid == \"$DEV\") | $1"
}
device_is() {
	[ "$(device "$1")" = "$2" ]
}
ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null | awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}

must "modules" usb_start 1
must "udevd" udev_start
image /tmp/stick.img 32
cp /tmp/stick.img /tmp/before.img
must "gadget" gadget_disk stick $ID /tmp/stick.img
must "the serving side has the stick" wait_for 30 busids $ID
DEV=$(busids $ID)
must "and its own driver" wait_for 30 local_driver_back
must "bind" $S bind "$DEV"
must "serve" start_serve
must "peer" $C list "$($S invite --name anna)" --as lab

# --- why it cannot be had ---
mkfs.ext4 -q -F "/dev/$(disk_ready "$DEV")"
mkdir -p /tmp/mnt
must "mount" mount "/dev/$(disk_ready "$DEV")" /tmp/mnt
$C attach lab "$DEV" --once >/tmp/out 2>&1
is "a mounted one is refused" "$?" 5
grep -q "mounted at /tmp/mnt" /tmp/out
ok "and it says where" || note </tmp/out
is "the status remembers that" "$(device '.claims[0] | [.by, .failed, (.reason | startswith("mounted at /tmp/mnt"))] | tostring')" \
	'["anna",true,true]'
umount /tmp/mnt
cp /tmp/before.img /tmp/fill.img
dd if=/tmp/fill.img of="/dev/$(disk_ready "$DEV")" bs=1M conv=fsync 2>/dev/null

# --- a claim ---
start_attach
must "attached" wait_for 60 said 1 "$DEV attached "
must "its disk is there" wait_for 60 attached_disk
is "its claim is on disk" "$(cat /tmp/S/claims)" "$DEV $ID 0=usb-storage"
is "and in the status" "$(device '.claimed.drivers + " by " + .holder')" "0=usb-storage by anna"
in_time "claimed" "$(device .claimed.open_ms)" 2000

# --- serve is killed while a copy runs; attach ends before it is back ---
D=/dev/$(attached_disk)
dd if="$D" of=/dev/null bs=64k iflag=direct 2>/tmp/dd.err &
DD=$!
wait_for 20 reading "${D#/dev/}"
ok "a copy runs"
kill_serve
is "the driver is not back by itself" "$(driver_of "$DEV")" none
$C detach --all >/tmp/out 2>&1
check "the attached side has let go" wait_for 30 ports_free
wait $DD
wait_for 30 gone $ATTACH
must "serve again" start_serve
check "it gives the driver back" wait_for 30 local_driver_back
grep -q "device $DEV gets its drivers back drivers=0=usb-storage" /tmp/serve.log
ok "and says so" || note </tmp/serve.log
check "the claim is over" wait_for 20 sh -c "[ ! -s /tmp/S/claims ]"
is "the device is still shared" "$(device .shared)" true
check "and reads right" cmp "/dev/$(disk_ready "$DEV")" /tmp/before.img

# --- the same, and attach stays ---
start_attach
must "attached" wait_for 60 said 1 "$DEV attached "
must "its disk is there" wait_for 60 attached_disk
D=/dev/$(attached_disk)
dd if="$D" of=/dev/null bs=64k iflag=direct 2>/tmp/dd.err &
DD=$!
wait_for 20 reading "${D#/dev/}"
kill_serve
t0=$(now_ms)
must "serve again" start_serve
check "attached again" wait_for 60 said 2 "$DEV attached "
in_time "soon" $(($(now_ms) - t0)) 5000
is "it was unplugged once" "$(grep -c "$DEV waits" /tmp/C.out)" 1
wait $DD
must "its disk is there" wait_for 60 attached_disk
check "and reads right" cmp "/dev/$(attached_disk)" /tmp/before.img

# --- pulled and put back ---
gadget_unplug stick
check "attach waits" wait_for 30 said 2 "$DEV waits"
gadget_plug stick
check "attached again after a replug" wait_for 60 said 3 "$DEV attached "
is "the claim before it ended so" "$(device '.claims[0].reason')" "it was unplugged"

# --- an end in order; by pattern, then by a setting ---
check "unbind" $S unbind "$DEV"
check "takes it" wait_for 30 said 3 "$DEV waits"
check "the driver is back" wait_for 30 local_driver_back
is "the status knows why" "$(device '.claims[0] | [.by, .failed, .reason] | tostring')" \
	'["anna",false,"it is no longer shared"]'
check "bind by pattern" $S bind '1d6b:*'
check "attached again" wait_for 60 said 4 "$DEV attached "
kill $SERVE
wait $SERVE
is "serve ends in order" "$?" 0
is "no claims are left" "$(cat /tmp/S/claims)" ""
check "the driver is back, too" wait_for 30 local_driver_back
must "serve again" start_serve
check "attached again by pattern" wait_for 60 said 5 "$DEV attached "
check "unbind" $S unbind '1d6b:*'
check "the driver is back" wait_for 30 local_driver_back
kill $SERVE
wait $SERVE
echo "[serve]" >/tmp/usbp2p.conf
must "serve again" start_serve -c /tmp/usbp2p.conf
is "not shared now" "$(device .shared)" false
is "a peer sees nothing of it" "$($C list lab --json | jq -c .devices)" "[]"
$C bench lab "$DEV" >/tmp/out 2>&1
is "nor can it have it by its name" "$?" 4
echo "share = class=storage" >>/tmp/usbp2p.conf
kill -HUP $SERVE
check "serve.share" wait_for 20 device_is .shared true
# sets serve.share
check "attached again by a setting" wait_for 60 said 6 "$DEV attached "
echo "[serve]" >/tmp/usbp2p.conf
kill -HUP $SERVE
check "until it is taken back" wait_for 30 said 6 "$DEV waits"
check "the driver is back" wait_for 30 local_driver_back
cp /tmp/serve.log /tmp/C.out /tmp/C.err /results/
dmesg >/results/dmesg
finish
