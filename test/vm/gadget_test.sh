#!/bin/sh
# Gadgets of the kernel through the whole way: HID, ACM, SourceSink and Loopback
# with one peer; then two peers at once with two devices each, one of them a disk.
[ -n "${VM_GUEST:-}" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/vm/bulk" >&2 || exit
	exec "${0%/*}/run.sh" -t 1200 "$0"
}
. test/vm/lib.sh

S="$BIN -s /tmp/S"
A="timeout 200 ip netns exec C $BIN -s /tmp/A"
B="timeout 200 ip netns exec C $BIN -s /tmp/B"
BULK=$O/test/vm/bulk
HID=1d6b:0201 ACM=1d6b:0202 SOURCE=1d6b:0203 LOOP=1d6b:0204 DISK=1d6b:0205
SYS=/sys/bus/usb/devices
VHCI=/sys/devices/platform/vhci_hcd.0

start_serve() {
	$S serve --listen 10.77.0.1:13240 >>/results/serve.log 2>&1 &
	SERVE=$!
	wait_for 10 $S status
}

ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}

# --- the gadgets, each on its own controller ---
# Reports of 64 bytes without a meaning, so that no driver but hidraw wants them.
hid() {
	gadget hid $HID "Reports" && gadget_function hid hid protocol=0 subclass=0 \
		report_length=64 \
		"report_desc=\\006\\000\\377\\011\\001\\241\\001\\011\\001\\025\\000\\046\\377\\000\\165\\010\\225\\100\\201\\002\\300" &&
		gadget_plug hid 0
}

acm() {
	gadget acm $ACM "Modem" && gadget_function acm acm && gadget_plug acm 1
}

source_sink() {
	gadget source $SOURCE "Source" && gadget_function source SourceSink pattern=1 &&
		gadget_plug source 2
}

loopback() {
	gadget loop $LOOP "Loop" && gadget_function loop Loopback && gadget_plug loop 3
}

all_here() {
	for id in $HID $ACM $SOURCE $LOOP $DISK; do
		busids $id || return
	done
	disk_ready "$(busids $DISK)" && driven_by cdc_acm "$(busids $ACM)" &&
		driven_by usbhid "$(busids $HID)"
}

# --- what each of them is asked to do; attached ones only ---
hidraw() {
	basename "$SYS/$(busids $HID vhci)":1.0/*/hidraw/hidraw*
}

# N reports that bear a number; the reader wants them all, and in order.
reports() {
	reports_n=$1
	rm -f /tmp/hid.out # the last one was ready, too
	timeout 300 perl -e '
		open(my $f, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		$| = 1;
		print "ready\n";
		for my $want (0 .. $ARGV[1] - 1) {
			sysread($f, my $r, 64) == 64 or die "report $want: $!\n";
			my ($got, @rest) = unpack("N C60", $r);
			$got == $want or die "report $got came instead of $want\n";
			$_ == $want % 251 or die "report $want is damaged\n" for @rest;
		}' "/dev/$(hidraw)" "$reports_n" >/tmp/hid.out 2>&1 &
	reports_reader=$!
	wait_for 60 grep -q ready /tmp/hid.out || return
	timeout 300 perl -e '
		open(my $f, ">", "/dev/hidg0") or die "hidg0: $!\n";
		for my $n (0 .. $ARGV[0] - 1) {
			my $r = pack("N C60", $n, ($n % 251) x 60);
			syswrite($f, $r) == 64 or die "report $n: $!\n";
		}' "$reports_n" && wait "$reports_reader" || {
		kill "$reports_reader" 2>/dev/null
		cat /tmp/hid.out
		return 1
	}
}

# 1 MiB each way at the same time.
serial() {
	tty=/dev/$(basename "$SYS/$(busids $ACM vhci)":1.0/tty/*)
	[ -c "$tty" ] || return
	exec 3<>"$tty" 4<>/dev/ttyGS0
	stty -F "$tty" raw -echo && stty -F /dev/ttyGS0 raw -echo || return
	timeout 300 head -c 1048576 <&4 >/tmp/up.got &
	serial_up=$!
	timeout 300 head -c 1048576 <&3 >/tmp/down.got &
	serial_down=$!
	timeout 300 cat /tmp/down >&4 &
	serial_feed=$!
	timeout 300 cat /tmp/up >&3
	wait "$serial_up" "$serial_down" "$serial_feed"
	exec 3>&- 4>&-
	cmp /tmp/up /tmp/up.got && cmp /tmp/down /tmp/down.got
}

# bulk HOW ID [BYTES]: endpoints as sysfs names them
bulk() {
	dev=$(busids "$2" vhci)
	in=$(basename "$SYS/$dev":1.0/ep_8*)
	out=$(basename "$SYS/$dev":1.0/ep_0*)
	case $1 in
	source) set -- source "${in#ep_}" ;;
	sink) set -- sink "${out#ep_}" ;;
	loop) set -- loop "${out#ep_} ${in#ep_}" ;;
	esac
	timeout 300 "$BULK" "$1" "$(node_of "$dev")" $2 524288
}

disk() {
	cmp "/dev/$(disk_ready "$(busids $DISK vhci)")" /tmp/disk.img
}

# at_once NAME...: those of the above in the background, and `done_at_once` for each.
at_once() {
	for job; do
		job_run "$job" >"/tmp/job.$job" 2>&1 &
		eval "pid_$job=\$!"
	done
}

job_run() {
	case $1 in
	loop) bulk loop $LOOP ;;
	reports) reports 400 ;; # no longer than the others take
	*) "$1" ;;
	esac
}

done_at_once() {
	eval "wait \"\$pid_$1\""
	ok "$1 $2" || note <"/tmp/job.$1"
}

# --- two machines: this one and the namespace C ---
must "modules" usb_start 5
must "drivers" modprobe -a usbhid hid-generic cdc_acm
must "udevd" udev_start
must "network namespaces" net_start
image /tmp/disk.img 16
head -c 1048576 /dev/urandom >/tmp/up
head -c 1048576 /dev/urandom >/tmp/down
must "HID gadget" hid
must "ACM gadget" acm
must "SourceSink gadget" source_sink
must "Loopback gadget" loopback
must "mass storage gadget" gadget_disk disk $DISK /tmp/disk.img 4
must "the serving side has them" wait_for 20 all_here
must "bind" $S bind $HID $ACM $SOURCE $LOOP $DISK
must "serve" start_serve
dmesg -C

# --- one peer, one after another ---
must "attach four" $A attach "$($S invite --name anna)" "$(busids $HID)" "$(busids $ACM)" \
	"$(busids $SOURCE)" "$(busids $LOOP)" --as lab --background
must "hidraw" wait_for 10 hidraw
must "a serial port" wait_for 10 driven_by cdc_acm "$(busids $ACM vhci)"
t0=$(date +%s%N)
check "1,000 reports, none lost or out of order" reports 1000
t1=$(date +%s%N)
check "1 MiB each way by the serial port" serial
t2=$(date +%s%N)
check "512 KiB from the source" bulk source $SOURCE
check "512 KiB to the sink" bulk sink $SOURCE
check "512 KiB there and back" bulk loop $LOOP
t3=$(date +%s%N)
echo "# reports $(((t1 - t0) / 1000000)) ms, serial $(((t2 - t1) / 1000000)) ms," \
	"bulk $(((t3 - t2) / 1000000)) ms"
check "detach" $A detach --all
check "the ports are free" ports_free
check "the drivers here are back" wait_for 10 all_here

# --- two peers at once, two devices each ---
must "one peer attaches disk and HID" $A attach lab "$(busids $DISK)" "$(busids $HID)" --grace 2s \
	--background
must "another one ACM and Loopback" $B attach "$($S invite --name otto)" "$(busids $ACM)" \
	"$(busids $LOOP)" --as lab --background
must "the disk" wait_for 20 disk_ready "$(busids $DISK vhci)"
must "the others" wait_for 10 driven_by usbhid "$(busids $HID vhci)"
must "all" wait_for 10 driven_by cdc_acm "$(busids $ACM vhci)"
is "two peers with two devices each" "$($S status --json |
	jq -c '.running[0].devices | map(.holder // empty) | sort')" '["anna","anna","otto","otto"]'
at_once reports serial loop disk
for job in reports serial loop disk; do
	done_at_once $job "while the others work"
done
at_once reports serial loop
check "the disk is detached" $A detach "$(busids $DISK)"
check "its driver here is back" wait_for 10 disk_ready "$(busids $DISK)"
for job in reports serial loop; do
	done_at_once $job "is not disturbed by that"
done
at_once serial loop
kill -9 "$($A status --json | jq '.running[0].pid')"
for job in serial loop; do
	done_at_once $job "is not disturbed by the other peer's death"
done
check "HID is free again" wait_for 20 driven_by usbhid "$(busids $HID)"

# --- the end ---
check "detach the rest" $B detach --all
check "all ports are free" ports_free
check "all drivers here are back" wait_for 10 all_here
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
is "nothing was reported" "$(grep -ciE 'error' /results/serve.log)" 0 || note </results/serve.log
# The HID gadget's driver says that its pending request ended with the reset.
dmesg | grep -iE 'error|fail|bug|oops|timed out' |
	grep -v 'configfs-gadget.hid .*End Point Request ERROR: -108' >/tmp/kernel
is "the kernel's log is clean" "$(wc -l </tmp/kernel)" 0 || note </tmp/kernel
dmesg >/results/dmesg
finish
