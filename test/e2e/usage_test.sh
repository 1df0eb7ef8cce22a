#!/bin/sh
# What is typed wrong is usage (2) with one line that says what; help and version.
. test/e2e/lib.sh

# refuses "text" WORDS... : exit code 2, and the first line of stderr is ours.
refuses() {
	what=$1
	shift
	try "$BIN" -s "$work/s" "$@"
	is "$what: exit code" "$rc" 2
	line=$(head -n 1 "$work/err")
	case $line in
	"usbp2p: "?*) true ;;
	*) false ;;
	esac
	ok "$what: $line"
	is "$what: nothing on stdout" "$(cat "$work/out")" ""
}

commands="serve bind unbind invite peer list attach detach status rendezvous tui bench describe reset doctor
	config id completion help"

try "$BIN" --version
is "--version" "$rc $(sed 's/ [0-9][0-9.]*$/ N/' "$work/out")" "0 usbp2p N"
try "$BIN" --help
is "--help: exit code" "$rc" 0
try "$BIN" help
for c in $commands; do
	grep -q "^  $c  *[a-z]" "$work/out"
	ok "help names $c"
done
is "help names no more" "$(sed -n '/^commands:/,/^$/p' "$work/out" | grep -c '^  ')" \
	"$(echo "$commands" | wc -w)"
for key in ice.ports ice.relay ice.stun ice.turn ice.turn.user ice.turn.password link.cc link.fast link.mtu serve.name; do
	has "help names $key" "$work/out" "$key="
done
for c in $commands; do
	try "$BIN" help "$c"
	is "help $c" "$rc $(head -n 1 "$work/out" | cut -d ' ' -f 1-3)" "0 usage: usbp2p $c"
	# every option of the usage line is explained
	grep -o '\[--[a-z]*' "$work/out" | tr -d '[' | sort -u >"$work/named"
	grep -o '^  --[a-z]*' "$work/out" | tr -d ' ' | sort -u >"$work/told"
	check "help $c explains its options" cmp "$work/named" "$work/told"
done

try "$BIN"
is "no command" "$rc" 2
refuses "unknown command" nosuch
refuses "help of an unknown command" help nosuch
refuses "unknown option before the command" -x id
refuses "-o without a setting" -o
for c in serve invite list attach detach status bench; do
	refuses "$c --nosuch" "$c" --nosuch
done
refuses "bind --nosuch" bind --nosuch
refuses "option without its argument" invite --name
refuses "argument for an option that has none" status --json=yes
refuses "id with an argument" id x
refuses "status with an argument" status x
refuses "serve with an argument" serve x
refuses "invite with an argument" invite x
refuses "list of two" list a b
refuses "list --as alone" list --as x
refuses "attach of nobody" attach
refuses "bench of nobody" bench
refuses "detach of nothing" detach
refuses "detach of all and one" detach --all v-1
refuses "bind of nothing" bind
refuses "unbind of nothing" unbind
refuses "bind of no device" bind 1d6b:10
refuses "unbind of no device" unbind 1-4.
refuses "serve: no device" serve --share 1d6b:10 --listen 127.0.0.1:0
refuses "serve: no virtual device" serve --virtual printer:x --listen 127.0.0.1:0
refuses "serve: no address" serve --listen here
refuses "bench: no device" bench lab 1d6b:10
refuses "attach --write-cache without storage" attach --write-cache --no-assist=storage lab
refuses "attach --as: no name" attach --as "a b" lab
refuses "list --as: no name" list --as -x lab

for bad in nosuch link.nosuch=1 =x link.cc link.cc= link.cc=reno link.fast=on link.mtu=1199 \
	link.mtu=9001 link.mtu=1400x link.mtu=-1 ice.ports= ice.ports=0 ice.ports=70000 \
	ice.ports=20-10 ice.ports=10- ice.ports=1-2-3 serve.name= "serve.name=a b" \
	serve.name=-x serve.name=12; do
	refuses "-o $bad" -o "$bad" id
done
check "good settings" "$BIN" -s "$work/s" -o link.cc=bbr -o link.cc=cubic -o link.fast=no \
	-o link.mtu=9000 -o ice.ports=1 -o ice.ports=13240-13299 -o serve.name=lab-1 id
finish
