#!/bin/sh
# Every header compiles alone.
bad=0
for h; do
	printf '#include "%s"\n' "$h" |
		${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -fsyntax-only -x c - ||
		{ echo "not self-sufficient: $h"; bad=1; }
done
exit $bad
