# Makes one rule per test from the line `link: core/cur core/mem` in its head.
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
		printf " %s/%s.o", O, obj[i]
	printf "\n"
}
