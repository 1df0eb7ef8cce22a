#!/bin/sh
# The manual pages tell what the program does: man.sh BIN PAGE...
#   - mandoc finds no warning
#   - SYNOPSIS lines are the usage lines of `BIN help`, all of them and no other
#   - options, with their arguments, are those of `BIN help COMMAND`
#   - every command and every setting of `BIN help` is described, and no other
#   - exit codes are those of core/err.h
#   - the table of messages is that of core/wire.h, those of a rendezvous (and why it
#     ends a connection) are those of core/rdv_wire.h
#   - the browser's keys are those of `BIN tui --keys`
#   - screens behind `.\" screen NAME` are test/tui/screens/NAME.txt, and all man-* are there
# An option is described by `.It Fl Fl name Ar ARG`, or `.It Fl Fl name Ns Op = Ns Ar ARG`
# when the argument may be left out: in usbp2p.1 below `.Ss COMMAND`, otherwise in
# the page of its command.
set -u
export LC_ALL=C
bin=$1
shift
top=$(dirname "$0")/../..
d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
bad=0

# same WHAT SHOULD IS: the two lists hold the same lines, in any order
same() {
	sort -u "$2" >"$d/should"
	sort -u "$3" >"$d/is"
	comm -23 "$d/should" "$d/is" | sed "s/^/man: not in the pages: $1: /" >"$d/diff"
	comm -13 "$d/should" "$d/is" | sed "s/^/man: only in the pages: $1: /" >>"$d/diff"
	if [ ! -s "$d/should" ]; then
		echo "man: the program tells nothing about: $1"
		bad=1
	elif [ -s "$d/diff" ]; then
		cat "$d/diff"
		bad=1
	fi
}

mandoc -T lint -W warning "$@" || bad=1

# --- what the program says ---

"$bin" help >"$d/help" || exit 1
awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' "$d/help" >"$d/commands"
sed -n 's/^usage: *//p; s/^       \(usbp2p \)/\1/p' "$d/help" >"$d/usage"
sed -n 's/^      \([a-z][A-Za-z._ ]*=.*\)/\1/p' "$d/help" >"$d/settings"
: >"$d/options"
while read -r c; do
	"$bin" help "$c" >"$d/one" || exit 1
	sed -n 's/^usage: //p' "$d/one" >>"$d/usage"
	sed -n "s/^  --/$c --/p" "$d/one" >>"$d/options"
done <"$d/commands"
sed 's/^[^ ]* --\([^[ ]*\).*/\1/' "$d/options" >"$d/names"
printf '%s\n' help version name >>"$d/names" # of no command, and the example of one

# --- what the pages say ---

: >"$d/page_usage"
for page; do
	mandoc -T ascii -O width=1000 "$page" | sed "s/.$(printf '\b')//g" |
		awk '/^[A-Z]/ { on = $1 == "SYNOPSIS" } on && /^ / { $1 = $1; print }' \
			>>"$d/page_usage"
done

awk -v d="$d" '
	FNR == 1 {
		page = FILENAME
		sub(/.*\//, "", page)
		command = section = ""
		if (match(page, /^usbp2p-[a-z]*\.1$/))
			command = substr(page, 8, length(page) - 9)
		main = page == "usbp2p.1"
	}
	$1 == ".Sh" {
		section = substr($0, 5)
		if (main)
			command = ""
	}
	main && $1 == ".Ss" && section == "COMMANDS" {
		command = $2
		print command >(d "/page_commands")
	}
	$1 == ".It" && $2 == "Fl" && $3 == "Fl" && command != "" {
		arg = $5 == "Ar" ? " " $6 : $5 == "Ns" && $6 == "Op" ? "[" $7 $10 "]" : ""
		print command " --" $4 arg >(d "/page_options")
	}
	/^\./ {
		n = split(substr($0, 2), w)
		for (i = 1; i + 2 <= n; i++)
			if (w[i] == "Fl" && w[i + 1] == "Fl" && w[i + 2] ~ /^[a-z]/)
				print w[i + 2] >(d "/page_names")
	}
	$1 == ".It" && page == "usbp2p.conf.5" && section == "KEYS" {
		line = ""
		for (i = 3; i <= NF; i++)
			if ($i != "Ns" && $i != "Ar")
				line = line ($i ~ /^[A-Z][A-Za-z._]*"/ ? " " : "") $i
		gsub(/"/, "", line)
		print line >(d "/page_settings")
	}
	$1 == ".It" && main && section == "EXIT STATUS" { print $2 >(d "/page_codes") }
	$1 == ".It" && page == "usbp2p-protocol.7" && section == "MESSAGES" && NF == 12 &&
	    $2 != "Sy" { print $2, $4, $6, $8, $10, $12 >(d "/page_messages") }
	$1 == ".It" && page == "usbp2p-protocol.7" && section == "RENDEZVOUS" && $2 != "Sy" {
		if ($2 ~ /^[A-Z]/)
			print $2, $4, $6, $8, $10 >(d "/page_rdv")
		else
			print substr($0, 5) >(d "/page_ends")
	}
' "$@"
for f in commands options names settings codes messages rdv ends; do
	[ -e "$d/page_$f" ] || : >"$d/page_$f"
done

# --- the sources of numbers ---

{
	echo 0
	sed -n 's/^[[:space:]]*X([A-Z]*, "[^"]*", \([0-9]*\)).*/\1/p' "$top/core/err.h"
} >"$d/codes"

sed -n 's/^#define \([A-Z_]*\)[[:space:]]*\([(0-9].*\)/\1 \2/p' "$top/core/b32.h" \
	"$top/core/wire.h" "$top/core/rdv_wire.h" | sed 's,/\*.*,,' >"$d/defines"
number() { # of a literal or of a #define
	case $1 in
	[0-9]*) echo "$1" ;;
	*) echo $(($(expand "$1"))) ;;
	esac
}
expand() { # names in it, and in what they stand for
	text=$1
	while name=$(echo "$text" | grep -o '[A-Z][A-Z_]*' | head -n 1) && [ -n "$name" ]; do
		text=$(echo "$text" | sed "s/$name/$(sed -n "s/^$name //p" "$d/defines")/")
	done
	echo "$text"
}
sed -n '/^#define WIRE_LIST/,/[^\\]$/s/^[[:space:]]*X(\(.*\)).*/\1/p' "$top/core/wire.h" |
	tr -d , | while read -r name type from place least most; do
	echo "$name $type ${from#WIRE_} ${place#WIRE_} $(number "$least") $(number "$most")"
done | awk '{ print $1, $2, tolower($3), tolower($4), $5, $6 }' >"$d/messages"

sed -n '/^#define RDV_LIST/,/[^\\]$/s/^[[:space:]]*X(\(.*\)).*/\1/p' "$top/core/rdv_wire.h" |
	sed 's/, */,/g' | while IFS=, read -r name type from least most; do
	case $from in RDV_PEER) from=peer ;; RDV_MIDDLE) from=rendezvous ;; esac
	echo "$name $type $from $(number "$least") $(number "$most")"
done >"$d/rdv"
sed -n '/^#define RDV_ENDS/,/[^\\]$/s/^[[:space:]]*X([A-Z]*, \([0-9]*\), "\([^"]*\)".*/\1 Ta \2/p' \
	"$top/core/rdv_wire.h" >"$d/ends"

"$bin" tui --keys >"$d/keys" || exit 1
sed -n '/^\.Sh KEYS/,/^\.Ed/{/^\./!p;}' "$top/man/usbp2p-tui.1" >"$d/page_keys"

awk -v d="$d" '
	$1 == ".\\\"" && $2 == "screen" { name = $3; next }
	name != "" && $1 == ".Ed" { name = "" }
	name != "" && $1 != ".Bd" { print >(d "/screen_" name) }
' "$top/man/usbp2p-tui.1"
for f in "$top"/test/tui/screens/man-*.txt; do
	s=$d/screen_$(basename "$f" .txt)
	cmp -s "$f" "$s" || {
		echo "man: usbp2p-tui.1 does not show $f as it is"
		bad=1
	}
done

same "SYNOPSIS" "$d/usage" "$d/page_usage"
same "command" "$d/commands" "$d/page_commands"
same "option" "$d/options" "$d/page_options"
same "setting" "$d/settings" "$d/page_settings"
same "exit code" "$d/codes" "$d/page_codes"
same "key of the browser" "$d/keys" "$d/page_keys"
same "message" "$d/messages" "$d/page_messages"
same "message of a rendezvous" "$d/rdv" "$d/page_rdv"
same "end of a rendezvous' connection" "$d/ends" "$d/page_ends"
sort -u "$d/page_names" | grep -vxF -f "$d/names" |
	sed 's/^/man: mentioned, but no option of any command: --/' >"$d/diff"
if [ -s "$d/diff" ]; then
	cat "$d/diff"
	bad=1
fi
exit $bad
