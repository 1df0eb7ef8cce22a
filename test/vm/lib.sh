# For tests that run in the guest (run.sh): TAP, waiting, USB gadgets on
# dummy_hcd. Sourced by the test; works with dash.
#
#	ok "text"             a line of TAP for the status of the command before it
#	check "text" CMD...   runs CMD; its output is shown if it failed
#	is "text" GOT WANT    compares two strings
#	finish                prints the plan; exit code 1 if anything failed
. test/tap.sh

# A test that cannot go on: everything after would fail for the same reason.
must() {
	check "$@" || {
		dmesg | tail -n 20 | note
		echo "Bail out! $1"
		exit 1
	}
}

# A machine that does other things as well has so many times as long.
BUSY=4

# Since the boot; no program is run for it, each costs some 30 ms here.
now_ms() {
	read -r now_up now_rest </proc/uptime
	echo "${now_up%.*}${now_up#*.}0"
}

# wait_for SECONDS CMD...: until CMD succeeds; fails when the time is over, which is
# meant for a machine that does nothing else.
wait_for() {
	wait_end=$(($(now_ms) + $1 * 1000 * BUSY))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -le "$wait_end" ] || return 1
		busybox sleep 0.05
	done
}

# in_time "text" MS LIMIT: so long it took; the limit is that of a machine that does
# nothing else.
in_time() {
	[ "$2" -le $(($3 * BUSY)) ]
	ok "$1: $2 ms"
}

# libusb's hot-plug hears only udevd.
udev_start() {
	/lib/systemd/systemd-udevd --daemon && udevadm trigger --subsystem-match=usb &&
		udevadm settle
}

# usb_start [N]: what most tests need, with N dummy controllers, dummy_udc.0 and up.
usb_start() {
	modprobe dummy_hcd num="${1:-1}" && modprobe -a libcomposite vhci_hcd usb_storage \
		sd_mod && mount -t configfs none /sys/kernel/config
}

# A disk image that says at every 512 bytes which block it is.
image() {
	awk -v n="$(($2 * 2048))" 'BEGIN { for (i = 0; i < n; i++) printf "%-511d\n", i }' >"$1"
}

# gadget NAME VID:PID PRODUCT, then gadget_function..., then gadget_plug.
gadget() {
	g=/sys/kernel/config/usb_gadget/$1
	mkdir "$g" "$g/strings/0x409" "$g/configs/c.1" || return
	echo "0x${2%:*}" >"$g/idVendor"
	echo "0x${2#*:}" >"$g/idProduct"
	echo "$3" >"$g/strings/0x409/product"
	echo "usbp2p tests" >"$g/strings/0x409/manufacturer"
	echo "serial-$1" >"$g/strings/0x409/serialnumber"
}

# gadget_function NAME FUNCTION [ATTRIBUTE=VALUE]...
gadget_function() {
	g=/sys/kernel/config/usb_gadget/$1
	f=$g/functions/$2.0
	mkdir "$f" || return
	shift 2
	for a; do
		printf "${a#*=}" >"$f/${a%%=*}" || return
	done
	ln -s "$f" "$g/configs/c.1/"
}

# gadget_keyboard NAME: a boot keyboard (HID 1.11, E.6); reports go to /dev/hidg0.
gadget_keyboard() {
	gadget_function "$1" hid protocol=1 subclass=1 report_length=8 \
		"report_desc=\\005\\001\\011\\006\\241\\001\\005\\007\\031\\340\\051\\347\\025\\000\\045\\001\\165\\001\\225\\010\\201\\002\\225\\001\\165\\010\\201\\003\\225\\005\\165\\001\\005\\010\\031\\001\\051\\005\\221\\002\\225\\001\\165\\003\\221\\003\\225\\006\\165\\010\\025\\000\\045\\145\\005\\007\\031\\000\\051\\145\\201\\000\\300"
}

# gadget_plug NAME [CONTROLLER-NUMBER], gadget_unplug NAME
gadget_plug() {
	echo "dummy_udc.${2:-0}" >"/sys/kernel/config/usb_gadget/$1/UDC"
}

gadget_unplug() {
	echo >"/sys/kernel/config/usb_gadget/$1/UDC"
}

# gadget_disk NAME VID:PID IMAGE [CONTROLLER-NUMBER]: a stick, plugged in.
gadget_disk() {
	gadget "$1" "$2" "Disk $1" &&
		gadget_function "$1" mass_storage lun.0/removable=1 "lun.0/file=$3" &&
		gadget_plug "$1" "${4:-0}"
}

# Bus ids (1-1) of the devices with this VID:PID; those on vhci with `vhci` as
# second argument, otherwise the others. Fails if there is none. (vhci has many hubs:
# two programs for each of them would take seconds.)
busids() {
	busids_found=
	for d in /sys/bus/usb/devices/*/idVendor; do
		d=${d%/idVendor}
		read -r busids_v <"$d/idVendor" && read -r busids_p <"$d/idProduct" &&
			[ "$busids_v:$busids_p" = "$1" ] || continue
		case $(readlink -f "$d")/${2:-} in
		*/vhci_hcd.*/vhci) ;;
		*/vhci_hcd.*/ | */vhci) continue ;;
		esac
		busids_found=1
		basename "$d"
	done
	[ -n "$busids_found" ]
}

# Names (sda) of the disks that are this device (bus id). Fails if there is none.
disks_of() {
	disks_found=
	for b in /sys/block/sd*; do
		case $(readlink -f "$b") in
		*/"$1"/*) echo "${b##*/}" && disks_found=1 ;;
		esac
	done
	[ -n "$disks_found" ]
}

# Names of those whose size the kernel has read.
disk_ready() {
	for b in $(disks_of "$1"); do
		[ "$(cat "/sys/block/$b/size")" != 0 ] && echo "$b"
	done | grep .
}

# reading DISK: the kernel waits for a read of it. (A look at `status` meets a request
# every other time only: they come one at a time.)
reading() {
	read -r reading_n reading_rest <"/sys/block/$1/inflight" && [ "$reading_n" -gt 0 ]
}

# driver_of BUSID [INTERFACE [CONFIGURATION]]: its kernel driver, or "none".
driver_of() {
	basename "$(readlink -e "/sys/bus/usb/devices/$1/$1:${3:-1}.${2:-0}/driver" || echo none)"
}

driven_by() {
	[ "$(driver_of "$2")" = "$1" ]
}

# node_of BUSID: its file for usbfs
node_of() {
	printf '/dev/bus/usb/%03d/%03d\n' "$(cat "/sys/bus/usb/devices/$1/busnum")" \
		"$(cat "/sys/bus/usb/devices/$1/devnum")"
}

# The other machine: namespace C at 10.77.0.2; this one is 10.77.0.1.
net_start() {
	ip netns add C && ip link add vS type veth peer name vC && ip link set vC netns C &&
		ip addr add 10.77.0.1/24 dev vS && ip link set vS up &&
		ip -n C addr add 10.77.0.2/24 dev vC && ip -n C link set vC up &&
		ip -n C link set lo up &&
		wait_for 10 sh -c "ip -n C -br link show vC | grep -q UP"
}
