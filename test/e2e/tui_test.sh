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
trap 'end_tmux; at_end' EXIT

shown() { # WORDS: they are on the screen
	$T capture-pane -p -t "$pane" >"$work/screen" && grep -qF -e "$1" "$work/screen"
}

see() { # TEXT WORDS
	check "$1" wait_for 15 shown "$2" || note <"$work/screen"
}

press() {
	$T send-keys -t "$pane" "$@"
}

type_in() {
	$T send-keys -t "$pane" -l "$1"
}

# browse NAME STATE WORDS...: a terminal of that name with a shell, and the browser in it.
browse() {
	pane=$1
	b_dir=$2
	shift 2
	$T new-session -d -s "$pane" -x 80 -y 24 "exec sh"
	type_in "PS1='READY> '; $* $BIN -s $b_dir tui $who; stty -a | grep -o ' -*echo '; echo left \$?"
	press Enter
}
who=

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
see "this machine's devices" "v-1       1d6b:0104 usbp2p disk.img"
see "as status says: shared" "shared"
is "and no more than those" "$(grep -c '^v-' "$work/screen")" \
	"$("$BIN" -s "$work/lab" status --json | jq '.running[0].devices | length')"
see "who it is" "serving $("$BIN" -s "$work/lab" status --json | jq -r '.running[0].listen[0]')"
press Down Enter
see "details" "usbp2p virtual keyboard"
press Escape
press i
see "it asks for a name" "A name for the one who is invited"
type_in bert
press Enter
see "a ticket" "Ticket for bert"
t=$(sed -n 's/^│ *\([A-Za-z0-9:]*\) *│$/\1/p' "$work/screen" | tr -d '\n')
try "$BIN" -s "$work/bert" list "$t" --as lab
is "which lets in" "$rc $(grep -c '^v-' "$work/out")" "0 2"
press Escape

# --- another one, who looks at peers ---

who=lab browse there "$work/bert" NO_COLOR=1
see "what the peer shares" "  v-2           usbp2p virtual keyboard"
$T capture-pane -e -p -t there >"$work/screen"
is "no colours" "$(grep -c "$(printf '\033')\[[0-9;]*3[0-7]" "$work/screen")" 0
press Up Up Up
press b
see "it measures" "Bench"
see "the line" "round trip"
press Escape
pane=here
press 2
see "a guest is shown" "bert"
press 4
see "the log" "Time"

# --- sizes ---

$T resize-window -t here -x 40 -y 10
see "a small terminal" " 1 Here  2 Peer  3 Att  4 Log"
$T resize-window -t here -x 120 -y 40
see "a large one" " 1 This machine  2 Peers  3 Attached  4 Log"
press 1
see "more columns" "Class"

# --- a serve that ends and comes back ---

check "serve ends" end_serve "$served"
see "it is seen" "not serving"
check "follow: it has ended" wait_for 10 lines '.kind == "ended" and .socket == "serve.sock"' 1
start_serve lab --virtual "disk:$work/disk.img" || bail "serve does not start again"
see "and that it is back" "serving 127.0.0.1"
kill "$follow"
wait "$follow"
is "follow ends in order" "$?" 0

# --- ends ---

left() {
	see "$1: the terminal is back" "left 0"
	shown " echo "
	ok "$1: with its echo" || note <"$work/screen"
}
pid_of() {
	for p in $($T list-panes -t "$1" -F '#{pane_pid}'); do
		pgrep -P "$p" -f "tui" | head -n 1
	done
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
finish
