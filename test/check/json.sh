#!/bin/sh
# json.sh PAGE GOLDEN: usbp2p-json(7) tells of the very keys and types that
# test/e2e/golden_test.sh finds in what the program prints (or that others have found:
# lines with ?).
set -u
export LC_ALL=C
d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
bad=0

# OBJECT KEY TYPE of each row; types that are parts are taken apart.
awk '
	$1 == ".Sh" { sh = $2 }
	$1 == ".Ss" { name = $2; if (sh == "OBJECTS") objects[++n] = name }
	$1 == ".It" && $2 == "Li" {
		type = $5 == "Em" ? $6 : $5
		rows[name] = rows[name] " " $3 "=" type
		if (sh == "PARTS")
			part[name] = 1
	}
	END {
		for (i = 1; i <= n; i++) {
			o = objects[i]
			print o, "schema", "string"
			print o, "kind", "string"
			k = split(rows[o], row, " ")
			for (j = 1; j <= k; j++) {
				split(row[j], f, "=")
				if (!part[f[2]]) {
					print o, f[1], f[2]
					continue
				}
				m = split(rows[f[2]], inner, " ")
				for (l = 1; l <= m; l++) {
					split(inner[l], g, "=")
					print o, f[1] "." g[1], g[2]
				}
			}
		}
	}' "$1" | sort >"$d/page"
sed 's/^? //' "$2" | sort >"$d/golden"
comm -23 "$d/golden" "$d/page" | sed 's/^/json: not in the page: /' >"$d/diff"
comm -13 "$d/golden" "$d/page" | sed 's/^/json: only in the page: /' >>"$d/diff"
uniq -d "$d/page" | sed 's/^/json: twice in the page: /' >>"$d/diff"
if [ ! -s "$d/page" ] || [ -s "$d/diff" ]; then
	cat "$d/diff"
	bad=1
fi
exit $bad
