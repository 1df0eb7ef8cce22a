#!/bin/sh
# The browser with a real kernel, by keys alone: a stick (a gadget) is shared in one,
# the ticket pasted in another, the disk attached, read, shown with its node and its
# throughput, detached; and gone from the screen when it is pulled.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

ID=1d6b:0104
S="$BIN -s /tmp/S"
C="$BIN -s /tmp/C"
T="tmux -S /tmp/tmux -f /dev/null"
export LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=screen SHELL=/bin/sh

shown() {
	$T capture-pane -p -t "$pane" >/tmp/screen && grep -qF -e "$1" /tmp/screen
}

see() { # TEXT WORDS
	check "$1" wait_for 40 shown "$2" || note </tmp/screen
}

not_shown() {
	! shown "$1"
}

press() {
	$T send-keys -t "$pane" "$@"
}

attached_disk() {
	disk_ready "$(busids $ID vhci)"
}

must "modules" usb_start 1
must "udevd" udev_start
image /tmp/stick.img 16
must "a stick" gadget_disk stick $ID /tmp/stick.img
must "on its bus" wait_for 10 busids $ID
DEV=$(busids $ID)
$S serve --listen 127.0.0.1:0 2>/tmp/serve.log &
must "serve" wait_for 20 $S status
must "a terminal" $T new-session -d -s s -x 100 -y 24 "exec $S tui"
must "another" $T new-session -d -s c -x 100 -y 24 "exec $C tui"

# --- share, and invite ---

pane=s
see "the stick is there" "Disk stick"
press Space
see "it is shared" "$DEV is shared"
is "by the word of serve" "$($S status --json | jq '.running[0].devices[0].shared')" true
press i
see "whom?" "A name for the one who is invited"
press -l anna
press Enter
see "a ticket" "Ticket for anna"
ticket=$(sed -n 's/^.*│ *\([A-Za-z0-9:]*\) *│.*$/\1/p' /tmp/screen | tr -d '\n')
press Escape

# --- paste it, and attach ---

pane=c
press 3
see "nothing yet" "Nothing is attached."
press a
see "it wants a ticket" "Paste the ticket"
press -l "$ticket"
press Enter
see "attached, with its node" "/dev/sd"
check "the kernel has it" wait_for 20 attached_disk
D=$(attached_disk)
see "the right node" "/dev/$D "
check "it is what it was" cmp -n 1048576 "/dev/$D" /tmp/stick.img
pane=s
press 1
see "who has it" "in use by anna"

# --- numbers while it is read ---

pane=c
dd if="/dev/$D" of=/dev/null bs=64k iflag=direct 2>/dev/null &
see "throughput" "MB/s"
wait $!
n=$($C status --json | jq -r '.running[0].devices[0].urbs.done')
[ "$n" -gt 100 ]
ok "$n URBs are counted"
press Enter
see "details count as many" "URBs done     $($C status --json | jq -r '.running[0].devices[0].urbs.done')"
press Escape
pane=s
press Space
see "taking it back asks" "Take it back?"
see "and says from whom" "is in use by anna"
press n

# --- pulled, back, and detached ---

pane=c
gadget_unplug stick
check "a pulled stick is gone from the screen" wait_for 3 not_shown "/dev/$D"
gadget_plug stick
see "and comes back" "/dev/sd"
press Space
see "detaching asks" "Detach it?"
press y
check "the port is free" wait_for 20 sh -c "! $C status --json | grep -q '\"port\"'"
pane=s
check "nobody has it" wait_for 20 not_shown "in use by"
press q
pane=c
press q
check "both are left" wait_for 10 sh -c "! $T has-session"
finish
