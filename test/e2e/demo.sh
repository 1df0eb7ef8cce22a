#!/bin/sh
# demo.sh [BIN]: shows usbp2p at work on this machine alone. No USB hardware and no
# root privileges: the device is a disk image, both peers are processes here, every
# packet stays on 127.0.0.1. It ends with an error at the first thing that is wrong.
set -eu
USBP2P=${1:-build/usbp2p}
. "${0%/*}/lib.sh"

vhci=/sys/devices/platform/vhci_hcd.0
image=$work/stick.img

say() {
	echo
	fold -s -w 68 <<-END | sed 's/^/== /; s/ $//'
		$*
	END
}

wrong() {
	printf '\nWRONG: %s\n' "$*" >&2
	[ ! -s "$work/err" ] || sed 's/^/   /' "$work/err" >&2
	[ ! -s "$work/lab.log" ] || tail -n 15 "$work/lab.log" | sed 's/^/   serve: /' >&2
	exit 1
}

# peer NAME WORDS...: shows what this peer types, runs it, shows what came.
peer() {
	name=$1
	shift
	echo "   $name\$ usbp2p $*" | cut -c 1-72
	try "$BIN" -s "$work/$name" "$@"
	[ "$rc" = 0 ] || wrong "usbp2p $1 ended with exit code $rc"
	fold -s -w 66 "$work/out" | sed 's/^/     /'
}

# An attach in the background is no child of ours, but it is ours to end.
leave() {
	try "$BIN" -s "$work/anna" detach --all
}

attached_disk() {
	for b in /sys/block/sd*; do
		case $(readlink -f "$b") in
		*/vhci_hcd.*/"$1"/*) [ "$(cat "$b/size")" = 32768 ] && echo "${b##*/}" ;;
		esac
	done | grep .
}

attach_for_real() {
	say "The kernel of this machine can be given remote USB devices:" \
		"anna attaches the stick, and the kernel finds a disk."
	trap 'leave; at_end' EXIT
	peer anna attach lab v-1 --background
	busid=$(sed -n 's/.* as=\([^ ]*\) .*/\1/p' "$work/out")
	wait_for 20 attached_disk "$busid" || wrong "the kernel has no disk at $busid"
	disk=/dev/$(attached_disk "$busid")
	echo "   cmp $disk ${image##*/}"
	cmp "$disk" "$image" || wrong "the disk is not the file"
	echo "     the kernel reads the same 16 MiB"
	peer anna detach v-1
}

say "This shows usbp2p with two peers on one machine. \"lab\" has a USB stick" \
	"(a file of 16 MiB of random bytes), \"anna\" wants to use it. Each has" \
	"a directory (-s DIR, left out below) and so an identity of its own."
head -c 16777216 /dev/urandom >"$image"
sum=$(sha256sum "$image" | cut -c 1-64)
echo "   SHA-256 of the file: $(echo "$sum" | cut -c 1-32)..."

say "lab shares the stick; nobody may use it yet."
echo "   lab\$ usbp2p -o serve.name=lab serve \\"
echo "         --listen 127.0.0.1:0 --virtual disk:stick.img"
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$image" || wrong "serve did not start"
peer lab status

say "lab invites anna: a ticket that lets one peer in, once."
peer lab invite --name anna
ticket=$(cat "$work/out")

say "anna uses the ticket. The two find each other with ICE, encrypt with" \
	"DTLS, and anna reads the stick's descriptors and every byte of it."
peer anna bench "$ticket" v-1
bench=$work/bench
cp "$work/out" "$bench"
grep -q 'path .*127\.0\.0\.1.* -> .*127\.0\.0\.1' "$bench" || wrong "no ICE path is shown"
grep -q '^device v-1: 1d6b:0104 ' "$bench" || wrong "no descriptors are shown"
grep -q 'endpoint .* IN, bulk' "$bench" || wrong "no endpoint is shown"
grep -q '^disk: 16777216 bytes ' "$bench" || wrong "the disk was not read completely"
grep -q "SHA-256 $sum\$" "$bench" || wrong "other bytes came than are in the file"
echo "   The SHA-256 is the file's: all bytes came, none has changed."

say "anna knows lab by name from now on; the ticket is used up."
peer anna list lab
grep -q '^v-1 ' "$work/out" || wrong "the stick is not listed"

say "A stranger with the same ticket is turned away."
echo "   eve\$ usbp2p list usbp2p:..."
try "$BIN" -s "$work/eve" list "$ticket"
[ "$rc" = 3 ] || wrong "eve was not refused (exit code $rc)"
sed 's/^/     /' "$work/err" | fold -s -w 70

if [ -e "$vhci" ] && [ "$(id -u)" = 0 ]; then
	attach_for_real
else
	say "Not shown here: giving the stick to the kernel, so that it is" \
		"a disk like any other (usbp2p attach lab v-1). That needs root" \
		"and the kernel module vhci_hcd (modprobe vhci_hcd)." \
		"\"make check\" shows it in a guest with a kernel of its own."
fi

say "lab goes home."
end_serve "$served" || wrong "serve ended with exit code $?"
say "Everything was as it should be."
