#!/bin/sh
# The guest's process 1, on the host's root with a tmpfs over it: mounts what
# a test expects, runs it with its output on the second serial port, leaves its
# exit code in /results/exit and its logs beside it, and switches the machine off.
# The logs of one that has failed are shown as well.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/root LC_ALL=C TZ=UTC
. /results/env

mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /run
mount -t tmpfs none /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
ip link set lo up
hostname guest
cd "$VM_TREE" || echo "no $VM_TREE in the guest"

stty -F /dev/ttyS1 raw -echo
exec >/dev/ttyS1 2>&1
. test/tap.sh
rc=0
timeout -k 5 "$VM_LIMIT" sh "$VM_SCRIPT" </dev/null || rc=$?
[ $rc != 124 ] && [ $rc != 137 ] || echo "Bail out! $VM_NAME: not done after $VM_LIMIT s"
[ $rc = 0 ] || show_logs /tmp
cp /tmp/*.log /tmp/*.err /results/ 2>/dev/null
echo $rc >/results/exit
sync
exec busybox poweroff -f
