#!/bin/sh
# The demo runs through, and shows what it promises.
. test/e2e/lib.sh

try test/e2e/demo.sh "$BIN"
is "exit code" "$rc" 0
has "bytes compared" "$work/out" "all bytes came, none has changed."
has "the end is reached" "$work/out" "Everything was as it should be."
wide=$(awk 'length > 72' "$work/out")
is "no line is wider than 72" "$wide" ""
[ "$rc" = 0 ] || note <"$work/err"

try test/e2e/demo.sh /bin/false
is "a program that does nothing: it fails" "$rc" 1
has "and says what is wrong" "$work/err" "WRONG: serve did not start"
finish
