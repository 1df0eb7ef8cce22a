#!/bin/sh
# Nothing of a device, of its bytes or of the names of peers is to be read by who
# sees every packet: invite, list and bench while tcpdump writes down all that is
# sent, in a network namespace of our own whose loopback is slowed down so that
# tcpdump misses nothing. A control capture shows that the search would find it.
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP capturing packets needs root"
	exit
fi
[ -n "${SECRECY_NS:-}" ] || SECRECY_NS=1 exec unshare -n sh "$0"
. test/e2e/lib.sh

ip link set lo mtu 1500 up || bail "no loopback in a new network namespace"
tc qdisc add dev lo root tbf rate 100mbit burst 128k latency 200ms 2>/dev/null ||
	echo "# tc cannot slow the loopback down here"

# capture FILE: until end_capture, which leaves what tcpdump said in FILE.err.
capture() {
	capture=$work/$1
	tcpdump -i lo -s 0 -B 65536 -U -w "$capture" 2>"$capture.err" &
	sniffer=$!
	pids="$pids $sniffer"
	wait_for 10 grep -q "listening on lo" "$capture.err"
}

end_capture() {
	kill -INT "$sniffer"
	wait "$sniffer"
	is "$1: tcpdump missed nothing" "$(sed -n 's/ packets* dropped by kernel//p' "$capture.err")" 0
}

# Every second byte a zero: how USB writes text.
wide() {
	printf %s "$1" | sed 's/./&\\x00/g'
}

# found FILE WORDS: the search, of raw bytes; \xHH in the words is one byte.
found() {
	perl -0777 -ne 'BEGIN { $w = shift; $w =~ s/\\x(..)/chr hex $1/ge }
		exit(index($_, $w) < 0)' "$2" "$1"
}

# 1 MiB of which every block says what it is.
content=CONTENT-OF-THE-SECRET-DISK
product=treasure-map-of-the-attic.img
yes "$content" | head -c 1048576 >"$work/$product"

settings="-o serve.name=hidden-laboratory"
start_serve lab --virtual "disk:$work/$product" || bail "serve does not start"
serial=$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].devices[0].serial')
is "the stick has a serial number" "$(echo "$serial" | tr -d '0-9A-F')" ""
[ ${#serial} -ge 8 ] || bail "its serial number \"$serial\" is too short to be searched for"

capture secret.pcap || bail "tcpdump does not start: $(cat "$work/secret.pcap.err")"
t=$(ticket lab --name secretive-anna)
try "$BIN" -o serve.name=anna-calls-herself -s "$work/anna" bench "$t" v-1 --json
is "bench" "$rc $(jq -r .device.sha256 "$work/out")" \
	"0 $(sha256sum "$work/$product" | cut -c 1-64)"
port=$(jq -r .path "$work/out" | sed 's/.*://')
check "list" "$BIN" -s "$work/anna" list hidden-laboratory
end_capture secret
secret=$(cut -d ' ' -f 2 "$work/lab/tickets" | sed 's/../\\x&/g')

[ "$(stat -c %s "$work/secret.pcap")" -gt 2097152 ]
ok "the capture has $(stat -c %s "$work/secret.pcap") bytes"
n=$(tcpdump -nr "$work/secret.pcap" "udp port $port" 2>/dev/null | wc -l)
[ "$n" -gt 900 ]
ok "$n of its packets are of the path that bench took"

# The same words, unencrypted: what is looked for can be found.
capture control.pcap || bail "tcpdump does not start again"
perl -e 'for (@ARGV) { s/\\x(..)/chr hex $1/ge; print "$_\n" }' "$content" "$product" \
	"$(wide "$product")" "$serial" "$(wide "$serial")" hidden-laboratory secretive-anna \
	anna-calls-herself "$t" "$secret" >"$work/plain"
perl -MIO::Socket::INET -e 'local $/; my $s = IO::Socket::INET->new(Proto => "udp",
	PeerAddr => "127.0.0.1:9") or die; print $s <STDIN>' <"$work/plain"
check "the control was sent" wait_for 5 found "$work/control.pcap" "$content"
end_capture control

# hidden "what" WORDS
hidden() {
	found "$work/control.pcap" "$2"
	ok "$1: found when it is sent in clear"
	! found "$work/secret.pcap" "$2"
	ok "$1: not in what the peers sent"
}
hidden "bytes of the disk" "$content"
hidden "its product name" "$product"
hidden "its product name as USB writes it" "$(wide "$product")"
hidden "its serial number" "$serial"
hidden "its serial number as USB writes it" "$(wide "$serial")"
hidden "the server's name" hidden-laboratory
hidden "the client's name" secretive-anna
hidden "what the client calls itself" anna-calls-herself
hidden "the ticket" "$t"
hidden "the ticket's secret" "$secret"
finish
