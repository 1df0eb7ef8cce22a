#!/bin/sh
# usb/host against a gadget: test/usb/host_test.c with a real kernel and libusb.
[ -n "$VM_GUEST" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/usb/host_test" >&2 || exit
	exec "${0%/*}/run.sh" -t 600 "$0"
}
. test/vm/lib.sh

must "modules" usb_start 2
must "udevd" udev_start
image /tmp/disk.img 4
mkfs.vfat /tmp/disk.img >/dev/null
must "gadget" gadget_disk stick 1d6b:0104 /tmp/disk.img
must "the kernel has the stick" wait_for 20 busids 1d6b:0104
TEST_DEVICE=$(busids 1d6b:0104)
must "its disk is there" wait_for 20 disk_ready "$TEST_DEVICE"
combo() {
	gadget combo 1d6b:0105 "Keyboard and modem" && gadget_keyboard combo &&
		gadget_function combo acm && gadget_plug combo 1
}
must "another gadget" combo
must "the kernel has it" wait_for 20 busids 1d6b:0105
TEST_COMBO=$(busids 1d6b:0105)
must "and drives it" wait_for 20 test -e "/sys/bus/usb/devices/$TEST_COMBO:1.2/driver"
TEST_UDC=/sys/kernel/config/usb_gadget/stick/UDC TEST_UDC_NAME=dummy_udc.0
export TEST_DEVICE TEST_COMBO TEST_UDC TEST_UDC_NAME
"$O/test/usb/host_test" >/tmp/out 2>&1
ok "usb/host"
note </tmp/out
finish
