#!/bin/sh
# regress.sh LIST: each of the 41 lines names a file with a test of exactly that name
# ("regress NUMBER: NAME"), and has a bug in bugs/ that the test was seen to catch.
awk -F '\t' -v dir="$(dirname "$1")" '
	function wrong(what) {
		print FILENAME ": item " $1 ": " what
		bad = 1
	}
	/^#/ { next }
	$1 != ++n { wrong("expected number " n) }
	{
		name = "regress " $1 ": " $2
		found = 0
		while ((getline line <$3) > 0)
			found = found || index(line, "\"" name "\"")
		close($3)
		if (!found)
			wrong("no test \"" name "\" in " $3)
		bug = dir "/bugs/" sprintf("%02d", $1) ".patch"
		if ((getline line <bug) <= 0)
			wrong("no " bug)
		close(bug)
	}
	END {
		if (n != 41) {
			print FILENAME ": " n " items, not 41"
			bad = 1
		}
		exit bad
	}' "$1"
