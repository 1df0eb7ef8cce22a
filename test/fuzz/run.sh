#!/bin/sh
# Fuzzes every test/fuzz/*_fuzz_test.c, $1 seconds each (20), as many at once as
# there are processors. What was learned is kept in $O/fuzz/NAME. An input that
# crashes goes to test/fuzz/corpus/NAME, where the test without libFuzzer replays
# it for ever; `run.sh --save` adds the few inputs there that reach all that the
# learned ones reach.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=${O:-build}/fuzz

# A program of libFuzzer for test/fuzz/NAME_fuzz_test.c.
compile() {
	src=test/fuzz/$1_fuzz_test.c
	srcs=$src
	for o in $(sed -n '/link:/{s/.*link://;s/\*\/.*//;p;q;}' "$src"); do
		case $o in
		*/*) srcs="$srcs $o.c" ;;
		*) srcs="$srcs $out/parts/$o.a" ;;
		esac
	done
	# shellcheck disable=SC2086
	clang -std=c11 -D_GNU_SOURCE -DLIBFUZZER -I. -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o "$out/$1-fuzzer" $srcs
}

# --one SECONDS NAME: a line, and the end of the log if it failed.
one() {
	mkdir -p "$out/$2" "test/fuzz/corpus/$2"
	if compile "$2" >"$out/$2.log" 2>&1 &&
		"$out/$2-fuzzer" -max_total_time="$1" -max_len=4096 -timeout=20 \
			-print_final_stats=1 -verbosity=0 \
			-artifact_prefix="test/fuzz/corpus/$2/" \
			"$out/$2" "test/fuzz/corpus/$2" 2>"$out/$2.log"; then
		sed -n "s/^stat::number_of_executed_units: */ok - $2, $1 s, inputs: /p" "$out/$2.log"
	else
		tail -n 25 "$out/$2.log" | sed 's/^/    /'
		echo "not ok - $2, see $out/$2.log"
	fi
}

# --save: of what was learned, for each fuzzer.
save() {
	for d in "$out"/*-fuzzer; do
		name=$(basename "$d" -fuzzer)
		"$d" -set_cover_merge=1 -use_counters=0 -max_len=4096 -verbosity=0 \
			"test/fuzz/corpus/$name" "$out/$name" 2>"$out/$name.merge" ||
			echo "not ok - $name, see $out/$name.merge"
		echo "$name: $(find "test/fuzz/corpus/$name" -type f | wc -l) inputs"
	done
}

case ${1:-} in
--one)
	one "$2" "$3"
	exit
	;;
--save)
	save
	exit
	;;
esac
mkdir -p "$out"
${MAKE:-make} -j"$(nproc)" O="$out/parts" CC=clang SAN=fuzzer-no-link,address,undefined \
	CFLAGS="-O1 -g" "$out/parts/core.a" >"$out/parts.log" 2>&1 || {
	tail -n 20 "$out/parts.log"
	exit 1
}
for src in test/fuzz/*_fuzz_test.c; do
	basename "$src" _fuzz_test.c
done | xargs -n 1 -P "$(nproc)" "$0" --one "${1:-20}" | tee "$out/results"
bad=$(grep -c '^not ok' "$out/results")
ran=$(grep -c '^ok' "$out/results")
echo "$ran passed, $bad failed"
[ "$bad" = 0 ] && [ "$ran" = "$(ls test/fuzz/*_fuzz_test.c | wc -l)" ]
