#!/bin/sh
# check.sh: everything that can be tested on one machine, storey by storey; what
# `make check` runs. Prints a line for each program, a table, and at the end
# "N passed, N failed" (", N skipped" if there are any), and fails if anything
# failed, was skipped without being listed in test/skips.txt, or ran no test. Programs
# of whole machines (guests, networks) that failed run once more, alone: a busy machine
# is no verdict. What passed at the second try only is named above the last line.
#	O (build directory) and CC as for make. Needs root for what sniffs packets.
set -u
cd "$(dirname "$0")/.." || exit 1
O=${O:-build} MAKE=${MAKE:-make}
logs=$O/check

# name_of PROGRAM: what it is called; log_of STOREY NAME: its files
name_of() {
	name=${1#"$O/test/"}
	name=${name#test/}
	echo "${name%.sh}"
}

log_of() {
	echo "$logs/$1/$(echo "$2" | tr / .)"
}

# check.sh --one STOREY SECONDS PROGRAM: a program's line and its counts.
one() {
	name=$(name_of "$3")
	log=$(log_of "$1" "$name")
	rc=0 from=$(date +%s)
	timeout --foreground -k 10 "$2" "$3" >"$log.tap" 2>"$log.err" </dev/null || rc=$?
	awk -v name="$name" -v rc="$rc" -v skips=test/skips.txt -f test/check/tap.awk \
		"$log.tap" >"$log.told"
	tail -n 1 "$log.told" >"$log.count"
	read -r good bad skips <"$log.count"
	: >"$log.show"
	[ "$bad" = 0 ] || {
		sed '$d' "$log.told"
		tail -n 20 "$log.err" | sed 's/^/    stderr: /'
	} >"$log.show"
	printf '  %-28s %4s s %4s passed%s%s\n' "$name" $(($(date +%s) - from)) "$good" \
		"$([ "$bad" = 0 ] || echo ", $bad FAILED")" \
		"$([ "$skips" = 0 ] || echo ", $skips skipped")" |
		cat - "$log.show"
}

if [ "${1:-}" = --one ]; then
	shift
	one "$@"
	exit
fi

# storey NAME AT-ONCE SECONDS PROGRAM...: runs them, adds a row to the table.
passed=0 failed=0 skipped=0
rows=$logs/rows
storey() {
	storey=$1 jobs=$2 limit=$3 began=$(date +%s)
	shift 3
	echo "$storey"
	mkdir -p "$logs/$storey"
	for p; do
		[ ! -e "$p" ] || printf '%s\0' "$p"
	done | xargs -0 -r -n 1 -P "$jobs" "$0" --one "$storey" "$limit"
	case $storey in
	quiet | e2e | nat | guest) again "$@" ;;
	esac
	row "$began" $(cat "$logs/$storey"/*.count 2>/dev/null |
		awk '{ p += $1; f += $2; s += $3 } END { print NR, p + 0, f + 0, s + 0 }')
}

# again PROGRAM...: those of the storey that failed, unless they are many.
AGAIN=4 shaky=
again() {
	for p; do
		log=$(log_of "$storey" "$(name_of "$p")")
		read -r good bad skips 2>/dev/null <"$log.count" || continue
		[ "$bad" != 0 ] && [ $AGAIN -gt 0 ] || continue
		AGAIN=$((AGAIN - 1))
		echo "  once more, alone:"
		"$0" --one "$storey" "$limit" "$p"
		read -r good bad skips <"$log.count"
		[ "$bad" != 0 ] || shaky="$shaky $(name_of "$p")"
	done
}

# row BEGAN PROGRAMS PASSED FAILED SKIPPED
row() {
	began=$1
	shift
	if [ $(($2 + $3 + $4)) = 0 ]; then
		echo "  nothing ran: that is a failure"
		set -- "$1" 0 1 0
	fi
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	printf '%-8s %9s %7s %7s %8s %8s\n' "$storey" "$@" $(($(date +%s) - began)) >>"$rows"
}

# step NAME WORDS...: a storey that is one command of make.
step() {
	storey=$1 began=$(date +%s)
	shift
	echo "$storey"
	if "$MAKE" --no-print-directory O="$O" "$@" >"$logs/$storey.log" 2>&1; then
		echo "  make $*: ok"
		row "$began" 1 1 0 0
	else
		tail -n 40 "$logs/$storey.log" | sed 's/^/    /'
		echo "  make $*: FAILED"
		row "$began" 1 0 1 0
		return 1
	fi
}

binaries() {
	for d; do
		for c in test/"$d"/*_test.c; do
			echo "$O/${c%.c}"
		done
	done
}

by_itself='/(idle|lan|leak|secrecy|slow)_test'

rm -rf "$logs"
mkdir -p "$logs" "$logs/home"
printf '%-8s %9s %7s %7s %8s %8s\n' storey programs passed failed skipped seconds >"$rows"
LC_ALL=C TZ=UTC LINES=24 COLUMNS=80 HOME=$(readlink -f "$logs/home")
BIN=$(readlink -m "$O/usbp2p") USBP2P=$BIN
export LC_ALL TZ LINES COLUMNS HOME O BIN USBP2P
unset USBP2P_STATE XDG_STATE_HOME

if step build -j2 all tests; then
	step static check-static
	storey unit 2 120 $(binaries core cmd regress)
	storey sim 2 300 $(binaries sim)
	storey adapter 2 120 $(binaries net usb vhci)
	storey fuzz 2 120 $(binaries fuzz)
	# what counts wake-ups and memory, or listens to the whole of lo, runs by itself
	storey quiet 1 300 $(ls test/e2e/*_test.sh | grep -E "$by_itself")
	# these mostly wait
	storey e2e 4 300 $(ls test/e2e/*_test.sh | grep -vE "$by_itself")
	storey nat 3 300 test/e2e/nat/*_test.sh
	# the longest first, so that none of them runs alone at the end; each waits half its time
	storey guest 3 1500 $(ls -S test/vm/*_test.sh 2>/dev/null)
fi

echo
cat "$rows"
echo
[ -z "$shaky" ] || echo "passed at the second try only, see above:$shaky"
summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" = 0 ]
