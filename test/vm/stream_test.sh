#!/bin/sh
# Streams 50 ms away (netem): a serial port both ways at the pace of a line, and the device
# `loop` with isochronous packets, which loses some, too; with what hides the distance and
# without. Figures of one boot are compared with one another only.
#	TEST_SECONDS	of the long runs; 10 unless told
#	ISO_SECONDS	of those that are isochronous, if another
#	TEST_FIGURES=1	the machine does nothing else: the line's pace has to be reached
[ -n "${VM_GUEST:-}" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/vm/isoread" >&2 || exit
	export TEST_ISO_SECONDS="${ISO_SECONDS:-${TEST_SECONDS:-10}}"
	exec "${0%/*}/run.sh" -c $((${TEST_FIGURES:-0} + 1)) -t $((600 + TEST_ISO_SECONDS * 3)) "$0"
}
. test/vm/lib.sh

S="$BIN -s /tmp/S"
A="timeout 300 ip netns exec C $BIN -s /tmp/A"
ACM=0525:a4a7 LOOP=0525:a4a0
SYS=/sys/bus/usb/devices
LONG=${TEST_SECONDS:-10}
ISO=$TEST_ISO_SECONDS
BYTES=92160 # a second: 921,600 baud

# path OPTION...: what netem does to either side
path() {
	tc qdisc replace dev vS root netem limit 10000 "$@" &&
		ip netns exec C tc qdisc replace dev vC root netem limit 10000 "$@"
}

assists() {
	$A status --json | jq -c ".running[0].devices[0].assists.$1"
}

acm() {
	gadget acm $ACM "Modem" && gadget_function acm acm && gadget_plug acm 1
}

acm_tty() {
	basename "$SYS/$(busids $ACM vhci)":1.0/tty/ttyACM*
}

# stream_from FILE: numbers, so many bytes each 10 ms, or as many as were missed.
stream_from() {
	timeout 300 perl -MTime::HiRes=clock_gettime,usleep,CLOCK_MONOTONIC -e '
		open(my $f, "+<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		my ($bytes, $seconds, $n) = (@ARGV[1, 2], 0);
		my $t0 = clock_gettime(CLOCK_MONOTONIC);
		while ($n < $bytes * $seconds) {
			my $want = int(($bytes * (clock_gettime(CLOCK_MONOTONIC) - $t0)) / 4) * 4 - $n;
			$want = 4096 if $want > 4096;
			$want = $bytes * $seconds - $n if $want > $bytes * $seconds - $n;
			usleep(10000), next if $want <= 0;
			my $s = pack("N*", $n / 4 .. ($n + $want) / 4 - 1);
			for (my $at = 0; $at < $want; ) {
				my $k = syswrite($f, $s, $want - $at, $at);
				die "write: $!\n" unless $k;
				$at += $k;
			}
			$n += $want;
		}
		printf "wrote %.0f\n", $n / (clock_gettime(CLOCK_MONOTONIC) - $t0);' "$1" $BYTES "$LONG"
}

# stream_to FILE: they are all there, in order; tells how many bytes a second, once one has come.
stream_to() {
	timeout 300 perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e '
		open(my $f, "+<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		$| = 1;
		print "ready\n";
		my ($all, $n, $have, $t0, $s) = ($ARGV[1] * $ARGV[2], 0, "");
		while ($n + length($have) < $all) {
			my $k = sysread($f, $s, 65536);
			die "read: $!\n" unless $k;
			$t0 //= clock_gettime(CLOCK_MONOTONIC);
			$have .= $s;
			my $words = int(length($have) / 4);
			my @got = unpack("N$words", $have);
			for my $i (0 .. $words - 1) {
				$got[$i] == $n / 4 or die "$got[$i] came for " . $n / 4 . "\n";
				$n += 4;
			}
			$have = substr($have, $words * 4);
		}
		printf "rate %.0f\n", $all / (clock_gettime(CLOCK_MONOTONIC) - $t0);' "$1" $BYTES "$LONG"
}

# Both ways at once; the two rates are in /tmp/acm.in and /tmp/acm.out.
both_ways() {
	both_tty=/dev/$(acm_tty)
	stty -F "$both_tty" raw -echo 921600 && stty -F /dev/ttyGS0 raw -echo || return
	stream_to "$both_tty" >/tmp/acm.in 2>&1 &
	both_in=$!
	stream_to /dev/ttyGS0 >/tmp/acm.out 2>&1 &
	both_out=$!
	wait_for 60 grep -q ready /tmp/acm.in && wait_for 60 grep -q ready /tmp/acm.out || return
	stream_from /dev/ttyGS0 >/tmp/acm.gs 2>&1 &
	both_gs=$!
	stream_from "$both_tty" >/tmp/acm.host 2>&1 &
	both_host=$!
	wait "$both_host" && wait "$both_gs" && wait "$both_in" && wait "$both_out"
	both_rc=$?
	cat /tmp/acm.host /tmp/acm.gs /tmp/acm.in /tmp/acm.out | note
	return $both_rc
}

rate_of() {
	sed -n 's/^rate //p' "$1"
}

# streams ENDPOINT SECONDS: isochronous ones of `loop`, 16 packets of 1 ms in 4 transfers.
streams() {
	streams_of=$SYS/$(busids $LOOP vhci)
	timeout $(($2 + 60)) "$O/test/vm/isoread" "$(cat "$streams_of/busnum")" \
		"$(cat "$streams_of/devnum")" 0 2 "$1" 256 4 16 "$2" >/tmp/stream 2>&1
	streams_rc=$?
	note </tmp/stream
	return $streams_rc
}

# told_of_few: of the last stream; a machine that has much else to do is late at times, and
# so is what it reads.
FEW=$([ -n "${TEST_FIGURES:-}" ] && echo 20 || echo 3)
told_of_few() {
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^packets=\([0-9]*\) .* lost=\([0-9]*\) errors=\([0-9]*\) wrong=0 failed=0 .* in_lost=\([0-9]*\) .*/\1 \2 \3 \4/p' /tmp/stream)
	[ $# = 4 ] && [ $(($2)) -le $(($3 + $4)) ] && [ $(($3 + $4)) -le $(($1 / FEW)) ]
}

# attached DEVICE SEEN OPTION...
attached() {
	attached_seen=$2 attached_dev=$1
	shift 2
	$A attach lab "$attached_dev" "$@" --background >>/tmp/attach.log 2>&1 &&
		wait_for 60 "$attached_seen"
}

loop_there() {
	[ -e "$SYS/$(busids $LOOP vhci):1.0" ]
}

tty_there() {
	[ -c "/dev/$(acm_tty)" ]
}

must "modules" usb_start 2
must "drivers" modprobe -a cdc_acm sch_netem
must "udevd" udev_start
must "network namespaces" net_start
must "ACM gadget" acm
must "the serving side has it" wait_for 20 busids $ACM
DEV=$(busids $ACM)
must "bind" $S bind "$DEV"
$S serve --listen 10.77.0.1:13240 --virtual loop:$LOOP >/tmp/serve.log 2>&1 &
SERVE=$!
must "serve" wait_for 10 $S status
must "known" $A list "$($S invite --name anna)" --as lab
must "netem" path delay 25ms

# --- a serial port ---
must "attach without" attached "$DEV" tty_there --no-assist=serial
LONG_WAS=$LONG LONG=1
check "a second of data both ways, without" both_ways
IN_0=$(rate_of /tmp/acm.in) OUT_0=$(rate_of /tmp/acm.out)
is "it is off" "$(assists serial)" '{"on":false,"hits":0,"round_trips_saved":0,"fallbacks":0}'
check "detach" $A detach --all
LONG=$LONG_WAS
must "attach" attached "$DEV" tty_there
check "$LONG s of data both ways, none lost or out of order" both_ways
IN=$(rate_of /tmp/acm.in) OUT=$(rate_of /tmp/acm.out)
assists serial | note
echo "# bytes a second at 50 ms: in $IN out $OUT, without $IN_0 and $OUT_0"
assists serial | jq -e '.on and .hits > 100 and .round_trips_saved == .hits and .fallbacks < 9' >/dev/null
ok "status tells it"
if [ -n "${TEST_FIGURES:-}" ]; then
	[ "$IN" -ge $((BYTES * 98 / 100)) ] && [ "$OUT" -ge $((BYTES * 98 / 100)) ]
	ok "neither falls behind"
fi
check "detach" $A detach --all

# --- sound and pictures ---
must "netem with jitter" path delay 25ms 5ms
must "attach loop" attached v-1 loop_there
streams 0x87 2 # packets come in another order: both ends learn how late they are
streams 0x08 2
streams 0x87 "$ISO"
streams_rc=$?
if [ -n "${TEST_FIGURES:-}" ]; then
	is "no gap from the device in $ISO s" $streams_rc 0
fi
check "few packets, if any, come too late, and each is told" told_of_few
streams 0x08 "$ISO"
streams_rc=$?
if [ -n "${TEST_FIGURES:-}" ]; then
	is "nothing wrong to the device in $ISO s" $streams_rc 0
fi
check "few, if any, come too late for the device" told_of_few
assists isochronous | note
assists isochronous | jq -e '.on and .hits > 100 and .fallbacks == 0' >/dev/null
ok "status tells it"
must "netem with losses" path delay 25ms 5ms loss 1%
streams 0x87 "$ISO"
check "at 1 % loss what is missing is what was reported" told_of_few
check "detach" $A detach --all
must "netem without" path delay 25ms 5ms
must "attach without" attached v-1 loop_there --no-assist=isochronous
streams 0x87 2
[ $? != 0 ]
ok "there are gaps without"
check "detach" $A detach --all
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
finish
