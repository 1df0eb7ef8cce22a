# Reads what a TAP program printed; tells what went wrong, and in the last line
# "PASSED FAILED SKIPPED". A program that dies, prints no plan or runs another
# number of tests than it planned is one more failure, and so is a skip that
# test/skips.txt does not list as "NAME: TEXT".
#	awk -v name=core/cur_test -v rc=0 -v skips=FILE -f tap.awk LOG
function problem(what) {
	print "    " what
	failed++
}

# Before this only the last 20 of the notes count.
function tests_end() {
	bad = 0
	first = notes > 20 ? notes - 20 : 1
}

function skip(text, why) {
	if (listed[name ": " text])
		skipped++
	else
		problem("skipped, and not listed in " skips ": " text " (" why ")")
}

BEGIN {
	while ((getline line < skips) > 0)
		listed[line] = 1
	plan = -1
}

match($0, /^(not )?ok /) {
	ran++
	text = substr($0, RLENGTH + 1)
	sub(/^[0-9]+ *(- )?/, "", text)
	bad = /^not/
	if (bad)
		problem($0)
	else if (match(text, / *# *[Ss][Kk][Ii][Pp] */))
		skip(substr(text, 1, RSTART - 1), substr(text, RSTART + RLENGTH))
	else
		passed++
	next
}

# What the program says about it stands before or behind the line of the test, or, like
# the ends of its logs, after all of them.
/^#/ {
	if (bad)
		print "    " $0
	else
		said[++notes] = $0
	next
}

/^1\.\.[0-9]+/ {
	plans++
	if (ran)
		tests_end()
	plan = substr($1, 4) + 0
	if (match($0, /# *[Ss][Kk][Ii][Pp] */))
		skip("all", substr($0, RSTART + RLENGTH))
	next
}

/^Bail out!/ {
	problem($0)
	bailed = 1
	tests_end()
}

END {
	if (plans > 1)
		problem("printed " plans " plans")
	if (plan < 0 && !bailed)
		problem("printed no plan")
	else if (plan >= 0 && plan != ran)
		problem("planned " plan " tests, ran " ran + 0)
	if (rc == 124 || rc == 137)
		problem("was ended because it took too long")
	else if (rc != 0 && !failed)
		problem("ended with exit code " rc)
	if (!first)
		tests_end()
	if (failed)
		for (i = first; i <= notes; i++)
			print "    " said[i]
	print passed + 0, failed + 0, skipped + 0
}
