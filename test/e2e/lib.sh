# For tests that run the program itself on this machine. Sourced by the test, from
# the top of the tree; works with dash. Everything is on 127.0.0.1 and in $work, a
# directory that is gone afterwards. Processes are ended by the ids in $pids.
#
#	try CMD...            runs CMD; leaves $rc, $work/out and $work/err
#	ok "text"             a line of TAP for the status of the command before it
#	check "text" CMD...   runs CMD; its output is shown if it failed
#	is "text" GOT WANT    compares two strings
#	has "text" FILE WORDS whether the file has these words in it
#	skip "text" WHY       a line of TAP for what cannot be tested here
#	finish                prints the plan; exit code 1 if anything failed
BIN=${USBP2P:-build/usbp2p}
BIN=$(readlink -m "$BIN")
LC_ALL=C TZ=UTC
export LC_ALL TZ
unset USBP2P_STATE XDG_STATE_HOME
pids=
work=$(mktemp -d "${TMPDIR:-/tmp}/usbp2p.XXXXXX") || exit 1
HOME=$work
export HOME

# Ends what start_* have started, and waits for it.
end_all() {
	for e_pid in $pids; do
		kill "$e_pid" 2>/dev/null || :
	done
	for e_pid in $pids; do
		wait "$e_pid" 2>/dev/null || :
	done
	pids=
}

at_end() {
	end_rc=$?
	trap - EXIT
	end_all
	[ "$end_rc" = 0 ] || show_logs "$work"
	rm -rf "$work"
	exit "$end_rc"
}
trap at_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

tap_out=$work/check
. test/tap.sh

has() {
	grep -qF -e "$3" "$2"
	ok "$1" || {
		echo "#   not in $2: $3"
		note <"$2"
		return 1
	}
}

has_not() {
	! grep -qF -e "$3" "$2"
	ok "$1" || {
		echo "#   in $2: $3"
		note <"$2"
		return 1
	}
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}


# A test that cannot go on: everything after would fail for the same reason.
bail() {
	echo "Bail out! $*"
	exit 1
}

try() {
	rc=0
	"$@" >"$work/out" 2>"$work/err" || rc=$?
}

# wait_for SECONDS CMD...: until CMD succeeds; fails when the time is over, which is
# meant for a machine that does nothing else: a busy one has four times as long.
wait_for() {
	wait_end=$(($(date +%s) + $1 * 4))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$wait_end" ] || return 1
		sleep 0.05
	done
}

# A child that nobody has waited for yet is gone, too.
gone() {
	! grep -qs '^State:.*[^Z ] (' "/proc/$1/status"
}

# start_serve DIR OPTION...: a serve that listens on 127.0.0.1 and answers; its id is
# $served, its log $work/DIR.log. $settings (-o ...) stand before the command.
settings=
start_serve() {
	serve_dir=$work/$1
	serve_log=$work/$1.log
	shift
	"$BIN" $settings -s "$serve_dir" serve --listen 127.0.0.1:0 "$@" 2>"$serve_log" &
	served=$!
	pids="$pids $served"
	wait_for 10 serving "$serve_dir" && ! gone "$served"
}

serving() {
	gone "$served" || "$BIN" -s "$1" status --json | grep -qF "\"pid\":$served,"
}

# end_serve PID: and waits until it has ended; its exit code is the answer.
end_serve() {
	kill "$1"
	wait "$1"
}

# ticket DIR OPTION...: a new one of that serve.
ticket() {
	t_dir=$1
	shift
	"$BIN" -s "$work/$t_dir" invite "$@"
}

# random_image NAME MIB: a disk image of random bytes in $work.
random_image() {
	head -c "$(($2 * 1048576))" /dev/urandom >"$work/$1"
}

# fails "text" CODE WORDS: of the last try, the exit code and its one line.
fails() {
	is "$1: exit code" "$rc" "$2"
	is "$1: one line" "$(grep -c '^usbp2p: ' "$work/err") of $(wc -l <"$work/err")" "1 of 1"
	has "$1: it says so" "$work/err" "$3"
}

# offer NAME PEER OPTION... DEVICE...: attaches devices of a peer for stock clients, as
# the state directory NAME; the process is $offered, its output $work/NAME.via and
# $work/NAME.log.
offer() {
	o_name=$1
	shift
	rm -f "$work/$o_name.via"
	"$BIN" -s "$work/$o_name" attach --via usbip=127.0.0.1:0 "$@" \
		>"$work/$o_name.via" 2>"$work/$o_name.log" &
	offered=$!
	pids="$pids $offered"
	wait_for 10 grep -q " offered at=" "$work/$o_name.via"
}

# hold NAME DEVICE: takes what NAME offers and keeps it until $holding is killed; the
# status of the answer is $held, 00000000 if all is well.
hold() {
	h_at=$(sed -n "s/^$2 offered at=\([^ ]*\) .*/\1/p" "$work/$1.via" | tail -n 1)
	rm -f "$work/$1.held"
	bash -c "exec 3<>/dev/tcp/127.0.0.1/${h_at##*:}
		printf '\\001\\021\\200\\003\\0\\0\\0\\0%s' '$2' >&3
		head -c $((32 - ${#2})) /dev/zero >&3
		head -c 8 <&3 | od -An -tx1 | tr -d ' \n' >'$work/$1.held'
		exec cat <&3 >/dev/null" 2>"$work/hold.err" &
	holding=$!
	pids="$pids $holding"
	wait_for 10 test -s "$work/$1.held"
	held=$(cut -c 9-16 "$work/$1.held")
}
