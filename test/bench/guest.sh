#!/bin/sh
# A disk over usbp2p, over the kernel's USB/IP by plain TCP, and over the kernel's USB/IP
# through WireGuard: one stick (a gadget on dummy_hcd), one boot, turn by turn; medians
# of the rounds. Prints rows as run.sh wants them, notes go to stderr. O and BIN as of
# test/vm/run.sh; TEST_ROUNDS, TEST_MIB (of one read or write), TEST_WHO: whose turn.

# figure FILE NAME COLUMN: the median (2 attach ms, 3 read MB/s, 4 write MB/s)
figure() {
	awk -v who="$2" -v k="$3" '$1 == who { print $k }' "$1" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# against FILE WHAT OURS THEIRS COLUMN: how we are beside the tunnel, and beside nothing
against() {
	grep -q "^$3 " "$1" && grep -q "^$4 " "$1" || return 0
	awk -v what="$2" -v name="$3" -v a="$(figure "$1" "$3" "$5")" \
		-v b="$(figure "$1" "$4" "$5")" -v c="$(figure "$1" tcp "$5")" 'BEGIN {
		printf "| %s | `guest.sh`: %s | %.2f MB/s, %.2f times | >= 1 times |", what, name, a, a / b
		printf " USB/IP of the kernel over WireGuard %.2f MB/s, over plain TCP %.2f MB/s (%.2f times) |\n",
			b, c, a / c }'
}

rows() {
	against "$1" "disk read in a guest, 0 ms" usbp2p wg 3
	against "$1" "disk write" usbp2p wg 4
	against "$1" "disk read, jumbo packets" usbp2p-jumbo wg-jumbo 3
	against "$1" "disk write, jumbo packets" usbp2p-jumbo wg-jumbo 4
	for cipher in aes128 chacha20; do
		grep -q "^$cipher " "$1" || continue
		echo "| disk with $cipher | \`guest.sh\`: usbp2p -o link.cipher=$cipher |" \
			"read $(figure "$1" $cipher 3) MB/s, write $(figure "$1" $cipher 4) MB/s | | |"
	done
	awk -v a="$(figure "$1" usbp2p 2)" -v b="$(figure "$1" tcp 2)" 'BEGIN {
		printf "| attach until the device is configured | `guest.sh` | %d ms, %.2f times | <= 1.5 times |", a, a / b
		printf " usbip attach %d ms |\n", b }'
}

if [ -z "${VM_GUEST:-}" ]; then
	tree=$(readlink -f "${0%/*}/../..")
	O=$(readlink -m "${O:-build}")
	export O
	"$tree/test/vm/run.sh" -c 2 -t "${GUEST_SECONDS:-1800}" "$0" >&2 || exit
	rows "$O/vm/guest/figures"
	exit
fi
. test/vm/lib.sh

ID=1d6b:0104
MIB=${TEST_MIB:-8}
ROUNDS=${TEST_ROUNDS:-3}
WHO=${TEST_WHO:-tcp wg usbp2p wg-jumbo usbp2p-jumbo aes128 chacha20}
S="$BIN -s /tmp/S"

say() {
	echo "# $*"
}

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

nothing_attached() {
	! busids $ID vhci
}

driver_back() {
	[ "$(driver_of "$DEV")" = usb-storage ] && disk_ready "$DEV"
}

# wireguard MTU: a tunnel from 10.78.0.1 here to 10.78.0.2 in C, through the veth pair.
wireguard() {
	umask 077
	wg genkey >/tmp/wg.s && wg genkey >/tmp/wg.c &&
		ip link add wgS type wireguard && ip -n C link add wgC type wireguard &&
		wg set wgS private-key /tmp/wg.s listen-port 51820 \
			peer "$(wg pubkey </tmp/wg.c)" allowed-ips 10.78.0.2/32 \
			endpoint 10.77.0.2:51820 &&
		ip netns exec C wg set wgC private-key /tmp/wg.c listen-port 51820 \
			peer "$(wg pubkey </tmp/wg.s)" allowed-ips 10.78.0.1/32 \
			endpoint 10.77.0.1:51820 &&
		ip addr add 10.78.0.1/24 dev wgS && ip -n C addr add 10.78.0.2/24 dev wgC
}

# wires MTU: of the veth pair, and of what is inside it
wires() {
	ip link set vS mtu "$1" && ip -n C link set vC mtu "$1" &&
		ip link set wgS mtu $(($1 - 80)) && ip -n C link set wgC mtu $(($1 - 80))
}

# tunnel up|down: usbp2p offers all addresses of a machine, and must not go through it
tunnel() {
	ip link set wgS "$1" && ip -n C link set wgC "$1"
}

# started FILE CMD...: runs CMD in C and leaves the moment before in FILE.
started() {
	ip netns exec C perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e '
		open(my $f, ">", shift) or die;
		print $f clock_gettime(CLOCK_MONOTONIC);
		close $f;
		exec @ARGV or die' "$@"
}

# The moment at which a device on vhci was configured: its interface is there.
configured_at() {
	sed -n 's|^KERNEL\[\([0-9.]*\)\] add .*/vhci_hcd.*/[0-9.-]*:1\.0 (usb)$|\1|p' \
		/tmp/monitor | head -n 1
}

is_configured() {
	[ -n "$(configured_at)" ]
}

# attach_time CMD...: milliseconds until the device is configured
attach_time() {
	udevadm monitor -k -s usb >/tmp/monitor &
	monitor=$!
	wait_for 10 grep -q '^KERNEL - ' /tmp/monitor
	started /tmp/t0 "$@" >/tmp/attach.out 2>&1 || return
	wait_for 30 is_configured || return
	kill "$monitor"
	wait "$monitor"
	echo "$(cat /tmp/t0) $(configured_at)" | awk '{ printf "%d\n", ($2 - $1) * 1000 }'
}

# dd_rate DD-ARGUMENT...: MB/s
dd_rate() {
	LC_ALL=C dd "$@" bs=1M count="$MIB" 2>/tmp/dd.out || return
	awk '/copied/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^s,?$/) s = $i
		printf "%.2f\n", $1 / s / 1e6 }' /tmp/dd.out
}

# measure NAME ATTACH-MS: reads and writes what is attached, and keeps the figures.
measure() {
	wait_for 60 attached_disk || return
	disk=/dev/$(attached_disk)
	read_mb=$(dd_rate if="$disk" of=/dev/null iflag=direct) &&
		write_mb=$(dd_rate if=/tmp/data of="$disk" oflag=direct) || return
	say "$1: attach $2 ms, read $read_mb, write $write_mb MB/s"
	echo "$1 $2 $read_mb $write_mb" >>/tmp/figures
}

# stock NAME ADDRESS
stock() {
	usbip bind -b "$DEV" >/dev/null 2>&1 &&
		wait_for 20 sh -c "ip netns exec C usbip list -r $2 2>&1 | grep -q '$DEV: .*$ID'" &&
		ms=$(attach_time usbip attach -r "$2" -b "$DEV") && measure "$1" "$ms" &&
		ip netns exec C usbip detach -p 0 >/dev/null 2>&1 &&
		wait_for 20 nothing_attached && usbip unbind -b "$DEV" >/dev/null 2>&1 &&
		wait_for 20 driver_back
}

# ours NAME OPTION...
ours() {
	name=$1
	shift
	$S "$@" serve --listen 10.77.0.1:13240 >>/tmp/serve.log 2>&1 &
	serve=$!
	wait_for 20 $S status && ms=$(attach_time "$BIN" -s /tmp/C "$@" attach lab "$DEV" --background) &&
		measure "$name" "$ms" && ip netns exec C "$BIN" -s /tmp/C detach --all &&
		wait_for 20 nothing_attached && kill "$serve" && wait "$serve" &&
		wait_for 20 driver_back
}

must "modules" usb_start 1
must "more of them" modprobe -a usbip-core usbip-host wireguard
must "udevd" udev_start
head -c 33554432 /dev/zero >/tmp/gadget.img
head -c "$((MIB << 20))" /dev/urandom >/tmp/data
must "a stick" gadget_disk stick $ID /tmp/gadget.img
must "the kernel has it" wait_for 20 busids $ID
DEV=$(busids $ID)
must "and its driver" wait_for 20 driver_back
must "two machines" net_start
must "a tunnel" wireguard
must "usbipd" usbipd -D
must "bind" $S bind "$DEV"
$S -o serve.name=lab serve --listen 10.77.0.1:13240 >>/tmp/serve.log 2>&1 &
serve=$!
must "serve" wait_for 20 $S status
must "they know one another" ip netns exec C "$BIN" -s /tmp/C list "$($S invite --name anna)" --as lab
kill "$serve"
wait "$serve"

# contender NAME: one turn of it
contender() {
	case $1 in
	*-jumbo) wires 9000 ;;
	*) wires 1500 ;;
	esac || return
	case $1 in
	wg*) tunnel up ;;
	*) tunnel down ;;
	esac || return
	case $1 in
	tcp*) stock "$1" 10.77.0.1 ;;
	wg*) stock "$1" 10.78.0.1 ;;
	aes128 | chacha20) ours "$1" -o "link.cipher=$1" ;;
	*) ours "$1" ;;
	esac
}

: >/tmp/figures
for round in $(seq "$ROUNDS"); do
	for who in $WHO; do
		must "round $round: $who" contender "$who"
		tail -n 1 /tmp/figures | note
	done
done
cp /tmp/figures /results/
dmesg >/results/dmesg
finish
