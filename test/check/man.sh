#!/bin/sh
# The manual pages tell what the program does: man.sh BIN PAGE...
#   - mandoc finds no warning
#   - SYNOPSIS lines are the usage lines of `BIN help`, all of them and no other
#   - options, with their arguments, are those of `BIN help COMMAND`
#   - every command and every setting of `BIN help` is described, and no other
#   - exit codes are those of core/err.h
#   - the table of messages is that of core/wire.h
#   - the browser's keys are those of `BIN tui --keys`
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
' "$@"
for f in commands options names settings codes messages; do
	[ -e "$d/page_$f" ] || : >"$d/page_$f"
done

# --- the sources of numbers ---

{
	echo 0
	sed -n 's/^[[:space:]]*X([A-Z]*, "[^"]*", \([0-9]*\)).*/\1/p' "$top/core/err.h"
} >"$d/codes"

sed -n 's/^#define \(WIRE_[A-Z]*\)[[:space:]]*\([(0-9].*\)/\1 \2/p' "$top/core/wire.h" |
	sed 's,/\*.*,,' >"$d/defines"
number() { # of a literal or of a #define
	case $1 in
	[0-9]*) echo "$1" ;;
	*) echo $(($(sed -n "s/^$1 //p" "$d/defines"))) ;;
	esac
}
sed -n '/^#define WIRE_LIST/,/[^\\]$/s/^[[:space:]]*X(\(.*\)).*/\1/p' "$top/core/wire.h" |
	tr -d , | while read -r name type from place least most; do
	echo "$name $type ${from#WIRE_} ${place#WIRE_} $(number "$least") $(number "$most")"
done | awk '{ print $1, $2, tolower($3), tolower($4), $5, $6 }' >"$d/messages"

"$bin" tui --keys >"$d/keys" || exit 1
sed -n '/^\.Sh KEYS/,/^\.Ed/{/^\./!p;}' "$top/man/usbp2p-tui.1" >"$d/page_keys"

same "SYNOPSIS" "$d/usage" "$d/page_usage"
same "command" "$d/commands" "$d/page_commands"
same "option" "$d/options" "$d/page_options"
same "setting" "$d/settings" "$d/page_settings"
same "exit code" "$d/codes" "$d/page_codes"
same "key of the browser" "$d/keys" "$d/page_keys"
same "message" "$d/messages" "$d/page_messages"
sort -u "$d/page_names" | grep -vxF -f "$d/names" |
	sed 's/^/man: mentioned, but no option of any command: --/' >"$d/diff"
if [ -s "$d/diff" ]; then
	cat "$d/diff"
	bad=1
fi
exit $bad
