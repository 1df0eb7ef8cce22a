#!/bin/sh
# What an attaching kernel asks while it enumerates, with the real one: next to
# nothing crosses, it sees the same descriptors (but UAS at SuperSpeed), and its
# reset of the port reaches the device.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

LOOP=1d6b:0105
HIGH=1d6b:0201
SUPER=1d6b:0202
UAS=1d6b:0203
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"
NO_STORAGE=/etc/modprobe.d/usbp2p-test.conf

start_serve() {
	$S serve --listen 127.0.0.1:0 --virtual loop >>/tmp/serve.log 2>&1 </dev/null &
	SERVE=$!
	wait_for 10 $S status
}

# Requests that have reached the devices of the peer, all together.
crossed() {
	$S status --json | jq '[.running[0].peers[].urbs.done] | add'
}

configured() {
	[ "$(cat "/sys/bus/usb/devices/$(busids "$1" vhci)/bConfigurationValue")" = 1 ]
}

# attach BUSID ID: and waits for the kernel
attach() {
	$C attach lab "$1" --background >/tmp/attach.out 2>&1 && wait_for 20 configured "$2"
}

node() {
	printf '/dev/bus/usb/%03d/%03d' "$(cat "/sys/bus/usb/devices/$1/busnum")" \
		"$(cat "/sys/bus/usb/devices/$1/devnum")"
}

# on_bus SETUP: whether such a request was seen there
on_bus() {
	grep -q " s $1 " /tmp/bus
}

# All that lsusb says of it, its place left out.
whole() {
	lsusb -v -D "$(node "$1")" 2>&1 | grep -v '^Device: ID'
}

# The port reset that any program may ask of the kernel.
reset_port() {
	perl -e 'open(my $f, "+<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		ioctl($f, 0x5514, 0) or die "reset: $!\n"; # USBDEVFS_RESET' "$(node "$1")"
}

# resets CONTROLLER: those that the kernel has told of
resets() {
	dmesg | grep -c "usb [-0-9]*: reset .*-\?[Ss]peed.* USB device number [0-9]* using $1"
}

# same ID: the attached device against the original
same() {
	D=$(busids "$1")
	A=$(busids "$1" vhci)
	check "$2: descriptors are byte-equal" cmp "/sys/bus/usb/devices/$D/descriptors" \
		"/sys/bus/usb/devices/$A/descriptors"
	for s in manufacturer product serial configuration; do
		is "$2: $s" "$(cat "/sys/bus/usb/devices/$A/$s")" \
			"$(cat "/sys/bus/usb/devices/$D/$s")"
	done
	whole "$D" >/tmp/original
	whole "$A" >/tmp/attached
	check "$2: lsusb -v says the same" diff /tmp/original /tmp/attached
	grep -q "iSerial.*serial-" /tmp/attached
	ok "$2: and has strings" || note </tmp/attached
}

attached_disk() {
	disk_ready "$(busids "$1" vhci)"
}

# a_reset ID TEXT IMAGE: the disk is attached with its driver
a_reset() {
	must "$2: its disk is there" wait_for 20 attached_disk "$1"
	check "$2: and equal" cmp "/dev/$(attached_disk "$1")" "$3"
	WAS=$(resets dummy_hcd)
	WAS_HERE=$(resets vhci_hcd)
	check "$2: reset" reset_port "$(busids "$1" vhci)"
	is "$2: the kernel has reset the attached device" "$(resets vhci_hcd)" $((WAS_HERE + 1))
	is "$2: the real one was reset once" "$(resets dummy_hcd)" $((WAS + 1))
	echo 3 >/proc/sys/vm/drop_caches
	must "$2: its disk is there afterwards" wait_for 20 attached_disk "$1"
	check "$2: and equal" cmp "/dev/$(attached_disk "$1")" "$3"
	head -c 65536 /dev/urandom >/tmp/new
	check "$2: and can be written" dd if=/tmp/new "of=/dev/$(attached_disk "$1")" bs=64k \
		oflag=direct conv=notrunc status=none
	check "$2: what was written is there" cmp -n 65536 "$3" /tmp/new
	WAS=$(resets dummy_hcd)
	check "$2: once more" reset_port "$(busids "$1" vhci)"
	is "$2: reset once more" "$(resets dummy_hcd)" $((WAS + 1))
}

# A mass storage gadget of this speed, with names for everything.
disk() {
	gadget "$1" "$2" "Disk $1" && mkdir "$g/configs/c.1/strings/0x409" &&
		echo "The configuration" >"$g/configs/c.1/strings/0x409/configuration" &&
		echo "$4" >"$g/max_speed" &&
		gadget_function "$1" mass_storage lun.0/removable=1 "lun.0/file=$3" &&
		gadget_plug "$1" "$5"
}

# A disk's descriptors at SuperSpeed, with a setting for UAS; nobody answers there.
uas() {
	gadget uas $UAS "Disk with UAS" && mkdir "$g/functions/ffs.uas" /tmp/ffs &&
		ln -s "$g/functions/ffs.uas" "$g/configs/c.1/" &&
		mount -t functionfs uas /tmp/ffs || return
	perl -e '
		sub ep { pack "C3 C v C C2 C2 v", 7, 5, $_[0], 2, 1024, 0, 6, 0x30, 0, 0, 0 }
		my $d = pack("C9", 9, 4, 0, 0, 2, 8, 6, 0x50, 0) . ep(0x81) . ep(2) .
			pack("C9", 9, 4, 0, 1, 4, 8, 6, 0x62, 0) . ep(0x83) . ep(4) . ep(0x85) . ep(6);
		open(my $f, "+<", "/tmp/ffs/ep0") or die "ep0: $!\n";
		syswrite($f, pack("V4", 3, 16 + length $d, 4, 14) . $d) or die "descriptors: $!\n";
		syswrite($f, pack("V4", 2, 16, 0, 0)) or die "strings: $!\n";
		open(my $r, ">", "/tmp/uas.ready");
		close $r;
		sysread($f, my $events, 1200) while 1' 2>/tmp/uas.err &
	FFS=$!
	wait_for 5 test -e /tmp/uas.ready && gadget_plug uas 2
}

# --- virtual ---
echo "install usb_storage /bin/false" >$NO_STORAGE
echo "install uas /bin/false" >>$NO_STORAGE
modprobe dummy_hcd num=3 is_super_speed=1
must "modules" modprobe -a libcomposite vhci_hcd
must "configfs" mount -t configfs none /sys/kernel/config
must "udevd" udev_start
head -c 2097152 /dev/urandom >/tmp/high.img
head -c 2097152 /dev/urandom >/tmp/super.img
must "a gadget" disk high $HIGH /tmp/high.img high-speed 0
must "another, at SuperSpeed" disk super $SUPER /tmp/super.img super-speed 1
must "and one with UAS" uas
for id in $HIGH $SUPER $UAS; do
	must "the serving side has $id" wait_for 20 busids $id
	must "bind" $S bind "$(busids $id)"
done
must "serve" start_serve
TICKET=$($S invite --name anna)
$C attach "$TICKET" v-1 --as lab --background >/tmp/attach.out 2>&1
is "attach a virtual device" "$?" 0
must "the kernel has configured it" wait_for 20 configured $LOOP
is "only SET_CONFIGURATION has crossed" "$(crossed)" 1
is "its product is known all the same" \
	"$(cat "/sys/bus/usb/devices/$(busids $LOOP vhci)/product")" \
	"$($C list lab --json | jq -r '.. | objects | select(.busid? == "v-1") | .product')"
check "detach" $C detach --all

# --- gadgets ---
must "usbmon" modprobe usbmon
mount -t debugfs none /sys/kernel/debug 2>/dev/null
cat "/sys/kernel/debug/usb/usbmon/$(cat "/sys/bus/usb/devices/$(busids $HIGH)/busnum")u" \
	>/tmp/bus 2>/dev/null &
MON=$!
must "attach at high speed" attach "$(busids $HIGH)" $HIGH
is "only SET_CONFIGURATION has crossed" "$(crossed)" 1
check "strings were read from the real one" wait_for 5 on_bus '80 06 0303 0409'
on_bus '00 09'
is "but no configuration set: it was active" "$?" 1
on_bus '01 0b'
is "and no setting chosen" "$?" 1
same $HIGH high
must "attach at SuperSpeed" attach "$(busids $SUPER)" $SUPER
is "its speed" "$(cat "/sys/bus/usb/devices/$(busids $SUPER vhci)/speed")" 5000
same $SUPER super
must "attach the one with UAS" attach "$(busids $UAS)" $UAS
whole "$(busids $UAS)" >/tmp/original
whole "$(busids $UAS vhci)" >/tmp/attached
is "it has two settings" "$(grep -c bAlternateSetting /tmp/original)" 2
grep -q "bInterfaceProtocol *98" /tmp/original
ok "one of them UAS" || note </tmp/original
is "attached it has one" "$(grep -c bAlternateSetting /tmp/attached)" 1
grep -q "bInterfaceProtocol *80" /tmp/attached
ok "which is not UAS" || note </tmp/attached
check "detach it" $C detach "$(busids $UAS)"
kill "$FFS"

# --- resets ---
rm $NO_STORAGE
must "usb-storage" modprobe -a usb_storage sd_mod
a_reset $HIGH high /tmp/high.img
check "after a reset the configuration is put back" wait_for 5 on_bus '01 0b 0000 0000'
kill "$MON"
a_reset $SUPER super /tmp/super.img
check "detach" $C detach --all
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
cp /tmp/serve.log /results/
dmesg >/results/dmesg
finish
