#!/bin/sh
# The stock programs with the real kernel: `usbip attach` takes a virtual disk from
# `serve --usbip`, and from `attach --via usbip=`; `attach usbip://` takes a stick from
# usbipd, and a virtual disk from `serve --usbip`. tshark reads along.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 1200 "$0"
. test/vm/lib.sh

ID=1d6b:0104
VHCI=/sys/devices/platform/vhci_hcd.0
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"

serve_status() {
	$S status --json | jq -r ".running[0].devices[0].$1"
}

ports_free() {
	! cat $VHCI/status $VHCI/status.* 2>/dev/null |
		awk '$3 ~ /^[0-9]+$/ && $3 != "004"' | grep -q .
}

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

gone() {
	! grep -qs '^State:.*[^Z] (' "/proc/$1/status"
}

end_serve() {
	kill -TERM "$SERVE"
	wait_for 10 gone "$SERVE" || kill -9 "$SERVE"
	wait "$SERVE"
	is "serve ends in order" "$?" 0
}

# The port that usbip has used.
usbip_port() {
	usbip port 2>/dev/null | sed -n 's/^Port \([0-9]*\):.*/\1/p'
}

# capture NAME, captured NAME: what goes over port 3240 meanwhile; and tshark's judgement.
# A packet to another port shows that all before it are in the file.
capture() {
	tcpdump -i lo -U -s 0 -B 65536 -w "/tmp/$1.pcap" \
		port 3240 or port 9 2>/tmp/tcpdump.log &
	TCPDUMP=$!
	wait_for 10 grep -q "listening on" /tmp/tcpdump.log
}

all_is_written() {
	perl -MIO::Socket::INET -e 'IO::Socket::INET->new("127.0.0.1:9")'
	tcpdump -n -r "/tmp/$1.pcap" port 9 | grep -q .
}

# shark NAME WORD...: tshark (which takes long to start here) reads it
shark() {
	shark_file=/tmp/$1.pcap
	shift
	tshark -d tcp.port==3240,usbip -r "$shark_file" "$@" 2>/dev/null
}

# count COLUMN VALUE: how often in /tmp/fields, which may be more than once in a frame
count() {
	cut -f "$1" /tmp/fields | tr ',' '\n' | grep -c "$2"
}

captured() {
	check "$1: everything is in the capture" wait_for 10 all_is_written "$1"
	kill -INT "$TCPDUMP"
	wait "$TCPDUMP"
	is "$1: packets that tcpdump has lost" \
		"$(sed -n 's/ packets dropped by kernel//p' /tmp/tcpdump.log)" 0
	shark "$1" -T fields -e _ws.malformed -e usbip.urb -e usbms.dCBWSignature \
		-e usbms.dCSWStatus >/tmp/fields
	is "$1: malformed for tshark" "$(cut -f 1 /tmp/fields | grep -c .)" 0
	submits=$(count 2 0x00000001)
	[ "$submits" -gt 300 ]
	ok "$1: tshark sees $submits requests" || note </tmp/tcpdump.log
	is "$1: and as many replies" "$(count 2 0x00000003)" "$submits"
	is "$1: it has a SCSI status for each command" "$(count 4 .)" "$(count 3 .)" ||
		shark "$1" -Y "usbip or tcp.flags.fin==1" | tail -n 30 | note
}

must "modules" usb_start 1
modprobe -a usbip-core usbip-host
image /tmp/disk.img 16
cp /tmp/disk.img /tmp/before.img

# --- stock usbip attach from serve --usbip ---
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img --usbip 2>/tmp/serve.log &
SERVE=$!
must "serve" wait_for 10 $S status
capture stock-serve
check "usbip list" sh -c "usbip list -r 127.0.0.1 | grep -q 'v-1: .*$ID'"
must "usbip attach" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has the disk" wait_for 20 attached_disk
D=/dev/$(attached_disk)
check "the whole disk is equal" cmp "$D" /tmp/before.img
is "the holder" "$(serve_status holder)" "usbip 127.0.0.1"
usbip attach -r 127.0.0.1 -b v-1 >/tmp/second.out 2>&1
[ $? != 0 ] && grep -q "busy\|Busy\|already in use\|in use" /tmp/second.out
ok "a second one is told that it is busy" || note </tmp/second.out
usbip list -r 127.0.0.1 2>&1 | grep -q v-1
is "and does not see it" "$?" 1
check "write" dd if=/tmp/before.img of="$D" bs=1M seek=4 count=4 oflag=direct
check "usbip detach" usbip detach -p "$(usbip_port)"
captured stock-serve
check "the port is free" wait_for 5 ports_free
check "the device is free" wait_for 5 sh -c "$S status --json | grep -q '\"state\":\"free\"'"
cp /tmp/before.img /tmp/want.img
dd if=/tmp/before.img of=/tmp/want.img bs=1M seek=4 count=4 conv=notrunc 2>/dev/null
check "what was written is there" cmp /tmp/disk.img /tmp/want.img
must "usbip attach again" usbip attach -r 127.0.0.1 -b v-1
must "its disk is there" wait_for 20 attached_disk
end_serve
check "the port is free then" wait_for 5 ports_free

# --- stock usbip attach from attach --via usbip= ---
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img 2>>/tmp/serve.log &
SERVE=$!
must "serve again" wait_for 10 $S status
$C attach "$($S invite --name anna)" v-1 --as lab --via usbip >/tmp/via.out 2>/tmp/via.log &
VIA=$!
must "a device is offered" wait_for 10 grep -q "v-1 offered at=127.0.0.1:3240" /tmp/via.out
is "nobody has it" "$(serve_status state)" free
capture stock-via
must "usbip attach via us" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has that disk" wait_for 20 attached_disk
D=/dev/$(attached_disk)
check "the whole disk is equal via us" cmp "$D" /tmp/want.img
is "the holder is the peer" "$(serve_status holder)" anna
is "state of attach" "$($C status --json | jq -r '.running[0].devices[0].state')" attached
usbip attach -r 127.0.0.1 -b v-1 >/tmp/second.out 2>&1
is "a second client gets nothing" "$?" 1
check "usbip detach" usbip detach -p "$(usbip_port)"
captured stock-via
check "the port is free again" wait_for 5 ports_free
check "and the device at the server" wait_for 5 sh -c "$S status --json | grep -q '\"state\":\"free\"'"
must "usbip attach via us again" usbip attach -r 127.0.0.1 -b v-1
must "the kernel has that disk again" wait_for 20 attached_disk
kill -TERM "$VIA"
wait_for 10 gone "$VIA" || kill -9 "$VIA"
wait "$VIA"
is "attach ends in order" "$?" 0
check "and the port is free" wait_for 5 ports_free
end_serve

# --- attach usbip:// from stock usbipd ---
# start_attach STATE URI WORD...
start_attach() {
	D_ATTACH="$BIN -s /tmp/$1"
	shift
	$D_ATTACH attach "$@" >/tmp/stock.out 2>/tmp/stock.log &
	ATTACH=$!
}

# end_attach "text" CODE: it ends by itself.
end_attach() {
	wait_for 20 gone "$ATTACH" || kill -9 "$ATTACH"
	wait "$ATTACH"
	is "$1" "$?" "$2"
}

image /tmp/stick.img 8
cp /tmp/stick.img /tmp/before.img
must "a stick" gadget_disk stick $ID /tmp/stick.img
must "the kernel sees it" wait_for 20 busids $ID
B=$(busids $ID)
must "usbip bind" usbip bind -b "$B"
usbipd >/tmp/usbipd.log 2>&1 &
USBIPD=$!
must "usbipd has it" wait_for 20 sh -c "usbip list -r 127.0.0.1 | grep -q '$B: .*$ID'"
check "our list of it" sh -c "$C list usbip://127.0.0.1 | grep -q '^$B  *$ID'"
capture ours-usbipd
start_attach C "usbip://127.0.0.1/$B"
must "attach usbip://" wait_for 30 grep -q "^$B attached port=" /tmp/stock.out
grep -q "^$B attached port=[0-9]* as=[0-9.-]* id=$ID usbp2p tests Disk stick$" /tmp/stock.out
ok "its line" || note </tmp/stock.out
must "the kernel has the stick" wait_for 30 attached_disk
DISK=/dev/$(attached_disk)
check "the whole stick is equal" cmp "$DISK" /tmp/before.img
$C status --json >/tmp/status.json
is "status" "$(jq -r '.running[0] | .peer, .usbip_server, .devices[0].busid,
	.devices[0].state, .devices[0].class, .devices[0].serial' /tmp/status.json | tr '\n' ' ')" \
	"127.0.0.1:3240 127.0.0.1:3240 $B attached storage serial-stick "
check "write" dd if=/tmp/before.img of="$DISK" bs=1M seek=4 count=2 oflag=direct
cp /tmp/before.img /tmp/want.img
dd if=/tmp/before.img of=/tmp/want.img bs=1M seek=4 count=2 conv=notrunc 2>/dev/null
check "what was written can be read" cmp "$DISK" /tmp/want.img
$BIN -s /tmp/E attach "usbip://127.0.0.1/$B" >/tmp/second.out 2>&1
is "a second attach: busy" "$?" 5
$BIN -s /tmp/C attach "usbip://127.0.0.1/$B" >/tmp/second.out 2>&1
is "the same one again: attached already" "$?" 5
check "detach" $C detach "usbip://127.0.0.1/$B"
end_attach "attach ends" 0
captured ours-usbipd
check "the port is free after detach" wait_for 5 ports_free
check "what was written is on the stick" cmp /tmp/stick.img /tmp/want.img
check "the server has it back" wait_for 10 sh -c "[ \$(cat /sys/bus/usb/devices/$B/usbip_status) = 1 ]"
check "attach --background" $BIN -s /tmp/C attach --background "usbip://127.0.0.1/$B"
check "its stick is there" wait_for 30 attached_disk
check "detach by port" $C detach "port:$($C status --json | jq .running[0].devices[0].port)"
check "the port is free once more" wait_for 5 ports_free

# the server takes it away
check "back again" wait_for 10 sh -c "[ \$(cat /sys/bus/usb/devices/$B/usbip_status) = 1 ]"
start_attach C "usbip://127.0.0.1/$B"
must "attach a third time" wait_for 30 grep -q "^$B attached" /tmp/stock.out
must "the kernel has the stick again" wait_for 30 attached_disk
usbip unbind -b "$B" >/dev/null 2>&1 &
end_attach "taken away: exit code" 6
check "taken away: the port is free" wait_for 5 ports_free
grep -q "closed by the peer" /tmp/stock.log
ok "taken away: it says so" || note </tmp/stock.log
wait $!
$BIN -s /tmp/E attach "usbip://127.0.0.1/$B" >/tmp/second.out 2>&1
is "not shared: exit code" "$?" 4
kill "$USBIPD"
wait "$USBIPD"
$BIN -s /tmp/E attach "usbip://127.0.0.1/$B" >/tmp/second.out 2>&1
is "no server: exit code" "$?" 6

# --- attach usbip:// from serve --usbip ---
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img --virtual disk:/tmp/before.img,ro \
	--usbip 2>>/tmp/serve.log &
SERVE=$!
must "serve a third time" wait_for 10 $S status
cp /tmp/disk.img /tmp/want.img
start_attach C usbip://127.0.0.1/v-1 v-2
must "attach two" wait_for 30 sh -c 'grep -q "^v-1 attached" /tmp/stock.out && grep -q "^v-2 attached" /tmp/stock.out'
is "both held" "$($S status --json | jq -r '.running[0].devices[].holder // empty' | tr '\n' ' ')" \
	"usbip 127.0.0.1 usbip 127.0.0.1 "
check "detach the second" $C detach 127.0.0.1:3240/v-2
must "the kernel has that disk too" wait_for 30 attached_disk
check "the whole disk is equal to ours" cmp "/dev/$(attached_disk)" /tmp/want.img
kill -9 "$SERVE"
end_attach "server killed: exit code" 6
check "server killed: the port is free" wait_for 5 ports_free

# the way to the server is lost
must "modules for losing packets" modprobe -a nf_tables
lose() {
	nft "add table ip lost; add chain ip lost in { type filter hook input priority 0; }
		add rule ip lost in tcp sport 3240 drop; add rule ip lost in tcp dport 3240 drop"
}
$S serve --listen 127.0.0.1:0 --virtual disk:/tmp/disk.img --usbip 2>>/tmp/serve.log &
SERVE=$!
must "serve a fourth time" wait_for 10 $S status
for how in idle detach; do
	start_attach C usbip://127.0.0.1/v-1
	must "$how: attach" wait_for 30 grep -q "^v-1 attached" /tmp/stock.out
	must "$how: the disk" wait_for 30 attached_disk
	must "$how: the way is lost" lose
	begun=$(now_ms)
	if [ $how = idle ]; then
		end_attach "$how: exit code" 6
		in_time "$how: noticed" $(($(now_ms) - begun)) 17000
	else
		check "$how: it works all the same" $C detach v-1
		in_time "$how: and does not wait for a dead server" $(($(now_ms) - begun)) 2000
		end_attach "$how: attach ends" 0
	fi
	check "$how: the port is free" wait_for 5 ports_free
	nft "delete table ip lost"
	check "$how: the server has noticed" wait_for 20 sh -c "$S status --json | grep -q '\"state\":\"free\"'"
done
end_serve
dmesg | grep -q "hung task\|BUG:\|Oops"
is "the kernel is well" "$?" 1

cp /tmp/stock.log /results/
cp /tmp/serve.log /tmp/via.log /results/
dmesg >/results/dmesg
finish
