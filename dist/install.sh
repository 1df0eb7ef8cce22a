#!/bin/sh
# install.sh BIN DESTDIR PREFIX: what `make install` does. Where some things belong differs
# from system to system: UNITS, UDEV, BASH, ZSH, FISH, each a folder as seen after the
# installation.
set -eu
bin=$1 dest=$2 prefix=$3
UNITS=${UNITS:-$prefix/lib/systemd/system} UDEV=${UDEV:-$prefix/lib/udev/rules.d}
BASH=${BASH_COMPLETIONS:-$prefix/share/bash-completion/completions}
ZSH=${ZSH:-$prefix/share/zsh/site-functions}
FISH=${FISH:-$prefix/share/fish/vendor_completions.d}
cd "$(dirname "$0")/.."

# put MODE FILE PLACE: PLACE is where it will be
put() {
	install -D -m "$1" "$2" "$dest$3"
}

put 755 "$bin" "$prefix/bin/usbp2p"
for m in man/*.[157]; do
	put 644 "$m" "$prefix/share/man/man${m##*.}/${m##*/}"
done
t=$(mktemp)
trap 'rm -f "$t"' EXIT
for s in bash/usbp2p zsh/_usbp2p fish/usbp2p.fish; do
	"$bin" completion "${s%/*}" >"$t"
	case $s in
	bash/*) put 644 "$t" "$BASH/${s#*/}" ;;
	zsh/*) put 644 "$t" "$ZSH/${s#*/}" ;;
	fish/*) put 644 "$t" "$FISH/${s#*/}" ;;
	esac
done
for u in dist/systemd/*.service; do
	sed "s,=/usr/bin/usbp2p,=$prefix/bin/usbp2p," "$u" >"$t"
	put 644 "$t" "$UNITS/${u##*/}"
done
put 644 dist/udev/49-usbp2p.rules "$UDEV/49-usbp2p.rules"
for d in sysusers.d tmpfiles.d modules-load.d; do
	put 644 "dist/$d/usbp2p.conf" "$prefix/lib/$d/usbp2p.conf"
done
# what an admin copies and changes
for e in usbp2p.conf haproxy.cfg nats.conf turnserver.conf sysctl.d/50-usbp2p-rendezvous.conf; do
	put 644 "dist/$e" "$prefix/share/doc/usbp2p/examples/${e##*/}"
done
