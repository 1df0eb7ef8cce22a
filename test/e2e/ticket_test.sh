#!/bin/sh
# Who comes in: tickets, known peers, strangers; and what each of them sees.
. test/e2e/lib.sh

random_image stick-one.img 1
random_image stick-two.img 1
settings="-o serve.name=lab"
start_serve lab --virtual "disk:$work/stick-one.img" --virtual "disk:$work/stick-two.img" ||
	bail "serve does not start"
lab=$served
shared="v-1 stick-one v-2 stick-two"

# sees "text" DEVICES: what the last list showed.
sees() {
	is "$1" "$rc $(awk '{ printf "%s ", $1 }' "$work/out")" "0 $2 "
}

nothing_shown() {
	is "$1: nothing on stdout" "$(cat "$work/out")" ""
	for w in $shared; do
		has_not "$1: no word of $w" "$work/err" "$w"
	done
}

# --- tickets ---

t=$(ticket lab --name anna)
case $t in
usbp2p:[A-Z2-7]*) true ;;
*) false ;;
esac
ok "a ticket is one word of base32"
is "and one line" "$(echo "$t" | wc -l)" 1

# one character changed: the tenth
c=$(echo "$t" | cut -c 10)
other=$(echo "$t" | sed "s/^\(.\{9\}\)./\1$([ "$c" = A ] && echo B || echo A)/")
try "$BIN" -s "$work/anna" list "$other"
fails "a changed character" 2 "this ticket cannot be read"
try "$BIN" -s "$work/anna" list "${t%?????}"
fails "a truncated ticket" 2 "this ticket cannot be read"
try "$BIN" -s "$work/anna" list usbp2p:
fails "an empty ticket" 2 "this ticket cannot be read"
echo >"$work/t"
try "$BIN" -s "$work/anna" list - <"$work/t"
fails "an empty line for a ticket" 2 "this ticket cannot be read"
try "$BIN" -s "$work/anna" list - </dev/null
fails "no ticket on stdin" 2 "no ticket on standard input"
echo "$t" >"$work/t"
try "$BIN" -s "$work/anna" list - <"$work/t"
sees "a ticket from stdin" "v-1 v-2"
is "the server is known now" "$(awk '{ print $1, $3 }' "$work/anna/peers")" "server lab"
is "and so is the client" "$(awk '{ print $1, $2, $3 }' "$work/lab/peers")" \
	"client $("$BIN" -s "$work/anna" id) anna"
try "$BIN" -s "$work/anna" list lab
sees "by name" "v-1 v-2"
try "$BIN" -s "$work/anna" list "$(echo "$t" | tr A-Z a-z)"
sees "the same ticket again, in lower case" "v-1 v-2"

# --- strangers ---

try "$BIN" -s "$work/eve" list "$t"
fails "a used ticket of another" 3 "the ticket is used up or expired"
nothing_shown "a used ticket of another"
mkdir "$work/eve2"
cp "$work/anna/peers" "$work/eve2/peers"
try "$BIN" -s "$work/eve2" list lab
fails "not invited" 3 "you are not invited"
nothing_shown "not invited"
try "$BIN" -s "$work/eve2" bench lab v-1
fails "not invited, bench" 3 "you are not invited"
nothing_shown "not invited, bench"
has "the server's log says who" "$work/lab.log" "refused from=127.0.0.1:"
is "the list of clients is as it was" "$(wc -l <"$work/lab/peers")" 1
try "$BIN" -s "$work/anna" list nobody
fails "an unknown name" 4 'no server is known as "nobody"'

# --- what invite can be told ---

t=$(ticket lab --uses 2)
for who in first second; do
	try "$BIN" -o serve.name="$who" -s "$work/$who" list "$t"
	sees "two uses: the $who" "v-1 v-2"
done
try "$BIN" -s "$work/third" list "$t"
fails "two uses: the third" 3 "used up"
try "$BIN" -s "$work/first" list "$t"
sees "two uses: the first again" "v-1 v-2"
is "who has no name of ours is called as it calls itself" \
	"$(cut -d ' ' -f 3 "$work/lab/peers" | tr '\n' ' ')" "anna first second "

t=$(ticket lab --name bert --device v-2)
try "$BIN" -s "$work/bert" list "$t"
sees "one device only" "v-2"
has_not "nothing of the other" "$work/out" stick-one
try "$BIN" -s "$work/bert" bench lab v-1
fails "the other cannot be had" 4 "no such device"
try "$BIN" -s "$work/bert" bench lab v-2
is "this one can" "$rc" 0
first=$t
t=$(ticket lab --device v-1)
try "$BIN" -s "$work/bert" list "$t"
sees "a new ticket of a known peer replaces what it may use" "v-1"
is "but not its name" "$(grep -c '^client [^ ]* bert v-1$' "$work/lab/peers")" 1
try "$BIN" -s "$work/bert" list "$first"
sees "an old one changes nothing" "v-1"
try "$BIN" -s "$work/bert2" list "$t"
fails "and the new one is used up" 3 "used up"
t=$(ticket lab --name carl --device '!v-1' --device stick)
try "$BIN" -s "$work/carl" list "$t"
sees "all but one" "v-2"
t=$(ticket lab --name anna)
try "$BIN" -s "$work/dora" list "$t"
is "a second anna" "$rc $(tail -n 1 "$work/lab/peers" | cut -d ' ' -f 3)" "0 anna-2"

for bad in "--uses 0" "--uses 9" "--uses x" "--ttl 0" "--ttl x" "--ttl 1y" "--device 1d6b:1" \
	"--name -x" "--name 12"; do
	try "$BIN" -s "$work/lab" invite $bad
	is "invite $bad" "$rc $(head -n 1 "$work/err")" \
		"2 usbp2p: ${bad%% *} cannot be \"${bad#* }\""
done

# --- as a picture ---

# pbm FILE: a picture of the lines of `invite --qr` behind the first, 8 dots a cell.
pbm() {
	tail -n +2 "$1" | if grep -q '#' "$1"; then
		awk '{ s = ""; for (i = 1; i <= length($0); i += 2) s = s (substr($0, i, 1) == "#"); print s }'
	else # a line is two rows; a block is light
		LC_ALL=C.UTF-8 sed 's/█/a/g; s/▀/b/g; s/▄/c/g; s/ /d/g' |
			awk '{ u = $0; gsub(/[ab]/, 0, u); gsub(/[cd]/, 1, u); print u
				gsub(/[ac]/, 0); gsub(/[bd]/, 1); print }'
	fi | awk '{ n = length($0); r = ""
			for (i = 1; i <= n; i++) for (k = 0; k < 8; k++) r = r substr($0, i, 1) " "
			for (k = 0; k < 8; k++) row[++rows] = r }
		END { print "P1\n" n * 8, rows; for (i = 1; i <= rows; i++) print row[i] }'
}
for locale in C C.UTF-8; do
	LC_ALL=$locale try "$BIN" -s "$work/lab" invite --qr
	is "invite --qr, $locale: the ticket comes first" "$rc $(head -n 1 "$work/out" | cut -c 1-7)" \
		"0 usbp2p:"
	pbm "$work/out" >"$work/qr.pbm"
	is "invite --qr, $locale: a camera reads the same" \
		"$(zbarimg -q --raw "$work/qr.pbm" 2>/dev/null | tr a-z A-Z)" "$(head -n 1 "$work/out" | tr a-z A-Z)"
done
is "invite --qr, C: nothing but ASCII" "$(LC_ALL=C "$BIN" -s "$work/lab" invite --qr |
	tr -d '\n -~' | wc -c)" 0
LC_ALL=C.UTF-8 script -qc "'$BIN' -s '$work/lab' invite --qr" /dev/null >"$work/tty" </dev/null
has "in colours on a terminal" "$work/tty" "$(printf '\033[97;40m')"
t=$(head -n 1 "$work/out" | tr a-z A-Z)
try "$BIN" -s "$work/camera" list "$t"
sees "what the camera reads is a ticket" "v-1 v-2"

# --- names of servers ---

settings="-o serve.name=lab"
random_image third.img 1
start_serve lab2 --virtual "disk:$work/third.img" || bail "the second serve does not start"
t=$(ticket lab2)
try "$BIN" -s "$work/anna" list "$t"
fails "another server of that name" 2 "choose a name with --as NAME"
is "it is not remembered" "$(wc -l <"$work/anna/peers")" 1
try "$BIN" -s "$work/anna" list "$t" --as lab2
is "with another name" "$rc $(awk '{ print $1, $6 }' "$work/out")" "0 v-1 third.img"
try "$BIN" -s "$work/anna" list lab
sees "the first is still itself" "v-1 v-2"
try "$BIN" -s "$work/anna" list lab2
has "and the second" "$work/out" third.img
try "$BIN" -s "$work/anna" list lab2 --as attic
try "$BIN" -s "$work/anna" list attic
has "a new name for a known server" "$work/out" third.img

# the address of one, the key of another
addr=$(awk '$3 == "lab" { print $4 }' "$work/anna/peers")
sed "s/ attic .*/ attic $addr/" "$work/anna/peers" >"$work/p" && mv "$work/p" "$work/anna/peers"
try "$BIN" -s "$work/anna" list attic
fails "another server at that address" 3 "its key differs"
nothing_shown "another server at that address"

check "serve ends" end_serve "$lab"
try "$BIN" -s "$work/anna" list lab
fails "nobody there" 6 "$addr"
finish
