#!/bin/sh
# How devices are shared, with the real kernel: a queue that moves when its holder
# detaches and when it dies, a live session taken over, a refusal that says who has it;
# and disks, a virtual one and a stick (a gadget), that can be read only.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

S="$BIN -s /tmp/S"

# start NAME ARGUMENT...: an attach as that peer, $pid; again if the server was too slow
# to let it in. It has said something then, or has ended.
start() {
	start_name=$1
	shift
	for start_try in 1 2 3 4 5; do
		$BIN -s "/tmp/$start_name" attach lab "$@" >"/results/$start_name.out" \
			2>"/results/$start_name.err" </dev/null &
		pid=$!
		wait_for 120 begun
		gone $pid && grep -q "closed by the peer\|no answer" "/results/$start_name.err" || return 0
	done
}

begun() {
	gone $pid || [ -s "/results/$start_name.out" ]
}

said() {
	grep -qF -e "$2" "/results/$1.out"
}

gone() {
	! grep -qs '^State:.*[^Z] (' "/proc/$1/status"
}

serve_says() {
	[ "$($S status --json | jq -c ".running[0].devices[0] | [.holder, .waiting, .mode]")" = "$1" ]
}

must "modules" usb_start 1
must "udevd" udev_start
image /tmp/disk.img 4
must "bind" $S bind v-1 --mode queued
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img --share 1d6b:0155 >/results/serve.log 2>&1 </dev/null &
must "serve" wait_for 90 $S status
for peer in A B C; do
	must "peer $peer" $BIN -s /tmp/$peer list "$($S invite --name $peer)" --as lab
done
cp -r /tmp/A /tmp/A2
cp -r /tmp/B /tmp/B2

start A v-1
A=$pid
must "A has it" wait_for 90 said A "v-1 attached "
start B v-1 --once
B=$pid
check "B is told that it is first, and behind whom" wait_for 90 said B \
	'v-1 queued position=1 holder=A since="20'
start C v-1
C=$pid
check "C is second" wait_for 90 said C "v-1 queued position=2 holder=A"
check "serve shows the queue" wait_for 90 serve_says '["A",["B","C"],"queued"]'
$S status | grep -q "held queued by A since .*, next are B, C"
ok "for people, too" || $S status | note
$BIN -s /tmp/C status --json | jq -e '.running[0].devices[0] | .state == "queued" and .position == 2' >/dev/null
ok "and C's status its place"
sleep 3
said B attached || said C attached
[ $? != 0 ]
ok "both wait"

# --- one that hands over to an attach that runs waits, too ---
$BIN -s /tmp/C attach lab v-1 >/tmp/hand.out 2>&1
is "asked for twice" "$?" 5

# --- the holder detaches ---
check "A detaches" $BIN -s /tmp/A detach v-1
check "B has it" wait_for 90 said B "v-1 attached "
check "C is first now" wait_for 90 said C "v-1 queued position=1 holder=B"

# --- the holder dies ---
kill -9 $B
wait $B
t0=$(date +%s%N)
check "C has it when B dies" wait_for 90 said C "v-1 attached "
echo "# after $((($(date +%s%N) - t0) / 1000000)) ms"

# --- who leaves the queue ---
start B v-1
B=$pid
check "B waits again" wait_for 90 said B "position=1 holder=C"
start A v-1
A=$pid
check "and A" wait_for 90 said A "position=2 holder=C"
kill -INT $B
wait_for 90 gone $B
ok "Ctrl-C ends the waiting"
check "A is first now" wait_for 90 said A "position=1 holder=C"
check "C detaches" $BIN -s /tmp/C detach v-1
check "A has it" wait_for 90 said A "v-1 attached "

# --- a live session of the same peer ---
check "exclusive" $S bind v-1
$BIN -s /tmp/A2 attach lab v-1 --once >/tmp/A2.out 2>/tmp/A2.err
is "without --takeover it is busy" "$?" 5
grep -q "busy, held by A since 20.*--takeover takes it" /tmp/A2.err
ok "and says since when, and how to have it" || note </tmp/A2.err
$BIN -s /tmp/B attach lab v-1 --takeover --once >/tmp/B.out 2>/tmp/B.err
is "another peer cannot take it over" "$?" 5
grep -q "busy, held by A since 20" /tmp/B.err && ! grep -q takeover /tmp/B.err
ok "it hears who has it" || note </tmp/B.err
start A2 v-1 --takeover
A2=$pid
check "--takeover has it" wait_for 90 said A2 "v-1 attached "
check "the other waits" wait_for 90 said A 'v-1 waits reason="another attach of yours took it over"'
sleep 2
gone $A2 || said A2 waits
[ $? != 0 ]
ok "and does not take it back"
check "it is given back" $BIN -s /tmp/A2 detach v-1
check "the other has it again" wait_for 90 sh -c "[ \$(grep -c attached /results/A.out) = 2 ]"
check "detach" $BIN -s /tmp/A detach --all

# --- read only ---
ID=1d6b:0104
image /tmp/stick.img 8
mkfs.ext4 -q -F /tmp/stick.img
cp /tmp/stick.img /tmp/before.img
cp /tmp/disk.img /tmp/disk.before
must "gadget" gadget_disk stick 1d6b:0155 /tmp/stick.img
must "the serving side has the stick" wait_for 90 busids 1d6b:0155
DEV=$(busids 1d6b:0155)
attached_disk() {
	disk_ready "$(busids "$1" vhci)"
}
# scsi DISK BYTES COMMAND: with so many bytes for the device; status, and sense data
scsi() {
	perl -e '
		my ($dev, $n, $cdb) = ($ARGV[0], $ARGV[1], pack("H*", $ARGV[2]));
		my ($data, $sense) = ("x" x ($n + 1), "\0" x 32);
		my $at = sub { unpack("Q", pack("P", $_[0])) };
		open(my $f, "<", $dev) or die "$dev: $!";
		my $h = pack("iiCCSLQQQLLix4QCCCCSSiLLx4", 83, $n > 0 ? -2 : -1, length($cdb), 32,
			0, $n, $at->($data), $at->($cdb), $at->($sense), 20000, 0, 0, 0, (0) x 9);
		ioctl($f, 0x2285, $h) or die "SG_IO: $!";
		my @s = unpack("C32", $sense);
		printf("%d %02x/%02x/%02x", unpack("x64C", $h), $s[2] & 15, $s[12], $s[13]);
	' "$@" 2>&1
}
ro_disk() { # NAME VID:PID DEVICE IMAGE
	start A "$3" --once
	A=$pid
	must "$1: attached" wait_for 90 said A "$3 attached "
	must "$1: its disk is there" wait_for 90 attached_disk "$2"
	D=/dev/$(attached_disk "$2")
	is "$1: the kernel knows that it is read-only" "$(cat "/sys/block/${D#/dev/}/ro")" 1
	check "$1: it reads right" cmp "$D" "$4"
	# past the kernel's own check: WRITE(10) of 1 block, and of 128; FORMAT UNIT
	is "$1: a write is refused" "$(scsi "$D" 512 2a000000000000000100)" "2 07/27/00"
	is "$1: and a longer one" "$(scsi "$D" 65536 2a000000000000008000)" "2 07/27/00"
	is "$1: and formatting" "$(scsi "$D" 0 040000000000)" "2 07/27/00"
	is "$1: what is not known is none of it" "$(scsi "$D" 0 d00000000000)" "2 05/20/00"
	is "$1: but it is ready" "$(scsi "$D" 0 000000000000)" "0 00/00/00"
	check "$1: it still reads right" cmp "$D" "$4"
}
check "bind the stick" $S bind "$DEV" --mode readonly
check "and the virtual disk" $S bind v-1 --mode readonly
$S list | grep "^$DEV " | grep -q " readonly"
ok "list shows the mode"
ro_disk "a stick" 1d6b:0155 "$DEV" /tmp/before.img
mkdir -p /tmp/mnt
check "a stick: its file system can be mounted" mount -o ro,noload "$D" /tmp/mnt
check "a stick: and unmounted" umount /tmp/mnt
dmesg | tail -n 60 | grep -i "write protect"
ok "a stick: the driver hears of write protection" || dmesg | tail -n 20 | note
check "no resets were needed" sh -c "! dmesg | grep -q 'reset .* using vhci_hcd'"
check "a mode that is taken away takes the device" $S bind "$DEV"
check "its attach ends" wait_for 90 gone $A
check "a stick: nothing was written" cmp /tmp/stick.img /tmp/before.img
check "bind the stick again" $S bind "$DEV" --mode readonly
ro_disk "a virtual disk" $ID v-1 /tmp/disk.before
check "detach it" $BIN -s /tmp/A detach v-1
check "a virtual disk: nothing was written" cmp /tmp/disk.img /tmp/disk.before
check "exclusive again" $S bind "$DEV" v-1
start A "$DEV" --once
A=$pid
must "writable: attached" wait_for 90 said A "$DEV attached "
must "writable: its disk is there" wait_for 90 attached_disk 1d6b:0155
D=/dev/$(attached_disk 1d6b:0155)
is "writable: says the kernel" "$(cat "/sys/block/${D#/dev/}/ro")" 0
is "writable: a raw write" "$(scsi "$D" 512 2a000000000000000100)" "0 00/00/00"
check "writable: a write" dd if=/dev/zero of="$D" bs=64k count=1 oflag=direct conv=fsync
check "detach" $BIN -s /tmp/A detach --all

dmesg >/results/dmesg
finish
