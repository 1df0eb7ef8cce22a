#!/bin/sh
# Least privilege, with the files of dist/: serve as a user of its own, whose group has the
# devices by a udev rule; attach as an ordinary user of the group that may write to
# vhci_hcd. Who is not in it gets exit code 7 and the command that mends it.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

S=/var/lib/usbp2p
V=/sys/devices/platform/vhci_hcd.0

# as USER COMMAND...: with its groups as they are now
as() {
	as_user=$1
	shift
	HOME=$(getent passwd "$as_user" | cut -d : -f 6) setpriv --reuid "$as_user" \
		--regid "$(id -g "$as_user")" --init-groups --inh-caps=-all "$@"
}

group_of() {
	stat -c '%G %a' "$@" | uniq
}

# --- what a package does ---

cp dist/udev/49-usbp2p.rules /etc/udev/rules.d/
check "users and groups" systemd-sysusers "$PWD/dist/sysusers.d/usbp2p.conf"
useradd -m -G usbp2p-attach anna
useradd -m bert
must "udevd" udev_start
must "modules, as modules-load.d says" modprobe "$(grep -v '^#' dist/modules-load.d/usbp2p.conf)"
must "more modules" usb_start 1
udevadm settle
check "the udev rule gives vhci_hcd to the group" wait_for 10 \
	test "$(group_of $V/attach $V/detach)" = "usbp2p-attach 220"
check "tmpfiles" systemd-tmpfiles --create "$PWD/dist/tmpfiles.d/usbp2p.conf"
is "notes for usbip port" "$(group_of /run/vhci_hcd)" "usbp2p-attach 2775"
chgrp root $V/attach $V/detach
check "tmpfiles, when the rule came too late" systemd-tmpfiles --create \
	"$PWD/dist/tmpfiles.d/usbp2p.conf"
is "it is the group's again" "$(group_of $V/attach $V/detach)" "usbp2p-attach 220"

# --- serve ---

image /tmp/disk.img 8
chmod 666 /tmp/disk.img
must "a device is plugged in" gadget_disk stick 1d6b:0155 /tmp/disk.img
must "the kernel has it" wait_for 60 busids 1d6b:0155
DEV=$(busids 1d6b:0155)
udevadm settle
is "the udev rule gives it to serve's group" "$(group_of "$(node_of "$DEV")")" "usbp2p 664"
install -d -o usbp2p -g usbp2p -m 700 $S
check "root binds it in the service's directory" "$BIN" -s $S bind "$DEV"
is "the file is the service's" "$(stat -c '%U %a' $S/bound)" "usbp2p 600"
check "and the key, that root made" "$BIN" -s $S id
is "is, too" "$(stat -c '%U %a' $S/key.pem)" "usbp2p 600"
as usbp2p "$BIN" -s $S -o serve.name=lab serve --listen 127.0.0.1:0 >/results/serve.log 2>&1 </dev/null &
must "serve, as usbp2p" wait_for 60 "$BIN" -s $S status
pid=$("$BIN" -s $S status --json | jq ".running[0].pid")
is "it has no capabilities" "$(sed -n "s/^Cap\(Prm\|Eff\):[[:space:]]*//p" /proc/$pid/status | uniq)" \
	0000000000000000
is "no driver had to let go yet" "$(driver_of "$DEV")" usb-storage

# --- attach ---

for user in anna bert; do
	check "$user knows the server" as $user "$BIN" list "$("$BIN" -s $S invite --name $user)"
done
as anna "$BIN" doctor --for attach --json >/tmp/anna.out 2>/tmp/anna.err
is "doctor: anna may attach" "$(jq -r '.findings[] | select(.check == "vhci.right") | .state' /tmp/anna.out)" ok
as bert "$BIN" doctor --for attach --json >/tmp/bert.out 2>/tmp/bert.err
is "doctor: bert may not" "$? $(jq -r '.findings[] | select(.check == "vhci.right") | .fix' /tmp/bert.out)" \
	"7 usermod -aG usbp2p-attach bert"
as bert "$BIN" attach lab "$DEV" --once >/tmp/bert.out 2>/tmp/bert.err
is "bert attaches: exit code" "$?" 7
grep -q 'as root: `usermod -aG usbp2p-attach bert`' /tmp/bert.err
ok "and the command that mends it" || note </tmp/bert.err

check "anna attaches" as anna "$BIN" attach lab "$DEV" --background
must "the kernel has it" wait_for 60 busids 1d6b:0155 vhci
busid=$(busids 1d6b:0155 vhci)
must "as a disk" wait_for 60 disk_ready "$busid"
check "same bytes" cmp "/dev/$(disk_ready "$busid")" /tmp/disk.img
is "usbip port shows it" "$(usbip port 2>/dev/null | grep -c "usbip://.*/$DEV")" 1
check "anna detaches" as anna "$BIN" detach --all
check "it is gone" wait_for 30 sh -c ". test/vm/lib.sh; ! busids 1d6b:0155 vhci"
check "the driver is back at the device" wait_for 60 driven_by usb-storage "$DEV"

# --- mended ---

eval "$(sed -n 's/.*as root: `\(.*\)`.*/\1/p' /tmp/bert.err)"
check "bert attaches, once it is mended" as bert "$BIN" attach lab "$DEV" --background
check "the kernel has it" wait_for 60 busids 1d6b:0155 vhci
check "bert detaches" as bert "$BIN" detach --all

# --- doctor and a kernel without vhci_hcd ---

wait_for 30 sh -c ". test/vm/lib.sh; ! busids 1d6b:0155 vhci"
check "vhci_hcd is unloaded" wait_for 30 modprobe -r vhci_hcd
"$BIN" doctor --for attach --json >/tmp/doctor.out 2>/tmp/doctor.err
is "doctor: exit code" "$?" 7
fix=$(jq -r '.findings[] | select(.check == "vhci") | .fix' /tmp/doctor.out)
is "doctor: the command" "$fix" "modprobe vhci_hcd"
eval "$fix"
"$BIN" doctor --json >/tmp/doctor.out 2>/tmp/doctor.err
is "doctor, after it: exit code" "$?" 0 || note </tmp/doctor.out
is "doctor: this kernel's ports" "$(jq -r '.findings[] | select(.check == "vhci.config") | .state' /tmp/doctor.out)" ok
is "doctor: usbfs memory" "$(jq -r '.findings[] | select(.check == "usbfs.memory") | .state' /tmp/doctor.out)" warn
eval "$(jq -r '.findings[] | select(.check == "usbfs.memory") | .fix' /tmp/doctor.out)"
"$BIN" doctor --json >/tmp/doctor.out 2>/tmp/doctor.err
is "doctor: after its command" "$(jq -r '.findings[] | select(.check == "usbfs.memory") | .state' /tmp/doctor.out)" ok
as bert "$BIN" doctor --for serve --json >/tmp/doctor.out 2>/tmp/doctor.err
is "doctor: bert may not share" "$(jq -r '.findings[] | select(.check == "usbfs.right") | .state + " " + .fix' /tmp/doctor.out)" \
	"missing usermod -aG usbp2p bert"
finish
