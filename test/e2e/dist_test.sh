#!/bin/sh
# The files of dist/ for servers beside the rendezvous are taken by the programs they are
# for, and work: each with nothing changed but what its head says, its addresses and
# ports. In a network namespace of our own, with public addresses (of documentation).
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP a network namespace needs root"
	exit
fi
[ -n "${DIST_NS:-}" ] || DIST_NS=1 exec unshare -n sh "$0"
. test/e2e/lib.sh

public=198.51.100.1
ip link set lo up && ip link add lan type veth peer name wan && ip addr add $public/24 dev lan &&
	ip addr add 10.0.0.1/24 dev lan && ip link set lan up && ip link set wan up ||
	bail "no interface in a new network namespace"
random_image stick.img 1

# node NAME ADDR:PORT OPTION...: a rendezvous; its URI is in NAME.uri, its id $met.
node() {
	n_name=$1 n_at=$2
	shift 2
	: >"$work/$n_name.uri"
	"$BIN" -v -s "$work/$n_name" rendezvous --listen "$n_at" "$@" >"$work/$n_name.uri" \
		2>>"$work/$n_name.log" &
	met=$!
	pids="$pids $met"
	wait_for 10 test -s "$work/$n_name.uri"
}

on_nats() {
	"$BIN" -s "$work/$1" status --json | grep -q '"nats":true'
}

registered() {
	"$BIN" -s "$work/lab" status --json | grep -q '"registered":true'
}

# lab OPTION...: a serve at the rendezvous only, registered; its id is $served.
lab() {
	"$BIN" -v -o serve.name=lab -s "$work/lab" serve --listen none "$@" \
		--virtual "disk:$work/stick.img" 2>"$work/lab.log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$work/lab" && wait_for 10 registered
}

# --- nats.conf ---

tls() {
	cd "$work" || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.pem -subj /CN=ca -days 2
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key \
		-out server.csr -subj /CN=nats
	echo "subjectAltName=IP:127.0.0.1" >san
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile san -out server.pem
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key \
		-out other.pem -subj /CN=other -days 2
}

start_nats() { # I
	sed -e "s/NODE/$1/; s,/etc/nats,$work,; s/CHANGE-ME/pass/; s/CHANGE-ME/pass/" \
		-e "s/0\.0\.0\.0:4222/127.0.0.1:1422$1/; s/127\.0\.0\.1:8222/127.0.0.1:1822$1/" \
		-e "s/0\.0\.0\.0:6222/127.0.0.1:1622$1/" \
		-e "s/nats\([123]\)\.example\.net:6222/127.0.0.1:1622\1/" dist/nats.conf \
		>"$work/nats$1.conf"
	check "nats.conf, server $1: nats-server takes it" nats-server -t -c "$work/nats$1.conf"
	nats-server -c "$work/nats$1.conf" -l "$work/nats$1.log" >/dev/null 2>&1 &
	pids="$pids $!"
}

nats() {
	for i in 1 2 3; do start_nats $i; done
	export SSL_CERT_FILE="$work/ca.pem"
	node one 127.0.0.1:0 --nats "tls://rendezvous:pass@127.0.0.1:14221"
	node two 127.0.0.1:0 --nats "tls://rendezvous:pass@127.0.0.1:14223"
	check "a node connects, with TLS" wait_for 20 on_nats one
	check "and another one, elsewhere" wait_for 20 on_nats two
	node wrong 127.0.0.1:0 --nats "tls://rendezvous:guess@127.0.0.1:14221"
	SSL_CERT_FILE=$work/other.pem node fooled 127.0.0.1:0 \
		--nats "tls://rendezvous:pass@127.0.0.1:14221"
	lab --rendezvous "$(cat "$work/one.uri")"
	try "$BIN" -s "$work/anna" list "$("$BIN" -s "$work/lab" invite --name anna)"
	is "a peer at one" "$rc" 0
	sed -i "s,\( lab\) .*,\1 $(cat "$work/two.uri")," "$work/anna/peers"
	try "$BIN" -s "$work/anna" list lab
	is "and from the other node, so the servers are one cluster" "$rc $(cat "$work/err")" "0 "
	check "a wrong password: NATS says no" wait_for 20 grep -q "authentication error" \
		"$work/nats1.log"
	is "and the node is alone" "$(on_nats wrong && echo yes)" ""
	check "with another CA the node says no" wait_for 20 grep -qi "tls handshake error" \
		"$work/nats1.log"
	is "and is alone" "$(on_nats fooled && echo yes)" ""
	unset SSL_CERT_FILE
	end_all
}

# --- turnserver.conf ---

turn() {
	echo pass >"$work/secret"
	sed "s/CHANGE-ME/pass/; s/192\.0\.2\.1\$/$public/" dist/turnserver.conf >"$work/turn.conf"
	turnserver -c "$work/turn.conf" --pidfile "$work/turn.pid" --log-file "$work/turn.log" \
		--verbose >"$work/turn.out" 2>&1 &
	turn=$!
	pids="$pids $turn"
	check "turnserver.conf: coturn runs" wait_for 20 sh -c "ss -Hlnu 'sport = :3478' | grep -q ."
	is "and knows each word of it" "$(grep -ci 'bad config\|unknown\|unrecognized\|invalid' "$work/turn.out" "$work/turn.log" | grep -cv ':0$')" 0
	node meet "$public:13241" --turn "turn:$public" --turn-secret-file "$work/secret"
	lab --rendezvous "$(cat "$work/meet.uri")"
	try "$BIN" -o ice.relay=only -s "$work/berta" bench "$("$BIN" -s "$work/lab" invite)" v-1 --json
	is "peers with the rendezvous' credentials" "$rc $(cat "$work/err")" "0 "
	is "meet through it" "$(jq -r .path "$work/out" | grep -o relay | head -n 1)" relay
	# -y: to peers, here a private one; -c: no second relay for RTCP
	try timeout 20 turnutils_uclient -v -c -n 1 -u eve -W pass -e 10.0.0.1 "$public"
	is "a private address is no peer" "$(grep -c "403" "$work/out" "$work/err" | grep -cv ':0$')" 1
	check "the log says so" grep -q "10.0.0.1.*denied\|Forbidden IP" "$work/turn.log"
	try timeout 20 turnutils_uclient -v -c -n 1 -m 12 -u eve -W pass -e "$public" "$public"
	check "a ninth relay of one peer is one too many" \
		grep "486 (Allocation Quota Reached)" "$work/out" "$work/err"
	try timeout 20 turnutils_uclient -v -c -n 1 -u eve -W guess -e "$public" "$public"
	check "another secret is refused" grep -q "401\|Unauthorized\|credentials are incorrect" \
		"$work/turn.log" "$work/out" "$work/err"
	end_all
}

# --- haproxy.cfg ---

balancer() {
	mkdir -p "$work/n1" "$work/n2"
	"$BIN" -s "$work/n1" id >"$work/n1.id"
	cp "$work/n1/key.pem" "$work/n2"
	start_nats 1
	for i in 1 2; do
		SSL_CERT_FILE=$work/ca.pem node n$i "127.0.0.1:1324$i" --per-address 30000 \
			--nats "tls://rendezvous:pass@127.0.0.1:14221"
		echo "$met" >"$work/n$i.pid"
	done
	sed -e "s/bind :13241/bind $public:13241/; s/192\.0\.2\.1\([123]\):13241/127.0.0.1:1324\1/" \
		-e "s/maxconn .*/maxconn 1000/" dist/haproxy.cfg >"$work/haproxy.cfg"
	check "haproxy.cfg: haproxy takes it" haproxy -c -f "$work/haproxy.cfg"
	haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
	pids="$pids $!"
	pin=$(sed 's/.*#//' "$work/n1.uri")
	check "serve registers through it" lab --rendezvous "rdv://$public:13241#$pin"
	t=$("$BIN" -s "$work/lab" invite --name clara)
	met_on() { "$BIN" -s "$work/$1" status --json | grep -q '"servers":1'; }
	at=1
	! met_on n2 || at=2
	try "$BIN" -s "$work/clara" list "$t"
	is "and is met through it" "$rc" 0
	try "$BIN" -s "$work/clara" list lab
	is "at either node" "$rc $(cat "$work/err")" "0 "
	joins() { "$BIN" -s "$work/$1" status --json | sed 's/.*"joins":\([0-9]*\).*/\1/'; }
	is "both nodes had somebody" "$(($(joins n1) > 0)) $(($(joins n2) > 0))" "1 1"
	kill -9 "$(cat "$work/n$at.pid")"
	check "its node is killed: serve registers at the other one" wait_for 30 met_on "n$((3 - at))"
	try "$BIN" -s "$work/clara" list lab
	is "and is met" "$rc $(cat "$work/err")" "0 "
	end_all
}

# --- sysctl.d ---

kernel() {
	sed -n 's/^\([a-z][^ ]*\) = .*/\1/p' dist/sysctl.d/50-usbp2p-rendezvous.conf >"$work/keys"
	is "sysctl.d: there are keys" "$(($(wc -l <"$work/keys") > 2))" 1
	check "the kernel has each of them" xargs sysctl -n <"$work/keys"
	check "sysctl takes the file" sysctl --dry-run -p dist/sysctl.d/50-usbp2p-rendezvous.conf
}

# with PROGRAM WHAT: what needs it
with() {
	if command -v "$1" >/dev/null; then
		"$2"
	else
		skip "$2" "$1 is missing"
	fi
}

(tls) >"$work/tls.log" 2>&1 || bail "openssl makes no certificates: $(cat "$work/tls.log")"
with nats-server nats
with turnserver turn
with haproxy balancer
with sysctl kernel
finish
