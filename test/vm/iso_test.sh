#!/bin/sh
# Isochronous transfers with the kernel: the device `loop` under libusb and under
# usbtest; the attached one served again by a second serve, so that libusb's own
# isochronous transfers are under test; and QEMU's sound device on an emulated xHCI.
#	ISO_SECONDS	of the long stream; 20 unless told
[ -n "$VM_GUEST" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/vm/isoread" \
		"${O:-build}/test/usb/host_iso_test" >&2 || exit
	VM_ISO_SECONDS=${ISO_SECONDS:-20}
	VM_QEMU="-device qemu-xhci -audiodev none,id=none -device usb-audio,audiodev=none"
	export VM_ISO_SECONDS VM_QEMU
	exec "${0%/*}/run.sh" -t $((600 + VM_ISO_SECONDS * 3)) "$0"
}
. test/vm/lib.sh

LOOP=0525:a4a0 SOUND=46f4:0002
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"
S2="$BIN -s /tmp/S2 -o serve.attached=yes"
C2="$BIN -s /tmp/C2"

# serving COMMAND OPTION...: starts it, SERVE is its process.
serving() {
	"$@" >>/tmp/serve.log 2>&1 </dev/null &
	SERVE=$!
}

# attached COMMAND TICKET DEVICE: waits until it is there, on vhci, beside what was.
attached() {
	busids $LOOP vhci >/tmp/were
	$1 attach "$2" "$3" --as lab --background >>/tmp/attach.log 2>&1 || return
	wait_for 20 new_loop
}

again() {
	busids $LOOP vhci >/tmp/were
	$1 attach lab "$2" --background >>/tmp/attach.log 2>&1 || return
	wait_for 20 new_loop
}

# The bus id that was not there before; its interface is configured.
new_loop() {
	for d in $(busids $LOOP vhci); do
		grep -qx "$d" /tmp/were && continue
		[ -e "/sys/bus/usb/devices/$d:1.0" ] && echo "$d" && return
	done
	return 1
}

attr() {
	cat "/sys/bus/usb/devices/$1/$2"
}

# stream BUSID INTERFACE ALTERNATE ENDPOINT SIZE URBS PACKETS SECONDS
stream() {
	stream_of=$1
	shift
	timeout $(($7 + 60)) "$O/test/vm/isoread" "$(attr "$stream_of" busnum)" "$(attr "$stream_of" devnum)" \
		"$@" >/tmp/stream 2>&1
	stream_rc=$?
	note </tmp/stream
	return $stream_rc
}

# usbtest BUSID NUMBER PACKETS: urbs of so many packets
usbtest() {
	perl -e '
		my ($node, $number, $length) = @ARGV;
		open(my $f, "+<", $node) or die "$node: $!\n";
		my $param = pack("L5 l2", $number, 5, $length, 512, 4, 0, 0);
		my $call = pack("i L P", 0, 0xc01c5564, $param); # USBTEST_REQUEST_32
		ioctl($f, 0xc0105512, $call) or die "test $number: $!\n"; # USBDEVFS_IOCTL' \
		"$(printf /dev/bus/usb/%03d/%03d "$(attr "$1" busnum)" "$(attr "$1" devnum)")" \
		"$2" $(($3 * 256))
}

# Those that usbtest runs with gadget zero, which loop is like.
usbtests() {
	wait_for 10 sh -c "readlink /sys/bus/usb/devices/$1:1.0/driver | grep -q usbtest"
	ok "usbtest has $2"
	for n in 15 16 22 23; do
		for packets in 8 160; do
			check "usbtest $n, $packets packets an urb: $2" \
				usbtest "$1" "$n" "$packets" || dmesg | tail -n 5 | note
		done
	done
}

must "modules" modprobe -a vhci_hcd xhci_pci
must "usbtest module" modprobe usbtest pattern=1 alt=2
must "udevd" udev_start

# --- one hop ---
serving $S serve --listen 127.0.0.1:13240 $(printf -- "--virtual loop:$LOOP %.0s" $(seq 15))
must "serve" wait_for 10 $S status
must "attach" attached "$C" "$($S invite --name anna)" v-1
A=$(new_loop)
stream "$A" 0 2 0x87 256 32 64 "$VM_ISO_SECONDS"
ok "no gap in $VM_ISO_SECONDS s"
stream "$A" 0 2 0x08 256 32 64 $((VM_ISO_SECONDS / 2))
ok "nothing wrong in $((VM_ISO_SECONDS / 2)) s to the device"
$C status --json >/tmp/status && $S status --json >>/tmp/status
note </tmp/status
datagrams() {
	jq -e -s "[.[].running[] | $1 | .datagrams] | length == 1 and all($2)" /tmp/status
}
check "its data went as datagrams" datagrams 'select(.kind == "attach")' \
	'.sent > 100 and .received > 1000 and .late == 0 and .broken == 0 and .expired == 0'
check "as the server says" datagrams '.peers[]?' \
	'.sent > 1000 and .received > 100 and .lost == 0 and .broken == 0'
usbtests "$A" "attached"
for n in 14 21 25; do
	check "usbtest $n" usbtest "$A" "$n" 4 || dmesg | tail -n 5 | note
done

# --- libusb with what is attached, and with a host controller ---
must "the sound device" wait_for 20 busids $SOUND
TEST_LOOP=$A TEST_AUDIO=$(busids $SOUND)
TEST_LEAVE="$C detach v-1"
export TEST_LOOP TEST_LEAVE TEST_AUDIO
"$O/test/usb/host_iso_test" >/tmp/out 2>&1
ok "usb/host"
note </tmp/out

# --- two hops ---
must "attach again" again "$C" v-1
A=$(new_loop)
$S bind "$A" 2>&1 | grep -q "no such device"
ok "what is attached is not shared"
$S list --json 2>/dev/null | jq -r '.devices[].busid' | grep -qx "$A"
is "nor listed" "$?" 1
must "bind it" $S2 bind "$A"
is "and list it" "$($S2 list --json 2>/dev/null | jq -r ".devices[] | select(.busid == \"$A\") | .state")" bound
serving $S2 serve --listen 127.0.0.1:13241
must "a second serve" wait_for 10 $S2 status
must "bind the sound device" $S2 bind "$(busids $SOUND)"
TICKET=$($S2 invite --name otto)
# A controller of vhci has 15 ports. While the kernel waits for one device to change
# its setting, no other of that controller can: the second hop has to be on another.
check "fill the controller" $C attach lab $(seq -f v-%g 2 15) --background
check "it is full" wait_for 60 sh -c '. test/vm/lib.sh; [ "$(busids 0525:a4a0 vhci | wc -l)" = 15 ]'
must "attach from it" attached "$C2" "$TICKET" "$A"
B=$(new_loop)
note <<-X
	first $(readlink -f "/sys/bus/usb/devices/$A"), second $(readlink -f "/sys/bus/usb/devices/$B")
X
is "the first is with libusb" "$(driver_of "$A")" usbfs
stream "$B" 0 2 0x87 256 32 64 10
ok "no gap in 10 s through two hops"
stream "$B" 0 2 0x08 256 32 64 10
ok "nothing wrong in 10 s to the device through two hops"
stream "$B" 0 2 0x87 256 12 160 10
ok "no gap with 160 packets a transfer"
stream "$B" 0 2 0x08 256 12 160 10
ok "nothing wrong with 160 packets a transfer"
usbtests "$B" "through two hops"
must "detach" $C2 detach "$A"

# --- sound ---
check "attach the sound device" $C2 attach lab "$(busids $SOUND)" --background
check "it is there" wait_for 20 busids $SOUND vhci
X=$(busids $SOUND vhci)
stream "$X" 1 1 0x01 192 8 16 10
ok "10 s of silence"

# --- the end ---
check "detach --all there" $C2 detach --all
check "detach --all" $C detach --all
grep -iE 'warn|error' /tmp/serve.log
is "nothing was reported" "$?" 1
cp /tmp/serve.log /tmp/attach.log /results/
dmesg >/results/dmesg
finish
