#!/bin/sh
# Rules of the configuration: who may have which device, when, for how long, how fast.
. test/e2e/lib.sh

random_image stick.img 4
conf=$work/usbp2p.conf
settings="-c $conf"

reload() { # SETTINGS on standard input
	cat >"$conf"
	n=$(grep -c "configuration read again" "$work/lab.log")
	kill -HUP "$served"
	wait_for 10 sh -c "[ \$(grep -c 'configuration read again' '$work/lab.log') -gt $n ]"
}
# once DEVICE...: can anna have it? what she is told is in $work/err
once() {
	try timeout 60 "$BIN" -s "$work/anna" bench lab "$@" --json
}
hour() { # OFFSET: the hour that is so many from now
	date -d "now + $1 hours" +%H
}

: >"$conf"
start_serve lab --virtual "disk:$work/stick.img" --virtual keyboard || bail "serve does not start"
"$BIN" -s "$work/anna" list "$(ticket lab --name anna)" --as lab >/dev/null
once v-1
is "without rules" "$rc" 0
free=$(jq .device.read_mb_s "$work/out")

# --- devices that nobody gets ---
reload <<END
[policy]
never = class=hid
END
"$BIN" -s "$work/anna" list lab >"$work/out"
has "policy.never: others are shared" "$work/out" v-1
has_not "policy.never: those are not" "$work/out" v-2
once v-2
is "policy.never: nor can they be had" "$rc" 4
reload </dev/null
"$BIN" -s "$work/anna" list lab >"$work/out"
has "policy.never: until it is taken back" "$work/out" v-2

# --- when ---
reload <<END
[policy night]
hours = $(hour 3):00-$(hour 3):30, $(hour 4):00-$(hour 4):30
END
once v-1
is "policy NAME.hours: not now" "$rc" 3
has "policy NAME.hours: and it says so" "$work/err" "not at this time (rule night)"
reload <<END
[policy night]
hours = $(hour 3):00-$(hour 3):30
device = class=hid
END
once v-1
is "policy NAME.device: not this one" "$rc" 0
reload <<END
[policy night]
hours = $(hour 3):00-$(hour 3):30
peer = ben, carl
END
once v-1
is "policy NAME.peer: not anna" "$rc" 0
sed 's/carl/anna/' "$conf" >"$conf.anna"
reload <"$conf.anna"
once v-1
is "policy NAME.peer: anna" "$rc" 3

# --- for how long ---
reload <<END
[policy short]
session = 4s
warn = 2s
pause = 15s
END
offer anna lab v-1 || bail "nothing is offered"
hold anna v-1
is "anna has it" "$held" 00000000
t0=$(date +%s%N)
check "policy NAME.warn: she is told before" wait_for 10 grep -q \
	'^v-1 ends in=2s reason="its time is up (rule short)"' "$work/anna.via"
"$BIN" -s "$work/anna" status --json | jq -e --argjson now "$(date +%s)" \
	'.running[0].devices[0].ends | . >= $now and . <= $now + 3' >/dev/null
ok "status knows when"
check "policy NAME.session: and then it is over" wait_for 10 grep -q \
	'^v-1 waits reason="its time is up (rule short)"' "$work/anna.via"
ms=$((($(date +%s%N) - t0) / 1000000))
[ $ms -ge 3000 ] && [ $ms -le 15000 ]
ok "after $ms ms"
kill "$offered" "$holding" 2>/dev/null
wait "$offered"
once v-1
is "policy NAME.pause: not again at once" "$rc" 3
grep -qE 'your time was up, again in [1-9][0-9]* s \(rule short\)' "$work/err"
ok "and it says when" || note <"$work/err"
wait_for 20 sh -c "'$BIN' -s '$work/anna' bench lab v-1 --json >/dev/null 2>&1"
ok "then again"
"$BIN" -s "$work/lab" status --json | jq -r '.running[0].devices[0].claims[].reason' >"$work/out"
has "the status remembers" "$work/out" "its time is up (rule short)"

# --- hours that end while it is in use ---
minute=$(date -d "now + 1 minute" +%H:%M)
[ "$(date +%S)" -lt 50 ] || {
	sleep 12
	minute=$(date -d "now + 1 minute" +%H:%M)
}
reload <<END
[policy day]
hours = $(date +%H:%M)-$minute
warn = 1h
END
offer anna lab v-1 || bail "nothing is offered"
hold anna v-1
check "told of the end of the hours" wait_for 10 grep -q \
	'^v-1 ends in=[0-9]*s reason="its hours are over (rule day)"' "$work/anna.via"
check "which comes" wait_for 70 grep -q \
	'^v-1 waits reason="its hours are over (rule day)"' "$work/anna.via"
now=$(date +%H:%M)
[ "$now" = "$minute" ] || [ "$now" = "$(date -d "$minute + 1 minute" +%H:%M)" ]
ok "when they are over ($minute, it is $now)"
kill "$offered" "$holding" 2>/dev/null
wait "$offered"

# --- how fast ---
reload <<END
[policy slow]
rate = 2M
END
once v-1
slow=$(jq .device.read_mb_s "$work/out")
echo "# $free MB/s without a limit, $slow with one of 2"
jq -e '.device.read_mb_s | . > 1.7 and . < 2.3' "$work/out" >/dev/null
ok "policy NAME.rate"
is "what is read is right" "$(jq -r .device.sha256 "$work/out")" "$(sha256sum <"$work/stick.img" | cut -d' ' -f1)"
reload </dev/null
once v-1
jq -e '.device.read_mb_s > 4' "$work/out" >/dev/null
ok "policy NAME.rate: until it is taken back"
finish
