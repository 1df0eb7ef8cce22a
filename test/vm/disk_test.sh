#!/bin/sh
# The main job with the real kernel: a mass storage gadget on dummy_hcd is bound
# and served here, and attached in another network namespace.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

ID=1d6b:0104
S="$BIN -s /tmp/S"
C="ip netns exec C $BIN -s /tmp/C"
VHCI=/sys/devices/platform/vhci_hcd.0

start_serve() {
	$S serve --listen 10.77.0.1:13240 >>/tmp/serve.log 2>&1 &
	SERVE=$!
	wait_for 10 $S status
}

# The ports that are not free, of all controllers.
ports_taken() {
	cat $VHCI/status $VHCI/status.* 2>/dev/null | awk '$3 ~ /^[0-9]+$/ && $3 != "004"'
}

ports_free() {
	[ -z "$(ports_taken)" ]
}

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

local_driver_back() {
	[ "$(driver_of "$DEV")" = usb-storage ] && disk_ready "$DEV"
}

# Of both sides. Two lines tell what is meant to happen: the device is reset
# between owners, and a disk that was just scanned reports that it was.
kernel_errors() {
	dmesg | grep -iE 'vhci|usbip|usb [0-9]|sd [0-9]' |
		grep -iE 'error|fail|reset|cannot|unknown|timed out|not responding' |
		grep -vE 'reset high-speed USB device number [0-9]+ using dummy_hcd|Power-on or device reset occurred'
}

# --- two machines: this one and the namespace C ---
must "modules" usb_start 1
must "udevd" udev_start
head -c 16777216 /dev/urandom >/tmp/gadget.img
cp /tmp/gadget.img /tmp/before.img
must "gadget" gadget_disk stick $ID /tmp/gadget.img
must "the serving side has the stick" wait_for 20 busids $ID
DEV=$(busids $ID)
must "and its own driver" wait_for 20 disk_ready "$DEV"
ip netns add C && ip link add vS type veth peer name vC && ip link set vC netns C &&
	ip addr add 10.77.0.1/24 dev vS && ip link set vS up &&
	ip -n C addr add 10.77.0.2/24 dev vC && ip -n C link set vC up && ip -n C link set lo up
must "network namespaces" wait_for 10 sh -c "ip -n C -br link show vC | grep -q UP"

# --- share, invite, attach ---
must "bind" $S bind "$DEV"
must "serve" start_serve
TICKET=$($S invite --name anna)
must "invite" test -n "$TICKET"
$C attach "$TICKET" "$DEV" --as lab --background >/tmp/attach.out 2>/tmp/attach.err
must "attach --background" test -s /tmp/attach.out
note </tmp/attach.out
note </tmp/attach.err
is "one port is taken" "$(ports_taken | wc -l)" 1
must "the attaching kernel has the disk" wait_for 20 attached_disk
D=/dev/$(attached_disk)
is "the gadget's own driver is away" "$(driver_of "$DEV")" usbfs
usbip port 2>/dev/null | tee /tmp/usbip.out | grep -q "Port in Use"
ok "stock usbip port sees it"
grep -q "$DEV" /tmp/usbip.out
ok "with its busid" || note </tmp/usbip.out
cp /tmp/usbip.out /results/

# --- read, write ---
t0=$(now_ms)
check "the whole disk is equal" cmp "$D" /tmp/before.img
echo "# read 16 MiB in $(($(now_ms) - t0)) ms"
check "mkfs" mkfs.ext4 -q -F "$D"
mkdir -p /tmp/mnt /tmp/src
for i in $(seq 200); do
	head -c $((i * 211)) /dev/urandom >/tmp/src/file$i
done
check "mount" mount "$D" /tmp/mnt
check "write 200 files" cp -r /tmp/src /tmp/mnt/
check "unmount" umount /tmp/mnt
$C status --json >/results/attach.json
$S status --json >/results/serve.json
is "status of attach" "$(jq -r '.running[0].devices[0].state' /results/attach.json)" attached
is "status of serve" "$(jq -r '.running[0].devices[0].holder' /results/serve.json)" anna
# What was read ahead for nothing is in one of them only (distance_test has the rest).
GIVEN=$(jq '.running[0].devices[0].urbs.bytes_in' /results/attach.json)
TAKEN=$(jq '.running[0].peers[0].urbs.bytes_in' /results/serve.json)
[ "$GIVEN" -gt 16777216 ] && [ "$TAKEN" -ge "$GIVEN" ] && [ "$TAKEN" -le $((GIVEN * 5 / 4)) ]
ok "both count the same bytes, and those that were read ahead" || echo "# $GIVEN, $TAKEN"

# --- detach ---
check "detach" $C detach "$DEV"
check "the port is free" ports_free
check "the gadget's own driver is back" wait_for 10 local_driver_back
modprobe loop
check "file system on the backing file" mount -o loop,ro /tmp/gadget.img /tmp/mnt
check "all 200 files are intact" diff -r /tmp/src /tmp/mnt/src
umount /tmp/mnt
is "the note for usbip port is gone" "$(ls /var/run/vhci_hcd 2>/dev/null)" ""
is "no vhci or usb error in the kernel log" "$(kernel_errors)" ""

# --- list and bench by name ---
check "list NAME" $C list lab
check "bench NAME DEVICE" sh -c "$C bench lab $DEV --json >/results/bench.json"
is "SHA-256 of the device" "$(jq -r .device.sha256 /results/bench.json)" \
	"$(sha256sum </tmp/gadget.img | cut -d' ' -f1)"
is "its keys" "$(jq -r '[.connect_ms, .path, .rtt_us.p50, .rtt_us.p99, .down_mb_s, .up_mb_s,
	.urb_s, .device.read_mb_s, .cpu_s_per_gb.local] | map(. != null) | all' /results/bench.json)" true
note </results/bench.json
check "its driver is back again" wait_for 10 local_driver_back
$C -s /tmp/X list "$TICKET" >/tmp/x.out 2>&1
is "a stranger is refused" "$?" 3
grep -iq "disk\|stick\|1d6b" /tmp/x.out
is "and sees no device" "$?" 1

# --- kill -9 of attach while a read runs ---
$C attach lab "$DEV" >/tmp/attach2.out 2>&1 &
must "attached once more" wait_for 20 attached_disk
D=/dev/$(attached_disk)
ATTACH=$(jq -r '.running[0].pid' <<-X
	$($C status --json)
X
)
dd if="$D" of=/dev/null bs=1M iflag=direct 2>/tmp/dd.err &
wait_for 10 reading "${D#/dev/}"
ok "a read is running" || note </tmp/dd.err
kill -9 "$ATTACH"
t0=$(now_ms)
check "kill -9 of attach: the port is free" wait_for 10 ports_free
in_time "soon" $(($(now_ms) - t0)) 2000
$C attach lab "$DEV" --background >/tmp/attach3.out 2>&1
is "the device is usable by the next attach at once" "$?" 0
note </tmp/attach3.out
echo "# attached again $(($(now_ms) - t0)) ms after that"
must "its disk is there" wait_for 20 attached_disk
D=/dev/$(attached_disk)
check "and reads right" cmp -n 1048576 "$D" /tmp/gadget.img

# --- serve ends in order while a device is attached ---
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
check "and gives the driver back" wait_for 10 local_driver_back
check "the attached side unplugs" wait_for 5 ports_free
is "its process waits for serve" "$($C status --json | jq -r '.running[0].devices[0].state')" waiting
$C detach --all
check "until it is told not to" wait_for 5 sh -c "! $C status"

# --- kill -9 of serve ---
check "serve again" start_serve
$C attach lab "$DEV" --background >/tmp/attach5.out 2>&1
is "attach again" "$?" 0
kill -9 "$SERVE"
t0=$(now_ms)
$C detach --all >/tmp/detach.out 2>&1
is "kill -9 of serve: detach" "$?" 0
in_time "is not kept waiting" $(($(now_ms) - t0)) 2000
check "and the port is free" ports_free
check "a restarted serve" start_serve
$C attach lab "$DEV" --background >/tmp/attach4.out 2>&1
is "serves again" "$?" 0
note </tmp/attach4.out
must "its disk is there again" wait_for 20 attached_disk
check "and reads right again" cmp -n 1048576 "/dev/$(attached_disk)" /tmp/gadget.img

# --- the end ---
check "detach --all" $C detach --all
check "ports are free" ports_free
cp /tmp/serve.log /results/
dmesg >/results/dmesg
finish
