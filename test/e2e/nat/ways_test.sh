#!/bin/sh
# Ways that are not of the matrix: a range of forwarded ports and nobody to ask, a STUN
# server by its name, relays for those who want to show no address.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_need
trap lab_end EXIT
lab_up || bail "the namespaces cannot be made"
random_image x.img 1
sum=$(sha256sum "$work/x.img" | cut -c 1-64)

# bench OPTION...: of b, who has a ticket or the name; shows why it failed.
bench() {
	try timeout -k 5 60 $in_b "$BIN" -v -v $lab_servers "$@" -s "$work/anna" bench "$t" v-1 --json
	is "$what: the disk" "$rc $(jq -r .device.sha256 "$work/out")" "0 $sum" || {
		note <"$work/err"
		note <"$work/lab.log"
	}
	echo "#   $(jq -r '"\(.connect_ms) ms, \(.link.path)"' "$work/out")"
}
path() {
	jq -r .link.path "$work/out" | sed 's/:[0-9]*//g'
}
far() {
	path | sed 's/.*-> //'
}
pair() {
	lab_pair "$@" || bail "$what: no serve: $(tail -n 3 "$work/lab.log")"
}

# --- nobody to ask, and a router that forwards TCP 13240 and some UDP ports ---

what="forwarded ports"
servers=$lab_servers lab_servers= lab_serve="-o ice.ports=13250-13259"
pair port sym
ip netns exec "$lab-na" nft add rule ip nat pre iif wan udp dport 13250-13259 dnat to "$LAB_A"
bench
is "$what: the router's address" "$(far)" "srflx $LAB_NA"

# --- a STUN server that has a name ---

what="STUN by name"
lab_turn || bail "coturn does not start"
echo "$LAB_SRV stun.lab" >"$work/hosts"
named="sh -c 'mount --bind $work/hosts /etc/hosts && exec \"\$0\" \"\$@\"'"
lab_serve=
pair sym full
eval "try timeout -k 5 60 $in_b $named \"\$BIN\" -o ice.stun=stun.lab -s \"\$work/anna\" \
	bench \"\$t\" v-1 --json"
is "$what: the disk" "$rc $(jq -r .device.sha256 "$work/out")" "0 $sum" || note <"$work/err"
is "$what: the path" "$(far)" "prflx $LAB_NA"

what="serve --stun"
$in_srv nft -f - <<-END
	table ip seen {
		counter stun { }
		chain in {
			type filter hook input priority 0;
			ip saddr $LAB_NA udp dport 3478 counter name stun
		}
	}
END
asked() {
	$in_srv nft list counter ip seen stun | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
pair full full
bench
is "$what: nobody is asked unless told" "$(asked)" 0
lab_stun="--stun $LAB_SRV"
pair full full
bench
[ "$(asked)" -gt 0 ]
ok "$what: it is asked"
lab_stun=

# --- relays only, though both have public addresses ---

what="ice.relay=only"
lab_servers=$servers
lab_serve="-o ice.relay=only"
ip netns exec "$lab-nb" tcpdump -i wan -n -U -w "$work/direct.pcap" \
	"udp and host $LAB_A" 2>"$work/direct.err" &
sniffer=$!
watched() {
	grep -q listening "$work/direct.err"
}
wait_for 10 watched || bail "tcpdump does not start"
pair open open
pids="$pids $sniffer"
bench -o ice.relay=only
is "$what of both" "$(path)" "relay $LAB_SRV -> relay $LAB_SRV"
kill "$sniffer"
wait "$sniffer" 2>/dev/null
is "$what: no packet went directly" "$(tcpdump -nr "$work/direct.pcap" 2>/dev/null | wc -l)" 0

what="ice.relay=only of serve"
pair open open
bench
is "$what" "$(far)" "relay $LAB_SRV"

what="ice.relay=only without a relay"
lab_servers= lab_serve=
pair open open
try timeout -k 5 60 $in_b "$BIN" -o ice.relay=only -s "$work/anna" bench "$t" v-1
fails "$what" 1 "no relay"

# --- a wrong password, and relays that are not there, cost no direct path ---

what="a relay that refuses"
lab_servers="-o ice.turn=turn:$LAB_SRV -o ice.turn.user=anna -o ice.turn.password=wrong"
pair open open
bench
is "$what" "$(path)" "host $LAB_B -> host $LAB_A"
what="a relay that is not there"
lab_servers="-o ice.turn=turn:192.0.2.99 -o ice.turn.user=anna -o ice.turn.password=x"
pair open open
bench
is "$what" "$(path)" "host $LAB_B -> host $LAB_A"
finish
