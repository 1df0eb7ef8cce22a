#!/bin/sh
# The kernel's module usbtest on gadget zero's source and sink, through the whole
# way: served here, attached in another network namespace. ROUNDS=N: how often (2 unless told).
[ -n "${VM_GUEST:-}" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/vm/usbtest" >&2 || exit
	export TEST_ROUNDS="${ROUNDS:-2}"
	exec "${0%/*}/run.sh" -c 2 -t $((600 + TEST_ROUNDS * 60)) "$0"
}
. test/vm/lib.sh

ID=0525:a4a0 # under which usbtest knows gadget zero, with its control requests
S="$BIN -s /tmp/S"
C="ip netns exec C $BIN -s /tmp/C"

start_serve() {
	$S serve --listen 10.77.0.1:13240 >>/tmp/serve.log 2>&1 &
	SERVE=$!
	wait_for 10 $S status
}

gadgets_here() {
	[ "$(busids $ID | wc -l)" = "$1" ]
}

usbtest_drives_all() {
	for b in $(busids $ID vhci); do
		driven_by usbtest "$b" || return
	done
}

# Two of the cases are only for data without a pattern.
all_cases() {
	echo 1 >/sys/module/usbtest/parameters/pattern
	timeout 300 "$O/test/vm/usbtest" "$NODE1" 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 \
		17 18 19 20 21 24 29 || return
	echo 0 >/sys/module/usbtest/parameters/pattern
	timeout 300 "$O/test/vm/usbtest" "$NODE0" 27 28
}

must "modules" usb_start 2
must "usbtest" modprobe usbtest
must "udevd" udev_start
zero() {
	gadget "zero$1" $ID "Gadget zero" && gadget_function "zero$1" SourceSink "pattern=$1" &&
		gadget_plug "zero$1" "$1"
}
must "gadget without a pattern" zero 0
must "gadget with a pattern" zero 1
must "the serving side has them" wait_for 20 gadgets_here 2
must "network namespaces" net_start
must "bind" $S bind $ID
must "serve" start_serve
TICKET=$($S invite --name anna)
must "invite" test -n "$TICKET"
must "attach" $C attach "$TICKET" $ID --as lab --background
must "usbtest drives both" wait_for 10 usbtest_drives_all
for busid in $(busids $ID vhci); do
	pattern=$(sed s/serial-zero// "/sys/bus/usb/devices/$busid/serial")
	eval "NODE$pattern=$(node_of "$busid")"
done

dmesg -C
round=0
while [ $round -lt "$TEST_ROUNDS" ]; do
	round=$((round + 1))
	t0=$(date +%s%N)
	check "round $round" all_cases || dmesg | tail -n 20 | note
	t1=$(date +%s%N)
	cp "$tap_out" "/results/round$round"
	echo "# $(wc -l <"$tap_out") cases in $(((t1 - t0) / 1000000)) ms"
done
# What vhci says about each URB that is taken back is no complaint.
dmesg | grep -iE 'error|fail|bug|oops|warn|timed|vhci|usbip' | grep -vE \
	'vhci_hcd: (unlink->seqnum|urb->status -104|the urb .* was already given back)' >/tmp/kernel
is "the kernel's log is clean" "$(wc -l </tmp/kernel)" 0 || note </tmp/kernel

check "detach" $C detach --all
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
is "nothing was reported" "$(grep -ciE 'warn|error' /tmp/serve.log)" 0 || note </tmp/serve.log
cp /tmp/serve.log /results/
dmesg >/results/dmesg
finish
