#!/bin/sh
# A disk and a HID gadget 10 and 50 ms away in a guest (netem), by us, by us without what
# hides the distance, and by the kernel's own USB/IP: test/vm/distance_test.sh with its
# figures, as rows for run.sh. A bar is a ratio to USB/IP, or 80 % of what we do at 0 ms
# where that is less: the guest's emulated processor bounds it. O and BIN as of
# test/vm/run.sh; TEST_REPORTS: of the HID gadget.
set -u
tree=$(readlink -f "${0%/*}/../..")
out=$(mktemp)
trap 'rm -f "$out"' EXIT
TEST_FIGURES=1 TEST_REPORTS=${TEST_REPORTS:-3000}
export TEST_FIGURES TEST_REPORTS
"$tree/test/vm/distance_test.sh" >"$out" || grep '^not ok' "$out" >&2
awk '
	/^# .* read [0-9]+, write [0-9]+, 4 KiB random read [0-9]+ kB\/s/ {
		name = $0
		sub(/^# /, "", name)
		sub(/: read.*/, "", name)
		line = $0
		gsub(/[^0-9 ]/, "", line)
		sub(/.*: /, "")
		split($0, v, /[^0-9]+/)
		read[name] = v[2]
		write[name] = v[3]
		random[name] = v[5]
	}
	/^# 50 ms, cached: write/ { cached = $6 + 0 }
	/^# reports a second:/ { with = $5 + 0; without = $9 + 0; near = $12 + 0; alone = $15 + 0 }
	# of: what WHAT is compared with; times: the bar; own: ours at 0 ms, or nothing
	function row(what, how, ours, of, times, own, beside) {
		few = own > 0 && own * 0.8 < of * times
		printf "| %s | `far.sh`%s | %.3f MB/s, %.2f times", what, how, ours / 1000, ours / of
		if (own > 0)
			printf ", %d %% of 0 ms", 100 * ours / own
		printf " | >= %s | %s %.3f MB/s |\n", few ? "80 %" : times " times", beside, of / 1000
	}
	END {
		if (!("50 ms, usbip" in read))
			exit 1
		ip = "USB/IP of the kernel"
		row("disk read, 50 ms", "", read["50 ms"], read["50 ms, usbip"], 10, read["0 ms"], ip)
		row("disk write, 50 ms", "", write["50 ms"], write["50 ms, usbip"], 2.5, write["0 ms"], ip)
		row("disk write with --write-cache, flushed, 50 ms", "", cached, write["50 ms, usbip"], 10, write["0 ms"], ip)
		row("4 KiB random read, 50 ms", "", random["50 ms"], random["50 ms, usbip"], 2.5, random["0 ms"], ip)
		row("disk read, 10 ms", "", read["10 ms"], read["10 ms, usbip"], 5, read["0 ms"], ip)
		row("disk read, 0 ms", "", read["0 ms"], read["0 ms, without"], 0.95, 0, "with --no-assist=storage")
		row("disk write, 0 ms", "", write["0 ms"], write["0 ms, without"], 0.95, 0, "with --no-assist=storage")
		printf "| HID reports, 1000 a second, 50 ms | `far.sh` | %d a second | >= 950 | without what hides the distance %d a second; at 0 ms %d; where it is plugged in %d |\n",
			with, without, near, alone
	}' "$out"
