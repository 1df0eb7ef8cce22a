#!/bin/sh
# A write cache without a kernel: a stock client of attach --via usbip= is the disk's
# driver. What the disk refuses after it was told to be written is counted and said; what
# is on its way when the client goes is waited for: serve is told to be slow.
. test/e2e/lib.sh

# The file may not be written from its third MiB on, whatever its size.
truncate -s 4M "$work/x.img"
sh -c 'trap "" XFSZ; exec prlimit --fsize=2097152 "$@"' - "$BIN" -o serve.name=lab \
	-o "policy slow.device=v-1" -o "policy slow.rate=192k" -s "$work/lab" \
	serve --listen 127.0.0.1:0 --virtual "disk:$work/x.img" 2>"$work/lab.log" &
served=$!
pids="$pids $served"
wait_for 10 serving "$work/lab" || bail "serve does not start"
trap 'cache_rc=$?; kill -CONT "$served" 2>/dev/null; (exit $cache_rc); at_end' EXIT
"$BIN" -s "$work/anna" list "$(ticket lab --name anna)" --as lab >/dev/null || bail "no way to serve"

start_attach() {
	offer anna lab v-1 --write-cache || bail "it is not offered"
	at=$(sed -n 's/^v-1 offered at=\([^ ]*\) .*/\1/p' "$work/anna.via")
}

# driver WORD...: in the background; $driver, its output $work/said; what it waits for is
# a line of $work/go
driver() {
	rm -f "$work/go" "$work/said"
	mkfifo "$work/go"
	perl test/e2e/disk.pl "${at%:*}" "${at##*:}" v-1 "$@" \
		<>"$work/go" >"$work/said" 2>&1 &
	driver=$!
	pids="$pids $driver"
}
waits() { # N: so often until now
	[ "$(grep -c '^waits$' "$work/said")" = "$1" ]
}
go_on() {
	echo >"$work/go"
}
said() {
	tr '\n' ';' <"$work/said"
}
device() {
	"$BIN" -s "$work/anna" status --json |
		jq -r "[.running[0].devices[0] | $1] | map(tostring) | join(\" \")"
}
state_is() {
	[ "$(device .state)" = "$1" ]
}

# --- writes that the disk refuses when they were done already ---

start_attach
driver write:0:8:a sync wait write:5000:8:b write:5008:16:c sync write:0:8:d read:0:8 wait
check "a driver has it" wait_for 20 waits 1
is "which writes and flushes" "$(said)" "ready passed;blocks=8192 cache=1;write passed;sync passed;waits;"
is "nothing is lost" "$(device '.write_cache | .on, .hits, .unflushed, .lost, .lost_writes')" "true 1 0 0 0"
go_on
check "it writes where nothing can be written" wait_for 20 waits 2
is "both pass, and from then on all fails but reads" "$(sed 1,5d "$work/said" | tr '\n' ';')" \
	"write passed;write passed;sync failed key=3 asc=0c;write failed key=3 asc=0c;read a passed;waits;"
is "status tells how much is lost" \
	"$(device '.write_cache | .hits, .unflushed, .unflushed_writes, .lost, .lost_writes')" "3 0 0 12288 2"
check "in words, too" sh -c "'$BIN' -s '$work/anna' status | grep -q ', 2 writes lost'"
has "so does the log" "$work/anna.log" 'device v-1 has lost writes=2 bytes=12288 reason="the disk did not do them"'
go_on
check "it goes" wait "$driver"
check "another may have it" wait_for 10 state_is offered
driver write:0:8:e sync
wait "$driver"
is "which may write again" "$(sed 1,2d "$work/said" | tr '\n' ';')" "write passed;sync passed;"

# --- what is on its way when the client goes ---

check "offered again" wait_for 10 state_is offered
has_not "nothing was waited for until now" "$work/anna.log" "is waited for"
driver write:0:256:1 write:256:256:2 write:512:256:3 write:768:256:4
wait "$driver"
is "writes and no flush" "$(sed 1,2d "$work/said" | tr '\n' ';')" "write passed;write passed;write passed;write passed;"
check "it is waited for" wait_for 10 grep -q "device v-1 is waited for" "$work/anna.log"
check "and then offered again" wait_for 20 state_is offered
has_not "nothing is lost" "$work/anna.log" "unflushed"
for c in 1 2 3 4; do
	head -c 131072 /dev/zero | tr '\0' $c
done >"$work/want"
check "the disk has it all" cmp -n 524288 "$work/x.img" "$work/want"

# --- and nobody answers ---

driver wait write:0:8:y
check "a driver has it" wait_for 20 waits 1
kill -STOP "$served"
go_on
wait "$driver"
check "it is not waited for long" wait_for 10 grep -q "went unflushed writes=1 bytes=4096" "$work/anna.log"
check "a line says what is lost" wait_for 10 grep -qx "v-1 lost unflushed=4096 writes=1" "$work/anna.via"
kill -CONT "$served"
check "it is offered again" wait_for 20 state_is offered
kill "$offered"
wait "$offered"
is "its exit code" "$?" 1

# --- who detaches it waits, too, and not for a client that goes meanwhile ---

start_attach
driver write:0:256:5 write:256:256:6 write:512:256:7 write:768:256:8 wait
check "a driver has it" wait_for 20 waits 1
check "detach" "$BIN" -s "$work/anna" detach v-1
wait "$offered"
is "its exit code" "$?" 0
for c in 5 6 7 8; do
	head -c 131072 /dev/zero | tr '\0' $c
done >"$work/want"
check "the disk has it all" cmp -n 524288 "$work/x.img" "$work/want"

for word in v-1 --all; do
	start_attach
	driver wait write:0:8:y wait
	check "a driver has it" wait_for 20 waits 1
	kill -STOP "$served"
	go_on
	check "it writes" wait_for 20 waits 2
	"$BIN" -s "$work/anna" detach $word >"$work/detach.out" 2>&1 &
	detach=$!
	pids="$pids $detach"
	check "detach $word waits" wait_for 20 grep -q "device v-1 is waited for" "$work/anna.log"
	kill "$driver"
	wait "$detach"
	is "and says so" "$? $(cat "$work/detach.out")" "1 usbp2p: v-1 lost unflushed=4096 writes=1"
	has "it is gone" "$work/anna.log" 'device v-1 unplugged reason="the peer is silent"'
	kill -CONT "$served"
	wait "$offered"
	is "its exit code" "$?" 1
done
kill "$served"
wait "$served"
is "serve ends" "$?" 0
finish
