#!/bin/sh
# Fuzzes every test/fuzz/*_fuzz_test.c that has LLVMFuzzerTestOneInput, $1 seconds
# each (20). What was learned is kept in $O/fuzz/NAME; an input that crashes goes to
# test/fuzz/corpus/NAME, where the test without libFuzzer replays it for ever.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
out=${O:-build}/fuzz
mkdir -p "$out"
bad=0
ran=0
for src in test/fuzz/*_fuzz_test.c; do
	name=$(basename "$src" _fuzz_test.c)
	if ! grep -q LLVMFuzzerTestOneInput "$src"; then
		echo "# $name: skipped, it has no LLVMFuzzerTestOneInput"
		continue
	fi
	objs=$(sed -n '/link:/{s/.*link://;s/\*\/.*//;p;q;}' "$src")
	srcs=$src
	for o in $objs; do srcs="$srcs $o.c"; done
	# shellcheck disable=SC2086
	clang -std=c11 -D_GNU_SOURCE -DLIBFUZZER -I. -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o "$out/$name-fuzzer" $srcs
	mkdir -p "$out/$name" "test/fuzz/corpus/$name"
	echo "# $name: $seconds s"
	if "$out/$name-fuzzer" -max_total_time="$seconds" -max_len=4096 -timeout=5 \
		-print_final_stats=1 -verbosity=0 \
		-artifact_prefix="test/fuzz/corpus/$name/" \
		"$out/$name" "test/fuzz/corpus/$name" 2>"$out/$name.log"; then
		sed -n 's/^stat::number_of_executed_units: */#   inputs run: /p' "$out/$name.log"
		ran=$((ran + 1))
	else
		echo "not ok - $name, see $out/$name.log"
		tail -n 25 "$out/$name.log"
		bad=1
	fi
	rmdir "test/fuzz/corpus/$name" 2>/dev/null || true
done
if [ "$ran" = 0 ] && [ "$bad" = 0 ]; then
	echo "not ok - nothing was fuzzed"
	bad=1
fi
exit "$bad"
