#!/bin/sh
# Servers that announce themselves on the local network: a real Avahi daemon on a bus of
# its own, in a network and a mount namespace that this test makes.
. test/e2e/lib.sh

if [ -z "${LAN_INSIDE:-}" ]; then
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/none
	export DBUS_SYSTEM_BUS_ADDRESS
	try "$BIN" -s "$work/anna" list --lan
	fails "no Avahi daemon" 7 "install and start avahi-daemon"
	try "$BIN" -s "$work/lab" serve --lan --listen 127.0.0.1:0
	is "serve --lan without one: exit code" "$rc" 7
	has "it says so" "$work/err" "install and start avahi-daemon"
	try "$BIN" -s "$work/lab" list --lan lab
	is "list --lan of a peer" "$rc" 2
	if ! unshare -nm true 2>"$work/err"; then
		skip "announcing and finding" "no right to make namespaces: $(cat "$work/err")"
		finish
		exit
	fi
	export LAN_INSIDE="$tap_n"
	end_inside=0
	unshare -nm "$0" || end_inside=1
	exit "$end_inside"
fi
tap_n=$LAN_INSIDE

mount -t tmpfs none /run && mkdir -p /run/avahi-daemon /run/dbus || bail "no /run of our own"
ip link set lo up
ip link add wire type veth peer name other && ip link set other up && ip addr add 10.79.0.1/24 dev wire &&
	ip link set wire up ||
	bail "no network"
cat >"$work/bus.conf" <<-END
	<busconfig>
	<type>system</type>
	<listen>unix:path=$work/bus</listen>
	<auth>EXTERNAL</auth>
	<policy context="default">
	<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
	</policy>
	</busconfig>
END
cat >"$work/avahi.conf" <<-END
	[server]
	host-name=lanhost
	use-ipv4=yes
	use-ipv6=no
	enable-dbus=yes
	[publish]
	publish-hinfo=no
	publish-workstation=no
END
DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/bus
export DBUS_SYSTEM_BUS_ADDRESS
dbus-daemon --config-file="$work/bus.conf" --nofork --nopidfile >"$work/bus.log" 2>&1 &
pids="$pids $!"
wait_for 20 test -S "$work/bus" || bail "no bus: $(cat "$work/bus.log")"
avahi-daemon -f "$work/avahi.conf" --no-drop-root --no-chroot --no-rlimits >"$work/avahi.log" 2>&1 &
pids="$pids $!"
wait_for 30 grep -q "Server startup complete" "$work/avahi.log" || bail "no Avahi: $(cat "$work/avahi.log")"

try "$BIN" -s "$work/anna" list --lan
fails "nobody announces himself" 4 "no server announces itself"
try "$BIN" -s "$work/anna" list --lan --json
is "as JSON" "$rc $(cat "$work/out")" '0 {"schema":"usbp2p/1","kind":"lan","servers":[]}'

random_image stick.img 1
# start_as NAME OPTION...: a serve that calls itself so, with $settings.
start_as() {
	s_name=$1
	shift
	"$BIN" -o serve.name="$s_name" $settings -s "$work/$s_name" serve --listen 10.79.0.1:0 "$@" \
		2>"$work/$s_name.log" &
	served=$!
	pids="$pids $served"
	wait_for 20 serving "$work/$s_name"
}
settings=
check "a serve that keeps quiet" start_as quiet
check "one that does not" start_as lab --lan --virtual "disk:$work/stick.img"
lab=$served
check "it says so" wait_for 30 grep -q 'announced on the local network name="lab"' "$work/lab.log"
settings="-o serve.lan=yes"
check "one by its settings" start_as attic
check "it says so, too" wait_for 30 grep -q 'announced on the local network name="attic"' "$work/attic.log"
try "$BIN" -s "$work/anna" list --lan
is "list --lan: exit code" "$rc" 0
id=$("$BIN" -s "$work/lab" id)
port=$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].listen[0]')
is "it shows the one, by its short id" "$(grep ' lab$' "$work/out" | awk '{ print $1, $2 }')" \
	"$(echo "$id" | cut -c 1-7) $port"
has "and the other" "$work/out" " attic"
has_not "but not the third" "$work/out" quiet
has_not "no whole id" "$work/out" "$id"
try "$BIN" -s "$work/anna" list --lan --json
is "as JSON" "$(jq -c '.servers[] | select(.name == "lab") | keys_unsorted' "$work/out")" \
	'["name","id","address"]'
try "$BIN" -s "$work/anna" list "$("$BIN" -s "$work/lab" invite)"
is "a ticket is still needed" "$rc" 0
try "$BIN" -s "$work/anna" list --lan --json
is "the one that is known is called so" \
	"$(jq -r '.servers[] | select(.name == "lab") | .known_as' "$work/out")" lab
check "serve ends" end_serve "$lab"
gone_from_list() {
	"$BIN" -s "$work/anna" list --lan >"$work/out" && ! grep -q " lab" "$work/out"
}
check "and its announcement with it" wait_for 30 gone_from_list
finish
