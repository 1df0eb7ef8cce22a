#!/bin/sh
# bugs.sh [NUMBER...]: sees each test of the regression list fail. In a copy of the
# tree each bugs/NUMBER.patch puts its bug back into our code; the test that LIST names
# must then say "not ok" to "regress NUMBER: NAME" (that it says "ok" without the bug
# is `make check`). Those that need a guest (test/vm) are done with VM=1 only; in CC, O and MAKE as make.
set -u
cd "$(dirname "$0")/../.." || exit 1
MAKE=${MAKE:-make}
list=test/regress/LIST
work=$(mktemp -d "${TMPDIR:-/tmp}/usbp2p-bugs.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
passed=0 failed=0 left=0
began=$(date +%s)

# Files as they are here, committed or not.
git ls-files -z | xargs -0 cp --parents -t "$work" || exit 1

# program FILE: builds what the test in FILE needs; $program runs it.
program() {
	case $1 in
	*.c)
		program=o/${1%.c}
		set -- "$program"
		;;
	*)
		program=$1
		set -- o/usbp2p o/test/regress/stranger
		;;
	esac
	"$MAKE" -s -j2 O=o WARN=-w "$@" >make.log 2>&1 || {
		tail -n 20 make.log | sed 's/^/#   /'
		return 1
	}
}

# says TEXT LINE: whether the program's output has that line of TAP.
says() {
	timeout -k 5 "$2" "./$program" >out 2>err </dev/null
	grep -qE "^$1 [0-9]+ - " out && grep -E "^$1 [0-9]+ - " out | grep -qF -e "- $3"
}

told() {
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok   $2"
	else
		failed=$((failed + 1))
		echo "FAIL $2: $3"
		tail -n 5 out err 2>/dev/null | sed 's/^/#   /'
	fi
}

# one NUMBER NAME FILE: the bug, its test, and the code as it was.
one() {
	name="regress $1: $2" bug=test/regress/bugs/$(printf %02d "$1").patch
	limit=240
	: >out
	: >err
	case $3 in
	test/vm/*)
		limit=900
		[ -n "${VM:-}" ] || {
			left=$((left + 1))
			echo "left $name: needs a guest, VM=1"
			return
		}
		;;
	esac
	git apply "$bug" 2>err || {
		told 1 "$name" "the patch does not apply"
		return
	}
	why="the test does not see the bug"
	rc=0
	program "$3" || rc=1 why="it does not build"
	[ $rc != 0 ] || says "not ok" $limit "$name" || rc=1
	told $rc "$name" "$why"
	git apply -R "$bug"
}

cd "$work" || exit 1
O=$work/o BIN=$work/o/usbp2p USBP2P=$work/o/usbp2p LC_ALL=C TZ=UTC
export O BIN USBP2P LC_ALL TZ
grep -v '^#' $list >todo
while IFS='	' read -r number name file; do
	case " $* " in
	"  " | *" $number "*) one "$number" "$name" "$file" ;;
	esac
done <todo

echo "$passed passed, $failed failed, $left left out for want of VM=1, $(($(date +%s) - began)) s"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
