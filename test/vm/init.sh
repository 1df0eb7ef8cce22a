#!/bin/sh
# The guest's process 1, on the host's root with a tmpfs over it: mounts what
# a test expects, runs it with its output on the second serial port, leaves its
# exit code in /results/exit and switches the machine off.
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
sh "$VM_SCRIPT" </dev/null >/dev/ttyS1 2>&1
echo $? >/results/exit
sync
exec busybox poweroff -f
