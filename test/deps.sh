#!/bin/sh
# Installs the Debian packages that a build (`build`) and the tests (`test`)
# need: only what is missing, so that root is needed only then.
set -eu

BUILD="gcc make pkg-config libusb-1.0-0-dev libnice-dev libssl-dev libevent-dev
	libglib2.0-dev libnats-dev libncurses-dev libqrencode-dev libavahi-client-dev
	libinih-dev libdbus-1-dev liblz4-dev"
TEST="nats-server clang llvm clang-format libclang-rt-14-dev valgrind perl mandoc jq tcpdump
	iproute2 nftables ethtool qemu-system-x86 linux-image-amd64 busybox-static cpio
	kmod usbip usbutils tshark udev coturn conntrack e2fsprogs dosfstools procps tmux
	wireguard-tools iperf3 zbar-tools zsh fish lintian debhelper systemd
	avahi-daemon dbus haproxy fio"

die() {
	echo "deps: $*" >&2
	exit 7
}

# Prints those of its arguments that are not installed. pkg-config may be
# pkgconf in disguise: what a package provides counts as well.
missing() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' |
		awk -v want="$*" '
			$1 == "ii" {
				for (i = 2; i <= NF; i++) {
					sub(/,$/, "", $i)
					have[$i] = 1
				}
			}
			END {
				n = split(want, w)
				for (i = 1; i <= n; i++)
					if (!have[w[i]])
						print w[i]
			}'
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	elif command -v sudo >/dev/null; then
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	else
		die "root is needed; as root: apt-get install --no-install-recommends" $lack
	fi
}

# What tests need is not what the machine should run from now on: no service is started.
POLICY=/usr/sbin/policy-rc.d
quietly() {
	if [ -e $POLICY ]; then
		as_root "$@"
		return
	fi
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY"
	quietly_rc=0
	as_root "$@" || quietly_rc=$?
	as_root rm -f $POLICY
	return $quietly_rc
}

install() {
	quietly apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends $lack >&2
}

want=
for set; do
	case $set in
	build) want="$want $BUILD" ;;
	test) want="$want $TEST" ;;
	*) want= && break ;;
	esac
done
if [ -z "$want" ]; then
	echo "usage: deps.sh build|test..." >&2
	exit 2
fi
command -v dpkg-query >/dev/null || die "this is no Debian; needed are:" $want

lack=$(missing $want)
[ -n "$lack" ] || exit 0
echo "deps: installing" $lack
# A list that is too old names files that are no longer there: fetch it and try again.
if ! apt-cache show $lack >/dev/null 2>&1 || ! install; then
	as_root apt-get update -qq >&2
	install
fi
