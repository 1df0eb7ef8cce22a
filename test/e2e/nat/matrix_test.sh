#!/bin/sh
# Every kind of NAT on either side: from an invitation, through a rendezvous, to the bytes
# of a disk, by the kind of path that is to be expected, and how soon. NAT=all does all 36 pairs, otherwise some;
# NAT_MS is how long a direct pair may take to connect, which is counted from the start
# of the command (fork and exec, no identity yet) until the server has said welcome.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
limit=${NAT_MS:-5000}

if [ "${NAT:-}" = all ]; then
	types="open full addr port sym blocked"
	pairs=$(for a in $types; do for b in $types; do echo "$a/$b"; done; done)
else
	pairs="open/sym port/port addr/sym sym/full sym/sym port/sym blocked/port"
fi

# expected A B
expected() {
	case $1/$2 in
	blocked/* | */blocked | sym/sym | sym/port | port/sym) echo relay ;;
	*) echo direct ;;
	esac
}

# Of the last bench.
told() {
	jq -r "$1" "$work/out" 2>/dev/null
}
kind() {
	case $(told .link.kind) in
	host | srflx | prflx) echo direct ;;
	relay) echo relay ;;
	esac
}

random_image x.img 1
sum=$(sha256sum "$work/x.img" | cut -c 1-64)
for pair in $pairs; do
	a=${pair%/*} b=${pair#*/}
	lab_pair "$a" "$b" || bail "$pair: no serve: $(tail -n 3 "$work/lab.log")"
	try timeout -k 5 60 $in_b "$BIN" -v -v $lab_servers -s "$work/anna" bench "$t" v-1 --time 100ms --json
	is "$pair: the disk, $(expected "$a" "$b")" "$rc $(told .device.sha256) $(kind)" \
		"0 $sum $(expected "$a" "$b")" || {
		note <"$work/err"
		note <"$work/lab.log"
		continue
	}
	echo "#   $(told '"connected in \(.connect_ms) ms, first byte after \(.first_byte_ms) ms, \(.link.path)"')"
	if [ "$(kind)" = direct ]; then
		[ "$(told '.connect_ms | floor')" -lt "$limit" ]
		ok "$pair: connected in less than $limit ms"
	fi
done
finish
