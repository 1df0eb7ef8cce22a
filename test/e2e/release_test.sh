#!/bin/sh
# The program that `make install` installs, not one that was built for tests: it is
# the one that all of test/e2e and test/vm run, and valgrind has nothing to say of it.
. test/e2e/lib.sh

command -v valgrind >/dev/null || bail "no valgrind: make test-deps"
check "install" make -s O="$(dirname "$BIN")" DESTDIR="$work/root" PREFIX=/usr install
check "what is installed is what is tested" cmp "$work/root/usr/bin/usbp2p" "$BIN"

# under NAME ARG...: the installed program in valgrind, which exits with 99 if need be.
cat >"$work/under" <<X
#!/bin/sh
log=$work/\$1.valgrind
shift
exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--suppressions=test/valgrind.supp --log-file="\$log" $work/root/usr/bin/usbp2p "\$@"
X
chmod +x "$work/under"
random_image stick.img 1
"$work/under" serve -o serve.name=lab -s "$work/lab" serve --listen 127.0.0.1:0 \
	--virtual "disk:$work/stick.img" 2>"$work/lab.log" &
served=$!
pids="$pids $served"
check "serve starts" wait_for 60 "$BIN" -s "$work/lab" status
lists() { # valgrind on a busy machine may be too slow for the time that a link has
	try "$work/under" list -s "$work/anna" list "$t"
	[ "$rc" != 6 ]
}
t=$(ticket lab --name anna)
wait_for 60 lists
is "list" "$rc $(cut -d ' ' -f 1 "$work/out")" "0 v-1"
try "$work/under" bench -s "$work/anna" bench lab v-1 --json
is "bench" "$rc $(jq -r .device.sha256 "$work/out")" \
	"0 $(sha256sum "$work/stick.img" | cut -c 1-64)"
end_serve "$served"
is "serve ends" $? 0
is "regress 40: release-build-only memory bug (run the suite on the release binary)" \
	"$(cat "$work"/*.valgrind)" ""
finish
