# A small internet on this machine: network namespaces with NAT routers, a STUN and TURN
# server (coturn), and room for a rendezvous. Sourced after test/e2e/lib.sh; needs root.
#
#	        net 192.0.2.0/24 (a bridge)
#	   srv .2 |      na .11 |       nb .12 |
#	   coturn        router         router
#	              10.1.0.1 |     10.2.0.1 |
#	            a 10.1.0.2 (serve)  b 10.2.0.2 (attach)
#
#	lab_up                     builds it, with open routers
#	lab_nat SIDE TYPE          what the router of a or b does from now on
#	lab_turn, lab_meet         start coturn in srv, and a rendezvous for serve
#	$in_a, $in_b, $in_srv CMD  runs CMD there
#	lab_start                  builds all of it, or ends the test
#	lab_pair A B               serve, with a disk, behind A, and a ticket, for B
#	lab_down                   ends all of it
#
# An open side has a public address: its network is routed. Otherwise it is behind a NAT:
#	full       who ever sends to the mapped port comes in (RFC 4787: both independent)
#	addr       only from addresses that were sent to
#	port       only from addresses and ports that were sent to
#	sym        the same, and each destination gets another port
#	blocked    no UDP at all; TCP from inside only
# TCP 13240 is forwarded to a when lab_forward is yes: the ticket says so, beside the
# rendezvous if there is one.
#
# After lab_six there is IPv6 as well, without NAT (lab_six_is):
#	open       everything comes in
#	fire       only answers to what went out
#	none       no IPv6 on this side

lab=ul$$
lab_turn_pid= lab_meet_pid= lab_uri=
lab_forward=no
LAB_SRV=192.0.2.2
LAB_A=10.1.0.2 LAB_B=10.2.0.2
LAB_NA=192.0.2.11 LAB_NB=192.0.2.12
LAB_SIX=2001:db8
LAB_SRV6=$LAB_SIX::2 LAB_A6=$LAB_SIX:a::2 LAB_B6=$LAB_SIX:b::2

# Not functions: of a function in the background $! is a shell, not the program.
in_a="ip netns exec $lab-a"
in_b="ip netns exec $lab-b"
in_srv="ip netns exec $lab-srv"

lab_spaces="net srv na nb a b"

lab_down() {
	for l_pid in $lab_turn_pid $lab_meet_pid; do
		kill "$l_pid" 2>/dev/null || :
	done
	lab_turn_pid= lab_meet_pid=
	for l_ns in $lab_spaces; do
		ip netns del "$lab-$l_ns" 2>/dev/null || :
	done
}

# lab_why: prints what keeps us from building it; nothing, if nothing does.
lab_why() {
	if [ "$(id -u)" != 0 ]; then
		echo "network namespaces need root"
	elif ! command -v nft >/dev/null; then
		echo "nft is missing"
	elif ! command -v turnserver >/dev/null; then
		echo "coturn is missing"
	elif ! ip netns add "$lab-probe" 2>/dev/null; then
		echo "no network namespaces here"
	else
		ip -n "$lab-probe" link add x type veth peer name y 2>/dev/null &&
			ip netns exec "$lab-probe" nft add table ip x 2>/dev/null ||
			echo "no veth or no nft here"
		ip netns del "$lab-probe"
	fi
}

# cable NS DEV ADDRESS NS2 DEV2 [ADDRESS2]
lab_cable() {
	ip -n "$lab-$1" link add "$2" type veth peer name "$5" netns "$lab-$4"
	ip -n "$lab-$1" addr add "$3" dev "$2"
	[ -z "${6:-}" ] || ip -n "$lab-$4" addr add "$6" dev "$5"
	ip -n "$lab-$1" link set "$2" up
	ip -n "$lab-$4" link set "$5" up
}

# What is for nobody is thrown away at a neighbour that does not exist: without a route
# coturn would drop an allocation that once sends to such an address.
lab_nowhere() {
	ip -n "$lab-$1" neigh add 192.0.2.254 lladdr 02:00:00:00:00:fe nud permanent dev wan
	ip -n "$lab-$1" route add default via 192.0.2.254
}

lab_up() {
	for l_ns in $lab_spaces; do
		ip netns add "$lab-$l_ns" || return 1
		ip netns exec "$lab-$l_ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
		ip -n "$lab-$l_ns" link set lo up
	done
	ip -n "$lab-net" link add sw type bridge && ip -n "$lab-net" link set sw up
	for l_end in "srv $LAB_SRV" "na $LAB_NA" "nb $LAB_NB"; do
		lab_cable "${l_end% *}" wan "${l_end#* }/24" net "p-${l_end% *}"
		ip -n "$lab-net" link set "p-${l_end% *}" master sw
		lab_nowhere "${l_end% *}"
	done
	lab_cable na lan 10.1.0.1/24 a eth0 "$LAB_A/24"
	lab_cable nb lan 10.2.0.1/24 b eth0 "$LAB_B/24"
	ip -n "$lab-a" route add default via 10.1.0.1
	ip -n "$lab-b" route add default via 10.2.0.1
	for l_ns in na nb; do
		ip netns exec "$lab-$l_ns" sysctl -qw net.ipv4.ip_forward=1
	done
	lab_nat a open && lab_nat b open
}

# Everybody knows the way to an open side's network; to others there is none.
lab_routes() {
	for l_ns in net srv na nb; do
		[ "$l_ns" != "$1" ] && [ "$l_ns" != net ] || continue
		ip -n "$lab-$l_ns" route "$2" "$3" via "$4" dev wan 2>/dev/null || :
	done
}

lab_rules() {
	# $1 type, $2 inside address, $3 outside address
	cat <<-END
		table ip nat {
			set sent { type ipv4_addr; flags dynamic; timeout 10m; }
			chain pre { type nat hook prerouting priority dstnat; }
			chain post { type nat hook postrouting priority srcnat; }
			chain forw { type filter hook forward priority filter; }
			chain into { type filter hook input priority filter; }
		}
	END
	# An early check from outside must not reach the router itself: conntrack would
	# keep it, and what goes out later would get another port.
	[ "$1" = open ] || echo "add rule ip nat into iif wan meta l4proto { udp, tcp } drop"
	case $1 in
	open) ;;
	sym) echo "add rule ip nat post oif wan masquerade fully-random" ;;
	*) echo "add rule ip nat post oif wan masquerade" ;;
	esac
	case $1 in
	full) echo "add rule ip nat pre iif wan meta l4proto udp dnat to $2" ;;
	addr)
		echo "add rule ip nat forw oif wan meta l4proto udp update @sent { ip daddr }"
		echo "add rule ip nat pre iif wan ip saddr @sent meta l4proto udp dnat to $2"
		;;
	blocked) echo "add rule ip nat forw meta l4proto udp drop" ;;
	esac
	[ "$lab_forward$2" != "yes$LAB_A" ] ||
		echo "add rule ip nat pre iif wan ip daddr $3 tcp dport 13240 dnat to $2"
}

# lab_nat SIDE TYPE: with an empty memory of what went through before.
lab_nat() {
	case $1 in
	a) set -- na "$2" "$LAB_A" "$LAB_NA" 10.1.0.0/24 ;;
	b) set -- nb "$2" "$LAB_B" "$LAB_NB" 10.2.0.0/24 ;;
	esac
	lab_routes "$1" del "$5" "$4"
	[ "$2" != open ] || lab_routes "$1" add "$5" "$4"
	ip netns exec "$lab-$1" nft flush ruleset
	lab_forget "$1"
	lab_rules "$2" "$3" "$4" | ip netns exec "$lab-$1" nft -f -
}

# lab_forget ROUTER: its connections are as if they had never been.
lab_forget() {
	ip netns exec "$lab-$1" conntrack -F >/dev/null 2>&1 || :
}

# six_on NS DEV ADDRESS: at once usable.
six_on() {
	ip -n "$lab-$1" addr add "$3" dev "$2" nodad
}

# IPv6 beside what is there.
lab_six() {
	for l_ns in srv na nb a b; do
		ip netns exec "$lab-$l_ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.all.forwarding=1
		ip -n "$lab-$l_ns" link set lo up
	done
	six_on srv wan "$LAB_SRV6/64" && six_on na wan "$LAB_SIX::11/64" &&
		six_on nb wan "$LAB_SIX::12/64" && six_on na lan "$LAB_SIX:a::1/64" &&
		six_on nb lan "$LAB_SIX:b::1/64" || return 1
	for l_ns in srv nb; do
		ip -n "$lab-$l_ns" route add "$LAB_SIX:a::/64" via "$LAB_SIX::11" || return 1
	done
	for l_ns in srv na; do
		ip -n "$lab-$l_ns" route add "$LAB_SIX:b::/64" via "$LAB_SIX::12" || return 1
	done
}

# lab_six_is SIDE TYPE, after lab_nat, which forgets it.
lab_six_is() {
	ip -n "$lab-$1" -6 addr flush dev eth0 scope global
	[ "$2" != none ] || return 0
	six_on "$1" eth0 "$LAB_SIX:$1::2/64"
	ip -n "$lab-$1" route replace default via "$LAB_SIX:$1::1"
	[ "$2" = open ] || ip netns exec "$lab-n$1" nft -f - <<-END
		table ip6 fire {
			chain forw {
				type filter hook forward priority filter;
				iif wan ct state new,invalid drop
			}
		}
	END
}

# coturn, which trusts what the rendezvous mints, or, for `lab_turn static`, a user.
lab_turn() {
	printf "use-auth-secret\nstatic-auth-secret=of-the-lab\n" >"$work/turn.conf"
	[ "${1:-}" != static ] || printf 'lt-cred-mech\nuser=anna:secret\n' >"$work/turn.conf"
	rm -f "$work/turn.pid" # of one before
	$in_srv turnserver -c "$work/turn.conf" --pidfile "$work/turn.pid" --log-file "$work/turn.log" --simple-log \
		--listening-ip "$LAB_SRV" --relay-ip "$LAB_SRV" --realm lab --no-cli --no-tls \
		--no-dtls --verbose >/dev/null 2>&1 &
	wait_for 10 test -s "$work/turn.pid" || return 1
	lab_turn_pid=$(cat "$work/turn.pid")
	wait_for 10 lab_turn_listens
}

lab_turn_listens() {
	$in_srv ss -Hlnt "sport = :3478" | grep -q .
}

# lab_meet [ADDRESS:PORT]: a rendezvous that lends coturn: serve is reachable only through
# it from now on.
lab_meet() {
	echo of-the-lab >"$work/secret"
	$in_srv "$BIN" -v -v -s "$work/meet" rendezvous --listen "${1:-$LAB_SRV:13241}" \
		--turn "turn:$LAB_SRV" --turn-secret-file "$work/secret" \
		>"$work/meet.out" 2>"$work/meet.log" &
	lab_meet_pid=$!
	wait_for 20 grep -q '^rdv://' "$work/meet.out" || return 1
	lab_uri=$(cat "$work/meet.out")
	lab_servers=
}

# The settings of both sides, those of serve, and options of serve.
lab_servers="-o ice.turn=turn:$LAB_SRV -o ice.turn.user=anna -o ice.turn.password=secret"
lab_serve= lab_stun=

# A serve with the disk $work/x.img behind a NAT of type A, a ticket for it in $t, and b
# behind one of type B. Both are new: identities, invitation, everything. With IPv6, a type
# is two, as port+fire.
lab_pair() {
	end_all
	rm -rf "$work/lab" "$work/anna"
	[ -n "$lab_uri" ] || lab_forward=yes
	lab_nat a "${1%+*}" || return 1
	lab_nat b "${2%+*}" || return 1
	case $1/$2 in
	*+*/*+*) lab_six_is a "${1#*+}" && lab_six_is b "${2#*+}" || return 1 ;;
	esac
	l_set="-o serve.name=lab" l_door="--listen none --rendezvous $lab_uri"
	if [ "$lab_forward" = yes ]; then
		l_door="--listen $LAB_A:13240${lab_uri:+ --rendezvous $lab_uri}"
		[ "$1" = open ] || l_set="$l_set -o serve.address=$LAB_NA:13240"
	fi
	$in_a "$BIN" -v -v $lab_servers $lab_serve $l_set -s "$work/lab" serve \
		$l_door $lab_stun --virtual "disk:$work/x.img" 2>"$work/lab.log" &
	served=$!
	pids="$pids $served"
	wait_for 20 serving "$work/lab" || return 1
	[ -z "$lab_uri" ] || wait_for 20 grep -q ' registered$' "$work/lab.log" || return 1
	t=$("$BIN" -s "$work/lab" invite --name anna)
}

# What the test needs of this machine; without it, it is over.
lab_need() {
	l_why=$(lab_why)
	[ -n "$l_why" ] || return 0
	echo "1..0 # SKIP $l_why"
	exit
}

# lab_start: all of it, for a test that needs a relay and a rendezvous.
lab_start() {
	lab_need
	trap lab_end EXIT
	lab_up || bail "the namespaces cannot be made"
	lab_turn || bail "coturn does not start"
	lab_meet || bail "the rendezvous does not start: $(cat "$work/meet.log")"
}

# lab_attach PORT OPTION...: v-1 of lab, whom b knows as lab, for stock clients in b at that
# port; what it says is in anna.out, its log anna.log.
lab_attach() {
	l_port=$1
	shift
	$in_b "$BIN" -v -v $lab_servers "$@" -s "$work/anna" attach lab \
		--via usbip=127.0.0.1:$l_port v-1 >"$work/anna.out" 2>"$work/anna.log" &
	attached=$!
	pids="$pids $attached"
	wait_for 20 grep -q 'v-1 offered' "$work/anna.out"
}

# lab_urbs PORT: requests to it without a pause, until lab_urbs_end leaves what became of
# them in $urbs.
lab_urbs() {
	$in_b perl test/e2e/urbs.pl 127.0.0.1 "$1" v-1 >"$work/urbs" 2>&1 &
	urbing=$!
	pids="$pids $urbing"
	wait_for 10 lab_urbs_more 1
}
lab_urbs_more() {
	[ "$(grep -c '^\.' "$work/urbs")" -ge "$1" ]
}
lab_urbs_end() {
	l_dots=$(grep -c '^\.' "$work/urbs")
	wait_for 20 lab_urbs_more $((l_dots + 2))
	kill "$urbing"
	wait "$urbing"
	urbs=$(tail -n 1 "$work/urbs")
}

lab_end() {
	l_rc=$?
	trap - EXIT
	end_all
	lab_down
	(exit "$l_rc")
	at_end
}
