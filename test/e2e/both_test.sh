#!/bin/sh
# Every peer may give and take: two of them, each with one state directory, share four
# devices each and have the other's four, all eight at once; and each sees every event.
. test/e2e/lib.sh

# start NAME: its serve; its id in $served.
start() {
	settings="-o serve.name=$1"
	random_image "$1.1" 1
	random_image "$1.2" 2
	start_serve "$1" --virtual "disk:$work/$1.1" --virtual "disk:$work/$1.2" \
		--virtual loop --virtual keyboard || bail "serve of $1 does not start"
}
start lab
lab=$served
start ann
ann=$served
"$BIN" -s "$work/ann" list "$(ticket lab --name ann)" --as lab >/dev/null
"$BIN" -s "$work/lab" list "$(ticket ann --name lab)" --as ann >/dev/null
# what each has of the other is looked at all the time
for n in lab ann; do
	"$BIN" -s "$work/$n" status --follow >"$work/$n.follow" 2>/dev/null &
	pids="$pids $!"
done
offer ann lab v-1 v-2 v-3 v-4 || bail "ann is offered nothing"
of_lab=$offered
offer lab ann v-1 v-2 v-3 v-4 || bail "lab is offered nothing"
of_ann=$offered
offers() {
	[ "$(grep -c ' offered at=' "$work/$1.via")" = 4 ]
}
for n in lab ann; do
	check "$n is offered four" wait_for 10 offers $n
	for i in 1 2 3 4; do
		hold $n v-$i
		is "$n has v-$i of the other" "$held" 00000000
	done
done
for n in lab ann; do
	o=$([ $n = lab ] && echo ann || echo lab)
	"$BIN" -s "$work/$n" status --json >"$work/$n.json"
	is "$n shares and has at once" "$(jq -c '[.running[].kind] | sort' "$work/$n.json")" '["attach","serve"]'
	is "$n's four are held" "$(jq -c '[.running[] | select(.kind == "serve") | .devices[].holder]' "$work/$n.json")" \
		"[\"$o\",\"$o\",\"$o\",\"$o\"]"
	for i in 1 2 3 4; do
		check "$n heard that v-$i was taken" wait_for 10 jq -es --arg d v-$i --arg o $o \
			'any(.[]; .kind == "serve" and any(.devices[]; .busid == $d and .holder == $o))' "$work/$n.follow"
	done
done
try "$BIN" -s "$work/ann" detach v-3
is "one of lab's goes" "$rc" 0
check "both hear of it" wait_for 10 sh -c "tail -n 1 '$work/lab.follow' | jq -e '.devices[2].state == \"free\"'"
kill "$of_lab" "$of_ann"
wait "$of_lab"
is "ann lets go" "$?" 0
wait "$of_ann"
is "lab lets go" "$?" 0
end_serve "$lab"
is "lab ends" "$?" 0
end_serve "$ann"
is "ann ends" "$?" 0
finish
