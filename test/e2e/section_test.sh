#!/bin/sh
# [attach NAME]: what is attached for good. It waits for its server, for its devices,
# and takes nothing twice.
. test/e2e/lib.sh

random_image stick.img 1
port=$((41700 + $$ % 200))
conf=$work/usbp2p.conf

lab() { # OPTION...: at an address that stays
	start_serve lab --listen 127.0.0.1:$port "$@"
}
# says STATE DIR: of its first device
says() {
	[ "$("$BIN" -s "$work/$2" status --json | jq -r '.running[0].devices[0].state')" = "$1" ]
}
offers() {
	grep -q "^v-[0-9]* offered at=" "$work/$1.via"
}
# attach DIR SECTION OPTION...: by the configuration
attach() {
	a_dir=$1
	shift
	rm -f "$work/$a_dir.via"
	"$BIN" -c "$conf" -s "$work/$a_dir" attach "$@" >"$work/$a_dir.via" 2>"$work/$a_dir.log" &
	attached=$!
	pids="$pids $attached"
}

cat >"$conf" <<END
[attach]
grace = 33s
[attach desk]
peer = lab
device = class=storage
via = usbip=127.0.0.1:0
END
check "serve" lab --virtual "disk:$work/stick.img"
"$BIN" -s "$work/anna" list "$(ticket lab --uses 3)" --as lab >/dev/null
check "anna knows lab" grep -q " lab " "$work/anna/peers"
cp -r "$work/anna" "$work/anna2"
end_serve "$served"

# --- it waits for the server ---
attach anna desk
check "it runs without its server" wait_for 10 sh -c "'$BIN' -s '$work/anna' status >/dev/null"
sleep 1
gone "$attached"
is "and does not give up" "$?" 1
check "the server comes, with other things" lab --virtual loop
check "it is there" wait_for 40 sh -c "'$BIN' -s '$work/anna' status --json | jq -e '.running[0].link.path'"
is "attach NAME.device: what it does not mean is not attached" \
	"$("$BIN" -s "$work/anna" status --json | jq -c '.running[0].devices')" "[]"
is "attach.grace" "$("$BIN" -s "$work/anna" status --json | jq '.running[0].grace_s')" 33
end_serve "$served"
check "the server comes with a disk" lab --virtual "disk:$work/stick.img" --virtual loop
check "attach NAME.via: it is offered without a word" wait_for 40 offers anna || note <"$work/anna.log"
is "that and no other" "$(grep -c ' offered at=' "$work/anna.via")" 1
try "$BIN" -c "$conf" -s "$work/anna" attach desk
is "attach NAME.peer: a second one would have the same" "$rc" 5

# --- from whom another attach of ours has it ---
check "somebody takes it" hold anna v-1
is "and has it" "$held" 00000000
first=$holding
attach anna2 desk
check "another attach offers it, too" wait_for 10 offers anna2
# (who does not answer for two seconds loses it, which happens on a machine that is busy)
for try in 1 2 3 4 5; do
	hold anna2 v-1
	[ "$held" = 00000000 ] && grep -q "taken from=.*its link is silent" "$work/lab.log" || break
	kill "$holding"
	n=$(grep -c 'offered at=' "$work/anna.via")
	wait_for 20 sh -c "[ \$(grep -c 'offered at=' '$work/anna.via') -gt $n ]"
	hold anna v-1
	first=$holding
done
[ "$held" != 00000000 ]
ok "but may not have it: $held"
kill "$holding" "$attached" 2>/dev/null
wait "$attached"
cat >>"$conf" <<END
takeover = yes
grace = 44s
END
attach anna2 desk
check "another attach offers it again" wait_for 10 offers anna2
check "hold" hold anna2 v-1
is "attach NAME.takeover" "$held" 00000000
is "attach NAME.grace" "$("$BIN" -s "$work/anna2" status --json | jq '.running[0].grace_s')" 44
kill "$first" "$holding" 2>/dev/null
end_all

# --- other kinds of devices ---
sed -i 's/^device = .*/device = v-1/' "$conf"
check "serve" lab --virtual "disk:$work/stick.img"
attach anna desk
check "it is offered" wait_for 10 offers anna
end_serve "$served"
check "v-1 comes back as something else" lab --virtual loop
check "that is said" wait_for 40 grep -q '^v-1 changed had="storage"' "$work/anna.via"
kill "$attached"
wait "$attached"
end_serve "$served"
echo 'accept_changed = yes' >>"$conf"
check "serve" lab --virtual "disk:$work/stick.img"
attach anna desk
check "it is offered" wait_for 10 offers anna
end_serve "$served"
check "v-1 comes back as something else" lab --virtual loop
check "attach NAME.accept_changed" wait_for 40 sh -c "[ \$(grep -c 'v-1 offered' '$work/anna.via') = 2 ]"
has_not "nothing is said of that" "$work/anna.via" changed

# --- SIGHUP ---
kill "$attached"
wait "$attached"
end_serve "$served"
cat >"$conf" <<END
[attach desk]
peer = lab
device = v-1
via = usbip=127.0.0.1:0
END
check "serve" lab --virtual "disk:$work/stick.img" --virtual loop
attach anna desk
check "it is offered" wait_for 10 offers anna
reload() {
	n=$(grep -c "$1" "$work/anna.log")
	kill -HUP "$attached"
	wait_for 10 sh -c "[ \$(grep -c '$1' '$work/anna.log') -gt $n ]"
}
check "HUP without a change" reload "configuration read again"
is "changes nothing" "$(grep -c 'changed\|wants other' "$work/anna.log")" 0
check "it is in use" hold anna v-1
cat >"$conf" <<END
[attach]
grace = 7s
[attach desk]
peer = lab
device = v-1, v-2
via = usbip=127.0.0.1:0
END
check "HUP with another device" reload "configuration read again"
check "which comes" wait_for 10 grep -q '^v-2 offered at=' "$work/anna.via"
gone "$holding"
is "the first goes on" "$?" 1
is "attach.grace" "$("$BIN" -s "$work/anna" status --json | jq '.running[0].grace_s')" 7
sed -i 's/^device = .*/device = v-2/' "$conf"
check "HUP without the first" reload "configuration read again"
check "which goes" wait_for 10 gone "$holding"
only() {
	[ "$("$BIN" -s "$work/anna" status --json | jq -c '[.running[0].devices[].busid]')" = "$1" ]
}
check "the other stays" wait_for 10 only '["v-2"]'
echo nonsense >>"$conf"
check "HUP with a wrong file" reload "configuration is kept as it was"
check "changes nothing, either" only '["v-2"]'

# --- the command line comes first ---
end_all
sed -i '/nonsense/d' "$conf"
check "serve" lab --virtual "disk:$work/stick.img"
attach anna --grace 5s --via usbip=127.0.0.1:$((port + 1)) desk v-1
check "offered" wait_for 10 grep -q "v-1 offered at=127.0.0.1:$((port + 1)) " "$work/anna.via"
is "--grace" "$("$BIN" -s "$work/anna" status --json | jq '.running[0].grace_s')" 5
check "HUP" reload "configuration read again"
is "--grace stays" "$("$BIN" -s "$work/anna" status --json | jq '.running[0].grace_s')" 5
check "what the line names stays" only '["v-1"]'
try "$BIN" -c "$conf" -s "$work/anna" attach --via usbip=127.0.0.1:0 desk v-7
is "--via does not hand over" "$rc" 5
finish
