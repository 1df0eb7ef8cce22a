#!/bin/sh
# A journaling file system on a disk 20 ms away, attached with a write cache, that is lost
# at a random moment in the midst of writing: in turns serve is killed, attach is killed,
# and the line is cut for longer than the session is kept. Attached again it mounts, every
# file whose fsync had returned is whole, and e2fsck finds nothing. Others write without
# an fsync meanwhile, so that there is always something to lose.
#	ROUNDS		3 unless told
#	SEED		of the moments; the time unless told
#	WRITE_CACHE=no	attach without --write-cache
[ -n "${VM_GUEST:-}" ] || {
	export TEST_ROUNDS="${ROUNDS:-3}" TEST_SEED="${SEED:-$(date +%s)}" \
		TEST_WRITE_CACHE="${WRITE_CACHE:-yes}"
	exec "${0%/*}/run.sh" -t $((400 + TEST_ROUNDS * 40)) "$0"
}
. test/vm/lib.sh

DISK=1d6b:0104
MNT=/tmp/mnt
S="$BIN -s /tmp/S"
C="ip netns exec C $BIN -s /tmp/A"
GRACE=8s
CACHE=--write-cache
[ "$TEST_WRITE_CACHE" = yes ] || CACHE=

# far DELAY: of each way
far() {
	tc qdisc replace dev vS root netem delay "$1" limit 10000 &&
		ip netns exec C tc qdisc replace dev vC root netem delay "$1" limit 10000
}

serve() {
	$S serve --listen 10.77.0.1:13240 >>/tmp/serve.log 2>&1 &
	SERVE=$!
	wait_for 20 $S status
}

attach() {
	$C attach lab "$STICK" --grace $GRACE $CACHE >>/tmp/attach.log 2>&1 &
	ATTACH=$!
}

# disk_there: another one than the last time; D is it, SEQ its number.
D='' SEQ=0
disk_there() {
	d=$(disk_ready "$(busids $DISK vhci)") && read -r seq <"/sys/block/$d/diskseq" &&
		[ "$seq" != "$SEQ" ] && [ -b "/dev/$d" ] && D=/dev/$d && SEQ=$seq
}

# flushes: what the kernel knows of the disk lets it flush it
flushes() {
	grep -qx "write back" "/sys/block/${D#/dev/}/queue/write_cache"
}

# What file N of a round has: 1 to 40,000 bytes that no other file has.
CONTENT='sub content {
	my ($round, $n) = @_;
	srand($round * 100000 + $n);
	return pack("L*", $n, map { rand(2**32) } 0 .. rand(10000));
}'

# writer ROUND: makes file after file and tells the number of each when it is safe, until
# the disk fails.
writer() {
	perl -MIO::Handle -e "$CONTENT"'
		my ($dir, $round) = @ARGV;
		$| = 1;
		open(my $d, "<", $dir) or die "$dir: $!\n";
		for (my $n = 0; ; $n++) {
			my $s = content($round, $n);
			open(my $f, ">", "$dir/$n") or die "$n: open: $!\n";
			syswrite($f, $s) == length($s) or die "$n: write: $!\n";
			$f->sync or die "$n: fsync: $!\n";
			$d->sync or die "$n: fsync of the directory: $!\n";
			print "$n\n";
		}' $MNT/"$1" "$1" >/tmp/safe."$1" 2>/tmp/writer.err
}

# others: the same blocks again and again, which nobody waits for, until the disk fails.
others() {
	while dd if=/dev/zero of=$MNT/others bs=16k count=64 conv=notrunc oflag=direct 2>&1; do
		:
	done >/tmp/others
}

# whole ROUND: all the files of it that were told to be safe.
whole() {
	perl -e "$CONTENT"'
		my ($dir, $round, $bad) = (@ARGV, 0);
		while (my $n = <STDIN>) {
			chomp $n;
			my $f;
			local $/;
			my $is = open($f, "<", "$dir/$n") ? <$f> : undef;
			next if defined $is && $is eq content($round, $n);
			print "round $round, file $n: ", defined $is ?
				length($is) . " bytes, not what was written\n" : "$!\n";
			$bad++;
		}
		exit($bad != 0);' $MNT/"$1" "$1" <"/tmp/safe.$1"
}

safe() {
	[ -s "/tmp/safe.$1" ]
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# moment ROUND: ms, up to 1.5 s, from the seed
moment() {
	perl -e 'srand($ARGV[0]); rand() for 1 .. 2 * $ARGV[1]; print int(rand(1500))' \
		"$TEST_SEED" "$1"
}

strike_serve() {
	kill -9 "$SERVE"
	wait "$SERVE"
	serve
}
strike_attach() {
	kill -9 "$ATTACH"
	wait "$ATTACH"
	attach
}
strike_line() {
	ip link set vS down && wait_for 60 ended "$1"
	ip link set vS up
}
strike_of() {
	case $(($1 % 5)) in
	1 | 4) echo serve ;;
	2 | 0) echo attach ;;
	3) echo line ;;
	esac
}

# recovered ROUND: the disk is there again, and has what it must have; it is mounted then.
# Nothing is cached of what was unmounted: what e2fsck sees is on the medium. (Nobody is
# struck here, so it need not be far away.)
recovered() {
	far 0ms && wait_for 90 disk_there && flushes || return
	mount "$D" $MNT && whole "$1" || return
	[ ! -e /tmp/safe.$(($1 - 1)) ] || whole $(($1 - 1)) || return
	umount $MNT && e2fsck -fn /tmp/stick.img && mount "$D" $MNT &&
		rm -rf $MNT/$(($1 - 1)) && far 10ms
}

# round N: from mounted to mounted
round() {
	mkdir $MNT/"$1" && sync -f $MNT || return
	writer "$1" &
	round_writer=$!
	others &
	round_others=$!
	wait_for 30 safe "$1" || return
	round_ms=$(moment "$1")
	busybox usleep $((round_ms * 1000))
	"strike_$2" $round_writer || return
	wait_for 60 ended $round_writer && wait_for 60 ended $round_others || return
	round_told="$2, $round_ms ms after the first file, $(wc -l </tmp/safe."$1") of them"
	umount $MNT && recovered "$1"
}

# cached: how many writes were done before the disk had them
cached() {
	$C status --json | jq '.running[0].devices[0].write_cache.hits'
}

must "modules" usb_start 1
must "drivers" modprobe -a sch_netem ext4
must "udevd" udev_start
must "network namespaces" net_start
must "netem" far 10ms
truncate -s 32M /tmp/stick.img
must "file system" mkfs.ext4 -q -F -b 4096 -N 512 -J size=4 \
	-E lazy_itable_init=0,lazy_journal_init=0 /tmp/stick.img
must "disk gadget" gadget_disk stick $DISK /tmp/stick.img
must "the serving side has it" wait_for 20 busids $DISK
STICK=$(busids $DISK)
must "bind" $S bind "$STICK"
must "serve" serve
must "known" $C list "$($S invite --name anna)" --as lab
attach
must "attached" wait_for 60 disk_there
must "the kernel flushes what it writes" flushes
mkdir -p $MNT
must "mounted" mount "$D" $MNT
must "space for others" dd if=/dev/zero of=$MNT/others bs=1M count=1 conv=fsync
echo "# seed $TEST_SEED"
n=1
while [ $n -le "$TEST_ROUNDS" ]; do
	t0=$(now_ms)
	must "round $n" round $n "$(strike_of $n)"
	echo "#   $round_told; $(($(now_ms) - t0)) ms"
	n=$((n + 1))
done
check "unmounted" umount $MNT
cat /tmp/safe.* | wc -l >/tmp/safe
[ "$(cat /tmp/safe)" -gt "$TEST_ROUNDS" ]
ok "$(cat /tmp/safe) files were safe"
if [ -n "$CACHE" ]; then
	[ "$(cached)" -gt 0 ]
	ok "by a cache"
fi
check "detach" $C detach --all
kill -TERM "$SERVE"
wait "$SERVE"
is "serve ends in order" "$?" 0
dmesg | grep -E 'EXT4-fs error|mounting fs with errors|BUG:|Oops|blocked for' | note
finish
