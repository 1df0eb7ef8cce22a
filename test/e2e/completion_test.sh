#!/bin/sh
# Completion in real shells: every command, every option of each, every setting, what
# stands before a command, and what this machine knows.
. test/e2e/lib.sh

mkdir "$work/bin"
ln -s "$BIN" "$work/bin/usbp2p"
PATH=$work/bin:$PATH
export PATH
# what there is to complete, as `help` tells it
"$BIN" help >"$work/help"
sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/help" | sort >"$work/commands"
sed -n 's/^      \([a-z._]*=\).*/\1/p' "$work/help" | sort >"$work/settings"
sed -n '/^options before/,$s/^  \(-[a-z]\) .*/\1/p' "$work/help" | sort >"$work/before"
printf '%s\n' --help --version >>"$work/before"
options() {
	"$BIN" help "$1" | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort
}
words() {
	"$BIN" help "$1" | sed -n "1s/^usage: usbp2p $1 *//p" | sed 's/\[--[^]]*\(\[[^]]*\]\)*\]//g' |
		tr '| []' '\n\n\n\n' | grep '^[a-z]' | sort
}
check "there is something to complete" test -s "$work/commands" -a -s "$work/settings" \
	-a "$(options serve | wc -l)" -gt 5 -a "$(words peer | wc -l)" -ge 4

# what "text" WANT-FILE GOT...
what() {
	shift_text=$1 want=$2
	shift 2
	printf '%s\n' "$@" | grep . | sort >"$work/got"
	sort "$want" >"$work/want"
	cmp -s "$work/want" "$work/got"
	ok "$shift_text" || diff "$work/want" "$work/got" | note
}

# --- bash ---

"$BIN" completion bash >"$work/usbp2p.bash"
check "bash: its syntax" bash -n "$work/usbp2p.bash"
# in_bash WORD...: what the last word may become
in_bash() {
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _usbp2p 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' "$work/usbp2p.bash" "$@"
}
cat "$work/commands" "$work/before" >"$work/first"
what "bash: the first word" "$work/first" $(in_bash usbp2p "")
what "bash: settings" "$work/settings" $(in_bash usbp2p -o "")
what "bash: after settings" "$work/commands" $(in_bash usbp2p -o link.cc = bbr -v -s x "" | grep -v ^-)
while read -r c; do
	options "$c" >"$work/options"
	words "$c" >>"$work/options"
	[ "$c" != help ] || cp "$work/commands" "$work/options"
	what "bash: $c" "$work/options" $(in_bash usbp2p "$c" "" | grep -v "^v-1$")
	what "bash: $c behind other options" "$work/options" $(in_bash usbp2p -v -s d "$c" "")
	for o in $(options "$c"); do
		arg=$("$BIN" help "$c" | sed -n "s/^  $o \(.*\)/\1/p")
		case $arg in
		"") continue ;;
		FILE) is "bash: $c $o: a file" "$(in_bash usbp2p "$c" "$o" "$work/comm")" "$work/commands" ;;
		*) is "bash: $c $o wants a word of its own" "$(in_bash usbp2p "$c" "$o" "")" "" ;;
		esac
	done
done <"$work/commands"
printf 'server %s lab 127.0.0.1:1\nclient %s anna\n' "$("$BIN" -s "$work/x" id)" \
	"$("$BIN" -s "$work/y" id)" >"$work/peers"
mkdir -p "$work/.local/state/usbp2p"
cp "$work/peers" "$work/.local/state/usbp2p/peers"
USBP2P_STATE=$work/.local/state/usbp2p
export USBP2P_STATE
is "bash: known servers" "$(in_bash usbp2p attach l)" lab
# a real command line: the shell itself calls it
printf '. %s\nPS1=\nbind "set bell-style none"\n' "$work/usbp2p.bash" >"$work/rc"
printf 'usbp2p doc\t--js\t >%s/typed\nexit\n' "$work" |
	script -qc "bash --noprofile --rcfile $work/rc -i" /dev/null >"$work/tty.log" 2>&1
check "bash: by the tabulator" grep -q '"kind":"doctor"' "$work/typed"

# --- zsh ---

"$BIN" completion zsh >"$work/_usbp2p"
# The matches are written down as the shell is given them: what it shows depends on when
# keys come. (Calls with -O, -A or -D only ask.)
cat >"$work/zrc" <<'END'
	PROMPT= RPROMPT=
	autoload -U compinit
	compinit -D -u
	fpath=($ZWORK $fpath)
	autoload -U _usbp2p
	compdef _usbp2p usbp2p
	bindkey '^I' list-choices
	zle-line-init() { print -n READY } # from here on the terminal passes keys through
	zle -N zle-line-init
	compadd() {
		if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
			local -a hits
			builtin compadd -A hits "$@"
			print -rl -- $hits >>$ZWORK/hits
		fi
		builtin compadd "$@"
	}
END
cat >"$work/zrun" <<'END'
	zmodload zsh/zpty
	zpty z "TERM=dumb zsh -f -i"
	zpty -w z ". $ZWORK/zrc"
	zpty -r z out '*READY*'
	zpty -w -n z "usbp2p ${(j: :)@}"$'\t'$'\x15'"echo DO''NE"$'\n'
	zpty -r z out '*DONE*'
	zpty -d z
END
# in_zsh WORD...: what the last word may become
in_zsh() {
	: >"$work/hits"
	ZWORK=$work timeout 60 zsh -f "$work/zrun" "$@" >/dev/null
	cat "$work/hits"
}
if ! command -v zsh >/dev/null; then
	skip "zsh" "zsh is missing"
else
	check "zsh: its syntax" zsh -n "$work/_usbp2p"
	what "zsh: commands" "$work/commands" $(in_zsh "")
	what "zsh: settings" "$work/settings" $(in_zsh -o "")
	while read -r c; do
		options "$c" >"$work/options"
		what "zsh: $c" "$work/options" $(in_zsh "$c" --)
	done <"$work/commands"
	words peer >"$work/options"
	what "zsh: words" "$work/options" $(in_zsh peer "")
	is "zsh: known servers" "$(in_zsh attach "")" lab
fi

# --- fish ---

"$BIN" completion fish >"$work/usbp2p.fish"
in_fish() {
	fish --no-config -c "source $work/usbp2p.fish; complete -C \"\$argv\"" "usbp2p $*" | cut -f 1
}
if ! command -v fish >/dev/null; then
	skip "fish" "fish is missing"
else
	check "fish: its syntax" fish --no-config --no-execute "$work/usbp2p.fish"
	what "fish: commands" "$work/commands" $(in_fish "")
	what "fish: before them" "$work/before" $(in_fish - | grep '^-')
	what "fish: settings" "$work/settings" $(in_fish "-o ")
	while read -r c; do
		options "$c" >"$work/options"
		what "fish: $c" "$work/options" $(in_fish "$c --")
	done <"$work/commands"
	words peer >"$work/options"
	what "fish: words" "$work/options" $(in_fish "peer ")
	is "fish: known servers" "$(in_fish "attach l")" lab
fi
try "$BIN" completion csh
is "another shell" "$rc" 2
finish
