#!/bin/sh
# The package on a machine, and that machine's reboot: what was bound is shared again, and
# what was attached is attached again, without a command. Two guests, one after the other,
# are the machine before and after; its second disk has what a reboot leaves: the state and
# the configuration. (The rest of the guest is new each time, so the package is installed
# twice.) There is no systemd in them: what it does with our units is done by hand, as the
# units say.
if [ -z "$VM_GUEST" ]; then
	here=${0%/*}
	O=$(readlink -m "${O:-build}")
	mkdir -p "$O/vm"
	"$here/../../dist/deb.sh" "$O" "$("${BIN:-$O/usbp2p}" --version | cut -d ' ' -f 2)" >"$O/vm/deb.name" || {
		echo "Bail out! no package"
		exit 1
	}
	disk=$O/vm/deb_disk.img
	rm -f "$disk"
	truncate -s 32M "$disk"
	mkfs.ext4 -q -F "$disk"
	export VM_QEMU="-drive file=$disk,if=virtio,format=raw" VM_DEB="$O/deb"
	VM_BOOT=1 "$here/run.sh" -t 600 "$0" | tee "$O/vm/deb_first.tap" || :
	done=$(grep -c '^\(not \)\?ok ' "$O/vm/deb_first.tap")
	bad=$(grep -c '^not ok ' "$O/vm/deb_first.tap")
	grep -q '^# first boot done' "$O/vm/deb_first.tap" || {
		echo "Bail out! the first boot was not completed"
		exit 1
	}
	VM_BOOT=2 VM_DONE=$done VM_BAD=$bad exec "$here/run.sh" -t 600 "$0"
fi
. test/vm/lib.sh
tap_n=${VM_DONE:-0} tap_bad=${VM_BAD:-0}
ID=1d6b:0155

# unit KEY NAME: of the service's file, %i as systemd means it
unit() {
	unit_file=/lib/systemd/system/$2.service
	[ -e "$unit_file" ] || unit_file=/lib/systemd/system/${2%@*}@.service
	sed -n "s/^$1=//p" "$unit_file" | sed "s/%i/${2#*@}/" | tail -n 1
}

# start_unit NAME: as its user, and again when it has ended.
start_unit() {
	su_user=$(unit User "$1")
	install -d -o "$su_user" -g "$(unit Group "$1")" -m "$(unit StateDirectoryMode "$1")" \
		"/var/lib/$(unit StateDirectory "$1")"
	su_groups=$(id -G "$su_user" | tr ' ' ,)
	while :; do
		setpriv --reuid "$su_user" --regid "$(id -g "$su_user")" --groups "$su_groups" \
			--inh-caps=-all --bounding-set=-all --no-new-privs \
			$(unit ExecStart "$1") >>"/tmp/$1.log" 2>&1 </dev/null
		busybox sleep "$(unit RestartSec "$1")"
	done &
}

# What happens at boot before services: modules, devices, files.
boot() {
	/lib/systemd/systemd-modules-load && udev_start && systemd-tmpfiles --create usbp2p.conf
}

attached() {
	disk_ready "$(busids $ID vhci)"
}

must "a disk that survives a reboot" modprobe -a virtio_blk ext4
must "is there" wait_for 20 test -b /dev/vda
mkdir -p /var/lib/usbp2p /var/lib/usbp2p-desk /etc/usbp2p /mnt
must "is mounted" mount /dev/vda /mnt
mkdir -p /mnt/state /mnt/desk /mnt/etc
mount --bind /mnt/state /var/lib/usbp2p
mount --bind /mnt/desk /var/lib/usbp2p-desk
mount --bind /mnt/etc /etc/usbp2p

case $VM_DEB in
/tmp/*) deb=/host$VM_DEB ;;
*) deb=$VM_DEB ;;
esac
rm -f /usr/local/bin/usbp2p
must "the package is installed" dpkg -i "$deb"/usbp2p_*.deb
[ "$VM_BOOT" != 1 ] || {
	check "its user is there" id usbp2p
	check "its manual" test -e /usr/share/man/man1/usbp2p.1.gz
	is "no service has been started" "$(pgrep -c usbp2p)" 0
}
# Two machines in one: the one that attaches has a state of its own.
sed 's,-s /var/lib/usbp2p ,-s /var/lib/usbp2p-desk ,; s/^StateDirectory=.*/StateDirectory=usbp2p-desk/' \
	"/lib/systemd/system/usbp2p-attach@.service" >"/lib/systemd/system/usbp2p-attach@lab.service"

must "what is done at boot" boot
is "vhci_hcd was loaded, for the group" "$(stat -c %G /sys/devices/platform/vhci_hcd.0/attach)" usbp2p-attach
must "modules for the gadget" usb_start 1
image /tmp/stick.img 8
must "a device is plugged in" gadget_disk stick $ID /tmp/stick.img
must "the kernel has it" wait_for 60 busids $ID

if [ "$VM_BOOT" = 1 ]; then
	chown usbp2p: /mnt/state /mnt/desk
	printf '[serve]\nname = lab\nlisten = 127.0.0.1:13240\n\n[attach lab]\ndevice = %s\n' $ID \
		>/etc/usbp2p/usbp2p.conf
	check "bind" usbp2p bind "$(busids $ID)"
	start_unit usbp2p-serve
	must "serve" wait_for 60 usbp2p status
	must "the ticket is used once" usbp2p -s /var/lib/usbp2p-desk list "$(usbp2p invite)"
	start_unit usbp2p-attach@lab
	check "it is attached" wait_for 120 attached
	check "same bytes" cmp "/dev/$(attached)" /tmp/stick.img
	sync
	echo "# first boot done"
	[ "$tap_bad" = 0 ]
	exit
fi

# --- after the reboot: the services, and nothing else ---

start_unit usbp2p-attach@lab # which has nobody to attach from yet
start_unit usbp2p-serve
check "after the reboot it is shared again" wait_for 60 sh -c "usbp2p status | grep -q '$ID'"
check "and attached again" wait_for 120 attached
check "same bytes" cmp "/dev/$(attached)" /tmp/stick.img
is "by the service's user" "$(ps -o user= -C usbp2p | sort -u)" usbp2p
check "the package goes away" dpkg -r usbp2p
is "with its files" "$(ls /usr/bin/usbp2p /lib/udev/rules.d/49-usbp2p.rules 2>/dev/null)" ""
finish
