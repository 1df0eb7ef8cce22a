#!/bin/sh
# What status shows is so: each number is held against where it comes from.
. test/e2e/lib.sh

random_image stick.img 8
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start"
"$BIN" -s "$work/anna" list "$(ticket lab --name anna)" --as lab >/dev/null

lab() {
	"$BIN" -s "$work/lab" status --json | jq -r ".running[0]$1"
}
# near A B: within a fifth, and a megabyte
near() {
	[ "$1" -le $(($2 * 6 / 5 + 1024)) ] && [ "$1" -ge $(($2 * 4 / 5 - 1024)) ]
}
vm() { # NAME: of serve, in kB
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$served/status"
}

# --- the process ---
is "pid" "$(lab .pid)" "$served"
near "$(lab .memory.rss_kb)" "$(vm VmRSS)"
ok "memory.rss_kb: $(lab .memory.rss_kb), the kernel says $(vm VmRSS)"
near "$(lab .memory.anon_kb)" "$(vm RssAnon)"
ok "memory.anon_kb: $(lab .memory.anon_kb), the kernel says $(vm RssAnon)"
sleep 1
up=$(lab .uptime_s)
is "uptime_s" $(($(date +%s) - $(lab .since) - up <= 1)) 1
[ "$up" -ge 1 ]
ok "and it grows: $up"
count() {
	grep -c " $1: " "$work/lab.log"
}
is "logged.warnings" "$(lab .logged.warnings)" "$(count warn)"
is "logged.errors" "$(lab .logged.errors)" "$(count error)"
end_serve "$served"
printf '' >"$work/c.conf"
settings="-c $work/c.conf"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start again"
echo nonsense >"$work/c.conf"
before=$(lab .logged.errors)
kill -HUP "$served"
check "an error" wait_for 10 grep -q "error: configuration" "$work/lab.log"
is "logged.errors counts it" "$(lab .logged.errors)" $((before + 1))

# --- a device: who has it since when, and who had it ---
"$BIN" -s "$work/anna" list "$(ticket lab)" --as lab >/dev/null
offer anna lab v-1 || bail "nothing is offered"
t0=$(date +%s)
hold anna v-1
is "a stock client of anna's has it" "$held" 00000000
is "holder" "$(lab '.devices[0].holder')" anna
since=$(lab '.devices[0].since')
[ "$since" -ge "$t0" ] && [ "$since" -le "$(date +%s)" ]
ok "since"
ms=$(lab '.devices[0].claimed.open_ms')
logged=$(sed -n 's/.*device v-1 lent to=anna open_ms=\([0-9]*\)$/\1/p' "$work/lab.log" | tail -n 1)
is "claimed.open_ms" "$ms" "$logged"
"$BIN" -s "$work/lab" status >"$work/out"
has "for people" "$work/out" "held by anna since $(date -u -d "@$since" '+%Y-%m-%d %H:%M:%S UTC')"
kill "$holding"
check "given back" wait_for 10 sh -c "grep -q 'device v-1 is back' '$work/lab.log'"
is "claims remember it" \
	"$(lab '.devices[0].claims[0] | [.by, .since, .failed, .reason, (.until >= .since)] | tostring')" \
	"[\"anna\",$since,false,\"given back\",true]"
hold anna v-1
kill "$holding"
check "given back again" wait_for 10 sh -c "[ \$(grep -c 'device v-1 is back' '$work/lab.log') = 2 ]"
is "the newest is the first" "$(lab '.devices[0].claims | length') $(lab '.devices[0] | .claims[0].since >= .claims[1].since')" "2 true"
kill "$offered"
wait "$offered"

# --- a link: what bench measures is what status shows ---
"$BIN" -s "$work/anna" bench lab --time 8s --json >"$work/bench" &
bench=$!
pids="$pids $bench"
link() {
	lab ".peers[0].link$1"
}
flows() {
	[ "$(link "$1")" -gt 1000000 ] 2>/dev/null
}
check "goodput_out: it flows" wait_for 20 flows .goodput_out
one=$(link .bytes_out)
t0=$(date +%s%N)
rate=0
for i in 1 2 3; do
	sleep 1
	r=$(link .goodput_out)
	[ "$r" -le "$rate" ] || rate=$r
done
mean=$((($(link .bytes_out) - one) * 1000 / (($(date +%s%N) - t0) / 1000000)))
[ "$rate" -gt $((mean / 4)) ] && [ "$rate" -lt $((mean * 4)) ]
ok "goodput_out: $rate bytes/s, bytes_out grew by $mean a second"
link .cc_state | grep -qE '^(startup|drain|cycle|probe_rtt)$'
ok "cc_state: $(link .cc_state)"
flows .rate
ok "rate: $(link .rate)"
is "kind" "$(link .kind)" host
[ "$(link .rtt_us)" -ge "$(link .min_rtt_us)" ]
ok "rtt_us, min_rtt_us"
"$BIN" -s "$work/lab" status >"$work/out"
grep -q "bbr: [a-z_]*, out [1-9][0-9]* and in [0-9]* bytes/s" "$work/out"
ok "for people" || note <"$work/out"
check "goodput_in: then the other way" wait_for 20 flows .goodput_in
wait "$bench"
is "bench" "$?" 0
hold_link() {
	offer anna lab v-1 && hold anna v-1
}
check "a link that does nothing" hold_link
sleep 3
is "has no goodput" "$(link .goodput_out) $(link .goodput_in)" "0 0"
is "nor anything in flight" "$(link .inflight)" 0
end_serve "$served"

# --- cubic has states, too ---
settings="-o link.cc=cubic"
start_serve lab --virtual "disk:$work/stick.img" || bail "serve does not start again"
"$BIN" -s "$work/anna" bench "$(ticket lab)" --as lab --time 2s >/dev/null 2>&1 &
bench=$!
pids="$pids $bench"
state() {
	link .cc_state | grep -qE '^(slow_start|avoidance)$'
}
check "cc_state of cubic" wait_for 20 state
wait "$bench"

# --- follow ---
kill "$offered" "$holding" 2>/dev/null
wait "$offered"
"$BIN" -s "$work/lab" status --follow >"$work/follow" &
pids="$pids $!"
check "follow begins with what is" wait_for 10 grep -q '"kind":"serve"' "$work/follow"
sleep 1
n=$(wc -l <"$work/follow")
sleep 2
is "nothing happens, nothing is said" "$(wc -l <"$work/follow")" "$n"
offer anna lab v-1
hold anna v-1
check "a device is taken, that is said" wait_for 10 grep -q '"holder":"anna"' "$work/follow"
jq -e .kind <"$work/follow" >/dev/null
ok "each line is JSON"
end_serve "$served"
check "the end, too" wait_for 10 grep -q '"kind":"ended"' "$work/follow"

# --- what takes a slow line to come by: somebody else says it ---
mkdir -p "$work/told/run"
perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die "$ARGV[0]: $!\n";
	while (my $c = $s->accept) {
		print $c $ARGV[1], "\n" if defined(<$c>);
		close($c);
	}' "$work/told/run/attach-00000000.sock" '{"schema":"usbp2p/1","kind":"attach","pid":1,"peer":"far","devices":[{"busid":"1-4","id":"1d6b:0104","product":"Stick","state":"attached","compression":{"on":true,"messages":7,"bytes":4000000,"carried":123456}},{"busid":"1-5","id":"1d6b:0104","product":"Other","state":"attached","compression":{"on":false,"messages":1,"bytes":65536,"carried":300}},{"busid":"1-6","id":"1d6b:0104","product":"Mouse","state":"attached","compression":{"on":false,"messages":0,"bytes":0,"carried":0}}]}' &
pids="$pids $!"

check "somebody else" wait_for 10 test -S "$work/told/run/attach-00000000.sock"
try "$BIN" -s "$work/told" status
is "what was compressed" "$(sed -n 's/.*\(1-[456]\).*attached\(.*\)/\1\2/p' "$work/out" | tr '\n' ';')" \
	"1-4, compressed 4000000 to 123456 bytes;1-5, compressed 65536 to 300 bytes (not now);1-6;"
finish
