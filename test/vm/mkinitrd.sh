#!/bin/sh
# mkinitrd.sh KERNEL-VERSION FILE: an initramfs that does one thing: mount the
# host's / read-only over 9p, put a tmpfs over it, and start test/vm/init.sh
# there. Busybox and the modules for that are all it holds.
set -eu
kver=$1 out=$2

d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
mkdir -p "$d"/bin "$d"/mod "$d"/proc "$d"/sys "$d"/dev "$d"/lower "$d"/rw "$d"/root
cp "$(command -v busybox)" "$d/bin/busybox"

# In the order in which they have to be loaded; some may be built in.
for m in virtio_pci 9pnet_virtio 9p overlay; do
	modprobe -S "$kver" --show-depends "$m"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$d/list"
while read -r ko; do
	cp "$ko" "$d/mod/"
	basename "$ko"
done <"$d/list" >"$d/mod/order"
rm "$d/list"

cat >"$d/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
die() {
	echo "initrd: $*"
	$b poweroff -f
}
$b mount -t proc none /proc
$b mount -t devtmpfs none /dev
while read -r m; do
	$b insmod "/mod/$m" || die "insmod $m"
done </mod/order
o=trans=virtio,version=9p2000.L,msize=262144
$b mount -t 9p -o ro,cache=loose,$o root /lower || die "no root over 9p"
$b mount -t tmpfs none /rw
$b mkdir /rw/up /rw/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/up,workdir=/rw/work none /root ||
	die "no overlay"
$b mkdir -p /root/host /root/results
$b mount -o move /lower /root/host
$b mount -t 9p -o $o results /root/results || die "no place for results"
. /root/results/env
$b umount /proc
$b mount -o move /dev /root/dev
exec $b switch_root /root "$VM_INIT"
INIT
chmod +x "$d/init"
ln -s busybox "$d/bin/sh"

mkdir -p "$(dirname "$out")"
tmp=$out.$$
(cd "$d" && find . | cpio -o -H newc --quiet | gzip -1) >"$tmp"
mv "$tmp" "$out" # at once: several guests may be starting
