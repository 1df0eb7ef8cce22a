#!/bin/sh
# The regression list (test/regress/LIST) where a kernel is needed: a disk, served
# here and attached in another network namespace; both see all of its vhci.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

ID=1d6b:0106 # not that of the virtual serial port
S="$BIN -s /tmp/S"
C="ip netns exec C $BIN -s /tmp/C"

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

must "modules" usb_start 1
must "more modules" modprobe -a cdc_acm sch_netem
must "udevd" udev_start
truncate -s 16M /tmp/gadget.img
mkfs.vfat /tmp/gadget.img >/dev/null
must "gadget" gadget_disk stick $ID /tmp/gadget.img
must "the serving side has the stick" wait_for 20 busids $ID
DEV=$(busids $ID)
must "and its disk" wait_for 20 disk_ready "$DEV"
ip netns add C && ip link add vS type veth peer name vC && ip link set vC netns C &&
	ip addr add 10.77.0.1/24 dev vS && ip link set vS up &&
	ip -n C addr add 10.77.0.2/24 dev vC && ip -n C link set vC up && ip -n C link set lo up
must "network namespaces" wait_for 10 sh -c "ip -n C -br link show vC | grep -q UP"
must "bind by what the attached copy has, too" $S bind $ID
$S serve --listen 10.77.0.1:13240 --virtual serial:/tmp/pty >/tmp/serve.log 2>&1 &
must "serve" wait_for 10 $S status
must "list" $C list "$($S invite --name anna)" --as lab

# --- a file system that is mounted ---
mkdir /tmp/mnt
must "mount" mount "/dev/$(disk_ready "$DEV")" /tmp/mnt
$C attach lab "$DEV" --background >/tmp/out 2>&1
rc=$?
[ $rc = 5 ] && grep -q "mounted at /tmp/mnt" /tmp/out && [ -z "$(busids $ID vhci)" ] &&
	echo written >/tmp/mnt/file && sync
ok "regress 35: file system mounted while exported" || note </tmp/out
umount /tmp/mnt

# --- the copy that the attaching kernel has is not shared again ---
$C attach lab "$DEV" v-1 --background >/tmp/out 2>&1
is "attach" "$?" 0
must "the attaching kernel has the disk" wait_for 20 attached_disk
udevadm settle
{ $S list --json; $S status --json | jq '.running[0]'; $C list lab --json; } |
	jq -r '[.devices[] | select(.id == "'$ID'") | .busid] | join(" ")' >/tmp/listed
is "regress 26: own vhci device re-exported (loop)" "$(cat /tmp/listed)" "$DEV
$DEV
$DEV"

# --- every number moves that needs a driver or a bad network for it ---
# What is logged and how long a device takes to open is looked at by test/e2e/status_test.sh,
# what hides the distance by distance_test.sh.
fed() {
	$S status --json >>/tmp/looks.serve && $C status --json >>/tmp/looks.attach &&
		[ -z "$(for n_f in serve attach; do
			jq -s -r -f test/regress/numbers.jq /tmp/looks.$n_f || echo $n_f
		done | grep -vE '\.(corrupted|open_ms|logged\.(errors|warnings))$|\.(assists|write_cache)\.' | tee /tmp/never)" ]
}
# Records that are damaged do not get past the checksum of UDP: test/net/dtls_test.c has
# them. Late ones come behind more than 64 others.
# Data are compressed while a line is full.
BAD="loss 3% duplicate 3% delay 300ms reorder 97% rate 20mbit"
must "a bad network" tc qdisc add dev vS root netem $BAD
ip netns exec C tc qdisc add dev vC root netem $BAD
must "the serial port" wait_for 20 test -c /dev/ttyACM0
D=/dev/$(attached_disk)
while sleep 0.2; do # an interface that is closed unlinks; a request for nothing stalls
	timeout 0.5 cat /dev/ttyACM0
	dd if="$D" of=/dev/null bs=64k count=16 iflag=direct
	dd if=/dev/zero of="$D" bs=64k count=2 seek=64 oflag=direct
	lsusb -v -d $ID
done >/dev/null 2>&1 &
worker=$!
wait_for 60 fed
ok "regress 32: metric columns never fed" || note </tmp/never
kill $worker
wait $worker 2>/dev/null
cp /tmp/serve.log /tmp/looks.* /results/
check "detach" $C detach --all
finish
