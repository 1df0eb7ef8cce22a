# Makes one rule per test from the line `link: test/sim/net core` in its head: objects,
# and folders of ours, of which it gets what it uses.
FNR == 1 { seen = 0 }
!seen && /link:/ {
	seen = 1
	line = $0
	sub(/.*link:/, "", line)
	sub(/\*\/.*/, "", line)
	base = FILENAME
	sub(/\.c$/, "", base)
	printf "%s/%s: %s/%s.o", O, base, O, base
	n = split(line, obj, " ")
	for (i = 1; i <= n; i++)
		printf " %s/%s%s", O, obj[i], obj[i] ~ /\// ? ".o" : ".a"
	printf "\n"
}
