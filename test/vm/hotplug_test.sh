#!/bin/sh
# Devices that come and go while they are attached: a stick (a gadget) that is pulled
# in the middle of reads, comes back, comes back as another one and as a keyboard; lists
# that tell of it; QEMU's keyboard, plugged and pulled ROUNDS times (5 unless told) through the
# monitor of QEMU, which the guest reaches by a virtio port.
[ -n "$VM_GUEST" ] || {
	mon=$(mktemp -d) || exit
	VM_QEMU="-device qemu-xhci,id=x -device virtio-serial-pci
		-chardev socket,id=mon,path=$mon/m,server=on,wait=off -mon chardev=mon
		-chardev socket,id=ask,path=$mon/m -device virtserialport,chardev=ask"
	TEST_ROUNDS=${ROUNDS:-5}
	export VM_QEMU TEST_ROUNDS
	rc=0
	"${0%/*}/run.sh" -c 2 -t $((1100 + TEST_ROUNDS * 20)) "$0" || rc=$?
	rm -rf "$mon"
	exit "$rc"
}
. test/vm/lib.sh

ID=1d6b:0104
DFU=1d6b:0155
NEW=1d6b:0199
KBD=0627:0001
VHCI=/sys/devices/platform/vhci_hcd.0
GADGET=/sys/kernel/config/usb_gadget/stick
S="$BIN -s /tmp/S"

# start NAME ARGUMENT...: an attach in the background, as the peer NAME; its process is
# $pid, its output /tmp/NAME.out.
start() {
	start_name=$1
	shift
	$BIN -s "/tmp/$start_name" attach "$@" >"/tmp/$start_name.out" 2>"/tmp/$start_name.err" \
		</dev/null &
	pid=$!
}

# said NAME N WORDS: N lines of its output have these words.
said() {
	[ "$(grep -cF -e "$3" "/tmp/$1.out")" -ge "$2" ]
}

# attached NAME BUSID STATE
is_state() {
	[ "$($BIN -s "/tmp/$1" status --json |
		jq -r ".running[0].devices[] | select(.busid == \"$2\") | .state")" = "$3" ]
}

serve_says() {
	[ "$($S status --json | jq -r ".running[0].devices[] | select(.busid == \"$1\") | .state")" = "$2" ]
}

not_shared() {
	! $S status --json | grep -q "\"$DEV\""
}

ports_taken() {
	cat $VHCI/status $VHCI/status.* 2>/dev/null | awk '$3 ~ /^[0-9]+$/ && $3 != "004"'
}

ports_free() {
	[ -z "$(ports_taken)" ]
}

attached_disk() {
	disk_ready "$(busids "$1" vhci)"
}

# Whether the kernel has a keyboard that is attached.
keyboard() {
	for e in /sys/class/input/event*; do
		case $(readlink -f "$e") in
		*/vhci_hcd.*) return ;;
		esac
	done
	return 1
}

# The stick is a keyboard from the next plug on, or a stick again: hid, mass_storage.
become() {
	rm $GADGET/configs/c.1/*.0 && ln -s $GADGET/functions/$1.0 $GADGET/configs/c.1/
}

gone() {
	! grep -qs '^State:.*[^Z] (' "/proc/$1/status"
}

# ended PID SECONDS: waits for it; its exit code is in $rc.
ended() {
	wait_for "$2" gone "$1" || kill -9 "$1"
	rc=0
	wait "$1" || rc=$?
}

stick_is() {
	echo "0x${1#*:}" >$GADGET/idProduct
}

fds() {
	ls "/proc/$1/fd" | wc -l
}

own_kb() { # of its own: not the pages of libraries that it reads on the way
	awk '/^Anonymous:/ { print $2 }' "/proc/$1/smaps_rollup"
}

# --- the server, and three peers ---
must "modules" usb_start 2
must "more modules" modprobe -a xhci_pci usbhid hid-generic evdev virtio_console
must "udevd" udev_start
image /tmp/disk.img 32
cp /tmp/disk.img /tmp/before.img
must "gadget" gadget_disk stick $ID /tmp/disk.img
must "the serving side has the stick" wait_for 20 busids $ID
DEV=$(busids $ID)
must "and its own driver" wait_for 20 disk_ready "$DEV"
head -c 1048576 /dev/zero >/tmp/virtual.img
$S serve --listen 127.0.0.1:0 --share "$DEV" --share $NEW --share $KBD \
	--virtual disk:/tmp/virtual.img >/tmp/serve.log 2>&1 </dev/null &
SERVE=$!
must "serve" wait_for 10 $S status
for peer in A B C; do
	must "peer $peer" $BIN -s /tmp/$peer list "$($S invite --name $peer)" --as lab
done

# --- pulled in the middle of reads ---
start A lab "$DEV"
A=$pid
must "attached" wait_for 40 said A 1 "$DEV attached "
must "its disk is there" wait_for 40 attached_disk $ID
D=/dev/$(attached_disk $ID)
dd if="$D" of=/dev/null bs=64k iflag=direct 2>/tmp/dd.err &
DD=$!
opened() { # reads of udevd's do not count
	[ "$(readlink "/proc/$DD/fd/0")" = "$D" ]
}
wait_for 10 opened && wait_for 10 reading "${D#/dev/}"
ok "a read is running" || note </tmp/dd.err
t0=$(now_ms)
gadget_unplug stick
check "pulled: the port is free" wait_for 10 ports_free
in_time "soon" $(($(now_ms) - t0)) 2000
ended $DD 30
[ "$rc" != 0 ] && [ "$rc" != 137 ] && grep -qi "error\|no such device" /tmp/dd.err
ok "the read ends with an error ($rc)" || note </tmp/dd.err
check "attach says that it waits" wait_for 5 said A 1 "$DEV waits reason=\"it was unplugged\""
check "and so does status" is_state A "$DEV" waiting
$BIN -s /tmp/A status | grep -q "$DEV.*waiting"
ok "for people, too"
! gone $A
ok "it still runs"

# --- and comes back, with something else on it ---
image /tmp/other.img 9
cp /tmp/other.img /tmp/before.img
echo /tmp/other.img >$GADGET/functions/mass_storage.0/lun.0/file
t0=$(now_ms)
gadget_plug stick
check "regress 25: stale handle after replug" wait_for 30 said A 2 "$DEV attached "
echo "# after $(($(now_ms) - t0)) ms"
must "regress 25: its disk is there" wait_for 40 attached_disk $ID
check "regress 25: with what is on it now" cmp "/dev/$(attached_disk $ID)" /tmp/before.img
is "one port is taken" "$(ports_taken | wc -l)" 1

# --- as another device in the same port (firmware update) ---
gadget_unplug stick
stick_is $DFU
gadget_plug stick
check "regress 34: DFU re-enumeration lost" wait_for 30 said A 1 "id=$DFU"
must "regress 34: its disk is there" wait_for 40 attached_disk $DFU
check "regress 34: and reads right" cmp -n 1048576 "/dev/$(attached_disk $DFU)" /tmp/before.img
gadget_unplug stick
stick_is $ID
gadget_plug stick
check "regress 34: and the first one after that" wait_for 30 said A 3 "id=$ID"

# --- a stick became a keyboard: same names, same numbers, same port ---
check "another device" $BIN -s /tmp/A attach lab v-1
gadget_unplug stick
must "it can be a keyboard, too" gadget_keyboard stick
become hid
gadget_plug stick
check "a stick became a keyboard: attach says so" \
	wait_for 30 said A 1 "$DEV changed had=\"storage\" has=\"hid\""
must "it is shared like before" wait_for 20 serve_says "$DEV" free
sleep 1
check "it is not attached" is_state A "$DEV" waiting
$BIN -s /tmp/A status --json | grep -q "came back as another kind"
ok "status says why"
! keyboard
ok "nobody can type with it"
gadget_unplug stick
become mass_storage
gadget_plug stick
check "as a stick it is attached without a word" wait_for 30 said A 4 "id=$ID"
gadget_unplug stick
become hid
gadget_plug stick
check "a keyboard again" wait_for 30 said A 2 "$DEV changed had="
check "the user says so" $BIN -s /tmp/A attach lab "$DEV"
check "then it is a keyboard here" wait_for 20 keyboard
check "detach" $BIN -s /tmp/A detach "$DEV"
gadget_unplug stick
check "it is gone" wait_for 20 not_shared
become mass_storage
gadget_plug stick
must "the stick is back" wait_for 30 serve_says "$DEV" free
check "attach" $BIN -s /tmp/A attach lab "$DEV"

# --- detached is detached ---
check "detach" $BIN -s /tmp/A detach "$DEV"
check "it is free" wait_for 20 serve_says "$DEV" free
gadget_unplug stick
wait_for 5 not_shared
gadget_plug stick
must "it comes again" wait_for 30 serve_says "$DEV" free
sleep 1
check "what was detached is not attached again" serve_says "$DEV" free
check "but when asked for" $BIN -s /tmp/A attach lab "$DEV"
gadget_unplug stick
check "that stands again: it waits" wait_for 20 is_state A "$DEV" waiting
gadget_plug stick
check "and has it" wait_for 30 is_state A "$DEV" attached

check "detach again" $BIN -s /tmp/A detach "$DEV"
check "asked for once" $BIN -s /tmp/A attach lab "$DEV" --once
gadget_unplug stick
not_known() {
	! $BIN -s /tmp/A status --json | grep -q "\"$DEV\""
}
check "once: A does not wait for it" wait_for 20 not_known
gadget_plug stick
must "it comes once more" wait_for 30 serve_says "$DEV" free
sleep 1
check "once: and does not attach it again" serve_says "$DEV" free
check "but when asked for again" $BIN -s /tmp/A attach lab "$DEV"

# --- held by another ---
start B lab v-1 "$DEV" --once
ended $pid 30
is "busy: both are A's" "$rc" 5
check "A gives one back" $BIN -s /tmp/A detach v-1
start B lab v-1 "$DEV"
B=$pid
must "B has that one" wait_for 40 said B 1 "v-1 attached "
check "and waits for the other" wait_for 20 is_state B "$DEV" waiting
$BIN -s /tmp/B status --json | grep -q "held by A"
ok "which A holds"
check "A ends" $BIN -s /tmp/A detach "$DEV"
t0=$(now_ms)
ended $A 30
is "its exit code" "$rc" 0
check "B has it then" wait_for 30 said B 1 "$DEV attached "
echo "# after $(($(now_ms) - t0)) ms"
check "B ends" $BIN -s /tmp/B detach --all
ended $B 30
is "its exit code tells of the first failure" "$rc" 5

# --- words that mean a kind of device ---
start A lab $ID
A=$pid
must "attached by its ids" wait_for 40 said A 1 "$DEV attached "
gadget_unplug stick
stick_is $DFU
gadget_plug stick
must "another one comes" wait_for 30 serve_says "$DEV" free
sleep 1
check "regress 34: which these words do not mean" is_state A "$DEV" waiting
is "nobody has it" "$(serve_says "$DEV" free && echo free)" free
gadget_unplug stick
stick_is $ID
gadget_plug stick
check "regress 34: the right one is attached again" wait_for 30 said A 2 "$DEV attached "
check "detach" $BIN -s /tmp/A detach --all
ended $A 30
is "its exit code" "$rc" 0

# --- no words: the ports that were there ---
start A lab
A=$pid
must "everything" wait_for 40 said A 1 "$DEV attached "
check "both" wait_for 40 said A 1 "v-1 attached "
gadget_unplug stick
check "one waits" wait_for 20 is_state A "$DEV" waiting
gadget_plug stick
check "and comes back" wait_for 30 said A 2 "$DEV attached "
check "detach of a waiting one: pulled" gadget_unplug stick
check "it waits" wait_for 20 is_state A "$DEV" waiting
check "detach it" $BIN -s /tmp/A detach "$DEV"
gadget_plug stick
must "it comes" wait_for 30 serve_says "$DEV" free
check "detach --all" $BIN -s /tmp/A detach --all
ended $A 30
is "exit code" "$rc" 0

# --- once ---
start A lab "$DEV" --once
A=$pid
must "attached once" wait_for 40 said A 1 "$DEV attached "
gadget_unplug stick
ended $A 30
is "once: it ends when it is pulled" "$rc" 4
gadget_plug stick
check "the port is free" ports_free

# --- every attached peer hears of it within 1 s ---
# Lines with the time in ms before them.
stamp() {
	perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -ne '
		$| = 1;
		printf "%d %s", 1000 * clock_gettime(CLOCK_MONOTONIC), $_;'
}
# timed FILE TEXT BUSID 0|1: writes the text; leaves the times of that, and of when the
# kernel has configured the device or has it no more, in $t0 and $t1.
timed() {
	timed=$(perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC,usleep -e '
		my ($file, $text, $busid, $want) = @ARGV;
		sub now { int(1000 * clock_gettime(CLOCK_MONOTONIC)) }
		my $t0 = now();
		open(my $out, $file =~ /^&/ ? ">$file" : "> $file") or die "$file: $!\n";
		syswrite($out, "$text\n") or die "$file: $!\n";
		close($out);
		for (my $i = 0; $i < 4000; $i++) {
			my $config = "";
			if (open(my $f, "<", "/sys/bus/usb/devices/$busid/bConfigurationValue")) {
				chomp($config = <$f> // "");
			}
			last if ($config ne "") == $want;
			usleep(5000);
		}
		print $t0, " ", now(), "\n";' "$@")
	t0=${timed% *} t1=${timed#* }
}
# after NAME N WORDS TIME: ms between TIME and the Nth line with these words
after() {
	after_at=$(grep -F -e "$3" "/tmp/$1.out" | sed -n "$2s/ .*//p")
	echo $((${after_at:-99999999} - $4))
}
new_device() {
	gadget new $NEW "New" && gadget_function new acm
}
must "a new device" new_device
gadget_plug new 1
must "it has a port" wait_for 20 busids $NEW
PORT=$(busids $NEW)
UDC=/sys/kernel/config/usb_gadget/new/UDC
gadget_unplug new
for peer in A B C; do
	mkfifo /tmp/$peer.fifo
	stamp </tmp/$peer.fifo >/tmp/$peer.out &
	$BIN -s /tmp/$peer attach lab v-1 $NEW --via usbip=127.0.0.1:0 >/tmp/$peer.fifo \
		2>/tmp/$peer.err </dev/null &
	must "$peer offers" wait_for 30 said $peer 1 "v-1 offered "
done
for round in 1 2 3; do
	timed $UDC dummy_udc.1 "$PORT" 1
	for peer in A B C; do
		wait_for 30 said $peer $round "id=$NEW"
		ms=$(after $peer $round "id=$NEW" "$t1")
		in_time "round $round: $peer hears of the new one ($((ms + t1 - t0)) ms after the plug)" "$ms" 1000
	done
	timed $UDC "" "$PORT" 0
	for peer in A B C; do
		wait_for 30 said $peer $round "waits reason"
		ms=$(after $peer $round "waits reason" "$t0")
		in_time "round $round: $peer hears that it left" "$ms" 1000
	done
done
for peer in A B C; do
	check "$peer ends" $BIN -s /tmp/$peer detach --all
done

# --- a keyboard, ROUNDS times ---
WARM=$((TEST_ROUNDS / 4 + 1)) # rounds until the libraries have what they keep
exec 5<>"$(ls /dev/vport*p* | head -n 1)"
cat <&5 >/tmp/monitor &
qemu() {
	echo "$*" >&5
}
qemu device_add usb-kbd,id=k,bus=x.0,port=1
must "QEMU's keyboard" wait_for 20 busids $KBD
KEYS=$(busids $KBD)
must "is shared" wait_for 20 serve_says "$KEYS" free
start A lab "$KEYS"
A=$pid
must "and attached" wait_for 40 said A 1 "$KEYS attached "
bad=0
slowest=0
for round in $(seq "$TEST_ROUNDS"); do
	wait_for 40 said A "$round" "$KEYS attached " || bad="$bad, $round: not attached"
	wait_for 10 keyboard || bad="$bad, $round: no input device"
	timed "&=5" "device_del k" "$(sed -n "$((2 * round - 1))s/.* as=\([^ ]*\) .*/\1/p" /tmp/A.out)" 0
	[ $((t1 - t0)) -le "$slowest" ] || slowest=$((t1 - t0))
	keyboard && bad="$bad, $round: an input device is left"
	wait_for 5 ports_free || bad="$bad, $round: port not free"
	wait_for 20 is_state A "$KEYS" waiting || bad="$bad, $round: does not wait"
	fds_now="$(fds $SERVE) $(fds $A)" serve_now=$(own_kb $SERVE) attach_now=$(own_kb $A)
	echo "# round $round: fds $fds_now, $serve_now $attach_now KB"
	[ "$round" != 1 ] || fds_had=$fds_now
	[ "$round" != $WARM ] || serve_had=$serve_now attach_had=$attach_now
	[ "$round" = "$TEST_ROUNDS" ] || qemu device_add usb-kbd,id=k,bus=x.0,port=1
done
is "$TEST_ROUNDS times plugged and pulled" "$bad" 0
in_time "gone each time, at the slowest" "$slowest" 1000
is "attached $TEST_ROUNDS times" "$(grep -c "$KEYS attached " /tmp/A.out)" "$TEST_ROUNDS"
is "no file descriptor more" "$fds_now" "$fds_had"
# a few rounds are too few to tell a leak from what an allocator keeps: a bound on both
[ "$TEST_ROUNDS" -ge 20 ] && most=512 || most=2048
[ $((serve_now - serve_had)) -lt $most ] && [ $((attach_now - attach_had)) -lt $most ]
ok "no memory more: $((serve_now - serve_had)) and $((attach_now - attach_had)) KB"
is "no port is left" "$(ports_taken)" ""
kill -TERM "$A"
ended $A 30
is "attach ends" "$rc" 0
kill -TERM "$SERVE"
ended $SERVE 30
is "serve ends" "$rc" 0
is "no oops" "$(dmesg | grep -E 'BUG|Oops|WARNING:|general protection|Call Trace')" ""
for peer in A B C; do
	is "$peer has nothing to report" "$(grep -iE 'warn|error' /tmp/$peer.err | grep -v 'speaks plain USB/IP')" ""
done
cp /tmp/*.log /tmp/?.out /tmp/?.err /tmp/monitor /results/
dmesg >/results/dmesg
finish
