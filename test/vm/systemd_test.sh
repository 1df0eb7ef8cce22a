#!/bin/sh
# The units under a real systemd, process 1 of a namespace in the guest: serve, attach and
# rendezvous start as their users in their sandboxes and do their work there, are told to
# reload, are started again when they end or hang, and the journal has their lines with
# levels.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

ID=1d6b:0156
ETC=/etc/systemd/system

inside() {
	nsenter -t "$SYSTEMD" -p -m -C "$@"
}
sd() {
	inside systemctl "$@"
}
prop() { # UNIT PROPERTY
	sd show --value -p "$2" "$1"
}
is_active() {
	[ "$(prop "$1" ActiveState)" = active ]
}
journal() { # UNIT FILTER: of jq, any line of its
	inside journalctl --sync
	inside journalctl -u "$1" -o json | jq -es "any(.[]; $2)" >/dev/null
}
attached() {
	disk_ready "$(busids $ID vhci)"
}
runs_again() { # UNIT OLD-PID
	is_active "$1" && [ "$(prop "$1" MainPID)" != "$2" ]
}
shared_again() {
	usbp2p status | grep -q "$ID"
}

# --- a machine with the program ---
rm -f /usr/local/bin/usbp2p
must "installed" dist/install.sh "$BIN" "" /usr
must "users" systemd-sysusers usbp2p.conf
must "modules" usb_start 1
modprobe virtio_rng 2>/dev/null
must "udevd" udev_start
udevadm trigger --subsystem-match=platform --subsystem-match=usb
systemd-tmpfiles --create usbp2p.conf
must "the group may use vhci" wait_for 20 sh -c \
	"[ \$(stat -c %G /sys/devices/platform/vhci_hcd.0/attach) = usbp2p-attach ]"
image /tmp/stick.img 8
must "a device is plugged in" gadget_disk stick $ID /tmp/stick.img
must "the kernel has it" wait_for 60 busids $ID
install -d -o usbp2p -g usbp2p -m 700 /var/lib/usbp2p /var/lib/usbp2p-desk
install -d /etc/usbp2p
printf '[control]\ngroup = plugdev\n\n[serve]\nname = lab\nlisten = 127.0.0.1:13240\n\n[attach lab]\ndevice = %s\n' $ID \
	>/etc/usbp2p/usbp2p.conf
must "bind" usbp2p bind "$(busids $ID)"

# Two machines in one, and a little less patience than 30 s.
mkdir -p $ETC/usbp2p-attach@lab.service.d $ETC/usbp2p-serve.service.d
cat >$ETC/usbp2p-attach@lab.service.d/test.conf <<END
[Service]
ExecStart=
ExecStart=/usr/bin/usbp2p -s /var/lib/usbp2p-desk attach lab
StateDirectory=usbp2p-desk
END
printf '[Service]\nWatchdogSec=20\n' >$ETC/usbp2p-serve.service.d/test.conf
for u in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
	systemd-udev-trigger.service systemd-remount-fs.service systemd-modules-load.service \
	systemd-sysctl.service systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service \
	systemd-sysusers.service systemd-update-utmp.service systemd-random-seed.service \
	systemd-firstboot.service systemd-hwdb-update.service ldconfig.service apparmor.service \
	nftables.service networking.service dev-hugepages.mount dev-mqueue.mount \
	systemd-logind.service; do
	ln -sf /dev/null "$ETC/$u"
done

# --- systemd ---
mount -t cgroup2 none /sys/fs/cgroup
unshare --pid --fork --mount --cgroup --mount-proc env -i container=guest \
	PATH="$PATH" /lib/systemd/systemd --system --unit=basic.target \
	>/tmp/systemd.log 2>&1 </dev/null &
holder=$!
SYSTEMD=
is_up() {
	SYSTEMD=$(pgrep -P $holder) && sd is-system-running | grep -qE 'running|degraded'
}
must "systemd is up" wait_for 60 is_up
sd --version | head -n 1 | note

# --- serve ---
must "usbp2p-serve starts" sd start usbp2p-serve
check "it says when it is ready" is_active usbp2p-serve
serve=$(prop usbp2p-serve MainPID)
is "as its user" "$(inside ps -o user= -p "$serve")" usbp2p
is "without a capability" "$(inside sed -n 's/^Cap\(Prm\|Eff\|Bnd\):[[:space:]]*//p' "/proc/$serve/status" | sort -u)" \
	0000000000000000
is "with a filter of system calls" "$(inside sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$serve/status")" 2
is "control.group" "$(stat -c %G /var/lib/usbp2p/run/serve.sock)" plugdev
must "the ticket is used once" usbp2p -s /var/lib/usbp2p-desk list "$(usbp2p invite)"
chown -R usbp2p: /var/lib/usbp2p /var/lib/usbp2p-desk

# --- attach ---
must "usbp2p-attach@lab starts" sd start usbp2p-attach@lab
must "the device is attached" wait_for 60 attached
attach=$(prop usbp2p-attach@lab MainPID)
is "as the user" "$(inside ps -o user= -p "$attach")" usbp2p
check "the bytes are right" cmp "/dev/$(attached)" /tmp/stick.img

# --- the journal ---
check "info is 6 in the journal" journal usbp2p-serve \
	'.PRIORITY == "6" and .SYSLOG_IDENTIFIER == "usbp2p" and .MESSAGE == "info: serve ready name=lab"'

# --- reload ---
printf '\n[log]\nlevel = debug\n' >>/etc/usbp2p/usbp2p.conf
for u in usbp2p-serve usbp2p-attach@lab; do
	check "$u: reload" sd reload $u
	check "$u: it has read its configuration" wait_for 20 journal $u \
		'.MESSAGE == "info: configuration read again"'
	check "$u: a new level" journal $u '.MESSAGE == "info: configuration log.level changed"'
done
is "the same processes" "$(prop usbp2p-serve MainPID) $(prop usbp2p-attach@lab MainPID)" "$serve $attach"
check "the device stays" cmp "/dev/$(attached)" /tmp/stick.img

# --- an end that nobody wanted ---
inside kill -9 "$serve"
check "it is started again" wait_for 30 runs_again usbp2p-serve "$serve"
check "and shares again" wait_for 30 shared_again
said() {
	journal usbp2p-attach@lab '.MESSAGE | contains("the server was started again")'
}
check "attach has noticed" wait_for 30 said
must "and has the device again" wait_for 60 attached
check "the bytes are right" cmp "/dev/$(attached)" /tmp/stick.img

# --- one that hangs ---
serve=$(prop usbp2p-serve MainPID)
inside kill -STOP "$serve"
check "the watchdog ends it" wait_for 60 runs_again usbp2p-serve "$serve"
is "for that reason" "$(inside journalctl -u usbp2p-serve -o cat | grep -c 'Watchdog timeout')" 1
must "and attach has the device again" wait_for 120 attached

# --- rendezvous, as a user of the moment ---
# (whose sandbox knows no other group than its own)
sed -i '/^\[control\]/d; /^group = /d' /etc/usbp2p/usbp2p.conf
printf '\n[rendezvous]\nlisten = 127.0.0.1:13241\n' >>/etc/usbp2p/usbp2p.conf
check "usbp2p-rendezvous starts" sd start usbp2p-rendezvous
met=$(prop usbp2p-rendezvous MainPID)
check "usbp2p-rendezvous: reload" sd reload usbp2p-rendezvous
check "it has read its configuration" wait_for 20 journal usbp2p-rendezvous \
	'.MESSAGE == "info: configuration read again"'
is "the same process" "$(prop usbp2p-rendezvous MainPID)" "$met"
is "its user is not there else" "$(inside ps -o user= -p "$met" | grep -c '^usbp2p$')" 0
check "it stops" sd stop usbp2p-rendezvous

# --- in order ---
check "attach stops" sd stop usbp2p-attach@lab
is "without a fault" "$(prop usbp2p-attach@lab Result)" success
check "the port is free" wait_for 20 sh -c "! awk '\$3 == \"006\"' /sys/devices/platform/vhci_hcd.0/status* | grep -q ."
check "serve stops" sd stop usbp2p-serve
is "without a fault, either" "$(prop usbp2p-serve Result)" success
check "the kernel has its driver back" wait_for 20 driven_by usb-storage "$(busids $ID)"
inside journalctl -o short-precise >/results/journal.log
kill -9 "$SYSTEMD"
finish
