#!/bin/sh
# A serve that lives long, and peers that come and go: ROUNDS (32 unless told) of list, a bench now
# and then, and a stranger each time. It may keep nothing of them, neither memory
# nor descriptors nor threads. With BIN built with SAN=address the sanitizer has its
# say when serve ends.
. test/e2e/lib.sh

rounds=${ROUNDS:-32}
warm=22 # rounds until the libraries have what they keep

# The caches of glibc and glib keep freed blocks in the midst of the heap, which grows
# around them for some 300 rounds; without them it stays as it is to the page.
GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=4096:glibc.malloc.top_pad=0
G_SLICE=always-malloc
export GLIBC_TUNABLES G_SLICE

counts() {
	echo "fds=$(ls "/proc/$served/fd" | wc -l) threads=$(ls "/proc/$served/task" | wc -l)"
}

memory() {
	awk '/^Anonymous:/ { print $2 }' "/proc/$served/smaps_rollup"
}

client() {
	"$BIN" -s "$work/C" "$@"
}

alone() {
	"$BIN" -s "$work/S" status --json | grep -qF '"peers":[]'
}

round() {
	client list lab && { [ $((n % 10)) != 1 ] || client bench lab v-1; } && ! "$BIN" -s "$work/X" list "$t" &&
		wait_for 10 alone
}

random_image disk 4
start_serve S --virtual "disk:$work/disk" || bail "serve does not start"
t=$(ticket S --name anna)
check "the first time" client list --as lab "$t"
n=0 failed=0 had= kb=
while [ $n -lt "$rounds" ] && [ $failed -lt 3 ]; do
	n=$((n + 1))
	try round
	[ "$rc" = 0 ] || {
		failed=$((failed + 1))
		note <"$work/err"
	}
	[ $n != $warm ] || had=$(counts) kb=$(memory)
	[ $((n % 10)) != 0 ] || echo "# round $n: $(counts) kB=$(memory)"
done
is "rounds that failed" "$failed" 0
is "descriptors and threads" "$(counts)" "$had"
[ $(($(memory) - kb)) -le "${TEST_KB:-16}" ]
ok "grew by $(($(memory) - kb)) kB since round $warm"
end_serve "$served"
is "serve ends in order" "$?" 0
has_not "no leak was reported" "$serve_log" "Sanitizer"
finish
