#!/bin/sh
# core/ compiles freestanding for a Cortex-M3 and needs nothing but mem* and
# the compiler's own 64-bit arithmetic, and core_panic, which the outside gives.
set -e
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
for c; do
	clang --target=thumbv7m-none-eabi -ffreestanding -std=c11 -Os -I. -Wall -Wextra \
		-Werror -c "$c" -o "$d/$(basename "$c" .c).o"
done
llvm-nm "$d"/*.o | awk '
	$1 == "U" { need[$2] = 1 }
	NF == 3 && $2 ~ /[A-Z]/ { have[$3] = 1 }
	END {
		for (s in need)
			if (!have[s] && s !~ /^(mem(cpy|move|set|cmp)|__aeabi_.*|core_panic)$/) {
				print "core/ needs from outside: " s
				bad = 1
			}
		exit bad
	}'
