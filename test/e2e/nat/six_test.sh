#!/bin/sh
# IPv6 beside IPv4, and alone: where both have it the way is direct, whatever the NATs of
# IPv4 are like; and one who has it only on one side is not kept waiting for it.
# NAT_MS is as in matrix_test.sh.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
limit=${NAT_MS:-5000}

told() {
	jq -r "$1" "$work/out" 2>/dev/null
}
# The kind and the version of the last bench's path.
way() {
	case $(told .link.kind) in
	host | srflx | prflx) w_kind=direct ;;
	*) w_kind=$(told .link.kind) ;;
	esac
	case $(told .link.path) in
	*\[*\[*) echo "$w_kind 6" ;;
	*) echo "$w_kind 4" ;;
	esac
}
# pair A B WAY: the disk is read, by that way.
pair() {
	lab_pair "$1" "$2" || bail "$1/$2: no serve: $(tail -n 3 "$work/lab.log")"
	try timeout -k 5 60 $in_b "$BIN" -v -v $lab_servers -s "$work/anna" bench "$t" v-1 --time 100ms --json
	is "$1/$2: the disk, $3" "$rc $(told .device.sha256) $(way)" "0 $sum $3" || {
		note <"$work/err"
		note <"$work/lab.log"
		return
	}
	echo "#   $(told '"connected in \(.connect_ms) ms, first byte after \(.first_byte_ms) ms, \(.link.path)"')"
	if [ "$(told .link.kind)" != relay ]; then
		[ "$(told '.connect_ms | floor')" -lt "$limit" ]
		ok "$1/$2: connected in less than $limit ms"
	fi
}

lab_six || bail "no IPv6 here"
random_image x.img 1
sum=$(sha256sum "$work/x.img" | cut -c 1-64)

pair port+open port+open "direct 6"
pair sym+fire sym+open "direct 6"
pair sym+fire sym+fire "direct 6"
pair blocked+fire port+fire "direct 6"
pair port+none addr+fire "direct 4"
pair sym+fire port+none "relay 4"

# --- no IPv4 at all ---

kill "$lab_meet_pid"
wait "$lab_meet_pid" 2>/dev/null
lab_meet "[$LAB_SRV6]:13241" || bail "no rendezvous for IPv6: $(cat "$work/meet.log")"
for side in a b; do
	ip -n "$lab-$side" -4 addr flush dev eth0
done
pair port+fire port+fire "direct 6"
finish
