# figures.sh: the rest of distance_test with TEST_FIGURES=1: the same disk at other
# distances, and by the kernel's own USB/IP in the same boot.

must "near" near
must "attach, 0 ms, without" disk_attached --no-assist=storage
must "rates" rates "0 ms, without" 16 400
NEAR_READ_0=$READ NEAR_WRITE_0=$WRITE
check "detach" $A detach --all
must "attach, 0 ms" disk_attached
must "rates" rates "0 ms" 16 400
NEAR_READ=$READ NEAR_WRITE=$WRITE
check "detach" $A detach --all
must "netem 10 ms" far_apart 5
must "attach, 10 ms" disk_attached
must "rates" rates "10 ms" 16 200
READ_10=$READ
check "detach" $A detach --all
kill -TERM "$SERVE" && wait "$SERVE"
must "unbind" $S unbind "$STICK"

stock_attached() {
	timeout 60 ip netns exec C usbip attach -r 10.77.0.1 -b "$STICK" && wait_for 60 disk_there
}

must "usbip-host" modprobe usbip-host
must "usbip bind" usbip bind -b "$STICK"
usbipd -D
must "usbip attach, 10 ms" wait_for 20 stock_attached
must "rates" rates "10 ms, usbip" 4 100
STOCK_10=$READ
usbip detach -p "$(usbip port 2>/dev/null | sed -n 's/^Port 0*\([0-9]*\):.*/\1/p' | head -n 1)"
must "near" near
must "netem 50 ms" far_apart 25
must "usbip attach, 50 ms" wait_for 20 stock_attached
must "rates" rates "50 ms, usbip" $FEW $N
usbip detach -p "$(usbip port 2>/dev/null | sed -n 's/^Port 0*\([0-9]*\):.*/\1/p' | head -n 1)"

# least WHAT IS TIMES OF NEAR: TIMES tenths of OF, or 80 % of NEAR if that is less
least() {
	bar=$(($4 * $3 / 10))
	[ $(($5 * 8 / 10)) -ge $bar ] || bar=$(($5 * 8 / 10))
	[ "$2" -ge "$bar" ]
	ok "$1: $2 of $bar"
}

least "50 ms: reads" "$READ_50" 100 "$READ" "$NEAR_READ"
least "50 ms: writes" "$WRITE_50" 25 "$WRITE" "$NEAR_WRITE"
least "50 ms: writes with a cache" "$FLUSHED_50" 100 "$WRITE" "$NEAR_WRITE"
least "50 ms: 4 KiB random reads" "$RANDOM_50" 25 "$RANDOM_4K" 1000000
least "10 ms: reads" "$READ_10" 50 "$STOCK_10" "$NEAR_READ"
[ "$NEAR_READ" -ge $((NEAR_READ_0 * 95 / 100)) ] && [ "$NEAR_WRITE" -ge $((NEAR_WRITE_0 * 95 / 100)) ]
ok "0 ms: not slower than without"
usbip unbind -b "$STICK" >/dev/null 2>&1
check "serve again" $S bind "$DEV"
$S serve --listen 10.77.0.1:13240 >/tmp/serve.log 2>&1 &
SERVE=$!
must "it serves" wait_for 20 $S status
dmesg -C # a disk that went while it was in use is no error here
