#!/bin/sh
# Fails over 600 lines a .c; warns over 400 (STYLE.md 4.1).
git ls-files 'core/*.c' 'net/*.c' 'usb/*.c' 'vhci/*.c' 'cmd/*.c' 'main.c' | xargs wc -l |
awk '$2 == "total" { next }
	$1 > 600 { print "too long: " $2 " (" $1 " lines)"; bad = 1 }
	$1 > 400 && $1 <= 600 { print "# long: " $2 " (" $1 " lines)" }
	END { exit bad }'
