#!/bin/sh
# Who may use the control sockets: the same user, root, and the members of a group; how
# soon they answer; and what they can be asked.
. test/e2e/lib.sh

random_image stick.img 1
sock=$work/lab/run/serve.sock

# ask REQUEST [AS...]: connects, sends it, prints what comes until the other side closes
cat >"$work/ask.pl" <<'END'
use Socket;
my ($path, $request) = @ARGV;
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
connect($s, pack_sockaddr_un($path)) or do { print "connect: $!\n"; exit 1 };
syswrite($s, "$request\n") if $request ne "";
print while <$s>;
END
ask() {
	a_request=$1
	shift
	"$@" perl "$work/ask.pl" "$sock" "$a_request"
}

if [ "$(id -u)" != 0 ]; then
	skip "control sockets" "not root: nobody else to be"
	finish
	exit
fi
group=users
gid=$(getent group $group | cut -d : -f 3)
chmod 711 "$work"
cp "$BIN" "$work/usbp2p"
member="setpriv --reuid 65534 --regid 65534 --groups $gid"
primary="setpriv --reuid 65534 --regid $gid --clear-groups"
other="setpriv --reuid 65534 --regid 65534 --clear-groups"
mode() {
	stat -c '%a %G' "$1"
}

start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
is "0600 unless told" "$(stat -c %a "$sock")" 600
is "and its directories are closed" "$(stat -c %a "$work/lab" "$work/lab/run" | sort -u)" 700
try $other "$work/usbp2p" -s "$work/lab" status
fails "somebody else" 7 "set control.group"
end_serve "$served"

settings="-o control.group=$group"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
is "control.group" "$(mode "$sock")" "660 $group"
is "keys stay their owner's" "$(stat -c %a "$work/lab/key.pem")" 600
is "and so does the directory, but for passing through" "$(mode "$work/lab")" "710 $group"
try $member "$work/usbp2p" -s "$work/lab" status --json
is "a member is answered" "$rc $(jq -r '.running[0].kind' "$work/out")" "0 serve"
try $primary "$work/usbp2p" -s "$work/lab" status --json
is "one whose first group it is, too" "$rc" 0
try $other "$work/usbp2p" -s "$work/lab" status
is "another one is not" "$rc" 7
try $member cat "$work/lab/key.pem"
[ "$rc" != 0 ]
ok "a member cannot read the key"

# --- past the modes of files: who it is, is looked at, too ---
chmod 711 "$work/lab" "$work/lab/run"
chmod 666 "$sock"
is "a stranger gets no answer" "$(ask '{"cmd":"status"}' $other)" ""
ask '{"cmd":"status"}' $member | grep -q '"kind":"serve"'
ok "a member does"
chmod 710 "$work/lab"
chmod 750 "$work/lab/run"
chmod 660 "$sock"

# --- what can be asked ---
ask '{"cmd":"list"}' | jq -e '.kind == "devices" and .devices[0].busid == "v-1"' >/dev/null
ok "list"
try $member "$work/usbp2p" -s "$work/lab" bind 1-4 --as printer --mode queued
is "a member binds" "$rc $(cat "$work/lab/bound")" "0 as=printer mode=queued 1-4"
try $member "$work/usbp2p" -s "$work/lab" bind 1-5 --as printer
fails "but not twice under one name" 5 "another device has that nickname"
try $member "$work/usbp2p" -s "$work/lab" unbind printer
is "and unbinds" "$rc $(cat "$work/lab/bound")" "0 "
try $member "$work/usbp2p" -s "$work/lab" unbind printer
fails "once" 4 "that was not bound"
has "serve says who told it" "$work/lab.log" 'serve was told to bind "1-4"'
is "bind wants a device" "$(ask '{"cmd":"bind"}' | jq -r .exit)" 2
"$BIN" -s "$work/anna" list "$(ticket lab)" --as lab >/dev/null
offer anna lab v-1
hold anna v-1
is "anna has it" "$held" 00000000
is "detach" "$(ask '{"cmd":"detach","busid":"v-1"}' | jq -r .kind)" done
check "takes it from anna" wait_for 10 grep -q 'v-1 waits reason="the server took it back"' "$work/anna.via"
check "anna has it again" wait_for 10 sh -c "[ \$(grep -c '^v-1 offered' '$work/anna.via') = 2 ]"
hold anna v-1
try $member "$work/usbp2p" -s "$work/lab" detach --shared --in 2s v-1
is "detach --shared" "$rc" 0
check "--in: anna is told" wait_for 10 grep -q \
	'^v-1 ends in=2s reason="the server took it back"' "$work/anna.via"
is "and has it until then" "$(grep -c 'v-1 waits' "$work/anna.via")" 1
check "then it is taken" wait_for 10 sh -c \
	"[ \$(grep -c 'v-1 waits reason=\"the server took it back\"' '$work/anna.via') = 2 ]"
try "$work/usbp2p" -s "$work/lab" detach --shared v-9
fails "--shared of nothing" 4 "there is no device"
try "$work/usbp2p" -s "$work/anna" detach --shared v-1
fails "--shared without serve" 4 "no serve runs here"
try "$work/usbp2p" -s "$work/lab" detach --in 2s v-1
is "--in alone" "$rc" 2
try "$work/usbp2p" -s "$work/lab" detach --shared --in soon v-1
is "--in what?" "$rc" 2
is "what a later version asks with is left alone" \
	"$(ask '{"cmd":"status","later":[1,{"a":null}]}' | jq -r .kind)" serve
is "detach of nothing" "$(ask '{"cmd":"detach","busid":"v-9"}' | jq -r .exit)" 4
is "nonsense" "$(ask '{"cmd":"dance"}' | jq -r .kind)" error

# --- time ---
cat >"$work/time.pl" <<'END'
use Socket;
use Time::HiRes 'time';
my @ms;
for (1 .. 21) {
	my $t = time;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, pack_sockaddr_un($ARGV[0])) or die;
	syswrite($s, "{\"cmd\":\"status\"}\n");
	1 while <$s>;
	push @ms, (time - $t) * 1000;
}
printf("%d\n", (sort { $a <=> $b } @ms)[10]);
END
ms=$(perl "$work/time.pl" "$sock")
[ "$ms" -lt 100 ]
ok "status is answered in $ms ms"
t0=$(date +%s)
ask '' >/dev/null
[ $(($(date +%s) - t0)) -le 30 ]
ok "who asks nothing is sent away"

# --- while it runs ---
end_serve "$served"
printf '[control]\ngroup = %s\n' "$group" >"$work/c.conf"
settings="-c $work/c.conf"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
is "from a file" "$(mode "$sock")" "660 $group"
echo >"$work/c.conf"
kill -HUP "$served"
check "taken back" wait_for 10 grep -q "configuration read again" "$work/lab.log"
is "the socket is closed" "$(stat -c %a "$sock")" 600
end_serve "$served"
try "$BIN" -o control.group=nobody-has-this -s "$work/lab" serve --listen 127.0.0.1:0
is "a group that there is not" "$rc" 2
finish
