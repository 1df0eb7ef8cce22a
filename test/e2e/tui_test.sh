#!/bin/sh
# The browser in a real terminal (tmux's): what it shows is what `status` says, its keys
# do what commands do, and the terminal is as it was afterwards, however it ended.
. test/e2e/lib.sh
command -v tmux >/dev/null || bail "no tmux: make test-deps"
SOCK=$work/tmux
T="tmux -S $SOCK -f /dev/null"
export LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=screen-256color

end_tmux() {
	$T kill-server 2>/dev/null
}
trap 'e=$?; end_tmux; (exit $e); at_end' EXIT

shown() { # WORDS: they are on the screen
	$T capture-pane -p -t "$pane" >"$work/screen" && grep -qF -e "$1" "$work/screen"
}

see() { # TEXT WORDS
	check "$1" wait_for 15 shown "$2" || note <"$work/screen"
}

# press KEY...: by tmux's names; each is remembered.
press() {
	for p_key; do
		echo "$p_key" >>"$work/pressed"
	done
	$T send-keys -t "$pane" "$@"
}

type_in() {
	$T send-keys -t "$pane" -l "$1"
}

# not_shown WORDS: they are on the screen no longer
not_shown() {
	$T capture-pane -p -t "$pane" >"$work/screen" && ! grep -qF -e "$1" "$work/screen"
}

see_no() { # TEXT WORDS
	check "$1" wait_for 15 not_shown "$2" || note <"$work/screen"
}

# browse NAME STATE WORDS...: a terminal of that name with a shell, and the browser in it.
browse() {
	pane=$1
	b_dir=$2
	shift 2
	$T new-session -d -s "$pane" -x 80 -y 24 "exec sh"
	type_in "PS1='READY> '; $* $BIN $opts -s $b_dir tui $who; stty -a | grep -o ' -*echo '; echo left \$?"
	press Enter
}
who= opts=

# row WORDS: moves down to the row that has them; the tabs and heads are two rows.
row() {
	press Home
	shown "$1" || return 1
	r_n=$(grep -nF -e "$1" "$work/screen" | head -n 1 | cut -d : -f 1)
	r_i=3
	while [ "$r_i" -lt "$r_n" ]; do
		press Down
		r_i=$((r_i + 1))
	done
}

jobs_of() { # PID: commands that it has started and that go on
	pgrep -P "$1" | wc -l
}

random_image disk.img 4
start_serve lab --virtual "disk:$work/disk.img" --virtual keyboard || bail "serve does not start"

# --- no terminal ---

try "$BIN" -s "$work/lab" tui
is "without a terminal" "$rc" 7
has "it says so" "$work/err" "this is no terminal"
try env TERM=nonsense script -qec "$BIN -s $work/lab tui" /dev/null
is "a terminal of no known kind" "$rc" 7

# --- status --follow ---

"$BIN" -s "$work/lab" status --follow >"$work/follow" &
follow=$!
pids="$pids $follow"
lines() { [ "$(jq -r "select($1) | .kind" "$work/follow" 2>/dev/null | wc -l)" -ge "$2" ]; }
check "follow: the status now" wait_for 10 lines '.kind == "serve"' 1
t=$(ticket lab --name anna)
try "$BIN" -s "$work/anna" bench "$t" v-1 --as lab
is "somebody comes" "$rc" 0
check "follow: and is seen" wait_for 10 lines '.kind == "serve" and .peers[0].name == "anna"' 1
check "follow: and goes" wait_for 10 sh -c "tail -n 1 $work/follow | jq -e '.peers == []'"

# --- what it shows ---

browse here "$work/lab"
see "this machine's devices" "v-1          1d6b:0104 usbp2p disk.img"
see "as status says: shared" "shared"
is "and no more than those" "$(grep -c '^v-' "$work/screen")" \
	"$("$BIN" -s "$work/lab" status --json | jq '.running[0].devices | length')"
see "who it is" "$("$BIN" -s "$work/lab" id | cut -c 1-7)  serving $("$BIN" -s "$work/lab" status --json | jq -r '.running[0].listen[0]')"
press Down Enter
see "details" "usbp2p virtual keyboard"
see "with the tree of descriptors" "endpoint 1 in: interrupt, 8 bytes"
press Down NPage Up PPage j k Space Escape
see_no "closed" "Details"
press G n
type_in attic
press BSpace c Enter
see "a nickname" "v-2 has its name"
is "is the device's" "$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].devices[1].nick')" attic
see "and shown" "attic: usbp2p"
press g R
see "a reset is asked for" "Reset it?"
press n R y
see "and done" "v-1 is reset"

# --- an invitation ---

$T set -g set-clipboard on
press i
see "it asks for a name" "A name for the one who is invited"
type_in bert
press Enter
see "a ticket" "Ticket for bert"
t=$(sed -n 's/^│ *\([A-Za-z0-9:]*\) *│$/\1/p' "$work/screen" | tr -d '\n')
press c
copied() { [ "$($T show-buffer 2>/dev/null)" = "$t" ]; }
check "copied by OSC 52" wait_for 10 copied
press Q
see "as a code for a camera" "▄▄▄▄▄"
see_no "alone" "Ticket"
press Q
see "and back" "Ticket for bert"
try "$BIN" -s "$work/bert" list "$t" --as lab
is "which lets in" "$rc $(grep -c '^v-' "$work/out")" "0 2"
press Enter
see_no "closed by Enter" "Ticket for bert"

# --- who asks for what it may not use ---

for who in dora evan; do
	mkdir -p "$work/$who" && cp "$work/bert/peers" "$work/$who/peers"
	"$BIN" -s "$work/$who" list lab 2>/dev/null
done
dora=$("$BIN" -s "$work/dora" id) evan=$("$BIN" -s "$work/evan" id)
see "somebody asks: the tab says so" "2 Peers!"
press 2
see "to come in" "asks to come in"
ask_to_come_in() { # N
	$T capture-pane -p -t "$pane" >"$work/screen" &&
		[ "$(grep -c 'asks to come in' "$work/screen")" = "$1" ]
}
check "two of them" wait_for 15 ask_to_come_in 2
press Home Space
see "letting in shows the id" "$(echo "$dora" | cut -c 1-40)"
press BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace
type_in dora
press Enter
see "let in" "dora may use what is shared here"
is "by the file" "$("$BIN" -s "$work/lab" peer list --json | jq -r '.peers[] | select(.name == "dora") | .id')" "$dora"
check "and no longer asks" wait_for 15 ask_to_come_in 1
press Home x
see "the other is refused" "is refused"
see_no "and asks no more" "asks to come in"
is "not by the file" "$(grep -c "$evan" "$work/lab/peers")" 0
check "a ticket for one device" "$BIN" -s "$work/lab" peer allow "$evan" evan --device v-1
"$BIN" -s "$work/evan" attach lab v-2 --via usbip=127.0.0.1:0 2>/dev/null
see "one whom we know asks for a device" "asks for v-2"
press Home y
see "which one" "evan may use v-2"
press y
see "it may have it" "v-2 may be used, too"
see_no "and asks no more" "2 Peers!"
is "by the file, too" "$("$BIN" -s "$work/lab" peer list --json | jq -c '.peers[] | select(.name == "evan") | .devices')" '["v-1","v-2"]'

# --- what stands before the command is for all that it runs ---

mkdir -p "$work/zack" && cp "$work/bert/peers" "$work/zack/peers"
opts="-o serve.name=zack" who=lab
browse zack "$work/zack"
see "it asks, and is refused" "usbp2p: you are not"
asks_as() { [ "$("$BIN" -s "$work/lab" status --json | jq -r '.running[0].requests[0].name')" = "$1" ]; }
check "by the name of -o" wait_for 15 asks_as zack
press q
see "it ends" "left 0"
pane=here
check "zack is refused" "$BIN" -s "$work/lab" peer refuse "$("$BIN" -s "$work/zack" id)"
see_no "and asks no more" "2 Peers!"
opts= who=

# --- names, and forgetting ---

row evan
press n
see "renaming begins with the old name" "> evan"
press BSpace BSpace BSpace BSpace
type_in ewald
press Enter
see "renamed" "evan is renamed"
is "in the file" "$(grep -c " ewald " "$work/lab/peers")" 1
row ewald
press F
see "forgetting asks" "Forget this peer?"
press Escape
row ewald
press F y
see "forgotten" "ewald is forgotten"
is "by the file, three" "$(grep -c "$evan" "$work/lab/peers")" 0
see_no "and gone" "ewald    "

# --- filter and sort ---

press 1 /
type_in keyb
see "filtered while typing" "/keyb_"
see_no "others are hidden" "disk.img"
press BSpace Enter
see_no "kept" "/key_"
press Escape
see "all again" "disk.img"
press /
type_in "ö日"
see "other letters, too" "/ö日_"
press Escape s
see "sorted" "sorted by name"
press s s End Home PPage NPage
press D
see "the doctor speaks" "Doctor"
press q '?'
see "help" "this machine's devices"
press Escape Tab BTab Right Left

# --- another one, who looks at peers, and measures the line ---

who=lab browse there "$work/bert" NO_COLOR=1
see "what the peer shares" "  v-2         attic: usbp2p virtual"
$T capture-pane -e -p -t there >"$work/screen"
is "no colours" "$(grep -c "$(printf '\033')\[[0-9;]*3[0-7]" "$work/screen")" 0
press Home r
measures() { # once the list has come; until then it says "not yet"
	shown "measuring..." || shown "Bench of the line" || {
		press b
		false
	}
}
check "asked again, then measured" wait_for 15 measures
pane=here
press 2
fast() { # while the bench lasts; once it is over, and was not seen, once more
	pane=here
	{ shown "MB/s" || shown "GB/s"; } && shown "uses ours" && return
	pane=there
	if shown "Bench of the line"; then
		press Escape # not with b behind it: that were Alt-b
	else
		shown "measuring..." || press b
	fi
	false
}
check "a guest is shown, and how fast it is" wait_for 30 fast
pane=there
see "it measures" "Bench of the line to lab"
see "the line" "round trip"
press Escape a
see "a ticket can be pasted" "Paste the ticket"
press Escape
pane=here
press 4
see "the log" "Time"
see "of who came" "bert: the line is up"
press Home /
type_in dora
press Enter
see "filtered" "dora"
see_no "to that" "bert: the line"
press Escape

# --- a line that is cut, and comes back ---

offer bert lab v-1 || bail "bert cannot attach"
via=$offered
pane=there
press 3
see "attached" "lab/v-1"
see "as status says" "$("$BIN" -s "$work/bert" status --json | jq -r '.running[0].devices[0].state')"
kill -STOP "$served"
see "the line is cut: it is held" "held "
press 2
see "its health" " F "
kill -CONT "$served"
press 3
see_no "it goes on" "held "
press Space
see "detaching asks" "Detach it?"
press y
see "detached" "lab/v-1 is detached"
see "and gone" "Nothing is attached"
kill "$via" 2>/dev/null
wait "$via" 2>/dev/null

# --- sizes ---

pane=here

$T resize-window -t here -x 40 -y 10
see "a small terminal" " 1 Here  2 Peer  3 Att  4 Log"
$T resize-window -t here -x 120 -y 40
see "a large one" " 1 This machine  2 Peers  3 Attached  4 Log"
press 1
see "more columns" "Class"

# --- a key is answered, whatever the link does ---

O=$(dirname "$BIN")
if make -s "O=$O" "$O/test/tui/typist" >"$work/make.err" 2>&1; then
	"$BIN" -s "$work/bert" bench lab --time 20s >"$work/bench" 2>&1 &
	bench=$!
	pids="$pids $bench"
	busy_link() {
		"$BIN" -s "$work/lab" status --json |
			jq -e '[.running[0].peers[].link.bytes_out // 0] | add > 10000000'
	}
	check "the link is busy" wait_for 20 busy_link
	try "$O/test/tui/typist" time 100 "$BIN" -s "$work/lab" tui
	read -r p50 p99 max over bytes <"$work/out"
	[ "$rc" = 0 ] && [ "$p50" -le 50000 ]
	ok "a key is answered in $p50 us, 99 of 100 in $p99, all in $max; $over of 100 > 50 ms" ||
		note <"$work/err"
	kill "$bench" 2>/dev/null
	wait "$bench" 2>/dev/null
	try "$O/test/tui/typist" time 10 "$BIN" -s "$work/ape" tui
	read -r p50 p99 max over bytes <"$work/out"
	is "keys that change nothing draw nothing" "$bytes" 0
	try "$O/test/tui/typist" monkey 2000 7 "$BIN" -s "$work/ape" tui
	is "it lives with a monkey" "$rc $(cut -d , -f 1 "$work/out")" "0 2000 keys"
else
	note <"$work/make.err"
	is "typist is made" no yes
fi

# --- a serve that ends and comes back ---

check "serve ends" end_serve "$served"
see "it is seen" "not serving"
check "follow: it has ended" wait_for 10 lines '.kind == "ended" and .socket == "serve.sock"' 1
start_serve lab --virtual "disk:$work/disk.img" || bail "serve does not start again"
see "and that it is back" "serving 127.0.0.1"
kill "$follow"
wait "$follow"
is "follow ends in order" "$?" 0

# --- kinds of terminals ---

for kind in linux vt100 xterm screen tmux-256color xterm-256color; do
	browse "t$kind" "$work/bert" "TERM=$kind"
	see "$kind: it runs" "This machine"
	press 2
	see "$kind: and shows" "lab"
	press q
	see "$kind: and ends" "left 0"
done
browse plain "$work/bert" LC_ALL=C
see "ASCII: it runs" "This machine"
press '?'
see "ASCII: boxes" "--Keys--"
is "ASCII: and nothing else" "$(LC_ALL=C grep -c '[^ -~]' "$work/screen")" 0
press q q

# --- nothing changes, nothing wakes ---

pid_of() {
	for p in $($T list-panes -t "$1" -F '#{pane_pid}'); do
		pgrep -P "$p" -f "tui" | head -n 1
	done
}
pane=here
press 1
p=$(pid_of here)
woken() { awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$p/status"; }
still() { # 5 seconds without a wake-up
	s_was=$(woken)
	sleep 5
	[ "$(woken)" = "$s_was" ]
}
check "nothing wakes it while nothing changes" wait_for 15 still

# --- ends ---

left() {
	see "$1: the terminal is back" "left 0"
	shown " echo "
	ok "$1: with its echo" || note <"$work/screen"
}
pane=there
press q
left "q"
for sig in INT TERM HUP; do
	who= browse "end$sig" "$work/bert"
	see "$sig: it runs" "This machine"
	kill "-$sig" "$(pid_of "end$sig")"
	left "$sig"
done
browse crash "$work/bert"
see "crash: it runs" "This machine"
kill -SEGV "$(pid_of crash)"
see "crash: the terminal is back" "left 0"
shown " echo "
ok "crash: with its echo" || note <"$work/screen"
browse stop "$work/bert"
see "Ctrl-Z: it runs" "This machine"
press C-z
see "Ctrl-Z: the shell is back" "READY>"
type_in fg
press Enter
see "fg: it is back" "This machine"
press q
see "and can be left" "READY>"

# --- all keys ---

# Names of the table, as tmux calls them.
"$BIN" tui --keys | cut -c 1-15 | tr -s ' ' '\n' | sed '/^$/d' | sort -u |
	sed 's/^Shift-Tab$/BTab/; s/^PgUp$/PPage/; s/^PgDn$/NPage/; s/^Esc$/Escape/
	s/^Backspace$/BSpace/' | sort -u >"$work/table"
sort -u "$work/pressed" >"$work/were"
is "each key of the table was pressed" "$(comm -23 "$work/table" "$work/were")" ""
finish
