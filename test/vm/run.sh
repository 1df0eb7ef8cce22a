#!/bin/sh
# run.sh [-t SECONDS] [-c CPUS] SCRIPT: runs SCRIPT as root in a guest with a real kernel
# (vhci_hcd, dummy_hcd, configfs) and passes its output, TAP, through. It has one
# processor, so that two guests do not wait for one another on a machine that has two;
# what is about races, or figures, wants two. A test is one file for both sides; it starts
# with
#
#	#!/bin/sh
#	[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 120 "$0"
#	. test/vm/lib.sh
#
# and ends in `finish`. The guest sees the host's / (nothing it writes there
# gets out), the working directory is the source tree, /host is the host's own
# / (for its /tmp), and what is put into /results is in $O/vm/NAME afterwards.
# Environment: O (build directory), BIN (usbp2p), and what begins with VM_ or
# TEST_ comes along. VM_QEMU holds more arguments for QEMU, split at blanks.
# console.log beside the results is the kernel's console; VM_VERBOSE=1 shows it as it
# comes. The guest copies the test's logs (/tmp/*.log, /tmp/*.err) there, and shows
# their ends if the test fails or is not done in time.
set -eu

say() {
	echo "# $*"
}

bail() {
	echo "Bail out! $*"
	exit 1
}

BOOT=90 # seconds that the guest itself may take, beside those of the test
limit=120 cpus=1
while getopts c:t: opt; do
	case $opt in
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
script=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
tree=$(readlink -f "$here/../..")
O=$(readlink -m "${O:-$tree/build}")
name=$(basename "$script" .sh)
out=$O/vm/$name

newest_kernel() {
	for k in /boot/vmlinuz-*-amd64; do
		k=${k#/boot/vmlinuz-}
		[ ! -d "/lib/modules/$k" ] || echo "$k"
	done | sort -V | tail -n 1
}

# /tmp is empty in the guest; what lies in the host's is found below /host.
guest_path() {
	case $1 in
	/tmp/* | /run/*) echo "/host$1" ;;
	*) echo "$1" ;;
	esac
}

quote() {
	printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

write_env() {
	env | sed -n 's/^\(\(VM\|TEST\)_[A-Za-z0-9_]*\)=.*/\1/p' | while read -r v; do
		eval "echo export $v=\$(quote \"\$$v\")"
	done
	echo "export O=$(quote "$(guest_path "$O")")"
	echo "export BIN=$(quote "$(guest_path "$(readlink -m "${BIN:-$O/usbp2p}")")")"
	echo "export VM_GUEST=1 VM_NAME=$name VM_LIMIT=$limit"
	echo "VM_INIT=$(quote "$(guest_path "$here/init.sh")")"
	echo "VM_TREE=$(quote "$(guest_path "$tree")")"
	echo "VM_SCRIPT=$(quote "$(guest_path "$script")")"
}

kver=$(newest_kernel)
[ -n "$kver" ] || bail "no /boot/vmlinuz-*-amd64 that has its modules: make test-deps"
command -v qemu-system-x86_64 >/dev/null || bail "no qemu-system-x86_64: make test-deps"
initrd=$O/vm/initrd-$kver.gz
rm -rf "$out"
mkdir -p "$out"
if [ ! -e "$initrd" ] || [ "$here/mkinitrd.sh" -nt "$initrd" ]; then
	"$here/mkinitrd.sh" "$kver" "$initrd"
fi
write_env >"$out/env"

# The console and the test's output are two serial ports: kernel messages never
# land in the middle of a TAP line. What is always at the same addresses QEMU has to
# translate only once: without norandmaps a program takes twice as long to start. A disk
# is looked at when it comes, not a second later. On a machine that has much to do the
# kernel's test of its timer fails.
fifo=$out/.tap
mkfifo "$fifo"
: >"$out/console.log"
timeout -k 5 $((limit + BOOT)) qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$cpus" -m 2048 \
	-nodefaults -no-user-config -display none -nic none -no-reboot \
	-kernel "/boot/vmlinuz-$kver" -initrd "$initrd" \
	-append "console=ttyS0 loglevel=5 panic=-1 net.ifnames=0 norandmaps no_timer_check usb_storage.delay_use=0" \
	-serial "file:$out/console.log" \
	-chardev stdio,id=tap,signal=off -serial chardev:tap \
	-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
	-virtfs "local,path=$out,mount_tag=results,security_model=none" \
	${VM_QEMU:-} \
	</dev/null >"$fifo" 2>"$out/qemu.log" &
qemu=$!
trap 'kill "$qemu" 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM HUP

if [ -n "${VM_VERBOSE:-}" ]; then
	tail -f --pid "$qemu" "$out/console.log" | sed -u 's/^/# console: /; s/\r$//' &
fi
# Lines that are no TAP become comments. In the background, so that a signal to
# this script ends the guest at once.
sed -u 's/\r$//; /^\(ok\|not ok\|1\.\.\|#\|Bail out!\)/!s/^/# /' "$fifo" &
filter=$!
rc=0
wait "$qemu" || rc=$?
trap - EXIT
wait "$filter" || :
rm -f "$fifo"

show() {
	say "$1; end of $out/console.log:"
	{ cat "$out/qemu.log"; tail -n 25 "$out/console.log"; } | sed 's/\r$//; s/^/#   /'
}

if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
	show "guest not done after $((limit + BOOT)) s"
	bail "$name: timeout"
elif [ ! -e "$out/exit" ]; then
	show "qemu ended with $rc"
	bail "$name: the guest died"
fi
rc=$(cat "$out/exit")
[ "$rc" = 0 ] || show "$name ended with $rc"
exit "$rc"
