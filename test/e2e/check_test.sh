#!/bin/sh
# test/check.sh itself: what it makes of tests that fail, end early, or are not there.
. test/e2e/lib.sh

# A tree with nothing but check.sh; its make does as it is told.
tree=$work/tree
mkdir -p "$tree/test/check" "$tree/test/e2e" "$tree/test/vm" "$tree/build/test"
cp test/check.sh "$tree/test/"
cp test/check/tap.awk "$tree/test/check/"
: >"$tree/test/skips.txt"

checks() {
	try env O=build MAKE=true "$tree/test/check.sh"
}

# program STOREY/NAME LINES: a test that prints these lines.
program() {
	for c in "$tree/test/$1.c" "$tree/build/test/$1" "$tree/test/$1.sh"; do
		mkdir -p "$(dirname "$c")"
		printf "#!/bin/sh\nprintf '$2'\n" >"$c"
		chmod +x "$c"
	done
}

checks
[ "$rc" != 0 ] && grep -q "nothing ran: that is a failure" "$work/out" &&
	! grep -q " 0 failed" "$work/out"
ok "regress 41: zero tests ran" || note <"$work/out"

for storey in core sim net fuzz e2e e2e/nat vm; do
	program "$storey/good_test" '1..1\\nok 1 - good\\n'
done
program e2e/idle_test '1..1\\nok 1 - good\\n'
checks
is "all is well" "$rc $(tail -n 1 "$work/out")" "0 10 passed, 0 failed"

# spoils "text" LINES: one program says so, and the whole has failed.
spoils() {
	program core/good_test "$2"
	checks
	is "$1" "$rc $(tail -n 1 "$work/out" | grep -o '[0-9]* failed')" "1 1 failed"
}
spoils "a program that ran no test" '1..0\\n'
spoils "one that prints nothing" ''
spoils "one that ends early" '1..2\\nok 1 - good\\n'
spoils "one that fails" '1..1\\nnot ok 1 - good\\n'
spoils "one that skips" '1..1\\nok 1 - good # SKIP why\\n'
spoils "one that gives up" 'Bail out! why\\n'
log=$(seq -f '# line %g of a log\\n' 30 | tr -d '\n')
program core/good_test "not ok 1 - bad\\\\nok 2 - good\\\\n1..2\\\\n$log"
checks
grep -q '# line 1 of' "$work/out" && grep -q '# line 30 of' "$work/out"
ok "the whole log that a program shows behind its plan" || note <"$work/out"
program core/good_test '1..1\\nok 1 - good\\n'
printf '#!/bin/sh\necho 1..1\n[ -e %s/was ] && echo ok 1 - now || echo not ok 1 - first\n: >%s/was\n' \
	"$work" "$work" >"$tree/test/vm/good_test.sh"
checks
is "one of a guest that fails once" "$rc $(tail -n 1 "$work/out")" "0 10 passed, 0 failed"
has "it is shown" "$work/out" "not ok 1 - first"
has "and named" "$work/out" "passed at the second try only, see above: vm/good_test"
program vm/good_test '1..1\\nnot ok 1 - bad\\n'
checks
is "one of a guest that fails twice" "$rc $(tail -n 1 "$work/out")" "1 9 passed, 1 failed"
program vm/good_test '1..1\\nok 1 - good\\n'
rm -r "$tree/test/sim" "$tree/build/test/sim"
checks
is "a storey without a test" "$rc $(tail -n 1 "$work/out")" "1 9 passed, 1 failed"
finish
