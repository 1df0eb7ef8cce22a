#!/bin/sh
# doctor behind real NATs: what kind they are, and whether relays can be had.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_need
trap lab_end EXIT
lab_up || bail "the namespaces cannot be made"

# kind NAT OPTION...: what doctor calls it; the object is in $work/out
kind() {
	lab_nat a "$1"
	shift
	try timeout -k 5 60 $in_a "$BIN" -s "$work/d" "$@" doctor --for serve --json
	jq -r '.findings[] | select(.check == "nat") | .state + " " + .what' "$work/out" |
		sed 's/: .*//'
}

# A server with two addresses tells of the other one (RFC 5780), and one without.
ip -n "$lab-srv" addr add 192.0.2.3/24 dev wan
$in_srv turnserver --pidfile "$work/two.pid" --log-file "$work/two.log" --simple-log --no-cli -n \
	--listening-ip 192.0.2.2 --listening-ip 192.0.2.3 --listening-port 3470 \
	--no-tls --no-dtls --no-auth >"$work/two.out" 2>&1 &
pids="$pids $!"
two_listens() {
	$in_srv ss -Hlnu "sport = :3471" | grep -q .
}
wait_for 10 two_listens || bail "coturn does not start: $(cat "$work/two.log") $($in_srv ss -Hlnu)"
stun="-o ice.stun=192.0.2.2:3470"
is "no NAT" "$(kind open $stun)" "ok NAT none"
is "a NAT that keeps the port" "$(kind full $stun)" "ok NAT easy"
is "one that lets in who was sent to" "$(kind port $stun)" "ok NAT easy"
is "another port for each destination" "$(kind sym $stun)" "warn NAT hard"
check "a command for it" jq -e '.findings[] | select(.check == "nat") |
	.fix | startswith("usbp2p -o ice.turn=turn:")' "$work/out"
is "no UDP" "$(kind blocked $stun)" "warn NAT blocked"

# One place alone cannot say; two can. A relay that works makes a hard NAT bearable.
lab_turn static || bail "coturn does not start"
is "one server" "$(kind port -o "ice.stun=$LAB_SRV")" "unknown NAT unknown"
is "two servers" "$(kind port $stun $lab_servers)" "ok NAT easy"
is "a hard NAT with a relay" "$(kind sym $stun $lab_servers)" "ok NAT hard"
is "relays by UDP and TCP" "$(jq -r '.findings[] | select(.check == "turn") | .state' "$work/out" |
	uniq -c | tr -s ' ')" " 2 ok"
is "no UDP: no NAT to speak of" "$(kind blocked $stun $lab_servers)" "warn NAT blocked"
is "and relays by TCP only" "$(jq -r '.findings[] | select(.check == "turn") |
	.state + " " + (.what | sub(".* by "; "by ") | sub("[ :].*( relays|not).*"; ""))' "$work/out" |
	cut -d ' ' -f 1 | sort | tr '\n' ' ')" "missing ok "

# What a rendezvous lends is tried as well.
kill "$lab_turn_pid"
wait_for 10 sh -c "! $in_srv ss -Hlnt 'sport = :3478' | grep -q ."
lab_turn || bail "coturn does not start"
lab_meet || bail "no rendezvous"
is "servers that a rendezvous lends" "$(kind port -o "serve.rendezvous=$lab_uri")" "unknown NAT unknown"
is "its relays" "$(jq -r '.findings[] | select(.check == "turn") | .state' "$work/out" |
	uniq -c | tr -s ' ')" " 2 ok"
finish
