#!/bin/sh
# Attach and detach, ROUNDS times (12 unless told): a real gadget and a virtual disk,
# in turns by a process that lives for one round, with a link of its own, and by one
# that lives as long as serve. Neither serve nor that one may have more file descriptors
# or threads afterwards, no port may be lost, and their memory must stand still: its peak
# may rise now and then (two links for a moment, a longer queue), but not within a third
# of the rounds in a row. Of 200 rounds that shows a leak of 70 bytes a round; fewer than
# 50 tell nothing so fine, and the peak may rise by 256 kB after the first six.
[ -n "${VM_GUEST:-}" ] || {
	export TEST_ROUNDS="${ROUNDS:-12}"
	exec "${0%/*}/run.sh" -t $((600 + TEST_ROUNDS * 40)) "$0"
}
. test/vm/lib.sh

ID=1d6b:0104
# The caches of glibc and glib keep freed blocks in the midst of the heap, which grows
# around them for some 300 rounds; without them it stays as it is to the page.
TUNED="GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=4096:glibc.malloc.top_pad=0
	G_SLICE=always-malloc"
S="$BIN -s /tmp/S"
KEEP="env $TUNED ip netns exec C $BIN -s /tmp/A"
ONCE="ip netns exec C $BIN -s /tmp/B"
VHCI=/sys/devices/platform/vhci_hcd.0
WARM=6 # rounds until the libraries have what they keep

start_serve() {
	env $TUNED $S serve --listen 10.77.0.1:13240 --virtual disk:/tmp/v.img --virtual serial \
		>>/results/serve.log 2>&1 </dev/null &
	SERVE=$!
	wait_for 10 $S status
}

ports_taken() {
	cat $VHCI/status $VHCI/status.* 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | wc -l
}

disks_there() {
	[ "$(disk_names | wc -l)" = 2 ]
}

disk_names() {
	for b in $(busids $ID vhci); do
		disk_ready "$b"
	done
}

# The serving side has both back: nothing of the last round is still under way.
idle() {
	$S status --json | jq -e '.running[0] | (.peers | length) == 1 and
		([.devices[] | select(.state == "free")] | length) == 2'
}

once_ended() {
	! $ONCE status
}

round() {
	$1 attach lab v-1 "$DEV" --background >/tmp/attach.out 2>&1 &&
		wait_for 20 disks_there || return
	for b in $(disk_names); do
		cmp -n 65536 "/dev/$b" /tmp/v.img || return
	done
	$1 detach v-1 && $1 detach "$DEV" && [ "$(ports_taken)" = 1 ] &&
		wait_for 20 idle && wait_for 20 once_ended
}

# What a process has: descriptors, threads, kB of memory of its own.
has() {
	echo "fds=$(ls "/proc/$1/fd" | wc -l) threads=$(ls "/proc/$1/task" | wc -l)"
}

memory() {
	awk '/^Anonymous:/ { print $2 }' "/proc/$1/smaps_rollup"
}

must "modules" usb_start 1
must "a serial driver" modprobe cdc_acm
must "udevd" udev_start
must "network namespaces" net_start
# peak NAME KB ROUND: the longest stretch of rounds without a new peak, in $NAME_still.
serve_peak=0 serve_at=0 serve_still=0 kept_peak=0 kept_at=0 kept_still=0
peak() {
	eval "peak_was=\$$1_peak peak_at=\$$1_at peak_still=\$$1_still"
	if [ "$2" -gt "$peak_was" ]; then
		eval "$1_peak=$2 $1_at=$3"
	elif [ $(($3 - peak_at)) -gt "$peak_still" ]; then
		eval "$1_still=$(($3 - peak_at))"
	fi
}

image /tmp/v.img 4
cp /tmp/v.img /tmp/gadget.img
must "gadget" gadget_disk stick $ID /tmp/gadget.img
must "the serving side has it" wait_for 20 busids $ID
DEV=$(busids $ID)
must "bind" $S bind "$DEV"
must "serve" start_serve
must "one process stays" $KEEP attach "$($S invite --name anna)" v-2 --as lab --background
KEPT=$($KEEP status --json | jq '.running[0].pid')
must "another peer" $ONCE list "$($S invite --name otto)" --as lab
dmesg -C

n=0 failed=0
t0=$(date +%s)
while [ $n -lt "$TEST_ROUNDS" ]; do
	n=$((n + 1))
	[ $((n % 2)) = 0 ] && who=$KEEP || who=$ONCE
	round "$who" >/tmp/round.out 2>&1 || {
		failed=$((failed + 1))
		echo "# round $n failed:"
		note </tmp/round.out
		note </tmp/attach.out
		[ $failed -lt 3 ] || break
	}
	if [ $n = $WARM ]; then
		serve_had=$(has "$SERVE")
		kept_had=$(has "$KEPT")
	fi
	serve_kb=$(memory "$SERVE") kept_kb=$(memory "$KEPT")
	peak serve "$serve_kb" $n
	peak kept "$kept_kb" $n
	[ $n != $WARM ] || serve_warm=$serve_peak kept_warm=$kept_peak
	[ $((n % 10)) != 0 ] || echo "# round $n: serve $(has "$SERVE") kB=$serve_kb," \
		"attach $(has "$KEPT") kB=$kept_kb"
done
echo "# $n rounds in $(($(date +%s) - t0)) s"
is "rounds that failed" $failed 0
is "ports taken beside the one that stays" $(($(ports_taken) - 1)) 0
is "serve's descriptors and threads" "$(has "$SERVE")" "$serve_had"
is "attach's descriptors and threads" "$(has "$KEPT")" "$kept_had"
for who in serve kept; do
	eval "still=\$${who}_still peak=\$${who}_peak warm=\$${who}_warm"
	[ $((still * 3)) -ge $n ] || { [ $n -lt 50 ] && [ $((peak - warm)) -le 256 ]; }
	ok "$who: no new peak of memory for $still rounds of $n (it is $peak kB, was $warm)"
done
check "detach the last" $KEEP detach --all
is "ports taken" "$(ports_taken)" 0
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
dmesg | grep -iE 'error|fail|bug|oops|timed out' >/tmp/kernel
is "the kernel's log is clean" "$(wc -l </tmp/kernel)" 0 || note </tmp/kernel
dmesg >/results/dmesg
finish
