#!/bin/sh
# Relays that a rendezvous lends, though the server was found at an address of its own:
# they are asked for when no direct way is found, and not otherwise.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
lab_forward=yes
random_image x.img 1
sum=$(sha256sum "$work/x.img" | cut -c 1-64)

# bench OPTION...: of b; by TCP it knows a's router alone.
bench() {
	try timeout -k 5 60 $in_b "$BIN" -v -v "$@" -s "$work/anna" bench "$t" v-1 --time 100ms --json
	is "$what: the disk" "$rc $(jq -r .device.sha256 "$work/out")" "0 $sum" || {
		note <"$work/err"
		note <"$work/lab.log"
	}
	echo "#   $(jq -r '"\(.connect_ms) ms, \(.link.path)"' "$work/out")"
}
pair() {
	lab_pair "$@" || bail "$what: no serve: $(tail -n 3 "$work/lab.log")"
}
# What came to the rendezvous from b, so far.
asked() {
	$in_srv nft list counter ip seen meet | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
$in_srv nft -f - <<-END
	table ip seen {
		counter meet { }
		chain in {
			type filter hook input priority 0;
			ip saddr { $LAB_NB, $LAB_B } tcp dport 13241 tcp flags syn counter name meet
		}
	}
END

what="a direct way"
pair port open
bench
is "$what: its kind" "$(jq -r .link.kind "$work/out")" srflx
is "$what: no rendezvous is asked" "$(asked)" 0

what="no UDP at all"
pair port blocked
bench
is "$what: a relay" "$(jq -r .link.kind "$work/out")" relay
is "$what: the rendezvous was asked once" "$(asked)" 1

what="ice.relay=only"
pair open open
bench -o ice.relay=only
is "$what: ours" "$(jq -r .link.path "$work/out" | cut -d ' ' -f 1,2 | sed 's/:.*//')" "relay $LAB_SRV"
finish
