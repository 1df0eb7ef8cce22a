#!/bin/sh
# Devices 50 ms away (netem), with what hides the distance and without: a HID gadget that
# reports 1,000 times a second, and a disk. Figures of one boot are compared with one
# another only.
#	TEST_REPORTS	of the long run; 2000 unless told
#	TEST_FIGURES=1	the machine does nothing else: the rates have to be reached, and
#			the kernel's own USB/IP is measured, too
[ -n "${VM_GUEST:-}" ] || exec "${0%/*}/run.sh" -c $((${TEST_FIGURES:-0} + 1)) -t 900 "$0"
. test/vm/lib.sh

S="$BIN -s /tmp/S"
A="timeout 300 ip netns exec C $BIN -s /tmp/A"
HID=1d6b:0201
DISK=1d6b:0104
SYS=/sys/bus/usb/devices
REPORTS=${TEST_REPORTS:-2000}
EVERY_US=1000
AHEAD=$([ -n "${TEST_FIGURES:-}" ] && echo 120 || echo 56)

# Reports of 60 bytes without a meaning, so that no driver but hidraw wants them; f_hid
# sends an empty packet behind each that fills its own of 64, which no mouse does.
hid() {
	gadget hid $HID "Reports" && gadget_function hid hid protocol=0 subclass=0 \
		report_length=64 \
		"report_desc=\\006\\000\\377\\011\\001\\241\\001\\011\\001\\025\\000\\046\\377\\000\\165\\010\\225\\074\\201\\002\\300" &&
		gadget_plug hid 0
}

# far_apart [MS]: of each way
far_apart() {
	tc qdisc add dev vS root netem delay "${1:-25}ms" limit 10000 &&
		ip netns exec C tc qdisc add dev vC root netem delay "${1:-25}ms" limit 10000
}

near() {
	tc qdisc del dev vS root && ip netns exec C tc qdisc del dev vC root
}

# hidraw [vhci]: its name there, or here
hidraw() {
	basename "$SYS/$(busids $HID "$@")":1.0/*/hidraw/hidraw*
}

# paced N HIDRAW: N reports that bear a number, one each EVERY_US; the reader wants them
# all and in order, and tells how many there were in a second, from the first to the last.
# The kernel keeps 64 for it and then drops them, so that the writer waits for the reader:
# where rates count, so far behind that those on their way do not stop it.
paced() {
	rm -f /tmp/hid.out /tmp/hid.ack && mkfifo /tmp/hid.ack || return
	timeout 600 perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e '
		open(my $f, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		open(my $ack, "+<", "/tmp/hid.ack") or die "ack: $!\n";
		my ($n, $t0) = ($ARGV[1], 0);
		$| = 1;
		print "ready\n";
		for my $want (0 .. $n - 1) {
			sysread($f, my $r, 64) == 60 or die "report $want: $!\n";
			my ($got, @rest) = unpack("N C56", $r);
			$got == $want or die "report $got came instead of $want\n";
			$t0 = clock_gettime(CLOCK_MONOTONIC) if $want == 0;
			syswrite($ack, "x") if $want % 8 == 7;
		}
		printf "rate %.0f\n", ($n - 1) / (clock_gettime(CLOCK_MONOTONIC) - $t0);' \
		"/dev/$2" "$1" >/tmp/hid.out 2>&1 &
	paced_reader=$!
	wait_for 60 grep -q ready /tmp/hid.out || return
	timeout 600 perl -MTime::HiRes=clock_gettime,usleep,CLOCK_MONOTONIC -e '
		open(my $f, ">", "/dev/hidg0") or die "hidg0: $!\n";
		open(my $ack, "+<", "/tmp/hid.ack") or die "ack: $!\n";
		my $due = clock_gettime(CLOCK_MONOTONIC);
		for my $n (0 .. $ARGV[0] - 1) {
			sysread($ack, my $some, 1) if $n >= $ARGV[2] && $n % 8 == 0;
			my $now = clock_gettime(CLOCK_MONOTONIC);
			usleep(($due - $now) * 1e6) if $due > $now;
			$due += $ARGV[1] / 1e6;
			my $r = pack("N C56", $n, ($n % 251) x 56);
			syswrite($f, $r) == 60 or die "report $n: $!\n";
		}' "$1" $EVERY_US $AHEAD && wait "$paced_reader" || {
		kill "$paced_reader" 2>/dev/null
		cat /tmp/hid.out
		return 1
	}
	sed -n 's/^rate //p' /tmp/hid.out >/tmp/rate
}

assists() {
	$A status --json | jq -c '.running[0].devices[0].assists.interrupt'
}

# attached OPTION...: with these, and hidraw has it
attached() {
	$A attach lab "$DEV" "$@" --background >>/tmp/attach.log 2>&1 && wait_for 20 hidraw vhci
}

# --- the disk ---

D=
# disk_there: and D is it, udevd has looked at it, and the kernel itself reads nothing ahead
disk_there() {
	d=$(disk_ready "$(busids $DISK vhci)") && D=/dev/$d && [ -b "$D" ] &&
		udevadm settle -t 30 && blockdev --setra 0 "$D"
}

# rate BYTES COMMAND...: kB/s of it
rate() {
	rate_of=$1 rate_from=$(now_ms)
	shift
	"$@" >/tmp/rate.out 2>&1 || return
	rate_ms=$(($(now_ms) - rate_from))
	echo $((rate_of / (rate_ms + (rate_ms == 0))))
}

# read_disk MIB, write_disk MIB: behind one another, by the megabyte
read_disk() {
	rate $(($1 << 20)) dd if="$D" of=/dev/null bs=1M count="$1" iflag=direct
}

write_disk() {
	rate $(($1 << 20)) dd if=/tmp/new.img of="$D" bs=1M count="$1" oflag=direct
}

# write_flushed MIB: likewise, until the disk itself says that it has them
write_flushed() {
	rate $(($1 << 20)) dd if=/tmp/newer.img of="$D" bs=1M count="$1" oflag=direct conv=fsync
}

write_cache() {
	$A status --json | jq -c '.running[0].devices[0].write_cache'
}

# read_random N: so often 4 KiB, anywhere; the kernel has none of them
read_random() {
	blockdev --flushbufs "$D"
	perl -MTime::HiRes=time -e '
		open(my $f, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		srand(1);
		my $from = time;
		for (1 .. $ARGV[1]) {
			sysseek($f, 4096 * int(rand(4096)), 0);
			sysread($f, my $b, 4096) == 4096 or die "$ARGV[0]: $!\n";
		}
		printf "%d\n", 4.096 * $ARGV[1] / (time - $from);' "$D" "$1"
}

# rates WHAT MIB N: a row of the table (check keeps what is said for itself); READ, WRITE
# and RANDOM_4K have them then
exec 3>&1
rates() {
	READ=$(read_disk "$2") && WRITE=$(write_disk "$2") && RANDOM_4K=$(read_random "$3") &&
		echo "# $1: read $READ, write $WRITE, 4 KiB random read $RANDOM_4K kB/s" >&3
}

disk_assists() {
	$A status --json | jq -c '.running[0].devices[0].assists.storage'
}

disk_attached() {
	$A attach lab "$STICK" "$@" --background >>/tmp/attach.log 2>&1 && wait_for 60 disk_there
}

# same_bytes: of both ends, when nobody looks at the disk
same_bytes() {
	[ "$($A status --json | jq '.running[0].devices[0].urbs.bytes_in')" = \
		"$($S status --json | jq '.running[0].peers[0].urbs.bytes_in')" ]
}

# disk_same: what is read through the attached disk is what lies there
disk_same() {
	dd if="$D" bs=1M iflag=direct 2>/dev/null | cmp - /tmp/stick.img
}

must "modules" usb_start 2
must "drivers" modprobe -a usbhid hid-generic sch_netem
must "udevd" udev_start
must "network namespaces" net_start
must "HID gadget" hid
must "the serving side has it" wait_for 20 busids $HID
DEV=$(busids $HID)
head -c 16777216 /dev/urandom >/tmp/stick.img
head -c 16777216 /dev/urandom >/tmp/new.img
must "disk gadget" gadget_disk stick $DISK /tmp/stick.img 1
must "the serving side has it, too" wait_for 20 busids $DISK
STICK=$(busids $DISK)
must "hidraw has it" wait_for 20 hidraw
check "where it is plugged in" paced "$REPORTS" "$(hidraw)"
HERE=$(cat /tmp/rate)
must "bind" $S bind "$DEV"
must "bind the disk" $S bind "$STICK"
$S serve --listen 10.77.0.1:13240 >/tmp/serve.log 2>&1 &
SERVE=$!
must "serve" wait_for 10 $S status
must "known" $A list "$($S invite --name anna)" --as lab
dmesg -C

# --- next door ---
must "attach" attached --no-assist=interrupt
check "next door" paced 500 "$(hidraw vhci)"
echo "# $(cat /tmp/rate) a second next door"
NEAR=$(cat /tmp/rate)
check "detach" $A detach --all

# --- 50 ms away, as others do it ---
must "netem" far_apart
must "attach without assists" attached --no-assist=interrupt
is "they are off" "$(assists)" '{"on":false,"hits":0,"round_trips_saved":0,"fallbacks":0}'
check "100 reports" paced 100 "$(hidraw vhci)"
WITHOUT=$(cat /tmp/rate)
check "detach" $A detach --all

# --- and as we do ---
must "attach" attached
check "$REPORTS reports, none lost or out of order" paced "$REPORTS" "$(hidraw vhci)"
WITH=$(cat /tmp/rate)
assists | note
echo "# reports a second: $WITH at 50 ms, $WITHOUT without assists, $NEAR next door, $HERE by itself"
[ "$WITH" -ge $((WITHOUT * 2)) ]
ok "twice as many at least"
if [ -n "${TEST_FIGURES:-}" ]; then
	[ "$WITH" -ge 950 ]
	ok "95 % of them: $WITH"
fi
assists | jq -e '.on and .hits > 100 and .round_trips_saved == .hits and .fallbacks == 0' >/dev/null
ok "status tells it"
check "detach" $A detach --all

# --- a disk, 50 ms away: without, and with ---
FEW=2 MANY=16 N=20
must "attach the disk without assists" disk_attached --no-assist=storage
must "rates without" rates "50 ms, without" $FEW $N
READ_0=$READ WRITE_0=$WRITE RANDOM_0=$RANDOM_4K
is "they are off" "$(disk_assists)" '{"on":false,"hits":0,"round_trips_saved":0,"fallbacks":0}'
check "both ends count the same bytes" wait_for 20 same_bytes
check "detach" $A detach --all
must "attach the disk" disk_attached
must "rates with" rates "50 ms" $MANY $((N * 4))
check "the disk is what was written" cmp /tmp/stick.img /tmp/new.img
check "and what is read" disk_same
disk_assists | note
disk_assists | jq -e '.on and .hits > 100 and .round_trips_saved > 3 * .hits / 2 and .fallbacks < 9' >/dev/null
ok "status tells it"
[ "$READ" -ge $((READ_0 * 4)) ]
ok "reads four times as fast at least"
[ "$WRITE" -ge $((WRITE_0 * 3 / 2)) ] && [ "$RANDOM_4K" -ge $((RANDOM_0 * 3 / 2)) ]
ok "writes and single reads half as fast again"
READ_50=$READ WRITE_50=$WRITE RANDOM_50=$RANDOM_4K
check "detach" $A detach --all

# --- and with a write cache ---
head -c 16777216 /dev/urandom >/tmp/newer.img
must "attach the disk with a write cache" disk_attached --write-cache
is "the kernel knows of it" "$(cat /sys/block/"${D#/dev/}"/device/scsi_disk/*/cache_type)" "write back"
FLUSHED_50=$(write_flushed $MANY)
check "what was flushed is there" cmp /tmp/stick.img /tmp/newer.img
echo "# 50 ms, cached: write $FLUSHED_50 kB/s, until it was flushed"
check "the disk is what is read" disk_same
write_cache | note
write_cache | jq -e '.on and .hits > 100 and .unflushed == 0 and .lost_writes == 0' >/dev/null
ok "status tells it"
check "a write that is not flushed" write_disk $MANY
check "detach" $A detach --all
check "is there when the disk is detached" cmp /tmp/stick.img /tmp/new.img

# --- and a peer that is lost with it ---
# write_to_5: to what is open already; opening it would ask the disk
write_to_5() {
	timeout 60 dd if=/tmp/newer.img bs=64k count=2 oflag=direct >&5
}

$A attach lab "$STICK" --write-cache --grace 10s >/tmp/lost.log 2>&1 &
LOST=$!
must "attach it again" wait_for 60 disk_there
echo 0 >"/sys/block/${D#/dev/}/events_poll_msecs"
exec 5<>"$D"
ip netns exec C tc qdisc change dev vC root netem loss 100%
check "a write without an answer" write_to_5
write_cache | jq -e '.unflushed == 131072 and .unflushed_writes > 0' >/dev/null
ok "status tells how much the disk has not"
check "in words, too" sh -c "$A status | grep -q '131072 bytes unflushed'"
check "the end of the grace period says what is lost" \
	wait_for 90 grep -q "went unflushed writes=[0-9]* bytes=131072" /tmp/lost.log
check "so does a line" grep -q "^$STICK lost unflushed=131072 writes=" /tmp/lost.log
exec 5>&-
kill -TERM "$LOST"
wait "$LOST"
is "and its exit code" "$?" 1
must "netem again" ip netns exec C tc qdisc change dev vC root netem delay 25ms limit 10000 loss 0%
dmesg -C # of a disk that went while it was in use
if [ -n "${TEST_FIGURES:-}" ]; then
	. test/vm/figures.sh
fi
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
dmesg | grep -iE 'error|fail|bug|oops|timed out' |
	grep -v 'configfs-gadget.hid .*End Point Request ERROR: -108' >/tmp/kernel
is "the kernel's log is clean" "$(wc -l </tmp/kernel)" 0 || note </tmp/kernel
finish
