#!/bin/sh
# Configuration files: who wins, what is wrong and where, what `config` shows, and a
# SIGHUP that takes no device from anybody.
. test/e2e/lib.sh

random_image stick.img 1
random_image more.img 1
conf=$work/usbp2p.conf
settings="-c $conf"

# value KEY [SECTION]: and where it is from, as config tells
value() {
	"$BIN" $settings config --json | jq -r --arg k "$1" --arg s "${2:-}" \
		'.settings[] | select(.key == $k and (.section // "") == $s) | "\(.value) \(.from)"'
}

# --- errors ---
printf '[link]\ncc = cubic\nfoo = 1\n' >"$conf"
try "$BIN" $settings config
fails "unknown key" 2 "$conf:3: unknown key \"foo\" in [link]"
try "$BIN" $settings serve
fails "every command says so" 2 "$conf:3: unknown key \"foo\""
try "$BIN" $settings help
is "but help" "$rc" 0
printf '[serve]\nlan = maybe\n' >"$conf"
try "$BIN" $settings config
fails "bad value" 2 "$conf:2: serve.lan wants yes|no, not \"maybe\""
try "$BIN" -c "$work/none" config
fails "no such file" 1 "cannot read $work/none"

# --- who wins ---
cat >"$conf" <<END
[link]
cc = cubic
mtu = 1300
[ice]
turn.user = anna
turn.password = hunter2hunter2
[attach lab]
peer = lab
device = v-1
END
settings="-c $conf -o link.mtu=1400"
is "from the file" "$(value link.cc)" "cubic $conf:2"
is "-o wins" "$(value link.mtu)" "1400 -o"
is "by default" "$(value link.fast)" "yes default"
is "of a section" "$(value 'attach NAME.device' lab)" "v-1 $conf:9"
is "by default in a section" "$(value 'attach NAME.via' lab)" "vhci default"
"$BIN" $settings config >"$work/effective"
"$BIN" $settings config --json >>"$work/effective"
has_not "a password is not shown" "$work/effective" hunter2
"$BIN" $settings config >"$work/again.conf"
"$BIN" -c "$work/again.conf" config | grep -v '^;' >"$work/second"
grep -v '^;' "$work/again.conf" >"$work/first"
check "what config prints is a configuration" diff "$work/first" "$work/second"
"$BIN" config --example | sed 's/^;\([a-z_.]* = .\)/\1/; s/^;\[/[/' >"$work/example.conf"
try "$BIN" -c "$work/example.conf" config --json
is "the example is one, too, when it is uncommented" "$rc" 0
is "and says what is so by default" "$(jq -r '.settings[] | select(.section == null) | "\(.key) \(.value)"' "$work/out" | grep -v serve.name)" \
	"$("$BIN" config --json | jq -r '.settings[] | "\(.key) \(.value)"' | grep -v serve.name)"
try cmp dist/usbp2p.conf - <<END
$("$BIN" config --example)
END
is "dist/usbp2p.conf is that example" "$rc" 0
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$work/home/.config/usbp2p"
	echo '[link]
cc = cubic' >"$work/home/.config/usbp2p/usbp2p.conf"
	cp "$BIN" "$work/usbp2p"
	chmod 755 "$work" "$work/home" "$work/home/.config" "$work/home/.config/usbp2p"
	HOME=$work/home setpriv --reuid 65534 --regid 65534 --clear-groups "$work/usbp2p" config >"$work/out"
	has "a user has a file of one's own" "$work/out" "$work/home/.config/usbp2p/usbp2p.conf:2"
	XDG_CONFIG_HOME=$work/home/.config setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$work/usbp2p" config >"$work/out"
	has "also by XDG_CONFIG_HOME" "$work/out" "cc = cubic"
else
	HOME=$work XDG_CONFIG_HOME=$work/.config
	mkdir -p "$work/.config/usbp2p"
	echo '[link]
cc = cubic' >"$work/.config/usbp2p/usbp2p.conf"
	"$BIN" config >"$work/out"
	has "a user has a file of one's own" "$work/out" "cc = cubic"
	rm -r "$work/.config"
	skip "also by XDG_CONFIG_HOME" "not root"
fi

# --- serve by its file alone ---
cat >"$conf" <<END
[serve]
name = attic
listen = 127.0.0.1:0
share = 1d6b:0104
usbip = 127.0.0.1:0
usbip_allow = 192.0.2.0/24
virtual =
	disk:$work/stick.img,ro
	disk:$work/more.img
[peers]
ttl = 2h
uses = 2
[log]
level = debug
END
state() {
	"$BIN" -s "$work/lab" status --json | jq -r ".running[0]$1"
}
settings="-c $conf"
"$BIN" $settings -s "$work/lab" serve 2>"$work/lab.log" &
served=$!
pids="$pids $served"
check "serve" wait_for 10 serving "$work/lab"
is "serve.name" "$(state .name)" attic
state '.listen[]' | grep -q '^127\.0\.0\.1:[0-9]*$'
ok "serve.listen"
state .usbip | grep -q '^127\.0\.0\.1:[0-9]*$'
ok "serve.usbip"
is "serve.virtual" "$(state '.devices | map(select(.busid | startswith("v-"))) | length')" 2
now=$(date +%s)
t=$("$BIN" $settings -s "$work/lab" invite)
read -r t_id t_secret t_expiry t_uses t_rest <"$work/lab/tickets"
left=$((t_expiry - now))
[ $left -ge 7190 ] && [ $left -le 7260 ]
ok "peers.ttl: $left s"
is "peers.uses" "$t_uses" 2

# --- reload ---
"$BIN" -s "$work/anna" list "$t" --as lab >/dev/null
check "offer" offer anna lab v-1
check "hold" hold anna v-1
is "a stock client has v-1" "$held" 00000000
has "log.level=debug" "$work/lab.log" " debug: "
holder() {
	[ "$(state '.devices[] | select(.busid == "v-1") | .holder')" = "${1:-null}" ]
}
check "serve says who" wait_for 10 holder vm || state .devices | note
who=$(state '.devices[] | select(.busid == "v-1") | .holder')
sed -i 's/^name = attic/name = cellar/; s/^level = debug/level = info/; s/^ttl = 2h/ttl = 3h/' "$conf"
sed -i 's/^usbip = .*/usbip = no/' "$conf"
kill -HUP "$served"
check "it reads the file again" wait_for 10 grep -q "configuration read again" "$work/lab.log"
is "and is called otherwise" "$(state .name)" cellar
has "says what has changed" "$work/lab.log" "info: configuration serve.name changed"
has "and what has not yet" "$work/lab.log" \
	"info: configuration serve.usbip changed: takes effect when serve is started again"
check "the device is where it was" holder "$who"
lines=$(grep -c " debug: " "$work/lab.log")
"$BIN" -s "$work/anna" list lab >/dev/null
is "log.level is that of the new one" "$(grep -c " debug: " "$work/lab.log")" "$lines"
echo 'nonsense' >>"$conf"
kill -HUP "$served"
check "a wrong file is told" wait_for 10 grep -q \
	"error: configuration is kept as it was reason=\"$conf:15: neither" "$work/lab.log"
is "and nothing changes" "$(state .name)" cellar
check "nor does the device" holder "$who"
kill "$holding"
end_all

# --- serve.share, while it runs ---
cat >"$conf" <<END
[serve]
listen = 127.0.0.1:0
END
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
kill -HUP "$served"
check "HUP without a change" wait_for 10 grep -q "configuration read again" "$work/lab.log"
has_not "changes nothing" "$work/lab.log" "changed"
end_serve "$served"

# --- rendezvous ---
echo "s3cret" >"$work/secret"
cat >"$conf" <<END
[rendezvous]
listen = 127.0.0.1:0, 127.0.0.1:0
turn = turn:192.0.2.1:3478
turn_secret_file = $work/secret
END
"$BIN" $settings -s "$work/rdv" rendezvous >"$work/rdv.out" 2>"$work/rdv.log" &
pids="$pids $!"
check "rendezvous" wait_for 10 grep -q rdv:// "$work/rdv.out"
is "rendezvous.listen" "$(grep -c '^rdv://127' "$work/rdv.out")" 2
lends() { # a TURN server that nobody is at, but doctor names it
	"$BIN" -s "$work/sick" -o "serve.rendezvous=$(head -n 1 "$work/rdv.out")" doctor --for serve --json |
		jq -e --arg t "$1" 'any(.findings[]; .check == "turn" and (.what | contains($t)))'
}
again() {
	n=$(grep -c "$1" "$work/rdv.log")
	kill -HUP $!
	wait_for 10 sh -c "[ \$(grep -c '$1' '$work/rdv.log') -gt $n ]"
}
sed -i 's,^turn = .*,turn = turn:127.0.0.1:1,' "$conf"
check "HUP" again "configuration read again"
check "rendezvous.turn: another server" wait_for 10 lends 127.0.0.1:1
: >"$work/secret"
check "HUP without a secret" again "kept as they were"
check "nothing changes" lends 127.0.0.1:1
end_all
echo "s3cret" >"$work/secret"
sed -i '/secret/d' "$conf"
try "$BIN" $settings -s "$work/rdv" rendezvous
is "rendezvous.turn without the secret" "$rc" 2
sed -i "s,^turn = .*,turn_secret_file = $work/secret," "$conf"
try "$BIN" $settings -s "$work/rdv" rendezvous
is "rendezvous.turn_secret_file without the server" "$rc" 2
"$BIN" -o rendezvous.nats=nats://127.0.0.1:1 -s "$work/rdv" rendezvous \
	--listen 127.0.0.1:0 >"$work/rdv.out" 2>"$work/rdv.log" &
pids="$pids $!"
check "rendezvous.nats" wait_for 10 sh -c "'$BIN' -s '$work/rdv' status --json |
	jq -e '.running[0].nats == false'"
end_all
# one at a time: the second is turned away
# sets rendezvous.peers
# sets rendezvous.per_address
# sets rendezvous.handshakes
for key in peers per_address handshakes; do
	"$BIN" -v -v -o rendezvous.$key=1 -s "$work/rdv" rendezvous --listen 127.0.0.1:0 \
		>"$work/rdv.out" 2>"$work/rdv.log" &
	pids="$pids $!"
	check "rendezvous" wait_for 10 grep -q rdv:// "$work/rdv.out"
	for who in met1 met2 met3; do
		"$BIN" -s "$work/$who" serve --listen none --virtual loop \
			--rendezvous "$(cat "$work/rdv.out")" 2>"$work/$who.log" &
		pids="$pids $!"
	done
	check "rendezvous.$key" wait_for 10 grep -q "refuses" "$work/rdv.log"
	end_all
done
try "$BIN" -o rendezvous.nats=nats://a:guess-it@127.0.0.1:1 config
has_not "the password in rendezvous.nats is not shown" "$work/out" guess-it
finish
