#!/bin/sh
# A link that has to go through a relay finds the direct way once there is one, and the
# device that is attached goes on: every request is answered, once.
. test/e2e/lib.sh
. test/e2e/nat/lab.sh
lab_start
random_image x.img 1
says() {
	"$BIN" -s "$work/$1" status --json | jq -er ".running[0]$2"
}
kind_is() {
	[ "$(says anna .link.kind | sed 's/host\|srflx\|prflx/direct/')" = "$1" ]
}
sought() {
	[ "$(grep -c 'a direct way is looked for' "$work/anna.log")" -ge "$1" ]
}
# The routers let nothing through between a and b; to the relay there is a way.
apart() {
	ip netns exec "$lab-nb" nft -f - <<-END
		table ip apart {
			chain forw {
				type filter hook prerouting priority -300;
				ip saddr { $LAB_NA, $LAB_A } meta l4proto udp drop
				ip daddr { $LAB_NA, $LAB_A } meta l4proto udp drop
			}
		}
	END
}
together() {
	ip netns exec "$lab-nb" nft delete table ip apart
}

lab_pair port port || bail "no serve: $(tail -n 3 "$work/lab.log")"
check "anna knows lab" timeout -k 5 60 $in_b "$BIN" $lab_servers -s "$work/anna" list "$t"
apart
lab_attach 3251 -o ice.seek=1s || bail "not offered: $(cat "$work/anna.log")"
check "no direct way: through the relay" kind_is relay || says anna .link.path
check "requests go through" lab_urbs 3251 || note <"$work/urbs"
check "a direct way is looked for" wait_for 30 sought 1
check "again" wait_for 60 sought 2
check "in vain" kind_is relay
is "by the first link" "$(says anna .links)" 1
together
check "there is one: it is found" wait_for 120 kind_is direct || note <"$work/anna.log"
is "it goes to a's router" "$(says anna .link.path | sed 's/.*-> [a-z]* \(.*\):.*/\1/')" "$LAB_NA"
is "by a second link" "$(says anna .links)" 2
check "serve says the same" wait_for 5 sh -c "'$BIN' -s '$work/lab' status --json |
	jq -e '.running[0].peers[0].link.kind != \"relay\"'"
lab_urbs_end
is "every request was answered, once" "$(echo "$urbs" | sed 's/answers=[0-9]* \(.*\) longest.*end/\1 end/')" \
	"missing=0 bad=0 end=done"
echo "#   $urbs"
is "the device has never left" "$(grep -c offered "$work/anna.out")" 1
n=$(grep -c 'a direct way is looked for' "$work/anna.log")
sleep 4
is "nothing is looked for any more" "$(grep -c 'a direct way is looked for' "$work/anna.log")" "$n"
end_serve "$attached"

has_not "serve does not complain of tries" "$work/lab.log" "did not get through"

# --- told not to ---

apart
lab_attach 3252 -o ice.seek=no || bail "not offered: $(cat "$work/anna.log")"
check "ice.seek=no: through the relay" kind_is relay
sleep 4
is "nothing is looked for" "$(grep -c 'a direct way is looked for' "$work/anna.log")" 0
finish
