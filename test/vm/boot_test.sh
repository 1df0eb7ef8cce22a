#!/bin/sh
# The guest itself: does it have what the other tests need?
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 120 "$0"
. test/vm/lib.sh

must "modules" usb_start 2
must "udevd" udev_start
is "vhci has ports" "$(cat /sys/devices/platform/vhci_hcd.0/nports)" 240
check "two dummy controllers" test -e /sys/class/udc/dummy_udc.1
image /tmp/disk.img 4
must "gadget" gadget_disk stick 1d6b:0104 /tmp/disk.img
must "the kernel has the stick" wait_for 20 busids 1d6b:0104
busid=$(busids 1d6b:0104)
must "its driver has the disk" wait_for 20 disk_ready "$busid"
disk=$(disk_ready "$busid")
is "driver" "$(driver_of "$busid")" usb-storage
is "size" "$(cat "/sys/block/$disk/size")" 8192
check "same bytes" cmp "/dev/$disk" /tmp/disk.img
gadget_unplug stick
check "unplugged" wait_for 10 sh -c "! test -e /sys/bus/usb/devices/$busid"
check "no stick left" sh -c '. test/vm/lib.sh; ! busids 1d6b:0104'
uname -r >/results/kernel
finish
