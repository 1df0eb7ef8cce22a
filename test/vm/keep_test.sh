#!/bin/sh
# A composite device by interface: its disk stays mounted here while a peer has its
# serial port (bind --keep-local), by its nickname; a stock client then, too.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

ID=1d6b:0106
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"
VHCI=/sys/devices/platform/vhci_hcd.0

drivers() {
	echo "$(driver_of "$DEV" 0) $(driver_of "$DEV" 1) $(driver_of "$DEV" 2)"
}

drivers_are() {
	[ "$(drivers)" = "$1" ]
}

ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}

# The serial port of the attached device.
attached_port() {
	tty=$(ls -d "/sys/bus/usb/devices/$(busids $ID vhci):1.1/tty/"*) && echo "/dev/${tty##*/}"
}

# Reads the whole file past the cache, again and again, until told to stop.
read_local() {
	while [ ! -e /tmp/enough ]; do
		dd if=/tmp/mnt/file bs=64k iflag=direct 2>>/tmp/local.err | cmp - /tmp/file >>/tmp/local.err 2>&1 ||
			echo "not the same" >>/tmp/local.err
		echo >>/tmp/local.turns
	done
}

# Turns are still being done.
reads_on() {
	turns=$(wc -l </tmp/local.turns)
	wait_for 20 sh -c "[ \$(wc -l </tmp/local.turns) -gt $((turns + 1)) ]"
}

resets() {
	dmesg | grep -cE "usb $DEV: (reset|USB disconnect)"
}

# exchange TTY: 64 KiB each way
exchange() {
	exec 3<>"$1" 4<>/dev/ttyGS0 || return
	stty -F "$1" raw -echo && stty -F /dev/ttyGS0 raw -echo || return
	head -c 65536 /dev/urandom >/tmp/up
	head -c 65536 /dev/urandom >/tmp/down
	timeout 200 head -c 65536 <&4 >/tmp/up.got &
	UP=$!
	timeout 200 head -c 65536 <&3 >/tmp/down.got &
	DOWN=$!
	timeout 200 cat /tmp/down >&4 &
	FEED=$!
	timeout 200 cat /tmp/up >&3
	wait "$FEED" "$UP" "$DOWN"
	exec 3>&- 4>&-
	cmp /tmp/up /tmp/up.got && cmp /tmp/down /tmp/down.got
}

# --- a disk and a serial port in one device; the disk is in use ---
must "modules" usb_start 1
must "more modules" modprobe -a cdc_acm usbip-core
must "udevd" udev_start
truncate -s 16M /tmp/disk.img
mkfs.ext4 -q -F /tmp/disk.img
combo() {
	gadget combo $ID "Disk and modem" &&
		gadget_function combo mass_storage lun.0/removable=1 lun.0/file=/tmp/disk.img &&
		gadget_function combo acm && gadget_plug combo
}
must "gadget" combo
must "the kernel has it" wait_for 20 busids $ID
DEV=$(busids $ID)
must "and drives it" wait_for 20 drivers_are "usb-storage cdc_acm cdc_acm"
must "its disk is there" wait_for 20 disk_ready "$DEV"
mkdir /tmp/mnt
must "mount" mount "/dev/$(disk_ready "$DEV")" /tmp/mnt
head -c 1048576 /dev/urandom >/tmp/file
must "a file" sh -c "cp /tmp/file /tmp/mnt/ && sync"
: >/tmp/local.turns
read_local &
READER=$!
must "the disk is being read" reads_on

# --- no interface is free ---
check "bind" $S bind --keep-local --as modem "$DEV"
$S serve --listen 127.0.0.1:0 --usbip 2>/tmp/serve.log &
SERVE=$!
must "serve" wait_for 10 $S status
$S list | grep -q "^$DEV .* bound .* as modem in part$"
ok "list" || $S list | note
$S status | grep -q "free in part, its nickname is modem$"
ok "status" || $S status | note
TICKET=$($S invite --name anna)
$C attach "$TICKET" modem --as lab >/tmp/none.out 2>&1
is "nothing is free to be had" "$?" 5
grep -q "0 is with usb-storage, 1 is with cdc_acm, 2 is with cdc_acm" /tmp/none.out
ok "drivers are named" || note </tmp/none.out
is "nobody has lost anything" "$(drivers)" "usb-storage cdc_acm cdc_acm"

# --- the serial port is ---
echo "$DEV:1.1" >/sys/bus/usb/drivers/cdc_acm/unbind
is "no driver has the serial port" "$(drivers)" "usb-storage none none"
$C list lab | grep -q " as modem in part$"
ok "list of the peer"
$C attach lab modem --background >/tmp/attach.out 2>&1
is "attach by nickname" "$?" 0
note </tmp/attach.out
is "the disk stays here" "$(drivers)" "usb-storage usbfs usbfs"
must "cdc_acm drives it there" wait_for 20 attached_port
V=$(busids $ID vhci)
is "two interfaces" "$(cat "/sys/bus/usb/devices/$V/bNumInterfaces" | tr -d ' ')" 2
disks_of "$V"
is "and no disk" "$?" 1
is "status knows" "$($S status --json | jq -r '.running[0].devices[0] | "\(.nick) \(.part) \(.class)"')" \
	"modem true cdc"
check "64 KiB each way" exchange "$(attached_port)"
check "the disk is still read" reads_on
check "detach by nickname" $C detach modem
check "the port is free" wait_for 5 ports_free
check "and nobody's" wait_for 5 drivers_are "usb-storage none none"
check "attach again" $C attach lab modem --background
must "the port is there again" wait_for 20 attached_port
check "64 KiB each way again" exchange "$(attached_port)"
check "detach again" $C detach modem
check "the port is free again" wait_for 5 ports_free

# --- a stock client ---
check "usbip list" sh -c "usbip list -r 127.0.0.1 | grep -q 'modem: .*$ID'"
check "usbip attach" usbip attach -r 127.0.0.1 -b modem
must "cdc_acm drives it by usbip" wait_for 20 attached_port
is "two interfaces by usbip" "$(cat "/sys/bus/usb/devices/$(busids $ID vhci)/bNumInterfaces" | tr -d ' ')" 2
check "64 KiB each way by usbip" exchange "$(attached_port)"
check "usbip detach" usbip detach -p "$(usbip port 2>/dev/null | sed -n 's/^Port \([0-9]*\):.*/\1/p')"
check "the port is free then" wait_for 5 ports_free
check "and nobody's then" wait_for 5 drivers_are "usb-storage none none"

# --- the disk did not notice ---
check "the disk was read all the time" reads_on
touch /tmp/enough
wait "$READER"
is "and read right" "$(grep -vc 'records\|copied' /tmp/local.err)" 0 ||
	grep -v 'records\|copied' /tmp/local.err | note
is "the device was never reset" "$(resets)" 0
is "no error in the kernel log" "$(dmesg | grep -cE 'I/O error|EXT4-fs error|sd [0-9].*(FAILED|offline)')" 0

# --- whole, as before ---
$C attach lab modem >/tmp/part.out 2>&1 &
PART=$!
must "attach once more" wait_for 20 attached_port
$S bind --as modem "$DEV" >/tmp/bind.out
check "shared in another way: who has a part loses it" wait_for 10 ports_free
kill -TERM "$PART" 2>/dev/null # it may have ended with its device
wait "$PART"
umount /tmp/mnt
check "attach of the whole" $C attach lab modem --background
check "all of it is away" drivers_are "usbfs usbfs usbfs"
whole_disk() {
	disk_ready "$(busids $ID vhci)"
}
check "its disk is there" wait_for 20 whole_disk
check "detach" $C detach modem
check "the driver is back" wait_for 10 drivers_are "usb-storage none none"
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
cp /tmp/serve.log /results/
dmesg >/results/dmesg
finish
