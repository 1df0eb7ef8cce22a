#!/bin/sh
# As a service: what systemd makes of the units, and what its manager is told.
. test/e2e/lib.sh

# --- units ---

mkdir "$work/units"
for u in dist/systemd/*.service; do
	n=${u##*/}
	sed "s,=/usr/bin/usbp2p,=$BIN," "$u" >"$work/units/$n"
	if ! command -v systemd-analyze >/dev/null; then
		skip "$n" "systemd-analyze is missing"
		continue
	fi
	check "$n: systemd can read it" systemd-analyze verify --man=no "$work/units/$n"
	is "$n: and warns of nothing" "$(cat "$work/check")" ""
	check "$n: exposure of at most 2.0" systemd-analyze security --offline=true --threshold=20 \
		--no-pager "$work/units/$n"
	tail -n 1 "$work/check" | note
done
if command -v systemd-sysusers >/dev/null; then
	mkdir -p "$work/root/etc"
	printf 'root:x:0:0::/root:/bin/sh\n' >"$work/root/etc/passwd"
	printf 'root:x:0:\nlp:x:7:\nplugdev:x:46:\n' >"$work/root/etc/group"
	check "users" systemd-sysusers --root="$work/root" "$PWD/dist/sysusers.d/usbp2p.conf"
	is "groups of usbp2p" "$(grep usbp2p "$work/root/etc/group" | cut -d : -f 1,4 | sort | tr '\n' ' ')" \
		"lp:usbp2p plugdev:usbp2p usbp2p-attach:usbp2p usbp2p: "
else
	skip "users" "systemd-sysusers is missing"
fi

# --- what the manager is told ---

cat >"$work/manager" <<'END'
	use Socket;
	$| = 1;
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
	bind($s, pack_sockaddr_un($ARGV[0])) or die;
	print "listening\n";
	while (defined recv($s, my $m, 4096, 0)) { print "$m\n"; }
END
perl "$work/manager" "$work/notify" >>"$work/told" 2>&1 &
pids="$pids $!"
wait_for 10 grep -q listening "$work/told" || bail "no manager: $(cat "$work/told")"
number() {
	grep -c "^$1\$" "$work/told"
}
# as_service NAME OPTION... COMMAND...
as_service() {
	s_name=$1
	shift
	: >"$work/told"
	NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=200000 \
		"$BIN" -s "$work/$s_name" "$@" >"$work/$s_name.out" 2>"$work/$s_name.log" &
	service=$!
	pids="$pids $service"
}
told_often() {
	[ "$(number WATCHDOG=1)" -ge "$1" ]
}
check_service() {
	check "$1: ready" wait_for 20 grep -qx READY=1 "$work/told"
	check "$1: it answers by then" "$BIN" -s "$work/$s_name" status
	check "$1: signs of life" wait_for 20 told_often 5
	kill -STOP "$service"
	wait_for 10 grep -q '^State:.T' "/proc/$service/status"
	before=$(number WATCHDOG=1)
	sleep 1 # five periods: a manager would have noticed by now
	is "$1: none from one that hangs" "$(number WATCHDOG=1)" "$before"
	kill -CONT "$service"
	check "$1: they go on" wait_for 20 told_often $((before + 2))
	if [ "$(id -u)" = 0 ]; then
		is "$1: what is left of root's power" \
			"$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$service/status")" 0000000000081004
	fi
	is "$1: no setuid program gives it back" \
		"$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "/proc/$service/status")" 1
	kill "$service"
	wait "$service"
	wait_for 10 grep -qx STOPPING=1 "$work/told"
	is "$1: ready once" "$(number READY=1)" 1
	is "$1: stopping is the last word" "$(grep -v WATCHDOG "$work/told" | tail -n 1)" STOPPING=1
}
as_service serve -o serve.name=lab serve --listen 127.0.0.1:0 --virtual loop
check_service serve
as_service meet rendezvous --listen 127.0.0.1:0
check_service rendezvous
start_serve lab --virtual loop || bail "serve does not start"
"$BIN" -s "$work/att" list "$(ticket lab)" --as lab >/dev/null 2>&1
as_service att attach --via usbip=127.0.0.1:0 lab
check_service attach
finish
