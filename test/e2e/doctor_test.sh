#!/bin/sh
# doctor: what it prints, its exit code, and what it learns from servers. Its checks of
# this machine are in test/cmd/doctor_test.c, those of NATs in test/e2e/nat/doctor_test.sh.
. test/e2e/lib.sh

# doctor OPTION...: the object, of what serve needs
doctor() {
	try "$BIN" -s "$work/d" "$@" doctor --for serve --json
}

# finding CHECK: "state what", of each one
finding() {
	jq -r --arg c "$1" '.findings[] | select(.check == $c) | .state + " " + .what' "$work/out"
}

fix() {
	jq -r --arg c "$1" '.findings[] | select(.check == $c) | .fix' "$work/out"
}

doctor
is "JSON: one line that begins with schema and kind" "$(wc -l <"$work/out") $(cut -d , -f 1-2 "$work/out")" \
	'1 {"schema":"usbp2p/1","kind":"doctor"'
is "JSON: keys" "$(jq -r 'keys_unsorted | join(" ")' "$work/out")" "schema kind ok findings"
is "JSON: keys of findings" "$(jq -r '.findings[] | keys_unsorted | join(" ")' "$work/out" | sort -u)" \
	"$(printf 'check state what\ncheck state what fix')"
is "the exit code is what it found" "$rc" \
	"$(jq 'if .ok then 0 else 7 end' "$work/out")"
is "ok, if nothing is missing" "$(jq .ok "$work/out")" \
	"$(jq '[.findings[] | select(.state == "missing")] == []' "$work/out")"
is "each finding that is missing has a command" \
	"$(jq '[.findings[] | select(.state == "missing" and .fix == null)] | length' "$work/out")" 0
n=$(jq '.findings | length' "$work/out")
try "$BIN" -s "$work/d" doctor --for serve
is "columns: a line for each finding" "$(grep -c '^[a-z]' "$work/out")" "$n"
is "nobody is asked who is not set" "$(sed -n 's/^\([a-z]*\)  *nat .*/\1/p' "$work/out")" unknown
try "$BIN" -s "$work/d" doctor --for attach --json
grep -q '"check":"vhci"' "$work/out" && ! grep -q '"check":"usbfs"' "$work/out"
ok "--for attach"
try "$BIN" -s "$work/d" doctor --for both
is "--for nobody" "$rc $(head -n 1 "$work/err")" \
	'2 usbp2p: --for wants serve or attach, not "both"'
try "$BIN" -s "$work/d" doctor me
is "an operand" "$rc" 2
touch "$work/file"
try "$BIN" -s "$work/file/state" doctor --json
is "no state directory" "$rc $(finding state | cut -d ' ' -f 1)" "7 missing"
has "nothing else was tried" "$work/err" "usbp2p: this machine lacks"

# --- a configuration that is wrong: every other command stops there ---

printf '[serve]\nname = lab\n\n[link]\nmtu = long\n[ice]\nstun = 127.0.0.1:1\n' >"$work/wrong.conf"
try "$BIN" -c "$work/wrong.conf" -s "$work/d" id
is "id" "$rc" 2
doctor -c "$work/wrong.conf"
is "doctor finds it" "$rc $(finding config)" \
	"7 missing $work/wrong.conf:5: link.mtu wants auto|1200..9000, not \"long\"; no command starts with that"
is "its command" "$(fix config)" "editor +5 '$work/wrong.conf'"
is "the others are there, too" "$(jq '.findings | length' "$work/out")" "$n"
doctor -o link.mtu=long
is "a wrong -o" "$rc $(finding config | cut -d ' ' -f 1-3) $(fix config)" "7 missing link.mtu wants usbp2p help"
doctor -c "$work/none.conf"
is "no file" "$rc $(finding config | cut -d ';' -f 1)" \
	"7 missing cannot read $work/none.conf: No such file or directory"
is "its command" "$(fix config)" "usbp2p config --example >'$work/none.conf'"
doctor
is "a right one" "$(finding config)" "ok every setting can be read"

# --- a rendezvous ---

"$BIN" -s "$work/meet" rendezvous --listen 127.0.0.1:0 >"$work/uri" 2>"$work/meet.log" &
met=$!
pids="$pids $met"
wait_for 10 test -s "$work/uri" || bail "rendezvous does not start"
uri=$(cat "$work/uri")
at=${uri#rdv://}
at=${at%#*}
doctor -o "serve.rendezvous=$uri"
is "a rendezvous" "$(finding rendezvous)" "ok $at lets us in"
other=$("$BIN" -s "$work/other" id | tr -d -)
doctor -o "serve.rendezvous=rdv://$at#$other"
is "one with another key" "$rc $(finding rendezvous)" \
	"7 missing $at: the rendezvous at this address is another one, its key differs"
kill "$met"
wait "$met"
doctor -o "serve.rendezvous=$uri"
is "one that is not there" "$rc $(finding rendezvous)" "7 missing $at: unreachable"
is "its command" "$(fix rendezvous)" "systemctl start usbp2p-rendezvous, there"

# --- a TURN server, which is one for STUN as well ---

port=$((20000 + $$ % 20000))
cat >"$work/turn.conf" <<-END
	listening-ip=127.0.0.1
	relay-ip=127.0.0.1
	listening-port=$port
	realm=lab
	lt-cred-mech
	user=anna:secret
	no-cli
	no-tls
	no-dtls
	simple-log
	log-file=$work/turn.log
	pidfile=$work/turn.pid
	allow-loopback-peers
	cli-password=x
END
turnserver -c "$work/turn.conf" >"$work/turn.out" 2>&1 &
pids="$pids $!"
turn_answers() {
	doctor -o "ice.stun=127.0.0.1:$port"
	finding nat | grep -q "^ok NAT none"
}
check "a STUN server on this machine sees no NAT" wait_for 10 turn_answers
turn="-o ice.turn=turn:127.0.0.1:$port -o ice.turn.user=anna"
doctor $turn -o ice.turn.password=secret
is "a TURN server, both ways" "$(finding turn | sort)" \
	"$(printf 'ok turn:127.0.0.1:%s by %s relays\n' "$port" TCP "$port" UDP)"
doctor $turn -o ice.turn.password=guessed
is "another password" "$rc $(finding turn | cut -d ' ' -f 1 | uniq)" "7 missing"
is "its command" "$(fix turn | head -n 1 | cut -c 1-24)" "systemctl restart coturn"
doctor -o "ice.stun=127.0.0.1:1"
is "a STUN server that is not there" "$(finding nat | cut -c 1-16)" "warn NAT blocked"
doctor -o "ice.stun=stun.invalid:1"
is "one whose name is not known" "$rc $(finding names | cut -d ' ' -f 1)" "7 missing"

# --- the door, and what filters packets before it ---

cat >"$work/inside" <<-'END'
	ip link set lo up
	$BIN -s "$1/d" doctor --for serve --json >"$1/free"
	$BIN -s "$1/s" serve 2>"$1/s.log" &
	served=$!
	until $BIN -s "$1/s" status >/dev/null 2>&1; do sleep 0.05; done
	$BIN -s "$1/d" doctor --for serve --json >"$1/taken"
	$BIN -s "$1/s" doctor --for serve --json >"$1/ours"
	kill $served
	wait $served
	nft 'table inet f { chain i { type filter hook input priority 0; policy drop; }; }' || exit 9
	$BIN -s "$1/d" doctor --for serve --json >"$1/closed"
	eval "$(jq -r '.findings[] | select(.check == "firewall") | .fix' "$1/closed")"
	$BIN -s "$1/d" doctor --for serve --json >"$1/mended"
END
# shown FILE CHECK: its state and what it says
shown() {
	cp "$work/$1" "$work/out"
	finding "$2"
}
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null; then
	skip "port and packet filter" "no right to make network namespaces"
else
	export BIN
	unshare -n sh "$work/inside" "$work" >"$work/inside.log" 2>&1
	check "a network of its own" test -s "$work/mended" || note <"$work/inside.log"
	is "the port is free" "$(shown free port)" "ok TCP port 13240 is free"
	is "another's" "$(shown taken port | cut -c 1-20)" "warn another program"
	is "our serve's" "$(shown ours port)" "ok TCP port 13240 is serve's"
	is "no packet filter" "$(shown free firewall)" "ok the packet filter lets peers in"
	is "a packet filter" "$(shown closed firewall)" \
		"warn the packet filter (inet f i) lets nobody in at TCP port 13240"
	is "its command mends it" "$(shown mended firewall)" "ok the packet filter lets peers in"
fi
finish
