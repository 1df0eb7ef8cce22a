#!/bin/sh
# What a relay and a rendezvous see: ids, addresses, sizes and times. Everything that comes
# to coturn and to the rendezvous and leaves them is written down while two peers meet and
# a disk is read.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
ip netns exec "$lab-srv" tc qdisc add dev wan root tbf rate 100mbit burst 128k latency 200ms \
	2>/dev/null || echo "# tc cannot slow the relay down here"

# 1 MiB of which every block says what it is.
content=CONTENT-OF-THE-SECRET-DISK
yes "$content" | head -c 1048576 >"$work/x.img"

descriptor='\x12\x01\x00\x02\x00\x00\x00\x40\x6b\x1d\x04\x01'

# capture FILE: until end_capture.
capture() {
	capture=$work/$1
	$in_srv tcpdump -i wan -s 0 -B 65536 -U -w "$capture" 2>"$capture.err" &
	sniffer=$!
	wait_for 10 grep -q "listening on" "$capture.err"
}
end_capture() {
	kill -INT "$sniffer"
	wait "$sniffer"
	is "$1: tcpdump missed nothing" \
		"$(sed -n 's/ packets* dropped by kernel//p' "$capture.err")" 0
}

# found FILE WORDS: the search, of raw bytes; \xHH in the words is one byte.
found() {
	perl -0777 -ne 'BEGIN { $w = shift; $w =~ s/\\x(..)/chr hex $1/ge }
		exit(index($_, $w) < 0)' "$2" "$1"
}
hidden() {
	! found "$capture" "$2"
	ok "$1"
}
# Every second byte a zero: how USB writes text.
wide() {
	printf %s "$1" | sed 's/./&\\x00/g'
}

# relayed "what" OPTION...: a new pair, and bench through the relay.
relayed() {
	r_what=$1
	shift
	lab_pair sym sym || bail "no serve: $(tail -n 3 "$work/lab.log")"
	pids="$pids $sniffer"
	serial=$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].devices[0].serial')
	try timeout -k 5 90 $in_b "$BIN" $lab_servers "$@" -o serve.name=anna-calls-herself \
		-s "$work/anna" bench "$t" v-1 --json
	is "$r_what: the disk, through the relay" \
		"$rc $(jq -r '.device.sha256, .link.kind' "$work/out" | tr '\n' ' ')" \
		"0 $(sha256sum "$work/x.img" | cut -c 1-64) relay "
	end_capture "$r_what"
	[ "$(stat -c %s "$capture")" -gt 2097152 ]
	ok "$r_what: the capture has $(stat -c %s "$capture") bytes"
	hidden "$r_what: no candidates" "candidate:"
	hidden "$r_what: no kinds of candidates" " typ "
	hidden "$r_what: no data" "$content"
	hidden "$r_what: no product" "x.img"
	hidden "$r_what: no product, as USB writes it" "$(wide x.img)"
	hidden "$r_what: no serial number" "$serial"
	hidden "$r_what: no serial number, as USB writes it" "$(wide "$serial")"
	hidden "$r_what: no descriptor" "$descriptor"
	hidden "$r_what: no name" anna-calls-herself
	hidden "$r_what: no ticket" "$t"
}

capture usual.pcap || bail "tcpdump does not start: $(cat "$work/usual.pcap.err")"
relayed "as usual"

# The addresses behind the NATs: as text, as they are, and as STUN writes them.
capture only.pcap || bail "tcpdump does not start again"
lab_serve="-o ice.relay=only"
relayed "relays only" -o ice.relay=only
stun_address() { # FILE BYTES: family, a port, and the address
	perl -0777 -ne 'BEGIN { $w = shift; $w =~ s/\\x(..)/chr hex $1/ge }
		exit(!/\x00\x01..\Q$w\E/s)' "$2" "$1"
}
for address in "$LAB_A \x0a\x01\x00\x02 \x2b\x13\xa4\x40" "$LAB_B \x0a\x02\x00\x02 \x2b\x10\xa4\x40"; do
	set -- $address
	hidden "relays only: no inner address $1" "$1"
	for form in "$2" "$3"; do
		! stun_address "$capture" "$form"
		ok "relays only: nor as STUN writes it"
	done
done
check "a STUN address can be found" stun_address "$capture" '\xe1\x12\xa6\x49'

# The same words, unencrypted: what is looked for can be found.
capture control.pcap || bail "tcpdump does not start once more"
{
	printf '%s\n' "$content" "candidate:" " typ " "x.img"
	printf '\022\001\000\002\000\000\000\100\153\035\004\001\n'
} >"$work/plain"
$in_b perl -MIO::Socket::INET -e 'local $/; my $s = IO::Socket::INET->new(Proto => "udp",
	PeerAddr => "'$LAB_SRV':9") or die; print $s <STDIN>' <"$work/plain"
check "the control was sent" wait_for 5 found "$work/control.pcap" "$content"
for words in "candidate:" " typ " x.img "$descriptor"; do
	check "the search finds $words" found "$work/control.pcap" "$words"
done
end_capture control
finish
