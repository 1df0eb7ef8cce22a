#!/bin/sh
# The second door: serve --usbip and attach --via usbip=, as the stock usbip tool and
# our own list see them.
# And attach usbip://, from our own server and from bad ones.
# What needs a kernel's vhci_hcd is in test/vm/stock_test.sh.
. test/e2e/lib.sh
PATH=$PATH:/usr/sbin:/sbin

random_image one.img 1
random_image two.img 1
start_serve lab --virtual "disk:$work/one.img" --virtual "disk:$work/two.img,ro" \
	--usbip=127.0.0.1:0 || bail "serve does not start"
lab=$served
where=$(sed -n 's/.*plain USB\/IP at=\([^ ]*\) .*/\1/p' "$work/lab.log")
port=${where#127.0.0.1:}
[ "$port" -gt 0 ]
ok "it listens: $where" || bail "no address in the log"
has "it says what that means" "$work/lab.log" 'reason="no encryption, and whoever'
try "$BIN" -s "$work/lab" status --json
has "status names the address" "$work/out" "\"usbip\":\"$where\""

# --- the stock tool ---

if command -v usbip >/dev/null; then
	try usbip --tcp-port "$port" list -r 127.0.0.1
	is "usbip list" "$rc" 0
	for w in "v-1: " "v-2: " "(1d6b:0104)" "Mass Storage / SCSI / Bulk-Only (08/06/50)"; do
		has "usbip list: $w" "$work/out" "$w"
	done
	is "usbip list: two devices" "$(grep -c '1d6b:0104' "$work/out")" 2
else
	skip "the stock usbip tool" "it is not installed"
fi

# --- our own list ---

try "$BIN" -s "$work/anna" list "usbip://$where"
is "list" "$rc $(awk '{ printf "%s %s %s;", $1, $2, $4 }' "$work/out")" \
	"0 v-1 1d6b:0104 free;v-2 1d6b:0104 free;"
try "$BIN" -s "$work/anna" list --json "usbip://$where"
has "list --json" "$work/out" "\"kind\":\"list\",\"peer\":\"$where\",\"devices\":[{\"busid\":\"v-1\""
has "its end" "$work/out" '}]}'
try "$BIN" -s "$work/anna" list "usbip://$where/v-1"
is "list of a device" "$rc" 2
try "$BIN" -s "$work/anna" list usbip://
is "list of nothing" "$rc" 2

# --- bad clients do no harm ---

for bytes in 'GET / HTTP/1.0\r\n\r\n' '\001\021\200\003' '\001\021\200\005\000\000\000\000\000'; do
	timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; printf '$bytes' >&3; exec cat <&3" |
		wc -c >>"$work/answers"
done
is "bad clients get no answer" "$(cat "$work/answers" | tr '\n' ' ')" "0 0 0 "
try "$BIN" -s "$work/anna" list "usbip://$where"
is "it still answers" "$rc $(wc -l <"$work/out")" "0 2"

# --- options ---

# refuses "text" WORDS OPTION...: serve ends with 2 and says so.
refuses() {
	what=$1 words=$2
	shift 2
	try timeout 10 "$BIN" -s "$work/x" serve --listen 127.0.0.1:0 "$@"
	is "$what: exit code" "$rc" 2
	has "$what: it says so" "$work/err" "$words"
}
refuses "everybody" "--usbip-allow CIDR" --usbip=0.0.0.0:0
refuses "everybody, IPv6" "--usbip-allow CIDR" --usbip=[::]:0
refuses "no address" '"here:x" is no ADDR:PORT' --usbip=here:x
refuses "no network" '"10.0.0.0/33" is no network' --usbip --usbip-allow 10.0.0.0/33
refuses "allow without --usbip" "is for --usbip" --usbip-allow 10.0.0.0/8
try "$BIN" -s "$work/x" serve --listen 127.0.0.1:0 --usbip="$where"
is "a port in use" "$rc" 5

# --- attach --via usbip= ---

t=$(ticket lab --name anna)
"$BIN" -s "$work/anna" attach "$t" --as lab --via usbip=127.0.0.1:0 v-2 >"$work/via.out" 2>"$work/via.log" &
via=$!
pids="$pids $via"
wait_for 10 grep -q "^v-2 offered at=" "$work/via.out"
ok "a device is offered" || note <"$work/via.log"
at=$(sed -n 's/.*offered at=\([^ ]*\) .*/\1/p' "$work/via.out")
has "it says what that means" "$work/via.log" "attach speaks plain USB/IP at=$at"
try "$BIN" -s "$work/x" list "usbip://$at"
is "what is offered" "$rc $(awk '{ printf "%s %s %s;", $1, $2, $4 }' "$work/out")" \
	"0 v-2 1d6b:0104 free;"
if command -v usbip >/dev/null; then
	try usbip --tcp-port "${at##*:}" list -r 127.0.0.1
	is "usbip list" "$rc $(grep -c 'v-2: ' "$work/out") $(grep -c 'v-1: ' "$work/out")" "0 1 0"
else
	skip "the stock usbip tool" "it is not installed"
fi
try "$BIN" -s "$work/anna" status --json
has "status of attach" "$work/out" "\"usbip\":\"$at\""
has "the device is offered" "$work/out" '"state":"offered"'
try "$BIN" -s "$work/lab" status --json
has_not "nobody has it at the server" "$work/out" '"state":"held"'
try "$BIN" -s "$work/anna" attach lab --via usbip=127.0.0.1:0 v-1
fails "another attach" 5 "another attach has this peer"
check "detach" "$BIN" -s "$work/anna" detach v-2
check "it ends with its last device" wait_for 5 gone "$via" || kill -9 "$via"
wait "$via"
is "its exit code" "$?" 0
try timeout 10 "$BIN" -s "$work/anna" attach lab --via usbip=0.0.0.0:0
is "via everybody" "$rc" 2
has "via everybody: it says so" "$work/err" "--usbip-allow CIDR"
for bad in "--via usb" "--via usbip=a:b" "--usbip-allow 10.0.0.0/8" "--via usbip --usbip-allow x"; do
	try timeout 10 "$BIN" -s "$work/anna" attach lab $bad
	is "attach $bad" "$rc" 2
done

# --- attach usbip:// ---

# A kernel that has a controller with two free ports, and lets go of what it gets.
cat >"$work/vhci.sh" <<'EOF'
mount -t tmpfs none /sys/devices/platform && mkdir /sys/devices/platform/vhci_hcd.0 || exit 99
cd /sys/devices/platform/vhci_hcd.0
{
	echo "hub port sta spd dev      sockfd local_busid"
	echo "hs  0000 004 000 00000000 000000 0-0"
	echo "ss  0001 004 000 00000000 000000 0-0"
} >status
: >attach
"$@"
rc=$?
cp attach "$GIVEN"
exit $rc
EOF
GIVEN=$work/given
export GIVEN

# try_vhci WORD...: attach WORD... with such a kernel.
try_vhci() {
	try $unshare sh "$work/vhci.sh" timeout 30 "$BIN" -s "$work/anna" attach "$@"
}

# stranger PERL: a server on $at that runs this for its only client, $c.
stranger() {
	perl -MIO::Socket::INET -e '
		$| = 1;
		sub record {	# of device 1-1 of bus 1, 1d6b:0104
			pack("nnN", 0x111, 3, 0) . pack("a256a32NNNnnnCCCCCC", "/x",
				"1-1", 1, 2, 3, 0x1d6b, 0x104, 1, 0, 0, 0, 1, 1, 1);
		}
		sub ret {	# RET_SUBMIT: seqnum, status, bytes
			pack("N5NNNNNx8", 3, $_[0], 0, 0, 0, $_[1], length $_[2]) . $_[2];
		}
		$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		print $s->sockport, "\n";
		$c = $s->accept;
		$c->autoflush(1);
		sysread $c, $ask, 40;
		'"$1"'
		1 while sysread $c, $_, 65536;
	' >"$work/stranger" &
	stranger=$!
	pids="$pids $stranger"
	wait_for 10 grep -q . "$work/stranger"
	at=127.0.0.1:$(cat "$work/stranger")
}

for bad in "usbip://" "usbip://$where" "usbip://$where/" "usbip://$where/v-1/2" \
	"usbip://$where/v-1 class=storage" "usbip://$where/v-1 1d6b:0104" \
	"--as lab usbip://$where/v-1" "--via usbip usbip://$where/v-1" \
	"usbip://$where/12345678901234567890123456789012"; do
	try timeout 10 "$BIN" -s "$work/anna" attach $bad
	is "attach $bad" "$rc" 2
done
unshare=$(for u in "unshare -m" "unshare -rm"; do
	$u true 2>/dev/null && echo "$u" && break
done)
if [ -n "$unshare" ]; then
	try_vhci usbip://127.0.0.1:1/1-1
	fails "attach: nobody there" 6 "1-1: the USB/IP server at 127.0.0.1:1: unreachable"
	try_vhci "usbip://$where/v-9"
	fails "attach: no such device" 4 "v-9: the USB/IP server at $where: no such device"
	try_vhci "usbip://$where/v-9" v-8
	is "attach: two that are not there" "$rc $(grep -c "no such device" "$work/err")" "4 2"
	mkfifo "$work/hold"
	bash -c "exec 3<>/dev/tcp/127.0.0.1/$port
		printf '\1\21\200\3\0\0\0\0v-1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >&3
		head -c 320 <&3 >/dev/null; echo >'$work/held'; cat '$work/hold'" &
	hold=$!
	wait_for 10 test -e "$work/held"
	try_vhci "usbip://$where/v-1"
	fails "attach: somebody has it" 5 "v-1: the USB/IP server at $where: busy"
	echo >"$work/hold"
	wait "$hold"
	wait_for 10 sh -c "'$BIN' -s '$work/lab' status | grep -q 'v-1 .*free'"
	try_vhci "usbip://$where/v-1"
	is "attach: it was given to the kernel" "$(cut -d' ' -f 1,3- "$work/given")" "0 $((255 << 16 | 1)) 3"
	is "attach: which lets go of it" "$rc" 4
	has "attach: it says so" "$work/err" "usbp2p: v-1: the kernel let go of it"
	has "attach: the server had lent it" "$work/lab.log" "device v-1 lent to=usbip 127.0.0.1"

	stranger 'print $c "HTTP/1.0 400 what?\r\n\r\n";'
	try_vhci "usbip://$at/1-1"
	fails "attach: no USB/IP server" 1 "peer broke the protocol"
	stranger 'print $c pack("nnN", 0x111, 3, 1);'
	try_vhci "usbip://$at/1-1"
	fails "attach: refused" 3 "1-1: the USB/IP server at $at: refused"
	stranger 'print $c record(); close $c;'
	try_vhci "usbip://$at/1-1"
	fails "attach: closed" 6 "closed by the peer"
	stranger 'print $c record(); sysread $c, $_, 48; print $c ret(7, 0, "");'
	try_vhci "usbip://$at/1-1"
	is "attach: a reply to nobody: exit code" "$rc" 1
	is "attach: one line says why" "$(grep -c 'reason="RET_SUBMIT for no request of ours"' "$work/err")" 1
	stranger 'print $c record(); sysread $c, $_, 48; print $c ret(1, 0, "x" x 19);'
	try_vhci "usbip://$at/1-1"
	is "attach: too much: exit code" "$rc" 1
	has "attach: too much: it says so" "$work/err" 'reason="RET_SUBMIT with more than was asked for"'
	stranger 'print $c record(); sysread $c, $_, 48; print $c ret(1, -32, "");'
	try_vhci "usbip://$at/1-1"
	fails "attach: no descriptors" 1 "the device does not say what it is"
	stranger 'print $c record();'
	try_vhci "usbip://$at/1-1"
	fails "attach: a silent device" 6 "the device does not give its descriptors"
else
	skip "attach usbip://" "no name spaces here"
fi
if [ ! -e /sys/devices/platform/vhci_hcd.0 ]; then
	grep -c "lent to=usbip" "$work/lab.log" >"$work/before"
	try timeout 10 "$BIN" -s "$work/anna" attach "usbip://$where/v-1"
	fails "attach: no vhci_hcd" 7 "modprobe vhci_hcd"
	is "attach: and nobody was asked" "$(grep -c "lent to=usbip" "$work/lab.log")" "$(cat "$work/before")"
fi

check "serve ends" end_serve "$lab"
try "$BIN" -s "$work/anna" list "usbip://$where"
fails "nobody there" 6 "$where"

# an allowed network opens a wildcard address
settings="-o serve.usbip=0.0.0.0:0"
try timeout 10 "$BIN" $settings -s "$work/open" serve --listen 127.0.0.1:0
is "the same by settings: needs serve.usbip_allow" "$rc" 2
settings="-o serve.usbip=0.0.0.0:0 -o serve.usbip_allow=192.0.2.0/24"
start_serve open --virtual "disk:$work/one.img"
ok "which serve takes"
end_serve "$served"
settings=
start_serve open --virtual "disk:$work/one.img" --usbip=0.0.0.0:0 --usbip-allow 192.0.2.0/24 ||
	bail "serve does not start"
where=$(sed -n 's/.*plain USB\/IP at=\([^ ]*\) .*/\1/p' "$work/open.log")
try "$BIN" -s "$work/anna" list "usbip://127.0.0.1:${where##*:}"
is "loopback is always let in" "$rc $(wc -l <"$work/out")" "0 1"
check "serve ends again" end_serve "$served"
finish
