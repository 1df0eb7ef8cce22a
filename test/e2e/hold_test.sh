#!/bin/sh
# A session outlives its link. Two network namespaces on one wire, which is cut and
# mended, moves to another address, and loses its server.
. test/e2e/lib.sh

random_image stick.img 1
ns=usbp2p-hold-$$
A=$ns-a B=$ns-b

leave_net() {
	ip netns del "$A" 2>/dev/null
	ip netns del "$B" 2>/dev/null
	:
}
leave() {
	leave_rc=$?
	leave_net
	(exit "$leave_rc")
	at_end
}
trap leave EXIT

if ! ip netns add "$A" 2>"$work/net.err" || ! ip netns add "$B"; then
	skip "a session outlives its link" "no right to make network namespaces: $(cat "$work/net.err")"
	finish
	exit
fi
ip -n "$A" link add wire type veth peer name wire netns "$B"
for n in "$A 1" "$B 2"; do
	ip -n "${n% *}" addr add "10.78.0.${n#* }/24" dev wire
	ip netns exec "${n% *}" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n "${n% *}" link set lo up
	ip -n "${n% *}" link set wire up
done

lab() {
	ip netns exec "$A" "$BIN" -s "$work/lab" -o serve.name=lab "$@"
}
anna() {
	ip netns exec "$B" "$BIN" -s "$work/anna" -o serve.name=anna "$@"
}
serve() {
	ip netns exec "$A" "$BIN" -s "$work/lab" -o serve.name=lab serve \
		--listen 10.78.0.1:13240 --virtual "disk:$work/stick.img" 2>>"$work/lab.log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$work/lab"
}
anna_options=
# attach OPTION...: lab's devices for stock clients of anna's.
attach() {
	ip netns exec "$B" "$BIN" $anna_options -s "$work/anna" attach lab --via usbip=127.0.0.1:3251 \
		"$@" >>"$work/anna.out" 2>>"$work/anna.log" &
	attached=$!
	pids="$pids $attached"
}
anna_says() {
	anna status --json | jq -er ".running[0]$1"
}
lab_says() {
	lab status --json | jq -er ".running[0]$1"
}
said() {
	[ "$(grep -c "$2" "$work/$1")" = "$3" ]
}
ms() {
	date +%s%3N
}

serve || bail "serve does not start"
t=$(lab invite --name anna)
anna list "$t" --as lab >"$work/list" 2>&1
has "anna knows lab" "$work/list" v-1
attach --grace 20s
check "it is offered" wait_for 10 grep -q 'v-1 offered' "$work/anna.out"
is "a link, nothing held" "$(anna_says .held_s 2>/dev/null) $(lab_says '.peers[0].held_s')" "null null"
check "both have a link" sh -c "[ -n '$(anna_says .link.path)$(lab_says '.peers[0].link.path')' ]"

# --- a cut ---
ip -n "$A" link set wire down
check "anna holds the session within 6 s" wait_for 6 anna_says '.held_s // empty'
check "and so does lab" wait_for 8 lab_says '.peers[0].held_s // empty'
is "the device is still offered" "$(anna_says '.devices[0].state')" offered
ip -n "$A" link set wire up
t0=$(ms)
check "it goes on" wait_for 8 grep -q 'session with lab goes on' "$work/anna.log"
echo "# $(($(ms) - t0)) ms after the wire was mended"
check "lab says so" grep -q 'peer anna is back' "$work/lab.log"
is "nothing is held any more" "$(anna_says .held_s) $(lab_says '.peers[0].held_s')" "null null"
is "one peer" "$(lab_says '.peers | length')" 1
said anna.out offered 1
ok "the device was never offered anew"

# --- another address ---
ip -n "$B" addr del 10.78.0.2/24 dev wire
ip -n "$B" addr add 10.78.0.77/24 dev wire
check "it goes on from there" wait_for 15 said anna.log 'session with lab goes on' 2
anna_says .link.path >"$work/path"
has "by the new address" "$work/path" 10.78.0.77

# --- longer than it is kept ---
ip -n "$A" link set wire down
check "after 20 s the session is over" wait_for 32 grep -q 'session with lab is over' "$work/anna.log"
check "lab takes its devices back" wait_for 12 lab_says '.peers | length == 0 // empty'
is "the device waits" "$(anna_says '.devices[0].state')" waiting
ip -n "$A" link set wire up
t0=$(ms)
check "it is offered again within 5 s" wait_for 5 said anna.out offered 2
echo "# $(($(ms) - t0)) ms after the wire was mended"

# --- a server that comes back ---
kill -9 "$served"
check "the session is held" wait_for 6 anna_says '.held_s // empty'
check "known by the end of the signalling connection" \
	grep -q 'link to lab lost reason="no sign of life since its connection has ended"' "$work/anna.log"
serve
t0=$(ms)
check "offered again within 5 s of the restart" wait_for 5 said anna.out offered 3
echo "# $(($(ms) - t0)) ms after the restart"
check "one clean end of the old session" said anna.log 'session with lab is over' 2
check "by the first word of another server" \
	said anna.log 'session with lab is over reason="the server was started again"' 1

# --- as long as the kernel waits, unless told ---
kill "$attached"
wait "$attached"
attach
check "offered without --grace" wait_for 10 said anna.out offered 4
ip -n "$A" link set wire down
check "lab holds for it" wait_for 12 lab_says '.peers[0].held_s // empty'
check "and so does anna" anna_says '.held_s // empty'
ip -n "$A" link set wire up
check "it goes on" wait_for 15 said anna.log 'session with lab goes on' 3

# --- one way only: who is heard no more says so, and the session waits ---
deaf() {
	ip netns exec "$A" nft -f - <<-END
		table ip deaf {
			chain in {
				type filter hook input priority 0;
				iifname wire $1 drop
			}
		}
	END
}
mend() {
	ip netns exec "$A" nft delete table ip deaf
}
deaf "meta l4proto udp"
ok "lab hears no packet any more"
check "lab holds the session" wait_for 12 lab_says '.peers[0].held_s // empty'
check "anna knows it" wait_for 3 grep -q 'the peer says that the link is lost' "$work/anna.log"
mend
check "it goes on" wait_for 30 said anna.log 'session with lab goes on' 4
check "it was offered once" said anna.out offered 4

# --- who goes in order is not waited for ---
kill "$attached"
wait "$attached"
is "attach ends in order" "$?" 0
check "lab holds nothing" wait_for 3 lab_says '.peers | length == 0 // empty'

# --- a worn link whose successor cannot be made goes on ---
anna_options="-o link.rekey_packets=14"
attach
anna_options=
check "offered again" wait_for 10 said anna.out offered 5
links() {
	[ "$(anna_says .links)" -ge "$1" ]
}
check "it gets new links" wait_for 60 links 3
deaf "tcp dport 13240 ct state new"
check "then no more" wait_for 90 grep -q 'not followed by another yet' "$work/anna.log"
check "which is tried again" wait_for 60 sh -c \
	"[ \$(grep -c 'not followed by another yet' $work/anna.log) -ge 3 ]"
n=$(anna_says .links)
is "the session has its link" "$(anna_says .held_s) $(lab_says '.peers[0].held_s')" "null null"
mend
check "then new links again" wait_for 60 links $((n + 2))
check "the device was never offered anew" said anna.out offered 5
kill "$attached"
wait "$attached"
check "lab lets go" wait_for 3 lab_says '.peers | length == 0 // empty'

# --- --once and --grace 0 ---
attach --once --grace 0s
check "once" wait_for 10 said anna.out offered 6
ip -n "$A" link set wire down
wait_for 10 gone "$attached"
wait "$attached"
is "--once ends with its link, --grace 0 at once" "$?" 6
ip -n "$A" link set wire up
check "lab has not held it, either" wait_for 10 lab_says '.peers | length == 0 // empty'
end_serve "$served"
finish
