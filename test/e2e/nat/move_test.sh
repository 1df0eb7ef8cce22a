#!/bin/sh
# A device that is attached survives what NATs do: another address, another kind, a
# router that has forgotten everything. New links serve the same session.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
random_image x.img 1
lab_pair port port || bail "no serve: $(tail -n 3 "$work/lab.log")"
check "anna knows lab" timeout -k 5 60 $in_b "$BIN" $lab_servers -s "$work/anna" list "$t"

$in_b "$BIN" -v -v $lab_servers -s "$work/anna" attach lab --via usbip=127.0.0.1:3251 \
	>"$work/anna.out" 2>"$work/anna.log" &
pids="$pids $!"
says() {
	"$BIN" -s "$work/anna" status --json | jq -er ".running[0]$1"
}
went_on() {
	[ "$(grep -c 'session with lab goes on' "$work/anna.log")" = "$1" ]
}
# moved "what" NUMBER KIND WORDS: it goes on for the n-th time, by such a path.
moved() {
	check "$1: the session goes on" wait_for 60 went_on "$2" || note <"$work/anna.log"
	m_kind=$3 m_words=$4
	check "$1: $3 $4" wait_for 20 by || says .link.path
	is "$1: the device has never left" "$(grep -c offered "$work/anna.out")" 1
	echo "#   $(grep 'session with lab goes on' "$work/anna.log" | tail -n 1 | sed 's/.*goes on //'), $(says .link.path)"
}
by() {
	says .link.path | grep -qF -e "$m_words" &&
		[ "$(says .link.kind | sed 's/host\|srflx\|prflx/direct/')" = "$m_kind" ]
}
check "it is offered" wait_for 20 grep -q 'v-1 offered' "$work/anna.out"
m_kind=direct m_words=$LAB_NA
check "by a direct path" by || says .link.path

ip -n "$lab-nb" addr del "$LAB_NB/24" dev wan
ip -n "$lab-nb" addr add 192.0.2.13/24 dev wan
lab_nowhere nb
lab_forget nb
moved "another address of the router" 1 direct "$LAB_NA"
check "the other side sees it" sh -c "'$BIN' -s '$work/lab' status --json | grep -qF 192.0.2.13"

lab_nat b blocked
moved "no UDP any more" 2 relay "$LAB_SRV"

lab_nat b port
lab_forget na
ip -n "$lab-b" addr del "$LAB_B/24" dev eth0
ip -n "$lab-b" addr add 10.2.0.77/24 dev eth0
ip -n "$lab-b" route add default via 10.2.0.1
moved "another address of its own" 3 direct "$LAB_NA"

# The kernel says so: nobody waits for silence.
b_at=10.2.0.77
readdress() { # ADDRESS: b has it instead of the one it had
	ip -n "$lab-b" addr del "$b_at/24" dev eth0
	ip -n "$lab-b" addr add "$1/24" dev eth0
	ip -n "$lab-b" route replace default via 10.2.0.1
	b_at=$1
}
lab_urbs 3251
t0=$(date +%s%3N)
readdress 10.2.0.78
moved "and another" 4 direct "$LAB_NA"
echo "#   $(($(date +%s%3N) - t0)) ms after the change"
has "and another: it was not silence that told" "$work/anna.log" 'reason="our address is gone"'
lab_urbs_end
is "every request was answered, once" "$(echo "$urbs" | sed 's/answers=[0-9]* \(.*\) longest.*end/\1 end/')" \
	"missing=0 bad=0 end=done"
echo "#   $urbs"

# A better way than the one that works: the new link is there before the old one goes.
ip -n "$lab-b" addr add 10.2.0.79/24 dev eth0
ip -n "$lab-b" route replace default via 10.2.0.1 src 10.2.0.79
links() {
	[ "$(says .links)" = "$1" ]
}
check "the kernel prefers another address: another link" wait_for 20 links 6 || says .links
is "no link was lost for it" "$(grep -c 'session with lab goes on' "$work/anna.log")" 4

# --- serve moves: it is found again, at the rendezvous ---

again() {
	[ "$(grep -c ' registered$' "$work/lab.log")" = 2 ]
}
ip -n "$lab-a" addr del "$LAB_A/24" dev eth0
ip -n "$lab-a" addr add 10.1.0.77/24 dev eth0
ip -n "$lab-a" route replace default via 10.1.0.1
check "serve moves: it is registered again" wait_for 5 again || note <"$work/lab.log"
moved "serve moves" 5 direct "$LAB_NA"
finish
