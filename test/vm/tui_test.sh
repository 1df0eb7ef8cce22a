#!/bin/sh
# The browser with a real kernel, by keys alone: a stick (a gadget) is shared in one,
# the ticket pasted in another, the disk attached, read, shown with its node and its
# throughput, detached; and gone from the screen when it is pulled.
[ -n "$VM_GUEST" ] || {
	make -s "O=${O:-build}" "${O:-build}/test/tui/typist" >&2 || exit
	exec "${0%/*}/run.sh" -t 900 "$0"
}
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

press() { # KEY..., or -l TEXT
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
see "and who drives it" "usb-storage"
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

# --- while it is read ---

pane=c
busy() { # reads until it is killed
	while :; do
		dd if="/dev/$D" of=/dev/null bs=64k iflag=direct
	done 2>/dev/null
}
busy &
reader=$!
see "throughput" "MB/s"
if "$O/test/tui/typist" time 50 "$BIN" -s /tmp/C tui >/tmp/typist.log 2>&1; then
	read -r p50 p99 max over bytes </tmp/typist.log
	in_time "a key is answered while the disk is read (99 of 100: $p99 us, all: $max us, > 50 ms: $over of 50)" \
		$((p50 / 1000)) 50
else
	is "a key is answered while the disk is read" "$(cat /tmp/typist.log)" ""
fi
press 2
see "the peer" "$DEV"
press Home b
pane=s
press 2
see "the server sees how fast its line is" "MB/s"
pane=c
see "the line is measured" "round trip"
press Escape 3
kill "$reader"
wait "$reader" 2>/dev/null
check "it is quiet" wait_for 20 sh -c "! pgrep -x dd"
n=$($C status --json | jq -r '.running[0].devices[0].urbs.done')
[ "$n" -gt 100 ]
ok "$n URBs are counted"
press Enter
see "details count as many" "URBs done     $($C status --json | jq -r '.running[0].devices[0].urbs.done')"
is "and bytes" "$(sed -n 's/.*bytes in  *\([0-9]*\).*/\1/p' /tmp/screen)" \
	"$($C status --json | jq '.running[0].devices[0].urbs.bytes_in')"
press NPage NPage
see "descriptors, as the kernel has them" "interface 0: storage (08/06/50)"
press Escape
pane=s
press 1 Space
see "taking it back asks" "Take it back?"
see "and says from whom" "is in use by anna"
press n

# --- mounted, and reset ---

pane=c
mkdir -p /tmp/mnt
check "a file system on it" mkfs.ext2 -q -F "/dev/$D"
check "mounted" mount "/dev/$D" /tmp/mnt
check "status tells it" wait_for 20 sh -c \
	"[ \"\$($C status --json | jq -r '.running[0].devices[0].mounts')\" = /tmp/mnt ]"
press Space
see "detaching says what is mounted" "mounted here: /tmp/mnt"
press n
umount /tmp/mnt
press R
see "a reset asks" "Reset it?"
press y
see "and is done" "is reset"
is "the disk goes on" "$(dd if="/dev/$D" bs=512 count=1 iflag=direct 2>/dev/null | wc -c)" 512

# --- the browser ends, and nothing else ---

press q
check "the browser ends" wait_for 10 sh -c "! $T has-session -t c"
is "what is attached stays" "$($C status --json | jq -r '.running[0].devices[0].state')" attached
must "it is back" $T new-session -d -s c -x 100 -y 24 "exec $C tui"
press 3
see "and shows it" "/dev/$D "

# --- pulled, back, and detached ---

since=$(now_ms)
gadget_unplug stick
check "a pulled stick is gone from the screen" wait_for 3 not_shown "/dev/$D"
in_time "it was gone from the screen, the pull included" $(($(now_ms) - since)) 1000
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
