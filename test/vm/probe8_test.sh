#!/bin/sh
[ -n "${VM_GUEST:-}" ] || exec "${0%/*}/run.sh" -t 500 "$0"
. test/vm/lib.sh
S="$BIN -s /tmp/S"
A="timeout 300 ip netns exec C $BIN -s /tmp/A"
HID=1d6b:0201 DISK=1d6b:0205
SYS=/sys/bus/usb/devices
hid() {
	gadget hid $HID "Reports" && gadget_function hid hid protocol=0 subclass=0 \
		report_length=64 \
		"report_desc=\\006\\000\\377\\011\\001\\241\\001\\011\\001\\025\\000\\046\\377\\000\\165\\010\\225\\100\\201\\002\\300" &&
		gadget_plug hid 0
}
hidraw() { basename "$SYS/$(busids $HID vhci)":1.0/*/hidraw/hidraw*; }
must "modules" usb_start 2
must "drivers" modprobe -a usbhid hid-generic sch_netem usbmon
mount -t debugfs none /sys/kernel/debug
must "udevd" udev_start
must "net" net_start
image /tmp/disk.img 16
must "HID" hid
must "disk" gadget_disk disk $DISK /tmp/disk.img 1
must "there" wait_for 20 busids $HID
DEV=$(busids $HID)
DDEV=$(busids $DISK)
must "bind" $S bind "$DEV" "$DDEV"
$S serve --listen 10.77.0.1:13240 >/tmp/serve.log 2>&1 &
must "serve" wait_for 10 $S status
must "known" $A list "$($S invite --name anna)" --as lab
tc qdisc add dev vS root netem delay 25ms limit 10000
ip netns exec C tc qdisc add dev vC root netem delay 25ms limit 10000
must "attach" $A attach lab "$DEV" --background
must "hidraw" wait_for 20 hidraw
cat /sys/kernel/debug/usb/usbmon/0u >/tmp/mon &
MON=$!
timeout 100 perl -e 'open(my $f,"<",$ARGV[0]); for (1..40) { sysread($f, my $r, 64); }' /dev/$(hidraw) &
R=$!
wait_for 2 false
t0=$(now_ms)
timeout 100 perl -e 'open(my $f,">","/dev/hidg0"); for my $n (0..39) { syswrite($f, pack("N C60",$n,(1) x 60)); }'
wait $R
echo "# 40 reports in $(($(now_ms) - t0)) ms"
kill $MON
$A status --json | jq -c '.running[0].devices[0] | [.urbs,.assists]' | note
cut -c 1-110 /tmp/mon | tail -n 150 | note
check "detach" $A detach --all
for how in --no-assist=all ""; do
	must "attach disk" $A attach lab "$DDEV" --background $how
	must "disk" wait_for 60 disk_ready "$(busids $DISK vhci)"
	D=$(disk_ready "$(busids $DISK vhci)")
	t0=$(now_ms)
	dd if=/dev/$D of=/dev/null bs=120k count=10 iflag=direct 2>/dev/null
	t1=$(now_ms)
	dd if=/dev/zero of=/dev/$D bs=120k count=10 oflag=direct 2>/dev/null
	t2=$(now_ms)
	echo "# '$how' read 10x120k $((t1 - t0)) ms, write $((t2 - t1)) ms"
	$A status --json | jq -c '.running[0].devices[0] | [.urbs,.assists]' | note
	cmp -n 100000 /dev/zero /dev/$D; ok "zeros"
	check "detach" $A detach --all
done
dmesg | tail -5 | note
finish
