#!/bin/sh
# Those who should not come in, and a rendezvous that lies: each is told so by an exit code
# and a line, the other side's log says it, and serve keeps nothing of them: neither
# memory nor descriptors nor threads (as in leak_test.sh, which see for the settings).
. test/e2e/lib.sh

liar=$(dirname "$BIN")/test/regress/liar
[ -x "$liar" ] || bail "no $liar: make tests"
rounds=${ROUNDS:-6}
GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=4096:glibc.malloc.top_pad=0
G_SLICE=always-malloc
export GLIBC_TUNABLES G_SLICE

random_image stick.img 1
mkdir -p "$work/liar.d"
mkfifo "$work/orders"
"$liar" "$work/liar.d" <"$work/orders" >"$work/liar.out" 2>"$work/liar.log" &
pids="$pids $!"
exec 7>"$work/orders"
"$BIN" -v -v -s "$work/meet" rendezvous --listen 127.0.0.1:0 >"$work/meet.uri" 2>"$work/meet.log" &
pids="$pids $!"
wait_for 10 test -s "$work/liar.out" && wait_for 10 test -s "$work/meet.uri" ||
	bail "no rendezvous"
liar_uri=$(head -n 1 "$work/liar.out") meet_uri=$(cat "$work/meet.uri")

registered() {
	[ "$("$BIN" -s "$work/$1" status --json | grep -o '"registered":true' | wc -l)" = "$2" ]
}
serve() { # DIR OPTION...
	s_dir=$1
	shift
	"$BIN" -v -v -o serve.name="$s_dir" -s "$work/$s_dir" serve --listen 127.0.0.1:0 "$@" \
		--virtual "disk:$work/stick.img" 2>"$work/$s_dir.log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$work/$s_dir"
}
serve lab --rendezvous "$liar_uri" --rendezvous "$meet_uri" || bail "serve does not start"
check "serve registers at both" wait_for 20 registered lab 2
at=$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].listen[0]')
lab=$served

counts() {
	echo "fds=$(ls "/proc/$lab/fd" | wc -l) threads=$(ls "/proc/$lab/task" | wc -l)"
}
memory() {
	awk '/^Anonymous:/ { print $2 }' "/proc/$lab/smaps_rollup"
}
alone() {
	"$BIN" -s "$work/lab" status --json | grep -qF '"peers":[]'
}
as_before() {
	alone && [ "$(counts)" = "$had" ]
}
# Those of a flood have their time, and their memory, too; then each has left.
no_strangers() {
	[ "$(grep -c ' stranger came ' "$work/lab.log")" = \
		"$(grep -c ' stranger left \| admitted name=' "$work/lab.log")" ]
}

# knows NAME WAY...: these, and no other, are the ways of NAME (as anna) to lab.
anna=$("$BIN" -s "$work/anna" id)
"$BIN" -s "$work/lab" peer allow "$anna" anna
id=$("$BIN" -s "$work/lab" id)
knows() {
	k_dir=$work/$1
	shift
	mkdir -p "$k_dir"
	[ -e "$k_dir/key.pem" ] || cp "$work/anna/key.pem" "$k_dir/key.pem"
	echo "server $id lab $*" >"$k_dir/peers"
}

# liar LIE SIDE: what it does from now on.
order() {
	: >"$work/liar.out"
	echo "$*" >&7
	wait_for 10 grep -q ok "$work/liar.out"
}

# One round; a serve that has had enough of strangers for the moment does not count: it
# takes five a second from a rendezvous, and these come faster.
once() {
	enough=$(grep -c "refuses a stranger" "$work/lab.log")
	try "$@"
	as_told || [ "$(grep -c "refuses a stranger" "$work/lab.log")" = "$enough" ]
}
as_told() {
	[ "$rc" = "$code" ] && { [ -z "$words" ] || grep -q -e "$words" "$work/err"; }
}

# intrudes WHAT CODE WORDS LOG LINE CMD...: rounds of it, each ends with the code and, on
# stderr, the words; LOG has the line at last, which it had not; nothing is left.
intrudes() {
	what=$1 code=$2 words=$3 log=$4 line=$5
	shift 5
	from=0
	[ "$log" = "$work/err" ] || from=$(wc -l <"$log")
	codes= said=0
	for n in $(seq "$rounds"); do
		wait_for 30 once "$@"
		codes="$codes $rc"
		as_told && said=$((said + 1)) || note <"$work/err"
	done
	is "$what: exit code" "$(echo "$codes" | tr ' ' '\n' | sort -u | tr '\n' ' ')" " $code "
	is "$what: it says \"$words\"" "$said" "$n"
	logged() { tail -n +"$((from + 1))" "$log" | grep -q -e "$line"; }
	check "$what: the log says so" wait_for 10 logged || tail -n +"$((from + 1))" "$log" | note
	check "$what: nobody is left" wait_for 20 as_before || echo "# $(counts), was $had"
}

cases() {
	mkdir -p "$work/eve"
	echo "server $id lab $at" >"$work/eve/peers"
	intrudes "an id that nobody invited" 3 "you are not invited" "$work/lab.log" \
		"refused from=127.0.0.1" "$BIN" -s "$work/eve" list lab
	echo "server $id lab $meet_uri" >"$work/eve/peers"
	intrudes "the same at a rendezvous" 3 "you are not invited" "$work/lab.log" \
		"refused from=127.0.0.1" "$BIN" -s "$work/eve" list lab
	rm -f "$work/eve/peers"
	intrudes "a used ticket" 3 "used up or expired" "$work/lab.log" "refused from=.*used up" \
		"$BIN" -s "$work/eve" list "$used"
	intrudes "an expired ticket" 3 "used up or expired" "$work/lab.log" "refused from=.*expired" \
		"$BIN" -s "$work/eve" list "$expired"
	has_none=$(wc -l <"$work/lab.log")
	intrudes "a ticket with one changed character" 2 "this ticket cannot be read" \
		"$work/err" "this ticket cannot be read" "$BIN" -s "$work/eve" list "$typo"
	is "which nobody is asked about" "$(tail -n +"$((has_none + 1))" "$work/lab.log" |
		grep -c 'refused\|stranger')" 0
	knows fooled "${meet_uri%#*}#$(echo "$anna" | tr -d -)"
	intrudes "a wrong pin" 3 "the rendezvous at this address is another one" \
		"$work/meet.log" 'lost peer=new reason="' "$BIN" -s "$work/fooled" list lab
	knows other "$at"
	sed -i "s/$id/$anna/" "$work/other/peers"
	intrudes "a server that presents another key" 3 "its key differs" "$work/lab.log" \
		'stranger left reason="' "$BIN" -s "$work/other" list lab
	knows anna "$liar_uri"
	for side in guest host; do
		order repeat $side
		intrudes "a parcel repeated, to the $side" 6 "closed by the peer" \
			"$([ $side = host ] && echo "$work/lab.log" || echo "$work/err")" \
			"rendezvous brings parcel 2 instead of 3" "$BIN" -s "$work/anna" list lab
	done
	for lie in replay swap flip; do
		order $lie guest
		intrudes "$lie, to the guest" 1 "peer broke the protocol" "$work/lab.log" \
			'did not get through reason="closed by the peer"' "$BIN" -s "$work/anna" list lab
		order $lie host
		intrudes "$lie, to the host" 6 "closed by the peer\|no answer at" "$work/lab.log" \
			'reason="peer broke the protocol"' "$BIN" -s "$work/anna" list lab
	done
	order again host
	intrudes "an offer that is replayed" 0 "" "$work/lab.log" \
		'stranger left reason="' replayed
	order flood host
	intrudes "a flood of offers" 0 "" "$work/lab.log" "refuses a stranger" again
}

# The replay, and not serve's limit: it fills up again by itself, in a second.
replayed() {
	r_enough=$(grep -c "refuses a stranger" "$work/lab.log")
	again && [ "$(grep -c "refuses a stranger" "$work/lab.log")" = "$r_enough" ] || {
		sleep 1
		false
	}
}

# A list that succeeds, and then what the liar makes of it. (Right after a flood serve says
# nothing to strangers, not even that it has no room: such a try is not waited for.)
again() {
	: >"$work/liar.out"
	timeout 5 "$BIN" -s "$work/anna" list lab && wait_for 10 grep -q done "$work/liar.out" &&
		wait_for 30 alone
}

t=$(ticket lab --name bert)
try "$BIN" -s "$work/bert" list "$t"
is "a ticket's one use" "$rc" 0
used=$t
expired=$(ticket lab --ttl 1ms)
t=$(ticket lab)
case $t in
*A) typo=${t%?}B ;;
*) typo=${t%?}A ;;
esac

# Once more: what the libraries keep the first time they may; and again if more of a flood
# got in than before, for the heap keeps its peak. What leaks grows every time.
had=$(counts)
cases
check "the last of the flood has left" wait_for 30 no_strangers
for more in 1 2 3; do
	kb=$(memory)
	tap_first=$tap_n
	cases
	check "and of this one" wait_for 30 no_strangers
	kb=$(($(memory) - kb))
	[ $kb -gt "${TEST_KB:-32}" ] || break
done
[ $kb -le "${TEST_KB:-32}" ]
ok "$(((tap_n - tap_first) / 4)) intruders, $rounds times each: serve grew by $kb kB"

# --- lies of which only time can tell, and another host ---

order drop guest
rounds=1
intrudes "a parcel that is missing" 6 "no answer in time" "$work/lab.log" \
	'did not get through reason="' "$BIN" -s "$work/anna" list lab
order other-host host
random_image other.img 1
mv "$work/other.img" "$work/stick.img" # the lock is on the file of before
serve impostor --rendezvous "$liar_uri" || bail "the impostor does not start"
check "an impostor registers" wait_for 20 registered impostor 1
intrudes "another host" 3 "its key differs" "$work/impostor.log" 'stranger left reason="' \
	"$BIN" -s "$work/anna" list lab
is "it goes on: a guest by an honest rendezvous" "$(knows anna "$meet_uri" &&
	"$BIN" -s "$work/anna" list lab | awk '{ print $1 }')" v-1
end_serve "$lab"
is "serve ends in order" "$?" 0
has_not "no leak was reported" "$work/lab.log" "Sanitizer"
finish
