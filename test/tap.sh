# TAP for tests that are shell scripts, on the host (test/e2e/lib.sh) and in the
# guest (test/vm/lib.sh), which source it from the top of the tree. $tap_out is a
# file for what a checked command prints.
tap_n=0 tap_bad=0 tap_out=${tap_out:-/tmp/check.out}

ok() {
	set -- $? "$@"
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_n - $2"
		return 1
	fi
}

note() {
	sed 's/^/#   /'
}

check() {
	check_what=$1
	shift
	check_rc=0
	"$@" >"$tap_out" 2>&1 || check_rc=$?
	(exit "$check_rc")
	ok "$check_what" || {
		echo "#   $* ended with $check_rc"
		note <"$tap_out"
		return 1
	}
}

is() {
	[ "$2" = "$3" ]
	ok "$1" || {
		echo "#   got  $2"
		echo "#   want $3"
		return 1
	}
}

# show_logs DIR: the ends of what the programs said, for a test that has failed.
show_logs() {
	for f in "$1"/*.log "$1"/*.err; do
		[ -s "$f" ] || continue
		echo "# end of ${f##*/}:"
		tail -n 40 "$f" | note
	done
}

finish() {
	echo "1..$tap_n"
	[ "$tap_bad" = 0 ]
	exit
}
