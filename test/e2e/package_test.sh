#!/bin/sh
# `make install` puts everything where it belongs, below DESTDIR and PREFIX, and nothing
# elsewhere; `make deb` makes a package that lintian has nothing against.
. test/e2e/lib.sh
O=$(dirname "$BIN")
version=$("$BIN" --version | cut -d ' ' -f 2)

# files DIR: what is there
files() {
	(cd "$1" && find . -type f | sed 's/^\.//' | sort)
}

# shapes PREFIX UNITS UDEV ZSH: what is to be there
shapes() {
	echo "$1/bin/usbp2p"
	for m in man/*.[157]; do
		echo "$1/share/man/man${m##*.}/${m#man/}"
	done
	for u in dist/systemd/*.service; do
		echo "$2/${u##*/}"
	done
	echo "$3/49-usbp2p.rules"
	printf '%s\n' "$1"/lib/sysusers.d/usbp2p.conf "$1"/lib/tmpfiles.d/usbp2p.conf \
		"$1"/lib/modules-load.d/usbp2p.conf "$4/_usbp2p" \
		"$1"/share/bash-completion/completions/usbp2p \
		"$1"/share/fish/vendor_completions.d/usbp2p.fish
	for e in usbp2p.conf haproxy.cfg nats.conf turnserver.conf 50-usbp2p-rendezvous.conf; do
		echo "$1/share/doc/usbp2p/examples/$e"
	done
}

check "install" env -u MAKEFLAGS dist/install.sh "$BIN" "$work/root" /opt/u
files "$work/root" >"$work/is"
shapes /opt/u /opt/u/lib/systemd/system /opt/u/lib/udev/rules.d /opt/u/share/zsh/site-functions |
	sort >"$work/should"
check "everything, and nothing else" diff "$work/should" "$work/is"
check "the program is the one that was built" cmp "$BIN" "$work/root/opt/u/bin/usbp2p"
is "units start it where it is" \
	"$(grep -h ExecStart= "$work"/root/opt/u/lib/systemd/system/*.service | cut -d ' ' -f 1 | uniq)" \
	"ExecStart=/opt/u/bin/usbp2p"
is "completions are there" "$(wc -l <"$work/root/opt/u/share/zsh/site-functions/_usbp2p")" \
	"$("$BIN" completion zsh | wc -l)"
check "make install does the same" env -u MAKEFLAGS make -n O="$O" install DESTDIR=/x PREFIX=/y
has "with its variables" "$work/check" "dist/install.sh $O/usbp2p \"/x\" \"/y\""

# --- the package ---

sed -n '/^BUILD=/,/"$/p' test/deps.sh | tr -d '"' | sed 's/BUILD=//' | tr -s ' \t' '\n' |
	grep -v '^gcc$\|^make$\|^$' | sort >"$work/should"
sed -n '/^Build-Depends/,/^Stand/s/^ \([^,]*\),*$/\1/p' dist/debian/control | sort >"$work/is"
check "it is built of what the build needs" diff "$work/should" "$work/is"

if ! command -v dh >/dev/null || ! command -v lintian >/dev/null; then
	skip "the package" "debhelper or lintian is missing"
	finish
fi
mkdir "$work/o"
check "make deb" dist/deb.sh "$work/o" "$version"
deb=$(tail -n 1 "$work/check")
check "a package" dpkg-deb -x "$deb" "$work/data"
files "$work/data" | sed 's/\.gz$//' | grep -v '^/usr/share/\(doc\|lintian\)' >"$work/is"
shapes /usr /lib/systemd/system /lib/udev/rules.d /usr/share/zsh/vendor-completions |
	grep -v ^/usr/share/doc | sort >"$work/should"
check "everything, and nothing else" diff "$work/should" "$work/is"
is "its version" "$(dpkg-deb -f "$deb" Version)" "$version"
check "it runs" "$work/data/usr/bin/usbp2p" help
lintian --allow-root --fail-on error,warning "$deb" >"$work/lintian" 2>&1
is "lintian" "$? $(grep -v '^N:\|root privileges' "$work/lintian")" "0 "
finish
