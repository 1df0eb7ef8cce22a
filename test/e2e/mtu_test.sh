#!/bin/sh
# How long packets may be is found out, over Ethernets of three kinds and behind a router
# whose next line takes less and which says nothing of it. In network namespaces of our
# own: serve in $a, the client in $b, the router in $r.
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP network namespaces need root"
	exit
fi
. test/e2e/lib.sh

a=mtu-a-$$ b=mtu-b-$$ r=mtu-r-$$
forget() {
	end_all
	for f_ns in "$a" "$b" "$r"; do
		ip netns del "$f_ns" 2>/dev/null || :
	done
}
trap 'forget; at_end' EXIT
for ns in "$a" "$b" "$r"; do
	ip netns add "$ns" || bail "no network namespaces"
	ip -n "$ns" link set lo up
done

# line NS DEVICE MTU
line() {
	ip -n "$1" link set "$2" mtu "$3" up
}

ip -n "$a" link add x type veth peer name x netns "$r" || bail "no veth here"
ip -n "$b" link add y type veth peer name y netns "$r" || bail "no veth here"
for end in "$a x 10.9.1.1" "$r x 10.9.1.2" "$b y 10.9.2.1" "$r y 10.9.2.2"; do
	set -- $end
	ip -n "$1" addr add "$3/24" dev "$2"
	line "$1" "$2" 9000
done
ip -n "$a" route add 10.9.2.0/24 via 10.9.1.2
ip -n "$b" route add 10.9.1.0/24 via 10.9.2.2
ip netns exec "$r" sysctl -qw net.ipv4.ip_forward=1
# a router that says nothing: "fragmentation needed" does not leave it
ip netns exec "$r" nft -f - <<-END || bail "no nft here"
	table ip quiet {
		chain out {
			type filter hook output priority 0;
			icmp type destination-unreachable drop
		}
	}
END

random_image x.img 1
ip netns exec "$a" "$BIN" -o serve.name=lab -s "$work/lab" serve --listen 10.9.1.1:0 \
	--virtual "disk:$work/x.img" 2>"$work/lab.log" &
served=$!
pids="$pids $served"
check "serve is there" wait_for 10 "$BIN" -s "$work/lab" status
t=$(ticket lab --name anna)
ip netns exec "$b" "$BIN" -s "$work/anna" list "$t" --as lab >/dev/null || bail "no way to serve"

# found WHAT WANT OPTION...: a client that stays, and the mtu of both sides.
found() {
	found_what=$1 found_want=$2
	shift 2
	ip netns exec "$b" "$BIN" "$@" -s "$work/anna" attach lab --via usbip=127.0.0.1:0 v-1 \
		>/dev/null 2>"$work/attach.log" &
	found_pid=$!
	pids="$pids $found_pid"
	found_mtu=$found_want
	check "$found_what: $found_want" wait_for 30 both_have || both
}
both() {
	for both_dir in lab anna; do
		"$BIN" -s "$work/$both_dir" status --json |
			jq -r '.running[0] | .link.mtu // .peers[0].link.mtu'
	done | tr '\n' ' '
}
both_have() {
	[ "$(both)" = "$found_mtu $found_mtu " ]
}
left() {
	kill "$found_pid"
	wait "$found_pid" 2>/dev/null || :
	check "it is gone" wait_for 10 alone
}
alone() {
	"$BIN" -s "$work/lab" status --json | jq -e '.running[0].peers == []'
}

found "9000 bytes all the way" 8900
left

# The cable itself: the sender's own kernel says no.
for try in "1500 1472" "1280 1252" "4028 4000"; do
	set -- $try
	line "$a" x "$1"
	line "$r" x "$1"
	line "$b" y "$1"
	line "$r" y "$1"
	found "cables of $1 bytes" "$2"
	left
done

# Behind the router: nobody says anything.
for end in "$a x" "$r x" "$b y"; do
	set -- $end
	line "$1" "$2" 9000
done
line "$r" y 1400
line "$b" y 1400
found "a silent router, 1400 bytes behind it" 1372
left

# A path that shrinks while data flows, and nothing is lost.
line "$r" y 9000
line "$b" y 9000
ip netns exec "$b" "$BIN" -s "$work/anna" bench lab v-1 --json >"$work/bench" 2>"$work/bench.err" &
bench=$!
pids="$pids $bench"
large() {
	[ "$("$BIN" -s "$work/lab" status --json | jq '.running[0].peers[0].link.mtu')" = 8900 ]
}
small() {
	[ "$("$BIN" -s "$work/lab" status --json | jq '.running[0].peers[0].link.mtu')" -le 1372 ]
}
check "bench goes by 9000 bytes" wait_for 5 large
line "$r" y 1400
line "$b" y 1400
check "the path shrinks in the middle" wait_for 10 small
wait "$bench"
is "bench ends well" "$?" 0
is "its bytes are those of the disk" "$(jq -r .device.sha256 "$work/bench")" \
	"$(sha256sum "$work/x.img" | cut -c 1-64)"

# Pinned: what was told is used, and a path that takes less carries nothing long.
line "$r" y 9000
line "$b" y 9000
ip netns exec "$b" "$BIN" -o link.mtu=1300 -s "$work/anna" attach lab --via usbip=127.0.0.1:0 v-1 \
	>/dev/null 2>&1 &
found_pid=$!
pids="$pids $found_pid"
pinned() {
	[ "$(both)" = "8900 1300 " ]
}
check "a pinned side stays, the other does not care" wait_for 20 pinned || both
left
finish
