#!/bin/sh
# A disk 20 ms away over a line that loses 1 % of the packets: fio writes behind one another
# and anywhere, many at a time, and reads all of it again. It finds what it wrote, and the
# kernel saw no error; the gadget has then what is read through the attached disk.
#	FIO_SECONDS	of each run, again and again; once over the disk unless told
#	WRITE_CACHE	yes: with --write-cache (unless told), no: without, both: first without
[ -n "${VM_GUEST:-}" ] || {
	export TEST_FIO_SECONDS="${FIO_SECONDS:-}" TEST_WRITE_CACHE="${WRITE_CACHE:-yes}"
	exec "${0%/*}/run.sh" -t $((900 + TEST_FIO_SECONDS * 2)) "$0"
}
. test/vm/lib.sh

DISK=1d6b:0104
S="$BIN -s /tmp/S"
A="ip netns exec C $BIN -s /tmp/A"
MIB=4

# far: netem between the two machines, in the midst, where each packet is one of its own
far() {
	ip netns add M && ip link set vS down && ip link del vS &&
		ip link add vS type veth peer name mS && ip link set mS netns M &&
		ip link add vC netns C type veth peer name mC netns M &&
		ip addr add 10.77.0.1/24 dev vS && ip -n C addr add 10.77.0.2/24 dev vC &&
		ethtool -K vS tx-udp-segmentation off >/dev/null &&
		ip netns exec C ethtool -K vC tx-udp-segmentation off >/dev/null &&
		ip -n M link add name br0 type bridge || return
	for m in mS mC; do
		ip -n M link set $m master br0 && ip -n M link set $m up &&
			ip netns exec M tc qdisc add dev $m root netem limit 10000 delay 10ms loss 1% || return
	done
	ip link set vS up && ip -n C link set vC up && ip -n M link set br0 up &&
		wait_for 10 sh -c "ip -n C -br link show vC | grep -q UP"
}

# dropped: packets that are on no other side any more
dropped() {
	ip netns exec M tc -s qdisc show | sed -n 's/.*(dropped \([0-9]*\),.*/\1/p' |
		awk '{ n += $1 } END { print n + 0 }'
}

D=
disk_there() {
	d=$(disk_ready "$(busids $DISK vhci)") && D=/dev/$d && [ -b "$D" ] && udevadm settle -t 30
}

# written: three at once, each on its part of the disk; what was written is read back
# after a while, in the midst of what is written then.
written() {
	fio --filename="$D" --direct=1 --ioengine=libaio --randseed=1 --verify=crc32c \
		--verify_fatal=1 --verify_backlog=16 --verify_state_save=0 \
		${TEST_FIO_SECONDS:+--time_based --runtime="$TEST_FIO_SECONDS"} \
		--output-format=json --output=/tmp/fio.json \
		--name=behind --offset=0 --size=2m --rw=write --bs=128k --iodepth=4 \
		--name=mixed --offset=2m --size=1m --rw=randrw --rwmixread=30 --bs=16k --iodepth=8 \
		--name=anywhere --offset=3m --size=512k --rw=randwrite --bs=4k --iodepth=16 \
		>/tmp/fio.log 2>&1
}

told() {
	jq -c '[.jobs[] | {job: .jobname, error, written: .write.total_ios, read: .read.total_ios,
		kb_s: .write.bw}]' /tmp/fio.json
}

kernel_errors() {
	dmesg | grep -iE 'I/O error|USB disconnect|reset .*speed.*vhci|sense|timed out|BUG|Oops|hung' |
		grep -v 'Mode Sense:'
}

# run WHAT OPTION...
run() {
	run_what=$1
	shift
	must "attach $run_what" $A attach lab "$STICK" "$@" --background
	must "its disk" wait_for 60 disk_there
	dmesg -C
	run_dropped=$(dropped)
	check "$run_what: fio found all as it was written" written ||
		note </tmp/fio.json
	told | note
	jq -e '[.jobs[] | .error == 0 and .write.total_ios > 8 and .read.total_ios > 8] | all' \
		/tmp/fio.json >/dev/null
	ok "$run_what: each has written and read"
	run_dropped=$(($(dropped) - run_dropped))
	[ $run_dropped -gt 0 ]
	ok "$run_what: the line has lost $run_dropped packets"
	$A status --json | jq -c '.running[0] | .link.path, .devices[0].assists.storage' | note
	$A status --json | jq -e '.running[0].devices[0].assists.storage | .on and .hits > 0' >/dev/null
	ok "$run_what: the storage assist did its part"
	blockdev --flushbufs "$D"
	check "$run_what: what is read is what lies there" sh -c \
		"dd if=$D bs=1M iflag=direct 2>/dev/null | cmp - /tmp/stick.img"
	is "$run_what: the kernel saw no error" "$(kernel_errors)" ""
	check "$run_what: detach" $A detach --all
}

must "modules" usb_start 1
must "drivers" modprobe -a sch_netem bridge
must "udevd" udev_start
must "network namespaces" net_start
must "a line that loses" far
head -c ${MIB}M /dev/urandom >/tmp/stick.img
must "disk gadget" gadget_disk stick $DISK /tmp/stick.img
must "the serving side has it" wait_for 20 busids $DISK
STICK=$(busids $DISK)
must "bind" $S bind "$STICK"
$S serve --listen 10.77.0.1:13240 >/tmp/serve.log 2>&1 &
SERVE=$!
must "serve" wait_for 10 $S status
must "known" $A list "$($S invite --name anna)" --as lab
if [ "$TEST_WRITE_CACHE" != yes ]; then
	run "without a cache"
fi
if [ "$TEST_WRITE_CACHE" != no ]; then
	run "with a cache" --write-cache
fi
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
finish
