#!/bin/sh
# The stock programs with the real kernel: `usbip attach` takes a virtual disk from
# `serve --usbip`, and from `attach --via usbip=`.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 300 "$0"
. test/vm/lib.sh

ID=1d6b:0104
VHCI=/sys/devices/platform/vhci_hcd.0
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"

serve_status() {
	$S status --json | jq -r ".running[0].devices[0].$1"
}

ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

gone() {
	! grep -qs '^State:.*[^Z] (' "/proc/$1/status"
}

end_serve() {
	kill -TERM "$SERVE"
	wait_for 10 gone "$SERVE" || kill -9 "$SERVE"
	wait "$SERVE"
	is "serve ends in order" "$?" 0
}

# The port that usbip has used.
usbip_port() {
	usbip port 2>/dev/null | sed -n 's/^Port \([0-9]*\):.*/\1/p'
}

must "modules" usb_start 1
modprobe usbip-core
image /tmp/disk.img 16
cp /tmp/disk.img /tmp/before.img

# --- stock usbip attach from serve --usbip ---
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img --usbip 2>/tmp/serve.log &
SERVE=$!
must "serve" wait_for 10 $S status
check "usbip list" sh -c "usbip list -r 127.0.0.1 | grep -q 'v-1: .*$ID'"
must "usbip attach" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has the disk" wait_for 20 attached_disk
D=/dev/$(attached_disk)
check "the whole disk is equal" cmp "$D" /tmp/before.img
is "the holder" "$(serve_status holder)" "usbip 127.0.0.1"
usbip attach -r 127.0.0.1 -b v-1 >/tmp/second.out 2>&1
[ $? != 0 ] && grep -q "busy\|Busy\|already in use\|in use" /tmp/second.out
ok "a second one is told that it is busy" || note </tmp/second.out
usbip list -r 127.0.0.1 2>&1 | grep -q v-1
is "and does not see it" "$?" 1
check "write" dd if=/tmp/before.img of="$D" bs=1M seek=4 count=4 oflag=direct
check "usbip detach" usbip detach -p "$(usbip_port)"
check "the port is free" wait_for 5 ports_free
check "the device is free" wait_for 5 sh -c "$S status --json | grep -q '\"state\":\"free\"'"
cp /tmp/before.img /tmp/want.img
dd if=/tmp/before.img of=/tmp/want.img bs=1M seek=4 count=4 conv=notrunc 2>/dev/null
check "what was written is there" cmp /tmp/disk.img /tmp/want.img
must "usbip attach again" usbip attach -r 127.0.0.1 -b v-1
must "its disk is there" wait_for 20 attached_disk
end_serve
check "the port is free then" wait_for 5 ports_free

# --- stock usbip attach from attach --via usbip= ---
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img 2>>/tmp/serve.log &
SERVE=$!
must "serve again" wait_for 10 $S status
$C attach "$($S invite --name anna)" v-1 --as lab --via usbip >/tmp/via.out 2>/tmp/via.log &
VIA=$!
must "a device is offered" wait_for 10 grep -q "v-1 offered at=127.0.0.1:3240" /tmp/via.out
is "nobody has it" "$(serve_status state)" free
must "usbip attach via us" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has that disk" wait_for 20 attached_disk
D=/dev/$(attached_disk)
check "the whole disk is equal via us" cmp "$D" /tmp/want.img
is "the holder is the peer" "$(serve_status holder)" anna
is "state of attach" "$($C status --json | jq -r '.running[0].devices[0].state')" attached
usbip attach -r 127.0.0.1 -b v-1 >/tmp/second.out 2>&1
is "a second client gets nothing" "$?" 1
check "usbip detach" usbip detach -p "$(usbip_port)"
check "the port is free again" wait_for 5 ports_free
check "and the device at the server" wait_for 5 sh -c "$S status --json | grep -q '\"state\":\"free\"'"
must "usbip attach via us again" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has that disk again" wait_for 20 attached_disk
kill -TERM "$VIA"
wait_for 10 gone "$VIA" || kill -9 "$VIA"
wait "$VIA"
is "attach ends in order" "$?" 0
check "and the port is free" wait_for 5 ports_free
end_serve

cp /tmp/serve.log /tmp/via.log /results/
dmesg >/results/dmesg
finish
