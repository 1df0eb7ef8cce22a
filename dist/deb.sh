#!/bin/sh
# deb.sh O VERSION: makes a Debian package of the tree, in O/deb; prints its name.
set -eu
O=$1 version=$2
cd "$(dirname "$0")/.."
mkdir -p "$O/deb"
d=$(readlink -f "$O")/deb/usbp2p-$version
rm -rf "$d" "$O"/deb/usbp2p_* "$O"/deb/usbp2p-dbgsym_*
mkdir "$d"
# the tree as it is, without what was built
tar -c --exclude=./.git --exclude=./build --exclude=./core.[0-9]* . | tar -x -C "$d"
mv "$d/dist/debian" "$d/debian"
sed 's/^/ /; s/^ $/ ./' "$d/LICENSE" | awk 'NR == 3 { sub(/^ /, "Copyright: "); sub(/Copyright \(c\) /, "") }
	NR >= 3 { if (NR == 4) print "License: ISC"; if (NR != 4) print }' >>"$d/debian/copyright"
sed -i "1s/(.*)/($version)/" "$d/debian/changelog"
[ -z "${DEBEMAIL:-}" ] || sed -i "s/[^ ]* maintainers <usbp2p@localhost>/${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>/" \
	"$d/debian/control" "$d/debian/changelog"
cd "$d"
dpkg-buildpackage -j2 -b -us -uc >../build.log 2>&1 || {
	tail -n 40 ../build.log >&2
	exit 1
}
cd ..
rm -rf "$d"
ls "$PWD"/usbp2p_*.deb
