#!/bin/sh
# Not a test of ours: usbtest's cases on gadget zero without any network, by usbp2p,
# and by the kernel's own USB/IP, in one guest; a line for each way, and what the
# kernel's log says of it. README.md quotes it. TEST_CASES="1 2": other cases.
[ -n "${VM_GUEST:-}" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/vm/usbtest" "${O:-build}/usbp2p" >&2 || exit
	exec "${0%/*}/run.sh" -c 2 -t 600 "$0"
}
. test/vm/lib.sh

ID=0525:a4a0
ALL="0 1 2 3 4 5 6 7 8 9 10 12 13 14 17 18 19 20 21 24 29 11x100"
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"

# The kernel's log of the way $1: its oopses, by their first line.
oopses() {
	grep -E 'Oops|BUG:|general protection fault' "/results/dmesg.$1"
}

# The last case is the one that may take the machine along: 11.
cases() {
	dmesg -C
	ended=
	{
		"$O/test/vm/usbtest" "$(node_of "$2")" ${TEST_CASES:-$ALL} >"/tmp/cases.$1" 2>&1
		: >"/tmp/ended.$1"
	} &
	wait_for 120 test -e "/tmp/ended.$1" || ended=", then no end within 120 s"
	dmesg >"/results/dmesg.$1"
	cp "/tmp/cases.$1" /results/
	echo "# $1: $(grep -c ' ok ' "/tmp/cases.$1") cases pass$ended;" \
		"oopses in the kernel's log: $(oopses "$1" | wc -l)"
	grep -v ' ok ' "/tmp/cases.$1" | note
	oopses "$1" | head -n 4 | note
	grep -E 'RIP: |Comm: ' "/results/dmesg.$1" | head -n 2 | note
}

must "modules" usb_start 1
must "usbtest" modprobe usbtest pattern=1
must "udevd" udev_start
zero() {
	gadget zero $ID "Gadget zero" && gadget_function zero SourceSink pattern=1 &&
		gadget_plug zero
}
must "gadget" zero
must "the kernel has it" wait_for 20 busids $ID
DEV=$(busids $ID)
must "usbtest drives it" wait_for 10 driven_by usbtest "$DEV"
cases direct "$DEV"

must "bind" $S bind "$DEV"
$S serve --listen 127.0.0.1:0 2>/tmp/serve.log &
SERVE=$!
must "serve" wait_for 10 $S status
must "attach" $C attach "$($S invite)" "$DEV" --background
LOCAL=$(busids $ID vhci)
must "usbtest drives what is attached" wait_for 10 driven_by usbtest "$LOCAL"
cases usbp2p "$LOCAL"
must "detach" $C detach --all
kill "$SERVE"
wait "$SERVE"
must "usbtest drives the gadget again" wait_for 10 driven_by usbtest "$DEV"

must "usbip-host" modprobe usbip-host
must "usbipd" usbipd -D
must "usbip bind" usbip bind -b "$DEV"
must "usbip attach" usbip attach -r 127.0.0.1 -b "$DEV"
must "the kernel has that" wait_for 20 busids $ID vhci
LOCAL=$(busids $ID vhci)
must "usbtest drives that" wait_for 10 driven_by usbtest "$LOCAL"
cases usbip "$LOCAL"
(finish)
echo $? >/results/exit
sync
echo b >/proc/sysrq-trigger # a kernel that has oopsed may never switch off
