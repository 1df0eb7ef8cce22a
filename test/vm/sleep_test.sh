#!/bin/sh
# A machine that sleeps: devices are detached in order before and attached again after,
# with the real kernel and a logind that only says so (test/vm/logind.c).
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 900 "$0"
. test/vm/lib.sh

ID=1d6b:0104
VHCI=/sys/devices/platform/vhci_hcd.0
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"

said() { # N WORDS
	[ "$(grep -cF -e "$2" /tmp/C.out)" -ge "$1" ]
}
ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null | awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}
attached_disk() {
	disk_ready "$(busids $ID vhci)"
}
answer() { # LINE
	[ "$(tail -n 1 /tmp/logind.out)" = "$1" ]
}
locks() {
	echo locks >&8
	wait_for 10 answer "$1"
}

must "modules" usb_start 1
image /tmp/stick.img 8
mkdir -p /tmp/bus
cat >/tmp/bus/conf <<X
<busconfig><type>session</type><listen>unix:path=/tmp/bus/bus</listen><policy context="default">
<allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy></busconfig>
X
dbus-daemon --config-file=/tmp/bus/conf --nofork --nopidfile >/tmp/bus/log 2>&1 &
must "a bus" wait_for 20 test -S /tmp/bus/bus
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/bus/bus
mkfifo /tmp/logind.in
exec 8<>/tmp/logind.in
"$O/test/vm/logind" </tmp/logind.in >/tmp/logind.out 2>&1 &
must "logind" wait_for 20 answer ready
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/stick.img >/tmp/serve.log 2>&1 </dev/null &
must "serve" wait_for 20 $S status
must "peer" $C list "$($S invite --name anna)" --as lab

$C attach lab v-1 >/tmp/C.out 2>/tmp/C.err </dev/null &
ATTACH=$!
must "attached" wait_for 60 said 1 "v-1 attached "
must "its disk is there" wait_for 60 attached_disk
check "logind waits for it" locks 1
mkfs.ext4 -q -F "/dev/$(attached_disk)"
mkdir -p /tmp/mnt

for i in 1 2; do
	dd if=/dev/urandom of="/dev/$(attached_disk)" bs=64k count=4 seek=$((i * 4)) 2>/dev/null # in the cache
	echo sleep >&8
	check "$i: it may sleep" wait_for 30 answer asleep
	check "$i: nothing is attached" ports_free
	check "$i: attach says so" wait_for 10 said $i 'v-1 waits reason="this machine sleeps"'
	sleep 2
	check "$i: and it stays so" ports_free
	echo wake >&8
	check "$i: attached again" wait_for 60 said $((i + 1)) "v-1 attached "
	must "$i: its disk is there" wait_for 60 attached_disk
	check "$i: what was in the cache has been written" cmp "/dev/$(attached_disk)" /tmp/stick.img
	check "$i: logind waits for the next time" locks 1
done
kill $ATTACH
wait $ATTACH
check "an attach that has ended is not waited for" locks 0

$C -o attach.sleep=keep attach lab v-1 >/tmp/C.out 2>/tmp/C.err </dev/null &
must "attach.sleep=keep: attached" wait_for 60 said 1 "v-1 attached "
check "attach.sleep=keep: logind does not know" locks 0
cp /tmp/logind.out /tmp/C.out /tmp/C.err /tmp/serve.log /results/
finish
